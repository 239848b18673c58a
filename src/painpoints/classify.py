"""Mentions -> stage, touchpoint, sentiment, type, severity, each with a calibrated probability.

Reads a mention, what stands around it, and the question it answers; vectors come from `encode`.
A label below its least probability is "unsure". What the export knows (stage, touchpoint) wins
over the text, and where they disagree is counted. How often each label occurs differs between
exports, so the classifier re-estimates it per run (Saerens, Latinne & Decaestecker 2002, held by
the deployment's); single texts use the recorded deployment priors. Fitting the heads is left to
`training/`, files to `bundle`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from painpoints.config import StageSettings
from painpoints.domain import NO_STAGE, STAGES, TOUCHPOINTS, UNSURE, MentionType
from painpoints.tables import MENTIONS

Vectors = NDArray[np.float32]
Probabilities = NDArray[np.floating[Any]]
Priors = Mapping[str, Mapping[str, float]]
"""For each label, how often each of its classes is expected, summing to 1."""

LABELS = ("stage", "touchpoint", "sentiment", "type", "severity")

CHARS_BEFORE = 200
CHARS_AFTER = 120
"""How much of the verbatim around a mention is read as its context."""

MIN_RUN = 200
"""Fewer distinct mentions than this say too little of a run's own frequencies."""

RUN_WEIGHT = 0.5
"""Weight of a run's own counts against the deployment's prior when frequencies are re-estimated."""

N_ROUNDS = 50
"""Of the re-estimation; it settles long before."""

N_COUNTED = 50_000
"""Mentions, at even distances, that it counts: frequencies to half a point are known from these."""

CONFLICT_PROB = 0.6
"""The text contradicts the metadata where it is at least this sure of another label."""

STAGE_ALIASES: Mapping[str, tuple[str, ...]] = {
    "awareness": ("ad", "ads", "advertising", "brand", "campaign", "marketing"),
    "consideration": (
        "browse", "browsing", "compare", "comparison", "discovery", "evaluation", "pre purchase",
        "pre sales", "presales", "quote", "research", "search", "trial",
    ),
    "purchase": (
        "apply", "basket", "booking", "buy", "cart", "checkout", "order", "ordering", "point of sale",
        "sales", "transaction",
    ),
    "delivery": (
        "arrival", "collection", "dispatch", "fulfilment", "fulfillment", "installation", "pick up",
        "pickup", "receipt of goods", "shipping",
    ),
    "onboarding": (
        "activation", "first use", "getting started", "registration", "set up", "setup", "sign up",
        "signup", "welcome",
    ),
    "use": ("in app", "in life", "product use", "stay", "usage", "using", "visit"),
    "support": (
        "after sales", "call centre", "call center", "care", "claim", "claims", "complaint",
        "complaints", "contact centre", "contact center", "customer service", "customer support",
        "help", "helpdesk", "refund", "repair", "return", "returns", "service desk", "ticket",
    ),
    "loyalty": (
        "advocacy", "cancel", "cancellation", "churn", "exit", "leaving", "off boarding",
        "offboarding", "renewal", "retention", "rewards",
    ),
}  # fmt: skip
"""What exports call the stages of the default journey, lower case, words apart."""


@dataclass(frozen=True, slots=True)
class Head:
    """One label's linear model: `weights` (classes, features), and how to read its logits.

    prior:       frequency of each class in what it was fitted on.
    natural:     frequency expected of an export nobody has seen: the deployment's prior.
    temperature: logits are divided by it, fitted so that probabilities are calibrated.
    min_prob:    below it the answer is "unsure".
    """

    label: str
    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    prior: Probabilities
    natural: Probabilities
    temperature: float
    min_prob: float

    def probabilities(self, features: Vectors) -> Probabilities:
        """Return (n, classes) float32: each class's probability under the deployment's prior."""
        shift = self.bias / self.temperature + np.log(self.natural) - np.log(self.prior)
        logits = features @ (self.weights.T / np.float32(self.temperature))
        return _softmax(logits + shift.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Classified:
    """Mentions with their labels, and what was assumed and found on the way.

    priors:        the label frequencies in force, to be recorded with the run.
    conflicts:     per label, mentions whose text surely says otherwise than their metadata.
    unmapped:      per label, feedbacks whose metadata is no stage or touchpoint that we know.
    """

    mentions: pl.DataFrame
    priors: Priors
    conflicts: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One label's answers, row-aligned with the mentions.

    names: the classes, and "unsure".
    place: the number of the answer among them, (n,).
    prob:  how likely the class is, (n,) float32.
    best:  the answer's number had "unsure" not been allowed, (n,).
    """

    names: tuple[str, ...]
    place: NDArray[np.integer[Any]]
    prob: NDArray[np.float32]
    best: NDArray[np.integer[Any]]

    @property
    def told(self) -> pl.Series:
        """The answers by name."""
        return pl.Series(self.names, dtype=pl.String)[self.place]

    @property
    def best_told(self) -> pl.Series:
        """The best classes by name."""
        return pl.Series(self.names, dtype=pl.String)[self.best]


class Classifier:
    """The heads of all five labels over one encoder's vectors."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        """Take the fitted heads as `training` writes them.

        Args:
            artefact: `heads`: for each label its LogisticRegression `model` with `prior`,
                `natural`, `temperature` and `min_prob`.
        """
        self._heads = {label: _head(label, artefact["heads"][label]) for label in LABELS}

    @property
    def priors(self) -> Priors:
        """The deployment's priors: for single texts and small runs."""
        return {label: _named(head, head.natural) for label, head in self._heads.items()}

    def probabilities(self, vectors: Vectors, contexts: Vectors) -> dict[str, Probabilities]:
        """Return for each label (n, classes) under the deployment's priors."""
        features = dense_features(vectors, contexts)
        return {label: head.probabilities(features) for label, head in self._heads.items()}

    def classes(self, label: str) -> tuple[str, ...]:
        """Return the classes of a label in the order of its probabilities."""
        return self._heads[label].classes

    def label(
        self,
        mentions: pl.DataFrame,
        feedback: pl.DataFrame,
        given: Mapping[str, Probabilities],
        *,
        stages: Sequence[StageSettings] = (),
        priors: Priors | None = None,
    ) -> Classified:
        """Label every mention by what `probabilities` gave.

        Args:
            mentions: MENTIONS as far as "segment".
            feedback: FEEDBACK that holds every `feedback_id` of them.
            given: for each label (n, classes), row-aligned with `mentions`.
            stages: an own journey; a stage's probability is the sum of what it covers.
            priors: of an earlier run, or `self.priors` for single texts; None re-estimates them
                from these mentions, if there are enough.
        """
        used = priors or self._run_priors(given)
        adapted = {name: self._adapt(name, given[name], used[name]) for name in LABELS}
        answers = self._answers(adapted, stages)
        known = _metadata(mentions, feedback, stages)
        labelled = _override(_columns(mentions, answers), known)
        return Classified(
            mentions=labelled[list(MENTIONS.schema(upto="classify"))],
            priors=used,
            conflicts={name: _n_conflicts(answers[name], known[name]) for name in known},
            unmapped=_n_unmapped(feedback, stages),
        )

    def _run_priors(self, given: Mapping[str, Probabilities]) -> Priors:
        return {
            label: _named(head, run_prior(given[label], head.natural))
            for label, head in self._heads.items()
        }

    def _adapt(self, label: str, given: Probabilities, prior: Mapping[str, float]) -> Probabilities:
        head = self._heads[label]
        wanted = np.array([prior[name] for name in head.classes])
        return _normalised(given * (wanted / head.natural).astype(np.float32))

    def _answers(
        self, adapted: Mapping[str, Probabilities], stages: Sequence[StageSettings]
    ) -> dict[str, _Answer]:
        answers = {
            label: _best(adapted[label], head.classes, head.min_prob)
            for label, head in self._heads.items()
            if label != "severity"
        }
        if stages:
            head = self._heads["stage"]
            own, names = _own_journey(adapted["stage"], head.classes, stages)
            answers["stage"] = _best(own, names, head.min_prob)
        answers["severity"] = _severity(adapted["severity"], answers["type"])
        return answers


def dense_features(vectors: Vectors, contexts: Vectors) -> Vectors:
    """Return (n, dims of both): the mention beside its context."""
    return np.hstack([vectors, contexts])


def contexts(mentions: pl.DataFrame, feedback: pl.DataFrame) -> list[str]:
    """Return for each mention the question it answers and the verbatim around it."""
    said = (feedback[name].to_list() for name in ("feedback_id", "question", "verbatim"))
    known = {id_: (question, verbatim) for id_, question, verbatim in zip(*said, strict=True)}
    places = (mentions[name].to_list() for name in ("feedback_id", "start", "end"))
    return [context(*known[id_], start, end) for id_, start, end in zip(*places, strict=True)]


def context(question: str | None, verbatim: str, start: int, end: int) -> str:
    """Return the question and the part of `verbatim` around `[start, end)`, at whole words."""
    first = max(0, start - CHARS_BEFORE)
    last = min(len(verbatim), end + CHARS_AFTER)
    if first > 0:
        first = verbatim.find(" ", first, start) + 1 or start
    if last < len(verbatim):
        last = max(verbatim.rfind(" ", end, last), end)
    return f"{question or ''} {verbatim[first:last]}".strip()


def run_prior(given: Probabilities, natural: Probabilities) -> Probabilities:
    """Re-estimate how often each class occurs in a run, without labels.

    EM of Saerens, Latinne & Decaestecker (2002), "Adjusting the outputs of a classifier to new a
    priori probabilities", held by the deployment's prior as if it had been seen in as many
    mentions again: without that hold it runs away where a classifier is unsure of itself.

    Args:
        given: (n, classes) probabilities under `natural`.
        natural: (classes,) the prior they were computed with.
    """
    if given.shape[0] < MIN_RUN:
        return natural
    counts = np.asarray(_evenly(given), dtype=np.float64)
    found = natural
    for _ in range(N_ROUNDS):
        counted = _normalised(counts * (found / natural)).mean(axis=0)
        found = RUN_WEIGHT * counted + (1.0 - RUN_WEIGHT) * natural
    return np.asarray(found)


def _evenly(given: Probabilities) -> Probabilities:
    """Return at most `N_COUNTED` rows at even distances in the order of what they say.

    In the order of the export every second row may answer the same question.
    """
    if len(given) <= N_COUNTED:
        return given
    ordered: Probabilities = given[np.lexsort(given.T)]
    return ordered[:: -(-len(given) // N_COUNTED)]


def _head(label: str, fitted: Mapping[str, Any]) -> Head:
    model = fitted["model"]
    return Head(
        label=label,
        classes=tuple(map(str, model.classes_)),
        weights=model.coef_.astype(np.float32),
        bias=model.intercept_.astype(np.float64),
        prior=fitted["prior"],
        natural=fitted["natural"],
        temperature=float(fitted["temperature"]),
        min_prob=float(fitted["min_prob"]),
    )


def _named(head: Head, prior: Probabilities) -> dict[str, float]:
    return dict(zip(head.classes, map(float, prior), strict=True))


def _best(given: Probabilities, classes: Sequence[str], min_prob: float) -> _Answer:
    """Return the likeliest class of each row, and "unsure" where that is too unlikely."""
    best = given.argmax(axis=1)
    prob = given[np.arange(len(given)), best].astype(np.float32)
    return _Answer((*classes, UNSURE), np.where(prob < min_prob, len(classes), best), prob, best)


def _own_journey(
    given: Probabilities, classes: Sequence[str], stages: Sequence[StageSettings]
) -> tuple[Probabilities, list[str]]:
    """Return probabilities of an own journey; what no stage covers counts as none.

    Heads trained on these very stages answer with their names already.
    """
    names = [stage.name for stage in stages] + [NO_STAGE]
    if set(names) == set(classes):
        return given[:, [list(classes).index(name) for name in names]], names
    owner = {
        known: stage.name for stage in stages for known in (*stage.covers, *_itself(stage, classes))
    }
    own = np.zeros((len(given), len(names)))
    for column, default in enumerate(classes):
        own[:, names.index(owner.get(default, NO_STAGE))] += given[:, column]
    return own, names


def _itself(stage: StageSettings, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the class of the same name, if the stage does not say what it covers."""
    return (stage.name,) if stage.name in classes and not stage.covers else ()


SEVERITIES: Mapping[str, tuple[int, int]] = {
    MentionType.PRAISE: (0, 0), MentionType.QUESTION: (0, 0), MentionType.OTHER: (0, 0),
    MentionType.REQUEST: (0, 1), MentionType.PAIN_POINT: (1, 3),
}  # fmt: skip
"""The least and the highest severity that a mention of a type can have; of any other, all can be."""


SEVERITY_QUANTILE = 0.6
"""Above the median: a pain taken too lightly costs more than one taken too seriously."""


def _severity(given: Probabilities, kind: _Answer) -> _Answer:
    """Return a quantile of the severity, among those that the type of the mention allows."""
    levels = np.arange(given.shape[1])
    bounds = np.array([SEVERITIES.get(name, (0, levels[-1])) for name in kind.names])
    allowed = (levels >= bounds[:, :1]) & (levels <= bounds[:, 1:])
    likely = _normalised(np.where(allowed[kind.place], given, 0.0))
    place = (likely.cumsum(axis=1) >= SEVERITY_QUANTILE).argmax(axis=1).astype(np.int8)
    prob = given[np.arange(len(given)), place].astype(np.float32)
    return _Answer(tuple(map(str, levels)), place, prob, place)


def _columns(mentions: pl.DataFrame, answers: Mapping[str, _Answer]) -> pl.DataFrame:
    """Return the mentions with their answers, and how likely each is."""
    columns = [_repeated("text", mentions.height).alias("stage_source")]
    for label, answer in answers.items():
        told = pl.Series(answer.place) if label == "severity" else answer.told
        columns += [told.alias(label), pl.Series(f"{label}_prob", answer.prob)]
    return mentions.hstack(columns)


def _repeated(value: str | None, n: int) -> pl.Series:
    return pl.Series([value], dtype=pl.String).new_from_index(0, n)


def _metadata(
    mentions: pl.DataFrame, feedback: pl.DataFrame, stages: Sequence[StageSettings]
) -> dict[str, pl.Series]:
    """Return what the export knows of each mention's stage and touchpoint, null where nothing."""
    if not _knows(feedback):
        nothing = _repeated(None, mentions.height)
        return {"stage": nothing, "touchpoint": nothing}
    looked_up = mentions.select("feedback_id").join(
        feedback.select("feedback_id", "stage", "touchpoint"),
        on="feedback_id",
        how="left",
        maintain_order="left",
    )
    names = _names(stages)
    return {label: _translated(looked_up[label], names[label]) for label in names}


def _knows(feedback: pl.DataFrame) -> bool:
    """Return whether any stage or touchpoint is told; single texts mostly tell none."""
    return any(feedback[name].null_count() < feedback.height for name in ("stage", "touchpoint"))


def _translated(written: pl.Series, names: Mapping[str, str]) -> pl.Series:
    meant = {value: names.get(_plain(value)) for value in written.drop_nulls().unique()}
    return written.replace_strict(meant, default=None, return_dtype=pl.String)


def _names(stages: Sequence[StageSettings]) -> dict[str, dict[str, str]]:
    """Return for stage and touchpoint what each way of writing it means."""
    touchpoints = {_plain(name): name for name in TOUCHPOINTS if name != NO_STAGE}
    if stages:
        own = ((s.name, (s.name, s.title, *s.aliases)) for s in stages)
    else:
        own = ((name, (name, *STAGE_ALIASES[name])) for name in STAGES)
    written = {_plain(alias): name for name, aliases in own for alias in aliases if alias}
    return {"stage": written, "touchpoint": touchpoints}


def _plain(value: str) -> str:
    return re.sub(r"[\W_]+", " ", value).strip().lower()


def _override(labelled: pl.DataFrame, known: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Let the export's stage and touchpoint win over the text's."""
    stage, touchpoint = known["stage"], known["touchpoint"]
    if stage.null_count() == touchpoint.null_count() == labelled.height:
        return labelled
    return labelled.with_columns(
        pl.when(stage.is_not_null()).then(stage).otherwise("stage").alias("stage"),
        pl.when(stage.is_not_null()).then(1.0).otherwise("stage_prob").cast(pl.Float32).alias("stage_prob"),
        pl.when(stage.is_not_null()).then(pl.lit("metadata")).otherwise("stage_source").alias("stage_source"),
        pl.when(touchpoint.is_not_null()).then(touchpoint).otherwise("touchpoint").alias("touchpoint"),
        pl.when(touchpoint.is_not_null()).then(1.0).otherwise("touchpoint_prob").cast(pl.Float32).alias("touchpoint_prob"),
    )  # fmt: skip


def _n_conflicts(answer: _Answer, known: pl.Series) -> int:
    if known.null_count() == known.len():
        return 0
    best, sure = answer.best_told, pl.Series(answer.prob >= CONFLICT_PROB)
    differs = sure & (best != NO_STAGE) & known.is_not_null() & (best != known)
    return int(differs.fill_null(value=False).sum())


def _n_unmapped(feedback: pl.DataFrame, stages: Sequence[StageSettings]) -> dict[str, int]:
    if not _knows(feedback):
        return {"stage": 0, "touchpoint": 0}
    return {
        label: feedback[label].count() - _translated(feedback[label], names).count()
        for label, names in _names(stages).items()
    }


def _softmax(logits: NDArray[np.float32]) -> Probabilities:
    return _normalised(np.exp(logits - logits.max(axis=1, keepdims=True)))


def _normalised(weights: Probabilities) -> Probabilities:
    normalised: Probabilities = weights / weights.sum(axis=1, keepdims=True)
    return normalised

"""An analyst's retraining: labels and own stages in, a judged version of the heads out.

    outcome = retrain(Request(labels=(Path("labels.csv"),)), on_step)

The encoders stay as shipped. Nothing is printed here; `commands` does that. A version is judged by
cross-validation on the analyst's rows and on a part of the shipped corpus, against the version in
force, before anybody can promote it.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import joblib
import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, dense_features
from painpoints.config import ReadSettings, StageSettings
from painpoints.cross_encoder import SecondOpinion
from painpoints.domain import NO_STAGE
from painpoints.errors import InputError, TrainingDataError
from painpoints.evaluate import Figures, evaluate
from painpoints.tables import FEEDBACK, MENTIONS
from painpoints_training import comparing, labelled, own_card, own_stages, registry, taught
from painpoints_training.comparing import Compared
from painpoints_training.corpus import CLASSES
from painpoints_training.heads import temperature
from painpoints_training.labelled import Finding, folded
from painpoints_training.refit import Journey, refit
from painpoints_training.shipped import Base, Rows, features_of, load

STEPS = ("check", "encode", "cross-validate", "fit", "write")
N_FOLDS = 5
MIN_FOLDED = 10
"""Fewer own rows than this are not cross-validated."""

MIN_CALIBRATED = 50
"""Own stages keep temperature 1 until this many rows can say better."""


Plain = Mapping[str, Mapping[str, float]]
"""Figures of each label as a manifest records them."""


class OnStep(Protocol):
    """Is told that a step began, and how far a long one is."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Hear that `step` is at `done` of `total`; 0 of 0 when it begins."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to train from, and when it may be promoted.

    labels:   tables of labelled mentions; may be empty where own stages have descriptions.
    stages:   TOML file of an own journey, in place of the default stages.
    held_out: a labelled table that only measures.
    models:   folder of own models.
    name:     of the new version; own-1, own-2, ... if none.
    margin:   how far the figure of a label in `matters` may fall.
    promote:  bring it into force at once if no label falls.
    force:    bring it into force even so; its card says it.
    read:     sheet, encoding, delimiter of the tables, where they were named.
    """

    labels: tuple[Path, ...] = ()
    stages: Path | None = None
    held_out: Path | None = None
    quality: Literal["fast", "accurate"] = "accurate"
    models: Path = bundle.OWN_MODELS
    name: str | None = None
    margin: float = comparing.MARGIN
    matters: tuple[str, ...] = LABELS
    promote: bool = False
    force: bool = False
    seed: int = 0
    read: ReadSettings = labelled.PLAIN


@dataclass(frozen=True, slots=True)
class Checked:
    """What the request holds: rows to learn from, rows that only measure, own stages, findings.

    data: sha256 of each file that teaches, by the path that was given.
    """

    rows: pl.DataFrame
    held_out: pl.DataFrame
    stages: tuple[StageSettings, ...]
    findings: tuple[Finding, ...]
    data: Mapping[str, str]

    @property
    def stops(self) -> tuple[Finding, ...]:
        """What must be mended before anything can be trained."""
        return tuple(one for one in self.findings if one.stops)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the rows speak of, own stages included."""
        told = [label for label in LABELS if self.rows[label].count()]
        return tuple(
            label for label in LABELS if label in told or (label == "stage" and self.stages)
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trained version and how it was judged.

    own:      figures by cross-validation on the analyst's rows; empty if they are too few.
    guard:    on the part of the shipped corpus that was held out of the trial.
    held_out: on the held-out file, if there was one.
    compared: label by label against the version `against`.
    fallen:   the falls by more than the margin, in words.
    lost:     what the version `against` had learnt and this one has not, in words.
    unjudged: why nobody can say how good it is, in words; "" where it was judged.
    promoted: whether it is in force now.
    """

    part: str
    version: str
    folder: Path
    against: str
    findings: tuple[Finding, ...]
    own: Mapping[str, Figures]
    guard: Mapping[str, Figures]
    held_out: Mapping[str, Figures]
    compared: tuple[Compared, ...]
    fallen: tuple[str, ...]
    lost: tuple[str, ...]
    unjudged: str
    promoted: bool


def check(request: Request) -> Checked:
    """Read everything that the request names, and tell all that is wrong with it.

    Raises:
        InputError: a file cannot be read, or the request asks for something impossible.
        SettingsError: the file of stages cannot be used.
    """
    unknown = [label for label in request.matters if label not in LABELS]
    if unknown:
        raise InputError(f"labels that matter: {', '.join(unknown)} is none of {', '.join(LABELS)}")
    if not 0 <= request.margin <= 1:
        raise InputError(
            f"margin {request.margin:g} is none of 0..1; give how far a figure may fall"
        )
    if not request.labels and request.stages is None:
        raise InputError("nothing to train from: give a labelled table, own stages, or both")
    stages = own_stages.read(request.stages) if request.stages else ()
    classes = classes_of(stages)
    covered = own_stages.covered(stages)
    read = labelled.read(request.labels, classes, covered, request.read)
    data = _hashes(file for file in (*request.labels, request.stages) if file)
    findings = list(read.findings)
    held_out = pl.DataFrame(schema=labelled.SCHEMA)
    rows = read.rows
    if request.held_out is not None:
        judged = labelled.read_to_judge((request.held_out,), classes, covered, request.read)
        findings += judged.findings
        held_out = judged.rows
        rows = labelled.without(rows, held_out["text"], findings)
    descriptions = {stage.name: stage.description for stage in stages}
    findings += labelled.too_few(rows, classes, own=descriptions, covered=covered)
    if not rows.height and not stages:
        findings.append(Finding("no row is left to learn from", "labels", stops=True))
    checked = Checked(rows, held_out, stages, tuple(findings), data)
    return replace(checked, findings=(*findings, *_of_before(checked, request)))


def _hashes(files: Iterable[Path]) -> dict[str, str]:
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def classes_of(stages: Sequence[StageSettings]) -> dict[str, tuple[str, ...]]:
    """Return the classes of each label, with own stages in place of the default ones."""
    own = {"stage": (*(stage.name for stage in stages), NO_STAGE)} if stages else {}
    return {**CLASSES, **own}


def retrain(request: Request, on_step: OnStep | None = None) -> Outcome:
    """Check, train, judge and write a version; promote it if the request says so.

    Raises:
        InputError: a file cannot be read.
        TrainingDataError: with everything that is wrong with the labels, row by row.
        ModelError: a shipped part is damaged, or the folder of models cannot be written.
    """
    tell = on_step or _silent
    tell("check")
    checked = check(request)
    if checked.stops:
        raise TrainingDataError("; ".join(map(str, checked.stops)))
    part = f"classifier-{request.quality}"
    registry.free_name(part, request.models, request.name)  # refused before minutes are spent
    tell("encode")
    base = load(request.quality, request.models, lambda done, total: tell("encode", done, total))
    bench = _bench(base, checked, tell)
    trials = _cross_validated(bench, request.seed, tell)
    tell("fit")
    artefact = bench.fitted(bench.everything, bench.own, trials.temperature)
    judged = _judge(bench, artefact, trials, request)
    tell("write")
    name = registry.free_name(part, request.models, request.name)  # another may have ended first
    with registry.new_version(part, request.models, name) as folder:
        joblib.dump(artefact, folder / bundle.HEADS)
        own_card.seal(folder, _facts(name, request, bench, judged))
    promoted = _promoted(part, name, request, judged)
    return Outcome(
        part=part,
        version=name,
        folder=request.models / part / name,
        against=judged.against,
        findings=checked.findings,
        own=judged.own,
        guard=judged.guard,
        held_out=judged.held_out,
        compared=judged.compared,
        fallen=tuple(comparing.falls(judged.compared)),
        lost=judged.lost,
        unjudged=judged.unjudged,
        promoted=promoted,
    )


def _of_before(checked: Checked, request: Request) -> list[Finding]:
    """Tell whether the version in force can be used, and what only it has learnt from."""
    part = f"classifier-{request.quality}"
    _, unusable = registry.judged_against(part, request.models)
    told = [Finding(unusable, "models")] if unusable else []
    return told + _forgotten(checked, registry.current(part, request.models))


def _forgotten(checked: Checked, now: registry.Version) -> list[Finding]:
    found = [Finding(one, "labels") for one in _lost(checked, now)]
    here = taught.by_label(checked.rows)
    for label, keys in taught.learnt(now).items():
        gone = len(set(keys) - set(here[label]))
        if gone and here[label]:
            text = f"{label}: {gone:,} of the {len(keys):,} rows that {now.name} learnt from are not here and will be forgotten"  # fmt: skip
            found.append(Finding(text, "labels"))
    if found:
        advice = "every training starts from the shipped heads: give all your labels and stages each time"  # fmt: skip
        found.append(Finding(advice, "labels"))
    return found


def _lost(checked: Checked, now: registry.Version) -> tuple[str, ...]:
    """Return in words which labels, and which own stages, only the version in force has learnt."""
    own = [stage["name"] for stage in now.manifest.get("stages", ())]
    lost = [
        f"{label}: none of the {len(keys):,} rows that {now.name} learnt from is here"
        for label, keys in taught.learnt(now).items()
        if keys and label not in checked.labels
    ]
    if own and not checked.stages:
        lost.append(f"{now.name} has stages of its own ({', '.join(own)}), this one would not")
    return tuple(lost)


def _promoted(part: str, name: str, request: Request, judged: "Judged") -> bool:
    against = judged.unjudged or judged.lost or comparing.falls(judged.compared)
    if not (request.force or (request.promote and not against)):
        return False
    registry.promote(part, request.models, name, force=request.force)
    return True


# -- what is fitted ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything encoded, ready to be fitted from and judged on."""

    base: Base
    checked: Checked
    own: Rows
    held_out: Rows
    journey: Journey | None

    @property
    def everything(self) -> Rows:
        """The whole sample of the corpus: the last fit leaves nothing out."""
        guard, rest = self.base.guard, self.base.rehearsal
        return Rows(
            pl.concat([rest.frame, guard.frame]),
            np.vstack([rest.features, guard.features]),
            rest.dim,
        )

    def fitted(
        self,
        rehearsal: Rows,
        own: Rows,
        cooled: float = 1.0,
        labels: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return the artefact of heads fitted on these rows.

        labels: which are fitted anew; those that own rows speak of for None.
        """
        wanted = self.checked.labels if labels is None else labels
        made = refit(self.base.heads, rehearsal, own, labels=wanted, journey=self.journey)
        if self.journey is not None:
            made["heads"]["stage"]["temperature"] *= cooled
        return made


def _bench(base: Base, checked: Checked, tell: OnStep) -> Bench:
    def told(done: int, total: int) -> None:
        tell("encode", done, total)

    own, held_out = (
        Rows(frame, features_of(frame, base.encoders, told), base.encoders.mentions.dim)
        for frame in (checked.rows, checked.held_out)
    )
    return Bench(base, checked, own, held_out, _journey(checked.stages, base, told))


def _journey(stages: tuple[StageSettings, ...], base: Base, told: Any) -> Journey | None:
    if not stages:
        return None
    said = []
    for stage in stages:
        sayings = own_stages.sayings(stage)
        said.append(dense_features(*base.encoders.read(sayings, sayings, told)))
    return Journey(stages, tuple(said))


# -- how it is judged --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures of the new heads, by trials that had not seen the rows, beside those before.

    lost, unjudged: as in `Outcome`.
    """

    against: str
    own: Mapping[str, Figures]
    guard: Mapping[str, Figures]
    held_out: Mapping[str, Figures]
    control: Plain
    compared: tuple[Compared, ...]
    lost: tuple[str, ...]
    unjudged: str


def _judge(bench: Bench, final: Mapping[str, Any], trials: "Trials", request: Request) -> Judged:
    """Set the new heads beside the version in force.

    Args:
        bench: what they were fitted from.
        final: the artefact that is to be written; it has not seen the held-out file.
        trials: what heads that had not seen the own rows said of them.
        request: what may fall, and how far.
    """
    base, own, second = bench.base, bench.own, bench.base.second
    part = f"classifier-{request.quality}"
    now, _ = registry.judged_against(part, request.models)
    current = Classifier(registry.usable(now, request.models).artefact(bundle.HEADS))
    known = _comparable(bench.checked.stages, now)
    guard, control = _on_guard(bench, trials.temperature)
    whole = _figures(Classifier(final), bench.held_out, second)
    sets = [
        (comparing.OWN, *_on_own(current, now, bench, trials.answers)),
        (comparing.GUARD, _guard_before(now, base, control), comparing.plain(guard)),
        (comparing.HELD_OUT, _unlearnt(current, now, bench.held_out, second), comparing.plain(whole)),
    ]  # fmt: skip
    compared = [
        one
        for on, before, after in sets
        for one in comparing.compare(
            on,
            {label: row for label, row in before.items() if label in known},
            after,
            margin=request.margin,
            matters=request.matters,
        )
    ]
    figures = {} if trials.answers is None else evaluate(_truth(own.frame), trials.answers)
    return Judged(
        against=now.name,
        own=figures,
        guard=guard,
        held_out=whole,
        control=control,
        compared=tuple(compared),
        lost=_lost(bench.checked, registry.current(part, request.models)),
        unjudged=_unjudged(bench.checked, figures, whole),
    )


def _unjudged(checked: Checked, own: Mapping[str, Figures], held_out: Mapping[str, Figures]) -> str:
    """Return that own stages were judged on too little; "" if they were not, or there are none."""
    n = max((found["stage"].n for found in (own, held_out) if "stage" in found), default=0)
    if not checked.stages or n >= comparing.MIN_JUDGED:
        return ""
    return f"your stages were judged on {n} labelled mentions, fewer than {comparing.MIN_JUDGED}"


def _on_guard(bench: Bench, cooled: float) -> tuple[dict[str, Figures], Plain]:
    """Return figures on the guard of heads fitted without it, with the own rows and without them.

    All labels are fitted anew, also those without own rows: the shipped heads have seen the guard.
    Own stages are not judged there, since the corpus knows none of them.
    """
    base, own = bench.base, bench.own
    none = own.take(np.zeros(own.frame.height, dtype=bool))
    trial = bench.fitted(base.rehearsal, own, cooled, labels=LABELS)
    judged = [label for label in LABELS if label != "stage" or bench.journey is None]
    control = refit(base.heads, base.rehearsal, none, labels=LABELS, journey=None)
    guard = _figures(Classifier(trial), base.guard, base.second, labels=judged)
    return guard, comparing.plain(_figures(Classifier(control), base.guard, base.second))


def _comparable(stages: Sequence[StageSettings], now: registry.Version) -> list[str]:
    """Return the labels whose classes are the same in both versions."""
    then = {stage["name"] for stage in now.manifest.get("stages", ())}
    same = then == {stage.name for stage in stages}
    return [label for label in LABELS if label != "stage" or same]


def _guard_before(now: registry.Version, base: Base, control: Plain) -> Plain:
    """Return the figures on the guard of the version in force, by a trial like ours.

    Where the shipped heads were better there, theirs count: a fall that was forced once, or many
    small ones, are told each time.
    """
    told: Plain = now.manifest.get("metrics", {}).get("guard", {})
    if now.name == bundle.SHIPPED or now.manifest["guard"] != base.identity:
        return control
    return comparing.better(told, control)


def _on_own(
    current: Classifier, now: registry.Version, bench: Bench, answered: pl.DataFrame | None
) -> tuple[Plain, Plain]:
    """Return figures before and after on the own rows that the version in force has not learnt."""
    if answered is None:
        return {}, {}
    own = bench.own
    before = _unlearnt(current, now, own, bench.base.second)
    return before, _label_by_label(own.frame, answered, taught.unseen(now, own.frame))


def _unlearnt(
    current: Classifier, now: registry.Version, rows: Rows, second: SecondOpinion | None
) -> Plain:
    """Return the figures of the version in force on the rows that it has not learnt."""
    if not rows.frame.height:
        return {}
    new = taught.unseen(now, rows.frame)
    return _label_by_label(rows.frame, answers(current, rows, second), new)


def _label_by_label(
    truth: pl.DataFrame, given: pl.DataFrame, new: Mapping[str, pl.Series]
) -> Plain:
    """Return plain figures of each label on the rows that judge it."""
    found: dict[str, Figures] = {}
    for label, judges in new.items():
        if judges.any():
            found |= evaluate(truth.select(label).filter(judges), given.filter(judges))
    return comparing.plain(found)


@dataclass(frozen=True, slots=True)
class Trials:
    """What heads that had not seen the own rows said of them; `answers` is None if they are too few.

    temperature: of own stages, by these answers.
    """

    answers: pl.DataFrame | None
    temperature: float


def _cross_validated(bench: Bench, seed: int, tell: OnStep) -> Trials:
    """Fit heads on four fifths of the own rows, five times, and have each label the last fifth."""
    own = bench.own
    if own.frame.height < MIN_FOLDED:
        return Trials(None, 1.0)
    fold = _folds(own.frame, seed)
    tell("cross-validate", 0, N_FOLDS)
    made = []
    for number in range(N_FOLDS):
        made.append(bench.fitted(bench.everything, own.take(fold != number)))
        tell("cross-validate", number + 1, N_FOLDS)
    held = [np.flatnonzero(fold == number) for number in range(N_FOLDS)]
    cooled = _cooled(bench, made, held)
    told = []
    for heads, places in zip(made, held, strict=True):
        heads["heads"]["stage"]["temperature"] *= cooled
        told.append(answers(Classifier(heads), own.take(places), bench.base.second))
    order = np.argsort(np.concatenate(held))
    return Trials(pl.concat(told)[order], cooled)


def _folds(frame: pl.DataFrame, seed: int) -> Any:
    """Return the fold of each row; rows that have a text or a verbatim in common share theirs."""
    kin = _kin(frame)
    shuffled = sorted(set(kin), key=lambda text: zlib.crc32(f"{seed}{text}".encode()))
    group = {text: number for number, text in enumerate(shuffled)}
    return np.array([group[text] % N_FOLDS for text in kin])


def _kin(frame: pl.DataFrame) -> list[str]:
    """Return for each row the first of all texts that rows with a text in common lead to."""
    plain = frame.select(folded("text"), whole=pl.coalesce(folded("verbatim"), folded("text")))
    known = sorted({*plain["text"], *plain["whole"]})
    place = {text: number for number, text in enumerate(known)}
    ends = [[place[text] for text in plain[name]] for name in ("text", "whole")]
    links = coo_array((np.ones(plain.height), ends), shape=(len(known), len(known)))
    _, component = connected_components(links, directed=False)
    first: dict[int, str] = {}
    for text, number in zip(known, component, strict=True):
        first.setdefault(number, text)
    return [first[component[number]] for number in ends[0]]


def _cooled(bench: Bench, made: Sequence[Mapping[str, Any]], held: Sequence[Any]) -> float:
    """Return the temperature of own stages by the trials' answers to rows they had not seen."""
    if bench.journey is None or bench.own.frame["stage"].count() < MIN_CALIBRATED:
        return 1.0
    place = {name: number for number, name in enumerate(bench.journey.classes)}
    truth = np.array([place.get(name, -1) for name in bench.own.frame["stage"]])
    given = np.zeros((len(truth), len(place)))
    for heads, places in zip(made, held, strict=True):
        mention, around = bench.own.take(places).halves
        given[places] = Classifier(heads).probabilities(mention, around)["stage"]
    return temperature(given, truth)


def answers(classifier: Classifier, rows: Rows, second: SecondOpinion | None) -> pl.DataFrame:
    """Return the MENTIONS (to "classify") that a run makes of rows, as single texts.

    second: who is asked where the classifier doubts, where the quality has one.
    """
    mentions, feedback = frames(rows.frame)
    if second is None:
        given = classifier.probabilities(*rows.halves)
    else:
        pairs = rows.frame.select("text", "context").rows()
        given = second.weigh(classifier, *rows.halves, pairs)
    return classifier.label(mentions, feedback, given, priors=classifier.priors).mentions


def frames(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return labelled rows as MENTIONS (to "segment") and FEEDBACK, with nothing known of either."""
    ids = [str(number) for number in range(rows.height)]
    mentions = pl.DataFrame(
        {"mention_id": ids, "feedback_id": ids, "start": 0, "end": 0, "text": rows["text"]},
        schema=MENTIONS.schema(upto="segment"),
    )
    empty = {name: [None] * rows.height for name in FEEDBACK.schema()}
    given = {"feedback_id": ids, "verbatim": rows["text"].to_list()}
    return mentions, pl.DataFrame({**empty, **given}, schema=FEEDBACK.schema())


def _figures(
    classifier: Classifier,
    rows: Rows,
    second: SecondOpinion | None,
    *,
    labels: Sequence[str] = LABELS,
) -> dict[str, Figures]:
    """Return the figures on the labels that the rows know."""
    wanted = [label for label in labels if rows.frame[label].count()]
    if not wanted:
        return {}
    return evaluate(rows.frame.select(wanted), answers(classifier, rows, second))


def _truth(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(label for label in LABELS if rows[label].count())


# -- what is recorded --------------------------------------------------------------------------


def _facts(name: str, request: Request, bench: Bench, judged: Judged) -> own_card.Facts:
    base, checked = bench.base, bench.checked
    return own_card.Facts(
        part=f"classifier-{request.quality}",
        version=name,
        seed=request.seed,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        base=bundle.named(base.heads_part),
        encoders=[bundle.named(part) for part in base.encoder_parts],
        data=checked.data,
        sources=base.heads_part.manifest["sources"],
        stages=tuple(stage.model_dump(mode="json") for stage in checked.stages),
        n_rows={label: checked.rows[label].count() for label in LABELS},
        n_own=checked.rows.height,
        taught=taught.by_label(checked.rows),
        guard=base.identity,
        own_figures=judged.own,
        guard_figures=judged.guard,
        held_out_figures=judged.held_out,
        control=judged.control,
        against=judged.against,
        compared=judged.compared,
        lost=judged.lost,
        unjudged=judged.unjudged,
        margin=request.margin,
        matters=request.matters,
        findings=tuple(str(one) for one in checked.findings),
    )


def _silent(step: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""

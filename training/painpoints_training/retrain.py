"""An analyst's retraining: labels and own stages in, a judged version of the heads out.

    outcome = retrain(Request(labels=(Path("labels.csv"),)), on_step)

The encoders stay as shipped. Nothing is printed here; `commands` does that. A version is judged by
cross-validation on the analyst's rows and on a part of the shipped corpus, against the version in
force, before anybody can promote it.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import joblib
import numpy as np
import polars as pl

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, dense_features
from painpoints.config import StageSettings
from painpoints.cross_encoder import SecondOpinion
from painpoints.domain import NO_STAGE
from painpoints.errors import InputError, TrainingDataError
from painpoints.evaluate import Figures, evaluate
from painpoints.tables import FEEDBACK, MENTIONS
from painpoints_training import comparing, labelled, own_card, own_stages, registry
from painpoints_training.comparing import Compared
from painpoints_training.corpus import CLASSES
from painpoints_training.heads import temperature
from painpoints_training.labelled import Finding
from painpoints_training.refit import Journey, refit
from painpoints_training.shipped import Base, Rows, features_of, load

STEPS = ("check", "encode", "cross-validate", "fit", "write")
N_FOLDS = 5
MIN_FOLDED = 10
"""Fewer own rows than this are not cross-validated."""

MIN_CALIBRATED = 50
"""Own stages keep temperature 1 until this many rows can say better."""


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


@dataclass(frozen=True, slots=True)
class Checked:
    """What the request holds: rows to learn from, rows that only measure, own stages, findings."""

    rows: pl.DataFrame
    held_out: pl.DataFrame
    stages: tuple[StageSettings, ...]
    findings: tuple[Finding, ...]

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
    if request.margin < 0:
        raise InputError(f"margin {request.margin:g} is below 0; give how far a figure may fall")
    if not request.labels and request.stages is None:
        raise InputError("nothing to train from: give a labelled table, own stages, or both")
    stages = own_stages.read(request.stages) if request.stages else ()
    classes = classes_of(stages)
    read = labelled.read(request.labels, classes)
    findings = list(read.findings)
    held_out = pl.DataFrame(schema=labelled.SCHEMA)
    rows = read.rows
    if request.held_out is not None:
        judged = labelled.read_to_judge((request.held_out,), classes)
        findings += judged.findings
        held_out = judged.rows
        rows = labelled.without(rows, held_out["text"], findings)
    findings += labelled.too_few(rows, classes, own={s.name: s.description for s in stages})
    if not rows.height and not stages:
        findings.append(Finding("no row is left to learn from", "labels", stops=True))
    return Checked(rows, held_out, stages, tuple(findings))


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
    forgotten = _forgotten(checked.rows, registry.in_force(part, request.models))
    checked = replace(checked, findings=(*checked.findings, *forgotten))
    bench = _bench(base, checked, tell)
    judged = _judge(bench, request, tell)
    tell("fit")
    artefact = bench.fitted(bench.everything, bench.own, judged.temperature)
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
        promoted=promoted,
    )


def _forgotten(rows: pl.DataFrame, now: registry.Version) -> list[Finding]:
    """Tell rows that the version in force learnt from and this one will not."""
    lost = set(now.manifest.get("own_rows", ())) - set(row_keys(rows))
    if not lost:
        return []
    text = (
        f"{len(lost):,} rows that {now.name} learnt from are not here and will be forgotten; "
        "every training starts from the shipped heads, so give all your labels each time"
    )
    return [Finding(text, "labels")]


def _promoted(part: str, name: str, request: Request, judged: "Judged") -> bool:
    fallen = comparing.falls(judged.compared)
    if not (request.force or (request.promote and not fallen)):
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

    def fitted(self, rehearsal: Rows, own: Rows, cooled: float = 1.0) -> dict[str, Any]:
        """Return the artefact of heads fitted on these rows."""
        made = refit(
            self.base.heads, rehearsal, own, labels=self.checked.labels, journey=self.journey
        )
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
    """Figures of the new heads, by trials that had not seen the rows, beside those before."""

    against: str
    temperature: float
    own: Mapping[str, Figures]
    guard: Mapping[str, Figures]
    held_out: Mapping[str, Figures]
    control: Mapping[str, Mapping[str, float]]
    compared: tuple[Compared, ...]


def _judge(bench: Bench, request: Request, tell: OnStep) -> Judged:
    base, own, second = bench.base, bench.own, bench.base.second
    now = registry.in_force(f"classifier-{request.quality}", request.models)
    own_answers, cooled = _cross_validated(bench, request.seed, tell)
    known = _comparable(bench.checked.stages, now)
    trial = Classifier(bench.fitted(base.rehearsal, own, cooled))
    guard = _figures(trial, base.guard, second, labels=[n for n in LABELS if n != "stage" or bench.journey is None])  # fmt: skip
    none = own.take(np.zeros(own.frame.height, dtype=bool))
    labels = [
        label for label in bench.checked.labels if label != "stage" or not bench.checked.stages
    ]
    control_heads = refit(base.heads, base.rehearsal, none, labels=labels, journey=None)
    control = comparing.plain(_figures(Classifier(control_heads), base.guard, second))
    current = Classifier(registry.usable(now, request.models).artefact(bundle.HEADS))
    judge_now = partial(_figures, current, second=second, labels=known)
    whole = _figures(trial, bench.held_out, second)
    sets = [
        (comparing.OWN, *_on_own(judge_now, own, own_answers, now)),
        (comparing.GUARD, _guard_before(now, base, control), comparing.plain(guard)),
        (comparing.HELD_OUT, comparing.plain(judge_now(bench.held_out)), comparing.plain(whole)),
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
    figures = {} if own_answers is None else evaluate(_truth(own.frame), own_answers)
    return Judged(now.name, cooled, figures, guard, whole, control, tuple(compared))


def _comparable(stages: Sequence[StageSettings], now: registry.Version) -> list[str]:
    """Return the labels whose classes are the same in both versions."""
    then = {stage["name"] for stage in now.manifest.get("stages", ())}
    same = then == {stage.name for stage in stages}
    return [label for label in LABELS if label != "stage" or same]


def _guard_before(
    now: registry.Version, base: Base, control: Mapping[str, Mapping[str, float]]
) -> Mapping[str, Mapping[str, float]]:
    """Return the figures on the guard of the version in force, by a trial like ours."""
    if now.name == bundle.SHIPPED:
        return control
    told: Mapping[str, Mapping[str, float]] = now.manifest["metrics"]["guard"]
    return told if now.manifest["guard"] == base.identity else {}


def _on_own(
    judge: Callable[[Rows], dict[str, Figures]],
    own: Rows,
    answers: pl.DataFrame | None,
    now: registry.Version,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return figures before and after on the own rows that the version in force has not seen."""
    if answers is None:
        return {}, {}
    seen = set(now.manifest.get("own_rows", ()))
    new = np.array([key not in seen for key in row_keys(own.frame)])
    fresh = own.take(new)
    after = evaluate(_truth(fresh.frame), answers.filter(pl.Series(new))) if new.any() else {}
    before = judge(fresh)
    return comparing.plain(before), comparing.plain(after)


def _cross_validated(bench: Bench, seed: int, tell: OnStep) -> tuple[pl.DataFrame | None, float]:
    """Return the answers to own rows of heads that had not seen them, and own stages' temperature."""
    own = bench.own
    if own.frame.height < MIN_FOLDED:
        return None, 1.0
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
    return pl.concat(told)[order], cooled


def _folds(frame: pl.DataFrame, seed: int) -> Any:
    """Return the fold of each row; rows of one verbatim share theirs."""
    whole = frame.select(pl.coalesce("verbatim", "text")).to_series()
    shuffled = sorted(whole.unique(), key=lambda text: zlib.crc32(f"{seed}{text}".encode()))
    group = {text: number for number, text in enumerate(shuffled)}
    return np.array([group[text] % N_FOLDS for text in whole])


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


def row_keys(rows: pl.DataFrame) -> list[str]:
    """Return a short hash of each row, by which a later training knows what this one has seen."""
    texts = rows.select(pl.concat_str("text", "context", separator="\t")).to_series()
    return [hashlib.sha256(text.lower().encode()).hexdigest()[:16] for text in texts]


def _facts(name: str, request: Request, bench: Bench, judged: Judged) -> own_card.Facts:
    base, checked = bench.base, bench.checked
    files = [file for file in (*request.labels, request.stages, request.held_out) if file]
    return own_card.Facts(
        part=f"classifier-{request.quality}",
        version=name,
        seed=request.seed,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        base=bundle.named(base.heads_part),
        encoders=[bundle.named(part) for part in base.encoder_parts],
        data={file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        sources=base.heads_part.manifest["sources"],
        stages=tuple(stage.model_dump(mode="json") for stage in checked.stages),
        n_rows={label: checked.rows[label].count() for label in LABELS},
        own_rows=row_keys(checked.rows),
        guard=base.identity,
        own_figures=judged.own,
        guard_figures=judged.guard,
        held_out_figures=judged.held_out,
        control=judged.control,
        against=judged.against,
        compared=judged.compared,
        margin=request.margin,
        matters=request.matters,
        findings=tuple(str(one) for one in checked.findings),
    )


def _silent(step: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""

"""The steps in order, nothing else: inputs go in, one `Analysis` comes out.

Knows no screen and writes no file. What each step means is said in its own file, what is done to
each part of the feedback by itself in `parts`, what a run leaves on disk in `runs`.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import polars as pl

from painpoints import drift, drivers, findings, labels, readers, redact, tables, topics, trends
from painpoints.arrangement import (
    Tables,
    arrange,
    refuse_different_stages,
    refuse_odd_stages,
    stages,
)
from painpoints.classify import Classified, Priors, Vectors
from painpoints.config import Settings, load
from painpoints.domain import Drift, JourneyMap, Stage
from painpoints.errors import InputError, RunError
from painpoints.parts import Parts, Reader, Rows, Whole

if TYPE_CHECKING:
    from painpoints.topics import TopicModel

STEPS = ("read", "redact", "segment", "encode", "classify", "topics", "drivers", "findings")

ENOUGH_TO_NAME = 30
"""Mentions that a group is named by at least, where it has as many."""

GROUP = ("kind", "stage", "topic_id")
"""What makes a finding, in the table of members."""

MOST_OF_TOPIC = 0.75
"""Share of a topic's mentions from which a finding goes by the name of the topic."""

LIVING = ("kept", "split", "new")
"""Verdicts of a lineage on topics that are there now; the others are on those that are gone."""

Key = tuple[str, str, str]
"""Kind, stage and topic of a finding."""

Spread = Callable[[Reader, pl.DataFrame, "OnStep"], Parts]
"""Says in how many parts the feedback of a run is worked through."""


class OnStep(Protocol):
    """Is told that a step began, and how far a long one is."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Hear that `step` is at `done` of `total`; 0 of 0 when it begins."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that one run found.

    intake:      what was read, recognised and set aside.
    masked:      how many personal data were masked, by kind.
    classified:  priors in force and conflicts between text and metadata.
    topic_model: the frozen assigner, for later data.
    parts:       version of each trained part.
    seconds:     wall time of each step.
    earlier:     facts of the inputs of the run that this one adds to.
    drift:       how the added feedback differs from that run's; None where nothing was added to.
    lineage:     what became of the topics of an earlier run that this one continues.
    """

    settings: Settings
    intake: readers.Intake
    masked: Mapping[str, int]
    classified: Classified
    tables: Tables
    journey: JourneyMap
    topic_model: "TopicModel"
    parts: Mapping[str, str]
    seconds: Mapping[str, float]
    earlier: tuple[Mapping[str, Any], ...] = ()
    drift: Drift | None = None
    lineage: tuple[topics.Descent, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """A finished run, as far as another needs it that adds to it.

    inputs: of each file that it read, what `run.json` says.
    stages: of the journey that its mentions are told of.
    """

    tables: Tables
    topic_model: "TopicModel"
    priors: Priors
    inputs: tuple[Mapping[str, Any], ...]
    parts: Mapping[str, str]
    stages: tuple[Stage, ...]


class Analyser:
    """Holds the trained parts and runs the steps.

    >>> analysis = Analyser().analyse(["reviews.csv"])        # doctest: +SKIP
    >>> analysis.journey.stages[0].pain_points[0].label       # doctest: +SKIP
    """

    def __init__(self, settings: Settings | None = None, *, on_step: OnStep | None = None) -> None:
        """Find the trained parts that `settings` name.

        Raises:
            ModelError: a part is missing, damaged or of another version.
            SettingsError: the stages of `settings` cannot be a journey.
        """
        self._on_step = on_step or _silent
        self.reader = Reader(settings or load())
        refuse_odd_stages(self.settings, self.reader.classifier.classes("stage"))

    @property
    def settings(self) -> Settings:
        """Return the settings in force, with the journey that the classifier was trained for."""
        return self.reader.settings

    @property
    def parts(self) -> Mapping[str, str]:
        """Return the version of each trained part."""
        return self.reader.versions

    def under(self, settings: Settings) -> Self:
        """Return an analyser with other settings and the same trained parts."""
        other = copy(self)
        other.reader = self.reader.under(settings)
        return other

    def analyse(
        self,
        inputs: Sequence[str | Path],
        *,
        spread: Spread = Whole,
        continues: Earlier | None = None,
    ) -> Analysis:
        """Read the inputs and return everything found in them.

        Args:
            inputs: files, folders or patterns.
            spread: says in how many parts the feedback is worked through; in one, in memory, if
                unset.
            continues: an earlier run; topics found anew keep the ids and names of those of its
                topics that they continue, and `Analysis.lineage` says what became of each.

        Raises:
            InputError: the inputs cannot be used, with every reason.
            RunError: the earlier run was made by another encoder than is in force.
        """
        if continues is not None:
            self.refuse_other(continues.parts, "encoder-")
        clock = _Clock(self._on_step)
        clock("read")
        intake = readers.read(inputs, self.settings.read, self.settings.columns)
        parts = spread(self.reader, intake.feedback, clock)
        clock("redact")
        feedback, masked = parts.mask({})
        sample = parts.read()
        clock("classify")
        labelled = self.reader.label(sample.feedback, sample.reading, None)
        clock("topics")
        model = topics.fit(labelled.mentions, sample.reading.vectors, settings=self.settings.topics)
        lineage: tuple[topics.Descent, ...] = ()
        if continues is not None:
            model, lineage = topics.match(continues.topic_model, model)
        classified = parts.label(labelled.priors, model)
        mentions = classified.mentions
        told = self._told(mentions, sample.rows, parts)
        kept = {} if continues is None else _names_kept(continues, lineage)
        found = self._topics(model, mentions, feedback, told, kept)
        if continues is not None:
            found = _with_verdicts(found, lineage)
            told = replace(told, names=_names_of(continues.tables.findings))
        begun = _Begun(intake, masked, classified, model, told)
        return replace(self._concluded(begun, feedback, mentions, found, clock), lineage=lineage)

    def update(
        self, inputs: Sequence[str | Path], earlier: Earlier, *, spread: Spread = Whole
    ) -> Analysis:
        """Add new feedback to an earlier run without reading the old again.

        Labels, topics and names stay those of the earlier run; what no topic holds, and how much
        the new differs from the old, is told by `Analysis.drift`. Answers under an id that the run
        holds already are not counted twice.

        Raises:
            InputError: the inputs cannot be used, or hold nothing new.
            RunError: the run was made by other trained parts or stages than are in force.
        """
        self.refuse_other(earlier.parts, "")
        refuse_different_stages(earlier.stages, stages(self.settings))
        clock = _Clock(self._on_step)
        clock("read")
        seen = {source["source"]: source["sha256"] for source in earlier.inputs}
        intake = readers.read(inputs, self.settings.read, self.settings.columns, seen=seen)
        old = earlier.tables
        new, n_repeated = self._not_in(intake.feedback, old.feedback)
        parts = spread(self.reader, new, clock)
        clock("redact")
        added, masked = parts.mask(redact.held(old.feedback))
        sample = parts.read()
        clock("topics")
        classified = parts.label(earlier.priors, earlier.topic_model)
        told = self._told(classified.mentions, sample.rows, parts)
        feedback = pl.concat([old.feedback, added], how="diagonal")
        mentions = pl.concat([old.mentions, classified.mentions])
        found = self._kept_topics(earlier, mentions, feedback, told)
        told = replace(told, names=_names_of(old.findings))
        begun = _Begun(intake, masked, classified, earlier.topic_model, told)
        return replace(
            self._concluded(begun, feedback, mentions, found, clock),
            earlier=earlier.inputs,
            drift=drift.compare(old.mentions, classified.mentions, n_repeated=n_repeated),
        )

    def _not_in(self, feedback: pl.DataFrame, earlier: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """Return the feedback whose ids the earlier run does not hold, and how many it does.

        Raises:
            InputError: it holds all of them, or stands for other answers under too many of them.
        """
        ids = redact.feedback_ids(feedback, self.settings.redact.salt)
        repeated = ids.is_in(earlier["feedback_id"].implode())
        others = _n_others(feedback.with_columns(feedback_id=ids), earlier)
        if others > self.settings.read.max_bad * feedback.height:
            raise InputError(
                f"{others:,} of {feedback.height:,} ids stand for other answers in the earlier run; "
                "name a column whose ids differ from export to export (--column id=...), or analyse "
                "all exports together"
            )
        if repeated.all():
            raise InputError("nothing new: the earlier run holds every answer of the inputs")
        return feedback.filter(~repeated), int(repeated.sum())

    def refuse_other(self, parts: Mapping[str, str], which: str) -> None:
        """Refuse a run made by other parts, of those whose names begin with `which`.

        Raises:
            RunError: they are others than are in force.
        """
        if not same_parts(parts, self.parts, which):
            raise RunError(
                "the earlier run was made in another quality or by other trained parts than are in "
                "force, so what is new would be read otherwise than what is old; analyse both anew"
            )

    def score(
        self, inputs: Sequence[str | Path], *, topic_model: "TopicModel | None" = None
    ) -> pl.DataFrame:
        """Label the mentions of the inputs; assign topics of an earlier run where given.

        Labels are read with the deployment's priors, so that a text has the same answer alone
        and in a file.
        """
        intake = readers.read(inputs, self.settings.read, self.settings.columns)
        return self.score_feedback(intake.feedback, topic_model=topic_model)

    def score_texts(
        self,
        texts: Sequence[str | Mapping[str, str | None]],
        *,
        topic_model: "TopicModel | None" = None,
    ) -> pl.DataFrame:
        """Label the mentions of texts, alone or with what is known of them (`readers.from_texts`).

        `feedback_id` is the text's number from 0.
        """
        read = readers.from_texts(texts, self.settings.read)
        return self.score_feedback(read, topic_model=topic_model)

    def score_feedback(
        self, feedback: pl.DataFrame, *, topic_model: "TopicModel | None" = None
    ) -> pl.DataFrame:
        """Label the mentions of rows of FEEDBACK that were read before."""
        reader = self.reader
        masked = reader.mask(feedback).feedback
        reading = reader.read(masked, self._on_step)
        priors = reader.classifier.priors
        if topic_model is None:
            return reader.label(masked, reading, priors).mentions
        return reader.place(masked, reading, priors, topic_model).mentions

    def _told(self, mentions: pl.DataFrame, sample: Rows, parts: Parts) -> "_Told":
        """Return the sample, with the first of each topic and finding of which it holds too few."""
        rows = sample if len(sample) == mentions.height else _enough(mentions, sample)
        told, vectors = mentions[rows], parts.vectors(rows)
        return _Told(told, vectors, self._namer(told, vectors))

    def _namer(self, mentions: pl.DataFrame, vectors: Vectors) -> labels.Namer:
        reader = self.reader
        return labels.Namer(mentions, vectors, reader.segmenter.phrases, reader.listen)

    def _topics(
        self,
        model: "TopicModel",
        mentions: pl.DataFrame,
        feedback: pl.DataFrame,
        told: "_Told",
        kept: Mapping[str, str],
    ) -> pl.DataFrame:
        """Return the named TOPICS table; `kept` are names that topics have from an earlier run."""
        named = told.namer.topics(
            terms=dict(zip(model.topic_ids, model.terms, strict=True)),
            parents=dict(zip(model.topic_ids, model.parent_ids, strict=True)),
            kept=kept,
        )
        columns = list(tables.TOPICS.schema())
        found = model.table(mentions, feedback)
        return found.join(named, on="topic_id", how="inner").select(columns)

    def _kept_topics(
        self, earlier: Earlier, mentions: pl.DataFrame, feedback: pl.DataFrame, told: "_Told"
    ) -> pl.DataFrame:
        """Return TOPICS with the names, terms and exemplars that the earlier run gave."""
        model, known = earlier.topic_model, earlier.tables.topics
        counted = model.table(mentions, feedback).drop("status")
        first = told.mentions["topic_id"].is_in(known["topic_id"].implode()).fill_null(value=True)
        unnamed = ~first.to_numpy()
        namer = self._namer(told.mentions.filter(unnamed), told.vectors[unnamed])
        named = namer.topics(terms=dict(zip(model.topic_ids, model.terms, strict=True)))
        named = named.with_columns(status=pl.lit("new"))
        kept = known.select(*named.columns[:-1], status=pl.lit("kept"))
        columns = list(tables.TOPICS.schema())
        return counted.join(pl.concat([kept, named]), on="topic_id", how="inner").select(columns)

    def _concluded(
        self,
        begun: "_Begun",
        feedback: pl.DataFrame,
        mentions: pl.DataFrame,
        found: pl.DataFrame,
        clock: "_Clock",
    ) -> Analysis:
        """Return the finished run: what drives the score and what is to be done are added."""
        clock("drivers")
        driving = self._drivers(feedback, mentions)
        clock("findings")
        ranked = self._findings(feedback, mentions, found, driving, begun.told)
        whole = Tables(feedback, mentions, found, driving, ranked)
        journey = arrange(whole, self.settings)
        clock.stop()
        return Analysis(
            settings=self.settings,
            intake=begun.intake,
            masked=begun.masked,
            classified=begun.classified,
            tables=whole,
            journey=journey,
            topic_model=begun.topic_model,
            parts=self.parts,
            seconds=clock.seconds,
        )

    def _drivers(self, feedback: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
        rank = self.settings.rank
        return drivers.measure(
            feedback,
            mentions,
            min_people=rank.min_people,
            n_bootstrap=rank.n_bootstrap,
            seed=self.settings.seed,
        )

    def _findings(
        self,
        feedback: pl.DataFrame,
        mentions: pl.DataFrame,
        found: pl.DataFrame,
        driving: pl.DataFrame,
        told: "_Told",
    ) -> pl.DataFrame:
        rank = self.settings.rank
        members = findings.members(mentions)
        ranked = findings.find(
            feedback,
            mentions,
            found,
            driving,
            min_people=rank.min_people,
            n_bootstrap=rank.n_bootstrap,
            seed=self.settings.seed,
            feasibility=self._feasibility(),
            labels=self._names(members, found, told),
        )
        periods = trends.choose(feedback, period=rank.period)
        return trends.annotate(ranked, members, feedback, periods, min_people=rank.min_people)

    def _feasibility(self) -> pl.DataFrame | None:
        path = self.settings.rank.feasibility
        return None if path is None else readers.read_feasibility(path)

    def _names(self, members: pl.DataFrame, found: pl.DataFrame, told: "_Told") -> dict[Key, str]:
        """Return for each (kind, stage, topic) the name that its own mentions give it.

        Those that are most of their topic go by its name, and so do those too small to be ranked.
        """
        sizes = members.group_by(*GROUP).len().join(found, on="topic_id")
        most = sizes.filter(pl.col("len") >= MOST_OF_TOPIC * pl.col("n_mentions"))
        enough = pl.len() >= self.settings.rank.min_people
        of_group = members.filter(enough.over(*GROUP)).join(
            told.mentions.select("mention_id"), on="mention_id", how="semi"
        )
        grouped = of_group.group_by(*GROUP).agg("mention_id").sort(*GROUP)
        ids = {row[:3]: row[3] for row in grouped.rows()}
        names = {
            row[:3]: row[3]
            for row in most.select(*GROUP, "label").rows()
            if row[:3] not in ids or told.namer.said(row[3], ids[row[:3]])
        } | {**told.names}
        keys = {"\t".join(key): key for key in ids if key not in names}
        groups = {name: ids[key] for name, key in keys.items()}
        named = told.namer.groups(groups, taken=sorted(set(names.values())))
        return {**names, **{keys[key]: name for key, name in named.items()}}


def same_parts(one: Mapping[str, str], other: Mapping[str, str], which: str) -> bool:
    """Return whether both have the same versions of the parts whose names begin with `which`."""
    names = {name for name in (*one, *other) if name.startswith(which)}
    return all(one.get(name) == other.get(name) for name in names)


def _names_kept(earlier: Earlier, lineage: Sequence[topics.Descent]) -> dict[str, str]:
    """Return the earlier names of the topics that go on."""
    names = dict(earlier.tables.topics.select("topic_id", "label").iter_rows())
    kept = {line.topic_id for line in lineage if line.verdict == "kept"}
    return {topic: name for topic, name in names.items() if topic in kept}


def _with_verdicts(found: pl.DataFrame, lineage: Sequence[topics.Descent]) -> pl.DataFrame:
    """Return TOPICS with the status that the lineage gives each topic; broader ones stay new."""
    lives = {line.topic_id: line.verdict for line in lineage if line.verdict in LIVING}
    status = pl.col("topic_id").replace_strict(lives, default="new", return_dtype=pl.String)
    return found.with_columns(status=status)


def _n_others(feedback: pl.DataFrame, earlier: pl.DataFrame) -> int:
    """Return how many ids of both stand for answers of another time, score or text.

    feedback: not masked yet; a masked text of the earlier run may be any.
    """
    held = pl.col("verbatim_held")
    same = (
        pl.col("created_at").eq_missing(pl.col("created_at_held"))
        & pl.col("score").eq_missing(pl.col("score_held"))
        & ((pl.col("verbatim") == held) | held.str.contains(redact.PLACEHOLDER.pattern))
    )
    both = feedback.join(earlier, on="feedback_id", how="inner", suffix="_held")
    return both.filter(~same).height


def _names_of(ranked: pl.DataFrame) -> dict[Key, str]:
    """Return the names of an earlier run's findings."""
    kind = pl.coalesce("opportunity", "kind").replace({"remove_pain": findings.PAIN})
    rows = ranked.select(kind, "stage", "topic_id", "label").iter_rows()
    return {(kind, stage, topic): label for kind, stage, topic, label in rows}


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """The mentions that topics and findings are named by: all of a small run.

    names: that findings keep from an earlier run.
    """

    mentions: pl.DataFrame
    vectors: Vectors
    namer: labels.Namer
    names: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """What a run has, beside its tables, before it concludes."""

    intake: readers.Intake
    masked: Mapping[str, int]
    classified: Classified
    topic_model: "TopicModel"
    told: _Told


def _enough(mentions: pl.DataFrame, sample: Rows) -> Rows:
    """Return the rows of the sample, with the first of each topic and finding that it lacks."""
    placed = mentions.select("mention_id", "topic_id", row=pl.int_range(pl.len()))
    placed = placed.with_columns(known=pl.col("row").is_in(pl.Series(sample).implode()))
    of_finding = findings.members(mentions).select(*GROUP, "mention_id")
    grouped = of_finding.join(placed.drop("topic_id"), on="mention_id", maintain_order="left")
    added = [_firsts(grouped, GROUP), _firsts(placed.drop_nulls("topic_id"), ("topic_id",))]
    return np.unique(np.concatenate([sample, *added]))


def _firsts(placed: pl.DataFrame, group: Sequence[str]) -> Rows:
    """Return the first rows of each group of which too few are known."""
    few = pl.col("known").sum().over(group) < ENOUGH_TO_NAME
    first = pl.int_range(pl.len()).over(group) < ENOUGH_TO_NAME
    return placed.filter(few, first)["row"].to_numpy()


def _silent(step: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


class _Clock:
    """Tells each step as it begins and keeps how long it took."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._step = ""
        self._began = 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Hear that `step` is at `done` of `total`; another step than before ends that one."""
        if step != self._step:
            self.stop()
            self._step, self._began = step, perf_counter()
        self._on_step(step, done, total)

    def stop(self) -> None:
        """End the step under way."""
        if self._step:
            self.seconds[self._step] = round(perf_counter() - self._began, 3)
        self._step = ""

"""The steps in order, nothing else: inputs go in, one `Analysis` comes out.

Loads the trained parts once and holds them; knows no screen and writes no file. What each step
means is said in its own file; what a run leaves on disk, in `runs`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import polars as pl

from painpoints import (
    bundle,
    classify,
    drivers,
    findings,
    labels,
    readers,
    redact,
    tables,
    topics,
    trends,
)
from painpoints.arrangement import Tables, arrange
from painpoints.classify import Classified, Classifier
from painpoints.config import JourneySettings, Settings, StageSettings, load
from painpoints.domain import JourneyMap
from painpoints.encode import Encoders, part_names
from painpoints.errors import SettingsError
from painpoints.segment import Segmenter

if TYPE_CHECKING:
    from painpoints.topics import TopicModel

STEPS = ("read", "redact", "segment", "encode", "classify", "topics", "drivers", "findings")


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


class Analyser:
    """Holds the trained parts and runs the steps.

    >>> analysis = Analyser().analyse(["reviews.csv"])        # doctest: +SKIP
    >>> analysis.journey.stages[0].pain_points[0].label       # doctest: +SKIP
    """

    def __init__(self, settings: Settings | None = None, *, on_step: OnStep | None = None) -> None:
        """Load the trained parts that `settings` name.

        Raises:
            ModelError: a part is missing, damaged or of another version.
        """
        chosen = settings or load()
        self._on_step = on_step or _silent
        quality = chosen.quality
        names = ("segmenter", f"classifier-{quality}", *part_names(quality))
        segmenter, classifier, *encoders = (
            bundle.verify(bundle.current(name, chosen.models)) for name in names
        )
        bundle.refuse_mismatch(classifier, encoders)
        self.settings = in_journey(chosen, classifier)
        self.parts = {
            part.manifest["part"]: str(part.manifest["version"])
            for part in (segmenter, classifier, *encoders)
        }
        self._segmenter = Segmenter.load(segmenter.folder, parse=quality == "accurate")
        self._encoders = Encoders.load(*(part.folder for part in encoders))
        self._classifier = Classifier(classifier.artefact("heads.joblib"))

    def analyse(self, inputs: Sequence[str | Path]) -> Analysis:
        """Read the inputs and return everything found in them.

        Raises:
            InputError: the inputs cannot be used, with every reason.
        """
        clock = _Clock(self._on_step)
        with clock.step("read"):
            intake = readers.read(inputs, self.settings.read, self.settings.columns)
        with clock.step("redact"):
            feedback, masked = self._mask(intake.feedback)
        with clock.step("segment"):
            mentions = self._segmenter.segment(feedback)
        with clock.step("encode"):
            vectors, around = self._encode(mentions, feedback)
        with clock.step("classify"):
            classified = self._classify(mentions, feedback, vectors, around)
        with clock.step("topics"):
            model, mentions, found = self._topics(classified.mentions, feedback, vectors)
        with clock.step("drivers"):
            driving = self._drivers(feedback, mentions)
        with clock.step("findings"):
            ranked = self._findings(feedback, mentions, found, driving, vectors)
            whole = Tables(feedback, mentions, found, driving, ranked)
            journey = arrange(whole, self.settings)
        return Analysis(
            settings=self.settings,
            intake=intake,
            masked=masked,
            classified=classified,
            tables=whole,
            journey=journey,
            topic_model=model,
            parts=self.parts,
            seconds=clock.seconds,
        )

    def score(
        self, inputs: Sequence[str | Path], *, topic_model: "TopicModel | None" = None
    ) -> pl.DataFrame:
        """Label the mentions of the inputs; assign topics of an earlier run where given.

        Labels are read with the deployment's priors, so that a text has the same answer alone
        and in a file.
        """
        intake = readers.read(inputs, self.settings.read, self.settings.columns)
        return self._score(intake.feedback, topic_model)

    def score_texts(
        self,
        texts: Sequence[str | Mapping[str, str | None]],
        *,
        topic_model: "TopicModel | None" = None,
    ) -> pl.DataFrame:
        """Label the mentions of texts, alone or with what is known of them (`readers.from_texts`).

        `feedback_id` is the text's number from 0.
        """
        return self._score(readers.from_texts(texts, self.settings.read), topic_model)

    def _score(self, feedback: pl.DataFrame, topic_model: "TopicModel | None") -> pl.DataFrame:
        masked, _ = self._mask(feedback)
        mentions = self._segmenter.segment(masked)
        vectors, around = self._encode(mentions, masked)
        priors = self._classifier.priors
        labelled = self._classify(mentions, masked, vectors, around, priors=priors).mentions
        return labelled if topic_model is None else topic_model.assign(labelled, vectors)

    def _mask(self, feedback: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
        names = self._segmenter.names if self.settings.redact.names else None
        return redact.mask(feedback, settings=self.settings.redact, find_names=names)

    def _encode(
        self, mentions: pl.DataFrame, feedback: pl.DataFrame
    ) -> tuple[classify.Vectors, classify.Vectors]:
        """Return the vectors of the mentions and of what stands around them, row-aligned."""

        def tell(done: int, total: int) -> None:
            self._on_step("encode", done, total)

        around = classify.contexts(mentions, feedback)
        return self._encoders.read(mentions["text"].to_list(), around, tell)

    def _classify(
        self,
        mentions: pl.DataFrame,
        feedback: pl.DataFrame,
        vectors: classify.Vectors,
        around: classify.Vectors,
        *,
        priors: classify.Priors | None = None,
    ) -> Classified:
        stages = self.settings.journey.stages
        return self._classifier.classify(
            mentions, feedback, vectors, around, stages=stages, priors=priors
        )

    def _topics(
        self, mentions: pl.DataFrame, feedback: pl.DataFrame, vectors: classify.Vectors
    ) -> tuple["TopicModel", pl.DataFrame, pl.DataFrame]:
        """Return the frozen topics, the mentions with theirs, and the named TOPICS table."""
        model = topics.fit(mentions, vectors, settings=self.settings.topics)
        assigned = model.assign(mentions, vectors)
        found = model.table(assigned, feedback)
        named = labels.describe(
            assigned,
            vectors,
            self._segmenter.phrases,
            terms=dict(zip(model.topic_ids, model.terms, strict=True)),
            parents=dict(zip(model.topic_ids, model.parent_ids, strict=True)),
            encode=self._encoders.mentions.encode,
        )
        columns = list(tables.TOPICS.schema())
        return model, assigned, found.join(named, on="topic_id", how="inner").select(columns)

    def _drivers(self, feedback: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
        rank = self.settings.rank
        return drivers.measure(
            feedback,
            mentions,
            min_people=rank.min_people,
            n_bootstrap=rank.n_bootstrap,
            seed=self.settings.seed,
            ces_direction=self.settings.read.ces_direction,
        )

    def _findings(
        self,
        feedback: pl.DataFrame,
        mentions: pl.DataFrame,
        found: pl.DataFrame,
        driving: pl.DataFrame,
        vectors: classify.Vectors,
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
            labels=self._names(members, mentions, vectors),
            ces_direction=self.settings.read.ces_direction,
        )
        periods = trends.choose(feedback, period=rank.period)
        return trends.annotate(ranked, members, feedback, periods, min_people=rank.min_people)

    def _feasibility(self) -> pl.DataFrame | None:
        path = self.settings.rank.feasibility
        return None if path is None else readers.read_feasibility(path)

    def _names(
        self, members: pl.DataFrame, mentions: pl.DataFrame, vectors: classify.Vectors
    ) -> dict[tuple[str, str, str], str]:
        """Return for each (kind, stage, topic) the name that its own mentions give it.

        Groups too small to be ranked keep the name of their topic.
        """
        enough = pl.len() >= self.settings.rank.min_people
        of_group = members.filter(enough.over("kind", "stage", "topic_id"))
        grouped = of_group.group_by("kind", "stage", "topic_id").agg("mention_id")
        keys = {"\t".join(row[:3]): row for row in grouped.sort("kind", "stage", "topic_id").rows()}
        named = labels.name_groups(
            {key: row[3] for key, row in keys.items()},
            mentions,
            vectors,
            self._segmenter.phrases,
            self._encoders.mentions.encode,
        )
        return {keys[key][:3]: name for key, name in named.items()}


def in_journey(settings: Settings, classifier: bundle.Part) -> Settings:
    """Return the settings with the journey that the classifier was trained for, if it has its own.

    Raises:
        SettingsError: the settings' stages say nothing of the stages that the classifier knows.
    """
    trained = [StageSettings(**stage) for stage in classifier.manifest.get("stages", ())]
    own = settings.journey.stages
    if not trained:
        return settings
    if not own:
        return settings.model_copy(update={"journey": JourneySettings(stages=tuple(trained))})
    known = {stage.name for stage in trained}
    lost = known - {name for stage in own for name in (stage.name, *stage.covers)}
    if lost:
        raise SettingsError(
            f"journey.stages: the classifier {classifier.folder.name} was trained on other stages; "
            f"no stage of the settings is or covers {', '.join(sorted(lost))}. Leave the stages out "
            "of the settings, or go back with `painpoints models rollback`"
        )
    return settings


def _silent(step: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


class _Clock:
    """Tells each step as it begins and keeps how long it took."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        self._on_step(name)
        began = perf_counter()
        yield
        self.seconds[name] = round(perf_counter() - began, 3)

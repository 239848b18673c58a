"""What is done to each part of the feedback by itself: mask it, read it, label it.

A `Reader` holds the trained parts and does it to one part. `Parts` is all of a run's feedback under
way, in one part (`Whole`, in memory) or in many (`distribute`, in files); what only the whole can
tell (how placeholders are numbered, how often each label occurs, which topics there are) is found
between its three passes. The steps around them are `pipeline`'s affair.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import bundle, classify, redact
from painpoints.bundle import HEADS
from painpoints.classify import Classified, Classifier, Probabilities, Vectors
from painpoints.config import JourneySettings, Settings, StageSettings
from painpoints.domain import Sentiment
from painpoints.errors import SettingsError
from painpoints.labeller import Labeller, Told, companions
from painpoints.segment import Segmenter

if TYPE_CHECKING:
    from painpoints.topics import TopicModel

Rows = npt.NDArray[np.int64]

SAMPLED = 50_000
"""Feedbacks up to which all mentions are the sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The mentions of a part, before they are labelled.

    mentions: MENTIONS as far as "segment".
    vectors:  (n_mentions, dim) float32, unit rows.
    given:    for each label (n_mentions, classes), under the deployment's priors.
    """

    mentions: pl.DataFrame
    vectors: Vectors
    given: Mapping[str, Probabilities]

    def at(self, rows: Rows) -> "Reading":
        """Return these rows of it."""
        given = {label: found[rows] for label, found in self.given.items()}
        return Reading(self.mentions[rows], self.vectors[rows], given)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The mentions that priors, topics and names are found on: all of a small run.

    rows:     of the mentions, (n,), in the order of all mentions.
    feedback: every feedback that holds one of them.
    """

    rows: Rows
    feedback: pl.DataFrame
    reading: Reading


class Parts(Protocol):
    """A run's feedback under way; the passes are made once each, in this order."""

    def mask(self, after: Mapping[str, int]) -> tuple[pl.DataFrame, Mapping[str, int]]:
        """Return all feedback without personal data, and how much of each kind was masked.

        after: the highest number of each kind that placeholders of an earlier run have.
        """

    def read(self) -> Sample:
        """Cut all feedback into mentions, read them, and return the sample."""

    def label(self, priors: classify.Priors, model: "TopicModel") -> Classified:
        """Return all mentions with labels and topics."""

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of these mentions, (n, dim) float32."""


class Reader:
    """The trained parts in force, and what they do to a part of the feedback."""

    def __init__(self, settings: Settings) -> None:
        """Find and verify the trained parts that `settings` name; those that label load when first used.

        Raises:
            ModelError: a part is missing, damaged or of another version.
            SettingsError: its stages say nothing of those that the classifier was trained for.
        """
        quality = settings.quality
        segmenter, classifier = (
            bundle.verify(bundle.current(name, settings.models))
            for name in ("segmenter", f"classifier-{quality}")
        )
        self._companions = companions(quality, settings.models)
        bundle.refuse_mismatch(classifier, self._companions.encoders)
        self.settings = in_journey(settings, classifier)
        self.versions = {
            part.manifest["part"]: str(part.manifest["version"])
            for part in (segmenter, classifier, *self._companions.parts)
        }
        self.segmenter = Segmenter.load(segmenter.folder, parse=quality == "accurate")
        self.classifier = Classifier(classifier.artefact(HEADS))

    def under(self, settings: Settings) -> Self:
        """Return a reader with other settings and the same trained parts."""
        other = copy(self)
        other.settings = settings
        return other

    @cached_property
    def labeller(self) -> Labeller:
        """What turns texts into vectors and probabilities."""
        return self._companions.load(self.classifier)

    def mask(self, feedback: pl.DataFrame) -> redact.Masked:
        """Return the part without personal data, its placeholders numbered from its own first."""
        names = self.segmenter.names if self.settings.redact.names else None
        return redact.mask_part(feedback, settings=self.settings.redact, find_names=names)

    def read(self, feedback: pl.DataFrame, tell: Told) -> Reading:
        """Return the mentions of a masked part with what the encoders and the heads say of them."""
        tell("segment", 0, 0)
        mentions = self.segmenter.segment(feedback)
        tell("encode", 0, 0)
        said = [redact.unnumbered(text) for text in mentions["text"]]
        around = [redact.unnumbered(text) for text in classify.contexts(mentions, feedback)]
        return Reading(mentions, *self.labeller.read(said, around, tell))

    def listen(self, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
        """Return of texts, each by itself, the vectors and how likely each `Sentiment` is, (n, 3)."""
        vectors, given = self.labeller.glance(texts)
        known = self.classifier.classes("sentiment")
        return vectors, given["sentiment"][:, [known.index(feeling) for feeling in Sentiment]]

    def label(
        self, feedback: pl.DataFrame, reading: Reading, priors: classify.Priors | None
    ) -> Classified:
        """Label the mentions of a part; no priors means to estimate them from its mentions."""
        stages = self.settings.journey.stages
        return self.classifier.label(
            reading.mentions, feedback, reading.given, stages=stages, priors=priors
        )

    def place(
        self,
        feedback: pl.DataFrame,
        reading: Reading,
        priors: classify.Priors,
        model: "TopicModel",
    ) -> Classified:
        """Label the mentions of a part and assign their topics."""
        labelled = self.label(feedback, reading, priors)
        return replace(labelled, mentions=model.assign(labelled.mentions, reading.vectors))


class Whole:
    """The `Parts` of a run that one process holds in memory: a single one."""

    def __init__(self, reader: Reader, feedback: pl.DataFrame, tell: Told) -> None:
        self._reader = reader
        self._feedback = feedback
        self._tell = tell
        self._reading: Reading | None = None

    def mask(self, after: Mapping[str, int]) -> tuple[pl.DataFrame, Mapping[str, int]]:
        """Return all feedback without personal data, and how much of each kind was masked."""
        masked = self._reader.mask(self._feedback)
        _, numbers = redact.numbering([after, masked.before], [(), masked.values])
        self._feedback = redact.renumbered(masked.feedback, numbers)
        return self._feedback, masked.counts

    def read(self) -> Sample:
        """Cut all feedback into mentions, read them, and return the sample."""
        self._reading = self._reader.read(self._feedback, self._tell)
        rows = sampled(self._reading.mentions, share(self._feedback.height))
        return Sample(rows, self._feedback, self._reading.at(rows))

    def label(self, priors: classify.Priors, model: "TopicModel") -> Classified:
        """Return all mentions with labels and topics."""
        assert self._reading is not None, "label comes after read"
        return self._reader.place(self._feedback, self._reading, priors, model)

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of these mentions."""
        assert self._reading is not None, "vectors come after read"
        return self._reading.vectors[rows]


def share(n_feedback: int) -> float:
    """Return the share of the mentions that makes the sample of a run, 0..1."""
    return min(1.0, SAMPLED / max(n_feedback, 1))


def sampled(mentions: pl.DataFrame, share: float) -> Rows:
    """Return the rows of the mentions in the sample, chosen by a hash of their text.

    So a text is in the sample of any run of that size or not, wherever it stands, and with all
    its copies.
    """
    if share >= 1.0:
        return np.arange(mentions.height)
    most = int(share * 2**64)
    texts = mentions["text"]
    chosen = [text for text in texts.unique() if _hash(text) < most]
    return (
        texts.is_in(pl.Series(chosen, dtype=pl.String).implode())
        .arg_true()
        .cast(pl.Int64)
        .to_numpy()
    )


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=b"sample").digest(), "big")


def in_journey(settings: Settings, classifier: bundle.Part) -> Settings:
    """Return the settings with the journey that the classifier was trained for, if it has its own.

    Raises:
        SettingsError: the settings' stages say nothing of the stages that the classifier knows.
    """
    trained = [StageSettings(**stage) for stage in classifier.manifest.get("stages", ())]
    own: Sequence[StageSettings] = settings.journey.stages
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

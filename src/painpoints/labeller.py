"""Mentions in their contexts -> vectors, and how likely each label is.

The one way from texts to probabilities, for runs, single texts, and those who judge or retrain: the
encoders of a quality, the classifier on their vectors and, where the quality has one, the
cross-encoder for what is in doubt. What is made of the probabilities is left to `classify`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from painpoints import bundle, encode
from painpoints.bundle import HEADS
from painpoints.classify import Classifier, Probabilities
from painpoints.cross_encoder import CrossEncoder, SecondOpinion
from painpoints.encode import Encoders, Vectors

CROSS_ENCODER = "cross-encoder"

Told = Callable[[str, int, int], None]
"""Is told the step, and how many of how many pieces of it are done."""


def _nobody(step: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Labeller:
    """The loaded parts that label; `second` is None where the quality has no second opinions."""

    encoders: Encoders
    classifier: Classifier
    second: SecondOpinion | None

    def read(
        self, texts: Sequence[str], contexts: Sequence[str], tell: Told = _nobody
    ) -> tuple[Vectors, Mapping[str, Probabilities]]:
        """Return the vectors of mentions, (n, dim), and for each label (n, classes).

        Probabilities are those under the deployment's priors.

        Args:
            texts: of the mentions.
            contexts: what stands around each, the mention among it.
            tell: is told of the steps "encode" and "classify".
        """

        def encoding(done: int, total: int) -> None:
            tell("encode", done, total)

        def classifying(done: int, total: int) -> None:
            tell("classify", done, total)

        vectors, around = self.encoders.read(texts, contexts, encoding)
        if self.second is None:
            return vectors, self.classifier.probabilities(vectors, around)
        pairs = list(zip(texts, contexts, strict=True))
        return vectors, self.second.weigh(self.classifier, vectors, around, pairs, classifying)

    def glance(self, texts: Sequence[str]) -> tuple[Vectors, Mapping[str, Probabilities]]:
        """Return the same of texts that stand alone, without second opinions."""
        vectors, around = self.encoders.read(texts, texts)
        return vectors, self.classifier.probabilities(vectors, around)


def part_names(quality: str) -> tuple[str, ...]:
    """Return the names of the parts that label beside a quality's classifier, each once."""
    asked = (CROSS_ENCODER,) if quality == "accurate" else ()
    return tuple(dict.fromkeys((*encode.part_names(quality), *asked)))


@dataclass(frozen=True, slots=True)
class Companions:
    """The verified parts that label beside a classifier; `cross_encoder` is none of some qualities.

    encoders: of the mentions, and of what stands around them.
    shipped:  the classifier that no analyst trained.
    """

    encoders: tuple[bundle.Part, ...]
    shipped: bundle.Part
    cross_encoder: bundle.Part | None

    @property
    def parts(self) -> tuple[bundle.Part, ...]:
        """Those that a run names beside its classifier."""
        return self.encoders if self.cross_encoder is None else (*self.encoders, self.cross_encoder)

    def load(self, classifier: Classifier) -> Labeller:
        """Return the parts ready for use, with the classifier in force.

        Raises:
            ModelError: one holds no model that can be read.
        """
        encoders = Encoders.load(*(part.folder for part in self.encoders))
        if self.cross_encoder is None:
            return Labeller(encoders, classifier, None)
        shipped = Classifier(self.shipped.artefact(HEADS))
        second = SecondOpinion(CrossEncoder.load(self.cross_encoder), shipped)
        return Labeller(encoders, classifier, second)


def companions(quality: str, models: Path | None) -> Companions:
    """Return the parts of a quality that are in force.

    Args:
        quality: fast or accurate.
        models: folder of own parts.

    Raises:
        ModelError: one is missing or damaged.
    """
    found = {name: bundle.verify(bundle.current(name, models)) for name in part_names(quality)}
    encoders = tuple(found[name] for name in encode.part_names(quality))
    shipped = bundle.verify(bundle.shipped(f"classifier-{quality}", bundle.own_models(models)))
    return Companions(encoders, shipped, found.get(CROSS_ENCODER))

"""Mentions in their contexts -> vectors, and how likely each label is.

The one way from texts to probabilities, for runs, single texts, and those who judge or retrain: the
encoders of a quality, the classifier on their vectors and, where the quality has one, the
cross-encoder for what is in doubt. What is made of the probabilities is left to `classify`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from painpoints import bundle, encode
from painpoints.classify import Classifier, Probabilities
from painpoints.cross_encoder import CrossEncoder, second_opinion
from painpoints.encode import Encoders, Vectors

CROSS_ENCODER = "cross-encoder"

Told = Callable[[str, int, int], None]
"""Is told the step, and how many of how many pieces of it are done."""


def _nobody(step: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Labeller:
    """The loaded parts that label; `cross_encoder` is None where the quality has none."""

    encoders: Encoders
    classifier: Classifier
    cross_encoder: CrossEncoder | None

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
        vectors, given = self.glance(
            texts, contexts, lambda done, total: tell("encode", done, total)
        )
        if self.cross_encoder is None:
            return vectors, given
        pairs = list(zip(texts, contexts, strict=True))
        weighed = second_opinion(
            given,
            pairs,
            self.classifier,
            self.cross_encoder,
            lambda done, total: tell("classify", done, total),
        )
        return vectors, weighed

    def glance(
        self,
        texts: Sequence[str],
        contexts: Sequence[str],
        tell: Callable[[int, int], None] | None = None,
    ) -> tuple[Vectors, Mapping[str, Probabilities]]:
        """Return the same without a second opinion."""
        vectors, around = self.encoders.read(texts, contexts, tell)
        return vectors, self.classifier.probabilities(vectors, around)


def part_names(quality: str) -> tuple[str, ...]:
    """Return the names of the parts that label beside a quality's classifier, each once."""
    asked = (CROSS_ENCODER,) if quality == "accurate" else ()
    return tuple(dict.fromkeys((*encode.part_names(quality), *asked)))


@dataclass(frozen=True, slots=True)
class Beside:
    """The verified parts that label beside a classifier; `cross_encoder` is none of some qualities.

    encoders: of the mentions, and of what stands around them.
    """

    encoders: tuple[bundle.Part, ...]
    cross_encoder: bundle.Part | None

    @property
    def parts(self) -> tuple[bundle.Part, ...]:
        """All of them."""
        return self.encoders if self.cross_encoder is None else (*self.encoders, self.cross_encoder)

    def load(self, classifier: Classifier) -> Labeller:
        """Return the parts ready for use, with the classifier.

        Raises:
            ModelError: one holds no model that can be read.
        """
        encoders = Encoders.load(*(part.folder for part in self.encoders))
        asked = self.cross_encoder
        return Labeller(encoders, classifier, None if asked is None else CrossEncoder.load(asked))


def beside(quality: str, models: Path | None) -> Beside:
    """Return the parts of a quality that are in force.

    Args:
        quality: fast or accurate.
        models: folder of own parts.

    Raises:
        ModelError: one is missing or damaged.
    """
    found = {name: bundle.verify(bundle.current(name, models)) for name in part_names(quality)}
    encoders = tuple(found[name] for name in encode.part_names(quality))
    return Beside(encoders, found.get(CROSS_ENCODER))

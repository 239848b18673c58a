"""A second opinion on mentions whose labels are in doubt, by a model that reads them in context.

The classifier labels a mention by two vectors, its own and its surroundings'. The cross-encoder
reads both in one input, so that every word sees the others: it is right more often and takes four
times as long. So it is asked only where the classifier doubts; the answer is then a weighted
geometric mean of both, extremised (docs/decisions/0038). Whether a mention is in doubt depends on
nothing but the mention: the same text gets the same labels in every run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, Probabilities
from painpoints.encode import Pair, ReadPairs, Vectors, pair_reader

BATCH = 512
"""Pairs after which it is told how far the work is."""

DOUBTED = ("stage", "touchpoint", "sentiment", "type")
"""Labels whose doubts count; severity is a degree, and always a little in doubt."""

DOUBT = 0.15
"""Mean over `DOUBTED` of what their likeliest answers lack to 1, from which a mention is in doubt."""

WEIGHT = 3 / 4
"""Of the cross-encoder's answer beside the classifier's."""

EXTREMISED = 1 / 0.9
"""Power that the mean of both is raised to: two opinions that agree are surer together than either
(Satopää et al. 2014, combining multiple probability predictions using a simple logit model)."""

_LEAST = np.finfo(np.float32).tiny
"""What a probability is divided by at least: that of a class ruled out is 0."""


class CrossEncoder:
    """What reads mentions in their context; `CrossEncoder.load` is the way to one."""

    def __init__(self, read: ReadPairs, heads: Classifier) -> None:
        """Take what reads pairs into states of the mentions and of all, and the heads on both."""
        self._read = read
        self._heads = heads

    @classmethod
    def load(cls, part: bundle.Part) -> "CrossEncoder":
        """Load a verified part, on the CPU, from disk alone.

        Raises:
            ModelError: the part holds no model that can be read.
        """
        return cls(pair_reader(part.folder), Classifier(part.artefact(bundle.HEADS)))

    def classes(self, label: str) -> tuple[str, ...]:
        """Return the classes of a label in the order of its probabilities."""
        return self._heads.classes(label)

    def probabilities(
        self, pairs: Sequence[Pair], tell: Callable[[int, int], None] | None = None
    ) -> dict[str, Probabilities]:
        """Return for each label (n, classes) under the deployment's priors, row-aligned.

        Each distinct pair is read once, with others of about its length.

        Args:
            pairs: mentions with their contexts.
            tell: is told how many of how many distinct ones are read.
        """
        distinct = sorted(set(pairs), key=lambda pair: (len(pair[0]) + len(pair[1]), pair))
        found = []
        for start in range(0, len(distinct), BATCH):
            if tell is not None:
                tell(start, len(distinct))
            found.append(self._heads.probabilities(*self._read(distinct[start : start + BATCH])))
        place = {pair: row for row, pair in enumerate(distinct)}
        rows = [place[pair] for pair in pairs]
        return {label: np.concatenate([one[label] for one in found])[rows] for label in LABELS}


def in_doubt(given: Mapping[str, Probabilities]) -> NDArray[np.int64]:
    """Return the rows of the mentions whose labels are in doubt, (n,)."""
    lack = np.mean([1.0 - given[label].max(axis=1) for label in DOUBTED], axis=0)
    return np.flatnonzero(lack >= DOUBT)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """Who is asked where a classifier doubts, and how the answers are weighed.

    other:   the cross-encoder.
    shipped: the classifier that no analyst trained. What another says otherwise than this one counts
             in full beside the second opinion, since the cross-encoder has not learnt from the analyst.
    """

    other: CrossEncoder
    shipped: Classifier

    def weigh(
        self,
        classifier: Classifier,
        vectors: Vectors,
        contexts: Vectors,
        pairs: Sequence[Pair],
        tell: Callable[[int, int], None] | None = None,
    ) -> dict[str, Probabilities]:
        """Return for each label (n, classes): the classifier's answer, weighed where it doubts.

        A label with classes of an analyst's own keeps what the classifier says.

        Args:
            classifier: in force.
            vectors: of the mentions, (n, dim).
            contexts: of what stands around them, (n, dim).
            pairs: the mentions with their contexts in words, row-aligned.
            tell: is told how many of how many distinct mentions in doubt are read.
        """
        given = classifier.probabilities(vectors, contexts)
        rows = in_doubt(given)
        if not len(rows):
            return given
        shipped = self.shipped.probabilities(vectors[rows], contexts[rows])
        asked = self.other.probabilities([pairs[row] for row in rows], tell)
        for label in LABELS:
            if classifier.classes(label) == self.other.classes(label):
                mean = shipped[label] ** (1 - WEIGHT) * asked[label] ** WEIGHT
                taught = given[label][rows] / np.maximum(shipped[label], _LEAST)
                both = mean**EXTREMISED * taught
                given[label][rows] = both / both.sum(axis=1, keepdims=True)
        return given

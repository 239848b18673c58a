"""A second opinion on mentions whose labels are in doubt, by a model that reads them in context.

The classifier labels a mention by two vectors, its own and its surroundings'. The cross-encoder
reads both in one input, so that every word sees the others: it is right more often and takes four
times as long. So it is asked only where the classifier doubts; the answer is then a weighted
geometric mean of both (docs/decisions/0038). Whether a mention is in doubt depends on
nothing but the mention: the same text gets the same labels in every run.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, Probabilities
from painpoints.encode import Pair, ReadPairs, pair_reader

BATCH = 32
TOLD_EVERY = 512

DOUBTED = ("stage", "touchpoint", "sentiment", "type")
"""Labels whose doubts count; severity is a degree, and always a little in doubt."""

DOUBT = 0.25
"""Mean over `DOUBTED` of what their likeliest answers lack to 1, from which a mention is in doubt."""

WEIGHT = 2 / 3
"""Of the cross-encoder's answer beside the classifier's."""


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
        return cls(pair_reader(part.folder), Classifier(part.artefact("heads.joblib")))

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
            if tell is not None and start % TOLD_EVERY == 0:
                tell(start, len(distinct))
            found.append(self._heads.probabilities(*self._read(distinct[start : start + BATCH])))
        place = {pair: row for row, pair in enumerate(distinct)}
        rows = [place[pair] for pair in pairs]
        return {label: np.concatenate([one[label] for one in found])[rows] for label in LABELS}


def in_doubt(given: Mapping[str, Probabilities]) -> NDArray[np.int64]:
    """Return the rows of the mentions whose labels are in doubt, (n,)."""
    lack = np.mean([1.0 - given[label].max(axis=1) for label in DOUBTED], axis=0)
    return np.flatnonzero(lack >= DOUBT)


def second_opinion(
    given: Mapping[str, Probabilities],
    pairs: Sequence[Pair],
    classifier: Classifier,
    other: CrossEncoder,
    tell: Callable[[int, int], None] | None = None,
) -> dict[str, Probabilities]:
    """Return the probabilities of `classifier`, weighed with the other's where in doubt.

    A label for which `classifier` has classes of its own keeps what it gave.

    Args:
        given: for each label (n, classes), of `classifier`.
        pairs: the mentions with their contexts, row-aligned.
        classifier: that gave them.
        other: that is asked.
        tell: is told how many of how many distinct mentions in doubt are read.
    """
    rows = in_doubt(given)
    if not len(rows):
        return dict(given)
    asked = other.probabilities([pairs[row] for row in rows], tell)
    weighed = dict(given)
    for label in LABELS:
        if classifier.classes(label) == other.classes(label):
            weighed[label] = given[label].copy()
            weighed[label][rows] = _weighed(given[label][rows], asked[label])
    return weighed


def _weighed(one: Probabilities, other: Probabilities) -> Probabilities:
    product = one ** (1 - WEIGHT) * other**WEIGHT
    weighed: Probabilities = product / product.sum(axis=1, keepdims=True)
    return weighed

"""Unit rows to topics: average linkage on cosine, cut where the silhouette is best.

How that was chosen: docs/decisions/0041.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from painpoints.topics.vectors import Floats, Ints, distances, means, unit

N_CUTS = 12
"""Numbers of topics, evenly spaced in their logarithm, among which the silhouette chooses."""
MOST_JUDGED = 2_500
"""Rows, at even distances, that the silhouette is taken of."""
POLARITY = 0.35
"""Length of the sentiment feature beside a unit text vector, while topics are found."""
SAME = 0.15
"""Topics with less than this between them, in cosine, are told as one (docs/decisions/0041)."""
BARE = 0.1
"""Share of bare verdicts ("worst app ever") from which a topic counts as general praise or blame."""
NEARER = 0.5
"""What is left of the distance between two such topics of one feeling, when topics are joined."""
LOOSE = 0.5
"""Mean cosine of its members to its middle, by their texts, under which a topic is cut in parts."""
PART_SIZE = 4
"""Members of such a part, on average, in smallest topics."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """What a clusterer found: a topic for each text, and a broader one for each topic.

    labels:  (n,) topic of each text, 0..k-1.
    parents: (k,) broader topic of each topic, or -1.
    """

    labels: Ints
    parents: Ints

    @classmethod
    def single(cls, n: int) -> Self:
        """Return one topic for all of `n` texts (none for no text)."""
        return cls(np.zeros(n, np.int64), np.full(min(n, 1), -1))


class Clusterer:
    """Average linkage in the shape that BERTopic asks of a clusterer.

    After `fit`, `labels_` has a topic for every row and `found_` the same with parents.
    """

    def __init__(self, smallest: int, bare: Ints | None = None) -> None:
        """Take the size of the smallest topic and, where feelings are known, the bare verdicts."""
        self.smallest, self.bare = smallest, bare

    def fit(self, X: Floats, y: object = None) -> Self:  # noqa: ARG002, N803 - BERTopic's signature
        """Cluster unit rows by cosine."""
        self.found_ = cluster(X, self.smallest, self.bare)
        self.labels_ = self.found_.labels
        return self


def smallest_topic(n_texts: int) -> int:
    """Return the size under which a topic is dissolved: 3 of 50 texts, 8 of 1,000, 20 of 20,000."""
    return max(3, round(float(np.power(n_texts, 0.3))))


def cluster(vectors: Floats, smallest: int, bare: Ints | None = None) -> Clustering:
    """Cluster unit rows: average linkage on cosine, cut where the silhouette is best.

    Every row is first drawn towards its nearest neighbours, twice, which evens out wording; in the
    end topics that nobody would tell apart are joined, and loose ones cut in parts. Time and memory
    grow with the square of the rows: 5,000 take some 15 s and 400 MB.

    bare: (n,) -1 for rows that only blame, 1 for those that only praise, else 0; None: not known.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    drawn = _drawn_together(vectors, _n_neighbours(len(vectors)), rounds=2)
    tree = linkage(squareform(distances(drawn), checks=False), "average")
    fewest = _fewest(len(vectors))
    sizes = np.unique(np.geomspace(fewest, max(fewest, len(vectors) / 4), N_CUTS).astype(int))
    cuts = [fcluster(tree, size, "maxclust") for size in sizes]
    tidy = [_tidy(drawn, labels, smallest) for labels in cuts]
    enough = [labels for labels in tidy if labels.max() + 1 >= fewest] or tidy
    judged = slice(None, None, -(-len(vectors) // MOST_JUDGED))
    between = distances(vectors[judged])
    best = max(enough, key=lambda labels: _silhouette(between, labels[judged]))
    apart = _apart(vectors, _joined(vectors, best, bare), smallest, felt=bare is not None)
    return Clustering(apart, _broader(vectors, apart))


def _apart(vectors: Floats, labels: Ints, smallest: int, *, felt: bool = False) -> Ints:
    """Return the labels with loose topics cut in parts, numbered 0..k-1.

    A topic is loose where its members have less than `LOOSE` mean cosine to their middle: it
    gathers what is near nothing else. It is cut by Ward's linkage into parts of some
    `PART_SIZE` times the smallest topic; what stays below the smallest goes to the nearest part.
    Where the rows hold the feeling (`felt`), it adds to every cosine of one feeling.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    tight = _tightness(vectors, means(vectors, labels), labels)
    loose = (LOOSE + POLARITY**2) / (1 + POLARITY**2) if felt else LOOSE
    answer = labels.copy()
    for topic in np.flatnonzero(tight < loose):
        own = np.flatnonzero(labels == topic)
        n_parts = round(len(own) / (PART_SIZE * smallest))
        if n_parts < 2:
            continue
        parts = fcluster(linkage(vectors[own], "ward"), n_parts, "maxclust")
        answer[own] = answer.max() + 1 + _tidy(vectors[own], parts.astype(np.int64), smallest)
    return np.unique(answer, return_inverse=True)[1].astype(np.int64)


def _joined(vectors: Floats, labels: Ints, bare: Ints | None = None) -> Ints:
    """Return the labels with topics that nobody would tell apart made one, numbered 0..k-1.

    Two topics are one where their members are on average nearly as close to the other's middle as
    to their own (in cosine, less than `SAME` between them); in a joined topic that holds for every
    pair, so that a chain of neighbours does not run together. Two topics of general blame, or of
    general praise, count as nearer to each other than they are.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    sizes = np.bincount(labels).astype(np.float64)
    if len(sizes) < 2:
        return labels
    middles = means(vectors, labels)
    length = sizes * _tightness(vectors, middles, labels)
    tight = (length[:, None] + length) / (sizes[:, None] + sizes)
    apart = tight * (1.0 - middles @ middles.T)
    np.fill_diagonal(apart, 0.0)
    if bare is not None:
        apart[_both_bare(bare, labels)] *= NEARER
    tree = linkage(squareform(apart.clip(0.0), checks=False), "complete")
    groups = fcluster(tree, SAME, "distance")
    return np.unique(groups[labels], return_inverse=True)[1].astype(np.int64)


def _both_bare(bare: Ints, labels: Ints) -> npt.NDArray[np.bool_]:
    """Return for each two topics whether bare verdicts of one feeling stand in both, (k, k)."""
    sizes = np.bincount(labels)
    both = np.zeros((len(sizes), len(sizes)), dtype=bool)
    for pole in (-1, 1):
        often = np.bincount(labels, bare == pole) >= BARE * sizes
        both |= np.outer(often, often)
    return both


def _tightness(vectors: Floats, middles: Floats, labels: Ints) -> npt.NDArray[np.float64]:
    """Return the mean cosine of the members of each topic to its middle, (k,)."""
    own = np.einsum("nd,nd->n", vectors, middles[labels])
    return np.asarray(np.bincount(labels, own) / np.bincount(labels))


def _fewest(n_texts: int) -> int:
    """Return the number of topics below which a cut says too little: 4 of 50 texts, 16 of 1,000."""
    return max(2, round(float(np.sqrt(n_texts)) / 2))


def _n_neighbours(n_texts: int) -> int:
    return int(np.clip(round(float(np.sqrt(n_texts)) / 2), 2, 10))


def _drawn_together(vectors: Floats, n_neighbours: int, rounds: int) -> Floats:
    """Return each row as the unit mean of itself and its neighbours, weighted by their cosine."""
    drawn = vectors
    k = min(n_neighbours + 1, len(vectors))
    for _ in range(rounds):
        cosine = drawn @ drawn.T
        near = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        weights = np.take_along_axis(cosine, near, axis=1).clip(0.0, None)
        drawn = unit(np.einsum("nk,nkd->nd", weights, drawn[near]))
    return drawn


def _silhouette(distances: Floats, labels: Ints) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(labels):
        return -1.0
    return float(silhouette_score(distances, labels, metric="precomputed"))


def _tidy(vectors: Floats, labels: Ints, smallest: int) -> Ints:
    """Return the labels 0..k-1 with topics under `smallest` dissolved into the nearest others."""
    names, sizes = np.unique(labels, return_counts=True)
    kept = names[sizes >= smallest]
    if len(kept) == 0:
        return np.zeros(len(labels), np.int64)
    place = np.searchsorted(kept, labels).clip(0, len(kept) - 1)
    return _to_nearest(vectors, np.where(kept[place] == labels, place, -1))


def _to_nearest(vectors: Floats, labels: Ints) -> Ints:
    """Return the nearest of the topics' means for every row, -1 rows too; numbered 0..k-1."""
    answer = (vectors @ means(vectors, labels).T).argmax(axis=1)
    return np.unique(answer, return_inverse=True)[1].astype(np.int64)


def _broader(vectors: Floats, labels: Ints) -> Ints:
    """Return the parent of each topic: topics joined about four to one; -1 for one that is alone."""
    from scipy.cluster.hierarchy import fcluster, linkage

    k = int(labels.max()) + 1
    if k < 6:
        return np.full(k, -1)
    tree = linkage(means(vectors, labels), "average", metric="cosine")
    groups = fcluster(tree, max(2, round(k / 4)), "maxclust") - 1
    alone = np.bincount(groups)[groups] < 2
    return np.where(alone, -1, groups).astype(np.int64)

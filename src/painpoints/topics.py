"""Vectors to topics with stable ids: found once, frozen, then assigned by one function.

The one file that knows BERTopic. Finding happens on distinct
texts in the order of their spelling, so neither row order nor copies matter; what is found is
frozen to centroids, and `TopicModel.assign` alone says which topic a mention has, for the data
that made the topics and for all later data. Names of topics are `painpoints.labels`' affair.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import absent
from painpoints.config import TopicSettings
from painpoints.domain import NO_STAGE, MentionType, Reason, Sentiment
from painpoints.errors import ModelError, TableError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SCALE = 4_000
"""Steps per unit of the grid that vectors are rounded to before they are compared.

On it a dot product of two unit vectors is a sum of integers below 2**24, which float32 adds
without error in any order: batch, single, and any number of threads give the same bits.
"""
BLOCK = 16_384
"""Rows compared at once; bounds the memory of `assign`."""

N_CUTS = 12
"""Numbers of topics, evenly spaced in their logarithm, among which the silhouette chooses."""
MOST_JUDGED = 2_500
"""Rows, at even distances, that the silhouette is taken of."""
SHRINK = 100
"""Texts at which half of their common part is taken off; with few texts it is mostly chance."""
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
N_TERMS = 10
N_EXEMPLARS = 5

_POLE = {Sentiment.NEGATIVE: (1.0, 0.0), Sentiment.POSITIVE: (0.0, 1.0)}
_SIGN = {Sentiment.NEGATIVE: -1, Sentiment.POSITIVE: 1}
_BETWEEN = (0.5**0.5, 0.5**0.5)

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NO_ANSWER_WORDS = (
    "did not answer | don't know | dont know | i don't know | idk | n/a | na | nil | no | no "
    "answer | no comment | no comments | none | nope | not applicable | not sure | not that i can "
    "think of | nothing | nothing at all | nothing comes to mind | nothing else | nothing really "
    "| nothing to add | unsure"
)
_NO_ANSWER = frozenset(_NO_ANSWER_WORDS.split(" | "))
_FILLER_WORDS = (
    "a about absolutely again ah all alright also always am amazing an and any anymore anything "
    "anyway are as at awesome awful bad best bit brilliant but by bye can cheers cool could day "
    "dear did disappointing do does done especially evening ever every everyone everything "
    "excellent exceptional extremely fab fabulous fantastic far fine for from gentleman gentlemen "
    "good goodbye great had happy has have hello here hey hi hope horrible how i i'd i'll i'm "
    "i've if in is it it's its just kind lot lots lovely ma'am madam many me mine more morning "
    "most much my nice no not nothing now of oh ok okay on one only or other our out outstanding "
    "over overall perfect perfectly please poor pretty quite really regards right satisfied sir "
    "so some sorry still such super superb sure terrible thank thank-you thanks that that's thats "
    "the their them there they things this those to too top totally truly u up us very was we "
    "well were what will wonderful worst would wow yeah yep yes you your yours"
)
_FILLER = frozenset(_FILLER_WORDS.split())
_WHOLE_WORDS = (
    "app application applications apps bank banking banks brand company firm mobile organisation "
    "organization platform provider system useless rubbish trash garbage disappointed hate "
    "ever seen used using use encountered experience experienced"
)
_WHOLE = frozenset(_WHOLE_WORDS.split())
"""Words for all that a company offers, and blunt verdicts: beside filler they tell no subject."""
_STOP_WORDS = (
    "after again although because been before being can't couldn't didn't doesn't don't each few "
    "get getting going got he her him his however into made make may might off one own really "
    "said same she should since someone something still than then though too two until upon "
    "wasn't went when where which while who whom why with won't wouldn't"
)
STOP = _FILLER | frozenset(_STOP_WORDS.split())
"""Words that say nothing of a subject: never terms of a topic."""


@dataclass(frozen=True, slots=True, eq=False)
class TopicModel:
    """Frozen topics: what `assign` needs, and no more.

    topic_ids:  (k,) one per topic, largest first when found.
    parent_ids: (k,) the broader topic that holds it, or None.
    center:     (dim,) float32, what all texts have in common; taken off before comparing.
    grid:       (k, dim) int16, centroids (unit rows, off center) times `SCALE`, rounded.
    thresholds: (k,) float32 cosine below which a mention is novel.
    terms:      (k,) tuples of words by c-TF-IDF, most telling first.
    """

    topic_ids: tuple[str, ...]
    parent_ids: tuple[str | None, ...]
    center: Floats
    grid: npt.NDArray[np.int16]
    thresholds: Floats
    terms: tuple[tuple[str, ...], ...]

    @property
    def centroids(self) -> Floats:
        """Return the centroids, (k, dim) float32, unit rows within rounding."""
        return self.grid.astype(np.float32) / np.float32(SCALE)

    def assign(self, mentions: pl.DataFrame, vectors: Floats) -> pl.DataFrame:
        """Return `mentions` with topic_id, topic_prob and reason; row order kept.

        vectors: (n_mentions, dim) float32, unit rows.

        A mention gets the topic of the nearest centroid, or a reason why it has none. The
        answer depends on the mention alone, never on its neighbours in the table.

        Raises:
            TableError: when vectors and mentions differ in length.
            ModelError: when the vectors are not of the encoder that made the topics.
        """
        _check_rows(mentions, vectors)
        _check_dim(vectors, self.grid)
        index, similarity = nearest(vectors, self.grid, self.center)
        reasons = left_out(mentions)
        known = index >= 0
        novel = ~known
        novel[known] = similarity[known] < self.thresholds[index[known]]
        reason = pl.Series(
            "reason",
            [r or (Reason.NOVEL.value if n else None) for r, n in zip(reasons, novel, strict=True)],
            dtype=pl.String,
        )
        ids = pl.Series(
            "topic_id",
            [self.topic_ids[i] if i >= 0 else None for i in index.tolist()],
            dtype=pl.String,
        )
        closeness = pl.Series("topic_prob", np.clip(similarity, 0.0, 1.0), dtype=pl.Float32)
        return mentions.with_columns(ids, closeness, reason).with_columns(
            pl.when(pl.col("reason").is_null()).then(pl.col(name)).alias(name)
            for name in ("topic_id", "topic_prob")
        )

    def table(self, assigned: pl.DataFrame, feedback: pl.DataFrame) -> pl.DataFrame:
        """Return the TOPICS rows that this step owns, for mentions that `assign` has answered.

        A parent is a row too (its id begins with "p", no mention carries it); its counts are
        those of its children together. Topics without a mention are kept, with 0.
        """
        found = (
            assigned.lazy()
            .filter(pl.col("topic_id").is_not_null())
            .join(feedback.lazy().select("feedback_id", "created_at"), on="feedback_id", how="left")
            .group_by("topic_id")
            .agg(n_mentions=pl.len().cast(pl.Int64), first_seen=pl.col("created_at").min())
        )
        own = pl.LazyFrame(
            {"topic_id": self.topic_ids, "parent_id": self.parent_ids},
            schema={"topic_id": pl.String, "parent_id": pl.String},
        )
        leaves = own.join(found, on="topic_id", how="left", maintain_order="left").with_columns(
            pl.col("n_mentions").fill_null(0)
        )
        parents = (
            leaves.filter(pl.col("parent_id").is_not_null())
            .group_by("parent_id", maintain_order=True)
            .agg(pl.col("n_mentions").sum(), pl.col("first_seen").min())
            .select(
                pl.col("parent_id").alias("topic_id"),
                pl.lit(None, dtype=pl.String).alias("parent_id"),
                "n_mentions",
                "first_seen",
            )
        )
        return pl.concat([leaves, parents]).with_columns(status=pl.lit("new")).collect()

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the model as plain arrays, for an .npz file without pickles."""
        return {
            "topic_ids": np.array(self.topic_ids, dtype=np.str_),
            "parent_ids": np.array([p or "" for p in self.parent_ids], dtype=np.str_),
            "center": self.center,
            "grid": self.grid,
            "thresholds": self.thresholds,
            "terms": np.array(["\t".join(t) for t in self.terms], dtype=np.str_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Rebuild the model that `to_arrays` wrote.

        Raises:
            ModelError: when an array is missing or the arrays do not fit together.
        """
        wanted = ("topic_ids", "parent_ids", "grid", "thresholds", "terms", "center")
        missing = [name for name in wanted if name not in arrays]
        if missing:
            raise ModelError(f"topic model: arrays {', '.join(missing)} are missing; refit it")
        lengths = {name: len(arrays[name]) for name in wanted[:-2]}
        if len(set(lengths.values())) != 1:
            raise ModelError(f"topic model: arrays differ in length: {lengths}; refit it")
        return cls(
            tuple(map(str, arrays["topic_ids"])),
            tuple(str(p) or None for p in arrays["parent_ids"]),
            np.asarray(arrays["center"], dtype=np.float32),
            np.asarray(arrays["grid"], dtype=np.int16),
            np.asarray(arrays["thresholds"], dtype=np.float32),
            tuple(tuple(filter(None, str(t).split("\t"))) for t in arrays["terms"]),
        )


def left_out(mentions: pl.DataFrame) -> list[str | None]:
    """Return for each mention why it cannot have a topic, or None where it can.

    Judged by its words; the stage, touchpoint and type found by `classify` add to it where the
    table has them (a short mention of no stage, no touchpoint and no purpose has no content).
    """
    by_text = {text: _reason_of(text) for text in mentions["text"].unique()}
    reasons = [by_text[text] for text in mentions["text"]]
    if not {"stage", "touchpoint", "type"} <= set(mentions.columns):
        return reasons
    idle = mentions.select(
        (pl.col("stage") == NO_STAGE)
        & (pl.col("touchpoint") == NO_STAGE)
        & (pl.col("type") == MentionType.OTHER.value)
        & (pl.col("text").str.count_matches(r"\s+") < 5)
    ).to_series()
    return [
        r or (Reason.NO_CONTENT.value if i else None) for r, i in zip(reasons, idle, strict=True)
    ]


def _reason_of(text: str) -> str | None:
    plain = text.strip().lower()
    words = _WORD.findall(plain)
    if not plain:
        return Reason.EMPTY.value
    if plain.strip(" .!?,;:-") in _NO_ANSWER:
        return Reason.NO_ANSWER.value
    if sum(map(len, words)) < 3:
        return Reason.TOO_SHORT.value
    if all(word.replace("\u2019", "'") in _FILLER for word in words):
        return Reason.NO_CONTENT.value
    return None


def nearest(vectors: Floats, grid: npt.NDArray[np.int16], center: Floats) -> tuple[Ints, Floats]:
    """Return the nearest centroid of each vector and its cosine; index -1 where there is none.

    vectors: (n, dim) float32, unit rows; `center` (dim,) is taken off them first.

    Exact on the grid (see `SCALE`), so the answer for a row does not depend on other rows.
    """
    index = np.full(len(vectors), -1, dtype=np.int64)
    cosine = np.zeros(len(vectors), dtype=np.float32)
    if len(grid) == 0:
        return index, cosine
    columns = grid.astype(np.float32).T
    for start in range(0, len(vectors), BLOCK):
        part = slice(start, start + BLOCK)
        dots = _on_grid(_unit(vectors[part] - center)).astype(np.float32) @ columns
        index[part] = dots.argmax(axis=1)
        cosine[part] = dots.max(axis=1) / np.float32(SCALE * SCALE)
    return index, cosine


def fit(mentions: pl.DataFrame, vectors: Floats, *, settings: TopicSettings) -> TopicModel:
    """Find topics among `mentions` and freeze them.

    vectors: (n_mentions, dim) float32, unit rows.

    Raises:
        TableError: when vectors and mentions differ in length.
    """
    _check_rows(mentions, vectors)
    texts = _distinct(mentions, settings.max_sample)
    own = vectors[texts["row"].to_numpy()].astype(np.float32)
    center = _center(own)
    if texts.height < 2:
        return _freeze(
            texts, own, center, Clustering.single(texts.height), novelty=settings.novelty
        )
    apart = _with_polarity(texts, _unit(own - center))
    clusterer = Clusterer(settings.min_mentions or smallest_topic(texts.height), _bare(texts))
    terms = _through_bertopic(texts, apart, clusterer)
    return _freeze(texts, own, center, clusterer.found_, novelty=settings.novelty, terms=terms)


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
    tree = linkage(squareform(_distances(drawn), checks=False), "average")
    fewest = _fewest(len(vectors))
    sizes = np.unique(np.geomspace(fewest, max(fewest, len(vectors) / 4), N_CUTS).astype(int))
    cuts = [fcluster(tree, size, "maxclust") for size in sizes]
    tidy = [_tidy(drawn, labels, smallest) for labels in cuts]
    enough = [labels for labels in tidy if labels.max() + 1 >= fewest] or tidy
    judged = slice(None, None, -(-len(vectors) // MOST_JUDGED))
    between = _distances(vectors[judged])
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

    tight = _tightness(vectors, _means(vectors, labels), labels)
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
    means = _means(vectors, labels)
    length = sizes * _tightness(vectors, means, labels)
    tight = (length[:, None] + length) / (sizes[:, None] + sizes)
    apart = tight * (1.0 - means @ means.T)
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


def _tightness(vectors: Floats, means: Floats, labels: Ints) -> npt.NDArray[np.float64]:
    """Return the mean cosine of the members of each topic to its middle."""
    own = np.einsum("nd,nd->n", vectors, means[labels])
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
        drawn = _unit(np.einsum("nk,nkd->nd", weights, drawn[near]))
    return drawn


def _distances(vectors: Floats) -> Floats:
    """Return one minus the cosine of every two unit rows, (n, n), exactly 0 with itself."""
    apart: Floats = np.clip(1.0 - vectors @ vectors.T, 0.0, None, dtype=np.float32)
    np.fill_diagonal(apart, 0.0)
    return np.maximum(apart, apart.T)


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
    answer = (vectors @ _means(vectors, labels).T).argmax(axis=1)
    return np.unique(answer, return_inverse=True)[1].astype(np.int64)


def _means(vectors: Floats, labels: Ints) -> Floats:
    """Return the unit mean of the rows of each label 0..k-1; rows of label -1 count nowhere."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(labels >= 0)
    shape = (int(labels.max()) + 1, len(vectors))
    belongs = csr_array((np.ones(len(rows)), (labels[rows], rows)), shape=shape)
    return _unit(belongs @ vectors.astype(np.float64))


def _center(vectors: Floats) -> Floats:
    """Return what the texts have in common ("Hello, I want to ..."), less of it for few texts."""
    if len(vectors) == 0:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    share = len(vectors) / (len(vectors) + SHRINK)
    center: Floats = (share * vectors.mean(axis=0, dtype=np.float64)).astype(np.float32)
    return center


def _unit(rows: npt.NDArray[np.floating[Any]]) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = (rows / np.maximum(length, 1e-12)).astype(np.float32)
    return unit


def _broader(vectors: Floats, labels: Ints) -> Ints:
    """Return the parent of each topic: topics joined about four to one; -1 for one that is alone."""
    from scipy.cluster.hierarchy import fcluster, linkage

    k = int(labels.max()) + 1
    if k < 6:
        return np.full(k, -1)
    tree = linkage(_means(vectors, labels), "average", metric="cosine")
    groups = fcluster(tree, max(2, round(k / 4)), "maxclust") - 1
    alone = np.bincount(groups)[groups] < 2
    return np.where(alone, -1, groups).astype(np.int64)


def _distinct(mentions: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the distinct texts that can have a topic, by spelling: text, row, weight, sentiment.

    Above `most` texts a sample is taken within each stage and type by a hash of the text, so
    the same text is chosen whatever the order of the rows.
    """
    extra = [name for name in ("stage", "type", "sentiment") if name in mentions.columns]
    texts = (
        mentions.lazy()
        .select("text", *extra, row=pl.int_range(pl.len()), out=pl.Series(left_out(mentions)))
        .filter(pl.col("out").is_null())
        .group_by("text")
        .agg(
            *(pl.col(name).sort().mode().sort().first() for name in extra),
            pl.col("row").min(),
            weight=pl.len(),
        )
        .sort("text")
        .collect()
    )
    if texts.height <= most:
        return texts
    strata = [name for name in ("stage", "type") if name in extra]
    draw = pl.Series("draw", [_hash(text) for text in texts["text"]], dtype=pl.UInt64)
    order = texts.with_columns(draw).with_columns(
        place=(pl.col("draw").rank("ordinal") - 0.5).over(strata or pl.lit(0))
        / pl.len().over(strata or pl.lit(0))
    )
    return order.sort("place", "text").head(most).sort("text").drop("draw", "place")


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=False)


def _bare(texts: pl.DataFrame) -> Ints | None:
    """Return -1 for texts that only blame the whole ("worst app ever"), 1 for praise, else 0."""
    if "sentiment" not in texts.columns:
        return None
    signs = [_SIGN.get(s, 0) for s in texts["sentiment"]]
    words = [_WORD.findall(text.lower()) for text in texts["text"]]
    bare = [
        sign if set(said) <= _FILLER | _WHOLE else 0
        for sign, said in zip(signs, words, strict=True)
    ]
    return np.array(bare, dtype=np.int64)


def _with_polarity(texts: pl.DataFrame, vectors: Floats) -> Floats:
    """Return unit rows with the sentiment as a feature beside the text, where it is known."""
    if "sentiment" not in texts.columns:
        return vectors
    poles = np.array([_POLE.get(s, _BETWEEN) for s in texts["sentiment"]], dtype=np.float32)
    return _unit(np.hstack([vectors, np.float32(POLARITY) * poles]))


def _through_bertopic(
    texts: pl.DataFrame, vectors: Floats, clusterer: Clusterer
) -> list[tuple[str, ...]]:
    """Run BERTopic with `clusterer` in place of UMAP and HDBSCAN; return each cluster's terms.

    BERTopic's charts would load plotly and UMAP (5 s), its embedders torch; none is asked for.
    """
    with absent.without("plotly", "torch", "transformers", "sentence_transformers"):
        from bertopic import BERTopic
        from bertopic.dimensionality import BaseDimensionalityReduction
        from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import CountVectorizer

    model = BERTopic(
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=clusterer,
        vectorizer_model=CountVectorizer(stop_words=sorted(STOP), token_pattern=_WORD.pattern),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),
        top_n_words=N_TERMS,
    )
    model.fit(texts["text"].to_list(), embeddings=vectors)
    first = {label: row for row, label in reversed(list(enumerate(clusterer.labels_.tolist())))}
    named = [model.get_topic(model.topics_[first[label]]) for label in range(len(first))]
    return [tuple(word for word, weight in terms or () if word and weight > 0) for terms in named]


def _freeze(
    texts: pl.DataFrame,
    vectors: Floats,
    center: Floats,
    found: Clustering,
    *,
    novelty: float,
    terms: Sequence[tuple[str, ...]] = (),
) -> TopicModel:
    """Freeze a clustering of distinct texts to centroids, thresholds and ids."""
    if texts.height == 0:
        return TopicModel(
            (),
            (),
            center,
            np.zeros((0, vectors.shape[1]), np.int16),
            np.zeros(0, np.float32),
            (),
        )
    grid = _on_grid(_means(_unit(vectors - center), found.labels))
    index, cosine = nearest(vectors, grid, center)
    alone = _as_if_new(_unit(vectors - center), index, cosine)
    weights = texts["weight"].to_numpy()
    ids, thresholds = [], []
    for topic in range(len(grid)):
        own = np.flatnonzero(index == topic)
        best = own[np.argsort(-cosine[own], kind="stable")][:N_EXEMPLARS]
        ids.append(_name("t", texts["text"].gather(best).to_list()))
        thresholds.append(_quantile(alone[own], weights[own], novelty))
    parents = _parent_ids(ids, found.parents)
    order = sorted(range(len(grid)), key=lambda t: (-int(weights[index == t].sum()), ids[t]))
    return TopicModel(
        tuple(ids[t] for t in order),
        tuple(parents[t] for t in order),
        center,
        grid[order],
        np.array([thresholds[t] for t in order], dtype=np.float32),
        tuple(terms[t] if terms else () for t in order),
    )


def _as_if_new(vectors: Floats, index: Ints, cosine: Floats) -> Floats:
    """Return each row's cosine to the middle of its topic's other rows, (n,) float32.

    A text is more like a middle that it is a part of than a new text of the same kind would be; the
    threshold must let the new one in. A row that is alone in its topic keeps its own cosine.
    """
    sums = np.zeros((int(index.max()) + 1, vectors.shape[1]))
    np.add.at(sums, index, vectors)
    others = sums[index] - vectors
    length = np.linalg.norm(others, axis=1)
    to_others = np.einsum("nd,nd->n", others, vectors) / np.maximum(length, 1e-12)
    return np.where(length < 1e-6, cosine, to_others).astype(np.float32)


def _quantile(values: Floats, weights: Ints, share: float) -> float:
    """Return the value with at most `share` of the weight below it; 1 for no values."""
    if len(values) == 0:
        return 1.0
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order]
    return float(values[order][below <= share * weights.sum()][-1])


def _parent_ids(ids: Sequence[str], parents: Ints) -> list[str | None]:
    children = {
        p: sorted(ids[i] for i in np.flatnonzero(parents == p).tolist())
        for p in set(parents.tolist())
    }
    return [None if p < 0 else _name("p", children[p]) for p in parents.tolist()]


def _name(prefix: str, parts: Sequence[str]) -> str:
    return prefix + blake2b("\n".join(sorted(parts)).encode(), digest_size=5).hexdigest()


@dataclass(frozen=True, slots=True)
class Descent:
    """One line of the lineage file: what became of a topic between two fits.

    verdict: kept (same id), merged (went into `topic_id` with others), split (the larger part
             keeps the id, this one is a new part of `old_id`), new, or retired.
    cosine:  of the two centroids; None where there is no counterpart.
    """

    old_id: str | None
    topic_id: str | None
    verdict: str
    cosine: float | None


ALIKE = 0.75
"""Cosine from which two centroids of the same encoder are the same topic."""


def match(
    old: TopicModel, new: TopicModel, *, alike: float = ALIKE
) -> tuple[TopicModel, tuple[Descent, ...]]:
    """Return `new` with the ids of the old topics it continues, and the lineage.

    One-to-one by the Hungarian method on the cosine of centroids, both off the new center.

    Raises:
        ModelError: when the two were not made by the same encoder.
    """
    from scipy.optimize import linear_sum_assignment

    _check_dim(old.centroids, new.grid)
    cosine = _unit(old.centroids + old.center - new.center) @ new.centroids.T
    pairs = zip(*linear_sum_assignment(-cosine), strict=True)
    kept = {int(n): int(o) for o, n in pairs if cosine[o, n] >= alike}
    renamed = {new.topic_ids[n]: old.topic_ids[o] for n, o in kept.items()}
    taken = set(old.topic_ids)
    ids = [
        renamed.get(t) or (t if t not in taken else _name("t", [t, "new"])) for t in new.topic_ids
    ]
    parents = _same_parents(old, new, kept)
    close = np.where(cosine >= alike, cosine, -1.0)
    lines = [_descent_of_new(old, name, kept.get(n), close[:, n]) for n, name in enumerate(ids)]
    gone = sorted(set(range(len(old.topic_ids))) - set(kept.values()))
    lines += [_descent_of_old(old.topic_ids[o], ids, close[o]) for o in gone]
    return replace(new, topic_ids=tuple(ids), parent_ids=parents), tuple(lines)


def _descent_of_new(old: TopicModel, new_id: str, kept: int | None, close: Floats) -> Descent:
    """Tell where a new topic came from; `close` holds its cosine to each old one, -1 if unlike."""
    if kept is not None:
        return Descent(old.topic_ids[kept], new_id, "kept", float(close[kept]))
    if len(close) and close.max() > 0:
        return Descent(old.topic_ids[int(close.argmax())], new_id, "split", float(close.max()))
    return Descent(None, new_id, "new", None)


def _descent_of_old(old_id: str, ids: Sequence[str], close: Floats) -> Descent:
    """Tell where an old topic went that no new one continues."""
    if len(close) and close.max() > 0:
        return Descent(old_id, ids[int(close.argmax())], "merged", float(close.max()))
    return Descent(old_id, None, "retired", None)


def _same_parents(
    old: TopicModel, new: TopicModel, kept: Mapping[int, int]
) -> tuple[str | None, ...]:
    """Return the new parents, renamed to the old parent that most of their kept topics had."""
    votes: dict[str, Counter[str]] = {}
    for n, o in kept.items():
        mine, theirs = new.parent_ids[n], old.parent_ids[o]
        if mine is not None and theirs is not None:
            votes.setdefault(mine, Counter())[theirs] += 1
    renamed: dict[str, str] = {}
    for mine, counts in sorted(votes.items(), key=lambda item: (-max(item[1].values()), item[0])):
        free = [name for name in counts if name not in renamed.values()]
        if free:
            renamed[mine] = min(free, key=lambda name: (-counts[name], name))
    return tuple(renamed.get(p, p) if p is not None else None for p in new.parent_ids)


def _on_grid(vectors: Floats) -> npt.NDArray[np.int16]:
    steps: npt.NDArray[np.int16] = np.rint(vectors * np.float32(SCALE)).astype(np.int16)
    return steps


def _check_rows(mentions: pl.DataFrame, vectors: Floats) -> None:
    if len(vectors) != mentions.height:
        raise TableError(
            f"topics: {mentions.height} mentions but {len(vectors)} vectors; encode these mentions"
        )


def _check_dim(vectors: Floats, grid: npt.NDArray[np.int16]) -> None:
    if vectors.shape[1] != grid.shape[1]:
        raise ModelError(
            f"topics: vectors have {vectors.shape[1]} dimensions, the topics {grid.shape[1]};"
            " use the encoder that made the topics, or refit"
        )

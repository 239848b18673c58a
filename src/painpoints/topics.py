"""Vectors to topics with stable ids: found once, frozen, then assigned by one function.

The one file that knows BERTopic (and EVoC, its clusterer here). Finding happens on distinct
texts in the order of their spelling, so neither row order nor copies matter; what is found is
frozen to centroids, and `TopicModel.assign` alone says which topic a mention has, for the data
that made the topics and for all later data. Names of topics are `painpoints.labels`' affair.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

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

SMALL = 1_000
"""Fewer distinct texts than this are clustered by average linkage: EVoC finds little there."""
CUTS = tuple(round(0.30 + 0.05 * i, 2) for i in range(12))
"""Cosine distances at which a linkage tree is cut; the silhouette chooses among them."""
JUDGED = 2_500
"""Texts that the silhouette is computed on, evenly spaced in the order of their spelling."""
POLARITY = 0.35
"""Length of the sentiment feature beside a unit text vector, while topics are found."""
N_TERMS = 10
N_EXEMPLARS = 5

_POLE = {Sentiment.NEGATIVE: (1.0, 0.0), Sentiment.POSITIVE: (0.0, 1.0)}
_BETWEEN = (0.5**0.5, 0.5**0.5)

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NO_ANSWER = frozenset(
    [
        "n/a",
        "na",
        "none",
        "nothing",
        "nil",
        "no",
        "nope",
        "no comment",
        "no comments",
        "nothing really",
        "not applicable",
        "nothing to add",
        "nothing else",
        "nothing at all",
        "nothing comes to mind",
        "did not answer",
        "no answer",
        "not sure",
        "don't know",
        "dont know",
        "i don't know",
        "idk",
        "unsure",
        "not that i can think of",
    ]
)
_FILLER = frozenset(
    [
        "a",
        "about",
        "absolutely",
        "again",
        "ah",
        "all",
        "also",
        "alright",
        "always",
        "am",
        "amazing",
        "an",
        "and",
        "any",
        "anything",
        "anyway",
        "are",
        "as",
        "at",
        "awesome",
        "bad",
        "bit",
        "but",
        "by",
        "bye",
        "can",
        "cheers",
        "cool",
        "could",
        "day",
        "dear",
        "did",
        "disappointing",
        "do",
        "does",
        "done",
        "especially",
        "ever",
        "every",
        "everything",
        "evening",
        "excellent",
        "exceptional",
        "extremely",
        "fab",
        "fabulous",
        "fantastic",
        "far",
        "fine",
        "for",
        "from",
        "gentleman",
        "gentlemen",
        "good",
        "goodbye",
        "great",
        "had",
        "happy",
        "has",
        "have",
        "hello",
        "hey",
        "hi",
        "hope",
        "how",
        "i",
        "i'd",
        "i'll",
        "i'm",
        "i've",
        "if",
        "in",
        "is",
        "it",
        "it's",
        "its",
        "just",
        "kind",
        "lot",
        "lots",
        "lovely",
        "ma'am",
        "madam",
        "many",
        "me",
        "mine",
        "more",
        "morning",
        "most",
        "much",
        "my",
        "no",
        "not",
        "now",
        "of",
        "ok",
        "okay",
        "oh",
        "on",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "perfect",
        "perfectly",
        "please",
        "pretty",
        "quite",
        "really",
        "regards",
        "right",
        "satisfied",
        "so",
        "some",
        "sir",
        "sorry",
        "still",
        "such",
        "super",
        "sure",
        "terrible",
        "thank",
        "thanks",
        "that",
        "that's",
        "thats",
        "the",
        "their",
        "them",
        "there",
        "they",
        "things",
        "this",
        "those",
        "to",
        "too",
        "top",
        "totally",
        "truly",
        "u",
        "up",
        "us",
        "very",
        "was",
        "we",
        "well",
        "were",
        "what",
        "will",
        "wonderful",
        "wow",
        "would",
        "yeah",
        "yep",
        "yes",
        "you",
        "your",
        "yours",
        "awful",
        "poor",
        "horrible",
        "brilliant",
        "outstanding",
        "superb",
        "nice",
        "best",
        "worst",
        "ever",
        "everyone",
        "nothing",
        "one",
        "overall",
        "thank-you",
        "anymore",
        "here",
    ]
)
STOP = _FILLER | frozenset(
    [
        "because",
        "been",
        "being",
        "before",
        "after",
        "again",
        "can't",
        "couldn't",
        "didn't",
        "doesn't",
        "don't",
        "each",
        "few",
        "get",
        "got",
        "he",
        "her",
        "him",
        "his",
        "into",
        "may",
        "might",
        "off",
        "own",
        "said",
        "same",
        "she",
        "should",
        "someone",
        "something",
        "than",
        "then",
        "too",
        "wasn't",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "with",
        "won't",
        "wouldn't",
        "although",
        "however",
        "though",
        "being",
        "since",
        "still",
        "until",
        "upon",
        "really",
        "going",
        "went",
        "got",
        "getting",
        "make",
        "made",
        "one",
        "two",
    ]
)
"""Words that say nothing of a subject: never terms of a topic."""


@dataclass(frozen=True, slots=True, eq=False)
class TopicModel:
    """Frozen topics: what `assign` needs, and no more.

    topic_ids:  (k,) one per topic, largest first when found.
    parent_ids: (k,) the broader topic that holds it, or None.
    grid:       (k, dim) int16, centroids (unit rows) times `SCALE`, rounded.
    thresholds: (k,) float32 cosine below which a mention is novel.
    terms:      (k,) tuples of words by c-TF-IDF, most telling first.
    method:     how they were found: evoc, average_linkage, or none (nothing to cluster).
    """

    topic_ids: tuple[str, ...]
    parent_ids: tuple[str | None, ...]
    grid: npt.NDArray[np.int16]
    thresholds: Floats
    terms: tuple[tuple[str, ...], ...]
    method: str

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
        index, similarity = nearest(vectors, self.grid)
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
            "grid": self.grid,
            "thresholds": self.thresholds,
            "terms": np.array(["\t".join(t) for t in self.terms], dtype=np.str_),
            "method": np.array(self.method),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Rebuild the model that `to_arrays` wrote.

        Raises:
            ModelError: when an array is missing or the arrays do not fit together.
        """
        wanted = ("topic_ids", "parent_ids", "grid", "thresholds", "terms", "method")
        missing = [name for name in wanted if name not in arrays]
        if missing:
            raise ModelError(f"topic model: arrays {', '.join(missing)} are missing; refit it")
        lengths = {name: len(arrays[name]) for name in wanted[:-1]}
        if len(set(lengths.values())) != 1:
            raise ModelError(f"topic model: arrays differ in length: {lengths}; refit it")
        return cls(
            tuple(map(str, arrays["topic_ids"])),
            tuple(str(p) or None for p in arrays["parent_ids"]),
            np.asarray(arrays["grid"], dtype=np.int16),
            np.asarray(arrays["thresholds"], dtype=np.float32),
            tuple(tuple(filter(None, str(t).split("\t"))) for t in arrays["terms"]),
            str(arrays["method"]),
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


def nearest(vectors: Floats, grid: npt.NDArray[np.int16]) -> tuple[Ints, Floats]:
    """Return the nearest centroid of each vector and its cosine; index -1 where there is none.

    Exact on the grid (see `SCALE`), so the answer for a row does not depend on other rows.
    """
    index = np.full(len(vectors), -1, dtype=np.int64)
    cosine = np.zeros(len(vectors), dtype=np.float32)
    if len(grid) == 0:
        return index, cosine
    columns = grid.astype(np.float32).T
    for start in range(0, len(vectors), BLOCK):
        part = slice(start, start + BLOCK)
        dots = _on_grid(vectors[part]).astype(np.float32) @ columns
        index[part] = dots.argmax(axis=1)
        cosine[part] = dots.max(axis=1) / np.float32(SCALE * SCALE)
    return index, cosine


def fit(
    mentions: pl.DataFrame, vectors: Floats, *, settings: TopicSettings, seed: int
) -> TopicModel:
    """Find topics among `mentions` and freeze them.

    vectors: (n_mentions, dim) float32, unit rows.

    Raises:
        TableError: when vectors and mentions differ in length.
    """
    _check_rows(mentions, vectors)
    texts = _distinct(mentions, settings.max_sample)
    own = vectors[texts["row"].to_numpy()]
    if texts.height < 2:
        return _freeze(texts, own, Clustering.single(texts.height), settings)
    clusterer = Clusterer(settings.min_mentions or smallest_topic(texts.height), seed)
    terms = _through_bertopic(texts, _with_polarity(texts, own), clusterer)
    return _freeze(texts, own, clusterer.found_, settings, terms)


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """What a clusterer found: a topic for each text, and a broader one for each topic.

    labels:  (n,) topic of each text, 0..k-1.
    parents: (k,) broader topic of each topic, or -1.
    method:  how it was found.
    """

    labels: Ints
    parents: Ints
    method: str

    @classmethod
    def single(cls, n: int) -> Self:
        """Return one topic for all of `n` texts (none for no text)."""
        return cls(np.zeros(n, np.int64), np.full(min(n, 1), -1), "none")


class Clusterer:
    """EVoC (or average linkage for few texts) in the shape that BERTopic asks of a clusterer.

    After `fit`, `labels_` has a topic for every row and `found_` the same with parents.
    """

    def __init__(self, smallest: int, seed: int) -> None:
        self.smallest = smallest
        self.seed = seed

    def fit(self, X: Floats, y: object = None) -> Self:  # noqa: ARG002, N803 - BERTopic's signature
        """Cluster unit rows by cosine."""
        self.found_ = self._find(X)
        self.labels_ = self.found_.labels
        return self

    def _find(self, vectors: Floats) -> Clustering:
        if len(vectors) < SMALL:
            return by_average_linkage(vectors, self.smallest)
        return by_evoc(vectors, self.smallest, self.seed)


def smallest_topic(n_texts: int) -> int:
    """Return the size under which a topic is dissolved: 3 of 50 texts, 8 of 1,000, 20 of 20,000."""
    return max(3, round(float(np.power(n_texts, 0.3))))


def by_average_linkage(vectors: Floats, smallest: int) -> Clustering:
    """Cluster few unit rows: average linkage on cosine, cut where the silhouette is best."""
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(vectors, "average", metric="cosine")
    cuts = [fcluster(tree, cut, "distance") for cut in CUTS]
    return _choose(vectors, cuts, smallest, "average_linkage")


def by_evoc(vectors: Floats, smallest: int, seed: int) -> Clustering:
    """Cluster many unit rows: EVoC's layers, and its finest layer merged step by step.

    Where EVoC finds no cluster at all, the rows are one topic and `method` says none.
    """
    from evoc import EVoC
    from scipy.cluster.hierarchy import fcluster, linkage

    layers = EVoC(random_state=seed, base_min_cluster_size=5).fit(vectors).cluster_layers_
    layers = [_to_nearest(vectors, layer) for layer in layers if layer.max() > 0]
    if not layers:
        return Clustering.single(len(vectors))
    finest = layers[0]
    tree = linkage(_means(vectors, finest), "average", metric="cosine")
    merged = [fcluster(tree, cut, "distance")[finest] for cut in CUTS]
    return _choose(vectors, [*layers, *merged], smallest, "evoc")


def _choose(vectors: Floats, candidates: Sequence[Ints], smallest: int, method: str) -> Clustering:
    """Return the candidate of the best silhouette, small topics dissolved, and its parents."""
    fewest = max(2, round(len(vectors) ** 0.5 / 2))
    tidy = [_tidy(vectors, labels, smallest) for labels in candidates]
    enough = [labels for labels in tidy if labels.max() + 1 >= fewest] or tidy
    rows = np.unique(np.linspace(0, len(vectors) - 1, JUDGED).astype(np.int64))
    best = max(enough, key=lambda labels: _silhouette(vectors[rows], labels[rows]))
    return Clustering(best, _broader(vectors, best), method)


def _silhouette(vectors: Floats, labels: Ints) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(labels):
        return -1.0
    return float(silhouette_score(vectors, labels, metric="cosine"))


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
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]), dtype=np.float64)
    inside = labels >= 0
    np.add.at(sums, labels[inside], vectors[inside])
    return _unit(sums)


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


def _with_polarity(texts: pl.DataFrame, vectors: Floats) -> Floats:
    """Return unit rows with the sentiment as a feature beside the text, where it is known."""
    if "sentiment" not in texts.columns:
        return vectors
    poles = np.array([_POLE.get(s, _BETWEEN) for s in texts["sentiment"]], dtype=np.float32)
    return _unit(np.hstack([vectors, np.float32(POLARITY) * poles]))


def _through_bertopic(
    texts: pl.DataFrame, vectors: Floats, clusterer: Clusterer
) -> list[tuple[str, ...]]:
    """Run BERTopic with `clusterer` in place of UMAP and HDBSCAN; return each cluster's terms."""
    with _without_plots():
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


@contextmanager
def _without_plots() -> Iterator[None]:
    """Let BERTopic be imported as on a machine without plotly: its charts would load UMAP (5 s)."""
    if "plotly" in sys.modules or "bertopic" in sys.modules:
        yield
        return
    sys.modules["plotly"] = None  # type: ignore[assignment] # Python's own mark for "not there"
    try:
        yield
    finally:
        del sys.modules["plotly"]


def _freeze(
    texts: pl.DataFrame,
    vectors: Floats,
    found: Clustering,
    settings: TopicSettings,
    terms: Sequence[tuple[str, ...]] = (),
) -> TopicModel:
    """Freeze a clustering of distinct texts to centroids, thresholds and ids."""
    if texts.height == 0:
        return TopicModel(
            (),
            (),
            np.zeros((0, vectors.shape[1]), np.int16),
            np.zeros(0, np.float32),
            (),
            found.method,
        )
    grid = _on_grid(_means(vectors, found.labels))
    index, cosine = nearest(vectors, grid)
    weights = texts["weight"].to_numpy()
    ids, thresholds = [], []
    for topic in range(len(grid)):
        own = np.flatnonzero(index == topic)
        best = own[np.argsort(-cosine[own], kind="stable")][:N_EXEMPLARS]
        ids.append(_name("t", texts["text"].gather(best).to_list()))
        thresholds.append(_quantile(cosine[own], weights[own], settings.novelty))
    parents = _parent_ids(ids, found.parents)
    order = sorted(range(len(grid)), key=lambda t: (-int(weights[index == t].sum()), ids[t]))
    return TopicModel(
        tuple(ids[t] for t in order),
        tuple(parents[t] for t in order),
        grid[order],
        np.array([thresholds[t] for t in order], dtype=np.float32),
        tuple(terms[t] if terms else () for t in order),
        found.method,
    )


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

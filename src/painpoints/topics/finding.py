"""Find topics among mentions, once, and freeze them. The one file that knows BERTopic.

It happens on distinct texts in the order of their spelling, so that neither the order of the rows nor
copies matter.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import polars as pl

from painpoints import absent
from painpoints.config import TopicSettings
from painpoints.domain import Sentiment
from painpoints.topics.clustering import POLARITY, Clusterer, Clustering, smallest_topic
from painpoints.topics.content import STOP, WORD, is_bare, left_out
from painpoints.topics.model import TopicModel, check_rows, nearest, on_grid, stable_id
from painpoints.topics.vectors import Floats, Ints, means, unit

SHRINK = 100
"""Texts at which half of their common part is taken off; with few texts it is mostly chance."""
N_TERMS = 10
N_EXEMPLARS = 5

_POLE = {Sentiment.NEGATIVE: (1.0, 0.0), Sentiment.POSITIVE: (0.0, 1.0)}
_SIGN = {Sentiment.NEGATIVE: -1, Sentiment.POSITIVE: 1}
_BETWEEN = (0.5**0.5, 0.5**0.5)


def fit(mentions: pl.DataFrame, vectors: Floats, *, settings: TopicSettings) -> TopicModel:
    """Find topics among `mentions` and freeze them.

    vectors: (n_mentions, dim) float32, unit rows.

    Raises:
        TableError: when vectors and mentions differ in length.
    """
    check_rows(mentions, vectors)
    texts = _distinct(mentions, settings.max_sample)
    own = vectors[texts["row"].to_numpy()].astype(np.float32)
    center = _center(own)
    if texts.height < 2 or not _any_term(texts["text"]):
        return _freeze(
            texts, own, center, Clustering.single(texts.height), novelty=settings.novelty
        )
    apart = _with_polarity(texts, unit(own - center))
    clusterer = Clusterer(settings.min_mentions or smallest_topic(texts.height), _bare(texts))
    terms = _through_bertopic(texts, apart, clusterer)
    return _freeze(texts, own, center, clusterer.found_, novelty=settings.novelty, terms=terms)


def _center(vectors: Floats) -> Floats:
    """Return what the texts have in common ("Hello, I want to ..."), less of it for few texts."""
    if len(vectors) == 0:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    share = len(vectors) / (len(vectors) + SHRINK)
    center: Floats = (share * vectors.mean(axis=0, dtype=np.float64)).astype(np.float32)
    return center


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


def _any_term(texts: pl.Series) -> bool:
    """Return whether any word may be a term, of the letters that BERTopic leaves of a text."""
    left = texts.str.replace_all(r"[\n\t]", " ").str.replace_all(r"[^A-Za-z0-9 ]", "")
    return any(not STOP.issuperset(WORD.findall(text)) for text in left.str.to_lowercase())


def _bare(texts: pl.DataFrame) -> Ints | None:
    """Return -1 for texts that only blame the whole ("worst app ever"), 1 for praise, else 0."""
    if "sentiment" not in texts.columns:
        return None
    signs = [_SIGN.get(s, 0) for s in texts["sentiment"]]
    bare = [sign if is_bare(text) else 0 for sign, text in zip(signs, texts["text"], strict=True)]
    return np.array(bare, dtype=np.int64)


def _with_polarity(texts: pl.DataFrame, vectors: Floats) -> Floats:
    """Return unit rows with the sentiment as a feature beside the text, where it is known."""
    if "sentiment" not in texts.columns:
        return vectors
    poles = np.array([_POLE.get(s, _BETWEEN) for s in texts["sentiment"]], dtype=np.float32)
    return unit(np.hstack([vectors, np.float32(POLARITY) * poles]))


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
        vectorizer_model=CountVectorizer(stop_words=sorted(STOP), token_pattern=WORD.pattern),
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
    grid = on_grid(means(unit(vectors - center), found.labels))
    index, cosine = nearest(vectors, grid, center)
    alone = _as_if_new(unit(vectors - center), index, cosine)
    weights = texts["weight"].to_numpy()
    ids, thresholds = [], []
    for topic in range(len(grid)):
        own = np.flatnonzero(index == topic)
        best = own[np.argsort(-cosine[own], kind="stable")][:N_EXEMPLARS]
        ids.append(stable_id("t", texts["text"].gather(best).to_list()))
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
    return [None if p < 0 else stable_id("p", children[p]) for p in parents.tolist()]

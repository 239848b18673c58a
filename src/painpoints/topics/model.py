"""Frozen topics: which topic a mention has, for the data that made them and for all later data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints.domain import Reason
from painpoints.errors import ModelError, TableError
from painpoints.topics.content import left_out
from painpoints.topics.vectors import Floats, Ints, unit

SCALE = 4_000
"""Steps per unit of the grid that vectors are rounded to before they are compared.

On it a dot product of two unit vectors is a sum of integers below 2**24, which float32 adds
without error in any order: batch, single, and any number of threads give the same bits.
"""
BLOCK = 16_384
"""Rows compared at once; bounds the memory of `assign`."""


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
        check_rows(mentions, vectors)
        check_dim(vectors, self.grid)
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
        dots = on_grid(unit(vectors[part] - center)).astype(np.float32) @ columns
        index[part] = dots.argmax(axis=1)
        cosine[part] = dots.max(axis=1) / np.float32(SCALE * SCALE)
    return index, cosine


def on_grid(vectors: Floats) -> npt.NDArray[np.int16]:
    """Return the vectors in whole steps of 1 / `SCALE`, same shape."""
    steps: npt.NDArray[np.int16] = np.rint(vectors * np.float32(SCALE)).astype(np.int16)
    return steps


def check_rows(mentions: pl.DataFrame, vectors: Floats) -> None:
    """Raise a `TableError` when vectors and mentions differ in length."""
    if len(vectors) != mentions.height:
        raise TableError(
            f"topics: {mentions.height} mentions but {len(vectors)} vectors; encode these mentions"
        )


def check_dim(vectors: Floats, grid: npt.NDArray[np.int16]) -> None:
    """Raise a `ModelError` when vectors and topics are of different encoders."""
    if vectors.shape[1] != grid.shape[1]:
        raise ModelError(
            f"topics: vectors have {vectors.shape[1]} dimensions, the topics {grid.shape[1]};"
            " use the encoder that made the topics, or refit"
        )


def stable_id(prefix: str, parts: Sequence[str]) -> str:
    """Return an id made of what is named by it: the same parts in any order give the same."""
    return prefix + blake2b("\n".join(sorted(parts)).encode(), digest_size=5).hexdigest()

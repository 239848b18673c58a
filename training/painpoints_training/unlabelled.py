"""Mentions of public sets that nobody labelled, with what the cross-encoder says of them.

The fast encoder learns from its answers beside the labels (knowledge distillation, Hinton et al.
2015, arXiv 1503.02531): on labels alone it learns the labelled texts by heart and knows other
sources less (docs/decisions/0030).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from painpoints.classify import LABELS, context
from painpoints.cross_encoder import CrossEncoder
from painpoints.segment import cut_fast
from painpoints_training.borrowed import unmeasured
from painpoints_training.corpus import CLASSES

MOST_CHARS = 4_000
LONGEST_MENTION = 300
MOST_MENTIONS = 6
"""Taken of one verbatim, the first: complaints of a page would outweigh all the rest."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """How many texts of a set are drawn, and which of them are a customer's."""

    n: int
    only: pl.Expr = pl.lit(value=True)  # noqa: RUF009 - an expression is a value


DRAWN: Mapping[str, _Drawn] = {
    "nhs_fft_v6": _Drawn(4_000, ~pl.col("is_empty_answer")),
    "nhs_fft_phase1": _Drawn(4_000),
    "cfpb_complaints": _Drawn(1_200),
    "mams": _Drawn(4_500, pl.col("split") != "test"),
    "app_opinions_dabrowski": _Drawn(2_100),
    "star_dialogues": _Drawn(6_000, pl.col("role") == "User"),
    "multidogo": _Drawn(7_000, pl.col("split") != "test"),
    "abcd_partial": _Drawn(1_000, pl.col("role") == "customer"),
    "goemotions": _Drawn(6_000, pl.col("split") != "test"),
    "ud_ewt_ner": _Drawn(4_500, (pl.col("genre") == "reviews") & (pl.col("split") != "test")),
}


def mentions(data: Path, *, without: Iterable[str], seed: int) -> pl.DataFrame:
    """Return source, text and context of mentions.

    Args:
        data: the folder of the public sets.
        without: texts that only measure; neither a mention nor a verbatim is one of them.
        seed: of the sample.
    """
    unseen = unmeasured(without)
    rows = [
        (name, verbatim[start:end], context(question, verbatim, start, end))
        for name, drawn in DRAWN.items()
        for verbatim, question in _verbatims(data / name, drawn, unseen, seed)
        for start, end in cut_fast(verbatim)[:MOST_MENTIONS]
        if end - start <= LONGEST_MENTION and unseen(verbatim[start:end])
    ]
    found = pl.DataFrame(rows, schema=["source", "text", "context"], orient="row")
    return found.unique(["text", "context"], maintain_order=True)


def _verbatims(
    folder: Path, drawn: _Drawn, unseen: Callable[[str], bool], seed: int
) -> Iterable[tuple[str, str | None]]:
    """Return drawn texts with the question they answer, where the set tells it."""
    rows = pl.read_parquet(folder / "data.parquet").filter(drawn.only)
    sized = pl.col("text").str.len_chars().is_between(8, MOST_CHARS)
    distinct = rows.filter(sized).unique("text", maintain_order=True)
    distinct = distinct.filter([unseen(text) for text in distinct["text"]])
    question = "question" if "question" in rows.columns else pl.lit(None, pl.String)
    return distinct.sample(min(drawn.n, distinct.height), seed=seed).select("text", question).rows()


def told(drawn: pl.DataFrame, by: CrossEncoder) -> pl.DataFrame:
    """Return the drawn mentions with the probability of each class: LABELS as lists, as in `CLASSES`."""
    given = by.probabilities(drawn.select("text", "context").rows(), _tell)
    return drawn.with_columns(
        pl.Series(label, given[label][:, _order(label, by)].astype(np.float32).tolist())
        for label in LABELS
    )


def _order(label: str, by: CrossEncoder) -> list[int]:
    return [by.classes(label).index(name) for name in CLASSES[label]]


def _tell(done: int, total: int) -> None:
    if done % 10_240 == 0:
        print(f"{done:,} of {total:,} unlabelled mentions read", flush=True)

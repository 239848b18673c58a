"""Verbatims cut at the borders of their turns, so that turns move along when their text changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import polars as pl

from painpoints.tables import FEEDBACK


@dataclass(frozen=True, slots=True)
class Row:
    """A verbatim cut at the borders of its turns; each piece is changed by itself.

    borders: offset of each piece's first character, and the verbatim's length.
    """

    pieces: tuple[str, ...]
    borders: tuple[int, ...]


def cut(verbatim: str, turns: list[dict[str, Any]] | None) -> Row:
    """Cut a verbatim at its turns, so that nothing found reaches from one into another."""
    ends = {0, len(verbatim), *(t[end] for t in turns or () for end in ("start", "end"))}
    borders = tuple(sorted(ends))
    pieces = (verbatim[a:b] for a, b in pairwise(borders))
    return Row(tuple(pieces), borders)


def moved_turns(
    turns: pl.Series, rows: Sequence[Row], changed: Sequence[tuple[str, ...]]
) -> pl.Series:
    """Return the turns with their offsets in the verbatims made of the changed pieces."""
    if turns.null_count() == len(turns):
        return turns
    moved = []
    for given, row, pieces in zip(turns, rows, changed, strict=True):
        lengths = accumulate(map(len, pieces), initial=0)
        at = dict(zip(row.borders, lengths, strict=True))
        moved.append(
            None if given is None else [t | {e: at[t[e]] for e in ("start", "end")} for t in given]
        )
    return pl.Series("turns", moved, FEEDBACK.schema()["turns"])

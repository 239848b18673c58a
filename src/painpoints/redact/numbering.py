"""The numbers of placeholders: those of parts masked apart become those of the whole.

A large export is masked part by part, each numbering from its own first value. Which values the
parts have in common is told by their keyed hashes, never by the values.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from painpoints.redact.patterns import PLACEHOLDER
from painpoints.redact.pieces import cut, moved_turns
from painpoints.tables import SEGMENT_PREFIX

PLAIN_COLUMNS = ("question", "channel", "touchpoint", "stage")

Numbers = Mapping[tuple[str, int], int]
"""For each (kind, number) of a part's placeholders, the number of the whole where it differs."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A part of the feedback without personal data.

    counts: pieces that were masked, by kind.
    before: the highest number of each kind that the texts held already.
    values: (kind, keyed hash) of each value that got a placeholder, in the order of its number.
    """

    feedback: pl.DataFrame
    counts: Mapping[str, int]
    before: Mapping[str, int]
    values: tuple[tuple[str, str], ...]


def masked_columns(feedback: pl.DataFrame) -> list[str]:
    """Return the columns in which placeholders may stand, the verbatim first; no empty ones."""
    kept = (c for c in feedback.columns if c in PLAIN_COLUMNS or c.startswith(SEGMENT_PREFIX))
    return ["verbatim", *(c for c in kept if feedback[c].null_count() < feedback.height)]


def held(feedback: pl.DataFrame) -> dict[str, int]:
    """Return the highest number of each kind among the placeholders that the feedback holds."""
    last: Counter[str] = Counter()
    for column in masked_columns(feedback):
        for text in feedback[column].to_list():
            for match in PLACEHOLDER.finditer(text) if text and "[" in text else ():
                kind = match["kind"].casefold()
                last[kind] = max(last[kind], int(match["number"]))
    return dict(last)


def numbering(
    before: Sequence[Mapping[str, int]], values: Sequence[Sequence[tuple[str, str]]]
) -> list[Numbers]:
    """Return for each part how its placeholders are numbered in the whole.

    One value has one number in all parts, by first appearance, above every number that any text
    held before; so many parts give the numbers that one would.

    Args:
        before: for each part, `Masked.before`.
        values: for each part, `Masked.values`.
    """
    last: Counter[str] = Counter()
    for held in before:
        last |= Counter(held)
    whole: dict[tuple[str, str], int] = {}
    return [
        _part_numbers(Counter(held), own, last, whole)
        for held, own in zip(before, values, strict=True)
    ]


def _part_numbers(
    own_last: Counter[str],
    values: Sequence[tuple[str, str]],
    last: Counter[str],
    whole: dict[tuple[str, str], int],
) -> Numbers:
    numbers = {}
    for kind, value in values:
        own_last[kind] += 1
        if (kind, value) not in whole:
            last[kind] += 1
            whole[kind, value] = last[kind]
        if own_last[kind] != whole[kind, value]:
            numbers[kind.upper(), own_last[kind]] = whole[kind, value]
    return numbers


def renumbered(feedback: pl.DataFrame, numbers: Numbers) -> pl.DataFrame:
    """Return a masked part with the numbers of the whole; turns move along."""
    if not numbers:
        return feedback

    def anew(text: str) -> str:
        return PLACEHOLDER.sub(
            lambda m: f"[{m['kind']}_{numbers.get((m['kind'], int(m['number'])), m['number'])}]",
            text,
        )

    rows = [cut(v, t) for v, t in feedback.select("verbatim", "turns").iter_rows()]
    changed = [tuple(anew(p) if "[" in p else p for p in row.pieces) for row in rows]
    others = [
        feedback[column].replace_strict(
            {value: anew(value) for value in feedback[column].drop_nulls().unique()},
            default=None,
            return_dtype=pl.String,
        )
        for column in masked_columns(feedback)[1:]
    ]
    return feedback.with_columns(
        pl.Series("verbatim", ["".join(pieces) for pieces in changed], pl.String),
        moved_turns(feedback["turns"], rows, changed),
        *others,
    )

"""When the conversations of one file began: texts of times, all read in one order of day and month."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from painpoints.readers.dates import Order, read_dates
from painpoints.readers.transcripts.conversation import moment

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
"""A count of seconds or turns, though a table's reader takes some for the days of a spreadsheet."""


@dataclass(frozen=True, slots=True)
class Times:
    """Times as a file writes them, read.

    at:    UTC under each text that is a time; one before 1995 or still to come is none.
    notes: how day and month were told apart, where that had to be.
    """

    at: Mapping[str, datetime]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], order: Order) -> "Times":
        """Read texts as transcripts of products write times, else as tables do."""
        distinct = list(dict.fromkeys(texts))
        at = {text: when for text in distinct if (when := moment(text))}
        others = [text for text in distinct if text not in at and not _NUMBER.fullmatch(text)]
        dates = read_dates(pl.Series(others, dtype=pl.String), order)
        for text, when in zip(others, dates.at, strict=True):
            if when is not None:
                at[text] = when.replace(tzinfo=UTC)
        if dates.order is None or not dates.said:
            return cls(at)
        remedy = "; set [read] date_order" if dates.ambiguous else ""
        odd = dates.other.sum()
        mixed = (
            f"; {odd} of them only the other way" if odd and "other way" not in dates.said else ""
        )
        return cls(at, (f"dates: {dates.said}{mixed}{remedy}",))

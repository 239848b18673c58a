"""Plain texts to the feedback table: what a caller has in hand, without a file."""

from collections.abc import Mapping, Sequence

import polars as pl

from painpoints.config import ReadSettings
from painpoints.domain import Survey
from painpoints.errors import InputError
from painpoints.readers.intake import with_reasons
from painpoints.tables import FEEDBACK, check

KNOWN = ("verbatim", "question", "channel", "touchpoint", "stage", "language")
"""What a caller may know of a text; all but the verbatim may be left out."""


def from_texts(
    texts: Sequence[str | Mapping[str, str | None]], read: ReadSettings | None = None
) -> pl.DataFrame:
    """Return the feedback table of texts; `feedback_id` and `row` are the number of each, from 0.

    Args:
        texts: verbatims, or mappings with `verbatim` and what else is known of it (`KNOWN`).
        read: which languages are covered.

    Raises:
        InputError: naming every key that is not known, by text.
    """
    known = [{"verbatim": text} if isinstance(text, str) else dict(text) for text in texts]
    _refuse_unknown(known)
    rows = [
        {
            **text,
            "verbatim": text.get("verbatim") or "",
            "feedback_id": str(number),
            "row": number,
            "source": "text",
            "survey": Survey.NONE.value,
        }
        for number, text in enumerate(known)
    ]
    frame = pl.from_dicts(rows, schema=FEEDBACK.schema())
    return check(FEEDBACK, with_reasons(frame, read or ReadSettings()))


def _refuse_unknown(texts: Sequence[Mapping[str, str | None]]) -> None:
    foreign = {key: at for at, text in enumerate(texts) for key in text if key not in KNOWN}
    if foreign:
        told = ", ".join(f"{key!r} (text {at})" for key, at in foreign.items())
        raise InputError(f"unknown keys: {told}; known are {', '.join(KNOWN)}")

"""Conversations in the cells of a table: "Agent: ..." and "Customer: ..." line by line.

Only where role words open lines of both sides; names alone are not believed in a table.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from painpoints.readers.transcripts import prefixes
from painpoints.readers.transcripts.conversation import AGENT, CUSTOMER, OTHER, Turn, joined
from painpoints.readers.transcripts.speakers import CUSTOMER_WORDS, role_of

_LIKELY = rf"(?im)^[^\n]{{0,60}}\b(?:{'|'.join(sorted(CUSTOMER_WORDS))})\b[^\n:]{{0,20}}:"
"""A line that a customer may open; a look at every cell must be quick."""

Told = tuple[str, list[dict[str, Any]]]
"""What was said, and who said which characters of it."""


def conversations(texts: pl.Series, titles: pl.Series | None = None) -> dict[int, Told]:
    """Return what was said in each cell that holds a conversation, by its place.

    titles: subjects that customers gave; each is the first turn of its conversation.
    """
    likely = texts.str.contains(_LIKELY).fill_null(value=False).arg_true()
    found: dict[int, Told] = {}
    for place in likely:
        turns = list(_turns(texts[place]))
        if any(t.role == AGENT for t in turns) and any(t.role == CUSTOMER for t in turns):
            title = titles[place] if titles is not None else None
            subject = [Turn("", title, 0, CUSTOMER)] if title else []
            found[place] = joined([*subject, *turns])
    return found


def _turns(text: str) -> Iterator[Turn]:
    """Yield the turns; what stands before the first speaker is nobody's."""
    speaker, said = "", list[str]()
    for line in text.splitlines():
        part = prefixes.split(line)
        if part and role_of(part.name):
            yield from _closed(speaker, said)
            speaker, said = part.name, [part.text]
        else:
            said.append(line.strip())
    yield from _closed(speaker, said)


def _closed(speaker: str, said: list[str]) -> Iterator[Turn]:
    words = "\n".join(line for line in said if line)
    if words:
        yield Turn(speaker, words, 0, role_of(speaker) or OTHER)

"""A conversation as every transcript format gives it, and its row in the feedback table.

The formats (captions, plain, dialogue_table, vendors) fill these objects; `speakers` decides who
is the company. Nothing here knows a file format.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from painpoints.domain import Survey
from painpoints.readers.dates import FIRST_AT, last_at
from painpoints.tables import FEEDBACK, SEGMENT_PREFIX

CUSTOMER = "customer"
AGENT = "agent"
OTHER = "other"

CHANNELS = {
    "voice": "phone",
    "call": "phone",
    "phone_call": "phone",
    "phone": "phone",
    "telephony": "phone",
    "chat": "chat",
    "conversation": "chat",
    "messaging": "chat",
    "native_messaging": "chat",
    "webmessaging": "chat",
    "sms": "sms",
    "email": "email",
    "mail": "email",
    "web": "web",
    "web_form": "web",
}

ADDED_LATER = ("language", "reason")
"""Columns of FEEDBACK that the readers fill for every source alike."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said in one go.

    speaker: as the source names it; empty where it does not.
    row:     physical line in the source, from 1.
    role:    customer, agent or other where the format itself says so; None where `speaker` tells.
    n_rows:  captions that it was put together from.
    """

    speaker: str
    text: str
    row: int
    role: str | None = None
    n_rows: int = 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: its turns in order, and what the source says of it as a whole.

    row:       physical line where it begins, from 1.
    id:        the export's own; None where it has none.
    score:     as given, on a scale from the survey kind's bottom to `score_max`.
    segments:  further values of the whole conversation, e.g. {"queue": "returns"}.
    """

    turns: tuple[Turn, ...]
    row: int
    id: str | None = None
    created_at: datetime | None = None
    channel: str | None = None
    person_id: str | None = None
    survey: str = Survey.NONE
    score: float | None = None
    score_max: float | None = None
    segments: Mapping[str, str] = field(default_factory=dict)


def frame(conversations: Sequence[Conversation], source: str, stem: str) -> pl.DataFrame:
    """Return one feedback row per conversation; turns joined by line feeds, with their offsets.

    Every turn carries its role by now. A conversation without id is named after its file, and by
    its line where the file holds several.
    """
    schema = {k: v for k, v in FEEDBACK.schema().items() if k not in ADDED_LATER}
    segments = sorted({name for c in conversations for name in c.segments})
    schema |= {SEGMENT_PREFIX + name: pl.String for name in segments}
    alone = len(conversations) == 1
    rows = [
        _row(c, c.id or (stem if alone else f"{stem}:{c.row}"), source, segments)
        for c in conversations
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _row(c: Conversation, named: str, source: str, segments: Iterable[str]) -> tuple[Any, ...]:
    verbatim, turns = joined(c.turns)
    return (
        named,
        verbatim,
        None,
        turns,
        source,
        c.row,
        str(c.survey),
        c.score,
        c.score_max,
        c.person_id,
        c.channel,
        None,
        None,
        c.created_at,
        *(c.segments.get(name) for name in segments),
    )


def joined(turns: Sequence[Turn]) -> tuple[str, list[dict[str, Any]]]:
    """Return the turns' texts joined by line feeds, and who said which characters of them."""
    offsets = []
    start = 0
    for turn in turns:
        end = start + len(turn.text)
        offsets.append({"role": turn.role, "start": start, "end": end})
        start = end + 1
    return "\n".join(turn.text for turn in turns), offsets


def moment(value: object) -> datetime | None:
    """Return an ISO 8601 text or Unix time (s, ms or us) as UTC; None where it is neither.

    A time without zone is taken as UTC; one before 1995 or still to come is none.
    """
    at = _moment(value)
    return at if at is not None and FIRST_AT <= at <= last_at() else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_epoch(float(value))
    text = str(value).strip()
    try:
        return _from_epoch(float(text))
    except ValueError:
        return _from_iso(text)


def _from_epoch(value: float) -> datetime | None:
    for unit in (1.0, 1e3, 1e6):
        if 1e8 <= value / unit < 1e10:  # 1973 .. 2286
            return datetime.fromtimestamp(value / unit, UTC)
    return None


def _from_iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def channel_name(given: object) -> str | None:
    """Return the common name of a channel; an unknown one as given, in small letters."""
    if not isinstance(given, str) or not given.strip():
        return None
    return CHANNELS.get(given.strip().casefold(), given.strip().casefold())

"""Tables with one row per turn: a conversation id, a speaker, a text (CSV, TSV, JSON Lines).

What holds for the whole conversation (score, date, channel, person, segments) is taken from the
first row that has it, as survey platforms upload it. Turns stay in the order of the file unless a column
numbers them.
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from painpoints.readers.csv_lines import records
from painpoints.readers.dates import Order
from painpoints.readers.recognition import Mapped
from painpoints.readers.transcripts.conversation import AGENT, CUSTOMER, Turn
from painpoints.readers.transcripts.facts import (
    FACTS,
    ID,
    SCORE,
    SEGMENT,
    Facts,
    dates_in,
    plain_name,
)
from painpoints.readers.transcripts.parsed import Flaw, Parsed, counted
from painpoints.readers.transcripts.speakers import SYSTEM_WORDS, plain, role_of
from painpoints.readers.transcripts.times import Times

DELIMITERS = (",", ";", "\t", "|")
TELLING_IDS = re.compile(
    r"^(?:conversation|dialogue|dialog|chat|call|thread|interaction|transcript)(?: id| no| number)?$"
)
OTHER_IDS = re.compile(r"^(?:session|ticket|contact|case)(?: id| no| number)?$")
SPEAKERS = ("role", "speaker", "speaker role", "participant role", "participant", "author role",
            "author type", "author", "sender", "sender type", "from", "party", "who", "spoken by", "direction")  # fmt: skip
TEXTS = ("text", "message", "utterance", "content", "body", "transcript", "turn text", "message text",
         "utterance text", "sentence", "phrase", "comment")  # fmt: skip
ORDERS = ("turn", "turn id", "turn no", "turn number", "turn index", "index", "sequence", "message index",
          "sentence index", "line", "order", "position")  # fmt: skip
MAX_SEGMENT_VALUES = 50


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a dialogue table is what."""

    id: str
    speaker: str
    text: str
    order: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its physical line and its cells by column; None for one that does not fit."""

    line: int
    cells: Mapping[str, str] | None
    reason: str = ""


def sniff(head: str) -> bool:
    """Return whether the beginning of a delimited text is one row per turn."""
    delimiter = delimiter_of(head)
    whole_lines = head[: head.rfind("\n") + 1] or head
    rows = list(islice(_table_rows(whole_lines, delimiter), 400))
    header = list(rows[0].cells or ()) if rows else []
    return is_dialogue(header, [r.cells for r in rows if r.cells])


def is_dialogue(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bool:
    """Return whether columns and first rows are those of a dialogue, one row per turn.

    An id that only conversations have is enough beside a speaker and a text; any other id must
    come in several rows, spoken by a customer and an agent.
    """
    columns = find(header)
    if columns is None:
        return False
    speakers = {_side(r.get(columns.speaker, "")) for r in rows}
    ids = Counter(r.get(columns.id, "") for r in rows)
    repeats = bool(ids) and ids.most_common(1)[0][1] > 1
    if TELLING_IDS.match(plain_name(columns.id)):
        return repeats or bool(speakers & {CUSTOMER, AGENT})
    return repeats and {CUSTOMER, AGENT} <= speakers


def _side(speaker: str) -> str | None:
    return role_of(speaker) or (AGENT if plain(speaker) in SYSTEM_WORDS else None)


def find(header: Sequence[str]) -> Columns | None:
    """Return the columns of a dialogue table, or None if one of the three is missing."""
    names = {plain_name(h): h for h in reversed(header)}
    found = _matching(names, TELLING_IDS) or _matching(names, OTHER_IDS)
    speaker = next((names[n] for n in SPEAKERS if n in names), None)
    text = next((names[n] for n in TEXTS if n in names and names[n] not in (found, speaker)), None)
    if not (found and speaker and text):
        return None
    return Columns(found, speaker, text, next((names[n] for n in ORDERS if n in names), None))


def _matching(names: Mapping[str, str], pattern: re.Pattern[str]) -> str | None:
    return next((h for n, h in reversed(list(names.items())) if pattern.match(n)), None)


def delimiter_of(head: str) -> str:
    """Return the delimiter that parts the header into most columns."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=first.count)


def parse_text(text: str, delimiter: str | None, order: Order) -> Parsed:
    """Return the conversations of a delimited text."""
    return parse_rows(_table_rows(text, delimiter or delimiter_of(text)), order)


def _table_rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield each row with the physical line on which it begins."""
    header: list[str] | None = None
    for line, cells, reason in records(io.StringIO(text, newline=""), delimiter):
        if cells is None:
            yield Row(line, None, reason)
        elif not any(cell.strip() for cell in cells):
            continue
        elif header is None:
            header = [cell.strip().removeprefix("\ufeff") for cell in cells]
        elif len(cells) != len(header):
            yield Row(line, None, f"{len(cells)} cells where the header has {len(header)}")
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


def parse_rows(rows: Iterable[Row], order: Order) -> Parsed:
    """Return the conversations of rows that each hold one turn.

    Rows of a conversation need not follow each other. `order` is that of day and month.
    """
    flaws: list[Flaw] = []
    grouped: dict[str, list[Row]] = {}
    columns: Columns | None = None
    for row in rows:
        if row.cells is None:
            flaws.append(Flaw(row.line, row.reason))
            continue
        columns = columns or find(list(row.cells))
        if columns is None:
            flaws.append(Flaw(row.line, "no columns for conversation, speaker and text"))
            continue
        named = str(row.cells.get(columns.id) or "").strip()
        flaw = _flaw(row.cells, columns, named)
        if flaw:
            flaws.append(Flaw(row.line, flaw, named or None))
        if named:
            grouped.setdefault(named, []).append(row)
    if columns is None:
        return Parsed((), tuple(flaws))
    return _conversations(grouped, columns, flaws, order)


def _flaw(cells: Mapping[str, str], columns: Columns, named: str) -> str:
    if not named:
        return f"no value in {columns.id}"
    if not (cells.get(columns.text) or "").strip():
        return f"no text in {columns.text}"
    if not (cells.get(columns.speaker) or "").strip():
        return f"no speaker in {columns.speaker}"
    return ""


def _conversations(
    grouped: Mapping[str, Sequence[Row]], columns: Columns, flaws: list[Flaw], order: Order
) -> Parsed:
    header = list(next(iter(grouped.values()))[0].cells or ()) if grouped else []
    kept = _fact_columns(header, grouped, columns)
    ordered = {named: _ordered(rows, columns.order) for named, rows in grouped.items()}
    given = {named: {c: _first_value(rows, c) for c in kept} for named, rows in ordered.items()}
    times = Times.of((text for facts in given.values() for text in dates_in(facts)), order)
    conversations = []
    for named, rows in grouped.items():
        turns = tuple(_turns(ordered[named], columns))
        if not turns:
            continue  # each of its rows is a flaw already
        facts = Facts.of(given[named], times.at)
        flaws.extend(Flaw(row, reason, named, kept=True) for row, reason in facts.flaws)
        conversations.append(facts.conversation(turns, rows[0].line, named))
    mapping = _mapping(header, columns, kept)
    notes = (*times.notes, *_changing(kept, grouped))
    return Parsed(tuple(conversations), tuple(flaws), mapping, notes)


def _changing(kept: Sequence[str], grouped: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    """Return a sentence for each score that is not one per conversation."""
    scores = [c for c in kept if FACTS.get(plain_name(c)) == SCORE]
    n_changing = {
        c: sum(len({_value(r, c) for r in rows} - {""}) > 1 for rows in grouped.values())
        for c in scores
    }
    return tuple(
        f"{c} changes within {counted(n, 'conversation')}; the first value counts"
        for c, n in n_changing.items()
        if n
    )


def _first_value(rows: Sequence[Row], column: str) -> tuple[int, str]:
    """Return the line and the value of a column where a conversation first has one."""
    values = ((row.line, _value(row, column)) for row in rows)
    return next((found for found in values if found[1]), (rows[0].line, ""))


def _value(row: Row, column: str) -> str:
    return str((row.cells or {}).get(column) or "").strip()


def _turns(rows: Sequence[Row], columns: Columns) -> Iterator[Turn]:
    for row in rows:
        cells = row.cells or {}
        if not _flaw(cells, columns, "known"):
            text = str(cells[columns.text]).strip()
            yield Turn(str(cells[columns.speaker]).strip(), text, row.line)


def _ordered(rows: Sequence[Row], order: str | None) -> Sequence[Row]:
    """Return the rows by their number where each has one, else as they stand."""
    if order is None:
        return rows
    try:
        return sorted(rows, key=lambda r: float((r.cells or {})[order]))
    except (ValueError, TypeError):
        return rows


def _fact_columns(
    header: Sequence[str], grouped: Mapping[str, Sequence[Row]], columns: Columns
) -> list[str]:
    """Return the columns that speak of whole conversations."""
    used = {columns.id, columns.speaker, columns.text, columns.order}
    free = [c for c in header if c not in used]
    known = [c for c in free if FACTS.get(plain_name(c), SEGMENT) not in (SEGMENT, ID)]
    return known + [c for c in free if c not in known and _is_segment(c, grouped)]


def _is_segment(column: str, grouped: Mapping[str, Sequence[Row]]) -> bool:
    """Return whether a column has one value per conversation, and few of them in all."""
    values: set[str] = set()
    for rows in grouped.values():
        held = {_value(row, column) for row in rows} - {""}
        if len(held) > 1:
            return False
        values |= held
    return 0 < len(values) <= min(MAX_SEGMENT_VALUES, max(5, len(grouped) // 2))


def _mapping(header: Sequence[str], columns: Columns, kept: Sequence[str]) -> tuple[Mapped, ...]:
    roles = {
        columns.id: Mapped("id", columns.id, "one conversation per value", "layout"),
        columns.speaker: Mapped("speaker", columns.speaker, "who says the turn", "layout"),
        columns.text: Mapped("verbatim", columns.text, "what is said", "layout"),
    }
    if columns.order:
        roles[columns.order] = Mapped("order", columns.order, "numbers the turns", "layout")
    for c in kept:
        role = FACTS.get(plain_name(c), SEGMENT)
        role = SEGMENT if role == ID else role
        roles[c] = Mapped(role, c, "first value of each conversation", "guess")
    unused = "not about the whole conversation"
    return tuple(roles.get(h) or Mapped("unused", h, unused, "guess") for h in header)

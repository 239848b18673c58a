"""Find the header of a table: where it starts, how many rows it has, what the columns are called.

Survey tools write up to three header rows; spreadsheets carry a title above the table; some files
have no header at all. Only the first records are looked at.
"""

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from painpoints.config import RedactSettings
from painpoints.readers.raw import distinct_names
from painpoints.redact.patterns import Found, find

HEAD_RECORDS = 60
_FACT_CELLS = 2
_TAG = re.compile(r"<[^<>]{1,200}>")
_VALUE = re.compile(
    r"[-+]?\d+([.,:/-]\d+)*([T ]\d\d?:\d\d\S*)?( ?[ap]m)?|\S+@\S+\.\S+|https?://\S+", re.IGNORECASE
)
_TEXT_WORDS = (
    r"(?:comments?|feedback|verbatims?|reviews?|text|texts|answers?|responses?|messages?|"
    r"description|opinions?|remarks?|body|content|notes?|complaints?|suggestions?|narrative)"
)
_TEXT_NAMES = re.compile(
    rf"\b{_TEXT_WORDS}$|"
    r"^(what|why|how|where|which|please|tell us|describe)\b"
)
_COLUMN_NAME = re.compile(
    r"(?:(?:customer|client|user|guest|survey|free|open|review|feedback|comment|verbatim)[ _-]?)?"
    rf"{_TEXT_WORDS}\s*:?",
    re.IGNORECASE,
)
_OPEN_ENDED = {"", "response", "open-ended response", "open ended response"}


@dataclass(frozen=True, slots=True)
class Header:
    """Where the data begins and what its columns are called.

    skip:      records above the header (titles, blank lines).
    n_rows:    rows of the header itself; 0 when the file has none.
    names:     distinct column names, one per cell.
    questions: question text per column name, where it differs from the name.
    layout:    the layout, where the header rows alone give it away.
    """

    skip: int
    n_rows: int
    names: tuple[str, ...]
    questions: Mapping[str, str] = field(default_factory=dict)
    layout: str | None = None
    notes: tuple[str, ...] = ()


def find_header(records: Sequence[Sequence[str]]) -> Header:
    """Return the header of a table from its first records; there is at least one record."""
    skip = _title_rows(records)
    table = records[skip:]
    header = _qualtrics(table) or _surveymonkey(table) or _plain(table)
    if not skip:
        return header
    note = f"{skip} {'row' if skip == 1 else 'rows'} above the header left out"
    return Header(
        skip, header.n_rows, header.names, header.questions, header.layout, (note, *header.notes)
    )


def find_heading(records: Sequence[Sequence[str]]) -> Header:
    """Return the header of a text of one answer per line: only a word such as "comment" is one."""
    first = records[0][0].strip()
    return _named([first]) if _COLUMN_NAME.fullmatch(first) else _numbered(1)


def readable(text: str) -> str:
    """Return a question without HTML tags, entities, line breaks and personal data."""
    plain = " ".join(html.unescape(_TAG.sub(" ", text)).split())
    for found in reversed(_personal(plain)):
        plain = f"{plain[: found.start]}[...]{plain[found.end :]}"
    return plain


def _personal(text: str) -> list[Found]:
    return find(text, RedactSettings().phone_region)


def _title_rows(records: Sequence[Sequence[str]]) -> int:
    """Count leading rows that have one filled cell, or name and value, where rows below have several."""
    filled = [sum(bool(c.strip()) for c in record) for record in records]
    usual = Counter(n for n in filled if n).most_common(1)
    if not usual or usual[0][0] < 2:
        return 0
    named = list(takewhile(_is_fact, records)) if usual[0][0] > _FACT_CELLS + 1 else []
    n_facts = sum(bool(record[1].strip()) for record in named if len(record) > 1)
    if n_facts > 1 or any(record[0].strip().endswith(":") for record in named if record):
        return len(named)
    return next(i for i, n in enumerate(filled) if n > 1)


def _is_fact(record: Sequence[str]) -> bool:
    """Tell a row such as "Exported by:", "Insights team" with nothing behind it, or less."""
    return not any(cell.strip() for cell in record[_FACT_CELLS:])


def _qualtrics(table: Sequence[Sequence[str]]) -> Header | None:
    """Three rows: names, question texts (localised), `{"ImportId": ...}`; older files lack one."""
    for n_rows in (3, 2):
        last = [c for c in table[n_rows - 1] if c.strip()] if len(table) >= n_rows else []
        if last and all(c.lstrip().startswith('{"ImportId"') for c in last):
            questions = table[1] if n_rows == 3 else table[0]
            return _with_questions(table[0], questions, n_rows, "qualtrics")
    return _qualtrics_legacy(table)


def _qualtrics_legacy(table: Sequence[Sequence[str]]) -> Header | None:
    """Two rows: names and question texts, the latter told by a date column that holds no date."""
    names = [c.strip().casefold() for c in table[0]]
    if "responseid" not in names or "startdate" not in names or len(table) < 2:
        return None
    start = table[1][names.index("startdate")] if len(table[1]) == len(names) else ""
    if any(c.isdigit() for c in start):
        return _with_questions(table[0], table[0], 1, "qualtrics")
    return _with_questions(table[0], table[1], 2, "qualtrics")


def _surveymonkey(table: Sequence[Sequence[str]]) -> Header | None:
    """Two rows: questions (blank where one spans several columns) and answers to choose from."""
    names = [c.strip().casefold() for c in table[0]]
    if not {"respondent id", "collector id"} <= set(names) or len(table) < 2:
        return None
    below = [*table[1], *[""] * len(names)][: len(names)]
    if below[names.index("respondent id")].strip():
        return _with_questions(table[0], table[0], 1, "surveymonkey")
    texts, labels, question = [], [], ""
    for top, sub in zip(table[0], below, strict=True):
        question = readable(top) or question
        part = readable(sub)
        labels.append(question)
        texts.append(question if part.casefold() in _OPEN_ENDED else f"{question} - {part}")
    header = _with_questions(texts, labels, 2, "surveymonkey")
    return Header(0, 2, header.names, dict(zip(header.names, labels, strict=True)), "surveymonkey")


def _with_questions(
    names: Sequence[str], questions: Sequence[str], n_rows: int, layout: str
) -> Header:
    called = distinct_names([readable(n) for n in names])
    texts = [readable(q) for q in [*questions, *[""] * len(called)]]
    asked = {n: q for n, q in zip(called, texts, strict=False) if q and q != n}
    return Header(0, n_rows, tuple(called), asked, layout)


def _plain(table: Sequence[Sequence[str]]) -> Header:
    if _looks_like_data(table):
        return _numbered(len(table[0]))
    return _grouped(table) or _named(table[0])


def _grouped(table: Sequence[Sequence[str]]) -> Header | None:
    """Two rows: groups over several columns, blank where one goes on, and names below them.

    Told by a blank beside a group, and by a name in the second row that stands over values.
    """
    top, sub, body = table[0], table[1] if len(table) > 1 else (), table[2:]
    if len(sub) != len(top):
        return None
    beside = zip(top, top[1:], sub[1:], strict=False)
    spans = any(group.strip() and name.strip() and not over.strip() for group, over, name in beside)
    each_named = all(t.strip() or s.strip() for t, s in zip(top, sub, strict=True))
    has_value = any(_is_value(s) for s in sub)
    over_values = any(s.strip() and _are_values(body, i, len(top)) for i, s in enumerate(sub))
    if not (spans and each_named and over_values) or has_value:
        return None
    names, group = [], ""
    for over, name in zip(top, sub, strict=True):
        group = (over.strip() or group) if name.strip() else ""
        names.append(" - ".join(part for part in (group or over, name) if part.strip()))
    return Header(0, 2, tuple(distinct_names([readable(n) for n in names])))


def _is_value(cell: str) -> bool:
    return _VALUE.fullmatch(cell.strip()) is not None


def _are_values(rows: Sequence[Sequence[str]], place: int, width: int) -> bool:
    """Tell a column of numbers, dates and the like."""
    cells = [r[place] for r in rows if len(r) == width]
    return bool(cells) and sum(map(_is_value, cells)) > len(cells) * 0.8


def _numbered(width: int) -> Header:
    names = tuple(distinct_names([""] * width))
    return Header(0, 0, names, notes=("no header row found; columns are numbered",))


def _named(cells: Sequence[str]) -> Header:
    return Header(0, 1, tuple(distinct_names([readable(c) for c in cells])))


def _looks_like_data(table: Sequence[Sequence[str]]) -> bool:
    """Tell a first row that is data: a value stands above values, or prose above prose."""
    first, below = table[0], table[1:]
    if len(first) == 1:
        own = [r[0] for r in below if len(r) == 1]
        return bool(_personal(first[0])) or not _names_a_text(first[0], own)
    return any(
        _is_value(cell) and _are_values(below, i, len(first)) for i, cell in enumerate(first)
    )


def _names_a_text(cell: str, below: Sequence[str]) -> bool:
    """Tell the header of a single column: a word for text, a question, or much shorter than the rest."""
    text = cell.strip().casefold()
    n_words = len(text.split())
    if text.endswith(("?", ":")) or (n_words <= 8 and _TEXT_NAMES.search(text)):
        return True
    mean_words = sum(len(b.split()) for b in below) / max(1, len(below))
    return n_words <= 2 and not text.endswith((".", "!")) and mean_words >= 3 * n_words

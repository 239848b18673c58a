"""Delimited text (CSV, TSV, one text per line) to a raw table, with exact line numbers.

Our own, since no reader at hand keeps the physical line of every bad row, survives an open quote,
and leaves ids as text (docs/decisions/0011). `csv_lines` parses.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TextIO

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.csv_lines import Record, records
from painpoints.readers.decode import find_encoding, open_text
from painpoints.readers.headers import HEAD_RECORDS, Header, find_header, find_heading
from painpoints.readers.raw import ROW, RawTable, columns_of, settle
from painpoints.readers.recognition import Problem

DELIMITERS = ",;\t|"
_NO_DELIMITER = "\x1f"  # for tables of one column; never typed by anyone
_SAMPLE_CHARS = 200_000
_SAMPLE_RECORDS = 200
_MAX_LINE_CHARS = 16_000_000
"""A longer line is no table; it is cut here so that memory stays bounded."""
_SEP_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NAMES = {"\t": "tab", _NO_DELIMITER: None}


def read_delimited(path: Path, source: str, settings: ReadSettings) -> RawTable:
    """Read one delimited text file.

    Raises:
        UnreadableError: if it is empty, cannot be opened, or holds no record at all.
    """
    encoding = find_encoding(path, settings)
    with open_text(path, encoding) as stream:
        sample = stream.read(_SAMPLE_CHARS)
        if not sample.strip():
            raise UnreadableError(f"{source}: the file is empty")
        delimiter, sep_line = find_delimiter(sample, settings.delimiter)
        problems: list[Problem] = []
        rest = iter(partial(stream.readline, _MAX_LINE_CHARS), "")
        lines = chain(_whole_lines(sample, stream), rest)
        with _long_fields(settings.max_cell_chars):
            is_list = delimiter == _NO_DELIMITER and _is_text(path)
            found = records(lines, delimiter, quoted=not is_list)
            if sep_line:
                next(found)
            return _table(
                _parsed(found, source, problems),
                source,
                settings,
                problems,
                find=find_heading if is_list else find_header,
                encoding=encoding.said,
                delimiter=_NAMES.get(delimiter, delimiter),
            )


def _is_text(path: Path) -> bool:
    return path.name.casefold().removesuffix(".gz").endswith(".txt")


def find_delimiter(sample: str, given: str | None = None) -> tuple[str, bool]:
    r"""Return the delimiter of the text, and whether its first line is Excel's `sep=;`.

    The delimiter is the one that cuts most records into as many cells as the first full one;
    a text that none cuts has one column, told by the delimiter `\x1f`.
    """
    declared = _SEP_LINE.fullmatch(sample.split("\n", 1)[0])
    if given or declared:
        return given or (declared[1] if declared else ","), bool(declared)
    lines = sample.split("\n")[: -1 if len(sample) >= _SAMPLE_CHARS else None]
    rated = [(*_consistency(lines, d), -i, d) for i, d in enumerate(DELIMITERS)]
    share, width, _, best = max(rated)
    return (best, False) if share >= 0.5 and width > 1 else (_NO_DELIMITER, False)


def _consistency(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Return the share of records as wide as the header, and that width."""
    found = (record.cells for record in records((f"{line}\n" for line in lines), delimiter))
    rows = list(islice((cells for cells in found if cells), _SAMPLE_RECORDS))
    if delimiter == "," and _are_sentences(rows):
        return 0.0, 0
    widths = [len(cells) for cells in rows]
    usual = Counter(widths).most_common(1)[0][0] if widths else 0
    if usual < 2 or usual not in widths[:5]:
        return 0.0, 0
    return round(widths.count(usual) / len(widths), 2), usual


def _are_sentences(rows: Sequence[Sequence[str]]) -> bool:
    """Tell prose cut at its commas: a space stands behind each, and no column holds single words."""
    behind = [cell for cells in rows for cell in cells[1:]]
    if len(rows) < 3 or not all(cell.startswith(" ") and cell.strip() for cell in behind):
        return False
    columns = zip_longest(*rows[1:], fillvalue="")
    return not any(sum(len(c.split()) == 1 for c in column) > len(rows) / 2 for column in columns)


def _whole_lines(sample: str, stream: TextIO) -> list[str]:
    """Return the lines of the sample, its last one completed from the stream."""
    whole = sample if sample.endswith("\n") else sample + stream.readline(_MAX_LINE_CHARS)
    return [f"{line}\n" for line in whole.removesuffix("\n").split("\n")]


@contextmanager
def _long_fields(max_cell_chars: int) -> Iterator[None]:
    """Let the csv module read cells a little longer than allowed, so that they can be named."""
    before = csv.field_size_limit(max(max_cell_chars + 1000, 131_072))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _parsed(
    found: Iterable[Record], source: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of the records that parse; the others are problems."""
    for line, cells, reason in found:
        if cells is None:
            problems.append(Problem(source, line, None, reason))
        else:
            yield line, cells


def _table(
    rows: Iterator[tuple[int, list[str]]],
    source: str,
    settings: ReadSettings,
    problems: list[Problem],
    *,
    find: Callable[[Sequence[Sequence[str]]], Header],
    encoding: str,
    delimiter: str | None,
) -> RawTable:
    first = list(islice(rows, HEAD_RECORDS))
    if not first:
        raise UnreadableError(f"{source}: no line of it can be read as a table row")
    header = find([cells for _, cells in first])
    body = chain(first[header.skip + header.n_rows :], rows)
    frame, misfits = columns_of(header.names, _fitting(body, header, source, problems))
    reason = f"bytes that are not {encoding.split(' ', maxsplit=1)[0]}"
    problems += [Problem(source, row, None, reason) for row in misfits]
    settled, odd, n_blank = settle(frame, source, max_cell_chars=settings.max_cell_chars)
    bad = sorted([*problems, *odd], key=lambda p: p.row or 0)
    return RawTable(
        source=source,
        format="csv",
        frame=settled.drop(ROW),
        rows=settled[ROW],
        problems=tuple(bad),
        n_rows=settled.height + len({p.row for p in bad}),
        questions=header.questions,
        layout=header.layout,
        encoding=encoding,
        delimiter=delimiter,
        notes=(*header.notes, *_blank_note(n_blank)),
        n_header_rows=header.n_rows,
    )


def _fitting(
    body: Iterable[tuple[int, list[str]]], header: Header, source: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows as wide as the header; blank cells too many at the end do no harm."""
    width = len(header.names)
    for line, cells in body:
        if len(cells) == width:
            yield line, cells
        elif len(cells) > width and not any(c.strip() for c in cells[width:]):
            yield line, cells[:width]
        elif any(c.strip() for c in cells):
            reason = f"{len(cells)} cells where the header has {width}"
            problems.append(Problem(source, line, None, reason))


def _blank_note(n_blank: int) -> tuple[str, ...]:
    return (f"{n_blank:,} blank rows left out",) if n_blank else ()

"""XLSX to a raw table: scan first, then parse in a child process under a memory limit.

Only XLSX: the older formats carry the same danger (calamine #594, #693) and no scan of ours.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.headers import HEAD_RECORDS, find_header
from painpoints.readers.raw import ROW, RawTable, columns_of, settle
from painpoints.readers.workbook_scan import Sheet, scan_workbook

MEMORY_BYTES = 2 * 1024**3
TIMEOUT_S = 300
_CHILD = Path(__file__).with_name("workbook_child.py")


def read_workbook(path: Path, source: str, settings: ReadSettings) -> RawTable:
    """Read the one sheet that holds data, or the one that the settings name.

    Raises:
        UnreadableError: if it is damaged, too large, or has several visible sheets with data.
    """
    sheets = scan_workbook(path, source)
    sheet = _choose(sheets, source, settings.sheet)
    records = _records(path, source, sheet)
    first = list(islice(records, HEAD_RECORDS))
    if not first:
        raise UnreadableError(f"{source}: sheet {sheet.name!r} is empty")
    header = find_header([cells for _, cells in first])
    width = len(header.names)
    body = (
        (row, [*cells, *[""] * width][:width])
        for row, cells in chain(first[header.skip + header.n_rows :], records)
    )
    frame, _ = columns_of(header.names, body)
    settled, odd, n_blank = settle(frame, source, max_cell_chars=settings.max_cell_chars)
    blank = (f"{n_blank:,} blank rows left out",) if n_blank else ()
    return RawTable(
        source=source,
        format="xlsx",
        frame=settled.drop(ROW),
        rows=settled[ROW],
        problems=odd,
        n_rows=settled.height + len({p.row for p in odd}),
        questions=header.questions,
        layout=header.layout,
        notes=(*header.notes, *_sheet_notes(sheet, sheets), *blank),
        n_header_rows=header.n_rows,
    )


def _choose(sheets: Sequence[Sheet], source: str, wanted: str | None) -> Sheet:
    names = ", ".join(repr(s.name) for s in sheets if s.visible)
    if wanted is not None:
        named = [s for s in sheets if s.name == wanted]
        if not named:
            raise UnreadableError(f"{source}: has no sheet {wanted!r}; its sheets are {names}")
        return named[0]
    filled = [s for s in sheets if s.visible and s.n_columns]
    tables = [s for s in filled if s.n_rows > 1] or filled
    if not tables:
        raise UnreadableError(f"{source}: the workbook has no visible sheet with data")
    if len(tables) > 1:
        names = ", ".join(repr(s.name) for s in tables)
        raise UnreadableError(
            f"{source}: {len(tables)} sheets hold data ({names}); name one with --sheet, or save it alone"
        )
    return tables[0]


def _sheet_notes(sheet: Sheet, sheets: Sequence[Sheet]) -> Iterator[str]:
    yield f"sheet {sheet.name!r}"
    hidden = sum(not s.visible for s in sheets)
    if hidden:
        yield f"{hidden} hidden {'sheet' if hidden == 1 else 'sheets'} not read"
    if sheet.n_errors:
        yield f"{sheet.n_errors:,} cells with a formula error read as blank"


def _records(path: Path, source: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    command = [
        sys.executable,
        "-I",
        str(_CHILD),
        str(path.resolve()),
        sheet.name,
        str(MEMORY_BYTES),
    ]
    try:
        child = subprocess.run(  # noqa: S603 - our own program, no shell
            command, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(
            f"{source}: the workbook took longer than {TIMEOUT_S} s to read; save it as CSV"
        ) from error
    if child.returncode:
        raise UnreadableError(f"{source}: {_why(child.returncode, child.stderr)}")
    for row, line in enumerate(child.stdout.splitlines(), start=1):
        cells = json.loads(line)
        if any(cells):
            yield row, cells


def _why(code: int, said: bytes) -> str:
    if b"PasswordError" in said:
        return "the workbook is protected by a password; save it without"
    if code < 0 or b"MemoryError" in said:
        return f"the workbook needs more than {MEMORY_BYTES / 1e9:.1f} GB; save it as CSV"
    return "the workbook is damaged or not one we can read; save it again or as CSV"

"""Run as a program of its own: print the rows of one sheet as JSON lines, under a memory limit.

`python -I workbook_child.py FILE SHEET LIMIT_BYTES`. It imports calamine and nothing of ours, so
that a workbook that kills its parser kills only this process. Cells become text here: whole
numbers without `.0`, dates as ISO 8601.
"""

import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any


def main(path: str, sheet: str, limit_bytes: int) -> None:
    """Write one JSON list of texts per row of the sheet, the first row of the sheet first."""
    limit_memory(limit_bytes)
    from python_calamine import CalamineWorkbook

    table = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet)
    start = table.start[0] if table.start else 0
    sys.stdout.write("[]\n" * start)
    for row in table.to_python(skip_empty_area=True):
        sys.stdout.write(json.dumps([as_text(cell) for cell in row]) + "\n")


def limit_memory(n_bytes: int) -> None:
    """Limit the address space of this process, where the system knows how."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


def as_text(cell: Any) -> str:
    """Return a cell as a person would read it."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

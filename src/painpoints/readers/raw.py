"""A table as it stood in the file: every cell text, every row with its physical number.

The formats (delimited text, workbook, records, Parquet) all end here; what the columns mean is
found later. Rows that cannot be trusted are set aside here, for all formats alike.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

import polars as pl

from painpoints.readers.recognition import Problem

BATCH_ROWS = 20_000
ROW = "__row__"
"""Name of the column that carries the physical row number while a table is built."""

_BLANKS = " \t\r\n\f\v\u00a0\u200b\ufeff"


@dataclass(frozen=True, slots=True)
class RawTable:
    """The cells of one file.

    frame:     all String, null where a cell is blank; row-aligned with `rows`.
    rows:      physical line, row or record of each row of `frame`, from 1.
    questions: question text per column, where the file carries it apart from the name.
    layout:    name of the layout if the header rows alone gave it away, else None.
    n_rows:    rows of data found, those in `problems` included, blank ones left out.
    """

    source: str
    format: str
    frame: pl.DataFrame
    rows: pl.Series
    problems: tuple[Problem, ...]
    n_rows: int
    questions: Mapping[str, str] = field(default_factory=dict)
    layout: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    notes: tuple[str, ...] = ()
    n_header_rows: int = 1


def columns_of(
    names: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]
) -> tuple[pl.DataFrame, list[int]]:
    """Build one String column per name from rows that all have that many cells, in batches.

    Returns the frame with `ROW` as its first column, and the numbers of the rows left out
    because they hold bytes that do not fit the file's encoding.
    """
    schema = {ROW: pl.Int64, **dict.fromkeys(names, pl.String)}
    frames, misfits = [pl.DataFrame(schema=schema)], []
    for batch in _batches(rows):
        clean = batch
        try:
            frames.append(_frame(schema, clean))
        except UnicodeEncodeError:
            clean = [(n, cells) for n, cells in batch if _encodable(cells)]
            misfits += [n for n, cells in batch if not _encodable(cells)]
            frames.append(_frame(schema, clean))
    return pl.concat(frames), misfits


def settle(
    frame: pl.DataFrame, source: str, *, max_cell_chars: int
) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    """Make blank cells null, drop blank rows, and set rows aside that hold impossible cells.

    Returns the frame (still with `ROW`), the problems, and how many rows were blank.
    """
    names = [name for name in frame.columns if name != ROW]
    if not names:
        return frame, (), 0
    trimmed = frame.with_columns(pl.col(names).str.strip_chars(_BLANKS).replace("", None))
    filled = trimmed.filter(~pl.all_horizontal(pl.col(names).is_null()))
    problems, keep = _impossible_cells(filled, names, source, max_cell_chars)
    return filled.filter(keep), problems, trimmed.height - filled.height


def _impossible_cells(
    frame: pl.DataFrame, names: Sequence[str], source: str, max_cell_chars: int
) -> tuple[tuple[Problem, ...], pl.Series]:
    bad = pl.repeat(value=False, n=frame.height, eager=True, dtype=pl.Boolean)
    problems: list[Problem] = []
    for name in names:
        for test, reason in (
            (pl.col(name).str.contains("\0", literal=True), "a NUL byte: the file is damaged here"),
            (
                pl.col(name).str.len_chars() > max_cell_chars,
                f"more than {max_cell_chars:,} characters in one cell ([read] max_cell_chars)",
            ),
        ):
            hit = frame.select(test.fill_null(value=False)).to_series()
            problems += [Problem(source, row, name, reason) for row in frame.filter(hit)[ROW]]
            bad |= hit
    return tuple(sorted(problems, key=lambda p: p.row or 0)), ~bad


def distinct_names(cells: Sequence[str]) -> list[str]:
    """Return usable column names: blanks are numbered, repeats get a number that no cell has."""
    given = [
        " ".join(cell.replace("\0", "").split()) or f"column {place}"
        for place, cell in enumerate(cells, start=1)
    ]
    taken = set(given)
    unused: dict[str, Iterator[str]] = {}
    names = []
    for name in given:
        names.append(next(unused[name]) if name in unused else name)
        unused.setdefault(name, _numbered(name, taken))
    return names


def _numbered(name: str, taken: Container[str]) -> Iterator[str]:
    return (n for number in count(2) if (n := f"{name} ({number})") not in taken)


def _batches(
    rows: Iterable[tuple[int, Sequence[str]]],
) -> Iterator[list[tuple[int, Sequence[str]]]]:
    stream = iter(rows)
    while batch := list(islice(stream, BATCH_ROWS)):
        yield batch


def _frame(schema: Mapping[str, type], batch: Sequence[tuple[int, Sequence[str]]]) -> pl.DataFrame:
    if not batch:
        return pl.DataFrame(schema=schema)
    numbers, cells = zip(*batch, strict=True)
    columns = zip(*cells, strict=True)
    return pl.DataFrame(
        [pl.Series(ROW, numbers, pl.Int64)]
        + [
            pl.Series(name, column, pl.String)
            for name, column in zip(list(schema)[1:], columns, strict=True)
        ]
    )


def _encodable(cells: Sequence[str]) -> bool:
    try:
        "".join(c for c in cells if c).encode()
    except UnicodeEncodeError:
        return False
    return True

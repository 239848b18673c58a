"""The analyst's own tables: effort (topic or touchpoint, 1..5), and the register of fixes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from painpoints.errors import InputError, UnreadableError

COLUMNS = ("topic", "touchpoint", "effort", "owner", "note")
EASIEST, HARDEST = 1.0, 5.0


def read_feasibility(path: Path) -> pl.DataFrame:
    """Return the judged efforts: `topic` and/or `touchpoint` (text), `effort` 1 easy .. 5 hard.

    Raises:
        UnreadableError: the file is missing or no comma-separated UTF-8 text.
        InputError: with every unknown column and every row whose effort is not 1 to 5.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableError(f"{path}: cannot be read as a CSV file of efforts") from error
    problems = _column_problems(table) or _effort_problems(table)
    if problems:
        raise InputError(f"{path}: " + "; ".join(problems))
    return table.with_columns(_effort())


def _effort() -> pl.Expr:
    return pl.col("effort").str.strip_chars().cast(pl.Float64, strict=False)


def _column_problems(table: pl.DataFrame) -> list[str]:
    unknown = [name for name in table.columns if name not in COLUMNS]
    problems = [f"column {name!r} is none of {', '.join(COLUMNS)}" for name in unknown]
    if "effort" not in table.columns:
        problems.append("column effort is missing")
    if not {"topic", "touchpoint"} & set(table.columns):
        problems.append("it needs a column topic or touchpoint")
    return problems


def _effort_problems(table: pl.DataFrame) -> list[str]:
    """Return what is wrong with rows: no effort, nothing named, or the same named twice."""
    columns = [name for name in ("topic", "touchpoint") if name in table.columns]
    named = table.select(
        pl.col(name).fill_null("").str.strip_chars().str.to_lowercase() for name in columns
    ).with_row_index("line", offset=2)
    empty = named.filter(pl.all_horizontal(pl.col(columns) == ""))["line"].to_list()
    twice = named.filter(pl.struct(columns).is_duplicated())["line"].to_list()
    problems = _bad_efforts(table)
    if empty:
        problems.append(f"neither topic nor touchpoint is named in lines {empty[:20]}")
    elif twice:
        problems.append(f"the same topic and touchpoint are judged again in lines {twice[:20]}")
    return problems


def _bad_efforts(table: pl.DataFrame) -> list[str]:
    judged = _effort().is_between(EASIEST, HARDEST).fill_null(value=False)
    bad = table.with_row_index("line", offset=2).filter(~judged)["line"].to_list()
    if not bad:
        return []
    return [f"effort is no number from 1 to 5 in {len(bad)} rows, lines {bad[:20]}"]


FIX_COLUMNS = ("name", "topic", "stage", "touchpoint", "segment", "date", "owner", "expected", "note")  # fmt: skip


def read_fixes(path: Path) -> list[dict[str, Any]]:
    """Return the register of fixes, row by row; absent values are None.

    date: the day from which the fix holds, YYYY-MM-DD, UTC. expected: the change of the share of
    people who tell it, in percentage points (-5 or -5 %), returned as a share (-0.05).
    segment: `plan=gold`, who got it; empty: everybody.

    Raises:
        UnreadableError: the file is missing or no comma-separated UTF-8 text.
        InputError: with every unknown column and every row that cannot be used.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableError(f"{path}: cannot be read as a CSV file of fixes") from error
    problems = _fix_column_problems(table)
    rows = [] if problems else [_fix(row) for row in table.iter_rows(named=True)]
    problems += [
        f"line {line}: {problem}" for line, row in enumerate(rows, 2) for problem in row["problems"]
    ]
    if problems:
        raise InputError(f"{path}: " + "; ".join(problems[:20]))
    return [{name: row[name] for name in FIX_COLUMNS} for row in rows]


def _fix_column_problems(table: pl.DataFrame) -> list[str]:
    unknown = [name for name in table.columns if name not in FIX_COLUMNS]
    problems = [f"column {name!r} is none of {', '.join(FIX_COLUMNS)}" for name in unknown]
    if "date" not in table.columns:
        problems.append("column date is missing")
    if not {"topic", "stage", "touchpoint"} & set(table.columns):
        problems.append("it needs a column topic, stage or touchpoint")
    return problems


def _fix(given: dict[str, str | None]) -> dict[str, Any]:
    """Return the row with its date and expectation read, and what is wrong with it."""
    row: dict[str, Any] = {name: (given.get(name) or "").strip() or None for name in FIX_COLUMNS}
    problems = []
    if not (row["topic"] or row["stage"] or row["touchpoint"]):
        problems.append("names no topic, stage or touchpoint")
    if row["segment"] and "=" not in row["segment"] and ":" not in row["segment"]:
        problems.append("segment is not written as column=value")
    try:
        row["date"] = datetime.strptime(row["date"] or "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        problems.append("date is not written as YYYY-MM-DD")
    if row["expected"]:
        try:
            row["expected"] = float(row["expected"].rstrip("% p").replace("−", "-")) / 100
        except ValueError:
            problems.append("expected is no number of percentage points")
    return row | {"problems": problems}

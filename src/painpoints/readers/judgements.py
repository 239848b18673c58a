"""The analyst's own table of effort: topic or touchpoint, effort 1..5, owner, note."""

from pathlib import Path

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
    judged = _effort().is_between(EASIEST, HARDEST).fill_null(value=False)
    bad = table.with_row_index("line", offset=2).filter(~judged)["line"].to_list()
    if not bad:
        return []
    return [f"effort is no number from 1 to 5 in {len(bad)} rows, lines {bad[:20]}"]

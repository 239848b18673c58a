"""Tables and JSON to files, each whole or not at all.

Parquet is the form for machines: the same table gives the same bytes. CSV is for spreadsheets:
with a byte-order mark, lists as JSON, and every text that a spreadsheet would take for a formula
made harmless by a leading apostrophe. Knows nothing of what the tables mean.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import polars as pl

from painpoints.errors import RunError

Format = Literal["parquet", "csv", "json"]

_FORMULA = r"^(\s*[=+\-@\t\r\n\x00＝＋－＠])"  # noqa: RUF001 - full-width signs start formulas too
"""Source: OWASP, CSV injection; the full-width forms are taken for the signs by some programs."""


def write_tables(
    frames: Mapping[str, pl.DataFrame], out: Path, *, form: Format = "parquet"
) -> list[Path]:
    """Write each table to `out/<name>.<form>` and return the paths, in the order given."""
    return [write_table(frame, out / f"{name}.{form}") for name, frame in frames.items()]


def write_files(contents: Mapping[str, bytes], out: Path) -> list[Path]:
    """Write each content to `out/<name>` and return the paths, in the order given.

    Raises:
        RunError: where a file cannot be written.
    """
    for name, content in contents.items():
        with replacing(out / name) as unfinished:
            unfinished.write_bytes(content)
    return [out / name for name in contents]


def write_table(frame: pl.DataFrame, path: Path) -> Path:
    """Write a table in the form that the ending of `path` names: .parquet, .csv or .json.

    Raises:
        RunError: for any other ending, or where the file cannot be written.
    """
    refuse_ending(path)
    with replacing(path) as unfinished:
        _FORMS[path.suffix](frame, unfinished)
    return path


def refuse_ending(path: Path) -> None:
    """Check that `write_table` can write to a file of this name.

    Raises:
        RunError: the ending is none that it knows.
    """
    if path.suffix not in _FORMS:
        raise RunError(f"{path.name}: tables are written as {', '.join(_FORMS)}")


def write_json(value: Any, path: Path) -> Path:
    """Write plain values as indented JSON, in their order.

    Raises:
        RunError: for values that JSON does not know (NaN among them), or where the file cannot
            be written.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RunError(f"{path.name}: not plain values: {type(error).__name__}") from error
    with replacing(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes its place when the block ends well.

    Raises:
        RunError: where the disk or the rights do not allow it; nothing half-written is left.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # what was raised above says more
            unfinished.unlink(missing_ok=True)


def formula_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the table with harmless texts and column names, lists and times as text.

    Texts that start like a formula get a leading apostrophe; everything else stays as it is.
    """
    columns = [_flat(frame[name]).alias(_harmless(name)) for name in frame.columns]
    return pl.DataFrame(columns).with_columns(
        pl.col(pl.String).str.replace(_FORMULA, "'${1}")
    )  # fmt: skip


def _flat(column: pl.Series) -> pl.Series:
    """Return lists and structs as JSON text; other columns as they are."""
    if not column.dtype.is_nested():
        return column
    told = [
        None if value is None else json.dumps(value, ensure_ascii=False)
        for value in column.to_list()
    ]
    return pl.Series(column.name, told, dtype=pl.String)


def _harmless(name: str) -> str:
    return str(pl.Series([name]).str.replace(_FORMULA, "'${1}").item())


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", statistics=True)


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    formula_safe(frame).write_csv(
        path, include_bom=True, datetime_format="%Y-%m-%dT%H:%M:%SZ", line_terminator="\r\n"
    )


def _write_json(frame: pl.DataFrame, path: Path) -> None:
    frame.write_json(path)


_FORMS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".json": _write_json,
}
ENDINGS = tuple(_FORMS)
"""Of the files that tables are written to."""

"""Slices as files: streamed in batches, so that a million rows need no memory."""

import csv as csv_writer
import io
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from fastapi.responses import Response, StreamingResponse

from painpoints_api.ranking import Decided, labels
from painpoints_api.slices import Filters, Slices

_FORMULA = re.compile("^[\\s]*[=+\\-@\t\r\n\x00＝＋－＠]")  # noqa: RUF001 - full-width signs start formulas too
_PIECE = 1 << 20


def csv(
    slices: Slices, run: Path, filters: Filters, decided: Decided, headers: dict[str, str]
) -> Response:
    """Return the mentions of a slice as CSV; nothing in it starts a formula."""
    batches = slices.batches(run, filters, decided.edits)
    first = next(batches)  # a filter that is wrong is told before the answer begins
    return StreamingResponse(
        _lines(first[0], batches, labels(slices, run, decided)),
        media_type="text/csv; charset=utf-8",
        headers=headers,
    )


def _lines(
    names: list[str],
    batches: Iterator[tuple[list[str], list[tuple[Any, ...]]]],
    labelled: Mapping[str, str],
) -> Iterator[bytes]:
    at = names.index("topic_id")
    yield b"\xef\xbb\xbf" + _rows([[*names, "topic_label"]])
    for _, rows in batches:
        yield _rows([[*row, labelled.get(row[at] or "", "")] for row in rows])


def _rows(rows: list[list[Any]]) -> bytes:
    told = io.StringIO()
    csv_writer.writer(told).writerows([[_harmless(value) for value in row] for row in rows])
    return told.getvalue().encode("utf-8", "replace")


def _harmless(value: Any) -> Any:
    """Return a text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def parquet(
    slices: Slices, run: Path, filters: Filters, decided: Decided, headers: dict[str, str]
) -> Response:
    """Return the mentions of a slice as Parquet."""
    import polars as pl

    batches = slices.batches(run, filters, decided.edits)
    names, _ = next(batches)
    schema = dict(pl.read_parquet_schema(run / "slices.parquet"))
    schema["created_at"] = pl.Datetime("us", "UTC")
    frames = [pl.DataFrame(schema={name: schema[name] for name in names})]
    frames += [
        pl.DataFrame(rows, schema={name: schema[name] for name in names}, orient="row")
        for _, rows in batches
    ]
    known = labels(slices, run, decided)
    named = pl.concat(frames).with_columns(
        topic_label=pl.col("topic_id").replace_strict(known, default=None, return_dtype=pl.String)
    )
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent; it has no name to remove
    try:
        named.write_parquet(file, compression="zstd")
    except BaseException:
        file.close()
        raise
    n_bytes = file.seek(0, io.SEEK_END)
    return StreamingResponse(
        _pieces(file),
        media_type="application/vnd.apache.parquet",
        headers={**headers, "Content-Length": str(n_bytes)},
    )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece

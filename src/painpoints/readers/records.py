"""JSON and JSON Lines to a raw table; nested objects become dotted columns, lists stay JSON text.

A line or record that is not sound (broken JSON, a key twice, NaN, not an object) is set aside;
a JSON document that does not parse cannot be read at all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.decode import as_text, find_encoding, open_text, read_bytes
from painpoints.readers.raw import BATCH_ROWS, ROW, RawTable, settle
from painpoints.readers.recognition import Problem

MAX_JSON_BYTES = 512 * 1024 * 1024
_MAX_DEPTH = 6


class _UnsoundError(ValueError):
    """A record that parses but cannot be trusted."""


def read_json_lines(path: Path, source: str, settings: ReadSettings) -> RawTable:
    """Read one record per line.

    Raises:
        UnreadableError: if the file cannot be opened or has no line that is a record.
    """
    encoding = find_encoding(path, settings)
    problems: list[Problem] = []
    with open_text(path, encoding) as stream:
        frame = _frame(_parsed_lines(stream, source, problems))
    return _table(frame, source, settings, problems, kind="jsonl", encoding=encoding.said)


def read_json(path: Path, source: str, settings: ReadSettings) -> RawTable:
    """Read a list of records, alone or under a key such as `data`, `reviews` or `responses`.

    Raises:
        UnreadableError: if it does not parse, is too large, or holds no list of records.
    """
    document, encoding = load_document(path, source, settings)
    records, notes = find_records(document)
    if records is None:
        raise UnreadableError(f"{source}: the JSON holds no list of records")
    problems: list[Problem] = []
    frame = _frame(_objects(records, source, problems))
    return _table(frame, source, settings, problems, kind="json", encoding=encoding, notes=notes)


def load_document(path: Path, source: str, settings: ReadSettings) -> tuple[Any, str]:
    """Return the parsed JSON document and how its bytes were read.

    Raises:
        UnreadableError: if it is too large or does not parse.
    """
    data = read_bytes(path, MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise UnreadableError(
            f"{source}: more than {MAX_JSON_BYTES / 1e6:,.0f} MB of JSON in one document; "
            "export it as JSON Lines"
        )
    text, encoding = as_text(data, settings)
    try:
        return _parse(text), encoding.said
    except json.JSONDecodeError as error:
        raise UnreadableError(
            f"{source}: not valid JSON at line {error.lineno}, column {error.colno}; "
            "export it again"
        ) from error
    except _UnsoundError as error:
        raise UnreadableError(f"{source}: the JSON has {error}") from error
    except (RecursionError, ValueError) as error:
        raise UnreadableError(f"{source}: the JSON cannot be parsed; export it again") from error


def find_records(document: Any) -> tuple[Sequence[Any] | None, tuple[str, ...]]:
    """Return the longest list of objects in the document, at most three levels down."""
    found = sorted(_lists(document, "", 3), key=lambda f: -len(f[1]))
    if found:
        where, records = found[0]
        return records, (f"records taken from {where!r}",) if where else ()
    if isinstance(document, Mapping) and document:
        return [document], ("the document is read as one record",)
    return ([], ()) if document == [] else (None, ())


def _lists(value: Any, where: str, depth: int) -> Iterator[tuple[str, Sequence[Any]]]:
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            yield where, value
    elif isinstance(value, dict) and depth:
        for key, item in value.items():
            yield from _lists(item, f"{where}.{key}".lstrip("."), depth - 1)


def _parsed_lines(
    stream: Iterable[str], source: str, problems: list[Problem]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip(" \t\r\n\ufeff"):
            continue
        try:
            yield number, _flat(_parse(line))
        except _UnsoundError as error:
            problems.append(Problem(source, number, None, str(error)))
        except (RecursionError, ValueError):
            problems.append(Problem(source, number, None, "not valid JSON"))


def _objects(
    records: Sequence[Any], source: str, problems: list[Problem]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, record in enumerate(records, start=1):
        try:
            yield number, _flat(record)
        except _UnsoundError as error:
            problems.append(Problem(source, number, None, str(error)))


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)


def _refuse_constant(name: str) -> None:
    raise _UnsoundError(f"{name}, which is no JSON number")


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _UnsoundError("a key twice in one object")
    return found


def _flat(record: Any) -> dict[str, str]:
    if not isinstance(record, dict):
        raise _UnsoundError("no object, so no columns")
    cells: dict[str, str] = {}
    _flatten(record, "", cells, _MAX_DEPTH)
    if any(
        "\ud800" <= c <= "\udfff" for cell in cells.values() if not cell.isascii() for c in cell
    ):
        raise _UnsoundError("half a character (a lone surrogate)")
    return cells


def _flatten(record: Mapping[str, Any], prefix: str, cells: dict[str, str], depth: int) -> None:
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and depth:
            _flatten(value, f"{name}.", cells, depth - 1)
        else:
            cells[name] = _as_text(value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _frame(records: Iterable[tuple[int, dict[str, str]]]) -> pl.DataFrame:
    frames = [pl.DataFrame(schema={ROW: pl.Int64})]
    batch: list[tuple[int, dict[str, str]]] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH_ROWS:
            frames.append(_batch_frame(batch))
            batch = []
    frames.append(_batch_frame(batch))
    return pl.concat(frames, how="diagonal")


def _batch_frame(batch: Sequence[tuple[int, Mapping[str, str]]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for _, cells in batch for name in cells if name != ROW))
    return pl.DataFrame(
        [pl.Series(ROW, [number for number, _ in batch], pl.Int64)]
        + [pl.Series(name, [cells.get(name) for _, cells in batch], pl.String) for name in names]
    )


def _table(
    frame: pl.DataFrame,
    source: str,
    settings: ReadSettings,
    problems: Sequence[Problem],
    *,
    kind: str,
    encoding: str,
    notes: tuple[str, ...] = (),
) -> RawTable:
    if not frame.height and kind == "jsonl":
        raise UnreadableError(f"{source}: no line of it is a JSON record")
    settled, odd, n_blank = settle(frame, source, max_cell_chars=settings.max_cell_chars)
    bad = tuple(sorted([*problems, *odd], key=lambda p: p.row or 0))
    blank = (f"{n_blank:,} empty records left out",) if n_blank else ()
    return RawTable(
        source=source,
        format=kind,
        frame=settled.drop(ROW),
        rows=settled[ROW],
        problems=bad,
        n_rows=settled.height + len({p.row for p in bad}),
        encoding=encoding,
        notes=(*notes, *blank),
        n_header_rows=0,
    )

"""One file that is a table, of any format, to a raw table. The format is told by the first bytes.

A wrong ending does no harm: a workbook called .csv is read as a workbook.
"""

import re
from functools import partial
from pathlib import Path

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.columnar import read_parquet
from painpoints.readers.decode import head, head_as_utf8, open_bytes
from painpoints.readers.delimited import read_delimited
from painpoints.readers.raw import RawTable
from painpoints.readers.records import read_json, read_json_lines
from painpoints.readers.workbook import read_workbook

MAX_UNZIPPED_BYTES = 4 * 1024**3
_CHUNK_BYTES = 1024 * 1024
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_BINARIES = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_JSON_START = re.compile(rb'\s*[\[{]\s*["\[{}\]]')


def find_format(path: Path, source: str, settings: ReadSettings) -> str:
    """Return csv, xlsx, jsonl, json or parquet, from the first bytes of the file.

    Raises:
        UnreadableError: if it is empty, cannot be opened, or is of a kind we do not read.
    """
    start = head(path)
    if not start:
        raise UnreadableError(f"{source}: the file is empty (0 bytes)")
    if start.startswith((_ZIP, b"PK\x05\x06")):
        return "xlsx"
    if start.startswith(_PARQUET):
        return "parquet"
    if start.startswith(_OLD_OFFICE):
        raise UnreadableError(
            f"{source}: an old .xls workbook or one with a password; save it as .xlsx without"
        )
    _refuse_binary(start, head_as_utf8(path, settings), source)
    return _text_format(head_as_utf8(path, settings), path)


def read_table(path: Path, source: str, settings: ReadSettings, spool: Path) -> RawTable:
    """Read one file; `spool` is a folder for unzipping what cannot be read as a stream.

    Raises:
        UnreadableError: if it cannot be read at all; the message is one sentence.
    """
    kind = find_format(path, source, settings)
    if kind == "xlsx":
        return read_workbook(_unzipped(path, spool), source, settings)
    if kind == "parquet":
        return read_parquet(_unzipped(path, spool), source, settings)
    if kind == "json":
        return read_json(path, source, settings)
    if kind == "jsonl":
        return read_json_lines(path, source, settings)
    return read_delimited(path, source, settings)


def _refuse_binary(start: bytes, text: bytes, source: str) -> None:
    kind = next((name for magic, name in _BINARIES if start.startswith(magic)), None)
    if kind is None and len(_CONTROL.findall(text)) > 0.02 * len(text):
        kind = "binary data"
    if kind:
        raise UnreadableError(
            f"{source}: this is {kind}, not a table; export it as CSV, XLSX, JSON or Parquet"
        )


def _text_format(text: bytes, path: Path) -> str:
    ending = path.with_suffix("") if path.suffix.casefold() == ".gz" else path
    suffix = ending.suffix.casefold()
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    start = text.removeprefix(b"\xef\xbb\xbf")
    if suffix != ".json" and not _JSON_START.match(start):
        return "csv"
    lines = [line for line in start.split(b"\n", 50) if line.strip()]
    each_whole = len(lines) > 1 and all(
        line.strip().startswith(b"{") and line.strip().endswith(b"}") for line in lines[:2]
    )
    return "jsonl" if each_whole else "json"


def _unzipped(path: Path, spool: Path) -> Path:
    with open_bytes(path) as file:
        if not hasattr(file, "mtime"):
            return path
        copy = spool / path.with_suffix("").name
        with copy.open("wb") as target:
            for chunk in iter(partial(file.read, _CHUNK_BYTES), b""):
                target.write(chunk)
                if target.tell() > MAX_UNZIPPED_BYTES:
                    limit = f"{MAX_UNZIPPED_BYTES / 1e9:.1f} GB"
                    raise UnreadableError(
                        f"{path.name}: unzips to more than {limit}; unzip it first"
                    )
    return copy

"""Look into an XLSX file before it is parsed: is it sound, how large is it, which sheets has it?

A six-kilobyte workbook can claim 17 thousand million cells and abort the process that parses it
(tafia/calamine #693), so the sizes are counted here first, in a stream, with the standard library.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from xml.etree import ElementTree as ET

from painpoints.errors import UnreadableError

MAX_UNPACKED_BYTES = 1024**3
MAX_RATIO = 200
MAX_ENTRIES = 5000
MAX_COLUMNS = 1000
MAX_CELLS = 20_000_000

_CHUNK = 1024 * 1024
_TOKEN = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])([^>]*)>")
_REF = re.compile(rb'\br="([A-Z]{1,4})?(\d{1,9})"')
_DOCTYPE = b"<!DOCTYPE"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook.

    n_rows, n_columns: extent of its filled area, as a parser would allocate it.
    n_errors:          cells that hold a formula error such as #DIV/0!.
    """

    name: str
    visible: bool
    n_rows: int
    n_columns: int
    n_errors: int


def scan_workbook(path: Path, source: str) -> tuple[Sheet, ...]:
    """Return the sheets of a workbook that is safe to parse.

    Raises:
        UnreadableError: if the zip is cut off, no workbook, or larger than we dare to unpack.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, source)
            return tuple(_sheets(archive, source))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UnreadableError(
            f"{source}: the workbook is cut off or damaged; save it again"
        ) from error
    except (KeyError, ET.ParseError, NotImplementedError, RuntimeError) as error:
        raise UnreadableError(f"{source}: a zip file, but not a workbook we can read") from error
    except OSError as error:
        raise UnreadableError(f"{source}: cannot be opened ({error.strerror})") from error


def _check_sizes(archive: zipfile.ZipFile, source: str) -> None:
    entries = archive.infolist()
    unpacked = sum(e.file_size for e in entries)
    packed = sum(e.compress_size for e in entries) or 1
    if "xl/workbook.xml" not in archive.namelist():
        raise UnreadableError(f"{source}: a zip file, but not an XLSX workbook; unzip it first")
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED_BYTES:
        raise UnreadableError(
            f"{source}: {unpacked / 1e6:,.0f} MB in {len(entries):,} parts when unpacked; at most "
            f"{MAX_UNPACKED_BYTES / 1e6:,.0f} MB and {MAX_ENTRIES:,} parts are read; save it as CSV"
        )
    if unpacked > 10_000_000 and unpacked / packed > MAX_RATIO:
        raise UnreadableError(
            f"{source}: unpacks to {unpacked / packed:,.0f} times its size, at most {MAX_RATIO} "
            "times is read; save it as CSV"
        )


def _sheets(archive: zipfile.ZipFile, source: str) -> Iterator[Sheet]:
    targets = {
        item.get("Id", ""): item.get("Target", "")
        for item in _parse(archive, "xl/_rels/workbook.xml.rels")
    }
    for item in _parse(archive, "xl/workbook.xml").iter():
        if not item.tag.endswith("}sheet"):
            continue
        link = next((v for k, v in item.attrib.items() if k.endswith("}id")), "")
        name, part = item.get("name", ""), _part(targets.get(link, ""))
        if "worksheets/" in part:
            visible = item.get("state", "visible") == "visible"
            yield _measure(archive, part, name, source, visible=visible)


def _parse(archive: zipfile.ZipFile, part: str) -> ET.Element:
    data = archive.read(part)
    if _DOCTYPE in data:
        raise KeyError(part)
    return ET.fromstring(data)  # noqa: S314 - no DOCTYPE, so no entities to expand


def _part(target: str) -> str:
    if target.startswith("/"):
        return target.lstrip("/")
    return str(PurePosixPath("xl") / target)


def _measure(
    archive: zipfile.ZipFile, part: str, name: str, source: str, *, visible: bool
) -> Sheet:
    """Count the extent of one sheet from `r=` attributes, and from tags where they lack them."""
    rows = columns = in_row = errors = 0
    with archive.open(part) as stream:
        for tag, attributes in _tags(stream):
            ref = _REF.search(attributes)
            if tag == b"row":
                rows = max(rows + 1, int(ref[2]) if ref else 0)
                in_row = 0
                continue
            in_row = max(in_row + 1, _column(ref[1]) if ref and ref[1] else 0)
            columns = max(columns, in_row)
            rows = max(rows, int(ref[2]) if ref else 0)
            errors += b't="e"' in attributes
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise UnreadableError(
            f"{source}: sheet {name!r} spans {rows:,} rows x {columns:,} columns; at most "
            f"{MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells are read; delete what stands far out"
        )
    return Sheet(name, visible, rows, columns, errors)


def _tags(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (tag, attributes) of every row and cell, reading a little at a time."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        data = rest + chunk
        cut = data.rfind(b"<")
        data, rest = (data, b"") if cut < 0 else (data[:cut], data[cut:])
        yield from ((m[1], m[2]) for m in _TOKEN.finditer(data))
        if len(rest) > _CHUNK:
            rest = b""
    yield from ((m[1], m[2]) for m in _TOKEN.finditer(rest))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number

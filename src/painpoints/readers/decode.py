"""Bytes of a file to text: unzip, find the encoding, hand out a stream. Knows no format.

An encoding is found in this order: byte order mark, NUL pattern (UTF-16 without a mark), strict
UTF-8 over the whole file, then a code page. A code page is guessed only where the script makes
the guess safe (Cyrillic, Greek, Hebrew, Arabic, Chinese, Japanese, Korean); western text takes
the fallback of the settings, since guessers confuse cp1252 with its neighbours on short exports
(docs/decisions/0010). The result says how it was found, so that it can be printed.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO, cast

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError

HEAD_BYTES = 64 * 1024
_SAMPLE_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_SAFE_GUESSES = frozenset(
    [
        "cp1251",
        "koi8_r",
        "koi8_u",
        "iso8859_5",
        "mac_cyrillic",
        "cp866",
        "cp1253",
        "iso8859_7",
        "cp1255",
        "iso8859_8",
        "cp1256",
        "iso8859_6",
        "shift_jis",
        "cp932",
        "euc_jp",
        "iso2022_jp",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
        "cp950",
        "euc_kr",
        "cp949",
    ]
)


_MISFIT = "painpoints.misfit"
"""Name of the error handler that puts a lone surrogate for bytes that fit no character."""

codecs.register_error(_MISFIT, lambda error: ("\udcff", cast("UnicodeDecodeError", error).end))


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file are text.

    codec: name for `open`.
    said:  as printed, e.g. "cp1252 (guessed)".
    """

    codec: str
    said: str


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unzipped if it is gzip by its first two bytes.

    Raises:
        UnreadableError: if it cannot be opened, or the gzip stream is cut off or damaged.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(
            f"{path.name}: the gzip file is cut off or damaged; export or copy it again"
        ) from error
    except OSError as error:
        raise UnreadableError(
            f"{path.name}: cannot be opened ({error.strerror or 'input/output error'})"
        ) from error


def read_bytes(path: Path, limit: int = -1) -> bytes:
    """Return the whole file, unzipped, or its first `limit` bytes.

    Raises:
        UnreadableError: if it cannot be opened, or the gzip stream is cut off or damaged.
    """
    with open_bytes(path) as file:
        return file.read(limit)


def head(path: Path, n_bytes: int = HEAD_BYTES) -> bytes:
    """Return the first bytes of the file, unzipped.

    Raises:
        UnreadableError: if it cannot be opened, or the gzip stream is damaged this early.
    """
    with open_bytes(path) as file:
        return file.read(n_bytes)


def find_encoding(path: Path, settings: ReadSettings) -> Encoding:
    """Find how the bytes of a text file are text; the whole file is looked at, in chunks.

    Raises:
        UnreadableError: if it cannot be opened, or the settings name an unknown encoding.
    """
    if settings.encoding:
        return Encoding(_known(settings.encoding), f"{settings.encoding} (set)")
    start = head(path, _SAMPLE_BYTES)
    marked = _by_mark(start) or _by_nul_pattern(start)
    if marked:
        return marked
    if _is_utf8(path):
        return Encoding("utf-8", "utf-8")
    return _damaged_utf8(start) or _by_code_page(start, settings.fallback_encoding)


def as_text(data: bytes, settings: ReadSettings) -> tuple[str, Encoding]:
    """Return bytes already at hand as text, by the same rules as `find_encoding`."""
    encoding = _encoding_of(data, settings)
    return data.decode(encoding.codec, "replace"), encoding


@contextmanager
def open_text(path: Path, encoding: Encoding) -> Iterator[TextIO]:
    r"""Open a file as text whose lines end in `\n`, whatever they end in on disk.

    Bytes that do not fit the encoding become a lone surrogate (U+DCFF).
    """
    with open_bytes(path) as file:
        yield io.TextIOWrapper(
            cast("io.BufferedReader", file), encoding.codec, errors=_MISFIT, newline=None
        )


def head_as_utf8(path: Path, settings: ReadSettings) -> bytes:
    """Return the first bytes of the file, unzipped and, if it is text, turned into UTF-8.

    A binary file comes back as it is.
    """
    start = head(path)
    found = None if settings.encoding else _by_mark(start) or _by_nul_pattern(start)
    if found is None:
        return start
    return start.decode(found.codec, "ignore").encode()


def _encoding_of(data: bytes, settings: ReadSettings) -> Encoding:
    if settings.encoding:
        return Encoding(_known(settings.encoding), f"{settings.encoding} (set)")
    marked = _by_mark(data) or _by_nul_pattern(data)
    if marked:
        return marked
    try:
        data.decode()
    except UnicodeDecodeError:
        start = data[:_SAMPLE_BYTES]
        return _damaged_utf8(start) or _by_code_page(start, settings.fallback_encoding)
    return Encoding("utf-8", "utf-8")


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise UnreadableError(
            f"[read] encoding {name!r} is not an encoding we know; try utf-8, utf-16 or cp1252"
        ) from error


def _by_mark(start: bytes) -> Encoding | None:
    for mark, codec in _MARKS:
        if start.startswith(mark):
            name = codec.removesuffix("-sig")
            return Encoding(codec, f"{name} (byte order mark)")
    return None


def _by_nul_pattern(start: bytes) -> Encoding | None:
    """Tell UTF-16 without a mark: nearly all odd (or even) bytes of western text are NUL."""
    sample = start[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    even, odd = sample[::2].count(0) / len(sample[::2]), sample[1::2].count(0) / len(sample[1::2])
    if odd > 0.4 and even < 0.05:
        return Encoding("utf-16-le", "utf-16 (by its pattern)")
    if even > 0.4 and odd < 0.05:
        return Encoding("utf-16-be", "utf-16 (by its pattern)")
    return None


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_bytes(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _damaged_utf8(start: bytes) -> Encoding | None:
    """Tell UTF-8 with a few foreign bytes from a code page, by what most of it is."""
    text = start.decode("utf-8", "surrogateescape")
    wide = [c for c in text if ord(c) > 127]
    n_foreign = sum("\udc80" <= c <= "\udcff" for c in wide)
    if len(wide) - n_foreign < 4 * n_foreign:
        return None
    return Encoding("utf-8", "utf-8 (with bytes that are not)")


def _by_code_page(start: bytes, fallback: str) -> Encoding:
    from charset_normalizer import from_bytes

    best = from_bytes(start[:256_000]).best()
    if best is not None and best.encoding in _SAFE_GUESSES:
        return Encoding(best.encoding, f"{best.encoding} (guessed by its script)")
    return Encoding(_known(fallback), f"{fallback} (guessed: not Unicode)")

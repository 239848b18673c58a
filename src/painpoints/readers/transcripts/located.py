"""JSON and JSON Lines with the physical line on which every object begins.

The standard decoder says where a document is broken, but not where an object of a sound one
stood; a problem in the middle of a file must name its line all the same.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NoReturn

from painpoints.errors import UnreadableError
from painpoints.readers.transcripts.parsed import Flaw, counted

STRINGS_AND_BRACES = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', re.DOTALL)
BETWEEN = re.compile(r"[\s,]*")


class Located(dict[str, Any]):
    """A JSON object that knows its physical line, from 1."""

    row: int = 1


def documents(text: str, name: str) -> tuple[list[Located], tuple[Flaw, ...]]:
    """Return the objects of a JSON document, a JSON array or JSON Lines, and what is broken.

    An array or a JSON Lines file that is cut off gives its sound objects and one problem.

    Raises:
        UnreadableError: the file holds no whole JSON object at all.
    """
    try:
        return _sound(_decode(text, 1))
    except json.JSONDecodeError as error:
        found, flaws = _line_by_line(text) if _is_lines(text) else _leading(text, error)
        if not found:
            raise UnreadableError(f"{name}: {_explain(error)}") from error
        return found, flaws
    except RecursionError as error:
        raise UnreadableError(f"{name}: JSON is nested too deeply to be a transcript") from error


def leading(start: str, most: int) -> list[Located]:
    """Return up to `most` whole objects at the beginning of an array or of JSON Lines."""
    decoder = json.JSONDecoder(object_pairs_hook=Located)
    found: list[Located] = []
    at = 1 if start.startswith("[") else 0
    while len(found) < most:
        at = _next(start, at)
        try:
            value, at = decoder.raw_decode(start, at)
        except (json.JSONDecodeError, RecursionError):
            break
        found.extend(_objects(value))
    return found


def _next(text: str, at: int) -> int:
    match = BETWEEN.match(text, at)
    return match.end() if match else at


def _decode(text: str, first_row: int) -> Any:
    rows = _object_rows(text, first_row)

    def locate(pairs: list[tuple[str, Any]]) -> Located:
        found = Located(pairs)
        found.row = next(rows)
        return found

    return json.loads(text, object_pairs_hook=locate, parse_constant=_refuse_constant)


def _object_rows(text: str, first_row: int) -> Iterator[int]:
    """Yield the line on which each object begins, in the order in which the objects end."""
    line_ends = [m.start() for m in re.finditer("\n", text)]
    open_rows: list[int] = []
    for match in STRINGS_AND_BRACES.finditer(text):
        if match[0] == "{":
            open_rows.append(first_row + bisect_right(line_ends, match.start()))
        elif match[0] == "}" and open_rows:
            yield open_rows.pop()


def _refuse_constant(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is no JSON number", constant, 0)


def _sound(value: Any) -> tuple[list[Located], tuple[Flaw, ...]]:
    found = _objects(value)
    n_foreign = (len(value) if isinstance(value, list) else 1) - len(found)
    flaws = (Flaw(1, f"{counted(n_foreign, 'element')} of the file not an object"),)
    return found, flaws if n_foreign else ()


def _objects(value: Any) -> list[Located]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Located)]


def _is_lines(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and lines[0].strip().startswith("{") and lines[1].strip().startswith("{")


def _line_by_line(text: str) -> tuple[list[Located], tuple[Flaw, ...]]:
    found: list[Located] = []
    flaws = []
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            objects = _objects(_decode(line, row))
        except (json.JSONDecodeError, RecursionError):
            flaws.append(Flaw(row, "line is not valid JSON"))
            continue
        found.extend(objects)
        if not objects:
            flaws.append(Flaw(row, "line holds no JSON object"))
    return found, tuple(flaws)


def _leading(text: str, error: json.JSONDecodeError) -> tuple[list[Located], tuple[Flaw, ...]]:
    """Return the sound objects at the beginning of an array that breaks later."""
    found: list[Located] = []
    flaw = (Flaw(error.lineno, f"{_explain(error)}; what follows could not be read"),)
    start = text.find("[") + 1
    if text[: start - 1].strip("\ufeff \t\r\n") or not start:
        return found, flaw
    decoder = json.JSONDecoder()
    while True:
        start = _next(text, start)
        try:
            _, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            return found, flaw
        found.extend(_objects(_decode(text[start:end], text.count("\n", 0, start) + 1)))
        start = end


def _explain(error: json.JSONDecodeError) -> str:
    at_end = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
    cut = "; the file seems to be cut off" if at_end else ""
    return f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}{cut}"

"""Records of delimited text with exact line numbers, one bad row costing one row.

`csv.reader(strict=True)` parses; where it fails, reading goes on at the next line
(docs/decisions/0011).
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Record(NamedTuple):
    """One record: its first physical line and its cells; None, and why, for one that does not parse."""

    line: int
    cells: list[str] | None
    reason: str = ""


class _Lines:
    """Lines of a stream, with those of the current record at hand to be read again."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream = iter(stream)
        self._again: deque[str] = deque()
        self.n_done = 0
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.taken.append(line)
        return line

    def accept(self) -> int:
        """Close the current record and return the number of its first line."""
        first = self.n_done + 1
        self.n_done += len(self.taken)
        self.taken.clear()
        return first

    def accept_first_line(self) -> int:
        """Close only the first line of the current record; the others will be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        return self.accept()


def records(stream: Iterable[str], delimiter: str, *, quoted: bool = True) -> Iterator[Record]:
    """Yield every record that is no blank line; a quote that stays open spoils its own line alone."""
    lines = _Lines(stream)
    if quoted:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(lines.accept_first_line(), None, _in_words(error))
            continue
        first = lines.accept()
        if cells:
            yield Record(first, cells)


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text or "field larger" in text:
        return 'a quote (") opens here and is never closed'
    if "expected after" in text:
        return 'text behind a closing quote; quotes inside a cell must be doubled ("")'
    return "cannot be split into cells"

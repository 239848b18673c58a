"""Lines of the form "Name: text": which beginnings are speakers, and which are only text."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from painpoints.readers.transcripts.conversation import AGENT, CUSTOMER
from painpoints.readers.transcripts.speakers import role_of

STAMP = r"(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\s?(?:[AaPp]\.?[Mm]\.?)?[\])]?)"
DAY = r"(?:[\[(]?(?:\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2}))[T ,]{0,2})"
LINE = re.compile(
    rf"^[\s\u200e]{{0,8}}(?:[-*•>]\s)?(?P<day>{DAY})?(?P<clock>{STAMP})?[\])]?\s{{0,3}}(?:[-\u2013|]\s)?"
    rf"\**(?P<name>[^\W\d_][^:\n\t]{{0,39}}?)\**\s?{STAMP}?\s?:\**(?:\s+(?P<text>\S.*)?|$)"
)
MAX_WORDS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A line that may open a turn: the name before the colon, and what follows it.

    at: day and time before the name; empty where no day stands there.
    """

    name: str
    text: str
    at: str = ""


def split(line: str) -> Line | None:
    """Return the name and the text of a "Name: text" line, and the day and time before it."""
    match = LINE.match(line)
    if not match or len(match["name"].split()) > MAX_WORDS:
        return None
    return Line(match["name"].strip(" *"), (match["text"] or "").strip(), _stamped(match))


def _stamped(match: re.Match[str]) -> str:
    """Return the day and time; a clock may be written with dots, and turns numbered so."""
    if not (match["day"] and (match["clock"] or re.search(r"\d{4}", match["day"]))):
        return ""
    return f"{match['day'].strip('[( T,')} {(match['clock'] or '').strip('[( )]')}".strip()


def names(lines: Iterable[str]) -> frozenset[str]:
    """Return the names that are speakers: a role word, or a name that comes again.

    "One thing: the soup was cold" opens no turn, for nobody else is called "One thing"; and where
    role words name both sides, a line "Total: 30" is nobody's name however often it comes.
    """
    found = Counter(part.name for line in lines if (part := split(line)))
    by_word = {name: role for name in found if (role := role_of(name))}
    if {AGENT, CUSTOMER} <= set(by_word.values()):
        return frozenset(by_word)
    return frozenset(n for n, k in found.items() if n in by_word or (k > 1 and _is_name(n)))


def _is_name(name: str) -> bool:
    return name[0].isupper() or " " not in name

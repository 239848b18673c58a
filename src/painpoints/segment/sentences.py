"""Where a mention may not reach across: lines, list items, sentence ends, emoticons.

Knows characters, not grammar; clauses inside a sentence are left to `clauses` and `parse`.
All spans are half-open character offsets into the text that was handed in.
"""

import re

from painpoints.segment.words import ABBREVIATIONS, TITLES

Span = tuple[int, int]

PICTURES = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\ufe0f\u200d\u20e3"
EMOTICON = (
    rf"(?:[{PICTURES}]"
    r"|[:;=](?<![^\s.!?,][:;=])[-'^]?[)(DPpOo/|\\\]\[*3]+(?![^\W_])|<3(?!\d)|:'\()"
)

_SPOT = re.compile(rf"[\n.!?…;:=<|/*•▪●■◦‣·{PICTURES}]")
"""Characters at which a boundary can begin; finding them first is what makes this quick."""

_BOUNDARY = re.compile(
    rf"""
      (?P<line> \n\s* )
    | (?P<face> {EMOTICON}(?:\s*{EMOTICON})* [.!?]* )
    | (?P<stop> [.!?…]+ ["'\u201d\u2019)\]]* (?=\s|$) )
    | (?P<glued> (?<=[a-z][a-z)])[.!?]+(?=[A-Z][a-z'\u2019]*[\s,]) | [!?]+(?=[^\W_]) )
    | (?P<semi> ;(?=\s|$) | (?<=\s)\|\s | [•▪●■◦‣·]\s? | (?<=\s)//+\s | (?<=\s)\*(?=\s) )
    """,
    re.VERBOSE,
)
_LAST_WORD = re.compile(r"[^\s(\"'\u201c\u2018\[/]+$")
_LEADING = re.compile(
    r"""(?: [\s,;:.!?…)\]}|/\\*•▪●■◦‣·~=_>\u2013\u2014+-] | &(?=\s)
          | \(?\d{1,2}[.)](?=\s+\D) | \(?[a-h]\)(?=\s)
          | (?:and|but|or|nor|plus|yet)(?=[\s,]) (?!\s(?:another|again)\b)
          | however(?=,|\s(?:the|my|our|your|i|we|it|they|there|this|a|when|if)\b) )+""",
    re.VERBOSE | re.IGNORECASE,
)
_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
_SEPARATORS = f"{_BLANKS},;:|/\\*•&+=_<([{{~\u2013\u2014-"
_DANGLING = re.compile(r"(?<=\s)(?:and|but|or)$", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_ITEM = re.compile(r"(?<![\w.,:/£$€-])\(?([1-9]\d?)[.)](?=\s+\D|[A-Za-z])")
_CONTINUES = re.compile(
    r"\s*(?:(?:to|for|of|with|at|in|from|by|on|as|that|which|who|because|when|than|about)\b|[,)])"
)
_WRAP_MIN = 60


def sentences(text: str) -> list[Span]:
    """Cut the text at every boundary no mention reaches across; the spans cover all of it."""
    items = _item_starts(text)
    cuts = list(items)
    reached = 0
    for spot in _SPOT.finditer(text):
        found = _BOUNDARY.match(text, spot.start()) if spot.start() >= reached else None
        if found is None:
            continue
        reached = found.end()
        if _ends_sentence(text, found) and not _is_number(text, found, items):
            cuts.append(reached)
    if not cuts:
        return [(0, len(text))]
    ends = sorted({c for c in cuts if 0 < c < len(text)})
    return list(zip([0, *ends], [*ends, len(text)], strict=True))


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    kind = found.lastgroup
    if kind == "stop":
        return _is_stop(text, found)
    if kind == "line":
        return not _is_wrapped(text, found)
    if kind == "face":
        return not _CONTINUES.match(text, found.end())
    return True


def _is_stop(text: str, found: re.Match[str]) -> bool:
    """Tell a sentence end from an abbreviation's stop or a trailing-off inside a sentence."""
    mark, after = found.group(), text[found.end() : found.end() + 3].lstrip()[:1]
    if "!" in mark or "?" in mark:
        return not (mark[-1] in ')"\u201d' and after.islower())
    if "…" in mark or ".." in mark:
        return not after.islower()
    if mark != ".":
        return True
    word = _LAST_WORD.search(text, max(0, found.start() - 24), found.start())
    return word is None or not _is_abbreviation(word.group().lower(), after)


def _is_abbreviation(word: str, after: str) -> bool:
    if word in TITLES:
        return after != ""
    if len(word) == 1 and word.isalpha():
        return after.isupper() and word not in {"i", "u"}
    return word in ABBREVIATIONS and not after.isupper()


def _is_wrapped(text: str, found: re.Match[str]) -> bool:
    """Tell a line broken by an editor from one ended by its writer."""
    if found.group().count("\n") > 1 or not text[found.end() : found.end() + 1].islower():
        return False
    line_start = text.rfind("\n", 0, found.start()) + 1
    ended = text[found.start() - 1 : found.start()] in {".", "!", "?", ":", ";"}
    return found.start() - line_start >= _WRAP_MIN and not ended


def _item_starts(text: str) -> list[int]:
    """Return where the items of a numbered list begin: 1, 2, 3 in order, at least two."""
    if "2." not in text and "2)" not in text:
        return []
    starts: list[int] = []
    for found in _ITEM.finditer(text):
        if int(found.group(1)) == len(starts) + 1:
            starts.append(found.start())
    return starts if len(starts) > 1 else []


def _is_number(text: str, found: re.Match[str], items: list[int]) -> bool:
    """Tell the stop of "2." at the head of a list item from the end of a sentence."""
    return found.lastgroup == "stop" and any(
        start < found.start() <= start + 3 and text[start : found.start()].strip("(").isdigit()
        for start in items
    )


def trim(text: str, start: int, end: int) -> Span:
    """Take blanks, separators and leading conjunctions off a span; closing stops stay."""
    lead = _LEADING.match(text, start, end)
    if lead is not None:
        start = lead.end()
    said = text[start:end].rstrip(_SEPARATORS)
    while dangling := _DANGLING.search(said, max(0, len(said) - 4)):
        said = said[: dangling.start()].rstrip(_SEPARATORS)
    return start, start + len(said)


def has_letters(text: str, start: int, end: int) -> bool:
    """Tell whether the span says anything in letters of any script."""
    return _LETTER.search(text, start, end) is not None


def mentions(text: str, pieces: list[Span]) -> list[Span]:
    """Turn cut pieces into trimmed mentions: in order, apart, each with letters.

    A piece without letters (an emoticon, "10/10") joins the mention before it, or the one
    after it where there is none. A text without any letters is one mention if it has any
    figure or sign at all ("10/10", an emoji), and none if it has not.
    """
    found: list[Span] = []
    waiting: int | None = None
    for piece_start, piece_end in pieces:
        start, end = trim(text, piece_start, piece_end)
        if start >= end:
            continue
        if has_letters(text, start, end):
            found.append((start if waiting is None else waiting, end))
            waiting = None
        elif found:
            found[-1] = (found[-1][0], end)
        elif waiting is None:
            waiting = start
    if not found and waiting is not None:
        return [(waiting, len(text.rstrip()))]
    return found

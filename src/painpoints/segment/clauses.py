"""The fast way to clauses: no parser, one letter per word, rules as regular expressions.

A sentence becomes a string of word classes (see `words`), one letter a token, so that "the room
was lovely but check-in took an hour" reads `DNFJXNVDN`. Candidates (commas, dashes, `and`, `but`)
become cuts where what follows has a subject and a verb of its own, or is a note of the same make
("staff friendly, food cold"), and what stands before can stand alone.
"""

import re

from painpoints.segment.sentences import EMOTICON, Span
from painpoints.segment.words import CLASSES

MAX_WORDS = 60
"""Longer mentions are cut at the boundary nearest their middle; nobody follows longer ones."""

_TOKEN = re.compile(
    rf"""(?P<word> (?:https?://|www\.)\S+ | [^\W_]+(?:['’`.@/&-][^\W_]+)*['’]? | & | \+(?=\s) )
       | (?P<mark> ,+ | \s[-–—]+\s | [–—] | --+ | \.\.+ | … | [()\[\]] | : )
       | (?P<face> {EMOTICON})""",
    re.VERBOSE,
)
_MARKS = {",": ",", "(": "(", "[": "(", ")": ")", "]": ")", ":": ":", ".": "~", "…": "~"}

_NP = r"(?:D{0,2}[RJND]{0,3}[NJSGI](?:PD{0,2}[JN]{0,3}N){0,2})"
_FINITE = "[FVM]"
_SUBJECT_VERB = re.compile(
    rf"[RXC]{{0,2}}(?:Z|S(?:PN)?R{{0,3}}{_FINITE}|{_NP}S?R{{0,3}}(?:F|V|M(?!N)))"
)
_NOTE = re.compile(
    r"[RX]{0,2}(?:R{0,2}D?J{1,3}N{1,4}(?:PD?[JN]+)?|D{0,2}N{1,3}(?:PD?N+)?R{0,3}J+R?|DNN?)[,~(XC-]?"
)
_WISH = re.compile(
    r"Q|R?F(?:R|I|V|M)|R{1,2}(?:V|I|M)|R?I(?:D|N|J|S|P|G)|V[DNPJR]|RR$|MD?|R?J(?:P|$)|G"
)
_BARE_VERB = re.compile(r"R{0,2}(?:V|F|I)")
_SETTING = re.compile(r"[BP]")
_FRONTED = re.compile(r"[CXA]?R?[BP](?!.*,)|R{1,3}$|T|G[^FV]*$|[SZ]R?M$")
_PREDICATE = re.compile(r"[FVZM]|J.*N|N.*J|[JI]$|^R*I")


class Sentence:
    """One sentence as class letters (`codes`), with the span of every letter's token."""

    __slots__ = ("codes", "spans")

    def __init__(self, text: str, start: int, end: int) -> None:
        codes, spans = [], []
        for token in _TOKEN.finditer(text, start, end):
            spans.append(token.span())
            kind = token.lastgroup
            if kind == "word":
                word = token.group()
                codes.append(CLASSES.get(word) or _class_of(word))
            elif kind == "face":
                codes.append("E")
            else:
                codes.append(_MARKS.get(token.group()[0], "-"))
        self.codes = "".join(codes)
        self.spans = spans


def _class_of(word: str) -> str:
    lower = word.lower().replace("’", "'").replace("`", "'")
    known = CLASSES.get(lower)
    if known is not None:
        return known
    if lower.endswith("n't"):
        return "F"
    if len(lower) > 4:
        if lower.endswith("ly"):
            return "R"
        if lower.endswith("ed"):
            return "V"
        if lower.endswith("ing"):
            return "G"
    return "N"


def cut(text: str, start: int, end: int) -> list[Span]:
    """Cut one sentence into pieces on one subject each; the pieces cover the sentence."""
    sentence = Sentence(text, start, end)
    places = cuts(sentence)
    edges = [start, *(sentence.spans[i][0] for i in places), end]
    return list(zip(edges, edges[1:], strict=False))


_CANDIDATE = re.compile(r"[,~:E-]+[CXA]?R?|C+[,]?|X|(?<=[NJRVGF])[ZS](?=[A-Z])|(?<=[^QCX,])Q")


def cuts(sentence: Sentence) -> list[int]:
    """Return the tokens at which a new piece begins, in order."""
    codes = sentence.codes
    found: list[int] = []
    left = 0
    for candidate in _CANDIDATE.finditer(codes):
        at = candidate.start()
        if at <= left or codes.count("(", 0, at) > codes.count(")", 0, at):
            continue
        if _is_cut(codes, left, at, candidate):
            found.append(at)
            left = at
    return found


def _is_cut(codes: str, left: int, at: int, candidate: re.Match[str]) -> bool:
    mark = candidate.group()
    before = codes[left:at].strip(",~-:CXE")
    after = codes[candidate.end() :] if mark[-1] not in "RSZQ" else codes[candidate.end() - 1 :]
    if not before or len(after) < 2:
        return False
    if "X" in mark:
        return _contrasts(before, after)
    if mark[-1] == "Q":
        return _PREDICATE.search(before) is not None
    if mark in {"S", "Z"}:
        return _runs_on(codes, left, at, before)
    return _coordinates(mark, before, after)


def _contrasts(before: str, after: str) -> bool:
    head = re.split("[,X~-]", after, maxsplit=1)[0]
    return (
        len(head) > 1
        and re.search("[NFVZSGIM]", head) is not None
        and before not in {"R", "N", "D"}
    )


def _runs_on(codes: str, left: int, at: int, before: str) -> bool:
    """Judge a pronoun in mid-sentence: a new clause, or the one that a verb or noun takes."""
    if codes[at - 1] in "BPCMDX(" or len(before) < 3:
        return False
    if re.search("[FVZ]", before) is None or _FRONTED.match(before):
        return False
    verb = codes[at] == "Z" or codes[at + 1 : at + 2] == "F"
    return verb and not (codes[at - 1] == "N" and re.search("[BM]", codes[left:at]) is not None)


def _coordinates(mark: str, before: str, after: str) -> bool:
    if _SETTING.match(after) and "C" not in mark:
        return False
    if _FRONTED.match(before) or not _PREDICATE.search(before):
        return False
    if _SUBJECT_VERB.match(after):
        return True
    noted = _NOTE.match(after) is not None
    if noted and (re.search("[FVZM]", before) is None or before[-1] == "J"):
        return re.fullmatch("[RJ]+", before) is None
    if "C" in mark and mark[0] == "C":
        return False
    if re.match(r"[SZ]|DN?N?[FV]", before) is None and _BARE_VERB.match(after):
        return True
    return _WISH.match(after) is not None and after[0] in "QFRI"


def shorten(text: str, pieces: list[Span]) -> list[Span]:
    """Cut every piece of more than `MAX_WORDS` words at its best boundary near the middle."""
    return [part for piece in pieces for part in _halves(text, piece)]


def _halves(text: str, piece: Span) -> list[Span]:
    if text.count(" ", *piece) < MAX_WORDS:
        return [piece]
    sentence = Sentence(text, *piece)
    if sum(c.isalpha() for c in sentence.codes) <= MAX_WORDS:
        return [piece]
    n_tokens = len(sentence.codes)
    inner = range(n_tokens // 4, 3 * n_tokens // 4 + 1)
    best = min(inner, key=lambda i: (_RANK.get(sentence.codes[i], 3), abs(i - n_tokens // 2)))
    at = sentence.spans[best][0]
    return [*_halves(text, (piece[0], at)), *_halves(text, (at, piece[1]))]


_RANK = {"X": 0, "-": 0, "~": 0, "(": 1, ",": 1, "C": 1, "B": 1, "Z": 2, "S": 2}

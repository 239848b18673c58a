"""The fast way to clauses: no parser, one letter per word, rules as regular expressions.

A sentence becomes a string of word classes (see `words`), one letter a token, so that "the room
was lovely but check-in took an hour" reads `DNFJXNVDN`. Candidates (commas, dashes, `and`, `but`)
become cuts where what follows has a subject and a verb of its own, or is a note of the same make
("staff friendly, food cold"), and what stands before can stand alone.
"""

import re
from functools import lru_cache
from itertools import pairwise

from painpoints.segment.sentences import EMOTICON, Span
from painpoints.segment.words import CLASSES

MAX_WORDS = 60
"""Longer mentions are cut at the boundary nearest their middle; nobody follows longer ones."""
REACH = 2 * MAX_WORDS
"""Tokens on either side that a boundary is judged by: the rules take their cube in time."""

_WORD = re.compile(
    r"(?:https?://|www\.)\S+|[Ee]ven\s(?:though|if|when)\b|[Aa]s\sif\b|[Ss]o\sthat\b"
    r"|\d+(?:[.,:]\d+)+%?|@?[^\W_]+(?:['\u2019`.:@/&-][^\W_]+)*['\u2019]?|&|\+(?=\s)"
)
_TOKEN = re.compile(
    rf"{_WORD.pattern}|,+|(?<=\s)[-\u2013\u2014]+(?=\s)|[\u2013\u2014]|--+|\.\.+|…|[()\[\]]|{EMOTICON}"
)
_MARKS = {",": ",", "(": "(", "[": "(", ")": ")", "]": ")", ".": "~", "…": "~"}
_MARKS |= {"-": "-", "\u2013": "-", "\u2014": "-"}

_NP = r"(?:W?[DK]{0,2}[RJND]{0,3}[NJGIY](?:PD{0,2}[JN]{0,3}N){0,2})"
_VERB = "R{0,3}[FVM]"
_OWN_NOUN = rf"(?:U[A-Z]|{_NP}[SW]?{_VERB}|{_NP}B[A-Zw]{{1,9}}?[FV][A-Zw]*[FV])"
_OWN_SUBJECT = re.compile(rf"[RXAO]{{0,2}}(?:Z|S(?:P?D?N)?{_VERB}|{_OWN_NOUN})")
_AND_WHEN = re.compile(rf"w(?:Z|[SW]{_VERB}|{_NP}{_VERB})")
_NOTE = re.compile(
    r"[RXA]{0,2}(?:R{0,2}D?J{1,3}[NG]{1,4}|D{0,2}N{1,3}(?:PD?N+)?(?:D?R){0,3}J|K[JNGVI])"
)
_COMPOUND = re.compile(r"[DSZNWK][DJNRGPI,]*$")
_OPEN_NOUN = re.compile("^[RJ]+$|D(?:R?J)+$")
_WISH = re.compile(r"Q|R?F[RIVM]|R{1,2}[VIM]|R?I[DNJSPGW]|RR$")
_BARE_VERB = re.compile(r"R{0,2}[VFI]|R{1,2}J$")
_SETTING = re.compile(r"[BwP]")
_FRONTED = re.compile(
    r"[CXAO]?R?[Bw](?!.*[FVZ].*[SZWDN].*[FVZ])(?!D?[JN]+[DSZW].*[FVZ])[^,]*$"
    r"|[CXA]?R?P[^FVZ]*$|R{1,3}$|T$|G[^FV]*$|[SZW]R?M$"
)
_PREDICATE = re.compile(r"[FVZM]|[JKD].*[NG]|N.*J|[JIU]$|^R*I|^W")
_GREETING = re.compile("T{1,2}N?|H[JNIC]*|U")
_NOUN_HERE = re.compile("(?<=[DJKd])[VIM]|(?<=P)[VI]")
"""After a determiner, an adjective or a preposition these letters stand for nouns or infinitives."""


_RELATIVE = re.compile("(j[JNRY]{0,4}|d[DJNRYP]{0,3}[NY])[SZW]")
"""After "the best flight" a pronoun opens a relative clause."""


def encode(text: str, start: int, end: int) -> str:
    """Return one class letter for every token of the sentence."""
    codes = "".join(map(_class_of, _TOKEN.findall(text, start, end)))
    codes = _RELATIVE.sub(r"\1B", _NOUN_HERE.sub("N", codes))
    return codes.replace("j", "J").replace("d", "D")


@lru_cache(maxsize=1 << 16)
def _class_of(token: str) -> str:
    known = CLASSES.get(token) or _MARKS.get(token[0])
    if known is not None:
        return known
    lower = token.lower().replace("\u2019", "'").replace("`", "'")
    known = CLASSES.get(lower)
    if known is not None:
        return known
    return _class_by_ending(lower) if _WORD.match(token) else "E"


def _class_by_ending(word: str) -> str:
    if word.endswith("n't"):
        return "F"
    endings = {"ly": "R", "ed": "V"}
    if len(word) < 5:
        return "N"
    return "G" if word.endswith("ing") else endings.get(word[-2:], "N")


def cut(text: str, start: int, end: int) -> list[Span]:
    """Cut one sentence into pieces on one subject each; the pieces cover the sentence."""
    places = cuts(encode(text, start, end))
    if not places:
        return [(start, end)]
    begins = token_starts(text, start, end)
    return list(pairwise([start, *(begins[i] for i in places), end]))


def token_starts(text: str, start: int, end: int) -> list[int]:
    """Return the first character of every token, in the order of the class letters."""
    return [token.start() for token in _TOKEN.finditer(text, start, end)]


def candidates(codes: str) -> list[tuple[int, int]]:
    """Return every mark and joining word: its token, and the first word after it."""
    joins = {"mark", "markand", "and", "contrast"}
    return [
        (found.start(), found.end())
        for found in _CANDIDATE.finditer(codes)
        if found.lastgroup in joins and found.start() and codes[found.end() :].strip(",C~-)")
        if codes[found.end()] not in ",C~"
    ]


_CANDIDATE = re.compile(
    r"(?P<mark>[,~E-]+[XA]?)(?!C)|(?P<markand>,+C+)|(?P<and>C+,?)|(?P<contrast>X)"
    r"|(?P<please>(?<=[NJRVGIE])Q)|(?P<aside>A(?=[SZWDNJVGP])|(?<=[NRVG])JY(?=[FPDSZ]))|(?P<hello>(?<=H)(?=[SZWDVGFQM]))"
    r"|(?P<pronoun>(?<=[NJRVGFI])(?:Z|UF|[SW]R?F)|(?<=[NJ])[SW]R?V(?=[A-Z]{2}))"
    r"|(?P<noun>(?<=[NJR])(?=D[JN]{0,2}NR?F))"
)


def cuts(codes: str) -> list[int]:
    """Return the tokens at which a new piece begins, in order."""
    found: list[int] = []
    left = seen = depth = 0
    for candidate in _CANDIDATE.finditer(codes):
        at = candidate.start()
        depth += codes.count("(", seen, at) - codes.count(")", seen, at)
        seen = at
        if at <= left or depth > 0:
            continue
        if _is_cut(codes, left, at, candidate):
            found.append(at)
            left = at
    return found


def _is_cut(codes: str, left: int, at: int, candidate: re.Match[str]) -> bool:
    before = codes[max(left, at - REACH) : at].lstrip(",~-CXAE").rstrip("E,~-")
    after = codes[candidate.end() : candidate.end() + REACH]
    if not before or not after:
        return False
    return _JUDGES[candidate.lastgroup or ""](before, after, candidate.group())


def _stands_alone(before: str) -> bool:
    return _PREDICATE.search(before) is not None and _FRONTED.match(before) is None


def _after_mark(before: str, after: str, mark: str) -> bool:
    if mark[-1] == "X":
        return _contrasts(before, after, mark)
    if _GREETING.fullmatch(before):
        return True
    if before[-1] == "X" or not _stands_alone(before):
        return False
    if mark[-1] == "A" or _OWN_SUBJECT.match(after):
        return len(after) > 1
    if _SETTING.match(after) or after[0] == "W":
        return False
    judges = (_is_note, _is_wish, _is_afterthought, _is_parallel)
    return any(judge(before, after) for judge in judges)


def _is_note(before: str, after: str) -> bool:
    """Tell "great service, cold food": a noun with its judgement on either side."""
    return _NOTE.match(after) is not None and _OPEN_NOUN.search(before) is None


def _is_wish(before: str, after: str) -> bool:
    if re.match(r"[SZWU]|[DJN]+[FV]", before) is None and _BARE_VERB.match(after):
        return True
    return _WISH.match(after) is not None and after[0] in "QFRI"


def _is_afterthought(before: str, after: str) -> bool:
    """Tell a note without verb after a whole clause, unless it goes on as a list."""
    if _OWN_SUBJECT.match(before) is None:
        return False
    note = re.match(r"[NKD][^,XC~-]+(?![^,]*C)", after)
    return note is not None and len(note.group()) > 2


def _is_parallel(before: str, after: str) -> bool:
    """Tell "five stars for the cleaner, one star for the scheduling": notes of the same make."""
    return len(before) > 2 and before[:3] == after[:3] and re.search("[FVZ]", before) is None


def _after_mark_and(before: str, after: str, _mark: str) -> bool:
    return _stands_alone(before) and (
        after[0] == "W" or _OWN_SUBJECT.match(after) is not None or _is_note(before, after)
    )


def _after_and(before: str, after: str, _mark: str) -> bool:
    """Judge a bare "and": a subject of its own, or a note after a note or an adjective."""
    if not _stands_alone(before):
        return False
    verbless = re.search("[FVZM]", before) is None
    if _OWN_SUBJECT.match(after):
        return not (verbless and _COMPOUND.match(before))
    if _AND_WHEN.match(after):
        return not verbless and "w" not in before
    return _is_note(before, after) and (verbless or before[-1] == "J")


def _contrasts(before: str, after: str, _mark: str) -> bool:
    """Judge "but" and its kin: what follows must be more than an adjective or two."""
    head = re.split("[,X~-]", after, maxsplit=1)[0]
    if (
        after[0] in "C,~"
        or before[-1] in "XD"
        or after.startswith("PN")
        or (before[-1] == "R" and len(before) < 3)
    ):
        return False
    return len(head) > 1 and re.search("[NFVZSGIMWU]", head) is not None


def _asks(before: str, _after: str, _mark: str) -> bool:
    return _PREDICATE.search(before) is not None


def _adds(before: str, after: str, _mark: str) -> bool:
    if before[-1] in "KDVPFJ" or len(after) < 2:
        return False
    return re.search("[FVZM]" if after[0] != "P" else "[FVZMJ]", before) is not None


def _greets(_before: str, _after: str, _mark: str) -> bool:
    return True


def _runs_on(before: str, after: str, mark: str) -> bool:
    """Judge a new subject in mid-sentence: a clause of its own, unless a verb or noun takes it."""
    if len(before) < 3 or not after or re.search("[FVZ]", before) is None:
        return False
    if mark[:1] in {"S", "W"} and mark.endswith("V") and re.search("F[RDJN]+$", before) is None:
        return False
    return _FRONTED.match(before) is None and re.search("[BwMO]R?N*$", before) is None


_JUDGES = {
    "mark": _after_mark,
    "markand": _after_mark_and,
    "and": _after_and,
    "contrast": _contrasts,
    "please": _asks,
    "aside": _adds,
    "hello": _greets,
    "pronoun": _runs_on,
    "noun": _runs_on,
}


def shorten(text: str, pieces: list[Span]) -> list[Span]:
    """Cut every piece of more than `MAX_WORDS` words at its best boundary near the middle."""
    return [part for piece in pieces for part in _halves(text, piece)]


def _halves(text: str, piece: Span) -> list[Span]:
    if text.count(" ", *piece) < MAX_WORDS:
        return [piece]
    codes = encode(text, *piece)
    if sum(map(str.isalpha, codes)) <= MAX_WORDS:
        return [piece]
    n_tokens = len(codes)
    inner = range(n_tokens // 4, 3 * n_tokens // 4 + 1)
    best = min(inner, key=lambda i: (_RANK.get(codes[i], 3), abs(i - n_tokens // 2)))
    at = token_starts(text, *piece)[best]
    return [*_halves(text, (piece[0], at)), *_halves(text, (at, piece[1]))]


_RANK = {"X": 0, "-": 0, "~": 0, "(": 1, ",": 1, "C": 1, "B": 1, "Z": 2, "S": 2}

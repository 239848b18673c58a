"""Mask personal data before anything else sees it: the same value is the same placeholder.

A person is `p_` and a keyed hash, a value in a text a noun like [EMAIL_1], numbered by first
appearance. `patterns` finds what its form gives away; names come from the caller. What masks the
text of a transcript keeps its turns (`pieces`); parts of a large export are masked each by itself
and numbered together (`numbering`). Addresses and what only its meaning tells stay: see
docs/decisions/0017.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import polars as pl

from painpoints.config import RedactSettings
from painpoints.redact.numbering import (
    Masked,
    Numbers,
    held,
    masked_columns,
    numbering,
    renumbered,
)
from painpoints.redact.patterns import KINDS, PLACEHOLDER, Found, find
from painpoints.redact.pieces import Row, cut, moved_turns
from painpoints.tables import SEGMENT_PREFIX

__all__ = [
    "PLACEHOLDER",
    "FindNames",
    "Masked",
    "Numbers",
    "feedback_ids",
    "held",
    "mask",
    "mask_part",
    "numbering",
    "renumbered",
    "unnumbered",
]

FindNames = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""Texts in, for each the characters (start, end) of the names of people in it."""

PSEUDONYM = re.compile(r"[pf]_[0-9a-f]{12}")
QUESTION = re.compile(r"/q\d+$")
"""Ends the id of an answer where a row answers several questions."""
PERSON_SEGMENT = re.compile(
    r"(?:(?:full|first|last|user|customer|client|agent|advisor|adviser|employee|staff|contact|caller"
    r"|reviewer|owner|manager|technician|driver|doctor|assignee|representative) )?name|surname"
    r"|username|nickname|(?:(?:account|case|store|sales|branch|relationship|service|support) )?"
    r"(?:agent|employee|manager|advisor|adviser|representative|rep|technician|engineer|consultant)"
    r"|respondent|caller|author|assignee|assigned to|reviewer|contact person|driver|doctor|cashier"
    r"|waiter|stylist|instructor|(?:handled|served|assigned|resolved|answered) by"
)
"""Segment columns, in plain words, whose values are people."""

AROUND_NAME = " \t\n.,;:!?\"'()[]\u2018\u2019\u201c\u201d"
POSSESSIVE = re.compile(r"['\u2019]s?$")


@dataclass(slots=True)
class _Register:
    """The placeholders given so far.

    numbers: of each (kind, value), in the order of their first appearance.
    last:    the highest number of each kind.
    counts:  pieces of text that were masked, by kind.
    """

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    last: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def placeholder(self, kind: str, key: str, times: int = 1) -> str:
        """Return the placeholder of a value, a new one at its first appearance."""
        self.counts[kind] += times
        if (kind, key) not in self.numbers:
            self.last[kind] += 1
            self.numbers[kind, key] = self.last[kind]
        return f"[{kind.upper()}_{self.numbers[kind, key]}]"


def mask(
    feedback: pl.DataFrame, *, settings: RedactSettings, find_names: FindNames | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the feedback without personal data, and how many pieces of each kind were masked.

    Verbatims, questions, channels and segment columns are masked, `turns` move along, `person_id`
    becomes a pseudonym, and a `feedback_id` that is an e-mail or the person's own id as well.
    What is masked in a text depends on that text alone; only the numbers depend on the order.
    Masking what is masked changes nothing.

    find_names: finds people's names in texts; None, or `settings.names` off, leaves names.
    """
    masked = mask_part(feedback, settings=settings, find_names=find_names)
    return masked.feedback, dict(masked.counts)


def mask_part(
    feedback: pl.DataFrame, *, settings: RedactSettings, find_names: FindNames | None
) -> Masked:
    """Mask a part of the feedback by itself; `numbering` makes the numbers those of the whole."""
    before = held(feedback)
    register = _Register(last=Counter(before))
    columns = masked_columns(feedback)
    said = zip(feedback["verbatim"].to_list(), feedback["turns"].to_list(), strict=True)
    rows = [cut(verbatim, turns) for verbatim, turns in said]
    names = _names(rows, find_names if settings.names else None)
    masked = [_mask_row(row, names, register, settings.phone_region) for row in rows]
    frame = feedback.with_columns(
        pl.Series("verbatim", ["".join(pieces) for pieces in masked], pl.String),
        moved_turns(feedback["turns"], rows, masked),
        *(_mask_column(feedback[c], register, settings.phone_region) for c in columns[1:]),
        *_pseudonyms(feedback, register, settings.salt),
    )
    counts = {kind: register.counts[kind] for kind in (*KINDS, "person_id", "feedback_id")}
    values = tuple((kind, _digest(key, settings.salt)) for kind, key in register.numbers)
    return Masked(frame, counts, before, values)


def unnumbered(text: str) -> str:
    """Return the text as labels are read from it: the number of a placeholder only counts rows before."""
    return PLACEHOLDER.sub(r"[\g<kind>_1]", text) if "[" in text else text


def _digest(value: str, salt: str) -> str:
    return blake2b(value.encode(), digest_size=16, key=blake2b(salt.encode()).digest()).hexdigest()


def _names(rows: Sequence[Row], find_names: FindNames | None) -> dict[str, list[Found]]:
    """Return the names in each distinct piece of text that has any."""
    if find_names is None:
        return {}
    pieces = list(dict.fromkeys(p for row in rows for p in row.pieces if p.strip()))
    found = zip(pieces, find_names(pieces), strict=True)
    return {piece: [_name(piece, *span) for span in spans] for piece, spans in found if spans}


def _name(text: str, start: int, end: int) -> Found:
    """Return a name without the marks and the genitive around it."""
    said = text[start:end]
    start += len(said) - len(said.lstrip(AROUND_NAME))
    end = start + len(POSSESSIVE.sub("", said.strip(AROUND_NAME)))
    return Found(start, end, "name", " ".join(text[start:end].casefold().split()))


def _mask_row(
    row: Row, names: Mapping[str, list[Found]], register: _Register, region: str
) -> tuple[str, ...]:
    said = [name for piece in row.pieces for name in names.get(piece, ())]
    full = {name.key for name in said if " " in name.key}
    return tuple(
        _mask_text(p, [_as_full(n, full) for n in names.get(p, ())], register, region)
        for p in row.pieces
    )


def _as_full(name: Found, full: set[str]) -> Found:
    """Return a first or last name as the one full name of the same verbatim that holds it."""
    holders = [key for key in full if name.key in key.split()]
    return replace(name, key=holders[0]) if len(holders) == 1 else name


def _mask_text(
    text: str, names: Sequence[Found], register: _Register, region: str, times: int = 1
) -> str:
    """Return a text with its findings replaced, again and again until nothing is found.

    What stood beside a card number may read as a phone number once the card is gone.
    """
    found = find(text, region, names)
    while found:
        text = _replaced(text, [(f, register.placeholder(f.kind, f.key, times)) for f in found])
        found = find(text, region)
    return text


def _replaced(text: str, found: Sequence[tuple[Found, str]]) -> str:
    pieces = []
    at = 0
    for one, placeholder in found:
        pieces += [text[at : one.start], placeholder]
        at = one.end
    return "".join([*pieces, text[at:]])


def _mask_column(values: pl.Series, register: _Register, region: str) -> pl.Series:
    """Return a column of few distinct values, masked; whole where its values are people."""
    counts = values.drop_nulls().value_counts(sort=False)
    n_of = dict(counts.iter_rows())
    plain = " ".join(re.split(r"[\W_]+", values.name.removeprefix(SEGMENT_PREFIX).casefold()))
    masked = {}
    for value in values.drop_nulls().unique(maintain_order=True):
        whole = [Found(0, len(value), "name", value.casefold())]
        names = whole if PERSON_SEGMENT.fullmatch(plain) and value.strip() else []
        masked[value] = _mask_text(value, names, register, region, n_of[value])
    return values.replace_strict(masked, default=None, return_dtype=pl.String)


def feedback_ids(feedback: pl.DataFrame, salt: str) -> pl.Series:
    """Return the ids as masking leaves them: those that tell a person become pseudonyms."""
    both = zip(feedback["feedback_id"].to_list(), feedback["person_id"].to_list(), strict=True)
    ids = [
        _pseudonym("f", own, salt) if _tells_person(own, person) else own for own, person in both
    ]
    return pl.Series("feedback_id", ids, pl.String)


def _pseudonyms(feedback: pl.DataFrame, register: _Register, salt: str) -> list[pl.Series]:
    """Return the columns person_id and feedback_id; ids of an answer stay where they are safe."""
    people = feedback["person_id"].to_list()
    hashed = [None if p is None else _pseudonym("p", p, salt) for p in people]
    ids = feedback_ids(feedback, salt)
    register.counts["person_id"] = _n_changed(people, hashed)
    register.counts["feedback_id"] = _n_changed(feedback["feedback_id"], ids)
    return [pl.Series("person_id", hashed, pl.String), ids]


def _n_changed(before: Iterable[str | None], after: Iterable[str | None]) -> int:
    return sum(b != a for b, a in zip(before, after, strict=True))


def _tells_person(own: str, person: str | None) -> bool:
    """Return whether the id of an answer, to one of several questions perhaps, gives its writer away."""
    is_pseudonym = PSEUDONYM.fullmatch(own) is not None
    return not is_pseudonym and ("@" in own or QUESTION.sub("", own) == person)


def _pseudonym(prefix: str, value: str, salt: str) -> str:
    """Return `prefix` and 12 hex digits of BLAKE2b keyed with the salt (RFC 7693).

    One person's address in capitals and small letters is one person.
    """
    if PSEUDONYM.fullmatch(value):
        return value
    same = value.strip().casefold() if "@" in value and prefix == "p" else value
    key = blake2b(salt.encode()).digest() if salt else b""
    return f"{prefix}_{blake2b(same.encode(), digest_size=6, key=key).hexdigest()}"

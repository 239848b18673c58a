"""Plain text transcripts: "Agent: ..." and "Customer: ...", one or many conversations in a file.

Conversations are parted by rules (---, ===), by headings ("Conversation 12", "Chat #3"), or else
by empty lines, unless the file puts an empty line after every turn. Lines "Date: ...", "CSAT: ..."
above a conversation belong to it; without a date there, it began when its first stamped line was
written. Why by hand: docs/decisions/0016.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from painpoints.domain import STAGES, TOUCHPOINTS
from painpoints.readers.dates import Order
from painpoints.readers.recognition import Mapped
from painpoints.readers.transcripts import prefixes
from painpoints.readers.transcripts.conversation import CUSTOMER, Conversation, Turn
from painpoints.readers.transcripts.facts import FACTS, Facts, dates_in
from painpoints.readers.transcripts.parsed import Flaw, Parsed
from painpoints.readers.transcripts.speakers import plain, role_of
from painpoints.readers.transcripts.times import Times

RULE = re.compile(r"^\s*([-=*_#~])\1{2,}\s*$")
HEADING = re.compile(
    r"^[\s\-=*_#~\[(]*(?:conversation|chat|call|dialogue|dialog|transcript|ticket|session|case)\b"
    r"\s*(?:id|no\.?|number|nr\.?)?\s*[#:]?\s*(?P<id>[\w.-]{0,40}?)[\s\-=*_#~\])]*$",
    re.IGNORECASE,
)
SUBJECTS = frozenset(word.replace("_", " ") for word in (*STAGES, *TOUCHPOINTS))
Numbered = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one conversation, with their physical numbers; `id` from its heading."""

    lines: tuple[Numbered, ...]
    id: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A block whose facts stand apart: each under its name, with its physical line.

    stamps: days and times before the names of speakers, in order.
    """

    block: Block
    facts: Mapping[str, Numbered]
    rest: Sequence[Numbered]
    stamps: Sequence[str]


def is_plain(head: str, *, named_as_text: bool) -> bool:
    """Return whether a text's beginning is a dialogue of prefixed lines.

    Role words must open a third of the lines; names alone are believed in a text file only.
    Answers that begin with what they are about ("Delivery: late") are no dialogue.
    """
    lines = [line for line in head.splitlines() if line.strip()]
    opened = [part.name for line in lines if (part := prefixes.split(line))]
    by_word = [name for name in opened if role_of(name)]
    if _are_subjects(opened):
        return False
    if len(by_word) >= 2 and 3 * len(by_word) >= len(lines):
        return True
    known = prefixes.names(lines)
    by_name = [name for name in opened if name in known and name.casefold() not in FACTS]
    return (
        named_as_text
        and len(set(by_name)) >= 2
        and len(by_name) >= 4
        and 2 * len(by_name) >= len(lines)
    )


def _are_subjects(opened: Sequence[str]) -> bool:
    """Tell names of stages and touchpoints, a third of all or more, where nobody is a customer."""
    subjects = [name for name in opened if plain(name) in SUBJECTS and not role_of(name)]
    spoken = CUSTOMER in map(role_of, opened)
    return bool(subjects) and 3 * len(subjects) >= len(opened) and not spoken


def parse(text: str, order: Order = "auto") -> Parsed:
    """Return the conversations of a plain text file and the lines that belong to none.

    order: of day and month in dates.
    """
    lines = list(enumerate(text.splitlines(), start=1))
    speakers = prefixes.names(line for _, line in lines)
    speakers = frozenset(s for s in speakers if role_of(s) or s.casefold() not in FACTS)
    opened = [_opened(block, speakers) for block in _blocks(lines, speakers)]
    told = (text for one in opened for text in (*dates_in(one.facts), *one.stamps))
    times = Times.of(told, order)
    flaws: list[Flaw] = []
    conversations = (_conversation(one, times.at, speakers, flaws) for one in opened)
    known = tuple(one for one in conversations if one)
    mapping = (Mapped("verbatim", "lines", "each begins with its speaker", "layout"),)
    return Parsed(known, tuple(flaws), mapping, times.notes)


def _blocks(lines: list[Numbered], speakers: frozenset[str]) -> Iterator[Block]:
    parted = list(_parted(lines))
    if len([b for b in parted if b.lines]) > 1 or any(b.id for b in parted):
        yield from (b for b in parted if b.lines)
        return
    yield from _by_empty_lines(lines, speakers)


def _parted(lines: list[Numbered]) -> Iterator[Block]:
    """Return what stands between rules and headings."""
    held: list[Numbered] = []
    named: str | None = None
    for number, line in lines:
        heading = HEADING.match(line)
        if RULE.match(line) or heading:
            if _speaks(held):
                yield Block(tuple(held), named)
                held, named = [], None
            named = (heading["id"] or None) if heading else named
        elif line.strip():
            held.append((number, line))
    if held:
        yield Block(tuple(held), named)


def _speaks(held: list[Numbered]) -> bool:
    """Return whether lines hold more than facts ("Date: ...") about what follows."""
    return any(
        (part := prefixes.split(line)) is None or part.name.casefold() not in FACTS
        for _, line in held
    )


def _by_empty_lines(lines: list[Numbered], speakers: frozenset[str]) -> Iterator[Block]:
    runs = [run for run in _runs(lines, min_gap=1) if run]
    whole = [run for run in runs if _n_speakers(run, speakers) > 1]
    if 2 * len(whole) < sum(_opens(run, speakers) for run in runs):
        runs = [run for run in _runs(lines, min_gap=2) if run]
    block: list[Numbered] = []
    for run in runs:
        if block and _opens(run, speakers):
            yield Block(tuple(block), None)
            block = []
        block = [*block, *run]
    if block:
        yield Block(tuple(block), None)


def _runs(lines: list[Numbered], min_gap: int) -> Iterator[list[Numbered]]:
    """Return runs of lines parted by at least `min_gap` empty lines."""
    run: list[Numbered] = []
    gap = 0
    for number, line in lines:
        gap = 0 if line.strip() else gap + 1
        if line.strip():
            run.append((number, line))
        elif gap == min_gap:
            yield run
            run = []
    yield run


def _n_speakers(run: Iterable[Numbered], speakers: frozenset[str]) -> int:
    parts = (prefixes.split(line) for _, line in run)
    return len({part.name for part in parts if part and part.name in speakers})


def _opens(run: list[Numbered], speakers: frozenset[str]) -> bool:
    """Return whether a run begins as a conversation does: with a speaker or a fact about it."""
    part = prefixes.split(run[0][1])
    return part is not None and (part.name in speakers or part.name.casefold() in FACTS)


def _conversation(
    opened: Opened, times: Mapping[str, datetime], speakers: frozenset[str], flaws: list[Flaw]
) -> Conversation | None:
    row, named = opened.block.lines[0][0], opened.block.id
    said = tuple(_turns(opened.rest, speakers, flaws))
    if not said:
        if not opened.rest:
            flaws.append(Flaw(row, "nothing said below these facts", named))
        return None
    facts = Facts.of(opened.facts, times)
    flaws.extend(Flaw(at, reason, named, kept=True) for at, reason in facts.flaws)
    found = facts.conversation(said, row, named)
    began = found.created_at or next((times[s] for s in opened.stamps if s in times), None)
    if opened.stamps and not began:
        flaws.append(Flaw(row, "date cannot be read", named, kept=True))
    return replace(found, created_at=began)


def _opened(block: Block, speakers: frozenset[str]) -> Opened:
    """Part what stands above the first turn from the lines from there on."""
    above = list(takewhile(lambda numbered: _is_fact(numbered[1], speakers), block.lines))
    parts = ((number, prefixes.split(line)) for number, line in above)
    facts = {part.name: (number, part.text) for number, part in parts if part}
    rest = block.lines[len(above) :]
    later = (prefixes.split(line) for _, line in rest)
    stamps = [part.at for part in later if part and part.at and part.name in speakers]
    return Opened(block, facts, rest, stamps)


def _is_fact(line: str, speakers: frozenset[str]) -> bool:
    part = prefixes.split(line)
    return part is not None and part.name not in speakers and part.name.casefold() in FACTS


def _turns(
    lines: Iterable[Numbered], speakers: frozenset[str], flaws: list[Flaw]
) -> Iterator[Turn]:
    """Return the turns; a line without speaker goes on with the turn before it."""
    opened: list[Turn] = []
    for number, line in lines:
        part = prefixes.split(line)
        if part and part.name in speakers:
            yield from _closed(opened, flaws)
            opened = [Turn(part.name, part.text, number)]
        elif opened:
            opened.append(Turn(opened[0].speaker, line.strip(), number))
        else:
            flaws.append(Flaw(number, "line before the first speaker"))
    yield from _closed(opened, flaws)


def _closed(lines: list[Turn], flaws: list[Flaw]) -> Iterator[Turn]:
    """Return the turn that lines of one speaker make; nothing said is a flaw."""
    said = "\n".join(line.text for line in lines if line.text)
    if said:
        yield Turn(lines[0].speaker, said, lines[0].row)
    elif lines:
        flaws.append(Flaw(lines[0].row, "speaker without text"))

"""WebVTT and SRT: captions of one recorded conversation, with speakers where they are named.

One file is one conversation. WebVTT names speakers by voice spans (`<v Anna>`), SRT and many
recorders by a prefix ("Anna: ..."). Cues of the same speaker that follow each other are one turn.
Why this is read by hand: docs/decisions/0015.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from painpoints.readers.transcripts import prefixes
from painpoints.readers.transcripts.conversation import Conversation, Turn
from painpoints.readers.transcripts.parsed import Flaw, Parsed

TIMING = re.compile(
    r"^\s*(?P<start>(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*"
    r"(?P<end>(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})(?:\s.*)?$"
)
VOICE = re.compile(r"<v(?:\.[^\s>]*)*\s+(?P<name>[^>]{1,200})>")
TAG = re.compile(r"</?(?:[biucvrB]|rt|ruby|lang|font|i|\d)[^<>]{0,200}>")
SRT_START = re.compile(r"^\d{1,7}[ \t]*\r?\n(?=[^\n]{0,80}-->)")
BLOCKS_WITHOUT_SPEECH = ("NOTE", "STYLE", "REGION")


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption: its text lines and the physical line on which the text begins."""

    lines: tuple[str, ...]
    row: int


def is_srt(start: str) -> bool:
    """Return whether a text begins as SRT does: a number, then a time line."""
    return bool(SRT_START.match(start))


def parse(text: str, layout: str) -> Parsed:
    """Return the one conversation of a caption file, and every cue that could not be read."""
    flaws: list[Flaw] = []
    cues = list(_cues(text, layout, flaws))
    speakers = prefixes.names(_words(line) for cue in cues for line in cue.lines)
    turns = [t for cue in cues for t in _turns(cue, speakers) if t.text]
    if not turns:
        return Parsed((), (*flaws, Flaw(1, f"{layout}: no caption with text in the file")))
    return Parsed((Conversation(tuple(_merged(turns)), turns[0].row),), tuple(flaws))


def _cues(text: str, layout: str, flaws: list[Flaw]) -> Iterator[Cue]:
    for start, block in _blocks(text):
        if layout == "webvtt" and _is_silent(start, block):
            continue
        at = next((i for i, line in enumerate(block[:2]) if "-->" in line), None)
        if at is None or not _is_timing(block[at]):
            row = start if at is None else start + at
            flaws.append(Flaw(row, f"{layout}: {_trouble(block, at)}"))
        elif not any(line.strip() for line in block[at + 1 :]):
            flaws.append(Flaw(start + at, f"{layout}: caption without text"))
        else:
            yield Cue(tuple(block[at + 1 :]), start + at + 1)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Return the first line number and lines of every run of lines that are not empty."""
    block: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            start = start if block else number
            block.append(line)
        elif block:
            yield start, block
            block = []
    if block:
        yield start, block


def _is_silent(start: int, block: list[str]) -> bool:
    return (start == 1 and block[0].startswith("WEBVTT")) or block[0].startswith(
        BLOCKS_WITHOUT_SPEECH
    )


def _is_timing(line: str) -> bool:
    match = TIMING.match(line)
    return match is not None and _seconds(match["start"]) <= _seconds(match["end"])


def _seconds(stamp: str) -> float:
    parts = stamp.replace(",", ".").split(":")
    return sum(float(part) * 60.0**i for i, part in enumerate(reversed(parts)))


def _trouble(block: list[str], at: int | None) -> str:
    if at is None:
        return "text without a time line before it"
    if not TIMING.match(block[at]):
        return "time line is not hh:mm:ss.mmm --> hh:mm:ss.mmm"
    return "caption ends before it starts"


def _turns(cue: Cue, speakers: frozenset[str]) -> Iterator[Turn]:
    """Return a turn for each speaker of a cue: its voice spans, else its prefixed lines."""
    pieces = VOICE.split("\n".join(cue.lines))
    if len(pieces) > 1:
        before, *spans = pieces
        voices = [("", before), *zip(spans[::2], spans[1::2], strict=True)]
        yield from (Turn(unescape(name).strip(), _words(text), cue.row) for name, text in voices)
        return
    for line in cue.lines:
        words = _words(line)
        part = prefixes.split(words)
        if part and part.name in speakers:
            yield Turn(part.name, part.text, cue.row)
        elif words:
            yield Turn("", words, cue.row)


def _words(markup: str) -> str:
    return " ".join(unescape(TAG.sub("", markup)).split())


def _merged(turns: list[Turn]) -> Iterator[Turn]:
    """Join what one speaker says in cues that follow each other.

    A cue that names nobody goes on with the speaker before it.
    """
    current = turns[0]
    for turn in turns[1:]:
        if turn.speaker in ("", current.speaker):
            text = f"{current.text} {turn.text}"
            current = Turn(current.speaker, text, current.row, n_rows=current.n_rows + 1)
        else:
            yield current
            current = turn
    yield current

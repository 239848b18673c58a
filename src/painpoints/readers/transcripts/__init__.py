"""Transcripts: conversations in many formats in, one feedback row per conversation out.

`sniff` says whether a file is a transcript and of which layout, `read` reads it. The formats live
in `captions` (WebVTT, SRT), `plain` (Agent:/Customer: text), `dialogue_table` (one row per turn)
and `vendors` (JSON of contact-centre products); `speakers` tells customer and company apart.
Nothing is left out silently: it is a problem with its physical line, or counted in a note.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.decode import as_text, read_bytes
from painpoints.readers.recognition import Mapped, Problem, TranscriptTable
from painpoints.readers.transcripts import captions, dialogue_table, located, plain, vendors
from painpoints.readers.transcripts.conversation import Conversation, frame
from painpoints.readers.transcripts.parsed import Flaw, Parsed, counted
from painpoints.readers.transcripts.speakers import ToldApart, tell_apart

__all__ = ["TITLES", "read", "sniff"]

TITLES = {
    "webvtt": "WebVTT captions",
    "srt": "SRT captions",
    "plain_dialogue": "plain text dialogue (Agent: / Customer:)",
    "dialogue_table": "conversational table (one row per turn)",
    "dialogue_jsonl": "conversational JSON (one object per turn)",
    "contact_lens": "Amazon Contact Lens transcript",
    "genesys": "Genesys Cloud transcript",
    "intercom": "Intercom conversations",
    "zendesk_tickets": "Zendesk tickets with comments",
    "twilio": "Twilio Intelligence sentences",
    "vcon": "vCon conversation container",
    "google_ccai": "Google CCAI conversation",
    "messages_json": "conversations as lists of messages (JSON)",
}
"""Every transcript layout and its name as people say it."""

MAX_LINES = 10
"""Lines named in a note before it says "..."."""

TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".psv")
JSON_START = re.compile(r"\{|\[\s*[\[{\"\]]")
"""A chat may begin with a time in brackets."""
TEXT_ENDINGS = (".txt", ".text", ".log", ".md", ".chat", "")
_ENDING = re.compile(r"\.\w+(\.gz)?(?=$| \(\d+\)$)")


def sniff(name: str, head: bytes) -> str | None:
    """Return the layout of a transcript by its first bytes (unzipped, UTF-8), or None.

    The content decides; the ending of `name` only says how much a plain text must show.
    """
    text = head.decode("utf-8", "ignore").lstrip("\ufeff")
    ending = Path(name.casefold().removesuffix(".gz")).suffix
    start = text.lstrip()
    if text.startswith("WEBVTT"):
        return "webvtt"
    if JSON_START.match(start):
        return vendors.sniff(start) or ("dialogue_jsonl" if _is_dialogue_json(start) else None)
    if captions.is_srt(start):
        return "srt"
    if ending not in TEXT_ENDINGS and dialogue_table.sniff(start):
        return "dialogue_table"
    if ending not in TABLE_ENDINGS and plain.is_plain(start, named_as_text=ending in TEXT_ENDINGS):
        return "plain_dialogue"
    return "dialogue_table" if ending in TEXT_ENDINGS and dialogue_table.sniff(start) else None


def read(path: Path, name: str, layout: str, settings: ReadSettings) -> TranscriptTable:
    """Return the conversations of one file in a layout of `TITLES`, and all its problems.

    `name` is what the run calls the file; ids and problems say it.

    Raises:
        UnreadableError: the file cannot be opened, is empty, is no whole JSON, or `layout` is
            unknown.
    """
    if layout not in TITLES:
        raise UnreadableError(
            f"{name}: {layout} is no transcript layout; use one of {', '.join(TITLES)}"
        )
    text, encoding = as_text(read_bytes(path), settings)
    if not text.strip("\ufeff \t\r\n\0"):
        raise UnreadableError(f"{name}: the file is empty")
    parsed = _or_nothing(_parse(_lines_ended(text), name, layout, settings))
    usable, too_long = _within_cap(parsed.conversations, settings.max_cell_chars)
    unique, repeated = _first_of_each_id(usable)
    told = tell_apart(unique, settings.agent_names)
    known = [one.conversation for one in told if one.conversation]
    undecided = _undecided(unique, told)
    flaws = sorted([*parsed.flaws, *too_long, *repeated, *undecided], key=lambda f: f.row)
    set_aside = [f for f in flaws if not f.kept]
    return TranscriptTable(
        feedback=frame(known, name, _stem(name)),
        problems=tuple(Problem(name, f.row, None, f.reason, f.id) for f in set_aside),
        layout=layout,
        title=TITLES[layout],
        n_rows=_n_rows(known, set_aside),
        encoding=encoding.said,
        mapping=(*parsed.mapping, *_spoken_by(told)),
        notes=(*parsed.notes, *_values_without_use(flaws)),
        n_turns=dict(Counter(str(t.role) for c in known for t in c.turns)),
    )


def _n_rows(known: Sequence[Conversation], set_aside: Sequence[Flaw]) -> int:
    """Return how many physical rows hold a turn or a flaw."""
    turns = [t for c in known for t in c.turns]
    rows = {t.row for t in turns} | {f.row for f in set_aside}
    return len(rows) + sum(t.n_rows - 1 for t in turns)


def _parse(text: str, name: str, layout: str, settings: ReadSettings) -> Parsed:
    if layout in ("webvtt", "srt"):
        return captions.parse(text, layout)
    if layout == "plain_dialogue":
        return plain.parse(text, settings.date_order)
    if layout == "dialogue_table":
        return dialogue_table.parse_text(text, settings.delimiter, settings.date_order)
    documents, broken = located.documents(text, name)
    if layout == "dialogue_jsonl":
        rows = [dialogue_table.Row(d.row, {k: _cell(v) for k, v in d.items()}) for d in documents]
        parsed = dialogue_table.parse_rows(rows, settings.date_order)
    else:
        parsed = vendors.parse(documents, layout)
    return replace(parsed, flaws=(*broken, *parsed.flaws))


def _or_nothing(parsed: Parsed) -> Parsed:
    """Say so where a file has neither a conversation nor anything wrong with it."""
    if parsed.conversations or parsed.flaws:
        return parsed
    return replace(parsed, flaws=(Flaw(1, "no conversation in the file"),))


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _lines_ended(text: str) -> str:
    """Return `text` with line feeds alone at line ends, so that every reader counts alike."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _stem(name: str) -> str:
    """Return the name of a file without its ending; the number of a namesake stays."""
    return _ENDING.sub("", name)


def _is_dialogue_json(start: str) -> bool:
    documents = located.leading(start, 50)
    if not documents:
        return False
    rows = [{k: _cell(v) for k, v in d.items()} for d in documents]
    return dialogue_table.is_dialogue(list(documents[0]), rows)


def _within_cap(
    conversations: Sequence[Conversation], cap: int
) -> tuple[list[Conversation], list[Flaw]]:
    """Part the conversations from those with a turn above [read] max_cell_chars."""
    kept, flaws = [], []
    for c in conversations:
        longest = max(len(t.text) for t in c.turns)
        if longest <= cap:
            kept.append(c)
        else:
            reason = f"a turn of {longest} characters, [read] max_cell_chars is {cap}"
            flaws.extend(_all_of(c, reason))
    return kept, flaws


def _all_of(c: Conversation, reason: str) -> list[Flaw]:
    """Return a flaw for each physical line of a conversation that is set aside as a whole."""
    return [Flaw(row, reason, c.id) for row in dict.fromkeys(t.row for t in c.turns)]


def _undecided(conversations: Sequence[Conversation], told: Sequence[ToldApart]) -> list[Flaw]:
    """Return the flaws of the conversations whose speakers could not be told apart."""
    advice = "name the company's side in [read] agent_names"
    return [
        flaw
        for c, one in zip(conversations, told, strict=True)
        if one.conversation is None
        for flaw in _all_of(c, f"{one.reason}; {advice}")
    ]


def _first_of_each_id(
    conversations: Sequence[Conversation],
) -> tuple[list[Conversation], list[Flaw]]:
    """Part the conversations from those that repeat an earlier one's id."""
    first: dict[str, int] = {}
    kept, flaws = [], []
    for c in conversations:
        if c.id is not None and c.id in first:
            flaws.extend(_all_of(c, f"repeats the conversation id of line {first[c.id]}"))
            continue
        if c.id is not None:
            first[c.id] = c.row
        kept.append(c)
    return kept, flaws


def _values_without_use(flaws: Sequence[Flaw]) -> list[str]:
    """Return a sentence for each reason why a value was not used, with its first lines."""
    by_reason: dict[str, list[int]] = {}
    for flaw in flaws:
        if flaw.kept:
            by_reason.setdefault(flaw.reason, []).append(flaw.row)
    return [
        f"{reason} in {counted(len(rows), 'conversation')} (line {', '.join(map(str, rows[:MAX_LINES]))}"
        f"{', ...' if len(rows) > MAX_LINES else ''}): read without it"
        for reason, rows in by_reason.items()
    ]


def _spoken_by(told: Sequence[ToldApart]) -> tuple[Mapped, ...]:
    """Return how the speakers were told apart, most frequent reason first."""
    reasons = Counter(one.reason for one in told if one.conversation)
    return tuple(
        Mapped("speaker", "who speaks", f"{reason} ({counted(n, 'conversation')})", "layout")
        for reason, n in reasons.most_common()
    )

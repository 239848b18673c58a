"""Conversations in the JSON of contact-centre products, each recognised by its own field names.

Recorded calls are read by `calls`, written conversations by `tickets`; here is what marks each
layout, and the way from a file's objects to its conversations.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from painpoints.readers.transcripts import calls, tickets
from painpoints.readers.transcripts.conversation import Conversation
from painpoints.readers.transcripts.gathered import (
    LISTS,
    SPEAKER_KEYS,
    TEXT_KEYS,
    Gathered,
    first_of,
    object_in,
    objects_in,
)
from painpoints.readers.transcripts.located import Located
from painpoints.readers.transcripts.parsed import Parsed

KEY = re.compile(r'"([A-Za-z_]\w{0,40})"\s*:')
WRAPPERS = (
    "conversations",
    "tickets",
    "results",
    "data",
    "items",
    "contacts",
    "vcons",
    "transcripts",
)


def sniff(head: str) -> str | None:
    """Return the layout whose field names stand in the beginning of a JSON text, or None."""
    keys = set(KEY.findall(head))
    return next((name for name, layout in LAYOUTS.items() if layout.known_by(keys)), None)


def parse(found: list[Located], layout: str) -> Parsed:
    """Return the conversations of a file's JSON objects in one layout."""
    read = LAYOUTS[layout]
    gathered = Gathered()
    for document in _unwrapped(found, read.holds):
        if read.holds(document):
            conversation = read.conversation(document, gathered)
            gathered.add(document.row, conversation, layout)
        else:
            gathered.lose(document.row, f"not a {layout} conversation")
    return gathered.parsed()


def _unwrapped(
    found: list[Located], holds: Callable[[Mapping[str, Any]], bool]
) -> Iterator[Located]:
    for document in found:
        inner = () if holds(document) else _inner(document)
        if any(map(holds, inner)):
            yield from inner
        else:
            yield document


def _inner(document: Located) -> tuple[Located, ...]:
    for key in WRAPPERS:
        items = document.get(key)
        if isinstance(items, list) and items and all(isinstance(i, Located) for i in items):
            return tuple(items)
    return ()


@dataclass(frozen=True, slots=True)
class Layout:
    """One product's JSON.

    known_by:     judges the field names at the beginning of a file.
    holds:        judges one object.
    conversation: reads one object.
    """

    known_by: Callable[[set[str]], bool]
    holds: Callable[[Mapping[str, Any]], bool]
    conversation: Callable[[Located, Gathered], Conversation]


def _holds_messages(document: Mapping[str, Any]) -> bool:
    items = objects_in(document, *LISTS)
    return bool(items) and first_of(items[0], SPEAKER_KEYS) is not None


LAYOUTS: dict[str, Layout] = {
    "vcon": Layout(
        lambda keys: "vcon" in keys and bool({"parties", "dialog"} & keys),
        lambda d: "vcon" in d and "dialog" in d,
        calls.vcon,
    ),
    "contact_lens": Layout(
        lambda keys: (
            {"ParticipantId", "Content"} <= keys and bool({"Transcript", "Segments"} & keys)
        ),
        lambda d: "Transcript" in d or "Segments" in d,
        calls.contact_lens,
    ),
    "genesys": Layout(
        lambda keys: (
            {"phrases", "text"} <= keys and bool({"participantPurpose", "transcripts"} & keys)
        ),
        lambda d: "phrases" in d or any("phrases" in t for t in objects_in(d, "transcripts")),
        calls.genesys,
    ),
    "intercom": Layout(
        lambda keys: (
            "conversation_parts" in keys or {"conversation_rating", "source", "body"} <= keys
        ),
        lambda d: "conversation_parts" in d or ("source" in d and "conversation_rating" in d),
        tickets.intercom,
    ),
    "zendesk_tickets": Layout(
        lambda keys: (
            {"comments", "author_id"} <= keys or {"comments", "requester_id", "public"} <= keys
        ),
        lambda d: "comments" in d or "comments" in object_in(d, "ticket"),
        tickets.zendesk,
    ),
    "twilio": Layout(
        lambda keys: {"media_channel", "transcript"} <= keys,
        lambda d: "sentences" in d,
        calls.twilio,
    ),
    "google_ccai": Layout(
        lambda keys: {"entries", "role", "text"} <= keys or "transcriptSegments" in keys,
        lambda d: "entries" in d or "transcriptSegments" in object_in(d, "transcript"),
        calls.google_ccai,
    ),
    "messages_json": Layout(
        lambda keys: (
            bool(set(LISTS) & keys)
            and bool(set(SPEAKER_KEYS) & keys)
            and bool(set(TEXT_KEYS) - set(LISTS) & keys)
        ),
        _holds_messages,
        tickets.messages,
    ),
}
"""Every JSON layout by name, the most telling first."""

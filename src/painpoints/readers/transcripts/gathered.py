"""What the JSON readers share: careful access to foreign objects, and the turns found so far.

Foreign JSON may hold anything anywhere: each access says what it takes, and what is something else
counts as missing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from painpoints.readers.transcripts.conversation import Conversation, Turn, moment
from painpoints.readers.transcripts.markup import text_of
from painpoints.readers.transcripts.parsed import Flaw, Parsed, counted

LISTS = ("messages", "turns", "utterances", "dialogue", "dialog", "transcript", "conversation")
SPEAKER_KEYS = ("role", "speaker", "author", "sender", "participant", "from", "speaker_role")
TEXT_KEYS = ("text", "content", "message", "utterance", "body")
"""Common names of the turns, the speaker and the text where no product prescribes them."""


class Gathered:
    """What a file's documents give, one after the other."""

    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.flaws: list[Flaw] = []
        self.left_out: dict[str, int] = {}

    def leave_out(self, what: str) -> None:
        """Count a piece that is no turn of the conversation."""
        self.left_out[what] = self.left_out.get(what, 0) + 1

    def items(self, document: Mapping[str, Any], *keys: str) -> list[Any]:
        """Return the objects of the first list under `keys`; anything else in it is a flaw."""
        found = objects_in(document, *keys)
        listed: list[Any] = next(
            (document[k] for k in keys if isinstance(document.get(k), list)), []
        )
        if len(found) < len(listed):
            row = getattr(document, "row", 1)
            n = counted(len(listed) - len(found), "piece")
            self.flaws.append(Flaw(row, f"{n} of the conversation not an object"))
        return found

    def turn(self, item: Any, text: object, speaker: object, role: str | None) -> Iterator[Turn]:
        """Yield the turn if it has text; a problem is noted where the text is missing."""
        row = getattr(item, "row", 1)
        if not isinstance(text, str):
            self.flaws.append(Flaw(row, "a turn has no text"))
        elif not text.strip():
            self.leave_out("turn without text")
        else:
            yield Turn(str(speaker or ""), text_of(text), row, role)

    def moment(self, row: int, given: object) -> datetime | None:
        """Return a time as UTC; one that is there but cannot be read is noted."""
        at = moment(given)
        if at is None and given not in (None, ""):
            self.flaws.append(Flaw(row, "date cannot be read", kept=True))
        return at

    def add(self, row: int, conversation: Conversation, layout: str) -> None:
        """Keep a conversation; one without any turn is a problem."""
        if conversation.turns:
            self.conversations.append(conversation)
        else:
            self.lose(row, f"{layout}: conversation without text", conversation.id)

    def lose(self, row: int, reason: str, named: str | None = None) -> None:
        """Note a conversation that could not be read."""
        self.flaws.append(Flaw(row, reason, named))

    def parsed(self) -> Parsed:
        """Return all of it."""
        notes = tuple(f"{counted(n, what)} left out" for what, n in self.left_out.items())
        return Parsed(tuple(self.conversations), tuple(self.flaws), notes=notes)


def objects_in(document: Mapping[str, Any], *keys: str) -> list[Any]:
    """Return the first list of objects under `keys`."""
    for key in keys:
        value = document.get(key)
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
    return []


def object_in(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under `key`; an empty one where there is none."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def as_id(value: object) -> str | None:
    """Return an id as text; None where there is none."""
    return str(value) if isinstance(value, str | int) and str(value).strip() else None


def first_of(document: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the first value under `keys` that is there."""
    return next((document[key] for key in keys if document.get(key) is not None), None)


def as_number(value: object) -> float | None:
    """Return a JSON number; None for all else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

"""What reading a transcript file gives before anybody has been told apart."""

from dataclasses import dataclass

from painpoints.readers.recognition import Mapped
from painpoints.readers.transcripts.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Flaw:
    """A piece of the file that could not be used: its physical line from 1, and why.

    id:   of the conversation it would have been, where the file names it.
    kept: the conversation is read all the same, without this value.
    """

    row: int
    reason: str
    id: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """The conversations of a file, what could not be read, and what was left out and why.

    mapping: which field or column became what, with the reason.
    notes:   sentences for the recognition, e.g. "3 internal notes left out".
    """

    conversations: tuple[Conversation, ...]
    flaws: tuple[Flaw, ...] = ()
    mapping: tuple[Mapped, ...] = ()
    notes: tuple[str, ...] = ()


def counted(n: int, thing: str) -> str:
    """Return "1 turn" or "2 turns"."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"

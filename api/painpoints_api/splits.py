"""Topics that analysts split in parts: which of a topic's mentions counts for which part.

A part is told by words: a mention of the topic that holds one of them, from the beginning of a
word on, in any case, counts for the first such part; what holds none stays with the topic. The
rule is of words and not of mentions, so it holds in runs that are still to come, and anybody can
see why a mention is where it is. It is said here once for SQL and once for a single text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MARK = "~"
"""Between a topic's id and the number of its part; ids of the engine hold none."""


@dataclass(frozen=True)
class TopicPart:
    """A part of a topic: its id, its first name, and the words that tell it."""

    topic_id: str
    label: str
    words: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """Return the words as a regular expression (RE2) over lower-case text; linear in its length."""
        return rf"(?:^|[^\p{{L}}\p{{N}}])(?:{self._any})"

    @property
    def _any(self) -> str:
        said = (r"\s+".join(map(re.escape, word.lower().split())) for word in self.words)
        return "|".join(said)

    @cached_property
    def _here(self) -> re.Pattern[str]:
        return re.compile(rf"(?:^|[\W_])(?:{self._any})")

    def tells(self, text: str) -> bool:
        """Return whether a text holds one of the words."""
        return self._here.search(text.lower()) is not None


def part_of(parts: Mapping[str, Sequence[TopicPart]], topic_id: str, text: str) -> str:
    """Return the part of a topic that a text of it counts for, or the topic."""
    found = (part.topic_id for part in parts.get(topic_id, ()) if part.tells(text))
    return next(found, topic_id)


def topic_of(topic_id: str) -> str:
    """Return the topic that a part is of; a topic is of itself."""
    return topic_id.partition(MARK)[0]


def sql(parts: Mapping[str, Sequence[TopicPart]]) -> tuple[str, dict[str, str]]:
    """Return an expression for what a row's mention counts for, and the values it binds."""
    cases, values = "", dict[str, str]()
    every = [(topic, part) for topic, told in sorted(parts.items()) for part in told]
    for n, (topic, part) in enumerate(every):
        cases += (
            f"WHEN topic_id = $split{n} AND regexp_matches(lower(text), $told{n}) THEN $part{n} "
        )
        values |= {f"split{n}": topic, f"told{n}": part.pattern, f"part{n}": part.topic_id}
    return (f"CASE {cases}ELSE topic_id END" if cases else "topic_id"), values


def held(told: Sequence[Mapping[str, Any]] | None) -> tuple[TopicPart, ...]:
    """Return parts as the database holds them."""
    return tuple(
        TopicPart(one["topic_id"], one["label"], tuple(one["words"])) for one in told or ()
    )

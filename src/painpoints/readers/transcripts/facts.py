"""What a transcript says of the conversation as a whole: id, time, channel, person, score.

Shared by the plain files ("CSAT: 4" above the turns) and the tables (a column `csat`, its value in
the conversation's first row). Names are compared without case, spaces and marks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from painpoints.domain import Survey
from painpoints.readers.transcripts.conversation import (
    Conversation,
    Turn,
    channel_name,
)

ID = "id"
DATE = "date"
CHANNEL = "channel"
PERSON = "person"
SCORE = "score"
SEGMENT = "segment"

FACTS: dict[str, str] = {
    **dict.fromkeys(
        ("conversation id", "conversation", "chat id", "call id", "dialogue id", "session id",
         "transcript id", "ticket id", "ticket", "case id", "interaction id", "thread id",
         "contact id", "reference", "id"),
        ID,
    ),
    **dict.fromkeys(
        ("date", "time", "started", "start", "start time", "started at", "created", "created at",
         "chat started", "call started", "timestamp", "datetime", "date time",
         "conversation date", "unix time", "begin time"),
        DATE,
    ),
    **dict.fromkeys(("channel", "medium", "media type", "via"), CHANNEL),
    **dict.fromkeys(
        ("customer id", "user id", "client id", "person id", "member id", "account id",
         "caller id", "visitor id", "customer email", "requester id"),
        PERSON,
    ),
    **dict.fromkeys(
        ("score", "rating", "csat", "nps", "ces", "stars", "star rating", "satisfaction",
         "csat score", "nps score", "ces score", "customer satisfaction", "satisfaction score",
         "conversation rating", "chat rating"),
        SCORE,
    ),
    **dict.fromkeys(
        ("queue", "product", "region", "country", "team", "brand", "plan", "segment", "topic",
         "subject", "reason", "language", "department", "skill", "duration", "priority", "status",
         "category"),
        SEGMENT,
    ),
}  # fmt: skip
"""What a fact's name stands for."""

SCALES = {"nps": (Survey.NPS, 10.0), "ces": (Survey.CES, 7.0), "star": (Survey.STARS, 5.0)}
LOWEST = {Survey.NPS: 0.0, Survey.CES: 1.0, Survey.STARS: 1.0, Survey.CSAT: 1.0}
OUT_OF = re.compile(
    r"^\s*(?P<value>\d+(?:[.,]\d+)?)\s*(?:/|of|out of)\s*(?P<top>\d{1,3})\b", re.IGNORECASE
)


def plain_name(name: str) -> str:
    """Return a column's or fact's name as FACTS has it: "conversationId" is "conversation id"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", spaced).casefold().split())


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one conversation, and those that could not be used (line and reason)."""

    id: str | None = None
    created_at: datetime | None = None
    channel: str | None = None
    person_id: str | None = None
    survey: str = Survey.NONE
    score: float | None = None
    score_max: float | None = None
    segments: Mapping[str, str] = field(default_factory=dict)
    flaws: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, tuple[int, str]], times: Mapping[str, datetime]) -> "Facts":
        """Return the facts under their names, each with its physical line.

        times: every text of a time that the file's facts hold, read.
        """
        by_role: dict[str, tuple[str, int, str]] = {}
        segments = {}
        for name, (row, value) in given.items():
            role = FACTS.get(plain_name(name), SEGMENT)
            if role == SEGMENT and value.strip():
                segments[plain_name(name).replace(" ", "_")] = value.strip()
            elif value.strip():
                by_role.setdefault(role, (name, row, value.strip()))
        at, date_flaws = _date(by_role.get(DATE), times)
        survey, score, top, score_flaws = _score(by_role.get(SCORE))
        return cls(
            id=_value(by_role, ID),
            created_at=at,
            channel=channel_name(_value(by_role, CHANNEL)),
            person_id=_value(by_role, PERSON),
            survey=survey,
            score=score,
            score_max=top,
            segments=segments,
            flaws=date_flaws + score_flaws,
        )

    def conversation(self, turns: tuple[Turn, ...], row: int, named: str | None) -> Conversation:
        """Return the conversation of these turns; `named` is its id where no fact gives one."""
        return Conversation(
            turns,
            row,
            id=self.id or named,
            created_at=self.created_at,
            channel=self.channel,
            person_id=self.person_id,
            survey=self.survey,
            score=self.score,
            score_max=self.score_max,
            segments=self.segments,
        )


def dates_in(given: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """Yield the texts of times among facts."""
    dates = (
        text.strip() for name, (_, text) in given.items() if FACTS.get(plain_name(name)) == DATE
    )
    return (text for text in dates if text)


def _value(by_role: Mapping[str, tuple[str, int, str]], role: str) -> str | None:
    return by_role[role][2] if role in by_role else None


def _date(
    given: tuple[str, int, str] | None, times: Mapping[str, datetime]
) -> tuple[datetime | None, tuple[tuple[int, str], ...]]:
    if given is None:
        return None, ()
    _, row, value = given
    at = times.get(value)
    return at, () if at else ((row, "date cannot be read"),)


def scale_of(name: str) -> tuple[str, float]:
    """Return the survey kind and the top of its scale that a score's name stands for."""
    words = plain_name(name)
    return next((scale for key, scale in SCALES.items() if key in words), (Survey.CSAT, 5.0))


def _score(
    given: tuple[str, int, str] | None,
) -> tuple[str, float | None, float | None, tuple[tuple[int, str], ...]]:
    if given is None:
        return Survey.NONE, None, None, ()
    name, row, value = given
    survey, top = scale_of(name)
    match = OUT_OF.match(value)
    text, top = (match["value"], float(match["top"])) if match else (value, top)
    try:
        score = float(text.replace(",", "."))
    except ValueError:
        return Survey.NONE, None, None, ((row, "score is no number"),)
    if not LOWEST[Survey(survey)] <= score <= top:
        reason = f"{survey} score outside {LOWEST[Survey(survey)]:g}..{top:g}"
        return Survey.NONE, None, None, ((row, reason),)
    return survey, score, top, ()

"""Written conversations as help desks export them, in JSON: Intercom, Zendesk, lists of messages.

Internal notes and assignments are no part of the conversation: they are left out and counted. The
remark of a customer's rating is the customer's last turn.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from painpoints.domain import Survey
from painpoints.readers.transcripts.conversation import (
    AGENT,
    CUSTOMER,
    Conversation,
    Turn,
    channel_name,
    moment,
)
from painpoints.readers.transcripts.gathered import (
    LISTS,
    SPEAKER_KEYS,
    TEXT_KEYS,
    Gathered,
    as_id,
    as_number,
    first_of,
    object_in,
    objects_in,
)
from painpoints.readers.transcripts.located import Located

ID_KEYS = ("id", "conversation_id", "conversationId", "dialogue_id", "chat_id", "call_id", "uuid")
DATE_KEYS = (
    "created_at",
    "createdAt",
    "date",
    "timestamp",
    "started_at",
    "start_time",
    "startTime",
)
INTERCOM_ROLES = {
    "user": CUSTOMER,
    "lead": CUSTOMER,
    "contact": CUSTOMER,
    "admin": AGENT,
    "bot": AGENT,
    "team": AGENT,
}


def intercom(document: Located, gathered: Gathered) -> Conversation:
    """Read a conversation with its parts; `conversation_rating` is a CSAT of 1..5."""
    source = object_in(document, "source")
    parts = gathered.items(document, "conversation_parts") or gathered.items(
        object_in(document, "conversation_parts"), "conversation_parts"
    )
    turns: list[Turn] = []
    for item in [source, *parts]:
        author = object_in(item, "author")
        if item.get("redacted") or (item is not source and item.get("part_type") != "comment"):
            gathered.leave_out("internal part")
            continue
        kind = str(author.get("type") or "")
        turns.extend(gathered.turn(item, item.get("body") or "", kind, INTERCOM_ROLES.get(kind)))
    rating = object_in(document, "conversation_rating")
    if rating.get("remark"):
        turns.extend(gathered.turn(rating, rating["remark"], "contact", CUSTOMER))
    score = as_number(rating.get("rating"))
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(document.get("id")),
        created_at=gathered.moment(document.row, document.get("created_at")),
        channel=channel_name(source.get("type")),
        person_id=as_id(_intercom_person(source, parts)),
        survey=Survey.NONE if score is None else Survey.CSAT,
        score=score,
        score_max=None if score is None else 5.0,
    )


def _intercom_person(source: Mapping[str, Any], parts: list[Any]) -> Any:
    authors = (object_in(item, "author") for item in [source, *parts])
    return next(
        (a.get("id") for a in authors if INTERCOM_ROLES.get(str(a.get("type"))) == CUSTOMER), None
    )


def zendesk(document: Located, gathered: Gathered) -> Conversation:
    """Read a ticket with its public comments; who requested it is the customer.

    Comments without their ticket count their first author as the requester.
    """
    ticket = object_in(document, "ticket") or document
    comments = gathered.items(document, "comments") or gathered.items(ticket, "comments")
    roles = {as_id(u.get("id")): as_id(u.get("role")) for u in objects_in(document, "users")}
    requester = as_id(ticket.get("requester_id")) or as_id(object_in(ticket, "requester").get("id"))
    requester = requester or next(map(_zendesk_author, comments), None)
    turns: list[Turn] = []
    for comment in comments:
        if comment.get("public") is False:
            gathered.leave_out("internal note")
            continue
        author = _zendesk_author(comment)
        given = as_id(object_in(comment, "author").get("role")) or roles.get(author)
        role = CUSTOMER if given == "end-user" or author == requester else AGENT
        text = comment.get("plain_body") or comment.get("html_body") or comment.get("body")
        turns.extend(gathered.turn(comment, text, given or author, role))
    started = ticket.get("created_at") or next((c.get("created_at") for c in comments), None)
    survey, score = _zendesk_score(object_in(ticket, "satisfaction_rating").get("score"))
    remark = object_in(ticket, "satisfaction_rating").get("comment")
    if remark:
        turns.extend(gathered.turn(document, remark, "end-user", CUSTOMER))
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(ticket.get("id")),
        created_at=gathered.moment(document.row, started),
        channel=channel_name(object_in(ticket, "via").get("channel")),
        person_id=requester,
        survey=survey,
        score=score,
        score_max=None if score is None else 1.0,
    )


def _zendesk_author(comment: Mapping[str, Any]) -> str | None:
    return as_id(comment.get("author_id")) or as_id(object_in(comment, "author").get("id"))


def _zendesk_score(given: object) -> tuple[str, float | None]:
    if isinstance(given, str) and given.startswith("good"):
        return Survey.THUMBS, 1.0
    if isinstance(given, str) and given.startswith("bad"):
        return Survey.THUMBS, 0.0
    return Survey.NONE, None


def messages(document: Located, gathered: Gathered) -> Conversation:
    """Read a list of messages, each with a speaker and a text under common names."""
    turns: list[Turn] = []
    items = gathered.items(document, *LISTS)
    for item in items:
        speaker = first_of(item, SPEAKER_KEYS)
        if isinstance(speaker, dict):
            speaker = first_of(speaker, ("role", "type", "name"))
        turns.extend(gathered.turn(item, first_of(item, TEXT_KEYS), speaker, None))
    given = first_of(document, DATE_KEYS)
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(first_of(document, ID_KEYS)),
        created_at=gathered.moment(document.row, given) or _first_said(items),
        channel=channel_name(document.get("channel")),
    )


def _first_said(items: Sequence[Mapping[str, Any]]) -> datetime | None:
    """Return when the first message that says so was written; "1.5 s" is no date."""
    return next((at for i in items if (at := moment(first_of(i, DATE_KEYS)))), None)

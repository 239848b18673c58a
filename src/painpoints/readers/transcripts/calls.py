"""Recorded and transcribed conversations as contact-centre products write them, in JSON.

Amazon Contact Lens (real-time and after the call), Genesys Cloud, Twilio Intelligence, vCon and
Google CCAI. Each function reads one conversation; sources: research of the vendors' field names.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from painpoints.readers.transcripts.conversation import (
    AGENT,
    CUSTOMER,
    OTHER,
    Conversation,
    Turn,
    channel_name,
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

CONTACT_LENS_ROLES = {
    "CUSTOMER": CUSTOMER,
    "AGENT": AGENT,
    "SUPERVISOR": AGENT,
    "CUSTOM_BOT": AGENT,
    "SYSTEM": OTHER,
}
GENESYS_ROLES = {
    "external": CUSTOMER,
    "customer": CUSTOMER,
    "internal": AGENT,
    "agent": AGENT,
    "bot": AGENT,
    "acd": OTHER,
    "ivr": OTHER,
    "workflow": OTHER,
}
CCAI_ROLES = {
    "CUSTOMER": CUSTOMER,
    "END_USER": CUSTOMER,
    "AGENT": AGENT,
    "HUMAN_AGENT": AGENT,
    "AUTOMATED_AGENT": AGENT,
}


def contact_lens(document: Located, gathered: Gathered) -> Conversation:
    """Read a contact of Amazon Contact Lens; a chat's events are no turns."""
    roles = {
        as_id(p.get("ParticipantId")): as_id(p.get("ParticipantRole"))
        for p in objects_in(document, "Participants")
    }
    items = gathered.items(document, "Transcript") or [
        s["Transcript"]
        for s in gathered.items(document, "Segments")
        if isinstance(s.get("Transcript"), dict)
    ]
    turns: list[Turn] = []
    for item in items:
        if str(item.get("Type") or "MESSAGE").upper() != "MESSAGE":
            gathered.leave_out("chat event")
            continue
        party = as_id(item.get("ParticipantId"))
        given = as_id(item.get("ParticipantRole")) or roles.get(party)
        role = CONTACT_LENS_ROLES.get(str(given))
        turns.extend(gathered.turn(item, item.get("Content"), given or party, role))
    contact = object_in(document, "CustomerMetadata").get("ContactId") or document.get("ContactId")
    started = next((at for item in items if (at := _contact_lens_time(item))), None)
    channel = channel_name(document.get("Channel"))
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(contact),
        created_at=gathered.moment(document.row, started),
        channel=channel,
    )


def _contact_lens_time(item: Mapping[str, Any]) -> Any:
    return item.get("AbsoluteTime") or object_in(item, "Time").get("AbsoluteTime")


def genesys(document: Located, gathered: Gathered) -> Conversation:
    """Read a Genesys Cloud transcript; all its parts are one conversation."""
    phrases = [
        p for t in gathered.items(document, "transcripts") for p in gathered.items(t, "phrases")
    ]
    phrases = phrases or gathered.items(document, "phrases")
    turns: list[Turn] = []
    for phrase in phrases:
        purpose = str(phrase.get("participantPurpose") or "")
        role = GENESYS_ROLES.get(purpose.casefold())
        turns.extend(gathered.turn(phrase, phrase.get("text"), purpose, role))
    started = document.get("startTime") or next(
        (at for p in phrases if (at := p.get("startTimeMs"))), None
    )
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(document.get("conversationId")),
        created_at=gathered.moment(document.row, started),
        channel=channel_name(document.get("mediaType")),
    )


def twilio(document: Located, gathered: Gathered) -> Conversation:
    """Read Twilio Intelligence sentences; `channel.participants` tells roles where it is there."""
    channel = object_in(document, "channel")
    roles = {
        as_id(p.get("channel_participant")): as_id(p.get("role"))
        for p in objects_in(channel, "participants")
    }
    sentences = sorted(
        gathered.items(document, "sentences"),
        key=lambda s: as_number(s.get("sentence_index")) or 0.0,
    )
    turns: list[Turn] = []
    for sentence in sentences:
        number = as_id(sentence.get("media_channel"))
        speaker = roles.get(number) or f"channel {number}"
        turns.extend(gathered.turn(sentence, sentence.get("transcript"), speaker, None))
    started = document.get("media_start_time") or document.get("date_created")
    named = document.get("transcript_sid") or document.get("sid")
    named = named or next((s.get("transcript_sid") for s in sentences), None)
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(named),
        created_at=gathered.moment(document.row, started),
        channel="phone",
    )


def vcon(document: Located, gathered: Gathered) -> Conversation:
    """Read a vCon: its text dialogs, and the transcripts made of its recordings."""
    parties = objects_in(document, "parties")
    names = [str(p.get("role") or p.get("name") or f"party {i}") for i, p in enumerate(parties)]
    dialog = gathered.items(document, "dialog")
    turns: list[Turn] = []
    for item in dialog:
        if item.get("type") != "text":
            gathered.leave_out("recorded or transferred dialog")
            continue
        speaker = _vcon_speaker(item, names)
        turns.extend(gathered.turn(item, _vcon_body(item.get("body")), speaker, None))
    turns.extend(
        t for a in objects_in(document, "analysis") for t in _vcon_analysis(a, names, gathered)
    )
    started = next((d.get("start") for d in dialog), document.get("created_at"))
    by_phone = any(item.get("type") == "recording" for item in dialog)
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(document.get("uuid")),
        created_at=gathered.moment(document.row, started),
        channel="phone" if by_phone else "chat",
    )


def _vcon_speaker(item: Mapping[str, Any], names: list[str]) -> str:
    parties = item.get("originator", item.get("parties"))
    index = parties[0] if isinstance(parties, list) and parties else parties
    return names[index] if isinstance(index, int) and 0 <= index < len(names) else ""


def _vcon_body(body: object) -> object:
    return body.get("text", body.get("content")) if isinstance(body, dict) else body


def _vcon_analysis(
    analysis: Mapping[str, Any], names: list[str], gathered: Gathered
) -> Iterator[Turn]:
    """Yield the turns of a transcript that a product added to a recorded dialog."""
    if analysis.get("type") != "transcript":
        return
    inside = object_in(analysis, "body")
    items = gathered.items(analysis, "body") or gathered.items(inside, *LISTS, "segments")
    for item in items:
        speaker = first_of(item, SPEAKER_KEYS)
        named = _vcon_speaker({"parties": speaker}, names) or as_id(speaker)
        yield from gathered.turn(item, first_of(item, TEXT_KEYS), named, None)


def google_ccai(document: Located, gathered: Gathered) -> Conversation:
    """Read a Google CCAI conversation, as uploaded (entries) or exported (segments)."""
    items = gathered.items(document, "entries") or gathered.items(
        object_in(document, "transcript"), "transcriptSegments", "transcript_segments"
    )
    turns: list[Turn] = []
    for item in items:
        given = item.get("role") or object_in(item, "segmentParticipant").get("role")
        speaker = str(given or item.get("user_id") or "")
        turns.extend(gathered.turn(item, item.get("text"), speaker, CCAI_ROLES.get(speaker)))
    started = document.get("startTime") or next(
        (i.get("start_timestamp_usec") or i.get("messageTime") for i in items), None
    )
    named = document.get("conversation_id") or document.get("name") or document.get("id")
    channel = channel_name(document.get("medium"))
    return Conversation(
        tuple(turns),
        document.row,
        id=as_id(named),
        created_at=gathered.moment(document.row, started),
        channel=channel,
    )

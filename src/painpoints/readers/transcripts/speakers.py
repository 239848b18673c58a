"""Who in a conversation is the customer and who is the company, each answer with its reason.

In this order: the role that the format gives, the names set as `read.agent_names`, role words in
the speaker's name ("Agent 2", "Caller"), what is left when one side is known, and last how people
speak ("thank you for calling", "how can I help"). A conversation where none of these tells stays
undecided: it is set aside, never guessed by who spoke first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from painpoints.readers.transcripts.conversation import AGENT, CUSTOMER, OTHER, Conversation, Turn

AGENT_WORDS = frozenset({
    "admin", "administrator", "advisor", "adviser", "agent", "assistant", "associate", "bot",
    "chatbot", "clerk", "consultant", "csr", "dispatcher", "employee", "helpdesk", "internal",
    "interviewer", "manager", "moderator", "operator", "owner", "receptionist", "rep",
    "representative", "seller", "specialist", "staff", "supervisor", "support", "team",
    "technician", "teller", "virtual", "voicebot", "wizard",
})  # fmt: skip
CUSTOMER_WORDS = frozenset({
    "borrower", "buyer", "caller", "citizen", "client", "consumer", "contact", "customer",
    "end_user", "enduser", "external", "guest", "lead", "member", "passenger", "patient",
    "requester", "resident", "respondent", "shopper", "subscriber", "tenant", "user",
    "visitor",
})  # fmt: skip
AGENT_PHRASES = (
    "customer service",
    "customer support",
    "customer care",
    "customer success",
    "client service",
    "client services",
    "member services",
    "guest services",
    "contact center",
    "contact centre",
    "call center",
    "call centre",
    "service desk",
    "help desk",
)
SUBJECT_WORDS = frozenset({
    "access", "account", "area", "attitude", "availability", "benefits", "card", "care",
    "communication", "data", "details", "discount", "experience", "fees", "form", "friendliness",
    "guide", "id", "information", "interface", "journey", "login", "manual", "page", "portal",
    "price", "prices", "process", "quality", "records", "response", "reviews", "section",
    "services", "skills", "training",
})  # fmt: skip
"""What answers are about, though the word before may be a speaker's: "Member area", "Staff attitude"."""
OTHER_WORDS = frozenset({
    "announcement", "event", "ivr", "note", "notification", "prompt", "recording",
})  # fmt: skip
SYSTEM_WORDS = frozenset({"system", "service"})
"""Of the company when it alone talks with the customer; a machine's notice beside a human agent."""

AGENT_CUES = re.compile(
    r"thank(?:s| you) (?:so much |very much )?for (?:calling|contacting|reaching out|getting in touch"
    r"|your (?:patience|call|message|order)|holding|waiting|choosing)"
    r"|how (?:can|may|could) (?:i|we) (?:help|assist|be of)"
    r"|what can i (?:do|help|get)\b.{0,20}\byou\b"
    r"|(?:anything|something) else (?:i|we) (?:can|could|may)"
    r"|you(?:'re| are) (?:through to|speaking (?:to|with))"
    r"|(?:can|could|may) i (?:have|get|take|ask (?:for|you for)) (?:your|the) "
    r"(?:full |first |last |account |order |phone |e-?mail |booking |reference |date )"
    r"|(?:let me|i(?:'ll| will| can)) (?:just )?(?:check|look|pull|see) .{0,20}for you"
    r"|(?:i'd|i would|we'd|we would) be (?:happy|glad) to (?:help|assist)"
    r"|(?:sorry|apologi[sz]e) for (?:the|any|your|this) "
    r"(?:inconvenience|trouble|delay|wait|experience)"
    r"|i(?:'ve| have) (?:issued|processed|raised|escalated|opened) (?:a|the|your) "
    r"|(?:bear|hang on|hold the line)\b.{0,12}\b(?:with me|for me)"
    r"|have a (?:great|nice|good|lovely|wonderful) (?:day|evening|weekend|one)",
    re.IGNORECASE,
)
CUSTOMER_CUES = re.compile(
    r"i(?:'m| am) (?:calling|phoning|writing|ringing) (?:about|because|to|regarding)"
    r"|(?:i|we) (?:ordered|bought|paid|booked|signed up|subscribed|was charged|were charged)\b"
    r"|i (?:want|need|would like|'d like) (?:a refund|my money|to (?:cancel|return|change|speak))"
    r"|\bmy (?:order|account|bill|card|parcel|package|booking|flight|room|phone|subscription"
    r"|refund|delivery|internet|statement)\b"
    r"|i(?:'ve| have) been (?:waiting|on hold|charged|trying)",
    re.IGNORECASE,
)


SERVES = 'greets and serves ("how can I help")'
SERVES_ELSEWHERE = "serves in other conversations of the file"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The roles of one conversation's speakers: role and reason by speaker; empty if undecided."""

    roles: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class ToldApart:
    """A conversation with a role on every turn (None where it cannot be told), and the reason."""

    conversation: Conversation | None
    reason: str


def tell_apart(
    conversations: Sequence[Conversation], agent_names: Iterable[str]
) -> list[ToldApart]:
    """Return each conversation with its roles, in order.

    Who turns out to serve in one conversation of a file is the agent in its others too.
    """
    names = frozenset(map(_key, agent_names))
    first = [_told_apart(c, names) for c in conversations]
    if all(told.conversation for told in first):
        return first
    learned = _agents(first)
    return [
        told if told.conversation else _again(c, learned, told)
        for c, told in zip(conversations, first, strict=True)
    ]


def _again(c: Conversation, learned: frozenset[str], before: ToldApart) -> ToldApart:
    again = _told_apart(c, learned)
    return ToldApart(again.conversation, SERVES_ELSEWHERE) if again.conversation else before


def _agents(told: Iterable[ToldApart]) -> frozenset[str]:
    """Return the names of those who serve in some conversation and are customer in none."""
    turns = [t for one in told if one.conversation for t in one.conversation.turns]
    agents = {_key(t.speaker) for t in turns if t.role == AGENT}
    return frozenset(agents - {_key(t.speaker) for t in turns if t.role != AGENT})


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _told_apart(c: Conversation, names: frozenset[str]) -> ToldApart:
    unknown = tuple(dict.fromkeys(t.speaker for t in c.turns if t.role is None))
    if not unknown:
        return ToldApart(c, "role given by the format")
    verdict = _verdict(c, unknown, names)
    if not verdict.roles:
        return ToldApart(None, verdict.reason)
    turns = tuple(
        t if t.role else Turn(t.speaker, t.text, t.row, verdict.roles[t.speaker], t.n_rows)
        for t in c.turns
    )
    return ToldApart(replace(c, turns=turns), verdict.reason)


def plain(speaker: str) -> str:
    """Return a speaker's name in small letters, its marks and numbers taken as spaces."""
    return " ".join(re.sub(r"[\W_\d]+", " ", speaker.casefold()).split())


@lru_cache(maxsize=4096)
def role_of(speaker: str) -> str | None:
    """Return the role that the words of a speaker's name tell, or None."""
    name = plain(speaker)
    if any(phrase in name for phrase in AGENT_PHRASES):
        return AGENT
    words = set(name.split())
    if words and name.split()[-1] in SUBJECT_WORDS:
        return None
    if name == "end user" or words & CUSTOMER_WORDS:
        return None if words & AGENT_WORDS else CUSTOMER
    if words & AGENT_WORDS:
        return AGENT
    return OTHER if words & OTHER_WORDS else None


def _verdict(c: Conversation, unknown: Sequence[str], names: frozenset[str]) -> Verdict:
    roles = {s: AGENT for s in unknown if _key(s) in names}
    reason = "named in read.agent_names" if roles else ""
    by_word = {s: r for s in unknown if s not in roles and (r := role_of(s))}
    if by_word:
        reason = reason or "role word in the speaker's name"
    roles |= by_word
    known = {t.role for t in c.turns if t.role} | set(roles.values())
    rest = [s for s in unknown if s not in roles]
    rest_roles, why = _the_rest(c, rest, known)
    if rest and not rest_roles:
        return Verdict({}, why)
    return Verdict(roles | rest_roles, reason or why)


def _the_rest(c: Conversation, rest: Sequence[str], known: set[str]) -> tuple[dict[str, str], str]:
    """Return roles for speakers whose name tells nothing, and the reason."""
    machines = [s for s in rest if plain(s) in SYSTEM_WORDS]
    if machines and known | {CUSTOMER} == {CUSTOMER} and len(rest) - len(machines) <= 1:
        roles = {s: AGENT if s in machines else CUSTOMER for s in rest}
        return roles, "the system is the only other speaker"
    people = [s for s in rest if s not in machines]
    roles = dict.fromkeys(machines, OTHER)
    if not people:
        return roles, "a machine's notices"
    found, why = _people(c, people, known)
    return (roles | found, why) if found else ({}, why)


def _people(c: Conversation, people: Sequence[str], known: set[str]) -> tuple[dict[str, str], str]:
    if AGENT in known and CUSTOMER in known:
        return dict.fromkeys(people, OTHER), "neither customer nor agent by name"
    if AGENT in known:
        return dict.fromkeys(people, CUSTOMER), "everyone but the agent"
    if CUSTOMER in known:
        return dict.fromkeys(people, AGENT), "everyone but the customer"
    if len(people) == 1:
        return {people[0]: CUSTOMER}, "one speaker only, taken as the customer"
    return _by_manner(c, people)


def _by_manner(c: Conversation, people: Sequence[str]) -> tuple[dict[str, str], str]:
    """Tell the agent by the phrases of service; needs one speaker clearly ahead."""
    balance = {s: _agent_balance(t.text for t in c.turns if t.speaker == s) for s in people}
    first, second, *more = sorted(people, key=lambda s: -balance[s])
    if balance[first] <= balance[second] or (balance[first] <= 0 and more):
        return {}, f"cannot tell which of {len(people)} speakers is the customer"
    roles = dict.fromkeys(people, CUSTOMER) | {first: AGENT}
    by_service = balance[first] > 0
    return roles, SERVES if by_service else "the other one speaks of an own order or account"


def _agent_balance(texts: Iterable[str]) -> int:
    said = [(len(AGENT_CUES.findall(t)), len(CUSTOMER_CUES.findall(t))) for t in texts]
    return sum(2 * agent - customer for agent, customer in said)

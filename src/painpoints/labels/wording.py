"""Which words of a mention could be a name: whole, readable, and never cut off from a "not".

Every token is looked at once: `word` says all that the rules ask of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 6
"""Words of a name."""
NEGATED = "not"
"""Stands in the key of a phrase that says no, so that "login" and "can't login" are two."""
PART, WHOLE, TOLD = 1.0, 1.4, 1.7
"""What a phrase counts for: words of a clause may be a fragment; what the parser found, or a clause
of its own, is whole; a subject with its verb or judgement says what happens ("Router did not activate").
"""

TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_BREAK = re.compile(r"\[[A-Z_]+\d*\]|[.!?,;:()\[\]\"\u201c\u201d\n/|*]+|\s[-\u2013\u2014]+\s|\d+")
_REACH = 4
"""Words that a "not" reaches over."""


@dataclass(frozen=True, slots=True)
class Word:
    """A token and what the rules ask of it.

    plain:     in small letters, with a straight apostrophe.
    spoken:    as a name shows it: in small letters, short capitals kept ("ATM", "NHS").
    key:       the same for "app" and "apps", "charge" and "charged"; "" for words without content.
    turns:     it turns the sense of what follows round.
    unsayable: it stands in no name.
    """

    plain: str
    spoken: str
    key: str
    turns: bool
    unsayable: bool


Words = Sequence[Word]
Phrases = Mapping[str, Sequence[tuple[str, float]]]
"""Of a text: the phrases that a parser found in it, and what each counts for."""


@lru_cache(maxsize=100_000)
def word(token: str) -> Word:
    """Return what the rules ask of a token."""
    plain = token.lower().replace("\u2019", "'")
    return Word(
        plain=plain,
        spoken=token if _is_short_form(token, plain) else token.lower(),
        key=_key(plain),
        turns=plain in _NOT or plain.endswith("n't"),
        unsayable=plain in _RUDE or plain in _PERSONAL or len(plain) == 1,
    )


def _is_short_form(token: str, plain: str) -> bool:
    """Return whether capitals are how a word is written ("ATM", "IT"), not shouted ("SAID")."""
    return token.isupper() and 1 < len(token) <= 5 and (len(token) == 2 or plain not in _STOP)


def clauses(text: str) -> list[list[Word]]:
    """Return the words of each stretch of a text that no mark, number or placeholder breaks."""
    found = ([word(token) for token in TOKEN.findall(part)] for part in _BREAK.split(text))
    return [clause for clause in found if clause]


def keys(text: str) -> list[str]:
    """Return the keys of the content words of a text, in their order."""
    return [one.key for clause in clauses(text) for one in clause if one.key]


def pieces(text: str, phrases: Phrases) -> Iterator[tuple[str, str, float]]:
    """Yield readable phrases of a mention as (words, key, what it counts for)."""
    spoken = clauses(text)
    for phrase, counts in phrases.get(text, ()):
        words = _trim([word(token) for token in TOKEN.findall(phrase)])
        if _readable(words) and any(_stands_in(words, clause) for clause in spoken):
            yield _show(words), _joint_key(words), counts
    for clause in spoken:
        whole = {len(_trim(clause)), len(_said(clause))}
        for part in _sequences(clause):
            closes = part[-1] is clause[-1]
            yield _show(part), _joint_key(part), WHOLE if closes and len(part) in whole else PART


def polarity(text: str) -> tuple[set[str], set[str]]:
    """Return the keys of the content words that a text says, and of those that it denies.

    "No sockets" says sockets: what is missing was not said by anybody else.
    """
    said: set[str] = set()
    denied: set[str] = set()
    for clause in clauses(text):
        left = 0
        for one in clause:
            if one.key:
                (denied if left else said).add(one.key)
            left = _REACH if one.turns and one.plain not in _LACK else max(0, left - 1)
    return said - denied, denied


def content(key: str) -> set[str]:
    """Return the content words of a joint key."""
    return set(key.split()) - _PARTICLES - {NEGATED}


def fold(text: str) -> str:
    """Return the text as it is compared: small letters, single spaces, no articles."""
    words = text.lower().split()
    return " ".join(word for word in words if word not in _ARTICLE) or " ".join(words)


def title(name: str) -> str:
    """Return the name with a capital first."""
    plain = " ".join(name.split())
    return plain[:1].upper() + plain[1:]


def _stands_in(words: Words, clause: Words) -> bool:
    """Return whether the words stand together in the clause, with no "not" before them cut off."""
    wanted = [one.plain for one in words]
    spoken = [one for one in clause if one.plain not in _ARTICLE]
    heard = [one.plain for one in spoken]
    for start in range(len(heard) - len(wanted) + 1):
        end = start + len(wanted)
        if heard[start:end] == wanted:
            return not (
                _negated(spoken, start) or _goes_on(spoken, start) or _waits_for_verb(spoken, end)
            )
    return False


def _sequences(clause: Words) -> Iterator[Words]:
    """Yield the word sequences of a clause that could be a name."""
    for start in range(len(clause)):
        if _may_start(clause, start):
            yield from _from(clause, start)


def _from(clause: Words, start: int) -> Iterator[Words]:
    """Yield the sequences from a start; a word that no name holds ends them all."""
    left_over = clause[-1].plain in _PARTICLES
    for end in range(start + 1, min(start + LONGEST, len(clause)) + 1):
        part = clause[start:end]
        if _ends_all(part):
            return
        cut_short = (left_over and end == len(clause) - 1) or _waits_for_verb(clause, end)
        if not cut_short and _reads_well(part, closes=end == len(clause)):
            yield part


def _ends_all(part: Words) -> bool:
    """Return whether the last word may stand in no name, or stands here already, or denies again."""
    last, before = part[-1], part[:-1]
    again = any(one.plain == last.plain or (one.turns and last.turns) for one in before)
    return last.unsayable or again


def _waits_for_verb(clause: Words, end: int) -> bool:
    """Return whether words up to `end` were cut off from what is easy or hard: "not easy" to find.

    Not where a name could not close with the verb ("impossible to get through").
    """
    if end + 1 >= len(clause) or not _is_ease(clause[:end]) or clause[end].plain != "to":
        return False
    verb = clause[end + 1].plain
    return verb in _DONE or verb not in _BAD_END


def _is_ease(words: Words) -> bool:
    """Return whether words end with how something goes: "hard", unless somebody works hard."""
    return words[-1].plain in _EASE and not (len(words) > 1 and words[-2].plain in _TOIL)


def _may_start(clause: Words, start: int) -> bool:
    """Return whether a name may start here: "does not work", never "not work" cut out of it."""
    plain = clause[start].plain
    if _negated(clause, start) or _goes_on(clause, start):
        return False
    if plain == "not":
        return start == 0 or clause[start - 1].plain not in _BEFORE_NOT
    if plain in _FAILS and start + 1 < len(clause):
        return clause[start + 1].plain == "not"
    return plain not in _BAD_START


def _readable(words: Words) -> bool:
    """Return whether the words read as a name: no loose ends, no doubles, nothing rude."""
    return (
        1 <= len(words) <= LONGEST
        and not any(_ends_all(words[: n + 1]) for n in range(len(words)))
        and _reads_well(words)
    )


def _reads_well(words: Words, *, closes: bool = False) -> bool:
    """Return whether words that may all stand in a name open and end as one, and name something.

    A clause may close with "in" ("can't log in"), where it is no preposition. When it was is no name
    ("last year"), nor how much of it ("tad bit"), unless it is denied ("never on time").
    """
    first, last = words[0].plain, words[-1].plain
    fails = first in _FAILS and len(words) > 1 and words[1].plain == "not"
    usable = last in _DONE and len(words) > 2 and words[-2].plain == "to" and _is_ease(words[:-2])
    denies = any(one.turns for one in words)
    return (
        (first not in _BAD_START or fails)
        and (last not in _BAD_END or usable or (closes and last in _PARTICLES))
        and any(one.key and (one.plain not in _WHEN or denies) for one in words)
        and not (len(words) == 1 and first in _ALONE)
    )


def _negated(words: Words, start: int) -> bool:
    """Return whether a "not" shortly before would be cut off, which turns the sense round."""
    return any(one.turns for one in words[max(0, start - _REACH) : start])


def _goes_on(words: Words, start: int) -> bool:
    """Return whether a verb would be cut off that says if it goes on: "stop" putting leaflets."""
    return start > 0 and words[start].plain.endswith("ing") and words[start - 1].plain in _ASPECT


def _joint_key(words: Words) -> str:
    """Return the keys of the content words as one; "log", "log in" and "can't log in" are three."""
    turned = [NEGATED] if any(one.turns for one in words) else []
    ending = [words[-1].plain] if words[-1].plain in _PARTICLES else []
    return " ".join([*turned, *(one.key for one in words if one.key), *ending])


def _show(words: Words) -> str:
    return " ".join(one.spoken for one in words)


def _trim(words: Words) -> Words:
    return words[_first_not_in(_ARTICLE, words) :]


def _said(clause: Words) -> Words:
    """Return the clause without who says it: "can't log in" of "but I still can't log in"."""
    return clause[_first_not_in(_OPENING, clause) :]


def _first_not_in(these: Iterable[str], words: Words) -> int:
    return next((i for i, one in enumerate(words) if one.plain not in these), len(words))


def _key(plain: str) -> str:
    low = plain.removesuffix("'s")
    if low in _STOP or len(low) < 2:
        return ""
    if low.endswith("ed") and len(low) > 8:  # overcrowded, overcharged
        low = low.removeprefix("over")
    for ending, instead in _ENDINGS:
        if low.endswith(ending) and len(low) - len(ending) >= 3:
            return low.removesuffix(ending) + instead
    return low


_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("s", ""))
_ARTICLE_WORDS = "a an any her his its my our some that the their these this those your"
_ARTICLE = frozenset(_ARTICLE_WORDS.split())
_ALONE_WORDS = (
    "feel felt glad hurry loud travelled visited worse wrong "
    "amazing annoying awesome awful bad best better brilliant disappointed disappointing ease "
    "easy excellent experience fabulous fantastic fast good great happy help helpful helped "
    "horrible improve improved improvement improvements issue issues love loved lovely long mind "
    "new nice ok old perfect pleasant poor problem problems quick quickly sad slow super "
    "superb terrible time useful useless wonderful work worked working works worst year years"
)
_ALONE = frozenset(_ALONE_WORDS.split())
_MEASURE_WORDS = (
    "hour hours hr hrs minute minutes min mins second seconds day days week weeks month months year "
    "years times one two three four five six seven eight nine ten fifteen twenty thirty forty fifty "
    "am pm half third fourth fifth dozen couple several hundred thousand twice "
    "lb lbs kg kgs oz ft inch inches cm mm mile miles km pound pounds dollar dollars euro euros usd gbp"
)
_MEASURES = frozenset(_MEASURE_WORDS.split())
"""How much or how long: no name begins with it."""
_WHEN_WORDS = (
    "afternoon afternoons ago bit early evening evenings last later lately latest morning mornings "
    "new next night nights past previous recent recently tad time today tonight tomorrow weekend "
    "weekends yesterday"
)
_WHEN = _MEASURES | frozenset(_WHEN_WORDS.split())
"""When it was, and how much of it: other words must say what."""
_NOT_WORDS = (
    "cannot cant couldnt didnt doesnt dont hardly isnt neither never no none nor not nothing "
    "wasnt without wont"
)
_NOT = frozenset(_NOT_WORDS.split())
_LACK = frozenset({"no", "none", "nothing", "without"})
"""They say that something is missing, and deny nothing that was said of it."""
_PERSONAL_WORDS = (
    "he he's i i'd i'll i'm i've it it's she she's they they're we we're we've you you're"
)
_PERSONAL = frozenset(_PERSONAL_WORDS.split())
_RUDE_WORDS = (
    "arse arsehole ass asshole bastard bastards bitch bloody bollocks bullshit crap crappy cunt "
    "damn dick fuck fucked fuckers fucking hell idiot idiots moron morons piss pissed scum shit "
    "shite shitty stupid suck sucks wank wtf"
)
_RUDE = frozenset(_RUDE_WORDS.split())
_STOP_WORDS = (
    "keeps kept tries "
    "able about above absolutely actually after again all almost already also although always am "
    "among amp and another anyone anything anyway are aren't around as at away back basically be "
    "because been before being below between both but by came can can't cannot cant come comes "
    "could couldn't couldnt day definitely did didn't didnt do does doesn't doesnt doing don't "
    "done dont down due during each either else enough etc even ever every everyone everything "
    "extremely far few fewer first for from further get gets getting give given go goes going "
    "gone gonna got gotten had hadn't has hasn't have haven't having hello hence her here hers "
    "herself hey hi him himself his how however if im in incredibly indeed inside instead into is "
    "isn't isnt ive just keep kept know let let's like literally ll lot lots made make makes "
    "making many may maybe me might mine more moreover most much must myself near need needed "
    "needs neither never no non none nor not nothing now of off often oh ok okay on once one ones "
    "only onto or other others otherwise ought ours ourselves out over own per perhaps please pls "
    "plz pretty probably put quite rather re really said same say saying says see seem seemed "
    "seems seen shall should shouldn't simply since so somehow someone something sometimes "
    "somewhat somewhere soon still such sure take taken takes taking tell than thank thanks "
    "that's theirs them themselves then there there's therefore thing things think though through "
    "thus till to together told too took totally toward towards truly try trying two u under "
    "unless until up upon ur us use used using usually ve very via want wanted wants was wasn't "
    "wasnt way well went were weren't what what's whatever when whenever where whereas whether "
    "which while who whole whom whose why will wish with within without won't wont would wouldn't "
    "wouldnt yeah yes yet yours yourself"
)
_STOP = _ARTICLE | _PERSONAL | frozenset(_STOP_WORDS.split())
_MAY_END_WORDS = "again back down off out up"
_OPENING_WORDS = "also and but even just now really so still"
_OPENING = _ARTICLE | _PERSONAL | frozenset(_OPENING_WORDS.split())
_EASE = frozenset({"difficult", "easier", "easy", "hard", "harder", "impossible", "possible"})
"""Words that say how something goes, and leave to what follows them what it is."""
_DONE = frozenset({"find", "use"})
"""Verbs that a name may close with after them: "hard to find"."""
_TOIL = frozenset({"tried", "tries", "try", "trying", "work", "worked", "working", "works"})
_ASPECT_WORDS = (
    "avoid avoids keep keeping keeps kept start started starts stop stopped stopping stops"
)
_ASPECT = frozenset(_ASPECT_WORDS.split())
_PARTICLES = frozenset({"back", "down", "in", "off", "out", "up"})
_BEFORE_NOT = frozenset({"can", "could", "did", "do", "does", "will", "would"})
_FAILS = _BEFORE_NOT - {"do", "would"}
"""What may open a name before "not": "do not buy" is advice, "does not open" a failure."""
_LEFT_OPEN_WORDS = (
    "good very bad great ask asks brings felt find finds gives last lets look looked looks next "
    "offers past previous sends shows sounded sounds speak tell tells told wants"
)
_BAD_END = _STOP - frozenset(_MAY_END_WORDS.split()) | frozenset(_LEFT_OPEN_WORDS.split())
_BAD_START_WORDS = (
    "ago arrived aside ask asked be been ended guess had has hope hoped is thought unfortunately was "
    "were"
)
_MAY_START_WORDS = (
    "being getting having no not never unable can't cannot cant couldn't couldnt didn't didnt "
    "doesn't doesnt won't wont"
)
_BAD_START = (
    _STOP - frozenset(_MAY_START_WORDS.split()) | frozenset(_BAD_START_WORDS.split()) | _MEASURES
)

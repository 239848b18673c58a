"""Chooses a name for each group: a phrase of its members, judged against all of them.

What a candidate is worth is said in docs/decisions/0043. Groups are named largest first, and each
name keeps later ones away from its words.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from painpoints.labels import wording
from painpoints.labels.corpus import Corpus, Floats, Group, cosine, feeling

LENGTH_BONUS = {1: 0.2, 2: 0.85, 3: 1.0, 4: 1.0, 5: 0.95, 6: 0.85}
FEW = 5
"""Phrases of several words among which a name can be chosen."""
SHORTLIST = 25
"""Phrases of a group that are read by themselves; encoding is slow."""
ALONE_POWER = 2
"""How strongly a phrase is held to be understood alone: the power of its cosine to the group."""
SILENT = 0.5
"""What a phrase is worth that does not sound as its group feels, of one that does."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase that may name a group: as written, its words' keys, how good it is alone."""

    text: str
    words: frozenset[str]
    worth: float


@dataclass(slots=True)
class _Heard:
    """A phrase with all its spellings, the members that say it, and what it counts for at best."""

    key: str
    spellings: Counter[str]
    rows: set[int]
    counts: float


def choose(corpus: Corpus, groups: Mapping[str, Group], taken: Sequence[str]) -> dict[str, str]:
    """Name the groups, largest first; later ones stay away from the names already given."""
    names: dict[str, str] = {}
    used = {wording.fold(name) for name in taken}
    given = [frozenset(wording.keys(name)) for name in taken]
    found = _understood(corpus, groups, {name: _candidates(g) for name, g in groups.items()})
    for key, group in sorted(groups.items(), key=lambda item: (-len(item[1].rows), item[0])):
        names[key] = _name(group, found[key], used, given)
        used.add(wording.fold(names[key]))
        given.append(frozenset(wording.keys(names[key])))
    return names


def _understood(
    corpus: Corpus, groups: Mapping[str, Group], found: Mapping[str, list[Candidate]]
) -> Mapping[str, list[Candidate]]:
    """Return each group's best phrases, weighed by how well each is understood alone.

    A phrase read by itself lies where its group lies, and sounds as its group feels, when it says
    what its members say.
    """
    short = {
        g: sorted(own, key=lambda c: (-c.worth, c.text))[:SHORTLIST] for g, own in found.items()
    }
    texts = sorted({c.text for own in short.values() for c in own})
    if corpus.listen is None or not texts:
        return found
    vectors, feelings = corpus.listen(texts)
    alone = dict(zip(texts, zip(vectors - corpus.middle, feelings, strict=True), strict=True))
    return {
        name: [_weighed(c, *alone[c.text], groups[name]) for c in short[name]] for name in short
    }


def _weighed(candidate: Candidate, alone: Floats, sounds: Floats, group: Group) -> Candidate:
    near = cosine(alone, group.tilted)
    agrees = SILENT + (1 - SILENT) * float(sounds @ group.feeling)
    return replace(candidate, worth=candidate.worth * near**ALONE_POWER * agrees)


def _name(
    group: Group, found: Sequence[Candidate], used: set[str], given: Sequence[frozenset[str]]
) -> str:
    ranked = sorted(found, key=lambda c: (-c.worth * _apart(c.words, given), c.text))
    for candidate in ranked:
        if wording.fold(candidate.text) not in used:
            return wording.title(candidate.text)
    return _distinguished(group, ranked, used)


def _apart(words: frozenset[str], given: Sequence[frozenset[str]]) -> float:
    """Return 1 for words that no given name has, down to 0.1 for the same words."""
    shared = [(len(words & other), len(words | other)) for other in given]
    alike = max((both / either for both, either in shared if both), default=0.0)
    return 1.0 - 0.9 * alike**2


def _distinguished(group: Group, ranked: Sequence[Candidate], used: set[str]) -> str:
    """Return the best name with the next words that tell it from those in use."""
    nearest = group.corpus.texts[group.central[0]]
    words = [*group.own_words, *wording.TOKEN.findall(nearest)]
    first = group.corpus.texts[group.rows[0]].strip()
    base = ranked[0].text if ranked else (words or [first])[0]
    for word in words:
        name = f"{base}, {word}"
        if word not in base.lower().split() and wording.fold(name) not in used:
            return wording.title(name)
    number = 2
    while wording.fold(f"{base} ({number})") in used | {""}:
        number += 1
    return wording.title(base if wording.fold(base) not in used else f"{base} ({number})")


def _candidates(group: Group) -> list[Candidate]:
    """Return the phrases of the group's central members, each with its worth."""
    heard = _heard(group)
    enough = 2 if any(len(phrase.rows) > 1 for phrase in heard.values()) else 1
    often = [phrase for phrase in heard.values() if len(phrase.rows) >= enough]
    plain = [phrase for phrase in often if wording.content(phrase.key) <= group.common]
    if group.corpus.listen is not None:
        return [_judge(group, phrase) for phrase in _whole(group, heard, plain)]
    judged = [_judge(group, phrase) for phrase in plain or often]
    best = max(judged, key=lambda c: (c.worth, c.text), default=None)
    if best is None or " " in best.text:
        return judged
    fuller = [p for p in heard.values() if p.counts > wording.PART and _says_more(p, best)]
    return judged + [_judge(group, phrase) for phrase in fuller]


def _heard(group: Group) -> dict[str, _Heard]:
    heard: dict[str, _Heard] = {}
    for row in group.typical:
        for text, key, counts in group.corpus.pieces(row):
            phrase = heard.get(key)
            if phrase is None:
                phrase = heard[key] = _Heard(key, Counter(), set(), wording.PART)
            phrase.spellings[text] += 2 if counts > wording.PART else 1
            phrase.rows.add(row)
            phrase.counts = max(phrase.counts, counts)
    return heard


def _whole(group: Group, heard: Mapping[str, _Heard], plain: Sequence[_Heard]) -> list[_Heard]:
    """Return the plain phrases and those that stand whole, though a single member says them.

    At least half of the words of these are common in the group, unless too few are left.
    """
    taken = {phrase.key for phrase in plain}
    known = group.corpus.known
    fuller = (p for p in heard.values() if p.key not in taken and p.counts > wording.PART)
    whole = [p for p in fuller if " " in p.key and wording.content(p.key) <= known]
    close = [p for p in whole if _half_common(group, p)]
    several = sum(" " in phrase.key for phrase in [*plain, *close]) >= FEW
    return [*plain, *(close if several else whole)]


def _half_common(group: Group, phrase: _Heard) -> bool:
    words = wording.content(phrase.key)
    return 2 * len(words & group.common) >= len(words)


def _says_more(phrase: _Heard, single: Candidate) -> bool:
    """Return whether a phrase that few members say tells what the single word leaves open."""
    keys = phrase.key.split()
    return 2 <= len(keys) <= 4 and bool(single.words & set(keys))


def _judge(group: Group, phrase: _Heard) -> Candidate:
    """Return the phrase in its commonest spelling with its worth."""
    text = min(phrase.spellings, key=lambda t: (-phrase.spellings[t], len(t), t))
    words = frozenset(wording.keys(text))
    worths = sorted((group.worth.get(w, 0.0) for w in words), reverse=True)
    telling = sum(0.7**place * worth for place, worth in enumerate(worths))
    share = len(phrase.rows) / len(group.typical)
    members = np.fromiter(sorted(phrase.rows), dtype=np.int64)
    near = cosine(group.corpus.vectors[members].mean(axis=0), group.middle)
    clash = float(np.abs(feeling(group.corpus, members) - group.feeling).sum()) / 2
    worth = (telling + share) * near * (1 - clash) ** 2 * LENGTH_BONUS[len(text.split())]
    return Candidate(text, words, worth * phrase.counts * _meant(group, text))


def _meant(group: Group, text: str) -> float:
    """Return how far the typical members deny what a phrase denies and say what it says, 0..1.

    One who says "the lounge was not crowded" names no group of those who say that it was; nor does
    "fly this airline" name those who never will.
    """
    said, denied = wording.polarity(text)
    shares = [group.denied.get(key, 0.5) for key in denied]
    share = (
        max(shares) if shares else 1 - max((group.denied.get(k, 0.0) for k in said), default=0.0)
    )
    return float(np.sqrt(min(1.0, share / max(1e-9, 1 - share))))

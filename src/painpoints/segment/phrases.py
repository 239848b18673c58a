"""Read short phrases off mentions, for the labels of topics: "app crashes", "waiting time".

First choice is a subject with its trouble or a verb with its object (after DORIC, Lee et al.
2023, arXiv 2303.09827), then a noun with its judgement, then a bare noun group. A phrase is made
of words as they stand in the text, in small letters; its key is their lemmas, so that variants
are counted together. Choosing among phrases is left to `labels`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

BATCH = 256
MAX_WORDS = 6


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a mention.

    text: words of the mention in their order, small letters.
    key:  their lemmas without articles, to count variants together.
    kind: trouble (subject and verb), act (verb and object), judged (noun and judgement) or thing.
    """

    text: str
    key: str
    kind: str


_ORDER = {"trouble": 0, "act": 1, "judged": 2, "thing": 3}
_SUBJECTS = frozenset({"nsubj", "nsubj:pass"})
_PRONOUNS = (
    "i we you he she it they me us him her them this that these those who which what there one "
    "someone anyone everyone nobody everything something anything nothing myself ourselves u"
)
_VAGUE = (
    "thing things lot bit way time times day days year years people person everything fact case "
    "kind sort side end hour hours minute minutes week weeks month months today part point"
)
_LIGHT = "be have do get go make say think know want need feel seem let"
_TELLING = "n't nt not never no always constantly up down out off away back over in too on again twice late"
_STATES = frozenset({"on", "out", "without", "off", "under"})
_NEGATIONS = frozenset({"n't", "nt", "not"})
_SMALL = frozenset(_PRONOUNS.split())
_EMPTY_NOUNS = frozenset(_VAGUE.split())
_EMPTY_VERBS = frozenset(_LIGHT.split())
_KEPT_ADVERBS = frozenset(_TELLING.split())
_KEPT_LEFT = frozenset({"amod", "compound", "nmod:poss", "nummod", "advmod", "flat", "nmod:desc"})
_KEPT_VERB = frozenset({"aux", "aux:pass", "compound:prt", "xcomp"})


def phrases(nlp: Any, texts: Sequence[str]) -> list[list[Phrase]]:
    """Return each text's phrases, the most telling first."""
    with nlp.select_pipes(disable=["ner"]):
        docs = nlp.pipe(texts, batch_size=BATCH)
        return [_of(doc) for doc in docs]


def _of(doc: Any) -> list[Phrase]:
    found: dict[str, Phrase] = {}
    for phrase in sorted(_all(doc), key=lambda p: _ORDER[p.kind]):
        found.setdefault(phrase.key, phrase)
    return list(found.values())


def _all(doc: Any) -> Iterator[Phrase]:
    for token in doc:
        if token.pos_ == "VERB":
            yield from _of_verb(token)
        elif token.pos_ in {"NOUN", "PROPN"} and token.dep_ not in {"compound", "flat"}:
            yield from _of_noun(token)
        if token.pos_ in {"ADJ", "ADV"} or any(c.dep_ == "cop" for c in token.lefts):
            yield from _of_predicate(token)


def _of_verb(verb: Any) -> Iterator[Phrase]:
    core = [verb, *_kept(verb)]
    subject = next((c for c in verb.lefts if _is_subject(c)), None)
    told = next((c for c in verb.rights if c.dep_ == "obj" and _names_a_thing(c)), None)
    if subject is not None:
        yield from _phrase([*_group(subject), *core, *(_group(told) if told else [])], "trouble")
    elif told is not None and verb.lemma_ not in _EMPTY_VERBS:
        yield from _phrase([*core, *_group(told)], "act")
    elif any(c.dep_ in {"advmod", "compound:prt", "xcomp"} for c in core):
        yield from _phrase(core, "act")


def _is_subject(token: Any) -> bool:
    """Tell a noun that does something; small parsers take it for a compound of its verb at times."""
    return (token.dep_ in _SUBJECTS or token.dep_ == "compound") and _names_a_thing(token)


def _of_predicate(word: Any) -> Iterator[Phrase]:
    """Read "parking is expensive", "staff friendly", "on hold"."""
    subject = next((c for c in word.lefts if c.dep_ in _SUBJECTS and _names_a_thing(c)), None)
    links = [c for c in word.lefts if c.dep_ in {"cop", "case"} or _carries(c)]
    if subject is not None:
        yield from _phrase([*_group(subject), *links, word], "trouble")
        return
    place = [c for c in links if c.lower_ in _STATES]
    if place and word.pos_ == "NOUN":
        yield from _phrase([*place, word], "act")


def _of_noun(noun: Any) -> Iterator[Phrase]:
    if not _names_a_thing(noun):
        return
    group = _group(noun)
    judged = any(c.dep_ == "amod" for c in noun.lefts)
    if len(group) > 1 or noun.lemma_ not in _EMPTY_NOUNS:
        yield from _phrase(group, "judged" if judged else "thing")


def _names_a_thing(token: Any) -> bool:
    return (
        token.lower_ not in _SMALL
        and token.pos_ in {"NOUN", "PROPN", "ADJ", "VERB"}
        and token.is_alpha
    )


def _group(noun: Any) -> list[Any]:
    """Return the noun with the words before it that belong to its name."""
    inner = [
        c
        for c in noun.lefts
        if c.dep_ in _KEPT_LEFT and c.is_alpha and c.pos_ not in {"PRON", "DET", "NUM"}
    ]
    deeper = [d for c in inner for d in c.lefts if d.dep_ == "compound" and d.is_alpha]
    return [*deeper, *inner, noun]


def _kept(verb: Any) -> list[Any]:
    """Return what a verb needs to be understood: auxiliary, negation, particle, further verb."""
    kept = [c for c in verb.children if c.dep_ in _KEPT_VERB or _carries(c)]
    for further in [c for c in kept if c.dep_ == "xcomp"]:
        kept += [c for c in further.children if c.dep_ in {"mark", "compound:prt"} or _carries(c)]
        kept += [
            g for c in further.rights if c.dep_ == "obj" and _names_a_thing(c) for g in _group(c)
        ]
    return kept


def _carries(token: Any) -> bool:
    return token.dep_ == "advmod" and token.lower_ in _KEPT_ADVERBS


def _phrase(tokens: list[Any], kind: str) -> Iterator[Phrase]:
    ordered = sorted({t.i: t for t in tokens}.values(), key=lambda t: t.i)
    if not 1 <= len(ordered) <= MAX_WORDS or not ordered[0].text[0].isalnum():
        return
    if kind == "act" and len(ordered) == 1:
        return
    text = ""
    for before, token in zip([None, *ordered], ordered, strict=False):
        glued = before is not None and before.i == token.i - 1 and not before.whitespace_
        text += token.lower_ if glued or not text else f" {token.lower_}"
    yield Phrase(text, " ".join(_lemma(t) for t in ordered if _counts(t)), kind)


def _counts(token: Any) -> bool:
    return token.pos_ not in {"AUX", "DET", "PART"} or token.lower_ in _NEGATIONS


def _lemma(token: Any) -> str:
    return "not" if token.lower_ in _NEGATIONS else str(token.lemma_).lower()

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
_TELLING = "n't not never no always constantly up down out off away back over in too on again"
_SMALL = frozenset(_PRONOUNS.split())
_EMPTY_NOUNS = frozenset(_VAGUE.split())
_EMPTY_VERBS = frozenset(_LIGHT.split())
_KEPT_ADVERBS = frozenset(_TELLING.split())
_KEPT_LEFT = frozenset({"amod", "compound", "nmod:poss", "nummod", "advmod", "flat", "nmod:desc"})
_KEPT_VERB = frozenset({"advmod", "aux", "compound:prt", "xcomp", "aux:pass", "obl:unmarked"})


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
        elif token.pos_ == "ADJ":
            yield from _of_adjective(token)


def _of_verb(verb: Any) -> Iterator[Phrase]:
    core = [verb, *_kept(verb, _KEPT_VERB)]
    subject = next((c for c in verb.lefts if c.dep_ in _SUBJECTS and _names_a_thing(c)), None)
    told = next((c for c in verb.rights if c.dep_ == "obj" and _names_a_thing(c)), None)
    if subject is not None:
        yield from _phrase([*_group(subject), *core, *(_group(told) if told else [])], "trouble")
        return
    if told is not None and verb.lemma_ not in _EMPTY_VERBS:
        yield from _phrase([*core, *_group(told)], "act")


def _of_adjective(word: Any) -> Iterator[Phrase]:
    subject = next((c for c in word.lefts if c.dep_ in _SUBJECTS and _names_a_thing(c)), None)
    if subject is not None:
        links = [c for c in word.lefts if c.dep_ in {"cop", "advmod"} and _carries(c)]
        yield from _phrase([*_group(subject), *links, word], "trouble")


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


def _kept(verb: Any, labels: frozenset[str]) -> list[Any]:
    kept = [c for c in verb.children if c.dep_ in labels and _carries(c)]
    below = [
        d
        for c in kept
        if c.dep_ == "xcomp"
        for d in c.children
        if d.dep_ in {"mark", "obj"} and d.pos_ != "PRON"
    ]
    return (
        kept
        + [d for d in below if d.dep_ == "mark"]
        + [g for d in below if d.dep_ == "obj" for g in _group(d)]
    )


def _carries(token: Any) -> bool:
    if token.dep_ == "advmod":
        return token.lower_ in _KEPT_ADVERBS
    return True


def _phrase(tokens: list[Any], kind: str) -> Iterator[Phrase]:
    ordered = sorted({t.i: t for t in tokens}.values(), key=lambda t: t.i)
    if not 1 <= len(ordered) <= MAX_WORDS:
        return
    text = ""
    for before, token in zip([None, *ordered], ordered, strict=False):
        glued = before is not None and before.i == token.i - 1 and not before.whitespace_
        text += token.lower_ if glued or not text else f" {token.lower_}"
    content = [
        t.lemma_.lower()
        for t in ordered
        if t.pos_ not in {"AUX", "DET", "PART"} or t.lower_ in {"n't", "not", "nt"}
    ]
    yield Phrase(text, " ".join(content), kind)

"""The parsed way to clauses: the dependency tree says which clause has a subject of its own.

The one file that loads the spaCy pipeline. Sentences that hold no candidate of the fast rules
are not parsed at all. Trees are in Universal Dependencies.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from painpoints.segment import clauses
from painpoints.segment.sentences import Span, mentions, sentences
from painpoints.segment.words import CLASSES

BATCH = 256
SUBJECTS = frozenset({"nsubj", "nsubj:pass", "nsubj:outer", "csubj", "csubj:pass", "expl"})
JOINED = frozenset({"conj", "parataxis", "list", "appos"})
BELOW = frozenset(
    {"advcl", "advcl:relcl", "acl", "acl:relcl", "ccomp", "xcomp", "csubj", "obl", "obj", "nmod"}
)
CARRIED_ON = frozenset({"it", "they", "he", "she", "that", "this", "them", "which", "who"})
CONTRAST = frozenset({"but", "yet", "however", "although", "though", "tho", "whereas"})


@lru_cache(maxsize=2)
def pipeline(folder: Path) -> Any:
    """Return the spaCy pipeline of a folder, read once."""
    import spacy

    return spacy.load(folder)


def cut(nlp: Any, texts: Sequence[str]) -> list[list[Span]]:
    """Return the mentions of each text, the parser asked where the fast rules see a candidate."""
    split = [sentences(text) for text in texts]
    asked = dict.fromkeys(
        text[start:end]
        for text, spans in zip(texts, split, strict=True)
        for start, end in spans
        if clauses.may_split(text, start, end)
    )
    begins = dict(zip(asked, starts(nlp, asked), strict=True))
    return [_mentions(text, spans, begins) for text, spans in zip(texts, split, strict=True)]


def _mentions(text: str, spans: list[Span], begins: dict[str, list[int]]) -> list[Span]:
    pieces: list[Span] = []
    for start, end in spans:
        inner = [start + at for at in begins.get(text[start:end], [])]
        pieces.extend(pairwise([start, *inner, end]))
    return mentions(text, clauses.shorten(text, pieces))


def starts(nlp: Any, texts: Iterable[str]) -> Iterator[list[int]]:
    """Yield for each sentence the characters at which the tree begins a new clause."""
    with nlp.select_pipes(enable=["tok2vec", "tagger", "morphologizer", "parser"]):
        for doc in nlp.pipe(texts, batch_size=BATCH):
            yield [doc[i].idx for i in clause_starts(doc)]


def clause_starts(doc: Any) -> list[int]:
    """Return the tokens at which a clause with a subject or a contrast of its own begins."""
    found = {start for token in doc if (start := _start(token)) is not None}
    return sorted(i for i in found if 0 < i < len(doc))


def _start(head: Any) -> int | None:
    if head.dep_ == "ROOT":
        return int(head.sent.start)
    if head.dep_ == "ccomp":
        return int(head.left_edge.i) if _runs_on(head) else None
    if head.dep_ not in JOINED or head.head.i > head.i:
        return None
    contrast = any(c.dep_ in {"cc", "advmod", "mark"} and c.lower_ in CONTRAST for c in head.lefts)
    if contrast and _says_something(head):
        return int(head.left_edge.i)
    if _is_below(head.head) or not (_has_new_subject(head) or _is_note(head)):
        return None
    return int(head.left_edge.i)


def _has_new_subject(head: Any) -> bool:
    subject = next((c for c in head.lefts if c.dep_ in SUBJECTS), None)
    if subject is None:
        return False
    joined = any(c.dep_ == "cc" for c in head.lefts)
    return not (joined and subject.lower_ in CARRIED_ON)


def _is_note(head: Any) -> bool:
    """Tell "great service, fast delivery": both sides a noun with a judgement, no verb."""
    return (
        _judged(head)
        and (_judged(head.head) or head.head.pos_ == "ADJ")
        and not any(
            c.dep_ in SUBJECTS | {"cop"} or c.pos_ == "VERB"
            for c in head.head.children
            if c is not head
        )
    )


def _judged(noun: Any) -> bool:
    if noun.pos_ not in {"NOUN", "PROPN"}:
        return False
    return any(
        c.dep_ in {"amod", "det", "advmod"} and CLASSES.get(c.lower_) in {"J", "K"}
        for c in noun.lefts
    )


def _says_something(head: Any) -> bool:
    return head.pos_ in {"VERB", "AUX", "NOUN", "PROPN", "PRON"} or any(
        c.dep_ in SUBJECTS | {"cop"} for c in head.children
    )


def _runs_on(head: Any) -> bool:
    """Tell a clause that only follows from one that a verb of saying takes."""
    if head.head.i > head.i or CLASSES.get(head.head.lower_) == "M" or _is_below(head.head):
        return False
    first = head.left_edge
    return first.dep_ in SUBJECTS and head.head.lower_ not in {"is", "was", "be"}


def _is_below(token: Any) -> bool:
    """Tell whether the token stands in a clause that another clause takes."""
    while token.dep_ in JOINED:
        token = token.head
    return token.dep_ in BELOW

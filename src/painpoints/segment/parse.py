"""The parsed way to clauses: what the fast rules say, bettered by the dependency tree.

The one file that loads the spaCy pipeline. The tree adds places that word classes cannot tell
(a conjunct with a subject of its own, a second order, a sentence that no stop begins) and takes
away those inside a noun group or a relative clause. Sentences with nothing to decide are not
parsed. Trees are in Universal Dependencies.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from painpoints import absent
from painpoints.segment import clauses
from painpoints.segment.sentences import Span, mentions, sentences

BATCH = 256
MIN_JOINED, MIN_BARE = 5, 12
"""Words from which a tree can tell more: with a mark or joining word inside, and without."""

PLAY = 6
"""Characters within which a sentence that the parser begins is the same place as a candidate."""

SUBJECTS = frozenset({"nsubj", "nsubj:pass", "nsubj:outer", "csubj", "csubj:pass", "expl"})
JOINED = frozenset({"conj", "parataxis", "list", "appos"})
BELOW = frozenset(
    {"advcl", "advcl:relcl", "acl", "acl:relcl", "ccomp", "xcomp", "csubj", "obl", "obj", "nmod"}
)
RELATIVE = frozenset({"acl:relcl", "acl", "advcl:relcl"})
RELATIVE_TAGS = frozenset({"WDT", "WP", "WP$"})
_TIED = "it they he she that this these those while though tho yet although because for"
NOT_OPENING = frozenset(_TIED.split())
"""Words that tie a conjunct to what stands before it."""


@lru_cache(maxsize=2)
def pipeline(folder: Path) -> Any:
    """Return the spaCy pipeline of a folder, read once; it works on NumPy, so torch stays out."""
    with absent.without("torch"):
        import spacy

    return spacy.load(folder)


def cut(nlp: Any, texts: Sequence[str]) -> list[list[Span]]:
    """Return the mentions of each text; each distinct sentence is parsed once."""
    split = [sentences(text) for text in texts]
    asked = dict.fromkeys(
        text[start:end]
        for text, spans in zip(texts, split, strict=True)
        for start, end in spans
        if _needs_tree(text, start, end)
    )
    begins = dict(zip(asked, _begins(nlp, list(asked)), strict=True))
    return [_mentions(text, spans, begins) for text, spans in zip(texts, split, strict=True)]


def _needs_tree(text: str, start: int, end: int) -> bool:
    n_words = text.count(" ", start, end) + 1
    if n_words < MIN_JOINED:
        return False
    return n_words >= MIN_BARE or bool(clauses.candidates(clauses.encode(text, start, end)))


def _mentions(text: str, spans: list[Span], begins: dict[str, list[int]]) -> list[Span]:
    pieces: list[Span] = []
    for start, end in spans:
        inner = begins.get(text[start:end])
        if inner is None:
            pieces.extend(clauses.cut(text, start, end))
        else:
            pieces.extend(pairwise([start, *(start + at for at in inner), end]))
    return mentions(text, clauses.shorten(text, pieces))


def _begins(nlp: Any, texts: list[str]) -> Iterator[list[int]]:
    """Yield for each sentence the characters at which a new piece begins."""
    with nlp.select_pipes(enable=["tok2vec", "tagger", "parser"]):
        for text, doc in zip(texts, nlp.pipe(texts, batch_size=BATCH), strict=True):
            yield decide(text, doc)


def decide(text: str, doc: Any) -> list[int]:
    """Return where pieces begin in one sentence, by the rules and its tree together."""
    codes = clauses.encode(text, 0, len(text))
    starts = clauses.token_starts(text, 0, len(text))
    ruled = set(clauses.cuts(codes))
    joints = dict(clauses.candidates(codes))
    chosen = {starts[at] for at in ruled if at not in joints}
    chosen |= {
        starts[at] for at, word in joints.items() if _agrees(doc, starts[word], ruled=at in ruled)
    }
    known = chosen | {starts[word] for word in joints.values()}
    for before, sentence in pairwise(doc.sents):
        at = sentence[0].idx
        if _is_whole(before) and _is_whole(sentence) and all(abs(at - k) > PLAY for k in known):
            chosen.add(at)
    return sorted(at for at in chosen if 0 < at < len(text))


def _agrees(doc: Any, first: int, *, ruled: bool) -> bool:
    """Judge one candidate by the arc that crosses it; `first` is its first word's character."""
    at = next((token.i for token in doc if token.idx >= first), len(doc))
    head = next((t for t in doc[at:] if t.head.i < at and t.dep_ not in {"punct", "cc"}), None)
    if head is None:
        return ruled
    if head.dep_ in RELATIVE:
        return False if head.left_edge.i >= at - 1 and ruled and head.i > at else ruled
    if ruled:
        return True
    return head.dep_ in {"conj", "parataxis"} and not _is_below(head) and _adds(head)


def _adds(head: Any) -> bool:
    """Tell a conjunct with a subject of its own, or one order after another."""
    subject = next((c for c in head.lefts if c.dep_ in SUBJECTS), None)
    if subject is not None:
        opening = head.doc[head.left_edge.i : subject.i + 1]
        return not any(t.lower_ in NOT_OPENING or t.tag_ in RELATIVE_TAGS for t in opening)
    return _is_order(head) and _is_order(head.head)


def _is_order(verb: Any) -> bool:
    return verb.tag_ == "VB" and not any(c.dep_ in SUBJECTS | {"aux", "mark"} for c in verb.lefts)


def _is_whole(sentence: Any) -> bool:
    """Tell a sentence with subject and verb; only between two of them no mark is needed."""
    first, root = sentence[0], sentence.root
    subject = any(c.dep_ in SUBJECTS for c in root.lefts)
    verbal = root.tag_.startswith("V") or any(c.dep_ == "cop" for c in root.lefts)
    return len(sentence) > 2 and subject and verbal and first.lower_ not in NOT_OPENING


def _is_below(token: Any) -> bool:
    """Tell whether the token is joined into a clause that another clause takes."""
    while token.dep_ in JOINED:
        token = token.head
    return token.dep_ in BELOW

"""Topics and findings get names a person would write: unique, and made of what members say.

A name is a phrase found in the members, chosen for what sets the group apart, how many members
it stands for, how near those are to the middle of the group, and how it reads; no two names are
the same and none speaks against the feeling of its members. Which mention belongs to which topic
is `painpoints.topics`' affair; phrases come from `segment`, or plain word sequences stand in.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints.errors import TableError

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

MOST_MEMBERS = 100
"""Members of a group that word sequences are taken from: the nearest to its middle."""
MOST_NEAR = 1_000
"""Members of a group that anything is read off: the nearest to its middle."""
MOST_PARSED = 15
"""Members of a group whose phrases are asked for; finding phrases is slow."""
N_EXEMPLARS = 5
N_TERMS = 10
EXEMPLAR_LETTERS = (20, 240)
"""A typical mention is long enough to say something and short enough to be read."""
MANY = 2_000
"""Mentions from which a word that one of them uses is taken for a typing error."""
LENGTH_BONUS = {1: 0.2, 2: 0.85, 3: 1.0, 4: 1.0, 5: 0.95, 6: 0.85}
COMMON = 0.05
"""Share of the members that use a word which may stand in the name."""
NEGATED = "not"
"""Stands in the key of a phrase that says no, so that "login" and "can't login" are two."""
FEW = 5
"""Phrases of several words among which a name can be chosen."""
SHORTLIST = 25
"""Phrases of a group that are read by themselves; encoding is slow."""
ALONE_POWER = 2
"""How strongly a phrase is held to be understood alone: the power of its cosine to the group."""
TILT = 0.5
"""How far the middle of a wholly negative group is tilted towards complaint before that."""
PART, WHOLE, TOLD = 1.0, 1.4, 1.7
"""What a phrase counts for: words of a clause may be a fragment; what the parser found, or a clause
of its own, is whole; a subject with its verb or judgement says what happens ("Router did not activate").
"""

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_BREAK = re.compile(r"\[[A-Z_]+\d*\]|[.!?,;:()\[\]\"\u201c\u201d\n/|*]+|\s[-\u2013\u2014]+\s|\d+")


class Phrase(Protocol):
    """What `segment` finds: the words as written."""

    @property
    def text(self) -> str:
        """Return the words as the customer wrote them."""

    @property
    def kind(self) -> str:
        """Return "trouble" for a subject with what it does or is; what else there is, is one's own."""


FindPhrases = Callable[[Sequence[str]], Sequence[Sequence[Phrase]]]
"""Returns the phrases of each text; asked once per call, for typical members alone."""
Encode = Callable[[Sequence[str]], Floats]
"""Returns the vectors of texts as those of the mentions were made; asked once per set of groups."""


def describe(
    mentions: pl.DataFrame,
    vectors: Floats,
    phrases: FindPhrases | None = None,
    *,
    terms: Mapping[str, Sequence[str]] | None = None,
    parents: Mapping[str, str | None] | None = None,
    kept: Mapping[str, str] | None = None,
    encode: Encode | None = None,
) -> pl.DataFrame:
    """Return topic_id, label, terms, exemplar_ids of every topic that a mention carries.

    mentions: with topic_id; sentiment, where it is there, guards against names that contradict.
    vectors:  (n_mentions, dim) float32, unit rows.
    phrases:  finds phrases in texts; None takes word sequences alone.
    encode:   reads phrases as the mentions were read, so that names are chosen which are understood
              alone; None goes by the words of the members.
    terms:    for each topic, by c-TF-IDF; None takes the words that set the topic apart.
    parents:  topic to parent; parents get a name from the mentions of all their topics.
    kept:     names that topics keep from an earlier run.

    Raises:
        TableError: when mentions and vectors differ in length.
    """
    corpus = _corpus(mentions, vectors, encode)
    groups = _rows_by(mentions, "topic_id")
    broader = _join(groups, parents or {})
    names = {t: name for t, name in (kept or {}).items() if t in groups or t in broader}
    corpus = corpus.with_phrases(phrases, [*groups.values(), *broader.values()])
    names |= _name_all(corpus, {t: r for t, r in groups.items() if t not in names}, names)
    names |= _name_all(corpus, {t: r for t, r in broader.items() if t not in names}, names)
    everything = groups | broader
    return pl.DataFrame(
        {
            "topic_id": list(everything),
            "label": [names[t] for t in everything],
            "terms": [_terms(corpus, t, rows, terms or {}) for t, rows in everything.items()],
            "exemplar_ids": [_exemplars(corpus, rows) for rows in everything.values()],
        },
        schema={
            "topic_id": pl.String,
            "label": pl.String,
            "terms": pl.List(pl.String),
            "exemplar_ids": pl.List(pl.String),
        },
    )


def name_groups(
    groups: Mapping[str, Sequence[str]],
    mentions: pl.DataFrame,
    vectors: Floats,
    phrases: FindPhrases | None = None,
    encode: Encode | None = None,
) -> dict[str, str]:
    """Return a name for each group of mention ids (a finding's evidence), unique among them.

    Arguments as in `describe`.

    Raises:
        TableError: when a group is empty or names an unknown mention, or lengths differ.
    """
    corpus = _corpus(mentions, vectors, encode)
    row_of = {m: row for row, m in enumerate(mentions["mention_id"].to_list())}
    bad = [g for g, ids in groups.items() if not ids or any(m not in row_of for m in ids)]
    if bad:
        raise TableError(f"labels: {len(bad)} groups are empty or hold unknown mentions: {bad[:5]}")
    rows = {g: np.array(sorted({row_of[m] for m in ids})) for g, ids in groups.items()}
    return _name_all(corpus.with_phrases(phrases, list(rows.values())), rows, {})


@dataclass(frozen=True, eq=False)
class _Corpus:
    """Mentions as rows, with what naming needs of them."""

    ids: list[str]
    texts: list[str]
    vectors: Floats
    feelings: npt.NDArray[np.float64]
    encode: Encode | None = None
    phrases: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    told: dict[int, tuple[tuple[str, str, float], ...]] = field(default_factory=dict)

    def pieces(self, row: int) -> tuple[tuple[str, str, float], ...]:
        """Return what `_pieces` finds in a mention; a row of several groups is read once."""
        if row not in self.told:
            self.told[row] = tuple(_pieces(self.texts[row], self.phrases))
        return self.told[row]

    def with_phrases(self, find: FindPhrases | None, groups: Sequence[Rows]) -> "_Corpus":
        """Return the corpus with the phrases of the groups' typical members."""
        if find is None:
            return self
        rows = {row for own in groups for row in _central(self, own)[:MOST_PARSED]}
        texts = sorted({self.texts[row] for row in rows})
        found = zip(texts, find(texts), strict=True)
        return replace(
            self, phrases={t: tuple((p.text, _counts(p)) for p in own) for t, own in found}, told={}
        )

    @cached_property
    def counts(self) -> tuple[Any, npt.NDArray[np.object_]]:
        """Return which mention has which content word: sparse (n, n_words) of 0/1, and the words."""
        from sklearn.feature_extraction.text import CountVectorizer

        if not any(_keys(text) for text in self.texts):
            return None, np.array([], dtype=object)
        counter = CountVectorizer(analyzer=_keys, binary=True)
        return counter.fit_transform(self.texts).tocsr(), counter.get_feature_names_out()

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the content words; of many mentions those that two use, which leaves typos out."""
        matrix, words = self.counts
        if matrix is None:
            return frozenset()
        return frozenset(words[np.asarray(matrix.sum(axis=0)).ravel() > (len(self.texts) >= MANY)])

    @cached_property
    def lean(self) -> Floats:
        """Return the unit direction from praise to complaint, (dim,); zeros where one is missing."""
        negative, positive = self.feelings[:, 0] > 0, self.feelings[:, 2] > 0
        if not negative.any() or not positive.any():
            return np.zeros(self.vectors.shape[1], np.float32)
        return _direction(self.vectors[negative].mean(axis=0) - self.vectors[positive].mean(axis=0))

    @cached_property
    def share(self) -> npt.NDArray[np.float64]:
        """Return the share of all mentions that have each word."""
        matrix, _ = self.counts
        return np.asarray(matrix.mean(axis=0)).ravel()


def _corpus(mentions: pl.DataFrame, vectors: Floats, encode: Encode | None) -> _Corpus:
    if mentions.height != len(vectors):
        raise TableError(f"labels: {mentions.height} mentions but {len(vectors)} vectors")
    feelings = np.zeros((mentions.height, 3))
    if "sentiment" in mentions.columns:
        for column, name in enumerate(("negative", "neutral", "positive")):
            feelings[:, column] = (mentions["sentiment"] == name).to_numpy()
    return _Corpus(
        mentions["mention_id"].to_list(), mentions["text"].to_list(), vectors, feelings, encode
    )


def _rows_by(mentions: pl.DataFrame, column: str) -> dict[str, Rows]:
    grouped = (
        mentions.select(column, row=pl.int_range(pl.len()))
        .drop_nulls(column)
        .group_by(column)
        .agg("row")
        .sort(pl.col("row").list.len(), column, descending=[True, False])
    )
    return {name: np.array(rows, dtype=np.int64) for name, rows in grouped.iter_rows()}


def _join(groups: Mapping[str, Rows], parents: Mapping[str, str | None]) -> dict[str, Rows]:
    joined: dict[str, list[Rows]] = {}
    for topic, rows in groups.items():
        parent = parents.get(topic)
        if parent is not None:
            joined.setdefault(parent, []).append(rows)
    return {parent: np.sort(np.concatenate(rows)) for parent, rows in joined.items()}


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A phrase that may name a group: as written, its words' keys, how good it is alone."""

    text: str
    words: frozenset[str]
    worth: float


def _name_all(
    corpus: _Corpus, groups: Mapping[str, Rows], taken: Mapping[str, str]
) -> dict[str, str]:
    """Name the groups, largest first; later ones stay away from the names already given."""
    names: dict[str, str] = {}
    used = {_fold(name) for name in taken.values()}
    given = [frozenset(_keys(name)) for name in taken.values()]
    found = _understood(corpus, groups, {g: _candidates(corpus, r) for g, r in groups.items()})
    for group, rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        name = _name(corpus, rows, found[group], used, given)
        names[group] = name
        used.add(_fold(name))
        given.append(frozenset(_keys(name)))
    return names


def _understood(
    corpus: _Corpus, groups: Mapping[str, Rows], found: Mapping[str, list[_Candidate]]
) -> Mapping[str, list[_Candidate]]:
    """Return each group's best phrases, weighed by how well each is understood alone.

    A phrase read by itself lies where its group lies when it says what its members say.
    """
    if corpus.encode is None or not groups:
        return found
    short = {
        g: sorted(own, key=lambda c: (-c.worth, c.text))[:SHORTLIST] for g, own in found.items()
    }
    texts = sorted({c.text for own in short.values() for c in own})
    if not texts:
        return found
    common = corpus.vectors.mean(axis=0)
    alone = dict(zip(texts, corpus.encode(texts) - common, strict=True))
    middles = {g: _tilted(corpus, rows, common) for g, rows in groups.items()}
    return {
        g: [
            replace(c, worth=c.worth * _cosine(alone[c.text], middles[g]) ** ALONE_POWER)
            for c in own
        ]
        for g, own in short.items()
    }


def _tilted(corpus: _Corpus, rows: Rows, common: Floats) -> Floats:
    """Return the middle of the rows, off what all have in common, tilted towards their feeling."""
    middle = _direction(corpus.vectors[rows].mean(axis=0) - common)
    negative, _, positive = _feeling(corpus, rows)
    return middle + np.float32(TILT * (negative - positive)) * corpus.lean


def _direction(vector: Floats) -> Floats:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


def _name(
    corpus: _Corpus,
    rows: Rows,
    found: Sequence[_Candidate],
    used: set[str],
    given: Sequence[frozenset[str]],
) -> str:
    ranked = sorted(found, key=lambda c: (-c.worth * _apart(c.words, given), c.text))
    for candidate in ranked:
        if _fold(candidate.text) not in used:
            return _title(candidate.text)
    return _distinguished(corpus, rows, ranked, used)


def _apart(words: frozenset[str], given: Sequence[frozenset[str]]) -> float:
    """Return 1 for words that no given name has, down to 0.1 for the same words."""
    if not given:
        return 1.0
    alike = max(len(words & other) / len(words | other) if words | other else 0 for other in given)
    return 1.0 - 0.9 * alike**2


def _distinguished(
    corpus: _Corpus, rows: Rows, ranked: Sequence[_Candidate], used: set[str]
) -> str:
    """Return the best name with the next words that tell it from those in use."""
    words = [*_own_words(corpus, rows), *_TOKEN.findall(corpus.texts[_central(corpus, rows)[0]])]
    base = ranked[0].text if ranked else (words or [corpus.texts[rows[0]].strip()])[0]
    for word in words:
        name = f"{base}, {word}"
        if word not in base.lower().split() and _fold(name) not in used:
            return _title(name)
    number = 2
    while _fold(f"{base} ({number})") in used | {""}:
        number += 1
    return _title(base if _fold(base) not in used else f"{base} ({number})")


def _candidates(corpus: _Corpus, rows: Rows) -> list[_Candidate]:
    """Return the phrases of the group's central members, each with its worth."""
    central = _central(corpus, rows)[:MOST_MEMBERS]
    heard = _heard(corpus, central)
    enough = 2 if any(len(phrase.rows) > 1 for phrase in heard.values()) else 1
    group = _Group(
        len(central),
        _word_worth(corpus, rows),
        corpus.vectors[rows].mean(axis=0),
        _feeling(corpus, rows),
    )
    common = _common_words(corpus, rows)
    often = [phrase for phrase in heard.values() if len(phrase.rows) >= enough]
    plain = [phrase for phrase in often if _content(phrase.key) <= common]
    if corpus.encode is not None:
        return [_judge(corpus, group, p) for p in _whole(heard, plain, common, corpus.known)]
    judged = [_judge(corpus, group, phrase) for phrase in plain or often]
    best = max(judged, key=lambda c: (c.worth, c.text), default=None)
    if best is None or " " in best.text:
        return judged
    fuller = [p for p in heard.values() if p.counts > PART and _says_more(p, best)]
    return judged + [_judge(corpus, group, phrase) for phrase in fuller]


def _whole(
    heard: Mapping[str, "_Heard"],
    plain: Sequence["_Heard"],
    common: frozenset[str],
    known: frozenset[str],
) -> list["_Heard"]:
    """Return the plain phrases and those that stand whole, though a single member says them.

    At least half of the words of these are common in the group, unless too few are left.
    """
    taken = {phrase.key for phrase in plain}
    whole = [
        p
        for p in heard.values()
        if p.key not in taken and p.counts > PART and " " in p.key and _content(p.key) <= known
    ]
    close = [p for p in whole if 2 * len(_content(p.key) & common) >= len(_content(p.key))]
    several = sum(" " in phrase.key for phrase in [*plain, *close]) >= FEW
    return [*plain, *(close if several else whole)]


def _says_more(phrase: "_Heard", single: _Candidate) -> bool:
    """Return whether a phrase that few members say tells what the single word leaves open."""
    keys = phrase.key.split()
    return 2 <= len(keys) <= 4 and bool(single.words & set(keys))


@dataclass(slots=True)
class _Heard:
    """A phrase with all its spellings, the members that say it, and what it counts for at best."""

    key: str
    spellings: Counter[str]
    rows: set[int]
    counts: float


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """What a phrase is judged against: the group's size, words, middle and feeling."""

    n_central: int
    word_worth: Mapping[str, float]
    middle: Floats
    feeling: npt.NDArray[np.float64]


def _heard(corpus: _Corpus, central: Sequence[int]) -> dict[str, _Heard]:
    heard: dict[str, _Heard] = {}
    for row in central:
        for text, key, counts in corpus.pieces(row):
            phrase = heard.setdefault(key, _Heard(key, Counter(), set(), PART))
            phrase.spellings[text] += 2 if counts > PART else 1
            phrase.rows.add(row)
            phrase.counts = max(phrase.counts, counts)
    return heard


def _judge(corpus: _Corpus, group: _Group, phrase: _Heard) -> _Candidate:
    """Return the phrase in its commonest spelling with its worth (docs/decisions/0043)."""
    text = min(phrase.spellings, key=lambda t: (-phrase.spellings[t], len(t), t))
    words = frozenset(_keys(text))
    worths = sorted((group.word_worth.get(w, 0.0) for w in words), reverse=True)
    telling = sum(0.7**place * worth for place, worth in enumerate(worths))
    share = len(phrase.rows) / group.n_central
    members = np.fromiter(sorted(phrase.rows), dtype=np.int64)
    near = _cosine(corpus.vectors[members].mean(axis=0), group.middle)
    clash = float(np.abs(_feeling(corpus, members) - group.feeling).sum()) / 2
    worth = (telling + share) * near * (1 - clash) ** 2 * LENGTH_BONUS[len(text.split())]
    return _Candidate(text, words, worth * phrase.counts)


def _common_words(corpus: _Corpus, rows: Rows) -> frozenset[str]:
    """Return the words that enough members use: a name is neither one person's story nor a typo."""
    matrix, words = corpus.counts
    if matrix is None:
        return frozenset()
    uses = np.asarray(matrix[rows].sum(axis=0)).ravel()
    enough = max(2.0, COMMON * len(rows)) if len(rows) > 3 else 1.0
    return frozenset(words[uses >= enough])


def _word_worth(corpus: _Corpus, rows: Rows) -> dict[str, float]:
    """Return for each word of the group how much it tells the group from all mentions.

    Share in the group times the log of share in the group over share in all (one word's part of
    the Kullback-Leibler divergence); words no commoner here than elsewhere are worth 0.
    """
    matrix, words = corpus.counts
    if matrix is None:
        return {}
    own = np.asarray(matrix[rows].sum(axis=0)).ravel()
    here = own / len(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(own > 0, here * np.log(here / corpus.share), 0.0)
    used = np.flatnonzero(own)
    return dict(zip(words[used], worth[used].clip(0.0).tolist(), strict=True))


def _own_words(corpus: _Corpus, rows: Rows) -> list[str]:
    worths = _word_worth(corpus, rows)
    return sorted((w for w in worths if worths[w] > 0), key=lambda w: (-worths[w], w))


def _central(corpus: _Corpus, rows: Rows) -> list[int]:
    """Return the `MOST_NEAR` rows nearest to the middle, from there outwards, each text once."""
    middle = corpus.vectors[rows].mean(axis=0)
    first: dict[str, int] = {}
    for row in rows.tolist():
        kept = first.setdefault(_fold(corpus.texts[row]), row)
        if corpus.ids[row] < corpus.ids[kept]:
            first[_fold(corpus.texts[row])] = row
    distinct = np.fromiter(first.values(), dtype=np.int64)
    distance = -np.round((corpus.vectors[distinct] @ middle).astype(np.float64), 4)
    if len(distinct) > MOST_NEAR:
        within = distance <= np.partition(distance, MOST_NEAR - 1)[MOST_NEAR - 1]
        distinct, distance = distinct[within], distance[within]
    near = zip(distance.tolist(), distinct.tolist(), strict=True)
    ordered = sorted((far, corpus.texts[row], corpus.ids[row], row) for far, row in near)
    return [row for *_, row in ordered]


def _exemplars(corpus: _Corpus, rows: Rows) -> list[str]:
    low, high = EXEMPLAR_LETTERS
    central = _central(corpus, rows)
    fits = {row: low <= len(corpus.texts[row]) <= high for row in central}
    chosen = sorted(central, key=lambda row: not fits[row])[:N_EXEMPLARS]
    return [corpus.ids[row] for row in chosen]


def _terms(
    corpus: _Corpus, topic: str, rows: Rows, given: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the topic's terms that occur in its members; its own words where none were given."""
    near = _central(corpus, rows)
    present = {word.lower() for row in near for word in _TOKEN.findall(corpus.texts[row])}
    known = [term for term in given.get(topic, ()) if term.lower() in present]
    return (known or _own_words(corpus, rows))[:N_TERMS]


def _feeling(corpus: _Corpus, rows: Rows) -> npt.NDArray[np.float64]:
    """Return the shares of negative, neutral and positive among the rows; zeros if unknown."""
    total = corpus.feelings[rows].sum(axis=0)
    known = total.sum()
    shares: npt.NDArray[np.float64] = total / max(known, 1.0)
    return shares


def _cosine(one: Floats, other: Floats) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(float(one @ other) / length, 0.0) if length else 0.0


def _pieces(
    text: str, phrases: Mapping[str, tuple[tuple[str, float], ...]]
) -> Iterable[tuple[str, str, float]]:
    """Yield readable phrases of a mention as (words, key, what it counts for)."""
    clauses = [_TOKEN.findall(clause) for clause in _BREAK.split(text)]
    for phrase, counts in phrases.get(text, ()):
        words = _trim(_TOKEN.findall(phrase))
        if _readable(words) and any(_stands_in(words, clause) for clause in clauses):
            yield _spoken(words), _joint_key(words), counts
    for clause in clauses:
        said = _said(clause)
        for part in _sequences(clause):
            whole = len(part) in {len(_trim(clause)), len(said)} and part[-1] == clause[-1]
            yield _spoken(part), _joint_key(part), WHOLE if whole else PART


def _counts(phrase: Phrase) -> float:
    return TOLD if phrase.kind == "trouble" else WHOLE


def _stands_in(words: Sequence[str], clause: Sequence[str]) -> bool:
    """Return whether the words stand together in the clause, with no "not" before them cut off."""
    wanted = [_plain(w) for w in words]
    spoken = [w for w in map(_plain, clause) if w not in _ARTICLE]
    for start in range(len(spoken) - len(wanted) + 1):
        if spoken[start : start + len(wanted)] == wanted:
            return not _negated(spoken, start)
    return False


def _sequences(clause: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield the word sequences of a clause that could be a name."""
    for start in range(len(clause)):
        if not _may_start(clause, start):
            continue
        for size in range(1, min(6, len(clause) - start) + 1):
            part = clause[start : start + size]
            after = [_plain(word) for word in clause[start + size :]]
            if _readable(part, closes=not after) and not (
                len(after) == 1 and _PARTICLES & {*after}
            ):
                yield part


def _may_start(clause: Sequence[str], start: int) -> bool:
    """Return whether a name may start here: "does not work", never "not work" cut out of it."""
    word = _plain(clause[start])
    if _negated(clause, start):
        return False
    if word == "not":
        return start == 0 or _plain(clause[start - 1]) not in _BEFORE_NOT
    if word in _FAILS and start + 1 < len(clause):
        return _plain(clause[start + 1]) == "not"
    return word not in _BAD_START


def _joint_key(words: Sequence[str]) -> str:
    """Return the keys of the content words as one; "log", "log in" and "can't log in" are three."""
    turned = [NEGATED] if any(_turns(_plain(word)) for word in words) else []
    ending = [word for word in map(_plain, words[-1:]) if word in _PARTICLES]
    return " ".join([*turned, *filter(None, map(_key, words)), *ending])


def _content(key: str) -> set[str]:
    """Return the content words of a joint key."""
    return set(key.split()) - _PARTICLES - {NEGATED}


def _spoken(words: Sequence[str]) -> str:
    """Return the words in lower case, short capitals kept ("ATM", "NHS")."""
    return " ".join(w if w.isupper() and 1 < len(w) <= 5 else w.lower() for w in words)


def _negated(words: Sequence[str], start: int) -> bool:
    """Return whether a "not" shortly before would be cut off, which turns the sense round."""
    before = map(_plain, words[max(0, start - 4) : start])
    return any(map(_turns, before))


def _turns(word: str) -> bool:
    return word in _NOT or word.endswith("n't")


def _plain(word: str) -> str:
    return word.lower().replace("\u2019", "'")


def _trim(words: list[str]) -> list[str]:
    start = next((i for i, w in enumerate(words) if w.lower() not in _ARTICLE), len(words))
    return words[start:]


def _said(clause: Sequence[str]) -> Sequence[str]:
    """Return the clause without who says it: "can't log in" of "but I still can't log in"."""
    start = next((i for i, w in enumerate(clause) if _plain(w) not in _OPENING), len(clause))
    return clause[start:]


def _readable(words: Sequence[str], *, closes: bool = False) -> bool:
    """Return whether the words read as a name: no loose ends, no doubles, nothing rude.

    A clause may close with "in" ("can't log in"), where it is no preposition.
    """
    low = [_plain(w) for w in words]
    return (
        1 <= len(low) <= 6
        and (low[0] not in _BAD_START or (low[0] in _FAILS and low[1:2] == ["not"]))
        and (low[-1] not in _BAD_END or (closes and low[-1] in _PARTICLES))
        and len(set(low)) == len(low)
        and not any(w in _RUDE or w in _PERSONAL for w in low)
        and any(_key(w) for w in low)
        and not (len(low) == 1 and low[0] in _ALONE)
        and all(len(w) > 1 for w in low)
    )


def _keys(text: str) -> list[str]:
    """Return the keys of the content words of a text, in their order."""
    return [key for word in _TOKEN.findall(_BREAK.sub(" . ", text)) if (key := _key(word))]


@cache
def _key(word: str) -> str:
    """Return one key for "app" and "apps", "charge" and "charged"; "" for words without content."""
    low = _plain(word).removesuffix("'s")
    if low in _STOP or len(low) < 2:
        return ""
    for ending, instead in _ENDINGS:
        if low.endswith(ending) and len(low) - len(ending) >= 3:
            return low.removesuffix(ending) + instead
    return low


def _fold(text: str) -> str:
    return " ".join(text.lower().split())


def _title(name: str) -> str:
    plain = " ".join(name.split())
    return plain[:1].upper() + plain[1:]


_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("s", ""))
_ARTICLE_WORDS = "a an any her his its my our some that the their these this those your"
_ARTICLE = frozenset(_ARTICLE_WORDS.split())
_ALONE_WORDS = (
    "hurry loud visited worse wrong felt "
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
    "half third fourth fifth dozen couple several hundred thousand twice "
    "lb lbs kg kgs oz ft inch inches cm mm mile miles km pound pounds dollar dollars euro euros usd gbp"
)
_MEASURES = frozenset(_MEASURE_WORDS.split())
"""How much or how long: no name begins with it."""
_NOT_WORDS = (
    "cannot cant couldnt didnt doesnt dont hardly isnt neither never no none nor not nothing "
    "wasnt without wont"
)
_NOT = frozenset(_NOT_WORDS.split())
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
_PARTICLES = frozenset({"back", "down", "in", "off", "out", "up"})
_BEFORE_NOT = frozenset({"can", "could", "did", "do", "does", "will", "would"})
_FAILS = _BEFORE_NOT - {"do", "would"}
"""What may open a name before "not": "do not buy" is advice, "does not open" a failure."""
_LEFT_OPEN_WORDS = (
    "good very bad great ask asks brings gives lets offers sends shows tell tells told wants"
)
_BAD_END = _STOP - frozenset(_MAY_END_WORDS.split()) | frozenset(_LEFT_OPEN_WORDS.split())
_BAD_START_WORDS = "ago aside be been had has is unfortunately was were"
_MAY_START_WORDS = (
    "being getting having no not never unable can't cannot cant couldn't couldnt didn't didnt "
    "doesn't doesnt won't wont"
)
_BAD_START = (
    _STOP - frozenset(_MAY_START_WORDS.split()) | frozenset(_BAD_START_WORDS.split()) | _MEASURES
)

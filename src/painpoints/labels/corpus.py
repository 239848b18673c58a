"""The mentions that names are read off, and the groups of them that get names.

Everything that choosing a name asks of a mention or a group is found once and kept.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints.domain import Sentiment
from painpoints.errors import TableError
from painpoints.labels import wording

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

MOST_NEAR = 1_000
"""Members of a group that anything is read off: the nearest to its middle."""
MOST_MEMBERS = 100
"""Members of a group that word sequences are taken from: the nearest to its middle."""
MANY = 2_000
"""Mentions from which a word that one of them uses is taken for a typing error."""
LONG = 6
"""Letters from which a word that differs by one from another is taken for a typing error of it."""
COMMON = 0.05
"""Share of the members that use a word which may stand in the name."""

TILT = 0.5
"""How far the middle of a wholly negative group is tilted towards complaint before names are read
by themselves."""


class Phrase(Protocol):
    """What `segment` finds: the words as written."""

    @property
    def text(self) -> str:
        """Return the words as the customer wrote them."""

    @property
    def kind(self) -> str:
        """Return "trouble" for a subject with what it does or is; what else there is, is one's own."""


FindPhrases = Callable[[Sequence[str]], Sequence[Sequence[Phrase]]]
"""Returns the phrases of each text; asked for typical members alone, for no text twice."""
Listen = Callable[[Sequence[str]], tuple[Floats, Floats]]
"""Reads texts by themselves, as the mentions were read: returns their vectors, and how likely each
`Sentiment` is, (n, 3); asked once per set of groups."""
Piece = tuple[str, str, float]


class Corpus:
    """Mentions as rows, with what naming needs of them.

    Raises:
        TableError: when mentions and vectors differ in length.
    """

    def __init__(
        self,
        mentions: pl.DataFrame,
        vectors: Floats,
        phrases: FindPhrases | None,
        listen: Listen | None,
    ) -> None:
        if mentions.height != len(vectors):
            raise TableError(f"labels: {mentions.height} mentions but {len(vectors)} vectors")
        self.ids: list[str] = mentions["mention_id"].to_list()
        self.texts: list[str] = mentions["text"].to_list()
        self.vectors = vectors
        self.listen = listen
        self.feelings = np.zeros((mentions.height, 3))
        if "sentiment" in mentions.columns:
            for column, name in enumerate(Sentiment):
                self.feelings[:, column] = (mentions["sentiment"] == name).to_numpy()
        self._mentions = mentions
        self._find = phrases
        self._phrases: dict[str, tuple[tuple[str, float], ...]] = {}
        self._pieces: dict[str, tuple[Piece, ...]] = {}

    def parse(self, rows: Sequence[int]) -> None:
        """Have the phrases of the rows found, those that are not known yet."""
        if self._find is None:
            return
        texts = sorted({self.texts[row] for row in rows} - self._phrases.keys())
        for text, found in zip(texts, self._find(texts) if texts else (), strict=True):
            self._phrases[text] = tuple((phrase.text, _counts(phrase)) for phrase in found)
            self._pieces.pop(text, None)

    def pieces(self, row: int) -> tuple[Piece, ...]:
        """Return what could name a mention; each text is read once."""
        text = self.texts[row]
        if text not in self._pieces:
            self._pieces[text] = tuple(wording.pieces(text, self._phrases))
        return self._pieces[text]

    @cached_property
    def counts(self) -> tuple[Any, npt.NDArray[np.object_]]:
        """Return which mention has which content word: sparse (n, n_words) of 0/1, and the words."""
        from sklearn.feature_extraction.text import CountVectorizer

        if not any(wording.keys(text) for text in self.texts):
            return None, np.array([], dtype=object)
        counter = CountVectorizer(analyzer=wording.keys, binary=True)
        return counter.fit_transform(self.texts).tocsr(), counter.get_feature_names_out()

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the content words; of many mentions those that two use, which leaves typos out.

        Of few mentions a word that one uses is a typo where another, a letter apart, is used by more.
        """
        matrix, words = self.counts
        if matrix is None:
            return frozenset()
        several = np.asarray(matrix.sum(axis=0)).ravel() > 1
        often = frozenset(words[several])
        if len(self.texts) >= MANY:
            return often
        spelt = {shorter for word in often if len(word) >= LONG for shorter in _shorter(word)}
        once = words[~several]
        typos = {
            word for word in once if len(word) >= LONG and not spelt.isdisjoint(_shorter(word))
        }
        return often | frozenset(once) - typos

    @cached_property
    def share(self) -> npt.NDArray[np.float64]:
        """Return the share of all mentions that have each word."""
        matrix, _ = self.counts
        return np.asarray(matrix.mean(axis=0)).ravel()

    @cached_property
    def middle(self) -> Floats:
        """Return what all mentions have in common, (dim,)."""
        middle: Floats = self.vectors.mean(axis=0)
        return middle

    @cached_property
    def lean(self) -> Floats:
        """Return the unit direction from praise to complaint, (dim,); zeros where one is missing."""
        negative, positive = self.feelings[:, 0] > 0, self.feelings[:, 2] > 0
        if not negative.any() or not positive.any():
            return np.zeros(self.vectors.shape[1], np.float32)
        return direction(self.vectors[negative].mean(axis=0) - self.vectors[positive].mean(axis=0))

    @cached_property
    def order(self) -> tuple[Rows, Rows, Rows]:
        """Return each row's place among the texts, among the texts as compared, among the ids."""
        folded = pl.Series([wording.fold(text) for text in self.texts], dtype=pl.String)
        columns = (self._mentions["text"], folded, self._mentions["mention_id"])
        text, fold, id_ = (one.rank("dense").cast(pl.Int64).to_numpy() for one in columns)
        return text, fold, id_

    def rows_of(self, ids: Sequence[str]) -> Rows:
        """Return the rows of mention ids, each once, in their order in the corpus."""
        return np.array(sorted({self._row_of[one] for one in ids}), dtype=np.int64)

    def unknown(self, ids: Sequence[str]) -> bool:
        """Return whether one of the ids is no mention's here."""
        return any(one not in self._row_of for one in ids)

    def rows_by(self, column: str) -> dict[str, Rows]:
        """Return the rows of each value of a column, the commonest first; missing ones in none."""
        grouped = (
            self._mentions.select(column, row=pl.int_range(pl.len()))
            .drop_nulls(column)
            .group_by(column)
            .agg("row")
            .sort(pl.col("row").list.len(), column, descending=[True, False])
        )
        return {name: np.array(rows, dtype=np.int64) for name, rows in grouped.iter_rows()}

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {one: row for row, one in enumerate(self.ids)}


def _shorter(word: str) -> set[str]:
    """Return the word and what is left of it without one letter: words a slip apart share one."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


class Group:
    """Some mentions of a corpus that are to have one name."""

    def __init__(self, corpus: Corpus, rows: Rows) -> None:
        self.corpus = corpus
        self.rows = rows

    @cached_property
    def middle(self) -> Floats:
        """Return the mean vector of the members, (dim,)."""
        middle: Floats = self.corpus.vectors[self.rows].mean(axis=0)
        return middle

    @cached_property
    def feeling(self) -> npt.NDArray[np.float64]:
        """Return the shares of negative, neutral and positive among the members; zeros if unknown."""
        return feeling(self.corpus, self.rows)

    @cached_property
    def central(self) -> list[int]:
        """Return the `MOST_NEAR` rows nearest to the middle, from there outwards, each text once."""
        text, fold, id_ = self.corpus.order
        ordered = self.rows[np.lexsort((id_[self.rows], fold[self.rows]))]
        _, first = np.unique(fold[ordered], return_index=True)
        distinct = ordered[first]
        near = (self.corpus.vectors[distinct] @ self.middle).astype(np.float64)
        by_distance = np.lexsort((id_[distinct], text[distinct], -np.round(near, 4)))
        central: list[int] = distinct[by_distance][:MOST_NEAR].tolist()
        return central

    @property
    def typical(self) -> Sequence[int]:
        """Return the rows that word sequences are taken from."""
        return self.central[:MOST_MEMBERS]

    @cached_property
    def denied(self) -> dict[str, float]:
        """Return of each content word the share of the typical members who speak of it that deny it."""
        told: dict[str, list[bool]] = {}
        for row in self.typical:
            said, denied = wording.polarity(self.corpus.texts[row])
            for key in said | denied:
                told.setdefault(key, []).append(key in denied)
        return {key: sum(each) / len(each) for key, each in told.items()}

    @cached_property
    def worth(self) -> dict[str, float]:
        """Return for each word of the group how much it tells the group from all mentions.

        Share in the group times the log of share in the group over share in all (one word's part
        of the Kullback-Leibler divergence); words no commoner here than elsewhere are worth 0.
        """
        matrix, words = self.corpus.counts
        if matrix is None:
            return {}
        used = np.flatnonzero(self._uses)
        here = self._uses[used] / len(self.rows)
        worth = here * np.log(here / self.corpus.share[used])
        return dict(zip(words[used], worth.clip(0.0).tolist(), strict=True))

    @cached_property
    def own_words(self) -> list[str]:
        """Return the words that tell the group from all mentions, the most telling first."""
        telling = (word for word, worth in self.worth.items() if worth > 0)
        return sorted(telling, key=lambda word: (-self.worth[word], word))

    @cached_property
    def common(self) -> frozenset[str]:
        """Return the words that enough members use: a name is neither one person's story nor a typo."""
        matrix, words = self.corpus.counts
        if matrix is None:
            return frozenset()
        enough = max(2.0, COMMON * len(self.rows)) if len(self.rows) > 3 else 1.0
        return frozenset(words[self._uses >= enough])

    @cached_property
    def tilted(self) -> Floats:
        """Return the middle, off what all have in common, tilted towards the group's feeling."""
        own = direction(self.middle - self.corpus.middle)
        negative, _, positive = self.feeling
        return own + np.float32(TILT * (negative - positive)) * self.corpus.lean

    @cached_property
    def _uses(self) -> npt.NDArray[np.float64]:
        """Return how many members use each word."""
        matrix, _ = self.corpus.counts
        return np.bincount(matrix[self.rows].indices, minlength=matrix.shape[1]).astype(float)


def feeling(corpus: Corpus, rows: Rows) -> npt.NDArray[np.float64]:
    """Return the shares of negative, neutral and positive among the rows; zeros if unknown."""
    total = corpus.feelings[rows].sum(axis=0)
    shares: npt.NDArray[np.float64] = total / max(total.sum(), 1.0)
    return shares


def direction(vector: Floats) -> Floats:
    """Return the vector at length one; zeros stay zeros."""
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


def cosine(one: Floats, other: Floats) -> float:
    """Return the cosine of two vectors, 0 where they point apart or one is nothing."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(float(one @ other) / length, 0.0) if length else 0.0


def _counts(phrase: Phrase) -> float:
    return wording.TOLD if phrase.kind == "trouble" else wording.WHOLE

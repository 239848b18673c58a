"""Topics and findings get names a person would write: unique, and made of what members say.

A name is a phrase found in the members, chosen for what sets the group apart, how many members
it stands for, how near those are to the middle of the group, and how it reads; no two names are
the same and none speaks against the feeling of its members. Which mention belongs to which topic
is `painpoints.topics`' affair; phrases come from `segment`, or plain word sequences stand in.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from painpoints.errors import TableError
from painpoints.labels import names, wording
from painpoints.labels.corpus import Corpus, FindPhrases, Floats, Group, Listen, Rows
from painpoints.labels.wording import TOKEN

__all__ = ["Namer"]

MOST_PARSED = 15
"""Members of a group whose phrases are asked for; finding phrases is slow."""
N_EXEMPLARS = 5
N_TERMS = 10
EXEMPLAR_LETTERS = (20, 240)
"""A typical mention is long enough to say something and short enough to be read."""


class Namer:
    """Names groups of the mentions it was given; what it read for one set serves the next.

    >>> table = pl.DataFrame({"mention_id": ["a"], "text": ["App crashes"], "topic_id": ["t"]})
    >>> Namer(table, np.ones((1, 1), np.float32)).groups({"mine": ["a"]})
    {'mine': 'App crashes'}
    """

    def __init__(
        self,
        mentions: pl.DataFrame,
        vectors: Floats,
        phrases: FindPhrases | None = None,
        listen: Listen | None = None,
    ) -> None:
        """Take the mentions; nothing is read off them yet.

        Args:
            mentions: mention_id, text, topic_id; sentiment, where it is there, guards against
                names that contradict.
            vectors: (n_mentions, dim) float32, unit rows.
            phrases: finds phrases in texts; None takes word sequences alone.
            listen: reads phrases as the mentions were read, so that names are chosen which are
                understood alone and sound as the group feels; None goes by the words of the members.

        Raises:
            TableError: when mentions and vectors differ in length.
        """
        self._corpus = Corpus(mentions, vectors, phrases, listen)

    def topics(
        self,
        *,
        terms: Mapping[str, Sequence[str]] | None = None,
        parents: Mapping[str, str | None] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> pl.DataFrame:
        """Return topic_id, label, terms, exemplar_ids of every topic that a mention carries.

        Args:
            terms: for each topic, by c-TF-IDF; None takes the words that set the topic apart.
            parents: topic to parent; parents get a name from the mentions of all their topics.
            kept: names that topics keep from an earlier run.
        """
        own = self._corpus.rows_by("topic_id")
        groups = {t: Group(self._corpus, rows) for t, rows in own.items()}
        broader = {t: Group(self._corpus, rows) for t, rows in _joined(own, parents or {}).items()}
        everything = groups | broader
        named = {t: name for t, name in (kept or {}).items() if t in everything}
        self._parse(everything)
        for some in (groups, broader):
            unnamed = {t: group for t, group in some.items() if t not in named}
            named |= names.choose(self._corpus, unnamed, list(named.values()))
        rows = [
            (t, named[t], _terms(group, (terms or {}).get(t, ())), _exemplars(group))
            for t, group in everything.items()
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def groups(
        self, groups: Mapping[str, Sequence[str]], *, taken: Sequence[str] = ()
    ) -> dict[str, str]:
        """Return a name for each group of mention ids (a finding's evidence), unique among them.

        None is one of the names `taken`.

        Raises:
            TableError: when a group is empty or names an unknown mention.
        """
        bad = [g for g, ids in groups.items() if not ids or self._corpus.unknown(ids)]
        if bad:
            raise TableError(
                f"labels: {len(bad)} groups are empty or hold unknown mentions: {bad[:5]}"
            )
        found = {g: Group(self._corpus, self._corpus.rows_of(ids)) for g, ids in groups.items()}
        self._parse(found)
        return names.choose(self._corpus, found, taken)

    def said(self, name: str, ids: Sequence[str]) -> bool:
        """Return whether one of the mentions says all that a name says."""
        wanted = set(wording.keys(name))
        texts = self._corpus.texts
        return any(wanted <= set(wording.keys(texts[row])) for row in self._corpus.rows_of(ids))

    def _parse(self, groups: Mapping[str, Group]) -> None:
        self._corpus.parse([row for g in groups.values() for row in g.central[:MOST_PARSED]])


_SCHEMA = pl.Schema(
    [
        ("topic_id", pl.String()),
        ("label", pl.String()),
        ("terms", pl.List(pl.String())),
        ("exemplar_ids", pl.List(pl.String())),
    ]
)


def _joined(groups: Mapping[str, Rows], parents: Mapping[str, str | None]) -> dict[str, Rows]:
    joined: dict[str, list[Rows]] = {}
    for topic, rows in groups.items():
        parent = parents.get(topic)
        if parent is not None:
            joined.setdefault(parent, []).append(rows)
    return {parent: np.sort(np.concatenate(rows)) for parent, rows in joined.items()}


def _exemplars(group: Group) -> list[str]:
    low, high = EXEMPLAR_LETTERS
    fits = {row: low <= len(group.corpus.texts[row]) <= high for row in group.central}
    chosen = sorted(group.central, key=lambda row: not fits[row])[:N_EXEMPLARS]
    return [group.corpus.ids[row] for row in chosen]


def _terms(group: Group, given: Sequence[str]) -> list[str]:
    """Return the given terms that occur in the members; the group's own words where none do."""
    said = "\n".join(group.corpus.texts[row] for row in group.central).lower()
    present = set(TOKEN.findall(said))
    known = [term for term in given if term.lower() in present]
    return (known or group.own_words)[:N_TERMS]

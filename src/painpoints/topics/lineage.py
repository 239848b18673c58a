"""What became of each topic between two fits: ids are handed to the topics that continue them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from painpoints.topics.model import TopicModel, check_dim, stable_id
from painpoints.topics.vectors import Floats, unit

ALIKE = 0.75
"""Cosine from which two centroids of the same encoder are the same topic."""


@dataclass(frozen=True, slots=True)
class Descent:
    """One line of the lineage file: what became of a topic between two fits.

    verdict: kept (same id), merged (went into `topic_id` with others), split (the larger part
             keeps the id, this one is a new part of `old_id`), new, or retired.
    cosine:  of the two centroids; None where there is no counterpart.
    """

    old_id: str | None
    topic_id: str | None
    verdict: str
    cosine: float | None


def match(old: TopicModel, new: TopicModel) -> tuple[TopicModel, tuple[Descent, ...]]:
    """Return `new` with the ids of the old topics it continues, and the lineage.

    One-to-one by the cosine of centroids, both off the new center, the most alike first.

    Raises:
        ModelError: when the two were not made by the same encoder.
    """
    check_dim(old.centroids, new.grid)
    cosine = unit(old.centroids + old.center - new.center) @ new.centroids.T
    close = np.where(cosine >= ALIKE, cosine, -1.0)
    kept = _kept(close)
    renamed = {new.topic_ids[n]: old.topic_ids[o] for n, o in kept.items()}
    taken = set(old.topic_ids)
    ids = [
        renamed.get(t) or (t if t not in taken else stable_id("t", [t, "new"]))
        for t in new.topic_ids
    ]
    parents = _same_parents(old, new, kept)
    lines = [_descent_of_new(old, name, kept.get(n), close[:, n]) for n, name in enumerate(ids)]
    gone = sorted(set(range(len(old.topic_ids))) - set(kept.values()))
    lines += [_descent_of_old(old.topic_ids[o], ids, close[o]) for o in gone]
    return replace(new, topic_ids=tuple(ids), parent_ids=parents), tuple(lines)


def _kept(close: Floats) -> dict[int, int]:
    """Return the old topic that each new one continues; `close`: (n_old, n_new), -1 if unlike.

    The most alike first: a larger sum over all pairs would take its id from a topic that stayed.
    """
    kept: dict[int, int] = {}
    left = close.copy()
    while left.size and left.max() > 0:
        o, n = np.unravel_index(left.argmax(), left.shape)
        kept[int(n)] = int(o)
        left[o], left[:, n] = -1.0, -1.0
    return kept


def _descent_of_new(old: TopicModel, new_id: str, kept: int | None, close: Floats) -> Descent:
    """Tell where a new topic came from; `close` holds its cosine to each old one, -1 if unlike."""
    if kept is not None:
        return Descent(old.topic_ids[kept], new_id, "kept", float(close[kept]))
    if len(close) and close.max() > 0:
        return Descent(old.topic_ids[int(close.argmax())], new_id, "split", float(close.max()))
    return Descent(None, new_id, "new", None)


def _descent_of_old(old_id: str, ids: Sequence[str], close: Floats) -> Descent:
    """Tell where an old topic went that no new one continues."""
    if len(close) and close.max() > 0:
        return Descent(old_id, ids[int(close.argmax())], "merged", float(close.max()))
    return Descent(old_id, None, "retired", None)


def _same_parents(
    old: TopicModel, new: TopicModel, kept: Mapping[int, int]
) -> tuple[str | None, ...]:
    """Return the new parents, renamed to the old parent that most of their kept topics had."""
    votes: dict[str, Counter[str]] = {}
    for n, o in kept.items():
        mine, theirs = new.parent_ids[n], old.parent_ids[o]
        if mine is not None and theirs is not None:
            votes.setdefault(mine, Counter())[theirs] += 1
    renamed: dict[str, str] = {}
    for mine, counts in sorted(votes.items(), key=lambda item: (-max(item[1].values()), item[0])):
        free = [name for name in counts if name not in renamed.values()]
        if free:
            renamed[mine] = min(free, key=lambda name: (-counts[name], name))
    return tuple(renamed.get(p, p) if p is not None else None for p in new.parent_ids)

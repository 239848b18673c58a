"""How the feedback added to a run differs from what the run was made of.

Looks at the share of mentions that no topic holds, and at how topics, stages and sentiments are
distributed. Says when the topics should be found anew; does not find them.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from painpoints.domain import Drift, Reason

SOME, MUCH = 0.1, 0.25
"""Population stability index from which a distribution has moved somewhat, or much (Siddiqi 2006,
"Credit Risk Scorecards")."""

SURE, MORE = 0.01, 2.0
"""A change is told where chance would give it less often than the first; the share of mentions that no
topic holds must also be that many times the expected one."""

LOOKED_AT = ("topic_id", "stage", "sentiment", "type")

FLOOR = 0.0005
"""Least share of a class in the index, so that one that is missing on a side does not make it infinite."""


def compare(before: pl.DataFrame, added: pl.DataFrame, *, n_repeated: int = 0) -> Drift:
    """Return how the mentions `added` differ from those `before`.

    Args:
        before: MENTIONS of the earlier run.
        added: MENTIONS of the new feedback, labelled and assigned by that run's models.
        n_repeated: feedbacks that the run held already.
    """
    from scipy.stats import binom

    novel, topical = _novel(added)
    expected = _expected_novel(before)
    p = float(binom.sf(novel - 1, topical, expected)) if topical else 1.0
    now = novel / topical if topical else 0.0
    stability = {name: _stability(before[name], added[name]) for name in LOOKED_AT}
    return Drift(
        n_feedback=added["feedback_id"].n_unique(),
        n_repeated=n_repeated,
        n_mentions=added.height,
        novel_ids=tuple(added.filter(_is_novel())["mention_id"]),
        novel=now,
        novel_expected=expected,
        novel_p=p,
        stability=stability,
        verdict=_verdict(stability, more_novel=p < SURE and now > MORE * expected),
    )


def _expected_novel(before: pl.DataFrame) -> float:
    """Return the share of new mentions that no topic would hold if nothing had changed.

    A topic holds what is at least as like it as the least alike text that it was made of; one more
    text of the same kind is less alike than all n with chance 1 / (n + 1). The share that was left
    out already comes on top.
    """
    novel, topical = _novel(before)
    texts = (
        before.drop_nulls("topic_id")
        .group_by("topic_id")
        .agg(n_mentions=pl.len(), n=pl.col("text").n_unique())
    )
    missed = (texts["n_mentions"] / (texts["n"] + 1)).sum()
    return min(1.0, (novel + float(missed)) / topical) if topical else 1.0


def _is_novel() -> pl.Expr:
    return (pl.col("reason") == Reason.NOVEL.value).fill_null(value=False)


def _novel(mentions: pl.DataFrame) -> tuple[int, int]:
    """Return how many mentions no topic holds, and how many could be held by one."""
    novel = mentions.filter(_is_novel()).height
    return novel, novel + mentions["topic_id"].count()


def _stability(before: pl.Series, now: pl.Series) -> float:
    """Return the population stability index: sum over classes of (now - before) ln(now / before).

    0 where chance may have given it: divided by 1/n_before + 1/n_now it is about chi-squared with
    classes - 1 degrees of freedom if nothing has changed (Yurdakul & Naranjo 2020, "Statistical
    properties of the population stability index").
    """
    from scipy.stats import chi2

    counts = [side.drop_nulls().value_counts(name="n") for side in (before, now)]
    both = counts[0].join(counts[1], on=before.name, how="full", coalesce=True).fill_null(0)
    n_old, n_new = int(both["n"].sum()), int(both["n_right"].sum())
    if not n_old or not n_new:
        return 0.0
    old = (both["n"] / n_old).clip(FLOOR).to_numpy()
    new = (both["n_right"] / n_new).clip(FLOOR).to_numpy()
    index = float(((new - old) * np.log(new / old)).sum())
    by_chance = float(chi2.sf(index / (1 / n_old + 1 / n_new), both.height - 1))
    return index if by_chance < SURE else 0.0


def _verdict(stability: Mapping[str, float], *, more_novel: bool) -> str:
    """Return what the figures advise, in words."""
    if more_novel or stability["topic_id"] >= MUCH:
        return "what people speak of has changed: find topics anew with a full analysis"
    if max(stability.values()) >= SOME:
        return "the mix has moved somewhat; the topics still hold"
    return "as before"

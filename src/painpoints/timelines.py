"""Follow the score and the largest pains over the periods of the data, each with its interval.

A line is what it is at each period; whether the last step is a change is tested in `trends`, what
rises in `emerging`. Shares are of all people heard in a period. Draws nothing.
"""

from collections.abc import Collection
from datetime import datetime

import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import Estimate, Timeline, TrendLine, TrendPoint

MAX_PERIODS = 12
MAX_LINES = 5
LEAST_PERIODS = 3
MAX_EVIDENCE = 50


def follow(
    feedback: pl.DataFrame,
    members: pl.DataFrame,
    findings: pl.DataFrame,
    *,
    unit: str,
    every: str,
    now_to: datetime,
) -> Timeline | None:
    """Return the lines over the last 12 complete periods; None without any line.

    So where people were heard in fewer than 3 of them, or gave no score and no pain is ranked. A
    period in which nobody was heard has a point without a value.

    members:  kind, stage, topic_id, mention_id, feedback_id, as `findings.members` gives them.
    findings: the FINDINGS table; the five ranked pains of highest priority are followed.
    unit, every, now_to: of the periods, and where the last complete one ends; see `trends.Periods`.
    """
    start = pl.col("created_at").dt.truncate(every)
    heard = feedback.filter(pl.col("reason").is_null(), pl.col("created_at") < now_to).select(
        "feedback_id", start=start, who=tables.person().hash()
    )
    sizes = dict(heard.group_by("start").agg(pl.col("who").n_unique()).iter_rows())
    starts = _starts(sizes, every)
    if sum(at in sizes for at in starts) < LEAST_PERIODS:
        return None
    ranked = findings.filter(pl.col("kind") == "pain_point", pl.col("rank").is_not_null())
    first = ranked.sort("priority", "finding_id", descending=[True, False]).head(MAX_LINES)
    told = members.join(heard.select("feedback_id", "start", "who"), on="feedback_id")
    pains = tuple(_pain(row, told, starts, sizes) for row in first.iter_rows(named=True))
    measure, answers = points.headline(feedback) or (None, feedback.clear())
    answers = answers.with_columns(start=start).filter(pl.col("start").is_in(starts))
    if measure is None or answers.is_empty():
        return Timeline(unit, None, "", pains) if pains else None
    line = TrendLine("score", "", "", "", tuple(_score(measure, answers, at) for at in starts))
    return Timeline(unit, measure.survey, measure.name, (line, *pains))


def _starts(known: Collection[datetime], every: str) -> list[datetime]:
    """Return where the last periods start, also those that are not known."""
    if not known:
        return []
    grid = pl.datetime_range(min(known), max(known), interval=every, eager=True)
    return grid.tail(MAX_PERIODS).to_list()


def _pain(
    row: dict[str, str], told: pl.DataFrame, starts: list[datetime], sizes: dict[datetime, int]
) -> TrendLine:
    own = told.filter(kind="pain_point", stage=row["stage"], topic_id=row["topic_id"])
    found = []
    for start in starts:
        here = own.filter(pl.col("start") == start)
        ids = here["mention_id"].sort().head(MAX_EVIDENCE)
        share = _share(here["who"].n_unique(), sizes.get(start, 0))
        found.append(TrendPoint(start, share, tuple(ids)))
    return TrendLine("share", row["label"], row["stage"], row["topic_id"], tuple(found))


def _share(k: int, n: int) -> Estimate:
    if n == 0:
        return Estimate(None, None, None, 0)
    low, high = stats.wilson(k, n)
    return Estimate(k / n, float(low), float(high), n)


def _score(measure: surveys.Measure, answers: pl.DataFrame, start: datetime) -> TrendPoint:
    side = answers.filter(pl.col("start") == start)
    of = stats.sample(side["points"].to_numpy(), side["person"].to_numpy())
    if of.n_people == 0:
        return TrendPoint(start, Estimate(None, None, None, 0))
    low, high = stats.interval(of, measure.kind, low=measure.low, high=measure.high)
    return TrendPoint(start, Estimate(of.mean, low, high, of.n_people))

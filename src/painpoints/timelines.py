"""Follow the score and the largest pains over the periods of the data, each with its interval.

A line is what it is at each period; whether the last step is a change is tested in `trends`, what
rises in `emerging`. Shares are of all people heard in a period. Draws nothing.
"""

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

    So where people were heard in fewer than 3 periods, or gave no score and no pain is ranked.

    members:  kind, stage, topic_id, mention_id, feedback_id, as `findings.members` gives them.
    findings: the FINDINGS table; the five ranked pains of highest priority are followed.
    unit, every, now_to: of the periods, and where the last complete one ends; see `trends.Periods`.
    """
    start = pl.col("created_at").dt.truncate(every)
    heard = feedback.filter(pl.col("reason").is_null(), pl.col("created_at") < now_to).select(
        "feedback_id", start=start, who=tables.person().hash()
    )
    starts = heard["start"].unique().sort().tail(MAX_PERIODS).to_list()
    if len(starts) < LEAST_PERIODS:
        return None
    sizes = dict(heard.group_by("start").agg(pl.col("who").n_unique()).iter_rows())
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


def _pain(
    row: dict[str, str], told: pl.DataFrame, starts: list[datetime], sizes: dict[datetime, int]
) -> TrendLine:
    own = told.filter(kind="pain_point", stage=row["stage"], topic_id=row["topic_id"])
    found = []
    for start in starts:
        here = own.filter(pl.col("start") == start)
        n, k = sizes[start], here["who"].n_unique()
        low, high = stats.wilson(k, n)
        ids = here["mention_id"].sort().head(MAX_EVIDENCE)
        found.append(TrendPoint(start, Estimate(k / n, float(low), float(high), n), tuple(ids)))
    return TrendLine("share", row["label"], row["stage"], row["topic_id"], tuple(found))


def _score(measure: surveys.Measure, answers: pl.DataFrame, start: datetime) -> TrendPoint:
    side = answers.filter(pl.col("start") == start)
    of = stats.sample(side["points"].to_numpy(), side["person"].to_numpy())
    if of.n_people == 0:
        return TrendPoint(start, Estimate(None, None, None, 0))
    low, high = stats.interval(of, measure.kind, low=measure.low, high=measure.high)
    return TrendPoint(start, Estimate(of.mean, low, high, of.n_people))

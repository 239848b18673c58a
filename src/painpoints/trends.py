"""Compare the last complete period with the one before: findings, stages, scores.

Shares are of all people heard in a period, so that a survey sent to more people is no trend.
Tests are exact, corrected for how many there are, and a change must be large enough to matter.
Draws no line and knows no clock: the data say when they end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import ALL, UNTOLD, Change, period_name

UNITS = {"week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
Period = Literal["auto", "week", "month", "quarter", "year", "none"]
ENOUGH = 300
LEAST = 30
HISTORY = 5
STRAGGLING = 0.1
LAST_TENTH = {"week": "0d", "month": "3d", "quarter": "9d", "year": "36d"}
SHARE_TEST = "Fisher's exact test, Benjamini-Hochberg over stages"
TESTS = {
    "net": "z test of two net shares (adjusted Wald)",
    "share": "Fisher's exact test",
    "mean": "Welch's t test",
}
KINDS = {"remove_pain": "pain_point"}


@dataclass(frozen=True, slots=True)
class Periods:
    """Two periods that touch: [before_from, now_from) and [now_from, now_to), UTC.

    unit: week, month, quarter or year; now, before: as people read them, e.g. 2026-03.
    """

    unit: str
    before_from: datetime
    now_from: datetime
    now_to: datetime
    now: str
    before: str

    @property
    def every(self) -> str:
        """Return the unit as Polars writes it, e.g. 1mo."""
        return UNITS[self.unit]


def choose(feedback: pl.DataFrame, *, period: Period = "auto") -> Periods | None:
    """Return the last complete period and the one before it; None without two such.

    `auto` takes the shortest unit with 300 people in both periods, else the one with most people
    in the smaller period, at least 30. Data that are stamped by month or year alone are not
    compared by anything shorter. A period is complete when the data reach its last tenth; late
    stragglers do not reach it.
    """
    people = feedback.filter(pl.col("reason").is_null(), pl.col("created_at").is_not_null())
    dated = people.select(tables.person().hash().alias("person"), "created_at")
    if dated.is_empty() or period == "none":
        return None
    wanted = _units(dated["created_at"]) if period == "auto" else [str(period)]
    found = [(_smaller(dated, periods), periods) for periods in _candidates(dated, wanted)]
    if period != "auto":
        return next((periods for n, periods in found if n), None)
    enough = [periods for n, periods in found if n >= ENOUGH]
    if enough:
        return enough[0]
    n, best = max(found, key=lambda pair: pair[0], default=(0, None))
    return best if n >= LEAST else None


def with_history(feedback: pl.DataFrame, periods: Periods | None) -> Periods | None:
    """Return the periods to watch for what emerges: of the unit compared, or of a shorter one.

    The longest unit that the data hold `HISTORY` periods of; None without any.
    """
    if periods is None:
        return None
    dated = feedback.filter(pl.col("reason").is_null(), pl.col("created_at").is_not_null())
    fine = [unit for unit in _units(dated["created_at"]) if unit in UNITS]
    shorter = [unit for unit in fine if list(UNITS).index(unit) <= list(UNITS).index(periods.unit)]
    first_at = dated["created_at"].min()
    for found in reversed(list(_candidates(dated, shorter))):
        back = pl.lit(found.now_to).dt.offset_by(f"-{HISTORY}{found.every[1:]}")
        if first_at is not None and pl.select(back).item() >= first_at:
            return found
    return None


def _units(at: pl.Series) -> list[str]:
    """Return the units that the data's dates are fine enough for."""
    stamped_by_month = bool((at.dt.day() == 1).all()) and at.dt.truncate("1mo").n_unique() > 1
    stamped_by_year = stamped_by_month and bool((at.dt.month() == 1).all())
    return list(UNITS)[3 if stamped_by_year else 1 if stamped_by_month else 0 :]


def _candidates(dated: pl.DataFrame, units: list[str]) -> Iterator[Periods]:
    step = {"year": "1y", "month": "1mo"}.get(_units(dated["created_at"])[0], "1d")
    for unit in units:
        every = UNITS[unit]
        last = pl.col("created_at").max().dt.truncate(step).dt.offset_by(step)
        ends = last.dt.offset_by(LAST_TENTH[unit]).dt.truncate(every)
        starts = _punctual(dated, every).select(
            end=ends, now=ends.dt.offset_by(f"-{every}"), before=ends.dt.offset_by(f"-2{every[1:]}")
        )
        now_to, now_from, before_from = starts.row(0)
        names = period_name(now_from, unit), period_name(before_from, unit)
        yield Periods(unit, before_from, now_from, now_to, *names)


def _punctual(dated: pl.DataFrame, every: str) -> pl.DataFrame:
    """Return the last date of each period with a tenth of the answers of the median one, or more."""
    counted = dated.group_by(start=pl.col("created_at").dt.truncate(every)).agg(
        pl.col("created_at").max(), n=pl.len()
    )
    return counted.filter(pl.col("n") >= STRAGGLING * pl.col("n").median())


def _smaller(dated: pl.DataFrame, periods: Periods) -> int:
    """Return the people of the period with fewer of them."""
    late = _in_periods(dated, periods)
    return min(late.filter(late=side)["person"].n_unique() for side in (False, True))


def _in_periods(dated: pl.DataFrame, periods: Periods) -> pl.DataFrame:
    """Return the rows of both periods, with `late` saying which."""
    return _sided(dated, periods).drop_nulls("late")


def _sided(feedback: pl.DataFrame, periods: Periods) -> pl.DataFrame:
    """Return all rows, with `late` saying which period they are of; null for neither."""
    at = pl.col("created_at")
    both = (at >= periods.before_from) & (at < periods.now_to)
    return feedback.with_columns(late=pl.when(both).then(at >= periods.now_from))


def annotate(
    findings: pl.DataFrame,
    members: pl.DataFrame,
    feedback: pl.DataFrame,
    periods: Periods | None,
    *,
    min_people: int = 5,
    q: float = 0.05,
) -> pl.DataFrame:
    """Return the FINDINGS table with its trend columns filled; unchanged without periods.

    members: kind, stage, topic_id, feedback_id of the mentions of each finding, as
             `findings.members` gives them; an opportunity to remove a pain has the pain's trend.
    Fisher's exact test on people, Benjamini-Hochberg over all groups at `q`.
    """
    if periods is None or findings.is_empty():
        return findings
    heard = _heard(feedback, periods)
    groups = _people(members, heard, ["kind", "stage", "topic_id"])
    compared = _compared(groups, heard, min_people=min_people, q=q)
    trend_columns = ["trend", "trend_before", "trend_now", "trend_p"]
    keys = ["group_kind", "stage", "topic_id"]
    named = findings.drop(trend_columns).with_columns(
        group_kind=pl.coalesce("opportunity", "kind").replace(KINDS)
    )
    told = compared.rename({"kind": "group_kind"}).select(*keys, *trend_columns)
    joined = named.join(told, on=keys, how="left", maintain_order="left").with_columns(
        pl.col("trend").fill_null("too_few")
    )
    return tables.check(tables.FINDINGS, joined.select(tables.FINDINGS.schema().keys()))


def _heard(feedback: pl.DataFrame, periods: Periods) -> pl.DataFrame:
    """Return the analysed feedbacks of both periods: feedback_id, person, late."""
    analysed = feedback.filter(pl.col("reason").is_null(), pl.col("created_at").is_not_null())
    dated = analysed.select("feedback_id", "created_at", person=tables.person().hash())
    return _in_periods(dated, periods)


def _people(told: pl.DataFrame, heard: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the people of each group in both periods: keys, before, now."""
    joined = told.select(*keys, "feedback_id").join(heard, on="feedback_id", how="inner")
    return (
        joined.group_by(keys)
        .agg(
            before=pl.col("person").filter(~pl.col("late")).n_unique().cast(pl.Int64),
            now=pl.col("person").filter(pl.col("late")).n_unique().cast(pl.Int64),
        )
        .sort(keys)
    )


def _compared(
    groups: pl.DataFrame, heard: pl.DataFrame, *, min_people: int, q: float
) -> pl.DataFrame:
    """Add the share of each period, the corrected p, and the verdict."""
    n_before, n_now = (heard.filter(late=side)["person"].n_unique() for side in (False, True))
    before, now = groups["before"].to_numpy(), groups["now"].to_numpy()
    p, verdicts = stats.judged(before, n_before, now, n_now, min_people=min_people, q=q)
    return groups.with_columns(
        trend=pl.Series(verdicts, dtype=pl.String),
        trend_before=pl.col("before") / max(n_before, 1),
        trend_now=pl.col("now") / max(n_now, 1),
        trend_p=pl.Series(p, dtype=pl.Float64),
    )


def changes(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    periods: Periods | None,
    *,
    min_people: int = 5,
) -> dict[str, tuple[Change, ...]]:
    """Return what changed for each stage by its name, and for `all`; empty without periods.

    First the score (most answered kind first), then net sentiment, then, of stages, the share of
    people who speak of it. Holm's correction over stages within each of these. A score is told on
    the scale that most answers of all the feedback are on.
    """
    if periods is None:
        return {}
    return _compare(_sided(feedback, periods), mentions, min_people=min_people)


def between(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    *,
    min_people: int = 5,
) -> dict[str, tuple[Change, ...]]:
    """Return what `changes` returns, of two runs: `late` in `feedback` says which is the second."""
    return _compare(feedback, mentions, min_people=min_people)


def _compare(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    *,
    min_people: int,
) -> dict[str, tuple[Change, ...]]:
    """Compare both sides of `feedback`, told apart by its column `late`; null is on neither."""
    analysed = feedback.filter(pl.col("reason").is_null()).drop_nulls("late")
    heard = analysed.select("feedback_id", "late", person=tables.person().hash())
    spoken = mentions.filter(~pl.col("stage").is_in(UNTOLD)).select("feedback_id", "stage").unique()
    found: dict[str, list[Change]] = {}
    for measure, answers in _answers(feedback):
        staged = spoken.join(answers, on="feedback_id", how="inner", maintain_order="right")
        points = _with_all(staged, answers).unique(
            ["stage", "answer"], keep="first", maintain_order=True
        )
        ends = measure.low, measure.high
        _add(
            found, measure.survey, measure.kind, points, min_people, ends=ends, measure=measure.name
        )
    moods = _moods(mentions, heard)
    _add(found, "net_sentiment", "net", moods, min_people, ends=(-1, 1))
    for stage, change in _stage_shares(spoken, heard, min_people):
        found.setdefault(stage, []).append(change)
    return {stage: tuple(listed) for stage, listed in sorted(found.items())}


def _answers(feedback: pl.DataFrame) -> Iterator[tuple[surveys.Measure, pl.DataFrame]]:
    """Yield feedback_id, person, late and points of each survey kind, the most answered first."""
    scored = feedback.drop_nulls("score").select(
        *("feedback_id", "survey", "score", "score_max", "late"),
        answer=tables.answer(),
        person=tables.person().hash(),
    )
    for measure, answers in points.by_survey(scored):
        yield measure, answers.drop_nulls("late")


def _moods(mentions: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Return 1, 0 or -1 per person, stage (and `all`) and period: how they speak of it."""
    signs = {"positive": 1, "negative": -1}
    mood = pl.col("sentiment").replace_strict(signs, default=0, return_dtype=pl.Int32)
    told = mentions.select("feedback_id", "stage", mood=mood).join(heard, on="feedback_id")
    both = _with_all(told.filter(~pl.col("stage").is_in(UNTOLD)), told.drop("stage"))
    return both.group_by("stage", "person", "late", maintain_order=True).agg(
        points=pl.col("mood").sum().sign().cast(pl.Float64)
    )


def _with_all(staged: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    columns = [c for c in staged.columns if c != "stage"]
    parts = staged.select("stage", *columns), whole.select(pl.lit(ALL).alias("stage"), *columns)
    return pl.concat(parts)


def _add(
    found: dict[str, list[Change]],
    what: str,
    kind: stats.Kind,
    points: pl.DataFrame,
    min_people: int,
    *,
    ends: tuple[float, float],
    measure: str = "",
) -> None:
    """Test each stage of `points` (stage, person, late, points) and append the changes.

    ends: of the scale of the points.
    """
    low, high = ends
    pairs = {
        str(stage): (_sample(part, late=False), _sample(part, late=True))
        for (stage,), part in sorted(points.partition_by("stage", as_dict=True).items())
    }
    p = stats.holm(
        np.array(
            [
                stats.difference(now, before, kind, low=low, high=high)
                for before, now in pairs.values()
            ],
            np.float64,
        )
    )
    for (stage, (before, now)), corrected in zip(pairs.items(), p, strict=True):
        change = Change(
            before.mean if before.n_people else None,
            now.mean if now.n_people else None,
            float(corrected),
            f"{TESTS[kind]}, Holm over stages",
            _verdict(before, now, float(corrected), min_people),
            what,
            measure,
        )
        found.setdefault(stage, []).append(change)


def _sample(part: pl.DataFrame, *, late: bool) -> stats.Sample:
    side = part.filter(late=late)
    return stats.sample(side["points"].to_numpy(), side["person"].to_numpy())


def _verdict(before: stats.Sample, now: stats.Sample, p: float, min_people: int) -> str:
    if min(before.n_people, now.n_people) < min_people:
        return "too_few"
    if p >= 0.05 or now.mean == before.mean:
        return "unchanged"
    return "rising" if now.mean > before.mean else "falling"


def _stage_shares(
    spoken: pl.DataFrame, heard: pl.DataFrame, min_people: int
) -> list[tuple[str, Change]]:
    """Return the share of all people who speak of each stage, against the period before."""
    compared = _compared(_people(spoken, heard, ["stage"]), heard, min_people=min_people, q=0.05)
    return [
        (
            row["stage"],
            Change(row["trend_before"], row["trend_now"], row["trend_p"], SHARE_TEST, row["trend"]),
        )
        for row in compared.iter_rows(named=True)
    ]

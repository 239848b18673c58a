"""Judge what a fix did: worked, no evidence yet, or got worse, with an interval and a figure.

The outcome is the share of people heard who tell the pain that the fix was for. With a segment
that got it, the others are the comparison group (difference in differences, errors clustered by
person); else the time before is (interrupted time series, errors robust to autocorrelation).
Too short for either: before and after are compared, and it is said what that cannot exclude.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from painpoints import stats, tables
from painpoints.domain import Estimate, FixPoint, FixVerdict

WINDOWS = ((91, "quarters"), (28, "four weeks"), (7, "weeks"))
LEAST_BEFORE, LEAST_AFTER = 6, 3
LEAST_PEOPLE = 10
POWER = stats.Z95 + 0.8416212335729143
"""Standard errors between zero and an effect that a test at 5 % finds with 80 % power."""
MAX_EVIDENCE = 200
DID = "difference in differences with the other {column}s, errors clustered by person"
ITS = "interrupted time series over {n} windows of {unit}, trend before the fix carried on; errors robust to autocorrelation (Newey-West)"
PLAIN = "before against after, exact test; too short for a time series, so other causes of the change cannot be told apart"


@dataclass(frozen=True, slots=True)
class Heard:
    """Who was heard in which window, and whether they told it; one row each.

    frame: person, window (0 is the first after the fix), after, affected, told (0 or 1).
    days:  length of a window; unit in words.
    """

    frame: pl.DataFrame
    days: int
    unit: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Change of the share that goes with the fix: its standard error, ends and p value."""

    value: float
    error: float
    low: float
    high: float
    p: float
    method: str


def judge(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    topics: pl.DataFrame,
    fixes: Sequence[Mapping[str, Any]],
    *,
    min_people: int = 5,
) -> tuple[FixVerdict, ...]:
    """Return the verdict on each fix, in the order given; p values Holm-corrected over them.

    fixes: rows of `readers.read_fixes`: name, topic, stage, touchpoint, segment, date, owner,
           expected (change of the share of people, e.g. -0.05), note; absent values are None.
    """
    judged = [_judged(feedback, mentions, topics, fix, min_people) for fix in fixes]
    tested = [i for i, verdict in enumerate(judged) if verdict.p_value is not None]
    corrected = stats.holm(np.array([judged[i].p_value for i in tested], np.float64))
    for i, p in zip(tested, corrected, strict=True):
        judged[i] = replace(judged[i], p_value=float(p), verdict=_verdict(judged[i], float(p)))
    return tuple(judged)


def _verdict(fix: FixVerdict, p: float) -> str:
    if p >= 0.05 or fix.effect is None or fix.effect.value is None:
        return "no_evidence"
    return "worked" if fix.effect.value < 0 else "got_worse"


def _judged(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    topics: pl.DataFrame,
    fix: Mapping[str, Any],
    min_people: int,
) -> FixVerdict:
    """Return one verdict, its p value not yet corrected."""
    empty = Estimate(None, None, None, 0)
    bare = FixVerdict(
        name=fix["name"] or _target(fix),
        target=_target(fix),
        segment=fix["segment"],
        date=fix["date"],
        owner=fix["owner"],
        expected=fix["expected"],
        method="",
        before=empty,
        after=empty,
        control_before=None,
        control_after=None,
        effect=None,
        p_value=None,
        verdict="too_early",
        n_more=None,
        reason="",
        unit="",
        series=(),
        evidence_before=(),
        evidence_after=(),
    )
    told = mentions.filter(_tells(fix, topics))
    problem = _problem(feedback, mentions, topics, fix)
    if problem:
        return replace(bare, verdict="unknown", reason=problem)
    heard = _heard(feedback, told, fix)
    shown = replace(bare, **_shown(heard, told, feedback, fix))
    n_before, n_after = shown.before.n, shown.after.n
    if min(n_before, n_after) < max(min_people, LEAST_PEOPLE):
        reason = f"{n_before} people heard before and {n_after} after; at least {max(min_people, LEAST_PEOPLE)} are needed on each side"
        return replace(shown, reason=reason)
    found = _effect(heard, fix)
    n_more, reason = _n_more(shown, found, fix)
    return replace(
        shown,
        method=found.method,
        effect=Estimate(found.value, found.low, found.high, n_after),
        p_value=found.p,
        n_more=n_more,
        reason=reason,
    )


def _target(fix: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {fix[name]}" for name in ("topic", "stage", "touchpoint") if fix[name]
    )


def _topic_ids(fix: Mapping[str, Any], topics: pl.DataFrame) -> list[str]:
    """Return the topics of that id or name, and of a group of topics its parts."""
    wanted = str(fix["topic"]).strip().casefold()
    named = topics.filter(
        (pl.col("topic_id").str.to_lowercase() == wanted)
        | (pl.col("label").str.to_lowercase() == wanted)
    )["topic_id"].to_list()
    parts = topics.filter(pl.col("parent_id").is_in(named))["topic_id"].to_list()
    return named + parts


def _tells(fix: Mapping[str, Any], topics: pl.DataFrame) -> pl.Expr:
    """Return whether a mention tells the pain that the fix is for."""
    tells = tables.tells_pain()
    if fix["topic"]:
        tells &= pl.col("topic_id").is_in(_topic_ids(fix, topics))
    for name in ("stage", "touchpoint"):
        if fix[name]:
            tells &= pl.col(name) == fix[name]
    return tells


def _segment(fix: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return column and value of `plan=gold` or `plan: gold`."""
    if not fix["segment"]:
        return None
    text = str(fix["segment"])
    column, _, value = text.partition("=" if "=" in text else ":")
    return column.strip(), value.strip()


def _column(feedback: pl.DataFrame, name: str) -> str | None:
    """Return the table's column of a segment, or of the channel, by its name in any case."""
    columns = tables.segment_columns(feedback)
    names = {c.removeprefix(tables.SEGMENT_PREFIX).casefold(): c for c in columns}
    return names.get(name.casefold())


def _problem(
    feedback: pl.DataFrame, mentions: pl.DataFrame, topics: pl.DataFrame, fix: Mapping[str, Any]
) -> str:
    """Return why the fix cannot be placed in these data; empty where it can."""
    if fix["topic"] and not _topic_ids(fix, topics):
        return "no topic has this id or name; they stand in the sheet Topics"
    for name in ("stage", "touchpoint"):
        if fix[name] and not (mentions[name] == fix[name]).any():
            return f"no mention is of this {name}"
    segment = _segment(fix)
    if segment:
        column = _column(feedback, segment[0])
        if column is None:
            return "the export has no such segment column"
        if not (feedback[column].cast(pl.String) == segment[1]).any():
            return "nobody is of this segment"
    if feedback.filter(pl.col("reason").is_null())["created_at"].drop_nulls().is_empty():
        return "the feedback bears no dates"
    return ""


def _heard(feedback: pl.DataFrame, told: pl.DataFrame, fix: Mapping[str, Any]) -> Heard:
    """Return who was heard when, in windows counted from the day of the fix."""
    date: datetime = fix["date"]
    segment = _segment(fix)
    affected = pl.lit(value=True)
    if segment:
        column = _column(feedback, segment[0])
        affected = pl.col(column or "").cast(pl.String).eq_missing(segment[1])
    ids = told["feedback_id"].unique()
    rows = feedback.filter(pl.col("reason").is_null(), pl.col("created_at").is_not_null()).select(
        person=tables.person().hash(),
        seconds=(pl.col("created_at") - pl.lit(date)).dt.total_seconds(),
        affected=affected,
        told=pl.col("feedback_id").is_in(ids.implode()),
    )
    mine = rows.filter("affected")
    found = [(_cut(rows, days), days, unit) for days, unit in WINDOWS]
    for frame, days, unit in found:
        windows = frame.filter("affected")["window"].unique()
        enough = (windows < 0).sum() >= LEAST_BEFORE and (windows >= 0).sum() >= LEAST_AFTER
        if enough and mine.height >= LEAST_PEOPLE * windows.len():
            return Heard(frame, days, unit)
    frame, days, unit = found[1]
    return Heard(frame, days, unit)


def _cut(rows: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return one row per person, window and group: whether they told it then."""
    length = timedelta(days=days).total_seconds()
    return (
        rows.with_columns(window=(pl.col("seconds") / length).floor().cast(pl.Int64))
        .group_by("person", "window", "affected")
        .agg(told=pl.col("told").any().cast(pl.Float64))
        .with_columns(after=pl.col("window") >= 0)
        .sort("window", "affected", "person")
    )


def _share(rows: pl.DataFrame) -> Estimate:
    """Return the share of people who told it, as people per window; Wilson on effective n."""
    n = rows.height
    if n == 0:
        return Estimate(None, None, None, 0)
    told = rows["told"].to_numpy()
    effective = stats.effective_n(told, rows["person"].to_numpy())
    low, high = stats.wilson(float(told.mean()) * effective, effective)
    return Estimate(float(told.mean()), float(low), float(high), rows["person"].n_unique())


def _shown(
    heard: Heard, told: pl.DataFrame, feedback: pl.DataFrame, fix: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the shares, the series for the figure, and the mentions behind both sides."""
    mine, others = heard.frame.filter("affected"), heard.frame.filter(~pl.col("affected"))
    after = pl.col("after")
    dated = told.join(
        feedback.select("feedback_id", "created_at", *_kept(feedback, fix)), on="feedback_id"
    ).drop_nulls("created_at")
    segment = _segment(fix)
    if segment:
        column = _column(feedback, segment[0])
        dated = dated.filter(pl.col(column or "").cast(pl.String) == segment[1])
    late = pl.col("created_at") >= pl.lit(fix["date"])
    ids = dated.sort("created_at", "mention_id", descending=[True, False])
    return {
        "before": _share(mine.filter(~after)),
        "after": _share(mine.filter(after)),
        "control_before": _share(others.filter(~after)) if others.height else None,
        "control_after": _share(others.filter(after)) if others.height else None,
        "unit": heard.unit,
        "series": _points(heard, fix["date"]),
        "evidence_before": tuple(ids.filter(~late)["mention_id"].head(MAX_EVIDENCE)),
        "evidence_after": tuple(ids.filter(late)["mention_id"].head(MAX_EVIDENCE)),
    }


def _kept(feedback: pl.DataFrame, fix: Mapping[str, Any]) -> list[str]:
    segment = _segment(fix)
    column = _column(feedback, segment[0]) if segment else None
    return [column] if column else []


def _points(heard: Heard, date: datetime) -> tuple[FixPoint, ...]:
    parts = heard.frame.partition_by("window", as_dict=True)
    points = []
    for (window,), rows in sorted(parts.items()):
        others = rows.filter(~pl.col("affected"))
        start = date + timedelta(days=heard.days * int(window))
        share = _share(rows.filter("affected"))
        points.append(FixPoint(start, share, _share(others) if others.height else None))
    return tuple(points)


def _effect(heard: Heard, fix: Mapping[str, Any]) -> Effect:
    """Return the effect by the strongest method that the data allow."""
    sizes = heard.frame.group_by("affected", "after").agg(n=pl.col("person").n_unique())
    cells = {(a, b): n for a, b, n in sizes.iter_rows()}
    if fix["segment"] and len(cells) == 4 and min(cells.values()) >= LEAST_PEOPLE:
        segment = _segment(fix)
        return difference_in_differences(
            heard.frame, DID.format(column=segment[0] if segment else "")
        )
    mine = heard.frame.filter("affected")
    windows = mine["window"].unique()
    if (windows < 0).sum() >= LEAST_BEFORE and (windows >= 0).sum() >= LEAST_AFTER:
        return interrupted_series(mine, heard.unit)
    return _before_after(mine)


def difference_in_differences(frame: pl.DataFrame, method: str = DID) -> Effect:
    """Return (after - before) of the affected minus that of the others.

    frame: person, affected, after, told. Least squares of told on affected, after and both
    together; the coefficient of both is the effect. Errors clustered by person, with what few
    people hide added.
    """
    import statsmodels.api as sm

    affected, after = (frame[c].to_numpy().astype(np.float64) for c in ("affected", "after"))
    design = np.column_stack([np.ones(frame.height), affected, after, affected * after])
    _, groups = np.unique(frame["person"].to_numpy(), return_inverse=True)
    fitted = sm.OLS(frame["told"].to_numpy(), design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    variance = max(float(fitted.cov_params()[3, 3]), 0.0) + _hidden(frame)
    return _of(float(fitted.params[3]), math.sqrt(variance), len(np.unique(groups)) - 1, method)


def _hidden(frame: pl.DataFrame) -> float:
    """Return what the squared error lacks where few people hide how much a share varies.

    Of ten people nobody may tell it, which has no variance. So that of both shares of the
    affected, and of the others, is at least what their share before and after together has.
    """
    lacking = 0.0
    for rows in frame.partition_by("affected"):
        pooled = _pooled(float(rows["told"].sum()), rows.height)
        sides = (
            stats.sample(side["told"].to_numpy(), side["person"].to_numpy())
            for side in rows.partition_by("after")
        )
        lacking += max(
            sum((pooled * (1 - pooled) - side.mean * (1 - side.mean)) / side.n for side in sides),
            0.0,
        )
    return lacking


def _pooled(told: float, n: float) -> float:
    """Return the share told / n, half an answer away from 0 and 1 at least."""
    return min(max(told / n, 0.5 / n), 1 - 0.5 / n)


def interrupted_series(mine: pl.DataFrame, unit: str = "") -> Effect:
    """Return the step at the fix against the trend before it carried on.

    Weighted least squares of the share of each window on its time and on whether it is after;
    the error is Newey and West's, or the plain one, or that of sampling, whichever is larger.
    """
    import statsmodels.api as sm

    series = mine.group_by("window").agg(share=pl.col("told").mean(), n=pl.len()).sort("window")
    time, share, n = (series[c].to_numpy().astype(np.float64) for c in ("window", "share", "n"))
    design = np.column_stack([np.ones(time.size), time, time >= 0])
    lags = max(1, math.floor(4 * (time.size / 100) ** (2 / 9)))
    model = sm.WLS(share, design, weights=n)
    plain = model.fit()
    robust = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    pooled = _pooled(float((share * n).sum()), float(n.sum()))
    sampling = np.sqrt(
        pooled * (1 - pooled) * np.linalg.inv(design.T @ (design * n[:, None]))[2, 2]
    )
    error = max(float(robust.bse[2]), float(plain.bse[2]), float(sampling))
    method = ITS.format(n=time.size, unit=unit)
    return _of(float(robust.params[2]), error, time.size - 3, method)


def _before_after(mine: pl.DataFrame) -> Effect:
    """Return the difference of the shares, Newcombe's interval and Fisher's p, on effective n."""
    sides = [mine.filter(after=after) for after in (False, True)]
    one, two = (stats.sample(s["told"].to_numpy(), s["person"].to_numpy()) for s in sides)
    low, high = stats.newcombe(one.mean * one.n, one.n, two.mean * two.n, two.n)
    p = stats.difference(one, two, "share", low=0, high=1)
    error = float(high - low) / (2 * stats.Z95)
    return Effect(two.mean - one.mean, error, float(low), float(high), p, PLAIN)


def _of(value: float, error: float, freedom: int, method: str) -> Effect:
    from scipy.stats import t

    half = float(t.ppf(0.975, max(freedom, 1))) * error
    p = float(2 * t.sf(abs(value) / error, max(freedom, 1))) if error > 0 else 1.0
    return Effect(value, error, value - half, value + half, p, method)


def _n_more(fix: FixVerdict, found: Effect, given: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return how many more people must be heard after the fix to find the effect (80 % power).

    The effect looked for is the expected one, else half of the share before. The error is taken
    apart into what was heard before, which stays, and after, which shrinks with more people.
    """
    before, after = fix.before.value or 0.0, fix.after.value or 0.0
    wanted = abs(given["expected"]) if given["expected"] else before / 2
    told = "the expected change" if given["expected"] else "half as many telling it"
    if wanted <= 0:
        return None, "nobody told it before the fix"
    parts = [
        max(p * (1 - p), 1 / (n + 2)) / max(n, 1)
        for p, n in ((before, fix.before.n), (after, fix.after.n))
    ]
    inflation = found.error**2 / max(sum(parts), stats.MIN_VARIANCE)
    fixed, shrinking = (inflation * part for part in parts)
    allowed = (wanted / POWER) ** 2
    if fixed + shrinking <= allowed:
        return 0, f"{told} would have been found"
    if fixed >= allowed:
        return None, f"too few were heard before the fix to find {told}, however many come"
    more = math.ceil(fix.after.n * (shrinking / (allowed - fixed) - 1))
    return more, f"to find {told}"

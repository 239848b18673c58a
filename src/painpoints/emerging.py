"""Find the issues that more people tell of now than before, with a stated false-alarm rate.

Counts distinct people who tell a pain or a wish, per topic and period, among everybody and among
each segment; also several periods pooled, for weak signals. Says how many false alarms such a
look gives when nothing happens, from a simulation of these very counts. Compares no scores and
knows no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import stats, tables
from painpoints.domain import Emerging, Estimate, Watch

N_BASELINE = 8
POOLED = 4
MIN_POOLED = 6
MIN_RATIO = 1.5
MIN_HEARD = 30
MAX_VALUES = 20
MAX_EVIDENCE = 200
N_SIMULATIONS = 200
TRIPLED = 3.0
PER_YEAR = {"1w": 52, "1mo": 12, "1q": 4, "1y": 1}
METHOD = (
    "exact test of two Poisson rates on distinct people per period, or negative binomial where the "
    "baseline varies more, whichever is more careful; Benjamini-Hochberg over topics, segments and "
    "pooled periods; at least {min_people} people and {ratio:g} times the rate"
)


@dataclass(frozen=True, slots=True)
class Series:
    """People per row and period; a row is a topic among everybody or in a segment.

    rows:  topic_id, column and value (null for everybody), family (number of the column).
    told:  (n_rows, n_periods) people who tell it; heard: (n_rows, n_periods) people there were.
    """

    rows: pl.DataFrame
    told: stats.Integers
    heard: stats.Integers


@dataclass(frozen=True, slots=True)
class Tested:
    """One window on all rows: the numbers compared, and the p value; (n_rows,) each."""

    window: int
    now: stats.Integers
    n_now: stats.Integers
    before: stats.Integers
    n_before: stats.Integers
    p: stats.Floats

    def strong(self, corrected: stats.Floats, q: float, min_people: int) -> npt.NDArray[np.bool_]:
        """Return which rows are alarms: sure, large, and told by enough people."""
        rate_now = self.now * np.maximum(self.n_before, 1)
        rate_before = self.before * np.maximum(self.n_now, 1)
        return np.asarray(
            (corrected < q) & (self.now >= min_people) & (rate_now >= MIN_RATIO * rate_before)
        )


def watch(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    labels: Mapping[str, str],
    *,
    unit: str,
    every: str,
    period: str,
    now_to: datetime,
    n_baseline: int = N_BASELINE,
    min_people: int = 5,
    q: float = 0.05,
    n_simulations: int = N_SIMULATIONS,
    seed: int = 0,
) -> Watch | None:
    """Return the look at the last period before `now_to`; None without two periods of baseline.

    feedback, mentions: mentions need topic_id, type, sentiment and text.
    labels:     topic_id -> label.
    unit, every, period: of `trends.Periods`, e.g. week, 1w, 2026-W26.
    """
    series, skipped = _series(feedback, mentions, every, now_to, n_baseline)
    if series is None:
        return None
    tested = _looks(series, n_baseline)
    corrected = np.split(
        stats.benjamini_hochberg(np.concatenate([t.p for t in tested])), len(tested)
    )
    alarms = [
        (look, row, float(p[row]))
        for look, p in zip(tested, corrected, strict=True)
        for row in np.flatnonzero(look.strong(p, q, min_people))
    ]
    rng = np.random.default_rng(seed)
    told = _Told(feedback, mentions, every, now_to)
    found = [
        one
        for look, row, p in _once(alarms)
        if (one := _emerging(series, look, int(row), p, labels, told, every, min_people))
    ]
    return Watch(
        unit=unit,
        period=period,
        n_baseline=min(n_baseline, series.told.shape[1] - 1),
        n_topics=series.rows["topic_id"].n_unique(),
        n_tests=sum(t.p.size for t in tested),
        q=q,
        expected_false_alarms=_false_alarms(series, n_baseline, q, min_people, n_simulations, rng),
        power=_power(series, n_baseline, q, min_people, rng),
        found=tuple(sorted(found, key=lambda e: (e.segment is not None, e.p_value, e.topic_id))),
        not_compared=tuple(skipped),
        method=METHOD.format(min_people=min_people, ratio=MIN_RATIO),
    )


def tells_issue() -> pl.Expr:
    """Return whether a mention tells a pain or a wish."""
    return tables.tells_pain() | tables.tells_wish()


def _heard(
    feedback: pl.DataFrame, every: str, now_to: datetime, n_baseline: int
) -> tuple[pl.DataFrame, list[datetime]]:
    """Return the people of each period with their segments, and the periods in order.

    A year is looked back where there is one, to tell what comes every year.
    """
    kept = feedback.filter(pl.col("reason").is_null(), pl.col("created_at") < now_to)
    columns = tables.segment_columns(kept)
    heard = kept.select(
        "feedback_id",
        *(pl.col(c).cast(pl.String) for c in columns),
        person=tables.person().hash(),
        at=pl.col("created_at").dt.truncate(every),
    )
    if heard.is_empty():
        return heard, []
    last = pl.lit(now_to).dt.offset_by(f"-{every}").dt.truncate(every)
    first_at, last_at = heard.select(first=pl.col("at").min(), last=last.first()).row(0)
    grid = pl.datetime_range(first_at, last_at, interval=every, eager=True)
    periods = grid.to_list()[-(PER_YEAR[every] + 1 + n_baseline) :]
    return heard.filter(pl.col("at").is_in(periods)), periods


def _series(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    every: str,
    now_to: datetime,
    n_baseline: int,
) -> tuple[Series | None, list[str]]:
    """Return the counts to test, and the segments left out because too few belong to them."""
    heard, periods = _heard(feedback, every, now_to, n_baseline)
    if len(periods) < 3 or heard.filter(at=periods[-1]).is_empty():
        return None, []
    issues = mentions.filter(tells_issue()).select("feedback_id", "topic_id").drop_nulls()
    told = issues.unique().join(heard, on="feedback_id", how="inner")
    groups, skipped = _groups(heard, periods[-1])
    parts = [
        part
        for column, value in groups
        if (part := _counts(heard, told, periods, column, value)) is not None
    ]
    if not parts:
        return None, skipped
    rows, counts, sizes = zip(*parts, strict=True)
    family = pl.col("column").rank("dense").cast(pl.Int64) - 1
    table = pl.concat(rows).with_columns(family=family)
    return Series(table, np.concatenate(counts), np.concatenate(sizes)), skipped


def _groups(heard: pl.DataFrame, now: datetime) -> tuple[list[tuple[str, str]], list[str]]:
    """Return everybody ("", "") and the segments of enough people now; and the others' names."""
    groups: list[tuple[str, str]] = [("", "")]
    skipped: list[str] = []
    for column in (c for c in heard.columns if c not in {"feedback_id", "person", "at"}):
        values = heard[column].drop_nulls().unique().sort().to_list()
        if not 2 <= len(values) <= MAX_VALUES:
            continue
        sizes = dict(
            heard.filter(at=now)
            .group_by(column)
            .agg(n=pl.col("person").n_unique())
            .drop_nulls()
            .iter_rows()
        )
        for value in values:
            if sizes.get(value, 0) >= MIN_HEARD:
                groups.append((column, value))
            else:
                skipped.append(_named(column, value))
    return groups, skipped


def _named(column: str, value: str) -> str:
    return f"{column.removeprefix(tables.SEGMENT_PREFIX)}: {value}"


def _counts(
    heard: pl.DataFrame, told: pl.DataFrame, periods: list[datetime], column: str, value: str
) -> tuple[pl.DataFrame, stats.Integers, stats.Integers] | None:
    """Return the rows of one group: topics told at all in it, with people told and heard."""
    inside = pl.lit(value=True) if not column else pl.col(column) == value
    sizes = dict(heard.filter(inside).group_by("at").agg(n=pl.col("person").n_unique()).iter_rows())
    each = told.filter(inside).group_by("topic_id", "at").agg(n=pl.col("person").n_unique())
    if each.is_empty():
        return None
    wide = each.pivot(on="at", on_columns=periods, index="topic_id", values="n").fill_null(0)
    wide = wide.sort("topic_id")
    counts = wide.drop("topic_id").to_numpy().astype(np.int64)
    heard_there = np.array([sizes.get(at, 0) for at in periods], np.int64)
    rows = wide.select("topic_id", column=pl.lit(column), value=pl.lit(value))
    return rows, counts, np.broadcast_to(heard_there, counts.shape).copy()


def _looks(series: Series, n_baseline: int, *, back: int = 0) -> list[Tested]:
    """Return the tests of the last period, and of the last ones pooled where there are six.

    Pooled are four, or half of a shorter history: a slow rise shows only so.

    back: how many periods before the last one to stand, to look at the year before.
    """
    family = series.rows["family"].to_numpy()
    windows = [1]
    n_periods = series.told.shape[1] - back
    if n_periods >= MIN_POOLED:
        windows.append(min(POOLED, n_periods // 2))
    return [
        _tested(series.told, series.heard, family, window, n_baseline, back) for window in windows
    ]


def _tested(  # noqa: PLR0917 - told and heard come as a pair of arrays
    told: stats.Integers,
    heard: stats.Integers,
    family: stats.Integers,
    window: int,
    n_baseline: int,
    back: int,
) -> Tested:
    end = told.shape[1] - back
    start = max(0, end - window - n_baseline)
    now, n_now = (x[:, end - window : end].sum(axis=1) for x in (told, heard))
    past, n_past = told[:, start : end - window], heard[:, start : end - window]
    before, n_before = past.sum(axis=1), n_past.sum(axis=1)
    exact = stats.more_often(now, n_now, before, n_before)
    careful = _negative_binomial(now, n_now, past, n_past, family, window)
    p = np.where(n_before > 0, np.maximum(exact, careful), 1.0)
    return Tested(window, now, n_now, before, n_before, p)


def _negative_binomial(  # noqa: PLR0917 - told and heard, now and before, as arrays
    now: stats.Integers,
    n_now: stats.Integers,
    past: stats.Integers,
    n_past: stats.Integers,
    family: stats.Integers,
    window: int,
) -> stats.Floats:
    """Return the one-sided p of `now` under the baseline's own spread, pooled over topics.

    past, n_past: (n_rows, n_periods). 0 (no say) where the baseline varies no more than a Poisson
    count, is empty, or has fewer than three periods. The mean's own uncertainty is added.
    """
    from scipy.stats import nbinom

    open_ = n_past > 0
    n = open_.sum(axis=1)
    exposure = np.where(open_, n_now[:, None] / window / np.maximum(n_past, 1), 0.0)
    scaled = past * exposure
    mean = scaled.sum(axis=1) / np.maximum(n, 1)
    variance = (np.where(open_, scaled - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(
        n - 1, 1
    )
    expected = (past * exposure**2).sum(axis=1) / np.maximum(n, 1)
    usable = n >= 3
    excess = np.bincount(family, np.where(usable, variance - expected, 0.0))
    spread = np.maximum(excess / np.maximum(np.bincount(family, mean**2), 1e-12), 0.0)[family]
    safe = np.maximum(mean, 1e-12)
    size = 1 / np.maximum(spread / window + (spread + 1 / safe) / np.maximum(n, 1), 1e-12)
    p = nbinom.sf(now - 1, size, size / (size + window * safe))
    return np.where((mean > 0) & (spread > 0) & usable, p, 0.0)


def _once(
    alarms: list[tuple[Tested, np.int64, float]],
) -> list[tuple[Tested, np.int64, float]]:
    """Keep of each row the alarm of the last period alone, else the pooled one."""
    seen: dict[int, tuple[Tested, np.int64, float]] = {}
    for alarm in alarms:
        seen.setdefault(int(alarm[1]), alarm)
    return list(seen.values())


class _Told:
    """Looks up who told a topic when, and in which mentions."""

    def __init__(
        self, feedback: pl.DataFrame, mentions: pl.DataFrame, every: str, now_to: datetime
    ) -> None:
        self._feedback = feedback.filter(
            pl.col("reason").is_null(), pl.col("created_at") < now_to
        ).with_columns(person=tables.person().hash())
        self._issues = mentions.filter(tells_issue())
        self._every, self._now_to = every, now_to

    def __call__(self, topic_id: str, column: str, value: str, window: int) -> pl.DataFrame:
        """Return mention_id, person and `late`, whether in the last `window` periods; latest first."""
        start = pl.select(
            pl.lit(self._now_to).dt.offset_by(f"-{window * int(self._every[0])}{self._every[1:]}")
        ).item()
        people = self._feedback
        if column:
            people = people.filter(pl.col(column).cast(pl.String) == value)
        late = pl.col("created_at") >= start
        rows = self._issues.filter(topic_id=topic_id).join(
            people.select("feedback_id", "person", "created_at", late=late), on="feedback_id"
        )
        if "mention_id" not in rows.columns:
            rows = rows.with_columns(mention_id="feedback_id")
        return rows.sort("created_at", "mention_id", descending=[True, False])


def _emerging(  # noqa: PLR0917 - one row of one look, and what names it
    series: Series,
    look: Tested,
    row: int,
    p: float,
    labels: Mapping[str, str],
    told: _Told,
    every: str,
    min_people: int,
) -> Emerging | None:
    """Return the alarm in words; None where its answers are of fewer people than the minimum."""
    topic, column, value, _ = series.rows.row(row)
    ever = told(topic, column, value, look.window)
    rows = ever.filter("late")
    if rows["person"].n_unique() < min_people:
        return None
    now, n_now, before, n_before = (
        int(x[row]) for x in (look.now, look.n_now, look.before, look.n_before)
    )
    verdict = "new" if rows.height == ever.height else "rising"
    if _seasonal(series, row, look.window, PER_YEAR[every]):
        verdict = "seasonal"
    return Emerging(
        topic_id=topic,
        label=labels.get(topic, topic),
        segment=_named(column, value) if column else None,
        n_periods=look.window,
        now=now,
        n_now=n_now,
        before=before,
        n_before=n_before,
        ratio=rate_ratio(now, n_now, before, n_before),
        p_value=p,
        verdict=verdict,
        evidence_ids=tuple(rows["mention_id"].head(MAX_EVIDENCE)),
    )


def rate_ratio(now: int, n_now: int, before: int, n_before: int) -> Estimate:
    """Return the ratio of two Poisson rates, with the exact interval of Clopper and Pearson.

    Conditional on the sum, `now` is binomial with odds ratio x n_now / n_before.
    """
    from scipy.stats import beta

    low = float(beta.ppf(0.025, now, before + 1)) if now else 0.0
    high = float(beta.ppf(0.975, now + 1, before)) if before else 1.0
    scale = n_before / max(n_now, 1)
    ends = [scale * p / (1 - p) if p < 1 else None for p in (low, high)]
    return Estimate(scale * now / before if before else None, ends[0], ends[1], now)


def _seasonal(series: Series, row: int, window: int, back: int) -> bool:
    """Return whether the same rise came a year ago, by the same test alone (p < 0.05)."""
    told = series.told[row : row + 1]
    if told.shape[1] - back < 3 + window or window >= back:
        return False
    family = np.zeros(1, np.int64)
    then = _tested(told, series.heard[row : row + 1], family, window, N_BASELINE, back)
    return bool(then.strong(then.p, 0.05, 1)[0])


def _false_alarms(  # noqa: PLR0917 - what a look needs
    series: Series, n_baseline: int, q: float, min_people: int, n: int, rng: np.random.Generator
) -> float:
    """Return the mean number of alarms in `n` looks at counts like these that never change.

    Counts are drawn with each row's own rate and its family's spread; rows are drawn apart from
    each other, periods too.
    """
    alarms = 0
    for _ in range(n):
        drawn = Series(series.rows, _unchanged(series, rng), series.heard)
        looks = _looks(drawn, n_baseline)
        corrected = stats.benjamini_hochberg(np.concatenate([t.p for t in looks]))
        parts = np.split(corrected, len(looks))
        strong = [t.strong(p, q, min_people) for t, p in zip(looks, parts, strict=True)]
        alarms += int(np.any(strong, axis=0).sum())
    return alarms / n if n else 0.0


def _unchanged(series: Series, rng: np.random.Generator) -> stats.Integers:
    """Return counts like those of `series`, with the same rate in all periods."""
    rate = series.told.sum(axis=1) / np.maximum(series.heard.sum(axis=1), 1)
    mean = rate[:, None] * series.heard
    spread = _spread(series)[:, None]
    noise = np.where(
        spread > 0, rng.gamma(1 / np.maximum(spread, 1e-9), np.maximum(spread, 1e-9), mean.shape), 1
    )
    return np.asarray(np.minimum(rng.poisson(mean * noise), series.heard), np.int64)


def _spread(series: Series) -> stats.Floats:
    """Return the over-dispersion of each row's family: (variance - mean) / mean^2, not below 0."""
    heard = series.heard.astype(np.float64)
    rate = series.told.sum(axis=1) / np.maximum(heard.sum(axis=1), 1)
    mean = rate[:, None] * heard
    excess = ((series.told - mean) ** 2 - mean).sum(axis=1)
    family = series.rows["family"].to_numpy()
    square = np.maximum(np.bincount(family, (mean**2).sum(axis=1)), 1e-12)
    return np.asarray(np.maximum(np.bincount(family, excess) / square, 0.0)[family])


def _power(
    series: Series, n_baseline: int, q: float, min_people: int, rng: np.random.Generator
) -> float:
    """Return the share of the topics of everybody whose tripling in the last period is found.

    Each tripled alone, so its p value must be below q / number of tests.
    """
    everybody = (series.rows["column"] == "").to_numpy()
    looks = _looks(series, n_baseline)
    n_tests = sum(t.p.size for t in looks)
    told, heard = series.told[everybody], series.heard[everybody]
    one = Series(series.rows.filter(everybody), told, heard)
    found = []
    for _ in range(50):
        drawn = _unchanged(one, rng)
        rate = told.sum(axis=1) / np.maximum(heard.sum(axis=1), 1)
        drawn[:, -1] = np.minimum(rng.poisson(TRIPLED * rate * heard[:, -1]), heard[:, -1])
        last = _looks(Series(one.rows, drawn, heard), n_baseline)[0]
        found.append(last.strong(last.p * n_tests, q, min_people).mean())
    return float(np.mean(found)) if found else 0.0

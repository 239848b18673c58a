from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.synthetic import Frames, frames

from painpoints import drivers, findings, tables, trends


def annotated(made: Frames, period: trends.Period = "quarter") -> pl.DataFrame:
    """The findings with their trends."""
    table = findings.find(
        made.feedback, made.mentions, made.topics, tables.DRIVERS.empty(), n_bootstrap=20
    )
    periods = trends.choose(made.feedback, period=period)
    return trends.annotate(table, findings.members(made.mentions), made.feedback, periods)


def dated(days: list[datetime]) -> pl.DataFrame:
    """One feedback of a person of its own at each time."""
    feedback = frames(len(days), repeat=0).feedback
    return feedback.with_columns(created_at=pl.Series(days, dtype=tables.TIME))


def every_day(first: datetime, n_days: int, per_day: int) -> list[datetime]:
    """So many times on each of so many days."""
    return [first + timedelta(days=day, hours=8) for day in range(n_days) for _ in range(per_day)]


@pytest.mark.parametrize(
    ("per_day", "unit", "now", "before"),
    [
        (50, "week", "2026-W26", "2026-W25"),
        (12, "month", "2026-06", "2026-05"),
        (4, "quarter", "2026-Q2", "2026-Q1"),
    ],
)
def test_the_unit_is_as_short_as_the_people_allow(
    per_day: int, unit: str, now: str, before: str
) -> None:
    """Many a day: weeks; fewer: months; few: quarters; the last complete one against the one before."""
    found = trends.choose(dated(every_day(datetime(2026, 1, 1, tzinfo=UTC), 181, per_day)))
    assert found is not None
    assert (found.unit, found.now, found.before) == (unit, now, before)
    assert found.before_from < found.now_from < found.now_to


def test_a_begun_period_is_not_compared() -> None:
    """Ten days into July, June is compared with May; on its 29th, July counts as complete."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    early, late = (trends.choose(dated(every_day(first, n, 3)), period="month") for n in (191, 210))
    assert early is not None
    assert late is not None
    assert (early.now, late.now) == ("2026-06", "2026-07")


@pytest.mark.parametrize(("per_day", "unit"), [(50, "week"), (12, "month"), (4, "quarter")])
@pytest.mark.parametrize("late", [datetime(2026, 8, 20, tzinfo=UTC), datetime(2027, 3, 31, tzinfo=UTC)])  # fmt: skip
def test_a_late_straggler_moves_no_period(per_day: int, unit: str, late: datetime) -> None:
    """One answer long after the others changes neither what is compared nor what is watched."""
    days = every_day(datetime(2026, 1, 1, tzinfo=UTC), 181, per_day)
    alone, straggled = (dated(each) for each in (days, [*days, late]))
    found = trends.choose(straggled)
    assert found is not None
    assert found.unit == unit
    assert found == trends.choose(alone)
    assert trends.with_history(straggled, found) == trends.with_history(alone, found)


def test_fewer_answers_are_no_stragglers() -> None:
    """A survey that is sent to a fifth of the people from June on is compared in June."""
    many = every_day(datetime(2026, 1, 1, tzinfo=UTC), 151, 25)
    fewer = every_day(datetime(2026, 6, 1, tzinfo=UTC), 30, 5)
    found = trends.choose(dated(many + fewer), period="month")
    assert found is not None
    assert (found.now, found.before) == ("2026-06", "2026-05")


def test_dates_stamped_by_month_are_not_compared_by_week() -> None:
    """Where all dates are the first of a month, the month of the last stamp is complete."""
    stamps = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7) for _ in range(400)]
    found = trends.choose(dated(stamps))
    assert found is not None
    assert (found.unit, found.now) == ("month", "2026-06")


def test_without_dates_or_enough_people_nothing_is_compared() -> None:
    """No dates, one answer, or a single period: no trend, and nothing breaks."""
    for made in (frames(0), frames(1), frames(50, dated=False), frames(40, days=5)):
        assert trends.choose(made.feedback) is None
        assert annotated(made, "auto")["trend"].null_count() == annotated(made, "auto").height
        assert trends.changes(made.feedback, made.mentions, None) == {}
    assert trends.choose(frames(2000).feedback, period="none") is None


def test_what_grew_rises_and_what_shrank_falls() -> None:
    """A topic told three times as often rises, one a fifth as often falls, others stay."""
    made = frames(3000, late_growth={"t07": 3, "t01": 0.2, "t12": 0})
    found = dict(annotated(made).select("finding_id", "trend").iter_rows())
    assert found["pain_point:use:t07"] == "rising"
    assert found["pain_point:consideration:t01"] == "falling"
    assert found["pain_point:loyalty:t12"] == "fixed"
    assert found["asked_for:use:t09"] == "unchanged"


def test_an_opportunity_has_the_trend_of_its_pain() -> None:
    """To remove a pain that rises is as urgent as the pain."""
    made = frames(3000, late_growth={"t07": 3})
    measured = drivers.measure(made.feedback, made.mentions, n_bootstrap=5)
    table = findings.find(made.feedback, made.mentions, made.topics, measured, n_bootstrap=20)
    periods = trends.choose(made.feedback, period="quarter")
    full = trends.annotate(table, findings.members(made.mentions), made.feedback, periods)
    columns = ["trend", "trend_before", "trend_now", "trend_p"]
    pain, chance = (
        full.filter(finding_id=f"{kind}:use:t07").select(columns)
        for kind in ("pain_point", "remove_pain")
    )
    assert_frame_equal(pain, chance)
    tables.check(tables.FINDINGS, full)


def test_without_change_there_are_few_alarms() -> None:
    """In 30 runs without any change, no more than one finding in a hundred rises or falls."""
    verdicts = [
        v for seed in range(30) for v in annotated(frames(600, seed=seed, survey="none"))["trend"]
    ]
    assert np.mean([v not in {"unchanged", "too_few"} for v in verdicts]) <= 0.01


def test_scores_fall_where_they_fell() -> None:
    """When the app crashes more often, score and mood fall for `use` and overall, not elsewhere."""
    made = frames(3000, late_growth={"t07": 4})
    periods = trends.choose(made.feedback, period="quarter")
    found = trends.changes(made.feedback, made.mentions, periods)
    for stage in ("all", "use"):
        verdicts = {change.what: change.verdict for change in found[stage]}
        assert (verdicts["nps"], verdicts["net_sentiment"]) == ("falling", "falling")
    assert {c.what: c.verdict for c in found["support"]}["net_sentiment"] == "unchanged"
    assert found["use"][0].now < found["use"][0].before


@pytest.mark.parametrize("survey", ["csat", "stars", "thumbs", "none"])
def test_every_survey_kind_is_compared_by_its_test(survey: str) -> None:
    """Shares by Fisher's test, means by Welch's; without scores the mood alone."""
    made = frames(1000, survey=survey)
    changes = trends.changes(
        made.feedback, made.mentions, trends.choose(made.feedback, period="quarter")
    )["all"]
    tests = {change.what: change.test.split(",")[0] for change in changes}
    wanted = {
        "csat": "Fisher's exact test",
        "thumbs": "Fisher's exact test",
        "stars": "Welch's t test",
    }
    assert tests.get(survey) == wanted.get(survey)
    assert "net_sentiment" in tests


def test_what_emerges_is_watched_by_a_unit_with_history() -> None:
    """Half a year that is compared by quarter is watched by month; a short time is not watched."""
    few = dated(every_day(datetime(2026, 1, 1, tzinfo=UTC), 181, 4))
    quarters = trends.choose(few)
    watched = trends.with_history(few, quarters)
    assert quarters is not None
    assert watched is not None
    assert (quarters.unit, watched.unit, watched.now) == ("quarter", "month", "2026-06")
    short = dated(every_day(datetime(2026, 1, 5, tzinfo=UTC), 21, 60))
    assert trends.choose(short) is not None
    assert trends.with_history(short, trends.choose(short)) is None
    assert trends.with_history(short, None) is None

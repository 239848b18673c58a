"""Lines over the periods: what stands in them is what the rows of each period say."""

from datetime import UTC, datetime

import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import drivers, findings, scores, timelines, trends
from painpoints.domain import Timeline


def followed(made: Frames, unit: str = "month") -> Timeline | None:
    """The lines of these tables."""
    measured = drivers.measure(made.feedback, made.mentions, n_bootstrap=5)
    ranked = findings.find(made.feedback, made.mentions, made.topics, measured, n_bootstrap=20)
    members = findings.members(made.mentions)
    end = datetime(2026, 6, 1, tzinfo=UTC)
    every = trends.UNITS[unit]
    return timelines.follow(made.feedback, members, ranked, unit=unit, every=every, now_to=end)


def test_each_point_is_what_its_period_says() -> None:
    """Score and share of a month are those of its rows alone, with their intervals."""
    made = frames(900)
    told = followed(made)
    assert told is not None
    march = pl.col("created_at").dt.truncate("1mo") == datetime(2026, 3, 1, tzinfo=UTC)
    score, *pains = told.lines
    assert [point.start.month for point in score.points] == [1, 2, 3, 4, 5]
    wanted = scores.score(made.feedback.filter(march))[0].estimate
    shown = score.points[2].estimate
    assert (shown.value, shown.low, shown.high, shown.n) == pytest.approx(
        (wanted.value, wanted.low, wanted.high, wanted.n)
    )
    heard = made.feedback.filter(march, pl.col("reason").is_null())
    for line in pains:
        told_it = findings.members(made.mentions).filter(
            kind="pain_point", stage=line.stage, topic_id=line.topic_id
        )
        here = heard.join(told_it, on="feedback_id")
        point = line.points[2]
        share = here["person_id"].n_unique() / heard["person_id"].n_unique()
        assert point.estimate.value == pytest.approx(share)
        assert point.estimate.low < share < point.estimate.high
        assert set(point.evidence_ids) <= set(here["mention_id"])


def test_the_largest_pains_are_followed() -> None:
    """Five lines beside the score, ranked pains of highest priority first, with their labels."""
    told = followed(frames(900))
    assert told is not None
    assert [line.what for line in told.lines] == ["score", *["share"] * 5]
    assert {line.label for line in told.lines[1:3]} == {"App crashes", "Parcel arrives late"}


def test_what_grows_is_seen_to_grow() -> None:
    """A pain told four times as often in the second half ends above where it began."""
    told = followed(frames(1500, late_growth={"t07": 4.0}))
    assert told is not None
    line = next(line for line in told.lines if line.topic_id == "t07")
    assert line.points[0].estimate.high < line.points[-1].estimate.low


def test_a_period_without_anybody_is_a_gap() -> None:
    """Nobody heard in March: its points have no value, and stand between February's and April's."""
    made = frames(900)
    march = pl.col("created_at").dt.truncate("1mo") == datetime(2026, 3, 1, tzinfo=UTC)
    told = followed(Frames(made.feedback.filter(~march), made.mentions, made.topics))
    assert told is not None
    for line in told.lines:
        assert [point.start.month for point in line.points] == [1, 2, 3, 4, 5]
        known = [point.estimate.value is not None for point in line.points]
        assert known == [True, True, False, True, True]
        assert (line.points[2].estimate.n, line.points[2].evidence_ids) == (0, ())


def test_too_few_periods_or_no_dates_have_no_lines() -> None:
    """Two quarters are no line; rows without dates are none either; a begun period is left out."""
    assert followed(frames(300), "quarter") is None
    assert followed(frames(300, dated=False)) is None
    assert followed(frames(0)) is None


def test_without_scores_the_pains_are_followed_alone() -> None:
    """No score is made up."""
    told = followed(frames(600, survey="none"))
    assert told is not None
    assert (told.survey, {line.what for line in told.lines}) == (None, {"share"})


def test_no_score_and_no_ranked_pain_have_no_lines() -> None:
    """Dates alone are nothing to follow."""
    made = frames(600, survey="none")
    praise = made.mentions.filter(pl.col("type") == "praise")
    assert followed(Frames(made.feedback, praise, made.topics)) is None

"""Which scale was answered most: one rule for scores, drivers, changes and comparisons."""

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import drivers, findings, points, scores, tables, timelines, trends


def two_scales() -> Frames:
    """CSAT of 1 to 5 from 120 people asked two questions, and of 1 to 7 from 180 asked one."""
    made = frames(300, survey="csat", repeat=0)
    long = pl.int_range(pl.len()) >= 120
    feedback = made.feedback.with_columns(score_max=pl.when(long).then(7.0).otherwise(5.0))
    second = pl.format("{}/q2", "feedback_id").alias("feedback_id")
    return Frames(
        pl.concat([feedback, feedback[:120].with_columns(second)]), made.mentions, made.topics
    )


def top_of_headline(made: Frames) -> float:
    """The scale that segments are compared on."""
    found = points.headline(made.feedback)
    assert found is not None
    return found[0].top


def top_of_scores(made: Frames) -> float:
    """The scale of the first score."""
    return 7.0 if "6-7" in scores.score(made.feedback)[0].convention else 5.0


def top_of_drivers(made: Frames) -> float:
    """The scale that impacts are measured on."""
    (found,) = drivers._answers(made.feedback)
    return found.measure.top


def top_of_trends(made: Frames) -> float:
    """The scale that changes are told on."""
    ((measure, _),) = trends._answers(made.feedback.with_columns(late=pl.lit(value=True)))
    return measure.top


@pytest.mark.parametrize("top", [top_of_headline, top_of_scores, top_of_drivers, top_of_trends])
def test_answers_decide_not_the_questions_asked(top: Callable[[Frames], float]) -> None:
    """A form with two questions counts once, and every step takes the same scale."""
    assert top(two_scales()) == 7.0


def mostly_undated() -> Frames:
    """CSAT of 1 to 5 from 360 people, 200 of them without a date, and of 1 to 7 from 240."""
    made = frames(600, survey="csat", repeat=0)
    at = pl.int_range(pl.len())
    feedback = made.feedback.with_columns(
        score_max=pl.when(at < 360).then(5.0).otherwise(7.0),
        created_at=pl.when(at >= 200).then("created_at"),
    )
    return Frames(feedback, made.mentions, made.topics)


def test_changes_are_told_on_the_scale_of_the_run() -> None:
    """The scale of most answers is taken, though those of the two periods are mostly on another."""
    made = mostly_undated()
    periods = trends.choose(made.feedback, period="month")
    told = trends.changes(made.feedback, made.mentions, periods)["all"][0]
    assert periods is not None
    late = trends._in_periods(made.feedback, periods).filter("late", score_max=5.0)
    assert told.now == pytest.approx(scores.score(late)[0].estimate.value)


def test_lines_are_drawn_on_the_scale_of_the_run() -> None:
    """So is the scale of the score over the periods."""
    made = mostly_undated()
    members, none = findings.members(made.mentions), tables.FINDINGS.empty()
    end = datetime(2026, 6, 1, tzinfo=UTC)
    lines = timelines.follow(made.feedback, members, none, unit="month", every="1mo", now_to=end)
    assert lines is not None
    march = pl.col("created_at").dt.truncate("1mo") == datetime(2026, 3, 1, tzinfo=UTC)
    wanted = scores.score(made.feedback.filter(march, score_max=5.0))[0].estimate
    assert lines.lines[0].points[2].estimate == wanted


def test_ties_are_broken_the_same_way_each_time() -> None:
    """Of equally many answers the later name and the longer scale come first, an unknown one last."""
    kinds = [(kind, top) for kind in ("ces", "csat", "stars") for top in (3.0, 5.0, 7.0, None)]
    made = frames(len(kinds) * 4, survey="csat", repeat=0).feedback
    scored = made.with_columns(
        survey=pl.Series([kind for kind, _ in kinds * 4]),
        score_max=pl.Series([top for _, top in kinds * 4], dtype=pl.Float64),
        answer=pl.int_range(pl.len()),
    )
    wanted = [(kind, top) for kind in ("stars", "csat", "ces") for top in (7.0, 5.0, 3.0, None)]
    for seed in range(20):
        assert points.scales(scored.sample(fraction=1, shuffle=True, seed=seed)) == wanted


def test_the_same_input_has_the_same_scores() -> None:
    """The order of the scores does not depend on chance or on the order of the rows."""
    made = two_scales().feedback.head(240)
    drawn = [made.sample(fraction=1, shuffle=True, seed=seed) for seed in range(20)]
    assert len({scores.score(each)[0].convention for each in drawn}) == 1

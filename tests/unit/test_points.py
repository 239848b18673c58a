"""Which scale was answered most: one rule for scores, drivers, changes and comparisons."""

from collections.abc import Callable

import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import drivers, points, scores, trends


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

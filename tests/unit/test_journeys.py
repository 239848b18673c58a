from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import journeys
from painpoints.domain import STAGES

START = datetime(2026, 1, 1, tzinfo=UTC)


def told(steps: list[tuple[str, int, str, bool]]) -> Frames:
    """Tables of (person, day, stage, tells a pain)."""
    base = frames(1)
    n = len(steps)
    feedback = pl.concat([base.feedback.head(1)] * n).with_columns(
        feedback_id=pl.Series([f"f{i}" for i in range(n)]),
        person_id=pl.Series([step[0] for step in steps]),
        created_at=pl.Series(
            [START + timedelta(days=step[1]) for step in steps], dtype=pl.Datetime("us", "UTC")
        ),
        reason=pl.lit(None, pl.String),
    )
    mentions = pl.concat([base.mentions.head(1)] * n).with_columns(
        feedback_id=pl.Series([f"f{i}" for i in range(n)]),
        mention_id=pl.Series([f"f{i}#1" for i in range(n)]),
        stage=pl.Series([step[2] for step in steps]),
        type=pl.Series(["pain_point" if step[3] else "praise" for step in steps]),
        sentiment=pl.Series(["negative" if step[3] else "positive" for step in steps]),
    )
    return Frames(feedback, mentions, base.topics)


def walk() -> Frames:
    """40 people from delivery to support, 10 of them with a pain there; 8 to use; 20 only once."""
    steps = [(f"a{i}", 0, "delivery", True) for i in range(48)]
    steps += [(f"a{i}", 9, "support", i < 10) for i in range(40)]
    steps += [(f"a{i}", 9, "use", False) for i in range(40, 48)]
    return told(steps + [(f"b{i}", 3, "use", False) for i in range(20)])


def test_transitions_are_counted_by_people() -> None:
    """From, to, people, share of those heard again, pains on arrival, and the mentions there."""
    made = walk()
    found = journeys.follow(made.feedback, made.mentions, STAGES)
    assert found is not None
    assert (found.n_people, found.n_followed) == (68, 48)
    first, second = found.transitions
    assert (first.stage, first.following, first.n_people) == ("delivery", "support", 40)
    assert first.share.value == pytest.approx(40 / 48)
    assert first.pain.value == pytest.approx(10 / 40)
    assert (second.following, second.n_people) == ("use", 8)
    assert set(first.evidence_ids) <= {f"f{i}#1" for i in range(48, 88)}


def test_a_pain_of_another_stage_is_none_of_the_path() -> None:
    """40 people say two things of use and tell a pain of support: heard at use, with no pain there."""
    steps = [(f"a{i}", 0, "delivery", False) for i in range(40)]
    use = [(f"a{i}", 9, "use", False) for i in range(40)]
    made = told([*steps, *use, *use, *((f"a{i}", 9, "support", True) for i in range(40))])
    found = journeys.follow(made.feedback, made.mentions, STAGES)
    assert found is not None
    (only,) = found.transitions
    assert (only.following, only.n_people, only.pain.value) == ("use", 40, 0.0)


def test_few_named_people_have_no_paths() -> None:
    """Nobody named, no dates, or everybody heard once: no paths."""
    for made in (
        frames(300, people_known=False),
        frames(300, dated=False),
        frames(300, repeat=0),
        frames(0),
    ):
        assert journeys.follow(made.feedback, made.mentions, STAGES) is None


def test_a_path_of_few_people_is_called_small() -> None:
    """Three people on a path: counted, and marked as too few."""
    steps = [(f"a{i}", day, "use", False) for i in range(40) for day in (0, 5)]
    steps += [(f"b{i}", day, stage, False) for i in range(3) for day, stage in ((0, "use"), (5, "loyalty"))]  # fmt: skip
    made = told(steps)
    found = journeys.follow(made.feedback, made.mentions, STAGES)
    assert found is not None
    assert {t.following: t.small for t in found.transitions} == {"use": False, "loyalty": True}


def returning(rng: np.random.Generator, after_pain: float, after_none: float) -> Frames:
    """300 people, half of whom tell a pain first, who are heard again with such a chance."""
    steps = []
    for i in range(300):
        pain, day = i % 2 == 0, int(rng.integers(0, 60))
        steps.append((f"p{i}", day, "use", pain))
        if rng.random() < (after_pain if pain else after_none):
            steps.append((f"p{i}", day + int(rng.integers(5, 60)), "use", False))
    return told([*steps, ("last", 200, "use", False)])


def test_silence_after_a_pain_is_found() -> None:
    """20 % against 60 % heard again: the difference, its interval and the pains behind it."""
    made = returning(np.random.default_rng(0), 0.2, 0.6)
    found = journeys.follow(made.feedback, made.mentions, STAGES)
    assert found is not None
    assert found.after is not None
    assert found.after.days == 100
    assert found.after.difference.low < -0.4 < found.after.difference.high < 0
    assert found.after.p_value < 0.001
    silent = set(found.after.evidence_ids)
    pains = set(made.mentions.filter(type="pain_point")["mention_id"])
    assert silent
    assert silent <= pains


def test_no_difference_is_seldom_called_one() -> None:
    """Of 60 samples without a difference about one in twenty is called one."""
    called = []
    for seed in range(60):
        made = returning(np.random.default_rng(seed), 0.4, 0.4)
        found = journeys.follow(made.feedback, made.mentions, STAGES)
        called.append(found is not None and found.after is not None and found.after.p_value < 0.05)
    assert np.mean(called) <= 0.1


def test_late_first_answers_are_left_out() -> None:
    """Who was first heard too late to be heard again within the horizon counts on neither side."""
    rng = np.random.default_rng(1)
    made = returning(rng, 0.5, 0.5)
    extra = told([(f"late{i}", 199, "use", True) for i in range(100)])
    both = Frames(
        pl.concat(
            [
                made.feedback,
                extra.feedback.with_columns(
                    (pl.lit("late") + pl.col("feedback_id")).alias("feedback_id")
                ),
            ]
        ),
        pl.concat(
            [
                made.mentions,
                extra.mentions.with_columns(
                    (pl.lit("late") + pl.col("feedback_id")).alias("feedback_id"),
                    (pl.lit("late") + pl.col("mention_id")).alias("mention_id"),
                ),
            ]
        ),
        made.topics,
    )
    alone, with_late = (
        journeys.follow(each.feedback, each.mentions, STAGES) for each in (made, both)
    )
    assert alone is not None
    assert with_late is not None
    assert alone.after == with_late.after

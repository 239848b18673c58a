from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import emerging, tables, trends
from painpoints.domain import Watch


def weekly(rng: np.random.Generator, rates: np.ndarray, n_weeks: int) -> Frames:
    """Topics told by so many different people a week, each in a feedback of their own."""
    n_topics = rates.shape[1]
    counts = rng.poisson(rates, (n_weeks, n_topics))
    week, topic = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    ids = [f"f{i}" for i in range(week.size)]
    first = datetime(2026, 1, 5, 12, tzinfo=UTC)
    feedback = pl.DataFrame(
        {
            "feedback_id": ids,
            "person_id": ids,
            "source": ["invented.csv"] * week.size,
            "row": range(week.size),
            "reason": pl.Series([None] * week.size, dtype=pl.String),
            "created_at": pl.Series(
                [
                    first + timedelta(weeks=int(w), days=int(d))
                    for w, d in zip(week, rng.integers(0, 7, week.size), strict=True)
                ],
                dtype=tables.TIME,
            ),
        }
    )
    last = pl.DataFrame(
        {
            "feedback_id": ["x"],
            "person_id": ["x"],
            "source": ["invented.csv"],
            "row": [-1],
            "reason": pl.Series([None], dtype=pl.String),
            "created_at": pl.Series([first + timedelta(weeks=n_weeks, days=-1)], dtype=tables.TIME),
        }
    )
    mentions = pl.DataFrame(
        {
            "feedback_id": ids,
            "topic_id": [f"t{t:02}" for t in topic],
            "type": ["pain_point"] * week.size,
            "sentiment": ["negative"] * week.size,
            "text": ["it broke"] * week.size,
        }
    )
    return Frames(pl.concat([feedback, last]), mentions, pl.DataFrame())


def watched(made: Frames, period: trends.Period = "week", **how: object) -> Watch | None:
    """The look at the last period, with few simulations."""
    periods = trends.choose(made.feedback, period=period)
    if periods is None:
        return None
    return emerging.watch(
        made.feedback,
        made.mentions,
        {},
        unit=periods.unit,
        every=periods.every,
        period=periods.now,
        now_to=periods.now_to,
        **({"n_simulations": 0, "n_baseline": 12} | how),
    )


def alarms(made: Frames, **how: object) -> list[str]:
    """The topics that are said to emerge in the last week."""
    look = watched(made, **how)
    assert look is not None
    return [e.topic_id for e in look.found]


def test_emerging_gives_fewer_than_one_false_alarm_in_ten_weeks() -> None:
    """40 topics, 300 people a week, 12 weeks of baseline, nothing happening: at most 0.1 a week."""
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(40))
    false = [len(alarms(weekly(rng, np.tile(300 * share, (13, 1)), 13))) for _ in range(40)]
    assert np.mean(false) <= 0.1


def test_the_printed_rate_of_false_alarms_is_the_rate_there_is() -> None:
    """With a lax q the alarms of quiet weeks are as many as was printed for them."""
    rng = np.random.default_rng(3)
    share = rng.dirichlet(np.full(30, 5.0))
    looks = [
        watched(weekly(rng, np.tile(300 * share, (13, 1)), 13), q=0.9, n_simulations=10, seed=i)
        for i in range(25)
    ]
    told = np.mean([look.expected_false_alarms for look in looks if look])
    counted = np.mean([len(look.found) for look in looks if look])
    assert told > 0.3
    assert counted == pytest.approx(told, rel=0.5)


def test_emerging_finds_a_jump_and_a_new_topic() -> None:
    """A topic of 10 people a week that triples is found in 8 of 10 weeks, a new one of 12 too."""
    rng = np.random.default_rng(1)
    rates = np.tile(np.r_[np.full(28, 10.0), 10.0, 0.0], (13, 1))
    rates[-1, 28:] = (30.0, 12.0)
    looks = [watched(weekly(rng, rates, 13)) for _ in range(20)]
    found = [{e.topic_id: e.verdict for e in look.found} for look in looks if look]
    assert np.mean([each.get("t28") == "rising" for each in found]) >= 0.8
    assert np.mean([each.get("t29") == "new" for each in found]) >= 0.8


@pytest.mark.parametrize(("n_weeks", "long_ago"), [(30, 4), (90, 2)])
def test_what_was_only_silent_is_not_new(n_weeks: int, long_ago: int) -> None:
    """Told in the first weeks, silent for all of the baseline, told again: it rises."""
    rates = np.tile(np.r_[np.full(20, 10.0), 0.0, 0.0], (n_weeks, 1))
    rates[:long_ago, 20] = 12.0
    rates[-1, 20:] = 25.0
    look = watched(weekly(np.random.default_rng(0), rates, n_weeks), n_baseline=8)
    assert look is not None
    assert {e.topic_id: e.verdict for e in look.found} == {"t20": "rising", "t21": "new"}
    assert [e.before for e in look.found] == [0, 0]


def test_questions_of_an_unmet_need_emerge_as_wishes_do() -> None:
    """What findings list as asked for is watched; a question about the weather is not."""
    rates = np.full((13, 20), 10.0)
    rates[-1, 0] = 60.0
    made = weekly(np.random.default_rng(1), rates, 13)
    for kind, text, emerges in (
        ("request", "please deliver on Sundays", True),
        ("question", "Do you deliver on Sundays?", True),
        ("question", "What time is it?", False),
    ):
        asked = made.mentions.with_columns(
            type=pl.lit(kind), sentiment=pl.lit("neutral"), text=pl.lit(text)
        )
        found = watched(Frames(made.feedback, asked, made.topics))
        assert ("t00" in [e.topic_id for e in found.found] if found else False) == emerges


def test_the_printed_power_is_the_power_there_is() -> None:
    """As many of the tripled topics are found as the look said it could find."""
    rng = np.random.default_rng(5)
    rates = np.tile(np.r_[np.full(20, 10.0), np.full(10, 3.0)], (13, 1))
    rates[-1, 0] = 30.0
    large = [watched(weekly(rng, rates, 13)) for _ in range(20)]
    found = np.mean(["t00" in [e.topic_id for e in look.found] for look in large if look])
    told = np.mean([look.power for look in large if look])
    assert 0.45 < told < 0.85  # of twenty topics of 10 nearly all, of ten topics of 3 few
    assert found >= told


def test_a_restless_baseline_raises_no_alarm() -> None:
    """Where weeks vary more than chance, the spread is learnt: at most 0.3 false alarms a week."""
    rng = np.random.default_rng(2)
    mean = 300 * rng.dirichlet(np.ones(40))
    false = [
        len(alarms(weekly(rng, mean * rng.lognormal(0, 0.3, (13, 40)), 13))) for _ in range(40)
    ]
    assert np.mean(false) <= 0.3


def test_a_weak_signal_is_found_by_pooling() -> None:
    """Two people a week that become six for a month are found together, seldom in one week."""
    rng = np.random.default_rng(4)
    rates = np.tile(np.r_[np.full(20, 8.0), 2.0], (13, 1))
    rates[-4:, 20] = 7.0
    looks = [watched(weekly(rng, rates, 13)) for _ in range(20)]
    periods = [e.n_periods for look in looks if look for e in look.found if e.topic_id == "t20"]
    assert len(periods) >= 14
    assert periods.count(emerging.POOLED) >= 10


def test_what_comes_every_year_is_called_seasonal() -> None:
    """A rise in the same month of the year before is told apart from one that is not."""
    rng = np.random.default_rng(6)
    rates = np.tile(np.full(12, 20.0), (112, 1))
    rates[-1, :2] = 60.0
    rates[-53, 0] = 60.0
    look = watched(weekly(rng, rates, 112), n_baseline=8)
    assert look is not None
    assert {e.topic_id: e.verdict for e in look.found} == {"t00": "seasonal", "t01": "rising"}


def test_a_rise_in_one_segment_is_named() -> None:
    """What only one segment tells more often is found there, with the mentions that tell it."""
    rng = np.random.default_rng(7)
    made = weekly(rng, np.tile(np.full(10, 20.0), (13, 1)), 13)
    town = pl.Series(rng.random(made.feedback.height) < 0.3)
    late = pl.col("created_at") >= made.feedback["created_at"].max() - timedelta(days=7)
    feedback = made.feedback.with_columns(
        segment_region=pl.when(town).then(pl.lit("Town")).otherwise(pl.lit("Land"))
    )
    there = feedback.filter(late, pl.col("segment_region") == "Town")["feedback_id"]
    moved = made.mentions.with_columns(
        topic_id=pl.when(
            pl.col("feedback_id").is_in(there.implode())
            & pl.col("topic_id").is_in(["t01", "t02", "t03"])
        )
        .then(pl.lit("t00"))
        .otherwise("topic_id")
    )
    look = watched(Frames(feedback, moved, pl.DataFrame()))
    assert look is not None
    told = {(e.topic_id, e.segment): e for e in look.found}
    assert ("t00", "region: Town") in told
    assert ("t00", "region: Land") not in told
    alarm = told["t00", "region: Town"]
    assert len(alarm.evidence_ids) == alarm.now
    assert set(alarm.evidence_ids) <= set(there)


def test_one_loud_person_is_no_issue() -> None:
    """Fewer people than the minimum raise no alarm, however often they say it; praise neither."""
    rng = np.random.default_rng(8)
    rates = np.tile(np.full(12, 15.0), (13, 1))
    rates[-1, 0] = 45.0
    made = weekly(rng, rates, 13)
    late = made.feedback["created_at"].max() - timedelta(days=7)
    told = made.mentions.join(made.feedback, on="feedback_id").filter(
        pl.col("created_at") >= late, topic_id="t00"
    )["feedback_id"]
    loud = pl.when(pl.col("feedback_id").is_in(told.implode()))
    one = made.feedback.with_columns(person_id=loud.then(pl.lit("loud")).otherwise("person_id"))
    praised = made.mentions.with_columns(
        type=loud.then(pl.lit("praise")).otherwise("type"),
        sentiment=loud.then(pl.lit("positive")).otherwise("sentiment"),
    )
    assert "t00" in alarms(made)
    assert "t00" not in alarms(Frames(one, made.mentions, made.topics))
    assert "t00" not in alarms(Frames(made.feedback, praised, made.topics))


def test_without_periods_there_is_no_look() -> None:
    """Undated data, and data of two periods, are not looked at."""
    assert watched(frames(500, dated=False)) is None
    assert watched(frames(2000, days=60), "month") is None


@pytest.mark.parametrize(("now", "before", "ends"), [(10, 10, (0.37, 2.67)), (0, 8, (0.0, 0.59))])
def test_rate_ratios_have_exact_ends(now: int, before: int, ends: tuple[float, float]) -> None:
    """The ends are those of Clopper and Pearson, as tables of the exact test give them."""
    found = emerging.rate_ratio(now, 100, before, 100)
    assert (found.low, found.high) == pytest.approx(ends, abs=0.01)

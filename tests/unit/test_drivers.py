import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.synthetic import PLANS, Frames, frames

from painpoints import drivers, scores, tables

KEY = ["stage", "survey", "topic_id", "polarity"]


def measured(made: Frames, **how: object) -> pl.DataFrame:
    """The drivers in a fixed order, with few bootstrap draws."""
    return drivers.measure(made.feedback, made.mentions, **({"n_bootstrap": 30} | how)).sort(KEY)


def nps(feedback: pl.DataFrame) -> float:
    """The printed score."""
    value = scores.score(feedback)[0].estimate.value
    assert value is not None
    return value


def test_impact_is_the_score_of_all_minus_that_of_the_others() -> None:
    """For every topic and polarity, leaving out its feedbacks gives the printed difference."""
    made = frames(400)
    whole = nps(made.feedback)
    for row in measured(made).filter(stage="all").iter_rows(named=True):
        tells = tables.tells_pain() if row["polarity"] == "negative" else tables.tells_praise()
        told = made.mentions.filter(tells, pl.col("topic_id") == row["topic_id"])["feedback_id"]
        others = made.feedback.filter(~pl.col("feedback_id").is_in(told.unique().implode()))
        assert row["impact"] == pytest.approx(whole - nps(others))
        assert row["n_feedback"] == made.feedback.height - others.height
        assert row["impact_low"] < row["impact"] < row["impact_high"]


def test_what_was_put_in_is_found() -> None:
    """Each topic's impact and weight have the sign of the pull it was given; they agree."""
    pulls = {plan.topic_id: plan.pull for plan in PLANS}
    found = measured(frames(6000)).filter(stage="all")
    assert found.height == sum(plan.pull != 0 for plan in PLANS)
    for row in found.iter_rows(named=True):
        assert np.sign(row["impact"]) == np.sign(pulls[row["topic_id"]])
        assert np.sign(row["weight"]) == np.sign(pulls[row["topic_id"]])
        assert row["weight_low"] <= row["weight"] <= row["weight_high"]
    assert found["agree"].all()
    assert found["overlap"].null_count() == found.height


def test_intervals_cover_the_impact_among_everybody() -> None:
    """Of 150 samples of 150 people, 91 to 99.5 % of the intervals hold the crowd's impact."""
    crowd = frames(30_000, repeat=0.5)
    mentions = crowd.mentions.with_columns(stage=pl.lit("none"))
    truth = dict(
        measured(Frames(crowd.feedback, mentions, crowd.topics), n_bootstrap=2)
        .select("topic_id", "impact")
        .iter_rows()
    )
    people, hits = crowd.feedback["person_id"].unique().sort(), []
    for seed in range(150):
        drawn = crowd.feedback.filter(
            pl.col("person_id").is_in(people.sample(150, seed=seed).implode())
        )
        part = mentions.join(drawn.select("feedback_id"), on="feedback_id", how="semi")
        for topic, low, high in (
            measured(Frames(drawn, part, crowd.topics), n_bootstrap=2)
            .select("topic_id", "impact_low", "impact_high")
            .iter_rows()
        ):
            hits.append(low <= truth[topic] <= high)
    assert len(hits) > 1000
    assert 0.91 <= np.mean(hits) <= 0.995


def test_an_innocent_companion_is_found_out() -> None:
    """A topic that only comes along with a bad one has the impact, but not the weight: flagged."""
    rng = np.random.default_rng(0)
    n = 3000
    bad = rng.random(n) < 0.2
    along = bad & (rng.random(n) < 0.7)
    alone = (rng.random(n) < 0.02) & ~bad
    base = frames(n, repeat=0)
    score = np.clip(np.round(8.5 - 5 * bad + 0.6 * (along | alone) + rng.normal(0, 1, n)), 0, 10)
    feedback = base.feedback.with_columns(score=pl.Series(score))
    model = base.mentions.head(1).with_columns(
        type=pl.lit("pain_point"),
        sentiment=pl.lit("negative"),
        stage=pl.lit("use"),
        reason=pl.lit(None, pl.String),
    )
    parts = [
        feedback.filter(pl.Series(mask))
        .select("feedback_id", topic_id=pl.lit(topic))
        .join(model.drop("feedback_id", "topic_id"), how="cross")
        for topic, mask in (("bad", bad), ("along", along | alone))
    ]
    found = drivers.measure(feedback, pl.concat(parts), n_bootstrap=30).filter(stage="use")
    rows = {row["topic_id"]: row for row in found.iter_rows(named=True)}
    assert rows["bad"]["agree"]
    assert rows["along"]["impact"] < 0 < rows["along"]["weight"]
    assert rows["along"]["agree"] is False
    assert rows["along"]["overlap"] == "bad"


@pytest.mark.parametrize("n", [0, 1, 50])
def test_small_data_give_few_rows_and_no_noise(n: int) -> None:
    """Rare topics have no row, and there are at least ten answers for each weight."""
    made = frames(n)
    found = measured(made)
    tables.check(tables.DRIVERS, found)
    assert (found["n_people"] >= 5).all()
    weighed = found.group_by("stage").agg(pl.col("weight").count())["weight"]
    assert (weighed.max() or 0) <= made.feedback.height // 10


def test_without_scores_there_is_nothing() -> None:
    """No scores, no drivers; equal scores have an impact of nothing and no weight."""
    made = frames(100)
    assert measured(frames(100, survey="none")).is_empty()
    same = Frames(made.feedback.with_columns(score=pl.lit(8.0)), made.mentions, made.topics)
    found = measured(same)
    assert (found["impact"] == 0).all()
    assert found["weight"].null_count() == found.height


def test_stages_add_up_to_no_more_than_the_whole() -> None:
    """A topic told at one stage has the same row there and in `all` but for unplaced mentions."""
    made = frames(500)
    placed = Frames(
        made.feedback, made.mentions.filter(~pl.col("stage").is_in(["none", "unsure"])), made.topics
    )
    found = measured(placed)
    columns = ["topic_id", "polarity", "n_feedback", "impact"]
    whole = found.filter(stage="all").select(columns).sort(columns[:2])
    stages = found.filter(pl.col("stage") != "all").select(columns).sort(columns[:2])
    assert_frame_equal(whole, stages)


def test_row_order_does_not_matter() -> None:
    """The same rows in another order give the same table, bootstrap ends included."""
    made = frames(200)
    mixed = Frames(
        *(
            f.sample(fraction=1, shuffle=True, seed=2)
            for f in (made.feedback, made.mentions, made.topics)
        )
    )
    assert_frame_equal(measured(made), measured(mixed))


def test_same_seed_same_table() -> None:
    """Twice the same call, the same numbers, intervals included."""
    made = frames(200)
    assert_frame_equal(measured(made, seed=3), measured(made, seed=3))


def test_the_questions_of_one_row_are_one_answer() -> None:
    """What is told in either question of a row belongs to its one score."""
    made = frames(300)
    second = made.feedback.with_columns(pl.format("{}/q2", "feedback_id").alias("feedback_id"))
    late = made.mentions.with_columns(pl.int_range(pl.len()).over("feedback_id").alias("n"))
    moved = (
        pl.when(pl.col("n") > 0).then(pl.format("{}/q2", "feedback_id")).otherwise("feedback_id")
    )
    split = late.with_columns(moved.alias("feedback_id")).drop("n")
    halves = Frames(pl.concat([made.feedback, second]), split, made.topics)
    assert_frame_equal(measured(made), measured(halves))

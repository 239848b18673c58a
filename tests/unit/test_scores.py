import numpy as np
import polars as pl
import pytest
from tests.synthetic import frames

from painpoints import scores


def answers(
    values: list[float],
    *,
    survey: str = "nps",
    top: float | None = None,
    people: list[str] | None = None,
) -> pl.DataFrame:
    """The columns of feedback that a score needs."""
    return pl.DataFrame(
        {
            "feedback_id": [f"f{i}" for i in range(len(values))],
            "source": ["invented.csv"] * len(values),
            "row": range(len(values)),
            "person_id": people or [f"p{i}" for i in range(len(values))],
            "survey": [survey] * len(values),
            "score": values,
            "score_max": [top] * len(values),
        },
        schema_overrides={"score": pl.Float64, "score_max": pl.Float64},
    )


def test_a_score_by_hand() -> None:
    """Two promoters, a passive and a detractor are an NPS of 25, with the adjusted-Wald ends."""
    (found,) = scores.score(answers([10, 9, 8, 3]))
    assert found.estimate.value == 25
    assert found.estimate.n == 4
    p, d = 2.75 / 7, 1.75 / 7
    half = 1.959964 * np.sqrt((p + d - (p - d) ** 2) / 7)
    assert found.estimate.low == pytest.approx(100 * (p - d - half), abs=1e-4)
    assert found.estimate.high == pytest.approx(100 * (p - d + half), abs=1e-4)
    assert found.small


def test_satisfaction_has_its_share_and_its_mean() -> None:
    """Top-two-box first, the mean beside it, each with its convention in words."""
    share, mean = scores.score(answers([5, 4, 3, 1], survey="csat"))
    assert (share.measure, share.estimate.value) == ("top_two_share", 0.5)
    assert (mean.measure, mean.estimate.value) == ("mean", 3.25)
    assert "4-5" in share.convention
    assert "mean" in mean.convention


def test_kinds_and_scales_are_never_mixed() -> None:
    """NPS, 5-point and 7-point CSAT stand apart, the most answered first."""
    feedback = pl.concat(
        [
            answers([1, 7], survey="csat", top=7),
            answers([9] * 4, top=10),
            answers([5] * 3, survey="csat", top=5),
        ]
    )
    found = scores.score(feedback)
    assert [(s.survey, s.high) for s in found] == [
        ("nps", 100),
        ("csat", 1),
        ("csat", 5),
        ("csat", 1),
        ("csat", 7),
    ]


def test_answers_count_and_people_decide_the_interval() -> None:
    """The same answers twice from the same people: the same score, no more certainty."""
    once = scores.score(answers([10, 9, 8, 3] * 10))[0]
    people = [f"p{i}" for i in range(40)]
    twice = scores.score(answers([10, 9, 8, 3] * 20, people=people * 2))[0]
    assert twice.estimate.value == once.estimate.value
    assert twice.estimate.n == once.estimate.n == 40
    assert twice.estimate.low == pytest.approx(once.estimate.low, abs=0.5)
    assert "clustered by person" in twice.convention


def test_answers_off_the_scale_are_left_out_and_counted() -> None:
    """An 11 on 0..10 counts nothing and is told."""
    (found,) = scores.score(answers([10, 11, 9]))
    assert found.estimate.value == 100
    assert "1 answers off the scale left out" in found.convention


@pytest.mark.parametrize("survey", ["nps", "csat", "stars", "thumbs"])
def test_order_does_not_matter_and_the_truth_is_in(survey: str) -> None:
    """Rows in another order give the same; value and ends are ordered and on the scale."""
    feedback = frames(200, survey=survey).feedback
    found = scores.score(feedback)
    assert found == scores.score(feedback.sample(fraction=1, shuffle=True, seed=1))
    for score in found:
        e = score.estimate
        assert score.low <= e.low <= e.value <= e.high <= score.high


@pytest.mark.parametrize("n", [0, 1, 50])
def test_small_and_scoreless_groups_work(n: int) -> None:
    """No score gives no score; one answer gives one with a wide interval."""
    assert scores.score(frames(n, survey="none", people_known=False).feedback) == ()
    found = scores.score(frames(n).feedback)
    assert len(found) == (1 if n else 0)


def test_each_stage_has_the_scores_of_those_who_speak_of_it() -> None:
    """A feedback that speaks of a stage counts once there, however often it does."""
    made = frames(300)
    found = scores.by_stage(made.feedback, made.mentions)
    assert set(found) == {"all", *made.mentions["stage"].unique()}
    use = made.mentions.filter(stage="use")["feedback_id"].unique().implode()
    alone = scores.score(made.feedback.filter(pl.col("feedback_id").is_in(use)))
    assert found["use"] == alone


def test_intervals_cover_the_score_of_everybody() -> None:
    """Of 300 samples of 60 people with 1 to 4 answers, 92 to 99 % hold the score of the crowd."""
    crowd = frames(40_000, repeat=1.0).feedback
    truth = scores.score(crowd)[0].estimate.value
    people = crowd["person_id"].unique().sort()
    hits = 0
    for seed in range(300):
        drawn = people.sample(60, seed=seed).implode()
        e = scores.score(crowd.filter(pl.col("person_id").is_in(drawn)))[0].estimate
        hits += e.low <= truth <= e.high
    assert 0.92 <= hits / 300 <= 0.99


def test_the_questions_of_one_row_are_one_answer() -> None:
    """A row with two open questions makes two feedbacks; its score counts once."""
    row = answers([10, 9, 8, 3])
    both = pl.concat(
        [row, row.with_columns(pl.format("{}/q2", "feedback_id").alias("feedback_id"))]
    )
    assert scores.score(both) == scores.score(row)


def test_each_touchpoint_has_the_scores_of_those_who_speak_of_it() -> None:
    """A person counts at every touchpoint they speak of; `none` is no touchpoint."""
    made = frames(400)
    mentions = made.mentions.with_columns(
        touchpoint=pl.when(stage="loyalty").then(pl.lit("none")).otherwise("touchpoint")
    )
    found = scores.by_touchpoint(made.feedback, mentions)
    assert set(found) == set(mentions["touchpoint"]) - {"none"}
    speakers = mentions.filter(touchpoint="staff")["feedback_id"]
    wanted = scores.score(made.feedback.filter(pl.col("feedback_id").is_in(speakers.implode())))
    assert found["staff"] == wanted


def test_a_group_without_any_score_is_named_with_none() -> None:
    """Who asked nobody for a score still has a place in the table; it is empty, not missing."""
    feedback = answers([10, 9, 3]).with_columns(channel=pl.Series(["app", "app", "web"]))
    silent = feedback.with_columns(score=pl.when(pl.col("channel") == "app").then("score"))
    found = scores.by_group(silent, "channel")
    assert list(found) == ["app", "web"]
    assert found["web"] == ()
    assert found["app"][0].estimate.n == 2

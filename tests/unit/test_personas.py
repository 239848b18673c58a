import numpy as np
import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import findings, personas, scores, stats
from painpoints.domain import SegmentView


def compared(made: Frames, **how: object) -> dict[str, SegmentView]:
    """The segments by their values."""
    found = personas.compare(made.feedback, findings.members(made.mentions), {}, **how)
    return {view.value: view for view in found}


def planted(seed: int = 0, n: int = 1500) -> Frames:
    """Customers of whom those on `pro` tell of crashes instead of half of what they would tell."""
    made = frames(n, seed=seed, repeat=0)
    pro = made.feedback.filter(segment_plan="pro")["feedback_id"]
    rng = np.random.default_rng(seed)
    swapped = pl.col("feedback_id").is_in(pro.implode()) & pl.Series(
        rng.random(made.mentions.height) < 0.4
    )
    crash = {"topic_id": "t07", "stage": "use", "type": "pain_point", "sentiment": "negative"}
    mentions = made.mentions.with_columns(
        pl.when(swapped).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in crash.items()
    )
    return Frames(made.feedback, mentions, made.topics)


def test_what_sets_a_segment_apart_is_found_and_named() -> None:
    """The planted pain is told more often by `pro`, with its share, interval and mentions."""
    made = planted()
    view = compared(made)["pro"]
    first = view.apart[0]
    labels = {("", "", "t07"): "Crashes", ("pain_point", "use", "t07"): "App crashes"}
    members = findings.members(made.mentions)
    named = [
        personas.compare(made.feedback, members, dict(list(labels.items())[:n])) for n in (1, 2)
    ]
    assert [next(v for v in views if v.value == "pro").apart[0].label for views in named] == [
        "Crashes",
        "App crashes",
    ]
    assert (first.group, first.topic_id) == ("pain_point", "t07")
    assert first.share_here > first.share_elsewhere
    assert first.difference.low > 0
    pro = set(made.feedback.filter(segment_plan="pro")["feedback_id"])
    assert {i.split("#")[0] for i in first.evidence_ids} <= pro
    members = findings.members(made.mentions).filter(kind="pain_point", stage="use", topic_id="t07")
    here = members.filter(pl.col("feedback_id").is_in(list(pro)))
    assert first.here == here["feedback_id"].n_unique()


def test_the_evidence_tells_of_what_is_apart() -> None:
    """Every difference rests on mentions of its own group, of the segment or of the others."""
    made = planted()
    members = findings.members(made.mentions)
    apart = [each for view in compared(made).values() for each in view.apart]
    assert len({(each.group, each.stage, each.topic_id) for each in apart}) > 1
    for each in apart:
        own = members.filter(kind=each.group, stage=each.stage, topic_id=each.topic_id)
        shown = {*each.evidence_ids, *each.evidence_elsewhere}
        assert shown
        assert shown <= set(own["mention_id"])


def test_segments_alike_are_not_told_apart() -> None:
    """In 20 runs where segments do not differ, one in ten runs at most shows a difference."""
    false = [
        any(view.apart for view in compared(frames(500, seed=seed, survey="none")).values())
        for seed in range(20)
    ]
    assert np.mean(false) <= 0.1


@pytest.mark.parametrize("survey", ["nps", "csat", "stars"])
def test_scores_are_those_of_the_score_step(survey: str) -> None:
    """The score of a segment is what `scores` says of its feedback; the rest's of the others."""
    made = frames(400, survey=survey)
    view = compared(made)["pro"]
    pro = pl.col("segment_plan") == "pro"
    for side, shown in ((pro, view.score), (~pro, view.rest)):
        wanted = scores.score(made.feedback.filter(side))[0].estimate
        assert (shown.value, shown.low, shown.high) == pytest.approx(
            (wanted.value, wanted.low, wanted.high)
        )


def test_a_segment_that_scores_otherwise_is_found() -> None:
    """Two points less on `pro` is sure; equal segments are not, after Holm's correction."""
    made = frames(900)
    lower = made.feedback.with_columns(
        score=pl.when(segment_plan="pro").then((pl.col("score") - 2).clip(0)).otherwise("score")
    )
    moved = compared(Frames(lower, made.mentions, made.topics))
    assert moved["pro"].p_value is not None
    assert moved["pro"].p_value < 0.05
    alike = compared(made)
    assert all(view.p_value is None or view.p_value >= 0.05 for view in alike.values())


def test_small_segments_are_named_and_not_compared() -> None:
    """Ten people of a plan: said to be too few, nothing claimed."""
    made = frames(300, repeat=0)
    rare = made.feedback.with_row_index("i").with_columns(
        segment_plan=pl.when(pl.col("i") < 10).then(pl.lit("rare")).otherwise("segment_plan")
    )
    view = compared(Frames(rare.drop("i"), made.mentions, made.topics))["rare"]
    assert (view.small, view.n_people, view.apart, view.p_value) == (True, 10, (), None)


def test_few_scores_of_a_segment_are_not_compared() -> None:
    """Of a plan of many people two gave five stars: their score is told, no difference claimed."""
    made = frames(400, survey="stars", repeat=0)
    pro = pl.col("segment_plan") == "pro"
    few = made.feedback.with_columns(
        score=pl.when(~pro).then("score").when(pro.cum_sum() <= 2).then(5.0)
    )
    view = compared(Frames(few, made.mentions, made.topics))["pro"]
    assert (view.small, view.score.value, view.score.n, view.p_value) == (False, 5.0, 2, None)


def test_nothing_to_compare() -> None:
    """No feedback, or one value only: no segments."""
    assert compared(frames(0)) == {}
    one = frames(50)
    flat = one.feedback.with_columns(segment_plan=pl.lit("all"), channel=pl.lit("web"))
    assert compared(Frames(flat, one.mentions, one.topics)) == {}


def two_plans(made: Frames) -> Frames:
    """The same people, on `pro` or `basic` only."""
    pro = pl.col("segment_plan") == "pro"
    plan = pl.when(pro).then(pl.lit("pro")).otherwise(pl.lit("basic"))
    return Frames(made.feedback.with_columns(segment_plan=plan), made.mentions, made.topics)


def test_two_values_of_a_column_are_one_comparison() -> None:
    """Of two plans one view stands, the larger against the other, with both sides' people."""
    made = two_plans(planted())
    views = compared(made)
    plans = [view for view in views.values() if view.column == "plan"]
    assert [(v.value, v.against) for v in plans] == [("basic", "pro")]
    view = plans[0]
    people = made.feedback.filter(pl.col("reason").is_null())
    sizes = [people.filter(segment_plan=plan)["person_id"].n_unique() for plan in ("basic", "pro")]
    assert [view.n_people, view.n_rest] == sizes
    crash = next(d for d in view.apart if (d.group, d.topic_id) == ("pain_point", "t07"))
    assert crash.difference.high < 0
    pro = set(made.feedback.filter(segment_plan="pro")["feedback_id"])
    assert crash.evidence_elsewhere
    assert {i.split("#")[0] for i in crash.evidence_elsewhere} <= pro
    assert crash.share_elsewhere == pytest.approx(crash.elsewhere / view.n_rest)


def test_one_comparison_is_corrected_as_one() -> None:
    """With two plans and nothing else to compare, the score's p is that of one test: no factor."""
    made = two_plans(frames(300, repeat=0))
    flat = made.feedback.with_columns(channel=pl.lit(None, pl.String))
    view = compared(Frames(flat, made.mentions, made.topics))["basic"]
    sides = [scores.score(flat.filter(segment_plan=plan))[0] for plan in ("basic", "pro")]
    points = [np.repeat([float(a) for a in s.answers], list(s.answers.values())) for s in sides]
    nets = [np.where(p >= 9, 100.0, np.where(p <= 6, -100.0, 0.0)) for p in points]
    each = [stats.sample(net, np.arange(net.size)) for net in nets]
    alone = stats.difference(each[0], each[1], "net", low=-100, high=100)
    assert alone < 0.5
    assert view.p_value == pytest.approx(alone)


def test_people_without_a_value_are_left_out_of_two() -> None:
    """Blank plans stand on neither side."""
    made = two_plans(frames(300, repeat=0))
    blank = made.feedback.with_row_index("i").with_columns(
        segment_plan=pl.when(pl.col("i") >= 100).then("segment_plan")
    )
    view = compared(Frames(blank.drop("i"), made.mentions, made.topics))["basic"]
    named = blank.filter(pl.col("reason").is_null(), pl.col("segment_plan").is_not_null())
    assert view.n_people + view.n_rest == named.height

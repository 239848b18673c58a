import json
from dataclasses import replace

import polars as pl
import pytest
from tests.synthetic import Frames, frames

from painpoints import drivers, findings, journeymap, scores, tables, trends
from painpoints.domain import STAGES, JourneyMap, Stage

JOURNEY = tuple(Stage(name, name.title()) for name in STAGES)


def found(made: Frames, feasibility: pl.DataFrame | None = None) -> pl.DataFrame:
    """The findings with few bootstrap draws."""
    measured = drivers.measure(made.feedback, made.mentions, n_bootstrap=5)
    return findings.find(
        made.feedback, made.mentions, made.topics, measured, n_bootstrap=20, feasibility=feasibility
    )


def mapped(made: Frames, stages: tuple[Stage, ...] = JOURNEY) -> JourneyMap:
    """The whole map."""
    periods = trends.choose(made.feedback)
    members = findings.members(made.mentions)
    return journeymap.build(
        made.feedback,
        made.mentions,
        made.topics,
        trends.annotate(found(made), members, made.feedback, periods),
        stages=stages,
        title="Invented",
        scores=scores.by_stage(made.feedback, made.mentions),
        changes=trends.changes(made.feedback, made.mentions, periods),
        period=periods.now if periods else None,
        previous_period=periods.before if periods else None,
    )


@pytest.mark.parametrize("n", [0, 1, 50, 200, 1000])
def test_counts_reconcile(n: int) -> None:
    """Mentions of all stages and those without one are all mentions; so for touchpoints, channels."""
    made = frames(n)
    whole = mapped(made)
    assert (
        sum(v.n_mentions for v in whole.stages) + sum(whole.no_stage.values()) == whole.n_mentions
    )
    assert whole.n_mentions == made.mentions.height
    for view in whole.stages:
        for tallies in (view.touchpoints, view.channels):
            assert sum(t.n_mentions for t in tallies) == view.n_mentions
    without = made.mentions["topic_id"].null_count()
    assert sum(whole.without_topic.values()) == without


def test_stages_of_others_are_counted_as_without() -> None:
    """With a journey of one stage all other mentions are counted under their own names."""
    made = frames(100)
    whole = mapped(made, (Stage("use", "Use"),))
    assert whole.stages[0].n_mentions == made.mentions.filter(stage="use").height
    assert sum(whole.no_stage.values()) == made.mentions.height - whole.stages[0].n_mentions
    assert "delivery" in whole.no_stage


def test_what_was_left_out_is_counted_by_reason() -> None:
    """Feedbacks without a mention add to those with one; each has a reason."""
    made = frames(100)
    silent = made.feedback.head(30).with_columns(
        pl.format("s{}", pl.int_range(pl.len())).alias("feedback_id"),
        reason=pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("empty")),
    )
    whole = mapped(Frames(pl.concat([made.feedback, silent]), made.mentions, made.topics))
    assert whole.left_out == {"empty": 20, "no_mention": 10}
    told = made.mentions["feedback_id"].n_unique()
    assert whole.n_feedback == told + sum(whole.left_out.values())


def test_every_finding_is_on_the_map_once() -> None:
    """Ranked pains, ranked opportunities and those listed apart are all findings, in rank order."""
    made = frames(300)
    whole = mapped(made)
    shown = [f for v in whole.stages for f in (*v.pain_points, *v.opportunities, *v.listed_apart)]
    assert sorted(f.finding_id for f in shown) == sorted(found(made)["finding_id"])
    for view in whole.stages:
        for ranked in (view.pain_points, view.opportunities):
            assert [f.rank for f in ranked] == list(range(1, len(ranked) + 1))
        assert all(f.rank is None for f in view.listed_apart)


def test_owner_and_note_reach_the_map_and_its_json() -> None:
    """What the analyst's table says of a topic stands with its findings, and nowhere else."""
    made = frames(300)
    judged = pl.DataFrame({"topic": ["t04"], "effort": [2.0], "owner": ["Bo"], "note": ["in May"]})
    whole = journeymap.build(
        made.feedback, made.mentions, made.topics, found(made, judged), stages=JOURNEY, title="T"
    )
    told = [f for v in whole.stages for f in (*v.pain_points, *v.opportunities, *v.listed_apart)]
    assert {(f.owner, f.note) for f in told if f.topic_id == "t04"} == {("Bo", "in May")}
    assert {(f.owner, f.note) for f in told if f.topic_id != "t04"} == {(None, None)}
    late = journeymap.to_dict(whole)["stages"][3]["pain_points"][0]
    assert (late["topic_id"], late["owner"], late["note"]) == ("t04", "Bo", "in May")


def test_the_minimum_that_ranks_is_told() -> None:
    """The map and its JSON say from how many people on its findings are ranked."""
    made = frames(50)
    whole = journeymap.build(
        made.feedback, made.mentions, made.topics, found(made), stages=JOURNEY, title="T", min_people=9
    )  # fmt: skip
    assert journeymap.to_dict(whole)["min_people"] == 9


def test_net_sentiment_counts_each_person_once() -> None:
    """One who says two bad things and a good one is negative; evenly mixed is neither."""
    made = frames(3, repeat=0)
    moods = ["negative", "negative", "positive", "positive", "positive", "negative"]
    owners = ["f0", "f0", "f0", "f1", "f2", "f2"]
    row = made.mentions.head(1).with_columns(stage=pl.lit("use"))
    said = pl.concat([row] * 6).with_columns(
        feedback_id=pl.Series(owners),
        sentiment=pl.Series(moods),
        mention_id=pl.Series([f"m{i}" for i in range(6)]),
    )
    view = next(
        v for v in mapped(Frames(made.feedback, said, made.topics)).stages if v.stage.name == "use"
    )
    assert view.net_sentiment.value == 0  # f0 negative, f1 positive, f2 neither
    assert view.net_sentiment.n == view.n_people == 3
    assert view.net_sentiment.low < 0 < view.net_sentiment.high


def test_people_are_known_only_when_all_are_named() -> None:
    """Without person ids each feedback counts as one person, and the map says so."""
    named, nameless = mapped(frames(60)), mapped(frames(60, people_known=False))
    assert named.people_known
    assert named.n_people == 60 < named.n_feedback
    assert not nameless.people_known
    assert nameless.n_people == nameless.n_feedback
    assert "0 of" in nameless.conventions["people"]


def test_filters_are_the_values_there_are() -> None:
    """Channels and segments with several values, without the prefix of the tables."""
    filters = mapped(frames(100)).filters
    assert filters["plan"] == ("basic", "family", "pro")
    assert "survey" not in filters  # all of one kind


@pytest.mark.parametrize("how", [{}, {"survey": "none", "dated": False, "people_known": False}])
@pytest.mark.parametrize("n", [0, 1, 300])
def test_the_plain_form_is_json(n: int, how: dict[str, object]) -> None:
    """No NaN, no object of ours, times in ISO 8601; the stages in their order."""
    plain = journeymap.to_dict(mapped(frames(n, **how)))
    again = json.loads(json.dumps(plain, allow_nan=False))
    assert again == plain
    assert [view["stage"]["name"] for view in plain["stages"]] == list(STAGES)


def test_not_a_number_never_gets_out() -> None:
    """Infinite and undefined numbers become null."""
    whole = mapped(frames(50))
    odd = replace(
        whole.stages[0], share=replace(whole.stages[0].share, value=float("nan"), high=float("inf"))
    )
    share = journeymap.to_dict(replace(whole, stages=(odd,)))["stages"][0]["share"]
    assert share["value"] is None
    assert share["high"] is None


def test_evidence_quotes_exactly() -> None:
    """Each quote stands in its verbatim where it says, in the order of the mentions."""
    made = frames(50)
    shown = journeymap.evidence(made.feedback, made.mentions, found(made))
    assert [e.mention_id for e in shown] == made.mentions["mention_id"].to_list()
    texts = dict(made.mentions.select("mention_id", "text").iter_rows())
    assert all(e.verbatim[e.start : e.end] == texts[e.mention_id] for e in shown)
    assert shown[0].segments["plan"] in {"basic", "family", "pro"}


def test_evidence_tells_which_answer_it_belongs_to() -> None:
    """Row and scale come along, so that the questions of one row are known to be one answer."""
    made = frames(50)
    rows = {row["feedback_id"]: row for row in made.feedback.iter_rows(named=True)}
    for shown in journeymap.evidence(made.feedback, made.mentions, found(made)):
        told = rows[shown.feedback_id]
        assert (shown.row, shown.score_max) == (told["row"], told["score_max"])


def test_capped_evidence_keeps_what_is_most_telling() -> None:
    """Under the cap, each finding keeps its first quotes, whatever the order of the rows."""
    made = frames(400)
    table = found(made)
    few = journeymap.evidence(made.feedback, made.mentions, table, max_evidence=100)
    assert len(few) == 100
    ids = {e.mention_id for e in few}
    assert all(row[0] in ids for row in table["evidence_ids"].to_list())
    mixed = made.mentions.sample(fraction=1, shuffle=True, seed=1)
    again = journeymap.evidence(made.feedback, mixed, table, max_evidence=100)
    assert {e.mention_id for e in again} == ids


def test_tables_are_not_edited() -> None:
    """Building a map leaves the tables as they were."""
    made = frames(50)
    before = [frame.clone() for frame in (made.feedback, made.mentions, made.topics)]
    mapped(made)
    assert all(
        a.equals(b)
        for a, b in zip(before, (made.feedback, made.mentions, made.topics), strict=True)
    )
    tables.check(tables.MENTIONS, made.mentions)

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.synthetic import Frames, frames

from painpoints import drivers, efforts, findings, stats, tables


def found(made: Frames, **how: object) -> pl.DataFrame:
    """The findings with few bootstrap draws."""
    measured = drivers.measure(made.feedback, made.mentions, n_bootstrap=10)
    return findings.find(
        made.feedback, made.mentions, made.topics, measured, **({"n_bootstrap": 60} | how)
    )


def one(table: pl.DataFrame, finding_id: str) -> dict[str, object]:
    """The row of one finding."""
    return table.row(by_predicate=pl.col("finding_id") == finding_id, named=True)


def test_reach_counts_people_not_comments() -> None:
    """One person who says it five times more adds mentions, not reach."""
    made = frames(300)
    told = made.mentions.filter(type="pain_point", topic_id="t07", stage="use").head(1)
    loud = pl.concat(
        [made.mentions, *(told.with_columns(mention_id=pl.lit(f"loud{i}")) for i in range(5))]
    )
    before, after = (
        one(found(Frames(made.feedback, m, made.topics)), "pain_point:use:t07")
        for m in (made.mentions, loud)
    )
    assert after["reach"] == before["reach"]
    assert after["n_mentions"] == before["n_mentions"] + 5


def test_one_person_is_one_person() -> None:
    """The sentence why a claim is listed counts people as one says it."""
    made = frames(300)
    alone = made.mentions.filter(type="pain_point", topic_id="t07", stage="use").head(1)
    table = found(Frames(made.feedback, alone, made.topics))
    assert one(table, "pain_point:use:t07")["why"] == "1 person tells of it as a problem"
    many = one(found(made), "pain_point:use:t07")
    assert many["why"] == f"{many['reach']} people tell of it as a problem"


def test_a_rank_that_is_sure_is_one_number() -> None:
    """Without scores the reason names the rank, and a range only where it is one."""
    told = found(frames(400, survey="none")).filter(opportunity="remove_pain")
    assert told.height
    for row in told.iter_rows(named=True):
        low, high = row["rank_low"], row["rank_high"]
        assert f" rank {low} of its" in row["why"] or (low < high and f"{low} to {high}" in row["why"])  # fmt: skip


def test_share_is_of_the_people_of_the_stage() -> None:
    """Reach over everybody who speaks of the stage, with Wilson's ends."""
    made = frames(300)
    row = one(found(made), "pain_point:use:t07")
    at_stage = made.mentions.filter(stage="use").join(made.feedback, on="feedback_id")
    n = at_stage["person_id"].n_unique()
    assert row["share"] == pytest.approx(row["reach"] / n)
    assert (row["share_low"], row["share_high"]) == pytest.approx(stats.wilson(row["reach"], n))


def test_priority_is_what_its_formula_says() -> None:
    """The product of the printed factors is the printed priority, within their rounding."""
    effort = pl.DataFrame({"topic": ["t07", "Parcel arrives late"], "effort": [5, 1]})
    for row in found(frames(400), feasibility=effort).iter_rows(named=True):
        product, said = row["priority_formula"].split(";")[0].split(" = ")
        value = 1.0
        for factor in product.replace("effort not judged (as 3 of 5)", "unjudged 1").split(" x "):
            number = factor.split(" ")[-1]
            value *= 3 / float(number) if factor.startswith("3 / effort") else float(number)
        assert value == pytest.approx(float(said), rel=0.02)
        assert float(said) == pytest.approx(row["priority"], abs=0.06)


def test_ranks_follow_the_priority_within_stage_and_kind() -> None:
    """1..n by falling priority; the range holds the rank; small groups have none."""
    table = found(frames(400), min_people=20)
    for _, part in table.group_by("stage", "kind"):
        ranked = part.filter(pl.col("reach") >= 20).sort("priority", descending=True)
        assert ranked["rank"].to_list() == list(range(1, ranked.height + 1))
        assert (ranked["rank_low"] <= ranked["rank"]).all()
        assert (ranked["rank"] <= ranked["rank_high"]).all()
    small = table.filter(pl.col("reach") < 20)
    assert small.height > 0
    assert small["rank"].null_count() == small["rank_high"].null_count() == small.height


def test_close_rivals_share_a_range_and_far_ones_do_not() -> None:
    """Two pains of a stage with like priorities may change places; with many people they settle."""
    made = frames(80, repeat=0, survey="none")
    number = pl.col("feedback_id").str.slice(1).cast(pl.Int64)
    ranges = []
    for every in (2, 5):
        topic = pl.when(number % every == 0).then(pl.lit("t02")).otherwise(pl.lit("t04"))
        pair = made.mentions.with_columns(
            topic_id=topic,
            stage=pl.lit("use"),
            type=pl.lit("pain_point"),
            sentiment=pl.lit("negative"),
            severity=pl.lit(2, pl.Int8),
        )
        table = found(Frames(made.feedback, pair, made.topics)).filter(kind="pain_point")
        ranges.append(table.select("rank_low", "rank_high").rows())
    assert ranges == [[(1, 2), (1, 2)], [(1, 1), (2, 2)]]


def test_rank_ranges_hold_the_true_rank() -> None:
    """In at least 90 % of 40 samples the range holds the rank that the whole crowd gives."""
    crowd = frames(8000, repeat=0, survey="none")
    truth = dict(found(crowd).filter(kind="opportunity").select("finding_id", "rank").iter_rows())
    hits = []
    for seed in range(40):
        feedback = crowd.feedback.sample(150, seed=seed)
        mentions = crowd.mentions.join(feedback.select("feedback_id"), on="feedback_id", how="semi")
        table = findings.find(
            feedback, mentions, crowd.topics, tables.DRIVERS.empty(), n_bootstrap=60
        )
        rows = table.filter(stage="use", kind="pain_point").select(
            "finding_id", "rank_low", "rank_high"
        )
        hits += [
            low <= truth.get(name.replace("pain_point", "remove_pain"), 1) <= high
            for name, low, high in rows.drop_nulls().iter_rows()
        ]
    assert sum(hits) / len(hits) >= 0.9


def test_the_three_kinds_of_opportunity_rest_on_evidence() -> None:
    """Pains are removed only where the score surely suffers; delights are extended where it gains."""
    table = found(frames(800))
    kinds = {
        kind: part for (kind,), part in table.filter(kind="opportunity").group_by("opportunity")
    }
    assert set(kinds) == {"remove_pain", "asked_for", "extend_delight"}
    assert (kinds["remove_pain"]["impact_high"] <= -1).all()
    assert (kinds["extend_delight"]["impact_low"] >= 1).all()
    assert kinds["asked_for"]["topic_id"].to_list() == ["t09"]
    pains = table.filter(kind="pain_point")
    assert kinds["remove_pain"].height < pains.height
    assert table["why"].str.len_chars().min() > 10


@pytest.mark.parametrize(
    ("others", "labels", "why"),
    [
        (slice(12), ("pain_point", "negative"), ["12 of 12 who speak of it praise it; no scores to go by"]),
        (slice(12, 52), ("other", "neutral"), []),
    ],
)  # fmt: skip
def test_praise_is_held_against_the_people_who_speak_of_it(
    others: slice, labels: tuple[str, str], why: list[str]
) -> None:
    """Who praises and blames counts once; who does neither counts too."""
    made = frames(60, survey="none", repeat=0)
    each = made.mentions.unique("feedback_id", keep="first", maintain_order=True)
    praise, more = (
        each[some].with_columns(type=pl.lit(type_), sentiment=pl.lit(sentiment))
        for some, (type_, sentiment) in ((slice(12), ("praise", "positive")), (others, labels))
    )
    mentions = pl.concat([praise, more]).with_columns(
        mention_id=pl.format("m{}", pl.int_range(pl.len())),
        topic_id=pl.lit("t08"),
        stage=pl.lit("use"),
    )
    table = found(Frames(made.feedback, mentions, made.topics))
    assert table.filter(opportunity="extend_delight")["why"].to_list() == why


def test_weak_pains_are_no_opportunity() -> None:
    """With few answers nothing is sure: pains are named, none is offered for removal."""
    table = found(frames(40))
    assert table.filter(kind="pain_point").height > 0
    assert table.filter(opportunity="remove_pain").height <= 2


def test_questions_of_an_unmet_need_are_asked_for() -> None:
    """A question whether something exists counts as a wish; one about the weather does not."""
    made = frames(60)
    row = made.mentions.filter(
        pl.col("topic_id").is_not_null(), ~pl.col("stage").is_in(["none", "unsure"])
    ).head(1)
    asked = row.with_columns(type=pl.lit("question"), sentiment=pl.lit("neutral"))
    texts = ["Is there a way to pause it?", "Do you deliver on Sundays?", "What time is it?"]
    kinds = [
        findings.members(asked.with_columns(text=pl.lit(text)))["kind"].to_list() for text in texts
    ]
    assert kinds == [["asked_for"], ["asked_for"], []]


def test_members_are_what_findings_count() -> None:
    """The mentions of a group are as many as its finding says; none is in two groups."""
    made = frames(200)
    members = findings.members(made.mentions)
    assert members["mention_id"].is_unique().all()
    counted = dict(
        members.filter(kind="pain_point")
        .group_by(pl.format("pain_point:{}:{}", "stage", "topic_id"))
        .len()
        .iter_rows()
    )
    table = found(made).filter(kind="pain_point")
    assert dict(table.select("finding_id", "n_mentions").iter_rows()) == counted


def test_evidence_starts_with_distinct_people_and_texts() -> None:
    """Ids are the group's own; the first ones come from as many people and texts as there are."""
    made = frames(500)
    members = findings.members(made.mentions)
    row = one(found(made), "pain_point:use:t07")
    own = members.filter(kind="pain_point", stage="use", topic_id="t07")["mention_id"]
    assert len(row["evidence_ids"]) == min(200, row["n_mentions"]) == len(set(row["evidence_ids"]))
    assert set(row["evidence_ids"]) <= set(own)
    texts = made.mentions.filter(pl.col("mention_id").is_in(row["evidence_ids"][:10]))["text"]
    assert texts.str.to_lowercase().n_unique() == 10


def test_effort_moves_opportunities_not_pains() -> None:
    """An easy fix gains, a hard one loses; pains rank by what they do; unjudged count as middle."""
    made = frames(400)
    plain, judged = (
        found(made, feasibility=f)
        for f in (None, pl.DataFrame({"touchpoint": ["app"], "effort": [1.0]}))
    )
    assert plain["feasibility"].null_count() == plain.height
    easy = one(judged, "remove_pain:use:t07")
    assert easy["feasibility"] == 5
    assert easy["priority"] == pytest.approx(3 * one(plain, "remove_pain:use:t07")["priority"])
    pains = [
        table.filter(kind="pain_point").select("finding_id", "priority", "rank")
        for table in (plain, judged)
    ]
    assert_frame_equal(*pains)


def test_owner_and_note_come_with_the_effort() -> None:
    """Of the closest row: topic and touchpoint, then the topic by any of its names, the touchpoint."""
    given = pl.DataFrame(
        {
            "topic": ["T07", "app closes BY itself", "Parcel arrives late", None],
            "touchpoint": ["staff", None, "delivery", "app"],
            "effort": [4.0, 2.0, 1.0, 5.0],
            "owner": ["Nobody", " Ada ", "Bo", "Cy"],
            "note": ["elsewhere", "waits for 3.2", "", None],
        }
    )
    table = found(frames(400), feasibility=given, labels={("pain_point", "use", "t07"): "App closes by itself"})  # fmt: skip
    for row, wanted in {
        "pain_point:use:t07": (4.0, "Ada", "waits for 3.2"),
        "remove_pain:use:t07": (4.0, "Ada", "waits for 3.2"),
        "pain_point:delivery:t04": (5.0, "Bo", None),
        "asked_for:use:t09": (1.0, "Cy", None),
        "pain_point:consideration:t01": (None, None, None),
    }.items():
        told = one(table, row)
        assert (told["feasibility"], told["owner"], told["note"]) == wanted, row


def test_efforts_that_speak_of_nothing_are_told() -> None:
    """A misspelt topic, or one at a touchpoint where it is not told, is named as it was written."""
    made = frames(400)
    given = pl.DataFrame(
        {
            "topic": ["Parcel arives late", "t07", "t07", None, None],
            "touchpoint": [None, None, "staff", "app", "moon"],
            "effort": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    table = found(made, feasibility=given)
    told = efforts.unmatched(table, made.topics, given)
    assert told == ("Parcel arives late", "t07, staff", "moon")


def test_labels_come_from_the_caller_else_from_the_topic() -> None:
    """A given label is taken for the finding and for the opportunity made of it."""
    table = found(frames(400), labels={("pain_point", "use", "t07"): "App closes by itself"})
    assert one(table, "pain_point:use:t07")["label"] == "App closes by itself"
    assert one(table, "remove_pain:use:t07")["label"] == "App closes by itself"
    assert one(table, "pain_point:delivery:t04")["label"] == "Parcel arrives late"


@pytest.mark.parametrize("n", [0, 1, 50])
@pytest.mark.parametrize("survey", ["nps", "none"])
def test_small_data_work(n: int, survey: str) -> None:
    """Any size makes a valid table; nothing under the minimum is ranked."""
    table = found(frames(n, survey=survey, people_known=False, dated=False))
    tables.check(tables.FINDINGS, table)
    assert (table["rank"].is_null() == (table["reach"] < 5)).all()


def test_order_and_doubling() -> None:
    """Other row orders change nothing; a crowd twice as large leaves shares and order as they are."""
    made = frames(300)
    mixed = Frames(
        *(
            f.sample(fraction=1, shuffle=True, seed=2)
            for f in (made.feedback, made.mentions, made.topics)
        )
    )
    assert_frame_equal(found(made), found(mixed))
    twin = made.feedback.with_columns(
        -pl.col("row"),
        pl.format("{}x", "feedback_id").alias("feedback_id"),
        pl.format("{}x", "person_id").alias("person_id"),
    )
    again = made.mentions.with_columns(
        pl.format("{}x", "feedback_id").alias("feedback_id"),
        pl.format("{}x", "mention_id").alias("mention_id"),
    )
    twice = found(
        Frames(pl.concat([made.feedback, twin]), pl.concat([made.mentions, again]), made.topics)
    )
    ones, twos = (
        t.filter(kind="pain_point").select("finding_id", "share", "severity")
        for t in (found(made), twice)
    )
    assert_frame_equal(ones.sort("finding_id"), twos.sort("finding_id"))


def test_the_gap_is_between_answers_not_people() -> None:
    """Of ten answers each, a fifth of the people tell it in one: those answers lie 100 points lower."""
    base = frames(1000, repeat=0)
    at = pl.int_range(pl.len())
    tells = (at < 200) & (at % 10 == 0)
    feedback = base.feedback.with_columns(
        person_id=pl.format("p{}", at // 10), score=pl.when(tells).then(0.0).otherwise(7.0)
    )
    said = (
        base.mentions.filter(type="pain_point", stage="use")
        .head(1)
        .with_columns(topic_id=pl.lit("t07"))
    )
    mentions = (
        feedback.filter(tells)
        .select("feedback_id", mention_id=pl.format("m{}", at))
        .join(said.drop("feedback_id", "mention_id"), how="cross")
        .select(base.mentions.columns)
    )
    row = one(found(Frames(feedback, mentions, base.topics)), "pain_point:use:t07")
    assert row["impact"] == pytest.approx(-2.0)
    assert "score -100.0 on NPS" in row["priority_formula"]


def test_effects_on_a_share_are_told_in_percentage_points() -> None:
    """Where the score is a share, the reasons speak of percentage points, never of -0.01."""
    told = found(frames(800, survey="csat")).filter(pl.col("impact").is_not_null())
    assert told.height
    for row in told.iter_rows(named=True):
        sign = "+" if row["impact"] > 0 else "-"
        assert f"score {sign}" in row["priority_formula"]
        assert " pp on CSAT" in row["priority_formula"]
    removable = told.filter(opportunity="remove_pain").row(0, named=True)
    assert f"{100 * removable['impact_low']:+.1f} pp" in removable["why"]

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from tests.synthetic import START, Frames, frames

from painpoints import findings, mapdiff, scores, stats, trends
from painpoints.domain import Lineage, MapChange


def named(made: Frames, run: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables with ids of a run of its own, and people of its own."""
    feedback = made.feedback.with_columns(
        feedback_id=pl.lit(run) + pl.col("feedback_id"),
        person_id=pl.lit(run) + pl.col("person_id"),
    )
    mentions = made.mentions.with_columns(
        feedback_id=pl.lit(run) + pl.col("feedback_id"),
        mention_id=pl.lit(run) + pl.col("mention_id"),
    )
    return feedback, mentions


def compared(
    before: tuple[pl.DataFrame, pl.DataFrame],
    now: tuple[pl.DataFrame, pl.DataFrame],
    lineage: tuple[Lineage, ...] = (),
    **how: object,
) -> tuple[dict[tuple[str, str], MapChange], float]:
    """The changes by group and topic, and the expected false alarms."""
    sides = mapdiff.join(before, now)
    members = findings.members(sides.mentions)
    changes, false = mapdiff.compare(sides, members, {}, lineage, **({"n_permutations": 0} | how))
    return {(c.group, c.topic_id): c for c in changes}, false


def test_what_grew_rises_and_what_went_is_fixed() -> None:
    """Three times the crashes rise, a pain nobody tells any more is fixed, one nobody told is new."""
    calm = frames(1500, seed=1)
    stormy = frames(1500, seed=2, late_growth={"t07": 3, "t10": 0})
    late = stormy.feedback.filter(pl.col("created_at") > START + timedelta(days=91))
    told = stormy.mentions.join(late.select("feedback_id"), on="feedback_id", how="semi")
    later = named(Frames(late, told, stormy.topics), "b")
    found, _ = compared(named(calm, "a"), later)
    assert found["pain_point", "t07"].verdict == "rising"
    assert found["pain_point", "t10"].verdict == "fixed"
    assert found["pain_point", "t04"].verdict == "unchanged"
    back, _ = compared(later, named(calm, "a"))
    assert back["pain_point", "t10"].verdict == "new"


def test_shares_intervals_and_evidence_are_of_both_runs() -> None:
    """Shares are of all people heard, the difference has its interval, ids are the runs' own."""
    before, now = named(frames(400, seed=1), "a"), named(frames(300, seed=2), "b")
    change = compared(before, now)[0]["pain_point", "t07"]
    n_before, n_now = (side[0]["person_id"].n_unique() for side in (before, now))
    assert change.share_before == pytest.approx(change.before / n_before)
    assert change.share_now == pytest.approx(change.now / n_now)
    ends = stats.newcombe(change.before, n_before, change.now, n_now)
    assert (change.difference.low, change.difference.high) == pytest.approx(tuple(map(float, ends)))
    assert set(change.evidence_before) <= set(before[1]["mention_id"])
    assert set(change.evidence_now) <= set(now[1]["mention_id"])
    assert change.evidence_now


def test_newcombe_is_the_published_interval() -> None:
    """Newcombe 1998, table II, method 10: 56/70 and 48/80 differ by 0.0524 to 0.3339."""
    low, high = stats.newcombe(48, 80, 56, 70)
    assert (float(low), float(high)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_without_change_there_are_few_alarms() -> None:
    """Twenty pairs of runs of the same customers: fewer alarms than one in ten comparisons."""
    alarms = 0
    for seed in range(20):
        found, _ = compared(
            named(frames(400, seed=2 * seed), "a"), named(frames(400, seed=2 * seed + 1), "b")
        )
        alarms += sum(c.verdict not in {"unchanged", "too_few"} for c in found.values())
    assert alarms <= 2


def test_the_printed_false_alarms_are_those_there_are() -> None:
    """With a lax q, pairs without change show as many alarms as was printed for them."""
    counted, printed = [], []
    for seed in range(20):
        pair = named(frames(500, seed=2 * seed), "a"), named(frames(500, seed=2 * seed + 1), "b")
        found, false = compared(*pair, q=0.9, n_permutations=30)
        counted.append(sum(c.verdict not in {"unchanged", "too_few"} for c in found.values()))
        printed.append(false)
    assert np.mean(printed) > 0.1
    assert np.mean(counted) == pytest.approx(np.mean(printed), abs=0.35)


def test_what_both_runs_hold_counts_once() -> None:
    """A cumulative export: the first run's feedbacks are left to it, the rest is compared."""
    whole = named(frames(600, seed=3), "x")
    first = whole[0].sort("created_at").head(300)
    told = whole[1].join(first.select("feedback_id"), on="feedback_id", how="semi")
    sides = mapdiff.join((first, told), whole)
    assert sides.n_shared == 300
    assert sides.feedback.height == whole[0].height
    assert sides.mentions.height == whole[1].height
    assert not mapdiff.join(whole, whole).feedback["late"].any()
    other = whole[0].with_columns(verbatim=pl.lit("another text under the same id"))
    assert mapdiff.join(whole, (other, whole[1])).n_shared == 0


def test_the_lineage_stands_beside_the_change() -> None:
    """What became of a topic is told with its change."""
    lines = (
        Lineage("t07", "t07", "kept", 0.9, "", ""),
        Lineage(None, "t10", "new", None, None, ""),
        Lineage("t04", "t07", "merged", 0.8, "", ""),
        Lineage("t01", None, "retired", None, "", None),
    )
    pair = named(frames(400, seed=1), "a"), named(frames(400, seed=2), "b")
    found, _ = compared(*pair, lines)
    told = {topic: c.lineage for (group, topic), c in found.items() if group == "pain_point"}
    assert (told["t07"], told["t10"], told["t04"], told["t01"]) == (
        *("kept", "new", "merged", "retired"),
    )


def test_empty_runs_have_no_changes() -> None:
    """Nobody on one side: nothing is compared, and nothing breaks."""
    nobody, some = named(frames(0), "a"), named(frames(50), "b")
    assert compared(nobody, some) == ({}, 0.0)
    assert compared(nobody, nobody) == ({}, 0.0)


def test_stages_are_compared_without_dates() -> None:
    """Scores, net sentiment and shares of the stages of two runs that bear no dates."""
    sides = mapdiff.join(
        named(frames(800, seed=1, dated=False), "a"), named(frames(800, seed=2, dated=False), "b")
    )
    found = trends.between(sides.feedback, sides.mentions)
    assert {change.what for change in found["use"]} == {"nps", "net_sentiment", "share"}
    verdicts = {change.verdict for changes in found.values() for change in changes}
    assert verdicts <= {"unchanged", "too_few"}


def test_files_of_one_name_are_not_one_file() -> None:
    """The same rows and scores of two exports called alike are answers of other people."""
    made = frames(800, seed=1, dated=False)
    nobody = made.feedback.with_columns(person_id=pl.lit(None, pl.String))
    worse = nobody.with_columns(
        score=pl.when(pl.int_range(pl.len()) % 4 == 0).then(0.0).otherwise("score"),
        verbatim=pl.col("verbatim") + " again",
    )
    sides = mapdiff.join((nobody, made.mentions), (worse, made.mentions))
    assert sides.n_people_both == 0
    (change,) = (
        c for c in trends.between(sides.feedback, sides.mentions)["all"] if c.what == "nps"
    )
    (share,) = scores.score(worse)
    assert change.now == pytest.approx(share.estimate.value)


def test_a_change_of_the_mix_is_told() -> None:
    """Twice as many of one plan in the later run: said, with both shares; the same mix: nothing."""
    before, now = frames(600, seed=1), frames(600, seed=2)
    assert mapdiff.mix(mapdiff.join(named(before, "a"), named(now, "b")).feedback) == ()
    moved = now.feedback.with_columns(
        segment_plan=pl.when(pl.int_range(pl.len()) % 2 == 0)
        .then(pl.lit("pro"))
        .otherwise("segment_plan")
    )
    later = named(Frames(moved, now.mentions, now.topics), "b")
    (remark,) = mapdiff.mix(mapdiff.join(named(before, "a"), later).feedback)
    assert "plan pro" in remark
    assert "Who was heard changed" in remark

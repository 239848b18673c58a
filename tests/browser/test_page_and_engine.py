"""The page counts as the engine does: a filter that all answers pass changes no number."""

from collections.abc import Callable, Mapping

import polars as pl
import pytest
from playwright.sync_api import expect

from painpoints import drivers, findings, journeymap, scores
from painpoints.domain import STAGES, JourneyMap, Stage
from painpoints.report import page as drawn_page
from painpoints.report import words
from tests.browser.watched import Watched
from tests.synthetic import Frames, frames

Opener = Callable[..., Watched]
SAME = ("Stage", "People", "Share", "Mentions", "Net sentiment")


def analysed(
    feedback: pl.DataFrame, mentions: pl.DataFrame, topics: pl.DataFrame
) -> tuple[JourneyMap, pl.DataFrame]:
    """Return the engine's map, and its findings."""
    drawn = drivers.measure(feedback, mentions, n_bootstrap=20)
    found = findings.find(feedback, mentions, topics, drawn, n_bootstrap=20)
    journey = journeymap.build(
        feedback,
        mentions,
        topics,
        found,
        stages=[Stage(name, name.capitalize()) for name in STAGES],
        title="Invented",
        scores=scores.by_stage(feedback, mentions),
    )
    return journey, found


def texts(row: Mapping[str, str], columns: tuple[str, ...]) -> dict[str, str]:
    """Return some cells of a row."""
    return {name: row[name] for name in columns}


def recounted(show: Opener, made: Frames) -> Watched:
    """Draw the page, pass all answers through a filter, and hold that no number changes."""
    journey, found = analysed(made.feedback, made.mentions, made.topics)
    rows = journeymap.evidence(made.feedback, made.mentions, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    stages = seen.table("Stages of the journey")
    reach = reaches(seen)
    assert journey.first_at is not None
    seen.choose("From", f"{journey.first_at:%Y-%m-%d}")
    expect(seen.page.locator("#status")).to_contain_text(
        f"computed from {len(rows):,} of {len(rows):,} mentions"
    )
    said = (*SAME, *(name for name in stages[0] if name.startswith(("NPS", "CSAT", "Stars"))))
    assert bool(journey.scores) == (len(said) > len(SAME))
    again = seen.table("Stages of the journey")
    assert [texts(row, said) for row in again] == [texts(row, said) for row in stages]
    assert reaches(seen) == reach
    assert seen.is_clean()
    return seen


def reaches(seen: Watched) -> dict[str, str]:
    """Return how many people tell each pain, by finding and stage."""
    rows = seen.table("Pain points of the whole journey")
    return {row["Finding"] + row["Stage"]: row["People"] for row in rows}


def asked_twice(made: Frames) -> Frames:
    """Let second mentions answer a second open question of the same row."""
    second = pl.col("mention_id").str.ends_with("#2")
    again = pl.format("{}b", "feedback_id")
    told = made.mentions.filter(second)
    more = made.feedback.join(told, on="feedback_id", how="semi").with_columns(feedback_id=again)
    mentions = made.mentions.with_columns(
        feedback_id=pl.when(second).then(again).otherwise("feedback_id")
    )
    return Frames(pl.concat([made.feedback, more]), mentions, made.topics)


def rescaled(made: Frames, score: pl.Expr, top: pl.Expr) -> Frames:
    """Let the scores be of another scale."""
    feedback = made.feedback.with_columns(score=score, score_max=top)
    return Frames(feedback, made.mentions, made.topics)


def on_two_scales(made: Frames) -> Frames:
    """Let every third row answer on 1 to 7, the others on 1 to 5."""
    wide = pl.col("row") % 3 == 0
    score = pl.col("score") + pl.when(wide).then(2).otherwise(0)
    return rescaled(made, score, pl.when(wide).then(7.0).otherwise(5.0))


@pytest.mark.parametrize("survey", ["nps", "csat", "stars", "none"])
def test_recounting_everything_changes_nothing(show: Opener, survey: str) -> None:
    """People, shares, mentions, net sentiment, scores and reach are the engine's to the letter."""
    recounted(show, frames(500, survey=survey, seed=3))


def test_the_questions_of_a_row_are_one_answer(show: Opener) -> None:
    """Two open questions of one row bear one score, which counts once."""
    recounted(show, asked_twice(frames(300, seed=3)))


def test_scales_of_one_kind_keep_apart(show: Opener) -> None:
    """Answers on 1 to 5 and on 1 to 7 each have their own score, as in the engine."""
    seen = recounted(show, on_two_scales(frames(500, survey="csat", seed=3)))
    options = seen.page.locator("#filters").get_by_label("Score", exact=True).locator("option")
    assert options.all_inner_texts() == ["All", "Low", "Middle", "High"]


def test_a_scale_of_any_length_is_scored(show: Opener) -> None:
    """The score of answers on 1 to 20 does not vanish from a filtered view."""
    recounted(show, rescaled(frames(300, survey="stars"), 4 * pl.col("score"), pl.lit(20.0)))


def test_equal_answers_leave_room(show: Opener) -> None:
    """The mean of answers that are all 5 has the engine's interval, not a point."""
    recounted(show, rescaled(frames(60, survey="stars"), pl.lit(5.0), pl.lit(5.0)))


@pytest.mark.parametrize(("survey", "change"), [("nps", asked_twice), ("csat", on_two_scales)])
def test_what_if_one_pain_went_away_is_its_impact(
    show: Opener, survey: str, change: Callable[[Frames], Frames]
) -> None:
    """Without the pain that lowers the score most, the score gains what the engine says it costs."""
    made = change(frames(500, survey=survey, seed=3))
    journey, found = analysed(made.feedback, made.mentions, made.topics)
    rows = journeymap.evidence(made.feedback, made.mentions, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    pains = [f for view in journey.stages for f in view.pain_points if f.impact]
    worst = min(pains, key=lambda f: f.impact.value)
    gain = words.points(-worst.impact.value, survey, worst.impact_measure)
    said = seen.page.locator("#what-if-said").inner_text().replace("\u00a0", " ")
    assert f"({gain}, 95 % interval" in said


def test_a_slice_counts_as_the_engine_on_the_slice(show: Opener) -> None:
    """Filtering the page gives the numbers of an analysis of only those answers."""
    made = frames(600, seed=5)
    journey, found = analysed(made.feedback, made.mentions, made.topics)
    rows = journeymap.evidence(made.feedback, made.mentions, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    seen.choose("Plan", "pro")
    slice_ = made.feedback.filter(segment_plan="pro")
    told = made.mentions.join(slice_.select("feedback_id"), on="feedback_id", how="semi")
    alone, found_alone = analysed(slice_, told, made.topics)
    fresh = show(
        drawn_page(
            alone, journeymap.evidence(slice_, told, found_alone), n_evidence_total=told.height
        )
    )
    said = (*SAME, "NPS")
    assert [texts(row, said) for row in seen.table("Stages of the journey")] == [
        texts(row, said) for row in fresh.table("Stages of the journey")
    ]


def test_without_scores_a_view_ranks_as_the_engine(show: Opener) -> None:
    """A filter that all answers pass leaves every rank, that of praise too."""
    made = frames(500, survey="none", seed=3)
    journey, found = analysed(made.feedback, made.mentions, made.topics)
    rows = journeymap.evidence(made.feedback, made.mentions, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    seen.page.locator("#findings-switch button").last.click()
    said = ("Finding", "Kind", "Stage", "Priority")
    whole = [texts(row, said) for row in seen.table("Opportunities of the whole journey")]
    praise = [row for row in whole if row["Kind"] == "Extend a delight"]
    assert praise
    assert journey.first_at is not None
    seen.choose("From", f"{journey.first_at:%Y-%m-%d}")
    again = [texts(row, said) for row in seen.table("Opportunities of the whole journey")]
    assert [row for row in again if row["Kind"] == "Extend a delight"] == praise


def test_scores_of_those_who_wrote_nothing_are_said_to_be_missing(show: Opener) -> None:
    """Who only scored does not travel: a view says what its score is to be compared with."""
    made = frames(500, seed=3)
    silent = made.feedback.select("feedback_id").head(200)
    told = made.mentions.join(silent, on="feedback_id", how="anti")
    journey, found = analysed(made.feedback, told, made.topics)
    rows = journeymap.evidence(made.feedback, told, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    assert journey.first_at is not None
    seen.choose("From", f"{journey.first_at:%Y-%m-%d}")
    here = seen.page.locator("#figures dd").last.inner_text().split()[0]
    expect(seen.page.locator("#status")).to_contain_text(
        f"NPS here is of answers with mentions only: without filters these give {here} (n = "
    )


def test_bands_of_scores_follow_the_scale(show: Opener) -> None:
    """On 1 to 7 the high answers are those of the top-two share, and the filter names them."""
    made = frames(500, survey="csat", seed=3)
    wide = made.feedback.with_columns(score=pl.col("score") + 2, score_max=7.0)
    journey, found = analysed(wide, made.mentions, made.topics)
    rows = journeymap.evidence(wide, made.mentions, found)
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    options = seen.page.locator("#filters").get_by_label("Score", exact=True).locator("option")
    assert options.all_inner_texts() == ["All", "Low (1–2)", "Middle (3–5)", "High (6–7)"]
    seen.choose("Score", "high")
    assert seen.page.locator("#figures dd b").nth(3).inner_text() == "100\u00a0%"

"""Numbers and sentences as people read them."""

from dataclasses import replace

import pytest
from tests.sample_map import counted, sample

from painpoints.domain import Change, Estimate
from painpoints.report import words


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "–"), (0.0, "0 %"), (0.004, "0.4 %"), (0.325, "32.5 %"), (1.0, "100 %"), (-0.25, "−25.0 %")],
)  # fmt: skip
def test_percent(share: float | None, said: str) -> None:
    """Shares read as percent with one decimal, unknown ones as a dash."""
    assert words.percent(share) == said


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [(0.0, 0, "0"), (-0.2, 0, "0"), (0.2, 0, "0"), (3.21, 1, "+3.2"), (-8.26, 1, "−8.3"), (None, 1, "–")],
)  # fmt: skip
def test_signed(value: float | None, digits: int, said: str) -> None:
    """A sign stands before numbers that are not zero as printed; minus is a true minus."""
    assert words.signed(value, digits) == said


def test_scores_read_in_their_own_way() -> None:
    """NPS is whole and signed, shares are percent, means have two decimals."""
    assert words.score_value("nps", -25.6) == "−26"
    assert words.score_value("csat", 0.82) == "82.0 %"
    assert words.score_value("stars", 4.216) == "4.22"
    assert words.score_name("csat", "mean") == "CSAT, mean"
    assert words.score_name("nps", "nps") == "NPS"


def test_the_headline_is_the_first_finding_of_the_whole() -> None:
    """The claim names the ranked pain point of highest priority, and its numbers follow."""
    journey, _ = sample(800)
    top = max((f for v in journey.stages for f in v.pain_points), key=lambda f: f.priority)
    assert words.headline(journey) == f"What hurts most: {top.label}, in Delivery."
    line = words.support_line(journey)
    assert line.startswith(f"{top.reach} of ")
    assert "95 % interval" in line
    assert "lowers NPS by" in line


def test_the_headline_never_invents() -> None:
    """Without mentions, or with nothing to rank, the claim says just that."""
    journey, _ = sample(800)
    assert words.headline(counted(())) == "No feedback could be analysed."
    bare = tuple(replace(view, pain_points=()) for view in journey.stages)
    assert words.headline(replace(journey, stages=bare)).startswith("Nothing can be ranked yet")
    assert words.support_line(replace(journey, stages=bare, left_out={})) == ""


def test_answers_are_not_called_people() -> None:
    """Where the export does not tell who answered, reports speak of answers."""
    journey, _ = sample(800)
    assert words.people_word(journey, 2) == "people"
    unknown = replace(journey, people_known=False)
    assert words.people_word(unknown, 1) == "answer"
    assert " people who speak of " in words.support_line(journey)
    assert " answers that speak of " in words.support_line(unknown)


@pytest.mark.parametrize(
    ("impact", "said"),
    [
        (Estimate(-2.0, -3.0, -1.0, 9), "it lowers NPS by 2.0 points (−3.0 to −1.0)"),
        (Estimate(-2.0, -5.0, 1.0, 9), "its impact on NPS is not sure: −2.0 (−5.0 to +1.0)"),
    ],
)
def test_an_impact_that_may_be_none_is_not_claimed(impact: Estimate, said: str) -> None:
    """The headline says that the score is lowered only where the whole interval says so."""
    journey, _ = sample(800)
    found = words.top_pain(journey)
    assert found is not None
    view, finding = found
    told = replace(finding, impact=impact, impact_survey="nps")
    stages = (replace(view, pain_points=(told,)),)
    assert said in words.support_line(replace(journey, stages=stages))


def test_ranges_of_rank_and_trend() -> None:
    """The range is said where it is wider than the rank; a trend says both shares."""
    finding = sample(800)[0].stages[3].pain_points[0]
    assert words.rank_text(replace(finding, rank=2, rank_low=1, rank_high=4)) == "2 (1–4)"
    assert words.rank_text(replace(finding, rank=1, rank_low=1, rank_high=1)) == "1"
    assert words.rank_text(replace(finding, rank=None)) == "–"
    rising = replace(finding, trend=Change(0.08, 0.12, 0.01, "exact", "rising"))
    assert words.trend_text(rising) == "rising (8.0 % → 12.0 %)"
    assert words.trend_text(replace(finding, trend=None)) == "no earlier period"


def test_unknown_numbers_are_a_dash() -> None:
    """An estimate of nobody is shown as a dash, never as zero."""
    nobody = Estimate(None, None, None, 0)
    assert words.share_with_interval(nobody) == words.net_with_interval(nobody) == "–"
    finding = sample(800)[0].stages[3].pain_points[0]
    for unknown in (None, nobody):
        bare = replace(finding, impact=unknown)
        assert words.impact(bare) == words.impact_with_interval(bare) == "–"


def test_a_difference_of_shares_is_in_percentage_points() -> None:
    """NPS moves by points, a share by percentage points, a mean by its own unit; small ones too."""
    assert words.points(-4.36, "nps", "nps") == "−4.4"
    assert words.points(-0.0132, "csat", "top_two_share") == "−1.3 pp"
    assert words.points(-0.0003, "csat", "top_two_share") == "−0.03 pp"
    assert words.points(-0.0132, "csat", "mean") == "−0.01"
    assert words.points(-0.0041, "stars", "mean") == "−0.004"
    finding = replace(
        sample(800)[0].stages[3].pain_points[0],
        impact=Estimate(-0.013, -0.021, -0.004, 40),
        impact_survey="csat",
        impact_measure="top_two_share",
    )
    assert words.impact_with_interval(finding) == "−1.3 pp (−2.1 to −0.4 pp)"


def test_the_measure_decides_not_the_size() -> None:
    """A mean of one is a mean, although a share could be one too."""
    assert words.score_value("csat", 1.0, "mean") == "1.00"
    assert words.score_value("csat", 1.0, "top_two_share") == "100 %"


def test_changes_read_in_the_way_of_what_changed() -> None:
    """A change of a score or of net sentiment is in points, a change of a share in percent."""
    score = Change(-56.4, -53.1, 1.0, "z", "unchanged", "nps")
    assert words.change_text(score) == "was −56, unchanged"
    mood = Change(-0.13, 0.1, 0.01, "z", "rising", "net_sentiment")
    assert words.change_text(mood) == "was −13, rising"
    assert words.change_text(Change(0.2, 0.1, 0.01, "z", "falling")) == "was 20.0 %, falling"
    assert words.change_text(Change(None, 0.1, None, "z", "new")) == ""


def test_what_was_left_out_is_grouped() -> None:
    """Answers come before mentions, the most frequent reason first, nothing with zero."""
    journey = replace(
        sample(100)[0], left_out={"empty": 1, "language": 5, "agent": 0}, no_stage={"none": 9}, without_topic={"novel": 2}
    )  # fmt: skip
    told = words.left_out_lines(journey)
    assert [(what, n) for what, _, n in told] == [
        ("answers not analysed", 5),
        ("answers not analysed", 1),
        ("mentions in no stage", 9),
        ("mentions without a topic", 2),
    ]

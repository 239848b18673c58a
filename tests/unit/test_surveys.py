import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painpoints import surveys
from painpoints.domain import Survey


def points(survey: str, answers: list[float], top: float | None = None, **how: str) -> list[float]:
    """What the answers count by the measure that is ranked by."""
    measure = surveys.headline(survey, top, **how)
    assert measure is not None
    return measure.points(np.array(answers, float)).tolist()


def test_promoters_and_detractors_are_where_they_belong() -> None:
    """0-6 count -100, 7-8 nothing, 9-10 count 100, for customers and employees."""
    wanted = [-100.0] * 7 + [0.0] * 2 + [100.0] * 2
    for survey in ("nps", "enps"):
        assert points(survey, list(range(11))) == wanted


@pytest.mark.parametrize(
    ("survey", "top", "good"),
    [
        ("csat", 5, {4, 5}),
        ("csat", 7, {6, 7}),
        ("csat", 3, {3}),
        ("ces", 5, {4, 5}),
        ("ces", 7, {5, 6, 7}),
        ("smileys", 3, {3}),
        ("pmf", 3, {3}),
        ("thumbs", 1, {1}),
    ],
)
def test_shares_count_the_answers_of_their_convention(
    survey: str, top: int, good: set[int]
) -> None:
    """Top-two-box for satisfaction, above the middle for ease, the best for short scales."""
    answers = list(range(0 if top == 1 else 1, top + 1))
    assert points(survey, answers, top) == [float(answer in good) for answer in answers]


def test_stars_count_themselves() -> None:
    """Stars are ranked by their mean, with the share of 4-5 beside it."""
    assert points("stars", [1, 2.5, 5]) == [1, 2.5, 5]
    assert [m.name for m in surveys.measures("stars")] == ["mean", "top_two_share"]
    assert [m.name for m in surveys.measures("csat")] == ["top_two_share", "mean"]


@given(
    st.sampled_from(sorted(surveys.DEFAULT_TOP)),
    st.floats(-3, 14),
    st.sampled_from([None, 1.0, 3.0, 5.0, 7.0, 10.0, 100.0]),
)
def test_points_stay_within_the_measure(survey: str, answer: float, top: float | None) -> None:
    """What an answer counts lies between the ends of the measure; off the scale it counts nothing."""
    for measure in surveys.measures(survey, top):
        (counted,) = measure.points(np.array([answer]))
        on_scale = measure.bottom <= answer <= measure.top
        assert np.isnan(counted) != on_scale
        assert not on_scale or measure.low <= counted <= measure.high


def test_every_survey_kind_has_a_convention_in_words() -> None:
    """Each kind of the domain but `none` is measured, and says how."""
    for survey in Survey:
        found = surveys.measures(survey.value)
        assert bool(found) == (survey is not Survey.NONE)
        assert all("95 %" in measure.convention for measure in found)

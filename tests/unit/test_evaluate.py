"""Figures of quality: what they are on answers whose quality is known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painpoints.errors import InputError
from painpoints.evaluate import evaluate, figures, table


def test_right_answers_are_perfect() -> None:
    """Answers equal to the truth, given with certainty, score 1 and have no calibration error."""
    found = figures("stage", ["use", "support", "use"], ["use", "support", "use"], np.ones(3))
    assert (found.accuracy, found.macro_f1, found.kappa, found.ece) == (1.0, 1.0, 1.0, 0.0)


def test_macro_f1_by_hand() -> None:
    """Macro-F1 is the plain mean of the classes' F1, here 2/3 and 4/5."""
    truth = ["a", "a", "b", "b", "b"]
    answer = ["a", "b", "b", "b", "b"]
    found = figures("stage", truth, answer, np.full(5, 0.8))
    assert found.macro_f1 == pytest.approx((2 / 3 + 6 / 7) / 2)
    assert found.ece == pytest.approx(0.0)


def test_far_severity_costs_more_than_near() -> None:
    """Severity is ordered: missing by two lowers the quadratic kappa more than missing by one."""
    truth = ["0", "1", "2", "3", "0", "2"]
    near = figures("severity", truth, ["0", "1", "2", "2", "0", "2"], np.ones(6))
    far = figures("severity", truth, ["0", "1", "2", "0", "0", "2"], np.ones(6))
    assert near.kappa > far.kappa


def test_unsure_is_wrong_but_not_sure() -> None:
    """An unsure answer lowers accuracy and leaves the accuracy of the sure ones alone."""
    found = figures("type", ["praise", "other"], ["praise", "unsure"], np.array([0.9, 0.3]))
    assert (found.accuracy, found.accuracy_when_sure, found.unsure) == (0.5, 1.0, 0.5)


def test_overconfidence_is_seen() -> None:
    """Always saying 0.95 and being right half the time is an ECE of 0.45."""
    found = figures("type", ["a", "b"] * 10, ["a", "a"] * 10, np.full(20, 0.95))
    assert found.ece == pytest.approx(0.45)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_order_of_rows_does_not_matter(pairs: list[tuple[str, str]]) -> None:
    """Reversing the rows changes no figure but the coverage of ties."""
    truth, answer = [t for t, _ in pairs], [a for _, a in pairs]
    prob = np.full(len(pairs), 0.5)
    there = figures("stage", truth, answer, prob)
    back = figures("stage", truth[::-1], answer[::-1], prob)
    assert there.macro_f1 == pytest.approx(back.macro_f1)
    assert there.accuracy == pytest.approx(back.accuracy)
    assert there.ece == pytest.approx(back.ece)


def test_the_surest_come_first() -> None:
    """Accuracy at half coverage looks only at the surest half."""
    truth, answer = ["a", "a", "a", "a"], ["a", "a", "b", "b"]
    found = figures("stage", truth, answer, np.array([0.9, 0.8, 0.3, 0.2]))
    assert dict(found.coverage)[0.5] == 1.0


def test_nothing_to_compare_is_an_error() -> None:
    """No rows, or a table without any label column, cannot be judged."""
    with pytest.raises(InputError, match="at least one"):
        figures("stage", [], [], np.zeros(0))
    with pytest.raises(InputError, match="labels are the columns"):
        evaluate(pl.DataFrame({"text": ["a"]}), pl.DataFrame({"text": ["a"]}))


def test_unlabelled_rows_are_left_out() -> None:
    """A row whose truth is null is not counted for that label."""
    labelled = pl.DataFrame({"stage": ["use", None], "severity": [0, 2]})
    mentions = pl.DataFrame(
        {
            "stage": ["use", "support"],
            "stage_prob": [0.9, 0.9],
            "severity": [0, 1],
            "severity_prob": [0.8, 0.6],
        }
    )
    found = evaluate(labelled, mentions)
    assert found["stage"].n == 1
    assert found["severity"].n == 2


def test_table_has_a_column_for_each_model() -> None:
    """The printed table names every model once and every label it has figures of."""
    one = {"stage": figures("stage", ["use"], ["use"], np.ones(1))}
    page = table({"ours": one, "plain": one})
    assert page.splitlines()[0] == "| label | figure | ours | plain |"
    assert "| stage | macro-F1 | 1.000 | 1.000 |" in page


def test_severity_levels_that_do_not_occur_keep_their_distance() -> None:
    """Taking 1 for 3 is as far apart whether or not anything is of level 2."""
    truth, answer = ["0", "1", "1", "3", "3"], ["0", "3", "1", "3", "3"]
    found = figures("severity", truth, answer, np.ones(5))
    # by hand: 1 miss of 2 levels weighs 4; by chance sum (i - j)^2 n_i m_j / 5 is 80 / 5
    assert found.kappa == pytest.approx(1 - 4 / (80 / 5))


def test_unsure_severity_has_no_distance_and_what_is_no_level_is_refused() -> None:
    """Kappa is of the sure answers; none of them agree by nothing; other values are named."""
    sure = figures("severity", ["0", "1", "3"], ["0", "3", "3"], np.ones(3))
    with_unsure = figures("severity", ["0", "1", "3", "3"], ["0", "3", "3", "unsure"], np.ones(4))
    assert with_unsure.kappa == pytest.approx(sure.kappa)
    assert figures("severity", ["1", "1"], ["unsure", "unsure"], np.ones(2)).kappa == 0.0
    assert figures("severity", ["1", "1"], ["1", "unsure"], np.ones(2)).kappa == 1.0
    with pytest.raises(InputError, match=r"2\.0, None is none of the levels"):
        figures("severity", ["2.0", "1"], ["2", None], np.ones(2))

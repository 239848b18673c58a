"""Heads held by an anchor: they come back without rows, learn from them, and forget nothing else."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from painpoints.classify import LABELS, Classifier
from painpoints.config import StageSettings
from painpoints_training import anchored, comparing, refit
from painpoints_training.queueing import spread
from painpoints_training.shipped import Rows

DIM, AROUND = 6, 4
"""Of a mention's vector and of its context's, which another encoder may have read."""


def _clouds(rng: np.random.Generator, n: int, n_classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:  # fmt: skip
    truth = rng.integers(0, n_classes, size=n)
    centres = rng.normal(size=(n_classes, DIM)) * 2
    return (centres[truth] + rng.normal(size=(n, DIM))).astype(np.float32), truth


def test_an_anchor_of_zero_is_scikit_learns_regression() -> None:
    """Held towards nothing, the weights are those of LogisticRegression with C=1."""
    features, truth = _clouds(np.random.default_rng(0), 400, 3)
    zero = anchored.Linear(np.zeros((3, DIM)), np.zeros(3))
    ours = anchored.fit(features, truth, np.ones(400), zero, strength=1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-6, max_iter=1000).fit(features, truth)
    assert np.abs(ours.weights - theirs.coef_).max() < 0.02


def test_few_rows_leave_the_anchor_and_many_move_it() -> None:
    """The hold is a matter of counts: one row moves the weights less than four hundred."""
    rng = np.random.default_rng(1)
    features, truth = _clouds(rng, 400, 3)
    anchor = anchored.Linear(rng.normal(size=(3, DIM)), np.zeros(3))

    def moved(n: int) -> float:
        found = anchored.fit(features[:n], truth[:n], np.ones(n), anchor, strength=10.0)
        return float(np.abs(found.weights - anchor.weights).sum())

    assert moved(1) < 0.3 * moved(400)


def test_threads_of_a_busy_machine_do_not_wait_for_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The search has one thread of BLAS, which is what it takes where others use the machine."""
    n_threads: list[int] = []

    def searched(*given: Any, **options: Any) -> Any:
        n_threads.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return minimize(*given, **options)

    monkeypatch.setattr(anchored, "minimize", searched)
    features, truth = _clouds(np.random.default_rng(0), 40, 3)
    with threadpool_limits(limits=2, user_api="blas"):
        anchored.fit(features, truth, np.ones(40), anchored.Linear(np.zeros((3, DIM)), np.zeros(3)))
    assert set(n_threads) == {1}


def _head(classes: list[str], rng: np.random.Generator) -> dict[str, object]:
    linear = anchored.Linear(rng.normal(size=(len(classes), DIM + AROUND)), np.zeros(len(classes)))
    even = np.full(len(classes), 1 / len(classes))
    model = refit.as_model(linear, classes)
    return {"model": model, "prior": even, "natural": even, "temperature": 1.3, "min_prob": 0.0}


@pytest.fixture
def shipped() -> dict[str, object]:
    """Return an artefact of five heads with random weights."""
    rng = np.random.default_rng(2)
    severity = ["0", "1", "2", "3"]
    names = {label: severity if label == "severity" else ["a", "b", "none"] for label in LABELS}
    return {"heads": {label: _head(names[label], rng) for label in LABELS}}


def _rows(stages: list[str | None], rng: np.random.Generator) -> Rows:
    half = rng.normal(size=(len(stages), DIM)).astype(np.float32)
    empty = {label: pl.Series([None] * len(stages), dtype=pl.String) for label in LABELS}
    frame = pl.DataFrame({**empty, "stage": pl.Series(stages, dtype=pl.String)})
    return Rows(frame, np.hstack([half, half[:, :AROUND]]), DIM)


def test_labels_nobody_spoke_of_keep_their_heads(shipped: dict[str, object]) -> None:
    """Rows about the stage leave the other four heads as they were, to the last bit."""
    rng = np.random.default_rng(3)
    rows = _rows(["a", "b"] * 20, rng)
    made = refit.refit(shipped, rows, rows, labels=["stage"], journey=None)
    before, after = shipped["heads"], made["heads"]
    assert isinstance(before, dict)
    assert not np.array_equal(after["stage"]["model"].coef_, before["stage"]["model"].coef_)
    for label in LABELS[1:]:
        assert np.array_equal(after[label]["model"].coef_, before[label]["model"].coef_), label


def test_own_stages_begin_as_what_they_say(shipped: dict[str, object]) -> None:
    """Without an example, a text near a description is of that stage, and none stays known."""
    axes = np.eye(DIM, dtype=np.float32)
    said = tuple(np.hstack([axes[[n]], axes[[n], :AROUND]]) for n in (0, 1))
    stages = (StageSettings(name="joining"), StageSettings(name="claims"))
    nothing = _rows(["none"] * 30, np.random.default_rng(4))
    bare = Rows(nothing.frame, np.tile(np.hstack([axes[2], axes[2, :AROUND]]), (30, 1)), DIM)
    empty = bare.take(np.zeros(30, dtype=bool))
    made = refit.refit(shipped, bare, empty, labels=["stage"], journey=refit.Journey(stages, said))
    classifier = Classifier(made)
    asked = axes[[0, 1, 2]] + 0.1
    given = classifier.probabilities(asked, asked[:, :AROUND])["stage"]
    assert [classifier.classes("stage")[n] for n in given.argmax(axis=1)] == ["joining", "claims", "none"]  # fmt: skip


def _plain(value: float, n: int = 500) -> dict[str, dict[str, float]]:
    return {"stage": {"n": n, "accuracy": value, "macro-F1": value, "kappa": value}}


@pytest.mark.parametrize(
    ("before", "after", "n", "matters", "fell"),
    [
        (0.8, 0.77, 500, ("stage",), True),
        (0.8, 0.79, 500, ("stage",), False),
        (0.8, 0.77, 150, ("stage",), False),
        (0.8, 0.7, 150, ("stage",), True),
        (0.8, 0.5, 99, ("stage",), False),
        (0.8, 0.5, 500, ("type",), False),
        (0.8, 0.9, 500, ("stage",), False),
    ],
)
def test_a_fall_is_a_matter_of_margin_count_and_label(
    before: float, after: float, n: int, matters: tuple[str, ...], *, fell: bool
) -> None:
    """Only a label that matters, judged by enough mentions, holds a version back."""
    found = comparing.compare(
        "x", _plain(before, n), _plain(after, n), margin=0.02, matters=matters
    )
    assert [one.fell for one in found] == [fell]
    assert bool(comparing.falls(found)) == fell


def test_figures_of_different_rows_are_not_set_beside_each_other() -> None:
    """A figure over 400 mentions says nothing against one over 500."""
    found = comparing.compare("x", _plain(0.9, 400), _plain(0.1), margin=0.0, matters=("stage",))
    assert found[0].before is None
    assert not found[0].fell


def test_a_queue_is_spread() -> None:
    """Of three copies of the best text one is taken before the worse but different ones."""
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 2, 3]]
    score = np.array([1.0, 0.99, 0.98, 0.5, 0.4, 0.3])
    assert spread(score, vectors, 4) == [0, 3, 4, 5]
    assert sorted(spread(score, vectors, 10)) == [0, 1, 2, 3, 4, 5]


def test_a_queue_does_not_depend_on_the_order_of_rows() -> None:
    """Permuted rows give the same mentions in the same order."""
    rng = np.random.default_rng(5)
    raw = rng.normal(size=(40, 8)).astype(np.float32)
    vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    score = rng.random(40)
    order = rng.permutation(40)
    assert [int(order[n]) for n in spread(score[order], vectors[order], 10)] == spread(score, vectors, 10)  # fmt: skip

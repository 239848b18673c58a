"""Drift: told where feedback has changed, silent where it has not."""

import numpy as np
import polars as pl
import pytest

from painpoints import drift
from painpoints.tables import MENTIONS


def _mentions(
    topics: list[str | None], *, prefix: str, sentiment: str = "negative"
) -> pl.DataFrame:
    """Return mentions of these topics, each its own text; None is one that no topic holds."""
    n = len(topics)
    given_columns = {
        "mention_id": [f"{prefix}{i}.0" for i in range(n)],
        "feedback_id": [f"{prefix}{i}" for i in range(n)],
        "text": [f"{prefix} text {i}" for i in range(n)],
        "topic_id": topics,
        "reason": [None if t else "novel" for t in topics],
        "stage": ["use"] * n,
        "sentiment": [sentiment] * n,
        "type": ["pain_point"] * n,
    }
    return pl.DataFrame(
        {name: given_columns.get(name, [None] * n) for name in MENTIONS.schema()},
        schema=MENTIONS.schema(),
    )


def _drawn(rng: np.random.Generator, n: int, shares: list[float]) -> list[str | None]:
    names: list[str | None] = ["ta", "tb", "tc", None]
    return [names[i] for i in rng.choice(4, size=n, p=shares)]


EVEN = [0.5, 0.3, 0.18, 0.02]


@pytest.mark.parametrize("n", [60, 200, 400])
def test_the_same_mix_is_as_before(n: int) -> None:
    """Of feedback drawn like the earlier, at most about one in fifty is told as changed topics."""
    alarms = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        before = _mentions(_drawn(rng, 1000, EVEN), prefix="a")
        found = drift.compare(before, _mentions(_drawn(rng, n, EVEN), prefix="b"))
        alarms += "find topics anew" in found.verdict
    assert alarms <= 5


def test_a_new_subject_is_told() -> None:
    """A fifth of mentions that no topic holds says that topics should be found anew."""
    rng = np.random.default_rng(0)
    before = _mentions(_drawn(rng, 1000, EVEN), prefix="a")
    found = drift.compare(before, _mentions(_drawn(rng, 300, [0.4, 0.25, 0.15, 0.2]), prefix="b"))
    assert "find topics anew" in found.verdict
    assert len(found.novel_ids) == round(found.novel * 300)


def test_another_mix_of_the_same_topics_is_told() -> None:
    """Topics that swap their shares are a changed mix, though every mention has a topic."""
    rng = np.random.default_rng(0)
    before = _mentions(_drawn(rng, 1000, EVEN), prefix="a")
    found = drift.compare(before, _mentions(_drawn(rng, 400, [0.1, 0.2, 0.68, 0.02]), prefix="b"))
    assert found.stability["topic_id"] > drift.MUCH
    assert "find topics anew" in found.verdict


def test_the_index_is_that_of_the_textbook() -> None:
    """50 and 50 becoming 60 and 40 is an index of 0.1 ln 1.2 + (-0.1) ln 0.8."""
    before = _mentions(["ta"] * 500 + ["tb"] * 500, prefix="a")
    now = _mentions(["ta"] * 600 + ["tb"] * 400, prefix="b")
    plain = 0.1 * np.log(1.2) - 0.1 * np.log(0.8)
    found = drift.compare(before, now).stability["topic_id"]
    assert found == pytest.approx(plain)


@pytest.mark.parametrize("n", [0, 1])
def test_nearly_nothing_added_is_no_change(n: int) -> None:
    """No mention, or a single one, moves nothing."""
    before = _mentions(["ta"] * 50 + ["tb"] * 50, prefix="a")
    found = drift.compare(before, _mentions(["ta"] * n, prefix="b"), n_repeated=3)
    assert found.verdict == "as before"
    assert (found.n_mentions, found.n_repeated) == (n, 3)

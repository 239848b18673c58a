"""Learning from what the cross-encoder says of mentions that nobody labelled."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from painpoints.classify import LABELS, Classifier
from painpoints.cross_encoder import CrossEncoder
from painpoints.encode import Pair, Vectors
from painpoints_training import static, teach, unlabelled
from painpoints_training.corpus import CLASSES

QUESTION = "What could we do better?"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one set of two customers, an agent, and a text that measures."""
    verbatims = [
        ("customer", "The parcel came late. The driver was kind, though."),
        ("customer", "Too dear. Too slow. Too loud. Too cold. Too far. Too dull. Too small."),
        ("agent", "I am sorry to hear that, let me look."),
        ("customer", "This one\n measures."),
    ]
    (tmp_path / "shop").mkdir()
    rows = pl.DataFrame(verbatims, schema=["role", "text"], orient="row")
    asked = rows.with_columns(question=pl.lit(QUESTION))
    asked.write_parquet(tmp_path / "shop" / "data.parquet")
    drawn = {"shop": unlabelled._Drawn(10, pl.col("role") == "customer")}
    monkeypatch.setattr(unlabelled, "DRAWN", drawn)
    return tmp_path


def test_mentions_are_drawn_with_what_stands_around_them(shop: Path) -> None:
    """Customers are cut into mentions, in their context; what measures is left out."""
    found = unlabelled.mentions(shop, without=["THIS one measures.", "too slow."], seed=0)
    said = found["text"].to_list()
    assert "The parcel came late." in said
    assert not {"This one\n measures.", "Too slow.", "I am sorry to hear that, let me look."} & {
        *said
    }
    assert sum(text.startswith("Too") for text in said) == unlabelled.MOST_MENTIONS - 1
    late = found.filter(text="The parcel came late.")
    assert (
        late["context"].item() == f"{QUESTION} The parcel came late. The driver was kind, though."
    )
    assert set(found["source"]) == {"shop"}
    assert found.equals(
        unlabelled.mentions(shop, without=["THIS one measures.", "too slow."], seed=0)
    )


def _classifier(classes: Mapping[str, Sequence[str]]) -> Classifier:
    """Return heads that give each class, in this order, half of what the one before has."""
    fitted = {}
    for label in LABELS:
        n = len(classes[label])
        model = LogisticRegression()
        model.classes_, model.coef_ = np.array(classes[label]), np.zeros((n, 2), np.float32)
        model.intercept_ = -np.log(2.0) * np.arange(n)
        even = np.full(n, 1 / n)
        facts = {"prior": even, "natural": even, "temperature": 1.0, "min_prob": 0.0}
        fitted[label] = {"model": model, **facts}
    return Classifier({"heads": fitted})


def _read(pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
    empty = np.zeros((len(pairs), 1), np.float32)
    return empty, empty


def test_what_is_told_stands_in_the_order_of_the_classes() -> None:
    """Heads keep their classes sorted; what is learnt from has those of the labels' page."""
    told_by = CrossEncoder(_read, _classifier({label: sorted(CLASSES[label]) for label in LABELS}))
    drawn = pl.DataFrame({"source": ["a"], "text": ["Late."], "context": ["Late."]})
    (row,) = unlabelled.told(drawn, told_by).rows(named=True)
    for label in LABELS:
        first = min(CLASSES[label])
        assert sum(row[label]) == pytest.approx(1.0, abs=1e-5)
        assert int(np.argmax(row[label])) == CLASSES[label].index(first)


def test_labels_and_what_is_told_teach_together() -> None:
    """A class costs what it costs smoothed; probabilities cost as told; nothing told costs nothing."""
    torch.manual_seed(0)
    n = len(CLASSES["sentiment"])
    logits = {"sentiment": torch.randn(3, n)}
    known, share = CLASSES["sentiment"][1], [0.7, *[0.3 / (n - 1)] * (n - 1)]
    rows: list[teach.Row] = [{"sentiment": known}, {"sentiment": share}, {"sentiment": None}]
    weight = teach.LOSS_WEIGHTS["sentiment"]
    one = functional.cross_entropy(
        logits["sentiment"][:1], torch.tensor([1]), label_smoothing=teach.SMOOTHING
    )
    other = functional.cross_entropy(logits["sentiment"][1:2], torch.tensor([share]))
    found = teach.label_loss(logits, rows)
    assert float(found) == pytest.approx(float(weight * (one + other) / 2), rel=1e-5)
    assert float(teach.label_loss(logits, [{"sentiment": None}] * 3)) == 0.0


def test_some_pieces_are_dropped_never_all() -> None:
    """About the share that is said; of a text that would lose all of them none goes, of none nothing stays."""
    torch.manual_seed(0)
    starts = np.array([0, 400, 400, 401, 800])
    kept, where = static._some(np.arange(800), starts)
    assert len(kept) == pytest.approx(800 * (1 - static.DROPPED), abs=60)
    assert where[-1] == len(kept)
    texts = [kept[a:b] for a, b in pairwise(where)]
    assert texts[1].tolist() == []
    assert texts[2].tolist() == [400]
    assert all(np.isin(texts[n], np.arange(starts[n], starts[n + 1])).all() for n in (0, 3))

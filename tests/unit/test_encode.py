"""Vectors of texts: same text, same vector, whatever stands beside it."""

from pathlib import Path

import numpy as np
import pytest

from painpoints import bundle
from painpoints.encode import Encoder
from painpoints.errors import ModelError

TEXTS = [
    "The parcel came two days late",
    "Lovely room, awful breakfast",
    "ok",
    "I was on hold for an hour and then the line went dead, twice, on a Sunday",
    "The parcel came two days late",
]


@pytest.fixture(scope="module", params=["encoder-fast", "encoder-accurate"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return each shipped encoder in turn."""
    try:
        return Encoder.load(bundle.newest(request.param))
    except ModelError:
        pytest.skip(f"{request.param} is not built here")


def test_vectors_are_unit_rows_in_order(encoder: Encoder) -> None:
    """One float32 row of length 1 per text."""
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (5, encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_same_text_same_vector(encoder: Encoder) -> None:
    """Equal texts have equal vectors to the last bit."""
    vectors = encoder.encode(TEXTS)
    assert (vectors[0] == vectors[4]).all()


def test_batch_and_single_agree(encoder: Encoder) -> None:
    """A text alone has the vector that it has among others, also in another order."""
    together = encoder.encode(TEXTS)
    alone = np.vstack([encoder.encode([text]) for text in TEXTS])
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(alone, together, atol=1e-4)
    np.testing.assert_allclose(backwards, together, atol=1e-4)


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    """No texts give no rows of the right width."""
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_blank_text_has_the_zero_vector(encoder: Encoder) -> None:
    """A text with nothing to read points nowhere, and its neighbours are unharmed."""
    vectors = encoder.encode(["", "late parcel", "   "])
    assert not vectors[[0, 2]].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1.0, abs=1e-5)


def test_like_is_nearer_than_unlike(encoder: Encoder) -> None:
    """Two ways of saying the same are nearer than two different things."""
    late, tardy, crash = encoder.encode(
        ["my order arrived late", "the delivery took too long", "the app crashes on my phone"]
    )
    assert late @ tardy > late @ crash + 0.1


def test_very_long_text_is_read_without_trouble(encoder: Encoder) -> None:
    """A text far over the limit has a vector like any other."""
    vector = encoder.encode(["the queue was long " * 2000])
    assert np.isfinite(vector).all()


def test_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    """A folder that holds no encoder is a ModelError that names it and the remedy."""
    with pytest.raises(ModelError, match="make models"):
        Encoder.load(tmp_path)

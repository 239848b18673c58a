"""scikit-learn heads on an encoder's vectors: one logistic regression per label, calibrated.

Temperatures are fitted on folds that leave whole sources out, since new exports are new sources.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from painpoints.classify import LABELS, Vectors, dense_features
from painpoints.encode import Encoder

MIN_PROB = {"stage": 0.4, "touchpoint": 0.3, "sentiment": 0.5, "type": 0.45, "severity": 0.0}
"""Below it the answer is "unsure"; read off the curve of accuracy against coverage."""

NATURAL_FLOOR = 0.01
"""No class is expected more rarely than this, however rare it was in the sources we know."""


def fit(rows: pl.DataFrame, encoder: Encoder, *, seed: int) -> dict[str, Any]:
    """Return the artefact that `painpoints.classify.Classifier` takes."""
    features = dense_features(*encode_rows(rows, encoder))
    return {"heads": {label: _fit_head(label, rows, features, seed) for label in LABELS}}


def encode_rows(rows: pl.DataFrame, encoder: Encoder) -> tuple[Vectors, Vectors]:
    """Return the vectors of the mentions and of their contexts, each (n, dim)."""
    both = encoder.encode([*rows["text"], *rows["context"]])
    return both[: rows.height], both[rows.height :]


def logistic(seed: int, strength: float = 1.0) -> LogisticRegression:
    """Return an unfitted head."""
    return LogisticRegression(C=strength, max_iter=100, tol=1e-3, random_state=seed)


def _fit_head(label: str, rows: pl.DataFrame, features: Vectors, seed: int) -> dict[str, Any]:
    truth = rows[label].to_numpy().astype(str)
    model = logistic(seed).fit(features, truth)
    classes = [str(name) for name in model.classes_]
    prior = frequencies(truth, classes)
    known = rows.filter("natural")[label].to_numpy().astype(str)
    return {
        "model": model,
        "prior": prior,
        "natural": floored(frequencies(known, classes)) if len(known) else prior,
        "temperature": 1.0,
        "min_prob": MIN_PROB[label],
    }


def frequencies(truth: NDArray[Any], classes: list[str]) -> NDArray[np.float64]:
    """Return the share of each class in `truth`, smoothed by one count."""
    counts = np.array([np.sum(truth == name) for name in classes], dtype=np.float64) + 1.0
    return np.asarray(counts / counts.sum())


def floored(prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `prior` with no class below `NATURAL_FLOOR`."""
    raised = np.maximum(prior, NATURAL_FLOOR)
    return np.asarray(raised / raised.sum())


def temperature(
    logits_of: Callable[[float], NDArray[np.float64]], truth: NDArray[np.int64]
) -> float:
    """Return the temperature with the least log loss.

    Args:
        logits_of: probabilities (n, classes) at a temperature.
        truth: (n,) index of the right class.
    """

    def loss(log_temperature: float) -> float:
        given = logits_of(float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(given[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded")
    return float(np.exp(found.x))

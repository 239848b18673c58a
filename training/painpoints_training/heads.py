"""scikit-learn heads on an encoder's vectors: one logistic regression per label, calibrated.

Temperatures are fitted on folds that leave whole sources out, since new exports are new sources.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from painpoints.classify import LABELS, Classifier, Probabilities, Vectors, dense_features
from painpoints.encode import Encoders

MIN_PROB = {"stage": 0.35, "touchpoint": 0.25, "sentiment": 0.4, "type": 0.35, "severity": 0.0}
"""Below it the answer is "unsure": on sources left out, fewer than a third of those are right."""

NATURAL_FLOOR = 0.01
"""No class is expected more rarely than this, however rare it was in the sources we know."""


def fit(
    rows: pl.DataFrame, encoders: Encoders, *, temperatures: Mapping[str, float], seed: int
) -> dict[str, Any]:
    """Return the artefact that `painpoints.classify.Classifier` takes.

    Args:
        rows: of `corpus.SCHEMA`; a null label teaches nothing.
        encoders: whose vectors the heads will see.
        temperatures: of each label, from `calibrate` on sources that were left out.
        seed: of the solver.
    """
    features = dense_features(*encode_rows(rows, encoders))
    return {
        "heads": {
            label: _fit_head(label, rows, features, temperatures[label], seed) for label in LABELS
        }
    }


def encode_rows(rows: pl.DataFrame, encoders: Encoders) -> tuple[Vectors, Vectors]:
    """Return the vectors of the mentions and of their contexts, row-aligned."""
    return encoders.read(rows["text"].to_list(), rows["context"].to_list())


def logistic(seed: int, strength: float = 1.0) -> LogisticRegression:
    """Return an unfitted head."""
    return LogisticRegression(C=strength, max_iter=100, tol=1e-3, random_state=seed)


def _fit_head(
    label: str, rows: pl.DataFrame, features: Vectors, temperature: float, seed: int
) -> dict[str, Any]:
    known = rows[label].is_not_null().to_numpy()
    truth = rows[label].drop_nulls().to_numpy().astype(str)
    model = logistic(seed).fit(features[known], truth)
    classes = [str(name) for name in model.classes_]
    prior = frequencies(truth, classes)
    return {
        "model": model,
        "prior": prior,
        "natural": deployment_prior(rows, label, classes, prior),
        "temperature": temperature,
        "min_prob": MIN_PROB[label],
    }


def deployment_prior(
    rows: pl.DataFrame, label: str, classes: list[str], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how often each class is expected in an export nobody has seen.

    Halfway, on the log scale, between what the heads were fitted on (balanced on purpose) and the
    rows drawn at random from real sources (few industries): docs/decisions/0033.
    """
    real = rows.filter("natural")[label].drop_nulls().to_numpy().astype(str)
    if not len(real):
        return prior
    mixed = np.sqrt(floored(frequencies(real, classes)) * prior)
    return np.asarray(mixed / mixed.sum())


def frequencies(truth: NDArray[Any], classes: list[str]) -> NDArray[np.float64]:
    """Return the share of each class in `truth`, smoothed by one count."""
    counts = np.array([np.sum(truth == name) for name in classes], dtype=np.float64) + 1.0
    return np.asarray(counts / counts.sum())


def floored(prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `prior` with no class below `NATURAL_FLOOR`."""
    raised = np.maximum(prior, NATURAL_FLOOR)
    return np.asarray(raised / raised.sum())


def calibrate(
    rows: pl.DataFrame, encoders: Encoders, held: pl.DataFrame, *, seed: int
) -> dict[str, float]:
    """Return for each label the temperature with the least log loss on sources left out.

    Args:
        rows: what the encoder and the heads of the trial learn from.
        encoders: that have never seen the sources of `held`.
        held: rows of other sources, drawn at random where possible.
        seed: of the solver.
    """
    trial = Classifier(fit(rows, encoders, temperatures=dict.fromkeys(LABELS, 1.0), seed=seed))
    given = trial.probabilities(*encode_rows(held, encoders))
    return {
        label: temperature(given[label], places(held[label], trial.classes(label)))
        for label in LABELS
    }


def places(truth: pl.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the right class of each row, -1 where it is none of them."""
    place = {name: number for number, name in enumerate(classes)}
    return np.array([place.get(value, -1) for value in truth])


def temperature(given: Probabilities, truth: NDArray[np.int64]) -> float:
    """Return what divides the logits of `given` (n, classes) for the least log loss.

    `truth` numbers the right class of each row, -1 where it is none of them.
    """
    known = truth >= 0
    logits, right = np.log(np.maximum(given[known], 1e-9)), truth[known]

    def loss(log_temperature: float) -> float:
        cooled = logits / np.exp(log_temperature)
        total = np.logaddexp.reduce(cooled, axis=1)
        return float((total - cooled[np.arange(len(right)), right]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-1.0, 1.5), method="bounded").x))

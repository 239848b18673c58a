"""Logistic regression held by weights that are already known: what was learnt is not forgotten.

scikit-learn's regression can only be held towards zero. Here the penalty is the distance from an
anchor: the shipped head, or a head made of descriptions. Without new rows the anchor comes back,
with many the rows decide. Least loss by SciPy's L-BFGS; why by hand: docs/decisions/0080.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from painpoints.encode import Vectors

MAX_ITER = 100


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear head: `weights` (classes, features) and `bias` (classes,), both float64."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: Vectors) -> NDArray[np.float64]:
        """Return (n, classes)."""
        return np.asarray(features @ self.weights.T + self.bias, dtype=np.float64)


def fit(
    features: Vectors,
    truth: NDArray[np.int64],
    row_weights: NDArray[np.float64],
    anchor: Linear,
    *,
    strength: float = 1.0,
) -> Linear:
    """Return the head of least weighted log loss plus half the squared distance from `anchor`.

    Args:
        features: (n, features).
        truth: (n,) number of the right class of each row.
        row_weights: (n,) how much each row counts.
        anchor: where the weights are held; its bias is where the search begins, and moves freely.
        strength: of the hold; 1 is that of scikit-learn's C=1.

    One thread: where others use the machine, the threads of BLAS wait for one another, six times over.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        return _fit(features, truth, row_weights, anchor, strength)


def _fit(
    features: Vectors,
    truth: NDArray[np.int64],
    row_weights: NDArray[np.float64],
    anchor: Linear,
    strength: float,
) -> Linear:
    held, rows = np.asarray(anchor.weights, np.float64), np.asarray(features, np.float32)
    right = np.zeros((len(truth), len(anchor.bias)), np.float32)
    right[np.arange(len(truth)), truth] = 1.0
    counted = np.asarray(row_weights, np.float32)[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = _unpacked(flat, held.shape)
        logits = rows @ weights.T.astype(np.float32) + bias.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        given = np.exp(logits)
        total = given.sum(axis=1, keepdims=True)
        missed = (counted * right * (np.log(total) - logits)).sum(dtype=np.float64)
        error = counted * (given / total - right)
        away = weights - held
        slope = error.T @ rows + strength * away
        value = float(missed) + 0.5 * strength * float((away**2).sum())
        return value, np.concatenate([slope.ravel(), error.sum(axis=0)]).astype(np.float64)

    start = np.concatenate([held.ravel(), anchor.bias])
    options = {"maxiter": MAX_ITER, "ftol": 1e-7}
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return Linear(*_unpacked(found.x, held.shape))


def _unpacked(
    flat: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_weights = shape[0] * shape[1]
    return flat[:n_weights].reshape(shape), flat[n_weights:]

"""Rows of unit length, and what is measured between them."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def unit(rows: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return the rows, each of length 1; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Floats = (rows / np.maximum(length, 1e-12)).astype(np.float32)
    return found


def means(vectors: Floats, labels: Ints) -> Floats:
    """Return the unit mean of the rows of each label 0..k-1; rows of label -1 count nowhere."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(labels >= 0)
    shape = (int(labels.max()) + 1, len(vectors))
    belongs = csr_array((np.ones(len(rows)), (labels[rows], rows)), shape=shape)
    return unit(belongs @ vectors.astype(np.float64))


def distances(vectors: Floats) -> Floats:
    """Return one minus the cosine of every two unit rows, (n, n), exactly 0 with itself."""
    apart: Floats = np.clip(1.0 - vectors @ vectors.T, 0.0, None, dtype=np.float32)
    np.fill_diagonal(apart, 0.0)
    return np.maximum(apart, apart.T)

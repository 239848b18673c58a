"""Figures over one column as plain floats; Polars itself types them as anything a cell may be."""

from typing import cast

import polars as pl


def mean(values: pl.Series) -> float:
    """Return the mean of numbers or truths, 0.0 where there is none."""
    return float(cast("float", values.mean()) or 0.0)


def highest(values: pl.Series) -> float:
    """Return the largest number, 0.0 where there is none."""
    return float(cast("float", values.max()) or 0.0)


def lowest(values: pl.Series) -> float:
    """Return the smallest number, 0.0 where there is none."""
    return float(cast("float", values.min()) or 0.0)

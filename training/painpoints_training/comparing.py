"""Two versions beside each other, label by label, and whether one falls below the other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from painpoints.evaluate import Figures

MIN_JUDGED = 100
"""Fewer mentions than this say too little to hold a version back."""

MARGIN = 0.02
"""How far the figure of a label may fall, by default."""

Z_ONE_IN_TEN = 1.2816
"""Quantile of the normal distribution that one value in ten exceeds."""

OWN = "own rows"
GUARD = "shipped corpus"
HELD_OUT = "held-out file"


@dataclass(frozen=True, slots=True)
class Compared:
    """One label on one set: before and after, 0..1.

    measure: macro-F1, for severity the quadratic kappa.
    before:  None where the version before has other classes, or has seen these rows.
    fell:    the label matters, enough mentions judge it, and it fell by more than the margin and
             more than chance alone would make it.
    """

    label: str
    on: str
    measure: str
    n: int
    before: float | None
    after: float
    fell: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def plain(found: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    """Return the figures that a manifest records, by label."""
    return {
        label: {
            "n": one.n,
            "accuracy": round(one.accuracy, 4),
            "macro-F1": round(one.macro_f1, 4),
            "kappa": round(one.kappa, 4),
            "ECE": round(one.ece, 4),
        }
        for label, one in found.items()
    }


def compare(
    on: str,
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    *,
    margin: float,
    matters: Sequence[str],
) -> list[Compared]:
    """Set plain figures of the same rows beside each other; labels that only `after` has, too."""
    return [
        _compared(label, on, before.get(label), now, margin=margin, matters=matters)
        for label, now in after.items()
    ]


def better(
    some: Mapping[str, Mapping[str, float]], others: Mapping[str, Mapping[str, float]]
) -> dict[str, Mapping[str, float]]:
    """Return of each label in both the plain figures that are higher by what it is judged by."""
    return {
        label: max(some[label], others[label], key=lambda one: one[_measure(label)])
        for label in some
        if label in others
    }


def _measure(label: str) -> str:
    return "kappa" if label == "severity" else "macro-F1"


def _compared(
    label: str,
    on: str,
    then: Mapping[str, float] | None,
    now: Mapping[str, float],
    *,
    margin: float,
    matters: Sequence[str],
) -> Compared:
    measure = _measure(label)
    was = None if then is None or then["n"] != now["n"] else then[measure]
    judged = label in matters and now["n"] >= MIN_JUDGED and was is not None
    return Compared(
        label=label,
        on=on,
        measure=measure,
        n=int(now["n"]),
        before=was,
        after=now[measure],
        fell=judged and was is not None and now[measure] < was - max(margin, by_chance(now)),
    )


def by_chance(now: Mapping[str, float]) -> float:
    """Return how far a figure may fall by chance, one time in ten, with so few mentions.

    Taken from the standard error of the share of right answers; a macro-F1 varies rather more.
    """
    return Z_ONE_IN_TEN * math.sqrt(now["accuracy"] * (1.0 - now["accuracy"]) / now["n"])


def falls(compared: Sequence[Compared]) -> list[str]:
    """Return each fall in words."""
    return [
        f"{one.label} {one.measure} on {one.on}: {one.before:.3f} -> {one.after:.3f} (n={one.n:,})"
        for one in compared
        if one.fell
    ]

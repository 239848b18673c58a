"""What an answer of each survey kind counts: its scale, its bands, its measure, in words.

Every score of the product is the mean of these points over answers, so that scores, drivers and
changes speak of the same number. Kinds, and scales of different length, are never mixed.
Sources: the vendors' definitions of NPS, CSAT, CES and smileys; see docs/numbers.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DEFAULT_TOP = {
    "nps": 10.0,
    "enps": 10.0,
    "csat": 5.0,
    "ces": 5.0,
    "stars": 5.0,
    "thumbs": 1.0,
    "smileys": 3.0,
    "pmf": 3.0,
}
"""The scale's top where an export does not tell it; its keys are the survey kinds."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How the answers of one survey kind make one number.

    name:      nps, top_two_share, top_share, easy_share, up_share, very_disappointed_share, mean.
    low, high: ends of the number: -100..100, 0..1, or those of the scale.
    bottom, top: ends of the answers' scale; answers beyond them count nothing.
    good, bad: first and last answer that count `high`, and `low`. What is neither counts the
               middle; without `bad` all but the good count `low`; without `good` an answer
               counts itself.
    convention: the same in words.
    """

    survey: str
    name: str
    low: float
    high: float
    bottom: float
    top: float
    good: tuple[float, float] | None
    bad: tuple[float, float] | None
    convention: str

    @property
    def kind(self) -> Literal["net", "share", "mean"]:
        """Return which interval fits: of a net share, of a share, or of a mean."""
        if self.good is None:
            return "mean"
        return "share" if self.bad is None else "net"

    def points(self, answers: Floats) -> Floats:
        """Return what each answer counts, shape of `answers`; NaN where it is off the scale."""
        valid = (answers >= self.bottom) & (answers <= self.top)
        counted = answers if self.good is None else self._banded(answers, self.good)
        return np.where(valid, counted, np.nan)

    def _banded(self, answers: Floats, good: tuple[float, float]) -> Floats:
        is_good = (answers >= good[0]) & (answers <= good[1])
        if self.bad is None:
            return np.where(is_good, self.high, self.low)
        is_bad = (answers >= self.bad[0]) & (answers <= self.bad[1])
        middle = (self.low + self.high) / 2
        return np.where(is_good, self.high, np.where(is_bad, self.low, middle))


def measures(survey: str, top: float | None = None) -> tuple[Measure, ...]:
    """Return the measures of a survey kind, the one that is ranked by first.

    survey: a kind of `DEFAULT_TOP`; any other (none) has no measure.
    top:    highest answer possible; None takes the usual one.
    """
    if survey not in DEFAULT_TOP:
        return ()
    if survey in {"nps", "enps"}:
        return (_net_promoters(survey),)
    scale_top = top if top is not None else DEFAULT_TOP[survey]
    mean = _mean(survey, scale_top)
    share = _top_share(survey, scale_top)
    if share is None:
        return (mean,)
    if survey == "stars":
        return (mean, share)
    return (share, mean) if survey in {"csat", "ces"} and scale_top > 1 else (share,)


def headline(survey: str, top: float | None = None) -> Measure | None:
    """Return the measure that a survey kind is ranked and compared by; None if it has none."""
    found = measures(survey, top)
    return found[0] if found else None


def _net_promoters(survey: str) -> Measure:
    words = "% of answers 9-10 minus % of answers 0-6, -100..100; 7-8 count in the number of answers; adjusted-Wald 95 % interval"
    return Measure(survey, "nps", -100.0, 100.0, 0.0, 10.0, (9, 10), (0, 6), words)


def _mean(survey: str, top: float) -> Measure:
    bottom = _bottom(survey, top)
    words = f"mean of the answers {bottom:g}..{top:g}; 95 % t interval"
    return Measure(survey, "mean", bottom, top, bottom, top, None, None, words)


def _top_share(survey: str, top: float) -> Measure | None:
    """Return the share of good answers; None where the scale is too long to have a top box."""
    if top > 10:
        return None
    good_from = _good_from(survey, top)
    name, saying = _NAMES.get(survey, ("top_two_share" if good_from < top else "top_share", ""))
    box = f"{good_from:g}-{top:g}" if good_from < top else f"{top:g}"
    bottom = _bottom(survey, top)
    words = f"share of answers {box}{saying} among all on {bottom:g}..{top:g}; Wilson 95 % interval"
    return Measure(survey, name, 0.0, 1.0, bottom, top, (good_from, top), None, words)


_NAMES = {
    "ces": ("easy_share", " (easy; high is easy)"),
    "thumbs": ("up_share", " (up)"),
    "pmf": ("very_disappointed_share", " (very disappointed without it)"),
}


def _good_from(survey: str, top: float) -> float:
    if survey == "ces":
        return (top + 1) // 2 + 1  # above the middle: 4 of 5, 5 of 7
    if survey in {"csat", "stars"} and top >= 4:
        return top - 1
    return top


def _bottom(survey: str, top: float) -> float:
    starts_at_zero = survey == "thumbs" or top in {1.0, 10.0, 100.0}
    return 0.0 if starts_at_zero else 1.0

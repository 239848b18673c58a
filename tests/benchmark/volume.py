"""Write exports of any size: seeded, varied, plausible; for volume only, never for quality."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

_SUBJECTS = {
    "the app": (
        "crashes when I open {thing}",
        "logs me out every {time}",
        "is easy to use",
        "shows the wrong {thing}",
    ),
    "delivery": ("came {late}", "was quick", "left {thing} in the rain", "never turned up"),
    "the engineer": ("missed the {time} slot", "was polite and tidy", "had no parts for {thing}"),
    "support": (
        "kept me on hold for {late}",
        "solved {thing} in one call",
        "never answers {thing} questions",
    ),
    "my bill": ("is higher than {thing} said", "shows a charge for {thing}", "is clear at last"),
    "checkout": ("refused my card {late}", "took one click", "lost {thing} from the basket"),
    "the website": ("hides {thing}", "was down all {time}", "explains {thing} well"),
    "the set-up": ("took {late}", "worked at once", "stops at {thing}"),
    "the price": ("went up again this {time}", "is fair for {thing}", "is cheaper elsewhere"),
    "staff": ("were rude about {thing}", "went out of their way", "did not know {thing}"),
}
_THINGS = (
    "my order",
    "the second invoice",
    "a photo",
    "the new router",
    "the refund",
    "my address",
    "the discount",
    "the contract",
    "the blue one",
    "the subscription",
    "the seat",
    "the statement",
)
_TIMES = ("morning", "week", "Tuesday", "evening", "month", "afternoon")
_LATE = (
    "two days late",
    "an hour",
    "three times",
    "forty minutes",
    "a week after the date",
    "half the day",
)
_JOINS = (". ", " and ", ", but ", " although ", "! ", "; ")
_TAILS = (
    "",
    "",
    "",
    " Not what I pay for.",
    " Thanks anyway.",
    " Please fix it.",
    " I may leave.",
    " 10/10",
    " Would recommend.",
)


class _Draws:
    """Choices of a seeded generator, drawn a million at a time: one call per choice takes minutes."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._drawn = iter(())

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        value = next(self._drawn, None)
        if value is None:
            self._drawn = iter(self._rng.random(1_000_000).tolist())
            value = next(self._drawn)
        return int(value * n)

    def of(self, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        return choices[self.below(len(choices))]


def verbatims(n: int, *, seed: int = 0) -> Iterator[str]:
    """Yield `n` verbatims of 4 to 60 words, 20 on average."""
    draws = _Draws(seed)
    subjects = tuple(_SUBJECTS)
    for _ in range(n):
        text = _clause(draws, subjects)
        for _ in range(_N_MORE[draws.below(len(_N_MORE))]):
            text += draws.of(_JOINS) + _clause(draws, subjects)
        yield text[0].upper() + text[1:] + draws.of(_TAILS)


_N_MORE = (0,) * 4 + (1,) * 6 + (2,) * 5 + (3,) * 3 + (4,) * 2
"""Clauses after the first: 0 to 4, so that a verbatim has 20 words on average."""


def _clause(draws: _Draws, subjects: Sequence[str]) -> str:
    subject = draws.of(subjects)
    trouble = draws.of(_SUBJECTS[subject])
    words = {"thing": draws.of(_THINGS), "time": draws.of(_TIMES), "late": draws.of(_LATE)}
    return f"{subject} {trouble.format(**words)}"


def write_export(path: Path, n: int, *, seed: int = 0) -> Path:
    """Write a survey export of `n` rows: id, person, date, NPS, channel, plan, comment."""
    draws = _Draws(seed + 1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("response_id", "customer_id", "date", "nps", "channel", "plan", "comment"))
        for at, text in enumerate(verbatims(n, seed=seed)):
            when = start + timedelta(minutes=draws.below(260_000))
            out.writerow(
                (
                    f"r{at:07d}",
                    f"c{draws.below(n):07d}",
                    f"{when:%Y-%m-%d %H:%M}",
                    draws.below(11),
                    draws.of(("app", "email", "phone")),
                    draws.of(("basic", "gold", "family")),
                    text,
                )
            )
    return path

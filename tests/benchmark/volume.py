"""Write exports of any size: seeded, varied, plausible; for volume only, never for quality."""

import csv
from collections.abc import Iterator
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


def verbatims(n: int, *, seed: int = 0) -> Iterator[str]:
    """Yield `n` verbatims of 4 to 40 words."""
    rng = np.random.default_rng(seed)
    subjects = list(_SUBJECTS)
    for _ in range(n):
        clauses = [
            _clause(rng, subjects) for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])))
        ]
        text = clauses[0]
        for clause in clauses[1:]:
            text += str(rng.choice(_JOINS)) + clause
        yield text[0].upper() + text[1:] + str(rng.choice(_TAILS))


def _clause(rng: np.random.Generator, subjects: list[str]) -> str:
    subject = subjects[int(rng.integers(len(subjects)))]
    trouble = str(rng.choice(_SUBJECTS[subject]))
    words = {
        "thing": str(rng.choice(_THINGS)),
        "time": str(rng.choice(_TIMES)),
        "late": str(rng.choice(_LATE)),
    }
    return f"{subject} {trouble.format(**words)}"


def write_export(path: Path, n: int, *, seed: int = 0) -> Path:
    """Write a survey export of `n` rows: id, person, date, NPS, channel, plan, comment."""
    rng = np.random.default_rng(seed + 1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("response_id", "customer_id", "date", "nps", "channel", "plan", "comment"))
        for at, text in enumerate(verbatims(n, seed=seed)):
            when = start + timedelta(minutes=int(rng.integers(260_000)))
            out.writerow(
                (
                    f"r{at:07d}",
                    f"c{int(rng.integers(n)):07d}",
                    f"{when:%Y-%m-%d %H:%M}",
                    int(rng.integers(11)),
                    str(rng.choice(("app", "email", "phone"))),
                    str(rng.choice(("basic", "gold", "family"))),
                    text,
                )
            )
    return path

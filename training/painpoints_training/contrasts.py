"""Pairs that differ by a negation, made from plain parts, with the labels of both sides.

Customers deny more than they affirm ("not helpful at all"), and also deny what is bad ("no trouble
at all"). The corpus has too few of either side by side for an encoder to see that the small word
turns the feeling; these say it many times.
"""

import polars as pl

from painpoints.classify import context
from painpoints_training.corpus import SCHEMA

PEOPLE = (("helpful", "friendly", "polite"), ("rude", "unhelpful", "careless"))
DOINGS = (("easy", "quick", "smooth"), ("slow", "difficult", "confusing"))
THINGS = (("good", "reliable", "comfortable"), ("poor", "terrible", "broken"))

SUBJECTS = (
    ("the staff", True, PEOPLE, "use", "staff"),
    ("the nurses", True, PEOPLE, "use", "staff"),
    ("our waiter", False, PEOPLE, "use", "staff"),
    ("the agent on the phone", False, PEOPLE, "support", "customer_service"),
    ("your support team", False, PEOPLE, "support", "customer_service"),
    ("the delivery driver", False, PEOPLE, "delivery", "delivery"),
    ("checkout", False, DOINGS, "purchase", "ordering"),
    ("booking", False, DOINGS, "purchase", "ordering"),
    ("delivery", False, DOINGS, "delivery", "delivery"),
    ("the installation", False, DOINGS, "onboarding", "product"),
    ("registering", False, DOINGS, "onboarding", "account"),
    ("getting a refund", False, DOINGS, "support", "returns"),
    ("the claim", False, DOINGS, "support", "returns"),
    ("the seats", True, THINGS, "use", "product"),
    ("the app", False, THINGS, "use", "app"),
    ("the food", False, THINGS, "use", "product"),
    ("the connection", False, THINGS, "use", "product"),
    ("the room", False, THINGS, "use", "premises"),
)
"""Words, plural, the adjectives that fit, stage, touchpoint."""

GOOD = ("{s} {was} {good}", "{s} {was} really {good}", "{s} {was} not {bad} at all",
        "{s} {wasnt} {bad}", "nothing {bad} about {s}")  # fmt: skip
BAD = ("{s} {was} {bad}", "{s} {was} not {good}", "{s} {was} not {good} at all", "{s} {wasnt} {good}",
       "{s} {was} never {good}", "{s} {was} far from {good}", "{s} {was} anything but {good}")  # fmt: skip

WHOLE_GOOD = ("happy with {s}", "I am happy with {s}", "no complaints about {s}", "cannot fault {s}",
              "no problems with {s}", "could not be happier with {s}", "I like {s}")  # fmt: skip
WHOLE_BAD = ("not happy with {s}", "I am not happy with {s}", "I do not like {s}",
             "I have nothing good to say about {s}", "could not be less happy with {s}")  # fmt: skip

SINGLE = (
    ("it works", "use", "product", "positive", 0),
    ("it does not work", "use", "product", "negative", 2),
    ("it doesn't work any more", "use", "product", "negative", 2),
    ("it still does not work", "use", "product", "negative", 2),
    ("it works without any trouble", "use", "product", "positive", 0),
    ("I would recommend them", "loyalty", "general", "positive", 0),
    ("I would not recommend them", "loyalty", "general", "negative", 2),
    ("I wouldn't recommend this to anyone", "loyalty", "general", "negative", 2),
    ("would never recommend", "loyalty", "general", "negative", 2),
    ("I will buy again", "loyalty", "general", "positive", 0),
    ("I will not buy again", "loyalty", "general", "negative", 3),
    ("my problem was solved", "support", "customer_service", "positive", 0),
    ("my problem was not solved", "support", "customer_service", "negative", 2),
    ("nobody solved my problem", "support", "customer_service", "negative", 2),
    ("they called me back", "support", "customer_service", "positive", 0),
    ("they never called me back", "support", "customer_service", "negative", 2),
    ("the parcel arrived on time", "delivery", "delivery", "positive", 0),
    ("the parcel did not arrive on time", "delivery", "delivery", "negative", 2),
    ("it is worth the money", "consideration", "price", "positive", 0),
    ("it is not worth the money", "consideration", "price", "negative", 1),
)
"""Text, stage, touchpoint, sentiment, severity."""


NOTHING = ("Nothing", "nothing really", "none", "None.", "N/A", "na", "no", "nope", "Nothing at all",
           "nothing comes to mind", "can't think of anything", "not that I can think of", "-")  # fmt: skip

QUESTIONS = ("What could we improve?", "What could we do better?", "Is there anything we could do better?",
             "What did you dislike?", "Any suggestions?", "What was the main reason for your score?",
             "Anything else?")  # fmt: skip


def contrasts() -> pl.DataFrame:
    """Return every sentence that the parts make, as rows of `corpus.SCHEMA`."""
    rows = [_row(*one) for one in SINGLE]
    for subject, plural, (good, bad), stage, touchpoint in SUBJECTS:
        words = {"s": subject, "was": "were" if plural else "was"}
        words["wasnt"] = "weren't" if plural else "wasn't"
        for mark, severity, shapes, wholes in (
            ("positive", 0, GOOD, WHOLE_GOOD),
            ("negative", 1, BAD, WHOLE_BAD),
        ):
            told = [
                shape.format(**words, good=one, bad=other)
                for shape in shapes
                for one, other in zip(good, bad, strict=True)
            ]
            told += [whole.format(s=subject) for whole in wholes]
            rows += [_row(text, stage, touchpoint, mark, severity) for text in dict.fromkeys(told)]
    rows += [_nothing(text, question) for text in NOTHING for question in QUESTIONS]
    numbered = [{**row, "id": f"contrast-{n}"} for n, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=SCHEMA)


def _nothing(text: str, question: str) -> dict[str, object]:
    """Return an answer that tells nothing: no stage, no feeling, no pain."""
    blank = {"stage": "none", "touchpoint": "none", "type": "other"}
    row = _row(text, "none", "none", "neutral", 0) | blank
    return row | {"context": context(question, text, 0, len(text))}


def _row(text: str, stage: str, touchpoint: str, mark: str, severity: int) -> dict[str, object]:
    return {
        "source": "contrasts",
        "text": text,
        "context": text,
        "natural": False,
        "stage": stage,
        "touchpoint": touchpoint,
        "sentiment": mark,
        "type": "praise" if mark == "positive" else "pain_point",
        "severity": str(severity),
    }

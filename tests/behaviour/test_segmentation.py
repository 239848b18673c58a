"""How verbatims are cut, in examples that a customer would agree with."""

from pathlib import Path

import pytest

from painpoints.segment import Segmenter, cut_fast

MODEL = Path(__file__).parents[2] / "models" / "segmenter" / "1"


def quotes(text: str) -> list[str]:
    """Return the mentions' texts as the fast way cuts them."""
    return [text[start:end] for start, end in cut_fast(text)]


@pytest.mark.parametrize(
    ("verbatim", "wanted"),
    [
        ("loved the room but check-in took an hour", ["loved the room", "check-in took an hour"]),
        ("staff friendly, food cold, never again", ["staff friendly", "food cold", "never again"]),
        ("great service and fast delivery", ["great service", "fast delivery"]),
        (
            "Nice seats. Terrible sound; the screen flickered.",
            ["Nice seats.", "Terrible sound", "the screen flickered."],
        ),
        ("great app 😍 but it logs me out", ["great app 😍", "it logs me out"]),
        (
            "Although the staff were nice, the room was dirty",
            ["Although the staff were nice", "the room was dirty"],
        ),
        ("Everything great except the parking", ["Everything great", "except the parking"]),
        (
            "checkin works great but booking always fails with amex pls fix",
            ["checkin works great", "booking always fails with amex", "pls fix"],
        ),
        ("hi, my card keeps getting declined", ["hi", "my card keeps getting declined"]),
        (
            "The engineer never came, and the line was busy all day",
            ["The engineer never came", "the line was busy all day"],
        ),
    ],
)
def test_subjects_are_told_apart(verbatim: str, wanted: list[str]) -> None:
    """A clause or a note with a subject of its own is a mention of its own."""
    assert quotes(verbatim) == wanted


@pytest.mark.parametrize(
    "verbatim",
    [
        "the app crashes when I open a photo",
        "staff were friendly and helpful",
        "The food was cold, which is annoying.",
        "When I called, the agent hung up",
        "small but cosy",
        "Good food, drinks and service",
        "i love the shoes i bought",
        "Because the lift was broken we carried the pram up four floors",
        "This is the best airline I have ever flown with",
        "clean, quick, easy",
        "Dr. Osei saw me at 2.5 hrs past the appointment",
        "Interest was added even though I paid on time",
    ],
)
def test_one_subject_stays_whole(verbatim: str) -> None:
    """Subordinate and relative clauses, lists of adjectives and abbreviations do not split."""
    assert quotes(verbatim) == [verbatim]


@pytest.mark.parametrize(
    "verbatim",
    [
        "1. Add dark mode 2. Fix the login 3. Cheaper plans",
        "1) Add dark mode\n2) Fix the login\n3) Cheaper plans",
        "- Add dark mode\n- Fix the login\n- Cheaper plans",
        "• Add dark mode • Fix the login • Cheaper plans",
        "Add dark mode\n\nFix the login\nCheaper plans",
    ],
)
def test_lists_split_into_their_items(verbatim: str) -> None:
    """Numbers, bullets and lines make items, and the marks are no part of them."""
    assert quotes(verbatim) == ["Add dark mode", "Fix the login", "Cheaper plans"]


def test_a_broken_line_is_no_boundary() -> None:
    """A line that an editor broke in mid-sentence goes on in the next."""
    text = "The technician who came to the house on Monday to look at the meter\nwas very polite."
    assert quotes(text) == [text]


@pytest.mark.parametrize(
    ("verbatim", "wanted"),
    [
        (
            "loved the room but check-in took an hour",
            ["loved the room", "check-in took an hour"],
        ),
        ("the app crashes when I open a photo", ["the app crashes when I open a photo"]),
        ("staff were friendly and helpful", ["staff were friendly and helpful"]),
        ("great service and fast delivery", ["great service", "fast delivery"]),
        (
            "the app keeps crashing and support never answers",
            ["the app keeps crashing", "support never answers"],
        ),
    ],
)
def test_the_parsed_way_agrees_on_plain_cases(verbatim: str, wanted: list[str]) -> None:
    """Both ways cut plain sentences alike."""
    found = Segmenter.load(MODEL, parse=True).spans([verbatim])[0]
    assert [verbatim[start:end] for start, end in found] == wanted


def test_names_of_persons_are_found_and_brands_survive() -> None:
    """Persons are found by wording and shape; brands and places are left."""
    texts = [
        "I spoke to Priya about my Samsung phone",
        "My name is John Smith and I live in London",
        "Dr. Osei was lovely",
        "The Hilton in Paris was great",
        "I called Vodafone, John Lewis and Virgin Media",
        "nobody called me back",
    ]
    found = Segmenter.load(MODEL, parse=False).names(texts)
    named = [[t[a:b] for a, b in spans] for t, spans in zip(texts, found, strict=True)]
    assert named == [["Priya"], ["John Smith"], ["Osei"], [], [], []]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mr McDonald was rude", ["McDonald"]),
        ("spoke to Sarah MacKenzie about it", ["Sarah MacKenzie"]),
        ("My name is Kateřina Nováková.", ["Kateřina Nováková"]),
        ("Mrs Mu\u0308ller", ["Mu\u0308ller"]),
        ("Dr O'Neill", ["O'Neill"]),
        ("Mr van der Berg called", ["van der Berg"]),
        ("I spoke to Zbigniew and Zbigniew was rude", ["Zbigniew", "Zbigniew"]),
        ("I spoke to Customer Service and Head Office", []),
        ("my Dr Martens boots", []),
    ],
)
def test_a_name_is_masked_whole_and_wherever_it_stands(text: str, names: list[str]) -> None:
    """No letter of it stays, in any spelling of Latin letters; departments and brands do."""
    spans = Segmenter.load(MODEL, parse=False).names([text])[0]
    assert [text[start:end] for start, end in spans] == names


def test_a_word_that_is_a_name_too_is_no_person_where_things_are_told_of() -> None:
    """A bill that was wrong stays; a Bill who was kind is masked."""
    things = [
        "Bill was wrong",
        "Bill came late. Mark the road works clearly.",
        "The Bill is too high",
    ]
    persons = [
        "Bill was very helpful",
        "Mark in support fixed it",
        "Penny Jones called",
        "thanks to Mark",
    ]
    found = Segmenter.load(MODEL, parse=False).names([*things, *persons])
    assert found[: len(things)] == [[]] * len(things)
    named = [
        [t[a:b] for a, b in spans] for t, spans in zip(persons, found[len(things) :], strict=True)
    ]
    assert named == [["Bill"], ["Mark"], ["Penny Jones"], ["Mark"]]


def test_phrases_name_the_trouble() -> None:
    """The first phrase of a plain complaint is its subject with its trouble, in its own words."""
    texts = [
        "The engineer never turned up",
        "My refund has not arrived",
        "cold food and rude staff",
    ]
    first = [phrases[0] for phrases in Segmenter.load(MODEL).phrases(texts)]
    assert [p.text for p in first] == [
        "engineer never turned up",
        "refund has not arrived",
        "cold food",
    ]
    assert first[0].key == "engineer never turn up"

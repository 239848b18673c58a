"""Masking: nothing planted survives, nothing else changes, the same value is the same noun."""

import re
import time
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from painpoints.config import RedactSettings
from painpoints.redact import mask, mask_part, numbering, renumbered
from painpoints.redact.patterns import PLACEHOLDER, find
from painpoints.tables import FEEDBACK, check

SETTINGS = RedactSettings()
FEW = settings(deadline=None, max_examples=40)
NAMES = ("Sarah Jones", "Sarah", "Tom Oduya", "Maryam")


def _feedback(verbatims: Sequence[str], **columns: Any) -> pl.DataFrame:
    n = len(verbatims)
    filled: dict[str, Any] = {c: [None] * n for c in FEEDBACK.schema(upto="")}
    filled |= {"feedback_id": [f"r{i}" for i in range(n)], "verbatim": list(verbatims)}
    filled |= {"source": ["s"] * n, "row": list(range(n)), "survey": ["none"] * n}
    schema = dict(FEEDBACK.schema(upto="")) | {c: pl.String for c in columns if c not in filled}
    return pl.DataFrame(filled | columns, schema=schema)


def _find_names(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Stand in for the segmenter: finds the names of this file, the longer ones first."""
    pattern = re.compile("|".join(map(re.escape, NAMES)))
    return [[m.span() for m in pattern.finditer(text)] for text in texts]


def _masked(*verbatims: str, names: bool = True) -> list[str]:
    frame, _ = mask(
        _feedback(verbatims), settings=SETTINGS, find_names=_find_names if names else None
    )
    return frame["verbatim"].to_list()


PLANTED = {
    "jo.bloggs+x@shop.example.co.uk": "email",
    "JO_B@example.com": "email",
    "jo at example dot com": "email",
    "jo [at] example.com": "email",
    "4111 1111 1111 1111": "card",
    "5500-0000-0000-0004": "card",
    "378282246310005": "card",
    "GB82 WEST 1234 5698 7654 32": "iban",
    "de89370400440532013000": "iban",
    "203.0.113.77": "ip",
    "2001:db8::ff00:42:8329": "ip",
    "020 7946 0958": "phone",
    "+49 30 901820": "phone",
    "(415) 555-2671": "phone",
    "(415) 555 2671": "phone",
    "wa.me/447911123456": "url",
    "https://shop.example/orders?id=77&t=abc": "url",
    "www.example.org/u/jo": "url",
    "bit.ly/3xYzA9": "url",
    "@jane_doe9": "handle",
    "Tom Oduya": "name",
    "Maryam": "name",
}
ORDINARY = """
the app crashed twice, and staff were rude. I paid 40.50 on 12/03/2024 at 10:30 for two (small)
rooms; v2.1.0 is worse! order 88123 never came - why? café £5
"""
WORDS = st.lists(st.sampled_from(ORDINARY.split()), max_size=8).map(" ".join)


@pytest.mark.parametrize("value", PLANTED)
def test_each_kind_becomes_its_noun(value: str) -> None:
    """A value inside a sentence is replaced by its placeholder and nothing else."""
    (masked,) = _masked(f"Please note {value} for me.")
    assert masked == f"Please note [{PLANTED[value].upper()}_1] for me."


@FEW
@given(st.lists(st.tuples(WORDS, st.sampled_from(sorted(PLANTED))), min_size=1, max_size=4), WORDS)
def test_nothing_planted_survives(parts: list[tuple[str, str]], rest: str) -> None:
    """Wherever values stand among ordinary words, none is left."""
    text = "".join(f"{words} ; {value} ; " for words, value in parts) + rest
    (masked,) = _masked(text)
    assert not [value for _, value in parts if value in masked]
    words = [w for w, _ in parts if w] + [rest]
    assert all(w in masked for w in words)


@FEW
@given(WORDS)
def test_what_holds_nothing_stays_byte_for_byte(text: str) -> None:
    """Ordinary sentences with prices, dates, versions and order numbers do not change."""
    assert _masked(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "version 4.1.1.1 broke it, v10.2.30.4 too, 1.2.3.4 was fine",
        "I ordered on amazon.com and www.nhs.uk, see https://www.nhs.uk/",
        "either/or, and.so/on, 24/7, N/A",
        "order 123456789012 of 2024-01-02 10:30, invoice 20240102-0034567",
        "I waited 45 minutes 3 times in 2023, 2019-2020, 1990 1991 1992",
        "thanks @AppleSupport and @AskPlayStation",
        "4111 1111 1111 1112 is no card, GB83 WEST 1234 5698 7654 32 no account",
        "it was at 10:30:45 :: really",
        "meet me @ 5 or @home? no: a@b",
        "I called 50000.00 times for $43000000",
        "",
        "\n",
    ],
)
def test_look_alikes_stay(text: str) -> None:
    """Versions, hosts, orders, dates, service handles and failed check digits are no persons."""
    assert _masked(text.replace("@home", "at home")) == [text.replace("@home", "at home")]


@FEW
@given(st.text(max_size=120))
def test_any_text_is_masked_and_twice_is_once(text: str) -> None:
    """Masking never raises, and masking what is masked changes nothing."""
    once = _masked(text)
    assert _masked(*once) == once


HARD = st.lists(
    st.sampled_from(
        [*PLANTED, *"0123456789", " ", "-", ".", "@", "/", "[EMAIL_1]", "[NAME_7]", "www.", "a"]
    ),
    max_size=14,
).map("".join)


@FEW
@given(HARD)
def test_twice_is_once_for_what_is_glued_together(text: str) -> None:
    """Values without a space between them leave nothing that a second pass would find."""
    once = _masked(text)
    assert _masked(*once) == once
    assert not find(once[0], "GB")


@FEW
@given(st.permutations(range(6)))
def test_order_of_rows_changes_numbers_only(order: list[int]) -> None:
    """Each row is masked alike wherever it stands, and equal values stay equal."""
    rows = [f"x {value} y {value}" for value in list(PLANTED)[:5]] + ["nothing here"]
    straight = _masked(*rows)
    shuffled = _masked(*(rows[i] for i in order))
    back = [shuffled[order.index(i)] for i in range(6)]
    plain = [PLACEHOLDER.sub(r"[\g<kind>]", row) for row in straight]
    assert [PLACEHOLDER.sub(r"[\g<kind>]", row) for row in back] == plain
    assert all(len(set(PLACEHOLDER.findall(row))) <= 1 for row in back)


def test_the_same_value_is_the_same_noun_in_every_row() -> None:
    """Capitals, spaces and country codes do not make another person."""
    masked = _masked(
        "Jo@Example.com", "jo@example.com", "020 7946 0958", "+44 20 7946 0958", "ann@example.com"
    )
    assert masked == ["[EMAIL_1]", "[EMAIL_1]", "[PHONE_1]", "[PHONE_1]", "[EMAIL_2]"]


def test_a_first_name_is_its_full_name_within_a_verbatim() -> None:
    """Sarah, after Sarah Jones, is Sarah Jones; in another verbatim she is somebody else."""
    masked = _masked("Sarah Jones was kind. Sarah's smile!", "Sarah again")
    assert masked == ["[NAME_1] was kind. [NAME_1]'s smile!", "[NAME_2] again"]


def test_names_can_be_left() -> None:
    """With names switched off, or nobody to find them, names stay and the rest is masked."""
    feedback = _feedback(["Sarah: jo@example.com"])
    off = RedactSettings(names=False)
    frame, counts = mask(feedback, settings=off, find_names=_find_names)
    assert frame["verbatim"].to_list() == ["Sarah: [EMAIL_1]"]
    assert counts["name"] == 0
    assert _masked("Sarah", names=False) == ["Sarah"]


def test_what_overlaps_is_masked_as_a_whole() -> None:
    """A link that holds an e-mail and a name leaves no part of itself."""
    (masked,) = _masked("see https://x.example/?to=jo@example.com&n=Sarah now")
    assert masked == "see [URL_1] now"


def test_a_link_around_a_placeholder_leaves_no_token() -> None:
    """What stands before a placeholder inside a link is masked too."""
    assert _masked("https://x.example/t=77&to=[EMAIL_1]") == ["[URL_1][EMAIL_1]"]


def test_a_long_run_of_digits_is_masked_as_a_whole() -> None:
    """A run too long to search is not left, and is counted under its own kind."""
    feedback = _feedback(["see 123 " * 1 + "12 34 " * 100 + "end"])
    frame, counts = mask(feedback, settings=SETTINGS, find_names=None)
    assert frame["verbatim"].to_list() == ["see [NUMBER_1] end"]
    assert counts["number"] == 1


def test_a_phone_beside_other_numbers_is_found() -> None:
    """A number that begins as numbers are dialled is found though digits stand before it."""
    assert _masked("row 12 020 7946 0958, and 5") == ["row 12 [PHONE_1], and 5"]
    assert _masked("2024-01-02)+44 20 7946 0958") == ["2024-01-02)[PHONE_1]"]


def test_numbering_goes_on_after_placeholders_in_the_text() -> None:
    """A placeholder that was there before is not given to somebody else."""
    assert _masked("[EMAIL_4] wrote", "ann@example.com") == ["[EMAIL_4] wrote", "[EMAIL_5]"]


def test_columns_are_masked_too() -> None:
    """Question, channel and segments leak nothing; a segment of people is masked whole."""
    feedback = _feedback(
        ["fine", "fine"],
        question=["Was jo@example.com kind?", None],
        channel=["mail from ann@example.com", "web"],
        segment_agent_name=["Lee Wong", "Lee Wong"],
        segment_account_manager=["Lee Wong", None],
        segment_handled_by=["Lee Wong", None],
        segment_product_name=["Rose", None],
        segment_note=["ring 020 7946 0958", "jo@example.com"],
    )
    frame, counts = mask(feedback, settings=SETTINGS, find_names=None)
    assert frame["question"].to_list() == ["Was [EMAIL_1] kind?", None]
    assert frame["channel"].to_list() == ["mail from [EMAIL_2]", "web"]
    assert frame["segment_agent_name"].to_list() == ["[NAME_1]", "[NAME_1]"]
    assert frame["segment_account_manager"].to_list() == ["[NAME_1]", None]
    assert frame["segment_handled_by"].to_list() == ["[NAME_1]", None]
    assert frame["segment_product_name"].to_list() == ["Rose", None]
    assert frame["segment_note"].to_list() == ["ring [PHONE_1]", "[EMAIL_1]"]
    assert counts["email"] == 3
    assert counts["name"] == 4


def test_people_become_pseudonyms() -> None:
    """One person has one pseudonym; another salt gives another; twice is once."""
    feedback = _feedback(["a", "b", "c", "d"], person_id=["C1", "C1", "Jo@Example.com", None])
    frame, counts = mask(feedback, settings=SETTINGS, find_names=None)
    first, second, third, none = frame["person_id"].to_list()
    assert first == second != third
    assert re.fullmatch(r"p_[0-9a-f]{12}", first)
    assert none is None
    assert counts["person_id"] == 3
    salted, _ = mask(feedback, settings=RedactSettings(salt="s"), find_names=None)
    assert salted["person_id"][0] != first
    assert mask(frame, settings=SETTINGS, find_names=None)[0].equals(frame)


def test_a_feedback_id_that_tells_the_person_is_hashed() -> None:
    """An e-mail or the person's own id is no id to print; other ids stay as they are."""
    feedback = _feedback(
        ["a", "b", "c"], feedback_id=["jo@example.com", "C7", "R-9"], person_id=[None, "C7", "C8"]
    )
    frame, counts = mask(feedback, settings=SETTINGS, find_names=None)
    ids = frame["feedback_id"].to_list()
    assert [bool(re.fullmatch(r"f_[0-9a-f]{12}", i)) for i in ids] == [True, True, False]
    assert ids[2] == "R-9"
    assert counts["feedback_id"] == 2


@FEW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["customer", "agent"]),
            st.sampled_from([*PLANTED, "hello there", "I am Sarah Jones", "020 7946", "0958"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_turns_still_cut_their_own_words(said: list[tuple[str, str]]) -> None:
    """Offsets move along: each turn is what masking that turn alone would give."""
    verbatim = "\n".join(text for _, text in said)
    turns, start = [], 0
    for role, text in said:
        turns.append({"role": role, "start": start, "end": start + len(text)})
        start += len(text) + 1
    frame, _ = mask(_feedback([verbatim], turns=[turns]), settings=SETTINGS, find_names=_find_names)
    masked = frame["verbatim"][0]
    cut = [masked[t["start"] : t["end"]] for t in frame["turns"][0]]
    assert "\n".join(cut) == masked
    assert [t["role"] for t in frame["turns"][0]] == [role for role, _ in said]
    alone = [PLACEHOLDER.sub(r"[\g<kind>]", _masked(text)[0]) for _, text in said]
    assert [PLACEHOLDER.sub(r"[\g<kind>]", c) for c in cut] == alone


def test_the_table_stays_valid_and_rows_stay() -> None:
    """Columns, types, order and count of rows are those of before; empty stays empty."""
    feedback = _feedback(["jo@example.com", "x"], segment_plan=["gold", None])
    frame, _ = mask(feedback, settings=SETTINGS, find_names=_find_names)
    assert check(FEEDBACK, frame, upto="").schema == feedback.schema
    assert frame.drop("verbatim").equals(feedback.drop("verbatim"))
    nothing, counts = mask(feedback.clear(), settings=SETTINGS, find_names=_find_names)
    assert nothing.schema == feedback.schema
    assert set(counts.values()) == {0}


def test_the_input_is_not_edited() -> None:
    """The step makes a new frame."""
    feedback = _feedback(["jo@example.com"])
    mask(feedback, settings=SETTINGS, find_names=None)
    assert feedback["verbatim"].to_list() == ["jo@example.com"]


ADVERSARIAL = (
    "1 ", "@", "a@", "a.", "4111 1111 1111 1112 ", "1.1.1.1.", "AB12 ", "GB12 ", "x", "1", "::", "ab:",
    "http://", ".com/", "call ", "call me on ", "a (at) ", " dot ", "1-x", "phone 1 ", "[EMAIL_1", "(", "+",
    "020 7946 0958, ", "[EMAIL_1] 020 7946 0958, ", "a@b.", "www.", "\u00a0", "1\u2013",
)  # fmt: skip


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_no_text_takes_long(piece: str) -> None:
    """200,000 characters made to be hard take linear time: far below a second, here generously."""
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    _masked(text, names=False)
    assert time.process_time() - start < 8


def test_many_short_texts_are_fast() -> None:
    """20,000 ordinary sentences take about a second of one core, here generously."""
    sentence = "the staff were kind but parking cost 4.50 and the app v2 logs me out"
    texts = [f"{sentence} {i % 97} times" for i in range(20_000)]
    start = time.process_time()
    assert _masked(*texts, names=False) == texts
    assert time.process_time() - start < 10


@FEW
@given(
    st.lists(
        st.sampled_from(
            ["a@x.example called", "b@y.example", "see [EMAIL_3]", "ring 020 7946 0958", "fine", ""]
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_parts_are_numbered_as_the_whole_would_be(texts: list[str], size: int) -> None:
    """Masked in parts and numbered together, every text reads as if masked in one go."""
    whole = _feedback(texts)
    expected, _ = mask(whole, settings=SETTINGS, find_names=None)
    parts = [
        mask_part(whole[at : at + size], settings=SETTINGS, find_names=None)
        for at in range(0, len(texts), size)
    ]
    numbers = numbering([p.before for p in parts], [p.values for p in parts])
    found = [renumbered(p.feedback, n) for p, n in zip(parts, numbers, strict=True)]
    assert pl.concat(found).equals(expected)


def test_turns_move_along_when_numbers_grow() -> None:
    """A number of more digits moves what stands behind it, in the text and in the turns."""
    text = "[EMAIL_1] hello"
    turns = [{"role": "customer", "start": 10, "end": 15}]
    frame = _feedback([text]).with_columns(pl.Series("turns", [turns], FEEDBACK.schema()["turns"]))
    found = renumbered(frame, {("EMAIL", 1): 1234})
    (moved,) = found["turns"].to_list()
    assert found["verbatim"][0][moved[0]["start"] : moved[0]["end"]] == "hello"

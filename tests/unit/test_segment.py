from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from painpoints.errors import ModelError
from painpoints.segment import Segmenter, clauses, cut_fast
from painpoints.segment.sentences import has_letters
from painpoints.tables import FEEDBACK, MENTIONS, check

MODEL = Path(__file__).parents[2] / "models" / "segmenter" / "1"

TEXTS = [
    "Loved the room but check-in took an hour. Would stay again!",
    "staff friendly, food cold, never again 😡",
    "",
    "10/10",
    "hi\nmy router drops every night and nobody answers the phone",
    "Loved the room but check-in took an hour. Would stay again!",
    "...",
    "1. cheaper plans 2. longer hours",
]
WORDS = st.sampled_from(
    [
        "the",
        "app",
        "crashes",
        "and",
        "but",
        ",",
        ".",
        "!",
        "?",
        "i",
        "we",
        "it",
        "staff",
        "were",
        "friendly",
        "2.5",
        "Dr.",
        "\n",
        "-",
        "(",
        ")",
        "…",
        ";",
        "😀",
        ":)",
        "when",
        "great",
        "room",
        ",",
        "and",
        "1.",
        "2.",
        "–",
        "however",
        "though",
        "please",
        "no",
        "'quoted'",
        "e.g.",
        "ÄÖ",
        "漢字",
        "&",
    ]
)
WRITTEN = st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=80)


def feedback(texts: list[str], **columns: object) -> pl.DataFrame:
    """Return a feedback table of these verbatims."""
    n = len(texts)
    given_columns = {
        "feedback_id": [f"f{i}" for i in range(n)],
        "verbatim": texts,
        "source": ["test"] * n,
        "row": list(range(1, n + 1)),
        "survey": ["none"] * n,
    } | columns
    missing = {name: [None] * n for name in FEEDBACK.schema() if name not in given_columns}
    frame = pl.DataFrame(given_columns | missing, schema_overrides=FEEDBACK.schema())
    return frame.select(list(FEEDBACK.schema()))


@pytest.fixture(scope="module", params=[False, True], ids=["fast", "parsed"])
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    """Both ways of cutting."""
    return Segmenter.load(MODEL, parse=request.param)


def test_the_table_is_valid(segmenter: Segmenter) -> None:
    """Mentions are a valid table, offsets are exact, numbers run from 0 in the verbatim's order."""
    given_feedback = feedback(TEXTS)
    found = check(MENTIONS, segmenter.segment(given_feedback), upto="segment")
    joined = found.join(given_feedback.select("feedback_id", "verbatim"), on="feedback_id")
    assert all(
        row["verbatim"][row["start"] : row["end"]] == row["text"]
        for row in joined.iter_rows(named=True)
    )
    for (name,), group in found.group_by("feedback_id", maintain_order=True):
        assert group["mention_id"].to_list() == [f"{name}.{k}" for k in range(group.height)]
        assert (group["start"].to_list()[1:] >= group["end"][:-1]).all()


def test_nothing_in_nothing_out(segmenter: Segmenter) -> None:
    """No feedback gives no mentions, with the same columns."""
    found = segmenter.segment(feedback([]))
    assert found.schema == segmenter.segment(feedback(TEXTS)).schema
    assert found.height == 0


def test_order_and_batch_do_not_matter(segmenter: Segmenter) -> None:
    """A text is cut alone as in any batch, and rows moved about give the same mentions."""
    whole = segmenter.segment(feedback(TEXTS))
    alone = [segmenter.spans([text])[0] for text in TEXTS]
    assert segmenter.spans(TEXTS) == alone
    turned = segmenter.segment(feedback(TEXTS).reverse())
    assert turned.sort("mention_id").equals(whole.sort("mention_id"))


def test_rows_with_a_reason_are_left(segmenter: Segmenter) -> None:
    """What is not analysed has no mentions."""
    reasons = ["no_answer" if i % 2 else None for i in range(len(TEXTS))]
    found = segmenter.segment(feedback(TEXTS, reason=reasons))
    assert {int(name[1:]) % 2 for name in found["feedback_id"]} == {0}


def test_only_the_customer_speaks(segmenter: Segmenter) -> None:
    """Of a transcript the customer's turns alone are cut, at offsets of the whole."""
    text = "Agent: Hi, how can I help?\nCustomer: my card was declined. it is new\nAgent: Sorry!"
    turns = [
        {"role": "agent", "start": 7, "end": 26},
        {"role": "customer", "start": 37, "end": 68},
        {"role": "agent", "start": 76, "end": 82},
    ]
    found = segmenter.segment(feedback([text], turns=[turns]))
    assert found["text"].to_list() == ["my card was declined.", "it is new"]
    assert found["start"].to_list() == [text.index("my"), text.index("it is")]


@given(WRITTEN)
def test_every_letter_is_in_one_mention(text: str) -> None:
    """Mentions are in order and apart; what they leave out is marks and conjunctions."""
    spans = cut_fast(text)
    assert all(a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    gaps = [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
    left = {word.strip(",.;:()[]!?-&").lower() for gap in gaps for word in gap.split()}
    words = {word for word in left if has_letters(word, 0, len(word))}
    assert words <= {"and", "but", "or", "nor", "plus", "yet", "however", "a", "b", "c"}


@given(WRITTEN)
@example("A\x1f")
def test_mentions_carry_no_outer_blanks(text: str) -> None:
    """A mention begins and ends with what was said."""
    assert all(text[a:b] == text[a:b].strip() for a, b in cut_fast(text))


@given(WRITTEN)
def test_class_letters_match_tokens(text: str) -> None:
    """Every token has exactly one letter, so cuts fall where tokens begin."""
    codes = clauses.encode(text, 0, len(text))
    assert all(0 < i < len(codes) for i in clauses.cuts(codes))


def test_very_long_mentions_are_cut() -> None:
    """No mention has more than MAX_WORDS words where there is a place to cut."""
    text = " ".join(["the thing that we were given by them was of the kind"] * 20)
    assert max(len(text[a:b].split()) for a, b in cut_fast(text)) <= clauses.MAX_WORDS


@pytest.mark.parametrize("text", ["dog and " * 12_000, "item7, " * 14_000])
def test_a_cell_of_a_hundred_thousand_letters_is_cut(text: str) -> None:
    """A list pasted into a cell takes no hours: a boundary is judged by what is near it."""
    spans = cut_fast(text)
    assert spans[0][0] == 0
    assert sum(end - start for start, end in spans) > 0.9 * len(text)


def test_a_text_without_letters_is_one_mention() -> None:
    """Figures and emoji alone are kept, blanks and stops are not."""
    assert cut_fast("10/10") == [(0, 5)]
    assert cut_fast(" 😡😡 ") == [(1, 3)]
    assert cut_fast(" ... ") == []


def test_a_missing_pipeline_is_named(tmp_path: Path) -> None:
    """A folder without a pipeline gives an error that names it."""
    with pytest.raises(ModelError, match=r"meta\.json is missing"):
        Segmenter.load(tmp_path)

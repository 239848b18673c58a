"""The note: short, complete, and nothing in it comes alive."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.sample_map import IMAGE, SCRIPT, counted, sample

from painpoints.report import markdown
from painpoints.report.section import Column, Row, Section, Table, text_cell


@given(st.text(max_size=60))
def test_escaped_text_is_one_harmless_line(text: str) -> None:
    """No text breaks a line, opens a tag, a link, a table cell or a list."""
    safe = markdown.escaped(text)
    assert "\n" not in safe
    for sign in "<>[]|`*_#&@":
        assert safe.count(sign) == safe.count(f"\\{sign}")
    assert safe[:1] not in {"-", "+", "="}


def test_the_note_tells_what_hurts_and_where_to_win() -> None:
    """Headline, numbers, a row per stage, and the first findings with a quote each."""
    journey, rows = sample(800)
    note = markdown.note(journey, rows)
    assert "**What hurts most: Router arrives late, in Delivery.**" in note
    assert "## What hurts most" in note
    assert "## Where to win" in note
    for view in journey.stages:
        assert f"| {view.stage.title} |" in note
    assert note.count("   > ") == 2 * markdown.TOP
    assert "212 answers not analysed: nothing was written" in note
    assert note.endswith("\n")


def test_one_is_no_plural() -> None:
    """One mention, one answer and one more row are told as one."""
    journey, rows = sample(400)
    one = replace(journey, left_out={"empty": 1}, no_stage={"none": 1}, without_topic={"novel": 2})
    note = markdown.note(one, rows)
    assert "1 answer not analysed" in note
    assert "1 mention in no stage" in note
    assert "2 mentions without a topic" in note
    cells = tuple(Row((text_cell("x"),)) for _ in range(markdown.MAX_ROWS + 1))
    section = Section("x", "X", "X", "X.", (Table("X", (Column("X"),), cells),))
    assert any("1 more row: report.xlsx." in block for block in markdown.section_blocks(section))


def test_it_fits_into_a_ticket() -> None:
    """The note of a large map stays under 8,000 characters."""
    assert len(markdown.note(*sample(2000))) < 8000


def test_scripts_stay_text() -> None:
    """Markup in title, label and stage is escaped."""
    journey, rows = sample(400)
    view = journey.stages[3]
    label = replace(view.pain_points[0], label=SCRIPT)
    stage = replace(view, pain_points=(label,), stage=replace(view.stage, title=IMAGE))
    note = markdown.note(replace(journey, title=SCRIPT, stages=(stage,)), rows)
    assert "<script" not in note.replace("\\<", "")
    assert "<img" not in note.replace("\\<", "")


def test_an_empty_map_has_a_note() -> None:
    """Without mentions the note says so, and has no table."""
    note = markdown.note(counted(()), ())
    assert "No feedback could be analysed." in note
    assert "|" not in note

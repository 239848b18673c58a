"""The comparison of two runs as people read it."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.sample_map import SCRIPT

from painpoints import journeymap
from painpoints.domain import Change, Estimate, Lineage, MapChange, MapDiff
from painpoints.report import diff

DAY = datetime(2026, 3, 1, tzinfo=UTC)
RISEN = MapChange(
    "pain_point", "delivery", "t1", "Parcel late", 10, 40, 0.05, 0.2,
    Estimate(0.15, 0.1, 0.2, 200), 0.0004, "rising", "kept", ("f1#1",), ("g1#1", "g2#1"),
)  # fmt: skip
FIXED = replace(RISEN, topic_id="t2", label=SCRIPT, verdict="fixed", before=12, now=0, share_before=0.06, share_now=0.0, lineage="retired")  # fmt: skip
STAYED = replace(RISEN, topic_id="t3", label="Nice shop", group="extend_delight", verdict="unchanged", p_value=0.8)  # fmt: skip
FOUND = MapDiff(
    before="march", now="april", span_before=(DAY, DAY), span_now=(DAY, DAY),
    people_known=True, titles={"delivery": "Delivery", "loyalty": "Loyalty"}, n_before=200, n_now=210, n_shared=3, n_people_both=7, changes=(RISEN, FIXED, STAYED),
    stages={"all": (Change(10.0, -5.0, 0.01, "z test", "falling", "nps", "nps"),)},
    lineage=(Lineage("t1", "t1", "kept", 0.93, "Parcel late", "Parcel late"), Lineage("t2", None, "retired", None, SCRIPT, None)),
    churn=0.12, q=0.05, expected_false_alarms=0.03, test="exact", remarks=("Made by others.",),
)  # fmt: skip
QUOTES = {"a:f1#1": "came late", "b:g1#1": f"late {SCRIPT}", "b:g2#1": "two weeks late"}


def test_the_result_stands_in_one_sentence() -> None:
    """How many of each, and how many were tested; nothing found is said as such."""
    assert diff.lead(FOUND) == "1 rising, 1 fixed; 1 of 3 tested groups unchanged."
    quiet = replace(FOUND, changes=(STAYED,))
    assert diff.lead(quiet) == "Nothing changed surely: none of 1 tested groups."


def test_notes_say_how_sure_it_is() -> None:
    """False alarms, churn, shared feedbacks and people, and remarks are all told."""
    told = " ".join(diff.notes(FOUND))
    for part in ("0.03 changes", "5.0 %", "12.0 %", "3 feedbacks", "7 people", "Made by others."):
        assert part in told


def test_the_page_needs_no_script_and_keeps_texts_text() -> None:
    """No script at all; labels and quotes are escaped; each quote stands with its mention id."""
    page = diff.diff_page(FOUND, QUOTES)
    assert "<script" not in page
    assert "script-src" not in page
    assert "default-src &#39;none&#39;" in page
    for id_ in ("f1#1", "g1#1", "g2#1"):
        assert f'<span class="origin">{id_}</span>' in page
    assert "+15.0 pp (+10.0 to +20.0)" in page
    assert page == diff.diff_page(FOUND, QUOTES)


def test_the_note_has_every_change() -> None:
    """A row for each change, the stages, and the lineage."""
    note = diff.diff_note(FOUND)
    assert note.startswith("# march → april\n")
    assert "| Parcel late | pain | Delivery | rising | 10 | 40 | 5.0 % | 20.0 % |" in note
    assert "NPS of everybody falling" in note
    assert "1 kept, 0 merged, 0 split, 0 new, 1 retired" in note
    assert SCRIPT not in note


def test_stages_stand_by_their_titles_in_the_order_of_the_journey() -> None:
    """As on the map; everybody comes first, whatever the order they are kept in."""
    fall = FOUND.stages["all"]
    told = dict.fromkeys(("delivery", "all", "loyalty"), fall)
    own = replace(FOUND, stages=told, titles={"loyalty": "Coming back", "delivery": "On its way"})
    stages = diff.diff_sections(own)[1]
    assert [row.cells[0].text for row in stages.tables[0].rows] == [
        "everybody", "Coming back", "On its way",
    ]  # fmt: skip
    assert "NPS of Coming back falling" in stages.lead
    assert "pain, On its way" in diff.diff_page(own, QUOTES)


def test_answers_are_not_called_people() -> None:
    """Where an export does not tell who answered, answers are counted, and called so."""
    nobody = replace(FOUND, people_known=False, n_people_both=0)
    told = diff.diff_note(nobody) + diff.diff_page(nobody, QUOTES)
    assert "210 answers against" in told
    assert "Answers before" in told
    assert "people" not in told.lower()


def test_the_note_names_the_file_that_has_the_rest() -> None:
    """A comparison writes no workbook: rows that the note leaves out stand in diff.html."""
    many = tuple(replace(RISEN, topic_id=f"t{i}") for i in range(20))
    note = diff.diff_note(replace(FOUND, changes=(*many, STAYED)))
    assert "5 more rows: diff.html." in note
    assert "report.xlsx" not in note
    assert "\n1 group.\n" in note


def test_the_figure_is_as_wide_as_the_largest_share() -> None:
    """Both dots stand at their part of the widest share; worse and better are told apart."""
    bars = diff.dumbbells(FOUND, [RISEN, FIXED, replace(STAYED, verdict="rising")])
    assert [round(bar["now"]) for bar in bars] == [100, 0, 100]
    assert [bar["tone"] for bar in bars] == ["negative", "positive", "positive"]
    assert diff.dumbbells(FOUND, []) == []


def test_the_plain_form_is_whole() -> None:
    """JSON has every change with its ids, and times in ISO 8601."""
    told = journeymap.plain(FOUND)
    assert told["changes"][0]["evidence_now"] == ["g1#1", "g2#1"]
    assert told["span_now"][0] == "2026-03-01T00:00:00+00:00"

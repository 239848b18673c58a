"""Every committed table fixture gives exactly what its expected result says."""

import json
from pathlib import Path
from typing import Any

import pytest

from painpoints import readers
from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.tables import FEEDBACK, check

FIXTURES = Path(__file__).parents[2] / "data" / "fixtures"
EXPECTED = sorted((FIXTURES / "expected").glob("*.json"))
DEMO = FIXTURES / "demo" / "lakeside_broadband_nps.csv"


@pytest.mark.parametrize("path", EXPECTED, ids=lambda p: p.name.removesuffix(".json"))
def test_a_fixture_reads_as_expected(path: Path) -> None:
    """Layout, mapping, counts, ids, scores, dates, reasons and rejected rows are as written down."""
    wanted = json.loads(path.read_text(encoding="utf-8"))
    intake = readers.read([FIXTURES / path.name.removesuffix(".json")], ReadSettings(max_bad=0.25))
    assert check(FEEDBACK, intake.feedback) is not None
    assert _told(intake) == wanted


def test_every_fixture_has_an_expected_result() -> None:
    """No fixture lies about that nothing checks."""
    held = {p.name.removesuffix(".json") for p in EXPECTED} | {"two_sheets.xlsx", "README.md"}
    assert {p.name for p in FIXTURES.iterdir() if p.is_file()} == held


def test_a_workbook_of_two_sheets_asks_which() -> None:
    """The fixture with two sheets of data is refused until one is named."""
    with pytest.raises(UnreadableError, match="name one with --sheet"):
        readers.read([FIXTURES / "two_sheets.xlsx"])
    named = readers.read([FIXTURES / "two_sheets.xlsx"], ReadSettings(sheet="Spring"))
    assert named.sources[0].notes[0] == "sheet 'Spring'"


def test_all_ways_to_write_one_table_agree() -> None:
    """One export in five encodings and delimiters gives five times the same answers."""
    paths = sorted(p for p in FIXTURES.glob("optician*"))
    columns = ["feedback_id", "verbatim", "score", "created_at", "person_id", "segment_branch"]
    read = [readers.read([p]).feedback.select(columns) for p in paths]
    assert len(read) == 5
    assert all(frame.equals(read[0]) for frame in read)


def test_the_demo_export_is_fit_to_show() -> None:
    """600 answers of two quarters, both questions, few surprises, people who answer twice."""
    intake = readers.read([DEMO])
    assert intake.quality.n_rows == 600
    assert intake.quality.n_feedback == 1200
    assert intake.rejected.is_empty()
    assert intake.quality.n_people == 532
    assert intake.sources[0].survey == "nps"
    said = intake.feedback.filter(intake.feedback["reason"].is_null())["verbatim"]
    assert said.n_unique() > 500
    quarters = intake.feedback["created_at"].dt.quarter().unique().sort().to_list()
    assert quarters == [1, 2]


def _told(intake: readers.Intake) -> dict[str, Any]:
    """Return what the expected results hold."""
    source, feedback = intake.sources[0], intake.feedback
    roles: dict[str, list[str]] = {}
    issues: dict[str, int] = {}
    for mapped in source.mapping:
        if mapped.role != "unused":
            roles.setdefault(mapped.role, []).append(mapped.column)
    for issue in intake.quality.issues:
        issues[issue.kind] = issues.get(issue.kind, 0) + issue.n
    plain = {
        name: getattr(source, name)
        for name in (
            "layout", "format", "encoding", "delimiter", "n_rows", "n_feedback", "n_rejected",
            "survey", "score_max",
        )
    }  # fmt: skip
    reasons = feedback["reason"].drop_nulls().value_counts().rows()
    return plain | {
        "mapping": roles,
        "first_ids": feedback["feedback_id"].head(4).to_list(),
        "rows": feedback["row"].head(4).to_list(),
        "scores": feedback["score"].to_list(),
        "first_day": str(feedback["created_at"].min())[:10],
        "last_day": str(feedback["created_at"].max())[:10],
        "reasons": dict(sorted(reasons)),
        "issues": issues,
        "rejected": [[r["row"], r["reason"]] for r in intake.rejected.to_dicts()],
    }

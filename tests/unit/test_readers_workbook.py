"""Workbooks: guarded, parsed apart, text as people read it; and other formats that are files."""

import gzip
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.records import read_json, read_json_lines
from painpoints.readers.tables import read_table
from painpoints.readers.workbook import read_workbook
from painpoints.readers.workbook_scan import scan_workbook


def workbook(
    path: Path, sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()
) -> Path:
    """Write a workbook."""
    book = xlsxwriter.Workbook(path)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, cells in enumerate(rows):
            for place, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(at, place, cell, day)
                elif cell is not None:
                    sheet.write(at, place, cell)
        if name in hidden:
            sheet.hide()
    book.close()
    return path


def hand_made(path: Path, sheet_xml: str) -> Path:
    """Write the least workbook around the XML of one sheet."""
    space = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types"/>',
        "xl/workbook.xml": f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{space}/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{sheet_xml}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def test_cells_become_text_as_people_read_it(tmp_path: Path) -> None:
    """Whole numbers lose their `.0`, text ids keep their zeros, dates become ISO."""
    path = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["id", "day", "n", "c"],
                ["007", date(2026, 5, 1), 3, "x"],
                [8, None, 2.5, "y"],
            ]
        },
    )
    read = read_workbook(path, "a.xlsx", ReadSettings())
    assert read.frame.rows() == [("007", "2026-05-01", "3", "x"), ("8", None, "2.5", "y")]
    assert read.rows.to_list() == [2, 3]


def test_rows_keep_the_numbers_of_the_sheet(tmp_path: Path) -> None:
    """A title, blank rows above and between do not shift the numbers."""
    rows = [[], ["Export"], [], ["id", "c"], ["1", "a"], [], ["2", "b"]]
    read = read_workbook(workbook(tmp_path / "a.xlsx", {"S": rows}), "a.xlsx", ReadSettings())
    assert read.rows.to_list() == [5, 7]


def test_hidden_and_empty_sheets_are_passed_over(tmp_path: Path) -> None:
    """The one visible sheet with data is taken, and the hidden one is mentioned."""
    path = workbook(
        tmp_path / "a.xlsx",
        {"Empty": [], "Data": [["id", "c"], ["1", "x"]], "Secret": [["a"], ["1"]]},
        hidden=("Secret",),
    )
    read = read_workbook(path, "a.xlsx", ReadSettings())
    assert read.notes == ("sheet 'Data'", "1 hidden sheet not read")


def test_several_sheets_want_a_choice(tmp_path: Path) -> None:
    """Two sheets with data are refused with their names; naming one reads it."""
    path = workbook(tmp_path / "a.xlsx", {n: [["id", "c"], [n, "x"]] for n in ("May", "June")})
    with pytest.raises(UnreadableError, match=r"2 sheets hold data \('May', 'June'\)"):
        read_workbook(path, "a.xlsx", ReadSettings())
    june = read_workbook(path, "a.xlsx", ReadSettings(sheet="June"))
    assert june.frame["id"].to_list() == ["June"]
    with pytest.raises(UnreadableError, match="has no sheet 'July'"):
        read_workbook(path, "a.xlsx", ReadSettings(sheet="July"))


def test_a_sheet_that_claims_too_much_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """Two far cells would make the parser allocate thousands of millions of cells."""
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row>'
    with pytest.raises(UnreadableError, match="1,048,576 rows x 16,384 columns"):
        scan_workbook(hand_made(tmp_path / "far.xlsx", cells), "far.xlsx")


def test_cells_without_references_are_counted(tmp_path: Path) -> None:
    """Cells may lack `r=`; then their place is counted, and the guard still holds."""
    cells = "".join(f"<row>{'<c><v>1</v></c>' * 1200}</row>" for _ in range(3))
    with pytest.raises(UnreadableError, match="3 rows x 1,200 columns"):
        scan_workbook(hand_made(tmp_path / "wide.xlsx", cells), "wide.xlsx")


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    """What unpacks to hundreds of times its size is not unpacked."""
    path = hand_made(tmp_path / "bomb.xlsx", "<row><c/></row>" + " " * 60_000_000)
    with pytest.raises(UnreadableError, match="times its size"):
        scan_workbook(path, "bomb.xlsx")


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    """A workbook part with a DOCTYPE is refused."""
    path = tmp_path / "xxe.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY b "c">]><workbook/>')
        archive.writestr("xl/_rels/workbook.xml.rels", "<!DOCTYPE a []><a/>")
    with pytest.raises(UnreadableError, match="not a workbook we can read"):
        scan_workbook(path, "xxe.xlsx")


def test_a_workbook_cut_off_is_refused(tmp_path: Path) -> None:
    """Half a workbook gives one sentence, not a traceback of a zip library."""
    path = workbook(tmp_path / "a.xlsx", {"S": [["id", "c"], ["1", "x"]]})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UnreadableError, match="cut off or damaged"):
        read_workbook(path, "a.xlsx", ReadSettings())


def test_too_little_memory_ends_the_child_not_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser that hits its memory limit dies alone; we say so in one sentence."""
    monkeypatch.setattr("painpoints.readers.workbook.MEMORY_BYTES", 5_000_000)
    path = workbook(tmp_path / "a.xlsx", {"S": [["id", "c"], ["1", "x"]]})
    with pytest.raises(UnreadableError, match=r"a\.xlsx: the workbook"):
        read_workbook(path, "a.xlsx", ReadSettings())


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.json", "a"])
def test_the_ending_does_not_matter(tmp_path: Path, name: str) -> None:
    """A workbook is told by its first bytes, and so is one inside gzip."""
    path = workbook(tmp_path / "real.xlsx", {"S": [["id", "c"], ["1", "x"]]})
    odd = tmp_path / name
    odd.write_bytes(path.read_bytes())
    assert read_table(odd, name, ReadSettings(), tmp_path).format == "xlsx"
    odd.write_bytes(gzip.compress(path.read_bytes()))
    spool = tmp_path / "spool"
    spool.mkdir()
    assert read_table(odd, name, ReadSettings(), spool).format == "xlsx"


def test_parquet_becomes_text(tmp_path: Path) -> None:
    """Numbers, times, lists and structs become text; rows are numbered from 1."""
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {
            "id": [7, 8],
            "at": [datetime(2026, 5, 1, 9, tzinfo=UTC), None],
            "score": [4.0, 4.5],
            "tags": [["a", "b"], []],
            "who": [{"name": "x"}, {"name": "y"}],
        }
    ).write_parquet(path)
    read = read_table(path, "a.parquet", ReadSettings(), tmp_path)
    assert read.frame["id"].to_list() == ["7", "8"]
    assert read.frame["score"].to_list() == ["4", "4.5"]
    assert read.frame["tags"].to_list() == ["a, b", None]
    assert read.frame["who"].to_list() == ['{"name":"x"}', '{"name":"y"}']
    assert str(read.frame["at"][0]).startswith("2026-05-01T09:00:00")


def test_a_parquet_cut_off_is_refused(tmp_path: Path) -> None:
    """Half a Parquet file gives one sentence."""
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableError, match="cut off or damaged"):
        read_table(path, "a.parquet", ReadSettings(), tmp_path)


def test_lines_that_are_no_sound_json_are_told(tmp_path: Path) -> None:
    """Broken lines, a key twice, NaN and bare values are set aside by line; the rest is read."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": "001", "c": {"d": 1, "e": [1, 2]}}\n\n{"id": 2\n{"id": 3, "id": 4}\n{"id": NaN}\n[1]\n{"id": 5.0}\n'
    )
    read = read_json_lines(path, "a.jsonl", ReadSettings())
    assert read.frame.rows() == [("001", "1", "[1, 2]"), ("5", None, None)]
    assert read.rows.to_list() == [1, 7]
    assert [p.row for p in read.problems] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 2}]',
        '{"data": [{"a": 1}, {"a": 2}]}',
        '{"x": {"y": [{"a": 1}, {"a": 2}]}}',
    ],
)
def test_records_are_found_wherever_they_stand(tmp_path: Path, text: str) -> None:
    """A list of objects is found at the top or under keys."""
    path = tmp_path / "a.json"
    path.write_text(text)
    assert read_json(path, "a.json", ReadSettings()).frame["a"].to_list() == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"data": [', "not valid JSON at line 1"),
        ('{"a": 1, "a": 2}', "a key twice"),
        ("[" * 100_000, "cannot be parsed"),
        ('["a", "b"]', "holds no list of records"),
    ],
)
def test_a_document_that_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """What does not parse, or holds no records, gives one sentence."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=said):
        read_json(path, "a.json", ReadSettings())

"""Tables and JSON as files: whole, the same bytes, harmless in a spreadsheet."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painpoints import tables, writers
from painpoints.errors import RunError

SIGNS = "=+-@\t\r\n\x00＝＋－＠"  # noqa: RUF001 - full-width signs start formulas too


@pytest.fixture
def frame() -> pl.DataFrame:
    """Return a small table of every kind of column that the pipeline has."""
    return pl.DataFrame(
        {
            "feedback_id": ["001", "002"],
            "verbatim": ['=HYPERLINK("http://x")', 'two\nlines, "quoted" \U0001f600 و'],
            "score": [9.5, None],
            "at": pl.Series([datetime(2026, 5, 1, tzinfo=UTC), None], dtype=tables.TIME),
            "terms": [["a", "b;c"], None],
        }
    )


def read(path: Path) -> list[list[str]]:
    """Return the cells of a CSV as a spreadsheet takes them."""
    return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))


def test_parquet_gives_back_the_table(frame: pl.DataFrame, tmp_path: Path) -> None:
    """What is written as Parquet is read back unchanged, types included."""
    assert pl.read_parquet(writers.write_table(frame, tmp_path / "t.parquet")).equals(frame)


def test_the_same_table_gives_the_same_bytes(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Every form writes the same bytes for the same table."""
    for form in ("parquet", "csv", "json"):
        first = writers.write_table(frame, tmp_path / f"a.{form}").read_bytes()
        assert first == writers.write_table(frame, tmp_path / f"b.{form}").read_bytes()


def test_write_tables_names_the_files_after_the_tables(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Each table lands under its name, in the order given, in a folder made for it."""
    paths = writers.write_tables({"b": frame, "a": frame}, tmp_path / "new", form="csv")
    assert [path.name for path in paths] == ["b.csv", "a.csv"]


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    """A table with no rows is written with its schema, and CSV with its header."""
    empty = tables.FEEDBACK.empty()
    path = writers.write_table(empty, tmp_path / "feedback.parquet")
    assert pl.read_parquet_schema(path) == empty.schema
    assert read(writers.write_table(empty, tmp_path / "feedback.csv"))[0] == empty.columns


def test_csv_opens_in_a_spreadsheet(frame: pl.DataFrame, tmp_path: Path) -> None:
    """CSV carries the mark that spreadsheets need, keeps ids as text, and lists as JSON."""
    path = writers.write_table(frame, tmp_path / "t.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    head, first, second = read(path)
    row = dict(zip(head, first, strict=True))
    assert row["feedback_id"] == "001"
    assert row["verbatim"] == '\'=HYPERLINK("http://x")'
    assert row["at"] == "2026-05-01T00:00:00Z"
    assert json.loads(row["terms"]) == ["a", "b;c"]
    assert second[1] == frame["verbatim"][1]


@given(st.text(max_size=30), st.sampled_from(list(SIGNS)), st.sampled_from(["", " ", "  \u00a0"]))
def test_no_text_is_a_formula(rest: str, sign: str, before: str) -> None:
    """Whatever starts like a formula, after spaces or not, starts with an apostrophe in CSV."""
    text = before + sign + rest
    safe = writers.formula_safe(pl.DataFrame({"x": [text]}, schema={"x": pl.String}))["x"][0]
    assert safe == f"'{text}"


@given(
    st.text(max_size=30).filter(lambda text: text.strip()[:1].isalnum() and not text[:1].isspace())
)
def test_harmless_text_stays_exact(text: str) -> None:
    """Text that no spreadsheet takes for a formula is not touched."""
    assert writers.formula_safe(pl.DataFrame({"x": [text]}))["x"][0] == text


def test_column_names_are_harmless_too(tmp_path: Path) -> None:
    """A segment named by the export cannot start a formula in the header."""
    path = writers.write_table(pl.DataFrame({"=cmd|x": [-1.5]}), tmp_path / "t.csv")
    assert read(path) == [["'=cmd|x"], ["-1.5"]]


def test_json_is_plain_and_readable(tmp_path: Path) -> None:
    """JSON keeps the order of keys and other alphabets, and ends in a newline."""
    path = writers.write_json({"b": [1, None], "a": "م"}, tmp_path / "deep" / "x.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"b": [1, None], "a": "م"}
    assert list(json.loads(text)) == ["b", "a"]
    assert text.endswith("}\n")
    assert "م" in text


@pytest.mark.parametrize("value", [float("nan"), {"x": object()}])
def test_json_refuses_what_it_does_not_know(value: object, tmp_path: Path) -> None:
    """Values that JSON cannot hold are an error that leaves no file behind."""
    with pytest.raises(RunError, match="not plain values"):
        writers.write_json(value, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_unknown_endings_are_refused(frame: pl.DataFrame, tmp_path: Path) -> None:
    """An ending that no form has is named together with those that there are."""
    with pytest.raises(RunError, match=r"t\.xls: tables are written as \.parquet, \.csv, \.json"):
        writers.write_table(frame, tmp_path / "t.xls")


def write_half(path: Path) -> None:
    """Fail in the middle of writing."""
    path.write_text("half")
    raise ZeroDivisionError


def test_a_file_is_whole_or_as_before(tmp_path: Path) -> None:
    """An error while writing leaves the old file, and nothing beside it."""
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), writers.replacing(path) as unfinished:
        write_half(unfinished)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_stand_in_the_order_given(tmp_path: Path) -> None:
    """Contents are written as they are, into a folder that is made."""
    written = writers.write_files({"b.md": b"two", "a.png": b"\x00"}, tmp_path / "out")
    assert [(path.name, path.read_bytes()) for path in written] == [("b.md", b"two"), ("a.png", b"\x00")]  # fmt: skip
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_full_or_forbidden_disk_is_told(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Where the place cannot be written to, the error says which place."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        writers.write_table(frame, tmp_path / "file" / "t.parquet")

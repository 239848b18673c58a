"""The analyst's tables of efforts and of fixes are read, or refused with every reason."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from painpoints.errors import InputError, UnreadableError
from painpoints.readers import read_feasibility, read_fixes


def test_efforts_are_numbers(tmp_path: Path) -> None:
    """Effort comes as a number, the rest as text."""
    path = tmp_path / "feasibility.csv"
    path.write_text("touchpoint,effort,owner\napp, 2 ,Ada\nstaff,4.5,\n", encoding="utf-8")
    assert read_feasibility(path)["effort"].to_list() == [2.0, 4.5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("topic,effort\na,6\nb,2\nc,hard\n", r"2 rows, lines \[2, 4\]"),
        ("subject,effort\na,1\n", "'subject' is none of.*topic or touchpoint"),
        ("topic,owner\na,b\n", "effort is missing"),
        ("topic,touchpoint,effort\n,,2\n", r"neither topic nor touchpoint.*lines \[2\]"),
        ("topic,effort\nLate,2\nb,1\n late ,4\n", r"judged again in lines \[2, 4\]"),
    ],
)
def test_every_problem_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Columns and rows that cannot be used are named together."""
    path = tmp_path / "feasibility.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_feasibility(path)


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(UnreadableError, match=r"none\.csv"):
        read_feasibility(tmp_path / "none.csv")


def test_fixes_are_read(tmp_path: Path) -> None:
    """Dates are UTC, expectations shares, what is absent None."""
    path = tmp_path / "fixes.csv"
    path.write_text(
        "name,topic,segment,date,expected\nNew form, Forms ,plan=gold,2026-04-01,-5 pp\n,app,,2026-05-02,\n"
    )
    first, second = read_fixes(path)
    assert first["date"] == datetime(2026, 4, 1, tzinfo=UTC)
    assert (first["topic"], first["segment"], first["expected"]) == ("Forms", "plan=gold", -0.05)
    assert (second["name"], second["segment"], second["expected"]) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("topic,date\na,1 May\n,2026-01-01\n", "line 2: date is not.*line 3: names no topic"),
        ("topic,date,segment,expected\na,2026-01-01,gold,many\n", "segment is not.*expected is no"),
        (
            "subject,when\na,b\n",
            "'subject' is none of.*date is missing.*topic, stage or touchpoint",
        ),
    ],
)
def test_every_problem_of_a_register_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Columns and rows that cannot be used are named together, by their lines."""
    path = tmp_path / "fixes.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_fixes(path)
    with pytest.raises(UnreadableError, match=r"none\.csv"):
        read_fixes(tmp_path / "none.csv")

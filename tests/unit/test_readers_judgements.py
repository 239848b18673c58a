"""The analyst's table of efforts is read, or refused with every reason."""

from pathlib import Path

import pytest

from painpoints.errors import InputError, UnreadableError
from painpoints.readers import read_feasibility


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

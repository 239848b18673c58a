"""Every transcript fixture gives exactly what stands in its expected result."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers import transcripts
from painpoints.tables import FEEDBACK, TIME

FOLDER = Path(__file__).parents[2] / "data" / "fixtures" / "transcripts"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
FILES = sorted(EXPECTED)


def _conversation(row: dict[str, Any]) -> dict[str, Any]:
    """Return a feedback row in the words of expected.json."""
    told: dict[str, Any] = {"id": row["feedback_id"], "line": row["row"]}
    if row["created_at"]:
        told["created_at"] = row["created_at"].isoformat()
    told |= {k: row[k] for k in ("channel", "person_id") if row[k]}
    if row["score"] is not None:
        told["score"] = [row["survey"], row["score"], row["score_max"]]
    told |= {k: v for k, v in row.items() if k.startswith("segment_") and v is not None}
    verbatim = row["verbatim"]
    told["turns"] = [[t["role"], verbatim[t["start"] : t["end"]]] for t in row["turns"]]
    return told


def _read(path: Path) -> tuple[str | None, Any]:
    head = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    layout = transcripts.sniff(path.name, head[: 64 * 1024])
    return layout, transcripts.read(path, path.name, layout or "", ReadSettings())


def test_every_fixture_has_an_expected_result() -> None:
    """No file lies in the folder that nothing is expected of."""
    lying = {p.name for p in FOLDER.iterdir()} - {"README.md", "expected.json"}
    assert lying == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_fixture_gives_its_expected_result(name: str) -> None:
    """Layout, conversations, turns, roles, scores, notes and problems are as expected."""
    layout, table = _read(FOLDER / name)
    assert layout == table.layout == EXPECTED[name]["layout"]
    rows = [_conversation(r) for r in table.feedback.iter_rows(named=True)]
    assert rows == EXPECTED[name]["conversations"]
    assert [[p.row, p.reason] for p in table.problems] == EXPECTED[name]["problems"]
    assert list(table.notes) == EXPECTED[name]["notes"]
    assert table.n_rows >= len(rows)


@pytest.mark.parametrize("name", FILES)
def test_gzip_gives_the_same(name: str, tmp_path: Path) -> None:
    """A gzipped file gives the rows of the plain one."""
    zipped = tmp_path / f"{name}.gz"
    zipped.write_bytes(gzip.compress((FOLDER / name).read_bytes()))
    _, plain = _read(FOLDER / name)
    layout, table = _read(zipped)
    assert layout == EXPECTED[name]["layout"]
    assert table.feedback.drop("source").equals(plain.feedback.drop("source"))


@pytest.mark.parametrize("name", FILES)
def test_rows_are_those_of_the_feedback_table(name: str) -> None:
    """Columns and types are FEEDBACK's but for those that are added for all formats alike."""
    _, table = _read(FOLDER / name)
    wanted = {k: v for k, v in FEEDBACK.schema().items() if k not in ("language", "reason")}
    found = {k: v for k, v in table.feedback.schema.items() if not k.startswith("segment_")}
    assert found == wanted
    assert found["created_at"] == TIME
    assert table.feedback["feedback_id"].n_unique() == table.feedback.height


@pytest.mark.parametrize("name", FILES)
def test_windows_line_ends_change_nothing(name: str, tmp_path: Path) -> None:
    """CRLF files with a byte order mark read as the same conversations."""
    copy = tmp_path / name
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\n", "\r\n")
    copy.write_text(text, encoding="utf-8-sig", newline="")
    _, plain = _read(FOLDER / name)
    layout, table = _read(copy)
    assert layout == EXPECTED[name]["layout"]
    assert table.feedback.equals(plain.feedback)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_cut_off_file_is_never_a_traceback(name: str, tenth: int, tmp_path: Path) -> None:
    """A file cut anywhere gives rows and problems, or one sentence; never fewer words in silence."""
    data = (FOLDER / name).read_bytes()
    copy = tmp_path / name
    copy.write_bytes(data[: len(data) * tenth // 10])
    layout = EXPECTED[name]["layout"]
    try:
        table = transcripts.read(copy, copy.name, layout, ReadSettings())
    except UnreadableError:
        return
    assert table.n_rows >= table.feedback.height
    assert table.feedback.height or table.problems
    assert isinstance(table.feedback, pl.DataFrame)

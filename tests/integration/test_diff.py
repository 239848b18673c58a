"""Two runs of the demo's halves compared, by the command that does it."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from painpoints import diffs, runs
from painpoints.cli import app
from painpoints.config import load
from painpoints.errors import InputError, RunError
from painpoints.pipeline import Analyser

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Analyse the first and the second quarter of the demo, the whole export in the second run."""
    place = tmp_path_factory.mktemp("halves")
    whole = pl.read_csv(DEMO, infer_schema=False)
    analyser = Analyser(load(None, {"quality": "fast", "rank": {"n_bootstrap": 20}}))
    for name, rows in (("q1", pl.col("Completed at") < "2026-04"), ("half", pl.lit(value=True))):
        export = place / "export.csv"
        whole.filter(rows).write_csv(export)
        runs.save(analyser.analyse([export]), place / name)
    return place / "q1", place / "half"


def test_the_planted_change_is_found(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The activation trouble of the second quarter rises; little else does; files say the same."""
    answer = CliRunner().invoke(app, ["diff", *map(str, folders), "-o", str(tmp_path), "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    moved = [c for c in told["changes"] if c["verdict"] in {"new", "rising"}]
    assert any("activat" in c["label"].lower() and c["stage"] == "onboarding" for c in moved)
    assert len(moved) <= 6
    assert told["n_shared"] > 500
    mentions = runs.load_tables(folders[1]).mentions["mention_id"]
    assert all(set(c["evidence_now"]) <= set(mentions) for c in moved)
    assert json.loads((tmp_path / "diff.json").read_text())["changes"] == told["changes"]
    assert (tmp_path / "diff.html").stat().st_size > 10_000
    assert (tmp_path / "diff.md").read_text().startswith("# q1 → half")


def test_a_folder_that_cannot_be_written_is_told(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """A diff goes nowhere where a file is in the way: one sentence, no traceback."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    found, quotes = diffs.diff(*folders)
    with pytest.raises(RunError, match=r"diff\.html cannot be written"):
        diffs.save(found, quotes, tmp_path / "file" / "below")


def test_what_cannot_be_compared_is_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The same run twice, another encoder, other stages, no run: each is told, none is compared."""
    with pytest.raises(InputError, match="no feedback that"):
        diffs.diff(folders[1], folders[1])
    with pytest.raises(RunError, match=r"run\.json is missing"):
        diffs.diff(folders[0], tmp_path)
    facts = json.loads((folders[0] / "run.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for file in folders[0].iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    facts["parts"]["encoder-fast"] = "0.0"
    (other / "run.json").write_text(json.dumps(facts))
    with pytest.raises(RunError, match="analyse both inputs again"):
        diffs.diff(other, folders[1])
    facts["settings"]["journey"]["stages"] = [{"name": "one", "covers": ["use"]}]
    (other / "run.json").write_text(json.dumps(facts))
    with pytest.raises(RunError, match="different stages"):
        diffs.diff(other, folders[1])

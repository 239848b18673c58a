"""The run folder: what is drawn into it agrees with it, and what cannot be used is told."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from painpoints import runs
from painpoints.cli import app
from painpoints.config import load
from painpoints.errors import RunError
from painpoints.pipeline import Analyser

DEMO = Path(__file__).parents[2] / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Analyse the first answers of the demo; no test changes this run."""
    place = tmp_path_factory.mktemp("made")
    lines = DEMO.read_text(encoding="utf-8").splitlines(keepends=True)
    (place / "answers.csv").write_text("".join(lines[:301]), encoding="utf-8")
    analyser = Analyser(load(None, {"quality": "fast", "rank": {"n_bootstrap": 20}}))
    runs.save(analyser.analyse([place / "answers.csv"]), place / "run")
    return place / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the run."""
    return shutil.copytree(made, tmp_path / "run")


def rewrite(run: Path, section: str, **facts: object) -> None:
    """Change what `run.json` says."""
    told = json.loads((run / runs.RUN).read_text(encoding="utf-8"))
    told[section] |= facts
    (run / runs.RUN).write_text(json.dumps(told), encoding="utf-8")


def test_a_register_judged_later_stays_with_the_run(run: Path, tmp_path: Path) -> None:
    """Map, note and register tell of the same fixes, and go on to when nothing else is named."""
    topic = runs.load_tables(run).topics["topic_id"][0]
    register = tmp_path / "new.csv"
    register.write_text(f"topic,date,name\n{topic},2026-05-01,mended\n", encoding="utf-8")
    settings = load(None, {"rank": {"fixes": register}})
    assert (tmp_path / "apart") in {
        p.parent for p in runs.redraw(run, tmp_path / "apart", settings)
    }
    assert not (run / runs.FIXES).exists()
    assert (run / runs.FIXES) in runs.redraw(run, run, settings)
    register.unlink()
    runs.redraw(run, run, load(None))
    journey = json.loads((run / "journey_map.json").read_text(encoding="utf-8"))
    assert [fix["name"] for fix in journey["fixes"]] == ["mended"]
    assert "mended" in (run / "report.md").read_text(encoding="utf-8")


def test_drawing_the_same_again_changes_no_file(run: Path, made: Path) -> None:
    """Into the run itself, the same map is written that was there."""
    runs.redraw(run, run, load(None))
    for name in ("journey_map.json", "report.html", "report.md", runs.RUN):
        assert (run / name).read_bytes() == (made / name).read_bytes()
    assert {path.name for path in run.iterdir()} == {path.name for path in made.iterdir()}


def test_a_folder_that_cannot_be_written_is_told(run: Path, tmp_path: Path) -> None:
    """Reports go nowhere where a file is in the way: one sentence, no traceback."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunError, match=r"report\.html cannot be written"):
            runs.redraw(run, out, load(None))


@pytest.mark.parametrize("left", [0, 3, 0.5, 0.99])
def test_cut_off_topics_are_told(run: Path, left: float) -> None:
    """A file of which the end is missing, or all, is a damaged run."""
    path = run / runs.TOPIC_MODEL
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if left < 1 else int(left)])
    with pytest.raises(RunError, match="analyse the input again"):
        runs.load_topic_model(run)


def test_topics_are_not_assigned_by_another_encoder(run: Path, tmp_path: Path) -> None:
    """`score --run` refuses a run whose topics were found with other vectors."""
    (tmp_path / "new.csv").write_text("comment\nthe router never worked\n", encoding="utf-8")
    asked = ["score", str(tmp_path / "new.csv"), "--run", str(run), "--json"]
    assert "topic_id" in CliRunner().invoke(app, asked).output
    rewrite(run, "parts", **{"encoder-fast": "0"})
    with pytest.raises(RunError, match="other trained parts"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


def test_a_run_outlives_a_setting(run: Path) -> None:
    """What a run records of a setting that is no more does not keep it from being read."""
    rewrite(run, "settings", threads=0)
    assert runs.redraw(run, run, load(None))
    assert len(runs.load_earlier(run).stages) == 8

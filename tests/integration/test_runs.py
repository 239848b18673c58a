"""The run folder: what is drawn into it agrees with it, and what cannot be used is told."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from painpoints import runs
from painpoints.cli import app
from painpoints.config import load
from painpoints.errors import InputError, RunError
from painpoints.pipeline import Analyser, Analysis

DEMO = Path(__file__).parents[2] / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Analyse the first answers of the demo."""
    answers = tmp_path_factory.mktemp("input") / "answers.csv"
    lines = DEMO.read_text(encoding="utf-8").splitlines(keepends=True)
    answers.write_text("".join(lines[:301]), encoding="utf-8")
    analyser = Analyser(load(None, {"quality": "fast", "rank": {"n_bootstrap": 20}}))
    return analyser.analyse([answers])


@pytest.fixture(scope="module")
def made(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the analysis; no test changes this run."""
    place = tmp_path_factory.mktemp("made")
    runs.save(analysis, place / "run")
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


def test_a_run_is_read_from_its_own_folder(run: Path, tmp_path: Path) -> None:
    """A folder named like a pattern is no pattern: the run that it would match is left alone."""
    own = shutil.copytree(run, tmp_path / "run[1]")
    other = shutil.copytree(run, tmp_path / "run1")
    topics = pl.read_parquet(other / "topics.parquet")
    topics.with_columns(label=pl.lit("other")).write_parquet(other / "topics.parquet")
    assert "other" not in runs.load_tables(own).topics["label"]


@pytest.mark.parametrize("option", ["input", "--fixes", "--feasibility", "--settings"])
def test_no_file_is_read_from_the_folder_that_is_replaced(run: Path, option: str) -> None:
    """A file in the run's folder would be gone with the earlier run: that is said at once."""
    mine = run / "mine.csv"
    mine.write_text("" if option == "--settings" else "topic,date\nLate,2026-05-01\n", "utf-8")
    asked = ["analyze", str(mine if option == "input" else DEMO), "-o", str(run)]
    asked += [] if option == "input" else [option, str(mine)]
    with pytest.raises(InputError, match=r"mine\.csv lies in .*: move it out first"):
        CliRunner().invoke(app, asked, catch_exceptions=False)
    assert mine.exists()


def test_the_register_of_a_run_may_be_read_again(run: Path) -> None:
    """The run keeps its register under the same name, so none is lost."""
    (run / runs.FIXES).write_text("topic,date\nLate,2026-05-01\n", "utf-8")
    runs.refuse_within(run, [run / runs.FIXES, run.parent / "answers.csv"])


def test_a_run_is_saved_where_a_link_leads(analysis: Analysis, tmp_path: Path) -> None:
    """The link stays, also when the run is replaced, and nothing lies about."""
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for _ in range(2):
        written = runs.save(analysis, tmp_path / "link")
    assert all(path.parent == tmp_path / "link" and path.is_file() for path in written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]
    assert (tmp_path / "link").is_symlink()


def test_what_cannot_be_replaced_is_refused_at_once(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the folder one works in nor a mount point: the sentence says what to name instead."""
    monkeypatch.chdir(run)
    for out, told in ((Path(), "the folder you work in"), (Path("/"), "a mount point")):
        with pytest.raises(InputError, match=rf"is {told}.*name a folder in it, such as .*run"):
            runs.refuse_foreign(out)


def test_an_error_without_a_name_is_told(tmp_path: Path) -> None:
    """Where the system names no reason, the error's own words are given."""
    with pytest.raises(RunError, match="out cannot be written: no place"), runs._replacing(tmp_path / "out"):  # fmt: skip
        raise OSError("no place")


def test_reports_replace_none_but_reports(run: Path, tmp_path: Path) -> None:
    """Drawn into another folder, they leave other runs and other files alone; drawn again they may."""
    other = shutil.copytree(run, tmp_path / "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.md").write_text("mine", "utf-8")
    for out, told in ((other, "another run"), (tmp_path / "mine", "report.md of something else")):
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(InputError, match=told):
            runs.redraw(run, out, load(None, {"report": {"title": "Mine"}}))
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "notes.txt").write_text("mine", "utf-8")
    for _ in range(2):
        runs.redraw(run, tmp_path / "new", load(None))


def test_score_says_what_was_left_out_and_why(tmp_path: Path) -> None:
    """Answers without a mention are told on standard error; without any, there is no table."""
    lines = ["التطبيق بطيء جدا ولا يعمل", "الخدمة سيئة للغاية", "n/a"]
    (tmp_path / "new.csv").write_text("\n".join(["comment", *lines]), encoding="utf-8")
    heard = "the router never worked"
    for asked, typed in (([str(tmp_path / "new.csv")], None), (["-"], "\n".join(lines))):
        done = CliRunner().invoke(app, ["score", *asked, "--quality", "fast"], input=typed)
        assert done.stdout == "no text to label\n"
        assert "Left out, with reason: 2 language, 1 no_answer" in done.stderr
    done = CliRunner().invoke(app, ["score", "-", "--quality", "fast", "--json"], input=heard)
    assert json.loads(done.stdout)
    assert done.stderr == ""

"""A run worked through in parts: the same as whole, as local, and as one that was broken off."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from painpoints import distribute
from painpoints.config import Settings, load
from painpoints.distribute import Dask, Engine, How, PartFiles, Processes, Task
from painpoints.errors import RunError, SettingsError
from painpoints.pipeline import Analyser, Analysis, Spread

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"
QUICK: dict[str, Any] = {
    "quality": "fast",
    "rank": {"n_bootstrap": 20},
    "scale": {"part_rows": 100},
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Return settings that cut the export into five parts."""
    return load(None, QUICK)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first 240 rows of the demo: 480 feedbacks."""
    path = tmp_path_factory.mktemp("export") / "answers.csv"
    path.write_text("".join(DEMO.read_text(encoding="utf-8").splitlines(keepends=True)[:241]))
    return path


def _in(folder: Path, engine: Engine) -> Spread:
    """Return what works a run through in files of `folder`."""
    folder.mkdir(exist_ok=True)
    return lambda reader, feedback, tell: PartFiles(reader, feedback, tell, str(folder), engine)


@pytest.fixture(scope="module")
def local(settings: Settings, tmp_path_factory: pytest.TempPathFactory, export: Path) -> Analysis:
    """Analyse the demo in six parts by two processes."""
    engine = Processes(2)
    spread = _in(tmp_path_factory.mktemp("local"), engine)
    analysis = Analyser(settings).analyse([export], spread=spread)
    engine.close()
    return analysis


def _assert_same(found: Analysis, expected: Analysis) -> None:
    for name, frame in expected.tables.by_name().items():
        assert found.tables.by_name()[name].equals(frame), name
    assert found.masked == expected.masked
    assert found.classified.priors == expected.classified.priors
    for name, array in expected.topic_model.to_arrays().items():
        assert np.array_equal(found.topic_model.to_arrays()[name], array), name


def test_in_parts_is_as_a_whole(local: Analysis, settings: Settings, export: Path) -> None:
    """Six parts by two processes find what one process finds in memory."""
    whole = Analyser(settings).analyse([export])
    assert local.tables.feedback.equals(whole.tables.feedback)
    exact = ("mention_id", "text", "stage", "touchpoint", "sentiment", "type", "severity")
    chosen = [*exact, "topic_id", "reason"]
    assert local.tables.mentions.select(chosen).equals(whole.tables.mentions.select(chosen))
    named = ("finding_id", "label", "reach", "rank")
    assert local.tables.findings.select(named).equals(whole.tables.findings.select(named))
    assert local.masked == whole.masked


def test_parts_without_a_mention_are_a_whole_run(settings: Settings, tmp_path: Path) -> None:
    """A large export in a language that is not covered is read to its end, as a small one is."""
    said = "Die Lieferung kam leider viel zu spät und niemand ging ans Telefon."
    rows = (f"{n % 11},{said} Auftrag {n}.\n" for n in range(300))
    export = tmp_path / "answers.csv"
    export.write_text("nps,comment\n" + "".join(rows), encoding="utf-8")
    found = Analyser(settings).analyse([export], spread=_in(tmp_path / "parts", Processes(1)))
    assert found.tables.mentions.is_empty()
    assert dict(found.journey.left_out) == {"language": 300}


class Killing:
    """An engine that loses workers while it works: kills one after each of its first tasks."""

    def __init__(self, cluster: Dask, n_kills: int) -> None:
        self._cluster = cluster
        self._left = n_kills

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Perform the tasks, each kill right after one is done."""
        for done in self._cluster.run(tasks):
            if self._left:
                pids = self._cluster._client.run(os.getpid, on_error="ignore")
                if pids:
                    self._left -= 1
                    os.kill(sorted(pids.values())[self._left % len(pids)], signal.SIGKILL)
            yield done

    def close(self) -> None:
        """Leave the cluster to who started it."""


@pytest.fixture
def cluster() -> Iterator[Dask]:
    """Return a real cluster of two processes on this machine."""
    dask = Dask(None, 2)
    yield dask
    dask.close()


@pytest.mark.parametrize("n_kills", [0, 3])
def test_dask_gives_the_same_bytes_also_when_workers_die(
    cluster: Dask, local: Analysis, tmp_path: Path, n_kills: int, export: Path
) -> None:
    """A cluster finds what local processes find: undisturbed, and with three workers killed, so all in turn."""
    killing = Killing(cluster, n_kills)
    found = Analyser(local.settings).analyse([export], spread=_in(tmp_path / "parts", killing))
    assert killing._left == 0
    _assert_same(found, local)


class Stopping:
    """An engine that breaks off after so many tasks, and counts what it did."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine = engine
        self._after = after
        self.done: list[str] = []

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Perform the tasks until the last that is allowed."""
        for task, said in self._engine.run(tasks):
            self.done.append(task.target)
            yield task, said
            if len(self.done) == self._after:
                raise KeyboardInterrupt

    def close(self) -> None:
        """End the workers."""
        self._engine.close()


@pytest.mark.parametrize("after", [2, 12])
def test_a_run_broken_off_goes_on_where_it_stopped(
    settings: Settings, local: Analysis, tmp_path: Path, after: int, export: Path
) -> None:
    """Broken off in any pass and resumed: no finished part is done twice, the bytes are the same."""
    processes = Processes(2)
    first, second = Stopping(processes, after), Stopping(processes, -1)
    with pytest.raises(KeyboardInterrupt):
        Analyser(settings).analyse([export], spread=_in(tmp_path / "parts", first))
    found = Analyser(settings).analyse([export], spread=_in(tmp_path / "parts", second))
    processes.close()
    assert len(first.done) == after
    assert set(first.done).isdisjoint(second.done)
    _assert_same(found, local)


def test_a_marker_cut_off_is_no_marker(
    settings: Settings, local: Analysis, tmp_path: Path, export: Path
) -> None:
    """A part whose marker was half written when the power went is done again."""
    processes = Processes(2)
    spread = _in(tmp_path / "parts", processes)
    Analyser(settings).analyse([export], spread=spread)
    for marker in (tmp_path / "parts").glob("*-read-*.json"):
        marker.write_bytes(marker.read_bytes()[:9])
    found = Analyser(settings).analyse([export], spread=spread)
    processes.close()
    _assert_same(found, local)


def _command(export: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "painpoints", "analyze", str(export), "-o", str(out), *more]


def _environment() -> dict[str, str]:
    return os.environ | {
        "PAINPOINTS_QUALITY": "fast",
        "PAINPOINTS_SCALE__PART_ROWS": "100",
        "PAINPOINTS_RANK__N_BOOTSTRAP": "20",
    }


def _wait(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something holds that the process brings about."""
    while not holds():
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def quiet(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run that the command leaves when nothing disturbs it."""
    out = tmp_path_factory.mktemp("quiet") / "run"
    subprocess.run(_command(export, out), env=_environment(), check=True, capture_output=True)
    return out


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_the_command_killed_and_resumed_leaves_the_same_run(
    export: Path, quiet: Path, tmp_path: Path, blow: int
) -> None:
    """Kill -9 or Ctrl-C in the middle, then --resume: the tables of an undisturbed run, no litter."""
    broken = tmp_path / "broken"
    running = subprocess.Popen(
        _command(export, broken),
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    parts = tmp_path / ".broken.parts"
    _wait(lambda: any(parts.glob("*-read-*.json")), running)
    os.killpg(running.pid, blow)
    _, said = running.communicate()
    assert running.returncode == (130 if blow == signal.SIGINT else -blow)
    assert (b"--resume" in said) == (blow == signal.SIGINT)
    assert not broken.exists()
    again = _command(export, broken, "--resume")
    subprocess.run(again, env=_environment(), check=True, capture_output=True)
    for name in ("feedback", "mentions", "topics", "drivers", "findings"):
        one, other = quiet / f"{name}.parquet", broken / f"{name}.parquet"
        assert one.read_bytes() == other.read_bytes(), name
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Return a scheduler's process and address; one worker waits at it."""
    told = tmp_path / "scheduler.json"
    with ExitStack() as open_:

        def start(what: str, *words: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.{what}", "--no-dashboard", *words]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            open_.enter_context(process)
            open_.callback(process.kill)
            return process

        process = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))  # fmt: skip
        _wait(lambda: told.exists() and told.stat().st_size > 0, process)
        address = json.loads(told.read_text(encoding="utf-8"))["address"]
        start("dask_worker", address, "--nthreads", "1", "--no-nanny")
        yield process, address


def test_a_lost_scheduler_is_told_and_gone_on_from(
    scheduler: tuple[subprocess.Popen[bytes], str], export: Path, quiet: Path, tmp_path: Path
) -> None:
    """Its scheduler killed, the command ends with one sentence; --resume needs no cluster to end it."""
    process, address = scheduler
    out, parts = tmp_path / "run", tmp_path / ".run.parts"
    running = subprocess.Popen(
        _command(export, out, "--engine", "dask", "--scheduler", address),
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _wait(lambda: any(parts.glob("*-read-*.json")), running)
    process.kill()
    _, said = running.communicate()
    assert running.returncode == 1
    assert b"error: the Dask cluster lost the work" in said
    ready = {path.name: path.stat().st_mtime_ns for path in parts.glob("*-read-*.json")}
    assert ready
    resumed = subprocess.Popen(_command(export, out, "--resume"), env=_environment(), stdout=subprocess.DEVNULL)  # fmt: skip
    _wait(lambda: any(parts.glob("*-label-*.json")), resumed)
    assert ready.items() <= {p.name: p.stat().st_mtime_ns for p in parts.glob("*-read-*.json")}.items()  # fmt: skip
    assert resumed.wait() == 0
    assert (out / "mentions.parquet").read_bytes() == (quiet / "mentions.parquet").read_bytes()


def test_parts_are_for_their_owner_alone(settings: Settings, tmp_path: Path, export: Path) -> None:
    """The folder of the parts is closed to others, holds no unmasked text, and goes in the end."""
    how = How(workers=2)
    seen = []

    def look(step: str, done: int = 0, total: int = 0) -> None:
        if step == "encode" and done == total > 0:
            seen.extend([folder.stat().st_mode & 0o777, *folder.glob("*-raw-*")])

    folder = tmp_path / ".run.parts"
    with distribute.workshop(tmp_path / "run", how) as workshop:
        Analyser(settings, on_step=look).analyse([export], spread=workshop)
    assert seen == [0o700]
    assert not folder.exists()


def test_a_small_run_needs_no_parts(tmp_path: Path, export: Path) -> None:
    """What fits in memory at once is worked through there, under any engine."""
    with distribute.workshop(tmp_path / "run", How(engine="dask")) as workshop:
        analysis = Analyser(load(None, {"quality": "fast"})).analyse([export], spread=workshop)
        assert not workshop.begun
    assert analysis.journey.n_feedback == 480


def test_the_folder_named_for_the_parts_keeps_what_it_holds(tmp_path: Path) -> None:
    """A run makes a folder of its own in the one named, and removes that alone."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "notes.txt").write_text("mine", encoding="utf-8")
    folder = distribute.parts_folder(tmp_path / "run", f"{tmp_path / 'shared'}/")
    Path(folder).mkdir()
    with distribute.workshop(tmp_path / "run", How(parts=folder)):
        assert Path(folder).parent == tmp_path / "shared"
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["notes.txt"]


def test_an_unknown_engine_is_named(tmp_path: Path) -> None:
    """A wrong --engine is one sentence that says which there are."""
    with (
        pytest.raises(SettingsError, match="local, dask"),
        distribute.workshop(tmp_path / "run", How(engine="spark")),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    """No scheduler at the address: one sentence, no traceback, no endless wait."""
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(RunError, match="does not answer"),
    ):
        Dask("tcp://127.0.0.1:9", 1)


def test_parts_may_lie_behind_a_url(
    settings: Settings, local: Analysis, tmp_path: Path, export: Path
) -> None:
    """A folder named as fsspec names it holds the parts as well."""
    how = How(workers=2, parts=f"file://{tmp_path / 'shared'}")
    with distribute.workshop(tmp_path / "run", how) as workshop:
        found = Analyser(settings).analyse([export], spread=workshop)
        assert any((tmp_path / "shared").iterdir())
    _assert_same(found, local)
    assert not (tmp_path / "shared").exists()


def test_counts_of_parts_add_up(local: Analysis) -> None:
    """Every mention is in one part, in the order of the feedback."""
    order = pl.Series(local.tables.feedback["feedback_id"]).to_frame().with_row_index()
    placed = local.tables.mentions.join(order, on="feedback_id", maintain_order="left")
    assert placed["index"].is_sorted()
    assert local.tables.mentions["mention_id"].n_unique() == local.tables.mentions.height

"""A place where the service runs for a test: database, data folder, workers as real processes."""

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import update
from tests.api.fakes import FakeEngine

from painpoints_api import analysing, jobs, uploads
from painpoints_api.database import Database
from painpoints_api.records import Analysis, Job, Project, new_id
from painpoints_api.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0
QUICKLY = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"painpoints-tests-{os.getuid()}"),
}
"""The environment of started processes: what they compile is kept, since many are started."""


def wait_for(condition: Callable[[], Any], *, what: str) -> Any:
    """Return what `condition` returns once it is true; give up after a long time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for: {what}")


@dataclass
class Site:
    """Settings, database and control folder of one test, and the workers started in it."""

    settings: ServiceSettings
    database: Database
    control: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(
        cls, folder: Path, url: str, database: Database, **settings: Any
    ) -> Iterator["Site"]:
        """Make a site; end its workers afterwards."""
        control = folder / "control"
        control.mkdir()
        chosen: dict[str, Any] = {
            "data": folder / "data",
            "database": url,
            "engine": FakeEngine,
            "lease_s": 6.0,
            "poll_s": 0.05,
            "grace_s": 0.5,
            "retry_s": 0.0,
            "max_attempts": 20,
        }
        site = cls(ServiceSettings(**{**chosen, **settings}), database, control)
        with database.write() as session:
            session.add(Project(id="p1", name="one"))
        try:
            yield site
        finally:
            for worker in site.workers:
                site.kill(worker.pid)
                worker.wait()

    # -- work --

    def ask(self, n_people: int = 20, **settings: Any) -> str:
        """Ask for an analysis of an upload; return the id of its job."""
        stream = io.BytesIO(b"verbatim\n" * n_people)
        upload = uploads.store(self.settings, "p1", "answers.csv", stream)
        with self.database.write() as session:
            session.add(upload)
            session.flush()
            analysis_id = new_id("an")
            job = jobs.put(
                session,
                "p1",
                analysing.KIND,
                {"analysis_id": analysis_id},
                max_attempts=self.settings.max_attempts,
            )
            session.add(
                Analysis(
                    id=analysis_id,
                    project_id="p1",
                    job_id=job.id,
                    title="answers",
                    settings=settings,
                    upload_ids=[upload.id],
                )
            )
            return job.id

    def job(self, job_id: str) -> Job:
        """Return a job's row."""
        with self.database.read() as session:
            return session.get_one(Job, job_id)

    def ended(self, job_id: str) -> Job:
        """Wait until a job has ended; return its row."""
        wait_for(lambda: self.job(job_id).ended_at is not None, what="the job's end")
        return self.job(job_id)

    def lapse(self, job_id: str) -> None:
        """Let the lease of a running job be over, as if its worker had been silent for so long."""
        with self.database.write() as session:
            held = update(Job).where(Job.id == job_id, Job.status == "running")
            session.execute(held.values(lease_until=1.0))

    def analysis(self, job_id: str) -> Analysis:
        """Return the analysis of a job."""
        with self.database.read() as session:
            return session.query(Analysis).filter_by(job_id=job_id).one()

    def folder(self, job_id: str) -> Path:
        """Return where a job keeps its files."""
        return self.settings.data / "runs" / job_id

    # -- processes --

    def start_worker(self, *, slots: int = 1, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker as a process of its own."""
        told = {"settings": {**self.settings.told(), "workers": slots}, "parent": None}
        with (self.control / "stderr").open("ab") as stderr:
            worker = subprocess.Popen(
                [sys.executable, "-m", "painpoints_api.worker"],
                stdin=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                env={**QUICKLY, "FAKE_ENGINE_CONTROL": str(self.control), **environment},
            )
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(told).encode())
        worker.stdin.close()
        self.workers.append(worker)
        return worker

    def kill(self, pid: int, which: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process."""
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            return

    def freeze(self, *pids: int) -> None:
        """Stop processes between their writes: SQLite stays locked by one that is stopped within."""

        def frozen() -> bool:
            for pid in pids:
                self.kill(pid, signal.SIGSTOP)
            if self._can_write():
                return True
            for pid in pids:
                self.kill(pid, signal.SIGCONT)
            return False

        wait_for(frozen, what="a moment between two writes")

    def _can_write(self) -> bool:
        if not self.database.is_sqlite:
            return True
        file = self.settings.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as opened:
            try:
                opened.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            opened.execute("ROLLBACK")
        return True

    def log(self) -> list[tuple[str, int, int]]:
        """Return the steps begun: name, process, its worker."""
        file = self.control / "log"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [(name, int(pid), int(parent)) for name, pid, parent in map(str.split, lines)]

    def begun(self, step: str, *, times: int = 1) -> tuple[int, int]:
        """Wait until a step has begun so many times; return its process and that one's worker."""

        def last() -> tuple[int, int] | None:
            found = [(pid, parent) for name, pid, parent in self.log() if name == step]
            return found[times - 1] if len(found) >= times else None

        found: tuple[int, int] = wait_for(last, what=f"begin {times} of step {step}")
        return found

    def hold(self, *steps: str) -> None:
        """Let steps wait when they begin."""
        for step in steps:
            (self.control / f"hold-{step}").touch()

    def release(self, *steps: str) -> None:
        """Let waiting steps go on."""
        for step in steps:
            (self.control / f"hold-{step}").unlink()

    def mischief(self, step: str, what: str) -> None:
        """Let a step do something bad from now on."""
        (self.control / f"do-{step}").write_text(what, encoding="utf-8")


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def assert_whole(site: Site, job_id: str, *, n_people: int = 20) -> None:
    """Check that a job is done, its run is whole and alone, and nothing rough is left."""
    job, analysis = site.ended(job_id), site.analysis(job_id)
    assert (job.status, job.problem) == ("done", None)
    assert analysis.run is not None
    folder = site.folder(job_id)
    wait_for(lambda: [p.name for p in folder.iterdir()] == [analysis.run], what="tidying")
    mentions = pl.read_parquet(folder / analysis.run / "mentions.parquet")
    assert pl.read_parquet(folder / analysis.run / "slices.parquet").height == mentions.height
    assert analysis.counts["n_mentions"] == mentions.height
    assert analysis.counts["n_people"] == n_people

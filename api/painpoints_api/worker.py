"""The worker: claims jobs, runs each in a process of its own, keeps their leases, ends them.

One thread, so that children may be forked safely and none of this races with itself. All work is
done by the children (`child.py`): this process stays small and answers within `poll_s`.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy import select as sql_select
from sqlalchemy.exc import DBAPIError

from painpoints_api import analysing, child, jobs, logs, training, webhooks
from painpoints_api.database import Database, is_passing
from painpoints_api.jobs import Claim, LeaseLostError
from painpoints_api.records import ENDED, Analysis, Job, Project, Upload, UsedRequestKey, now
from painpoints_api.settings import ServiceSettings
from painpoints_api.work import tidy

_SWEEP_S = 3600.0
_DELIVERIES = 2


@dataclass(slots=True)
class _Running:
    """A job and its process. `ending` says why it is being ended, `hard_at` when it is killed."""

    claim: Claim
    process: subprocess.Popen[bytes]
    kept_at: float
    ending: str | None = None
    hard_at: float = field(default=float("inf"))


class Worker:
    """Works on up to `slots` jobs at once, and on a few deliveries, until it is told to stop."""

    def __init__(
        self, settings: ServiceSettings, database: Database, *, slots: int, parent: int | None
    ) -> None:
        self._settings = settings
        self._database = database
        self._slots = slots
        self._parent = parent
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._running: list[_Running] = []
        self._stopping = False
        self._swept_at = float("-inf")
        self._log = logs.logger(worker=self._owner)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, or until the process that started us is gone."""
        with _wake_on_signals() as (asleep, stopped):
            self._log.info("worker.started", slots=self._slots)
            while self._running or not self._stopping:
                self._stopping = self._stopping or stopped() or self._orphaned()
                self._turn()
                asleep(self._settings.poll_s if not self._stopping else 0.05)
        self._log.info("worker.stopped")

    def _orphaned(self) -> bool:
        return self._parent is not None and os.getppid() != self._parent

    def _turn(self) -> None:
        try:
            for running in list(self._running):
                self._look_after(running)
            if not self._stopping:
                self._take()
                self._sweep()
        except DBAPIError as error:
            if not is_passing(error):
                raise
            self._log.warning("worker.database_away", error=type(error).__name__)

    # -- taking --

    def _take(self) -> None:
        """Fill the slots; deliveries have some of their own, since neither is to wait for the other."""
        self._fill((webhooks.KIND,), _DELIVERIES)
        self._fill((analysing.KIND, training.KIND), self._slots)

    def _fill(self, kinds: Collection[str], slots: int) -> None:
        while sum(running.claim.kind in kinds for running in self._running) < slots:
            lease_s = self._settings.lease_s
            claim = jobs.claim(self._database, self._owner, lease_s=lease_s, kinds=kinds)
            if claim is None:
                return
            self._log.info("job.claimed", job_id=claim.job_id, attempt=claim.attempt)
            self._running.append(_Running(claim, self._start(claim), time.monotonic()))

    def _start(self, claim: Claim) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "painpoints_api.child"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(child.order(self._settings, claim, parent=os.getpid()))
            process.stdin.close()
        return process

    # -- looking after --

    def _look_after(self, running: _Running) -> None:
        if running.process.poll() is not None:
            self._settle(running)
        elif running.ending is not None:
            if time.monotonic() >= running.hard_at:
                _signal(running.process, signal.SIGKILL)
        elif self._stopping:
            self._end(running, "leaving")
        else:
            self._keep(running)

    def _keep(self, running: _Running) -> None:
        """Lengthen the lease in good time, and see whether the job is still wanted."""
        try:
            if self._cancelled(running):
                self._end(running, "cancelled")
        except LeaseLostError:
            self._log.warning("job.lost", job_id=running.claim.job_id)
            running.ending = "lost"  # or ended by its own process, which is about to leave
            running.hard_at = time.monotonic() + self._settings.grace_s

    def _cancelled(self, running: _Running) -> bool:
        moment = time.monotonic()
        if moment - running.kept_at >= self._settings.lease_s / 3:
            running.kept_at = moment
            return jobs.keep(self._database, running.claim, lease_s=self._settings.lease_s)
        return self._unwanted(running.claim)

    def _unwanted(self, claim: Claim) -> bool:
        with self._database.read() as session:
            wanted = sql_select(Job.cancel_requested).where(Job.id == claim.job_id)
            return bool(session.scalars(wanted).one_or_none())

    def _end(self, running: _Running, why: str) -> None:
        running.ending = why
        running.hard_at = time.monotonic() + self._settings.grace_s
        _signal(running.process, signal.SIGTERM)

    def _settle(self, running: _Running) -> None:
        """Tell the queue how a job's process ended, where it could not do so itself."""
        _signal(running.process, signal.SIGKILL)  # what it started may still be alive
        code = running.process.returncode
        with contextlib.suppress(LeaseLostError):
            self._tell(running, code)
        self._running.remove(running)
        self._log.info("job.left", job_id=running.claim.job_id, exit_code=code, why=running.ending)

    def _tell(self, running: _Running, code: int) -> None:
        claim = running.claim
        if code == child.SETTLED and running.ending is None:
            return
        if running.ending == "cancelled" or (code == child.LOST and self._unwanted(claim)):
            jobs.stop(self._database, claim)
            tidy(self._settings, claim.job_id, keep=None)
        elif running.ending == "leaving":
            jobs.put_back(self._database, claim, None, wait_s=0.0)
        elif running.ending is None and code != child.LOST:
            self._tell_death(claim, code)

    def _tell_death(self, claim: Claim, code: int) -> None:
        if code == -signal.SIGXCPU:
            limit = self._settings.job_cpu_s
            jobs.fail(self._database, claim, f"the job needs more than {limit} processor seconds")
            tidy(self._settings, claim.job_id, keep=None)
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        problem = f"its process ended by {how}, attempt {claim.attempt} of {claim.max_attempts}"
        wait_s = child.retry_after(self._settings, claim)
        if jobs.put_back(self._database, claim, problem, wait_s=wait_s) == "failed":
            tidy(self._settings, claim.job_id, keep=None)

    # -- tidying --

    def _sweep(self) -> None:
        """Remove what dead or frozen processes left behind, and old request keys."""
        if time.monotonic() - self._swept_at < _SWEEP_S:
            return
        self._swept_at = time.monotonic()
        old = now() - timedelta(days=self._settings.keep_request_keys_days)
        with self._database.write() as session:
            session.execute(delete(UsedRequestKey).where(UsedRequestKey.created_at < old))
        self._sweep_runs()
        self._sweep_files()

    def _sweep_runs(self) -> None:
        folder = self._settings.data.absolute() / "runs"
        for path in folder.iterdir() if folder.is_dir() else ():
            with self._database.read() as session:
                status = session.scalars(
                    sql_select(Job.status).where(Job.id == path.name)
                ).one_or_none()
                kept = session.scalars(
                    sql_select(Analysis.run).where(Analysis.job_id == path.name)
                ).one_or_none()
            if status in ENDED:
                tidy(self._settings, path.name, keep=kept)

    def _sweep_files(self) -> None:
        """Remove uploads that no record names and copies made for checks, none that may be in use.

        What lies under an unknown project stays: it may be of another database.
        """
        data = self._settings.data.absolute()
        with self._database.read() as session:
            projects = set(session.scalars(sql_select(Project.id)))
            known = set(session.scalars(sql_select(Upload.id)))
        before = time.time() - _SWEEP_S - self._settings.check_s
        for path in data.glob("uploads/*/*"):
            lost = path.parent.name in projects and path.name.partition(".")[0] not in known
            if lost and _is_older(path, before):
                path.unlink(missing_ok=True)
        for path in data.glob("checks/*"):
            if _is_older(path, before):
                shutil.rmtree(path, ignore_errors=True)


def _is_older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:  # another has removed it
        return False


def _signal(process: subprocess.Popen[bytes], which: signal.Signals) -> None:
    """Send a signal to a job's process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, which)


@contextlib.contextmanager
def _wake_on_signals() -> Any:
    """Yield a sleep that ends early when a child ends or a stop is asked for, and whether one was."""
    waking, woken = socket.socketpair()
    waking.settimeout(0)
    woken.settimeout(0)
    asked: list[int] = []
    handlers = {
        signal.SIGTERM: lambda number, _frame: asked.append(number),
        signal.SIGINT: lambda number, _frame: asked.append(number),
        signal.SIGCHLD: lambda _number, _frame: None,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    wakeup = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)

    def asleep(seconds: float) -> None:
        if select.select([waking], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                waking.recv(4096)

    try:
        yield asleep, lambda: bool(asked)
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        waking.close()
        woken.close()


def main() -> None:
    """Run as `python -m painpoints_api.worker`; standard input says with which settings."""
    told = json.load(sys.stdin)
    settings = ServiceSettings(**told["settings"])
    logs.set_up()
    database = Database(settings.database_url)
    Worker(settings, database, slots=settings.workers, parent=told["parent"]).run()
    database.close()


if __name__ == "__main__":
    main()

"""The process of one job: takes its claim from standard input, works, ends.

It runs under limits of memory and processor time, and dies with its worker. What goes wrong is
told to the queue in words that quote no customer; how it ends is told to the worker by exit code.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from painpoints.errors import PainpointsError
from painpoints_api import analysing, jobs, logs, training, webhooks
from painpoints_api.database import Database, patiently
from painpoints_api.discreet import without_paths
from painpoints_api.jobs import Claim, LeaseLostError
from painpoints_api.settings import ServiceSettings
from painpoints_api.work import TryAgainError, Work, tidy

SETTLED, LOST = 0, 75
_PATIENCE_S = 300.0
_WAIT_S, _MOST_WAITS = 60.0, 24 * 60
_PR_SET_PDEATHSIG = 1
_FULL = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT)))
"""The system's words for a full disk; whoever comes upon one repeats them."""
_KINDS: dict[str, Callable[[Work], str | None]] = {
    analysing.KIND: analysing.analyse,
    webhooks.KIND: webhooks.deliver,
    training.KIND: training.train,
}


class FullError(Exception):
    """The disk is full; the message is the system's."""


def order(settings: ServiceSettings, claim: Claim, *, parent: int) -> bytes:
    """Return what a child is to read from its standard input."""
    told = {"settings": settings.told(), "claim": asdict(claim), "parent": parent}
    return json.dumps(told).encode()


def main() -> int:
    """Work on the job that standard input names; return the exit code."""
    told = json.load(sys.stdin)
    die_with(told["parent"])
    settings = ServiceSettings(**told["settings"])
    claim = Claim(**told["claim"])
    limit(memory_mb=settings.job_memory_mb, cpu_s=settings.job_cpu_s)
    logs.set_up()
    database = Database(settings.database_url)
    try:
        return _do(Work(settings, database, claim))
    except LeaseLostError:
        return LOST
    finally:
        database.close()


def _do(work: Work) -> int:
    log = logs.logger(job_id=work.claim.job_id, kind=work.claim.kind, attempt=work.claim.attempt)
    try:
        keep = _worked(work)
    except LeaseLostError:
        raise
    except FullError as error:
        log.warning("job.waits", step=work.at)
        problem = f"{error} at {work.at}; tried again until there is room"
        patiently(lambda: _wait(work, problem), seconds=_PATIENCE_S)
    except PainpointsError as error:
        log.info("job.failed", step=work.at, error=type(error).__name__)
        _fail(work, without_paths(str(error), work.folder, work.settings.data.absolute()))
    except MemoryError:
        _fail(work, f"the job needs more than {work.settings.job_memory_mb} MB at {work.at}")
    except TryAgainError as error:
        log.info("job.put_back", step=work.at)
        problem = str(error)
        patiently(lambda: _again(work, problem), seconds=_PATIENCE_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, the queue must hear of it
        log.warning("job.broke", step=work.at, error=type(error).__name__, where=logs.where(error))
        problem = f"{type(error).__name__} at {work.at}{_number(error)}"
        patiently(lambda: _again(work, problem), seconds=_PATIENCE_S)
    else:
        log.info("job.done")
        tidy(work.settings, work.claim.job_id, keep=keep)
    return SETTLED


def _worked(work: Work) -> str | None:
    """Do the job; return the name of the folder that is to be kept.

    Raises:
        FullError: when the disk is full, whichever library came upon it.
    """
    try:
        return _KINDS[work.claim.kind](work)
    except Exception as error:
        told = f"{error} {error.__cause__}"
        full = next((words for words in _FULL if words in told), None)
        if full is None:
            raise
        raise FullError(full) from error


def _number(error: Exception) -> str:
    """Name the system's reason, such as a full disk; its words are the system's, not a customer's."""
    return f" ({os.strerror(error.errno)})" if isinstance(error, OSError) and error.errno else ""


def _fail(work: Work, problem: str) -> None:
    patiently(lambda: jobs.fail(work.database, work.claim, problem), seconds=_PATIENCE_S)
    tidy(work.settings, work.claim.job_id, keep=None)


def _again(work: Work, problem: str) -> None:
    wait_s = retry_after(work.settings, work.claim)
    if jobs.put_back(work.database, work.claim, problem, wait_s=wait_s) == "failed":
        tidy(work.settings, work.claim.job_id, keep=None)


def _wait(work: Work, problem: str) -> None:
    """Put the job back until there is room; after a day of that its attempts count."""
    claim = work.claim
    if claim.token - claim.attempt >= _MOST_WAITS:
        _again(work, problem)
        return
    doubled = work.settings.retry_s * 2.0 ** min(claim.token - 1, 10)
    jobs.wait(work.database, claim, problem, wait_s=min(doubled, _WAIT_S))


def retry_after(settings: ServiceSettings, claim: Claim) -> float:
    """Return how long to wait before the next attempt, doubling with each, an hour at most."""
    doubled: float = settings.retry_s * 2.0 ** (claim.attempt - 1)
    return min(doubled, 3600.0)


# -- limits ------------------------------------------------------------------------------------


def limit(*, memory_mb: int, cpu_s: int) -> None:
    """Bound what this process may use; 0 is no limit."""
    if memory_mb:
        _lower(resource.RLIMIT_DATA, memory_mb * 1_000_000)
    if cpu_s:
        _lower(resource.RLIMIT_CPU, cpu_s, beyond=5)
    _lower(resource.RLIMIT_CORE, 0)  # a core file would hold customers' text


def _lower(which: int, limit: int, *, beyond: int = 0) -> None:
    """Set a limit; `beyond` leaves room for the signal that tells of it (SIGXCPU, then SIGKILL)."""
    hard = resource.getrlimit(which)[1]
    most = limit + beyond
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (min(limit, most), most))


def die_with(parent: int) -> None:
    """End this process when its worker ends, however that ends."""
    with contextlib.suppress(OSError, AttributeError):  # Linux has it; others have the thread
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(LOST)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> Any:
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

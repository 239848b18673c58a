"""What every request can reach: settings, database, runs, limits, models; made once at the start."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from fastapi import Depends, FastAPI, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from painpoints_api import database as databases
from painpoints_api import keys, sessions
from painpoints_api.checking import Checks
from painpoints_api.database import Database
from painpoints_api.engine import wilson
from painpoints_api.metrics import Metrics
from painpoints_api.problems import ProblemError
from painpoints_api.records import Analysis, Project
from painpoints_api.scorers import Scorers
from painpoints_api.settings import ServiceSettings
from painpoints_api.slices import Slices
from painpoints_api.work import job_folder

if TYPE_CHECKING:
    from asyncio import Future

    from painpoints_api.engine import Engine

LOCAL_PROJECT = "default"
_VERSION = version("painpoints")
_STATE_S = 1.0
_MOST_STATES = 10_000
_FAILED_KEYS = RateLimitItemPerMinute(60)


class Throttle:
    """How often a caller may ask; counted in this process."""

    def __init__(self, per_minute: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(per_minute)

    def request(self, caller: str) -> None:
        """Count a request.

        Raises:
            ProblemError: 429 with Retry-After when there were too many.
        """
        self._hit(self._limit, "request", caller)

    def failed_key(self, address: str) -> None:
        """Count a key that was not right, by the address it came from."""
        self._hit(_FAILED_KEYS, "key", address)

    def _hit(self, limit: RateLimitItemPerMinute, what: str, who: str) -> None:
        if self._limiter.hit(limit, what, who):
            return
        again = self._limiter.get_window_stats(limit, what, who).reset_time
        wait_s = max(1, round(again - time.time()))
        raise ProblemError(
            429, f"more than {limit.amount} a minute", headers={"Retry-After": str(wait_s)}
        )


class Answers:
    """Answers that were given, by ETag: a run does not change, nor does what is told of it."""

    def __init__(self, memory_mb: int) -> None:
        self._most = memory_mb * 1_000_000
        self._held: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def get(self, tag: str) -> bytes | None:
        """Return the body of an answer, None if it is not held."""
        with self._lock:
            if tag in self._held:
                self._held.move_to_end(tag)
            return self._held.get(tag, (None, ""))[0]

    def route(self, tag: str) -> str:
        """Return the pattern of the route that gave an answer, to count it by."""
        with self._lock:
            return self._held.get(tag, (b"", "none"))[1]

    def keep(self, tag: str, body: bytes, route: str = "none") -> None:
        """Hold a body; the ones not asked for longest make room."""
        with self._lock:
            self._n_bytes += len(body) - len(self._held.pop(tag, (b"", ""))[0])
            self._held[tag] = (body, route)
            while self._n_bytes > self._most:
                self._n_bytes -= len(self._held.popitem(last=False)[1][0])


class States:
    """What all that is told of an analysis depends on: its run, and the edits of its project.

    What was found is held for a second, as another process may write, and until this one does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[tuple[str, str], tuple[str, int, float]] = {}

    def held(self, project_id: str, analysis_id: str) -> str | None:
        """Return the state of a finished analysis without asking the database, None if too old."""
        state, n_writes, until = self._held.get((project_id, analysis_id), ("", -1, 0.0))
        fresh = n_writes == self._database.n_writes and time.monotonic() < until
        return state if fresh else None

    def look(self, project_id: str, analysis_id: str) -> str:
        """Return the state; `None` as text for an analysis that is not there, or not the project's."""
        n_writes, until = self._database.n_writes, time.monotonic() + _STATE_S
        query = (
            select(Analysis.job_id, Analysis.run, Project.edits)
            .join(Project, Project.id == Analysis.project_id)
            .where(
                Analysis.id == analysis_id,
                Analysis.project_id == project_id,
                Analysis.removed_at.is_(None),
            )
        )
        with self._database.read() as session:
            found = session.execute(query).one_or_none()
        if found is not None and found.run is not None:
            if len(self._held) >= _MOST_STATES:
                self._held.clear()
            self._held[project_id, analysis_id] = (str(found), n_writes, until)
        return str(found)


def tag(state: str, path: str, query: str) -> str:
    """Return the ETag of what this version tells at a path while an analysis is in a state."""
    told = f"{_VERSION}\n{state}\n{path}?{query}"
    return f'W/"{hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that requests use."""

    settings: ServiceSettings
    database: Database
    slices: Slices
    throttle: Throttle
    engine: "Engine"
    scorers: Scorers
    checks: Checks
    metrics: Metrics
    session_secret: bytes
    answers: Answers
    states: States
    local_project: str
    looks: "dict[tuple[str, str], Future[Any]]" = field(default_factory=dict)
    """Of those who follow an analysis: what is being looked up, or was a moment ago."""

    def run_folder(self, analysis: Analysis) -> Path:
        """Return the folder of a finished analysis.

        Raises:
            ProblemError: 409 while it is not finished.
        """
        if analysis.run is None:
            raise ProblemError(409, "the analysis is not finished; see its state")
        return job_folder(self.settings, analysis.job_id) / analysis.run


class State(TypedDict):
    """What the lifespan hands to requests."""

    service: Service


def lifespan(
    settings: ServiceSettings,
) -> Callable[[FastAPI], Any]:
    """Return the app's lifespan: opens what requests use, closes what it opened."""

    @asynccontextmanager
    async def opened(_app: FastAPI) -> AsyncIterator[State]:
        service = await run_in_threadpool(_open, settings)
        try:
            yield {"service": service}
        finally:
            service.scorers.close()
            await run_in_threadpool(service.slices.close)
            await run_in_threadpool(service.database.close)

    return opened


def _open(settings: ServiceSettings) -> Service:
    database = Database(settings.database_url)
    if database.is_sqlite:
        databases.upgrade(database)
    databases.require_current(database)
    with database.write() as session:
        local_project = keys.project(session, LOCAL_PROJECT).id
    engine = settings.engine(settings.settings_file)
    wilson(0, 1)  # loads what the first slice would have to wait for
    slices = Slices(
        settings.data.absolute() / "runs",
        memory_mb=settings.query_memory_mb,
        seconds=settings.query_s,
        spill=settings.data.absolute() / "spill",
    )
    return Service(
        settings=settings,
        database=database,
        slices=slices,
        throttle=Throttle(settings.requests_per_minute),
        engine=engine,
        scorers=_scorers(settings, engine),
        checks=Checks(settings),
        metrics=Metrics(database),
        session_secret=sessions.secret(settings.data),
        answers=Answers(settings.answer_memory_mb),
        states=States(database),
        local_project=local_project,
    )


def _scorers(settings: ServiceSettings, engine: "Engine") -> Scorers:
    scorers = Scorers(engine, settings.score_quality)
    if settings.warm_models:
        threading.Thread(target=scorers.warm, daemon=True).start()
    return scorers


async def _service(request: Request) -> Service:
    service: Service = request.state.service
    return service


Serving = Annotated[Service, Depends(_service)]

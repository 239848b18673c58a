"""The queue: jobs are put in, claimed, kept alive, and ended, whatever dies in between.

A claim is a lease with a token that grows with each claim. Every later write of the claimant
carries the token and changes nothing once another has the job, so a worker that was frozen and
comes back can neither finish nor spoil what its successor does. Leases are measured by the
database's clock. What a job does is not known here (`work.py`), nor who runs it (`worker.py`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, true, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, aliased

from painpoints_api.database import Database, clock
from painpoints_api.records import ENDED, Job, JobStep, new_id, now


class LeaseLostError(Exception):
    """Another worker has the job now, or it was ended; the claimant must stop at once."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in hand. `token` is to be shown with every write."""

    job_id: str
    project_id: str
    kind: str
    payload: Mapping[str, Any]
    token: int
    attempt: int
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is ready: where its output lies, and what it was made of."""

    fingerprint: str
    output: str
    output_sha256: str


# -- in ----------------------------------------------------------------------------------------


def put(
    session: Session, project_id: str, kind: str, payload: Mapping[str, Any], *, max_attempts: int
) -> Job:
    """Add a job to the queue within the caller's transaction."""
    job = Job(
        id=new_id("job"),
        project_id=project_id,
        kind=kind,
        payload=dict(payload),
        max_attempts=max_attempts,
    )
    session.add(job)
    session.flush()
    return job


def cancel(session: Session, job_id: str) -> str:
    """Ask that a job end; one that nobody runs ends here. Return its status."""
    waiting = (
        update(Job)
        .where(Job.id == job_id, Job.status == "queued")
        .values(status="cancelled", cancel_requested=True, ended_at=now())
    )
    if not _changed(session, waiting):
        running = update(Job).where(Job.id == job_id, Job.status == "running")
        session.execute(running.values(cancel_requested=True))
    return session.scalars(select(Job.status).where(Job.id == job_id)).one()


# -- claimed -----------------------------------------------------------------------------------


def claim(
    database: Database, owner: str, *, lease_s: float, kinds: Collection[str] = ()
) -> Claim | None:
    """Take the job that has waited longest, or one whose worker fell silent; None if there is none.

    kinds: of which it is to be; none named is any.
    """
    with database.write() as session:
        _end_hopeless(session)
        waiting = aliased(Job)
        next_id = (
            select(waiting.id)
            .where(
                or_(
                    and_(waiting.status == "queued", waiting.run_after <= clock()),
                    and_(waiting.status == "running", waiting.lease_until < clock()),
                ),
                waiting.kind.in_(kinds) if kinds else true(),
            )
            .order_by(waiting.run_after, waiting.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            update(Job)
            .where(Job.id == next_id)
            .values(
                status="running",
                attempts=Job.attempts + 1,
                lease_owner=owner,
                lease_until=clock() + lease_s,
                lease_token=Job.lease_token + 1,
                started_at=func.coalesce(Job.started_at, now()),
                problem=None,
            )
            .returning(Job)
            .execution_options(synchronize_session=False)
        )
        job = session.scalars(taken).one_or_none()
        return None if job is None else _claim_of(job)


def _claim_of(job: Job) -> Claim:
    return Claim(
        job_id=job.id,
        project_id=job.project_id,
        kind=job.kind,
        payload=job.payload,
        token=job.lease_token,
        attempt=job.attempts,
        max_attempts=job.max_attempts,
    )


def _end_hopeless(session: Session) -> None:
    """End jobs whose worker fell silent and that were cancelled or tried often enough."""
    silent = update(Job).where(Job.status == "running", Job.lease_until < clock())
    session.execute(silent.where(Job.cancel_requested).values(status="cancelled", ended_at=now()))
    session.execute(
        silent.where(Job.attempts >= Job.max_attempts).values(
            status="failed", ended_at=now(), problem="its worker died at every attempt"
        )
    )


def keep(database: Database, held: Claim, *, lease_s: float) -> bool:
    """Lengthen the lease; return whether the job is to be cancelled.

    Raises:
        LeaseLostError: when the job is another's by now.
    """
    with database.write() as session:
        kept = (
            _held(held)
            .values(lease_until=clock() + lease_s)
            .returning(Job.cancel_requested)
            .execution_options(synchronize_session=False)
        )
        wanted: bool | None = session.scalars(kept).one_or_none()
    if wanted is None:
        raise LeaseLostError(held.job_id)
    return wanted


def say_progress(database: Database, held: Claim, step: str, done: int, total: int) -> None:
    """Record which step is under way and how far it is.

    Raises:
        LeaseLostError: when the job is another's by now.
    """
    with database.write() as session:
        _must_change(session, held, step=step, done=done, total=total)


def steps(database: Database, job_id: str) -> dict[str, Step]:
    """Return the steps of a job that are ready, by name."""
    with database.read() as session:
        rows = session.scalars(select(JobStep).where(JobStep.job_id == job_id))
        return {row.name: Step(row.fingerprint, row.output, row.output_sha256) for row in rows}


def step_ready(database: Database, held: Claim, name: str, step: Step, *, seconds: float) -> None:
    """Record that a step is ready, in place of what was recorded of it before.

    Raises:
        LeaseLostError: when the job is another's by now.
    """
    with database.write() as session:
        _must_change(session, held, step=name)
        key = (JobStep.job_id == held.job_id, JobStep.name == name)
        session.execute(delete(JobStep).where(*key))
        session.add(
            JobStep(
                job_id=held.job_id,
                name=name,
                fingerprint=step.fingerprint,
                output=step.output,
                output_sha256=step.output_sha256,
                seconds=seconds,
            )
        )


# -- ended -------------------------------------------------------------------------------------


def finish(session: Session, held: Claim) -> None:
    """End the job as done, within the transaction that makes its result visible.

    Raises:
        LeaseLostError: when the job is another's by now, or is to be cancelled; nothing is seen then.
    """
    done = _held(held).where(Job.cancel_requested.is_(False))
    if not _changed(session, done.values(status="done", ended_at=now(), lease_until=None)):
        raise LeaseLostError(held.job_id)


def fail(database: Database, held: Claim, problem: str) -> None:
    """End the job for good: trying again would not help."""
    with database.write() as session:
        _must_change(
            session, held, status="failed", problem=problem, ended_at=now(), lease_until=None
        )


def stop(database: Database, held: Claim) -> None:
    """End the job because that was asked for."""
    with database.write() as session:
        _must_change(session, held, status="cancelled", ended_at=now(), lease_until=None)


def put_back(database: Database, held: Claim, problem: str | None, *, wait_s: float) -> str:
    """Let the job be tried again after `wait_s`, or fail it when it was tried often enough.

    Without a `problem` (its worker is leaving) the attempt does not count. Return its new status.
    """
    with database.write() as session:
        if problem is None:
            back = {"attempts": Job.attempts - 1, "run_after": 0.0}
        else:
            back = {"problem": problem, "run_after": clock() + wait_s}
        if problem is not None and held.attempt >= held.max_attempts:
            _must_change(
                session, held, status="failed", problem=problem, ended_at=now(), lease_until=None
            )
            return "failed"
        _must_change(session, held, status="queued", lease_until=None, lease_owner=None, **back)
        return "queued"


def wait(database: Database, held: Claim, problem: str, *, wait_s: float) -> None:
    """Let the job be tried again after `wait_s`, for a `problem` that is not its own.

    The attempt does not count.
    """
    with database.write() as session:
        _must_change(
            session,
            held,
            status="queued",
            attempts=Job.attempts - 1,
            problem=problem,
            run_after=clock() + wait_s,
            lease_until=None,
            lease_owner=None,
        )


def forget(session: Session, job_id: str) -> None:
    """Remove an ended job and its steps."""
    session.execute(delete(JobStep).where(JobStep.job_id == job_id))
    session.execute(delete(Job).where(Job.id == job_id, Job.status.in_(ENDED)))


def _held(held: Claim) -> Any:
    return update(Job).where(
        Job.id == held.job_id, Job.lease_token == held.token, Job.status == "running"
    )


def _must_change(session: Session, held: Claim, **values: Any) -> None:
    if not _changed(session, _held(held).values(**values)):
        raise LeaseLostError(held.job_id)


def _changed(session: Session, statement: Any) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount == 1

"""The queue: one claimant at a time, tokens that fence off the late, attempts that end."""

import threading

import pytest
from sqlalchemy import select, update

from painpoints_api import jobs
from painpoints_api.database import Database
from painpoints_api.jobs import Claim, LeaseLostError, Step
from painpoints_api.records import Job, JobStep, Project

STEP = Step("f" * 64, "gather-1", "a" * 64)


@pytest.fixture
def queue(database: Database) -> Database:
    """Return a database with one project."""
    with database.write() as session:
        session.add(Project(id="p1", name="one"))
    return database


def put(queue: Database, n: int = 1, *, max_attempts: int = 3) -> list[str]:
    """Put in `n` jobs; return their ids."""
    with queue.write() as session:
        return [
            jobs.put(session, "p1", "x", {"n": i}, max_attempts=max_attempts).id for i in range(n)
        ]


def take(queue: Database, owner: str = "me") -> Claim:
    """Claim a job that must be there."""
    claim = jobs.claim(queue, owner, lease_s=60)
    assert claim is not None
    return claim


def job(queue: Database, job_id: str) -> Job:
    """Return a job's row."""
    with queue.read() as session:
        return session.get_one(Job, job_id)


def let_lease_end(queue: Database) -> None:
    """Make every lease look long past."""
    with queue.write() as session:
        session.execute(update(Job).where(Job.status == "running").values(lease_until=1.0))


def test_first_in_first_out(queue: Database) -> None:
    """Jobs are claimed in the order they came, then there is none."""
    ids = put(queue, 3)
    assert [take(queue).job_id for _ in ids] == sorted(ids)
    assert jobs.claim(queue, "me", lease_s=60) is None


def test_jobs_are_claimed_by_kind(queue: Database) -> None:
    """Who asks for some kinds gets the first of these, and leaves the others to others."""
    (other,) = put(queue)
    with queue.write() as session:
        mine = [jobs.put(session, "p1", kind, {}, max_attempts=1).id for kind in ("a", "b")]
    taken = [jobs.claim(queue, "me", lease_s=60, kinds=("a", "b")) for _ in range(3)]
    assert {claim.job_id for claim in taken if claim is not None} == set(mine)
    assert taken[2] is None
    assert take(queue).job_id == other


def test_each_job_has_one_claimant(queue: Database) -> None:
    """Several claimants at once never get the same job, and miss none."""
    ids = put(queue, 24)
    taken: list[str] = []

    def take_all(owner: str) -> None:
        while (claim := jobs.claim(queue, owner, lease_s=60)) is not None:
            taken.append(claim.job_id)

    threads = [threading.Thread(target=take_all, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (claim := jobs.claim(queue, "rest", lease_s=60)) is not None:
        taken.append(claim.job_id)
    assert sorted(taken) == sorted(ids)


def test_silent_workers_job_is_taken_over(queue: Database) -> None:
    """After its lease a job is claimed anew, with a greater token and one more attempt."""
    put(queue)
    first = take(queue)
    assert jobs.claim(queue, "other", lease_s=60) is None
    let_lease_end(queue)
    second = take(queue, "other")
    assert (second.job_id, second.attempt) == (first.job_id, 2)
    assert second.token > first.token


def test_late_claimant_changes_nothing(queue: Database) -> None:
    """Every write with an outdated token is refused, and the job stays the successor's."""
    (job_id,) = put(queue)
    late = take(queue)
    let_lease_end(queue)
    holder = take(queue, "other")
    for attempt in (
        lambda: jobs.keep(queue, late, lease_s=60),
        lambda: jobs.say_progress(queue, late, "spoil", 1, 2),
        lambda: jobs.step_ready(queue, late, "gather", STEP, seconds=1),
        lambda: jobs.fail(queue, late, "spoilt"),
        lambda: jobs.stop(queue, late),
        lambda: jobs.put_back(queue, late, "spoilt", wait_s=0),
        lambda: jobs.put_back(queue, late, None, wait_s=0),
        lambda: finish(queue, late),
    ):
        with pytest.raises(LeaseLostError):
            attempt()
    found = job(queue, job_id)
    assert (found.status, found.step, found.problem) == ("running", None, None)
    assert jobs.steps(queue, job_id) == {}
    finish(queue, holder)
    assert job(queue, job_id).status == "done"


def finish(queue: Database, claim: Claim) -> None:
    """Finish in a transaction of its own."""
    with queue.write() as session:
        jobs.finish(session, claim)


def test_job_that_kills_its_worker_ends(queue: Database) -> None:
    """Attempts count at the claim, so a job whose worker dies each time fails at last."""
    (job_id,) = put(queue, max_attempts=2)
    for _ in range(2):
        take(queue)
        let_lease_end(queue)
    assert jobs.claim(queue, "me", lease_s=60) is None
    found = job(queue, job_id)
    assert found.status == "failed"
    assert found.problem == "its worker died at every attempt"


def test_put_back_waits_then_fails(queue: Database) -> None:
    """A job put back with a problem is not claimed before its time, and fails when tried enough."""
    (job_id,) = put(queue, max_attempts=2)
    assert jobs.put_back(queue, take(queue), "broke", wait_s=3600) == "queued"
    assert jobs.claim(queue, "me", lease_s=60) is None
    with queue.write() as session:
        session.execute(update(Job).values(run_after=0.0))
    assert jobs.put_back(queue, take(queue), "broke", wait_s=0) == "failed"
    assert job(queue, job_id).problem == "broke"


def test_leaving_worker_costs_no_attempt(queue: Database) -> None:
    """A worker that is stopped gives its job back as if it had not had it."""
    put(queue, max_attempts=1)
    first = take(queue)
    jobs.put_back(queue, first, None, wait_s=0)
    second = take(queue)
    assert second.attempt == 1
    assert second.token > first.token


def test_waiting_for_room_costs_no_attempt(queue: Database) -> None:
    """A job that cannot go on for no fault of its own waits, says why, and may be tried as before."""
    (job_id,) = put(queue, max_attempts=1)
    jobs.wait(queue, take(queue), "full", wait_s=3600)
    assert jobs.claim(queue, "me", lease_s=60) is None
    assert (job(queue, job_id).status, job(queue, job_id).problem) == ("queued", "full")
    with queue.write() as session:
        session.execute(update(Job).values(run_after=0.0))
    assert take(queue).attempt == 1


def test_waiting_job_is_cancelled_at_once(queue: Database) -> None:
    """What nobody works on ends with the request."""
    (job_id,) = put(queue)
    with queue.write() as session:
        assert jobs.cancel(session, job_id) == "cancelled"
    assert jobs.claim(queue, "me", lease_s=60) is None


def test_running_job_hears_of_its_cancel(queue: Database) -> None:
    """The holder is told when it keeps its lease, and can no longer finish."""
    (job_id,) = put(queue)
    claim = take(queue)
    assert jobs.keep(queue, claim, lease_s=60) is False
    with queue.write() as session:
        assert jobs.cancel(session, job_id) == "running"
    assert jobs.keep(queue, claim, lease_s=60) is True
    with pytest.raises(LeaseLostError):
        finish(queue, claim)
    jobs.stop(queue, claim)
    assert job(queue, job_id).status == "cancelled"


def test_cancelled_job_of_a_dead_worker_ends(queue: Database) -> None:
    """A job that was to be cancelled is not taken over when its worker dies."""
    (job_id,) = put(queue)
    take(queue)
    with queue.write() as session:
        jobs.cancel(session, job_id)
    let_lease_end(queue)
    assert jobs.claim(queue, "other", lease_s=60) is None
    assert job(queue, job_id).status == "cancelled"


def test_ended_job_is_not_cancelled(queue: Database) -> None:
    """Cancelling what is done leaves it done."""
    (job_id,) = put(queue)
    finish(queue, take(queue))
    with queue.write() as session:
        assert jobs.cancel(session, job_id) == "done"


def test_step_is_recorded_once(queue: Database) -> None:
    """A step made again stands in place of the earlier record."""
    (job_id,) = put(queue)
    claim = take(queue)
    jobs.step_ready(queue, claim, "gather", STEP, seconds=1)
    again = Step("e" * 64, "gather-2", "b" * 64)
    jobs.step_ready(queue, claim, "gather", again, seconds=2)
    assert jobs.steps(queue, job_id) == {"gather": again}
    with queue.read() as session:
        assert session.scalars(select(JobStep.seconds)).all() == [2.0]


def test_forgotten_job_leaves_no_steps(queue: Database) -> None:
    """An ended job is removed with its steps; one that runs is not."""
    (job_id,) = put(queue)
    claim = take(queue)
    jobs.step_ready(queue, claim, "gather", STEP, seconds=1)
    finish(queue, claim)
    with queue.write() as session:
        jobs.forget(session, job_id)
    with queue.read() as session:
        assert session.get(Job, job_id) is None
        assert session.scalars(select(JobStep)).all() == []

"""Jobs survive what kills their processes: nothing lost, nothing double, no half run seen."""

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.api.fakes import TRIED
from tests.api.postgres import Cluster
from tests.api.site import Site, assert_whole, is_alive, wait_for

from painpoints_api.database import Database

pytestmark = pytest.mark.kills

STEPS = ("gather", "read", "label", "write", "index", "publish", "tidy")


@pytest.fixture
def site(tmp_path: Path, url: str, database: Database) -> Iterator[Site]:
    """Yield a site on each kind of database in turn."""
    with Site.opened(tmp_path, url, database) as opened:
        yield opened


def test_job_is_done(site: Site) -> None:
    """A job goes through every step once, and its worker is ready for the next."""
    first, second = site.ask(), site.ask(30)
    site.start_worker()
    assert_whole(site, first)
    assert_whole(site, second, n_people=30)
    assert [name for name, _, _ in site.log()] == [*STEPS, *STEPS]


def test_killed_child_in_every_step(site: Site) -> None:
    """Its process is killed once in each step; ready steps are not done again.

    Each attempt at the analysis finds the parts that those before it left.
    """
    site.hold(*STEPS)
    job_id = site.ask()
    site.start_worker()
    for step in STEPS:
        child, _ = site.begun(step)
        if step != "tidy":
            assert site.analysis(job_id).run is None
        site.kill(child)
        site.release(step)
    site.ended(job_id)
    names = [name for name, _, _ in site.log()]
    counts = {name: names.count(name) for name in STEPS}
    assert counts == {
        "gather": 2, "read": 4, "label": 3, "write": 2, "index": 2, "publish": 2, "tidy": 1,
    }  # fmt: skip
    site.start_worker()  # a worker tidies up what the dead left
    assert_whole(site, job_id)
    run = site.analysis(job_id).run
    assert run is not None
    tried = (site.folder(job_id) / run / TRIED).read_text(encoding="utf-8")
    assert tried == "." * counts["read"]


def test_killed_worker_in_every_step(site: Site) -> None:
    """Its worker is killed once in each step; the child dies too, the other worker takes over."""
    site.hold(*STEPS[:-1])
    job_id = site.ask()
    site.start_worker()
    site.start_worker()
    for step in STEPS[:-1]:
        child, worker = site.begun(step)
        assert site.analysis(job_id).run is None
        site.kill(worker)
        wait_for(lambda child=child: not is_alive(child), what="the child's end")
        site.lapse(job_id)
        site.release(step)
        site.start_worker()
    assert_whole(site, job_id)


def test_frozen_worker_is_replaced(site: Site) -> None:
    """A worker and child that were frozen and thawed neither publish nor spoil anything."""
    site.hold("publish")
    job_id = site.ask()
    site.start_worker()
    child, worker = site.begun("publish")
    site.freeze(worker, child)
    site.lapse(job_id)
    site.start_worker()
    _, other = site.begun("publish", times=2)
    assert other != worker
    for pid in (worker, child):
        site.kill(pid, signal.SIGCONT)
    wait_for(lambda: not is_alive(child), what="the end of the thawed child")
    assert site.job(job_id).status == "running"
    site.release("publish")
    assert_whole(site, job_id)
    assert site.job(job_id).attempts == 2


def test_thawed_child_alone_is_fenced_off(site: Site) -> None:
    """A child whose worker cannot end it in time publishes nothing: its token is too old."""
    site.hold("publish")
    job_id = site.ask()
    site.start_worker()
    child, worker = site.begun("publish")
    site.freeze(worker, child)
    site.lapse(job_id)
    site.start_worker()
    site.begun("publish", times=2)
    site.release("publish")
    site.ended(job_id)
    site.kill(child, signal.SIGCONT)
    wait_for(lambda: not is_alive(child) or _is_zombie(child), what="the thawed child's end")
    site.kill(worker, signal.SIGCONT)
    assert_whole(site, job_id)
    assert [name for name, _, _ in site.log()].count("tidy") == 1


def _is_zombie(pid: int) -> bool:
    return not is_alive(pid)


def test_cancelled_job_ends_promptly(site: Site) -> None:
    """A child that is deaf and busy is ended for good, and leaves no files."""
    site.mischief("read", "deaf")
    site.mischief("label", "spin")
    job_id = site.ask()
    site.start_worker()
    child, _ = site.begun("label")
    from painpoints_api import jobs

    with site.database.write() as session:
        jobs.cancel(session, job_id)
    assert site.ended(job_id).status == "cancelled"
    assert not is_alive(child)
    wait_for(lambda: not site.folder(job_id).exists(), what="tidying")
    assert site.analysis(job_id).run is None


def test_lost_database_is_waited_for(tmp_path: Path, cluster: Cluster) -> None:
    """Postgres goes away in the middle of a job and comes back: the job is done."""
    from painpoints_api import database as databases

    with cluster.database() as url, closing(Database(url)) as database:
        databases.upgrade(database)
        with Site.opened(tmp_path, url, database) as site:
            site.hold("label", "write")
            job_id = site.ask()
            site.start_worker()
            site.begun("label")
            cluster.stop()
            site.release("label")
            site.begun("write")
            cluster.start()
            site.release("write")
            assert_whole(site, job_id)


def test_leaving_worker_gives_its_job_back(site: Site) -> None:
    """A worker that is told to stop ends its child; another does the job, at no attempt's cost."""
    site.hold("label")
    job_id = site.ask()
    leaving = site.start_worker()
    child, _ = site.begun("label")
    leaving.terminate()
    assert leaving.wait(60) == 0
    assert not is_alive(child)
    assert site.job(job_id).status == "queued"
    site.release("label")
    site.start_worker()
    assert_whole(site, job_id)
    assert site.job(job_id).attempts == 1

"""Jobs that cannot go on as they should: changed models, damaged files, full disks, bad input."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from tests.api.site import Site, assert_whole, is_alive, wait_for

from painpoints_api import child, jobs
from painpoints_api.database import Database
from painpoints_api.records import Job, UsedRequestKey, now
from painpoints_api.work import Work

pytestmark = pytest.mark.kills


@pytest.fixture
def small_site(tmp_path: Path) -> Iterator[Site]:
    """Yield a site on SQLite, for what no database has a part in."""
    from painpoints_api import database as databases

    url = f"sqlite:///{tmp_path / 'data' / 'painpoints.db'}"
    opened = Database(url)
    databases.upgrade(opened)
    with Site.opened(tmp_path, url, opened, job_cpu_s=6, job_memory_mb=1500) as site:
        yield site
    opened.close()


def test_changed_models_make_a_step_anew(small_site: Site) -> None:
    """A step is taken over only if engine, settings and inputs are the same as when it was made."""
    site = small_site
    site.hold("index")
    job_id = site.ask()
    first = site.start_worker()
    child, _ = site.begun("index")
    site.kill(first.pid)
    wait_for(lambda: not is_alive(child), what="the child's end")
    site.lapse(job_id)
    site.start_worker(FAKE_ENGINE_CONTROL_VERSION="2")
    site.begun("index", times=2)
    site.release("index")
    assert_whole(site, job_id)
    names = [name for name, _, _ in site.log()]
    assert (names.count("gather"), names.count("write")) == (1, 2)


def test_damaged_step_is_made_anew(small_site: Site) -> None:
    """A ready step whose files no longer have their hash is not trusted."""
    site = small_site
    site.hold("index")
    job_id = site.ask()
    site.start_worker()
    child, _ = site.begun("index")
    (analysed,) = (path for path in site.folder(job_id).glob("analyse-*"))
    (analysed / "run.json").write_text("{ spoilt", encoding="utf-8")
    site.kill(child)
    site.begun("write", times=2)
    site.release("index")
    assert_whole(site, job_id)


@pytest.mark.parametrize("how", ["disk", "disk told"])
def test_full_disk_is_waited_out(small_site: Site, how: str) -> None:
    """A step that finds the disk full leaves nothing seen, costs no attempt, and is done in time."""
    site = small_site
    site.mischief("write", how)
    job_id = site.ask()
    with site.database.write() as session:
        session.execute(update(Job).values(max_attempts=1))
    site.start_worker()
    site.begun("write", times=3)
    assert site.analysis(job_id).run is None
    wait_for(lambda: "No space left" in (site.job(job_id).problem or ""), what="the problem")
    (site.control / "do-write").unlink()
    assert_whole(site, job_id)
    assert site.job(job_id).attempts == 1


def test_a_disk_that_stays_full_fails_at_last(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses grow to a minute; after a day of them the attempts count."""
    site = small_site
    asked = list[float]()
    monkeypatch.setattr(jobs, "wait", lambda *_, wait_s: asked.append(wait_s))
    settings = site.settings.model_copy(update={"retry_s": 5.0})
    job_id = site.ask()
    with site.database.write() as session:
        session.execute(update(Job).values(max_attempts=1))
    claim = jobs.claim(site.database, "me", lease_s=60)
    assert claim is not None
    for token in (1, 2, 3, 4, 5, 1440):
        child._wait(Work(settings, site.database, replace(claim, token=token)), "full")
    assert asked == [5, 10, 20, 40, 60, 60]
    with site.database.write() as session:
        session.execute(update(Job).values(lease_token=1441))
    child._wait(Work(settings, site.database, replace(claim, token=1441)), "full")
    assert site.job(job_id).status == "failed"


@pytest.mark.parametrize(
    ("mischief", "n_attempts", "problem"),
    [
        ("die", 2, "its process ended by signal SIGKILL, attempt 2 of 2"),
        ("memory", 1, "the job needs more than 1500 MB at label"),
        ("spin", 1, "the job needs more than 6 processor seconds"),
        ("input", 1, "a file cannot be read"),
        ("bug", 2, "ValueError at label"),
    ],
)
def test_bad_job_fails_and_says_why(
    small_site: Site, mischief: str, n_attempts: int, problem: str
) -> None:
    """A job that cannot succeed ends, its worker lives on, and no customer's text is told."""
    site = small_site
    site.mischief("label", mischief)
    bad = site.ask()
    with site.database.write() as session:
        session.execute(update(Job).values(max_attempts=2))
    site.start_worker()
    job = site.ended(bad)
    assert (job.status, job.problem, job.attempts) == ("failed", problem, n_attempts)
    assert "4111" not in (site.control / "stderr").read_text(encoding="utf-8")
    wait_for(lambda: not site.folder(bad).exists(), what="tidying")
    (site.control / "do-label").unlink()
    assert_whole(site, site.ask())


def test_what_no_record_names_is_swept(small_site: Site) -> None:
    """A worker removes what a crash left of uploads and checks; nothing young, known or of others."""
    site = small_site
    site.hold("gather")
    site.ask()
    data = site.settings.data
    (known,) = data.glob("uploads/p1/*")
    lost = [data / "uploads/p1/up_old.csv", data / "uploads/p1/up_old.csv.gz.tmp"]
    kept = [data / "uploads/p1/up_new.csv", data / "uploads/p2/up_old.csv"]
    checks = [data / "checks/old", data / "checks/new"]
    for path in (*lost, *kept):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for path in checks:
        path.mkdir(parents=True)
    for path in (known, *lost, kept[1], checks[0]):
        os.utime(path, (0, 0))
    site.start_worker()
    wait_for(lambda: not any(path.exists() for path in (*lost, checks[0])), what="sweeping")
    assert all(path.exists() for path in (known, *kept, checks[1]))


def test_old_request_keys_are_swept(small_site: Site) -> None:
    """A worker removes used Idempotency-Keys after their time, and only those."""
    site = small_site
    with site.database.write() as session:
        for key, age in (("old", timedelta(days=8)), ("new", timedelta(days=6))):
            session.add(
                UsedRequestKey(project_id="p1", key=key, request_sha256="x", created_at=now() - age)
            )
    site.start_worker()

    def left() -> list[str]:
        with site.database.read() as session:
            return list(session.scalars(select(UsedRequestKey.key)))

    wait_for(lambda: left() == ["new"], what="sweeping")

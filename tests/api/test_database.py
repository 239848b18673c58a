"""The store: the same tables, transactions and clock on SQLite and on Postgres."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from painpoints_api import database as databases
from painpoints_api.database import Database, StoreError, clock, migration_config, wal_is_safe
from painpoints_api.records import Job, Project, new_id


def test_migrations_make_what_the_classes_say(database: Database) -> None:
    """After the upgrade, Alembic finds nothing that the tables lack or have too much."""
    with database.connection() as connection:
        command.check(migration_config(connection))


def test_migrations_go_down_and_up_again(database: Database) -> None:
    """Every migration can be taken back, and made again."""
    with database.connection() as connection:
        command.downgrade(migration_config(connection), "base")
    with pytest.raises(StoreError, match="painpoints db upgrade"):
        databases.require_current(database)
    databases.upgrade(database)
    databases.require_current(database)


def test_clock_is_the_time(database: Database) -> None:
    """The database's clock counts seconds since 1970."""
    with database.read() as session:
        assert abs(session.scalars(select(clock())).one() - time.time()) < 10


def test_times_come_back_in_utc(database: Database) -> None:
    """A moment given in another zone is the same moment when read."""
    moment = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with database.write() as session:
        session.add(Project(id="p1", name="one", created_at=moment))
    with database.read() as session:
        found = session.scalars(select(Project.created_at)).one()
    assert found == moment
    assert found.tzinfo is UTC


def test_unknown_status_is_refused(database: Database) -> None:
    """The database itself holds the states of a job."""
    with database.write() as session:
        session.add(Project(id="p1", name="one"))
    job = Job(id="j1", project_id="p1", kind="x", payload={}, max_attempts=1, status="odd")
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(job)


def test_a_row_needs_its_project(database: Database) -> None:
    """Foreign keys hold, on SQLite too."""
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Job(id="j1", project_id="nobody", kind="x", payload={}, max_attempts=1))


def test_failed_write_leaves_nothing(database: Database) -> None:
    """An error inside a transaction takes all of it back."""

    def add_and_fail() -> None:
        with database.write() as session:
            session.add(Project(id="p1", name="one"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    with database.read() as session:
        assert session.scalars(select(Project)).all() == []


def test_writers_wait_for_each_other(database: Database) -> None:
    """Many threads that read, add and write lose nothing and meet no lock error."""
    with database.write() as session:
        session.add(Project(id="p1", name="one"))

    def add_many() -> None:
        for _ in range(20):
            with database.write() as session:
                found = session.scalars(select(Project).with_for_update()).one()
                found.edits += 1

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalars(select(Project.edits)).one() == 80


def test_sqlite_is_set_up_by_its_version(database: Database) -> None:
    """WAL is used only where SQLite is free of its corruption; else every commit is synced."""
    if not database.is_sqlite:
        pytest.skip("Postgres has no journal mode")
    import sqlite3

    with database.read() as session:
        mode = session.execute(text("PRAGMA journal_mode")).scalar_one()
        synchronous = session.execute(text("PRAGMA synchronous")).scalar_one()
    safe = wal_is_safe(sqlite3.sqlite_version_info)
    assert (mode, synchronous) == (("wal", 1) if safe else ("delete", 2))


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 52, 0), True)],
)  # fmt: skip
def test_wal_rule(version: tuple[int, ...], safe: bool) -> None:  # noqa: FBT001 - a table of cases
    """The fixed versions are 3.51.3 and later, and the backports 3.50.7 and 3.44.6."""
    assert wal_is_safe(version) is safe


def test_ids_ascend_with_time() -> None:
    """Ids made later sort later, so that lists page by them."""
    first = new_id("an")
    time.sleep(0.003)
    assert first < new_id("an")

"""One database, SQLite or Postgres: connections, transactions, the clock, migrations.

Reads and writes are told apart because SQLite must take its write lock at the beginning of a
transaction, not in its middle. Nothing here knows what the tables mean.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, Float, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from painpoints.errors import PainpointsError

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
_DISK_FULL = "53100"  # of Postgres
_MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(PainpointsError):
    """The database is not of this version, or cannot be used."""


class clock(FunctionElement[float]):  # noqa: N801 - an SQL function
    """The database's own time, in seconds since 1970: one clock for all machines."""

    type = Float()
    inherit_cache = True


@compiles(clock, "sqlite")
def _clock_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _clock_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Return whether this SQLite is free of the WAL-reset corruption (sqlite.org/wal.html)."""
    if version >= (3, 51, 3):
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in ((3, 50, 7), (3, 44, 6)))


class Database:
    """The connections to one database."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
        self._engine = _sqlite(url) if self.is_sqlite else _postgres(url)
        self._writing = self._engine.execution_options(painpoints_writes=True)
        self.n_writes = 0
        """How often something was written through this object: what was read before may be old."""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that writes; commit at its end, roll back on an error."""
        try:
            with Session(self._writing, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            self.n_writes += 1

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a bare writing connection, for migrations."""
        with self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _postgres(url: str) -> Engine:
    return create_engine(
        url, pool_pre_ping=True, pool_size=10, max_overflow=40, connect_args={"connect_timeout": 5}
    )


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, pool_size=10, max_overflow=40, connect_args={"timeout": 30})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    safe = wal_is_safe(sqlite3.sqlite_version_info)
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA journal_mode={'WAL' if safe else 'DELETE'}")
    connection.execute(f"PRAGMA synchronous={'NORMAL' if safe else 'FULL'}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("painpoints_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_passing(error: DBAPIError) -> bool:
    """Return whether trying again may help: a lost connection, a lock, a full disk."""
    return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))


def is_full(error: DBAPIError) -> bool:
    """Return whether the disk of the database is full."""
    told = getattr(error.orig, "sqlite_errorcode", None)
    return told == sqlite3.SQLITE_FULL or getattr(error.orig, "sqlstate", None) == _DISK_FULL


def patiently(action: Callable[[], T], *, seconds: float) -> T:
    """Return what `action` returns; while the database is away, try again for up to `seconds`.

    Only for actions that may be done twice: a commit whose answer was lost is done again.
    """
    end = time.monotonic() + seconds
    pause = 0.05
    while True:
        try:
            return action()
        except DBAPIError as error:
            if not is_passing(error) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


# -- migrations --------------------------------------------------------------------------------


def migration_config(connection: Connection | None = None) -> "Config":
    """Return Alembic's configuration; it lives in the package, not in a file of the user."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Bring the tables to this version; nothing happens where they are."""
    from alembic import command

    with database.connection() as connection:
        command.upgrade(migration_config(connection), "head")


def version(database: Database) -> tuple[str | None, str | None]:
    """Return the tables' version and the one this program needs."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with database.connection() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(migration_config()).get_current_head()


def require_current(database: Database) -> None:
    """Check that the tables are of this version.

    Raises:
        StoreError: where they are older, newer, or missing.
    """
    found, wanted = version(database)
    if found != wanted:
        raise StoreError(
            f"the database is at version {found or 'none'}, this program needs {wanted}; "
            "run: painpoints db upgrade"
        )

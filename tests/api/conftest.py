"""What the tests of the service share: databases of both kinds, a data folder each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.postgres import Cluster, find_programs

from painpoints_api import database as databases
from painpoints_api.database import Database


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Start a Postgres of our own, on loopback, for this session."""
    programs = find_programs()
    if programs is None:
        if os.environ.get("TEST_POSTGRES") == "required":
            pytest.fail("Postgres is missing: apt-get install postgresql")
        pytest.skip("Postgres is not installed (apt-get install postgresql)")
    with Cluster.started(programs) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'painpoints.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database() as address:
        yield address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Yield a database with its tables made."""
    opened = Database(url)
    databases.upgrade(opened)
    yield opened
    opened.close()

"""A Postgres server for the tests: its own cluster in a folder of its own, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; Debian keeps it off the PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server: who may start it (Postgres refuses root), where, on which port."""

    programs: Path
    folder: Path
    port: int
    user: str | None

    @classmethod
    @contextmanager
    def started(cls, programs: Path) -> Iterator["Cluster"]:
        """Make a cluster, start it, and take it away at the end."""
        folder = Path(tempfile.mkdtemp(prefix="painpoints-pg-"))
        user = "postgres" if os.geteuid() == 0 else None
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        cluster = cls(programs, folder, _free_port(), user)
        try:
            cluster._run(
                "initdb", "-U", "painpoints", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"
            )
            cluster.start()
            yield cluster
        finally:
            cluster._run("pg_ctl", "stop", "-m", "immediate", check=False)
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c shared_buffers=16MB -c max_connections=200"
        )
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server as a power cut would."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            command,
            check=check,
            user=self.user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database and yield its address."""
        name = f"t{uuid.uuid4().hex}"
        admin = f"postgresql://painpoints@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"postgresql+psycopg://painpoints@127.0.0.1:{self.port}/{name}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

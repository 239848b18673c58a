"""`painpoints serve`: the server in this process, its worker in another, both ended together.

A worker that dies is started anew. When this process is killed, the worker notices and leaves.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import uvicorn

from painpoints import terminal
from painpoints.errors import SettingsError
from painpoints_api import database as databases
from painpoints_api import keys, logs
from painpoints_api.app import create
from painpoints_api.connections import Connection
from painpoints_api.database import Database, StoreError
from painpoints_api.settings import ServiceSettings

_LEAVE_S = 30.0
_AGAIN_S = 1.0

_ONE_THREAD = ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
"""A single text is labelled in less time than several threads need to share it out."""

_AS_STARTED = dict(os.environ)
"""What the worker is to see: its analyses have use for every core."""


def serve(settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: for an address others can reach while there is no key, or one that is taken.
        StoreError: when the database is not of this version.
    """
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    settings.data.mkdir(parents=True, exist_ok=True)
    _check(settings)
    logs.set_up()
    listening = _listen(settings)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        create(settings),
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
    )
    with _worker_beside(settings):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        terminal.print_line(f"painpoints listens on http://{host}:{port}")
        terminal.print_note(f"data in {settings.data.absolute()}; API description at /openapi.json")
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
    if not server.started:
        raise StoreError("the server could not start; the lines above say why")


def _check(settings: ServiceSettings) -> None:
    """Check the database, and that no stranger finds an open door."""
    with contextlib.closing(Database(settings.database_url)) as database:
        if database.is_sqlite:
            databases.upgrade(database)
        databases.require_current(database)
        with database.read() as session:
            usable = [key for key in keys.listed(session) if key["state"] == "valid"]
    if settings.keys_needed and not usable:
        raise SettingsError(
            f"{settings.host} may be reached by others, and there is no key yet; make one: "
            f"painpoints keys create first --scope admin --data {settings.data}"
        )


def _listen(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=2048
        )
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another --port"
        ) from error
    # Connections inherit it; without it every answer in two parts waits 40 ms for the first's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@contextlib.contextmanager
def _worker_beside(settings: ServiceSettings) -> Iterator[None]:
    """Keep a worker running while the block runs."""
    if settings.workers == 0:
        yield
        return
    leaving = threading.Event()
    keeper = threading.Thread(target=_keep, args=(settings, leaving), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        leaving.set()
        keeper.join(_LEAVE_S + 5)


def _keep(settings: ServiceSettings, leaving: threading.Event) -> None:
    while not leaving.is_set():
        worker = _start(settings)
        while worker.poll() is None and not leaving.wait(0.2):
            pass
        if leaving.is_set():
            worker.terminate()
            try:
                worker.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            return
        logs.logger().warning("worker.died", exit_code=worker.returncode)
        leaving.wait(_AGAIN_S)


def _start(settings: ServiceSettings) -> subprocess.Popen[bytes]:
    """Start a worker; its settings go through a pipe, since the database's may hold a password."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "painpoints_api.worker"],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env=_AS_STARTED,
    )
    assert worker.stdin is not None
    told = {"settings": settings.told(), "parent": os.getpid()}
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(told).encode())
        worker.stdin.close()
    return worker

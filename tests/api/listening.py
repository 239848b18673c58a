"""An app that really listens, for tests that come from outside: a browser, a client, bare sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from tests.api.site import wait_for

from painpoints_api.connections import Connection


@contextmanager
def listening(app: ASGIApp) -> Iterator[int]:
    """Serve an app on a free port of this machine while the block runs; yield the port."""
    server = uvicorn.Server(
        uvicorn.Config(app, http=Connection, port=0, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive(), what="the server's start")
    try:
        port: int = server.servers[0].sockets[0].getsockname()[1]
        yield port
    finally:
        server.should_exit = True
        thread.join()

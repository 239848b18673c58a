"""Clients that send too much, too slowly, or no HTTP at all, over bare sockets."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.listening import listening
from tests.api.test_api import Api

from painpoints_api import connections


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Yield the port of a running service."""
    with listening(Api(tmp_path).client.app) as listens_on:
        yield listens_on


def connected(port: int, *pieces: bytes) -> socket.socket:
    """Connect and send pieces."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    for piece in pieces:
        client.sendall(piece)
    return client


def answer(client: socket.socket) -> bytes:
    """Return everything until the other side closes."""
    told = b""
    try:
        while more := client.recv(65_536):
            told += more
    except ConnectionResetError:
        pass
    client.close()
    return told


def test_a_head_without_end_is_refused(port: int) -> None:
    """Header after header is not kept for ever."""
    client = connected(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    with pytest.raises(OSError, match=r"Broken pipe|reset"):  # noqa: PT012 - somewhere in the loop
        for number in range(100_000):
            client.sendall(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
    told = answer(client)
    assert told == b"" or told.startswith(b"HTTP/1.1 431")


def test_a_large_head_is_told_so(port: int) -> None:
    """A head over the bound is refused by its own status."""
    piece = b"X-A: " + b"x" * 60_000 + b"\r\n"
    client = connected(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", piece)
    time.sleep(0.3)
    client.sendall(piece)
    assert answer(client).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTT",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n",
    ],
    ids=["silence", "line", "head", "body", "chunks"],
)  # fmt: skip
def test_slow_clients_are_left(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not go on sending is not waited for; the service answers others meanwhile."""
    monkeypatch.setattr(connections, "HEAD_S", 0.5)
    monkeypatch.setattr(connections, "SILENT_S", 0.5)
    slow = connected(port, sent)
    quick = connected(
        port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )
    assert answer(quick).startswith(b"HTTP/1.1 200")
    since = time.monotonic()
    answer(slow)
    assert time.monotonic() - since < 30


def test_a_slow_body_that_goes_on_is_taken(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that keep coming keep a connection, however long the whole of them takes."""
    monkeypatch.setattr(connections, "SILENT_S", 1.5)
    body = b'{"texts": [{"text": "late"}]}'
    head = b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    client = connected(port, head % len(body))
    for at in range(0, len(body), 5):
        time.sleep(0.4)
        client.sendall(body[at : at + 5])
    assert answer(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", [b"/v1/score", b"/v1/uploads", b"/v1/analyses"])
@pytest.mark.parametrize(
    "shown",
    [
        b"",
        b"Authorization: Bearer pp_x_y\r\n",
        b"X-Api-Key: pp_x_y\r\n",
        b"Cookie: painpoints_session=x.9999999999.y\r\n",
    ],
    ids=["nothing", "bearer", "header", "session"],
)
def test_strangers_are_not_listened_to(
    tmp_path: Path, path: bytes, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where keys are needed, a request without a right one is refused before its body is read."""
    monkeypatch.setattr(connections, "SILENT_S", 20.0)
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Type: multipart/form-data; boundary=x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
    with listening(Api(tmp_path, require_key=True).client.app) as port:
        told = answer(connected(port, head % (path, shown)))
    assert told.startswith(b"HTTP/1.1 401")
    assert b"www-authenticate: Bearer" in told


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /healthz\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    ],
    ids=["tls", "version", "two-lengths", "smuggled", "chunk-size", "nul", "space"],
)  # fmt: skip
def test_what_is_no_request_is_refused(port: int, sent: bytes) -> None:
    """What cannot be one plain request is refused, and no part of it is taken for another."""
    client = connected(port, sent)
    client.shutdown(socket.SHUT_WR)
    told = answer(client)
    assert told.count(b"HTTP/1.1") <= 1
    assert told == b"" or told.startswith(b"HTTP/1.1 4")

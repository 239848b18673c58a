"""Connections of the server: uvicorn's on httptools, with a bound of size and time for each request.

httptools takes half of the processor time of h11, and neither it nor uvicorn bounds a request's head
or how long a client may take to send it: here both are bounded.
"""

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES = 65_536
HEAD_S = 30.0
"""From the first byte, or from connecting, to the whole head."""
SILENT_S = 60.0
"""Without a byte of a body that is not whole yet."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """A connection that is closed when its client sends too much of a head, or nothing for long."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._n_head = 0
        self._in_head = True
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; refuse a head that is not whole after too many of them."""
        if not self._in_head and self._patience is not None:
            self._wait(SILENT_S)
        super().data_received(data)
        self._n_head += len(data)
        if self._in_head and self._n_head > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the head of a request."""
        super().on_message_begin()
        self._in_head, self._n_head = True, 0
        self._wait(HEAD_S)

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        self._in_head = False
        self._wait(SILENT_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Leave the rest to uvicorn's patience with idle connections."""
        self._n_head = 0
        self._wait(None)
        super().on_message_complete()

    def _wait(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if seconds is None else self.loop.call_later(seconds, self._leave)

    def _leave(self) -> None:
        self.transport.close()

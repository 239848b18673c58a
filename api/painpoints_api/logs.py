"""Logs: one JSON object a line on standard error, never with text of customers or with keys.

Only what is passed by name is logged. Exceptions are logged by type and place, not by message,
since a message may quote what it failed on.
"""

import logging
import sys
import traceback
from typing import Any

import structlog


def set_up(*, level: int = logging.INFO) -> None:
    """Write every event as one line of JSON, those of libraries too."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Theirs()], level=logging.WARNING)


class _Theirs(logging.Handler):
    """Tells in a line of ours what libraries log: who and where, since their words may quote a text.

    Only what the server says of itself, such as why it cannot start, is told as it is.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record."""
        log = logger(by=record.name)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            log.error("library.broke", error=type(error).__name__, where=where(error))
        elif record.name.startswith("uvicorn"):
            log.warning("server.said", said=record.getMessage())
        else:
            log.warning("library.warned", where=f"{record.filename}:{record.lineno}")


def logger(**known: Any) -> Any:
    """Return a logger that adds `known` to each event."""
    return structlog.get_logger().bind(**known)


def where(error: BaseException) -> str:
    """Return the file and line that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""

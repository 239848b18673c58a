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
    """Write every event as one line of JSON."""
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


def logger(**known: Any) -> Any:
    """Return a logger that adds `known` to each event."""
    return structlog.get_logger().bind(**known)


def where(error: BaseException) -> str:
    """Return the file and line that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""

"""What is recognised in uploads, before they are analysed: read in a process of its own.

A file of a stranger is never read by the server itself: reading takes memory and time, both are
bounded here, and a reader that dies takes nothing with it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painpoints.errors import InputError, PainpointsError
from painpoints_api import uploads
from painpoints_api.discreet import without_paths

if TYPE_CHECKING:
    from painpoints_api.records import Upload
    from painpoints_api.settings import ServiceSettings

_MOST_REJECTED = 100
_AT_ONCE = 2
_WAIT_S = 5.0


class BusyError(PainpointsError):
    """As many files are being read as may be at once."""


class Checks:
    """Reads uploads for the server, a few at a time."""

    def __init__(self, settings: "ServiceSettings") -> None:
        self._settings = settings
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def recognise(self, held: Sequence["Upload"], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the engine recognises in uploads.

        Raises:
            InputError: when they cannot be used, or not be read within the bounds.
            BusyError: while too many others are being read.
        """
        if not self._free.acquire(timeout=_WAIT_S):
            raise BusyError("other files are being read; ask again")
        try:
            folder = self._settings.data.absolute() / "checks"
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as place:
                uploads.lay_out(self._settings, held, Path(place))
                told = {"settings": self._settings.told(), "folder": place, "engine": settings}
                return _ask(told, seconds=self._settings.check_s)
        finally:
            self._free.release()


def _ask(told: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    with subprocess.Popen(
        [sys.executable, "-m", "painpoints_api.checking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            order = json.dumps({**told, "parent": os.getpid()}).encode()
            answer, _ = process.communicate(order, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"reading took longer than {seconds:g} s; analyse it without a check"
            ) from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise InputError("the file needs more memory or time than a check may take")
    found: dict[str, Any] = json.loads(answer)
    if "problem" in found:
        raise InputError(found["problem"])
    return found


def main() -> int:
    """Read what standard input names; print what is recognised, or the problem."""
    from painpoints_api import child
    from painpoints_api.settings import ServiceSettings

    told = json.load(sys.stdin)
    child.die_with(told["parent"])
    settings = ServiceSettings(**told["settings"])
    child.limit(memory_mb=settings.job_memory_mb, cpu_s=round(settings.check_s))
    folder = Path(told["folder"])
    try:
        engine = settings.engine(settings.settings_file)
        found = engine.recognise(sorted(folder.iterdir()), told["engine"])
    except PainpointsError as error:
        found = {"problem": without_paths(str(error), folder, settings.data.absolute())}
    except MemoryError:
        return 1
    found["rejected"] = found.get("rejected", [])[:_MOST_REJECTED]
    sys.stdout.write(json.dumps(found, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The models for single texts: loaded once, and used by one request after the other.

Requests that come while the models are busy are answered together by the next turn: the fixed cost
of a turn is many times that of a text, and a text has the same labels alone and beside others.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painpoints.errors import PainpointsError
from painpoints_api import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from painpoints_api.engine import Engine, Known, Scorer

_HELD = 16
_TURN = 64
_LOOK_S = 1.0
_WARM: "Known" = {"verbatim": "The app crashes, and nobody answers the phone."}


@dataclass(slots=True, eq=False)
class _Asked:
    """A request: its texts, and what became of it."""

    texts: "Sequence[Known]"
    mentions: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    ready: bool = False


class Scorers:
    """One scorer for each run's topics, and one without."""

    def __init__(self, engine: "Engine", quality: str | None = None) -> None:
        self._engine = engine
        self._quality = quality
        self._held: OrderedDict[Path | None, Scorer] = OrderedDict()
        self._waiting: dict[Path | None, list[_Asked]] = {}
        self._queue = threading.Lock()
        self._models = threading.Lock()
        self._in_force: tuple[str, ...] = ()
        self._looked = float("-inf")
        self.state = "ok"
        """`ok`, `loading` while `warm` runs, or how that failed."""

    def warm(self) -> None:
        """Load the models and label one text, so that the first request need not wait for that."""
        self.state = "loading"
        since = time.monotonic()
        try:
            self.score([_WARM], None)
        except PainpointsError as error:
            self.state = f"fails: {type(error).__name__}"
        else:
            self.state = "ok"
        seconds = round(time.monotonic() - since, 1)
        logs.logger().info("models.loaded", state=self.state, seconds=seconds)

    def forget(self) -> None:
        """Load anew what is asked for next: other models are in force."""
        with self._models:
            self._held.clear()

    def score(self, texts: "Sequence[Known]", run: Path | None) -> list[dict[str, Any]]:
        """Return the mentions of texts, with the topics of `run` if there is one."""
        asked = _Asked(texts)
        with self._queue:
            self._waiting.setdefault(run, []).append(asked)
        with self._models:
            while not asked.ready:
                self._answer(self._turn(run), run)
        if asked.error is not None:
            raise asked.error
        return asked.mentions

    def _turn(self, run: Path | None) -> list[_Asked]:
        """Take the requests that have waited longest: one, and more up to so many texts."""
        with self._queue:
            waiting = self._waiting[run]
            n_texts, turn = 0, list[_Asked]()
            while waiting and (not turn or n_texts + len(waiting[0].texts) <= _TURN):
                n_texts += len(waiting[0].texts)
                turn.append(waiting.pop(0))
            if not waiting:
                del self._waiting[run]
        return turn

    def _answer(self, turn: list[_Asked], run: Path | None) -> None:
        """Answer all of a turn; where that fails, each alone, so that one spoils no other's."""
        try:
            mentions = self._scorer(run).score([text for one in turn for text in one.texts])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
            if len(turn) == 1:
                turn[0].error, turn[0].ready = error, True
                return
            for one in turn:
                self._answer([one], run)
            return
        _share_out(mentions, turn)

    def _look(self) -> None:
        """Forget what is held once other models are in force, whoever brought them there."""
        moment = time.monotonic()
        if moment - self._looked < _LOOK_S:
            return
        in_force = self._engine.in_force()
        if in_force != self._in_force:
            self._held.clear()
        self._in_force, self._looked = in_force, moment

    def _scorer(self, run: Path | None) -> "Scorer":
        self._look()
        if run not in self._held:
            self._held[run] = self._engine.scorer(run, self._quality)
        self._held.move_to_end(run)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return self._held[run]


def _share_out(mentions: list[dict[str, Any]], turn: list[_Asked]) -> None:
    """Give each request its mentions, with the numbers of its own texts."""
    owners = [(one, at) for one in turn for at in range(len(one.texts))]
    for mention in mentions:
        one, at = owners[mention["text_index"]]
        one.mentions.append({**mention, "text_index": at})
    for one in turn:
        one.ready = True

"""The models for single texts: loaded once, and used by one request after the other.

Requests that come while the models are busy are answered together by the next turn: the fixed cost
of a turn is many times that of a text, and a text has the same labels alone and beside others. One
thread takes the turns, so that who is answered need not wait for those who are not.
"""

import gc
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
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
_MOST_WAITING = 20_000
_LOOK_S = 1.0
_GATHER_S, _LULL_S = 0.02, 0.002
_WARM = (
    "The app crashes whenever I open a photo, and nobody answers the phone.",
    "My name is Anna Smith, I live in Leeds; call me on 020 7946 0958 or mail anna@example.com.",
    "Tout est en panne depuis hier, et personne ne répond.",
    "Ms Jones of the shop was kind! Order 12-AB-99 of 12/03/2026 came late? https://example.com",
)
"""Of every kind that loads something of its own when it is first met: languages, names, numbers."""


class CrowdedError(PainpointsError):
    """More texts wait for the models than is good; ask again."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A request: its texts, and where what becomes of it is told."""

    texts: "Sequence[Known]"
    answer: "Future[list[dict[str, Any]]]" = field(default_factory=Future)


class Scorers:
    """One scorer for each run's topics, and one without."""

    def __init__(self, engine: "Engine", quality: str | None = None) -> None:
        self._engine = engine
        self._quality = quality
        self._held: OrderedDict[Path | None, Scorer] = OrderedDict()
        self._waiting: dict[Path | None, list[_Asked]] = {}
        self._n_waiting = 0
        self._queue = threading.Condition()
        self._models = threading.Lock()
        self._thread: threading.Thread | None = None
        self._n_last = 0
        self._closed = False
        self._in_force: tuple[str, ...] = ()
        self._looked = float("-inf")
        self.state = "ok"
        """`ok`, `loading` while `warm` runs, or how that failed."""

    def warm(self) -> None:
        """Load the models and label a few texts, so that no request need wait for that."""
        self.state = "loading"
        since = time.monotonic()
        try:
            self.score([{"verbatim": text} for text in _WARM], None)
        except PainpointsError as error:
            self.state = f"fails: {type(error).__name__}"
        else:
            gc.collect()
            gc.freeze()  # what is loaded once is not looked through with every collection
            self.state = "ok"
        seconds = round(time.monotonic() - since, 1)
        logs.logger().info("models.loaded", state=self.state, seconds=seconds)

    def close(self) -> None:
        """Take no more turns."""
        with self._queue:
            self._closed = True
            self._queue.notify_all()
        gc.unfreeze()

    def forget(self) -> None:
        """Load anew what is asked for next: other models are in force."""
        with self._models:
            self._held.clear()

    def score(self, texts: "Sequence[Known]", run: Path | None) -> list[dict[str, Any]]:
        """Return the mentions of texts, with the topics of `run` if there is one."""
        return self.ask(texts, run).result()

    def ask(self, texts: "Sequence[Known]", run: Path | None) -> "Future[list[dict[str, Any]]]":
        """Let texts wait for their turn; what is returned holds their mentions then, or the error.

        Raises:
            CrowdedError: when too many texts wait already.
        """
        asked = _Asked(texts)
        with self._queue:
            if self._n_waiting + len(texts) > _MOST_WAITING:
                raise CrowdedError(f"{self._n_waiting:,} texts wait to be labelled; ask again")
            self._waiting.setdefault(run, []).append(asked)
            self._n_waiting += len(texts)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="models", daemon=True)
                self._thread.start()
            self._queue.notify()
        return asked.answer

    def _work(self) -> None:
        """Take one turn after the other."""
        while True:
            with self._queue:
                self._queue.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
            self._gather()
            run, turn = self._turn()
            wanted = [one for one in turn if one.answer.set_running_or_notify_cancel()]
            self._n_last = len(wanted)
            if wanted:
                with self._models:
                    self._answer(wanted, run)

    def _gather(self) -> None:
        """Wait while requests come in, if the last turn had several: together they cost less.

        Who asks alone is never kept waiting.
        """
        until = time.monotonic() + _GATHER_S
        n_before = -1
        while self._n_last > 1 and time.monotonic() < until:
            n_waiting = self._n_waiting
            if n_waiting == n_before or n_waiting >= _TURN:
                return
            n_before = n_waiting
            time.sleep(_LULL_S)

    def _turn(self) -> tuple[Path | None, list[_Asked]]:
        """Take the requests that have waited longest: one, and more up to so many texts."""
        with self._queue:
            run = next(iter(self._waiting))
            waiting = self._waiting.pop(run)
            n_texts, turn = 0, list[_Asked]()
            while waiting and (not turn or n_texts + len(waiting[0].texts) <= _TURN):
                n_texts += len(waiting[0].texts)
                turn.append(waiting.pop(0))
            if waiting:
                self._waiting[run] = waiting  # behind those of other runs
            self._n_waiting -= n_texts
        return run, turn

    def _answer(self, turn: list[_Asked], run: Path | None) -> None:
        """Answer all of a turn; where that fails, each alone, so that one spoils no other's."""
        try:
            mentions = self._scorer(run).score([text for one in turn for text in one.texts])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
            if len(turn) == 1:
                turn[0].answer.set_exception(error)
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
    owners = [(number, at) for number, one in enumerate(turn) for at in range(len(one.texts))]
    shares: list[list[dict[str, Any]]] = [[] for _ in turn]
    for mention in mentions:
        number, at = owners[mention["text_index"]]
        shares[number].append({**mention, "text_index": at})
    for one, share in zip(turn, shares, strict=True):
        one.answer.set_result(share)

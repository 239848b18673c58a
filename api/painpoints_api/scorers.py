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
_TURN, _LETTERS = 64, 20_000
"""Texts of a turn, and their characters, after which it takes no more."""
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
    """A request: its texts, how many have had their turn, and where what becomes of it is told."""

    texts: "Sequence[Known]"
    n_done: int = 0
    mentions: list[dict[str, Any]] = field(default_factory=list)
    answer: "Future[list[dict[str, Any]]]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What of a request has its turn: its texts from the `begin`th on."""

    asked: _Asked
    begin: int
    texts: "Sequence[Known]"


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
            self._n_last = len(turn)
            if turn:
                with self._models:
                    self._answer(turn, run)

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

    def _turn(self) -> tuple[Path | None, list[_Piece]]:
        """Take a piece of each request that waits, first come first, up to so many texts and letters.

        What is left of a large one waits behind the others: nobody's texts keep all others waiting.
        """
        with self._queue:
            run = next(iter(self._waiting))
            waiting = self._waiting.pop(run)
            turn, rest = list[_Piece](), list[_Asked]()
            room, letters = _TURN, _LETTERS
            while waiting and room > 0 and letters > 0:
                one = waiting.pop(0)
                if not one.answer.running() and not one.answer.set_running_or_notify_cancel():
                    self._n_waiting -= len(one.texts)
                    continue
                piece = _piece(one, room, letters)
                room -= len(piece.texts)
                letters -= _n_letters(piece.texts)
                turn.append(piece)
                if piece.begin + len(piece.texts) < len(one.texts):
                    rest.append(one)
            waiting += rest
            if waiting:
                self._waiting[run] = waiting  # behind those of other runs
            self._n_waiting -= sum(len(piece.texts) for piece in turn)
        return run, turn

    def _drop(self, asked: _Asked, run: Path | None) -> None:
        """Take what is left of a request out of the queue."""
        with self._queue:
            waiting = self._waiting.get(run, [])
            if asked in waiting:
                waiting.remove(asked)
                self._n_waiting -= len(asked.texts) - asked.n_done
            if not waiting:
                self._waiting.pop(run, None)

    def _answer(self, turn: list[_Piece], run: Path | None) -> None:
        """Answer all of a turn; where that fails, each alone, so that one spoils no other's."""
        try:
            mentions = self._scorer(run).score([text for one in turn for text in one.texts])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
            if len(turn) == 1:
                self._drop(turn[0].asked, run)
                turn[0].asked.answer.set_exception(error)
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


def _piece(asked: _Asked, n_texts: int, n_letters: int) -> _Piece:
    """Return the next texts of a request: one at least, and more up to so many texts and letters."""
    begin = end = asked.n_done
    while end < len(asked.texts) and end - begin < n_texts and (end == begin or n_letters > 0):
        n_letters -= len(asked.texts[end]["verbatim"] or "")
        end += 1
    asked.n_done = end
    return _Piece(asked, begin, asked.texts[begin:end])


def _n_letters(texts: "Sequence[Known]") -> int:
    return sum(len(text["verbatim"] or "") for text in texts)


def _share_out(mentions: list[dict[str, Any]], turn: list[_Piece]) -> None:
    """Give each request its mentions, with the numbers of its own texts; answer those that are done."""
    owners = [(one, at) for one in turn for at in range(len(one.texts))]
    for mention in mentions:
        one, at = owners[mention["text_index"]]
        one.asked.mentions.append({**mention, "text_index": one.begin + at})
    for one in turn:
        if one.begin + len(one.texts) == len(one.asked.texts):
            one.asked.answer.set_result(one.asked.mentions)

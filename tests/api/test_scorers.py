"""Scoring of single texts: requests share turns of the models, not their fates."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.api.fakes import FakeEngine, FakeScorer
from tests.api.site import wait_for
from tests.api.test_api import Api, is_problem

from painpoints import bundle
from painpoints.errors import InputError, ModelError
from painpoints_api.engine import PackagedEngine
from painpoints_api.scorers import Scorers


class Busy(FakeScorer):
    """Labels texts when it is let; remembers how many came in each turn."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.turns: list[int] = []

    def score(self, texts: Sequence[Mapping[str, str | None]]) -> list[dict[str, Any]]:
        """Label them, after waiting."""
        self.turns.append(len(texts))
        assert self.free.wait(60)
        return super().score(texts)


class BusyEngine(FakeEngine):
    """Hands out one busy scorer."""

    def __init__(self, settings_file: Path | None = None) -> None:
        super().__init__(settings_file)
        self.busy = Busy()

    def scorer(self, run: Path | None, quality: str | None = None) -> Busy:
        """Return it."""
        del run, quality
        return self.busy


def ask(scorers: Scorers, *texts: str) -> tuple[threading.Thread, list[Any]]:
    """Score texts in a thread; return it and where its answer comes."""
    answer: list[Any] = []

    def asking() -> None:
        try:
            answer.append(scorers.score([{"verbatim": text} for text in texts], None))
        except InputError as error:
            answer.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    return thread, answer


def queue_behind(engine: BusyEngine, scorers: Scorers, requests: list[list[str]]) -> list[Any]:
    """Let requests come while the models are busy with a first one; return their answers."""
    asked = [ask(scorers, "first")]
    wait_for(lambda: engine.busy.turns, what="the first turn")
    for n_waiting, texts in enumerate(requests, start=1):
        asked.append(ask(scorers, *texts))
        wait_for(lambda n=n_waiting: len(scorers._waiting.get(None, ())) == n, what="the queue")
    engine.busy.free.set()
    for thread, _ in asked:
        thread.join()
    return [answer[0] for _, answer in asked[1:]]


def test_waiting_requests_share_a_turn() -> None:
    """What comes while the models are busy is answered at once, each request with its own texts."""
    engine = BusyEngine()
    answers = queue_behind(engine, Scorers(engine), [["a", "b"], ["c"], ["d", "e", "f"]])
    assert engine.busy.turns == [1, 6]
    told = [[(m["text_index"], m["text"]) for m in answer] for answer in answers]
    assert told == [[(0, "a"), (1, "b")], [(0, "c")], [(0, "d"), (1, "e"), (2, "f")]]


def test_a_turn_is_bounded() -> None:
    """A large request has its turn piece by piece; small ones come between, and wait for one only."""
    engine = BusyEngine()
    large = [f"a{n}" for n in range(150)]
    answers = queue_behind(engine, Scorers(engine), [large, ["b"] * 60, ["c"] * 5])
    assert engine.busy.turns == [1, 64, 64, 64, 23]
    assert [len(answer) for answer in answers] == [150, 60, 5]
    assert [(m["text_index"], m["text"]) for m in answers[0]] == list(enumerate(large))


def test_long_texts_have_short_turns() -> None:
    """A turn ends after so many letters, however few texts they are."""
    engine = BusyEngine()
    long = ["x" * 20_000] * 7
    answers = queue_behind(engine, Scorers(engine), [long, ["b"]])
    assert engine.busy.turns == [1, 1, 2, 1, 1, 1, 1, 1]
    assert [len(answer) for answer in answers] == [7, 1]


def test_what_breaks_late_breaks_its_request_alone() -> None:
    """A request whose second piece breaks is answered by the error; nothing of it stays behind."""
    engine = BusyEngine()
    scorers = Scorers(engine)
    answers = queue_behind(engine, scorers, [["a"] * 64 + ["break"] + ["a"] * 200, ["c"]])
    assert isinstance(answers[0], InputError)
    assert [one["text"] for one in answers[1]] == ["c"]
    assert (scorers._n_waiting, scorers._waiting) == (0, {})


def test_one_failing_request_spoils_no_other() -> None:
    """A text that breaks the models is its sender's trouble alone."""
    engine = BusyEngine()
    answers = queue_behind(engine, Scorers(engine), [["a"], ["break"], ["c"]])
    assert isinstance(answers[1], InputError)
    assert [answers[0][0]["text"], answers[2][0]["text"]] == ["a", "c"]


def test_models_are_loaded_at_the_start(tmp_path: Path) -> None:
    """The service says that it is not ready while its models load, and then that it is."""
    api = Api(tmp_path, engine=BusyEngine, score_quality="fast")
    with api.client as client:
        service = client.app_state["service"]
        busy = service.engine.busy
        wait_for(lambda: busy.turns, what="loading")
        told = client.get("/readyz")
        assert (told.status_code, told.json()["parts"]["models"]) == (503, "loading")
        busy.free.set()
        wait_for(lambda: client.get("/readyz").status_code == 200, what="readiness")


def test_nothing_is_loaded_by_requests() -> None:
    """What was warmed knows names, numbers and languages: no request waits for a library."""
    program = """
import sys
from painpoints_api.engine import PackagedEngine
from painpoints_api.scorers import Scorers
scorers = Scorers(PackagedEngine(), "fast")
scorers.warm()
assert scorers.state == "ok", scorers.state
known = set(sys.modules)
for text in TEXTS:
    scorers.score([{"verbatim": text}], None)
print(sorted(set(sys.modules) - known))
"""
    texts = ["I am Tom Miller from Bath", "ring 0113 496 0000", "Die App stürzt ab, schon wieder", "Card 4111 1111 1111 1111", "12 orders!"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program.replace("TEXTS", repr(texts))], capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_who_is_answered_waits_for_nobody() -> None:
    """An answer is told when its turn is over, also while the next turn is under way."""
    engine = BusyEngine()
    scorers = Scorers(engine)
    first = scorers.ask([{"verbatim": "first"}], None)
    wait_for(lambda: engine.busy.turns, what="the first turn")
    engine.busy.free.set()
    assert first.result(60)[0]["text"] == "first"
    engine.busy.free.clear()
    scorers.ask([{"verbatim": "slow"}], None)
    wait_for(lambda: len(engine.busy.turns) == 2, what="the second turn")
    given_up, wanted = (scorers.ask([{"verbatim": text}], None) for text in ("gone", "kept"))
    assert given_up.cancel()
    engine.busy.free.set()
    assert [one["text"] for one in wanted.result(60)] == ["kept"]
    assert engine.busy.turns == [1, 1, 1]


def test_a_crowd_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More waiting texts than is good are refused with a time to come again, not piled up."""
    monkeypatch.setattr("painpoints_api.scorers._MOST_WAITING", 3)
    api = Api(tmp_path, engine=BusyEngine, warm_models=False)
    with api.client as client:
        service = client.app_state["service"]
        busy = service.engine.busy
        first = service.scorers.ask([{"verbatim": "first"}], None)
        wait_for(lambda: busy.turns, what="the first turn")
        for _ in range(3):
            service.scorers.ask([{"verbatim": "more"}], None)
        refused = client.post("/v1/score", json={"texts": [{"text": "a"}]})
        is_problem(refused, 503)
        assert refused.headers["retry-after"] == "2"
        busy.free.set()
        assert first.result(60)
        wait_for(lambda: not service.scorers._n_waiting, what="the others")
        assert client.post("/v1/score", json={"texts": [{"text": "a"}]}).status_code == 200


def test_models_that_fail_are_told() -> None:
    """Models that cannot be loaded leave the service running, but not ready."""

    class Broken(FakeEngine):
        def scorer(self, run: Path | None, quality: str | None = None) -> FakeScorer:
            """Find nothing."""
            raise ModelError(f"damaged: {run} {quality}")

    scorers = Scorers(Broken())
    scorers.warm()
    assert scorers.state == "fails: ModelError"


def test_a_promotion_elsewhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models brought into force by the command line label the next text; else nothing is reloaded."""

    class Promoted(FakeEngine):
        version, loaded = "1", 0

        def in_force(self) -> tuple[str, ...]:
            """Return what a test set."""
            return (self.version,)

        def scorer(self, run: Path | None, quality: str | None = None) -> FakeScorer:
            """Count how often models are loaded."""
            self.loaded += 1
            return super().scorer(run, quality)

    engine = Promoted()
    scorers = Scorers(engine)
    monkeypatch.setattr("painpoints_api.scorers._LOOK_S", 0.0)
    scorers.score([{"verbatim": "a"}], None)
    scorers.score([{"verbatim": "a"}], None)
    assert engine.loaded == 1
    engine.version = "2"
    scorers.score([{"verbatim": "a"}], None)
    assert engine.loaded == 2


def test_the_command_line_changes_what_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine tells another version of own models from the one before, and back."""
    own = tmp_path / "models"
    for version in ("mine-1", "mine-2"):
        (own / "classifier-fast" / version).mkdir(parents=True)
    monkeypatch.setenv("PAINPOINTS_MODELS", str(own))
    engine, pointer = PackagedEngine(), own / "classifier-fast" / bundle.POINTER
    shipped = engine.in_force()
    pointer.write_text(json.dumps({"promoted": ["mine-1"]}), encoding="utf-8")
    first = engine.in_force()
    pointer.write_text(json.dumps({"promoted": ["mine-1", "mine-2"]}), encoding="utf-8")
    assert len({shipped, first, engine.in_force()}) == 3
    pointer.unlink()
    assert engine.in_force() == shipped


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a service."""
    with Api(tmp_path).client as opened:
        yield opened


def test_what_is_known_of_a_text_is_taken(client: TestClient) -> None:
    """A stage that the caller knows comes back; what is not a known key is refused."""
    known = {"text": "Nothing", "question": "What went well?", "stage": "delivery"}
    (mention,) = client.post("/v1/score", json={"texts": [known]}).json()["mentions"]
    assert mention["stage"] == "delivery"
    is_problem(client.post("/v1/score", json={"texts": [{"text": "a", "mood": "b"}]}), 422)
    is_problem(client.post("/v1/score", json={"texts": [{"text": "a", "language": "EN!"}]}), 422)

"""`painpoints serve` and its companions as an operator starts, kills and restarts them."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.site import QUICKLY, ROOT, is_alive, wait_for

from painpoints.errors import SettingsError
from painpoints_api import settings as service_settings

pytestmark = pytest.mark.kills

ENVIRONMENT = {
    "PAINPOINTS_SERVE_ENGINE": "tests.api.fakes:FakeEngine",
    "PAINPOINTS_SERVE_LEASE_S": "3",
    "PAINPOINTS_SERVE_POLL_S": "0.05",
    "PAINPOINTS_SERVE_GRACE_S": "0.5",
    "PYTHONPATH": str(ROOT),
}


class Place:
    """A folder in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = folder / "control"
        self.control.mkdir()
        self.servers: list[subprocess.Popen[str]] = []

    def environment(self) -> dict[str, str]:
        """Return the environment of every command: settings of a test, the fake engine."""
        return {**QUICKLY, **ENVIRONMENT, "FAKE_ENGINE_CONTROL": str(self.control)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "painpoints", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def serve(self, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        """Start a server on a free port; return it and its address."""
        with (self.folder / "stderr").open("a") as stderr:
            server = subprocess.Popen(
                [sys.executable, "-m", "painpoints", "serve", "--port", "0", *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.servers.append(server)
        assert server.stdout is not None
        told = re.search(r"http://\S+", server.stdout.readline())
        assert told is not None, (self.folder / "stderr").read_text()
        address = told.group()
        wait_for(lambda: answers(address), what="the server's first answer")
        return server, address

    def begun(self, step: str, *, times: int = 1) -> tuple[int, int]:
        """Wait until a step has begun; return its process and that one's worker."""
        file = self.control / "log"

        def last() -> tuple[int, int] | None:
            lines = file.read_text().splitlines() if file.exists() else []
            found = [line.split() for line in lines if line.startswith(f"{step} ")]
            return (
                (int(found[times - 1][1]), int(found[times - 1][2]))
                if len(found) >= times
                else None
            )

        found: tuple[int, int] = wait_for(last, what=f"begin {times} of {step}")
        return found


def answers(address: str) -> bool:
    """Return whether a server answers."""
    try:
        return httpx.get(f"{address}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield a folder to run commands in; end what was started there."""
    opened = Place(tmp_path)
    yield opened
    for server in opened.servers:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        assert server.stdout is not None
        server.stdout.close()


def ask(address: str, **headers: str) -> str:
    """Send a file for analysis; return the analysis' id."""
    files = [("files", ("a.csv", b"comment\n" * 20))]
    answer = httpx.post(f"{address}/v1/analyses", files=files, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    analysis_id: str = answer.json()["id"]
    return analysis_id


def ended(address: str, analysis_id: str) -> dict[str, Any]:
    """Follow an analysis to its end by its events; return the last."""
    last: dict[str, Any] = {}
    with httpx.stream("GET", f"{address}/v1/analyses/{analysis_id}/events", timeout=90) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                last = json.loads(line.removeprefix("data: "))
    return last


def test_serve_analyses_and_leaves(place: Place) -> None:
    """One command serves and works; told to stop, it and its worker leave in order."""
    server, address = place.serve()
    analysis_id = ask(address)
    assert ended(address, analysis_id)["state"] == "done"
    _, worker = place.begun("write")
    assert b"POLARS_MAX_THREADS" not in Path(f"/proc/{worker}/environ").read_bytes()
    items = httpx.get(f"{address}/v1/analyses/{analysis_id}/stages", timeout=60).json()["items"]
    assert sum(item["n_mentions"] for item in items) > 0
    assert (place.folder / "painpoints-data" / "painpoints.db").exists()
    server.terminate()
    assert server.wait(60) in {0, -signal.SIGTERM}
    wait_for(lambda: not is_alive(worker), what="the worker's end")


def test_what_breaks_is_logged_without_its_words(place: Place) -> None:
    """Whoever logs, standard error holds one JSON object a line: what kind of error it was, and where."""
    _, address = place.serve("--workers", "0")
    answer = httpx.post(f"{address}/v1/score", json={"texts": [{"text": "bug"}]}, timeout=60)
    assert answer.status_code == 500

    def told() -> list[dict[str, Any]]:
        _, *lines = (place.folder / "stderr").read_text().splitlines()  # the first is for people
        found = [json.loads(line) for line in lines]
        return [one for one in found if one.get("error") == "ValueError"]

    wait_for(lambda: len(told()) == 2, what="ours and the server's line")
    assert {one["event"] for one in told()} == {"request.broke", "library.broke"}
    assert {one["request_id"] for one in told()} == {answer.headers["x-request-id"]}
    assert all(one["where"].startswith("fakes.py:") for one in told())
    assert "4111" not in (place.folder / "stderr").read_text()


def test_killed_server_and_worker_lose_nothing(place: Place) -> None:
    """Server, then worker, then both are killed in the middle of a job; it is done once."""
    (place.control / "hold-label").touch()
    server, address = place.serve()
    analysis_id = ask(address)
    child, worker = place.begun("label")

    server.kill()  # the worker notices and leaves, its child with it
    server.wait()
    wait_for(lambda: not is_alive(worker) and not is_alive(child), what="the worker's end")
    server, address = place.serve()
    child, worker = place.begun("label", times=2)

    os.kill(worker, signal.SIGKILL)  # the server starts another
    wait_for(lambda: not is_alive(child), what="the child's end")
    child, worker = place.begun("label", times=3)
    assert (
        httpx.get(f"{address}/v1/analyses/{analysis_id}", timeout=60).json()["state"] == "running"
    )

    os.kill(worker, signal.SIGKILL)
    server.kill()
    server.wait()
    wait_for(lambda: not is_alive(child), what="the child's end")
    (place.control / "hold-label").unlink()
    _, address = place.serve()
    assert ended(address, analysis_id)["state"] == "done"
    runs = list((place.folder / "painpoints-data" / "runs").glob("*/*"))
    assert len(runs) == 1


def test_other_addresses_need_a_key(place: Place) -> None:
    """An address that others reach is served only once there is a key, and only with it."""
    refused = place.run("serve", "--host", "127.0.0.2", "--port", "0")
    assert refused.returncode == 2
    command = re.search(r"painpoints (keys create .*)", " ".join(refused.stderr.split()))
    assert command is not None, refused.stderr
    made = place.run(*command.group(1).split(), "--json")
    key = json.loads(made.stdout)
    _, address = place.serve("--host", "127.0.0.2")
    assert httpx.get(f"{address}/v1/analyses", timeout=60).status_code == 401
    header = {"Authorization": f"Bearer {key['key']}"}
    assert httpx.get(f"{address}/v1/analyses", headers=header, timeout=60).status_code == 200
    assert place.run("keys", "revoke", key["id"]).returncode == 0
    assert httpx.get(f"{address}/v1/analyses", headers=header, timeout=60).status_code == 401
    assert place.run("serve", "--host", "127.0.0.2", "--port", "0").returncode == 2


def test_keys_are_listed_without_their_secrets(place: Place) -> None:
    """A key is printed once; the list tells what it may do and whether it still works."""
    made = place.run(
        "keys",
        "create",
        "crm",
        "--scope",
        "read",
        "--scope",
        "score",
        "--project",
        "shop",
        "--days",
        "9",
    )
    key = made.stdout.strip()
    assert re.fullmatch(r"pp_[0-9a-f]{16}_[\w-]{43}", key)
    listed = place.run("keys", "list", "--json")
    (found,) = json.loads(listed.stdout)
    assert (found["name"], found["scopes"], found["projects"], found["state"]) == (
        "crm",
        ["read", "score"],
        ["shop"],
        "valid",
    )
    assert key.split("_", 2)[2] not in listed.stdout
    assert place.run("keys", "revoke", "nothing").returncode == 2
    assert place.run("keys", "create", "x", "--scope", "everything").returncode == 2


def test_rotated_key_ends_after_its_successor_began(place: Place) -> None:
    """A rotated key has a successor that may do the same; itself it ends at once, or later."""
    made = place.run("keys", "create", "crm", "--scope", "read", "--days", "9", "--json")
    first = json.loads(made.stdout)["id"]
    second = json.loads(place.run("keys", "rotate", first, "--json").stdout)["id"]
    third = place.run("keys", "rotate", second, "--keep-hours", "0")
    assert third.stdout.startswith("pp_")
    listed = json.loads(place.run("keys", "list", "--json").stdout)
    assert [key["state"] for key in listed] == ["valid", "revoked", "valid"]
    assert {(key["name"], tuple(key["scopes"])) for key in listed} == {("crm", ("read",))}
    assert place.run("keys", "rotate", second).returncode == 2
    with contextlib.closing(
        sqlite3.connect(place.folder / "painpoints-data/painpoints.db")
    ) as held:
        noted = held.execute("SELECT action, target FROM audit ORDER BY rowid").fetchall()
    assert noted == [
        ("key.create", listed[0]["id"]),
        ("key.rotate", listed[0]["id"]),
        ("key.create", listed[1]["id"]),
        ("key.rotate", listed[1]["id"]),
        ("key.create", listed[2]["id"]),
    ]


def test_database_is_upgraded_by_command(place: Place) -> None:
    """`painpoints db upgrade` makes the tables."""
    done = place.run("db", "upgrade")
    assert (done.returncode, done.stdout) == (0, "the database is at version 0004\n")


def test_taken_port_is_said(place: Place) -> None:
    """A port that is in use ends in one sentence."""
    _, address = place.serve()
    port = address.rsplit(":", 1)[1]
    refused = place.run("serve", "--port", port)
    assert refused.returncode == 2
    assert "choose another --port" in " ".join(refused.stderr.split())


def test_settings_have_an_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags win over the environment, that over the file; what is unknown is refused."""
    file = tmp_path / "painpoints.toml"
    file.write_text("[serve]\nport = 1\nworkers = 2\nhost = 'a'\n", encoding="utf-8")
    monkeypatch.setenv("PAINPOINTS_SERVE_PORT", "3")
    monkeypatch.setenv("PAINPOINTS_SERVE_WORKERS", "4")
    found = service_settings.load(file, {"port": 5, "host": None})
    assert (found.port, found.workers, found.host) == (5, 4, "a")
    file.write_text("[serve]\nprot = 1\nworkers = -1\n", encoding="utf-8")
    monkeypatch.delenv("PAINPOINTS_SERVE_WORKERS")
    with pytest.raises(SettingsError, match=r"workers.*prot|prot.*workers"):
        service_settings.load(file, {})


def test_a_public_host_needs_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy of this machine everybody comes from 127.0.0.1: naming its host asks for keys."""
    assert not service_settings.load().keys_needed
    public = {"allowed_hosts": ("feedback.example.com",)}
    assert service_settings.load(None, public).keys_needed
    monkeypatch.setenv("PAINPOINTS_SERVE_QOUTA_QUEUED", "5")
    with pytest.raises(SettingsError, match="PAINPOINTS_SERVE_QOUTA_QUEUED: no such setting"):
        service_settings.load()


def test_engine_leaves_the_services_settings_alone(tmp_path: Path) -> None:
    """One file serves both: the engine knows `[serve]` only as not its own."""
    from painpoints.config import load

    file = tmp_path / "painpoints.toml"
    file.write_text("seed = 7\n[serve]\nport = 1\n", encoding="utf-8")
    found = load(file)
    assert found.seed == 7
    assert "serve" not in found.model_dump()


def test_settings_hide_the_databases_password() -> None:
    """A password in the database's address is not in what is printed of the settings."""
    chosen = service_settings.load(None, {"database": "postgresql+psycopg://me:hunter2@db/x"})
    assert "hunter2" not in f"{chosen!r} {chosen.model_dump_json()}"
    assert chosen.told()["database"].endswith("me:hunter2@db/x")


def test_every_setting_is_documented() -> None:
    """The operator's page names each setting of the service."""
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\w+", page))
    wanted = set(service_settings.ServiceSettings.model_fields) - {"engine"}
    assert wanted <= named, wanted - named

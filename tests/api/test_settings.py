"""Settings told: what is in force, where it was said, and nothing secret among it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from painpoints.config import InForce
from painpoints.config import in_force as engine_in_force
from painpoints.errors import SettingsError
from painpoints_api import serving
from painpoints_api.discreet import without_paths
from painpoints_api.settings import ServiceSettings, in_force, load, masked


def sources(told: list[InForce]) -> dict[str, tuple[object, str]]:
    """Return value and source by key."""
    return {one.key: (one.value, one.source) for one in told}


def test_every_value_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment, file and default are told apart, in engine and service, also in sections."""
    monkeypatch.chdir(tmp_path)
    Path("painpoints.toml").write_text(
        "seed = 7\n[rank]\nmin_people = 8\n[serve]\nport = 1\nworkers = 2\n", encoding="utf-8"
    )
    monkeypatch.setenv("PAINPOINTS_RANK__N_BOOTSTRAP", "30")
    monkeypatch.setenv("PAINPOINTS_SERVE_PORT", "3")
    engine, service = sources(engine_in_force()), sources(in_force())
    assert engine["seed"] == (7, "painpoints.toml")
    assert engine["rank.min_people"] == (8, "painpoints.toml")
    assert engine["rank.n_bootstrap"] == (30, "PAINPOINTS_RANK__N_BOOTSTRAP")
    assert engine["rank.period"] == ("auto", "default")
    assert service["serve.port"] == (3, "PAINPOINTS_SERVE_PORT")
    assert service["serve.workers"] == (2, "painpoints.toml")
    assert service["serve.docs"] == (True, "default")


def test_secrets_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the database's password nor the salt of pseudonyms is printed."""
    monkeypatch.setenv("PAINPOINTS_SERVE_DATABASE", "postgresql+psycopg://me:hunter2@db/x")
    monkeypatch.setenv("PAINPOINTS_REDACT__SALT", "hunter2")
    assert "hunter2" not in repr([engine_in_force(), in_force()])
    assert sources(in_force())["serve.database"][0] == "postgresql+psycopg://me:***@db/x"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql+psycopg://u:p:q@h/n", "postgresql+psycopg://u:***@h/n"),
        ("postgresql+psycopg://h/n?user=u&password=pq&x=1", "postgresql+psycopg://h/n?user=u&password=***&x=1"),
        ("sqlite:////data/painpoints.db", "sqlite:////data/painpoints.db"),
    ],
)  # fmt: skip
def test_passwords_are_masked(address: str, told: str) -> None:
    """Wherever an address holds a password, it is not told; the rest is."""
    assert masked(address) == told


def test_config_prints_engine_and_service(tmp_path: Path) -> None:
    """`painpoints config` prints the settings of both; a wrong file is refused."""
    command = [sys.executable, "-m", "painpoints", "config"]
    told = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True)
    assert {"seed", "serve.port"} <= {one["key"] for one in json.loads(told.stdout)}
    plain = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "serve.port = 8000  (default)" in plain.stdout
    (tmp_path / "painpoints.toml").write_text("[serve]\nprot = 1\n", encoding="utf-8")
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, "prot" in refused.stderr) == (2, True)


def test_a_section_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """`serve = 1` is told as such."""
    file = tmp_path / "own.toml"
    file.write_text("serve = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="table"):
        in_force(file)


def test_children_are_told_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file named by `--settings` goes to worker and jobs, from wherever they look at it."""
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text("[redact]\nnames = false\n[serve]\nport = 1\n", encoding="utf-8")
    chosen = load(Path("own.toml"))
    assert (
        ServiceSettings(**json.loads(json.dumps(chosen.told()))).settings_file
        == tmp_path / "own.toml"
    )
    assert load().settings_file is None
    told = sources(in_force(Path("own.toml")))
    assert told["serve.settings_file"] == (str(tmp_path / "own.toml"), "own.toml")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("cannot read /srv/data/runs/a.csv: damaged", "cannot read a.csv: damaged"),
        ("'/etc/shadow/x y.csv'", "'x y.csv'"),
        ("in /my data/runs/job/a.csv", "in runs/job/a.csv"),
        (r"C:\Users\me\a.csv is empty", "a.csv is empty"),
        ("neither /a/models nor /b/c/models exists", "neither models nor models exists"),
        ("3/4 and/or 1 / 2, see https://example.com/a/b", "3/4 and/or 1 / 2, see https://example.com/a/b"),
    ],
)  # fmt: skip
def test_messages_tell_no_paths(message: str, told: str) -> None:
    """What callers are told holds names of files, not where they lie on this machine."""
    assert without_paths(message, Path("/my data")) == told


def test_answers_do_not_wait_for_acknowledgements(tmp_path: Path) -> None:
    """A connection sends at once: else each answer on a kept connection takes 40 ms more."""
    with serving._listen(ServiceSettings(data=tmp_path, port=0)) as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

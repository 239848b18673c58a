"""The container's files name only what is there: settings, commands, paths. No engine is run."""

import re
import shlex
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from painpoints_api.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the compose file."""
    told: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return told


def is_command(words: list[str]) -> bool:
    """Return whether `painpoints` knows what is called."""
    known = {point.name for point in entry_points(group="painpoints.commands")}
    return words[0] == "painpoints" and words[1] in known


def test_settings_of_the_image_are_known(compose: dict[str, Any]) -> None:
    """Every variable of ours that image or compose file set is a setting of the service."""
    named = re.findall(rf"{PREFIX}(\w+)=", DOCKERFILE)
    for service in compose["services"].values():
        named += [k.removeprefix(PREFIX) for k in service["environment"] if k.startswith(PREFIX)]
    assert {"DATA", "HOST", "DATABASE"} <= set(named)
    assert {name.lower() for name in named} <= set(ServiceSettings.model_fields)


def test_commands_are_there(compose: dict[str, Any]) -> None:
    """What the image and every service of ours start is a command of ours."""
    (told,) = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert is_command(shlex.split(told.replace(",", " ")))
    ours = [one["command"] for one in compose["services"].values() if one["image"] == "painpoints"]
    assert len(ours) == 3
    assert all(is_command(command) for command in ours)


def test_what_is_built_of_is_let_in() -> None:
    """The files that are kept from the build are none of those that a wheel is made of."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert all((ROOT / name).exists() for name in let_in)
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = told["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["packages"], *wheel["force-include"], told["project"]["readme"], "LICENSE"]
    assert {name.partition("/")[0] for name in needed} | {"constraints.txt"} <= let_in


def test_the_image_gives_nothing_away(compose: dict[str, Any]) -> None:
    """It runs as a user without rights, on a file system that is only read, with no secret in it."""
    stage = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER painpoints$", stage, re.MULTILINE)
    assert re.search(r"^WORKDIR /data$", stage, re.MULTILINE)  # own models are written there
    assert not re.search(r"(?i)(password|secret|token)\s*=\s*\S", DOCKERFILE)
    for service in compose["services"].values():
        if service["image"] == "painpoints":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert service["volumes"] == ["data:/data"]
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["api"]["ports"])

"""An own journey: stages with names and descriptions, from a TOML file.

    [[stages]]
    name = "claims"
    title = "Claims"
    description = "The customer reports an accident, damage or loss and files a claim."
    covers = ["support"]     # optional: stages of the default journey that it stands for

What can be learnt from the descriptions alone is said in `retrain`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from painpoints.config import StageSettings
from painpoints.domain import NO_STAGE, STAGES, UNSURE
from painpoints.errors import SettingsError

MIN_STAGES = 2
MIN_CLAUSE = 8
"""Characters below which a part of a description says nothing by itself."""


def read(file: Path) -> tuple[StageSettings, ...]:
    """Return the stages of a TOML file, in its order.

    Raises:
        SettingsError: with everything that is wrong with the file.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error
    journey = table.get("journey", {})
    written = table.get("stages") or (journey.get("stages") if isinstance(journey, dict) else None)
    if not isinstance(written, list):
        raise SettingsError(f"{file}: no [[stages]] with name and description in it")
    stages, problems = [], []
    for number, one in enumerate(written, start=1):
        try:
            stages.append(StageSettings.model_validate(one))
        except ValidationError as error:
            problems += [_problem(number, dict(found)) for found in error.errors()]
    problems += _odd(stages)
    if problems:
        raise SettingsError(f"{file}: " + "; ".join(problems))
    return tuple(stages)


def _problem(number: int, found: Mapping[str, Any]) -> str:
    """Return what pydantic found wrong with a stage, which may be no table at all."""
    where = ".".join(map(str, found["loc"])) or "as a whole"
    if found["type"] == "extra_forbidden":
        return f"stage {number}: {where} is no key of a stage; known are {', '.join(StageSettings.model_fields)}"  # fmt: skip
    return f"stage {number}: {where}: {found['msg']}"


def _odd(stages: list[StageSettings]) -> list[str]:
    names = [stage.name for stage in stages]
    problems = [
        f"name {n!r}: write it in lower case, words_joined_so"
        for n in names
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,40}", n)
    ]
    problems += [
        f"name {n!r} says that a mention has no stage; choose another"
        for n in names
        if n in {NO_STAGE, UNSURE}
    ]
    problems += [f"name {n!r} stands there twice" for n in sorted({n for n in names if names.count(n) > 1})]  # fmt: skip
    problems += [
        f"{stage.name} covers {known!r}, which is no stage of the default journey ({', '.join(STAGES)})"
        for stage in stages
        for known in stage.covers
        if known not in STAGES
    ]
    covered = [known for stage in stages for known in stage.covers]
    problems += [f"{known} is covered twice" for known in sorted({k for k in covered if covered.count(k) > 1})]  # fmt: skip
    if len(stages) < MIN_STAGES:
        problems.append(f"{len(stages)} stages; a journey has at least {MIN_STAGES}")
    return problems


def sayings(stage: StageSettings) -> list[str]:
    """Return what the stage says of itself: title, description, and each part of the description."""
    title = stage.title or stage.name.replace("_", " ")
    parts = [part.strip() for part in re.split(r"[.,;:]|\bor\b", stage.description)]
    said = [title, stage.description.strip(), *parts, *stage.aliases]
    return list(dict.fromkeys(s for s in said if len(s) >= MIN_CLAUSE or s == title))

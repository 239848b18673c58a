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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from painpoints.arrangement import odd_stages
from painpoints.config import StageSettings
from painpoints.errors import SettingsError
from painpoints.readers.language import UNDETERMINED, find_languages

MIN_STAGES = 2
MIN_WORDS = 3
"""Words below which a description says no more than the name does."""

MIN_CLAUSE = 8
"""Characters below which a part of a description says nothing by itself."""


def read(file: Path) -> tuple[StageSettings, ...]:
    """Return the stages of a TOML file, in its order.

    Raises:
        SettingsError: with everything that is wrong with the file.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
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
    problems = [
        f"name {stage.name!r}: write it in lower case, words_joined_so"
        for stage in stages
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,40}", stage.name)
    ]
    problems += odd_stages(stages)
    if len(stages) < MIN_STAGES:
        problems.append(f"{len(stages)} stages; a journey has at least {MIN_STAGES}")
    return problems + _odd_descriptions([stage for stage in stages if stage.description.strip()])


def _odd_descriptions(stages: Sequence[StageSettings]) -> list[str]:
    """Return what keeps descriptions from being learnt from; a stage without one is no matter here."""
    languages = find_languages(pl.Series([s.description for s in stages], dtype=pl.String))
    problems: list[str] = []
    first: dict[str, str] = {}
    for stage, language in zip(stages, languages, strict=True):
        words = stage.description.casefold().split()
        same = first.setdefault(" ".join(words), stage.name)
        if same != stage.name:
            problems.append(f"{same} and {stage.name} have the same description; say what sets them apart")  # fmt: skip
        if len(words) < MIN_WORDS:
            problems.append(f"{stage.name} is described in fewer than {MIN_WORDS} words; say what customers do in it")  # fmt: skip
        if language not in {"en", UNDETERMINED}:
            problems.append(f"{stage.name} is described in another language ({language}); write it in English, which the encoders read")  # fmt: skip
    return problems


def covered(stages: Sequence[StageSettings]) -> dict[str, str]:
    """Return the own stage that covers each default one, where any does."""
    return {default: stage.name for stage in stages for default in stage.covers}


def sayings(stage: StageSettings) -> list[str]:
    """Return what the stage says of itself: title, description, and each part of the description."""
    title = stage.title or stage.name.replace("_", " ")
    parts = [part.strip() for part in re.split(r"[.,;:]|\bor\b", stage.description)]
    said = [title, stage.description.strip(), *parts, *stage.aliases]
    return list(dict.fromkeys(s for s in said if len(s) >= MIN_CLAUSE or s == title))

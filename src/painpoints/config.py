"""Settings: flags, then PAINPOINTS_* variables, then painpoints.toml; validated once, at the edge.

Unknown keys are errors. A nested setting is `PAINPOINTS_RANK__MIN_PEOPLE` in the environment and
`[rank] min_people` in the file. The rest of the engine gets the values it needs as arguments.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableError

from painpoints.errors import SettingsError

DEFAULT_FILE = Path("painpoints.toml")
PREFIX = "PAINPOINTS_"
SERVICE_PREFIX = "PAINPOINTS_SERVE_"
"""Variables of the service, which reads and checks its own."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadSettings(_Section):
    """How inputs are read; nothing here is needed for a recognised layout."""

    encoding: str | None = Field(
        None, description="text encoding; guessed and printed when not set"
    )
    fallback_encoding: str = Field("cp1252", description="for text that is not Unicode")
    delimiter: str | None = Field(
        None, description='of text tables, one character or "tab"; guessed when not set'
    )
    sheet: str | None = Field(None, description="of a workbook with several visible sheets")
    layout: str | None = Field(None, description="force a layout instead of recognising it")
    max_bad: float = Field(0.05, ge=0, le=1, description="share of bad rows that stops the run")
    max_cell_chars: int = Field(100_000, ge=100, description="a longer cell makes its row bad")
    date_order: Literal["auto", "day_first", "month_first", "year_first"] = Field(
        "auto", description="auto, day_first, month_first or year_first"
    )
    ces_direction: Literal["easy_is_high", "effort_is_high"] = Field(
        "easy_is_high",
        description="or effort_is_high, which turns effort scores round: 1 of 7 becomes 7",
    )
    languages: tuple[str, ...] = Field(("en",), description="that the models cover")
    agent_names: tuple[str, ...] = Field((), description="speakers that are the company")

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, given: str | None) -> str | None:
        if given is None or len(given) == 1:
            return given
        if given.casefold() in ("tab", "\\t"):
            return "\t"
        raise ValueError('it is one character, such as ";", or "tab"')

    @field_validator("languages")
    @classmethod
    def _as_codes(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(code.strip().lower() for code in given)


class ColumnSettings(_Section):
    """Which column is what, where the guess is wrong; names as in the export's header."""

    verbatim: tuple[str, ...] = Field((), description="of free text; several are several questions")
    score: str | None = Field(None, description="of the score")
    survey: str | None = Field(
        None,
        description="kind of the score: nps, enps, csat, ces, stars, thumbs, smileys, pmf, none",
    )
    score_max: float | None = Field(None, description="top of its scale, where nothing tells it")
    date: str | None = Field(None, description="when it was said")
    id: str | None = Field(None, description="of the answer")
    person: str | None = Field(None, description="who said it")
    channel: str | None = Field(None, description="where it was said")
    stage: str | None = Field(None, description="stage of the journey, where the export knows it")
    touchpoint: str | None = Field(None, description="touchpoint, where the export knows it")
    language: str | None = Field(None, description="language of the text")
    segments: tuple[str, ...] = Field((), description="to compare and cut by; guessed when not set")
    ignore: tuple[str, ...] = Field((), description="not read")


class RedactSettings(_Section):
    """What is masked before anything else sees the text."""

    names: bool = Field(default=True, description="mask names of people")
    phone_region: str = Field(
        "GB", description="country (two letters) of phone numbers without a country code"
    )
    salt: str = Field(
        "",
        description="added to ids before they are hashed to pseudonyms; without one, who guesses an id can check it",
    )

    @field_validator("phone_region")
    @classmethod
    def _known_region(cls, given: str) -> str:
        region = given.strip().upper()
        if region not in SUPPORTED_REGIONS:
            advice = "; the United Kingdom is GB" if region == "UK" else ""
            raise ValueError(f"no country has this code{advice}")
        return region


class StageSettings(_Section):
    """One stage of an own journey; `covers` names the default stages it stands for."""

    name: str
    title: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    covers: tuple[str, ...] = Field((), description="stages of the default journey")


class JourneySettings(_Section):
    """The journey: the default eight stages unless `stages` are given."""

    stages: tuple[StageSettings, ...] = Field(
        (),
        description="own stages, [[journey.stages]]: name, title, description, aliases, covers; see "
        "docs/retraining.md",
    )
    targets: dict[str, float] = Field(
        default_factory=dict,
        description="expected score by stage, as people read it: NPS 30, CSAT 85 (percent), stars 4.2",
    )


class TopicSettings(_Section):
    """How topics are found."""

    min_mentions: int = Field(0, ge=0, description="smallest topic; 0 chooses by the data's size")
    novelty: float = Field(0.02, ge=0, lt=1, description="share of the least alike left novel")
    max_sample: int = Field(
        5_000, ge=100, le=20_000, description="mentions that topics are found on"
    )


class ScaleSettings(_Section):
    """How a large run is cut; the results do not depend on it."""

    part_rows: int = Field(
        10_000, ge=100, description="feedbacks in a part; three parts or more go to workers"
    )


class RankSettings(_Section):
    """When a finding may be ranked, and how its rank range is found."""

    min_people: int = Field(5, ge=1, description="fewer people are named but not ranked")
    n_bootstrap: int = Field(200, ge=20, description="draws behind rank ranges")
    feasibility: Path | None = Field(
        None, description="CSV: topic or touchpoint, effort, owner, note"
    )
    fixes: Path | None = Field(
        None, description="CSV: topic, stage or touchpoint; date; segment, owner, expected, name"
    )
    period: Literal["auto", "week", "month", "quarter", "year", "none"] = Field(
        "auto", description="compared: auto, week, month, quarter, year, none"
    )


class ReportSettings(_Section):
    """What the reports show."""

    title: str = Field("Customer journey map", description="of the reports")
    max_evidence: int = Field(50_000, ge=100, description="mentions that travel in the HTML map")
    top: int = Field(5, ge=1, description="findings shown per stage before 'more'")


class Settings(BaseSettings):
    """All settings of one run."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    seed: int = Field(0, ge=0, description="of everything random")
    quality: Literal["fast", "accurate"] = Field(
        "accurate", description="fast is for hundreds of thousands of texts; see docs/models.md"
    )
    models: Path | None = Field(
        None,
        description="folder of own trained parts (painpoints-models if there is one); what it "
        "lacks is shipped",
    )
    read: ReadSettings = ReadSettings()
    columns: ColumnSettings = ColumnSettings()
    redact: RedactSettings = RedactSettings()
    journey: JourneySettings = JourneySettings()
    topics: TopicSettings = TopicSettings()
    rank: RankSettings = RankSettings()
    scale: ScaleSettings = ScaleSettings()
    report: ReportSettings = ReportSettings()
    serve: dict[str, Any] = Field(
        default_factory=dict, exclude=True, description="the service's own; see docs/operator.md"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, then environment, then file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting, what it is, and where that was said: a variable, a file, or `default`."""

    key: str
    value: Any
    source: str


def in_force(file: Path | None = None) -> list[InForce]:
    """Return every setting of the engine as `load` finds it, with where its value comes from.

    The salt of pseudonyms is a secret, so only whether there is one is told.

    Raises:
        SettingsError: with every unknown key and every value out of range.
    """
    settings = load(file).model_dump(mode="json")
    settings["redact"]["salt"] = settings["redact"]["salt"] and "***"
    return tell_sources(settings, PREFIX, settings_file(file), read_file(file))


def settings_file(file: Path | None) -> Path:
    """Return the settings file meant: the one named, else `painpoints.toml` of this folder."""
    return file or DEFAULT_FILE


def read_file(file: Path | None) -> dict[str, Any]:
    """Return what a settings file holds, nothing if there is no `painpoints.toml`.

    Raises:
        SettingsError: a file that was named does not exist, or it is not TOML.
    """
    path = settings_file(file)
    if not path.exists():
        if file is not None:
            raise SettingsError(f"settings file {path} does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}") from error


def tell_sources(
    settings: Mapping[str, Any], prefix: str, file: Path, held: Mapping[str, Any], *, at: str = ""
) -> list[InForce]:
    """Return `settings` key by key; `held` is what `file` holds of them, `prefix` their variables'."""
    told: list[InForce] = []
    for key, value in settings.items():
        variable, said = f"{prefix}{key}".upper(), held.get(key)
        if isinstance(value, Mapping) and value and variable not in os.environ:
            below = said if isinstance(said, Mapping) else {}
            told += tell_sources(value, f"{variable}__", file, below, at=f"{at}{key}.")
        else:
            source = variable if variable in os.environ else str(file) if key in held else "default"
            told.append(InForce(f"{at}{key}", value, source))
    return told


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings in force: `flags` over environment over `file`, key by key.

    Args:
        file: None takes `painpoints.toml` of the working folder if there is one.
        flags: nested like the file, e.g. `{"rank": {"min_people": 8}}`; None values are left out.

    Raises:
        SettingsError: with every unknown key and every value out of range.
    """
    read_file(file)

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=settings_file(file))

    refuse_unknown_variables(PREFIX, Settings.model_fields, but=SERVICE_PREFIX)
    with explained("settings"):
        return FromFile(**_without_none(flags or {}))


def refuse_unknown_variables(prefix: str, keys: Iterable[str], *, but: str | None = None) -> None:
    """The library looks up the variables it knows; one misspelt would be ignored without a word.

    Args:
        prefix: of the variables.
        keys: of the settings.
        but: begins those that are somebody else's.

    Raises:
        SettingsError: naming every variable that is no setting.
    """
    given = (name for name in os.environ if name.startswith(prefix))
    names = (name for name in given if but is None or not name.startswith(but))
    known = {key.upper() for key in keys}
    unknown = [n for n in names if n.removeprefix(prefix).split("__")[0] not in known]
    if unknown:
        raise SettingsError(f"environment: {', '.join(sorted(unknown))}: no such setting")


def _without_none(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out flags that were not given, section by section."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in flags.items()
        if value is not None
    }


@contextmanager
def explained(whose: str) -> Iterator[None]:
    """Tell what is wrong with settings, key by key, in one sentence.

    Raises:
        SettingsError: what is read in the block is none.
    """
    try:
        yield
    except ValidationError as error:
        raise SettingsError(_explain(error, whose)) from error
    except UnreadableError as error:
        told = f'{error}; lists and tables are JSON in variables, like ["one"]'
        raise SettingsError(f"{whose}: {told}") from error


def _explain(error: ValidationError, whose: str) -> str:
    """Return what is wrong with settings, key by key, as one sentence."""
    lines = sorted(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"{whose}: " + "; ".join(lines)

"""Settings of the service: flags, then PAINPOINTS_SERVE_* variables, then `[serve]` of the file.

The engine's own settings (what an analysis does) are in `painpoints.config`; here is only where
the service listens, where it keeps things, and how much of anything it accepts.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ImportString, SecretStr
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from painpoints import config
from painpoints.config import InForce
from painpoints.errors import SettingsError

PREFIX = config.SERVICE_PREFIX
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MEGABYTE = 1_000_000


class ServiceSettings(BaseSettings):
    """All settings of the service; the same for server, worker and their children."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True
    )

    data: Path = Field(Path("painpoints-data"), description="folder of database, uploads and runs")
    database: SecretStr | None = Field(
        None,
        description="postgresql+psycopg://user:password@host/name; SQLite in the data folder if unset",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="0 takes a free port")
    workers: int = Field(1, ge=0, le=64, description="analyses at once; 0 leaves them to others")
    require_key: bool = Field(
        default=False,
        description="ask for a key on 127.0.0.1 too (always on elsewhere, and with allowed_hosts)",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="host names that requests may name, besides the address listened on; with one "
        "every request needs a key",
    )
    warm_models: bool = Field(
        default=True, description="load the models at the start, not with the first /v1/score"
    )
    score_quality: Literal["fast", "accurate"] | None = Field(
        None, description="of /v1/score without an analysis; else as the engine's settings say"
    )
    docs: bool = Field(default=True, description="describe the API at /openapi.json")
    webhooks_to_private: bool = Field(
        default=False, description="let webhooks go to private networks, and by plain http"
    )

    max_upload_bytes: int = Field(500 * _MEGABYTE, ge=1, description="of one request's files")
    max_body_bytes: int = Field(20 * _MEGABYTE, ge=1, description="of one request's rows or texts")
    max_rows: int = Field(100_000, ge=1, description="of one request that carries rows as JSON")
    max_texts: int = Field(1_000, ge=1, description="of one request to /v1/score")
    max_text_chars: int = Field(20_000, ge=1, description="of one text to /v1/score")
    quota_bytes: int = Field(10_000 * _MEGABYTE, ge=1, description="of a project's uploads")
    quota_queued: int = Field(20, ge=1, description="of a project's waiting analyses")
    min_free_bytes: int = Field(200 * _MEGABYTE, ge=0, description="of disk, below which no upload")
    requests_per_minute: int = Field(1_200, ge=1, description="of one key")
    keep_request_keys_days: int = Field(7, ge=1, description="used Idempotency-Keys")

    lease_s: float = Field(30.0, gt=0, description="a silent worker's job is taken over after this")
    poll_s: float = Field(0.5, gt=0, description="how often a worker looks for work and for stops")
    grace_s: float = Field(3.0, ge=0, description="from the polite end of a job to the hard one")
    max_attempts: int = Field(3, ge=1, description="of a job whose process dies")
    retry_s: float = Field(5.0, ge=0, description="before the second attempt; doubled thereafter")
    job_memory_mb: int = Field(8_000, ge=0, description="private memory of one job; 0 is no limit")
    job_cpu_s: int = Field(43_200, ge=0, description="processor seconds of one job; 0 is no limit")
    check_s: float = Field(60.0, gt=0, description="of reading uploads to say what is recognised")
    query_s: float = Field(10.0, gt=0, description="after which a query over a run is stopped")
    answer_memory_mb: int = Field(64, ge=0, description="of answers about runs held to be repeated")
    query_memory_mb: int = Field(500, ge=50, description="of queries over runs, all together")

    settings_file: Path | None = Field(
        None, description="of the engine's settings; that of `--settings`, else painpoints.toml"
    )
    engine: ImportString[Any] = Field(
        "painpoints_api.engine:PackagedEngine", description="what analyses; of use in tests"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, then environment; `load` adds the file."""
        return (init_settings, env_settings)

    @property
    def database_url(self) -> str:
        """Return where the tables are."""
        if self.database is not None:
            return self.database.get_secret_value()
        return f"sqlite:///{self.data.absolute() / 'painpoints.db'}"

    @property
    def on_loopback(self) -> bool:
        """Return whether only this machine can reach the service."""
        return self.host in LOOPBACK

    @property
    def keys_needed(self) -> bool:
        """Return whether a request must carry a key: always where others can come, by a proxy too."""
        return self.require_key or not self.on_loopback or bool(self.allowed_hosts)

    def told(self) -> dict[str, Any]:
        """Return the settings as plain values, secrets open, for a process that is to have them."""
        plain = self.model_dump(mode="json", exclude={"engine", "database"})
        engine = f"{self.engine.__module__}:{self.engine.__qualname__}"
        return {**plain, "database": self.database_url, "engine": engine}


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> ServiceSettings:
    """Return the settings in force: `flags` over environment over `[serve]` of `file`.

    Args:
        file: None takes `painpoints.toml` of the working folder if there is one.
        flags: None values are left out.

    Raises:
        SettingsError: with every unknown key and every value out of range.
    """
    section = _section(file)
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    if file is not None:
        given["settings_file"] = file.absolute()

    class FromFile(ServiceSettings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings, InitSettingsSource(settings_cls, section))

    config.refuse_unknown_variables(PREFIX, ServiceSettings.model_fields)
    with config.explained("settings of the service"):
        return FromFile(**given)


def in_force(file: Path | None = None) -> list[InForce]:
    """Return every setting of the service with where its value comes from, secrets masked.

    Raises:
        SettingsError: with every unknown key and every value out of range.
    """
    plain = load(file).told()
    plain.pop("engine")
    plain["database"] = masked(plain["database"])
    held = config.settings_file(file)
    said = _section(file) | ({} if file is None else {"settings_file": file})
    told = config.tell_sources(plain, PREFIX, held, said)
    return [replace(one, key=f"serve.{one.key}") for one in told]


def masked(database: str) -> str:
    """Return a database's address without its password."""
    hidden = re.sub(r"(?<=://)([^:/@]*):[^@]*@", r"\1:***@", database)
    return re.sub(r"(?<=password=)[^&]*", "***", hidden)


def _section(file: Path | None) -> dict[str, Any]:
    section = config.read_file(file).get("serve", {})
    if not isinstance(section, dict):
        path = config.settings_file(file)
        raise SettingsError(f"settings file {path}: serve must be a table, [serve]")
    return section

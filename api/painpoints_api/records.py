"""The tables of the service's database, as classes: what changes and must survive.

What an analysis found is not here: runs are immutable Parquet files (`slices.py` reads them).
Times are UTC; ids are opaque, and ascend with time so that lists page by them.
"""

import os
import time
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
ENDED = ("done", "failed", "cancelled")
_ID = String(40)
_NAME = String(200)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also where the database forgets zones (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Write in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Read as UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def new_id(prefix: str) -> str:
    """Return a new id: 48 bits of milliseconds, then 80 random ones, in hex after `prefix`."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of all tables; constraint names are the same on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - read by the library


class Project(Base):
    """What belongs together and is seen together: every other row hangs on one."""

    __tablename__ = "project"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(_NAME, unique=True)
    edits: Mapped[int] = mapped_column(default=0)  # counts topic edits and corrections, for ETags
    created_at: Mapped[datetime] = mapped_column(default=now)


class ApiKey(Base):
    """A key: its secret only as a hash; `scopes` as read, score, analyse, label, admin.

    revoked_at: may be to come, where another key takes its place meanwhile.
    """

    __tablename__ = "api_key"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(_NAME)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class KeyProject(Base):
    """Which projects a key opens; `position` 0 is the one meant when a request names none."""

    __tablename__ = "key_project"
    key_id: Mapped[str] = mapped_column(
        ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[str] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int]


class Upload(Base):
    """A file that came in; its bytes lie in the data folder under `id`, never under its name."""

    __tablename__ = "upload"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    file_name: Mapped[str] = mapped_column(String(300))
    suffix: Mapped[str] = mapped_column(String(20))
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """A piece of work that survives its worker. `lease_until` is in seconds of the database's clock.

    lease_token: grows with each claim; a write that carries an older one changes nothing.
    attempts:    counted when claimed, so that a job that kills its process is not tried for ever.
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(f"status IN {JOB_STATES!r}", name="status"),
        Index("ix_job_status_run_after", "status", "run_after"),
    )
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(20), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    run_after: Mapped[float] = mapped_column(default=0.0)
    lease_owner: Mapped[str | None] = mapped_column(_NAME)
    lease_until: Mapped[float | None]
    lease_token: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    step: Mapped[str | None] = mapped_column(String(40))
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    problem: Mapped[str | None] = mapped_column(Text)
    result: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class JobStep(Base):
    """A step of a job that is ready: what it made of what, so that it is not made again."""

    __tablename__ = "job_step"
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    output: Mapped[str] = mapped_column(String(300))
    output_sha256: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float]
    made_at: Mapped[datetime] = mapped_column(default=now)


class Analysis(Base):
    """An analysis asked for; `run` names its folder once, and only when, it is whole."""

    __tablename__ = "analysis"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), unique=True)
    title: Mapped[str] = mapped_column(_NAME)
    settings: Mapped[dict[str, Any]]
    upload_ids: Mapped[list[Any]]
    continues: Mapped[str | None] = mapped_column(_ID)  # the analysis whose topics it keeps
    run: Mapped[str | None] = mapped_column(String(120))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]


class TopicEdit(Base):
    """What analysts decided about a topic; laid over every run of the project, old and new."""

    __tablename__ = "topic_edit"
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    topic_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    label: Mapped[str | None] = mapped_column(_NAME)
    owner: Mapped[str | None] = mapped_column(_NAME)
    hidden: Mapped[bool] = mapped_column(default=False)
    watched: Mapped[bool] = mapped_column(default=False)
    merged_into: Mapped[str | None] = mapped_column(String(120))
    parts: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """As `schemas.PartIn` with their ids: what of the topic's mentions counts for which part."""
    n_parts: Mapped[int] = mapped_column(default=0)
    """The highest number that a part was ever given, so that none is given twice."""
    edited_by: Mapped[str] = mapped_column(_NAME)
    edited_at: Mapped[datetime] = mapped_column(default=now)


class Fix(Base):
    """A fix of the register: what it is for, who got it since when, and what was hoped for."""

    __tablename__ = "fix"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str | None] = mapped_column(_NAME)
    topic: Mapped[str | None] = mapped_column(_NAME)
    stage: Mapped[str | None] = mapped_column(_NAME)
    touchpoint: Mapped[str | None] = mapped_column(_NAME)
    segment: Mapped[str | None] = mapped_column(String(500))
    date: Mapped[date]
    owner: Mapped[str | None] = mapped_column(_NAME)
    expected: Mapped[float | None]
    note: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str] = mapped_column(_NAME)
    created_at: Mapped[datetime] = mapped_column(default=now)


class LabelCorrection(Base):
    """A label that an analyst put right, with author and reason; the training reads these."""

    __tablename__ = "label_correction"
    __table_args__ = (
        Index("ix_label_correction_project_id_analysis_id", "project_id", "analysis_id"),
    )
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analysis.id"))
    mention_id: Mapped[str] = mapped_column(String(300))
    mention_text: Mapped[str] = mapped_column(Text)
    field: Mapped[str] = mapped_column(String(20))
    before: Mapped[str | None] = mapped_column(_NAME)
    after: Mapped[str] = mapped_column(_NAME)
    author: Mapped[str] = mapped_column(_NAME)
    reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class Webhook(Base):
    """Where to tell what happened; `secret` signs, so it is kept readable."""

    __tablename__ = "webhook"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """One event on its way to one webhook; `source` keeps the same event from being sent twice."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("webhook_id", "source"),)
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"))
    event: Mapped[str] = mapped_column(String(60))
    source: Mapped[str] = mapped_column(_NAME)
    body: Mapped[dict[str, Any]]
    status_code: Mapped[int | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class UsedRequestKey(Base):
    """An Idempotency-Key that was used, and what was answered."""

    __tablename__ = "used_request_key"
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    key: Mapped[str] = mapped_column(_NAME, primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status_code: Mapped[int | None]
    body: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Audit(Base):
    """Who did what to what; never the text of a customer."""

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str | None] = mapped_column(_ID, index=True)
    actor: Mapped[str] = mapped_column(_NAME)
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(300))
    request_id: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(default=now)

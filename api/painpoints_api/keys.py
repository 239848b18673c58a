"""API keys: made, shown once, looked up by their hash. A key is `pp_<id>_<secret>`."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from painpoints.errors import InputError
from painpoints_api.records import ApiKey, Audit, KeyProject, Project, new_id, now

SCOPES = ("read", "score", "analyse", "label", "promote", "admin")
_NOBODY = hashlib.sha256(b"").hexdigest()
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a valid key opens: `projects` are name -> id, the one meant by default first.

    unmarked: its use was not noted in the last minute.
    """

    key_id: str
    name: str
    scopes: frozenset[str]
    projects: dict[str, str]
    unmarked: bool


def project(session: Session, name: str) -> Project:
    """Return the project of a name, made if need be."""
    found = session.scalars(select(Project).where(Project.name == name)).one_or_none()
    if found is None:
        found = Project(id=new_id("pr"), name=name)
        session.add(found)
        session.flush()
    return found


def create(
    session: Session,
    name: str,
    *,
    scopes: Sequence[str],
    projects: Sequence[str],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which is nowhere kept.

    Raises:
        InputError: for an unknown scope, or without any scope or project.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes or not projects:
        raise InputError(
            f"scopes are of {', '.join(SCOPES)} (unknown: {', '.join(unknown) or 'none'}), "
            "and a key needs at least one scope and one project"
        )
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = ApiKey(
        id=key_id,
        name=name,
        secret_sha256=_hash(secret),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    for position, project_name in enumerate(dict.fromkeys(projects)):
        bound = project(session, project_name)
        session.add(KeyProject(key_id=key_id, project_id=bound.id, position=position))
    return row, f"pp_{key_id}_{secret}"


def rotate(session: Session, key_id: str, *, keep: timedelta) -> tuple[ApiKey, str] | None:
    """Make a key of the same name, scopes, projects and lifetime; the old one ends after `keep`.

    Return the new key's row and the key itself; None where there is no valid key of that id.
    """
    old = session.get(ApiKey, key_id)
    if old is None or not _is_valid(old):
        return None
    names = (
        select(Project.name)
        .join(KeyProject, KeyProject.project_id == Project.id)
        .where(KeyProject.key_id == key_id)
        .order_by(KeyProject.position)
    )
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    made = create(
        session,
        old.name,
        scopes=old.scopes,
        projects=session.scalars(names).all(),
        expires_at=None if lifetime is None else now() + lifetime,
    )
    _end(old, now() + keep)
    return made


def _end(row: ApiKey, at: datetime) -> None:
    """Let a key end then, or earlier where it does; its lifetime stays what it was made with."""
    row.revoked_at = at if row.revoked_at is None else min(at, row.revoked_at)


def note(session: Session, action: str, key_id: str) -> None:
    """Write into the audit log of each project that the key opens what an operator did to it."""
    bound = select(KeyProject.project_id).where(KeyProject.key_id == key_id)
    for project_id in session.scalars(bound):
        session.add(
            Audit(
                id=new_id("au"),
                project_id=project_id,
                actor="operator",
                action=action,
                target=key_id,
            )
        )


def revoke(session: Session, key_id: str) -> bool:
    """Make a key useless from now on; return whether there was one."""
    found = session.get(ApiKey, key_id)
    if found is None:
        return False
    _end(found, now())
    return True


def listed(session: Session) -> list[dict[str, Any]]:
    """Return all keys, oldest first, without their secrets."""
    bound: dict[str, list[str]] = {}
    joined = select(KeyProject.key_id, Project.name).join(
        Project, Project.id == KeyProject.project_id
    )
    for key_id, name in session.execute(joined.order_by(KeyProject.position)):
        bound.setdefault(key_id, []).append(name)
    return [
        {
            "id": row.id,
            "name": row.name,
            "scopes": row.scopes,
            "projects": bound.get(row.id, []),
            "state": _state(row),
            "created_at": row.created_at,
            "expires_at": min(filter(None, (row.expires_at, row.revoked_at)), default=None),
            "last_used_at": row.last_used_at,
        }
        for row in session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))
    ]


def _state(row: ApiKey) -> str:
    if _is_valid(row):
        return "valid"
    return "expired" if row.revoked_at is None else "revoked"


def look_up(session: Session, key: str) -> Opened | None:
    """Return what a key opens; None if it is unknown, expired or revoked."""
    key_id, secret = _parts(key)
    key_row = session.get(ApiKey, key_id)
    expected = key_row.secret_sha256 if key_row is not None else _NOBODY
    right = hmac.compare_digest(expected, _hash(secret))
    return opened(session, key_row) if key_row is not None and right else None


def opened(session: Session, key_row: ApiKey) -> Opened | None:
    """Return what a key opens, None if it is expired or revoked; that it was shown is checked."""
    if not _is_valid(key_row):
        return None
    bound = session.execute(
        select(Project.name, Project.id)
        .join(KeyProject, KeyProject.project_id == Project.id)
        .where(KeyProject.key_id == key_row.id)
        .order_by(KeyProject.position)
    )
    last = key_row.last_used_at
    unmarked = last is None or last < now() - _USED_EVERY
    projects = {row.name: row.id for row in bound}
    return Opened(key_row.id, key_row.name, frozenset(key_row.scopes), projects, unmarked)


def mark_used(session: Session, key_id: str) -> None:
    """Note that a key was used."""
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now()))


def _is_valid(row: ApiKey) -> bool:
    return all(end is None or end > now() for end in (row.expires_at, row.revoked_at))


def _parts(key: str) -> tuple[str, str]:
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == "pp" else ("", "")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

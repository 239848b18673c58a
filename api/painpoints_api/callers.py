"""Who asks, for which project, and what they may do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from painpoints_api import keys, sessions
from painpoints_api.problems import ProblemError
from painpoints_api.records import Audit, Project, new_id
from painpoints_api.service import LOCAL_PROJECT, Service, Serving

_bearer = HTTPBearer(auto_error=False, description="Authorization: Bearer pp_...")
_header = APIKeyHeader(name="X-Api-Key", auto_error=False, description="the same key, in a header")

_NAMING = ("authorization", "x-api-key", "painpoints-project")
_ASKING = {"WWW-Authenticate": 'Bearer realm="painpoints"'}

Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
HeaderKey = Annotated[str | None, Security(_header)]
ProjectName = Annotated[
    str | None,
    Header(
        alias="Painpoints-Project",
        max_length=200,
        description="which of the key's projects; its first one if not given",
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key, or whoever sits at this machine."""

    actor: str
    project_id: str
    scopes: frozenset[str]
    request_id: str

    def edited(self, session: Session) -> None:
        """Count that something decided for the project changed: answers held before are old."""
        project = session.get_one(Project, self.project_id)
        project.edits = Project.edits + 1

    def did(self, session: Session, action: str, target: str) -> None:
        """Write into the audit log what the caller does, in the transaction that does it."""
        session.add(
            Audit(
                id=new_id("au"),
                project_id=self.project_id,
                actor=self.actor,
                action=action,
                target=target[:300],
                request_id=self.request_id,
            )
        )


async def _caller(
    request: Request,
    service: Serving,
    bearer: Bearer = None,
    header_key: HeaderKey = None,
    project: ProjectName = None,
) -> Caller:
    key = bearer.credentials if bearer is not None else header_key
    if key is None and not service.settings.keys_needed:
        if project in {None, LOCAL_PROJECT}:
            return Caller(
                "local", service.local_project, frozenset(keys.SCOPES), request.state.request_id
            )
        return await run_in_threadpool(_local, service, project, request.state.request_id)
    return await run_in_threadpool(_keyed, request, service, key, project)


async def open_by_head(request: Request, service: Service) -> None:
    """Open what a request shows, so that who shows nothing valid is refused before the body is read.

    FastAPI reads a body before it asks who sent it; it then finds here what was opened.

    Raises:
        ProblemError: 401 for no key or one that is not valid, 429 for too many such.
    """
    bearer = await _bearer(request)
    key = bearer.credentials if bearer is not None else await _header(request)
    if key is not None or service.settings.keys_needed:
        request.state.opened = await run_in_threadpool(_opened, request, service, key)


@dataclass(frozen=True, slots=True)
class ReaderAtHand:
    """Who may read in which project; `key_id` None for whoever sits at this machine."""

    project_id: str
    key_id: str | None


def at_hand(request: Request, service: Service) -> ReaderAtHand | None:
    """Return who reads where no key is needed and none is shown, and no project is named."""
    headers = request.headers
    if service.settings.keys_needed or any(name in headers for name in _NAMING):
        return None
    return ReaderAtHand(service.local_project, None)


def reader(request: Request, service: Service) -> ReaderAtHand | None:
    """Return who shows a key or a session that may read; None for all who go the long way."""
    headers = request.headers
    scheme, _, key = headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(sessions.COOKIE)
    with service.database.read() as session:
        if scheme.lower() == "bearer" and key:
            opened = keys.look_up(session, key)
        elif cookie and not any(name in headers for name in ("authorization", "x-api-key")):
            opened = sessions.look_up(session, service.session_secret, cookie)
        else:
            return None
    project = headers.get("painpoints-project")
    if opened is None or not opened.projects or opened.unmarked:
        return None
    if opened.scopes.isdisjoint({"read", "admin"}) or project not in {None, *opened.projects}:
        return None
    return ReaderAtHand(opened.projects[project or next(iter(opened.projects))], opened.key_id)


def _opened(request: Request, service: Service, key: str | None) -> keys.Opened:
    cookie = request.cookies.get(sessions.COOKIE)
    opened = signed_in(service, cookie) if key is None and cookie else None
    return opened or open_key(service, key, address(request))


def _keyed(request: Request, service: Service, key: str | None, project: str | None) -> Caller:
    known: keys.Opened | None = getattr(request.state, "opened", None)
    opened = known or _opened(request, service, key)
    service.throttle.request(opened.key_id)
    if project is not None and project not in opened.projects:
        raise ProblemError(404, "this key opens no project of that name")
    project_id = opened.projects[project or next(iter(opened.projects))]
    return Caller(f"key:{opened.key_id}", project_id, opened.scopes, request.state.request_id)


def _local(service: Service, project: str | None, request_id: str) -> Caller:
    with service.database.read() as session:
        wanted = select(Project.id).where(Project.name == (project or LOCAL_PROJECT))
        project_id = session.scalars(wanted).one_or_none()
    if project_id is None:
        raise ProblemError(404, "there is no project of that name")
    return Caller("local", project_id, frozenset(keys.SCOPES), request_id)


def signed_in(service: Service, cookie: str) -> keys.Opened | None:
    """Return what somebody signed in at the page may do, None where the session is over."""
    with service.database.read() as session:
        return sessions.look_up(session, service.session_secret, cookie)


def shows_key(request: Request) -> bool:
    """Return whether a request carries a key or a session at all, valid or not."""
    in_head = any(name in request.headers for name in ("authorization", "x-api-key"))
    return in_head or sessions.COOKIE in request.cookies


def keyless() -> ProblemError:
    """Return the refusal of who shows no key."""
    return ProblemError(401, "send a key: Authorization: Bearer pp_...", headers=_ASKING)


def open_key(service: Service, key: str | None, address: str) -> keys.Opened:
    """Return what a key opens.

    Raises:
        ProblemError: 401 for no key or one that is not valid, 429 for too many such.
    """
    if key is None:
        raise keyless()
    with service.database.read() as session:
        opened = keys.look_up(session, key)
    if opened is None or not opened.projects:
        service.throttle.failed_key(address)
        raise ProblemError(401, "the key is not known, expired or revoked", headers=_ASKING)
    if opened.unmarked:
        with service.database.write() as session:
            keys.mark_used(session, opened.key_id)
    return opened


def address(request: Request) -> str:
    """Return where a request comes from."""
    return request.client.host if request.client is not None else "unknown"


def allowed(scope: str) -> Callable[[Caller], Awaitable[Caller]]:
    """Return a dependency that lets only callers with `scope` pass (admin has all)."""

    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if scope not in caller.scopes and "admin" not in caller.scopes:
            raise ProblemError(403, f"this key lacks the scope {scope}")
        return caller

    return check


Reader = Annotated[Caller, Depends(allowed("read"))]
ScoreCaller = Annotated[Caller, Depends(allowed("score"))]
AnalyseCaller = Annotated[Caller, Depends(allowed("analyse"))]
Labeller = Annotated[Caller, Depends(allowed("label"))]
Promoter = Annotated[Caller, Depends(allowed("promote"))]
Admin = Annotated[Caller, Depends(allowed("admin"))]

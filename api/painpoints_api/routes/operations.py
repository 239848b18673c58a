"""For who runs the service: is it alive, can it work, what does it do, who did what."""

import shutil
from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from painpoints.errors import PainpointsError
from painpoints_api import database as databases
from painpoints_api.callers import Admin
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import documented
from painpoints_api.records import Audit
from painpoints_api.schemas import HealthOut, Page, ReadyOut
from painpoints_api.service import Service, Serving

_VERSION = version("painpoints")

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def health() -> HealthOut:
    """Say that the process answers."""
    return HealthOut(status="ok", version=_VERSION)


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "A part fails"}})
def ready(service: Serving, response: Response) -> ReadyOut:
    """Say whether each part can be used: database, disk, models (`loading` for a while at first)."""
    parts = {
        "database": _database(service),
        "disk": _disk(service),
        "models": _models(service),
    }
    fine = all(told == "ok" for told in parts.values())
    response.status_code = 200 if fine else 503
    return ReadyOut(ready=fine, parts=parts)


def _database(service: Service) -> str:
    try:
        databases.require_current(service.database)
    except (DBAPIError, PainpointsError) as error:
        return f"fails: {type(error).__name__}"
    return "ok"


def _disk(service: Service) -> str:
    try:
        free = shutil.disk_usage(service.settings.data).free
    except OSError as error:
        return f"fails: {type(error).__name__}"
    return "ok" if free >= service.settings.min_free_bytes else "fails: nearly full"


def _models(service: Service) -> str:
    try:
        service.engine.models()
    except PainpointsError as error:
        return f"fails: {type(error).__name__}"
    return service.scorers.state


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **documented(401, 403),
    },
)
def metrics(service: Serving, _caller: Admin) -> Response:
    """Return the figures of this process and of the queue."""
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


class AuditOut(BaseModel):
    """One act: who did what to what, when, by which request."""

    at: datetime
    actor: str
    action: str
    target: str
    request_id: str | None


class AuditPage(Page):
    """Acts, newest first."""

    items: list[AuditOut]


@router.get("/v1/audit", responses=documented(401, 403, 422))
def audit(service: Serving, caller: Admin, after: Cursor = None, limit: Limit = 50) -> AuditPage:
    """List who did what in this project, newest first."""
    query = select(Audit).where(Audit.project_id == caller.project_id)
    with service.database.read() as session:
        found, more = newest(session, query, Audit.id, after, limit)
    items = [
        AuditOut(at=a.at, actor=a.actor, action=a.action, target=a.target, request_id=a.request_id)
        for (a,) in found
    ]
    return AuditPage(items=items, next=more)

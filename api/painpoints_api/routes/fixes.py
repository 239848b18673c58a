"""The register of fixes: what was done about a pain, since when, for whom, and what it did."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from painpoints_api import engine
from painpoints_api.callers import Labeller, Reader
from painpoints_api.once import RequestKey, once
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import ProblemError, documented
from painpoints_api.ranking import Decided
from painpoints_api.records import Fix, new_id
from painpoints_api.routes.results import NOT_CHANGED, Remembered, Seen
from painpoints_api.schemas import FixesOut, FixIn, FixOut, VerdictOut, VerdictsOut
from painpoints_api.service import Serving

router = APIRouter(tags=["fixes"])
judged = APIRouter(prefix="/v1/analyses/{analysis_id}", tags=["fixes"], route_class=Remembered)
_MOST = 200
_PROBLEMS = documented(401, 403, 404, 409, 422, 503)


# -- the register ------------------------------------------------------------------------------


@router.post(
    "/v1/fixes",
    status_code=201,
    response_model=FixOut,
    responses=documented(401, 403, 409, 422),
)
def add(service: Serving, caller: Labeller, given: FixIn, key: RequestKey = None) -> JSONResponse:
    """Enter a fix; every analysis of the project, earlier and later, judges it from then on."""

    def keep(session: Session) -> FixOut:
        held = select(func.count()).where(Fix.project_id == caller.project_id)
        if session.scalars(held).one() >= _MOST:
            raise ProblemError(409, f"a project's register holds {_MOST} fixes; remove some")
        row = Fix(
            id=new_id("fx"), project_id=caller.project_id, made_by=caller.actor, **given.told()
        )
        session.add(row)
        caller.edited(session)
        caller.did(session, "fix.create", row.id)
        session.flush()
        return _shown(row)

    return once(service, caller, key, f"fix {given.model_dump_json()}", keep, status=201)


def _shown(row: Fix) -> FixOut:
    return FixOut(**{name: getattr(row, name) for name in FixOut.model_fields})


@router.get("/v1/fixes", responses=documented(401, 403, 422))
def list_fixes(
    service: Serving, caller: Reader, after: Cursor = None, limit: Limit = 50
) -> FixesOut:
    """List the register, newest first."""
    query = select(Fix).where(Fix.project_id == caller.project_id)
    with service.database.read() as session:
        found, more = newest(session, query, Fix.id, after, limit)
    return FixesOut(items=[_shown(one) for (one,) in found], next=more)


@router.delete("/v1/fixes/{fix_id}", status_code=204, responses=documented(401, 403, 404))
def remove(service: Serving, caller: Labeller, fix_id: str) -> Response:
    """Take a fix out of the register."""
    with service.database.write() as session:
        found = session.get(Fix, fix_id)
        if found is None or found.project_id != caller.project_id:
            raise ProblemError(404, "no such fix in this project")
        session.delete(found)
        caller.edited(session)
        caller.did(session, "fix.remove", fix_id)
    return Response(status_code=204)


# -- what they did -----------------------------------------------------------------------------


@judged.get("/fixes", responses={**NOT_CHANGED, **_PROBLEMS})
def verdicts(found: Seen) -> VerdictsOut:
    """Judge every fix of the register by what this analysis holds from before and after it."""
    query = select(Fix).where(Fix.project_id == found.caller.project_id).order_by(Fix.date, Fix.id)
    with found.service.database.read() as session:
        rows = session.scalars(query).all()
    fixes = [_as_engine(row, found.decided) for row in rows]
    edits = found.decided.edits
    told = engine.judge_fixes(
        found.run,
        fixes,
        edits.merged,
        found.service.slices.in_parts(found.run, edits) if edits.parts else {},
        {part.topic_id: part.label for parts in edits.parts.values() for part in parts},
        min_people=found.min_people,
    )
    return VerdictsOut(
        items=[VerdictOut(fix=_shown(row), **one) for row, one in zip(rows, told, strict=True)]
    )


def _as_engine(row: Fix, decided: Decided) -> Mapping[str, Any]:
    """Return a fix as the engine's register has it; a topic may be named as analysts named it."""
    names = ("name", "stage", "touchpoint", "segment", "owner", "expected", "note")
    told: dict[str, Any] = {name: getattr(row, name) for name in names}
    topic = row.topic
    for topic_id, edit in decided.topics.items():
        if topic is not None and edit.label is not None and _same(edit.label, topic):
            topic = topic_id
    return told | {"topic": topic, "date": datetime.combine(row.date, time(), UTC)}


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()

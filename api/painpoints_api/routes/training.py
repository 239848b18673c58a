"""Models: which are in force, trained anew from corrections, promoted, rolled back.

Models are the service's, not a project's: what is promoted labels for all of them from then on.
"""

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from painpoints_api import engine, jobs, training
from painpoints_api.callers import Caller, Labeller, Promoter, Reader, ScoreCaller
from painpoints_api.once import RequestKey, once
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import ProblemError, documented
from painpoints_api.records import Job
from painpoints_api.schemas import (
    ModelsOut,
    PromoteIn,
    RetrainIn,
    RollbackIn,
    TrainingOut,
    TrainingsOut,
    VersionName,
    VersionsOut,
)
from painpoints_api.service import Service, Serving

router = APIRouter(prefix="/v1", tags=["models"])
_COMMAND_S = 120.0


@router.get("/models", responses=documented(401, 403, 503))
def models(service: Serving, _caller: ScoreCaller) -> ModelsOut:
    """Say which trained parts are in use."""
    return ModelsOut(items=service.engine.models())


@router.get("/models/versions", responses=documented(401, 403, 422))
def versions(service: Serving, _caller: Labeller) -> VersionsOut:
    """List the versions of the classifiers, shipped and own, with those in force marked."""
    return VersionsOut(items=[{**one, "folder": None} for one in _listed(service)])


def _listed(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = training.command(
        ["models", "list"], settings=service.settings.settings_file, seconds=_COMMAND_S
    )
    return found


# -- trained -----------------------------------------------------------------------------------


@router.post(
    "/retrain",
    status_code=202,
    response_model=TrainingOut,
    responses=documented(401, 403, 409, 422),
)
def retrain(
    service: Serving, caller: Labeller, wanted: RetrainIn, key: RequestKey = None
) -> JSONResponse:
    """Train a version from the project's corrected labels; it is judged, and waits for promotion."""

    def queue(session: Session) -> TrainingOut:
        waiting = select(Job.id).where(
            Job.project_id == caller.project_id,
            Job.kind == training.KIND,
            Job.status.in_(("queued", "running")),
        )
        if session.scalars(waiting).first() is not None:
            raise ProblemError(409, "a training of this project is under way already")
        if not training.corrections(session, caller.project_id):
            raise ProblemError(409, "this project has no corrected labels yet; see /v1/labels")
        job = jobs.put(
            session,
            caller.project_id,
            training.KIND,
            {"quality": wanted.quality},
            max_attempts=service.settings.max_attempts,
        )
        caller.did(session, "model.retrain", job.id)
        session.flush()
        return _shown(job)

    told = f"retrain {wanted.model_dump_json()}"
    answer = once(service, caller, key, told, queue, status=202)
    answer.headers["Location"] = f"/v1/retrain/{json.loads(bytes(answer.body))['id']}"
    return answer


def _shown(job: Job) -> TrainingOut:
    return TrainingOut(
        id=job.id,
        state=job.status,
        step=job.step,
        problem=job.problem,
        result=job.result,
        created_at=job.created_at,
        ended_at=job.ended_at,
    )


@router.get("/retrain", responses=documented(401, 403, 422))
def list_trainings(
    service: Serving, caller: Reader, after: Cursor = None, limit: Limit = 50
) -> TrainingsOut:
    """List the project's trainings, newest first."""
    query = select(Job).where(Job.project_id == caller.project_id, Job.kind == training.KIND)
    with service.database.read() as session:
        found, more = newest(session, query, Job.id, after, limit)
    return TrainingsOut(items=[_shown(job) for (job,) in found], next=more)


@router.get("/retrain/{training_id}", responses=documented(401, 403, 404))
def read_training(service: Serving, caller: Reader, training_id: str) -> TrainingOut:
    """Say where a training stands, and how its version was judged."""
    with service.database.read() as session:
        job = session.get(Job, training_id)
    if job is None or job.project_id != caller.project_id or job.kind != training.KIND:
        raise ProblemError(404, "no such training in this project")
    return _shown(job)


# -- in force ----------------------------------------------------------------------------------


@router.post("/models/{version}/promote", responses=documented(401, 403, 404, 422))
def promote(
    service: Serving, caller: Promoter, version: VersionName, wanted: PromoteIn
) -> VersionsOut:
    """Bring a version into force, for all projects; `force` does so although a label falls."""
    arguments = ["models", "promote", version, *_of(wanted.quality)]
    if wanted.force:
        arguments.append("--force")
    return _changed(service, caller, "model.promote", version, arguments)


@router.post("/models/{version}/rollback", responses=documented(401, 403, 404, 409, 422))
def rollback(
    service: Serving, caller: Promoter, version: VersionName, wanted: RollbackIn
) -> VersionsOut:
    """Leave a version that is in force for the one that was before it."""
    quality = wanted.quality or engine.quality(service.settings.settings_file)
    part = f"classifier-{quality}"
    if not any(_is(one, part, version) and one["in_force"] for one in _listed(service)):
        raise ProblemError(409, f"this version of {part} is not in force")
    arguments = ["models", "rollback", version, *_of(quality)]
    return _changed(service, caller, "model.rollback", version, arguments)


def _is(one: dict[str, Any], part: str, version: str) -> bool:
    return (one["part"], one["version"]) == (part, version)


def _of(quality: str | None) -> list[str]:
    return ["--quality", quality] if quality else []


def _changed(
    service: Service, caller: Caller, action: str, version: str, arguments: list[str]
) -> VersionsOut:
    """Do it, write it into the audit log, and let the next text be labelled by what is in force."""
    training.order(arguments, settings=service.settings.settings_file, seconds=_COMMAND_S)
    with service.database.write() as session:
        caller.did(session, action, version)
    service.scorers.forget()
    return VersionsOut(items=[{**one, "folder": None} for one in _listed(service)])

"""Analyses: asked for, followed, cancelled, removed."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile as FormFile

from painpoints_api import analysing, engine, jobs
from painpoints_api.callers import AnalyseCaller, Caller, Reader
from painpoints_api.once import RequestKey, once
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import ProblemError, documented
from painpoints_api.records import ENDED, Analysis, Job, Upload, new_id, now
from painpoints_api.routes.uploads import FILES, check_known, check_room, keeping, take_in
from painpoints_api.schemas import AnalysesOut, AnalysisIn, AnalysisOut, Options
from painpoints_api.service import Service, Serving
from painpoints_api.work import tidy

router = APIRouter(prefix="/v1/analyses", tags=["analyses"])
_LATEST, _NONE = "latest", "none"
_LOOKED_AT = 10
_EVERY_S = 0.5
_ALIVE_S = 15.0
_FORM = {
    "schema": {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": FILES,
            "options": {"type": "string", "description": "as JSON, fields as in the other form"},
        },
    }
}
_JSON = {"schema": {"$ref": "#/components/schemas/AnalysisIn"}}


def shown(analysis: Analysis, job: Job) -> AnalysisOut:
    """Return an analysis as it is told."""
    return AnalysisOut(
        id=analysis.id,
        title=analysis.title,
        state=job.status,
        step=job.step,
        done=job.done,
        total=job.total,
        attempts=job.attempts,
        problem=job.problem,
        counts=analysis.counts,
        settings=analysis.settings,
        upload_ids=analysis.upload_ids,
        continues=analysis.continues,
        created_at=analysis.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )


def find(session: Session, caller: Caller, analysis_id: str) -> tuple[Analysis, Job]:
    """Return an analysis of the caller's project and its job.

    Raises:
        ProblemError: 404 for what is not there, or another project's.
    """
    query = (
        select(Analysis, Job)
        .join(Job, Job.id == Analysis.job_id)
        .where(
            Analysis.id == analysis_id,
            Analysis.project_id == caller.project_id,
            Analysis.removed_at.is_(None),
        )
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise ProblemError(404, "no such analysis in this project")
    return found[0], found[1]


# -- asked for ---------------------------------------------------------------------------------


@router.post(
    "",
    status_code=202,
    response_model=AnalysisOut,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": _JSON, "multipart/form-data": _FORM},
        }
    },
)
async def analyse(
    request: Request, service: Serving, caller: AnalyseCaller, key: RequestKey = None
) -> JSONResponse:
    """Ask for an analysis of files (as a form), of rows or of earlier uploads (as JSON)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await check_room(request, service, caller)
        async with request.form(max_files=200, max_fields=10) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, FormFile)]
            options = _parsed(Options, str(form.get("options") or "{}"))
            return await run_in_threadpool(_of_files, service, caller, key, files, options)
    if kind == "application/json":
        wanted = _parsed(AnalysisIn, await request.body())
        assert isinstance(wanted, AnalysisIn)
        return await run_in_threadpool(_of_json, service, caller, key, wanted)
    raise ProblemError(415, "send application/json or multipart/form-data")


def _parsed(model: type[Options], told: str | bytes) -> Options:
    try:
        return model.model_validate_json(told)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        in_body = [{**one, "loc": ("body", *one["loc"])} for one in found]
        raise RequestValidationError(in_body) from error


def _of_files(
    service: Service, caller: Caller, key: str | None, files: list[Any], options: Options
) -> JSONResponse:
    engine.check_settings(service.settings.settings_file, options.settings())
    stored = take_in(service, caller, files)
    return _put(service, caller, key, options=options, stored=stored, upload_ids=[])


def _of_json(service: Service, caller: Caller, key: str | None, wanted: AnalysisIn) -> JSONResponse:
    if bool(wanted.rows) == bool(wanted.upload_ids):
        raise ProblemError(422, "body: either rows or upload_ids is needed, and not both")
    if len(wanted.rows) > service.settings.max_rows:
        limit = service.settings.max_rows
        raise ProblemError(413, f"{len(wanted.rows):,} rows, {limit:,} allowed; send a file")
    engine.check_settings(service.settings.settings_file, wanted.settings())
    stored = []
    if wanted.rows:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in wanted.rows)
        told = lines.encode("utf-8", "surrogatepass")
        file = UploadFile(io.BytesIO(told), size=len(told), filename="rows.jsonl")
        stored = take_in(service, caller, [file])
    return _put(service, caller, key, options=wanted, stored=stored, upload_ids=wanted.upload_ids)


def _put(
    service: Service,
    caller: Caller,
    key: str | None,
    *,
    options: Options,
    stored: list[Upload],
    upload_ids: list[str],
) -> JSONResponse:
    """Queue the analysis, once for each request key; drop the files where it comes to nothing."""
    settings = options.settings()

    def queue(session: Session) -> AnalysisOut:
        return _queue(
            session,
            service,
            caller,
            title=options.title,
            settings=settings,
            continues=options.continues,
            stored=stored,
            upload_ids=upload_ids,
        )

    told = json.dumps(
        [settings, options.continues, upload_ids, [one.sha256 for one in stored]], sort_keys=True
    )
    with keeping(service, stored) as answered:
        answer = answered(once(service, caller, key, f"analysis {told}", queue, status=202))
    answer.headers["Location"] = f"/v1/analyses/{json.loads(bytes(answer.body))['id']}"
    return answer


def _queue(
    session: Session,
    service: Service,
    caller: Caller,
    *,
    title: str | None,
    settings: dict[str, Any],
    continues: str,
    stored: list[Upload],
    upload_ids: list[str],
) -> AnalysisOut:
    _check_queue(session, service, caller)
    check_known(session, caller, upload_ids)
    session.add_all(stored)
    session.flush()
    analysis = Analysis(
        id=new_id("an"),
        project_id=caller.project_id,
        title=title or (stored[0].file_name if stored else "Analysis"),
        settings=settings,
        upload_ids=[one.id for one in stored] or upload_ids,
        continues=_continued(session, service, caller, continues, settings),
        counts={},
    )
    job = jobs.put(
        session,
        caller.project_id,
        analysing.KIND,
        {"analysis_id": analysis.id},
        max_attempts=service.settings.max_attempts,
    )
    analysis.job_id = job.id
    session.add(analysis)
    session.flush()
    caller.did(session, "analysis.create", analysis.id)
    return shown(analysis, job)


def _continued(
    session: Session, service: Service, caller: Caller, wanted: str, settings: dict[str, Any]
) -> str | None:
    """Return the analysis whose topics are to be kept, None if there is none that fits.

    Raises:
        ProblemError: for one that is asked for by its id and is not there, not done, or read otherwise.
    """
    if wanted == _NONE:
        return None
    if wanted == _LATEST:
        done = select(Analysis).where(
            Analysis.project_id == caller.project_id, Analysis.run.is_not(None)
        )
        latest = session.scalars(done.order_by(Analysis.id.desc()).limit(_LOOKED_AT)).all()
        fitting = (a for a in latest if service.engine.fits(service.run_folder(a), settings))
        return next((analysis.id for analysis in fitting), None)
    analysis, _ = find(session, caller, wanted)
    if not service.engine.fits(service.run_folder(analysis), settings):
        raise ProblemError(
            422, "body.continues: that analysis was read in another quality or by other models"
        )
    return analysis.id


def _check_queue(session: Session, service: Service, caller: Caller) -> None:
    waiting = session.scalars(
        select(func.count()).where(
            Job.project_id == caller.project_id,
            Job.kind == analysing.KIND,
            Job.status.in_(("queued", "running")),
        )
    ).one()
    if waiting >= service.settings.quota_queued:
        raise ProblemError(429, f"{waiting} analyses wait already", headers={"Retry-After": "60"})


# -- followed ----------------------------------------------------------------------------------


@router.get("", responses=documented(401, 403, 422))
def list_analyses(
    service: Serving, caller: Reader, after: Cursor = None, limit: Limit = 50
) -> AnalysesOut:
    """List analyses, newest first."""
    query = (
        select(Analysis, Job)
        .join(Job, Job.id == Analysis.job_id)
        .where(Analysis.project_id == caller.project_id, Analysis.removed_at.is_(None))
    )
    with service.database.read() as session:
        found, more = newest(session, query, Analysis.id, after, limit)
    return AnalysesOut(items=[shown(a, j) for a, j in found], next=more)


@router.get("/{analysis_id}", responses=documented(401, 403, 404))
def read_analysis(service: Serving, caller: Reader, analysis_id: str) -> AnalysisOut:
    """Say where an analysis stands."""
    with service.database.read() as session:
        return shown(*find(session, caller, analysis_id))


@router.get(
    "/{analysis_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An event `analysis` at each change, until it has ended",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 404),
    },
)
async def follow(
    request: Request, service: Serving, caller: Reader, analysis_id: str
) -> StreamingResponse:
    """Follow an analysis as server-sent events, from where it stands to its end."""
    first = await run_in_threadpool(read_analysis, service, caller, analysis_id)
    return StreamingResponse(
        _events(request, service, caller, first),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, service: Service, caller: Caller, at: AnalysisOut
) -> AsyncIterator[str]:
    yield _event(at)
    silent_s = 0.0
    while at.state not in ENDED and not await request.is_disconnected():
        await asyncio.sleep(_EVERY_S)
        try:
            found = await _looked(service, caller, at.id)
        except ProblemError:  # removed meanwhile
            return
        silent_s += _EVERY_S
        if found != at:
            yield _event(found)
        elif silent_s >= _ALIVE_S:
            yield ": alive\n\n"
        silent_s = 0.0 if found != at or silent_s >= _ALIVE_S else silent_s
        at = found


async def _looked(service: Service, caller: Caller, analysis_id: str) -> AnalysisOut:
    """Return where an analysis stands; those who follow it at once share one look."""
    key = (caller.project_id, analysis_id)
    look = service.looks.get(key)
    if look is None:
        look = asyncio.ensure_future(run_in_threadpool(read_analysis, service, caller, analysis_id))
        service.looks[key] = look
        asyncio.get_running_loop().call_later(_EVERY_S / 2, service.looks.pop, key, None)
    return await asyncio.shield(look)  # who leaves ends no other's look


def _event(at: AnalysisOut) -> str:
    return f"event: analysis\ndata: {at.model_dump_json()}\n\n"


# -- ended -------------------------------------------------------------------------------------


@router.post("/{analysis_id}/cancel", responses=documented(401, 403, 404, 409))
def cancel(service: Serving, caller: AnalyseCaller, analysis_id: str) -> AnalysisOut:
    """Cancel an analysis that is under way; one that has ended stays as it is."""
    with service.database.write() as session:
        analysis, job = find(session, caller, analysis_id)
        if job.status in ENDED:
            raise ProblemError(409, f"the analysis has ended: it is {job.status}")
        return _cancelled(session, caller, analysis, job)


def _cancelled(session: Session, caller: Caller, analysis: Analysis, job: Job) -> AnalysisOut:
    jobs.cancel(session, job.id)
    caller.did(session, "analysis.cancel", analysis.id)
    session.refresh(job)
    return shown(analysis, job)


@router.delete(
    "/{analysis_id}",
    responses={
        200: {"model": AnalysisOut, "description": "It was under way; it ends now"},
        204: {"description": "It had ended; it and its files are gone"},
        **documented(401, 403, 404, 409),
    },
    response_model=None,
)
def cancel_or_remove(
    service: Serving, caller: AnalyseCaller, analysis_id: str
) -> AnalysisOut | Response:
    """Cancel an analysis that is under way; remove one that has ended, with all it found."""
    with service.database.write() as session:
        analysis, job = find(session, caller, analysis_id)
        if job.status not in ENDED:
            return _cancelled(session, caller, analysis, job)
        _check_unneeded(session, analysis)
        analysis.run, analysis.removed_at = None, now()
        analysis.counts, analysis.title = {}, "removed"
        caller.did(session, "analysis.remove", analysis.id)
    tidy(service.settings, analysis.job_id, keep=None)
    return Response(status_code=204)


def _check_unneeded(session: Session, analysis: Analysis) -> None:
    waiting = (
        select(Analysis.id)
        .join(Job, Job.id == Analysis.job_id)
        .where(Analysis.continues == analysis.id, Job.status.in_(("queued", "running")))
    )
    if session.scalars(waiting).first() is not None:
        raise ProblemError(
            409, "an analysis that is not finished keeps its topics; cancel that first"
        )

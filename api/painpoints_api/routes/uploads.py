"""Files: they come in once and may be analysed several times."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from painpoints_api import engine, uploads
from painpoints_api.callers import AnalyseCaller, Caller, Reader
from painpoints_api.once import RequestKey, once
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import ProblemError, documented
from painpoints_api.records import Analysis, Job, Upload
from painpoints_api.schemas import CheckIn, CheckOut, UploadOut, UploadsOut
from painpoints_api.service import Service, Serving

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
FILES = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "description": "exports of any known kind",
}
_FORM = {"schema": {"type": "object", "required": ["files"], "properties": {"files": FILES}}}


def shown(upload: Upload) -> UploadOut:
    """Return an upload as it is told."""
    return UploadOut(
        id=upload.id,
        file_name=upload.file_name,
        n_bytes=upload.n_bytes,
        sha256=upload.sha256,
        created_at=upload.created_at,
    )


def take_in(service: Service, caller: Caller, files: list[UploadFile]) -> list[Upload]:
    """Write files to their place; all or none. Their rows are not yet in the database.

    Raises:
        ProblemError: 413 over the quota, 422 without a file, 507 without room on the disk.
        InputError: for an empty file or one of an unknown kind.
    """
    if not files:
        raise ProblemError(422, "body.files: at least one file is needed")
    _check_room(service, caller, sum(file.size or 0 for file in files))
    stored: list[Upload] = []
    try:
        for file in files:
            name = file.filename or "upload"
            upload = uploads.store(service.settings, caller.project_id, name, file.file)
            stored.append(upload)
    except BaseException:
        drop_files(service, stored)
        raise
    return stored


@contextmanager
def keeping(
    service: Service, stored: list[Upload]
) -> Iterator[Callable[[JSONResponse], JSONResponse]]:
    """Keep the bytes of uploads only if the answer given is a new one, and not if none is."""
    try:
        given: list[JSONResponse] = []
        yield lambda answer: given.append(answer) or answer  # type: ignore[func-returns-value] # append gives none
    except BaseException:
        drop_files(service, stored)
        raise
    if "Idempotent-Replayed" in given[0].headers:
        drop_files(service, stored)


def check_known(session: Session, caller: Caller, upload_ids: list[str]) -> list[Upload]:
    """Return uploads of the caller's project, in the order named.

    Raises:
        ProblemError: 404 where one is not there, or another project's, or named twice.
    """
    query = select(Upload).where(Upload.id.in_(upload_ids), Upload.project_id == caller.project_id)
    known = {upload.id: upload for upload in session.scalars(query)}
    if len(set(upload_ids)) != len(upload_ids) or set(upload_ids) - known.keys():
        raise ProblemError(404, "an upload is not in this project, or is named twice")
    return [known[upload_id] for upload_id in upload_ids]


def drop_files(service: Service, stored: list[Upload]) -> None:
    """Remove the bytes of uploads that came to nothing."""
    for upload in stored:
        uploads.path(service.settings, upload).unlink(missing_ok=True)


async def check_room(request: Request, service: Service, caller: Caller) -> None:
    """Check that there is room for what a request says it carries, before any of it is read.

    Raises:
        ProblemError: 413 over the quota, 507 without room on the disk.
    """
    n_bytes = int(request.headers.get("content-length", 0))
    await run_in_threadpool(_check_room, service, caller, n_bytes)


def _check_room(service: Service, caller: Caller, n_bytes: int) -> None:
    with service.database.read() as session:
        held = func.coalesce(func.sum(Upload.n_bytes), 0)
        query = select(held).where(Upload.project_id == caller.project_id)
        used = int(session.scalars(query).one())
    limit = service.settings.quota_bytes
    if used + n_bytes > limit:
        raise ProblemError(
            413, f"the project's uploads hold {used:,} of {limit:,} bytes; remove some"
        )
    service.settings.data.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(service.settings.data).free - n_bytes < service.settings.min_free_bytes:
        raise ProblemError(507, "the disk is nearly full")


@router.post(
    "",
    status_code=201,
    response_model=UploadsOut,
    responses=documented(400, 401, 403, 413, 422, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": _FORM}}},
)
async def upload(
    request: Request, service: Serving, caller: AnalyseCaller, key: RequestKey = None
) -> JSONResponse:
    """Take in files without analysing them yet."""
    await check_room(request, service, caller)
    async with request.form() as form:
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        return await run_in_threadpool(_keep, service, caller, key, files)


def _keep(
    service: Service, caller: Caller, key: str | None, files: list[UploadFile]
) -> JSONResponse:
    stored = take_in(service, caller, files)

    def keep(session: Session) -> UploadsOut:
        session.add_all(stored)
        session.flush()
        for one in stored:
            caller.did(session, "upload.create", one.id)
        return UploadsOut(items=[shown(one) for one in stored])

    told = "uploads " + " ".join(one.sha256 for one in stored)
    with keeping(service, stored) as answered:
        return answered(once(service, caller, key, told, keep, status=201))


@router.get("", responses=documented(401, 403, 422))
def list_uploads(
    service: Serving, caller: Reader, after: Cursor = None, limit: Limit = 50
) -> UploadsOut:
    """List files that came in, newest first."""
    query = select(Upload).where(Upload.project_id == caller.project_id)
    with service.database.read() as session:
        found, more = newest(session, query, Upload.id, after, limit)
    return UploadsOut(items=[shown(one) for (one,) in found], next=more)


@router.post("/check", responses=documented(401, 403, 404, 422, 503))
def check(service: Serving, caller: AnalyseCaller, asked: CheckIn) -> CheckOut:
    """Say what is recognised in uploads: which column is what and why, and what is wrong.

    With the same columns and ways of reading, an analysis takes them the same way.
    """
    engine.check_settings(service.settings.settings_file, asked.settings())
    with service.database.read() as session:
        held = check_known(session, caller, asked.upload_ids)
    return CheckOut.model_validate(service.checks.recognise(held, asked.settings()))


@router.delete("/{upload_id}", status_code=204, responses=documented(401, 403, 404, 409))
def remove_upload(service: Serving, caller: AnalyseCaller, upload_id: str) -> Response:
    """Remove a file. What was found in it stays; an analysis that waits for it keeps it here."""
    with service.database.write() as session:
        found = session.get(Upload, upload_id)
        if found is None or found.project_id != caller.project_id:
            raise ProblemError(404, "no such upload in this project")
        waiting = (
            select(Analysis.upload_ids)
            .join(Job, Job.id == Analysis.job_id)
            .where(Analysis.project_id == caller.project_id, Job.status.in_(("queued", "running")))
        )
        if any(upload_id in ids for ids in session.scalars(waiting)):
            raise ProblemError(409, "an analysis that is not finished needs it; cancel that first")
        session.delete(found)
        caller.did(session, "upload.remove", upload_id)
    drop_files(service, [found])
    return Response(status_code=204)

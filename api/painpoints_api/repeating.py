"""What was told of a run before is told again without going through routes and models.

Only what a route answered and kept is repeated (`Answers`), to callers whose project and right to
read are looked at here; every other request, every refusal among them, goes the long way.
"""

from types import SimpleNamespace

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from painpoints_api import callers, problems
from painpoints_api.problems import ProblemError
from painpoints_api.service import Service, tag

_PREFIX = "/v1/analyses/"


def repeated(etag: str, body: bytes | None) -> Response:
    """Return a body told before, or that the caller has it."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


class Repeating:
    """Answers from what is held, where that is possible; sits next to the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request from what is held, or hand it on."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET":
            answer = await _again(scope)
        await (self._app if answer is None else answer)(scope, receive, send)


async def _again(scope: Scope) -> Response | None:
    path: str = scope["path"]
    if not path.startswith(_PREFIX):
        return None
    service: Service = scope["state"]["service"]
    request = Request(scope)
    who = callers.at_hand(request, service)
    if who is None:
        who = await run_in_threadpool(_reader, request, service)
    if who is None:
        return None
    state = service.states.held(who.project_id, path[len(_PREFIX) :].partition("/")[0])
    if state is None:
        return None
    etag = tag(state, request.url.path, request.url.query)
    has = etag in request.headers.get("if-none-match", "")
    body = service.answers.get(etag)
    if body is None:
        return None
    scope["route"] = SimpleNamespace(path=service.answers.route(etag))
    try:
        if who.key_id is not None:
            service.throttle.request(who.key_id)
    except ProblemError as error:
        return problems.answer(request, error.status, error.detail, headers=error.headers)
    return repeated(etag, None if has else body)


def _reader(request: Request, service: Service) -> callers.ReaderAtHand | None:
    """Return who may read; a database that is away is told by the long way."""
    try:
        return callers.reader(request, service)
    except DBAPIError:
        return None

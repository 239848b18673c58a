"""The app: routes, errors, limits and headers put together. Started by `painpoints serve`."""

import re
import secrets
import time
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import Depends, FastAPI
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from painpoints_api import callers, logs, problems
from painpoints_api.cutting import only_known
from painpoints_api.problems import ProblemError
from painpoints_api.repeating import Repeating
from painpoints_api.routes import (
    analyses,
    fixes,
    operations,
    pages,
    results,
    scoring,
    topics,
    training,
    uploads,
    webhooks,
)
from painpoints_api.schemas import AnalysisIn
from painpoints_api.service import lifespan
from painpoints_api.settings import LOOPBACK, ServiceSettings

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_TAKING_FILES = {"/v1/analyses", "/v1/uploads"}
_TAKING_TEXTS = {"/v1/analyses", "/v1/score"}
_MAX_SIGN_IN_BYTES = 4_096
_MAX_PLAIN_BYTES = 1_000_000
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_ANYWHERE = (400, 401, 403, 404, 413, 422, 429, 503)
_DESCRIPTION = """
Customer feedback in; ranked pain points and opportunities for each stage of the journey out.

Errors are problem documents (RFC 9457). Lists page by `after`, which is `next` of the part before. POST takes an `Idempotency-Key`.
Results carry an ETag; send it back as `If-None-Match`. Keys go in `Authorization: Bearer`.
"""


def create(settings: ServiceSettings) -> FastAPI:
    """Return the app; nothing is opened before it starts."""
    app = FastAPI(
        title="painpoints",
        version=version("painpoints"),
        description=_DESCRIPTION,
        lifespan=lifespan(settings),
        dependencies=[Depends(only_known)],
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        telemetry=None,
    )
    for routes in (
        scoring,  # first: the router looks at one path after the other, and this one is in a hurry
        uploads,
        analyses,
        results,
        topics,
        fixes,
        training,
        webhooks,
        operations,
        pages,
    ):
        app.include_router(routes.router)
    app.include_router(fixes.judged)
    problems.handle(app)
    app.add_exception_handler(results.KnownError, results.known)
    app.add_exception_handler(404, pages.gone)
    app.add_middleware(Repeating)
    app.add_middleware(_Heads)
    app.add_middleware(_AllowedMethods)
    app.add_middleware(_Bounded, settings=settings)
    app.add_middleware(_Guard, settings=settings)
    app.add_middleware(_Envelope)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI description what routes alone do not tell."""
    made = app.openapi

    def described() -> dict[str, Any]:
        schema = made()
        parts = schema.setdefault("components", {}).setdefault("schemas", {})
        parts["Problem"] = problems.SCHEMA
        if "AnalysisIn" not in parts:
            own = AnalysisIn.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.update(own.pop("$defs", {}))
            parts["AnalysisIn"] = own
        for path, described_path in schema["paths"].items():
            for operation in described_path.values():
                _with_problems(operation, _ANYWHERE if path.startswith("/v1") else (400,))
        return schema

    app.openapi = described  # type: ignore[method-assign] # as FastAPI's own pages do it


def _with_problems(operation: dict[str, Any], statuses: tuple[int, ...]) -> None:
    """Describe what any request may be answered with; validation errors are problems here."""
    responses = operation.setdefault("responses", {})
    described = problems.documented(*statuses)
    for status, told in described.items():
        responses.setdefault(str(status), told)
    if "422" in responses:
        responses["422"] = problems.documented(422)[422]


class _Envelope:
    """Gives each request an id, each answer its headers; logs and counts it, without its content."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status: int | None = None
        since = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Cache-Control", "no-store")
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            answer = problems.unforeseen(Request(scope), error)
            if status is None:
                await answer(scope, receive, sending)
            raise
        finally:
            _tell(scope, status or 500, time.perf_counter() - since)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def _tell(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    logs.logger().info(
        "request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1)
    )
    service = scope["state"].get("service")
    if service is not None:
        service.metrics.answered(route, scope["method"], status, seconds)


class _Guard:
    """Refuses by the head alone: other sites' requests, and those without a right key where one is needed.

    A page elsewhere may not use the service on this machine; a stranger's body is not read.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._keyed = settings.keys_needed
        self._open = settings.keys_needed and not settings.allowed_hosts
        self._hosts = {*LOOPBACK, "[::1]", settings.host, *settings.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            refused = self._refused(request) or await _stranger(request)
            if refused is not None:
                answer = problems.refused(request, refused)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refused(self, request: Request) -> ProblemError | None:
        host = request.headers.get("host", "")
        if not self._open and _name(host) not in self._hosts:
            told = "the Host header names another machine; see the setting allowed_hosts"
            return ProblemError(400, told)
        origin = request.headers.get("origin")
        elsewhere = origin is not None and origin.partition("://")[2] != host
        if request.method in _UNSAFE and elsewhere:
            return ProblemError(403, "a page of another site may not do that")
        needed = self._keyed and request.scope["path"].startswith("/v1/")
        return callers.keyless() if needed and not callers.shows_key(request) else None


async def _stranger(request: Request) -> ProblemError | None:
    """Return why what is shown opens nothing; a database that is away is told by the long way."""
    if request.method not in _UNSAFE or not request.scope["path"].startswith("/v1/"):
        return None
    try:
        await callers.open_by_head(request, request.state.service)
    except ProblemError as error:
        return error
    except DBAPIError:
        return None
    return None


def _name(host: str) -> str:
    return host if host.startswith("[") and host.endswith("]") else host.rsplit(":", 1)[0]


class _Bounded:
    """Bounds bodies, told or chunked: files and texts where they are taken, keys, everything else."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._files = RequestBodyLimitMiddleware(app, settings.max_upload_bytes)
        self._keys = RequestBodyLimitMiddleware(app, _MAX_SIGN_IN_BYTES)
        self._texts = RequestBodyLimitMiddleware(app, settings.max_body_bytes)
        self._rest = RequestBodyLimitMiddleware(app, min(settings.max_body_bytes, _MAX_PLAIN_BYTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        refused = False

        async def sending(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and _is_plain_413(message):
                refused = True
            elif not refused:
                await send(message)

        bounded = self._bound(scope)
        await bounded(scope, receive, sending)
        if refused:
            answer = problems.answer(Request(scope), 413, f"over {bounded.max_body_size:,} bytes")
            await answer(scope, receive, send)

    def _bound(self, scope: Scope) -> RequestBodyLimitMiddleware:
        if scope["path"] == "/sign-in":
            return self._keys
        is_form = Headers(scope=scope).get("content-type", "").startswith("multipart/form-data")
        if is_form and scope["path"] in _TAKING_FILES:
            return self._files
        return self._texts if scope["path"] in _TAKING_TEXTS else self._rest


def _is_plain_413(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] == 413 and kind.startswith("text/plain")


class _Heads:
    """Answers HEAD as GET without its body, as watchers of services ask; streams have no HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD" or scope["path"].endswith("/events"):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, sending)
        finally:
            scope["route"] = asked.get("route")


class _AllowedMethods:
    """Lets a 405 name all methods of a path, not only those of the first route that fits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = _allowed(scope)
            await send(message)

        await self._app(scope, receive, sending)


def _allowed(scope: Scope) -> str:
    """Return the methods of a path, by the app's own description of itself."""
    described: dict[str, dict[str, Any]] = scope["app"].openapi()["paths"]
    known = {
        method.upper()
        for path, operations in described.items()
        if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)), scope["path"])
        for method in operations
    }
    if "GET" in known and not scope["path"].endswith("/events"):
        known.add("HEAD")
    return ", ".join(sorted(known))

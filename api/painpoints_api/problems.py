"""What goes wrong, told as RFC 9457 problem documents; the only place that makes them.

A problem never repeats what was sent: it may be a customer's text.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException

from painpoints.errors import InputError, ModelError, PainpointsError, RunError, SettingsError
from painpoints_api import logs
from painpoints_api.checking import BusyError
from painpoints_api.database import StoreError, is_full, is_passing
from painpoints_api.discreet import without_paths
from painpoints_api.slices import QueryTooLongError, RunGoneError, UnknownFilterError

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 50
_TITLES = {
    400: "The request cannot be understood",
    401: "A key is needed",
    403: "This key may not do that",
    404: "There is no such thing",
    405: "This method is not known here",
    409: "It is in another state",
    413: "Too large",
    415: "This content type is not known here",
    422: "The request cannot be used",
    429: "Too many",
    500: "Something of ours failed",
    503: "Not able to answer just now",
    507: "No room left",
}
_STATUS = {
    InputError: 422,
    SettingsError: 422,
    UnknownFilterError: 422,
    QueryTooLongError: 503,
    ModelError: 503,
    StoreError: 503,
    BusyError: 503,
    RunError: 500,
    RunGoneError: 404,
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "example": {
        "type": "about:blank",
        "title": "There is no such thing",
        "status": 404,
        "detail": "no analysis an_0193 in this project",
        "instance": "req_5e1f",
    },
}


class ProblemError(Exception):
    """A request that is refused, with its status and one sentence why."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` for an endpoint that may answer with these problems."""
    return {
        status: {
            "description": _TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def answer(
    request: Request | None,
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return a problem document."""
    told: dict[str, Any] = {"type": "about:blank", "title": _TITLES.get(status, "Not possible")}
    told["status"] = status
    if detail:
        told["detail"] = detail
    if request is not None:
        told["instance"] = getattr(request.state, "request_id", "")
    return JSONResponse(
        {**told, **more}, status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def handle(app: FastAPI) -> None:
    """Let every error that is foreseen end as a problem document."""
    app.add_exception_handler(ProblemError, refused)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(PainpointsError, _ours)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(DataError, _unfit)
    app.add_exception_handler(UnicodeEncodeError, _unfit)


def refused(request: Request, error: Exception) -> JSONResponse:
    """Tell why a request is refused."""
    assert isinstance(error, ProblemError)
    return answer(request, error.status, error.detail, headers=error.headers, **error.more)


def http(request: Request, error: Exception) -> JSONResponse:
    """Tell what the framework refuses: paths and methods that are not known."""
    assert isinstance(error, HTTPException)
    detail = "" if error.status_code in {404, 405} else str(error.detail)
    return answer(request, error.status_code, detail, headers=error.headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Say where and what is wrong, without what was sent."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    errors = [
        {"at": ".".join(str(part) for part in one["loc"]), "what": one["msg"]}
        for one in found[:_MOST_ERRORS]
    ]
    told = [f"{one['at']}: {one['what']}" for one in errors]
    if len(found) > _MOST_ERRORS:
        told.append(f"and {len(found) - _MOST_ERRORS:,} more")
    return answer(request, 422, "; ".join(told), errors=errors)


def _ours(request: Request, error: Exception) -> JSONResponse:
    statuses = (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    return answer(request, next(statuses, 500), without_paths(str(error)))


def _unfit(request: Request, _error: Exception) -> JSONResponse:
    """Refuse what no database keeps: a NUL, half of a surrogate pair."""
    return answer(request, 422, "a text holds a character that cannot be kept, such as a NUL")


def _database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    if not is_passing(error):
        return unforeseen(request, error)
    if is_full(error):
        logs.logger().warning("database.full", error=type(error).__name__)
        return answer(request, 507, "the disk of the database is full")
    logs.logger().warning("database.away", error=type(error).__name__)
    return answer(request, 503, "the database does not answer", headers={"Retry-After": "5"})


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """Log what nobody foresaw, and say only that."""
    logs.logger().error("request.broke", error=type(error).__name__, where=logs.where(error))
    return answer(request, 500, "it is in the log under the request's id")

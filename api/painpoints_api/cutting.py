"""Filters as query parameters: what a request may cut a run by, and that no other is told."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from painpoints_api.problems import ProblemError
from painpoints_api.slices import Filters

Values = list[Annotated[str, Query(min_length=1, max_length=200)]]
_SEGMENT = "segment."


async def _filters(
    request: Request,
    *,
    stages: Annotated[Values, Query(alias="stage", max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    channel: Annotated[Values, Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    touchpoint: Annotated[Values, Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    survey: Annotated[Values, Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    sentiment: Annotated[Values, Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    type: Annotated[Values, Query(max_length=50)] = [],  # noqa: A002, B006 - the API's name
    topic_id: Annotated[Values, Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    person: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    score_min: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    score_max: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    since: Annotated[datetime | None, Query(description="from this moment on")] = None,
    until: Annotated[datetime | None, Query(description="before this moment")] = None,
    q: Annotated[
        str | None, Query(min_length=2, max_length=200, description="the mention holds this text")
    ] = None,
) -> Filters:
    """Cut by any of these; a parameter that is given several times means any of its values.

    Besides these, `segment.<name>=value` cuts by a segment column of the export.
    """
    segments: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name.startswith(_SEGMENT):
            segments.setdefault(name.removeprefix(_SEGMENT), []).append(value)
    given = {
        "stage": stages,
        "channel": channel,
        "touchpoint": touchpoint,
        "survey": survey,
        "sentiment": sentiment,
        "type": type,
        "topic_id": topic_id,
    }
    if any("\x00" in value for _, value in request.query_params.multi_items()):
        raise ProblemError(422, "query: text may not hold a NUL")
    return Filters(
        equal={name: tuple(values) for name, values in given.items() if values},
        segments={name: tuple(values) for name, values in segments.items()},
        person=person,
        score_min=score_min,
        score_max=score_max,
        since=_in_utc(since),
        until=_in_utc(until),
        text=q,
    )


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ProblemError(422, "query: a moment is out of range") from error


Cut = Annotated[Filters, Depends(_filters)]


async def only_known(request: Request) -> None:
    """Refuse parameters that the API's route does not know: a filter unheeded would not be noticed.

    Raises:
        RequestValidationError: naming each.
    """
    if not request.query_params or not request.url.path.startswith("/v1/"):
        return
    route: Dependant = request.scope["route"].dependant
    cuts = any(one.call is _filters for one in route.dependencies)
    known = _names(route)
    unknown = sorted(set(request.query_params) - known)
    others = [name for name in unknown if not (cuts and name.startswith(_SEGMENT))]
    if others:
        told = f"no such parameter; there are {', '.join(sorted(known)) or 'none'}"
        raise RequestValidationError([{"loc": ("query", name), "msg": told} for name in others])


def _names(route: Dependant) -> set[str]:
    """Return the parameters of a route and all that it depends on."""
    own = {field.alias for field in route.query_params}
    return own.union(*map(_names, route.dependencies))

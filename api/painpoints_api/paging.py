"""Cursors: where a list goes on, told as an opaque text."""

import base64
import binascii
import json
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import Select

from painpoints_api.problems import ProblemError

Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the part before")]
Limit = Annotated[int, Query(ge=1, le=200, description="at most so many")]
_WHOLE = range(-(2**63), 2**63)


def cursor(*values: Any) -> str:
    """Return the cursor of a place."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def place(told: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the place of a cursor, None for the beginning.

    Raises:
        ProblemError: 422 for what we did not make.
    """
    if told is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
    except (binascii.Error, ValueError) as error:
        raise ProblemError(422, "query.after: not one of ours") from error
    fits = isinstance(values, list) and len(values) == len(kinds)
    if not fits or not all(_is_kept(v, k) for v, k in zip(values, kinds, strict=True)):
        raise ProblemError(422, "query.after: not one of ours")
    return tuple(values)


def _is_kept(value: Any, kind: type) -> bool:
    """Return whether a value is of this kind, and one that a column may hold."""
    return type(value) is kind and (kind is not int or value in _WHOLE)


def newest(
    session: Session,
    query: Select[*tuple[Any, ...]],
    ident: InstrumentedAttribute[str],
    after: str | None,
    limit: int,
) -> tuple[list[Any], str | None]:
    """Return up to `limit` rows from the newest on, and the cursor of the rest if there is one.

    ident: of the first thing in each row; ids ascend with time.
    """
    at = place(after, str)
    if at is not None:
        query = query.where(ident < at[0])
    found = list(session.execute(query.order_by(ident.desc()).limit(limit + 1)).all())
    more = cursor(found[limit - 1][0].id) if len(found) > limit else None
    return found[:limit], more

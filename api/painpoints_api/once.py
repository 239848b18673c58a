"""Idempotency-Key: a request that is sent twice is done once and answered the same."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from painpoints_api.callers import Caller
from painpoints_api.problems import ProblemError
from painpoints_api.records import UsedRequestKey
from painpoints_api.service import Service

RequestKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="any unique text; the same request sent again with it is not done again",
    ),
]


def once(
    service: Service,
    caller: Caller,
    key: str | None,
    told: str,
    action: Callable[[Session], BaseModel],
    *,
    status: int,
) -> JSONResponse:
    """Do `action` and record its answer in one transaction, or give the answer recorded before.

    told: the request as text; the same key for another request is refused.

    Raises:
        ProblemError: 422 for a key used otherwise, 409 while the first request is under way.
    """
    sha256 = hashlib.sha256(told.encode()).hexdigest()
    try:
        with service.database.write() as session:
            before = session.get(UsedRequestKey, (caller.project_id, key)) if key else None
            if before is not None:
                return _again(before, sha256)
            body = action(session).model_dump(mode="json")
            if key is not None:
                session.add(
                    UsedRequestKey(
                        project_id=caller.project_id,
                        key=key,
                        request_sha256=sha256,
                        status_code=status,
                        body=body,
                    )
                )
    except IntegrityError as error:
        if key is None:
            raise
        raise ProblemError(409, "the same request is under way; send it again later") from error
    return JSONResponse(body, status)


def _again(before: UsedRequestKey, sha256: str) -> JSONResponse:
    if before.request_sha256 != sha256:
        raise ProblemError(422, "this Idempotency-Key was used for another request")
    return JSONResponse(
        before.body, before.status_code or 200, headers={"Idempotent-Replayed": "true"}
    )

"""Single texts: labelled at once, by the models that analyses use."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from painpoints_api.callers import Caller, ScoreCaller
from painpoints_api.problems import ProblemError, documented
from painpoints_api.ranking import labels as named
from painpoints_api.routes.results import open_run
from painpoints_api.schemas import ScoredMention, ScoreIn, ScoreOut
from painpoints_api.scorers import CrowdedError
from painpoints_api.service import Service, Serving
from painpoints_api.slices import Edits
from painpoints_api.splits import part_of

router = APIRouter(prefix="/v1", tags=["scoring"])


@router.post(
    "/score",
    response_model=ScoreOut,
    responses=documented(401, 403, 404, 409, 413, 422, 429, 503),
)
async def score(service: Serving, caller: ScoreCaller, asked: ScoreIn) -> Response:
    """Label the mentions of texts; personal data is masked in what comes back. Nothing is kept."""
    _check_size(service, asked)
    under = None
    if asked.analysis_id is not None:
        under = await run_in_threadpool(_under, service, caller, asked.analysis_id)
    texts = [one.known() for one in asked.texts]
    try:
        answer = service.scorers.ask(texts, None if under is None else under.run)
    except CrowdedError as error:
        raise ProblemError(503, str(error), headers={"Retry-After": "2"}) from error
    mentions = await asyncio.wrap_future(answer)
    if len(mentions) > _AT_ONCE:
        told = await run_in_threadpool(_told, asked, mentions, under)
    else:
        told = _told(asked, mentions, under)
    return Response(told, media_type="application/json")


def _check_size(service: Service, asked: ScoreIn) -> None:
    limits = service.settings
    if len(asked.texts) > limits.max_texts:
        raise ProblemError(413, f"{len(asked.texts):,} texts, {limits.max_texts:,} allowed")
    longest = max(len(one.text) for one in asked.texts)
    if longest > limits.max_text_chars:
        raise ProblemError(
            413, f"a text of {longest:,} characters, {limits.max_text_chars:,} allowed"
        )


@dataclass(frozen=True, slots=True)
class _Under:
    """The analysis whose topics are assigned: its run, their names, what was decided about them."""

    run: Path
    labels: Mapping[str, str]
    edits: Edits


def _under(service: Service, caller: Caller, analysis_id: str) -> _Under:
    found = open_run(service, caller, analysis_id)
    labels = named(service.slices, found.run, found.decided)
    return _Under(found.run, labels, found.decided.edits)


def _told(asked: ScoreIn, mentions: list[dict[str, Any]], under: _Under | None) -> str:
    """Return the answer as JSON."""
    for row in mentions:
        for name in _TOPIC_FIELDS:
            row.setdefault(name, None)
        if under is not None and row["topic_id"] is not None:
            part = part_of(under.edits.parts, row["topic_id"], row["text"])
            (row["topic_id"],) = under.edits.targets([part])
    labels = {} if under is None else under.labels
    told = [
        ScoredMention(
            **{name: row[name] for name in ScoredMention.model_fields if name in row},
            text_id=asked.texts[row["text_index"]].id,
            topic_label=labels.get(row["topic_id"] or ""),
        )
        for row in mentions
    ]
    return ScoreOut(mentions=told).model_dump_json()


_TOPIC_FIELDS = ("topic_id", "topic_prob", "reason")
_AT_ONCE = 100
"""Mentions that are written out at once; more are written beside other requests."""

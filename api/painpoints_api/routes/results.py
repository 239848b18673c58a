"""What an analysis found: map, stages, findings, mentions, comparison. Only reading."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from sqlalchemy import select

from painpoints_api import engine
from painpoints_api.callers import Caller, Reader
from painpoints_api.cutting import Cut
from painpoints_api.paging import Cursor, Limit, cursor, place
from painpoints_api.problems import ProblemError, documented
from painpoints_api.ranking import Decided, ranked
from painpoints_api.records import LabelCorrection, TopicEdit
from painpoints_api.repeating import repeated
from painpoints_api.routes.analyses import find
from painpoints_api.schemas import (
    ChangeOut,
    ChoicesOut,
    ComparisonOut,
    FindingOut,
    FindingsOut,
    MentionOut,
    MentionsOut,
    SplitOut,
    StageChoice,
    StageOut,
    StagesOut,
    TopicOut,
    TopicsOut,
)
from painpoints_api.service import Service, Serving
from painpoints_api.service import tag as etag
from painpoints_api.slices import SEGMENT, Edits, Filters, RunGoneError
from painpoints_api.splits import MARK, TopicPart, topic_of

_PROBLEMS = documented(401, 403, 404, 409, 422, 503)
NOT_CHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not changed since the ETag sent"}
}


class KnownError(Exception):
    """What was asked for is known already: to the caller, or to us."""

    def __init__(self, tag: str, body: bytes | None) -> None:
        super().__init__(tag)
        self.tag = tag
        self.body = body


class Remembered(APIRoute):
    """Holds what is told of a run, so that it is told at once when it is asked for again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that keeps its answers."""
        handle = super().get_route_handler()

        async def handling(request: Request) -> Response:
            try:
                answer = await handle(request)
            except FileNotFoundError as error:
                raise RunGoneError from error
            tag = answer.headers.get("etag")
            told = answer.headers.get("content-type") == "application/json"
            alone = not request.url.path.endswith("/compare")  # depends on another run as well
            route = getattr(request.scope.get("route"), "path", "none")
            if tag is not None and told and alone and answer.status_code == 200:
                request.state.service.answers.keep(tag, bytes(answer.body), route)
            return answer

        return handling


router = APIRouter(prefix="/v1/analyses/{analysis_id}", tags=["results"], route_class=Remembered)


@dataclass(frozen=True, slots=True)
class Found:
    """A finished analysis that the caller may see."""

    analysis_id: str
    title: str
    run: Path
    decided: Decided
    service: Service
    caller: Caller

    @property
    def min_people(self) -> int:
        """Return from how many people on a finding is ranked, as the run was made."""
        facts = json.loads((self.run / "run.json").read_text(encoding="utf-8"))
        return int(facts["settings"]["rank"]["min_people"])

    def ranked(self, filters: Filters) -> list[FindingOut]:
        """Return its findings, or those of a slice of it."""
        return ranked(
            self.service.slices, self.run, filters, self.decided, min_people=self.min_people
        )


def open_run(service: Service, caller: Caller, analysis_id: str) -> Found:
    """Return a finished analysis.

    Raises:
        ProblemError: 404 for what is not the caller's, 409 while it is not finished.
    """
    with service.database.read() as session:
        analysis, _ = find(session, caller, analysis_id)
        edits = session.scalars(
            select(TopicEdit).where(TopicEdit.project_id == caller.project_id)
        ).all()
    return Found(
        analysis_id=analysis.id,
        title=analysis.title,
        run=service.run_folder(analysis),
        decided=Decided({edit.topic_id: edit for edit in edits}),
        service=service,
        caller=caller,
    )


def _found(
    request: Request, response: Response, service: Serving, caller: Reader, analysis_id: str
) -> Found:
    """Open the run; where what is asked for is known, say so instead.

    Raises:
        KnownError: what the caller has, or what was told before, has not changed since.
    """
    state = service.states.look(caller.project_id, analysis_id)
    tag = etag(state, request.url.path, request.url.query)
    body = service.answers.get(tag)
    if tag in request.headers.get("if-none-match", ""):
        raise KnownError(tag, None)
    if body is not None:
        raise KnownError(tag, body)
    found = open_run(service, caller, analysis_id)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    return found


Seen = Annotated[Found, Depends(_found)]


def known(_request: Request, error: Exception) -> Response:
    """Answer that nothing has changed, or what was answered before."""
    assert isinstance(error, KnownError)
    return repeated(error.tag, error.body)


# -- the map -----------------------------------------------------------------------------------


@router.get(
    "/journey-map",
    response_model=None,
    responses={
        200: {
            "description": "The map as `journey_map.json` holds it",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **NOT_CHANGED,
        **_PROBLEMS,
    },
)
def journey_map(found: Seen, response: Response) -> Response:
    """Return the journey map of the whole run, with the names that analysts gave its topics."""
    journey = json.loads((found.run / "journey_map.json").read_text(encoding="utf-8"))
    for stage in journey.get("stages", []):
        for kind in ("pain_points", "opportunities", "listed_apart"):
            stage[kind] = [_named(f, found.decided) for f in stage.get(kind, []) if _seen(f, found)]
    return Response(
        json.dumps(journey, ensure_ascii=False),
        media_type="application/json",
        headers=dict(response.headers),
    )


def _seen(finding: dict[str, Any], found: Found) -> bool:
    return finding.get("topic_id") not in found.decided.edits.hidden


def _named(finding: dict[str, Any], decided: Decided) -> dict[str, Any]:
    topic_id = finding.get("topic_id", "")
    label = decided.label(topic_id) or finding.get("label")
    owner = decided.owner(topic_id) or finding.get("owner")
    return {**finding, "label": label, "owner": owner}


LABELS = {
    "sentiment": ["negative", "neutral", "positive"],
    "type": ["pain_point", "request", "praise", "question", "other"],
    "severity": ["0", "1", "2", "3"],
}
"""The labels that are the same in every run, by field."""

_MOST_VALUES = 200
_MOST_WORDS = 24


@router.get("/filters", responses={**NOT_CHANGED, **_PROBLEMS})
def choices(found: Seen) -> ChoicesOut:
    """Return what the run can be cut by, and what labels of its mentions can be corrected to."""
    listed = found.service.slices.choices(found.run, most=_MOST_VALUES)
    names = {column: column.removeprefix(SEGMENT) for column in listed}
    values = {column: sorted(told[:_MOST_VALUES]) for column, told in listed.items()}
    stages = [
        StageChoice(name=one["name"], title=one.get("title") or one["name"])
        for one in _stages_of(found)
    ]
    return ChoicesOut(
        stages=stages,
        channel=values["channel"],
        touchpoint=values["touchpoint"],
        survey=values["survey"],
        segments={names[c]: told for c, told in values.items() if c.startswith(SEGMENT)},
        more=[names[column] for column, told in listed.items() if len(told) > _MOST_VALUES],
        labels=labels_of(found),
        **found.service.slices.ranges(found.run),
    )


def labels_of(found: Found) -> dict[str, list[str]]:
    """Return what labels of a run's mentions can be corrected to, by field."""
    told = found.service.slices.choices(found.run, most=_MOST_VALUES, names=("touchpoint",))
    known = [*engine.touchpoints(), *sorted(told["touchpoint"][:_MOST_VALUES])]
    return {
        "stage": [*(one["name"] for one in _stages_of(found)), "none"],
        "touchpoint": list(dict.fromkeys(one for one in known if one != "unsure")),
        **LABELS,
    }


def _stages_of(found: Found) -> list[dict[str, Any]]:
    """Return the stages of the run's journey, in its order."""
    journey = json.loads((found.run / "journey_map.json").read_text(encoding="utf-8"))
    return [view["stage"] for view in journey.get("stages", [])]


@router.get("/stages", responses={**NOT_CHANGED, **_PROBLEMS})
def stages(found: Seen, filters: Cut) -> StagesOut:
    """Return the stages of the run or slice: people, mentions, feelings, how many findings.

    In the order of the journey; last what tells no stage (`none`, `unsure`).
    """
    findings = found.ranked(filters)
    order = {one["name"]: place for place, one in enumerate(_stages_of(found))}
    rows = found.service.slices.stages(found.run, filters, found.decided.edits)
    rows.sort(key=lambda row: (order.get(row["stage"], len(order)), row["stage"]))
    return StagesOut(
        items=[
            StageOut(
                stage=row["stage"],
                n_mentions=row["n_mentions"],
                n_people=row["n_people"],
                net_sentiment=(row["n_positive"] - row["n_negative"]) / row["n_mentions"],
                n_people_in_pain=row["n_people_in_pain"],
                n_pain_points=_count(findings, row["stage"], "pain_point"),
                n_opportunities=_count(findings, row["stage"], "opportunity"),
            )
            for row in rows
        ]
    )


def _count(findings: list[FindingOut], stage: str, kind: str) -> int:
    return sum(f.stage == stage and f.kind == kind for f in findings)


@router.get("/stages/{stage:path}/pain-points", responses={**NOT_CHANGED, **_PROBLEMS})
def pain_points(found: Seen, filters: Cut, stage: str, limit: Limit = 50) -> FindingsOut:
    """Return what hurts at a stage, first rank first."""
    return _of_stage(found, filters, stage, "pain_point", limit)


@router.get("/stages/{stage:path}/opportunities", responses={**NOT_CHANGED, **_PROBLEMS})
def opportunities(found: Seen, filters: Cut, stage: str, limit: Limit = 50) -> FindingsOut:
    """Return what could be gained at a stage, first rank first."""
    return _of_stage(found, filters, stage, "opportunity", limit)


def _of_stage(found: Found, filters: Filters, stage: str, kind: str, limit: int) -> FindingsOut:
    known = {one["name"] for one in _stages_of(found)}
    items = [f for f in found.ranked(filters) if f.stage == stage and f.kind == kind]
    if not items and stage not in known:
        raise ProblemError(404, f"this run has no such stage; it has {', '.join(sorted(known))}")
    return FindingsOut(items=items[:limit])


# -- findings ----------------------------------------------------------------------------------


@router.get("/findings", responses={**NOT_CHANGED, **_PROBLEMS})
def findings(
    found: Seen,
    filters: Cut,
    kind: Literal["pain_point", "opportunity"] | None = None,
    limit: Limit = 50,
) -> FindingsOut:
    """Return the first findings of every stage, of each kind at most `limit`."""
    counts: dict[tuple[str, str], int] = {}
    items = []
    for one in found.ranked(filters):
        key = (one.stage, one.kind)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= limit and kind in {None, one.kind}:
            items.append(one)
    return FindingsOut(items=items)


@router.get("/findings/{finding_id:path}/mentions", responses={**NOT_CHANGED, **_PROBLEMS})
def finding_mentions(
    found: Seen, filters: Cut, finding_id: str, after: Cursor = None, limit: Limit = 50
) -> MentionsOut:
    """Return the mentions behind a finding: exact quotes in their verbatims, gravest first."""
    one = finding(found, filters, finding_id)
    claim = "pain_point" if one.opportunity in {None, "remove_pain"} else str(one.opportunity)
    told = {"claim": (claim,), "stage": (one.stage,), "topic_id": (one.topic_id,)}
    return _mentions(found, replace(filters, equal={**filters.equal, **told}), after, limit)


@router.get("/findings/{finding_id:path}", responses={**NOT_CHANGED, **_PROBLEMS})
def finding(found: Seen, filters: Cut, finding_id: str) -> FindingOut:
    """Return one finding of the run or slice."""
    for one in found.ranked(filters):
        if one.finding_id == finding_id:
            return one
    raise ProblemError(404, "no such finding in this run or slice")


@router.get("/mentions", responses={**NOT_CHANGED, **_PROBLEMS})
def mentions(found: Seen, filters: Cut, after: Cursor = None, limit: Limit = 50) -> MentionsOut:
    """Return mentions of the run or slice, gravest first."""
    return _mentions(found, filters, after, limit)


def _mentions(found: Found, filters: Filters, after: str | None, limit: int) -> MentionsOut:
    at = place(after, int, str)
    rows = found.service.slices.mentions(
        found.run, filters, found.decided.edits, after=at, limit=limit + 1
    )
    shown_rows = rows[:limit]
    last = shown_rows[-1] if len(rows) > limit else None
    corrected = _corrections(found, {row["mention_id"]: row["text"] for row in shown_rows})
    return MentionsOut(
        items=[_mention(row, corrected.get(row["mention_id"], {})) for row in shown_rows],
        next=cursor(last["severity"], last["mention_id"]) if last is not None else None,
    )


def _corrections(found: Found, texts: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the newest correction of each field of each mention, given in whichever analysis.

    A mention is the same if id and text are: exports without ids of their own number their rows.
    """
    query = (
        select(LabelCorrection)
        .where(
            LabelCorrection.project_id == found.caller.project_id,
            LabelCorrection.mention_id.in_(list(texts)),
        )
        .order_by(LabelCorrection.id)
    )
    corrected: dict[str, dict[str, str]] = {}
    with found.service.database.read() as session:
        for row in session.scalars(query):
            if row.mention_text == texts[row.mention_id]:
                corrected.setdefault(row.mention_id, {})[row.field] = row.after
    return corrected


def _mention(row: dict[str, Any], corrections: dict[str, str]) -> MentionOut:
    same = {name: row[name] for name in MentionOut.model_fields if name in row}
    segments = {
        name.removeprefix(SEGMENT): value for name, value in row.items() if name.startswith(SEGMENT)
    }
    return MentionOut(**same, segments=segments, corrections=corrections)


# -- topics and comparison ---------------------------------------------------------------------


@router.get("/topics", responses={**NOT_CHANGED, **_PROBLEMS})
def topics(found: Seen) -> TopicsOut:
    """Return the run's topics, largest first, with what analysts decided; parts after their topic."""
    rows = found.service.slices.topics(found.run, found.decided.edits)
    items = [_topic(row, found.decided) for row in rows]
    total = Counter[str]()
    for one in items:
        total[topic_of(one.topic_id)] += one.n_mentions
    items.sort(
        key=lambda t: (-total[topic_of(t.topic_id)], topic_of(t.topic_id), MARK in t.topic_id)
    )
    return TopicsOut(items=items)


def _topic(row: dict[str, Any], decided: Decided) -> TopicOut:
    edit = decided.topics.get(row["topic_id"])
    return TopicOut(
        topic_id=row["topic_id"],
        label=decided.label(row["topic_id"]) or row["label"],
        found_label=row["label"],
        terms=row["terms"],
        exemplar_ids=row["exemplar_ids"],
        parent_id=row["parent_id"],
        n_mentions=row["n_mentions"],
        status=row["status"],
        owner=edit.owner if edit else None,
        hidden=edit.hidden if edit else False,
        watched=edit.watched if edit else False,
        merged_into=edit.merged_into if edit else None,
        parts=edit.parts if edit else None,
    )


@router.get("/topics/{topic_id}/split", responses={**NOT_CHANGED, **_PROBLEMS})
def split(
    found: Seen,
    topic_id: str,
    words: Annotated[
        list[Annotated[str, Query(max_length=2000)]],
        Query(max_length=10, description="of a part, with commas between; one parameter a part"),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> SplitOut:
    """Say what a split of a topic by words would come to, and which words divide it best."""
    slices = found.service.slices
    rows = slices.topics(found.run, Edits())
    if all(row["topic_id"] != topic_id for row in rows):
        raise ProblemError(404, "no such topic in this analysis")
    if any(row["parent_id"] == topic_id for row in rows):
        raise ProblemError(409, "a broader topic has no mentions of its own; split those below it")
    parts = [
        TopicPart(
            f"{topic_id}{MARK}{n}", "", tuple(w for w in map(str.strip, told.split(",")) if w)
        )
        for n, told in enumerate(words)
    ]
    counted, n_left = slices.n_in_parts(found.run, topic_id, [part for part in parts if part.words])
    return SplitOut(
        n_mentions=n_left + sum(counted.values()),
        n_left=n_left,
        parts=[counted.get(part.topic_id, 0) for part in parts],
        words=slices.dividing_words(found.run, topic_id, most=_MOST_WORDS),
    )


Verdict = Literal["new", "gone", "rising", "falling", "unchanged"]


@router.get("/compare", responses={**NOT_CHANGED, **_PROBLEMS})
def compare(
    found: Seen,
    filters: Cut,
    other: Annotated[str, Query(alias="with", max_length=300, description="an earlier analysis")],
) -> ComparisonOut:
    """Compare the findings of this analysis with those of an earlier one, slice by slice."""
    before = open_run(found.service, found.caller, other)
    old = {f.finding_id: f for f in before.ranked(filters)}
    new = {f.finding_id: f for f in found.ranked(filters)}
    items = [
        _change(finding_id, old.get(finding_id), new.get(finding_id))
        for finding_id in sorted(old.keys() | new.keys())
    ]
    return ComparisonOut(before=other, now=found.analysis_id, items=items)


def _change(finding_id: str, old: FindingOut | None, new: FindingOut | None) -> ChangeOut:
    known = new or old
    assert known is not None
    return ChangeOut(
        finding_id=finding_id,
        stage=known.stage,
        label=known.label,
        kind=known.kind,
        rank_before=old.rank if old else None,
        rank_now=new.rank if new else None,
        share_before=old.share.value if old else None,
        share_now=new.share.value if new else None,
        verdict=_verdict(old, new),
    )


def _verdict(old: FindingOut | None, new: FindingOut | None) -> Verdict:
    if old is None:
        return "new"
    if new is None:
        return "gone"
    if (new.share.low or 0.0) > (old.share.high or 1.0):
        return "rising"
    if (new.share.high or 1.0) < (old.share.low or 0.0):
        return "falling"
    return "unchanged"


# -- exports -----------------------------------------------------------------------------------

Format = Literal["csv", "xlsx", "parquet", "html", "png", "svg"]
_FILES: dict[str, tuple[str, str]] = {
    "xlsx": ("report.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "html": ("report.html", "text/html; charset=utf-8"),
    "png": ("journey_map.png", "image/png"),
    "svg": ("journey_map.svg", "image/svg+xml"),
}
_MEDIA_TYPES = (
    "text/csv",
    "application/vnd.apache.parquet",
    *(kind for _, kind in _FILES.values()),
)


@router.get(
    "/exports/{form}",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in _MEDIA_TYPES
            },
        },
        **NOT_CHANGED,
        **_PROBLEMS,
    },
)
def export(found: Seen, filters: Cut, form: Format, response: Response) -> Response:
    """Return the mentions of the run or slice (csv, parquet), or a report of the whole run."""
    from painpoints_api import exports

    headers = dict(response.headers)
    headers["Content-Disposition"] = f'attachment; filename="painpoints-{found.analysis_id}.{form}"'
    if form == "csv":
        return exports.csv(found.service.slices, found.run, filters, found.decided, headers)
    if form == "parquet":
        return exports.parquet(found.service.slices, found.run, filters, found.decided, headers)
    if filters:
        raise ProblemError(422, f"{form} shows the whole run; only csv and parquet take filters")
    name, media_type = _FILES[form]
    if not (found.run / name).is_file():
        raise ProblemError(404, f"this run has no {form}")
    return FileResponse(found.run / name, media_type=media_type, headers=headers)

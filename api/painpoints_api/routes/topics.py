"""What analysts decide: names, owners and merges of topics, corrected labels, the labelling queue.

All of it belongs to the project, not to one analysis, so it holds for every later one too.
"""

import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from painpoints_api.callers import Caller, Labeller, Reader
from painpoints_api.once import RequestKey, once
from painpoints_api.paging import Cursor, Limit, newest
from painpoints_api.problems import ProblemError, documented
from painpoints_api.records import Analysis, LabelCorrection, Project, TopicEdit, new_id, now
from painpoints_api.routes.results import Found, labels_of, open_run
from painpoints_api.schemas import (
    LabelIn,
    LabelOut,
    LabelsOut,
    PartIn,
    QueueItem,
    QueueOut,
    TopicEditOut,
    TopicPatch,
)
from painpoints_api.service import Service, Serving
from painpoints_api.slices import Edits, RunGoneError
from painpoints_api.splits import MARK

router = APIRouter(prefix="/v1", tags=["teaching"])


# -- topics ------------------------------------------------------------------------------------


@router.patch("/topics/{topic_id}", responses=documented(401, 403, 404, 409, 422))
def edit_topic(
    service: Serving, caller: Labeller, topic_id: str, patch: TopicPatch
) -> TopicEditOut:
    """Rename, merge, split, hide, watch a topic or name its owner; for this and all later analyses."""
    given = patch.model_dump(exclude_unset=True)
    if patch.parts is not None and MARK in topic_id:
        raise ProblemError(409, "a part is not split again; split its topic in more parts")
    known, broader = _known_topics(service, caller)
    if patch.parts is not None and topic_id in broader:
        raise ProblemError(409, "a broader topic has no mentions of its own; split those below it")
    for name in {topic_id, *([patch.merged_into] if patch.merged_into else [])}:
        if name not in known:
            raise ProblemError(404, "no such topic in the latest analyses of this project")
    with service.database.write() as session:
        _one_at_a_time(session, caller)
        edit = session.get(TopicEdit, (caller.project_id, topic_id))
        if edit is None:
            edit = TopicEdit(
                project_id=caller.project_id, topic_id=topic_id, n_parts=0, edited_by=caller.actor
            )
            session.add(edit)
        if patch.merged_into is not None:
            given["merged_into"] = _end_of(session, caller, topic_id, patch.merged_into)
        if "parts" in given:
            given["parts"] = _parted(session, caller, edit, patch.parts)
        for name, value in given.items():
            setattr(edit, name, value)
        edit.edited_by, edit.edited_at = caller.actor, now()
        caller.edited(session)
        caller.did(session, f"topic.edit {' '.join(sorted(given))}", topic_id)
        session.flush()
        if patch.merged_into is not None:
            _follow(session, caller, topic_id, given["merged_into"])
    return TopicEditOut(
        topic_id=edit.topic_id,
        label=edit.label,
        owner=edit.owner,
        hidden=edit.hidden,
        watched=edit.watched,
        merged_into=edit.merged_into,
        parts=edit.parts,
        edited_by=edit.edited_by,
        edited_at=edit.edited_at,
    )


def _one_at_a_time(session: Session, caller: Caller) -> None:
    """Wait until no other edits topics of the project: an edit that is not there yet cannot be locked.

    Writes that only refer to the project (`key_share`) are not kept waiting.
    """
    session.get_one(Project, caller.project_id, with_for_update={"key_share": True})


def _known_topics(service: Service, caller: Caller) -> tuple[set[str], set[str]]:
    """Return the topics that can be edited, and the broader of them.

    They are those of the project's ten latest runs that are there, those edited before, and parts.
    """
    query = (
        select(Analysis)
        .where(Analysis.project_id == caller.project_id, Analysis.run.is_not(None))
        .order_by(Analysis.id.desc())
        .limit(10)
    )
    with service.database.read() as session:
        found = session.scalars(query).all()
        mine = select(TopicEdit).where(TopicEdit.project_id == caller.project_id)
        edits = session.scalars(mine).all()
    known = {edit.topic_id for edit in edits}
    known |= {part["topic_id"] for edit in edits for part in edit.parts or ()}
    broader = set[str]()
    for analysis in found:
        with contextlib.suppress(RunGoneError):
            rows = service.slices.topics(service.run_folder(analysis), Edits())
            known |= {row["topic_id"] for row in rows}
            broader |= {row["parent_id"] for row in rows if row["parent_id"] is not None}
    return known, broader


def _parted(
    session: Session, caller: Caller, edit: TopicEdit, wanted: list[PartIn] | None
) -> list[dict[str, Any]] | None:
    """Return the parts as they are kept, with ids; forget what was decided about those that go.

    Raises:
        ProblemError: 422 for the id of a part that the topic does not have.
    """
    held = {part["topic_id"] for part in edit.parts or ()}
    kept = [part.topic_id for part in wanted or () if part.topic_id is not None]
    if len(set(kept)) < len(kept) or not held.issuperset(kept):
        raise ProblemError(
            422, "body.parts: topic_id is not of a part of this topic, or given twice"
        )
    for gone in held.difference(kept):
        _forget(session, caller, gone)
    edit.n_parts = max([edit.n_parts, *(int(one.rpartition(MARK)[2]) for one in held)])
    if wanted is None:
        return None
    return [
        {"topic_id": part.topic_id or _next(edit), "label": part.label, "words": part.words}
        for part in wanted
    ]


def _next(edit: TopicEdit) -> str:
    """Return the id of a new part; that of one that is gone is not given again."""
    edit.n_parts += 1
    return f"{edit.topic_id}{MARK}{edit.n_parts}"


def _forget(session: Session, caller: Caller, topic_id: str) -> None:
    """Drop what was decided about a part, and merges into it."""
    mine = session.query(TopicEdit).filter_by(project_id=caller.project_id)
    mine.filter_by(merged_into=topic_id).update({"merged_into": None})
    mine.filter_by(topic_id=topic_id).delete()


def _end_of(session: Session, caller: Caller, topic_id: str, target: str) -> str:
    """Return where a chain of merges ends.

    Raises:
        ProblemError: 409 where it would end at its beginning.
    """
    into = session.get(TopicEdit, (caller.project_id, target))
    end = into.merged_into if into is not None and into.merged_into else target
    if topic_id in {end, target}:
        raise ProblemError(409, "a topic cannot be merged into itself")
    return end


def _follow(session: Session, caller: Caller, topic_id: str, target: str) -> None:
    """Let what was merged into `topic_id` follow it."""
    session.query(TopicEdit).filter_by(project_id=caller.project_id, merged_into=topic_id).update(
        {"merged_into": target}
    )


# -- labels ------------------------------------------------------------------------------------


@router.post(
    "/labels",
    status_code=201,
    response_model=LabelOut,
    responses=documented(401, 403, 404, 409, 422),
)
def correct_label(
    service: Serving, caller: Labeller, label: LabelIn, key: RequestKey = None
) -> JSONResponse:
    """Put a label right, with author and reason; the training learns from it."""
    found = open_run(service, caller, label.analysis_id)
    mention = service.slices.mention(found.run, label.mention_id)
    if mention is None:
        raise ProblemError(404, "no such mention in this analysis")
    allowed = _allowed(found, label.field)
    if label.label not in allowed:
        if label.field == "topic":
            raise ProblemError(422, "body.label: not the id of a topic of this analysis")
        raise ProblemError(422, f"body.label: {label.field} is one of {', '.join(allowed)}")
    before = mention["topic_id" if label.field == "topic" else label.field]

    def keep(session: Session) -> LabelOut:
        row = LabelCorrection(
            id=new_id("lb"),
            project_id=caller.project_id,
            analysis_id=label.analysis_id,
            mention_id=label.mention_id,
            mention_text=mention["text"],
            field=label.field,
            before=None if before is None else str(before),
            after=label.label,
            author=label.author or caller.actor,
            reason=label.reason,
        )
        session.add(row)
        caller.edited(session)
        caller.did(session, f"label.correct {label.field}", row.id)
        session.flush()
        return _shown(row)

    told = label.model_dump_json()
    return once(service, caller, key, f"label {told}", keep, status=201)


def _allowed(found: Found, field: str) -> list[str]:
    """Return the labels that a field can be corrected to: what no training knows would stop it."""
    if field == "topic":
        rows = found.service.slices.topics(found.run, found.decided.edits)
        return [row["topic_id"] for row in rows]
    return labels_of(found)[field]


def _shown(row: LabelCorrection) -> LabelOut:
    return LabelOut(
        id=row.id,
        analysis_id=row.analysis_id,
        mention_id=row.mention_id,
        field=row.field,
        before=row.before,
        after=row.after,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
    )


@router.get("/labels", responses=documented(401, 403, 422))
def list_labels(
    service: Serving, caller: Reader, after: Cursor = None, limit: Limit = 50
) -> LabelsOut:
    """List corrections, newest first."""
    query = select(LabelCorrection).where(LabelCorrection.project_id == caller.project_id)
    with service.database.read() as session:
        found, more = newest(session, query, LabelCorrection.id, after, limit)
    return LabelsOut(items=[_shown(one) for (one,) in found], next=more)


@router.get("/queue", responses=documented(401, 403, 404, 409, 422))
def queue(
    service: Serving,
    caller: Reader,
    analysis_id: Annotated[
        str | None, Query(max_length=300, description="the latest if unset")
    ] = None,
    limit: Limit = 50,
) -> QueueOut:
    """Return the mentions whose labels help most: like no topic yet, then the least sure.

    Each text once, and none that this project has corrected already.
    """
    found = open_run(service, caller, analysis_id or _latest(service, caller))
    with service.database.read() as session:
        corrected = select(LabelCorrection.mention_text).where(
            LabelCorrection.project_id == caller.project_id
        )
        done = session.scalars(corrected.distinct()).all()
    rows = service.slices.queue(found.run, done, limit=limit)
    items = [
        QueueItem(
            **{name: row[name] for name in QueueItem.model_fields if name in row},
            analysis_id=found.analysis_id,
            why="like no topic yet" if row["reason"] == "novel" else "not sure of its labels",
        )
        for row in rows
    ]
    return QueueOut(items=items)


def _latest(service: Service, caller: Caller) -> str:
    query = (
        select(Analysis.id)
        .where(Analysis.project_id == caller.project_id, Analysis.run.is_not(None))
        .order_by(Analysis.id.desc())
        .limit(1)
    )
    with service.database.read() as session:
        found = session.scalars(query).one_or_none()
    if found is None:
        raise ProblemError(404, "this project has no finished analysis yet")
    return found

"""The data of the page: the map as plain values, the evidence as short columns.

A mention is told by numbers into lists of names, a verbatim stands once however many mentions it
has, and offsets count UTF-16 units, as the page's language does. Computes nothing that is shown.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from painpoints import points, surveys
from painpoints.domain import Evidence, Finding, JourneyMap
from painpoints.findings import PAIN, REMOVE, members
from painpoints.report.section import Section
from painpoints.report.sections import sections

VERSION = 1
"""Of the layout below; the page refuses data of another."""


def payload(
    journey: JourneyMap, evidence: Sequence[Evidence], *, n_evidence: int
) -> dict[str, Any]:
    """Return the data of the page, ready for JSON.

    `n_evidence` is the number of mentions before any cap, so that the page can say what it holds.
    """
    behind = _members(journey, evidence)
    below = sections(journey)
    return {
        "version": VERSION,
        "map": plain(journey),
        "n_evidence": n_evidence,
        "members": {finding_id: ids for finding_id, ids in behind.items() if ids},
        "sections": [plain(replace(section, sets={})) for section in below],
        "sets": _sets(below, evidence),
        "measures": measures(evidence),
        "evidence": columns(evidence),
    }


def _sets(below: Sequence[Section], evidence: Sequence[Evidence]) -> dict[str, Any]:
    """Number the mentions behind each row of the sections, in their order."""
    number = {row.mention_id: i for i, row in enumerate(evidence)}
    return {
        key: {"title": title, "members": [number[name] for name in ids if name in number]}
        for section in below
        for key, (title, ids) in section.sets.items()
        if ids
    }


def measures(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Return how each scale that was answered counts an answer, so that a slice can be scored."""
    number = _Names()
    given = [(r.survey, r.score_max, number(_answer(r))) for r in evidence if r.score is not None]
    columns = {"survey": pl.String, "score_max": pl.Float64, "answer": pl.Int64}
    scales = points.scales(pl.DataFrame(given, columns, orient="row"))
    return [
        plain(measure) | {"kind": measure.kind, "score_max": top}
        for survey, top in scales
        for measure in surveys.measures(survey, top)
    ]


def _answer(row: Evidence) -> Hashable:
    """Return what the questions of one row share, as `tables.answer` does."""
    return row.source, row.row, row.survey, row.score, row.score_max, row.person


def plain(value: Any) -> Any:
    """Return a domain object as dicts, lists and ISO times."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


class _Names:
    """Numbers the distinct values it meets, in order of their first coming."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}

    def __call__(self, value: Hashable) -> int:
        return self.numbers.setdefault(value, len(self.numbers))

    def __iter__(self) -> Any:
        return iter(self.numbers)


def columns(evidence: Sequence[Evidence]) -> dict[str, Any]:
    """Return the evidence column by column: `feedback` once each, `mentions` row by row."""
    first: dict[str, Evidence] = {}
    for row in evidence:
        first.setdefault(row.feedback_id, row)
    number = {feedback_id: i for i, feedback_id in enumerate(first)}
    return {
        "feedback": _feedback(list(first.values())),
        "mentions": _mentions(evidence, number),
    }


def _feedback(rows: Sequence[Evidence]) -> dict[str, Any]:
    person, answer = _Names(), _Names()
    segments = sorted({name for row in rows for name in row.segments})
    return {
        "id": [row.feedback_id for row in rows],
        "verbatim": [row.verbatim for row in rows],
        "person": [person(row.person) for row in rows],
        "answer": [answer(_answer(row)) for row in rows],
        "score": [row.score for row in rows],
        "score_max": _coded(row.score_max for row in rows),
        "at": [row.created_at.isoformat()[:19] if row.created_at else None for row in rows],
        "question": _coded(row.question for row in rows),
        "source": _coded(row.source for row in rows),
        "channel": _coded(row.channel for row in rows),
        "survey": _coded(row.survey for row in rows),
        "segments": {name: _coded(row.segments.get(name) for row in rows) for name in segments},
    }


def _mentions(evidence: Sequence[Evidence], number: Mapping[str, int]) -> dict[str, Any]:
    spans = [utf16_span(row) for row in evidence]
    return {
        "id": [_short_id(row) for row in evidence],
        "feedback": [number[row.feedback_id] for row in evidence],
        "start": [start for start, _ in spans],
        "end": [end for _, end in spans],
        "severity": [row.severity for row in evidence],
        "stage": _coded(row.stage for row in evidence),
        "stage_source": _coded(row.stage_source for row in evidence),
        "touchpoint": _coded(row.touchpoint for row in evidence),
        "sentiment": _coded(row.sentiment for row in evidence),
        "type": _coded(row.type for row in evidence),
        "topic": _coded(row.topic_id for row in evidence),
    }


def _coded(values: Iterable[Hashable]) -> dict[str, list[Any]]:
    """Return `names` and, row by row, which of them: `codes`; a missing value is a name too."""
    names = _Names()
    codes = [names(value) for value in values]
    return {"names": list(names), "codes": codes}


def _short_id(row: Evidence) -> str:
    """Return the id without the feedback's, marked by a leading `~`, where it starts with it."""
    if row.mention_id.startswith(row.feedback_id):
        return "~" + row.mention_id[len(row.feedback_id) :]
    return row.mention_id


def utf16_span(row: Evidence) -> tuple[int, int]:
    """Return start and end of the mention in UTF-16 units (an emoji has two)."""
    if row.verbatim.isascii():
        return row.start, row.end
    before, quote = row.verbatim[: row.start], row.verbatim[row.start : row.end]
    start = len(before) + _n_astral(before)
    return start, start + len(quote) + _n_astral(quote)


def _n_astral(text: str) -> int:
    return sum(letter > "\uffff" for letter in text)


def _members(journey: JourneyMap, evidence: Sequence[Evidence]) -> dict[str, list[int]]:
    """Number the mentions behind each finding, most telling first.

    Where a finding names only some of its mentions, the rest are those of its group.
    """
    number = {row.mention_id: i for i, row in enumerate(evidence)}
    groups = _groups(evidence, number)
    return {finding.finding_id: _behind(finding, number, groups) for finding in findings(journey)}


def _groups(
    evidence: Sequence[Evidence], number: Mapping[str, int]
) -> dict[tuple[str, str, str], list[int]]:
    """Return the mentions of each kind, stage and topic, as the findings count them."""
    given = {name: [getattr(row, name) for row in evidence] for name in _TOLD}
    given["text"] = [row.verbatim[row.start : row.end] for row in evidence]
    told = members(pl.DataFrame(given, dict.fromkeys(given, pl.String)))
    found: dict[tuple[str, str, str], list[int]] = {}
    for kind, stage, topic, mention_id, _ in told.iter_rows():
        found.setdefault((kind, stage, topic), []).append(number[mention_id])
    return found


_TOLD = ("mention_id", "feedback_id", "stage", "topic_id", "sentiment", "type")


def _behind(
    finding: Finding,
    number: Mapping[str, int],
    groups: Mapping[tuple[str, str, str], list[int]],
) -> list[int]:
    named = [number[key] for key in finding.evidence_ids if key in number]
    if len(finding.evidence_ids) >= finding.n_mentions:
        return named
    claim = finding.opportunity or finding.kind
    group = (PAIN if claim == REMOVE else claim, finding.stage, finding.topic_id)
    return list(dict.fromkeys(named + groups.get(group, [])))


def findings(journey: JourneyMap) -> list[Finding]:
    """Return all findings of the map, stage by stage, the ranked ones first."""
    return [
        finding
        for view in journey.stages
        for group in (view.pain_points, view.opportunities, view.listed_apart)
        for finding in group
    ]

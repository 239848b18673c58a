"""The data of the page: the map as plain values, the evidence as short columns.

A mention is told by numbers into lists of names, a verbatim stands once however many mentions it
has, and offsets count UTF-16 units, as the page's language does. Computes nothing that is shown.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from painpoints import surveys
from painpoints.domain import Evidence, Finding, JourneyMap, Score
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
    members = _members(journey, evidence)
    below = sections(journey)
    return {
        "version": VERSION,
        "map": plain(journey),
        "n_evidence": n_evidence,
        "members": {finding_id: ids for finding_id, ids in members.items() if ids},
        "sections": [plain(replace(section, sets={})) for section in below],
        "sets": _sets(below, evidence),
        "measures": measures(journey),
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


def measures(journey: JourneyMap) -> list[dict[str, Any]]:
    """Return how each kind of score on the map counts an answer, so that a slice can be scored."""
    scores = [*journey.scores, *(score for view in journey.stages for score in view.scores)]
    found = {(score.survey, score.measure): _measure(score) for score in scores}
    return [plain(measure) | {"kind": measure.kind} for measure in found.values() if measure]


def _measure(score: Score) -> surveys.Measure | None:
    """Return the measure whose words the score carries; the scale's top is not told otherwise."""
    candidates = (measure for top in _TOPS for measure in surveys.measures(score.survey, top))
    return next((m for m in candidates if score.convention.startswith(m.convention)), None)


_TOPS = (None, *(float(top) for top in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100)))


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
    person = _Names()
    segments = sorted({name for row in rows for name in row.segments})
    return {
        "id": [row.feedback_id for row in rows],
        "verbatim": [row.verbatim for row in rows],
        "person": [person(row.person) for row in rows],
        "score": [row.score for row in rows],
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

    Where a finding names only some of its mentions, the rest are those of its stage and topic
    that do what its kind says.
    """
    number = {row.mention_id: i for i, row in enumerate(evidence)}
    by_cell: dict[tuple[str, str | None], list[int]] = {}
    for i, row in enumerate(evidence):
        by_cell.setdefault((row.stage, row.topic_id), []).append(i)
    return {
        finding.finding_id: _behind(finding, evidence, number, by_cell)
        for finding in findings(journey)
    }


def _behind(
    finding: Finding,
    evidence: Sequence[Evidence],
    number: Mapping[str, int],
    by_cell: Mapping[tuple[str, str | None], list[int]],
) -> list[int]:
    named = [number[key] for key in finding.evidence_ids if key in number]
    if len(finding.evidence_ids) >= finding.n_mentions:
        return named
    tells = _tells(finding)
    more = [i for i in by_cell.get((finding.stage, finding.topic_id), []) if tells(evidence[i])]
    return list(dict.fromkeys(named + more))


def _tells(finding: Finding) -> Callable[[Evidence], bool]:
    """Return the test whether a mention of the topic belongs to this kind of finding.

    The same rules as `tables.tells_pain` and `tables.tells_praise`, on one row.
    """
    if finding.opportunity == "asked_for":
        return lambda row: row.type == "request"
    if finding.opportunity == "extend_delight":
        return lambda row: _tells_either(row, "praise", "positive", "negative")
    return lambda row: _tells_either(row, "pain_point", "negative", "positive")


def _tells_either(row: Evidence, type_: str, mood: str, against: str) -> bool:
    if row.type in {"other", "unsure"}:
        return row.sentiment == mood
    return row.type == type_ and row.sentiment != against


def findings(journey: JourneyMap) -> list[Finding]:
    """Return all findings of the map, stage by stage, the ranked ones first."""
    return [
        finding
        for view in journey.stages
        for group in (view.pain_points, view.opportunities, view.listed_apart)
        for finding in group
    ]

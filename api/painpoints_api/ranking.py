"""Ranked findings of a run or of a slice of it, with the analysts' decisions laid over them.

The whole run is ranked by the engine. A slice is ranked anew from what its mentions tell, by
reach x severity (reach for what is asked for and what delights): the engine's priority where no
effect on the score is known. Groups of too few people are named, not ranked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from painpoints_api import engine, splits
from painpoints_api.records import TopicEdit
from painpoints_api.schemas import EstimateOut, FindingOut
from painpoints_api.slices import ASKED, DELIGHT, PAIN, REMOVE, Edits, Filters, Slices

MIN_PEOPLE = 5
_SEVERE = 1.5
_SAME = (
    "finding_id", "kind", "opportunity", "stage", "touchpoint", "topic_id", "n_mentions", "reach",
    "severity", "impact_survey", "agree", "feasibility", "priority", "priority_formula", "rank",
    "rank_low", "rank_high", "trend", "why",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """What analysts decided about the topics of a project."""

    topics: Mapping[str, TopicEdit] = field(default_factory=dict)

    @property
    def edits(self) -> Edits:
        """Return what changes which mentions count for what."""
        merged = {t.topic_id: t.merged_into for t in self.topics.values() if t.merged_into}
        hidden = frozenset(t.topic_id for t in self.topics.values() if t.hidden)
        parts = {t.topic_id: splits.held(t.parts) for t in self.topics.values() if t.parts}
        return Edits(merged, hidden, parts)

    def label(self, topic_id: str) -> str | None:
        """Return the name that analysts gave a topic or a part of one."""
        edit = self.topics.get(topic_id)
        if edit is not None and edit.label is not None:
            return edit.label
        whole = self.topics.get(splits.topic_of(topic_id))
        parts = () if whole is None else splits.held(whole.parts)
        return next((part.label for part in parts if part.topic_id == topic_id), None)

    def owner(self, topic_id: str) -> str | None:
        """Return who is to care for a topic."""
        edit = self.topics.get(topic_id)
        return None if edit is None else edit.owner


def labels(slices: Slices, run: Path, decided: Decided) -> dict[str, str]:
    """Return the names of a run's topics and parts: as analysts named them, else as found."""
    found = _found(slices, run, decided.edits)
    return {topic: decided.label(topic) or label for topic, label in found.items()}


def _found(slices: Slices, run: Path, edits: Edits) -> dict[str, str]:
    """Return names as found; what topics count for that the run lacks has the name of one of them."""
    rows = slices.topics(run, Edits(parts=edits.parts))
    found: dict[str, str] = {row["topic_id"]: row["label"] for row in rows}
    return {new: found[old] for old, new in edits.merged.items() if old in found} | found


def ranked(
    slices: Slices, run: Path, filters: Filters, decided: Decided, *, min_people: int = MIN_PEOPLE
) -> list[FindingOut]:
    """Return the findings by stage, kind (pain points first) and rank."""
    whole = slices.findings(run)
    edits = decided.edits
    topics = _found(slices, run, edits)
    if not filters and not edits.touch(topics):
        return [_whole(row, decided) for row in whole if row["topic_id"] not in edits.hidden]
    groups = slices.groups(run, filters, edits)
    found = {(row["opportunity"] or PAIN, row["stage"], row["topic_id"]): row for row in whole}
    return _slice(groups, found, topics, decided, min_people)


def _whole(row: Mapping[str, Any], decided: Decided) -> FindingOut:
    return FindingOut(
        **{name: row[name] for name in _SAME},
        label=decided.label(row["topic_id"]) or row["label"],
        owner=decided.owner(row["topic_id"]) or row.get("owner"),
        share=_estimate(row, "share") or EstimateOut(value=None, low=None, high=None),
        impact=_estimate(row, "impact"),
        weight=_estimate(row, "weight"),
        evidence_ids=row["evidence_ids"][:5],
        basis="run",
    )


def _estimate(row: Mapping[str, Any], name: str) -> EstimateOut | None:
    if row[name] is None:
        return None
    return EstimateOut(value=row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])


# -- a slice -----------------------------------------------------------------------------------


def _slice(
    groups: list[dict[str, Any]],
    labels: Mapping[tuple[str, str, str], Mapping[str, Any]],
    topics: Mapping[str, str],
    decided: Decided,
    min_people: int,
) -> list[FindingOut]:
    pains = _in_order([_claim(g, PAIN) for g in groups if g["claim"] == PAIN], min_people)
    removable = [p for p in pains if p["rank"] is not None and p["rank"] <= 3]
    chances = [_claim(g, REMOVE) for g in removable if g["severity"] >= _SEVERE]
    chances += [_claim(g, ASKED) for g in groups if g["claim"] == ASKED]
    chances += [_claim(g, DELIGHT) for g in groups if g["claim"] == DELIGHT and _praised(g, groups)]
    rows = pains + _in_order(chances, min_people)
    rows.sort(key=lambda row: (row["stage"], row["named"] != PAIN, row["rank"] or 10**9))
    return [_cut(row, labels, topics, decided) for row in rows]


def _claim(group: Mapping[str, Any], named: str) -> dict[str, Any]:
    weight = group["severity"] if named in {PAIN, REMOVE} else 1.0
    return {**group, "named": named, "priority": group["reach"] * weight, "rank": None}


def _praised(group: Mapping[str, Any], groups: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether surely more than half of those who speak of it praise it."""
    told = sum(
        other["reach"]
        for other in groups
        if (other["stage"], other["topic_id"]) == (group["stage"], group["topic_id"])
    )
    return engine.wilson(group["reach"], told)[0] > 0.5


def _in_order(rows: list[dict[str, Any]], min_people: int) -> list[dict[str, Any]]:
    """Return rows by stage and priority, numbered within the stage where enough people tell it."""
    ordered = sorted(rows, key=lambda r: (r["stage"], -r["priority"], r["named"], r["topic_id"]))
    counts: dict[tuple[str, bool], int] = {}
    for row in ordered:
        if row["reach"] >= min_people:
            key = (row["stage"], row["named"] == PAIN)
            counts[key] = counts.get(key, 0) + 1
            row["rank"] = counts[key]
    return ordered


def _cut(
    row: Mapping[str, Any],
    labels: Mapping[tuple[str, str, str], Mapping[str, Any]],
    topics: Mapping[str, str],
    decided: Decided,
) -> FindingOut:
    topic, named = row["topic_id"], row["named"]
    known = labels.get((named, row["stage"], topic)) or labels.get((PAIN, row["stage"], topic), {})
    low, high = engine.wilson(row["reach"], row["n_people"])
    formula = f"reach {row['reach']}"
    if named in {PAIN, REMOVE}:
        formula += f" x severity {row['severity']:.2f}"
    return FindingOut(
        finding_id=f"{named}:{row['stage']}:{topic}",
        kind=PAIN if named == PAIN else "opportunity",
        opportunity=None if named == PAIN else named,
        stage=row["stage"],
        touchpoint=row["touchpoint"],
        topic_id=topic,
        label=decided.label(topic) or known.get("label") or topics.get(topic, topic),
        owner=decided.owner(topic) or known.get("owner"),
        n_mentions=row["n_mentions"],
        reach=row["reach"],
        share=EstimateOut(
            value=row["reach"] / row["n_people"], low=low, high=high, n=row["n_people"]
        ),
        severity=row["severity"],
        impact=None,
        impact_survey=None,
        weight=None,
        agree=None,
        feasibility=known.get("feasibility"),
        priority=row["priority"],
        priority_formula=f"{formula} = {row['priority']:.1f}; the effect is not measured in a slice",
        rank=row["rank"],
        rank_low=None,
        rank_high=None,
        trend=None,
        why=f"{row['reach']} of {row['n_people']} people of this slice and stage tell of it",
        evidence_ids=[],
        basis="slice",
    )

"""What the analyst's table of efforts says of each group: effort, owner, note.

The table names topics, touchpoints or both; the closest row counts. Invents no effort: what is
not judged stays empty, and rows that speak of nothing found are told.
"""

from collections.abc import Mapping, Sequence

import polars as pl

Judgement = tuple[float | None, str | None, str | None]
"""Effort, owner and note."""
UNJUDGED: Judgement = (None, None, None)
SCHEMA = {"effort": pl.Float64, "owner": pl.String, "note": pl.String}


def judge(
    groups: pl.DataFrame, topics: pl.DataFrame, feasibility: pl.DataFrame | None
) -> pl.DataFrame:
    """Add `effort` (1 easy .. 5 hard), `owner` and `note`, as the analyst's table judges the group.

    groups: with topic_id, label and touchpoint; topics: topic_id and label. A topic may be named
    by its id, its name or that of the group. A row that names topic and touchpoint holds for both
    together, and goes before one that names the topic alone; that before the touchpoint alone.
    """
    judged = _judgements(feasibility)
    of_topics = dict(topics.select("topic_id", "label").iter_rows())
    found = [
        _judgement(judged, _names(topic, label, of_topics), touchpoint.casefold())
        for topic, label, touchpoint in _called(groups)
    ]
    return groups.hstack(pl.DataFrame(found, schema=SCHEMA, orient="row"))


def unmatched(
    found: pl.DataFrame, topics: pl.DataFrame, feasibility: pl.DataFrame
) -> tuple[str, ...]:
    """Return the rows of the analyst's table that speak of nothing in `found`, as written there."""
    of_topics = dict(topics.select("topic_id", "label").iter_rows())
    known = {
        key
        for topic, label, touchpoint in _called(found)
        for name in (*_names(topic, label, of_topics), "")
        for key in ((name, touchpoint.casefold()), (name, ""))
    }
    keys = [_key(row) for row in feasibility.iter_rows(named=True)]
    return tuple(
        ", ".join(part for part in key if part)
        for key in keys
        if (key[0].casefold(), key[1].casefold()) not in known
    )


def _called(groups: pl.DataFrame) -> list[tuple[str, str, str]]:
    return groups.select("topic_id", "label", "touchpoint").rows()


def _key(row: Mapping[str, object]) -> tuple[str, str]:
    """Return topic and touchpoint as written, "" for any."""
    topic, touchpoint = (str(row.get(c) or "").strip() for c in ("topic", "touchpoint"))
    return topic, touchpoint


def _judgements(feasibility: pl.DataFrame | None) -> dict[tuple[str, str], Judgement]:
    """Return effort, owner and note by topic and touchpoint in lower case."""
    if feasibility is None:
        return {}
    judged: dict[tuple[str, str], Judgement] = {}
    for row in feasibility.iter_rows(named=True):
        topic, touchpoint = _key(row)
        owner, note = (str(row.get(c) or "").strip() or None for c in ("owner", "note"))
        judged[topic.casefold(), touchpoint.casefold()] = (float(row["effort"]), owner, note)
    return judged


def _names(topic: str, label: str, of_topics: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a group may be called in the table: its topic's id, its name, its topic's name."""
    return tuple(name.casefold() for name in (topic, label, of_topics.get(topic, topic)))


def _judgement(
    judged: Mapping[tuple[str, str], Judgement], names: Sequence[str], touchpoint: str
) -> Judgement:
    closest = [*((n, touchpoint) for n in names), *((n, "") for n in names), ("", touchpoint)]
    return next((judged[key] for key in closest if key in judged), UNJUDGED)

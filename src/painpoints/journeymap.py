"""Arrange what was found by stage: the journey map, and the evidence behind it.

Counts reconcile: the mentions of all stages and those without one add up to all mentions; the
feedbacks with mentions and those left out add up to all feedback. Computes net sentiment and
tallies; scores, findings and changes come in ready-made. Writes nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from painpoints import stats, tables
from painpoints.domain import (
    ALL,
    Change,
    Estimate,
    Evidence,
    Finding,
    JourneyMap,
    Score,
    Stage,
    StageView,
    Tally,
    Topic,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_FILTER_VALUES = 50
NO_MENTION = "no_mention"
UNKNOWN = "unknown"

CONVENTIONS = {
    "people": "distinct people: the person the export names, else each feedback as one person",
    "share": "people who tell it at the stage / people who speak of the stage; Wilson 95 % interval",
    "net_sentiment": "share of people positive minus share negative (who is both counts as what "
    "they say more often, evenly mixed as neither); adjusted-Wald 95 % interval",
    "severity": "mean over the mentions that tell a pain: 1 minor, 2 major, 3 critical",
    "impact": "score of all minus score without the people's answers that mention it, in score "
    "points (pp: percentage points, where the score is a share); it goes with the score and need not cause it; impacts of topics do not add up",
    "weight": "Johnson's relative weight: share of the score's explained variance, overlap with "
    "other topics taken out, with the sign of the regression; bootstrap 95 % interval",
    "priority": "see each finding's formula; without scores by reach and severity alone",
    "rank": "by priority within stage and kind; the range holds the rank in 95 % of the bootstrap "
    "draws over people; groups under the minimum size are listed apart, not ranked",
    "change": "the last complete period against the one before; exact test for shares, corrected "
    "for the number of comparisons (Benjamini-Hochberg, 5 %)",
}
"""How each printed number is computed; docs/numbers.md says the same at length."""


def build(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    topics: pl.DataFrame,
    findings: pl.DataFrame,
    *,
    stages: Sequence[Stage],
    title: str,
    scores: Mapping[str, tuple[Score, ...]] | None = None,
    changes: Mapping[str, tuple[Change, ...]] | None = None,
    period: str | None = None,
    previous_period: str | None = None,
    min_people: int = 5,
) -> JourneyMap:
    """Return the map of one run.

    stages:  in the order of the journey; mentions of any other stage count as without one.
    scores:  by stage name and for `all`, as `scores.by_stage` gives them.
    changes: by stage name and for `all`, as `trends.changes` gives them.
    """
    scores, changes = scores or {}, changes or {}
    names = [stage.name for stage in stages]
    first_at, last_at = _span(feedback)
    return JourneyMap(
        title=title,
        first_at=first_at,
        last_at=last_at,
        period=period,
        previous_period=previous_period,
        n_feedback=feedback.height,
        n_people=feedback.select(tables.person().n_unique()).item(),
        n_mentions=mentions.height,
        people_known=tables.people_known(feedback),
        min_people=min_people,
        scores=scores.get(ALL, ()),
        stages=tuple(
            replace(view, scores=scores.get(name, ()), change=_share_change(changes.get(name, ())))
            for name, view in zip(
                names,
                _views(
                    feedback, mentions, findings, stages, min_people, measures=_measures(scores)
                ),
                strict=True,
            )
        ),
        topics=tuple(_topic(row) for row in topics.sort("topic_id").iter_rows(named=True)),
        no_stage=_counts(mentions.filter(~pl.col("stage").is_in(names))["stage"]),
        left_out=_left_out(feedback, mentions),
        filters=_filters(feedback),
        conventions=_conventions(feedback, scores.get(ALL, ())),
        without_topic=_counts(
            mentions.filter(pl.col("topic_id").is_null())["reason"].fill_null(UNKNOWN)
        ),
        changes=changes.get(ALL, ()),
    )


def _share_change(changes: Sequence[Change]) -> Change | None:
    """Return how the share of people who speak of the stage changed."""
    return next((change for change in changes if change.what == "share"), None)


def _span(feedback: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    first_at, last_at = feedback["created_at"].min(), feedback["created_at"].max()
    assert first_at is None or isinstance(first_at, datetime)
    assert last_at is None or isinstance(last_at, datetime)
    return first_at, last_at


def _counts(values: pl.Series) -> dict[str, int]:
    """Return how often each value occurs, the most frequent first."""
    name = values.name
    counted = values.value_counts(name="n").sort(["n", name], descending=[True, False])
    return dict(counted.iter_rows())


def _left_out(feedback: pl.DataFrame, mentions: pl.DataFrame) -> dict[str, int]:
    """Return the feedbacks without any mention by reason, so that the counts add up."""
    silent = feedback.join(mentions.select("feedback_id"), on="feedback_id", how="anti")
    return _counts(silent["reason"].fill_null(NO_MENTION))


def _filters(feedback: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the values that the map can be cut by, per column with 2 to 50 of them."""
    columns = ["channel", "survey", "source"]
    columns += [c for c in feedback.columns if c.startswith(tables.SEGMENT_PREFIX)]
    values = {c: feedback[c].drop_nulls().cast(pl.String).unique().sort() for c in columns}
    return {
        c.removeprefix(tables.SEGMENT_PREFIX): tuple(v)
        for c, v in values.items()
        if 2 <= v.len() <= MAX_FILTER_VALUES
    }


def _conventions(feedback: pl.DataFrame, scores: Sequence[Score]) -> dict[str, str]:
    n_known = feedback.height - feedback["person_id"].null_count()
    people = f"{CONVENTIONS['people']} (named for {n_known} of {feedback.height} feedbacks)"
    said = {f"{score.survey} {score.measure}": score.convention for score in scores}
    return CONVENTIONS | {"people": people} | said


def _topic(row: Mapping[str, Any]) -> Topic:
    return Topic(
        topic_id=row["topic_id"],
        parent_id=row["parent_id"],
        label=row["label"],
        terms=tuple(row["terms"]),
        exemplar_ids=tuple(row["exemplar_ids"]),
        n_mentions=row["n_mentions"],
        status=row["status"],
    )


def _views(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    findings: pl.DataFrame,
    stages: Sequence[Stage],
    min_people: int,
    *,
    measures: Mapping[str, str],
) -> list[StageView]:
    """Return the stages with all that is counted here; scores and change come in by `build`."""
    spoken = _spoken(feedback, mentions)
    n_speakers = spoken["person"].n_unique()
    whole = _tallies(spoken, "stage")
    touchpoints = _tallies(spoken, "touchpoint")
    channels = _tallies(spoken, "channel")
    found = _by_stage(findings, measures)
    return [
        _view(
            stage,
            whole.get(stage.name, (NOBODY,))[0],
            n_speakers,
            found.get(stage.name, []),
            touchpoints=touchpoints.get(stage.name, ()),
            channels=channels.get(stage.name, ()),
            min_people=min_people,
        )
        for stage in stages
    ]


def _spoken(feedback: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return stage, touchpoint, mood and speaker of every mention."""
    people = feedback.select("feedback_id", "channel", person=tables.person().hash())
    moods = {"positive": 1, "negative": -1}
    spoken = mentions.select(
        "feedback_id",
        "stage",
        "touchpoint",
        mood=pl.col("sentiment").replace_strict(moods, default=0, return_dtype=pl.Int32),
    ).join(people, on="feedback_id", how="left")
    named = pl.col("stage", "touchpoint", "channel").fill_null(UNKNOWN)
    return spoken.with_columns(named.cast(pl.Categorical))


NOBODY = Tally("", 0, 0, Estimate(None, None, None, 0))


def _tallies(spoken: pl.DataFrame, by: str) -> dict[str, tuple[Tally, ...]]:
    """Return, per stage, the mentions, people and net sentiment of each value of `by`."""
    named = spoken.select("stage", "mood", "person", name=by)
    people = named.group_by("stage", "name", "person").agg(
        n_mentions=pl.len(), balance=pl.col("mood").sum()
    )
    counted = people.group_by("stage", "name").agg(
        n_mentions=pl.col("n_mentions").sum(),
        n_people=pl.len(),
        up=(pl.col("balance") > 0).sum(),
        down=(pl.col("balance") < 0).sum(),
    )
    found: dict[str, list[Tally]] = {}
    ordered = counted.sort("n_mentions", "name", descending=[True, False])
    for at, name, n_mentions, n_people, up, down in ordered.iter_rows():
        net = _net_sentiment(up, down, n_people)
        found.setdefault(at, []).append(Tally(name, n_mentions, n_people, net))
    return {at: tuple(tallies) for at, tallies in found.items()}


def _net_sentiment(up: int, down: int, n: int) -> Estimate:
    low, high = stats.net_share(up, down, n)
    return Estimate((up - down) / n, float(low), float(high), n)


def _share(k: int, n: int) -> Estimate:
    if n == 0:
        return Estimate(None, None, None, 0)
    low, high = stats.wilson(k, n)
    return Estimate(k / n, float(low), float(high), n)


def _view(
    stage: Stage,
    whole: Tally,
    n_speakers: int,
    findings: Sequence[Finding],
    *,
    touchpoints: tuple[Tally, ...],
    channels: tuple[Tally, ...],
    min_people: int,
) -> StageView:
    ranked = [f for f in findings if f.rank is not None]
    return StageView(
        stage=stage,
        n_people=whole.n_people,
        n_mentions=whole.n_mentions,
        share=_share(whole.n_people, n_speakers),
        net_sentiment=whole.net_sentiment,
        scores=(),
        pain_points=tuple(f for f in ranked if f.kind == "pain_point"),
        opportunities=tuple(f for f in ranked if f.kind == "opportunity"),
        listed_apart=tuple(f for f in findings if f.rank is None),
        touchpoints=touchpoints,
        channels=channels,
        change=None,
        small=whole.n_people < min_people,
    )


_FINDING_COLUMNS = (
    *("finding_id", "kind", "opportunity", "stage", "touchpoint", "topic_id", "label", "reach"),
    *("n_mentions", "severity", "impact_survey", "agree", "feasibility", "priority"),
    *("priority_formula", "rank", "rank_low", "rank_high", "why", "owner", "note"),
)
_EVIDENCE_COLUMNS = (
    *("mention_id", "feedback_id", "verbatim", "start", "end", "stage", "stage_source"),
    *("touchpoint", "sentiment", "type", "severity", "topic_id", "source", "row", "channel"),
    *("survey", "score", "score_max", "created_at", "question"),
)


def _measures(scores: Mapping[str, tuple[Score, ...]]) -> dict[str, str]:
    """Return the measure that each survey kind is ranked by: the first of its scores of all."""
    return {score.survey: score.measure for score in reversed(scores.get(ALL, ()))}


def _by_stage(findings: pl.DataFrame, measures: Mapping[str, str]) -> dict[str, list[Finding]]:
    """Return the findings of each stage, by rank, those not ranked after them by priority."""
    ordered = findings.with_columns(order=-pl.col("priority")).sort(
        "rank", "order", "finding_id", nulls_last=True
    )
    found: dict[str, list[Finding]] = {}
    for row in ordered.iter_rows(named=True):
        found.setdefault(row["stage"], []).append(_finding(row, measures))
    return found


def _finding(row: Mapping[str, Any], measures: Mapping[str, str]) -> Finding:
    return Finding(
        **{name: row[name] for name in _FINDING_COLUMNS},
        share=Estimate(row["share"], row["share_low"], row["share_high"], _n_of_stage(row)),
        impact=_estimate(row, "impact"),
        weight=_estimate(row, "weight"),
        trend=_trend(row),
        evidence_ids=tuple(row["evidence_ids"]),
        impact_measure=measures.get(row["impact_survey"] or "", ""),
    )


def _n_of_stage(row: Mapping[str, Any]) -> int:
    """Return the people whom the share is of."""
    return round(row["reach"] / row["share"]) if row["share"] else 0


def _estimate(row: Mapping[str, Any], name: str) -> Estimate | None:
    if row[name] is None:
        return None
    return Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"], row["reach"])


def _trend(row: Mapping[str, Any]) -> Change | None:
    if row["trend"] is None:
        return None
    return Change(
        row["trend_before"],
        row["trend_now"],
        row["trend_p"],
        "Fisher's exact test, Benjamini-Hochberg over findings",
        row["trend"],
    )


def evidence(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    findings: pl.DataFrame,
    *,
    max_evidence: int = 50_000,
    seed: int = 0,
) -> tuple[Evidence, ...]:
    """Return what stands behind the map, at most `max_evidence` mentions, in their order.

    Where there are more, the most telling ones of every finding come first (evenly, the first of
    each, then the second), then all mentions of people drawn by a hash of who they are, so that
    the same people are drawn from the same data in any order. The map's `n_mentions` says of how
    many these are.
    """
    chosen = mentions
    if mentions.height > max_evidence:
        chosen = _sampled(feedback, mentions, findings, max_evidence, seed)
    rows = chosen.join(feedback, on="feedback_id", how="left", suffix="_known")
    rows = rows.with_columns(who=tables.person())
    segments = [c for c in feedback.columns if c.startswith(tables.SEGMENT_PREFIX)]
    return tuple(_evidence(row, segments) for row in rows.iter_rows(named=True))


def _sampled(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    findings: pl.DataFrame,
    max_evidence: int,
    seed: int,
) -> pl.DataFrame:
    telling = (
        findings.select(
            mention_id=pl.col("evidence_ids"),
            turn=pl.int_ranges(pl.col("evidence_ids").list.len()),
        )
        .explode("mention_id", "turn")
        .drop_nulls()
        .group_by("mention_id")
        .agg(pl.col("turn").min())
    )
    people = feedback.select("feedback_id", draw=tables.person().hash(seed))
    ordered = (
        mentions.select("mention_id", "feedback_id", at=pl.int_range(pl.len()))
        .join(people, on="feedback_id", how="left")
        .join(telling, on="mention_id", how="left")
        .sort("turn", "draw", pl.col("mention_id").hash(seed), nulls_last=True)
    )
    return mentions[ordered["at"].head(max_evidence).sort()]


def _evidence(row: Mapping[str, Any], segments: Sequence[str]) -> Evidence:
    return Evidence(
        **{name: row[name] for name in _EVIDENCE_COLUMNS},
        person=row["who"],
        segments={
            c.removeprefix(tables.SEGMENT_PREFIX): str(row[c])
            for c in segments
            if row[c] is not None
        },
    )


def to_dict(journey: JourneyMap) -> dict[str, Any]:
    """Return the map as plain values for JSON: six digits, times in ISO 8601, never NaN."""
    return plain(journey)


def plain(found: "DataclassInstance") -> dict[str, Any]:
    """Return any result of ours as plain values, in the same way."""
    values = _plain(asdict(found))
    assert isinstance(values, dict)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value

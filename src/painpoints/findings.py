"""Rank the claims: pain points and opportunities of each stage, with what they rest on.

A pain point is a topic within a stage, made of the mentions that tell a problem there. An
opportunity removes such a pain where the evidence is strong, gives what is asked for, or extends
what delights. The rank orders by priority, whose inputs are printed; its range comes from a
bootstrap over people. Groups of too few people are named but not ranked. Measures no score
itself: impacts come in the DRIVERS table, changes are added by `trends.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from painpoints import efforts, points, stats, tables
from painpoints.domain import UNTOLD

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PAIN, ASKED, DELIGHT, REMOVE = "pain_point", "asked_for", "extend_delight", "remove_pain"
MAX_EVIDENCE = 200
PRIOR_PEOPLE = 5
EFFECT_ENDS = (0.25, 3.0)
EFFECT_SLOPE = 3.75
MIDDLE_EFFORT = 3.0
MATERIAL = 0.005
FIRST = 5
GIVEN = 0.5


@dataclass(frozen=True, slots=True)
class Draws:
    """Bootstrap over people of each group: (n_bootstrap, n_groups) each.

    reach: people; severity: mean of the mentions; effect: the factor of `_with_effect`.
    """

    reach: stats.Floats
    severity: stats.Floats
    effect: stats.Floats


@dataclass(frozen=True, slots=True)
class Sums:
    """Sorts of people who tell the same: `table` (n_sorts, 3 n_groups), `counts` (n_sorts,)."""

    table: "csr_matrix"
    counts: stats.Integers


def members(mentions: pl.DataFrame) -> pl.DataFrame:
    """Return which mention belongs to which group: kind, stage, topic_id, mention_id, feedback_id.

    Kinds are pain_point, asked_for and extend_delight; a mention is of one of them or of none.
    Mentions without a stage or a topic belong to no group.
    """
    columns = ("kind", "stage", "topic_id", "mention_id", "feedback_id")
    return _grouped(mentions.lazy()).select(columns).collect()


def _grouped(mentions: pl.LazyFrame) -> pl.LazyFrame:
    placed = mentions.filter(~pl.col("stage").is_in(UNTOLD), pl.col("topic_id").is_not_null())
    return placed.with_columns(kind=_kind()).drop_nulls("kind")


def _kind() -> pl.Expr:
    return (
        pl.when(tables.tells_pain())
        .then(pl.lit(PAIN))
        .when(tables.tells_wish())
        .then(pl.lit(ASKED))
        .when(tables.tells_praise())
        .then(pl.lit(DELIGHT))
    )


def find(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    topics: pl.DataFrame,
    drivers: pl.DataFrame,
    *,
    min_people: int = 5,
    n_bootstrap: int = 200,
    seed: int = 0,
    feasibility: pl.DataFrame | None = None,
    labels: Mapping[tuple[str, str, str], str] | None = None,
) -> pl.DataFrame:
    """Return the FINDINGS table, by stage, kind and rank; its trend columns are null.

    feasibility: columns topic (id, or name of the topic or finding) and/or touchpoint, effort
                 (1 easy .. 5 hard), and if known owner and note.
    labels:      (kind, stage, topic_id) -> label, kinds as in `members`; else the topic's label.
    """
    told = _told(feedback, mentions)
    groups = _with_shares(_groups(told), feedback, mentions)
    groups = _with_effect(_with_drivers(groups, drivers, feedback))
    groups = efforts.judge(_with_labels(groups, topics, labels or {}), topics, feasibility)
    draws = _draws(groups, told, feedback, n_bootstrap, np.random.default_rng(seed))
    pains = _ranked(_pains(groups), draws, min_people)
    chances = _ranked(_chances(groups, pains, judged=feasibility is not None), draws, min_people)
    return _table(pl.concat([pains, chances], how="diagonal_relaxed"), _telling(told))


def _told(feedback: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return the mentions that make groups, with the group's number and the person.

    A mention that tells a problem is of severity 1 at least, as 0 means that there is none.
    """
    people = feedback.select("feedback_id", person=tables.person().hash())
    told = (
        _grouped(mentions.lazy())
        .with_columns(
            severity=pl.when(kind=PAIN)
            .then(pl.max_horizontal("severity", pl.lit(1, pl.Int8)))
            .otherwise("severity")
        )
        .select(
            *("kind", "stage", "topic_id", "mention_id", "feedback_id", "touchpoint", "severity"),
            words=pl.col("text").str.to_lowercase().hash(),
            tells=_tells(),
        )
        .collect()
    )
    names = told.select("kind", "stage", "topic_id").unique().sort("stage", "kind", "topic_id")
    numbered = names.with_row_index("group")
    return told.join(numbered, on=["kind", "stage", "topic_id"]).join(
        people, on="feedback_id", how="left"
    )


def _tells() -> pl.Expr:
    """Return how telling a mention is: surely labelled, severe, neither a word nor a page."""
    sure = (
        pl.col("type_prob") + pl.col("sentiment_prob") + pl.col("topic_prob").fill_null(0.5)
    ) / 3
    length = pl.col("text").str.len_chars().cast(pl.Float64)
    moderate = (length / 30).clip(0, 1) - ((length - 200) / 400).clip(0, 1)
    return sure + pl.col("severity").cast(pl.Float64) / 6 + moderate / 2


def _groups(told: pl.DataFrame) -> pl.DataFrame:
    """Return one row per group: reach, mentions, mean severity, most frequent touchpoint."""
    named = pl.col("touchpoint").filter(~pl.col("touchpoint").is_in(UNTOLD))
    return (
        told.group_by("group", "kind", "stage", "topic_id")
        .agg(
            reach=pl.col("person").n_unique().cast(pl.Int64),
            n_mentions=pl.len().cast(pl.Int64),
            severity=pl.col("severity").cast(pl.Float64).mean(),
            touchpoint=named.mode().sort().first().fill_null("none"),
        )
        .sort("group")
    )


def _with_shares(
    groups: pl.DataFrame, feedback: pl.DataFrame, mentions: pl.DataFrame
) -> pl.DataFrame:
    """Add the share among the people who speak of the stage, with its interval.

    `told` people speak of the topic at the stage, whatever they say of it.
    """
    people = feedback.select("feedback_id", person=tables.person().hash())
    spoken = mentions.select("feedback_id", "stage", "topic_id").join(
        people, on="feedback_id", how="left"
    )
    speakers = spoken.group_by("stage").agg(n_speakers=pl.col("person").n_unique())
    of_topic = spoken.group_by("stage", "topic_id").agg(told=pl.col("person").n_unique())
    joined = groups.join(speakers, on="stage", how="left", maintain_order="left").join(
        of_topic, on=["stage", "topic_id"], how="left", maintain_order="left"
    )
    low, high = stats.wilson(joined["reach"].to_numpy(), joined["n_speakers"].to_numpy())
    return joined.with_columns(
        share=pl.col("reach") / pl.col("n_speakers"),
        share_low=pl.Series(low),
        share_high=pl.Series(high),
    )


def _with_drivers(
    groups: pl.DataFrame,
    drivers: pl.DataFrame,
    feedback: pl.DataFrame,
) -> pl.DataFrame:
    """Add impact and weight on the most answered survey kind, and the length of its scale.

    `scored` people tell the group and gave a score, `scored_share` of the answers tell it.
    """
    measure, answers = points.headline(feedback) or (None, feedback.clear())
    survey = measure.survey if measure else None
    known = drivers.filter(pl.col("survey").eq_missing(survey)).select(
        pl.exclude("survey", "n_people", "n_feedback", "share"),
        kind=pl.col("polarity").replace_strict({"negative": PAIN, "positive": DELIGHT}),
        scored=pl.col("n_people"),
        scored_share=pl.col("n_feedback") / answers.height,
    )
    joined = groups.join(known, on=["kind", "stage", "topic_id"], how="left", maintain_order="left")
    return joined.with_columns(
        impact_survey=pl.when(pl.col("impact").is_not_null()).then(pl.lit(survey, pl.String)),
        scale=pl.lit(measure.high - measure.low if measure else 1.0),
        is_share=pl.lit(bool(measure and measure.kind == "share")),
    )


def _with_effect(groups: pl.DataFrame) -> pl.DataFrame:
    """Add `effect`, 0.25 .. 3: how far the scores of those who tell it lie from the others'.

    gap = impact / share, in score points; as a part of the scale, pulled towards 0 as if 5
    people without any gap had told it too; effect = 0.25 + 3.75 gap (pains: a lower score is
    more, delights: a higher one): a fifth of the scale counts 1, no gap a quarter; 1 where no
    impact is known. The ends are those of RICE's impact.
    """
    sign = pl.when(pl.col("kind") == PAIN).then(-1.0).otherwise(1.0)
    shrunk = sign * pl.col("scored") / (pl.col("scored") + PRIOR_PEOPLE)
    unit = EFFECT_SLOPE * shrunk / pl.col("scored_share") / pl.col("scale")
    spread = (pl.col("impact_high") - pl.col("impact_low")) / (2 * stats.Z95)
    return groups.with_columns(
        gap=pl.col("impact") / pl.col("scored_share"),
        effect=_bounded(EFFECT_ENDS[0] + unit * pl.col("impact")).fill_null(1.0),
        effect_spread=(unit.abs() * spread).fill_null(0.0),
    )


def _bounded(effect: pl.Expr) -> pl.Expr:
    return effect.clip(*EFFECT_ENDS)


def _with_labels(
    groups: pl.DataFrame, topics: pl.DataFrame, labels: Mapping[tuple[str, str, str], str]
) -> pl.DataFrame:
    of_topics = dict(topics.select("topic_id", "label").iter_rows())
    names = [
        labels.get((kind, stage, topic), of_topics.get(topic, topic))
        for kind, stage, topic in groups.select("kind", "stage", "topic_id").iter_rows()
    ]
    return groups.with_columns(label=pl.Series(names, dtype=pl.String))


def _draws(
    groups: pl.DataFrame,
    told: pl.DataFrame,
    feedback: pl.DataFrame,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Draws:
    """Return the bootstrap over people; who tells nothing is drawn too, as one sort of people.

    The effect is drawn from a normal distribution with the standard error of the impact.
    """
    n, sums = groups.height, _sums(told)
    n_silent = feedback.select(tables.person().n_unique()).item() - int(sums.counts.sum())
    counts = np.append(sums.counts, max(n_silent, 0))
    table = np.concatenate(
        [draws[:, :-1] @ sums.table for draws in stats.resamples(counts, n_bootstrap, rng)]
    )
    reach, n_mentions, severity = table[:, :n], table[:, n : 2 * n], table[:, 2 * n :]
    noise = rng.standard_normal((n_bootstrap, n)) * groups["effect_spread"].to_numpy()
    return Draws(
        reach,
        severity / np.maximum(n_mentions, 1),
        np.clip(groups["effect"].to_numpy() + noise, *EFFECT_ENDS),
    )


def _sums(told: pl.DataFrame) -> Sums:
    """Return, per sort of people, 1, mentions and summed severity in each group."""
    from scipy.sparse import coo_matrix

    each = told.group_by("person", "group").agg(
        n=pl.len(), severity=pl.col("severity").cast(pl.Int64).sum()
    )
    people, person = np.unique(each["person"].to_numpy(), return_inverse=True)
    traits = each.select(pl.struct("group", "n", "severity").hash())["group"].to_numpy()
    chosen, counts = stats.alike(person, traits)
    sort_of = np.full(people.size, -1)
    sort_of[chosen] = np.arange(chosen.size)
    sort = sort_of[person]
    kept = sort >= 0
    group = each["group"].to_numpy().astype(np.int64)[kept]
    n_groups = told["group"].n_unique()
    values = np.concatenate(
        [np.ones(group.size), each["n"].to_numpy()[kept], each["severity"].to_numpy()[kept]]
    )
    columns = np.concatenate([group, group + n_groups, group + 2 * n_groups])
    shape = (chosen.size, 3 * n_groups)
    return Sums(
        coo_matrix((values, (np.tile(sort[kept], 3), columns)), shape=shape).tocsr(), counts
    )


def _pains(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.filter(kind=PAIN).with_columns(
        claim=pl.lit(PAIN),
        need=pl.col("severity"),
        ease=pl.lit(1.0),
        confidence=pl.lit(None, pl.Float64),
    )


def _chances(groups: pl.DataFrame, pains: pl.DataFrame, *, judged: bool) -> pl.DataFrame:
    """Return the opportunities of all three kinds, with how easy each is, where it was judged."""
    claims = pl.concat(
        [_removable(pains), _asked(groups), _delightful(groups)], how="diagonal_relaxed"
    )
    if not judged:
        return claims.with_columns(ease=pl.lit(1.0), confidence=pl.lit(None, pl.Float64))
    sure = (pl.col("impact_low") > 0) | (pl.col("impact_high") < 0)
    confidence = pl.when(sure).then(1.0).when(sure.is_not_null()).then(0.8).otherwise(0.5)
    effort = pl.col("effort").fill_null(MIDDLE_EFFORT)
    return claims.with_columns(confidence=confidence, ease=confidence * MIDDLE_EFFORT / effort)


def _removable(pains: pl.DataFrame) -> pl.DataFrame:
    """Return the pains whose removal is well founded, among the first five of their stage.

    With scores: the cautious end of the impact's interval is worth 0.5 % of the scale (1 of the
    200 points of NPS) or more. Without: severe (1.5 or more on average) and in all of its rank
    range among the first five.
    """
    by_score = pl.col("impact_high") <= -MATERIAL * pl.col("scale")
    by_rank = (
        pl.col("impact").is_null() & (pl.col("rank_high") <= FIRST) & (pl.col("severity") >= 1.5)
    )
    strong = (pl.col("rank") <= FIRST) & (by_score | by_rank)
    return pains.filter(strong.fill_null(value=False)).with_columns(claim=pl.lit(REMOVE))


def _asked(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.filter(kind=ASKED).with_columns(claim=pl.lit(ASKED), need=pl.lit(1.0))


def _delightful(groups: pl.DataFrame) -> pl.DataFrame:
    """Return the praise that lifts the score: the cautious end of its impact is worth 0.5 %.

    Without scores: more than half of those who speak of it at the stage praise it, surely.
    """
    praised = groups.filter(kind=DELIGHT)
    low, _ = stats.wilson(praised["reach"].to_numpy(), praised["told"].to_numpy())
    lifts = pl.col("impact_low") >= MATERIAL * pl.col("scale")
    mostly = pl.col("impact").is_null() & pl.Series(low > 0.5)
    return praised.filter((lifts | mostly).fill_null(value=False)).with_columns(
        claim=pl.lit(DELIGHT), need=pl.lit(GIVEN)
    )


def _ranked(claims: pl.DataFrame, draws: Draws, min_people: int) -> pl.DataFrame:
    """Add priority and, for groups that are large enough, rank and its bootstrap range."""
    claims = claims.drop("rank", "rank_low", "rank_high", strict=False).with_columns(
        priority=pl.col("reach") * pl.col("need") * pl.col("effect") * pl.col("ease")
    )
    claims = claims.sort("stage", "claim", "topic_id")
    large = claims.filter(pl.col("reach") >= min_people)
    stage = large["stage"].rank("dense").cast(pl.Int64).to_numpy()
    point = large["priority"].to_numpy()
    low, high = stats.rank_ranges(_drawn(large, draws), point, stage)
    ranks = large.select("claim", "group").with_columns(
        rank=pl.Series(stats.ranks(point, stage), dtype=pl.Int64),
        rank_low=pl.Series(low, dtype=pl.Int64),
        rank_high=pl.Series(high, dtype=pl.Int64),
    )
    return claims.join(ranks, on=["claim", "group"], how="left", maintain_order="left")


def _drawn(claims: pl.DataFrame, draws: Draws) -> stats.Floats:
    """Return the priority of each claim in each draw, (n_bootstrap, n_claims)."""
    group = claims["group"].to_numpy()
    of_pain = claims["claim"].is_in([PAIN, REMOVE]).to_numpy()
    need = np.where(of_pain, draws.severity[:, group], claims["need"].to_numpy())
    drawn = draws.reach[:, group] * need * draws.effect[:, group] * claims["ease"].to_numpy()
    return np.asarray(drawn, np.float64)


def _table(claims: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    rows = claims.rows(named=True)
    ordered = claims.with_columns(
        priority_formula=pl.Series([_formula(row) for row in rows], dtype=pl.String),
        why=pl.Series([_why(row) for row in rows], dtype=pl.String),
    )
    ordered = ordered.join(evidence, on="group", how="left").with_columns(
        kind=pl.when(pl.col("claim") == PAIN).then(pl.lit(PAIN)).otherwise(pl.lit("opportunity")),
        opportunity=pl.when(pl.col("claim") != PAIN).then("claim"),
        finding_id=pl.concat_str("claim", "stage", "topic_id", separator=":"),
        feasibility=6 - pl.col("effort"),
        minus=-pl.col("priority"),
    )
    ordered = ordered.sort(
        "stage", pl.col("kind") != PAIN, "rank", "minus", "finding_id", nulls_last=True
    )
    schema = tables.FINDINGS.schema()
    missing = {c: pl.lit(None, t) for c, t in schema.items() if c not in ordered.columns}
    found = ordered.with_columns(**missing).select(pl.col(c).cast(t) for c, t in schema.items())
    return tables.check(tables.FINDINGS, found)


def _formula(row: Mapping[str, Any]) -> str:
    """Return the priority with all of its inputs, in words that can be recomputed."""
    factors = [f"reach {row['reach']}"]
    if row["claim"] in {PAIN, REMOVE}:
        factors.append(f"severity {row['severity']:.2f}")
    if row["claim"] == DELIGHT:
        factors.append(f"already given {GIVEN}")
    if row["impact"] is not None:
        factors.append(f"effect {row['effect']:.2f}")
    if row["confidence"] is not None:
        effort = row["effort"]
        factors.append(f"confidence {row['confidence']:.1f}")
        factors.append(f"3 / effort {effort:g}" if effort else "effort not judged (as 3 of 5)")
    return f"{' x '.join(factors)} = {row['priority']:.1f}{_remark(row)}"


def _remark(row: Mapping[str, Any]) -> str:
    if row["impact"] is None:
        return "; the effect on the score is not known"
    survey, gap = _named(row["impact_survey"]), _number(row, "gap")
    return f"; those who tell it score {gap} on {survey} against all others"


def _why(row: Mapping[str, Any]) -> str:
    """Return in one sentence why the claim is listed."""
    alone = row["reach"] == 1
    if row["claim"] == PAIN:
        tell = "1 person tells" if alone else f"{row['reach']} people tell"
        return f"{tell} of it as a problem"
    if row["claim"] == ASKED:
        ask = "1 person asks" if alone else f"{row['reach']} people ask"
        return f"{ask} for it"
    if row["impact"] is not None:
        ends = f"{_number(row, 'impact_low')} to {_number(row, 'impact_high')}"
        return f"its impact on {_named(row['impact_survey'])} is surely there: {ends}"
    if row["claim"] == REMOVE:
        low, high = row["rank_low"], row["rank_high"]
        rank = f"rank {low}" if low == high else f"rank {low} to {high}"
        return f"severe ({row['severity']:.1f} of 3) and {rank} of its stage; no scores to go by"
    return f"{row['reach']} of {row['told']} who speak of it praise it; no scores to go by"


def _named(survey: str) -> str:
    return {"enps": "eNPS", "stars": "stars", "thumbs": "thumbs"}.get(survey, survey.upper())


def _number(row: Mapping[str, Any], name: str) -> str:
    """Return a signed number in score points; of a score that is a share, in percentage points."""
    if row["is_share"]:
        return f"{100 * row[name]:+.1f} pp"
    return f"{row[name]:+.{1 if row['scale'] > 10 else 2}f}"


def _telling(told: pl.DataFrame) -> pl.DataFrame:
    """Return the mention ids of each group, most telling first, at most 200.

    Distinct people and words come before repeated ones.
    """
    ordered = told.select(
        "group", "mention_id", "person", "words", "tells", tie=pl.col("mention_id").hash()
    ).sort("group", "tells", "tie", descending=[False, True, False])
    again = [
        stats.told_before(ordered.select(pl.struct("group", c).hash()).to_series().to_numpy())
        for c in ("person", "words")
    ]
    return (
        ordered.with_columns(turn=pl.Series(np.maximum(*again)))
        .sort("group", "turn", maintain_order=True)
        .group_by("group", maintain_order=True)
        .agg(evidence_ids=pl.col("mention_id").head(MAX_EVIDENCE))
    )

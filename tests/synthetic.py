"""Consistent invented tables of any size: feedback, mentions and topics as the steps leave them.

Everything is drawn from a seed. Each topic pulls on the score by a known amount, so that what
the numbers find can be held against what was put in.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from painpoints import tables

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """One invented topic: where it is spoken of, as what, how often, and its pull on the score."""

    topic_id: str
    label: str
    stage: str
    touchpoint: str
    type: str
    severity: int
    pull: float
    weight: float
    texts: tuple[str, ...]


PLANS = (
    Plan("t01", "Price hard to find", "consideration", "price", "pain_point", 1, -1.0, 3.0, ("the price is hidden in small print", "could not find what it costs", "no price anywhere on the page")),
    Plan("t02", "Card declined at checkout", "purchase", "payment", "pain_point", 2, -2.5, 3.0, ("my card was declined three times", "checkout refused a good card", "paying failed again and again")),
    Plan("t03", "Ordering is quick", "purchase", "ordering", "praise", 0, 1.5, 4.0, ("ordering took two minutes", "the order form was short and clear", "buying was a breeze")),
    Plan("t04", "Parcel arrives late", "delivery", "delivery", "pain_point", 2, -3.0, 7.0, ("the parcel came two weeks late", "we waited sixteen days for it", "delivery was moved three times")),
    Plan("t05", "Friendly couriers", "delivery", "staff", "praise", 0, 1.0, 3.0, ("the courier was friendly", "she carried it up four floors", "a polite young man brought it")),
    Plan("t06", "Set-up instructions unclear", "onboarding", "information", "pain_point", 1, -1.2, 3.0, ("the instructions leave out a step", "the booklet shows another model", "set-up was a riddle")),
    Plan("t07", "App crashes", "use", "app", "pain_point", 3, -3.5, 5.0, ("the app crashes when I open a photo", "it freezes every evening", "the app closes by itself")),
    Plan("t08", "Works reliably", "use", "product", "praise", 0, 2.0, 9.0, ("it works day and night", "never let me down", "solid as a rock")),
    Plan("t09", "Dark mode wanted", "use", "app", "request", 1, 0.0, 2.5, ("please add a dark mode", "I wish there were a dark theme", "a darker screen would help")),
    Plan("t10", "Long wait on the phone", "support", "customer_service", "pain_point", 2, -2.0, 5.0, ("on hold for an hour", "nobody picks up the phone", "fifty minutes of music")),
    Plan("t11", "Problems solved at once", "support", "customer_service", "praise", 0, 1.8, 3.0, ("the lady solved it in minutes", "one call and all was well", "they put it right at once")),
    Plan("t12", "Cancelling takes too long", "loyalty", "policy", "pain_point", 3, -3.0, 1.0, ("it took three calls to cancel", "you make it hard to leave", "still not cancelled after a month")),
)  # fmt: skip
_TAILS = ("", " this time", " again", " for us", " as before", " in spring", " at home")
_SENTIMENT = {"pain_point": "negative", "praise": "positive", "request": "neutral"}
_CHANNELS = ("app", "web", "phone", "store")


@dataclass(frozen=True, slots=True)
class Frames:
    """Three tables that belong together."""

    feedback: pl.DataFrame
    mentions: pl.DataFrame
    topics: pl.DataFrame


def frames(
    n_people: int,
    *,
    seed: int = 0,
    survey: str = "nps",
    repeat: float = 0.2,
    people_known: bool = True,
    dated: bool = True,
    days: int = 180,
    stages: tuple[str, ...] | None = None,
    late_growth: dict[str, float] | None = None,
) -> Frames:
    """Return tables of `n_people` invented people.

    survey:      nps, csat, stars, thumbs, or none (no scores).
    repeat:      mean number of further answers per person.
    stages:      only topics of these stages; None takes all.
    late_growth: topic_id -> factor on how often it is told in the second half of the time.
    """
    rng = np.random.default_rng(seed)
    plans = [plan for plan in PLANS if stages is None or plan.stage in stages]
    person = np.repeat(np.arange(n_people), 1 + rng.poisson(repeat, n_people))
    at = np.sort(rng.uniform(0, days, person.size))[rng.permutation(person.size)]
    row, topic = _told(rng, plans, at > days / 2, late_growth or {})
    mood = rng.normal(0, 1, n_people)[person] + rng.normal(0, 1.2, person.size)
    mood += np.bincount(row, np.array([p.pull for p in plans])[topic], minlength=person.size)
    mentions = _mentions(rng, plans, row, topic)
    feedback = _feedback(rng, person, mentions, survey=survey, mood=mood)
    feedback = feedback.with_columns(
        pl.when(people_known).then("person_id").alias("person_id"),
        created_at=pl.Series([START + timedelta(days=float(d)) for d in at], dtype=tables.TIME)
        if dated
        else pl.lit(None, tables.TIME),
    )
    feedback = tables.check(
        tables.FEEDBACK, feedback.select(*tables.FEEDBACK.schema(), "segment_plan")
    )
    return Frames(feedback, tables.check(tables.MENTIONS, mentions), _topics(plans, mentions))


def _told(
    rng: np.random.Generator, plans: list[Plan], late: np.ndarray, growth: dict[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the feedback row and the topic of every mention, rows ascending."""
    n_mentions = rng.choice([1, 2, 3], p=[0.65, 0.28, 0.07], size=late.size)
    row = np.repeat(np.arange(late.size), n_mentions)
    early = np.array([p.weight for p in plans])
    grown = early * np.array([growth.get(p.topic_id, 1.0) for p in plans])
    draw = rng.random(row.size)
    topic = np.where(
        late[row],
        np.searchsorted(np.cumsum(grown) / grown.sum(), draw, side="right"),
        np.searchsorted(np.cumsum(early) / early.sum(), draw, side="right"),
    )
    return row, np.minimum(topic, len(plans) - 1)


def _mentions(
    rng: np.random.Generator, plans: list[Plan], row: np.ndarray, topic: np.ndarray
) -> pl.DataFrame:
    text = np.array([[t + tail for t in p.texts for tail in _TAILS] for p in plans])
    noise = rng.random(row.size)
    severity = np.array([p.severity for p in plans])[topic]
    jitter = np.where(severity > 0, rng.integers(-1, 2, row.size), 0)
    frame = pl.DataFrame(
        {
            "row": row,
            "text": text[topic, rng.integers(0, text.shape[1], row.size)],
            "stage": np.array([p.stage for p in plans])[topic],
            "touchpoint": np.array([p.touchpoint for p in plans])[topic],
            "type": np.array([p.type for p in plans])[topic],
            "severity": np.clip(severity + jitter, np.minimum(severity, 1), 3),
            "topic_id": np.array([p.topic_id for p in plans])[topic],
            "topic_prob": rng.uniform(0.4, 1, row.size),
            "stage_source": np.where(rng.random(row.size) < 0.1, "metadata", "text"),
        }
    )
    number = pl.int_range(pl.len()).over("row")
    length = pl.col("text").str.len_chars().cast(pl.Int64) + 2
    frame = frame.with_columns(
        pl.when(pl.lit(noise < 0.06))
        .then(pl.lit("none"))
        .when(pl.lit(noise < 0.1))
        .then(pl.lit("unsure"))
        .otherwise("stage")
        .alias("stage"),
        pl.when(pl.lit(noise > 0.96)).then(None).otherwise("topic_id").alias("topic_id"),
        pl.when(pl.lit(noise > 0.96)).then(pl.lit("novel")).alias("reason"),
        feedback_id=pl.format("f{}", "row"),
        mention_id=pl.format("f{}#{}", "row", number + 1),
        start=length.cum_sum().over("row") - length,
        sentiment=pl.col("type").replace_strict(_SENTIMENT),
    ).with_columns(
        pl.when(pl.col("topic_id").is_not_null()).then("topic_prob").alias("topic_prob"),
        end=pl.col("start") + length - 2,
        **{
            f"{name}_prob": pl.lit(rng.uniform(0.5, 1, row.size))
            for name in ("stage", "touchpoint", "sentiment", "type", "severity")
        },
    )
    return frame.select(pl.col(c).cast(t) for c, t in tables.MENTIONS.schema().items())


def _feedback(
    rng: np.random.Generator,
    person: np.ndarray,
    mentions: pl.DataFrame,
    *,
    survey: str,
    mood: np.ndarray,
) -> pl.DataFrame:
    score, top = _scored(survey, mood)
    written = mentions.group_by("feedback_id", maintain_order=True).agg(
        verbatim=pl.col("text").str.join(". ")
    )
    n = person.size
    frame = pl.DataFrame(
        {
            "feedback_id": [f"f{i}" for i in range(n)],
            "person_id": [f"p{i}" for i in person],
            "row": np.arange(n) + 2,
            "channel": np.array(_CHANNELS)[rng.integers(0, len(_CHANNELS), n)],
            "segment_plan": np.array(("basic", "family", "pro"))[rng.integers(0, 3, n)],
        },
        schema_overrides={"feedback_id": pl.String, "person_id": pl.String},
    ).join(written, on="feedback_id", how="left", maintain_order="left")
    return frame.with_columns(
        question=pl.lit("Why this score?"),
        turns=pl.lit(None, tables.FEEDBACK.schema()["turns"]),
        source=pl.lit("invented.csv"),
        survey=pl.lit(survey),
        score=pl.lit(score) if score is not None and n else pl.lit(None, pl.Float64),
        score_max=pl.lit(top, pl.Float64),
        touchpoint=pl.lit(None, pl.String),
        stage=pl.lit(None, pl.String),
        language=pl.lit("en"),
        reason=pl.lit(None, pl.String),
        verbatim=pl.col("verbatim").cast(pl.String).fill_null(""),
    )


def _scored(survey: str, mood: np.ndarray) -> tuple[pl.Series | None, float | None]:
    if survey == "none":
        return None, None
    top, low = {"nps": (10, 0), "csat": (5, 1), "stars": (5, 1), "thumbs": (1, 0)}[survey]
    raw = low + (top - low) * (8.2 + mood) / 10
    return pl.Series(np.clip(np.round(raw), low, top)), float(top)


def _topics(plans: list[Plan], mentions: pl.DataFrame) -> pl.DataFrame:
    counted = (
        mentions.drop_nulls("topic_id")
        .group_by("topic_id")
        .agg(n_mentions=pl.len().cast(pl.Int64), exemplar_ids=pl.col("mention_id").sort().head(3))
    )
    labels = {p.topic_id: p.label for p in plans}
    frame = counted.sort("topic_id").with_columns(
        parent_id=pl.lit(None, pl.String),
        first_seen=pl.lit(None, tables.TIME),
        status=pl.lit("kept"),
        label=pl.col("topic_id").replace_strict(labels, return_dtype=pl.String),
        terms=pl.lit(["one", "two"]),
    )
    return tables.check(
        tables.TOPICS, frame.select(pl.col(c).cast(t) for c, t in tables.TOPICS.schema().items())
    )

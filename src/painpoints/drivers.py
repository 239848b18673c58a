"""What each topic does to the score: leave-out impact, and Johnson's relative weight beside it.

A feedback mentions a topic negatively if any of its mentions of it tells a pain, and positively
if any praises it. Every row compares those feedbacks with all others that have a score of the
same kind, also those without a text, so that an impact adds to the score that is printed. Both
numbers tell what goes together, not what causes what. Ranks nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import ALL, UNTOLD
from painpoints.relative_weights import Drivers, Weights, relative_weights

ANSWERS_PER_WEIGHT = 10
MAX_WEIGHTS = 80


@dataclass(frozen=True, slots=True)
class Answers:
    """The scored feedbacks of one survey kind, in any fixed order.

    frame:  feedback_id, answer (0..n - 1), person (0..n_people - 1), points; the feedbacks of
            one row of an export share one answer.
    points: (n,) what each answer counts; person: (n,) who gave it.
    """

    measure: surveys.Measure
    frame: pl.DataFrame
    points: stats.Floats
    person: stats.Integers
    n_people: int


def measure(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    *,
    min_people: int = 5,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """Return the DRIVERS table: topic x polarity, for each stage and `all`, per survey kind.

    Topics that fewer than `min_people` people mention, or that all do, have no row: nothing can
    be said of them. There must be 10 answers for each weight, so the most frequent drivers are
    weighed, at most 80; the weight of the others is null. Of a kind with scales of several
    lengths the most answered one is taken.
    """
    rng = np.random.default_rng(seed)
    told = _told(mentions)
    parts = [tables.DRIVERS.empty()]
    for answers in _answers(feedback):
        scored = told.join(answers.frame, on="feedback_id", how="inner")
        stages = scored.filter(~pl.col("stage").is_in(UNTOLD))["stage"].unique().sort()
        for stage in (ALL, *stages):
            here = scored if stage == ALL else scored.filter(stage=stage)
            rows = _rows(answers, here, min_people=min_people, n_bootstrap=n_bootstrap, rng=rng)
            parts.append(_keyed(rows, str(stage), answers.measure.survey))
    return tables.check(tables.DRIVERS, pl.concat(parts))


def _told(mentions: pl.DataFrame) -> pl.DataFrame:
    """Return feedback, stage, topic and polarity of every mention that tells pain or praise."""
    polarity = (
        pl.when(tables.tells_pain())
        .then(pl.lit("negative"))
        .when(tables.tells_praise())
        .then(pl.lit("positive"))
    )
    told = mentions.select("feedback_id", "stage", "topic_id", polarity=polarity).drop_nulls()
    return told.with_columns(pl.col("stage", "topic_id", "polarity").cast(pl.Categorical))


def _answers(feedback: pl.DataFrame) -> Iterator[Answers]:
    """Yield the answers of each survey kind on its most answered scale."""
    scored = feedback.drop_nulls("score").select(
        *("feedback_id", "survey", "score", "score_max"),
        answer=tables.answer(),
        person=tables.person().hash(),
    )
    for found, counted in sorted(points.by_survey(scored), key=lambda pair: pair[0].survey):
        yield _coded(found, counted)


def _coded(found: surveys.Measure, counted: pl.DataFrame) -> Answers:
    _, first, answer = np.unique(
        counted["answer"].to_numpy(), return_index=True, return_inverse=True
    )
    people, person = np.unique(counted["person"].to_numpy(), return_inverse=True)
    frame = counted.select(
        "feedback_id", "points", answer=pl.Series(answer), person=pl.Series(person)
    )
    return Answers(found, frame, counted["points"].to_numpy()[first], person[first], people.size)


def _keyed(rows: pl.DataFrame, stage: str, survey: str) -> pl.DataFrame:
    keyed = rows.with_columns(stage=pl.lit(stage), survey=pl.lit(survey))
    return keyed.select(pl.col(name).cast(kind) for name, kind in tables.DRIVERS.schema().items())


def _rows(
    answers: Answers,
    scored: pl.DataFrame,
    *,
    min_people: int,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return the rows of one stage, drivers by topic and polarity; their key is still to come."""
    pairs = scored.unique(["topic_id", "polarity", "answer"], keep="any")
    drivers = (
        pairs.group_by("topic_id", "polarity")
        .agg(n_feedback=pl.len(), n_people=pl.col("person").n_unique())
        .filter(pl.col("n_people") >= min_people, pl.col("n_feedback") < answers.points.size)
        .sort("n_feedback", "topic_id", "polarity", descending=[True, False, False])
        .with_columns(column=pl.int_range(pl.len()))
    )
    ones = pairs.join(drivers.drop("n_people", "n_feedback"), on=["topic_id", "polarity"])
    ones = ones.sort("column", "answer")
    impact, low, high = _impacts(answers, ones, drivers["n_feedback"].to_numpy())
    weights = _weigh(answers, ones, drivers, n_bootstrap, rng)
    topics = drivers["topic_id"].to_list()
    return (
        drivers.sort("column")
        .with_columns(
            share=pl.col("n_people") / max(answers.n_people, 1),
            impact=pl.Series(impact, dtype=pl.Float64),
            impact_low=pl.Series(low, dtype=pl.Float64),
            impact_high=pl.Series(high, dtype=pl.Float64),
            weight=_nullable(weights.value),
            weight_low=_nullable(weights.low),
            weight_high=_nullable(weights.high),
            agree=_agree(impact, weights.value),
            overlap=pl.Series(
                [topics[i] if i >= 0 else None for i in weights.overlap], dtype=pl.String
            ),
        )
        .with_columns(
            overlap=pl.when(~pl.col("agree")).then("overlap"),
        )
    )


def _nullable(values: stats.Floats) -> pl.Series:
    return pl.Series(values, dtype=pl.Float64).fill_nan(None)


def _agree(impact: stats.Floats, weight: stats.Floats) -> pl.Series:
    """Return whether both numbers point the same way and stand at a like place by size.

    Like: their places among the weighed drivers differ by no more than a third, or 3.
    """
    weighed = ~np.isnan(weight)
    n = int(weighed.sum())
    one = np.zeros(n, np.int64)
    by_impact = stats.ranks(np.abs(impact[weighed]), one)
    by_weight = stats.ranks(np.abs(weight[weighed]), one)
    same_sign = np.sign(impact[weighed]) == np.sign(weight[weighed])
    found: npt.NDArray[Any] = np.full(weight.size, None, dtype=object)
    found[weighed] = same_sign & (np.abs(by_impact - by_weight) <= max(3, n / 3))
    return pl.Series(found.tolist(), dtype=pl.Boolean)


def _impacts(
    answers: Answers, ones: pl.DataFrame, n_with: stats.Integers
) -> tuple[stats.Floats, stats.Floats, stats.Floats]:
    """Return the leave-out impact of each driver and its interval, in score points.

    I = S(all) - S(without) = f (S_with - S_without). The interval adds, to the variance of the
    two means at a given f, that of f itself, and is widened where people answer repeatedly.
    """
    x, n = answers.points, answers.points.size
    column = ones["column"].to_numpy()
    told = ones["points"].to_numpy()
    sums = np.bincount(column, told, minlength=n_with.size).astype(np.float64)
    squares = np.bincount(column, told**2, minlength=n_with.size).astype(np.float64)
    n_without = n - n_with
    f, gap = n_with / max(n, 1), sums / n_with - (x.sum() - sums) / n_without
    kind, low, high = answers.measure.kind, answers.measure.low, answers.measure.high
    variance_with = stats.adjusted_variance(sums, squares, n_with, kind, low=low, high=high)
    variance_without = stats.adjusted_variance(
        x.sum() - sums, (x**2).sum() - squares, n_without, kind, low=low, high=high
    )
    variance = f**2 * (variance_with + variance_without) + gap**2 * f * (1 - f) / max(n, 1)
    half = stats.Z95 * np.sqrt(variance * _design_effects(answers, ones, n_with, sums))
    return f * gap, f * gap - half, f * gap + half


def _design_effects(
    answers: Answers, ones: pl.DataFrame, n_with: stats.Integers, sums: stats.Floats
) -> stats.Floats:
    """Return by what each variance grows, at least 1, because people answer repeatedly."""
    n = answers.points.size
    if answers.n_people == n or answers.n_people < 2:
        return np.ones(n_with.size)
    each = np.bincount(answers.person)
    totals = np.bincount(answers.person, answers.points).astype(np.float64)
    mean_without = (answers.points.sum() - sums) / (n - n_with)
    by_person = ones.group_by("column", unit="person", maintain_order=True).agg(
        n=pl.len(), total=pl.col("points").sum()
    )
    by_answer = ones.select("column", unit="answer", n=pl.lit(1), total="points")
    clustered = _linearised(by_person, each, totals, n - n_with, mean_without)
    alone = _linearised(by_answer, np.ones(n), answers.points, n - n_with, mean_without)
    scale = answers.n_people / (answers.n_people - 1) * (n - 1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.fmax(1.0, np.where(alone > 0, scale * clustered / alone, 1.0))


def _linearised(
    told: pl.DataFrame,
    each: npt.NDArray[Any],
    totals: stats.Floats,
    n_without: stats.Integers,
    mean_without: stats.Floats,
) -> stats.Floats:
    """Return the Taylor variance of each impact, summed over units (person, or answer).

    told:         column, unit, and the answers of the unit that mention it: n, total points.
    each, totals: (n_units,) answers of a unit and the sum of their points. A unit that never
    mentions the driver moves the impact by a * total - b * each, the same a and b for all, so
    only the mentioning ones are looked at one by one: time grows with mentions, not n x drivers.
    """
    n, whole = each.sum(), totals.sum()
    a = 1 / n - 1 / n_without
    b = whole / n / n - mean_without / n_without
    square = a**2 * (totals**2).sum() - 2 * a * b * (totals * each).sum() + b**2 * (each**2).sum()
    c, at = told["column"].to_numpy(), told["unit"].to_numpy()
    moved = (told["total"].to_numpy() - told["n"].to_numpy() * mean_without[c]) / n_without[c]
    plain = a[c] * totals[at] - b[c] * each[at]
    return np.asarray(square + np.bincount(c, 2 * plain * moved + moved**2, minlength=a.size))


def _weigh(
    answers: Answers,
    ones: pl.DataFrame,
    drivers: pl.DataFrame,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Weights:
    """Return the relative weights of the most frequent drivers, bootstrapped over people."""
    k = min(drivers.height, answers.points.size // ANSWERS_PER_WEIGHT, MAX_WEIGHTS)
    weighed = ones.filter(pl.col("column") < k)
    found = relative_weights(
        Drivers(
            answers.points,
            answers.person,
            weighed["answer"].to_numpy(),
            weighed["column"].to_numpy(),
            k,
        ),
        n_bootstrap=n_bootstrap,
        rng=rng,
    )
    rest = drivers.height - (k if found else 0)
    if found is None:
        unknown = np.full(rest, np.nan)
        return Weights(unknown, unknown, unknown, np.full(rest, -1), 0.0)
    value, low, high = (
        np.pad(each, (0, rest), constant_values=np.nan)
        for each in (found.value, found.low, found.high)
    )
    overlap = np.pad(found.overlap, (0, rest), constant_values=-1)
    return Weights(value, low, high, overlap, found.r_squared)

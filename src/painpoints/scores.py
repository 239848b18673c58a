"""Scores of any group of feedback: NPS, CSAT, CES, stars, thumbs, smileys, PMF, with intervals.

The unit is the answer: a person who answers twice counts twice, as every vendor counts. The
interval knows better: it is widened by how alike the answers of one person are. Kinds and scales
of different length get their own score each. What an answer counts is said in `surveys.py`.
"""

import numpy as np
import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import ALL, UNTOLD, Estimate, Score


def score(
    feedback: pl.DataFrame,
    *,
    min_people: int = 5,
) -> tuple[Score, ...]:
    """Return the scores of a group, the most answered kind first; empty where nobody scored.

    feedback:   rows of the FEEDBACK table; every one with a score counts, also without a text;
                the questions of one row of an export are one answer.
    min_people: a score of fewer people is marked small.
    """
    return _scored(_answers(feedback), min_people=min_people)


def _answers(feedback: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Return what each scored feedback answers, and who gave it, as numbers; and some columns."""
    return feedback.drop_nulls("score").select(
        *("survey", "score", "score_max", *columns),
        answer=tables.answer(),
        person=tables.person().hash().rank("dense").cast(pl.Int64) - 1,
    )


def _scored(answers: pl.DataFrame, *, min_people: int) -> tuple[Score, ...]:
    """Return the scores of a group of answers, each counted once however many rows it has."""
    answers = answers.filter(pl.col("answer").is_first_distinct())
    found: list[Score] = []
    for survey, top in points.scales(answers):
        same = points.on_scale(answers, survey, top)
        measures = surveys.measures(survey, top)
        found += [s for m in measures if (s := _measured(m, same, min_people))]
    return tuple(found)


def by_stage(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    *,
    min_people: int = 5,
) -> dict[str, tuple[Score, ...]]:
    """Return the scores of those who speak of each stage, by its name, and of `all`.

    The score stays the one that the person gave to the whole; only the group is the stage's.
    """
    answers = _answers(feedback, "feedback_id")
    spoken = mentions.select("feedback_id", "stage")
    found = _of_spoken(answers, spoken, min_people=min_people)
    return {ALL: _scored(answers, min_people=min_people)} | found


def by_touchpoint(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    *,
    min_people: int = 5,
) -> dict[str, tuple[Score, ...]]:
    """Return the scores of those who speak of each touchpoint, by its name; `none` is left out."""
    spoken = mentions.filter(~pl.col("touchpoint").is_in(UNTOLD)).select(
        "feedback_id", "touchpoint"
    )
    answers = _answers(feedback, "feedback_id")
    return _of_spoken(answers, spoken, min_people=min_people)


def by_group(
    feedback: pl.DataFrame,
    column: str,
    *,
    min_people: int = 5,
) -> dict[str, tuple[Score, ...]]:
    """Return the scores of each value of a column (channel, segment, stage), by the value."""
    answers = _answers(feedback, column)
    values = feedback[column].unique()
    return _by(answers, values, min_people=min_people)


def _of_spoken(
    answers: pl.DataFrame,
    spoken: pl.DataFrame,
    *,
    min_people: int,
) -> dict[str, tuple[Score, ...]]:
    """Return the scores of those who speak of each value; spoken: feedback_id, value."""
    values = spoken.drop("feedback_id").to_series()
    told = spoken.join(answers, on="feedback_id")
    return _by(told, values.unique(), min_people=min_people)


def _by(
    answers: pl.DataFrame,
    values: pl.Series,
    *,
    min_people: int,
) -> dict[str, tuple[Score, ...]]:
    """Return the scores of each of `values`, of the column of that name; empty for the unscored."""
    parts = answers.partition_by(values.name, as_dict=True)
    none = answers.clear()
    return {
        str(value): _scored(parts.get((value,), none), min_people=min_people)
        for value in values.drop_nulls().sort()
    }


def _measured(measure: surveys.Measure, answers: pl.DataFrame, min_people: int) -> Score | None:
    counted = measure.points(answers["score"].to_numpy())
    on_scale = ~np.isnan(counted)
    people = answers["person"].to_numpy()[on_scale]
    if people.size == 0:
        return None
    given = stats.sample(counted[on_scale], people)
    n_people = given.n_people
    low, high = stats.interval(given, measure.kind, low=measure.low, high=measure.high)
    return Score(
        survey=measure.survey,
        estimate=Estimate(given.mean, low, high, n_people),
        convention=measure.convention + _remarks(people.size, n_people, int((~on_scale).sum())),
        measure=measure.name,
        low=measure.low,
        high=measure.high,
        small=n_people < min_people,
        answers=_distribution(answers["score"].filter(pl.Series(on_scale))),
    )


def _distribution(given: pl.Series) -> dict[str, int]:
    """Return how often each answer was given, the lowest first."""
    counted = given.value_counts(name="n").sort(given.name)
    return {f"{value + 0.0:g}": n for value, n in counted.iter_rows()}


def _remarks(n_answers: int, n_people: int, n_off_scale: int) -> str:
    repeats = (
        f"; {n_answers} answers of {n_people} people, interval clustered by person"
        if n_people < n_answers
        else ""
    )
    return repeats + (f"; {n_off_scale} answers off the scale left out" if n_off_scale else "")

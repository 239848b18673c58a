"""What each answer counts on the survey kind that was answered most, for steps that compare people.

An answer is a row of an export and a person, however many questions the row has. What an answer
counts is said in `surveys`; kinds and scales of different length are not mixed.
"""

import polars as pl

from painpoints import surveys, tables

TEXT = ("verbatim", "question", "turns")


def headline(feedback: pl.DataFrame) -> tuple[surveys.Measure, pl.DataFrame] | None:
    """Return the measure, and each answer once with its `points`; None where nobody scored.

    The rows are those of `feedback` with `answer` and `person` (a number) added, without the text.
    """
    scored = feedback.drop(TEXT, strict=False).drop_nulls("score")
    scored = scored.with_columns(
        answer=tables.answer(), person=tables.person().hash().rank("dense").cast(pl.Int64) - 1
    )
    scored = scored.filter(pl.col("answer").is_first_distinct())
    kinds = scored.group_by("survey", "score_max").len().sort("len", "survey", descending=True)
    for survey, top, _ in kinds.iter_rows():
        measure = surveys.headline(survey, top)
        if measure:
            same = scored.filter(pl.col("survey") == survey, pl.col("score_max").eq_missing(top))
            counted = pl.Series("points", measure.points(same["score"].to_numpy()))
            return measure, same.with_columns(counted).filter(pl.col("points").is_not_nan())
    return None

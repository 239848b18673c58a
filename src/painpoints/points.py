"""What each answer counts on the survey kind that was answered most, for steps that compare people.

An answer is a row of an export and a person, however many questions the row has; by answers it is
decided here which kind and which length of scale come first. What an answer counts is said in
`surveys`; kinds and scales of different length are not mixed.
"""

from collections.abc import Iterator

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
    return next(by_survey(scored.filter(pl.col("answer").is_first_distinct())), None)


def by_survey(scored: pl.DataFrame) -> Iterator[tuple[surveys.Measure, pl.DataFrame]]:
    """Yield each survey kind's measure, and the rows on its most answered scale with `points`.

    The most answered kind comes first; `scored` is as of `scales`.
    """
    tops: dict[str, float | None] = {}
    for survey, top in scales(scored):
        tops.setdefault(survey, top)
    for survey, top in tops.items():
        measure = surveys.headline(survey, top)
        if measure:
            same = on_scale(scored, survey, top)
            counted = pl.Series("points", measure.points(same["score"].to_numpy()))
            yield measure, same.with_columns(counted).filter(pl.col("points").is_not_nan())


def scales(scored: pl.DataFrame) -> list[tuple[str, float | None]]:
    """Return each survey kind and top of its scale, the most answered first.

    Of equally many answers the last kind by its name comes first, and the longer scale.

    scored: survey, score_max and `answer` of rows with a score; rows of one answer count once.
    """
    answers = scored.filter(pl.col("answer").is_first_distinct())
    counted = answers.group_by("survey", "score_max").len()
    order = ["len", "survey", "score_max"]
    return counted.sort(order, descending=True, nulls_last=True).drop("len").rows()


def on_scale(scored: pl.DataFrame, survey: str, top: float | None) -> pl.DataFrame:
    """Return the rows of one survey kind and length of scale."""
    return scored.filter(pl.col("survey") == survey, pl.col("score_max").eq_missing(top))

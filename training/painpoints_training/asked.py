"""Mentions as a survey would have got them: after a question that tells nothing.

Most exports put "What is the main reason for your score?" before every answer. Where the questions
that were learnt from all belong to a few surveys, what those spoke of is read into every answer.
"""

import polars as pl

QUESTIONS = (
    "What is the main reason for your score?",
    "What is the primary reason for the score you gave us?",
    "Why did you give this score?",
    "Why did you choose that rating?",
    "Please tell us why you answered this way.",
    "Please tell us more about your experience.",
    "How was your experience with us?",
    "How would you describe your last experience with us?",
    "Is there anything else you would like to tell us?",
    "Any other comments?",
    "Do you have any feedback for us?",
    "In your own words, what stood out to you?",
    "What would you like us to know?",
    "Comments",
)


def asked(rows: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """Return `n` rows of `corpus.SCHEMA` again, or all there are, each after one of `QUESTIONS`.

    Rows whose context asks something already are not among them.
    """
    silent = rows.filter(~pl.col("context").str.contains("?", literal=True))
    picked = silent.sample(min(n, silent.height), seed=seed)
    questions = [QUESTIONS[number % len(QUESTIONS)] for number in range(picked.height)]
    after = pl.concat_str(pl.Series(questions), "context", separator=" ")
    return picked.with_columns(context=after, natural=pl.lit(value=False))

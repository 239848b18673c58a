"""Which answers say nothing: empty, "n/a", too short. One pass over the texts, in Polars.

Whether words have a subject at all ("ok", "thanks") is left to segment; the language to language.
"""

from functools import cache

import polars as pl

from painpoints.domain import Reason

MIN_LETTERS = 2
_MAX_CHARS = 80
"""A longer text says something; only the start of a text is looked at."""

_NO_ANSWER = (
    "n/a", "na", "n.a", "n a", "n\\a", "none", "nil", "null", "nan", "no", "nope", "nah", "nothing", "noting",
    "nothing at all", "nothing really", "nothing else", "nothing to add", "nothing more to add",
    "nothing to say", "nothing comes to mind", "nothing i can think of", "nothing that i can think of",
    "nothing springs to mind", "nothing needs improving", "nothing to improve", "not a thing", "not applicable", "not sure",
    "no comment", "no comments", "no further comment", "no further comments", "no other comments",
    "none at all", "none that i can think of", "none really", "no answer", "no response", "no reply", "no suggestions",
    "no suggestion", "no feedback", "no opinion", "no idea", "no reason", "no reason given",
    "no thanks", "no thank you", "did not answer", "didn't answer", "not answered", "not stated",
    "no comment left", "no improvements", "no improvement", "no improvement needed", "no improvements needed",
    "no complaints at this time", "nothing at this time", "none at this time", "not at this time",
    "nothing at the moment", "not at the moment", "prefer not to say", "prefer not to answer",
    "can't think of anything", "cant think of anything", "can not think of anything",
    "cannot think of anything", "i can't think of anything", "i cant think of anything",
    "can't think of any", "don't know", "dont know", "do not know", "i don't know", "i dont know", "idk", "dk",
    "d/k", "dunno", "unsure", "skip", "skipped", "pass", "blank", "left blank", "empty", "no answer given",
    "x", "xx", "xxx", "xxxx", "as above", "see above", "same as above", "ditto",
    "nada", "ninguno", "ninguna", "nichts", "rien", "keine angabe", "k.a", "sin comentarios", "#n/a", "#ref!", "#value!",
)  # fmt: skip
_EDGES = r"""^[\s\p{P}\p{S}]+|[\s\p{P}\p{S}]+$"""


def reasons(verbatims: pl.Series) -> pl.Series:
    """Return why each verbatim says nothing (empty, no_answer, too_short), or null where it speaks.

    A text without letters or digits such as "-" or "..." is no answer; an emoji is an answer, but
    too short. A text of fewer than two letters (of any script) is too short.
    """
    return verbatims.to_frame("v").select(_reason("v"))["reason"]


@cache
def _reason(column: str) -> pl.Expr:
    """Return why the column says nothing; built once, as single texts come often."""
    start = pl.col(column).fill_null("").str.slice(0, _MAX_CHARS)
    bare = (
        start.str.to_lowercase()
        .str.replace_all("\u2019", "'", literal=True)
        .str.replace_all(r"\s+", " ")
        .str.replace_all(_EDGES, "")
    )
    edged = start.str.to_lowercase().str.strip_chars()
    n_letters = start.str.count_matches(r"\p{L}")
    return (
        pl.when(start.str.strip_chars() == "")
        .then(pl.lit(Reason.EMPTY.value))
        .when(bare.is_in(list(_NO_ANSWER)) | edged.is_in(list(_NO_ANSWER)))
        .then(pl.lit(Reason.NO_ANSWER.value))
        .when((bare == "") & ~start.str.contains(r"\p{So}"))
        .then(pl.lit(Reason.NO_ANSWER.value))
        .when(n_letters < MIN_LETTERS)
        .then(pl.lit(Reason.TOO_SHORT.value))
        .otherwise(None)
        .alias("reason")
    )

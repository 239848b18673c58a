"""Bring layouts that are not one row per answer into that shape, before columns are mapped.

Formbricks writes one row per field of a submission; Delighted hides further answers in a list;
Zendesk mixes agents' comments with customers'. Test answers of survey tools and private notes are
dropped here, and counted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from painpoints.readers.exports import Layout, key

_SCORED = ("nps", "csat", "ces", "rating")


@dataclass(frozen=True, slots=True)
class Reshaped:
    """A raw frame in the shape of one row per answer.

    rows:      physical row of each row of `frame`.
    test_rows: physical rows left out because they are tests or previews.
    agent:     True per row said by the company.
    notes:     what was done, in words.
    """

    frame: pl.DataFrame
    rows: pl.Series
    agent: pl.Series
    test_rows: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def reshape(frame: pl.DataFrame, rows: pl.Series, layout: Layout) -> Reshaped:
    """Return the table with one row per answer, tests and previews left out."""
    frame, rows, tests = _without_tests(frame, rows, layout)
    notes: tuple[str, ...] = ()
    if layout.name == "formbricks":
        frame, rows = _formbricks(frame, rows)
        notes = ("one feedback per text answer; the score is that of its submission",)
    if layout.name == "delighted":
        frame, rows = _delighted(frame, rows)
    if layout.name == "zendesk_comments" and find_column(frame, "author role") is None:
        notes = ("no column author_role: every public comment is read as a customer's",)
    agent = _agents(frame, layout)
    return Reshaped(frame, rows, agent, tests, notes)


def find_column(frame: pl.DataFrame, wanted: str) -> str | None:
    """Return the column whose key is `wanted`, or None."""
    return next((name for name in frame.columns if key(name) == wanted), None)


def _without_tests(
    frame: pl.DataFrame, rows: pl.Series, layout: Layout
) -> tuple[pl.DataFrame, pl.Series, tuple[int, ...]]:
    tests = pl.repeat(value=False, n=frame.height, eager=True, dtype=pl.Boolean)
    for wanted, values in layout.test_rows.items():
        column = find_column(frame, wanted)
        if column:
            tests |= frame[column].str.to_lowercase().is_in(list(values)).fill_null(value=False)
    if not tests.any():
        return frame, rows, ()
    return frame.filter(~tests), rows.filter(~tests), tuple(rows.filter(tests))


def _formbricks(frame: pl.DataFrame, rows: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """One row per text answer, with the score of its submission beside it."""
    names = {key(name): name for name in frame.columns}
    kind, number = names["field type"], names.get("value number")
    table = frame.rename({names["submission id"]: "submission_id"}).with_columns(
        rows.alias("__row"), pl.col(kind).str.to_lowercase().alias("__kind")
    )
    answers = table.filter(pl.col("__kind") == "text")
    if number:
        scores = (
            table.filter(pl.col("__kind").is_in(_SCORED) & pl.col(number).is_not_null())
            .with_columns(_kind_of_scale(number, names["field id"]))
            .unique("submission_id", keep="first", maintain_order=True)
            .select("submission_id", "survey kind", pl.col(number).alias("score"))
        )
        answers = answers.join(scores, on="submission_id", how="left", maintain_order="left")
    keyed = answers.with_columns(
        pl.concat_str("submission_id", pl.lit("/"), pl.col(names["field id"])).alias("feedback_key")
    )
    return keyed.drop("__row", "__kind"), keyed["__row"].alias(rows.name)


def _kind_of_scale(number: str, field: str) -> pl.Expr:
    """Return the kind of each score; effort is on 5 points, or on 7 where a field has more than 5."""
    highest = pl.col(number).cast(pl.Float64, strict=False).max().over(field)
    seven = (pl.col("__kind") == "ces") & (highest > 5)
    return pl.when(seven).then(pl.lit("ces7")).otherwise("__kind").alias("survey kind")


def _delighted(frame: pl.DataFrame, rows: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """Add one row per free-text answer that stands in `additional_answers`."""
    column = find_column(frame, "additional answers")
    id_column = find_column(frame, "id") or find_column(frame, "response id")
    comment = find_column(frame, "comment")
    if column is None or id_column is None or comment is None:
        return frame, rows
    table = frame.with_columns(rows.alias("__row"), pl.lit(None, pl.String).alias("question"))
    more = [
        record | {comment: text, "question": question, id_column: f"{record[id_column]}/{answer}"}
        for record in table.filter(pl.col(column).is_not_null()).to_dicts()
        for answer, question, text in _free_texts(record[column])
    ]
    if not more:
        return frame, rows
    extra = pl.DataFrame(more, schema=table.schema)
    joined = pl.concat([table, extra]).sort("__row", maintain_order=True)
    return joined.drop("__row"), joined["__row"].alias(rows.name)


def _free_texts(cell: str) -> list[tuple[str, str | None, str]]:
    """Return (answer id, question, text) of the free-text answers in one cell."""
    try:
        answers = json.loads(cell)
    except ValueError:
        return []
    if not isinstance(answers, list):
        return []
    found = []
    for place, answer in enumerate(a for a in answers if isinstance(a, dict)):
        text = _inside(answer, "value").get("free_response")
        if isinstance(text, str) and text.strip():
            question = _inside(answer, "question")
            name = str(answer.get("id") or question.get("id") or place)
            found.append((name, question.get("text"), text.strip()))
    return found


def _inside(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _agents(frame: pl.DataFrame, layout: Layout) -> pl.Series:
    """Tell Zendesk comments written by someone other than an end user."""
    role = find_column(frame, "author role") if layout.name == "zendesk_comments" else None
    if role is None:
        return pl.repeat(value=False, n=frame.height, eager=True, dtype=pl.Boolean)
    return ~frame[role].str.to_lowercase().is_in(["end-user", "end_user"]).fill_null(value=True)

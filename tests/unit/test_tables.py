"""The one check of the tables tells every problem and changes nothing."""

import polars as pl
import pytest

from painpoints import tables
from painpoints.errors import TableError


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_empty_table_is_valid(table: tables.Table) -> None:
    """No rows are a valid table, and the check hands back what it was given."""
    empty = table.empty()
    assert tables.check(table, empty) is empty


def test_every_column_problem_is_told_at_once() -> None:
    """Missing, foreign and wrongly typed columns are reported together."""
    frame = (
        tables.TOPICS.empty()
        .drop("label")
        .with_columns(pl.lit(1).alias("extra"), pl.col("n_mentions").cast(pl.String))
    )
    with pytest.raises(TableError, match=r"label is missing.*extra is not.*n_mentions is String"):
        tables.check(tables.TOPICS, frame)


def test_repeated_key_and_missing_value_are_told() -> None:
    """A key that occurs twice and a hole where none may be are both told."""
    row = {"mention_id": "a.0", "feedback_id": None, "start": 0, "end": 1, "text": "x"}
    schema = tables.MENTIONS.schema(upto="segment")
    frame = pl.DataFrame([row, row], schema=schema)
    with pytest.raises(TableError, match=r"feedback_id lacks 2 of 2.*1 distinct values in 2 rows"):
        tables.check(tables.MENTIONS, frame, upto="segment")


def test_segments_may_join() -> None:
    """Columns to cut by may be added under their prefix."""
    frame = tables.FEEDBACK.empty().with_columns(pl.lit("gold").alias("segment_plan"))
    assert tables.check(tables.FEEDBACK, frame).columns[-1] == "segment_plan"


def test_a_wish_is_a_request_or_a_question_of_an_unmet_need() -> None:
    """The type tells it, or what is asked; no other mention is searched for it."""
    told = [
        ("request", "let me pay by card", True),
        ("question", "Do you deliver on Sundays?", True),
        ("question", "What time is it?", False),
        ("pain_point", "why can't you deliver", False),
    ]
    frame = pl.DataFrame(told, schema=["type", "text", "wish"], orient="row")
    assert frame.select(tables.tells_wish()).to_series().to_list() == frame["wish"].to_list()


def test_people_are_told_apart_by_channel_and_the_exports_own_columns() -> None:
    """In the order of the table, and no other column."""
    frame = tables.FEEDBACK.empty().with_columns(segment_plan=pl.lit("gold"))
    assert tables.segment_columns(frame) == ["channel", "segment_plan"]

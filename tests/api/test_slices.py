"""Slices counted by DuckDB hold against the same counts made the plain way, mention by mention."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.api.fakes import write_run

from painpoints_api import slices, splits
from painpoints_api.slices import Edits, Filters, Slices
from painpoints_api.splits import TopicPart, part_of

MERGED = Edits({"t01": "t02", "t12": "t04"}, frozenset({"t07"}))
PARTS = {
    "t04": (TopicPart("t04~1", "Came", ("CAME",)), TopicPart("t04~2", "Late", ("late", "parc"))),
    "t02": (TopicPart("t02~1", "A", ("e",)), TopicPart("t02~2", "B", ("two weeks", "the"))),
}
SPLIT = Edits({"t01": "t02", "t12": "t04~1", "t04~2": "t02"}, frozenset({"t07"}), PARTS)
CUTS = [
    Filters(),
    Filters(equal={"channel": ("app", "web")}, score_min=3.0),
    Filters(segments={"plan": ("pro",)}),
    Filters(text="LATE"),
    Filters(since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 5, 1, tzinfo=UTC)),
    Filters(equal={"stage": ("use",)}, score_max=5.0),
    Filters(equal={"topic_id": ("t01", "t04", "t04~1")}),
]
EDITS = pytest.mark.parametrize("edits", [Edits(), MERGED, SPLIT], ids=["plain", "merged", "split"])


@pytest.fixture(scope="module", params=[2, 1], ids=["version 2", "version 1"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a laid-out run whose people say several things; also as an older program left it."""
    folder = tmp_path_factory.mktemp("slices") / "run"
    folder.mkdir()
    write_run(folder, n_people=150)
    feedback = pl.read_parquet(folder / "feedback.parquet")
    few = pl.concat_str(pl.lit("p"), pl.int_range(pl.len()) % 60)
    feedback.with_columns(person_id=few).write_parquet(folder / "feedback.parquet")
    slices.build(folder, memory_mb=300)
    if request.param == 1:
        table = pl.read_parquet(folder / slices.TABLE)
        ours = (slices.ALONE_IN_STAGE, slices.ALONE_IN_GROUP, slices.PLACE)
        table.drop(ours).write_parquet(folder / slices.TABLE)
    return folder


@pytest.fixture(scope="module")
def asked(run: Path) -> Iterator[Slices]:
    """Yield what answers questions to it."""
    with slices.opened(run, memory_mb=300) as opened:
        yield opened


def kept(run: Path, filters: Filters, edits: Edits) -> pl.DataFrame:
    """Return the mentions of a slice with the topics that they count for, filtered in Polars."""
    rows = told_apart(pl.read_parquet(run / slices.TABLE), edits)
    moment = pl.col("created_at").dt.replace_time_zone("UTC")
    equal = dict(filters.equal)
    if "topic_id" in equal:
        equal["topic_id"] = [edits.merged.get(one, one) for one in equal["topic_id"]]
    keep = [pl.col(name).is_in(list(among)) for name, among in equal.items()]
    keep += [pl.col(f"segment_{name}").is_in(list(a)) for name, a in filters.segments.items()]
    keep += [pl.col("score") >= filters.score_min] if filters.score_min is not None else []
    keep += [pl.col("score") <= filters.score_max] if filters.score_max is not None else []
    keep += [moment >= filters.since] if filters.since else []
    keep += [moment < filters.until] if filters.until else []
    if filters.text:
        keep.append(pl.col("text").str.to_lowercase().str.contains(filters.text.lower(), literal=True))  # fmt: skip
    return rows.filter(keep) if keep else rows


def told_apart(rows: pl.DataFrame, edits: Edits) -> pl.DataFrame:
    """Return mentions with the topic that each counts for, told text by text."""
    parts = [part_of(edits.parts, t or "", text) or None for t, text in rows.select("topic_id", "text").iter_rows()]  # fmt: skip
    rows = rows.with_columns(topic_id=pl.Series(parts, dtype=pl.String))
    return rows.with_columns(pl.col("topic_id").replace(dict(edits.merged)))


@pytest.mark.parametrize(("text", "part"), [
    ("It CAME late", "t04~1"), ("Late, again", "t04~2"), ("(late)", "t04~2"), ("chocolate", "t04"),
    ("the parcels", "t04~2"), ("éparcel", "t04"), ("9late", "t04"), ("", "t04"), ("LATE\nCAME", "t04~1"),
])  # fmt: skip
def test_words_tell_parts(asked: Slices, text: str, part: str) -> None:
    """A word tells a part from where a word begins, in any case; SQL and a single text agree."""
    assert part_of(PARTS, "t04", text) == part
    assert part_of(PARTS, "other", text) == "other"
    expression, values = splits.sql(PARTS)
    row = f"SELECT {expression} FROM (SELECT 't04' AS topic_id, $text AS text)"  # noqa: S608 - names of values only
    assert asked._connection.cursor().execute(row, {**values, "text": text}).fetchone() == (part,)


@EDITS
@pytest.mark.parametrize("filters", CUTS, ids=str)
def test_groups_count_people(run: Path, asked: Slices, filters: Filters, edits: Edits) -> None:
    """Reach, people of the stage, mentions and mean severity are those of the slice's mentions."""
    rows = kept(run, filters, edits).filter(~pl.col("stage").is_in(["none", "unsure"]))
    people = rows.group_by("stage").agg(n_people=pl.col("person").n_unique())
    grave = pl.when(pl.col("claim") == "pain_point").then(pl.max_horizontal("severity", 1))
    wanted = (
        rows.filter(pl.col("claim").is_not_null(), ~pl.col("topic_id").is_in(list(edits.hidden)))
        .group_by("stage", "claim", "topic_id")
        .agg(
            n_mentions=pl.len(),
            reach=pl.col("person").n_unique(),
            severity=grave.otherwise("severity").mean(),
        )
        .join(people, on="stage")
    )
    found = asked.groups(run, filters, edits)
    assert {key(row): counted(row) for row in found} == {
        key(row): counted(row) for row in wanted.to_dicts()
    }
    assert found


def key(row: dict[str, Any]) -> tuple[str, str, str]:
    """Return what names a group."""
    return row["stage"], row["claim"], row["topic_id"]


def counted(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is counted of a group."""
    return (row["n_people"], row["n_mentions"], row["reach"], pytest.approx(row["severity"]))


@EDITS
@pytest.mark.parametrize("filters", CUTS, ids=str)
def test_stages_count_people(run: Path, asked: Slices, filters: Filters, edits: Edits) -> None:
    """People, those in pain, and feelings of each stage are those of the slice's mentions."""
    pain = pl.col("claim").eq_missing("pain_point")
    wanted = kept(run, filters, edits).group_by("stage").agg(
        n_mentions=pl.len(),
        n_people=pl.col("person").n_unique(),
        n_positive=(pl.col("sentiment") == "positive").sum(),
        n_negative=(pl.col("sentiment") == "negative").sum(),
        n_people_in_pain=pl.col("person").filter(pain).n_unique(),
    )  # fmt: skip
    found = asked.stages(run, filters, edits)
    assert {row["stage"]: row for row in found} == {row["stage"]: row for row in wanted.to_dicts()}


@EDITS
@pytest.mark.parametrize("filters", CUTS, ids=str)
def test_lists_go_from_grave_to_light(
    run: Path, asked: Slices, filters: Filters, edits: Edits
) -> None:
    """A list of mentions is sorted by severity, then id, and goes on where a page ended."""
    order = kept(run, filters, edits).sort("severity", "mention_id", descending=[True, False])
    wanted = order.select("mention_id", "topic_id").rows()
    first = asked.mentions(run, filters, edits, after=None, limit=7)
    at = (first[-1]["severity"], first[-1]["mention_id"])
    rest = asked.mentions(run, filters, edits, after=at, limit=10_000)
    assert [(row["mention_id"], row["topic_id"]) for row in first + rest] == wanted
    assert all(row["verbatim"][row["start"] : row["end"]] == row["text"] for row in first)
    assert not {"who", slices.PLACE, "file_row_number"} & set(first[0])


def test_nothing_passes(run: Path, asked: Slices) -> None:
    """A slice without mentions is empty, not an error."""
    nobody = Filters(person="nobody")
    assert asked.groups(run, nobody, MERGED) == []
    assert asked.stages(run, nobody) == []
    assert asked.mentions(run, nobody, after=None, limit=5) == []


def test_questions_print_nothing(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The library's bar of progress is off: what a server prints is its log."""
    with slices.shut_in(run, memory_mb=300) as connection:
        (setting,) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    assert setting == (False,)
    assert capfd.readouterr().out == ""

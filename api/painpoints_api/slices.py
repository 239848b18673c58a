"""Cuts of a run: rows and ranked findings for any filter, by DuckDB over the run's Parquet.

`build` lays mentions and what is known of their feedback side by side in one sorted file, so that
every later question reads one table. DuckDB is shut in: it reads the given folder and nothing
else, loads no extension, and its memory and time are bounded. Values are always bound; names of
columns come from the run's own list.
"""

import shutil
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painpoints.errors import PainpointsError
from painpoints_api import engine, splits
from painpoints_api.splits import TopicPart

if TYPE_CHECKING:
    import duckdb

VERSION = "3"
"""Of the table that `build` makes; part of a job's fingerprint."""

TABLE = "slices.parquet"
SEGMENT = "segment_"
PAIN, ASKED, DELIGHT, REMOVE = "pain_point", "asked_for", "extend_delight", "remove_pain"
ALONE_IN_STAGE, ALONE_IN_GROUP, PLACE = "alone_in_stage", "alone_in_group", "place"
"""Of our table alone: whether a mention is the only one of its person in its stage, or in its stage,
claim and topic, so that most people are counted without telling them apart; and the order of lists."""
_OURS = ("who", ALONE_IN_STAGE, ALONE_IN_GROUP, PLACE)
_ROW_GROUP = 61_440
_FROM_FEEDBACK = ("channel", "survey", "score", "score_max", "source", "language")
CHOICES = ("channel", "touchpoint", "survey")
_EQUAL = ("stage", "channel", "touchpoint", "survey", "sentiment", "type", "claim", "topic_id")


class QueryTooLongError(PainpointsError):
    """A question to a run took longer than allowed."""


class RunGoneError(PainpointsError):
    """The files of a run are not there: it was removed meanwhile, or not restored."""

    def __init__(self) -> None:
        super().__init__("the files of this analysis are gone: it was removed, or not restored")


class UnknownFilterError(PainpointsError):
    """A filter names something that the run does not have."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a slice is to hold; what is not set does not cut.

    equal:    column -> any of these values (of `_EQUAL`).
    segments: name without its prefix -> any of these values.
    """

    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    segments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    person: str | None = None
    score_min: float | None = None
    score_max: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def __bool__(self) -> bool:
        """Return whether anything is cut."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Edits:
    """What analysts decided about topics: merged into which, split in which parts, hidden."""

    merged: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    parts: Mapping[str, Sequence[TopicPart]] = field(default_factory=dict)

    def touch(self, topic_ids: Collection[str]) -> bool:
        """Return whether mentions of these topics are counted otherwise than they were found."""
        return any(splits.topic_of(one) in topic_ids for one in (*self.merged, *self.parts))

    def targets(self, topic_ids: Sequence[str]) -> list[str]:
        """Return for each topic the one that its mentions count for."""
        return [self.merged.get(one, one) for one in topic_ids]


_UNEDITED = Edits()


# -- building ----------------------------------------------------------------------------------


@contextmanager
def shut_in(
    folder: Path, *, memory_mb: int, threads: int = 2, spill: Path | None = None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Open a database in memory that reaches only `folder`."""
    import duckdb

    spill = spill or folder / ".spill"
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"SET memory_limit = '{memory_mb}MB'")
        connection.execute(f"SET threads = {threads}")
        connection.execute(f"SET temp_directory = {_text(spill)}")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute(f"SET allowed_directories = [{_text(folder)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def build(run: Path, *, memory_mb: int) -> None:
    """Write the table of a run that slices are read from: one row is one mention."""
    claims = run / "claims.tmp.parquet"
    engine.claims(run, claims)
    with shut_in(run, memory_mb=memory_mb) as connection:
        names = _columns(connection, run / "feedback.parquet")
        segments = [name for name in names if name.startswith(SEGMENT)]
        known = ", ".join(f"f.{_quoted(name)}" for name in (*_FROM_FEEDBACK, *segments))
        connection.execute(
            f"""
            COPY (
                SELECT m.*, c.claim, {known},
                    make_timestamp(epoch_us(f.created_at)) AS created_at,
                    coalesce(f.person_id, 'feedback:' || f.feedback_id) AS person,
                    hash(coalesce(f.person_id, 'feedback:' || f.feedback_id)) AS who,
                    count(*) OVER (PARTITION BY who, m.stage) = 1 AS {ALONE_IN_STAGE},
                    count(*) OVER (PARTITION BY who, m.stage, c.claim, m.topic_id) = 1
                        AS {ALONE_IN_GROUP},
                    row_number() OVER (ORDER BY m.severity DESC, m.mention_id) AS {PLACE}
                FROM read_parquet($mentions) AS m
                JOIN read_parquet($feedback) AS f USING (feedback_id)
                LEFT JOIN read_parquet($claims) AS c USING (mention_id)
                ORDER BY m.stage, m.topic_id, m.mention_id
            ) TO {_text(run / TABLE)} (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_ROW_GROUP})
            """,
            {
                "mentions": str(run / "mentions.parquet"),
                "feedback": str(run / "feedback.parquet"),
                "claims": str(claims),
            },
        )
    claims.unlink()


def _columns(connection: "duckdb.DuckDBPyConnection", table: Path) -> list[str]:
    source = "SELECT * FROM read_parquet(?) LIMIT 0"
    described = connection.execute(source, [str(table)]).description
    return [column[0] for column in described or ()]


def _text(value: Path) -> str:
    """Return a path as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def _quoted(name: str) -> str:
    """Return a column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


# -- asking ------------------------------------------------------------------------------------


class Slices:
    """Answers questions to runs; one for the whole process, used from many threads."""

    def __init__(self, folder: Path, *, memory_mb: int, seconds: float, spill: Path) -> None:
        """Open the runs under `folder`; no question may take longer than `seconds`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._opened = shut_in(folder, memory_mb=memory_mb, spill=spill)
        self._connection = self._opened.__enter__()
        self._connection.execute("SELECT 1")
        self._seconds = seconds
        self._columns: dict[Path, list[str]] = {}

    def close(self) -> None:
        """Close the connection."""
        self._opened.__exit__(None, None, None)

    def segments(self, run: Path) -> list[str]:
        """Return the names of a run's segments, without their prefix."""
        names = self._names(run)
        return [name.removeprefix(SEGMENT) for name in names if name.startswith(SEGMENT)]

    def choices(
        self, run: Path, *, most: int, names: Sequence[str] | None = None
    ) -> dict[str, list[str]]:
        """Return what a run can be cut by: the `most` commonest values of each column, and one more.

        names: of these columns only; all that a run can be cut by if None.
        """
        if names is None:
            names = [*CHOICES, *(name for name in self._names(run) if name.startswith(SEGMENT))]
        found = dict[str, list[str]]()
        for name in names:
            rows = self._rows(
                f"""
                SELECT {_quoted(name)}::VARCHAR AS value, count(*) AS n FROM read_parquet($run)
                WHERE {_quoted(name)} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT $n
                """,
                {"run": str(run / TABLE), "n": most + 1},
            )
            found[name] = [row["value"] for row in rows]
        return found

    def ranges(self, run: Path) -> dict[str, Any]:
        """Return the lowest and highest score, and the first and last moment, of a run."""
        (row,) = self._rows(
            """
            SELECT min(score) AS score_low, max(score) AS score_high,
                min(created_at) AS first_at, max(created_at) AS last_at
            FROM read_parquet($run)
            """,
            {"run": str(run / TABLE)},
        )
        return row

    def findings(self, run: Path) -> list[dict[str, Any]]:
        """Return the whole run's findings as the engine ranked them."""
        return self._rows(
            "SELECT * FROM read_parquet($run)", {"run": str(run / "findings.parquet")}
        )

    def topics(self, run: Path, edits: Edits) -> list[dict[str, Any]]:
        """Return the run's topics and parts, largest topic first; a merged one counts for its target."""
        rows = self._rows(
            """
            SELECT * EXCLUDE (first_seen) FROM read_parquet($run)
            ORDER BY n_mentions DESC, topic_id
            """,
            {"run": str(run / "topics.parquet")},
        )
        rows = self._with_parts(run, rows, edits)
        totals: dict[str, int] = {}
        for row in rows:
            row["counts_for"] = edits.merged.get(row["topic_id"], row["topic_id"])
        for row in rows:
            totals[row["counts_for"]] = totals.get(row["counts_for"], 0) + row["n_mentions"]
        for row in rows:
            row["n_mentions"] = totals.get(row["topic_id"], row["n_mentions"])
        return rows

    def _with_parts(
        self, run: Path, rows: list[dict[str, Any]], edits: Edits
    ) -> list[dict[str, Any]]:
        """Return topics with the parts of those that are split, each with its own mentions."""
        split = {row["topic_id"] for row in rows} & set(edits.parts)
        if not split:
            return rows
        source, values = _source(Edits(parts=edits.parts))
        ids = [*split, *(part.topic_id for topic in split for part in edits.parts[topic])]
        counted = self._rows(
            f"""
            SELECT topic_id, count(*) AS n, min(mention_id, 3) AS first FROM {source}
            WHERE list_contains($topics, topic_id) GROUP BY topic_id
            """,
            {"run": str(run / TABLE), "topics": ids, **values},
        )
        known = {row["topic_id"]: row for row in counted}
        found = []
        for row in rows:
            found.append(row)
            if row["topic_id"] in split:
                row["n_mentions"] = known.get(row["topic_id"], {"n": 0})["n"]
                found += [_part(row, part, known) for part in edits.parts[row["topic_id"]]]
        return found

    def in_parts(self, run: Path, edits: Edits) -> dict[str, str]:
        """Return the mentions that count for a part of their topic, each with the part."""
        source, values = _source(Edits(parts=edits.parts))
        ids = [part.topic_id for told in edits.parts.values() for part in told]
        rows = self._rows(
            f"SELECT mention_id, topic_id FROM {source} WHERE list_contains($topics, topic_id)",
            {"run": str(run / TABLE), "topics": ids, **values},
        )
        return {row["mention_id"]: row["topic_id"] for row in rows}

    def n_in_parts(
        self, run: Path, topic_id: str, parts: Sequence[TopicPart]
    ) -> tuple[dict[str, int], int]:
        """Return how many mentions of a topic each part would have, and how many would stay."""
        source, values = _source(Edits(parts={topic_id: parts}))
        ids = [topic_id, *(part.topic_id for part in parts)]
        rows = self._rows(
            f"""
            SELECT topic_id, count(*) AS n FROM {source}
            WHERE list_contains($topics, topic_id) GROUP BY topic_id
            """,
            {"run": str(run / TABLE), "topics": ids, **values},
        )
        counted = {row["topic_id"]: row["n"] for row in rows}
        return counted, counted.pop(topic_id, 0)

    def dividing_words(self, run: Path, topic_id: str, *, most: int) -> list[dict[str, Any]]:
        """Return words that divide a topic best: in many of its mentions, not in all, and its own.

        word: from its first letter; n_mentions: of the topic that hold it, of 20,000 at most. What is
        as frequent elsewhere in the run (by a sample of 20,000 mentions) tells no part of a topic.
        """
        return self._rows(
            r"""
            WITH mine AS (SELECT mention_id, text FROM read_parquet($run) WHERE topic_id = $topic
                ORDER BY mention_id LIMIT 20000),
            others AS (SELECT mention_id, text FROM read_parquet($run)
                USING SAMPLE reservoir(20000 ROWS) REPEATABLE (0)),
            words AS (SELECT word, count(*) AS n_mentions, (SELECT count(*) FROM mine) AS n
                FROM (SELECT DISTINCT mention_id,
                    unnest(regexp_extract_all(lower(text), '\p{L}[\p{L}\p{N}]{2,}')) AS word FROM mine)
                GROUP BY word HAVING count(*) >= 2),
            elsewhere AS (SELECT word, count(*) / greatest((SELECT count(*) FROM others), 1) AS share
                FROM (SELECT DISTINCT mention_id,
                    unnest(regexp_extract_all(lower(text), '\p{L}[\p{L}\p{N}]{2,}')) AS word FROM others)
                GROUP BY word)
            SELECT word, n_mentions FROM words LEFT JOIN elsewhere USING (word)
            WHERE n_mentions < n AND n_mentions / n > 2 * coalesce(share, 0)
            ORDER BY n_mentions * (n - n_mentions) DESC, word LIMIT $most
            """,
            {"run": str(run / TABLE), "topic": topic_id, "most": most},
        )

    def groups(self, run: Path, filters: Filters, edits: Edits) -> list[dict[str, Any]]:
        """Return what is told in a slice: a row for each stage, claim and topic.

        reach: people; severity: mean, 1 at least for what tells a problem; n_people: of the stage.
        """
        where, values = self._where(run, filters, edits)
        source, told = _source(edits)
        values |= {"run": str(run / TABLE), "hidden": sorted(edits.hidden), **told}
        alone = self._flag(run, ALONE_IN_GROUP)
        if edits.merged:
            alone = f"({alone} AND NOT list_contains($moved_to, s.topic_id))"
        sql = _GROUPS.format(
            source=source,
            where=where,
            alone=alone,
            alone_in_stage=self._flag(run, ALONE_IN_STAGE),
        )
        return self._rows(sql, values)

    def stages(self, run: Path, filters: Filters, edits: Edits = _UNEDITED) -> list[dict[str, Any]]:
        """Return for each stage of a slice its people, mentions and feelings."""
        where, values = self._where(run, filters, edits)
        source, told = _source(edits)
        alone = self._flag(run, ALONE_IN_STAGE)
        return self._rows(
            f"""
            WITH cut AS MATERIALIZED (
                SELECT stage, who, sentiment, claim = 'pain_point' AS in_pain, {alone} AS alone
                FROM {source} AS s WHERE {where}
            ),
            often AS (
                SELECT DISTINCT stage, who, in_pain FROM cut WHERE NOT alone
            ),
            people AS (
                SELECT stage, count(DISTINCT who) AS n, count(*) FILTER (in_pain) AS n_in_pain
                FROM often GROUP BY stage
            ),
            told AS (
                SELECT stage, count(*) AS n_mentions,
                    count(*) FILTER (sentiment = 'positive') AS n_positive,
                    count(*) FILTER (sentiment = 'negative') AS n_negative,
                    count(*) FILTER (alone) AS n_alone,
                    count(*) FILTER (alone AND in_pain) AS n_alone_in_pain
                FROM cut GROUP BY stage
            )
            SELECT stage, n_mentions, n_positive, n_negative,
                n_alone + coalesce(people.n, 0) AS n_people,
                n_alone_in_pain + coalesce(people.n_in_pain, 0) AS n_people_in_pain
            FROM told LEFT JOIN people USING (stage) ORDER BY stage
            """,
            {"run": str(run / TABLE), **values, **told},
        )

    def mentions(
        self,
        run: Path,
        filters: Filters,
        edits: Edits = _UNEDITED,
        *,
        after: tuple[int, str] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return mentions of a slice, gravest first, then by id, each with its verbatim.

        after: severity and mention_id of the last one of the page before.
        """
        where, values = self._where(run, filters, edits)
        if after is not None:
            where += " AND (s.severity < $grave OR (s.severity = $grave AND s.mention_id > $id))"
            values |= {"grave": after[0], "id": after[1]}
        place = self._flag(run, PLACE)
        source, told = _source(edits, ", file_row_number = true")
        found = self._rows(
            f"""
            SELECT file_row_number AS at FROM {source} AS s
            WHERE {where}
            ORDER BY {place if place == PLACE else "s.severity DESC, s.mention_id"} LIMIT $n
            """,
            {"run": str(run / TABLE), "n": limit, **values, **told},
        )
        return self._at(run, [row["at"] for row in found], edits)

    def _at(self, run: Path, places: Sequence[int], edits: Edits) -> list[dict[str, Any]]:
        """Return the mentions of these rows of the table, gravest first, with their verbatims."""
        if not places:
            return []
        source, values = _source(edits, ", file_row_number = true")
        page = self._rows(
            f"""
            SELECT {self._told(run, "file_row_number")} FROM {source}
            WHERE file_row_number IN ({", ".join(map(str, places))})
            ORDER BY severity DESC, mention_id
            """,
            {"run": str(run / TABLE), **values},
        )
        return self._in_verbatims(run, page)

    def _in_verbatims(self, run: Path, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return mentions with the verbatim and the question of each."""
        found = self._rows(
            """
            SELECT feedback_id, verbatim, question FROM read_parquet($run)
            WHERE list_contains($ids, feedback_id)
            """,
            {
                "run": str(run / "feedback.parquet"),
                "ids": sorted({row["feedback_id"] for row in page}),
            },
        )
        said = {row["feedback_id"]: row for row in found}
        return [{**row, **said[row["feedback_id"]]} for row in page]

    def mention(self, run: Path, mention_id: str) -> dict[str, Any] | None:
        """Return one mention, or None."""
        rows = self._rows(
            f"SELECT {self._told(run)} FROM read_parquet($run) WHERE mention_id = $id",
            {"run": str(run / TABLE), "id": mention_id},
        )
        return rows[0] if rows else None

    def detractors(
        self, run: Path, topic_ids: Sequence[str], edits: Edits = _UNEDITED
    ) -> list[dict[str, Any]]:
        """Return for each of these topics, or what it counts for, how many unhappy people speak of it.

        Unhappy are NPS scores of 6 or less, thumbs down, and the lower 40 % of other scales.
        """
        source, values = _source(edits)
        return self._rows(
            f"""
            SELECT topic_id, count(*) AS n_mentions, count(DISTINCT who) AS n_people
            FROM {source}
            WHERE list_contains($topics, topic_id) AND CASE
                WHEN survey IN ('nps', 'enps') THEN score <= 6
                WHEN survey = 'thumbs' THEN score = 0
                WHEN survey IN ('csat', 'stars', 'smileys') THEN score <= 0.4 * score_max
                ELSE false END
            GROUP BY topic_id ORDER BY topic_id
            """,
            {"run": str(run / TABLE), "topics": edits.targets(topic_ids), **values},
        )

    def queue(self, run: Path, done: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
        """Return the mentions that a human label helps most: novel ones, then the least sure.

        Each text once, and none of `done`: a second label of the same words teaches nothing.
        """
        page = self._rows(
            f"""
            SELECT {self._told(run)} FROM read_parquet($run)
            WHERE (reason = 'novel' OR stage = 'unsure' OR type = 'unsure' OR stage_prob < 0.5)
                AND {_ALIKE} NOT IN (
                    SELECT {_ALIKE} FROM (SELECT unnest($done::VARCHAR[]) AS text)
                )
            QUALIFY row_number() OVER (PARTITION BY {_ALIKE} ORDER BY mention_id) = 1
            ORDER BY reason IS DISTINCT FROM 'novel', least(stage_prob, type_prob), mention_id
            LIMIT $n
            """,
            {"run": str(run / TABLE), "n": limit, "done": list(done)},
        )
        return self._in_verbatims(run, page)

    def batches(
        self, run: Path, filters: Filters, edits: Edits = _UNEDITED, *, rows: int = 20_000
    ) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
        """Yield column names and rows of a slice, a batch at a time, for exports."""
        where, values = self._where(run, filters, edits)
        told = self._told(run)
        source, parted = _source(edits)
        cursor = self._connection.cursor()
        cursor.execute(
            f"""
            SELECT {told} FROM {source} AS s
            WHERE {where} ORDER BY stage, topic_id, mention_id
            """,
            {"run": str(run / TABLE), **values, **parted},
        )
        names = [column[0] for column in cursor.description or ()]
        yield names, []
        while batch := cursor.fetchmany(rows):
            yield names, [tuple(map(_in_utc, row)) for row in batch]

    # -- inside --

    def _names(self, run: Path) -> list[str]:
        if not (run / TABLE).exists():
            raise RunGoneError
        if run not in self._columns:
            self._columns[run] = _columns(self._connection.cursor(), run / TABLE)
        return self._columns[run]

    def _told(self, run: Path, *more: str) -> str:
        """Return the columns of the run's table without those that are ours alone."""
        ours = [name for name in _OURS if name in self._names(run)]
        return f"* EXCLUDE ({', '.join([*ours, *more])})"

    def _flag(self, run: Path, name: str) -> str:
        """Return a column of ours; false for a table of version 1, which has none of them."""
        return name if name in self._names(run) else "false"

    def _where(self, run: Path, filters: Filters, edits: Edits) -> tuple[str, dict[str, Any]]:
        """Return a condition of bound values over columns that the run has.

        Raises:
            UnknownFilterError: when a segment is not one of the run's.
        """
        unknown = sorted(set(filters.segments) - set(self.segments(run)))
        if unknown:
            known = ", ".join(self.segments(run)) or "none"
            raise UnknownFilterError(f"no such segments: {len(unknown)}; this run has: {known}")
        equal = {name: filters.equal[name] for name in _EQUAL if filters.equal.get(name)}
        if "topic_id" in equal:
            equal["topic_id"] = edits.targets(equal["topic_id"])
        equal |= {SEGMENT + name: among for name, among in filters.segments.items()}
        parts, values = ["true"], dict[str, Any]()
        for number, (name, among) in enumerate(equal.items()):
            parts.append(f"list_contains($any{number}, s.{_quoted(name)})")
            values[f"any{number}"] = list(among)
        for key, (condition, value) in _bounds(filters).items():
            if value is not None:
                parts.append(condition)
                values[key] = value
        return " AND ".join(parts), values

    def _rows(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        import duckdb

        cursor = self._connection.cursor()
        timer = threading.Timer(self._seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor.execute(sql, dict(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, map(_in_utc, row), strict=True)) for row in cursor.fetchall()]
        except duckdb.InterruptException as error:
            raise QueryTooLongError(
                f"the question took longer than {self._seconds:g} s; narrow it"
            ) from error
        except duckdb.IOException as error:
            raise (error if Path(values["run"]).exists() else RunGoneError()) from error
        finally:
            timer.cancel()
            cursor.close()


def _plain(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def _in_utc(value: Any) -> Any:
    """Return a moment with its zone: the table keeps UTC without it, which needs no library."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@contextmanager
def opened(run: Path, *, memory_mb: int) -> Iterator[Slices]:
    """Open one run for a job, without a bound of time."""
    spill = run.with_name(f"{run.name}.spill")
    slices = Slices(run, memory_mb=memory_mb, seconds=float(threading.TIMEOUT_MAX), spill=spill)
    try:
        yield slices
    finally:
        slices.close()


_GROUPS = """
    WITH cut AS MATERIALIZED (
        SELECT s.stage, s.claim, s.topic_id, s.touchpoint, s.severity, s.who,
            {alone} AS alone, {alone_in_stage} AS alone_in_stage
        FROM {source} AS s
        WHERE s.stage NOT IN ('none', 'unsure') AND {where}
    ),
    told AS (
        SELECT stage, claim, topic_id, touchpoint, count(*) AS n_mentions,
            sum(CASE WHEN claim = 'pain_point' THEN greatest(severity, 1) ELSE severity END)
                AS severity,
            count(*) FILTER (alone) AS n_alone,
            count(*) FILTER (alone_in_stage) AS n_alone_in_stage
        FROM cut GROUP BY ALL
    ),
    often AS (
        SELECT stage, claim, topic_id, count(*) AS n FROM (
            SELECT DISTINCT stage, claim, topic_id, who FROM cut
            WHERE claim IS NOT NULL AND NOT alone
        ) GROUP BY ALL
    ),
    often_in_stage AS (
        SELECT stage, count(*) AS n FROM (
            SELECT DISTINCT stage, who FROM cut WHERE NOT alone_in_stage
        ) GROUP BY stage
    ),
    speakers AS (
        SELECT stage, sum(n_alone_in_stage)::BIGINT + coalesce(any_value(o.n), 0) AS n_people
        FROM told LEFT JOIN often_in_stage AS o USING (stage) GROUP BY stage
    )
    SELECT stage, claim, topic_id, n_people, sum(n_mentions)::BIGINT AS n_mentions,
        sum(n_alone)::BIGINT + coalesce(any_value(often.n), 0) AS reach,
        sum(severity)::DOUBLE / sum(n_mentions) AS severity,
        coalesce(arg_max(touchpoint, (n_mentions, touchpoint))
            FILTER (touchpoint NOT IN ('none', 'unsure')), 'none') AS touchpoint
    FROM told JOIN speakers USING (stage) LEFT JOIN often USING (stage, claim, topic_id)
    WHERE claim IS NOT NULL AND NOT list_contains($hidden, topic_id)
    GROUP BY stage, claim, topic_id, n_people
"""
"""The file is read once; people with one mention in a group are counted as they pass, and only the
others are told apart."""


def _source(edits: Edits, more: str = "") -> tuple[str, dict[str, Any]]:
    """Return the run's table as SQL, each mention with the topic it counts for, and the values it binds."""
    source, values = f"read_parquet($run{more})", dict[str, Any]()
    if edits.parts:
        part, told = splits.sql(edits.parts)
        source, values = f"(SELECT * REPLACE ({part} AS topic_id) FROM {source})", {**told}
    if edits.merged:
        source = f"(SELECT * REPLACE ({_TARGET} AS topic_id) FROM {source})"
        values |= {"moved_from": list(edits.merged), "moved_to": list(edits.merged.values())}
    return source, values


def _part(
    topic: Mapping[str, Any], part: TopicPart, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a part as a topic: below the one that it is of, told by its words."""
    counted = known.get(part.topic_id, {"n": 0, "first": []})
    return {
        **topic,
        "topic_id": part.topic_id,
        "parent_id": topic["topic_id"],
        "label": part.label,
        "terms": list(part.words),
        "n_mentions": counted["n"],
        "exemplar_ids": counted["first"],
        "status": "part",
    }


_TARGET = "coalesce($moved_to[list_position($moved_from, topic_id)], topic_id)"


_ALIKE = r"trim(regexp_replace(lower(text), '[\s\p{Z}\x0b\x1c-\x1f\x85]+', ' ', 'g'))"
"""What texts have in common that differ in case and spaces only, whichever spaces Unicode has."""


def _bounds(filters: Filters) -> dict[str, tuple[str, Any]]:
    text = None if filters.text is None else filters.text.lower()
    return {
        "person": ("s.person = $person", filters.person),
        "score_min": ("s.score >= $score_min", filters.score_min),
        "score_max": ("s.score <= $score_max", filters.score_max),
        "since": ("s.created_at >= $since", _plain(filters.since)),
        "until": ("s.created_at < $until", _plain(filters.until)),
        "text": ("contains(lower(s.text), $text)", text),
    }

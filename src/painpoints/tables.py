"""Name, columns, types and key of every table, and the one check that enforces them.

The steps meet in these tables and nowhere else. A step adds columns or makes a table; it never
edits what it was given, and never drops a row silently. `docs/tables.md` is written from here.
"""

from dataclasses import dataclass

import polars as pl

from painpoints.errors import TableError

SEGMENT_PREFIX = "segment_"
"""Columns that a user may cut the map by carry this prefix, then the export's own name."""

TIME = pl.Datetime("us", "UTC")

UNMET_NEED = (
    r"(?i)\b(do|does|did|will|would|could|can) (you|they|it|i|we)\b.{0,40}\b(offer|sell|stock|"
    r"support|accept|deliver|ship|add|get|have|make|provide|allow|change|use|pay)\b"
    r"|\b(is|are|will) there (a|an|any|ever|be)\b|\bany (plans?|chance|way|option)\b"
    r"|\bwhen (will|are|can) (you|there|we|i)\b|\bwhy (can't|cannot|can not|don't|doesn't|isn't|"
    r"no|not)\b|\bwhy is there no\b|\bhow about\b|\bwhat about\b"
)
"""Questions that show a need which is not met yet; English, like the models."""


def person() -> pl.Expr:
    """Return who stands behind a feedback: `person_id`, else its row of the export as one person.

    One row may hold several questions, so several feedbacks; nobody else wrote them.
    """
    row = pl.concat_str(pl.lit("row"), pl.col("row").cast(pl.String), "source", separator=":")
    return pl.coalesce("person_id", row)


def people_known(feedback: pl.DataFrame) -> bool:
    """Return whether the export names who gave each analysed feedback."""
    people = feedback.filter(pl.col("reason").is_null())["person_id"]
    return bool(people.len()) and people.null_count() == 0


def answer() -> pl.Expr:
    """Return a 64-bit key of the answer that a scored feedback belongs to.

    The open questions of one row of an export are several feedbacks, but one score was given.
    """
    return pl.struct("source", "row", "survey", "score", "score_max", person().alias("who")).hash()


def segment_columns(frame: pl.DataFrame) -> list[str]:
    """Return the columns that people are told apart by: the channel, and the export's own."""
    return [c for c in frame.columns if c == "channel" or c.startswith(SEGMENT_PREFIX)]


def tells_pain() -> pl.Expr:
    """Return whether a mention tells a problem: so by its type, or negative where that is open.

    Labels that contradict each other (a positive problem) count as neither pain nor praise.
    """
    is_open = pl.col("type").is_in(["other", "unsure"])
    by_type = (pl.col("type") == "pain_point") & (pl.col("sentiment") != "positive")
    return by_type | (is_open & (pl.col("sentiment") == "negative"))


def tells_praise() -> pl.Expr:
    """Return whether a mention tells something good: so by its type, or positive where open."""
    is_open = pl.col("type").is_in(["other", "unsure"])
    by_type = (pl.col("type") == "praise") & (pl.col("sentiment") != "negative")
    return by_type | (is_open & (pl.col("sentiment") == "positive"))


def tells_wish() -> pl.Expr:
    """Return whether a mention asks for something: a request, or a question of an unmet need."""
    is_question = pl.col("type") == "question"
    searched = pl.when(is_question).then("text").otherwise(pl.lit(""))  # the rest costs seconds
    return (pl.col("type") == "request") | (is_question & searched.str.contains(UNMET_NEED))


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `nullable` says whether a row may lack the value, `added_by` which step adds it."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    nullable: bool = False
    added_by: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the pipeline: what a row is, its key, its columns in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def schema(self, *, upto: str | None = None) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Return the columns and types, those of later steps than `upto` left out."""
        return {c.name: c.dtype for c in self.columns_upto(upto)}

    def columns_upto(self, step: str | None) -> tuple[Column, ...]:
        """Return the columns present once `step` has run; all of them for None."""
        steps = list(dict.fromkeys(c.added_by for c in self.columns))
        kept = steps if step is None else steps[: steps.index(step) + 1]
        return tuple(c for c in self.columns if c.added_by in kept)

    def empty(self, *, upto: str | None = None) -> pl.DataFrame:
        """Return the table with no rows."""
        return pl.DataFrame(schema=self.schema(upto=upto))


FEEDBACK = Table(
    "feedback",
    "one customer's answer to one open question, one review, or one conversation",
    ("feedback_id",),
    (
        Column("feedback_id", pl.String, "natural id of the export, else source and row"),
        Column("verbatim", pl.String, "what the customer wrote or said; masked after redact"),
        Column("question", pl.String, "the question it answers", nullable=True),
        Column(
            "turns",
            pl.List(pl.Struct({"role": pl.String, "start": pl.Int64, "end": pl.Int64})),
            "of a transcript: who said which characters of the verbatim (customer, agent, other)",
            nullable=True,
        ),
        Column("source", pl.String, "file name and layout"),
        Column("row", pl.Int64, "physical line (text) or row (workbook) in the source, from 1"),
        Column("survey", pl.String, "nps, enps, csat, ces, stars, thumbs, smileys, pmf, none"),
        Column("score", pl.Float64, "as given, on the scale of its survey kind", nullable=True),
        Column("score_max", pl.Float64, "top of the scale (10, 5, 7, 1)", nullable=True),
        Column("person_id", pl.String, "who; pseudonym after redact", nullable=True),
        Column("channel", pl.String, "where it was collected", nullable=True),
        Column("touchpoint", pl.String, "when the export knows it", nullable=True),
        Column("stage", pl.String, "when the export knows it", nullable=True),
        Column("language", pl.String, "ISO 639-1, or und", nullable=True),
        Column("created_at", TIME, "when it was given", nullable=True),
        Column("reason", pl.String, "why it is not analysed; null when it is", nullable=True),
    ),
)

MENTIONS = Table(
    "mentions",
    "a span of a verbatim on one subject",
    ("mention_id",),
    (
        Column("mention_id", pl.String, "feedback_id and number within it", added_by="segment"),
        Column("feedback_id", pl.String, "the verbatim it stands in", added_by="segment"),
        Column("start", pl.Int64, "first character in the masked verbatim", added_by="segment"),
        Column("end", pl.Int64, "one past the last character", added_by="segment"),
        Column("text", pl.String, "verbatim[start:end], exactly", added_by="segment"),
        Column("stage", pl.String, "stage, none, or unsure", added_by="classify"),
        Column("stage_prob", pl.Float32, "calibrated, of the best label", added_by="classify"),
        Column("stage_source", pl.String, "text or metadata", added_by="classify"),
        Column("touchpoint", pl.String, "touchpoint, none, or unsure", added_by="classify"),
        Column("touchpoint_prob", pl.Float32, "calibrated", added_by="classify"),
        Column("sentiment", pl.String, "negative, neutral, positive, unsure", added_by="classify"),
        Column("sentiment_prob", pl.Float32, "calibrated", added_by="classify"),
        Column(
            "type",
            pl.String,
            "pain_point, request, praise, question, other, unsure",
            added_by="classify",
        ),
        Column("type_prob", pl.Float32, "calibrated", added_by="classify"),
        Column("severity", pl.Int8, "0 none, 1 minor, 2 major, 3 critical", added_by="classify"),
        Column("severity_prob", pl.Float32, "calibrated", added_by="classify"),
        Column(
            "topic_id", pl.String, "null where `reason` says why", nullable=True, added_by="topics"
        ),
        Column(
            "topic_prob",
            pl.Float32,
            "closeness to the topic, 0..1",
            nullable=True,
            added_by="topics",
        ),
        Column("reason", pl.String, "why there is no topic", nullable=True, added_by="topics"),
    ),
)

TOPICS = Table(
    "topics",
    "one topic",
    ("topic_id",),
    (
        Column("topic_id", pl.String, "stable across runs", added_by="topics"),
        Column("parent_id", pl.String, "the broader topic", nullable=True, added_by="topics"),
        Column("n_mentions", pl.Int64, "mentions assigned", added_by="topics"),
        Column("first_seen", TIME, "earliest feedback of it", nullable=True, added_by="topics"),
        Column("status", pl.String, "kept, new, split", added_by="topics"),
        Column("label", pl.String, "readable, unique", added_by="labels"),
        Column("terms", pl.List(pl.String), "by c-TF-IDF, most telling first", added_by="labels"),
        Column(
            "exemplar_ids", pl.List(pl.String), "typical mentions, best first", added_by="labels"
        ),
    ),
)

DRIVERS = Table(
    "drivers",
    "one topic and polarity, within a stage (or `all`), for one survey kind",
    ("topic_id", "stage", "survey", "polarity"),
    (
        Column("topic_id", pl.String, "the topic"),
        Column("stage", pl.String, "a stage, or all"),
        Column("survey", pl.String, "the survey kind"),
        Column("polarity", pl.String, "negative (it hurts when present) or positive (it delights)"),
        Column("n_feedback", pl.Int64, "scored feedbacks that mention it"),
        Column("n_people", pl.Int64, "distinct people among them"),
        Column("share", pl.Float64, "of the scored people, 0..1"),
        Column("impact", pl.Float64, "leave-out effect on the score, in score points"),
        Column("impact_low", pl.Float64, "95 % interval"),
        Column("impact_high", pl.Float64, "95 % interval"),
        Column(
            "weight", pl.Float64, "Johnson's relative weight, signed share of R2", nullable=True
        ),
        Column("weight_low", pl.Float64, "bootstrap 95 %", nullable=True),
        Column("weight_high", pl.Float64, "bootstrap 95 %", nullable=True),
        Column("agree", pl.Boolean, "impact and weight point the same way", nullable=True),
        Column(
            "overlap",
            pl.String,
            "the topic it is confused with, where they disagree",
            nullable=True,
        ),
    ),
)

FINDINGS = Table(
    "findings",
    "a ranked claim",
    ("finding_id",),
    (
        Column("finding_id", pl.String, "stable: kind, stage, topic"),
        Column("kind", pl.String, "pain_point or opportunity"),
        Column("opportunity", pl.String, "remove_pain, asked_for, extend_delight", nullable=True),
        Column("stage", pl.String, "the stage"),
        Column("touchpoint", pl.String, "the most frequent touchpoint of its mentions"),
        Column("topic_id", pl.String, "the topic"),
        Column("label", pl.String, "what it is, in words of its mentions"),
        Column("n_mentions", pl.Int64, "mentions behind it"),
        Column("reach", pl.Int64, "distinct people"),
        Column("share", pl.Float64, "of the people of the stage, 0..1"),
        Column("share_low", pl.Float64, "Wilson 95 %"),
        Column("share_high", pl.Float64, "Wilson 95 %"),
        Column("severity", pl.Float64, "mean of its mentions, 0..3"),
        Column("impact", pl.Float64, "score points", nullable=True),
        Column("impact_low", pl.Float64, "95 % interval", nullable=True),
        Column("impact_high", pl.Float64, "95 % interval", nullable=True),
        Column("impact_survey", pl.String, "the survey kind of the impact", nullable=True),
        Column("weight", pl.Float64, "overlap-corrected", nullable=True),
        Column("weight_low", pl.Float64, "bootstrap 95 %", nullable=True),
        Column("weight_high", pl.Float64, "bootstrap 95 %", nullable=True),
        Column("agree", pl.Boolean, "impact and weight agree", nullable=True),
        Column("feasibility", pl.Float64, "1 hard .. 5 easy; null when not judged", nullable=True),
        Column("owner", pl.String, "who owns it, from the analyst's table", nullable=True),
        Column("note", pl.String, "what the analyst noted beside the effort", nullable=True),
        Column("priority", pl.Float64, "what the rank orders by"),
        Column("priority_formula", pl.String, "the formula with its inputs"),
        Column("rank", pl.Int64, "1 is first; null when too small to rank", nullable=True),
        Column("rank_low", pl.Int64, "bootstrap range", nullable=True),
        Column("rank_high", pl.Int64, "bootstrap range", nullable=True),
        Column(
            "trend", pl.String, "new, rising, falling, fixed, unchanged, too_few", nullable=True
        ),
        Column("trend_before", pl.Float64, "share in the previous period", nullable=True),
        Column("trend_now", pl.Float64, "share in the current period", nullable=True),
        Column("trend_p", pl.Float64, "p value, corrected", nullable=True),
        Column("evidence_ids", pl.List(pl.String), "up to 200 mention ids, most telling first"),
        Column("why", pl.String, "why it is listed, in words"),
    ),
)

TABLES = (FEEDBACK, MENTIONS, TOPICS, DRIVERS, FINDINGS)


def check(table: Table, frame: pl.DataFrame, *, upto: str | None = None) -> pl.DataFrame:
    """Return `frame` unchanged if it is a valid `table`, as far as step `upto` fills it.

    Columns beyond the table's own are allowed only if they start with `segment_`.

    Raises:
        TableError: with every problem at once: missing or foreign columns, wrong types,
            missing values where none may be, repeated keys.
    """
    problems = _column_problems(table, frame, upto) or _row_problems(table, frame, upto)
    if problems:
        raise TableError(f"table {table.name}: " + "; ".join(problems))
    return frame


def _column_problems(table: Table, frame: pl.DataFrame, upto: str | None) -> list[str]:
    wanted, found = table.schema(upto=upto), frame.schema
    missing = [f"column {name} is missing" for name in wanted if name not in found]
    foreign = [
        f"column {name} is not of this table"
        for name in found
        if name not in wanted and not name.startswith(SEGMENT_PREFIX)
    ]
    wrong = [
        f"column {name} is {found[name]}, should be {dtype}"
        for name, dtype in wanted.items()
        if name in found and found[name] != dtype
    ]
    return missing + foreign + wrong


def _row_problems(table: Table, frame: pl.DataFrame, upto: str | None) -> list[str]:
    holes = [
        f"column {c.name} lacks {frame[c.name].null_count()} of {frame.height} values"
        for c in table.columns_upto(upto)
        if not c.nullable and frame[c.name].null_count()
    ]
    one = len(table.key) == 1  # a series counts its distinct values in a tenth of a frame's time
    n_keys = frame[table.key[0]].n_unique() if one else frame.select(table.key).n_unique()
    if n_keys != frame.height:
        key = ", ".join(table.key)
        holes.append(f"key {key} has {n_keys} distinct values in {frame.height} rows")
    return holes

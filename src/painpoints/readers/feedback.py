"""A raw table and its mapping to the feedback table: one row per answered question.

Ids, people, scores, dates, places and segments are put where the pipeline expects them; whatever
does not fit is nulled and reported, never guessed at. Reasons and languages are added later, for
all formats alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from painpoints.config import ColumnSettings, ReadSettings
from painpoints.domain import Survey
from painpoints.readers.columns import find_name
from painpoints.readers.dates import read_dates
from painpoints.readers.exports import Layout, key
from painpoints.readers.language import language_codes
from painpoints.readers.quality import Issue, issue
from painpoints.readers.ratings import (
    KIND_NAMES,
    Scale,
    by_words,
    denominators,
    find_scale,
    no_score,
    numbers,
    rule_of,
    said_top,
)
from painpoints.readers.recognition import Mapped
from painpoints.readers.transcripts import cells
from painpoints.readers.transcripts.markup import text_of
from painpoints.tables import FEEDBACK, SEGMENT_PREFIX, TIME

_MARKUP = (
    r"(?i)</?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|font|img|table|tr|td|script|style)"
    r"(?:\s[^<>]*)?/?>|&(?:amp|nbsp|lt|gt|quot|apos|rsquo|lsquo|ldquo|rdquo|hellip|#x?[0-9a-f]{2,5});"
)
"""Tags and entities that exports write; "<name>" and "a <3" are the customer's own."""
_TURNS = FEEDBACK.schema()["turns"]
_IN_WORDS = ("csat", "ces", "thumbs", "smileys", "stars", "pmf")
"""Kinds whose answers may be words; settings and layouts may say which the words belong to."""
_NOBODY = (
    "n/a", "na", "none", "null", "nil", "nan", "unknown", "anonymous", "anon", "guest", "-", "--",
    "0", "not available", "not provided", "not applicable", "#n/a",
)  # fmt: skip
"""What exports write where they do not know who answered."""
_TURNED = "effort scores turned round, so that higher is easier"


@dataclass(frozen=True, slots=True)
class Filled:
    """The feedbacks of one file.

    feedback: FEEDBACK columns but `language` where the file has none, and `reason`, which is
              only set to `agent` here; plus segments. One row per question and record.
    survey, score_max: of the score column, `none` and None where there is none.
    """

    feedback: pl.DataFrame
    survey: str
    score_max: float | None
    issues: tuple[Issue | None, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One raw table, reshaped, with everything that says what its columns are."""

    name: str
    frame: pl.DataFrame
    rows: pl.Series
    agent: pl.Series
    questions: Mapping[str, str]
    layout: Layout
    mapping: tuple[Mapped, ...]

    def column(self, role: str) -> pl.Series | None:
        """Return the column of this role, or None."""
        name = next((m.column for m in self.mapping if m.role == role), None)
        return None if name is None else self.frame[name]

    def names(self, role: str) -> list[str]:
        """Return the names of all columns of this role."""
        return [m.column for m in self.mapping if m.role == role]


def fill_feedback(source: Source, read: ReadSettings, columns: ColumnSettings) -> Filled:
    """Build the feedbacks of one file; there is at least one verbatim column."""
    source, marked_notes = _without_markup(source)
    dated, date_issues, date_notes = _dates(source, read)
    scored, score_issues, score_notes = _scores(source, read, columns)
    verbatims = source.names("verbatim")
    ids = _ids(source)
    base = pl.DataFrame(
        {
            "feedback_id": ids,
            "source": pl.repeat(source.name, len(ids), dtype=pl.String, eager=True),
            "row": source.rows.cast(pl.Int64),
            "survey": scored["survey"],
            "score": scored["score"],
            "score_max": scored["score_max"],
            "person_id": _people(source, ids, several=len(verbatims) > 1),
            "channel": _text(source, "channel"),
            "touchpoint": _word(source, "touchpoint"),
            "stage": _word(source, "stage"),
            "created_at": dated,
            "reason": pl.select(
                pl.when(source.agent).then(pl.lit("agent")).otherwise(None)
            ).to_series(),
        }
    )
    base = base.with_columns(_language(source), *_segments(source))
    kinds = scored.filter(pl.col("score").is_not_null())["survey"]
    main = kinds.mode().sort()[0] if kinds.len() else "none"
    tops = scored.filter(pl.col("survey") == main)["score_max"].drop_nulls()
    feedback = _per_question(source, base, verbatims)
    return Filled(
        feedback=feedback,
        survey=main,
        score_max=float(tops[0]) if tops.len() else None,
        issues=(*date_issues, *score_issues),
        notes=(
            *date_notes,
            *score_notes,
            *marked_notes,
            *_question_notes(source, verbatims),
            *_conversation_notes(feedback),
        ),
    )


def _without_markup(source: Source) -> tuple[Source, list[str]]:
    """Return the source with plain text where customers' words came as HTML, and a note on it."""
    plain: list[pl.Series] = []
    n_marked = 0
    for texts in (source.frame[n] for n in (*source.names("verbatim"), *source.names("title"))):
        marked = texts.str.contains(_MARKUP).fill_null(value=False)
        said = [text_of(text) or None for text in texts.filter(marked)]
        plain.append(texts.scatter(marked.arg_true(), pl.Series(said, dtype=pl.String)))
        n_marked += len(said)
    note = f"HTML tags and entities left out of {n_marked:,} texts"
    frame = source.frame.with_columns(plain)
    return replace(source, frame=frame), [note] if n_marked else []


def _per_question(source: Source, base: pl.DataFrame, verbatims: Sequence[str]) -> pl.DataFrame:
    """Repeat every record once per question, in the order of the export."""
    asked = source.column("question")
    frames = []
    for place, name in enumerate(verbatims, start=1):
        suffix = f"/q{place}" if len(verbatims) > 1 else ""
        question = source.questions.get(name) or (name if _is_question(name) else None)
        own = base.with_columns(
            (pl.col("feedback_id") + suffix).alias("feedback_id"),
            *_told(source, source.frame[name]),
            (asked if asked is not None else pl.lit(question, pl.String)).alias("question"),
            pl.lit(place).alias("__place"),
            pl.int_range(pl.len()).alias("__record"),
        )
        frames.append(own)
    order = ["__record", "__place"]
    return pl.concat(frames).sort(order, maintain_order=True).drop(order)


def _told(source: Source, body: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the verbatims and, of cells that hold a conversation, their turns."""
    verbatims = _with_title(source, body).fill_null("").alias("verbatim")
    found = cells.conversations(body, source.column("title"))
    if not found:
        return verbatims, pl.Series("turns", [None] * len(body), dtype=_TURNS)
    said = pl.Series([text for text, _ in found.values()], dtype=pl.String)
    turns = [found[place][1] if place in found else None for place in range(len(body))]
    return verbatims.scatter(list(found), said), pl.Series("turns", turns, dtype=_TURNS)


def _conversation_notes(feedback: pl.DataFrame) -> Iterable[str]:
    n = feedback["turns"].is_not_null().sum()
    if n:
        yield f"conversations in cells (Agent: ..., Customer: ...): {n:,}; only the customer's turns are read"


def _is_question(name: str) -> bool:
    return name.rstrip().endswith("?") or len(name.split()) >= 4


def _with_title(source: Source, body: pl.Series) -> pl.Series:
    """Put the title before the text, unless the text begins with it."""
    title = source.column("title")
    if title is None:
        return body
    frame = pl.DataFrame({"title": title, "body": body})
    stop = (
        pl.when(pl.col("title").str.contains(r"[.!?…:]$")).then(pl.lit(" ")).otherwise(pl.lit(". "))
    )
    bare = pl.col("title").str.strip_chars_end(".… ")
    said = pl.col("body").str.to_lowercase().str.starts_with(bare.str.to_lowercase())
    return frame.select(
        pl.when(pl.col("title").is_null() | said)
        .then(pl.col("body"))
        .when(pl.col("body").is_null())
        .then(pl.col("title"))
        .otherwise(pl.col("title") + stop + pl.col("body"))
        .alias("verbatim")
    )["verbatim"]


def _question_notes(source: Source, verbatims: Sequence[str]) -> Iterable[str]:
    if len(verbatims) > 1:
        yield f"each row gives {len(verbatims)} feedbacks, one per question"
        if source.column("person") is None:
            yield "no column tells people apart: the answers of one row count as one person"


def _ids(source: Source) -> pl.Series:
    """Return natural ids, and file and row where there is none."""
    fallback = pl.select(pl.lit(f"{source.name}#") + source.rows.cast(pl.String)).to_series()
    column = source.column("id")
    if column is None:
        return fallback.alias("feedback_id")
    return pl.select(pl.coalesce(column, fallback)).to_series().alias("feedback_id")


def _people(source: Source, ids: pl.Series, *, several: bool) -> pl.Series:
    column = source.column("person")
    if column is not None:
        named = ~column.str.to_lowercase().str.strip_chars().is_in(list(_NOBODY))
        return column.to_frame("p").select(pl.when(named).then("p"))["p"]
    if several:
        return ids
    return pl.repeat(None, len(ids), dtype=pl.String, eager=True)


def _text(source: Source, role: str) -> pl.Series:
    column = source.column(role)
    return (
        column if column is not None else pl.Series([None] * source.frame.height, dtype=pl.String)
    )


def _word(source: Source, role: str) -> pl.Series:
    """Return a label as the tables write it: lower case, joined by underscores."""
    return _text(source, role).str.to_lowercase().str.replace_all(r"[\s-]+", "_")


def _language(source: Source) -> pl.Series:
    return language_codes(_text(source, "language")).alias("language")


def _segments(source: Source) -> list[pl.Series]:
    return [source.frame[name].alias(f"{SEGMENT_PREFIX}{name}") for name in source.names("segment")]


def _dates(source: Source, read: ReadSettings) -> tuple[pl.Series, list[Issue | None], list[str]]:
    column = source.column("date")
    if column is None:
        nothing = pl.Series([None] * source.frame.height, dtype=TIME)
        return nothing, [], ["no dates: nothing can be compared over time"]
    dates = read_dates(column, read.date_order)
    where = column.name
    found = [
        issue("impossible_date", source.name, source.rows.filter(dates.bad), column=where),
        issue("mixed_dates", source.name, source.rows.filter(dates.other), column=where),
    ]
    if dates.ambiguous:
        detail = f"{dates.said}; set [read] date_order"
        found.append(Issue("ambiguous_dates", source.name, where, dates.ambiguous, (), detail))
    return dates.at, found, [f"dates: {dates.said}"] if dates.said else []


def _scores(
    source: Source, read: ReadSettings, columns: ColumnSettings
) -> tuple[pl.DataFrame, list[Issue | None], list[str]]:
    """Return columns survey, score, score_max per record, and what does not fit."""
    column = source.column("score")
    if columns.survey == Survey.NONE:
        return _no_scores(source.frame.height), [], ["no scores: [columns] survey is none"]
    if column is None:
        note = "no scores: pain points are ranked by reach and severity"
        return _no_scores(source.frame.height), [], [note]
    effort = read.ces_direction == "effort_is_high"
    kinds = source.column("survey")
    if kinds is not None and kinds.is_not_null().any():
        return _mixed_kinds(source, column, kinds, effort=effort)
    values, scale = _one_kind(source, column, columns)
    if scale is None or scale.survey == "none":
        wrong = scale.wrong if scale else "its values are on no scale we know"
        bad = Issue("wrong_scale", source.name, column.name, 1, (), f"{wrong}; not used as a score")
        return _score_columns(values, None), [bad], []
    said = denominators(column)
    off = ~values.is_between(scale.low, scale.high).fill_null(value=True)
    off |= (said != scale.high).fill_null(value=False)
    unread = column.is_not_null() & values.is_null() & ~no_score(column)
    rows, detail = source.rows.filter(off | unread), _other_tops(said, scale)
    found = [issue("impossible_score", source.name, rows, column=column.name, detail=detail)]
    if scale.wrong:
        found.append(Issue("wrong_scale", source.name, column.name, 1, (), scale.wrong))
    kept = values.to_frame("v").select(pl.when(~off).then("v"))["v"]
    notes = [f"score: {scale.reason}"]
    if scale.survey == "ces" and effort:
        kept = scale.low + scale.high - kept
        notes.append(_TURNED)
    return _score_columns(kept, scale), found, notes


def _other_tops(said: pl.Series, scale: Scale) -> str:
    """Return the tops that scores say but the scale has not, in words; empty if there are none."""
    other = [f"{top:g}" for top in said.filter(said != scale.high).unique().sort()]
    if not other:
        return ""
    shown = ", ".join(other[:5]) + (", ..." if len(other) > 5 else "")
    return f"some are out of {shown}; the scale ends at {scale.high:g}"


def _one_kind(
    source: Source, column: pl.Series, columns: ColumnSettings
) -> tuple[pl.Series, Scale | None]:
    given = columns.survey or source.layout.survey
    top = columns.score_max or source.layout.score_max or said_top(column)
    values = numbers(column)
    filled = column.filter(~no_score(column)).len()
    if values.drop_nulls().len() < 0.5 * filled:
        worded = by_words(column)
        if worded is None:
            return values, None
        points, scale = worded
        if scale.survey != "nps" and given in _IN_WORDS:
            low = 0.0 if given == "thumbs" else 1.0
            scale = replace(scale, survey=given, low=low)
        return points, scale
    rule = rule_of(f"{key(column.name)} {key(source.questions.get(column.name, ''))}") or "score"
    return values, find_scale(values, rule, given=given, top=top)


def _score_columns(values: pl.Series, scale: Scale | None) -> pl.DataFrame:
    if scale is None:
        return _no_scores(values.len())
    return pl.DataFrame({"score": values.cast(pl.Float64)}).select(
        pl.lit(scale.survey).alias("survey"), "score", pl.lit(scale.high).alias("score_max")
    )


def _no_scores(n: int) -> pl.DataFrame:
    return pl.select(
        pl.repeat("none", n, dtype=pl.String).alias("survey"),
        pl.repeat(None, n, dtype=pl.Float64).alias("score"),
        pl.repeat(None, n, dtype=pl.Float64).alias("score_max"),
    )


def _mixed_kinds(
    source: Source, column: pl.Series, kinds: pl.Series, *, effort: bool
) -> tuple[pl.DataFrame, list[Issue | None], list[str]]:
    """Read scores whose kind another column says, row by row.

    effort: whether a high effort score means much effort.
    """
    names, tops = {k: v[0] for k, v in KIND_NAMES.items()}, {k: v[1] for k, v in KIND_NAMES.items()}
    frame = pl.DataFrame({"kind": kinds.str.to_lowercase(), "score": numbers(column)}).with_columns(
        pl.col("kind")
        .replace_strict(names, default="none", return_dtype=pl.String)
        .alias("survey"),
        pl.col("kind")
        .replace_strict(tops, default=None, return_dtype=pl.Float64)
        .alias("score_max"),
    )
    low = pl.when(pl.col("survey").is_in(["nps", "enps", "thumbs"])).then(0.0).otherwise(1.0)
    fits = pl.col("score").is_between(low, pl.col("score_max")).fill_null(value=False)
    off = frame.select((pl.col("score").is_not_null() & ~fits).alias("off"))["off"]
    unread = column.is_not_null() & frame["score"].is_null() & ~no_score(column)
    found = issue(
        "impossible_score", source.name, source.rows.filter(off | unread), column=column.name
    )
    turned = pl.when((pl.col("survey") == "ces") & effort).then(
        1.0 + pl.col("score_max") - pl.col("score")
    )
    kept = frame.with_columns(pl.when(fits).then(turned.otherwise("score")).alias("score"))
    said = ", ".join(sorted(set(kept.filter(pl.col("score").is_not_null())["survey"])))
    notes = [f"score kinds per row: {said}", *([_TURNED] if effort and "ces" in said else [])]
    return kept.select("survey", "score", "score_max"), [found], notes


def named_columns(columns: ColumnSettings) -> list[tuple[str, str]]:
    """Return (setting, column) of every column that the settings name."""
    single = ("score", "date", "id", "person", "channel", "stage", "touchpoint", "language")
    named = [(s, getattr(columns, s)) for s in single if getattr(columns, s)]
    for several in ("verbatim", "segments", "ignore"):
        named += [(several, name) for name in getattr(columns, several)]
    return named


def is_named(wanted: str, present: Sequence[str]) -> bool:
    """Tell whether a table has the column that a setting names."""
    return find_name(wanted, present) is not None

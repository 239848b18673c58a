"""All files' feedbacks to one feedback table, with what was left out counted by kind.

The same answer read twice counts once; answers that say nothing, or in a language that the models
do not cover, stay in the table with a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from painpoints.config import ReadSettings
from painpoints.domain import Reason
from painpoints.errors import UnreadableError
from painpoints.readers.answers import reasons
from painpoints.readers.language import UNDETERMINED, find_languages
from painpoints.readers.quality import (
    SET_ASIDE,
    Issue,
    Quality,
    in_order,
    issue,
    refuse_too_many,
)
from painpoints.readers.recognition import REJECTED_SCHEMA, Problem, Recognition
from painpoints.tables import FEEDBACK, SEGMENT_PREFIX, check

_MIN_DUPLICATE_LETTERS = 20
_FILE = "__file"


@dataclass(frozen=True, slots=True)
class Part:
    """What one file gave: `feedback` may lack `language` and `reason`."""

    feedback: pl.DataFrame
    problems: tuple[Problem, ...]
    recognition: Recognition
    issues: tuple[Issue | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Intake:
    """Everything that was read.

    feedback: the feedback table with its segments, in the order of the inputs and their rows.
    rejected: rows set aside: source, row, column, reason, id (none where it is an address).
    sources:  how each file was understood, in the order of the inputs.
    quality:  what is wrong with the data.
    skipped:  files of folders that are of no kind we read.
    """

    feedback: pl.DataFrame
    rejected: pl.DataFrame
    sources: tuple[Recognition, ...]
    quality: Quality
    skipped: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what was recognised and its quality as plain values; no customer's words."""
        return {
            "sources": [source.to_dict() for source in self.sources],
            "quality": self.quality.to_dict(),
            "rejected": self.rejected.to_dicts(),
            "skipped": list(self.skipped),
        }


def assemble(
    parts: Sequence[Part],
    read: ReadSettings,
    *,
    skipped: Sequence[str] = (),
    issues: Sequence[Issue | None] = (),
) -> Intake:
    """Join the files' feedbacks.

    Raises:
        TooManyBadRows: if a file has more bad rows than `max_bad`.
        UnreadableError: if no file has a single answer.
    """
    joined = _joined(parts)
    feedback, conflicts, repeats = _without_repeats(joined)
    problems = [p for part in parts for p in part.problems] + conflicts
    refuse_too_many(
        problems, {p.recognition.source: p.recognition.n_rows for p in parts}, read.max_bad
    )
    if not feedback.height:
        raise UnreadableError(
            "; ".join(f"{p.recognition.source}: no row holds an answer" for p in parts)
        )
    judged = with_reasons(feedback, read)
    found = [
        *issues,
        *repeats,
        *(i for part in parts for i in part.issues),
        *_issues(judged, problems),
    ]
    recognised = tuple(_recounted(p.recognition, judged, problems) for p in parts)
    return Intake(
        feedback=check(FEEDBACK, _in_shape(judged, recognised)),
        rejected=pl.DataFrame(
            [(p.source, p.row, p.column, p.reason, _harmless(p.id)) for p in problems],
            schema=REJECTED_SCHEMA,
            orient="row",
        ),
        sources=recognised,
        quality=_quality(judged, recognised, in_order(found), problems),
        skipped=tuple(skipped),
    )


def _harmless(id_: str | None) -> str | None:
    """Return the id of a row set aside, which nobody masks, if it tells no address."""
    return None if id_ is None or "@" in id_ else id_


def _joined(parts: Sequence[Part]) -> pl.DataFrame:
    """Put the parts under one another; columns that a part lacks are null in it."""
    schema = FEEDBACK.schema()
    frames = []
    for part in parts:
        casts = [
            pl.col(name).cast(dtype)
            for name, dtype in schema.items()
            if name in part.feedback.columns
        ]
        lacking = [
            pl.lit(None, dtype).alias(name)
            for name, dtype in schema.items()
            if name not in part.feedback.columns
        ]
        segments = [
            pl.col(n).cast(pl.String) for n in part.feedback.columns if n.startswith(SEGMENT_PREFIX)
        ]
        frames.append(
            part.feedback.select(*casts, *segments, *lacking).with_columns(
                pl.lit(part.recognition.source).alias(_FILE)
            )
        )
    return pl.concat(frames, how="diagonal")


def _without_repeats(
    feedback: pl.DataFrame,
) -> tuple[pl.DataFrame, list[Problem], list[Issue | None]]:
    """Keep the first of several rows under one id; others are repeats, or conflicts if they differ."""
    if feedback["feedback_id"].n_unique() == feedback.height:
        return feedback, [], []
    first = feedback.with_columns(
        (pl.int_range(pl.len()).over("feedback_id") > 0).alias("__again"),
        *(
            pl.col(name).first().over("feedback_id").alias(f"__first_{name}")
            for name in ("verbatim", "score", "row", _FILE)
        ),
    )
    same = pl.col("verbatim").eq_missing(pl.col("__first_verbatim")) & pl.col("score").eq_missing(
        pl.col("__first_score")
    )
    again = first.filter(pl.col("__again")).with_columns(same.alias("__same"))
    conflicts = [
        Problem(
            file, row, None, f"id seen before in {of} row {at}, with other content", feedback_id
        )
        for file, row, of, at, feedback_id in again.filter(~pl.col("__same"))
        .select(_FILE, "row", f"__first_{_FILE}", "__first_row", "feedback_id")
        .iter_rows()
    ]
    repeats = [
        issue("duplicate_id", str(file), rows["row"])
        for (file,), rows in again.filter("__same").group_by([_FILE], maintain_order=True)
    ]
    kept = first.filter(~pl.col("__again")).select(feedback.columns)
    return kept, conflicts, repeats


def with_reasons(feedback: pl.DataFrame, read: ReadSettings) -> pl.DataFrame:
    """Return the feedbacks with language, and with the reason of those that are left out."""
    agent = pl.lit(Reason.AGENT.value)
    unheard = pl.when(_unheard(feedback["turns"])).then(agent)
    silent = feedback.select(
        "language",
        "verbatim",
        reason=pl.coalesce("reason", reasons(feedback["verbatim"]), unheard),
    )
    unknown = pl.col("reason").is_null() & pl.col("language").is_null()
    found = find_languages(silent.select(pl.when(unknown).then("verbatim")).to_series())
    language = pl.coalesce(silent["language"], found)
    foreign = pl.when(~language.is_in([*read.languages, UNDETERMINED])).then(
        pl.lit(Reason.LANGUAGE.value)
    )
    return feedback.with_columns(
        language=language, reason=pl.coalesce(silent["reason"], foreign.otherwise(None))
    )


def _unheard(turns: pl.Series) -> pl.Expr:
    """Return where a conversation has no turn of the customer; false where there are no turns."""
    if turns.null_count() == turns.len():
        return pl.lit(value=False)
    said = pl.col("turns").list.eval(pl.element().struct.field("role") == "customer").list.any()
    return (pl.col("turns").is_not_null() & ~said).fill_null(value=False)


def _issues(feedback: pl.DataFrame, problems: Sequence[Problem]) -> list[Issue | None]:
    found: list[Issue | None] = []
    for (file,), rows in feedback.group_by([_FILE], maintain_order=True):
        name = str(file)
        found += [issue(kind, name, rows.filter(reason=kind)["row"]) for kind in SET_ASIDE]
        for kind, column in (("no_date", "created_at"), ("no_score", "score")):
            missing = rows.filter(pl.col(column).is_null())
            if missing.height < rows.height:
                found.append(issue(kind, name, missing["row"]))
    by_file: dict[str, set[int]] = {}
    for problem in problems:
        by_file.setdefault(problem.source, set()).add(problem.row or 0)
    found += [issue("rejected", file, rows) for file, rows in by_file.items()]
    return [*found, *_same_words(feedback)]


def _same_words(feedback: pl.DataFrame) -> list[Issue | None]:
    """Count answers that are word for word like an earlier one; they stay."""
    said = feedback.filter(
        pl.col("reason").is_null(),
        pl.col("verbatim").str.count_matches(r"\p{L}") >= _MIN_DUPLICATE_LETTERS,
    )
    words = pl.col("verbatim").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    again = said.filter(~words.is_first_distinct())
    return [
        issue("duplicate_text", str(file), rows["row"])
        for (file,), rows in again.group_by([_FILE], maintain_order=True)
    ]


def _recounted(
    recognition: Recognition, feedback: pl.DataFrame, problems: Sequence[Problem]
) -> Recognition:
    from dataclasses import replace

    rows = {p.row for p in problems if p.source == recognition.source}
    n_feedback = feedback.filter(pl.col(_FILE) == recognition.source).height
    return replace(recognition, n_feedback=n_feedback, n_rejected=len(rows))


def _in_shape(feedback: pl.DataFrame, sources: Sequence[Recognition]) -> pl.DataFrame:
    """Order the columns as the table has them, and name the layout beside the file."""
    said = {s.source: f"{s.source} ({s.layout})" for s in sources}
    segments = [name for name in feedback.columns if name.startswith(SEGMENT_PREFIX)]
    return feedback.with_columns(
        pl.col(_FILE).replace_strict(said, return_dtype=pl.String).alias("source")
    ).select([*FEEDBACK.schema(), *segments])


def _quality(
    feedback: pl.DataFrame,
    sources: Sequence[Recognition],
    issues: tuple[Issue, ...],
    problems: Sequence[Problem],
) -> Quality:
    people = feedback["person_id"].drop_nulls()
    counts = feedback["language"].fill_null(UNDETERMINED).value_counts(sort=True)
    return Quality(
        n_rows=sum(s.n_rows for s in sources),
        n_feedback=feedback.height,
        n_analysed=feedback["reason"].null_count(),
        n_rejected=len({(p.source, p.row) for p in problems}),
        n_people=people.n_unique() if people.len() else None,
        languages=dict(sorted(counts.iter_rows(), key=lambda c: (-c[1], c[0]))),
        issues=issues,
    )

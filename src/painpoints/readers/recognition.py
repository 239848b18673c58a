"""What a reader hands back beside the rows: what was recognised, and what was wrong with it.

Only frozen objects live here, so that every file of this folder can speak of them. Nothing here
reads a file or looks at a text. No object here ever carries what a customer wrote.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

REJECTED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source": pl.String,
    "row": pl.Int64,
    "column": pl.String,
    "reason": pl.String,
    "id": pl.String,
}
"""The table of rows set aside: where each stood, its natural id if it had one, and why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one row of one file was set aside.

    source: file name as in the feedback table, without the layout.
    row:    physical line (text), row (workbook) or record (JSON), from 1; None: the whole file.
    column: the export's name of the column, or None where the whole row is meant.
    reason: one clause without customer text, e.g. "6 cells where the header has 8".
    id:     the row's natural id, or None.
    """

    source: str
    row: int | None
    column: str | None
    reason: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """One column of the export and what it is taken for.

    role:   verbatim, title, score, date, id, person, channel, touchpoint, stage, language,
            segment, or unused.
    column: the export's name of the column (for transcripts: the field).
    reason: why, in a few words, e.g. "header says 'comment'; 14 words on average".
    by:     settings, layout, or guess.
    """

    role: str
    column: str
    reason: str
    by: str = "guess"


@dataclass(frozen=True, slots=True)
class Recognition:
    """How one file was understood; all that `painpoints check` prints about it but its quality.

    source:     file name as in the feedback table.
    layout:     machine name of the layout, e.g. `qualtrics`, `webvtt`, or `table`.
    title:      the layout's name as people say it, e.g. "Qualtrics export (3 header rows)".
    format:     csv, xlsx, jsonl, json, parquet, or transcript.
    encoding:   e.g. "utf-8", "utf-16 (byte order mark)", "cp1252 (guessed)"; None if not text.
    delimiter:  ",", ";", "tab", "|"; None if not a delimited text.
    n_rows:     rows of data found (rows with a turn for transcripts), bad ones included.
    n_feedback: feedbacks made of them.
    n_rejected: rows set aside.
    survey:     kind of the score, or none; `score_max` the top of its scale.
    mapping:    every column, with the reason for its role.
    notes:      what else a reader should know, each one sentence.
    sha256:     of the file as it lies on disk; None where it was not taken.
    """

    source: str
    layout: str
    title: str
    format: str
    encoding: str | None
    delimiter: str | None
    n_rows: int
    n_feedback: int
    n_rejected: int
    survey: str
    score_max: float | None
    mapping: tuple[Mapped, ...]
    notes: tuple[str, ...] = ()
    sha256: str | None = None

    def columns(self, role: str) -> tuple[str, ...]:
        """Return the export's columns that have this role, in the order of the export."""
        return tuple(m.column for m in self.mapping if m.role == role)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TranscriptTable:
    """One file of conversations, as the transcripts reader hands it to `readers.read`.

    feedback: one row per conversation with the FEEDBACK columns from `feedback_id` to
              `created_at` except `language` and `reason` (they are added for all formats in one
              place; a `language` column is kept where the format knows it), and any
              `segment_*`. `source` is the file name alone; `verbatim` is the whole
              conversation, `turns` say who spoke where.
    problems: rows, cues or records set aside.
    layout:   machine name as `sniff` returned it; `title` as people say it.
    n_rows:   physical rows that hold a turn, those set aside included: what the problems are
              a share of.
    encoding: as in `Recognition`.
    mapping:  which fields became what.
    notes:    e.g. "speakers 'Maya' and 'Support' read as agent: [read] agent_names".
    """

    feedback: pl.DataFrame
    problems: tuple[Problem, ...]
    layout: str
    title: str
    n_rows: int
    encoding: str | None = None
    mapping: tuple[Mapped, ...] = ()
    notes: tuple[str, ...] = ()
    n_turns: Mapping[str, int] = field(default_factory=dict)

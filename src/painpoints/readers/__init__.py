"""Readers: files of customers' words in, the feedback table out, with a report on both.

`read` takes any mix of files, folders and patterns. Each file is a conversation (transcripts) or a
table; a table is read as text cells (`tables`), recognised (`exports`), brought to one row per
answer (`reshape`), its columns told apart (`columns`) and turned into feedbacks (`feedback`).
`intake` joins the files. Nothing here prints, and no message quotes what a customer wrote.
"""

import hashlib
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import MappingProxyType

from painpoints.config import ColumnSettings, ReadSettings
from painpoints.domain import Survey
from painpoints.errors import SettingsError, UnreadableError
from painpoints.readers import transcripts
from painpoints.readers.columns import choose_columns, profile
from painpoints.readers.decode import head_as_utf8
from painpoints.readers.exports import LAYOUTS, TABLE, Layout, by_name, recognise
from painpoints.readers.feedback import Source, fill_feedback, is_named, named_columns
from painpoints.readers.inputs import Input, find_inputs
from painpoints.readers.intake import Intake, Part, assemble
from painpoints.readers.judgements import read_feasibility, read_fixes
from painpoints.readers.quality import Issue, Quality, issue
from painpoints.readers.raw import RawTable
from painpoints.readers.recognition import Mapped, Problem, Recognition
from painpoints.readers.reshape import reshape
from painpoints.readers.tables import find_format, read_table
from painpoints.readers.texts import from_texts

__all__ = [
    "Intake",
    "Issue",
    "Mapped",
    "Problem",
    "Quality",
    "Recognition",
    "from_texts",
    "read",
    "read_feasibility",
    "read_fixes",
]

_DIALOGUE_TABLES = ("dialogue_table", "dialogue_jsonl")
_ROW_BY_ROW = ("zendesk_comments", "formbricks")
"""Layouts that look like one turn per row, but are read comment by comment."""
_ZIPPED_FORMATS = ("xlsx", "parquet")


def read(
    inputs: Sequence[str | Path],
    read: ReadSettings | None = None,
    columns: ColumnSettings | None = None,
    *,
    seen: Mapping[str, str] = MappingProxyType({}),
) -> Intake:
    """Read feedback from files, folders, patterns (`in/*.csv`), or `-` for standard input.

    seen: sha256 of the files of an earlier run by their names in it; what it read is not read
          again, and another file of the same name gets another.

    Raises:
        UnreadableError: if any input cannot be read at all; one sentence for each.
        TooManyBadRows: if a file has more bad rows than `read.max_bad`.
        SettingsError: if a setting names a column or layout that no input has.
    """
    how, which = read or ReadSettings(), columns or ColumnSettings()
    _check_settings(how, which)
    with tempfile.TemporaryDirectory(prefix="painpoints-") as folder:
        found = find_inputs(inputs, Path(folder))
        digests = {file.path: _digest(file.path) for file in found.files}
        files, repeated = _without_copies(found.files, digests, seen)
        if not files:
            raise UnreadableError("nothing new: every input was read by the earlier run")
        parts, raw_columns = _read_all(files, digests, how, which, Path(folder))
    _check_columns_found(which, raw_columns)
    return assemble(parts, how, skipped=found.skipped, issues=repeated)


def _check_settings(read: ReadSettings, columns: ColumnSettings) -> None:
    if columns.survey and columns.survey not in set(Survey):
        kinds = ", ".join(Survey)
        raise SettingsError(f"[columns] survey {columns.survey!r} is unknown; it is one of {kinds}")
    known = [layout.name for layout in (*LAYOUTS, TABLE)] + list(transcripts.TITLES)
    if read.layout and read.layout not in known:
        raise SettingsError(
            f"[read] layout {read.layout!r} is unknown; it is one of {', '.join(known)}"
        )


def _without_copies(
    files: Sequence[Input], digests: Mapping[Path, str], earlier: Mapping[str, str]
) -> tuple[list[Input], list[Issue | None]]:
    """Leave out files whose bytes are those of an earlier one; name others as none was named."""
    seen = {digest: name for name, digest in earlier.items()}
    names = set(earlier)
    kept: list[Input] = []
    repeated: list[Issue | None] = []
    for file in files:
        digest = digests[file.path]
        if digest in seen:
            detail = f"the same bytes as {seen[digest]}"
            repeated.append(issue("duplicate_file", file.name, [1], detail=detail))
        else:
            kept.append(Input(file.path, _unused(file.name, names)))
            names.add(kept[-1].name)
            seen[digest] = kept[-1].name
    return kept, repeated


def _unused(name: str, names: Collection[str]) -> str:
    """Return a file's name, numbered if another file has it."""
    numbered = (f"{name} ({number})" for number in count(2))
    return name if name not in names else next(n for n in numbered if n not in names)


def _digest(path: Path) -> str:
    """Return the sha256 of a file; of one that cannot be opened its path, for reading it tells why."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(path)


def _read_all(
    files: Sequence[Input],
    digests: Mapping[Path, str],
    read: ReadSettings,
    columns: ColumnSettings,
    spool: Path,
) -> tuple[list[Part], list[list[str]]]:
    """Read every file; the sentences on those that cannot be read are raised together."""
    parts: list[Part] = []
    unreadable: list[str] = []
    names: list[list[str]] = []
    for file in files:
        try:
            part, header = _read_file(file, read, columns, spool)
        except UnreadableError as error:
            unreadable.append(str(error))
        else:
            known = replace(part.recognition, sha256=digests[file.path])
            parts.append(replace(part, recognition=known))
            names.append(header)
    if unreadable:
        raise UnreadableError("\n".join(unreadable))
    return parts, names


def _read_file(
    file: Input, read: ReadSettings, columns: ColumnSettings, spool: Path
) -> tuple[Part, list[str]]:
    said = _transcript_layout(file, read)
    if said and said not in _DIALOGUE_TABLES:
        return _of_transcript(file, said, read), []
    raw = read_table(file.path, file.name, read, spool)
    if said and recognise(raw.frame.columns).name not in _ROW_BY_ROW:
        return _of_transcript(file, said, read), []
    return _of_table(raw, read, columns), raw.frame.columns


def _transcript_layout(file: Input, read: ReadSettings) -> str | None:
    if read.layout:
        return read.layout if read.layout in transcripts.TITLES else None
    if find_format(file.path, file.name, read) in _ZIPPED_FORMATS:
        return None
    name = file.path.name.removesuffix(".gz")
    return transcripts.sniff(name, head_as_utf8(file.path, read))


def _of_transcript(file: Input, layout: str, read: ReadSettings) -> Part:
    table = transcripts.read(file.path, file.name, layout, read)
    feedback, problems = table.feedback, table.problems
    scored = feedback.filter(feedback["score"].is_not_null())
    recognition = Recognition(
        source=file.name,
        layout=table.layout,
        title=table.title,
        format="transcript",
        encoding=table.encoding,
        delimiter=None,
        n_rows=table.n_rows,
        n_feedback=feedback.height,
        n_rejected=len({p.row for p in problems}),
        survey=str(scored["survey"][0]) if scored.height else "none",
        score_max=scored["score_max"][0] if scored.height else None,
        mapping=table.mapping,
        notes=table.notes,
    )
    return Part(feedback, problems, recognition)


def _of_table(raw: RawTable, read: ReadSettings, columns: ColumnSettings) -> Part:
    layout = by_name(read.layout) if read.layout else recognise(raw.frame.columns, said=raw.layout)
    shaped = reshape(raw.frame, raw.rows, layout)
    profiles = profile(shaped.frame, raw.questions)
    mapping = choose_columns(profiles, shaped.frame, layout, columns)
    source = Source(
        raw.source, shaped.frame, shaped.rows, shaped.agent, raw.questions, layout, mapping
    )
    if not source.names("verbatim"):
        raise UnreadableError(_no_verbatim(raw))
    filled = fill_feedback(source, read, columns)
    recognition = Recognition(
        source=raw.source,
        layout=layout.name,
        title=_title(layout, raw),
        format=raw.format,
        encoding=raw.encoding,
        delimiter=raw.delimiter,
        n_rows=raw.n_rows,
        n_feedback=filled.feedback.height,
        n_rejected=len(raw.problems),
        survey=filled.survey,
        score_max=filled.score_max,
        mapping=mapping,
        notes=(*raw.notes, *shaped.notes, *filled.notes),
    )
    tests = issue("test_answer", raw.source, shaped.test_rows)
    return Part(filled.feedback, raw.problems, recognition, (tests, *filled.issues))


def _title(layout: Layout, raw: RawTable) -> str:
    if raw.n_header_rows > 1:
        return f"{layout.title} ({raw.n_header_rows} header rows)"
    return layout.title if layout is not TABLE else "table of no known vendor, columns guessed"


def _no_verbatim(raw: RawTable) -> str:
    if not raw.n_rows:
        return f"{raw.source}: it has a header but no rows"
    if raw.problems and not raw.frame.height:
        first = raw.problems[0]
        return f"{raw.source}: none of its {raw.n_rows:,} rows can be used; row {first.row}: {first.reason}"
    shown = ", ".join(repr(name) for name in raw.frame.columns[:12])
    more = f" and {len(raw.frame.columns) - 12} more" if len(raw.frame.columns) > 12 else ""
    return (
        f"{raw.source}: no column reads like customers' words; name it with --column verbatim=NAME "
        f"or [columns] verbatim (columns: {shown}{more})"
    )


def _check_columns_found(columns: ColumnSettings, headers: Sequence[Sequence[str]]) -> None:
    """Refuse settings that name a column which no table has; transcripts have none."""
    tables = [h for h in headers if h]
    missing = [
        f"[columns] {setting} names {wanted!r}"
        for setting, wanted in named_columns(columns)
        if not any(is_named(wanted, header) for header in tables)
    ]
    if missing:
        seen = ", ".join(dict.fromkeys(repr(n) for header in tables for n in header[:12]))
        raise SettingsError(f"{'; '.join(missing)}: no input has such a column (columns: {seen})")

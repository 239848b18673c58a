"""An analyst's labelled tables: read, checked row by row, and brought to the rows that heads learn.

A table has a column `text` and any of stage, touchpoint, sentiment, type, severity; `verbatim`,
`start`, `end` and `question` say what stands around the mention. Everything that is wrong is told
at once, with row numbers and never with a customer's words. What is learnt is left to `retrain`.
"""

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

import polars as pl

from painpoints.classify import LABELS, context
from painpoints.config import ReadSettings
from painpoints.domain import UNSURE
from painpoints.errors import InputError
from painpoints.readers.language import UNDETERMINED, find_languages
from painpoints.readers.raw import RawTable
from painpoints.readers.tables import read_table
from painpoints_training.corpus import survey_question

COLUMNS = ("text", "verbatim", "start", "end", "question", *LABELS)
MIN_EXAMPLES = 5
GOOD_EXAMPLES = 20
MOST_UNKNOWN = 10
"""More unknown values than this in one column are no slips; they are told as one."""

NOTHING_COVERED: Mapping[str, str] = MappingProxyType({})
PLAIN = ReadSettings()
FORMULA_SIGNS = r"^'(\s*[=+\-@\t\r\n\x00＝＋－＠])"  # noqa: RUF001 - as painpoints.writers makes them harmless

SCHEMA = pl.Schema(
    {
        "file": pl.String,
        "row": pl.Int64,
        "text": pl.String,
        "verbatim": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "question": pl.String,
        "context": pl.String,
        **dict.fromkeys(LABELS, pl.String),
    }
)
"""One row a mention; `row` is its physical line or row in `file`; a label not given is null."""


_TEXT_AND_LABELS = pl.Schema(dict.fromkeys(("text", *LABELS), pl.String))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the rows: `stops` says whether nothing can be trained before it is mended.

    rows: physical lines (text) or rows (workbook) of `file`, from 1 for the header.
    """

    what: str
    file: str
    rows: tuple[int, ...] = ()
    stops: bool = False

    def __str__(self) -> str:
        """Return it as one line, at most ten rows named."""
        if not self.rows:
            return f"{self.file}: {self.what}"
        shown = ", ".join(map(str, self.rows[:10])) + (", ..." if len(self.rows) > 10 else "")
        word = "row" if len(self.rows) == 1 else f"{len(self.rows)} rows:"
        return f"{self.file}: {self.what} ({word} {shown})"


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was read: the rows that can teach or judge, and everything found on the way."""

    rows: pl.DataFrame
    findings: tuple[Finding, ...]

    @property
    def stops(self) -> tuple[Finding, ...]:
        """What must be mended first."""
        return tuple(one for one in self.findings if one.stops)


def read(
    files: Sequence[Path],
    classes: Mapping[str, Sequence[str]],
    covered: Mapping[str, str] = NOTHING_COVERED,
    settings: ReadSettings = PLAIN,
) -> Labelled:
    """Read labelled tables (CSV, XLSX, Parquet) to learn from, each text once.

    Args:
        files: the tables; the same text may stand in several.
        classes: the labels that are known, for each of the five.
        covered: the own stage that is meant by a default one, as `own_stages.covered` gives it.
        settings: sheet, encoding, delimiter, where they were named.

    Raises:
        InputError: a file cannot be read, or has no text or none of the labels.
    """
    whole = read_to_judge(files, classes, covered, settings)
    findings = list(whole.findings)
    return Labelled(_once(_agreeing(whole.rows, findings), findings), tuple(findings))


def read_to_judge(
    files: Sequence[Path],
    classes: Mapping[str, Sequence[str]],
    covered: Mapping[str, str] = NOTHING_COVERED,
    settings: ReadSettings = PLAIN,
) -> Labelled:
    """Read labelled tables that only measure: every row counts, also what stands there again."""
    findings: list[Finding] = []
    parts = [pl.DataFrame(schema=SCHEMA)]
    for file in files:
        rows = _filled(_columns(_opened(file, settings, findings)), findings)
        parts.append(_known(_owned(rows, classes["stage"], covered, findings), classes, findings))
    return Labelled(_english(pl.concat(parts), findings), tuple(findings))


def texts(files: Sequence[Path], settings: ReadSettings = PLAIN) -> pl.Series:
    """Return the texts of tables that have a label already, whatever it is.

    Raises:
        InputError: a file cannot be read, or has no text or none of the labels.
    """
    parts = [_columns(_opened(file, settings, [])) for file in files]
    rows = pl.concat([pl.DataFrame(schema=_TEXT_AND_LABELS), *(p.select(list(_TEXT_AND_LABELS)) for p in parts)])  # fmt: skip
    return rows.filter(pl.any_horizontal(pl.col(LABELS).is_not_null()))["text"].drop_nulls()


def _opened(file: Path, settings: ReadSettings, findings: list[Finding]) -> RawTable:
    """Return the cells of a file; rows that the reader set aside stop, what it guessed is told."""
    if file.is_dir():
        raise InputError(f"{file} is a folder; name the table of labels")
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    with tempfile.TemporaryDirectory() as spool:
        table = read_table(file, file.name, settings, Path(spool))
    for reason in dict.fromkeys(problem.reason for problem in table.problems):
        rows = {p.row for p in table.problems if p.reason == reason and p.row is not None}
        what = f"cannot be read: {reason}"
        findings.append(Finding(what, file.name, tuple(sorted(rows)), stops=True))
    doubtful = table.encoding and re.search(r"guessed|are not", table.encoding)
    guess = (f"read as {table.encoding}; save it as UTF-8 to be sure",) if doubtful else ()
    findings += [Finding(note, file.name) for note in (*guess, *table.notes)]
    return table


def _columns(table: RawTable) -> pl.DataFrame:
    """Return the columns that are read, by their names here, with file and row."""
    named = {_plain(name): name for name in reversed(table.frame.columns)}
    if "text" not in named or not any(label in named for label in LABELS):
        shown = (name if _looks_like_label(name) else "..." for name in table.frame.columns[:12])
        raise InputError(
            f"{table.source}: columns {', '.join(shown)}; wanted are text and at "
            f"least one of {', '.join(LABELS)} (also read: verbatim, start, end, question)"
        )
    given = {name: table.frame[named[name]] for name in COLUMNS if name in named}
    if "question" not in given and "domain" in named:
        domains = table.frame[named["domain"]].fill_null("")
        given["question"] = pl.Series([survey_question(d) for d in domains], dtype=pl.String)
    nothing = pl.repeat(None, table.frame.height, dtype=pl.String, eager=True)
    frame = pl.DataFrame(
        {
            "file": pl.repeat(table.source, table.frame.height, dtype=pl.String, eager=True),
            "row": table.rows.cast(pl.Int64),
            **{name: given.get(name, nothing) for name in COLUMNS},
        }
    )
    return frame.with_columns(
        pl.col("text", "verbatim", "question").str.replace(FORMULA_SIGNS, "${1}")
    )


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().split())


def _filled(frame: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Return the rows that say something, with the text around each."""
    answered = frame.filter(pl.any_horizontal(pl.col(LABELS).is_not_null()))
    _tell(findings, frame.join(answered, on="row", how="anti"), "no label yet: left out")
    _tell(findings, answered.filter(pl.col("text").is_null()), "labels without a text", stops=True)
    kept = answered.filter(pl.col("text").is_not_null())
    placed = [_placed(*row) for row in kept.select("text", "verbatim", "start", "end").iter_rows()]
    around = [
        context(question, *place) if place else ""
        for question, place in zip(kept["question"], placed, strict=True)
    ]
    lost = pl.Series([place is None for place in placed], dtype=pl.Boolean)
    _tell(findings, kept.filter(lost), "the verbatim does not hold the text", stops=True)
    columns = {
        "start": pl.Series([place[1] if place else None for place in placed], dtype=pl.Int64),
        "end": pl.Series([place[2] if place else None for place in placed], dtype=pl.Int64),
        "context": pl.Series(around, dtype=pl.String),
    }
    return kept.with_columns(**columns).select(list(SCHEMA)).cast(SCHEMA).filter(~lost)


def _placed(
    text: str, verbatim: str | None, start: str | None, end: str | None
) -> tuple[str, int, int] | None:
    """Return the verbatim and where the mention stands in it; None where it does not."""
    if verbatim is None:
        return text, 0, len(text)
    if start and end and start.isdigit() and end.isdigit():
        first, last = int(start), int(end)
        if verbatim[first:last].strip() == text:
            return verbatim, first, last
    found = verbatim.find(text)
    return None if found < 0 else (verbatim, found, found + len(text))


def _owned(
    rows: pl.DataFrame,
    stages: Sequence[str],
    covered: Mapping[str, str],
    findings: list[Finding],
) -> pl.DataFrame:
    """Return the rows with default stages as the own ones that cover them; each is told."""
    written = pl.col("stage").str.strip_chars().str.to_lowercase()
    for name, own in covered.items():
        if name in stages:
            continue
        _tell(findings, rows.filter(written == name), f"stage {name} is read as {own}, which covers it")  # fmt: skip
        rows = rows.with_columns(stage=pl.when(written == name).then(pl.lit(own)).otherwise("stage"))  # fmt: skip
    return rows


def _known(
    rows: pl.DataFrame, classes: Mapping[str, Sequence[str]], findings: list[Finding]
) -> pl.DataFrame:
    """Return the rows with labels as they are written here; what is none of them is told."""
    for label in LABELS:
        said = rows[label]
        meant = {value: _meant(value, classes[label]) for value in said.drop_nulls().unique()}
        unknown = sorted(value for value, name in meant.items() if name is None)
        _tell_unknown(rows, label, unknown, classes[label], findings)
        named = [None if value is None else meant[value] for value in said]
        rows = rows.with_columns(pl.Series(label, named, dtype=pl.String).replace("", None))
    return rows


def _meant(value: str, classes: Sequence[str]) -> str | None:
    """Return the class that is meant, "" for unsure, None for a stranger."""
    written = value.strip().lower().removesuffix(".0")
    for name in (written, written.replace(" ", "_").replace("-", "_")):
        if name in classes:
            return name
    return "" if written == UNSURE else None


def _tell_unknown(
    rows: pl.DataFrame,
    label: str,
    unknown: Sequence[str],
    classes: Sequence[str],
    findings: list[Finding],
) -> None:
    """Tell each value that is no class, with a near one; many at once are other cells altogether."""
    known = ", ".join(classes)
    if len(unknown) > MOST_UNKNOWN:
        odd = rows.filter(pl.col(label).is_in(unknown))
        what = f"{label}: {len(unknown)} values are none of {known}; are the columns swapped?"
        _tell(findings, odd, what, stops=True)
        return
    for value in unknown:
        near = get_close_matches(value.lower(), classes, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        what = f"{label} {_quoted(value)} is none of {known}{hint}"
        _tell(findings, rows.filter(pl.col(label) == value), what, stops=True)


_WORDS_OR_DIGIT = re.compile(r"[^\W\d_]+(?:[ _/&'-]+[^\W\d_]+)*|\d(?:\.0)?")


def _quoted(value: str) -> str:
    """Return the value, unless it may be what a customer wrote."""
    return repr(value) if _looks_like_label(value) else f"a text of {len(value)} characters"


def _looks_like_label(value: str) -> bool:
    """Tell at most three words of letters, or one digit, from what a customer may have written."""
    short = len(value) <= 24 and len(value.split()) <= 3
    return short and _WORDS_OR_DIGIT.fullmatch(value) is not None


def _english(rows: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    found = find_languages(rows["text"])
    covered = found.is_in(["en", UNDETERMINED])
    _tell(findings, rows.filter(~covered), "not English, which the encoders do not read: left out")
    return rows.filter(covered)


_SAME = ("text", "context")


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(key=pl.concat_str(*(folded(name) for name in _SAME), separator="\n"))


def folded(name: str) -> pl.Expr:
    """Return a column of texts by which they are told apart: case and white space aside."""
    return pl.col(name).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _agreeing(rows: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Tell texts that stand there with two labels."""
    keyed = _keyed(rows)
    for label in LABELS:
        told = keyed.filter(pl.col(label).is_not_null())
        split = told.filter(pl.col(label).n_unique().over("key") > 1)
        for group in split.partition_by("key", maintain_order=True):
            names = ", ".join(sorted(group[label].unique()))
            _tell(findings, group, f"conflict: the same text has {label} {names}", stops=True)
    return rows


def _once(rows: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Return each text once, its labels put together."""
    keyed = _keyed(rows)
    again = keyed.filter(~pl.col("key").is_first_distinct())
    _tell(findings, again, "the same text again: counted once")
    first = (pl.col(name).drop_nulls().first() for name in SCHEMA if name != "key")
    return keyed.group_by("key", maintain_order=True).agg(*first).select(list(SCHEMA))


def without(rows: pl.DataFrame, texts: Iterable[str], findings: list[Finding]) -> pl.DataFrame:
    """Return the rows whose text is not among `texts`, which only measure; the rest is told."""
    measured = pl.Series([" ".join(text.lower().split()) for text in texts], dtype=pl.String)
    leaks = rows.select(folded("text").is_in(measured.implode())).to_series()
    _tell(findings, rows.filter(leaks), "in the held-out file too: not learnt from")
    return rows.filter(~leaks)


def too_few(
    rows: pl.DataFrame,
    classes: Mapping[str, Sequence[str]],
    *,
    own: Mapping[str, str],
    covered: Mapping[str, str] = NOTHING_COVERED,
) -> list[Finding]:
    """Tell classes with fewer examples than it takes.

    Args:
        rows: what was read.
        classes: the labels that are known.
        own: description of each own stage; a stage without one needs examples.
        covered: the own stage that covers a default one, whose shipped examples count for it.
    """
    found = []
    for label in LABELS:
        counts = dict(rows[label].drop_nulls().value_counts().iter_rows())
        if label == "stage" and own:
            for name, description in own.items():
                shipped = [default for default, by in covered.items() if by == name]
                found += _few_of_own(name, counts.get(name, 0), description, shipped)
            continue
        few = [(n, counts[n]) for n in classes[label] if 0 < counts.get(n, 0) < MIN_EXAMPLES]
        if few:
            named = ", ".join(f"{name} {n}" for name, n in few)
            text = f"{label}: under {MIN_EXAMPLES} examples move little: {named}"
            found.append(Finding(text, "labels"))
    return found


def _few_of_own(name: str, n: int, description: str, shipped: Sequence[str]) -> list[Finding]:
    basis = ["its description"] if description.strip() else []
    basis += [f"the shipped examples of {', '.join(shipped)}"] if shipped else []
    if n < MIN_EXAMPLES and not basis:
        text = f"stage {name} has {n} examples, no description, and covers no default stage; give it one of them"  # fmt: skip
        return [Finding(text, "stages", stops=True)]
    if n >= GOOD_EXAMPLES:
        return []
    basis += [f"{n} examples"] if n else []
    told = " and ".join(basis) + (" alone" if len(basis) == 1 else "")
    return [Finding(f"stage {name} is learnt from {told}; {GOOD_EXAMPLES} make it good", "stages")]


def _tell(findings: list[Finding], rows: pl.DataFrame, what: str, *, stops: bool = False) -> None:
    for (file,), group in rows.group_by("file", maintain_order=True):
        findings.append(Finding(what, str(file), tuple(group["row"]), stops))

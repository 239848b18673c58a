"""What is wrong with the data that was read: counts with the rows, per file and kind.

Nothing is repaired here and no text is quoted. `rows` are the first few physical rows of an
issue, `n` is how many there are in all.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from painpoints.errors import TooManyBadRows
from painpoints.readers.recognition import Problem

MAX_ROWS_SHOWN = 20
MAX_PROBLEMS_SHOWN = 20

KINDS: dict[str, str] = {
    "rejected": "rows set aside",
    "empty": "answers left empty",
    "no_answer": "answers that say nothing (n/a, none)",
    "too_short": "answers too short to say anything",
    "language": "answers in a language the models do not cover",
    "agent": "comments by the company",
    "duplicate_id": "rows read before under the same id",
    "duplicate_file": "files read before under another name",
    "duplicate_text": "answers with the very words of another",
    "test_answer": "tests, previews and private notes, not read",
    "impossible_score": "scores that are off the scale or no number",
    "wrong_scale": "score columns on another scale than they say",
    "impossible_date": "dates that cannot be",
    "mixed_dates": "dates that only fit the other day/month order",
    "ambiguous_dates": "dates whose day/month order no value tells",
    "no_date": "answers without a date",
    "no_score": "answers without a score",
}
"""Every kind of issue, and what it counts, in the order in which they are reported."""

SET_ASIDE = ("empty", "no_answer", "too_short", "language", "agent")
"""The kinds that are reasons of the feedback table: read, counted, but not analysed."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind of trouble in one file.

    kind:   one of `KINDS`.
    source: the file.
    column: the export's name of the column it stands in, or None.
    n:      how often, in all.
    rows:   the first physical rows, at most 20.
    detail: one more sentence, where the kind alone does not say it.
    """

    kind: str
    source: str
    column: str | None
    n: int
    rows: tuple[int, ...]
    detail: str = ""

    @property
    def meaning(self) -> str:
        """What `n` counts, in words."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Quality:
    """The data-quality report of everything read.

    n_rows:     rows found in all files.
    n_feedback: feedbacks made of them; n_analysed: those without a reason to leave them out.
    n_rejected: rows set aside.
    n_people:   distinct people known by an id, or None where no file tells people apart.
    languages:  how many analysed or set-aside answers per language code.
    """

    n_rows: int
    n_feedback: int
    n_analysed: int
    n_rejected: int
    n_people: int | None
    languages: dict[str, int]
    issues: tuple[Issue, ...]

    def count(self, kind: str) -> int:
        """Return how often a kind of issue occurs over all files."""
        return sum(issue.n for issue in self.issues if issue.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, for JSON."""
        plain = asdict(self)
        for issue, found in zip(plain["issues"], self.issues, strict=True):
            issue["meaning"] = found.meaning
        return plain


def issue(
    kind: str, source: str, rows: Iterable[int], *, column: str | None = None, detail: str = ""
) -> Issue | None:
    """Return the issue of these rows, or None if there are none."""
    found = sorted(rows)
    if not found:
        return None
    return Issue(kind, source, column, len(found), tuple(found[:MAX_ROWS_SHOWN]), detail)


def in_order(issues: Iterable[Issue | None]) -> tuple[Issue, ...]:
    """Return the issues that are there, by kind and file."""
    order = list(KINDS)
    return tuple(
        sorted(
            (i for i in issues if i is not None),
            key=lambda i: (order.index(i.kind), i.source, i.column or ""),
        )
    )


def refuse_too_many(problems: Iterable[Problem], n_rows: dict[str, int], max_bad: float) -> None:
    """Stop when a file has more bad rows than allowed.

    Raises:
        TooManyBadRows: listing the first problems of every such file, and the totals.
    """
    by_file: dict[str, dict[int | None, Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.source, {}).setdefault(problem.row, problem)
    told = [
        _listed(source, list(bad.values()), n_rows[source], max_bad)
        for source, bad in by_file.items()
        if len(bad) > max_bad * n_rows[source]
    ]
    if told:
        raise TooManyBadRows("\n".join(told))


def _listed(source: str, bad: list[Problem], n_rows: int, max_bad: float) -> str:
    share = f"{len(bad) / n_rows:.1%}, at most {max_bad:.1%} may be: --max-bad"
    lines = [f"{source}: {len(bad):,} of {n_rows:,} rows cannot be used ({share})"]
    for problem in bad[:MAX_PROBLEMS_SHOWN]:
        where = f", column {problem.column!r}" if problem.column else ""
        lines.append(f"  row {problem.row}{where}: {problem.reason}")
    if len(bad) > MAX_PROBLEMS_SHOWN:
        lines.append(f"  and {len(bad) - MAX_PROBLEMS_SHOWN:,} more")
    return "\n".join(lines)

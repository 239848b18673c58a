"""What the terminal shows: progress, tables, errors. The only place that prints.

Results go to standard output, progress and errors to standard error. On a terminal progress is
a live line; elsewhere each step is one plain line. Tables fit 80 columns.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from painpoints.domain import Drift, Finding, JourneyMap, MapDiff, Score, StageView
from painpoints.report import words
from painpoints.report.diff import diff_sections, span, title
from painpoints.report.section import Table as ShownTable
from painpoints.report.sections import sections

if TYPE_CHECKING:
    import polars as pl
    from rich.progress import Progress

    from painpoints.readers import Intake, Issue, Recognition

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


class StepShow(Protocol):
    """Shows that a step began, or how far it is."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Show that `step` began, or that `done` of `total` of it are ready."""


def print_line(text: str) -> None:
    """Print one plain line."""
    _out.print(text, markup=False, soft_wrap=True)


def print_note(text: str) -> None:
    """Print a line for people on standard error, so that it is not taken for a result."""
    _err.print(text, markup=False, soft_wrap=True)


def print_error(text: str) -> None:
    """Print an error on standard error."""
    _err.print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` as JSON, for scripts."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


# -- progress ---------------------------------------------------------------------------------


@contextmanager
def steps(names: Sequence[str], *, quiet: bool) -> Iterator[StepShow]:
    """Show which of `names` is under way; yield the function that says so."""
    if quiet:
        yield lambda _step, _done=0, _total=0: None
    elif _err.is_terminal:
        with _progress_bar() as bar:
            yield _LiveSteps(names, bar)
    else:
        plain = _PlainSteps(names)
        yield plain
        plain.finish()


def _progress_bar() -> "Progress":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        console=_err,
        transient=True,
    )


class _LiveSteps:
    """One live line for the whole run: the step, how far, the time."""

    def __init__(self, names: Sequence[str], bar: "Progress") -> None:
        self._names = list(names)
        self._bar = bar
        self._task = bar.add_task("starting", total=len(names), count="")

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        at = self._names.index(step)
        part = done / total if total else 0.0
        count = f"{done:,}/{total:,}" if total else ""
        self._bar.update(self._task, description=step, completed=at + part, count=count)


class _PlainSteps:
    """One line per step, printed when it ends, with its seconds."""

    def __init__(self, names: Sequence[str]) -> None:
        self._n_steps = len(names)
        self._n_done = 0
        self._step = ""
        self._since = perf_counter()

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG002 - one line per step only
        if step == self._step:
            return
        self.finish()
        self._step, self._since = step, perf_counter()

    def finish(self) -> None:
        """Print the line of the step that was under way."""
        if not self._step:
            return
        self._n_done += 1
        seconds = perf_counter() - self._since
        _err.print(
            f"[{self._n_done}/{self._n_steps}] {self._step:<9} {seconds:6.1f} s", markup=False
        )
        self._step = ""


# -- results ----------------------------------------------------------------------------------


def print_map(journey: JourneyMap) -> None:
    """Print the head of the map, then its pain points and opportunities per stage."""
    _out.print(f"[bold]{escape(journey.title)}[/]")
    _out.print(_headline(journey))
    for score in journey.scores:
        _out.print(_score_line(score))
    _out.print()
    _print_findings("What hurts", journey, "pain_points")
    _print_findings("What could be gained", journey, "opportunities")
    _print_sections(journey)
    if journey.left_out:
        _out.print(f"Left out, with reason: {_left_out(journey.left_out)}", style="dim")


def _print_sections(journey: JourneyMap) -> None:
    """Print what the sections below the map say, a sentence each."""
    for section in sections(journey):
        _out.print(f"[bold]{section.title}:[/] {escape(section.lead)}")


def _headline(journey: JourneyMap) -> str:
    people = f"{journey.n_people:,} people" if journey.people_known else "people not known"
    text = f"{journey.n_feedback:,} feedbacks, {people}, {journey.n_mentions:,} mentions"
    if journey.first_at and journey.last_at:
        text += f", {journey.first_at:%Y-%m-%d} to {journey.last_at:%Y-%m-%d}"
    return text


def _score_line(score: Score) -> str:
    return f"{words.score_text(score)} ({score.convention})"


_NOTHING = {
    "pain_points": "nothing that enough {} speak of to rank",
    "opportunities": "nothing that surely lifts the score or is asked for by enough {}",
}


def _print_findings(title: str, journey: JourneyMap, which: str) -> None:
    table = _plain_table(title=title)
    table.add_column("Stage", width=13)
    table.add_column("Rank", justify="right", width=9)
    table.add_column("Finding", ratio=1)
    table.add_column(words.people_title(journey), justify="right", width=7)
    table.add_column("Impact", justify="right", width=12)
    for view in journey.stages:
        _add_stage(table, view, getattr(view, which)[:3])
    if table.row_count:
        _out.print(table)
    else:
        _out.print(f"{title}: {_NOTHING[which].format(words.people_word(journey, 2))}.\n")


def _add_stage(table: Table, view: StageView, findings: Sequence[Finding]) -> None:
    for at, finding in enumerate(findings):
        table.add_row(
            view.stage.title if at == 0 else "",
            _rank(finding),
            escape(finding.label),
            f"{finding.reach:,}",
            _impact(finding),
            end_section=at == len(findings) - 1,
        )


def _rank(finding: Finding) -> str:
    if finding.rank is None:
        return "-"
    if finding.rank_low is None or finding.rank_low == finding.rank_high:
        return str(finding.rank)
    return f"{finding.rank} ({finding.rank_low}-{finding.rank_high})"


def _impact(finding: Finding) -> str:
    return words.impact(finding)


def print_diff(found: MapDiff, written: Sequence[Path]) -> None:
    """Print what changed between two runs, how sure that is, and what became of the topics."""
    changed, stages_, topics_, _ = diff_sections(found)
    _out.print(f"[bold]{escape(title(found))}[/]: {escape(span(found))}")
    _out.print(escape(changed.lead))
    if changed.tables[0].rows:
        _out.print(_diff_table(changed.tables[0]))
    for line in (stages_.lead, topics_.lead, *changed.notes):
        _out.print(escape(line), style="dim")
    for path in written:
        _out.print(f"[bold]Written:[/] {escape(str(path))}", soft_wrap=True)


def _diff_table(shown: ShownTable) -> Table:
    table = _plain_table(("What", 4))
    for name, width in (("As", 6), ("Stage", 13), ("Verdict", 9)):
        table.add_column(name, width=width)
    table.add_column("Before", justify="right", width=7)
    table.add_column("Now", justify="right", width=7)
    table.add_column("p", justify="right", width=7)
    for row in shown.rows:
        cells = [cell.text for cell in row.cells]
        table.add_row(*(escape(text) for text in (*cells[:4], cells[6], cells[7], cells[9])))
    return table


def print_drift(drift: Drift | None) -> None:
    """Say how the feedback added to a run differs from the run; nothing where none was added."""
    if drift is None:
        return
    again = f" ({drift.n_repeated:,} held already)" if drift.n_repeated else ""
    _out.print(
        f"[bold]Added:[/] {drift.n_feedback:,} feedbacks{again}, {drift.n_mentions:,} mentions; "
        f"{drift.novel:.1%} of no topic ({drift.novel_expected:.1%} expected): {drift.verdict}"
    )


def print_written(paths: Sequence[Path]) -> None:
    """Say where the results lie, the journey map first."""
    pages = [path for path in paths if path.suffix == ".html"]
    for page in pages:
        _out.print(f"[bold]Journey map:[/] {escape(str(page))}", soft_wrap=True)
    folder = paths[0].parent if paths else None
    if folder is not None:
        names = ", ".join(path.name for path in paths if path not in pages)
        _out.print(f"Also in {escape(str(folder))}: {names}", style="dim")


def print_mentions(mentions: "pl.DataFrame", *, out: Path | None, as_json: bool) -> None:
    """Print labelled mentions, or where they were written."""
    if out is not None:
        print_line(f"{mentions.height:,} mentions written to {out}")
    elif as_json:
        print_json(mentions.to_dicts())
    elif mentions.is_empty():
        print_line("no text to label")
    else:
        _out.print(_mentions_table(mentions))


def _mentions_table(mentions: "pl.DataFrame") -> Table:
    table = _plain_table(("Mention", 1))
    for name, width in (("Stage", 13), ("Touchpoint", 16), ("Feeling", 8), ("Type", 10)):
        table.add_column(name, width=width)
    table.add_column("Sev.", width=4, justify="right")
    for row in mentions.select(
        "text", "stage", "touchpoint", "sentiment", "type", "severity"
    ).iter_rows():
        text, *labels = map(str, row)
        table.add_row(escape(text), *(escape(label.replace("_", " ")) for label in labels))
    return table


def print_left_out(reasons: Mapping[str, int]) -> None:
    """Say on standard error how many answers have no mention, and why; nothing if all have one."""
    if reasons:
        print_note(f"Left out, with reason: {_left_out(reasons)}")


def _left_out(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in sorted(reasons.items()))


# -- what was read ----------------------------------------------------------------------------


def print_intake(intake: "Intake") -> None:
    """Print what was recognised in each file, its columns, and what is wrong with the data."""
    for source in intake.sources:
        _print_source(source)
    quality = intake.quality
    _out.print(
        f"[bold]{quality.n_feedback:,} feedbacks[/] from {quality.n_rows:,} rows: "
        f"{quality.n_analysed:,} to analyse, {quality.n_feedback - quality.n_analysed:,} left out "
        f"with a reason, {quality.n_rejected:,} rows set aside."
    )
    _print_issues(quality.issues)
    if intake.skipped:
        _out.print(
            f"Skipped (not a kind we read): {escape(', '.join(intake.skipped))}", style="dim"
        )


def _print_source(source: "Recognition") -> None:
    _out.print(f"[bold]{escape(source.source)}[/]: {escape(source.title)}")
    details = [
        source.format,
        source.encoding,
        source.delimiter and f"delimiter {source.delimiter!r}",
    ]
    if source.survey != "none":
        details.append(f"score {source.survey} up to {source.score_max:g}")
    _out.print("  " + escape(", ".join(d for d in details if d)), style="dim")
    table = _plain_table(("Column", 3), ("Taken for", 2), ("Because", 5))
    for columns, role, reason in _mapping_rows(source):
        table.add_row(escape(columns), role, escape(reason))
    _out.print(table)
    for note in source.notes:
        _out.print(f"  note: {escape(note)}")
    _out.print()


def _mapping_rows(source: "Recognition") -> Iterator[tuple[str, str, str]]:
    """Yield columns, role and reason; unused columns of one reason share a row, at the end."""
    unused: dict[str, list[str]] = {}
    for mapped in source.mapping:
        if mapped.role == "unused":
            unused.setdefault(f"{mapped.reason} [{mapped.by}]", []).append(mapped.column)
        else:
            yield mapped.column, mapped.role, f"{mapped.reason} [{mapped.by}]"
    for reason, columns in unused.items():
        shown = ", ".join(columns[:4]) + (f" and {len(columns) - 4} more" if columns[4:] else "")
        yield shown, "unused", reason


def _print_issues(issues: Sequence["Issue"]) -> None:
    if not issues:
        _out.print("Nothing wrong was found with the data.")
        return
    table = _plain_table(("What", 5), ("File", 3), ("Rows", 4))
    table.add_column("n", justify="right", width=7)
    for issue in issues:
        what = issue.meaning if not issue.detail else f"{issue.meaning}: {issue.detail}"
        column = f", {issue.column}" if issue.column else ""
        shown = ", ".join(map(str, issue.rows[:6])) + (", ..." if issue.n > 6 else "")
        table.add_row(escape(what), escape(issue.source + column), shown, f"{issue.n:,}")
    _out.print(table)


def _plain_table(*columns: tuple[str, int], title: str | None = None) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        width=80,
        pad_edge=False,
    )
    for name, ratio in columns:
        table.add_column(name, ratio=ratio, overflow="fold")
    return table

"""What the analysts' commands print: tables of at most 100 columns, or JSON."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from painpoints import bundle, terminal
from painpoints.bundle import OWN_MODELS
from painpoints.errors import ModelError
from painpoints.evaluate import Figures
from painpoints_training.comparing import Compared, plain
from painpoints_training.registry import CARD, Version, outdated

if TYPE_CHECKING:  # what they learn with takes seconds to load, and a list of versions needs none
    from painpoints_training.beside import Beside
    from painpoints_training.evaluating import Evaluation
    from painpoints_training.labelled import Finding
    from painpoints_training.retrain import Checked, Outcome

_out = Console(highlight=False, soft_wrap=False)


def findings(found: Sequence["Finding"]) -> None:
    """Print what was found about the rows, what must be mended first."""
    for one in sorted(found, key=lambda one: not one.stops):
        word = "must be mended" if one.stops else "note"
        terminal.print_note(f"{word}: {one}")


def checked(found: "Checked", *, as_json: bool) -> None:
    """Print what could be trained from."""
    n = {label: found.rows[label].count() for label in found.labels}
    if as_json:
        terminal.print_json({"rows": found.rows.height, "labels": n, "findings": [str(f) for f in found.findings]})  # fmt: skip
        return
    told = ", ".join(f"{label} {count:,}" for label, count in n.items())
    terminal.print_line(f"{found.rows.height:,} rows can be learnt from: {told}")


def outcome(found: "Outcome", *, as_json: bool) -> None:
    """Print how the new version was judged, and what to do next."""
    if as_json:
        terminal.print_json(_outcome(found))
        return
    if found.own:
        _figures("Your rows, cross-validated: the heads had not seen them", found.own)
    if found.held_out:
        _figures("Your held-out file", found.held_out)
    _compared(f"{found.part} {found.version} against {found.against}", found.compared)
    for one in found.fallen:
        terminal.print_line(f"falls by more than the margin: {one}")
    for one in found.lost:
        terminal.print_line(f"would be lost: {one}")
    if found.unjudged:
        terminal.print_line(f"not judged enough: {found.unjudged}")
    terminal.print_line(f"written to {found.folder}")
    terminal.print_line(_next(found))


def _next(found: "Outcome") -> str:
    if found.promoted:
        return f"{found.version} is in force: every later run takes it"
    if found.fallen:
        return (
            f"{found.version} waits. Add labels where it fell, or say what matters (--matters), or: "
            f"{_promotion(found)} --force"
        )
    if found.lost:
        return (
            f"{found.version} waits. Train it with the labels and stages of before as well, or: "
            f"{_promotion(found)} --force"
        )
    return f"{found.version} waits. To bring it into force: {_promotion(found)}"


def _promotion(found: "Outcome") -> str:
    """Return the command that finds this version, wherever it lies and whatever runs take."""
    models = found.folder.parents[1]
    where = "" if models == OWN_MODELS else f" --models {shlex.quote(str(models))}"
    quality = found.part.removeprefix("classifier-")
    return f"painpoints models promote {found.version} --quality {quality}{where}"


def _outcome(found: "Outcome") -> dict[str, Any]:
    return {
        "part": found.part,
        "version": found.version,
        "folder": str(found.folder),
        "against": found.against,
        "promoted": found.promoted,
        "findings": [str(one) for one in found.findings],
        "own": plain(found.own),
        "guard": plain(found.guard),
        "held_out": plain(found.held_out),
        "compared": [one.to_dict() for one in found.compared],
        "fallen": list(found.fallen),
        "lost": list(found.lost),
        "unjudged": found.unjudged,
    }


def beside(found: "Beside", *, as_json: bool) -> None:
    """Print two versions beside each other."""
    if as_json:
        terminal.print_json(found.to_dict())
        return
    _compared(f"{found.part} {found.version} against {found.other}", found.compared)
    for one in found.fallen:
        terminal.print_line(f"falls by more than the margin: {one}")


def versions(found: Sequence[Version], *, as_json: bool) -> None:
    """Print the versions, the one in force marked."""
    rows = [_version(one) for one in found]
    if as_json:
        terminal.print_json(rows)
        return
    table = _table("", "part", "version", "made", "rows", "stages", "forced")
    for row in rows:
        mark, stages = ("*" if row["in_force"] else ""), str(len(row["stages"]) or "")
        own = str(row["own_rows"] or "")
        forced = "yes" if row["forced"] else ""
        made = "broken" if row["broken"] else row["made"][:10]
        table.add_row(mark, row["part"], row["version"], made, own, stages, forced)
    _out.print(table)
    for told in filter(None, (one.problem or outdated(one) for one in found)):
        terminal.print_note(f"note: {told}")


def _version(one: Version) -> dict[str, Any]:
    told = one.manifest
    return {
        "part": one.part,
        "version": one.name,
        "in_force": one.in_force,
        "broken": bool(one.problem),
        "made": str(told.get("created_at", "")),
        "own_rows": int(told.get("n_own", 0)),
        "learnt": [label for label, n in told.get("n_rows", {}).items() if n],
        "stages": [stage["name"] for stage in told.get("stages", ())],
        "forced": list(told.get("forced", ())),
        "outdated": outdated(one),
        "folder": str(one.folder),
    }


def card(version: Version, *, as_json: bool) -> None:
    """Print the card of a version, or its manifest.

    Raises:
        ModelError: the card is wanted, and the version is damaged.
    """
    if as_json:
        terminal.print_json(dict(version.manifest))
    else:
        terminal.print_line(_card(version.folder))


def _card(folder: Path) -> str:
    """Return the card of a version that is whole.

    Raises:
        ModelError: the version is damaged, or has no card that can be read.
    """
    bundle.verify(folder)
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = f"model {folder}: {CARD} cannot be read"
        raise ModelError(f"{told}. {bundle.remedy(folder)}") from error


def verified(found: Mapping[str, str], *, as_json: bool) -> None:
    """Print each part with what is wrong with it."""
    if as_json:
        terminal.print_json(dict(found))
        return
    for folder, problem in found.items():
        terminal.print_line(f"{'ok ' if not problem else 'BAD'} {folder}")
        if problem:
            terminal.print_line(f"    {problem}")


def evaluation(found: "Evaluation", *, as_json: bool) -> None:
    """Print figures, coverage, classes and mistakes of a labelled file."""
    if as_json:
        terminal.print_json(found.to_dict())
        return
    findings(found.findings)
    terminal.print_line(f"{found.part} {found.version} on {found.n:,} mentions")
    if found.baselines:
        _side_by_side({**found.baselines, found.part: found.figures})
    _figures("Figures", found.figures)
    _coverage(found.figures)
    for label, one in found.figures.items():
        _classes(label, one, found.confusions[label])


def _figures(title: str, found: Mapping[str, Figures]) -> None:
    table = _table("label", "n", "accuracy", "macro-F1", "kappa", "ECE", "unsure", title=title)
    for label, one in found.items():
        kappa = f"{one.kappa:.3f}" + (" (quadratic)" if label == "severity" else "")
        row = (label, f"{one.n:,}", f"{one.accuracy:.3f}", f"{one.macro_f1:.3f}", kappa)
        table.add_row(*row, f"{one.ece:.3f}", f"{one.unsure:.3f}")
    _out.print(table)


def _coverage(found: Mapping[str, Figures]) -> None:
    shares = [share for share, _ in next(iter(found.values())).coverage]
    heads = [f"{share:.0%}" for share in shares]
    table = _table("label", *heads, title="Accuracy when only the surest part is answered")
    for label, one in found.items():
        table.add_row(label, *(f"{right:.3f}" for _, right in one.coverage))
    _out.print(table)


def _classes(label: str, found: Figures, mistakes: Sequence[tuple[str, str, int]]) -> None:
    table = _table("class", "n", "precision", "recall", "F1", title=label)
    for one in sorted(found.classes, key=lambda one: -one.n):
        figures = (f"{value:.3f}" for value in (one.precision, one.recall, one.f1))
        table.add_row(escape(one.name), f"{one.n:,}", *figures)
    _out.print(table)
    told = "; ".join(f"{truth} taken for {answer} {n}" for truth, answer, n in mistakes)
    _out.print(f"Commonest mistakes: {told or 'none'}\n", markup=False)


def _side_by_side(columns: Mapping[str, Mapping[str, Figures]]) -> None:
    table = _table("label", "figure", *columns, title="Beside plain models of the same corpus")
    for label in list(columns.values())[-1]:
        for title, name in (("macro-F1", "macro_f1"), ("accuracy", "accuracy"), ("ECE", "ece"), ("kappa", "kappa")):  # fmt: skip
            if name == "kappa" and label != "severity":
                continue
            values = (f"{asdict(found[label])[name]:.3f}" for found in columns.values())
            table.add_row(label, title, *values)
    _out.print(table)


def _compared(title: str, found: Sequence[Compared]) -> None:
    table = _table("label", "on", "figure", "n", "before", "now", "", title=title)
    for one in found:
        before = "-" if one.before is None else f"{one.before:.3f}"
        change = "" if one.before is None else f"{one.after - one.before:+.3f}"
        mark = f"{change} falls" if one.fell else change
        table.add_row(one.label, one.on, one.measure, f"{one.n:,}", before, f"{one.after:.3f}", mark)  # fmt: skip
    _out.print(table)


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    texts = {"", "label", "on", "figure", "part", "version", "made", "learnt", "folder", "class"}
    for name in columns:
        table.add_column(name, justify="left" if name in texts else "right", overflow="fold")
    return table

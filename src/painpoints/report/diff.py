"""Two runs compared as people read it: a page without any script, and a note in Markdown.

Says what is new, rising, falling and fixed, by stage what moved, what became of the topics, and
how many of the changes chance alone would show. Every row opens its quotes of both runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from painpoints.domain import ALL, Change, MapChange, MapDiff
from painpoints.report import words
from painpoints.report.html import digest, style
from painpoints.report.markdown import escaped, section_blocks
from painpoints.report.section import (
    Cell,
    Column,
    Row,
    Section,
    Table,
    count_cell,
    p_cell,
    text_cell,
)

QUOTES = 5
MAX_FIGURE = 20
_MOVED = ("new", "rising", "falling", "fixed")


def moved(diff: MapDiff) -> list[MapChange]:
    """Return the groups that changed, the surest first."""
    return [change for change in diff.changes if change.verdict in _MOVED]


def lead(diff: MapDiff) -> str:
    """Return the result in one sentence."""
    found = moved(diff)
    tally = [
        f"{n} {verdict}"
        for verdict in _MOVED
        if (n := sum(change.verdict == verdict for change in found))
    ]
    tested = sum(change.p_value is not None for change in diff.changes)
    if not found:
        return f"Nothing changed surely: none of {tested} tested groups."
    return f"{', '.join(tally)}; {tested - len(found)} of {tested} tested groups unchanged."


def notes(diff: MapDiff) -> tuple[str, ...]:
    """Return how sure it is, and what stands against the comparison."""
    told = [
        f"{diff.test}, on {words.people_word(diff, 2)}; a change also needs five of them and shares that differ by half or by 5 points. If nothing had changed, such a comparison would show {diff.expected_false_alarms:.2g} changes; of those shown at most {words.percent(diff.q)} are expected to be false.",
        f"{words.percent(diff.churn)} of the later run's mentions with a topic are in topics that the earlier run did not have. Each topic is compared on the mentions that one frozen model gave it in both runs, so a new cut of the topics is no change.",
    ]
    if diff.n_shared:
        told.append(
            f"{words.count(diff.n_shared)} feedbacks stand in both runs and count with the earlier one only."
        )
    if diff.n_people_both:
        told.append(
            f"{words.count(diff.n_people_both)} people are heard in both runs; the tests take them for different ones, which makes them careful."
        )
    return (*told, *diff.remarks)


def diff_sections(diff: MapDiff) -> tuple[Section, ...]:
    """Return what changed, the stages, the lineage of the topics, and what stayed."""
    quiet = [change for change in diff.changes if change.verdict not in _MOVED]
    return (
        Section("changed", "What changed", "Changed", lead(diff), (_table(diff, moved(diff), "Changed"),), notes(diff)),
        Section("stages", "Stages", "Stages", _stage_lead(diff), (_stages(diff),)),
        Section("lineage", "Topics", "Topics", _lineage_lead(diff), (_lineage(diff),)),
        Section("stayed", "Unchanged, and too few to tell", "Unchanged", f"{words.counted(len(quiet), 'groups')}.", (_table(diff, quiet, "Unchanged"),)),
    )  # fmt: skip


_LOOKS = ("text", "text", "text", "text", "count", "count", "share", "share", "pp", "p", "text")


def _table(diff: MapDiff, changes: Sequence[MapChange], caption: str) -> Table:
    people = words.people_title(diff)
    titles = ("What", "Told as", "Stage", "Verdict", f"{people} before", f"{people} now", "Share before", "Share now", "Difference", "p", "Topic")  # fmt: skip
    columns = tuple(Column(t, look) for t, look in zip(titles, _LOOKS, strict=True))
    return Table(caption, columns, tuple(Row(_cells(diff, c), key(c)) for c in changes))


def key(change: MapChange) -> str:
    """Return what names a group."""
    return f"{change.group}:{change.stage}:{change.topic_id}"


def _cells(diff: MapDiff, change: MapChange) -> tuple[Cell, ...]:
    d = change.difference
    ends = [words.signed(100 * end, 1) for end in (d.low, d.high) if end is not None]
    value = words.signed(100 * d.value, 1) if d.value is not None else "–"
    return (
        text_cell(change.label),
        text_cell(words.GROUPS.get(change.group, change.group)),
        text_cell(_stage(diff, change.stage)),
        text_cell(change.verdict.replace("_", " ")),
        count_cell(change.before),
        count_cell(change.now),
        Cell(words.percent(change.share_before), change.share_before),
        Cell(words.percent(change.share_now), change.share_now),
        Cell(f"{value} pp ({' to '.join(ends)})", d.value),
        p_cell(change.p_value),
        text_cell(change.lineage),
    )


def _stage_lead(diff: MapDiff) -> str:
    told = [
        f"{words.change_name(change.what)} of {_stage(diff, stage)} {change.verdict}"
        for stage, changes in _in_order(diff)
        for change in changes
        if change.verdict in _MOVED
    ]
    return f"{'; '.join(told)}." if told else "No stage changed surely."


def _in_order(diff: MapDiff) -> Iterator[tuple[str, Sequence[Change]]]:
    """Yield what was compared of everybody, then of each stage as the journey goes."""
    return ((name, diff.stages[name]) for name in (ALL, *diff.titles) if name in diff.stages)


def _stage(diff: MapDiff, name: str) -> str:
    return "everybody" if name == ALL else diff.titles[name]


def _stages(diff: MapDiff) -> Table:
    titles = ("Stage", "What", "Before", "Now", "Verdict", "p", "Test")
    looks = ("text", "text", "text", "text", "text", "p", "text")
    rows = [
        Row(_stage_cells(_stage(diff, stage), change))
        for stage, changes in _in_order(diff)
        for change in changes
    ]
    return Table("Stages", tuple(map(Column, titles, looks)), tuple(rows))


def _stage_cells(stage: str, change: Change) -> tuple[Cell, ...]:
    said = [words.change_value(change.what, v, change.measure) for v in (change.before, change.now)]
    return (
        text_cell(stage),
        text_cell(words.change_name(change.what)),
        *map(text_cell, said),
        text_cell(change.verdict.replace("_", " ")),
        p_cell(change.p_value),
        text_cell(change.test),
    )


def _lineage_lead(diff: MapDiff) -> str:
    verdicts = [line.verdict for line in diff.lineage]
    told = [f"{verdicts.count(v)} {v}" for v in ("kept", "merged", "split", "new", "retired")]
    return f"Topics: {', '.join(told)}; churn {words.percent(diff.churn)} of the mentions."


def _lineage(diff: MapDiff) -> Table:
    titles, looks = ("Before", "Now", "Verdict", "Cosine"), ("text", "text", "text", "decimal")
    rows = [
        Row(
            (
                text_cell(line.label_before),
                text_cell(line.label_now),
                text_cell(line.verdict),
                Cell("–" if line.cosine is None else f"{line.cosine:.2f}", line.cosine),
            )
        )
        for line in diff.lineage
    ]
    return Table("Topics", tuple(map(Column, titles, looks)), tuple(rows))


def title(diff: MapDiff) -> str:
    """Return `jan → feb`."""
    return f"{diff.before} → {diff.now}"


def span(diff: MapDiff) -> str:
    """Return dates and people of both runs."""
    sides = ((diff.span_before, diff.n_before), (diff.span_now, diff.n_now))
    return " against ".join(
        f"{_days(days)}{words.count(n)} {words.people_word(diff, n)}" for days, n in reversed(sides)
    )


def _days(days: tuple[datetime | None, datetime | None]) -> str:
    if days[0] is None or days[1] is None:
        return ""
    return f"{words.date_text(days[0])} – {words.date_text(days[1])}, "


def diff_note(diff: MapDiff) -> str:
    """Return the note in Markdown."""
    blocks = [f"# {escaped(title(diff))}", escaped(span(diff))]
    blocks += [
        block
        for section in diff_sections(diff)
        for block in section_blocks(section, whole="diff.html")
    ]
    return "\n\n".join(blocks) + "\n"


def diff_page(diff: MapDiff, quotes: Mapping[str, str]) -> str:
    """Return the page; quotes: mention id -> its text, of both runs, `a:` or `b:` before the id."""
    look = Markup(style())  # noqa: S704 - our own file
    room = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    frame = room.from_string(
        files("painpoints.report").joinpath("page", "diff.html.j2").read_text(encoding="utf-8")
    )
    text: str = frame.render(
        title=title(diff),
        span=span(diff),
        sections=diff_sections(diff),
        said={key(change): _said(change, quotes) for change in diff.changes},
        people=words.people_word(diff, 2),
        bars=dumbbells(diff, moved(diff)[:MAX_FIGURE]),
        version=version("painpoints"),
        style=look,
        policy=f"default-src 'none'; style-src {digest(look)}; base-uri 'none'; form-action 'none'",
    )
    return text


def _said(change: MapChange, quotes: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return, of each run, the first quotes with their mention ids."""
    sides = (
        ("before", "a:", change.evidence_before),
        ("now", "b:", change.evidence_now),
    )
    return [
        (name, [(quotes.get(side + i, ""), i) for i in ids[:QUOTES]]) for name, side, ids in sides
    ]


def dumbbells(diff: MapDiff, changes: Sequence[MapChange]) -> list[dict[str, Any]]:
    """Return, for the figure, each change's label and both shares in percent of the widest."""
    widest = max(
        (share or 0 for c in changes for share in (c.share_before, c.share_now)), default=0
    )
    if not widest:
        return []
    return [
        {
            "label": f"{c.label} ({words.GROUPS.get(c.group, c.group)}, {_stage(diff, c.stage)})",
            "before": 100 * (c.share_before or 0) / widest,
            "now": 100 * (c.share_now or 0) / widest,
            "words": f"{words.percent(c.share_before)} → {words.percent(c.share_now)}",
            "tone": _tone(c),
        }
        for c in changes
    ]


def _tone(change: MapChange) -> str:
    """Return whether the change is for the worse; a wish is neither."""
    more = (change.share_now or 0) > (change.share_before or 0)
    if change.group == "asked_for":
        return "wish"
    return "positive" if more == (change.group == "extend_delight") else "negative"

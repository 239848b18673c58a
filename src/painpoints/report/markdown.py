"""The map as a short note in Markdown, for a ticket or an e-mail.

What hurts most, the stages as a table, the first pain points and opportunities with one quote
each, and what was left out. Whatever comes from customers is escaped, so that it stays text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from painpoints.domain import Evidence, Finding, JourneyMap, StageView
from painpoints.report import words
from painpoints.report.section import Section, Table
from painpoints.report.sections import sections

TOP = 5
MAX_ROWS = 15
"""Rows of a section's table; the workbook has all."""
MAX_QUOTE = 280  # characters; a longer mention is cut, with an ellipsis
_CLOSING = (
    "Intervals are 95 %. Ranks hold within a stage; the range in brackets is the rank in 95 % of "
    "resamples. The page report.html shows every quote behind every number."
)
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$@])")
_LEADING = re.compile(r"^(\d*)([-+=.)])")  # mean something at the start of a line only
_SPACE = re.compile(r"\s+")


def note(journey: JourneyMap, evidence: Sequence[Evidence]) -> str:
    """Return the note; lines end in a newline, the last one too."""
    quotes = {row.mention_id: row.verbatim[row.start : row.end] for row in evidence}
    blocks = [
        f"# {escaped(journey.title)}",
        escaped(words.span_text(journey)),
        f"**{escaped(words.headline(journey))}** {escaped(words.support_line(journey))}".rstrip(),
        _numbers(journey),
        *_stages(journey),
        *_listed(journey, quotes, "pain_point", "What hurts most"),
        *_listed(journey, quotes, "opportunity", "Where to win"),
        *(block for section in sections(journey) for block in section_blocks(section)),
        *_left_out(journey),
        _CLOSING,
    ]
    return "\n\n".join(blocks) + "\n"


def section_blocks(section: Section, *, whole: str = "report.xlsx") -> Iterator[str]:
    """Yield a section's heading, sentence, tables and notes.

    whole: the file that has all rows of a table, named where some are left out here.
    """
    yield f"## {escaped(section.title)}"
    yield escaped(section.lead)
    yield from (_table(table, whole) for table in section.tables if table.rows)
    yield from (f"* {escaped(note)}" for note in section.notes)


def _table(table: Table, whole: str) -> str:
    more = len(table.rows) - MAX_ROWS
    aligned = "|".join("---" if column.look == "text" else "---:" for column in table.columns)
    lines = [
        "| " + " | ".join(escaped(column.title) for column in table.columns) + " |",
        f"|{aligned}|",
        *(
            "| " + " | ".join(cell_text(cell.text) for cell in row.cells) + " |"
            for row in table.rows[:MAX_ROWS]
        ),
    ]
    return "\n".join(lines) + (
        f"\n\n{words.counted(more, 'more rows')}: {whole}." if more > 0 else ""
    )


def escaped(text: str) -> str:
    """Return text in which nothing is Markdown, HTML, or a second line."""
    plain = _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text).strip())
    return _LEADING.sub(r"\1\\\2", plain)


def cell_text(text: str) -> str:
    """Return text for the middle of a line, where a leading number means nothing."""
    return _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text).strip())


def _numbers(journey: JourneyMap) -> str:
    parts = [words.counted(journey.n_feedback, "feedbacks")]
    if journey.people_known:
        parts.append(f"{words.count(journey.n_people)} people")
    parts.append(words.counted(journey.n_mentions, "mentions"))
    parts += [words.score_text(score) for score in journey.scores]
    return escaped(" · ".join(parts))


def _stages(journey: JourneyMap) -> Iterator[str]:
    if not journey.n_mentions:
        return
    rows = [
        f"| Stage | {words.people_title(journey)} | Mentions | Net sentiment | Score | First pain point |",
        "|---|---:|---:|---:|---|---|",
    ]
    rows += [_stage_row(view) for view in journey.stages]
    yield "\n".join(rows)


def _stage_row(view: StageView) -> str:
    first = view.pain_points[0].label if view.pain_points else ""
    if not first:
        first = f"too few to rank (n {view.n_people})" if view.small and view.n_people else "–"
    score = words.score_text(view.scores[0]) if view.scores else "–"
    cells = (
        view.stage.title,
        words.count(view.n_people),
        words.count(view.n_mentions),
        words.net_with_interval(view.net_sentiment),
        score,
        first,
    )
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def _listed(journey: JourneyMap, quotes: Mapping[str, str], kind: str, title: str) -> Iterator[str]:
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    found = [
        finding
        for view in journey.stages
        for finding in (view.pain_points if kind == "pain_point" else view.opportunities)
        if finding.rank is not None
    ]
    if not found:
        return
    yield f"## {title}"
    first = sorted(found, key=lambda f: (-f.priority, -f.reach, f.finding_id))[:TOP]
    yield "\n".join(
        _item(journey, i, finding, titles, quotes) for i, finding in enumerate(first, 1)
    )


def _item(
    journey: JourneyMap,
    i: int,
    finding: Finding,
    titles: Mapping[str, str],
    quotes: Mapping[str, str],
) -> str:
    facts = [
        f"{words.count(finding.reach)} {words.people_word(journey, finding.reach)}, {words.share_with_interval(finding.share)} of the stage"
    ]
    if finding.kind == "pain_point":
        facts.append(f"severity {finding.severity:.1f} of 3")
    if finding.impact is not None and finding.impact.value is not None:
        facts.append(
            f"impact on {words.survey_name(finding.impact_survey)} {words.impact_with_interval(finding)}"
        )
    facts.append(f"rank {words.rank_text(finding)} in its stage")
    if finding.trend is not None and finding.trend.verdict in {"new", "rising", "falling", "fixed"}:
        facts.append(words.trend_text(finding))
    where = titles.get(finding.stage, finding.stage)
    if finding.opportunity:
        where = f"{words.OPPORTUNITIES.get(finding.opportunity, finding.opportunity)}; {where}"
    head = f"{i}. **{escaped(finding.label)}** ({escaped(where)}): {escaped('; '.join(facts))}."
    quote = next((quotes[key] for key in finding.evidence_ids if key in quotes), None)
    return head if quote is None else f"{head}\n   > {escaped(_cut(quote))}"


def _cut(quote: str) -> str:
    return quote if len(quote) <= MAX_QUOTE else quote[:MAX_QUOTE].rstrip() + " …"


def _left_out(journey: JourneyMap) -> Iterator[str]:
    lines = [_left_out_line(what, why, n) for what, why, n in words.left_out_lines(journey)]
    if lines:
        yield f"Left out: {escaped('; '.join(lines))}."


def _left_out_line(what: str, why: str, n: int) -> str:
    things, which = what.split(" ", 1)
    return f"{words.counted(n, things)} {which}: {why}"

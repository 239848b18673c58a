"""The map as a workbook for those who sort and pivot: one sheet per question.

Every text is written as a string cell, so that nothing a customer wrote is ever a formula or a
link; numbers are numbers with a format. Cells keep Excel's 32,767 characters, and a cut is said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from painpoints.domain import Change, Estimate, Evidence, Finding, JourneyMap, StageView, Topic
from painpoints.report import words
from painpoints.report.payload import findings
from painpoints.report.section import Row, Section
from painpoints.report.sections import sections

MAX_EVIDENCE = 20_000
"""Mentions on the sheet of evidence; those behind findings come first, and the cap is said."""
MAX_CELL = 32_767
EFFORTS = "Impact x effort"
"""The sheet that bears the quadrants."""
_CUT = " … [cut: {} of {} characters]"
_MADE = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # the same map, the same bytes


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a sheet: `value` takes a row and gives text, a number, a time or None."""

    title: str
    width: int
    value: Callable[[Any], Any]
    look: str = ""


def xlsx(
    journey: JourneyMap,
    evidence: Sequence[Evidence],
    *,
    n_evidence_total: int,
    picture: bytes | None = None,
) -> bytes:
    """Return the workbook; `picture` (PNG) of the map goes on the first sheet."""
    from xlsxwriter import Workbook

    target = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with Workbook(target, options) as book:
        book.set_properties({"title": _fitting(journey.title)[:255], "created": _MADE})
        looks = _looks(book)
        _summary(book, looks, journey, picture)
        for name, columns, rows, note in _sheets(journey, evidence, n_evidence_total):
            sheet = _sheet(book, looks, name, columns, rows=rows, note=note)
            if name == EFFORTS:
                _quadrants(book, sheet, columns, rows)
    return target.getvalue()


def _looks(book: Any) -> dict[str, Any]:
    plain = {"valign": "top"}
    formats = {
        "": plain,
        "wrap": plain | {"text_wrap": True},
        "count": plain | {"num_format": "#,##0"},
        "share": plain | {"num_format": "0.0%"},
        "balance": plain | {"num_format": "+0;−0;0"},
        "net": plain | {"num_format": "+0.0;−0.0;0.0"},
        "pp": plain | {"num_format": '+0.0" pp";−0.0" pp";0.0" pp"'},
        "mean": plain | {"num_format": "+0.00;−0.00;0.00"},
        "decimal": plain | {"num_format": "0.00"},
        "p": plain | {"num_format": "0.000"},
        "day": plain | {"num_format": "yyyy-mm-dd"},
        "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#F1EFEA"},
        "title": {"bold": True, "font_size": 16},
        "claim": {"bold": True, "font_size": 13},
        "soft": {"font_color": "#585F6B"},
    }  # fmt: skip
    return {name: book.add_format(look) for name, look in formats.items()}


def _sheets(
    journey: JourneyMap, evidence: Sequence[Evidence], n_total: int
) -> Iterable[tuple[str, list[_Column], Sequence[Any], str]]:
    """Yield (name, columns, rows, note) of every sheet after the first."""
    told = findings(journey)
    chosen = _chosen(told, evidence)
    pains = [f for f in told if f.kind == "pain_point"]
    wins = [f for f in told if f.kind == "opportunity"]
    yield "Stages", _stage_columns(journey), journey.stages, ""
    columns = _finding_columns(journey, _impact_look(told))
    yield "Pain points", columns, pains, _UNRANKED
    yield "Opportunities", [_KIND, *columns], wins, _UNRANKED
    for section in sections(journey):
        yield from (_section_sheet(section, i) for i in range(len(section.tables)))
    yield "Topics", _topic_columns(journey.topics), journey.topics, ""
    yield "Evidence", _evidence_columns(journey, evidence), chosen, _said(len(chosen), n_total)
    yield "Left out", _LEFT_OUT, words.left_out_lines(journey), ""
    how = [*journey.conventions.items(), *_HOW]
    yield "How to read", [_Column("Number", 22, _first), _Column("How it is computed", 110, _second, "wrap")], how, ""  # fmt: skip


def _section_sheet(section: Section, at: int) -> tuple[str, list[_Column], Sequence[Any], str]:
    """Return a table of a section, the mention ids behind each row in the last column."""
    table = section.tables[at]

    def cell(i: int) -> Callable[[Row], Any]:
        return lambda row: row.cells[i].value

    def ids(row: Row) -> str | None:
        return ", ".join(section.sets[row.key][1]) if row.key in section.sets else None

    columns = [
        _Column(column.title, 36 if i == 0 else 16, cell(i), _LOOKS.get(column.look, ""))
        for i, column in enumerate(table.columns)
    ]
    note = table.caption if at else " ".join((section.lead, *section.notes))
    name = f"{section.sheet} {at + 1}" if at else section.sheet
    return name, [*columns, _Column("Mention ids", 30, ids)], table.rows, note


_LOOKS = {look: look for look in ("count", "share", "decimal", "p")}
_UNRANKED = "No rank: too few people to rank; named, so that nothing is hidden."
_HOW = [
    ("low, high", "Ends of the 95 % interval of the number before them."),
    ("rank from, to", "The rank in 95 % of the resamples: where it is wide, the order is open."),
]


def _first(row: tuple[Any, Any]) -> Any:
    return row[0]


def _second(row: tuple[Any, Any]) -> Any:
    return row[1]


_LEFT_OUT = [
    _Column("What", 28, lambda row: row[0]),
    _Column("Why", 60, lambda row: row[1], "wrap"),
    _Column("How many", 12, lambda row: row[2], "count"),
]


def _said(n_here: int, n_total: int) -> str:
    if n_here >= n_total:
        return ""
    return f"{words.count(n_here)} of {words.count(n_total)} mentions are listed here, those behind findings first; mentions.parquet has all."


def _chosen(told: Sequence[Finding], evidence: Sequence[Evidence]) -> Sequence[Evidence]:
    if len(evidence) <= MAX_EVIDENCE:
        return evidence
    cited = {key for finding in told for key in finding.evidence_ids}
    ordered = sorted(range(len(evidence)), key=lambda i: (evidence[i].mention_id not in cited, i))
    return [evidence[i] for i in sorted(ordered[:MAX_EVIDENCE])]


def _summary(book: Any, looks: dict[str, Any], journey: JourneyMap, picture: bytes | None) -> None:
    sheet = book.add_worksheet("Summary")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    lines = [
        (journey.title, "title"),
        (words.span_text(journey), "soft"),
        (words.headline(journey), "claim"),
        (words.support_line(journey), ""),
    ]
    for row, (text, look) in enumerate(lines):
        sheet.write_string(row, 0, _fitting(text), looks[look])
    row = len(lines)
    for name, value in _figures(journey):
        row += 1
        sheet.write_string(row, 0, name, looks["soft"])
        sheet.write_string(row, 1, value, looks[""])
    if picture is not None:
        image = {"image_data": BytesIO(picture), "x_scale": 0.36, "y_scale": 0.36, "description": words.headline(journey)[:250]}  # fmt: skip
        sheet.insert_image(row + 2, 0, "journey_map.png", image)


def _figures(journey: JourneyMap) -> list[tuple[str, str]]:
    rows = [("Feedback", words.count(journey.n_feedback))]
    if journey.people_known:
        rows.append(("People", words.count(journey.n_people)))
    rows.append(("Mentions", words.count(journey.n_mentions)))
    rows += [(words.score_name(s.survey, s.measure), words.score_text(s)) for s in journey.scores]
    return rows


def _sheet(
    book: Any,
    looks: dict[str, Any],
    name: str,
    columns: Sequence[_Column],
    *,
    rows: Sequence[Any],
    note: str,
) -> Any:
    """Write one sheet: a note if there is one, the frozen head, the rows, a filter over all."""
    sheet = book.add_worksheet(name)
    top = 1 if note else 0
    if note:
        sheet.write_string(0, 0, note, looks["soft"])
    for c, column in enumerate(columns):
        sheet.set_column(c, c, column.width)
        sheet.write_string(top, c, _fitting(column.title), looks["head"])
    for r, row in enumerate(rows, top + 1):
        for c, column in enumerate(columns):
            _write(sheet, r, c, column.value(row), looks[column.look])
    sheet.freeze_panes(top + 1, 1)
    sheet.autofilter(top, 0, top + max(1, len(rows)), len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)
    return sheet


def _quadrants(book: Any, sheet: Any, columns: Sequence[_Column], rows: Sequence[Row]) -> None:
    """Draw gain against effort beside the table, where any effort was judged."""
    titles = [column.title for column in columns]
    effort, gain = titles.index("Effort"), titles.index("Gain")
    both = [r for r, row in enumerate(rows, 2) if all(row.cells[c].value is not None for c in (effort, gain))]  # fmt: skip
    if not both:
        return
    chart = book.add_chart({"type": "scatter"})
    for r in both:
        chart.add_series(
            {
                "name": [sheet.name, r, 0],
                "categories": [sheet.name, r, effort, r, effort],
                "values": [sheet.name, r, gain, r, gain],
                "marker": {"type": "circle", "size": 9},
                "data_labels": {"series_name": True, "value": False, "position": "right"},
            }
        )
    chart.set_title({"name": "Impact x effort"})
    chart.set_x_axis({"name": "Effort (1 easy, 5 hard)", "min": 0.5, "max": 5.5, "major_unit": 1})
    chart.set_y_axis({"name": "Gain"})
    chart.set_legend({"none": True})
    chart.set_size({"width": 760, "height": 460})
    sheet.insert_chart(len(rows) + 4, 0, chart)


def _write(sheet: Any, row: int, column: int, value: Any, look: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, look)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.replace(tzinfo=None), look)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, look)
    else:
        sheet.write_string(row, column, _fitting(str(value)), look)


def _fitting(text: str) -> str:
    """Return the text as a cell can hold it, with the cut said where there is one."""
    if len(text) <= MAX_CELL:
        return text
    kept = MAX_CELL - 60
    return text[:kept] + _CUT.format(kept, len(text))


def _estimate(
    title: str, get: Callable[[Any], Estimate | None], look: str, width: int = 11
) -> list[_Column]:
    """Return three columns: the number and both ends of its interval."""
    scale = _SCALES.get(look, 1)

    def part(name: str) -> Callable[[Any], Any]:
        def value(row: Any) -> float | None:
            found = getattr(get(row), name, None)
            return None if found is None else scale * found

        return value

    return [
        _Column(title, width, part("value"), look),
        _Column(f"{title}, low", width, part("low"), look),
        _Column(f"{title}, high", width, part("high"), look),
    ]


def _change(get: Callable[[Any], Change | None], look: str, before: str, now: str) -> list[_Column]:
    """Return the verdict, both numbers in their look, and the p value."""

    def part(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(get(row), name, None)

    return [
        _Column("Trend", 12, lambda row: (part("verdict")(row) or "").replace("_", " ") or None),
        _Column(before, 10, part("before"), look),
        _Column(now, 10, part("now"), look),
        _Column("p", 8, part("p_value"), "p"),
    ]


def _stage_columns(journey: JourneyMap) -> list[_Column]:
    surveys = list(dict.fromkeys((s.survey, s.measure) for v in journey.stages for s in v.scores))

    def score(survey: str, measure: str) -> Callable[[StageView], Estimate | None]:
        return lambda view: next(
            (s.estimate for s in view.scores if (s.survey, s.measure) == (survey, measure)), None
        )

    scores = [
        column
        for survey, measure in surveys
        for column in (
            *_estimate(
                words.score_name(survey, measure),
                score(survey, measure),
                words.points_look([(survey, measure)]),
            ),
            _people_of(words.score_name(survey, measure), score(survey, measure)),
        )
    ]
    return [
        _Column("Stage", 18, lambda view: view.stage.title),
        _Column(words.people_title(journey), 10, lambda v: v.n_people, "count"),
        _Column("Mentions", 10, lambda view: view.n_mentions, "count"),
        *_estimate(f"Share of {words.people_word(journey, 2)}", lambda view: view.share, "share"),
        *_estimate("Net sentiment, ±100", lambda view: view.net_sentiment, "balance"),
        *scores,
        _Column("Pain points", 10, lambda view: len(view.pain_points), "count"),
        _Column("Opportunities", 12, lambda view: len(view.opportunities), "count"),
        _Column("Too few to rank", 10, lambda view: len(view.listed_apart), "count"),
        _Column("Change of", 14, lambda v: words.change_name(v.change.what) if v.change else None),
        *_change(lambda view: view.change, _change_look(journey), "Before", "Now"),
    ]


_SCALES = {"balance": 100, "pp": 100}
"""Looks whose numbers are kept as parts of one and read as hundredths."""


def _change_look(journey: JourneyMap) -> str:
    changes = [view.change for view in journey.stages if view.change]
    return "share" if all(change.what == "share" for change in changes) else "decimal"


def _people_of(title: str, get: Callable[[Any], Estimate | None]) -> _Column:
    return _Column(f"{title}, n", 8, lambda row: getattr(get(row), "n", None), "count")


_KIND = _Column(
    "Kind", 16, lambda f: words.OPPORTUNITIES.get(f.opportunity or "", f.opportunity or "")
)


def _impact_look(found: Sequence[Finding]) -> str:
    """Return how impacts look; a run speaks of one survey kind."""
    first = next((f for f in found if f.impact is not None), None)
    if first is None or first.impact_survey in {"nps", "enps"}:
        return "net"
    return "pp" if words.is_share(first.impact_survey, first.impact_measure) else "mean"


def _finding_columns(journey: JourneyMap, look: str) -> list[_Column]:
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    return [
        _Column("Finding", 46, lambda f: f.label, "wrap"),
        _Column("Stage", 15, lambda f: titles.get(f.stage, f.stage)),
        _Column("Touchpoint", 16, lambda f: f.touchpoint.replace("_", " ")),
        _Column("Rank in stage", 8, lambda f: f.rank, "count"),
        _Column("Rank from", 8, lambda f: f.rank_low, "count"),
        _Column("Rank to", 8, lambda f: f.rank_high, "count"),
        _Column(words.people_title(journey), 9, lambda f: f.reach, "count"),
        _Column("Mentions", 9, lambda f: f.n_mentions, "count"),
        *_estimate("Share of stage", lambda f: f.share, "share", 10),
        _Column("Severity", 9, lambda f: f.severity, "decimal"),
        *_estimate("Impact", lambda f: f.impact, look, 10),
        _Column("Impact on", 9, lambda f: words.survey_name(f.impact_survey) if f.impact_survey else None),
        *_estimate("Weight", lambda f: f.weight, "share", 9),
        _Column("Impact and weight agree", 12, lambda f: None if f.agree is None else ("yes" if f.agree else "no")),
        _Column("Ease", 8, lambda f: f.feasibility, "decimal"),
        _Column("Owner", 16, lambda f: f.owner),
        _Column("Note", 30, lambda f: f.note, "wrap"),
        _Column("Priority", 10, lambda f: f.priority, "count"),
        _Column("Priority is", 40, lambda f: f.priority_formula, "wrap"),
        _Column("Why", 40, lambda f: f.why, "wrap"),
        *_change(lambda f: f.trend, "share", "Share before", "Share now"),
        _Column("Finding id", 26, lambda f: f.finding_id),
    ]  # fmt: skip


def _topic_columns(topics: Sequence[Topic]) -> list[_Column]:
    label = {topic.topic_id: topic.label for topic in topics}
    return [
        _Column("Topic", 50, lambda topic: topic.label, "wrap"),
        _Column("Mentions", 10, lambda topic: topic.n_mentions, "count"),
        _Column("Part of", 36, lambda t: label.get(t.parent_id or "", t.parent_id), "wrap"),
        _Column("Words", 60, lambda topic: ", ".join(topic.terms), "wrap"),
        _Column("Status", 10, lambda topic: topic.status),
        _Column("Topic id", 18, lambda topic: topic.topic_id),
    ]


def _evidence_columns(journey: JourneyMap, evidence: Sequence[Evidence]) -> list[_Column]:
    label = {topic.topic_id: topic.label for topic in journey.topics}
    titles = {view.stage.name: view.stage.title for view in journey.stages}

    def segment(name: str) -> Callable[[Evidence], str | None]:
        return lambda row: row.segments.get(name)

    segments = sorted({name for row in evidence for name in row.segments})
    return [
        _Column("Quote", 60, lambda row: row.verbatim[row.start : row.end], "wrap"),
        _Column("Topic", 36, lambda row: label.get(row.topic_id or "", row.topic_id), "wrap"),
        _Column("Stage", 14, lambda row: titles.get(row.stage, row.stage)),
        _Column("Touchpoint", 16, lambda row: row.touchpoint.replace("_", " ")),
        _Column("Sentiment", 10, lambda row: row.sentiment),
        _Column("Type", 11, lambda row: row.type.replace("_", " ")),
        _Column("Severity", 8, lambda row: row.severity, "count"),
        _Column("Survey", 8, lambda r: words.survey_name(r.survey) if r.survey != "none" else None),
        _Column("Score", 7, lambda row: row.score),
        _Column("Date", 11, lambda row: row.created_at, "day"),
        _Column("Channel", 12, lambda row: row.channel),
        *(_Column(name, 14, segment(name)) for name in segments),
        _Column("Whole answer", 80, lambda row: row.verbatim),
        _Column("Source", 30, lambda row: row.source),
        _Column("Person", 18, lambda row: row.person),
        _Column("Mention id", 22, lambda row: row.mention_id),
    ]

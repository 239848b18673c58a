"""What stands below the map, said once for all forms: title, sentence, tables, notes, evidence.

A section is plain data; the page, the note and the workbook each lay it out in their own way.
Each row of a table leads to the mentions behind it. Computes none of the numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from painpoints.domain import (
    Emerging,
    Estimate,
    Finding,
    FixVerdict,
    JourneyMap,
    Paths,
    Persona,
    Personas,
    PersonaTrait,
    Return,
    Score,
    SegmentDifference,
    SegmentView,
    StageView,
    Timeline,
    TrendLine,
    TrendPoint,
    Watch,
)
from painpoints.report import words

DASH = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """What people read, and the number or text to sort by and to put into a spreadsheet."""

    text: str
    value: float | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """look: text, count, share, decimal, p, or pp; of the spreadsheet's numbers."""

    title: str
    look: str = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in the order of the columns; `key` names the evidence behind them, or is empty."""

    cells: tuple[Cell, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: an empty one is not drawn."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section. name: of the place in the page; sheet: of the workbook's.

    lead:   one sentence that says the result. notes: how to read it, and what it cannot say.
    figure: plain data of a figure that the page draws beside the first table; or None.
    sets:   evidence by key: title, and mention ids, most telling first.
    """

    name: str
    title: str
    sheet: str
    lead: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    figure: Mapping[str, Any] | None = None
    sets: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def sections(journey: JourneyMap) -> tuple[Section, ...]:
    """Return the sections that the map has something to say in, in the order of the page."""
    return tuple(section for draw in _DRAWN for section in draw(journey))


def text_cell(text: str | None) -> Cell:
    """Return a cell of words."""
    return Cell(text or DASH, text)


def count_cell(n: float) -> Cell:
    """Return a cell of a count."""
    return Cell(words.count(n), n)


def p_text(p: float | None) -> str:
    """Return a p value with three digits: 0.012, < 0.001."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_cell(p: float | None) -> Cell:
    """Return a cell of a p value."""
    return Cell(p_text(p), p)


# -- emerging ---------------------------------------------------------------------------------


def watch_lead(watch: Watch) -> str:
    """Return what the look found, in one sentence."""
    told = [e for e in watch.found if e.verdict != "seasonal"]
    if not told:
        return f"Nothing new: in {watch.period} no issue is told by clearly more people than in the {watch.n_baseline} {watch.unit}s before."
    first = told[0]
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    return f"In {watch.period}, {emerging_text(first)}{more}."


def emerging_text(found: Emerging) -> str:
    """Return `“Late” is rising: 24 people against 9 expected, 2.7 times (1.6 to 4.4)`."""
    where = f" among {found.segment}" if found.segment else ""
    when = f" over {found.n_periods} periods" if found.n_periods > 1 else ""
    return f"“{found.label}” is {found.verdict}{where}{when}: {words.count(found.now)} people, {_expected(found):,.1f} expected, {ratio_text(found.ratio)}"


def _expected(found: Emerging) -> float:
    return found.before / max(found.n_before, 1) * found.n_now


def ratio_text(ratio: Estimate) -> str:
    """Return `2.7 times (1.6 to 4.4)`."""
    if ratio.value is None:
        return f"at least {ratio.low or 0:.1f} times"
    high = f"{ratio.high:.1f}" if ratio.high is not None else "any number"
    return f"{ratio.value:.1f} times ({ratio.low or 0:.1f} to {high})"


def watch_notes(watch: Watch) -> tuple[str, ...]:
    """Return how the look was made and how much it can be trusted."""
    notes = [
        f"{watch.n_tests} tests on {watch.n_topics} topics, {watch.period} against the {watch.n_baseline} {watch.unit}s before: {watch.method}.",
        f"If nothing had changed, such a look would show {watch.expected_false_alarms:.2g} false alarms a {watch.unit}. Were a topic told three times as often, it would be found at once for {words.percent(watch.power)} of the topics.",
    ]
    if watch.not_compared:
        notes.append(f"Too few people to look at apart: {', '.join(watch.not_compared)}.")
    return tuple(notes)


def _emerging(journey: JourneyMap) -> Iterator[Section]:
    watch = journey.emerging
    if watch is None:
        return
    keys = {i: f"emerging:{i}" for i in range(len(watch.found))}
    titles = ("Issue", "Among", "Verdict", "People now", "Expected", "Times as often", "p")
    looks = ("text", "text", "text", "count", "decimal", "decimal", "p")
    table = Table(
        f"What emerges in {watch.period}",
        tuple(Column(t, look) for t, look in zip(titles, looks, strict=True)),
        tuple(Row(_emerging_cells(e), keys[i]) for i, e in enumerate(watch.found)),
    )
    sets = {keys[i]: (f"{e.label}: {e.verdict}", e.evidence_ids) for i, e in enumerate(watch.found)}
    yield Section(
        "emerging",
        "What emerges",
        "Emerging",
        watch_lead(watch),
        (table,),
        watch_notes(watch),
        sets=sets,
    )


def _emerging_cells(found: Emerging) -> tuple[Cell, ...]:
    pooled = f" ({found.n_periods} periods)" if found.n_periods > 1 else ""
    return (
        text_cell(found.label),
        text_cell(found.segment or "everybody"),
        text_cell(found.verdict + pooled),
        count_cell(found.now),
        Cell(f"{_expected(found):,.1f}", _expected(found)),
        Cell(ratio_text(found.ratio), found.ratio.value),
        p_cell(found.p_value),
    )


# -- fixes ------------------------------------------------------------------------------------

VERDICTS = {
    "worked": "worked",
    "no_evidence": "no evidence yet",
    "got_worse": "got worse",
    "too_early": "too early",
    "unknown": "cannot be placed",
}


def _fixes(journey: JourneyMap) -> Iterator[Section]:
    if not journey.fixes:
        return
    titles = ("Fix", "For", "Who got it", "From", "Owner", "Verdict", "Before", "After", "Effect", "Expected", "p", "Still needed")  # fmt: skip
    looks = ("text", "text", "text", "text", "text", "text", "share", "share", "share", "share", "p", "text")  # fmt: skip
    rows, sets = [], {}
    for i, fix in enumerate(journey.fixes):
        rows.append(Row(_fix_cells(fix), f"fix:{i}"))
        ids = (*fix.evidence_after, *fix.evidence_before)
        sets[f"fix:{i}"] = (f"{fix.name}: who tells it, after the fix first", ids)
    yield Section(
        "fixes",
        "What the fixes did",
        "Fixes",
        fixes_lead(journey.fixes),
        (Table("Fixes", tuple(map(Column, titles, looks)), tuple(rows)), _windows(journey.fixes)),
        (
            "Shares are of the people heard who tell the pain that the fix was for. Worked, or got worse: p below 0.05, corrected over all fixes (Holm). No evidence yet is not evidence of nothing: the last columns say how many more people it takes to find the expected change (80 % power).",
            *(f"“{fix.name}”: {fix.method}." for fix in journey.fixes if fix.method),
        ),
        figure={"kind": "fixes", "items": [_fix_figure(fix) for fix in journey.fixes]},
        sets=sets,
    )


def fixes_lead(fixes: Sequence[FixVerdict]) -> str:
    """Return what each verdict was given to, in one sentence."""
    told = [
        f"{words_}: {', '.join(names)}"
        for verdict, words_ in VERDICTS.items()
        if (names := [f"“{fix.name}”" for fix in fixes if fix.verdict == verdict])
    ]
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}."


def effect_text(effect: Estimate | None) -> str:
    """Return a change of a share as `−4.1 pp (−6.0 to −2.2 pp)`."""
    if effect is None or effect.value is None:
        return DASH
    value, low, high = (
        words.signed(None if v is None else 100 * v, 1)
        for v in (effect.value, effect.low, effect.high)
    )
    return f"{value} pp ({low} to {high} pp)"


def needed_text(fix: FixVerdict) -> str:
    """Return how many more people it takes, and to find what."""
    if fix.verdict in {"worked", "got_worse"}:
        return DASH
    if fix.n_more:
        return f"about {words.count(fix.n_more)} more people {fix.reason}"
    return fix.reason or DASH


def _share_cell(e: Estimate) -> Cell:
    return Cell(f"{words.share_with_interval(e)}, n {words.count(e.n)}", e.value)


def _fix_cells(fix: FixVerdict) -> tuple[Cell, ...]:
    expected = DASH if fix.expected is None else f"{words.signed(100 * fix.expected, 1)} pp"
    return (
        text_cell(fix.name),
        text_cell(fix.target),
        text_cell(fix.segment or "everybody"),
        text_cell(f"{fix.date:%Y-%m-%d}"),
        text_cell(fix.owner),
        text_cell(VERDICTS[fix.verdict]),
        _share_cell(fix.before),
        _share_cell(fix.after),
        Cell(effect_text(fix.effect), fix.effect.value if fix.effect else None),
        Cell(expected, fix.expected),
        p_cell(fix.p_value),
        text_cell(needed_text(fix)),
    )


def _windows(fixes: Sequence[FixVerdict]) -> Table:
    titles, looks = ("Fix", "From", "Share", "The others"), ("text", "text", "share", "share")
    rows = [
        Row(
            (
                text_cell(fix.name),
                text_cell(f"{point.start:%Y-%m-%d}"),
                _share_cell(point.share),
                _share_cell(point.control) if point.control else Cell(DASH, None),
            )
        )
        for fix in fixes
        for point in fix.series
    ]
    return Table("Share of people by window", tuple(map(Column, titles, looks)), tuple(rows))


def _fix_figure(fix: FixVerdict) -> dict[str, Any]:
    """Return the points of the figure: days from the fix, shares and ends, of both groups."""
    return {
        "title": f"{fix.name}: {VERDICTS[fix.verdict]}",
        "after": effect_text(fix.effect),
        "points": [
            {
                "x": (point.start - fix.date).days,
                "label": f"{point.start:%Y-%m-%d}",
                "share": point.share,
                "control": point.control,
            }
            for point in fix.series
        ],
    }


# -- what to do first -------------------------------------------------------------------------

MIDDLE_EFFORT = 3.0
QUADRANTS = {
    (True, True): "quick win",
    (True, False): "big project",
    (False, True): "fill-in",
    (False, False): "think twice",
}
"""By (gain at least the median, effort at most the middle)."""


CLAIM_COLUMNS = (
    Column("What to do"), Column("Kind"), Column("Stage"), Column("People", "count"),
    Column("Score would move by", "decimal"), Column("Gain", "decimal"), Column("Effort", "decimal"),
    Column("Quadrant"), Column("Rank in stage"),
)  # fmt: skip
OWNED_COLUMNS = (Column("Owner"), Column("Note"))
"""Beside them where the analyst's table names any."""


def _first(journey: JourneyMap) -> Iterator[Section]:
    claims = _claims(journey)
    if not claims:
        return
    scored = any(finding.impact for _, finding in claims)
    median = _median([gain for _, f in claims if (gain := gain_of(f, scored=scored)) is not None])
    owned = any(f.owner or f.note for _, f in claims)
    columns = (*CLAIM_COLUMNS, *(OWNED_COLUMNS if owned else ()))
    rows = tuple(
        Row(
            (
                *_claim_cells(view.stage.title, f, scored=scored, median=median),
                *((text_cell(f.owner), text_cell(f.note)) if owned else ()),
            ),
            f.finding_id,
        )
        for view, f in sorted(claims, key=lambda pair: -(gain_of(pair[1], scored=scored) or 0))
    )
    yield Section(
        "first",
        "What to do first",
        "Impact x effort",
        first_lead(journey),
        (Table("Impact and effort", columns, rows),),
        _first_notes(claims, journey.efforts_unmatched, scored=scored),
        figure={"kind": "first", "points": _efforts(claims, scored=scored, median=median)},
        sets={f.finding_id: (f.label, f.evidence_ids) for _, f in claims},
    )


def _claims(journey: JourneyMap) -> list[tuple[StageView, Finding]]:
    """Return the ranked opportunities, and the pain points that none of them would remove."""
    found = []
    for view in journey.stages:
        removed = {f.topic_id for f in view.opportunities if f.opportunity == "remove_pain"}
        found += [(view, f) for f in view.opportunities]
        found += [(view, f) for f in view.pain_points if f.topic_id not in removed]
    return found


def gain_of(finding: Finding, *, scored: bool) -> float | None:
    """Return the size of the impact in score points; without any scores, reach x severity."""
    if not scored:
        return finding.reach * max(finding.severity, 1.0)
    return (
        abs(finding.impact.value) if finding.impact and finding.impact.value is not None else None
    )


def _median(values: Sequence[float]) -> float:
    ordered, n = sorted(values), len(values)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else 0.0


def effort_of(finding: Finding) -> float | None:
    """Return the effort, 1 easy .. 5 hard, as the analyst judged it."""
    return None if finding.feasibility is None else 6 - finding.feasibility


def quadrant(finding: Finding, *, scored: bool, median: float) -> str | None:
    """Return the quadrant; None where effort or gain is not known."""
    gain, effort = gain_of(finding, scored=scored), effort_of(finding)
    if gain is None or effort is None:
        return None
    return QUADRANTS[gain >= median, effort <= MIDDLE_EFFORT]


def moves_by(finding: Finding) -> Estimate | None:
    """Return by how much the score would move if those who tell the pain scored like the rest."""
    found = finding.impact
    if (
        found is None
        or found.value is None
        or finding.opportunity in {"asked_for", "extend_delight"}
    ):
        return None
    low = None if found.high is None else -found.high
    high = None if found.low is None else -found.low
    return Estimate(-found.value, low, high, found.n)


def moves_text(finding: Finding) -> str:
    """Return `NPS +4.4 (+2.8 to +6.0)`."""
    moved = moves_by(finding)
    if moved is None:
        return DASH
    kind = finding.impact_survey, finding.impact_measure
    low = words.points(moved.low, *kind).removesuffix(" pp")
    return f"{words.survey_name(finding.impact_survey)} {words.points(moved.value, *kind)} ({low} to {words.points(moved.high, *kind)})"


def _claim_cells(stage: str, f: Finding, *, scored: bool, median: float) -> tuple[Cell, ...]:
    moved, effort = moves_by(f), effort_of(f)
    gain = gain_of(f, scored=scored)
    kind = words.OPPORTUNITIES.get(f.opportunity or "", "Pain point")
    said = (
        words.points(gain, f.impact_survey, f.impact_measure).lstrip("+")
        if scored
        else f"{gain:,.0f}"
    )
    return (
        text_cell(f.label),
        text_cell(kind),
        text_cell(stage),
        count_cell(f.reach),
        Cell(moves_text(f), moved.value if moved else None),
        Cell(said, gain),
        Cell(DASH if effort is None else f"{effort:g}", effort),
        text_cell(quadrant(f, scored=scored, median=median)),
        text_cell(words.rank_text(f)),
    )


def first_lead(journey: JourneyMap) -> str:
    """Return the quick wins where efforts were judged, else what would move the score most."""
    claims = _claims(journey)
    scored = any(f.impact for _, f in claims)
    median = _median([g for _, f in claims if (g := gain_of(f, scored=scored)) is not None])
    ordered = sorted(claims, key=lambda pair: -(gain_of(pair[1], scored=scored) or 0))
    wins = [f.label for _, f in ordered if quadrant(f, scored=scored, median=median) == "quick win"]
    if wins:
        return f"Quick wins: {', '.join(wins[:3])}."
    first = next((f for _, f in ordered if moves_by(f)), None)
    if first is None:
        return "Ordered by people and severity: there are no scores to go by."
    return f"If those who tell of “{first.label}” scored like the rest: {moves_text(first)}."


def _first_notes(
    claims: Sequence[tuple[StageView, Finding]], unmatched: Sequence[str], *, scored: bool
) -> tuple[str, ...]:
    notes = [
        "Gain: size of the impact on the score; it goes with the score and need not cause it, and gains of several do not add up."
        if scored
        else "Gain: people x severity, as there are no scores."
    ]
    judged = sum(f.feasibility is not None for _, f in claims)
    if judged:
        notes.append("Quadrants: gain at least the median of the table, effort at most 3 of 5.")
    if judged < len(claims):
        notes.append(
            f"Effort was judged for {judged} of {len(claims)}; name more in feasibility.csv (topic or touchpoint, effort 1 to 5)."
        )
    if unmatched:
        names = ", ".join(f"“{name}”" for name in unmatched)
        notes.append(f"Judged in feasibility.csv, but no finding bears the name: {names}.")
    return tuple(notes)


def _efforts(
    claims: Sequence[tuple[StageView, Finding]], *, scored: bool, median: float
) -> list[dict[str, Any]]:
    """Return the points of the quadrants: those whose effort and gain are known."""
    return [
        {
            "key": f.finding_id,
            "label": f.label,
            "effort": effort_of(f),
            "gain": gain_of(f, scored=scored),
            "quadrant": found,
            "median": median,
        }
        for _, f in claims
        if (found := quadrant(f, scored=scored, median=median))
    ]


# -- over time, and scores of groups ---------------------------------------------------------


def _timeline(journey: JourneyMap) -> Iterator[Section]:
    told = journey.timeline
    if told is None:
        return
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    names = [_line_name(told, line, titles) for line in told.lines]
    periods = [_period_name(told.unit, point.start) for point in told.lines[0].points]
    columns = (Column("Period"), *(Column(name, _line_look(told, line)) for name, line in zip(names, told.lines, strict=True)))  # fmt: skip
    rows = tuple(
        Row(
            (text_cell(name), *(_point_cell(told, line, line.points[i]) for line in told.lines)),
            f"period:{name}",
        )
        for i, name in enumerate(periods)
    )
    yield Section(
        "timeline",
        "Over time",
        "Over time",
        timeline_lead(told),
        (Table(f"By {told.unit}", columns, rows),),
        (
            "Score of the answers, and share of the people heard, of each complete period, with 95 % intervals. Lines say what was, not what changed: the last step is tested in the map, rises below What emerges.",
        ),
        figure={
            "kind": "lines",
            "items": [
                {
                    "title": name,
                    "points": [_drawn(told, line, p) for p in line.points],
                    "labels": periods,
                }
                for name, line in zip(names, told.lines, strict=True)
            ],
        },
        sets={
            f"period:{name}": (
                f"{name}: the pains followed",
                tuple(key for line in told.lines for key in line.points[i].evidence_ids),
            )
            for i, name in enumerate(periods)
        },
    )


def timeline_lead(told: Timeline) -> str:
    """Return the first line's ends in one sentence."""
    line = told.lines[0]
    first, last = line.points[0], line.points[-1]
    what = "The score" if line.what == "score" else f"“{line.label}”"
    ends = [_point_cell(told, line, point).text for point in (first, last)]
    names = [_period_name(told.unit, point.start) for point in (first, last)]
    return f"{what}: {ends[0]} in {names[0]}, {ends[1]} in {names[1]}."


def _line_name(told: Timeline, line: TrendLine, titles: Mapping[str, str]) -> str:
    if line.what == "score":
        return words.score_name(told.survey or "", told.measure)
    return f"{line.label}, {titles.get(line.stage, line.stage)}"


def _line_look(told: Timeline, line: TrendLine) -> str:
    return "share" if line.what == "share" or words.is_share(told.survey, told.measure) else "decimal"  # fmt: skip


def _point_cell(told: Timeline, line: TrendLine, point: TrendPoint) -> Cell:
    e = point.estimate
    if e.value is None:
        return Cell(DASH, None)
    if line.what == "share":
        return _share_cell(e)
    return Cell(f"{_scored_text(told.survey, told.measure, e)}, n {words.count(e.n)}", e.value)


def _drawn(told: Timeline, line: TrendLine, point: TrendPoint) -> dict[str, Any]:
    e = point.estimate
    return {
        "value": e.value, "low": e.low, "high": e.high, "n": e.n,
        "text": _point_cell(told, line, point).text,
    }  # fmt: skip


def _period_name(unit: str, start: datetime) -> str:
    """Return 2026-W07, 2026-02, 2026-Q1 or 2026."""
    if unit == "week":
        return f"{start:%G-W%V}"
    if unit == "quarter":
        return f"{start:%Y}-Q{(start.month + 2) // 3}"
    return f"{start:%Y-%m}" if unit == "month" else f"{start:%Y}"


def _group_scores(journey: JourneyMap) -> Iterator[Section]:
    rows = tuple(
        Row(
            (
                text_cell(f"{column}: {name.replace('_', ' ')}"),
                text_cell(words.score_name(score.survey, score.measure)),
                count_cell(score.estimate.n),
                Cell("too few", None) if score.small else Cell(words.score_text(score), score.estimate.value),
            )
        )
        for column, groups in journey.scores_by.items()
        for name, scores in sorted(groups.items(), key=lambda pair: -pair[1][0].estimate.n if pair[1] else 0)
        for score in scores[:1]
    )  # fmt: skip
    if not rows:
        return
    yield Section(
        "scores",
        "Scores of touchpoints and channels",
        "Scores",
        f"{rows[0].cells[0].text} is spoken of by most who scored: {rows[0].cells[3].text}.",
        (Table("Scores", (Column("Of"), Column("Score"), Column("People", "count"), Column("Value", "decimal")), rows),),
        (
            "The score that people gave to the whole, of those who speak of a touchpoint, or came by a channel; people who speak of two count in both. Stages stand in the map, segments and personas in their own sections.",
        ),
    )  # fmt: skip


# -- segments and paths -----------------------------------------------------------------------

GROUPS = {"pain_point": "pain", "asked_for": "wish", "extend_delight": "praise"}


def _segments(journey: JourneyMap) -> Iterator[Section]:
    views = journey.segments
    if not views:
        return
    apart = _more_often(views)
    titles = ("What", "Told as", "Stage", "Segment", "People", "Share here", "Share elsewhere", "Difference", "p")  # fmt: skip
    looks = ("text", "text", "text", "text", "count", "share", "share", "share", "p")
    rows = [Row(_apart_cells(name, d), f"segment:{i}") for i, (name, d) in enumerate(apart)]
    yield Section(
        "segments",
        "How segments differ",
        "Segments",
        segments_lead(views),
        (
            Table(
                "Told more often in a segment than elsewhere",
                tuple(map(Column, titles, looks)),
                tuple(rows),
            ),
            _segment_scores(views),
        ),
        _segment_notes(views),
        sets={
            f"segment:{i}": (f"{d.label}, {name}", d.evidence_ids)
            for i, (name, d) in enumerate(apart)
        },
    )


def _more_often(views: Sequence[SegmentView]) -> list[tuple[str, SegmentDifference]]:
    """Return what is told more often in a segment, by its name, pains first.

    Less often here is more elsewhere; where that is one segment, it is told of that one.
    """
    order = {kind: i for i, kind in enumerate(GROUPS)}
    more = [
        (f"{v.column}: {v.value}", d)
        for v in views
        for d in v.apart
        if (d.difference.value or 0) > 0
    ]
    more += [
        (f"{v.column}: {v.against}", _from_other_side(d, v.n_rest))
        for v in views
        for d in v.apart
        if v.against and (d.difference.value or 0) < 0
    ]
    return sorted(more, key=lambda pair: (order.get(pair[1].group, 9), pair[1].p_value))


def _from_other_side(d: SegmentDifference, n_rest: int) -> SegmentDifference:
    gap = d.difference
    value, low, high = (None if v is None else -v for v in (gap.value, gap.high, gap.low))
    return replace(
        d,
        here=d.elsewhere,
        elsewhere=d.here,
        share_here=d.share_elsewhere,
        share_elsewhere=d.share_here,
        difference=Estimate(value, low, high, n_rest),
        evidence_ids=d.evidence_elsewhere,
        evidence_elsewhere=d.evidence_ids,
    )


def segments_lead(views: Sequence[SegmentView]) -> str:
    """Return which segments score or speak surely otherwise, in one sentence."""
    told = [
        f"{v.column} {v.value} scores {_value(v, v.score)} against {_value(v, v.rest)}{f' of {v.against}' if v.against else ''}"
        for v in sorted(views, key=lambda v: 1.0 if v.p_value is None else v.p_value)
        if v.p_value is not None and v.p_value < 0.05
    ]
    apart = len(_more_often(views))
    first = "; ".join(told[:3]) if told else "No segment scores surely otherwise than the rest"
    more = f" (and {len(told) - 3} more segments score otherwise)" if len(told) > 3 else ""
    return f"{first}{more}; {apart} {'group is' if apart == 1 else 'groups are'} told surely more often in one of them."


def _value(view: SegmentView, e: Estimate) -> str:
    return f"{words.survey_name(view.survey)} {words.score_value(view.survey or '', e.value, view.measure)}"


def _apart_cells(name: str, d: SegmentDifference) -> tuple[Cell, ...]:
    return (
        text_cell(d.label),
        text_cell(GROUPS.get(d.group, d.group)),
        text_cell(d.stage.replace("_", " ")),
        text_cell(name),
        count_cell(d.here),
        Cell(words.percent(d.share_here), d.share_here),
        Cell(words.percent(d.share_elsewhere), d.share_elsewhere),
        Cell(effect_text(d.difference), d.difference.value),
        p_cell(d.p_value),
    )


def _segment_scores(views: Sequence[SegmentView]) -> Table:
    titles, looks = ("Segment", "People", "Score", "The others", "p"), ("text", "count", "text", "text", "p")  # fmt: skip
    rows = [
        Row(
            (
                text_cell(f"{v.column}: {v.value}"),
                count_cell(v.n_people),
                text_cell("too few to compare" if v.small else _with_ends(v, v.score)),
                text_cell(DASH if v.small else _of_rest(v)),
                p_cell(v.p_value),
            )
        )
        for v in views
    ]
    return Table("Scores of the segments", tuple(map(Column, titles, looks)), tuple(rows))


def _of_rest(view: SegmentView) -> str:
    return (
        f"{view.against}: {_with_ends(view, view.rest)}"
        if view.against
        else _with_ends(view, view.rest)
    )


def _with_ends(view: SegmentView, e: Estimate) -> str:
    return _scored_text(view.survey, view.measure, e)


def _scored_text(survey: str | None, measure: str, e: Estimate) -> str:
    """Return `NPS −20 (−30 to −10)`."""
    if e.value is None:
        return DASH
    value, low, high = (
        words.score_value(survey or "", v, measure) for v in (e.value, e.low, e.high)
    )
    return f"{words.survey_name(survey)} {value} ({low} to {high})"


def _segment_notes(views: Sequence[SegmentView]) -> tuple[str, ...]:
    few = [_few(v) for v in views if v.small]
    notes = [
        "Each segment against everybody else, two values of a column against each other, on distinct people: exact test, Benjamini-Hochberg over all comparisons and groups (5 %), shares that differ by half or by 5 points; scores: Holm over comparisons. Segments may differ in other ways too, so none of it proves a cause."
    ]
    return (*notes, f"Too few people to compare: {', '.join(few)}.") if few else tuple(notes)


def _few(view: SegmentView) -> str:
    """Return the side that has too few people to compare, with their number."""
    if not view.n_rest or view.n_people <= view.n_rest:
        return f"{view.column}: {view.value} (n {view.n_people})"
    return f"{view.column}: {view.against or f'all but {view.value}'} (n {view.n_rest})"


def _personas(journey: JourneyMap) -> Iterator[Section]:
    look = journey.personas
    if look is None:
        return
    keys = {
        (i, t.key): f"persona:{i}:{t.key}" for i, p in enumerate(look.found) for t in p.subjects
    }
    yield Section(
        "personas",
        "Personas in the data",
        "Personas",
        personas_lead(look),
        (
            Table(
                "Personas", PERSONA_COLUMNS, tuple(Row(_persona_cells(look, p)) for p in look.found)
            ),
            Table(
                "What sets them apart",
                TRAIT_COLUMNS,
                tuple(
                    Row(_trait_cells(p, t, kind), keys.get((i, t.key), ""))
                    for i, p in enumerate(look.found)
                    for kind, traits in (("tells of", p.subjects), ("more often", p.segments))
                    for t in traits
                ),
            ),
        ),
        (
            f"{look.method[:1].upper()}{look.method[1:]}.",
            f"Looked at: {words.count(look.n_people)} of {words.count(look.n_heard)} people, who tell two subjects or more{'' if look.p_value is None else f'; p {p_text(look.p_value)} that people without groups would look so'}.",
            *(
                (
                    "Subjects and scores made the personas, so their differences bear no p; the export's columns did not: exact test, Benjamini-Hochberg over all.",
                )
                if look.found
                else ()
            ),
        ),
        sets={
            keys[i, t.key]: (f"{p.name}: {t.name}", t.evidence_ids)
            for i, p in enumerate(look.found)
            for t in p.subjects
        },
    )


PERSONA_COLUMNS = (
    Column("Persona"), Column("People", "count"), Column("Share of people placed", "share"),
    Column("Score"), Column("The others"),
)  # fmt: skip
TRAIT_COLUMNS = (
    Column("Persona"), Column("How"), Column("What"), Column("People", "count"),
    Column("Share here", "share"), Column("Share elsewhere", "share"), Column("p", "p"),
)  # fmt: skip


def personas_lead(look: Personas) -> str:
    """Return which personas there are, or that there are none and why, in one sentence."""
    if not look.found:
        return f"No personas: {look.reason}."
    told = "; ".join(
        f"“{p.name}” ({words.percent(p.share.value)} of the people placed)" for p in look.found
    )
    return f"{look.reason[:1].upper()}{look.reason[1:]}: {told}."


def _persona_cells(look: Personas, p: Persona) -> tuple[Cell, ...]:
    return (
        text_cell(p.name),
        count_cell(p.n_people),
        _share_cell(p.share),
        text_cell(_scored_text(look.survey, look.measure, p.score)),
        text_cell(_scored_text(look.survey, look.measure, p.rest)),
    )


def _trait_cells(p: Persona, t: PersonaTrait, kind: str) -> tuple[Cell, ...]:
    return (
        text_cell(p.name),
        text_cell(kind),
        text_cell(t.name),
        count_cell(t.here),
        Cell(words.percent(t.share_here), t.share_here),
        Cell(words.percent(t.share_elsewhere), t.share_elsewhere),
        p_cell(t.p_value),
    )


def _paths(journey: JourneyMap) -> Iterator[Section]:
    paths = journey.paths
    if paths is None:
        return
    shown = [t for t in paths.transitions if not t.small]
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    table = Table(
        "From stage to stage",
        tuple(map(Column, ("From", "To", "People", "Share of those heard again", "Tell a pain there"), ("text", "text", "count", "share", "share"))),
        tuple(
            Row(
                (
                    text_cell(titles.get(t.stage, t.stage)),
                    text_cell(titles.get(t.following, t.following)),
                    count_cell(t.n_people),
                    _share_cell(t.share),
                    _share_cell(t.pain),
                ),
                f"path:{t.stage}:{t.following}",
            )
            for t in shown
        ),
    )  # fmt: skip
    sets = {
        f"path:{t.stage}:{t.following}": (f"{titles.get(t.stage, t.stage)} → {titles.get(t.following, t.following)}: what they say there", t.evidence_ids)
        for t in shown
    }  # fmt: skip
    flows = [{"from": titles.get(t.stage, t.stage), "to": titles.get(t.following, t.following), "n": t.n_people, "pain": t.pain.value} for t in shown]  # fmt: skip
    few = len(paths.transitions) - len(shown)
    yield Section(
        "paths",
        "From answer to answer",
        "Paths",
        paths_lead(paths),
        (table, *_returns(paths.after)),
        (
            f"{words.count(paths.n_followed)} of {words.count(paths.n_people)} named people are heard again at another time; each answer counts with the stage that most of its mentions speak of.",
            *([f"{few} more paths are taken by too few people to tell."] if few else []),
            "Who is not heard again need not have left: they may only not have answered.",
        ),
        figure={"kind": "paths", "flows": flows, "order": list(titles.values())},
        sets=sets | _return_set(paths.after),
    )


def paths_lead(paths: Paths) -> str:
    """Return whether a pain goes with silence, in one sentence."""
    after = paths.after
    if after is None:
        return f"{words.count(paths.n_followed)} people are heard at two times or more; too few or too short to tell who is heard again."
    gap = effect_text(after.difference)
    share = words.percent(after.after_pain.value), words.percent(after.after_none.value)
    if after.p_value >= 0.05:
        return f"Those who told a pain are heard again about as often as the others: {share[0]} against {share[1]} within {after.days} days ({gap})."
    word = "less" if (after.difference.value or 0) < 0 else "more"
    return f"Those who told a pain are heard again {word} often: {share[0]} against {share[1]} within {after.days} days ({gap})."


def _returns(after: Return | None) -> Iterator[Table]:
    if after is None:
        return
    titles, looks = ("First answer", "Heard again", "Difference", "p"), ("text", "share", "share", "p")  # fmt: skip
    pain = Row((text_cell("told a pain"), _share_cell(after.after_pain), Cell(effect_text(after.difference), after.difference.value), p_cell(after.p_value)), "return")  # fmt: skip
    rest = Row((text_cell("told none"), _share_cell(after.after_none), Cell(DASH, None), p_cell(None)))  # fmt: skip
    yield Table(f"Heard again within {after.days} days", tuple(map(Column, titles, looks)), (pain, rest))  # fmt: skip


def _return_set(after: Return | None) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {} if after is None else {"return": ("Pains of those not heard again", after.evidence_ids)}  # fmt: skip


# -- targets ----------------------------------------------------------------------------------


def _targets(journey: JourneyMap) -> Iterator[Section]:
    held = [(v, v.scores[0], v.target) for v in journey.stages if v.target is not None and v.scores]
    if not held:
        return
    titles, looks = ("Stage", "Score", "Target", "Gap", "Verdict"), ("text", "text", "text", "text", "text")  # fmt: skip
    rows = tuple(
        Row(
            (
                text_cell(view.stage.title),
                text_cell(words.score_text(score)),
                text_cell(words.score_value(score.survey, target, score.measure)),
                text_cell(words.points(gap_of(score, target), score.survey, score.measure)),
                text_cell(target_verdict(score, target)),
            )
        )
        for view, score, target in held
    )
    missed = [
        v.stage.title for v, score, target in held if target_verdict(score, target) == "missed"
    ]
    lead = f"Missed: {', '.join(missed)}." if missed else "No target is surely missed."
    table = Table("Score against target", tuple(map(Column, titles, looks)), rows)
    note = "Met: the whole interval is at the target or better; missed: all of it is worse; open: it holds the target, so more answers are needed."
    yield Section("targets", "Against the targets", "Targets", lead, (table,), (note,))


def gap_of(score: Score, target: float) -> float | None:
    """Return the score minus its target, in the score's own unit."""
    return None if score.estimate.value is None else score.estimate.value - target


def target_verdict(score: Score, target: float) -> str:
    """Return met, missed or open, by the interval."""
    e = score.estimate
    if e.low is None or e.high is None or score.small:
        return "too few"
    if e.low >= target:
        return "met"
    return "missed" if e.high < target else "open"


_DRAWN: Sequence[Callable[[JourneyMap], Iterator[Section]]] = (
    _first,
    _targets,
    _timeline,
    _emerging,
    _fixes,
    _group_scores,
    _segments,
    _personas,
    _paths,
)

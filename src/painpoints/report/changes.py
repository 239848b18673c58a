"""The sections of change: what emerges, what the fixes did, and the lines over time.

Computes none of the numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from painpoints.domain import (
    Emerging,
    Estimate,
    FixVerdict,
    JourneyMap,
    Timeline,
    TrendLine,
    TrendPoint,
    Watch,
    period_name,
)
from painpoints.report import words
from painpoints.report.section import (
    DASH,
    Cell,
    Column,
    Row,
    Section,
    Table,
    count_cell,
    effect_text,
    p_cell,
    scored_text,
    share_cell,
    text_cell,
)

# -- emerging ---------------------------------------------------------------------------------


def watch_lead(watch: Watch, people: str) -> str:
    """Return what the look found, in one sentence."""
    told = [e for e in watch.found if e.verdict != "seasonal"]
    if not told:
        return f"Nothing new: in {watch.period} no issue is told by clearly more {people} than in the {watch.n_baseline} {watch.unit}s before."
    first = told[0]
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    return f"In {window_name(watch, first.n_periods)}, {emerging_text(first, people)}{more}."


def window_name(watch: Watch, n_periods: int) -> str:
    """Return the last periods of a look: `2026-06`, or `2026-04 to 2026-06` where three count as one."""
    if n_periods == 1:
        return watch.period
    return f"{_periods_before(watch, n_periods - 1)} to {watch.period}"


def _periods_before(watch: Watch, n: int) -> str:
    """Return the period that lies n before the one of the look."""
    if watch.unit == "week":
        monday = datetime.strptime(f"{watch.period}-1", "%G-W%V-%u").replace(tzinfo=UTC)
        return period_name(monday - timedelta(weeks=n), "week")
    year, _, part = watch.period.partition("-")
    per_year = {"month": 12, "quarter": 4}.get(watch.unit, 1)
    at = int(year) * per_year + int(part.removeprefix("Q") or 1) - 1 - n
    month = at % per_year * (12 // per_year) + 1
    return period_name(datetime(at // per_year, month, 1, tzinfo=UTC), watch.unit)


def emerging_text(found: Emerging, people: str) -> str:
    """Return `“Late” is rising: 24 people against 9 expected, 2.7 times (1.6 to 4.4)`."""
    where = f" among {found.segment}" if found.segment else ""
    return f"“{found.label}” is {found.verdict}{where}: {words.count(found.now)} {people}, {_expected(found):,.1f} expected, {ratio_text(found.ratio)}"


def _expected(found: Emerging) -> float:
    return found.before / max(found.n_before, 1) * found.n_now


def ratio_text(ratio: Estimate) -> str:
    """Return `2.7 times (1.6 to 4.4)`."""
    if ratio.value is None:
        return f"at least {ratio.low or 0:.1f} times"
    high = f"{ratio.high:.1f}" if ratio.high is not None else "any number"
    return f"{ratio.value:.1f} times ({ratio.low or 0:.1f} to {high})"


def watch_notes(watch: Watch, people: str) -> tuple[str, ...]:
    """Return how the look was made and how much it can be trusted."""
    notes = [
        f"{watch.n_tests} tests on {watch.n_topics} topics, {watch.period} against the {watch.n_baseline} {watch.unit}s before: {watch.method}.",
        f"If nothing had changed, such a look would show {watch.expected_false_alarms:.2g} false alarms a {watch.unit}. Were a topic told three times as often, it would be found at once for {words.percent(watch.power)} of the topics.",
    ]
    pooled = max((found.n_periods for found in watch.found), default=1)
    if pooled > 1:
        notes.append(
            f"Rows of several {watch.unit}s count each of the {people} of the last {pooled} {watch.unit}s together, and compare them with the {watch.unit}s before those."
        )
    if watch.not_compared:
        notes.append(f"Too few people to look at apart: {', '.join(watch.not_compared)}.")
    return tuple(notes)


def emerging(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of what emerges, if the map has one."""
    watch = journey.emerging
    if watch is None:
        return
    keys = {i: f"emerging:{i}" for i in range(len(watch.found))}
    people = words.people_word(journey, 2)
    titles = (
        "Issue",
        "Among",
        "Verdict",
        f"{people.capitalize()} now",
        "Expected",
        "Times as often",
        "p",
    )
    looks = ("text", "text", "text", "count", "decimal", "decimal", "p")
    table = Table(
        f"What emerges in {watch.period}",
        tuple(Column(t, look) for t, look in zip(titles, looks, strict=True)),
        tuple(Row(_emerging_cells(watch, e), keys[i]) for i, e in enumerate(watch.found)),
    )
    sets = {keys[i]: (f"{e.label}: {e.verdict}", e.evidence_ids) for i, e in enumerate(watch.found)}
    yield Section(
        "emerging",
        "What emerges",
        "Emerging",
        watch_lead(watch, people),
        (table,),
        watch_notes(watch, people),
        sets=sets,
    )


def _emerging_cells(watch: Watch, found: Emerging) -> tuple[Cell, ...]:
    pooled = f" ({window_name(watch, found.n_periods)})" if found.n_periods > 1 else ""
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


def fixes(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of what the fixes did, if the map has one."""
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


def needed_text(fix: FixVerdict) -> str:
    """Return how many more people it takes, and to find what."""
    if fix.verdict in {"worked", "got_worse"}:
        return DASH
    if fix.n_more:
        return f"about {words.count(fix.n_more)} more people {fix.reason}"
    return fix.reason or DASH


def _fix_cells(fix: FixVerdict) -> tuple[Cell, ...]:
    expected = DASH if fix.expected is None else f"{words.signed(100 * fix.expected, 1)} pp"
    return (
        text_cell(fix.name),
        text_cell(fix.target),
        text_cell(fix.segment or "everybody"),
        text_cell(f"{fix.date:%Y-%m-%d}"),
        text_cell(fix.owner),
        text_cell(VERDICTS[fix.verdict]),
        share_cell(fix.before),
        share_cell(fix.after),
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
                share_cell(point.share),
                share_cell(point.control) if point.control else Cell(DASH, None),
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


# -- over time, and scores of groups ---------------------------------------------------------


def timeline(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the lines over time, if the map has one."""
    told = journey.timeline
    if told is None or not told.lines:
        return
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    names = [_line_name(told, line, titles) for line in told.lines]
    periods = [period_name(point.start, told.unit) for point in told.lines[0].points]
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
    known = [point for point in line.points if point.estimate.value is not None]
    first, last = known[0], known[-1]
    what = "The score" if line.what == "score" else f"“{line.label}”"
    ends = [_point_cell(told, line, point).text for point in (first, last)]
    names = [period_name(point.start, told.unit) for point in (first, last)]
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
        return share_cell(e)
    return Cell(f"{scored_text(told.survey, told.measure, e)}, n {words.count(e.n)}", e.value)


def _drawn(told: Timeline, line: TrendLine, point: TrendPoint) -> dict[str, Any]:
    e = point.estimate
    return {
        "value": e.value, "low": e.low, "high": e.high, "n": e.n,
        "text": _point_cell(told, line, point).text,
    }  # fmt: skip

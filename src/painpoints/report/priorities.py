"""The sections of priority: what to do first, by impact and effort, and how far targets are off.

Computes none of the numbers but the quadrant, by the median of the gains.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from painpoints.domain import Estimate, Finding, JourneyMap, Score, StageView
from painpoints.findings import GIVEN
from painpoints.report import words
from painpoints.report.section import DASH, Cell, Column, Row, Section, Table, count_cell, text_cell

# -- what to do first -------------------------------------------------------------------------

MIDDLE_EFFORT = 3.0
QUADRANTS = {
    (True, True): "quick win",
    (True, False): "big project",
    (False, True): "fill-in",
    (False, False): "think twice",
}
"""By (gain at least the median, effort at most the middle)."""


OWNED_COLUMNS = (Column("Owner"), Column("Note"))
"""Beside them where the analyst's table names any."""


def first(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of what to do first, if the map has one."""
    claims = _claims(journey)
    if not claims:
        return
    scored = any(finding.impact for _, finding in claims)
    median = _median([gain for _, f in claims if (gain := gain_of(f, scored=scored)) is not None])
    owned = any(f.owner or f.note for _, f in claims)
    columns = (*_columns(journey, claims), *(OWNED_COLUMNS if owned else ()))
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


def _columns(
    journey: JourneyMap, claims: Sequence[tuple[StageView, Finding]]
) -> tuple[Column, ...]:
    look = words.points_look((f.impact_survey, f.impact_measure) for _, f in claims if f.impact)
    return (
        Column("What to do"), Column("Kind"), Column("Stage"),
        Column(words.people_title(journey), "count"), Column("Score would move by", look),
        Column("Gain", look), Column("Effort", "decimal"), Column("Quadrant"),
        Column("Rank in stage"),
    )  # fmt: skip


def _claims(journey: JourneyMap) -> list[tuple[StageView, Finding]]:
    """Return the ranked opportunities, and the pain points that none of them would remove."""
    found = []
    for view in journey.stages:
        removed = {f.topic_id for f in view.opportunities if f.opportunity == "remove_pain"}
        found += [(view, f) for f in view.opportunities]
        found += [(view, f) for f in view.pain_points if f.topic_id not in removed]
    return found


def gain_of(finding: Finding, *, scored: bool) -> float | None:
    """Return the size of the impact in score points; without any scores, reach x severity.

    A pain that goes with a higher score, or a delight with a lower one, is no gain: 0. Without
    scores praise counts half, as in its priority: what delights is given already.
    """
    delights = finding.opportunity == "extend_delight"
    if not scored:
        return finding.reach * (GIVEN if delights else max(finding.severity, 1.0))
    if finding.impact is None or finding.impact.value is None:
        return None
    return max(0.0, finding.impact.value if delights else -finding.impact.value)


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
    if not scored:
        return "Ordered by people and severity: there are no scores to go by."
    first = next((f for _, f in ordered if moves_by(f) and gain_of(f, scored=True)), None)
    if first is None:
        return "Nobody who tells a pain scores lower than the rest."
    return f"If those who tell of “{first.label}” scored like the rest: {moves_text(first)}."


def _first_notes(
    claims: Sequence[tuple[StageView, Finding]], unmatched: Sequence[str], *, scored: bool
) -> tuple[str, ...]:
    notes = [
        "Gain: size of the impact on the score, 0 where a pain goes with a higher score; it goes with the score and need not cause it, and gains of several do not add up."
        if scored
        else f"Gain: people x severity, or people x {GIVEN} for what is praised already, as there are no scores."
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


# -- targets ----------------------------------------------------------------------------------


def targets(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the targets, if the map has one."""
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

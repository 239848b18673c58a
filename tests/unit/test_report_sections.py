"""Sections below the map: the same rows in page, note and workbook, each with its evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import polars as pl
import pytest
from python_calamine import CalamineWorkbook
from tests.sample_map import SCRIPT, sample

from painpoints import terminal
from painpoints.domain import (
    Emerging,
    Estimate,
    Evidence,
    Finding,
    FixPoint,
    FixVerdict,
    JourneyMap,
    Paths,
    Persona,
    Personas,
    PersonaTrait,
    Return,
    SegmentDifference,
    SegmentView,
    Timeline,
    Transition,
    TrendLine,
    TrendPoint,
    Watch,
)
from painpoints.report import markdown, workbook
from painpoints.report.payload import payload
from painpoints.report.priorities import QUADRANTS, moves_text
from painpoints.report.section import Section
from painpoints.report.sections import sections

SAMPLE = sample(400)


def watch(rows: tuple[Evidence, ...], label: str = "Late", verdict: str = "rising") -> Watch:
    """A look that found one issue, told by the first mentions."""
    ids = tuple(row.mention_id for row in rows[:7])
    found = Emerging(
        "t09",
        label,
        "plan: Pro",
        1,
        7,
        100,
        10,
        400,
        Estimate(2.8, 0.9, 8.1, 7),
        0.012,
        verdict,
        ids,
    )
    return Watch(
        "week", "2026-W26", 8, 30, 60, 0.05, 0.04, 0.31, (found,), ("plan: Basic",), "exact"
    )


def fixed(rows: tuple[Evidence, ...], verdict: str = "no_evidence") -> FixVerdict:
    """A fix with two windows."""
    day, ids = datetime(2026, 4, 1, tzinfo=UTC), tuple(row.mention_id for row in rows)
    share = Estimate(0.2, 0.1, 0.3, 50)
    points = tuple(FixPoint(day + timedelta(days=7 * i), share, share) for i in (-1, 0))
    return FixVerdict(
        name="New Form", target="topic Late", segment="plan=Pro", date=day, owner="Kim",
        expected=-0.05, method="did", before=share, after=share, control_before=share,
        control_after=share, effect=Estimate(-0.041, -0.06, -0.022, 50), p_value=0.2,
        verdict=verdict, n_more=120, reason="to find the expected change", unit="weeks",
        series=points, evidence_before=ids[:3], evidence_after=ids[3:6],
    )  # fmt: skip


def segment(rows: tuple[Evidence, ...], small: bool = False) -> SegmentView:  # noqa: FBT001, FBT002 - one switch of a test
    """A segment that scores lower and tells one thing more often."""
    share = Estimate(0.1, 0.05, 0.15, 90)
    apart = SegmentDifference(
        "pain_point", "use", "t17", "Drops", 30, 0.33, 0.2, share, 0.004, (rows[8].mention_id,)
    )
    here, rest = Estimate(-20.0, -30.0, -10.0, 90), Estimate(5.0, 0.0, 10.0, 300)
    return SegmentView("plan", "Pro", 90, small, "nps", "nps", here, rest, 0.01, () if small else (apart,))  # fmt: skip


def walked(rows: tuple[Evidence, ...]) -> Paths:
    """Two paths, one of them of few people, and who is heard again."""
    share, ids = Estimate(0.4, 0.2, 0.6, 40), tuple(row.mention_id for row in rows[:4])
    way = Transition("delivery", "use", 40, share, share, small=False, evidence_ids=ids)
    few = replace(way, following="support", n_people=2, small=True)
    after = Return(
        90, share, Estimate(0.6, 0.5, 0.7, 80), Estimate(-0.2, -0.3, -0.1, 40), 0.01, ids
    )
    return Paths(100, 42, (way, few), after)


def told() -> tuple[JourneyMap, tuple[Evidence, ...]]:
    """The sample map with a section of each kind."""
    journey, rows = SAMPLE
    more = {"segments": (segment(rows),), "paths": walked(rows)}
    return replace(journey, emerging=watch(rows), fixes=(fixed(rows),), **more), rows


def by_name(journey: JourneyMap) -> dict[str, Section]:
    """The sections by their names."""
    return {section.name: section for section in sections(journey)}


def test_a_map_with_nothing_more_has_no_sections() -> None:
    """Nothing is drawn where nothing was found out."""
    assert sections(replace(SAMPLE[0], stages=())) == ()


def test_every_row_leads_to_its_mentions() -> None:
    """Page: numbers into the evidence; workbook: ids; each row's key has a set."""
    journey, rows = told()
    sets = payload(journey, rows, n_evidence=len(rows))["sets"]
    assert sets
    for section in sections(journey):
        for row in (row for table in section.tables for row in table.rows if row.key):
            ids = section.sets[row.key][1]
            assert [rows[i].mention_id for i in sets[row.key]["members"]] == list(ids)


def test_all_forms_say_the_same() -> None:
    """Each row's cells stand in the note as text and in the workbook as values, with its ids."""
    journey, rows = told()
    note = markdown.note(journey, rows)
    book = CalamineWorkbook.from_filelike(
        BytesIO(workbook.xlsx(journey, rows, n_evidence_total=len(rows)))
    )
    for section in sections(journey):
        assert markdown.escaped(section.lead) in note
        sheet = book.get_sheet_by_name(section.sheet).to_python(skip_empty_area=False)
        for i, (row, written) in enumerate(zip(section.tables[0].rows, sheet[2:], strict=True)):
            said = " | ".join(markdown.cell_text(cell.text) for cell in row.cells)
            assert (said in note) == (i < markdown.MAX_ROWS)
            values = [cell.value if cell.value is not None else "" for cell in row.cells]
            for there, value in zip(written, values, strict=False):
                assert there == (pytest.approx(value) if isinstance(value, float) else value)
            if row.key in section.sets:
                assert written[len(values)] == ", ".join(section.sets[row.key][1])


def test_the_look_says_how_sure_it_is() -> None:
    """The lead names the issue with its interval; the notes the false alarms and the power."""
    journey, rows = told()
    section = by_name(journey)["emerging"]
    assert (
        "“Late” is rising among plan: Pro: 7 people, 2.5 expected, 2.8 times (0.9 to 8.1)"
        in section.lead
    )
    assert "0.04 false alarms a week" in section.notes[1]
    assert "31.0 % of the topics" in section.notes[1]
    quiet = replace(journey, emerging=replace(watch(rows), found=()))
    assert by_name(quiet)["emerging"].lead.startswith("Nothing new: in 2026-W26")
    yearly = replace(journey, emerging=watch(rows, verdict="seasonal"))
    assert by_name(yearly)["emerging"].lead.startswith("Nothing new")


@pytest.mark.parametrize(
    ("unit", "period", "window"),
    [
        ("month", "2026-02", "2025-12 to 2026-02"),
        ("week", "2026-W01", "2025-W51 to 2026-W01"),
        ("quarter", "2026-Q2", "2025-Q4 to 2026-Q2"),
        ("year", "2026", "2024 to 2026"),
    ],
)
def test_pooled_periods_are_named_from_the_first(unit: str, period: str, window: str) -> None:
    """People of several periods are not told as those of the last: in lead, row and notes."""
    journey, rows = told()
    look = watch(rows)
    pooled = replace(look, unit=unit, period=period, found=(replace(look.found[0], n_periods=3),))
    section = by_name(replace(journey, emerging=pooled))["emerging"]
    assert section.lead.startswith(f"In {window}, “Late” is rising among plan: Pro: 7 people")
    assert section.tables[0].rows[0].cells[2].text == f"rising ({window})"
    assert f"last 3 {unit}s together" in section.notes[2]
    assert not any("together" in note for note in by_name(journey)["emerging"].notes)


def test_labels_stay_text() -> None:
    """Markup in a label is no markup in the note."""
    journey, rows = told()
    assert SCRIPT not in markdown.note(replace(journey, emerging=watch(rows, SCRIPT)), rows)


@pytest.mark.parametrize("ratio", [Estimate(None, 3.2, None, 9), Estimate(2.0, 1.1, None, 9)])
def test_open_ratios_read_well(ratio: Estimate) -> None:
    """What nobody told before is at least so many times as often; an open end is said."""
    journey, rows = told()
    found = replace(watch(rows).found[0], ratio=ratio)
    lead = by_name(replace(journey, emerging=replace(watch(rows), found=(found,))))["emerging"].lead
    assert ("at least 3.2 times" in lead) or ("any number" in lead)


def test_a_fix_says_what_it_did_or_what_it_takes() -> None:
    """The lead gives the verdict by name; without evidence the row says how many more people."""
    journey, rows = told()
    section = by_name(journey)["fixes"]
    assert section.lead == "No evidence yet: “New Form”."
    cells = {c.title: cell.text for c, cell in zip(section.tables[0].columns, section.tables[0].rows[0].cells, strict=True)}  # fmt: skip
    assert cells["Effect"] == "−4.1 pp (−6.0 to −2.2 pp)"
    assert cells["Still needed"] == "about 120 more people to find the expected change"
    assert len(section.tables[1].rows) == 2
    worked = by_name(replace(journey, fixes=(fixed(rows, "worked"),)))["fixes"]
    assert worked.lead == "Worked: “New Form”."


def efforts(*eases: float | None) -> JourneyMap:
    """The sample map in which the claims of each stage were judged so, in turn."""
    journey, _ = SAMPLE

    def judged(claims: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(replace(f, feasibility=eases[i % len(eases)]) for i, f in enumerate(claims))

    views = tuple(
        replace(v, pain_points=judged(v.pain_points), opportunities=judged(v.opportunities))
        for v in journey.stages
    )
    return replace(journey, stages=views)


def test_what_to_do_first_stands_by_gain() -> None:
    """Ordered by the size of the impact; each claim once; a removed pain stands as an opportunity."""
    section = by_name(efforts(None))["first"]
    gains = [row.cells[5].value for row in section.tables[0].rows]
    known = [gain for gain in gains if gain is not None]
    assert gains[: len(known)] == pytest.approx(sorted(known, reverse=True))
    topics = [row.key.split(":")[1:] for row in section.tables[0].rows]
    removed = {
        (view.stage.name, f.topic_id)
        for view in SAMPLE[0].stages
        for f in view.opportunities
        if f.opportunity == "remove_pain"
    }
    assert len(topics) == len(section.tables[0].rows)
    assert not any(row.key.startswith("pain_point:") and tuple(row.key.split(":")[1:]) in removed for row in section.tables[0].rows)  # fmt: skip
    assert section.lead.startswith("If those who tell of “")
    assert section.figure is not None
    assert section.figure["points"] == []


def claims(*found: Finding) -> Section:
    """What to do first where one stage has these pain points and opportunities."""
    view = replace(
        SAMPLE[0].stages[3],
        pain_points=tuple(f for f in found if f.kind == "pain_point"),
        opportunities=tuple(f for f in found if f.kind == "opportunity"),
    )
    return by_name(replace(SAMPLE[0], stages=(view,)))["first"]


PAIN = replace(SAMPLE[0].stages[3].pain_points[0], impact_survey="nps", topic_id="t-pain")
PRAISE = replace(
    PAIN, kind="opportunity", opportunity="extend_delight", topic_id="t-praise", finding_id="p"
)


def test_what_goes_against_its_kind_is_no_gain() -> None:
    """A pain told by those who score higher, and praise by those who score lower, gain nothing."""
    up, down = Estimate(2.0, 1.0, 3.0, 9), Estimate(-2.0, -3.0, -1.0, 9)
    odd = claims(replace(PAIN, impact=up), replace(PRAISE, impact=down))
    assert [row.cells[5].value for row in odd.tables[0].rows] == [0.0, 0.0]
    assert odd.lead == "Nobody who tells a pain scores lower than the rest."
    usual = claims(replace(PAIN, impact=down), replace(PRAISE, impact=up))
    assert [row.cells[5].text for row in usual.tables[0].rows] == ["2.0", "2.0"]


def test_without_scores_praise_counts_half_as_in_its_priority() -> None:
    """What to do first has the order of the priorities: what delights is given already."""
    pain = replace(PAIN, impact=None, reach=60, severity=1.5)
    section = claims(pain, replace(PRAISE, impact=None, reach=100))
    assert [row.cells[5].value for row in section.tables[0].rows] == [90.0, 50.0]
    assert [row.cells[1].value for row in section.tables[0].rows] == ["Pain point", "Extend a delight"]  # fmt: skip


def test_gains_in_shares_are_percent_in_the_workbook() -> None:
    """Where the page reads 0.6 pp, no spreadsheet reads 0.01."""
    share = {"impact_survey": "csat", "impact_measure": "top_two_share"}
    section = claims(replace(PAIN, impact=Estimate(-0.006, -0.011, -0.002, 9), **share))
    assert section.tables[0].rows[0].cells[5].text == "0.6 pp"
    assert [column.look for column in section.tables[0].columns[4:6]] == ["share", "share"]
    nps = claims(replace(PAIN, impact=Estimate(-2.0, -3.0, -1.0, 9)))
    assert [column.look for column in nps.tables[0].columns[4:6]] == ["decimal", "decimal"]


def test_quadrants_are_by_gain_and_effort() -> None:
    """Much gain for little effort is a quick win; what is not judged has no quadrant."""
    journey = efforts(5.0, 1.0, None)
    section = by_name(journey)["first"]
    assert section.lead.startswith("Quick wins: ")
    points = section.figure["points"] if section.figure else []
    assert points
    for point in points:
        large, easy = point["gain"] >= point["median"], point["effort"] <= 3
        assert point["quadrant"] == QUADRANTS[large, easy]
    unjudged = [row for row in section.tables[0].rows if row.cells[6].value is None]
    assert all(row.cells[7].value is None for row in unjudged)


def test_owner_and_note_stand_beside_the_effort() -> None:
    """Two more columns where the table names any; what it named in vain is told."""
    journey = efforts(5.0)
    assert [c.title for c in by_name(journey)["first"].tables[0].columns][-1] == "Rank in stage"
    views = tuple(
        replace(v, pain_points=tuple(replace(f, owner="Ada", note="waits") for f in v.pain_points))
        for v in journey.stages
    )
    section = by_name(replace(journey, stages=views, efforts_unmatched=("Lat", "moon")))["first"]
    assert [c.title for c in section.tables[0].columns][-2:] == ["Owner", "Note"]
    told = {row.cells[1].value: [c.value for c in row.cells[-2:]] for row in section.tables[0].rows}
    assert told["Pain point"] == ["Ada", "waits"]
    assert section.notes[-1] == "Judged in feasibility.csv, but no finding bears the name: “Lat”, “moon”."  # fmt: skip


def test_the_workbook_draws_the_quadrants() -> None:
    """A native chart stands beside the table where efforts were judged, and only there."""
    for journey, n in ((efforts(5.0), 1), (efforts(None), 0)):
        book = workbook.xlsx(journey, SAMPLE[1], n_evidence_total=len(SAMPLE[1]))
        with ZipFile(BytesIO(book)) as packed:
            charts = [name for name in packed.namelist() if name.startswith("xl/charts/chart")]
        assert len(charts) == n


def test_the_score_would_move_against_the_impact() -> None:
    """What lowers the score by 4.4 (6.0 to 2.8) would lift it by as much; wishes say nothing."""
    pain = replace(
        SAMPLE[0].stages[3].pain_points[0],
        impact=Estimate(-4.4, -6.0, -2.8, 9),
        impact_survey="nps",
    )
    assert moves_text(pain) == "NPS +4.4 (+2.8 to +6.0)"
    assert moves_text(replace(pain, opportunity="asked_for")) == "–"
    assert moves_text(replace(pain, impact=None)) == "–"


def test_segments_say_who_scores_otherwise_and_who_is_too_few() -> None:
    """The lead names the segment with both scores; small ones are named as too few."""
    journey, rows = told()
    section = by_name(journey)["segments"]
    assert section.lead == "plan Pro scores NPS −20 against NPS +5; 1 group is told surely more often in one of them."  # fmt: skip
    few = by_name(replace(journey, segments=(segment(rows, small=True),)))["segments"]
    none = by_name(replace(journey, segments=(replace(segment(rows), apart=()),)))["segments"]
    assert none.lead.endswith("; nothing is told surely more often in one of them.")
    assert "Too few people to compare: plan: Pro (n 90)." in few.notes


def test_paths_say_whether_silence_goes_with_pain() -> None:
    """Both shares with their difference; paths of few people are counted, not drawn."""
    journey, rows = told()
    section = by_name(journey)["paths"]
    assert section.lead == "Those who told a pain are heard again less often: 40.0 % against 60.0 % within 90 days (−20.0 pp (−30.0 to −10.0 pp))."  # fmt: skip
    assert len(section.tables[0].rows) == 1
    assert "1 more path is taken by too few people to tell." in section.notes
    assert section.figure is not None
    assert section.figure["flows"] == [{"from": "Delivery", "to": "Use", "n": 40, "pain": 0.4}]
    none = by_name(replace(journey, paths=replace(walked(rows), after=None)))["paths"]
    assert "too few or too short" in none.lead


def test_what_is_told_less_often_is_not_listed_twice() -> None:
    """Less often here is more often elsewhere: only the latter stands in the table, pains first."""
    journey, rows = told()
    view = segment(rows)
    less = replace(view.apart[0], difference=Estimate(-0.1, -0.2, -0.05, 90))
    praise = replace(view.apart[0], group="extend_delight", p_value=0.0001)
    section = by_name(
        replace(journey, segments=(replace(view, apart=(praise, less, *view.apart)),))
    )
    shown = [row.cells[1].value for row in section["segments"].tables[0].rows]
    assert shown == ["pain", "praise"]


def test_two_values_are_told_once_and_each_by_its_name() -> None:
    """What the smaller of two segments tells more often stands under its own name, turned round."""
    journey, rows = told()
    view = segment(rows)
    less = replace(
        view.apart[0], share_here=0.1, share_elsewhere=0.3, elsewhere=12,
        difference=Estimate(-0.2, -0.3, -0.1, 90), evidence_elsewhere=(rows[2].mention_id,),
    )  # fmt: skip
    pair = replace(view, against="Basic", n_rest=40, apart=(less,))
    section = by_name(replace(journey, segments=(pair,)))["segments"]
    assert section.lead.startswith("plan Pro scores NPS −20 against NPS +5 of Basic; 1 group is")
    (row,) = section.tables[0].rows
    assert [cell.value for cell in row.cells[3:8]] == ["plan: Basic", 12, 0.3, 0.1, 0.2]
    assert row.cells[7].text == "+20.0 pp (+10.0 to +30.0 pp)"
    assert section.sets[row.key] == ("Drops, plan: Basic", (rows[2].mention_id,))
    assert section.tables[1].rows[0].cells[3].text.startswith("Basic: NPS +5")
    few = by_name(replace(journey, segments=(replace(pair, small=True, n_rest=7),)))["segments"]
    assert "Too few people to compare: plan: Basic (n 7)." in few.notes


def looked(rows: tuple[Evidence, ...]) -> Personas:
    """Two personas of which one is on `Pro` more often."""
    share = Estimate(0.4, 0.35, 0.45, 500)
    score, rest = Estimate(-20.0, -30.0, -10.0, 200), Estimate(5.0, 0.0, 10.0, 300)
    drops = PersonaTrait("Drops", "t17", 150, 0.75, 0.1, None, (rows[3].mention_id,))
    pro = PersonaTrait("plan: Pro", "segment_plan", 120, 0.6, 0.3, 0.001)
    one = Persona("Drops, scoring lower", 200, share, (drops,), (pro,), score, rest)
    two = Persona("Prices", 300, replace(share, value=0.6), (), (), rest, score)
    return Personas("found", "2 groups", 900, 500, "k-means", 0.05, 0.91, "nps", "nps", (one, two))


def test_personas_are_shown_with_what_sets_them_apart() -> None:
    """Each with its people, score and traits; a subject leads to its mentions."""
    journey, rows = told()
    section = by_name(replace(journey, personas=looked(rows)))["personas"]
    assert section.lead == "2 groups: “Drops, scoring lower” (40.0 % of the people placed); “Prices” (60.0 % of the people placed)."  # fmt: skip
    whole, traits = section.tables
    assert [cell.text for cell in whole.rows[0].cells[1:2] + whole.rows[0].cells[3:]] == ["200", "NPS −20 (−30 to −10)", "NPS +5 (0 to +10)"]  # fmt: skip
    assert [[cell.value for cell in row.cells[1:]] for row in traits.rows] == [
        ["tells of", "Drops", 150, 0.75, 0.1, None],
        ["more often", "plan: Pro", 120, 0.6, 0.3, 0.001],
    ]
    assert section.sets[traits.rows[0].key][1] == (rows[3].mention_id,)
    assert traits.rows[1].key == ""


def test_no_personas_are_said_to_be_none_and_why() -> None:
    """The lead gives the reason, the notes what was looked at; the tables are empty."""
    journey, rows = told()
    none = replace(looked(rows), verdict="none", reason="no clear groups", found=())
    section = by_name(replace(journey, personas=none))["personas"]
    assert section.lead == "No personas: no clear groups."
    assert not any(table.rows for table in section.tables)
    assert section.notes[1].startswith("Looked at: 500 of 900 people")


def test_personas_of_answers_do_not_speak_of_people() -> None:
    """Where nobody is named, answers were looked at; where nobody was heard, nothing was."""
    journey, rows = told()
    none = replace(looked(rows), verdict="none", reason="no clear groups", found=())
    for look in (looked(rows), none):
        section = by_name(replace(journey, people_known=False, personas=look))["personas"]
        titles = [column.title for table in section.tables for column in table.columns]
        assert not any("eople" in text for text in (section.lead, *section.notes, *titles))
        assert "Answers" in titles
    assert "personas" not in by_name(replace(journey, personas=replace(none, n_heard=0)))


def test_lines_are_told_by_period_with_their_intervals() -> None:
    """A row per period, a column per line, each cell with its interval; rows lead to the pains."""
    journey, rows = told()
    days = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 4)]
    score = tuple(TrendPoint(day, Estimate(v, v - 9, v + 9, 80)) for day, v in zip(days, (12.0, 20.0), strict=True))  # fmt: skip
    share = tuple(TrendPoint(day, Estimate(0.1, 0.05, 0.15, 90), (rows[i].mention_id,)) for i, day in enumerate(days))  # fmt: skip
    lines = (
        TrendLine("score", "", "", "", score),
        TrendLine("share", "Drops", "use", "t17", share),
    )
    section = by_name(replace(journey, timeline=Timeline("quarter", "nps", "nps", lines)))[
        "timeline"
    ]
    assert section.lead == "The score: NPS +12 (+3 to +21), n 80 in 2026-Q1, NPS +20 (+11 to +29), n 80 in 2026-Q2."  # fmt: skip
    (table,) = section.tables
    assert [c.title for c in table.columns] == ["Period", "NPS", "Drops, Use"]
    assert [cell.value for cell in table.rows[1].cells] == ["2026-Q2", 20.0, 0.1]
    assert section.sets["period:2026-Q2"][1] == (rows[1].mention_id,)
    assert section.figure is not None
    assert [item["title"] for item in section.figure["items"]] == ["NPS", "Drops, Use"]


def test_lines_of_pains_alone_are_drawn() -> None:
    """Without scores the pains stand alone, told from where they are known; without any line there is no section."""
    journey, _ = told()
    gap, *days = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
    share = (
        TrendPoint(gap, Estimate(None, None, None, 0)),
        *(TrendPoint(day, Estimate(0.1, 0.05, 0.15, 90)) for day in days),
    )
    lines = Timeline("month", None, "", (TrendLine("share", "Drops", "use", "t17", share),))
    section = by_name(replace(journey, timeline=lines))["timeline"]
    assert section.lead.startswith("“Drops”: 10.0 %")
    assert "2026-02" in section.lead
    assert [c.title for c in section.tables[0].columns] == ["Period", "Drops, Use"]
    assert "timeline" not in by_name(replace(journey, timeline=replace(lines, lines=())))


def test_scores_of_touchpoints_and_channels_stand_in_one_table() -> None:
    """The first measure of each, by people; small ones are said to be too few."""
    journey, _ = SAMPLE
    score = journey.scores[0]
    few = replace(score, small=True, estimate=replace(score.estimate, n=3))
    by = {"touchpoint": {"app": (few,), "customer_service": (score,)}, "channel": {"web": (score,)}}
    section = by_name(replace(journey, scores_by=by))["scores"]
    assert [row.cells[0].value for row in section.tables[0].rows] == [
        "touchpoint: customer service", "touchpoint: app", "channel: web",
    ]  # fmt: skip
    assert section.tables[0].rows[1].cells[3].text == "too few"
    assert section.tables[0].rows[0].cells[3].value == score.estimate.value
    assert section.lead.startswith("touchpoint: customer service is spoken of most by those who scored: NPS ")  # fmt: skip
    assert section.tables[0].columns[3].look == "decimal"
    csat = replace(score, survey="csat", measure="top_two_share")
    shares = by_name(replace(journey, scores_by={"channel": {"web": (csat,)}}))["scores"]
    assert shares.tables[0].columns[3].look == "share"


def test_nobody_speaks_of_a_channel() -> None:
    """The lead is of a touchpoint, wherever it stands; people came by a channel."""
    journey, _ = SAMPLE
    both = {"channel": {"email": journey.scores}, "touchpoint": {"app": journey.scores}}
    lead = by_name(replace(journey, scores_by=both))["scores"].lead
    assert lead.startswith("touchpoint: app is spoken of most by those who scored")
    alone = by_name(replace(journey, scores_by=both | {"touchpoint": {"app": ()}}))["scores"].lead
    assert alone.startswith("channel: email is what those who scored came by most: NPS ")


def test_tables_do_not_call_answers_people() -> None:
    """Where the export does not tell who answered, columns and sentences count answers."""
    journey, rows = told()
    score = {"channel": {"web": journey.scores}}
    unknown = by_name(replace(journey, people_known=False, scores_by=score))
    for name in ("first", "scores", "segments", "emerging"):
        titles = [column.title for table in unknown[name].tables for column in table.columns]
        assert any(title.startswith("Answers") for title in titles)
        assert not any(title.startswith("People") for title in titles)
    assert "7 answers" in unknown["emerging"].lead
    assert "Answers" in workbook_heads(replace(journey, people_known=False), rows)
    assert "People" in workbook_heads(journey, rows)


def test_the_terminal_does_not_call_answers_people(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed after an analysis counts what the export counts."""
    journey, _ = told()
    for known, head in ((True, "People"), (False, "Answers")):
        terminal.print_map(replace(journey, people_known=known))
        heads = [line for line in capsys.readouterr().out.splitlines() if "Finding" in line]
        assert heads
        assert all(head in line for line in heads)


def test_the_terminal_says_why_nothing_stands_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Pains need people enough; praise, besides, an effect that is sure."""
    bare = replace(SAMPLE[0], stages=(), people_known=False)
    terminal.print_map(bare)
    said = " ".join(capsys.readouterr().out.split())
    assert "What hurts: nothing that enough answers speak of to rank." in said
    assert "What could be gained: nothing that surely lifts the score or is asked for by enough answers." in said  # fmt: skip


def test_labels_are_whole_words_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """However long the mention, no label is broken, and names read as words."""
    labels = {"stage": "consideration", "touchpoint": "customer_service", "sentiment": "negative", "type": "pain_point"}  # fmt: skip
    row = {"text": "nobody ever answers the telephone there", **labels, "severity": 3}
    terminal.print_mentions(pl.DataFrame([row]), out=None, as_json=False)
    said = capsys.readouterr().out
    for label in labels.values():
        assert label.replace("_", " ") in said
    assert max(map(len, said.splitlines())) <= 80


def workbook_heads(journey: JourneyMap, rows: tuple[Evidence, ...]) -> list[object]:
    """The titles of the sheet of pain points."""
    book = workbook.xlsx(journey, rows, n_evidence_total=len(rows))
    sheet = CalamineWorkbook.from_filelike(BytesIO(book)).get_sheet_by_name("Pain points")
    return list(sheet.to_python()[1])


def test_targets_are_met_missed_or_open() -> None:
    """By the interval: all of it better, all worse, or holding the target."""
    journey, _ = SAMPLE
    e = journey.stages[3].scores[0].estimate
    for target, verdict in ((e.low - 1, "met"), (e.high + 1, "missed"), (e.value, "open")):
        views = tuple(replace(v, target=target) if i == 3 else v for i, v in enumerate(journey.stages))  # fmt: skip
        section = by_name(replace(journey, stages=views))["targets"]
        assert section.tables[0].rows[0].cells[4].value == verdict
        assert ("Missed: Delivery" in section.lead) == (verdict == "missed")

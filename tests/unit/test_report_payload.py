"""The data of the page: compact, complete, and exact to the letter."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_map import STAGES, counted, evidence, sample
from tests.synthetic import frames

from painpoints import domain, drivers, findings, journeymap, surveys
from painpoints.domain import Evidence, Stage
from painpoints.report import payload


def quoted(row: Evidence) -> Evidence:
    """Return the row as the page reads it: cut from UTF-16 units."""
    start, end = payload.utf16_span(row)
    units = row.verbatim.encode("utf-16-le", "surrogatepass")
    return replace(row, verbatim=units[2 * start : 2 * end].decode("utf-16-le", "surrogatepass"))


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_offsets_survive_the_change_of_language(text: str, a: int, b: int) -> None:
    """The page cuts the same quote as Python does, whatever letters and emoji come before."""
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    row = replace(evidence(1)[0], verbatim=text, start=start, end=end)
    assert quoted(row).verbatim == text[start:end]


def test_columns_give_every_row_back() -> None:
    """Reading the columns row by row gives the evidence that went in."""
    rows = evidence(120)
    columns = payload.columns(rows)
    feedback, mentions = columns["feedback"], columns["mentions"]

    def coded(column: dict[str, list[object]], i: int) -> object:
        return column["names"][column["codes"][i]]  # type: ignore[call-overload]

    assert len(feedback["id"]) == len({row.feedback_id for row in rows})
    for i, row in enumerate(rows):
        at = mentions["feedback"][i]
        assert feedback["id"][at] == row.feedback_id
        assert feedback["verbatim"][at] == row.verbatim
        assert mentions["id"][i].replace("~", row.feedback_id) == row.mention_id
        assert coded(mentions["topic"], i) == row.topic_id
        assert coded(mentions["stage"], i) == row.stage
        assert coded(feedback["segments"]["plan"], at) == row.segments["plan"]
        assert feedback["score"][at] == row.score


def test_people_keep_apart() -> None:
    """Two answers carry the same person's number exactly when one person gave both."""
    rows = evidence(300)
    feedback = payload.columns(rows)["feedback"]
    person = {row.feedback_id: row.person for row in rows}
    numbers: dict[str, int] = {}
    for key, number in zip(feedback["id"], feedback["person"], strict=True):
        assert numbers.setdefault(person[key], number) == number
    assert len(set(numbers.values())) == len(numbers)


def test_members_are_all_the_mentions_behind_a_finding() -> None:
    """Every finding counts as many members as mentions, the named ones first."""
    journey, rows = sample(600)
    members = payload.payload(journey, rows, n_evidence=len(rows))["members"]
    for finding in payload.findings(journey):
        told = [rows[i].mention_id for i in members[finding.finding_id]]
        assert len(told) == finding.n_mentions
        assert told == list(finding.evidence_ids)


def test_members_are_completed_where_only_some_are_named() -> None:
    """A finding that names its most telling mentions gets the rest by stage, topic and kind."""
    journey, rows = sample(600)
    few = tuple(
        replace(
            view,
            pain_points=tuple(
                replace(f, evidence_ids=f.evidence_ids[:2]) for f in view.pain_points
            ),
        )
        for view in journey.stages
    )
    members = payload.payload(replace(journey, stages=few), rows, n_evidence=0)["members"]
    for view in journey.stages:
        for finding in view.pain_points:
            told = [rows[i].mention_id for i in members[finding.finding_id]]
            assert told[:2] == list(finding.evidence_ids[:2])
            assert sorted(told) == sorted(finding.evidence_ids)


def test_members_of_every_kind_are_those_of_the_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few are named, the rest are the findings' own: questions that show a need too."""
    monkeypatch.setattr(findings, "MAX_EVIDENCE", 2)
    asked = "Why is there no dark mode?"
    made = frames(300, seed=3)
    turned = (pl.col("type") == "request") & (pl.col("row") % 2 == 0)
    ends = pl.col("start", "end") + len(asked) + 1
    mentions = made.mentions.with_row_index("row").with_columns(ends)
    mentions = mentions.with_columns(
        type=pl.when(turned).then(pl.lit("question")).otherwise("type"),
        text=pl.when(turned).then(pl.lit(asked)).otherwise("text"),
        start=pl.when(turned).then(0).otherwise("start"),
        end=pl.when(turned).then(len(asked)).otherwise("end"),
    ).drop("row")
    feedback = made.feedback.with_columns(verbatim=pl.format(asked + " {}", "verbatim"))
    drawn = drivers.measure(feedback, mentions, n_bootstrap=5)
    found = findings.find(feedback, mentions, made.topics, drawn, n_bootstrap=5)
    stages = [Stage(name, name) for name in domain.STAGES]
    journey = journeymap.build(feedback, mentions, made.topics, found, stages=stages, title="T")
    rows = journeymap.evidence(feedback, mentions, found)
    members = payload.payload(journey, rows, n_evidence=len(rows))["members"]
    told = {finding.opportunity: finding for finding in payload.findings(journey)}
    assert set(told) == {None, "remove_pain", "asked_for", "extend_delight"}
    for finding in payload.findings(journey):
        assert len(members[finding.finding_id]) == finding.n_mentions


@pytest.mark.parametrize(
    ("survey", "top"), [("nps", 10.0), ("csat", 5.0), ("csat", 7.0), ("ces", 7.0), ("stars", 20.0), ("thumbs", 1.0)]
)  # fmt: skip
def test_each_scale_has_its_measures(survey: str, top: float) -> None:
    """Every measure of a kind and its scale is told to the page, with bands and words."""
    rows = [replace(row, survey=survey, score=1.0, score_max=top) for row in evidence(5)]
    measures = payload.measures(rows)
    for told, measure in zip(measures, surveys.measures(survey, top), strict=True):
        assert (told["bottom"], told["top"]) == (measure.bottom, measure.top)
        assert (told["score_max"], told["kind"]) == (top, measure.kind)
        assert told["convention"] == measure.convention
        assert told["good"] == (list(measure.good) if measure.good else None)


def test_only_what_was_scored_has_a_measure() -> None:
    """Without a score there is none; two scales of one kind have one each."""
    rows = [replace(row, survey="csat", score=None, score_max=5.0) for row in evidence(20)]
    assert payload.measures(rows) == []
    rows = [replace(row, score=2.0, score_max=7.0 if i else 5.0) for i, row in enumerate(rows)]
    assert {told["score_max"] for told in payload.measures(rows)} == {5.0, 7.0}


def test_questions_of_one_row_are_one_answer() -> None:
    """Feedbacks share an answer's number where row, person, scale and score are the same."""
    row = replace(evidence(1)[0], score=8.0)
    second = replace(row, feedback_id="b")
    others = [replace(row, feedback_id="c", row=9), replace(row, feedback_id="d", score=3.0)]
    feedback = payload.columns([row, second, *others])["feedback"]
    assert feedback["answer"] == [0, 0, 1, 2]


def test_an_empty_map_has_empty_columns() -> None:
    """Nothing in, nothing out, in the same layout."""
    told = payload.payload(counted(()), (), n_evidence=0)
    assert told["evidence"]["mentions"]["id"] == []
    assert told["members"] == {}
    assert len(told["map"]["stages"]) == len(STAGES)

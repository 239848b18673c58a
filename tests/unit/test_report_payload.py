"""The data of the page: compact, complete, and exact to the letter."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_map import STAGES, counted, evidence, sample

from painpoints import surveys
from painpoints.domain import Estimate, Evidence, Score
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


@pytest.mark.parametrize(
    ("survey", "top"), [("nps", 10.0), ("csat", 5.0), ("csat", 7.0), ("ces", 7.0), ("stars", 5.0), ("thumbs", 1.0)]
)  # fmt: skip
def test_the_measure_of_a_score_is_found_by_its_words(survey: str, top: float) -> None:
    """Each measure that the engine prints is told to the page with its scale and bands."""
    for measure in surveys.measures(survey, top):
        said = measure.convention + "; 3 answers off the scale left out"
        score = Score(survey, Estimate(1, 0, 2, 9), said, measure.name, measure.low, measure.high)
        journey = replace(counted((), STAGES), scores=(score,))
        (told,) = payload.measures(journey)
        assert (told["bottom"], told["top"]) == (measure.bottom, measure.top)
        assert told["kind"] == measure.kind
        assert told["good"] == (list(measure.good) if measure.good else None)


def test_an_empty_map_has_empty_columns() -> None:
    """Nothing in, nothing out, in the same layout."""
    told = payload.payload(counted(()), (), n_evidence=0)
    assert told["evidence"]["mentions"]["id"] == []
    assert told["members"] == {}
    assert len(told["map"]["stages"]) == len(STAGES)

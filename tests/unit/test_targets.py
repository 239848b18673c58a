"""What the settings expect of a stage reaches the map, in the unit of its score."""

import pytest
from tests.synthetic import frames

from painpoints import tables
from painpoints.arrangement import Tables, arrange
from painpoints.config import load
from painpoints.domain import ALL
from painpoints.errors import SettingsError


def whole(survey: str) -> Tables:
    """The tables of a small run without findings."""
    made = frames(120, survey=survey)
    return Tables(
        made.feedback, made.mentions, made.topics, tables.DRIVERS.empty(), tables.FINDINGS.empty()
    )


@pytest.mark.parametrize(
    ("survey", "said", "kept"), [("nps", 30, 30), ("csat", 85, 0.85), ("stars", 4.2, 4.2)]
)
def test_targets_are_in_the_unit_of_the_score(survey: str, said: float, kept: float) -> None:
    """Percent become shares; NPS points and stars stay; other stages have none."""
    journey = arrange(whole(survey), load(None, {"journey": {"targets": {"use": said}}}))
    targets = {view.stage.name: view.target for view in journey.stages}
    assert targets["use"] == pytest.approx(kept)
    assert targets["delivery"] is None
    assert ALL not in targets


def test_a_target_of_no_stage_is_refused() -> None:
    """A misspelt stage is an error that names the stages there are."""
    with pytest.raises(SettingsError, match=r"deliverey: no such stage.*delivery"):
        arrange(whole("nps"), load(None, {"journey": {"targets": {"deliverey": 30}}}))

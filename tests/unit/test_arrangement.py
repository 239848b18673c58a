"""Own stages make a journey that loses no mention and counts none twice."""

import pytest

from painpoints.arrangement import odd_stages, refuse_different_stages, refuse_odd_stages, stages
from painpoints.config import Settings, StageSettings, load
from painpoints.errors import RunError, SettingsError


def own(*written: tuple[str, ...]) -> tuple[StageSettings, ...]:
    """Return stages, each by its name and what it covers."""
    return tuple(StageSettings(name=name, covers=covers) for name, *covers in written)


def in_force(*names: str) -> Settings:
    """Return settings with stages of these names."""
    return load(None, {"journey": {"stages": [{"name": name} for name in names]}})


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ((("b", "use"), ("b", "support")), "'b' stands there twice"),
        ((("none", "use"), ("b", "support")), "'none' says that .*choose another"),
        ((("unsure", "use"), ("b", "support")), "'unsure' says that .*choose another"),
        ((("all", "use"), ("b", "support")), "'all' stands for the whole journey; choose another"),
        ((("a", "usee"), ("b", "support")), "a covers 'usee', which is none of awareness"),
        ((("a", "none"), ("b", "support")), "a covers 'none'"),
        ((("a", "use"), ("b", "use")), "use is covered twice"),
    ],
)
def test_odd_stages_of_the_settings_are_refused(
    written: tuple[tuple[str, ...], ...], told: str
) -> None:
    """Every way to write a journey wrongly has its own sentence."""
    settings = load(None, {"journey": {"stages": own(*written)}})
    with pytest.raises(SettingsError, match=f"^journey.stages: .*{told}"):
        refuse_odd_stages(settings)


def test_every_problem_is_told_at_once() -> None:
    """Stages that are wrong in several ways are refused once, with all of them."""
    assert len(odd_stages(own(("all", "use"), ("b", "usee"), ("b", "use")))) == 4


def test_a_plain_journey_has_nothing_odd() -> None:
    """The default journey, own stages, and those that cover what the classifier knows are accepted."""
    assert odd_stages(()) == []
    assert odd_stages(own(("trip", "delivery", "use"), ("support",))) == []
    assert odd_stages(own(("first", "joining", "use"), ("claims",)), ("joining", "none")) == []


def test_other_stages_are_other_journeys() -> None:
    """Two runs go together when their stages have the same names in the same order."""
    refuse_different_stages(stages(load(None)), stages(load(None)))
    with pytest.raises(RunError, match=r"different stages \(2 and 2, 1 of them shared\)"):
        refuse_different_stages(stages(in_force("a", "b")), stages(in_force("a", "c")))

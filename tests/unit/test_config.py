"""Settings come from flags, environment and file, in this order, and are checked together."""

from pathlib import Path

import pytest

from painpoints.config import load
from painpoints.errors import SettingsError


def write(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "painpoints.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source decides only the keys that no stronger one names, also within a section."""
    file = write(tmp_path, "seed = 1\n[rank]\nmin_people = 1\nn_bootstrap = 21\nperiod = 'week'\n")
    monkeypatch.setenv("PAINPOINTS_RANK__MIN_PEOPLE", "2")
    monkeypatch.setenv("PAINPOINTS_RANK__PERIOD", "month")
    settings = load(file, {"rank": {"period": "year", "min_people": None}, "seed": None})
    assert settings.seed == 1
    assert (settings.rank.min_people, settings.rank.n_bootstrap) == (2, 21)
    assert settings.rank.period == "year"


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """An unknown key and a value out of range are reported together."""
    file = write(tmp_path, "[rank]\nmin_people = 0\n[topics]\nsmallest = 3\n")
    with pytest.raises(SettingsError, match=r"rank\.min_people.*topics\.smallest"):
        load(file)


def test_codes_are_taken_in_either_case_and_unknown_ones_refused(tmp_path: Path) -> None:
    """A phone region that nobody knows would mask no number, and say nothing."""
    file = write(
        tmp_path,
        "[read]\nlanguages = ['EN']\ndelimiter = 'tab'\n[redact]\nphone_region = 'us'\n",
    )
    settings = load(file)
    assert settings.read.languages == ("en",)
    assert settings.read.delimiter == "\t"
    assert settings.redact.phone_region == "US"
    file = write(tmp_path, "[read]\ndelimiter = 'comma'\n[redact]\nphone_region = 'UK'\n")
    with pytest.raises(SettingsError, match=r"delimiter.*one character.*United Kingdom is GB"):
        load(file)


def test_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PAINPOINTS_ variable that names no setting is told, not ignored."""
    monkeypatch.setenv("PAINPOINTS_QUALTY", "fast")
    with pytest.raises(SettingsError, match="PAINPOINTS_QUALTY"):
        load(None)


def test_a_list_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that should hold a list and does not: one sentence says how it is written."""
    monkeypatch.setenv("PAINPOINTS_READ__LANGUAGES", "en")
    with pytest.raises(SettingsError, match="lists and tables are JSON"):
        load(None)


@pytest.mark.parametrize(
    ("text", "told"), [("seed = [", "not TOML"), ("seed = -1", "seed"), ("sed = 1", "sed")]
)
def test_bad_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    """A settings file that cannot be used is refused with what is wrong in it."""
    with pytest.raises(SettingsError, match=told):
        load(write(tmp_path, text))


def test_named_file_must_exist(tmp_path: Path) -> None:
    """A settings file that was asked for but is not there is an error."""
    with pytest.raises(SettingsError, match="does not exist"):
        load(tmp_path / "other.toml")

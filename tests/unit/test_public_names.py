"""The public surface: sorted, complete, and cheap to import."""

import painpoints


def test_names_are_sorted_and_there() -> None:
    """Every public name can be fetched, and the list is sorted."""
    assert painpoints.__all__ == sorted(painpoints.__all__)
    for name in painpoints.__all__:
        assert getattr(painpoints, name).__name__ == name


def test_version_has_a_changelog_entry() -> None:
    """The installed version is told to users."""
    from pathlib import Path

    changelog = Path(__file__).parents[2] / "CHANGELOG.md"
    assert f"## {painpoints.__version__}\n" in changelog.read_text(encoding="utf-8")

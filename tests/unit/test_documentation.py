"""The pages say what the code does, and the README's commands and snippets run."""

import re
from pathlib import Path

import pytest
from tests.documentation import DOCS, PAGES, READING_ORDER, house
from typer.testing import CliRunner

from painpoints.cli import app

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name: str) -> None:
    """A page made from the code is what the code would write now; `make docs` mends it."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_readme_lists_the_house() -> None:
    """The README lists every file of the engine, in reading order, with what it says of itself."""
    there = {path.stem for path in (ROOT / "src" / "painpoints").iterdir()}
    there -= {"__init__", "__main__", "__pycache__", "py", "models"}
    assert set(READING_ORDER) == there
    assert house() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_has_help_with_an_example() -> None:
    """`painpoints COMMAND --help` ends with an example of that very command."""
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        answer = CliRunner().invoke(app, [name, "--help"])
        assert f"painpoints {name}" in re.sub(r"\s+", " ", answer.output), name


def test_every_command_is_documented() -> None:
    """The README names each command."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert f"painpoints {name}" in readme, name


def test_links_lead_somewhere() -> None:
    """Every relative link in a Markdown page points at a file of the tree."""
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"

"""What the layers contract cannot say: who loads what, and that the tree speaks of itself."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "painpoints"

HEAVY = (
    "torch",
    "sentence_transformers",
    "spacy",
    "sklearn",
    "bertopic",
    "scipy",
    "polars",
)

ONLY_IN = {
    "bertopic": {"finding.py"},
    "sentence_transformers": {"encode.py"},
    "torch": {"encode.py"},
    "spacy": {"parse.py"},
    "dask": {"distribute.py"},
}


def imports(file: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_command_line_loads_no_heavy_library() -> None:
    """`painpoints --help` must answer at once, so nothing heavy may be on its way."""
    code = "import sys, painpoints.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_stays_behind_its_file(library: str) -> None:
    """A replaceable library is known to one file of the engine."""
    users = {file.name for file in SOURCE.rglob("*.py") if library in imports(file)}
    assert users <= ONLY_IN[library]


def test_only_the_terminal_prints() -> None:
    """No step and no edge prints."""
    printing = {
        file.name
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert printing <= {"terminal.py"}


def test_functions_are_short() -> None:
    """No function of the engine is longer than 60 lines, its docstring left out."""
    long = []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if length > 60:
                    long.append(f"{file.name}:{node.name} {length}")
    assert long == []


def test_every_test_says_what_holds() -> None:
    """Every test has a docstring."""
    silent = [
        f"{file.name}:{node.name}"
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_the_tree_knows_no_machine() -> None:
    """No path of a developer's machine and no registry's host stands in any tracked text."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pattern = re.compile(
        r"/(?:work|root|home)/[a-z.]+/|/opt/(?:pypi|wheels)|pypi\.org|pythonhosted"
    )
    guilty = [
        name
        for name in listed.stdout.splitlines()
        if Path(name).suffix in {".py", ".md", ".toml", ".txt", ".json", ".html", ".js", ".css", ""}
        and (ROOT / name).is_file()
        and pattern.search((ROOT / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert set(guilty) <= {"tests/unit/test_architecture.py"}

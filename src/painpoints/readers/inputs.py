"""Paths, folders, globs and `-` to the list of files to read, each with its own short name.

Says which files of a folder are not read. Looks at first bytes only to tell formats apart.
"""

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from painpoints.errors import UnreadableError

READ_ENDINGS = frozenset(
    (
        ".csv", ".tsv", ".tab", ".txt", ".psv", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson",
        ".parquet", ".vtt", ".srt", ".vcon",
    )
)  # fmt: skip
_GLOB_SIGNS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read; `name` is short and different for every file of a run."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files to read in order, and the names of files in folders that are of no kind we read."""

    files: tuple[Input, ...]
    skipped: tuple[str, ...]


def find_inputs(inputs: Sequence[str | Path], spool: Path) -> Inputs:
    """Expand folders (their whole tree) and globs; the same file named twice is read once.

    Args:
        inputs: paths, patterns, or `-` for standard input.
        spool: an empty folder; standard input is kept there, since formats are told by a second look.

    Raises:
        UnreadableError: naming every input that does not exist or matches nothing.
    """
    paths: dict[Path, None] = {}
    skipped: list[str] = []
    missing: list[str] = []
    for item in inputs:
        found = list(_expand(item, spool, skipped))
        paths.update(dict.fromkeys(found))
        if not found:
            missing.append(_why_nothing(item))
    if missing:
        raise UnreadableError("; ".join(missing))
    if not paths:
        raise UnreadableError(
            "no input given; name a file, a folder or a pattern such as 'in/*.csv'"
        )
    return Inputs(tuple(_named(list(paths))), tuple(skipped))


def _expand(item: str | Path, spool: Path, skipped: list[str]) -> Iterator[Path]:
    text = str(item)
    if text == "-":
        yield _standard_input(spool)
        return
    path = Path(item).expanduser()
    if path.is_dir():
        yield from _in_folder(path, skipped)
    elif path.exists():
        yield path.resolve()
    elif _GLOB_SIGNS & set(text):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - absolute patterns
            if Path(match).is_file():
                yield Path(match).resolve()


def _in_folder(folder: Path, skipped: list[str]) -> Iterator[Path]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts):
            continue
        if _ending(path) in READ_ENDINGS:
            yield path.resolve()
        else:
            skipped.append(str(path.relative_to(folder)))


def _ending(path: Path) -> str:
    name = path.name.casefold().removesuffix(".gz")
    return os.path.splitext(name)[1]  # noqa: PTH122 - of a name, not a path


def _why_nothing(item: str | Path) -> str:
    path = Path(item).expanduser()
    if path.is_dir():
        return f"{item}: the folder holds no file of a kind we read"
    if _GLOB_SIGNS & set(str(item)):
        return f"{item}: no file matches"
    return f"{item}: no such file"


def _named(paths: Sequence[Path]) -> Iterator[Input]:
    """Name files by their last part, and by their path below the common folder where that repeats."""
    counts = Counter(p.name for p in paths)
    common = Path(os.path.commonpath([p.parent for p in paths])) if paths else Path()
    for path in paths:
        short = path.name if counts[path.name] == 1 else path.relative_to(common).as_posix()
        yield Input(path, short)


def _standard_input(spool: Path) -> Path:
    path = spool / "standard input.txt"
    path.write_bytes(sys.stdin.buffer.read())
    return path.resolve()

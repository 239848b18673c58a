"""The journey map as people read it: page, figure, workbook, note.

From domain objects only; computes none of the map's numbers. One file per form, and `words` for
the numbers and sentences that all of them share. The page's style and script lie in `page/`.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from painpoints.domain import Evidence, JourneyMap, MapDiff
from painpoints.report.diff import diff_note, diff_page
from painpoints.report.figures import png, raster, svg
from painpoints.report.html import page
from painpoints.report.markdown import note
from painpoints.report.workbook import xlsx

__all__ = [
    "FILES",
    "diff_note",
    "diff_page",
    "note",
    "page",
    "png",
    "svg",
    "write",
    "write_diff",
    "xlsx",
]

FILES = ("report.html", "journey_map.svg", "journey_map.png", "report.xlsx", "report.md")
"""What `write` leaves in the folder, in this order."""


def write(
    journey: JourneyMap,
    evidence: Sequence[Evidence],
    out: Path,
    *,
    n_evidence_total: int,
    top: int = 5,
) -> list[Path]:
    """Write all reports into the folder `out` and return their paths.

    Each file appears whole or not at all; none is written before all of them are drawn.

    Args:
        journey: the map.
        evidence: the mentions that travel with it.
        out: made if it is not there.
        n_evidence_total: mentions before any cap, so that a report can say what it holds.
        top: findings shown per stage before "more".
    """
    with ThreadPoolExecutor(max_workers=1) as beside:  # the figure is drawn without Python's lock
        figure = beside.submit(_figure, journey)
        paper = page(journey, evidence, n_evidence_total=n_evidence_total, top=top)
        words = note(journey, evidence)
        drawing, picture = figure.result()
    book = xlsx(journey, evidence, n_evidence_total=n_evidence_total, picture=picture)
    drawn = (paper.encode(), drawing.encode(), picture, book, words.encode())
    out.mkdir(parents=True, exist_ok=True)
    return [_put(out / name, content) for name, content in zip(FILES, drawn, strict=True)]


def write_diff(diff: MapDiff, quotes: Mapping[str, str], out: Path) -> list[Path]:
    """Write diff.html and diff.md into the folder `out` and return their paths.

    quotes: mention id -> its text, `a:` or `b:` (the run) before the id.
    """
    drawn = {"diff.html": diff_page(diff, quotes), "diff.md": diff_note(diff)}
    out.mkdir(parents=True, exist_ok=True)
    return [_put(out / name, text.encode()) for name, text in drawn.items()]


def _figure(journey: JourneyMap) -> tuple[str, bytes]:
    """Return the figure as SVG and as PNG."""
    drawing = svg(journey)
    return drawing, raster(drawing)


def _put(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)  # noqa: PTH105 - the one call that says what it does
    return path

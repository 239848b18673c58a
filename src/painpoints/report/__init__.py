"""The journey map as people read it: page, figure, workbook, note.

From domain objects only; computes none of the map's numbers and writes no file. One file per form,
and `words` for the numbers and sentences that all of them share. The page's style and script lie in
`page/`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

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
    "draw",
    "draw_diff",
    "note",
    "page",
    "png",
    "svg",
    "xlsx",
]

FILES = ("report.html", "journey_map.svg", "journey_map.png", "report.xlsx", "report.md")
"""What `draw` draws, in this order."""


def draw(
    journey: JourneyMap,
    evidence: Sequence[Evidence],
    *,
    n_evidence_total: int,
    top: int = 5,
) -> dict[str, bytes]:
    """Draw all reports; return what is in each of `FILES`.

    Args:
        journey: the map.
        evidence: the mentions that travel with it.
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
    return dict(zip(FILES, drawn, strict=True))


def draw_diff(diff: MapDiff, quotes: Mapping[str, str]) -> dict[str, bytes]:
    """Draw a diff; return what is in diff.html and diff.md.

    quotes: mention id -> its text, `a:` or `b:` (the run) before the id.
    """
    return {"diff.html": diff_page(diff, quotes).encode(), "diff.md": diff_note(diff).encode()}


def _figure(journey: JourneyMap) -> tuple[str, bytes]:
    """Return the figure as SVG and as PNG."""
    drawing = svg(journey)
    return drawing, raster(drawing)

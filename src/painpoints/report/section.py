"""What a section is: title, sentence, tables, notes, evidence, and the cells that all of them share.

A section is plain data; the page, the note and the workbook each lay it out in their own way.
Says nothing of what stands in any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from painpoints.domain import Estimate
from painpoints.report import words

DASH = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """What people read, and the number or text to sort by and to put into a spreadsheet."""

    text: str
    value: float | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """look: text, count, share, decimal, p, or pp; of the spreadsheet's numbers."""

    title: str
    look: str = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in the order of the columns; `key` names the evidence behind them, or is empty."""

    cells: tuple[Cell, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: an empty one is not drawn."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section. name: of the place in the page; sheet: of the workbook's.

    lead:   one sentence that says the result. notes: how to read it, and what it cannot say.
    figure: plain data of a figure that the page draws beside the first table; or None.
    sets:   evidence by key: title, and mention ids, most telling first.
    """

    name: str
    title: str
    sheet: str
    lead: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    figure: Mapping[str, Any] | None = None
    sets: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def text_cell(text: str | None) -> Cell:
    """Return a cell of words."""
    return Cell(text or DASH, text)


def count_cell(n: float) -> Cell:
    """Return a cell of a count."""
    return Cell(words.count(n), n)


def p_text(p: float | None) -> str:
    """Return a p value with three digits: 0.012, < 0.001."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_cell(p: float | None) -> Cell:
    """Return a cell of a p value."""
    return Cell(p_text(p), p)


def share_cell(e: Estimate) -> Cell:
    """Return a cell of a share with its interval and its people."""
    return Cell(f"{words.share_with_interval(e)}, n {words.count(e.n)}", e.value)


def effect_text(effect: Estimate | None) -> str:
    """Return a change of a share as `−4.1 pp (−6.0 to −2.2 pp)`."""
    if effect is None or effect.value is None:
        return DASH
    value, low, high = (
        words.signed(None if v is None else 100 * v, 1)
        for v in (effect.value, effect.low, effect.high)
    )
    return f"{value} pp ({low} to {high} pp)"


def scored_text(survey: str | None, measure: str, e: Estimate) -> str:
    """Return `NPS −20 (−30 to −10)`."""
    if e.value is None:
        return DASH
    value, low, high = (
        words.score_value(survey or "", v, measure) for v in (e.value, e.low, e.high)
    )
    return f"{words.survey_name(survey)} {value} ({low} to {high})"

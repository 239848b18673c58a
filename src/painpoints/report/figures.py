"""The journey map as one figure, SVG and PNG, for a slide: no browser, no network.

Says in Vega-Lite what is to be drawn; vl-convert draws it with the sans-serif letters that it
brings along, so the same map gives the same bytes on one version. Stages are columns; lanes are
the emotion curve with its band, people, score, and the top findings as text.
"""

import itertools
import re
import struct
import textwrap
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from painpoints.domain import Estimate, Finding, JourneyMap, StageView
from painpoints.report import words

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
INK, SOFT, LINE = "#1c2028", "#585f6b", "#dcd8d0"
NEGATIVE, POSITIVE, OPEN, WISH = "#b3430a", "#0a66a3", "#676e79", "#6a4ba3"
PAPER = "#ffffff"
COLUMN = 176  # px of one stage
MARGIN = 92  # px for the names of the lanes
SIZE = 12.5  # px of the letters of a finding
TOP_PAINS, TOP_OPPORTUNITIES = 3, 2
PNG_SCALE = 2
VEGA_LITE = "6.1"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # names the language; never fetched
_LEAST = 4 * COLUMN  # px of all stages: a map of one still has room for its title
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Rows = list[dict[str, Any]]
Spec = dict[str, Any]
"""A piece of a Vega-Lite specification."""


def svg(journey: JourneyMap) -> str:
    """Return the figure as SVG text."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(
        spec(journey), vl_version=VEGA_LITE, allowed_base_urls=[]
    )
    return drawn


def png(journey: JourneyMap) -> bytes:
    """Return the figure as PNG, two pixels to the unit."""
    return raster(svg(journey))


def raster(drawn: str) -> bytes:
    """Return as PNG what `svg` has drawn."""
    import vl_convert

    return _packed(vl_convert.svg_to_png(drawn, scale=PNG_SCALE))


def _packed(png_bytes: bytes) -> bytes:
    """Return the same picture, its pixels deflated harder: a quarter of the bytes.

    Source: PNG specification, third edition, 5.3 (chunks) and 10 (one zlib stream in all IDAT).
    """
    before, pixels, at = png_bytes[:8], b"", 8
    while at < len(png_bytes):
        n, kind = struct.unpack(">I4s", png_bytes[at : at + 8])
        chunk = png_bytes[at : at + 12 + n]
        if kind == b"IDAT":
            pixels += chunk[8:-4]
        elif kind != b"IEND":
            before += chunk
        at += 12 + n
    packed = zlib.compress(zlib.decompress(pixels), 9)
    return before + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def spec(journey: JourneyMap) -> Spec:
    """Return the Vega-Lite specification, its data inside."""
    lanes = [_head(journey), _emotion(journey), _people(journey)]
    lanes += [_scores(journey)] if any(view.scores for view in journey.stages) else []
    lanes += [
        _findings(journey, "Pain points", lambda view: view.pain_points[:TOP_PAINS]),
        _findings(journey, "Opportunities", lambda view: view.opportunities[:TOP_OPPORTUNITIES]),
    ]
    return {
        "$schema": _SCHEMA,
        "config": {"font": FONT, "view": {"stroke": None}},
        "background": PAPER,
        "padding": 28,
        "spacing": 0,
        "title": _title(journey),
        "vconcat": lanes,
    }


def _column(journey: JourneyMap) -> float:
    """Return the width of a stage in px: wider where there are few."""
    return max(COLUMN, _LEAST / max(1, len(journey.stages)))


def _pad(journey: JourneyMap) -> float:
    """Return the room left of a stage's text, in stages."""
    return 11 / _column(journey)


def _width(journey: JourneyMap) -> float:
    return MARGIN + _column(journey) * max(1, len(journey.stages))


def _title(journey: JourneyMap) -> Spec:
    chars = int(_width(journey) / 7.2)
    said = [words.support_line(journey), journey.title, _basis(journey)]
    return {
        "text": _wrapped(words.headline(journey), int(chars * 0.6), 2),
        "subtitle": [line for text in said for line in _wrapped(text, chars, 2)],
        "anchor": "start",
        "fontSize": 24,
        "lineHeight": 30,
        "fontWeight": 600,
        "color": INK,
        "subtitleFontSize": 14,
        "subtitleColor": SOFT,
        "subtitleLineHeight": 20,
        "subtitlePadding": 8,
        "offset": 22,
        "limit": _width(journey),
    }


def _basis(journey: JourneyMap) -> str:
    parts = [words.span_text(journey), f"{words.count(journey.n_feedback)} feedbacks"]
    if journey.people_known:
        parts.append(f"{words.count(journey.n_people)} people")
    parts.append(f"{words.count(journey.n_mentions)} mentions")
    parts += [words.score_text(score) for score in journey.scores[:1]]
    return "  ·  ".join(parts)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of text at a place of a lane: x in stages, y in px from the lane's top."""

    x: float
    y: float
    text: str
    color: str = INK
    size: float = SIZE
    bold: bool = False


def _lane(journey: JourneyMap, name: str, height: float, *layers: Spec, note: str = "") -> Spec:
    """Return a lane: its name on the left, rules between the stages, `layers` on top.

    All layers share one scale: x in stages, y in px from the top.
    """
    n = len(journey.stages)
    left = -MARGIN / _column(journey)
    names = [_Line(left, 12, name, size=13, bold=True)]
    names += [
        _Line(left, 30 + 14 * i, line, SOFT, 11) for i, line in enumerate(_wrapped(note, 15, 5))
    ]
    rules: Rows = [{"x": i, "y": 0, "y2": height} for i in range(n + 1)]
    across: Rows = [{"x": left, "x2": n, "y": 0}]
    grid = [
        _layer(rules, {"type": "rule", "color": LINE}, "x", "y", "y2"),
        _layer(across, {"type": "rule", "color": LINE}, "x", "x2", "y"),
    ]
    across_all = {"axis": None, "type": "quantitative", "scale": _scale(left, max(1, n))}
    down_all = {"axis": None, "type": "quantitative", "scale": _scale(height, 0)}
    return {
        "width": _width(journey),
        "height": height,
        "encoding": {
            "x": {"field": "x", **across_all},
            "y": {"field": "y", **down_all},
        },
        "layer": [*grid, *_texts(journey, names), *layers],
    }


def _scale(first: float, last: float) -> Spec:
    return {"domain": [first, last], "nice": False, "zero": False}


def _layer(rows: Rows, mark: Spec, *fields: str, **more: Spec) -> Spec:
    """Return a layer of one mark whose channels take the fields of their own names."""
    encoding: Spec = {name: {"field": name} for name in fields if name.endswith("2")}
    encoding |= {name: {"field": name, "type": "nominal"} for name in fields if name == "text"}
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding | more}


def _texts(journey: JourneyMap, lines: Sequence[_Line]) -> Iterator[Spec]:
    """Yield one layer for each look of letters that occurs."""
    for size, bold, color in sorted({(line.size, line.bold, line.color) for line in lines}):
        rows: Rows = [
            {"x": line.x, "y": line.y, "text": _clean(line.text)}
            for line in lines
            if (line.size, line.bold, line.color) == (size, bold, color)
        ]
        look = {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "fontSize": size,
            "fontWeight": 600 if bold else 400,
            "color": color,
            "limit": _column(journey) - 10,
        }
        yield _layer(rows, look, "text")


def _head(journey: JourneyMap) -> Spec:
    pad = _pad(journey)
    lines = [
        _Line(i + pad, 20, f"{i + 1}  {_short(view.stage.title, 19)}", size=15, bold=True)
        for i, view in enumerate(journey.stages)
    ]
    return _lane(journey, "", 40, *_texts(journey, lines))


def _emotion(journey: JourneyMap) -> Spec:
    height, points = 190, _mood_points(journey)
    limit = _mood_limit(journey)
    layers = [*_mood_layers(journey, points, height, limit)]
    note = "net sentiment with its 95 % interval, ±100"
    return _lane(journey, "Emotion", height, *layers, note=note)


def _mood_points(journey: JourneyMap) -> list[tuple[int, Estimate, bool]]:
    """Return (stage number, net sentiment, whether too few people are behind it)."""
    return [
        (i, view.net_sentiment, view.small)
        for i, view in enumerate(journey.stages)
        if view.net_sentiment.value is not None
    ]


def _mood_limit(journey: JourneyMap) -> float:
    """Return the end of the emotion scale: quarters, so that the larger intervals fit."""
    ends = [
        abs(end)
        for view in journey.stages
        if not view.small
        for end in (view.net_sentiment.low, view.net_sentiment.high)
        if end is not None
    ]
    return min(1.0, max([0.5, *(-(-4 * end // 1) / 4 for end in ends)]))


def _tone(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return OPEN
    if estimate.low > 0:
        return POSITIVE
    return NEGATIVE if estimate.high < 0 else OPEN


def _mood_layers(
    journey: JourneyMap, points: list[tuple[int, Estimate, bool]], height: float, limit: float
) -> Iterator[Spec]:
    def place(value: float | None) -> float:
        return height / 2 - (height / 2 - 22) * max(-limit, min(limit, value or 0)) / limit

    rows: Rows = [
        {
            "x": i + 0.5,
            "y": place(e.value),
            "low": place(e.low),
            "high": place(e.high),
            "color": OPEN if few else _tone(e),
            "fill": PAPER if few else _tone(e),
            "text": f"n {e.n}" if few else words.balance(e.value),
            "below": (e.value or 0) < 0,
            "few": few,
        }
        for i, e, few in points
    ]
    zero: Rows = [{"x": 0, "x2": len(journey.stages), "y": height / 2}]
    yield _layer(zero, {"type": "rule", "color": SOFT, "strokeDash": [2, 3], "opacity": 0.7}, "x2")
    yield from _mood_curve([row for row in rows if not row["few"]])
    low, high = ({"field": end, "type": "quantitative"} for end in ("low", "high"))
    own = {"field": "color", "type": "nominal", "scale": None}
    fill = own | {"field": "fill"}
    interval = {"type": "rule", "strokeWidth": 2, "opacity": 0.5}
    yield _layer(rows, interval, y=low, y2={"field": "high"}, color=own)
    point = {"type": "point", "size": 140, "opacity": 1, "strokeWidth": 2}
    yield _layer(rows, point, fill=fill, stroke=own)
    for below, end, dy in ((True, low, 12), (False, high, -12)):
        shown = [row for row in rows if row["below"] is below]
        number = {"type": "text", "dy": dy, "fontSize": 13, "fontWeight": 600}
        yield _layer(shown, number, "text", y=end, color=own)


def _mood_curve(rows: Rows) -> Iterator[Spec]:
    """Yield band and line between neighbouring stages of which enough people speak."""
    starts = [k for k, row in enumerate(rows) if k == 0 or row["x"] - rows[k - 1]["x"] > 1]
    for start, end in itertools.pairwise([*starts, len(rows)]):
        run = rows[start:end]
        if len(run) > 1:
            area = {"type": "area", "interpolate": "monotone", "color": OPEN, "opacity": 0.16}
            low = {"field": "low", "type": "quantitative"}
            yield _layer(run, area, y=low, y2={"field": "high"})
            line = {"type": "line", "interpolate": "monotone", "color": INK, "strokeWidth": 2}
            yield _layer(run, line)


def _people(journey: JourneyMap) -> Spec:
    pad = _pad(journey)
    height, most = 62, max([1, *(view.n_people for view in journey.stages)])
    rows: Rows = [
        {"x": i + pad, "x2": i + pad + (1 - 2 * pad) * view.n_people / most, "y": 42, "y2": 49}
        for i, view in enumerate(journey.stages)
    ]
    bars = _layer(rows, {"type": "rect", "color": INK}, "x2", "y2")
    lines = [
        _Line(i + pad, 22, f"{words.count(view.n_people)}  ({words.percent(view.share.value)})", size=14, bold=True)
        for i, view in enumerate(journey.stages)
    ]  # fmt: skip
    name = "People" if journey.people_known else "Answers"
    return _lane(journey, name, height, bars, *_texts(journey, lines), note="of all")


def _scores(journey: JourneyMap) -> Spec:
    pad = _pad(journey)
    lines = []
    for i, view in enumerate(journey.stages):
        for score in view.scores[:1]:
            e, survey = score.estimate, score.survey
            low, high = (words.score_value(survey, end, score.measure) for end in (e.low, e.high))
            lines.append(
                _Line(
                    i + pad,
                    18,
                    f"{words.survey_name(survey)} {words.score_value(survey, e.value, score.measure)}",
                    size=14,
                    bold=True,
                )
            )
            lines.append(_Line(i + pad, 36, f"{low} to {high}, n {words.count(e.n)}", SOFT, 11.5))
    return _lane(journey, "Score", 54, *_texts(journey, lines))


def _findings(
    journey: JourneyMap, name: str, pick: Callable[[StageView], Sequence[Finding]]
) -> Spec:
    """Return a lane of findings as text: rank, label, then people, share, impact and trend."""
    lines, lowest, pad = [], 30.0, _pad(journey)
    for i, view in enumerate(journey.stages):
        y = 18.0
        for finding in pick(view):
            for line in _finding_lines(journey, i + pad, y, finding):
                lines.append(line)
                y = line.y + 16
            y += 8
        if not pick(view):
            lines.append(_Line(i + pad, y, _nothing(view), SOFT, 11.5))
        lowest = max(lowest, y)
    return _lane(journey, name, lowest + 8, *_texts(journey, lines))


def _nothing(view: StageView) -> str:
    if view.n_mentions == 0:
        return "nobody speaks of it"
    return f"too few to rank (n {view.n_people})" if view.small or view.listed_apart else "–"


def _finding_lines(journey: JourneyMap, x: float, y: float, finding: Finding) -> Iterator[_Line]:
    color = {None: NEGATIVE, "extend_delight": POSITIVE, "asked_for": WISH}.get(
        finding.opportunity, NEGATIVE
    )
    if finding.opportunity is not None:
        yield _Line(x, y, words.OPPORTUNITIES.get(finding.opportunity, ""), color, 11, bold=True)
        y += 15
    label = _wrapped(f"{finding.rank}  {finding.label}", int(_column(journey) / 6.8), 3)
    for text in label:
        yield _Line(x, y, text, INK, SIZE, bold=True)
        y += 15
    people = words.people_word(journey, finding.reach)
    yield _Line(
        x,
        y,
        f"{words.count(finding.reach)} {people}, {words.percent(finding.share.value)}",
        SOFT,
        11.5,
    )
    more = [part for part in (_impact(finding), _trend(finding)) if part]
    if more:
        yield _Line(x, y + 14, " · ".join(more), SOFT, 11.5)


def _impact(finding: Finding) -> str:
    if finding.impact is None or finding.impact.value is None:
        return ""
    return f"{words.impact(finding)} {words.survey_name(finding.impact_survey)}"


def _trend(finding: Finding) -> str:
    verdict = finding.trend.verdict if finding.trend else ""
    return verdict if verdict in {"new", "rising", "falling", "fixed"} else ""


def _clean(text: str) -> str:
    """Return the text without characters that XML cannot hold."""
    return _UNPRINTABLE.sub("", text.replace("\n", " "))


def _short(text: str, n: int) -> str:
    return text if len(text) <= n else text[: n - 1].rstrip() + "…"


def _wrapped(text: str, n: int, most: int) -> list[str]:
    """Return the text in at most `most` lines of about `n` letters, an ellipsis where it is cut."""
    return textwrap.wrap(_clean(text), n, max_lines=most, placeholder=" …")

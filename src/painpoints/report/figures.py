"""The journey map as one figure, SVG and PNG, for a slide: no browser, no network.

Altair describes it, vl-convert draws it with the sans-serif letters that it brings along, so the
same map gives the same bytes on one version. Stages are columns; lanes are the emotion curve with
its band, people, score, the top pain points and opportunities as text. Knows nothing of files.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from painpoints.domain import Estimate, Finding, JourneyMap, StageView
from painpoints.report import words

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
INK, SOFT, LINE = "#1c2028", "#585f6b", "#dcd8d0"
NEGATIVE, POSITIVE, OPEN, WISH = "#b3430a", "#0a66a3", "#737a85", "#6a4ba3"
PAPER = "#ffffff"
COLUMN = 176  # px of one stage
MARGIN = 92  # px for the names of the lanes
SIZE = 12.5  # px of the letters of a finding
TOP_PAINS, TOP_OPPORTUNITIES = 3, 2
PNG_SCALE = 2
_FEWEST_COLUMNS = 4  # a map of one stage still has room for its title
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Rows = list[dict[str, Any]]


def svg(journey: JourneyMap) -> str:
    """Return the figure as SVG text."""
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(spec(journey), allowed_base_urls=[])
    return text


def png(journey: JourneyMap) -> bytes:
    """Return the figure as PNG, two pixels to the unit."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(spec(journey), scale=PNG_SCALE, allowed_base_urls=[])
    return drawn


def spec(journey: JourneyMap) -> dict[str, Any]:
    """Return the Vega-Lite specification, its data inside."""
    import altair as alt

    lanes = [_head(journey), _emotion(journey), _people(journey)]
    lanes += [_scores(journey)] if any(view.scores for view in journey.stages) else []
    lanes += [
        _findings(journey, "Pain points", lambda view: view.pain_points[:TOP_PAINS]),
        _findings(journey, "Opportunities", lambda view: view.opportunities[:TOP_OPPORTUNITIES]),
    ]
    figure = alt.vconcat(*lanes, spacing=0, title=_title(journey), background=PAPER, padding=28)
    figure = figure.configure(font=FONT).configure_view(stroke=None)
    drawn: dict[str, Any] = figure.to_dict()
    return drawn


def _columns(journey: JourneyMap) -> int:
    return max(_FEWEST_COLUMNS, len(journey.stages))


def _title(journey: JourneyMap) -> Any:
    import altair as alt

    chars = int((MARGIN + COLUMN * _columns(journey)) / 7.2)
    said = [words.headline(journey), words.support_line(journey), _basis(journey)]
    lines = [line for text in said for line in _wrapped(text, chars, 2)]
    return alt.TitleParams(
        _clean(journey.title),
        subtitle=lines,
        anchor="start",
        fontSize=22,
        fontWeight=600,
        subtitleFontSize=14,
        subtitleColor=SOFT,
        subtitleLineHeight=20,
        subtitlePadding=8,
        offset=22,
        color=INK,
        limit=MARGIN + COLUMN * _columns(journey),
    )


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


def _lane(journey: JourneyMap, name: str, height: float, *layers: Any, note: str = "") -> Any:
    """Return a lane: its name on the left, rules between the stages, `layers` on top."""
    import altair as alt

    n = len(journey.stages)
    names = [_Line(-MARGIN / COLUMN, 12, name, size=13, bold=True)]
    names += [
        _Line(-MARGIN / COLUMN, 30 + 14 * i, line, SOFT, 11)
        for i, line in enumerate(_wrapped(note, 15, 5))
    ]
    rules: Rows = [{"x": i, "y": 0, "y2": height} for i in range(n + 1)]
    across: Rows = [{"x": -MARGIN / COLUMN, "x2": n, "y": 0}]
    parts = [
        alt.Chart(_data(rules)).mark_rule(color=LINE).encode(x=_x(journey), y=_y(height), y2="y2:Q"),
        alt.Chart(_data(across)).mark_rule(color=LINE).encode(x=_x(journey), x2="x2:Q", y=_y(height)),
        *_texts(journey, names, height),
        *layers,
    ]  # fmt: skip
    width = MARGIN + COLUMN * _columns(journey)
    return alt.layer(*parts).properties(width=width, height=height)


def _x(journey: JourneyMap) -> Any:
    import altair as alt

    domain = [-MARGIN / COLUMN, _columns(journey)]
    return alt.X("x:Q", axis=None, scale=alt.Scale(domain=domain, nice=False, zero=False))


def _y(height: float) -> Any:
    import altair as alt

    return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False, zero=False))


def _data(rows: Rows) -> Any:
    import altair as alt

    return alt.InlineData(values=rows)


def _texts(journey: JourneyMap, lines: Sequence[_Line], height: float) -> Iterator[Any]:
    """Yield one layer for each look of letters that occurs."""
    import altair as alt

    looks = sorted({(line.size, line.bold, line.color) for line in lines})
    for size, bold, color in looks:
        rows: Rows = [
            {"x": line.x, "y": line.y, "text": _clean(line.text)}
            for line in lines
            if (line.size, line.bold, line.color) == (size, bold, color)
        ]
        mark = alt.Chart(_data(rows)).mark_text(
            align="left",
            baseline="middle",
            fontSize=size,
            fontWeight=600 if bold else 400,
            color=color,
            limit=COLUMN - 10,
        )
        yield mark.encode(x=_x(journey), y=_y(height), text="text:N")


def _head(journey: JourneyMap) -> Any:
    lines = [
        _Line(i + 0.06, 20, f"{i + 1}  {_short(view.stage.title, 19)}", size=15, bold=True)
        for i, view in enumerate(journey.stages)
    ]
    return _lane(journey, "", 40, *_texts(journey, lines, 40))


def _emotion(journey: JourneyMap) -> Any:
    height, points = 190, _mood_points(journey)
    limit = _mood_limit(journey)
    layers = [*_mood_layers(journey, points, height, limit)]
    note = "net sentiment with its 95 % interval, ±100"
    return _lane(journey, "Emotion", height, *layers, note=note)


def _mood_points(journey: JourneyMap) -> list[tuple[int, Estimate]]:
    return [
        (i, view.net_sentiment)
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
    journey: JourneyMap, points: list[tuple[int, Estimate]], height: float, limit: float
) -> Iterator[Any]:
    import altair as alt

    def place(value: float | None) -> float:
        return height / 2 - (height / 2 - 22) * max(-limit, min(limit, value or 0)) / limit

    rows: Rows = [
        {"x": i + 0.5, "y": place(e.value), "low": place(e.low), "high": place(e.high), "tone": _tone(e), "text": words.balance(e.value), "under": (e.value or 0) < 0}
        for i, e in points
    ]  # fmt: skip
    zero: Rows = [{"x": 0, "x2": len(journey.stages), "y": height / 2}]
    x, y = _x(journey), _y(height)
    low, high = (
        alt.Y(f"{end}:Q", axis=None, scale=alt.Scale(domain=[height, 0])) for end in ("low", "high")
    )
    color = alt.Color("tone:N", scale=None)
    base = alt.Chart(_data(rows))
    yield (
        alt.Chart(_data(zero))
        .mark_rule(color=SOFT, strokeDash=[2, 3], opacity=0.7)
        .encode(x=x, x2="x2:Q", y=y)
    )
    if len(rows) > 1:
        yield base.mark_area(interpolate="monotone", color=OPEN, opacity=0.16).encode(
            x=x, y=low, y2="high:Q"
        )
        yield base.mark_line(interpolate="monotone", color=INK, strokeWidth=2).encode(x=x, y=y)
    yield base.mark_rule(strokeWidth=2, opacity=0.5).encode(x=x, y=low, y2="high:Q", color=color)
    yield base.mark_point(filled=True, size=150, opacity=1, stroke=PAPER, strokeWidth=2).encode(
        x=x, y=y, fill=color
    )
    for under, end, dy in ((True, low, 12), (False, high, -12)):
        shown = alt.Chart(_data([row for row in rows if row["under"] is under]))
        yield shown.mark_text(dy=dy, fontSize=13, fontWeight=600).encode(
            x=x, y=end, text="text:N", color=color
        )


def _people(journey: JourneyMap) -> Any:
    import altair as alt

    height, most = 62, max([1, *(view.n_people for view in journey.stages)])
    rows: Rows = [
        {"x": i + 0.06, "x2": i + 0.06 + 0.88 * view.n_people / most, "y": 42, "y2": 49}
        for i, view in enumerate(journey.stages)
    ]
    bars = alt.Chart(_data(rows)).mark_rect(color=INK).encode(
        x=_x(journey), x2="x2:Q", y=_y(height), y2="y2:Q"
    )  # fmt: skip
    lines = [
        _Line(i + 0.06, 22, f"{words.count(view.n_people)}  ({words.percent(view.share.value)})", size=14, bold=True)
        for i, view in enumerate(journey.stages)
    ]  # fmt: skip
    name = "People" if journey.people_known else "Answers"
    return _lane(journey, name, height, bars, *_texts(journey, lines, height), note="of all")


def _scores(journey: JourneyMap) -> Any:
    lines = []
    for i, view in enumerate(journey.stages):
        for score in view.scores[:1]:
            e, survey = score.estimate, score.survey
            low, high = (words.score_value(survey, end) for end in (e.low, e.high))
            lines.append(
                _Line(
                    i + 0.06,
                    18,
                    f"{words.survey_name(survey)} {words.score_value(survey, e.value)}",
                    size=14,
                    bold=True,
                )
            )
            lines.append(_Line(i + 0.06, 36, f"{low} to {high}, n {words.count(e.n)}", SOFT, 11.5))
    return _lane(journey, "Score", 54, *_texts(journey, lines, 54))


def _findings(
    journey: JourneyMap, name: str, pick: Callable[[StageView], Sequence[Finding]]
) -> Any:
    """Return a lane of findings as text: rank, label, then people, share, impact and trend."""
    lines, lowest = [], 30.0
    for i, view in enumerate(journey.stages):
        y = 18.0
        for finding in pick(view):
            for line in _finding_lines(journey, i + 0.06, y, finding):
                lines.append(line)
                y = line.y + 16
            y += 8
        if not pick(view):
            lines.append(_Line(i + 0.06, y, _nothing(view), SOFT, 11.5))
        lowest = max(lowest, y)
    return _lane(journey, name, lowest + 8, *_texts(journey, lines, lowest + 8))


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
    for i, text in enumerate(_wrapped(f"{finding.rank}  {finding.label}", 25, 3)):
        yield _Line(x, y + 15 * i, text, INK, SIZE, bold=True)
    y += 15 * min(3, len(_wrapped(f"{finding.rank}  {finding.label}", 25, 3)))
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
    return f"{words.signed(finding.impact.value, 1)} {words.survey_name(finding.impact_survey)}"


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

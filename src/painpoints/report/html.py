"""The journey map as one self-contained page that opens offline.

Puts data, style and script into the frame of `page/`. What customers wrote travels only as JSON
in a data block that no browser runs; the script builds the page from text nodes; the policy lets
nothing run but this very script, by its hash, and nothing load at all.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from math import isfinite
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from painpoints.domain import Evidence, JourneyMap
from painpoints.report import words
from painpoints.report.payload import payload

_SCRIPTS = (
    "data", "format", "statistics", "slice", "draw", "map", "tables", "panel", "filters", "sections",
    "main",
)  # fmt: skip


def page(
    journey: JourneyMap, evidence: Sequence[Evidence], *, n_evidence_total: int, top: int = 5
) -> str:
    """Return the page as text.

    Args:
        journey: the map.
        evidence: the mentions that travel with it; filters recount from these.
        n_evidence_total: mentions before any cap; where it is more, the page says so.
        top: findings shown per stage before "more".
    """
    look, script = Markup(style()), Markup(_script())  # noqa: S704 - our own files
    data = payload(journey, evidence, n_evidence=n_evidence_total)
    data |= {"top": top}
    text: str = _frame().render(
        journey=journey,
        span=words.span_text(journey),
        headline=words.headline(journey),
        support=words.support_line(journey),
        figures=figures(journey),
        changes=_changes(journey),
        how=list(journey.conventions.items()) + _HOW,
        left_out=[(what, why, words.count(n)) for what, why, n in words.left_out_lines(journey)],
        capped=_capped(len(evidence), n_evidence_total),
        version=version("painpoints"),
        policy=_policy(look, script),
        style=look,
        script=script,
        data=Markup(data_block(data)),  # noqa: S704 - escaped by data_block
    )
    return text


def data_block(data: Mapping[str, Any]) -> str:
    """Return JSON that is inert inside `<script>`: no `<`, `>` or `&` stands in it."""
    text = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _finite(value: Any) -> Any:
    """Return `value` with null for numbers that JSON does not know."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def figures(journey: JourneyMap) -> list[tuple[str, str, str]]:
    """Return the few numbers of the head: (name, value, note)."""
    rows = [("Feedback", words.count(journey.n_feedback), "")]
    if journey.people_known:
        rows.append(("People", words.count(journey.n_people), ""))
    rows.append(("Mentions", words.count(journey.n_mentions), ""))
    for score in journey.scores:
        e = score.estimate
        low, high = (words.score_value(score.survey, end, score.measure) for end in (e.low, e.high))
        value = words.score_value(score.survey, e.value, score.measure)
        note = f"{low} to {high}, n = {words.count(e.n)}"
        rows.append((words.score_name(score.survey, score.measure), value, note))
    return rows


def _changes(journey: JourneyMap) -> str:
    """Return how the whole differs from the period before, in a few words."""
    told = [
        f"{words.change_name(change.what)} {words.change_text(change)}"
        for change in journey.changes
        if words.change_text(change)
    ]
    return "; ".join(told)


_HOW = [
    ("intervals", "Every interval is a 95 % interval. A wide one says: ask more people."),
    ("filtered view", "Filters choose whole answers; people, mentions, shares, net sentiment and scores are counted again from the mentions in this file, so who scored and wrote nothing is not in them; findings are ordered by people times severity, praise at half."),
    ("quotes", "Exact: the marked words stand at that place in what the customer wrote, after personal data was masked."),
]  # fmt: skip


def _capped(n_here: int, n_total: int) -> str:
    if n_here >= n_total:
        return ""
    return (
        f"{words.count(n_here)} of {words.count(n_total)} mentions travel with this page as"
        " evidence; the numbers of the map rest on all of them."
    )


def _policy(look: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(look)};"
        " base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """Return the hash by which a policy allows this very style or script."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files("painpoints.report").joinpath("page", name).read_text(encoding="utf-8")


def style() -> str:
    """Return the style of the pages."""
    return _asset("page.css")


def _script() -> str:
    """Return all parts of the script in one strict function, so that no name leaks."""
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{ "use strict";\n{parts}\n}})();\n'


def _frame() -> Any:
    room = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    return room.from_string(_asset("page.html.j2"))

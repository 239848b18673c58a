"""Numbers and names as people read them, and the sentences that open every report.

One place, so that the page, the figure, the workbook and the note say the same thing. Percent
exists only here and below; a true minus sign, an en dash for ranges.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from painpoints.domain import Change, Estimate, Finding, JourneyMap, MapDiff, Score, StageView

SURVEYS = {
    "nps": "NPS",
    "enps": "eNPS",
    "csat": "CSAT",
    "ces": "CES",
    "stars": "Stars",
    "thumbs": "Thumbs up",
    "smileys": "Smileys",
    "pmf": "PMF",
}
_SHARES = {"csat", "ces", "thumbs", "smileys", "pmf"}  # kept as 0..1, read as percent
_BALANCES = {"nps", "enps"}  # -100..100, read as whole numbers with their sign
OPPORTUNITIES = {
    "remove_pain": "Remove a pain",
    "asked_for": "Asked for",
    "extend_delight": "Extend a delight",
}
GROUPS = {"pain_point": "pain", "asked_for": "wish", "extend_delight": "praise"}
REASONS = {
    "empty": "nothing was written",
    "no_answer": "“n/a”, “nothing” and the like",
    "too_short": "too short to say anything",
    "no_content": "words without a subject (“ok”, “thanks”)",
    "language": "a language that the models do not cover",
    "agent": "said by the company, kept as context",
    "novel": "like no topic yet; kept in a queue for the next topics",
    "no_mention": "nothing in it could be taken as a mention",
    "none": "they tell no stage (“thanks”, “great company”)",
    "unsure": "the stage is not clear enough to say",
    "unknown": "no reason was given",
}


def count(n: float) -> str:
    """Return a whole number with thin groups: 12,345."""
    return f"{n:,.0f}"


def counted(n: int, things: str) -> str:
    """Return `1 mention`, `2 mentions`."""
    return f"{count(n)} {things.removesuffix('s') if n == 1 else things}"


def percent(share: float | None) -> str:
    """Return a share 0..1 as percent with one decimal; 0 and all of it without."""
    if share is None:
        return "–"
    return f"{signless(100 * share, 0 if share in {0, 1, -1} else 1)} %"


def signless(value: float, digits: int) -> str:
    """Return a number with a true minus, and no minus before zero."""
    text = f"{abs(value):,.{digits}f}"
    return text if value >= 0 or float(text.replace(",", "")) == 0 else f"−{text}"


def signed(value: float | None, digits: int = 0) -> str:
    """Return a number with its sign, + or a true minus; zero has none."""
    if value is None:
        return "–"
    text = signless(value, digits)
    return f"+{text}" if value > 0 and float(text.replace(",", "")) != 0 else text


def balance(share: float | None) -> str:
    """Return net sentiment -1..1 as points -100..100 with sign."""
    return "–" if share is None else signed(100 * share)


def is_share(survey: str | None, measure: str = "") -> bool:
    """Return whether a score is a share 0..1; by its kind where the measure is not told."""
    return measure.endswith("_share") if measure else survey in _SHARES


def points_look(kinds: Iterable[tuple[str | None, str]]) -> Literal["share", "decimal"]:
    """Return how points of these (survey, measure) stand in one column: as shares if all are."""
    known = list(kinds)
    return "share" if known and all(is_share(*kind) for kind in known) else "decimal"


def points(value: float | None, survey: str | None, measure: str = "") -> str:
    """Return a difference of scores: NPS points, `pp` (percentage points) of shares, of a mean."""
    if value is None:
        return "–"
    if is_share(survey, measure):
        return f"{signed(100 * value, 1 if abs(value) >= 0.00095 else 2)} pp"
    if survey in _BALANCES:
        return signed(value, 1)
    return signed(value, 2 if abs(value) >= 0.0095 else 3)


def impact(finding: Finding) -> str:
    """Return the impact of a finding without its interval; `–` where it is not known."""
    value = finding.impact.value if finding.impact else None
    return points(value, finding.impact_survey, finding.impact_measure)


def impact_with_interval(finding: Finding) -> str:
    """Return `−1.3 pp (−2.1 pp to −0.4 pp)`, or NPS points without a unit."""
    found, kind = finding.impact, (finding.impact_survey, finding.impact_measure)
    if found is None or found.value is None:
        return "–"
    low, high = points(found.low, *kind).removesuffix(" pp"), points(found.high, *kind)
    return f"{points(found.value, *kind)} ({low} to {high})"


def share_with_interval(estimate: Estimate) -> str:
    """Return `33 % (30–37 %)`."""
    if estimate.value is None:
        return "–"
    low, high = percent(estimate.low).removesuffix(" %"), percent(estimate.high)
    return f"{percent(estimate.value)} ({low}–{high})"


def net_with_interval(estimate: Estimate) -> str:
    """Return `+12 (−3 to +27)`."""
    if estimate.value is None:
        return "–"
    return f"{balance(estimate.value)} ({balance(estimate.low)} to {balance(estimate.high)})"


def survey_name(survey: str | None) -> str:
    """Return a survey kind as people write it."""
    return SURVEYS.get(survey or "", (survey or "score").upper())


MEASURES = {
    "top_two_share": "top-two share",
    "top_share": "top share",
    "mean": "mean",
}
"""Said after the survey's name where one kind has several numbers."""


def score_name(survey: str, measure: str = "") -> str:
    """Return `CSAT, mean`; the measure is left unsaid where the kind says it."""
    return ", ".join(filter(None, (survey_name(survey), MEASURES.get(measure))))


def score_value(survey: str, value: float | None, measure: str = "") -> str:
    """Return a score in the way of its kind: NPS signed and whole, shares in percent, means."""
    if value is None:
        return "–"
    if survey in _BALANCES:
        return signed(value)
    return percent(value) if is_share(survey, measure) else f"{value:.2f}"


def score_text(score: Score) -> str:
    """Return `NPS −26 (−30 to −22), n = 1,886`."""
    e = score.estimate
    low, high = (score_value(score.survey, end, score.measure) for end in (e.low, e.high))
    value = score_value(score.survey, e.value, score.measure)
    return f"{score_name(score.survey, score.measure)} {value} ({low} to {high}), n = {count(e.n)}"


def rank_text(finding: Finding) -> str:
    """Return `1` or `2 (1–4)`, the range where it is wider than the rank; `–` if not ranked."""
    if finding.rank is None:
        return "–"
    low, high = finding.rank_low or finding.rank, finding.rank_high or finding.rank
    return str(finding.rank) if low == high else f"{finding.rank} ({low}–{high})"


def trend_text(finding: Finding) -> str:
    """Return `rising (8 % → 12 %)`, or why there is nothing to say."""
    change = finding.trend
    if change is None:
        return "no earlier period"
    if change.verdict == "too_few" or change.before is None or change.now is None:
        return change.verdict.replace("_", " ")
    return f"{change.verdict} ({percent(change.before)} → {percent(change.now)})"


def people_word(journey: JourneyMap | MapDiff, n: int) -> str:
    """Return people, or answers where the export does not tell who answered."""
    word = "people" if journey.people_known else "answers"
    return {("people", 1): "person", ("answers", 1): "answer"}.get((word, n), word)


def people_title(journey: JourneyMap | MapDiff) -> str:
    """Return the title of a column that counts people, or answers."""
    return people_word(journey, 2).capitalize()


def change_text(change: Change) -> str:
    """Return `was −20, falling` for a score; `was 39 %, rising` for a share."""
    if change.verdict == "too_few" or change.before is None:
        return ""
    return f"was {change_value(change.what, change.before, change.measure)}, {change.verdict}"


def change_value(what: str, value: float | None, measure: str = "") -> str:
    """Return a compared number in the way of what is compared: share, net sentiment or score."""
    if what == "share":
        return percent(value)
    return balance(value) if what == "net_sentiment" else score_value(what, value, measure)


def change_name(what: str) -> str:
    """Return what is compared as people write it."""
    return survey_name(what) if what in SURVEYS else what.replace("_", " ")


def date_text(moment: datetime | None) -> str:
    """Return `3 May 2026`."""
    return "" if moment is None else f"{moment.day} {moment:%B %Y}"


def span_text(journey: JourneyMap) -> str:
    """Return the first and last day of the feedback, and the two periods compared."""
    if journey.first_at is None or journey.last_at is None:
        return "no dates in the data"
    days = f"{date_text(journey.first_at)} – {date_text(journey.last_at)}"
    if journey.period and journey.previous_period:
        return f"{days}; {journey.period} against {journey.previous_period}"
    return days


def top_pain(journey: JourneyMap) -> tuple[StageView, Finding] | None:
    """Return the ranked pain point with the highest priority of the whole journey."""
    ranked = [(view, f) for view in journey.stages for f in view.pain_points if f.rank is not None]
    return max(ranked, key=lambda pair: (pair[1].priority, pair[1].reach), default=None)


def headline(journey: JourneyMap) -> str:
    """Return the sentence that opens every report: what hurts most, and where."""
    if journey.n_mentions == 0:
        return "No feedback could be analysed."
    top = top_pain(journey)
    if top is None:
        return "Nothing can be ranked yet: no pain point is told by enough people."
    view, finding = top
    return f"What hurts most: {finding.label}, in {view.stage.title}."


def support_line(journey: JourneyMap) -> str:
    """Return the numbers behind the headline in one sentence; empty when there is none."""
    top = top_pain(journey)
    if top is None:
        return "See below what was read, and what was left out and why." if journey.left_out else ""
    view, finding = top
    people = people_word(journey, view.n_people)
    who = "who" if journey.people_known else "that"
    reach = (
        f"{count(finding.reach)} of {count(view.n_people)} {people} {who} speak of"
        f" {view.stage.title} tell of it ({percent(finding.share.value)},"
        f" 95 % interval {percent(finding.share.low)} to {percent(finding.share.high)})"
    )
    return "; ".join([reach, *_impact_part(finding), *_trend_part(finding)]) + "."


def _impact_part(finding: Finding) -> Iterable[str]:
    found = finding.impact
    if found is None or found.value is None:
        return []
    kind = finding.impact_survey, finding.impact_measure
    if found.low is not None and found.high is not None and found.low <= 0 <= found.high:
        name = survey_name(finding.impact_survey)
        return [f"its impact on {name} is not sure: {impact_with_interval(finding)}"]
    size = points(abs(found.value), *kind).removeprefix("+")
    size = size.replace("pp", "percentage points") if size.endswith("pp") else f"{size} points"
    verb = "it lowers" if found.value < 0 else "it goes with a higher"
    span = f"{points(found.low, *kind).removesuffix(' pp')} to {points(found.high, *kind)}"
    return [f"{verb} {survey_name(finding.impact_survey)} by {size} ({span})"]


def _trend_part(finding: Finding) -> Iterable[str]:
    change = finding.trend
    if change is None or change.verdict not in {"rising", "falling", "new"}:
        return []
    if change.before is None or change.now is None:
        return [f"it is {change.verdict}"]
    return [f"it is {change.verdict}, from {percent(change.before)} to {percent(change.now)}"]


def left_out_lines(journey: JourneyMap) -> list[tuple[str, str, int]]:
    """Return (what, why, how many): answers left out, then mentions without stage or topic."""
    groups = (
        ("answers not analysed", journey.left_out),
        ("mentions in no stage", journey.no_stage),
        ("mentions without a topic", journey.without_topic),
    )
    return [
        (what, REASONS.get(reason, reason.replace("_", " ")), n)
        for what, counts in groups
        for reason, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if n
    ]

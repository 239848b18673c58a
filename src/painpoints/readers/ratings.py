"""Scores as exports write them to numbers, and which kind of survey they belong to.

A kind is told by header words and by the range of the values, and is never changed silently: a
column called NPS whose values run 1..5 is read as a 1..5 rating and reported as a wrong scale.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from painpoints.readers.measures import highest, mean

LENGTHS: Mapping[str, tuple[float, float]] = {
    "nps": (0, 10),
    "enps": (0, 10),
    "csat": (1, 5),
    "ces": (1, 7),
    "stars": (1, 5),
    "thumbs": (0, 1),
    "smileys": (1, 3),
    "pmf": (1, 3),
}
"""Lowest and highest value of each kind, where the export does not say otherwise."""

KIND_NAMES: Mapping[str, tuple[str, float]] = {
    "nps": ("nps", 10),
    "enps": ("enps", 10),
    "csat": ("csat", 5),
    "csat3": ("csat", 3),
    "ces": ("ces", 5),
    "ces7": ("ces", 7),
    "stars": ("stars", 5),
    "rating": ("stars", 5),
    "thumbs": ("thumbs", 1),
    "smileys": ("smileys", 3),
    "pmf": ("pmf", 3),
}
"""Names that exports give to the kind of each row, with the top of the scale."""

_OPPOSITES = (
    ("dissatisfied", "satisfied"),
    ("unlikely", "likely"),
    ("difficult", "easy"),
    ("bad", "good"),
    ("unhappy", "happy"),
)
_FIVE = (
    *(
        (f"{most} {low}", f"somewhat {low}", "neutral", f"somewhat {high}", f"{most} {high}")
        for most in ("extremely", "very")
        for low, high in _OPPOSITES
    ),
    ("strongly disagree", "somewhat disagree", "neutral", "somewhat agree", "strongly agree"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("very poor", "poor", "neutral", "good", "very good"),
    ("very unlikely", "unlikely", "neutral", "likely", "very likely"),
    ("extremely unlikely", "unlikely", "neutral", "likely", "extremely likely"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very difficult", "difficult", "neutral", "easy", "very easy"),
    ("very bad", "bad", "average", "good", "very good"),
    ("terrible", "poor", "ok", "good", "excellent"),
    ("poor", "fair", "good", "very good", "excellent"),
    ("awful", "bad", "okay", "good", "great"),
    ("terrible", "bad", "ok", "great", "amazing"),
    ("very unhappy", "unhappy", "neutral", "happy", "very happy"),
    (
        "extremely dissatisfied",
        "dissatisfied",
        "neutral",
        "satisfied",
        "extremely satisfied",
    ),
    (
        "not at all satisfied",
        "slightly satisfied",
        "moderately satisfied",
        "very satisfied",
        "completely satisfied",
    ),
)
_SEVEN = tuple(
    (
        *(f"{degree} {low}" for degree in degrees),
        "neutral",
        *(f"{degree} {high}" for degree in reversed(degrees)),
    )
    for degrees in (("extremely", "moderately", "slightly"), ("very", "moderately", "slightly"))
    for low, high in _OPPOSITES
)
_THREE = (
    ("unhappy", "neutral", "happy"),
    ("sad", "neutral", "happy"),
    ("🙁", "😐", "🙂"),
    ("☹️", "😐", "🙂"),
    ("😞", "😐", "😊"),
    ("😡", "😐", "😀"),
    ("😠", "😐", "😃"),
)
_PMF = ("not disappointed", "somewhat disappointed", "very disappointed")
_TWO = (
    ("bad", "good"),
    ("down", "up"),
    ("thumbs down", "thumbs up"),
    ("👎", "👍"),
    ("no", "yes"),
    ("negative", "positive"),
    ("dislike", "like"),
    ("false", "true"),
    ("not helpful", "helpful"),
    ("0", "1"),
)
_NPS_GROUPS: Mapping[str, float] = {
    "detractor": 3.0,
    "detractors": 3.0,
    "passive": 7.5,
    "passives": 7.5,
    "promoter": 9.5,
    "promoters": 9.5,
}
"""Each counts at the middle of its band; NPS asks for the band alone."""
_WORD_SCALES: tuple[tuple[str, Mapping[str, float]], ...] = (
    ("nps", _NPS_GROUPS),
    *(
        (kind, {word: float(n) for n, word in enumerate(words, first)})
        for kind, first, scales in (
            ("pmf", 1, (_PMF,)),
            ("thumbs", 0, _TWO),
            ("csat", 1, _FIVE),
            ("csat", 1, _SEVEN),
            ("smileys", 1, _THREE),
        )
        for words in scales
    ),
)
"""What each word counts, by kind."""
_NO_SCORE = (
    "don't know / can't say",
    "unknown",
    "offered",
    "unoffered",
    "n/a",
    "na",
    "not applicable",
    "none",
    "don't know",
    "no answer",
    "-",
    "prefer not to say",
    "received",
)
_NUMBER = (
    r"^(?:rated:?\s+|rating:\s*)?([-+]?\d+(?:[.,]\d+)?)"
    r"(?:\s*(?:/|out of|von|de)\s*(\d+)(?:[.,]0+)?)?(?:\s*(?:\*|★|stars?|points?|pts|%))?$"
)
_LABELLED = (
    r"^(\d{1,2})(?:\s*[-\x{2013}\x{2014}:=.(]\s*|\s+)[A-Za-z][^\d]*$"  # "10 - Extremely likely"
)

_RULES: tuple[tuple[str, str], ...] = (
    ("enps", r"\benps\b|place to work|employer"),
    ("nps", r"\bnps\b|net promoter|\bltr\b|(?:likel|scale).*recommend|recommend.*(?:likel|scale)"),
    ("recommend", r"recommend"),
    ("pmf", r"\bpmf\b|disappointed"),
    ("ces", r"\bces\b|effort|how easy|easy|ease\b"),
    ("csat", r"\bcsat\b|satisf|\bfft\b|happy with|overall experience"),
    ("stars", r"\bstars?\b|\brating\b|\brate\b|\brated\b"),
    ("smileys", r"smiley|emoji|\bface\b"),
    ("thumbs", r"thumb|helpful|\bliked?\b"),
    ("score", r"\bscores?\b|\bgrade\b|\bpoints\b|\bmark\b"),
)
_NO_SCORE_HEADERS = re.compile(
    r"\bnps (?:group|category|segment|type|bucket)|\bsentiment\b|\b(?:number|count) of\b|"
    r"\bwhy\b|\breasons?\b|"
    r"^(?:\S+ ){0,2}(?:id|date|time|credit|count|n|latitude|longitude|age|weight|version|texts?|"
    r"comments?)$|^(?:confidence|credit|weighted) \S+$"
)
"""Counts, dates and the like; "How would you rate the delivery time?" asks for a score all the same."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The kind of survey a column of scores belongs to.

    low, high: ends of the scale.
    reason:    why, in a few words.
    wrong:     what does not fit, as a sentence, or None.
    """

    survey: str
    low: float
    high: float
    reason: str
    wrong: str | None = None


def rule_of(header: str) -> str | None:
    """Return the kind that the words of a header (in lower case) tell, or None.

    `score` is of any kind; `recommend` is asked for a number, or for yes and no.
    """
    if _NO_SCORE_HEADERS.search(header):
        return None
    return next((kind for kind, pattern in _RULES if re.search(pattern, header)), None)


def numbers(texts: pl.Series) -> pl.Series:
    """Return scores as Float64: plain, "4 stars", "3/5", "10 - Very likely", ★★★☆☆; else null."""
    frame = pl.DataFrame({"t": texts.str.strip_chars()})
    plain = pl.col("t").str.extract(f"(?i){_NUMBER}", 1)
    labelled = pl.col("t").str.extract(_LABELLED, 1)
    filled = pl.when(pl.col("t").str.contains(r"^[★⭐☆️]+$")).then(
        pl.col("t").str.count_matches("[★⭐]")
    )
    return frame.select(
        pl.coalesce(
            plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False),
            labelled.cast(pl.Float64, strict=False),
            filled.cast(pl.Float64),
        ).alias("score")
    )["score"]


def denominators(texts: pl.Series) -> pl.Series:
    """Return the top that scores such as "3/5" say themselves, as Float64; else null."""
    return texts.str.strip_chars().str.extract(f"(?i){_NUMBER}", 2).cast(pl.Float64)


def said_top(texts: pl.Series) -> float | None:
    """Return the top that scores say most often ("3/5"); None where under half of them say one."""
    said = denominators(texts).drop_nulls()
    if said.is_empty() or said.len() < 0.5 * numbers(texts).count():
        return None
    return highest(said.mode())


def by_words(texts: pl.Series) -> tuple[pl.Series, Scale] | None:
    """Return scores and scale of answers in words such as "very satisfied"; None if they are not.

    Nine in ten of the filled values must be words of one scale.
    """
    silent = [w.replace("_", " ") for w in _NO_SCORE]
    lower = (
        texts.str.to_lowercase()
        .str.strip_chars()
        .str.replace_all("_", " ")
        .str.replace(" with comment$", "")
        .str.replace(r"^neither\b.*$", "neutral")
    )
    said = lower.filter(lower.is_not_null() & ~lower.is_in(silent))
    if said.is_empty() or said.n_unique() > 12:
        return None
    for least in (1.0, 0.9):
        for kind, points in _WORD_SCALES:
            if mean(said.is_in(list(points))) >= least:
                scores = lower.replace_strict(points, default=None, return_dtype=pl.Float64)
                return scores, _worded_scale(kind, points)
    return None


def _worded_scale(kind: str, points: Mapping[str, float]) -> Scale:
    if kind == "nps":
        return Scale("nps", 0, 10, "NPS groups, each counted at the middle of its band")
    low, high = min(points.values()), max(points.values())
    return Scale(kind, low, high, f"words of a {high:g}-point scale")


def no_score(texts: pl.Series) -> pl.Series:
    """Tell cells that say that there is no score ("offered", "n/a"); they are no problem."""
    return texts.str.to_lowercase().str.strip_chars().is_in(list(_NO_SCORE)).fill_null(value=True)


def find_scale(
    values: pl.Series, rule: str, *, given: str | None = None, top: float | None = None
) -> Scale | None:
    """Return the scale of numeric scores, from what the header tells and from their range.

    Args:
        values: Float64, null where there is no score.
        rule: as `rule_of` returned it.
        given: the survey kind that the settings or the layout name; never overruled.
        top: the top of the scale that the settings, the layout or the scores themselves name.
    """
    low, high = _usual_range(values)
    if given:
        return _declared(given, low, high, top)
    if _are_shares(values):
        wrong = f"values are shares, {low:g}..{high:g}, not answers on a scale"
        return Scale("none", low, high, "shares of one", wrong)
    return _told(values, rule, low, high, top)


def _told(values: pl.Series, rule: str, low: float, high: float, top: float | None) -> Scale | None:
    """Return the scale that header words and range tell."""
    end = top or high
    if rule == "recommend":
        rule = "thumbs" if low >= 0 and end <= 1 else "nps"
    if rule in ("nps", "enps"):
        return _recommending(rule, low, high, top)
    if rule == "thumbs" or (low >= 0 and end == 1 and (values == 0).any()):
        return Scale("thumbs", 0, 1, "values are 0 and 1") if high <= 1 else None
    if rule == "score":
        return _by_range(low, high, top)
    if rule in ("smileys", "pmf") and end <= 3:
        return Scale(rule, 1, 3, f"header tells {rule}")
    return _rating(rule if rule in ("stars", "ces") else "csat", low, high, top)


def _are_shares(values: pl.Series) -> bool:
    """Tell percentages as spreadsheets keep them: 0.8 for 80 %."""
    filled = values.drop_nulls()
    return mean(filled.is_between(0, 1)) == 1 and bool(filled.is_between(0, 1, "none").any())


def _rating(rule: str, low: float, high: float, top: float | None) -> Scale | None:
    """Return a scale of 1 to 5, 7, 10 or 100; stars of another length are kept as CSAT."""
    longest = top or _length(low, high, LENGTHS[rule][1])
    if longest is None:
        return None
    survey = "csat" if rule == "stars" and longest != 5 else rule
    start = 0.0 if low < 1 and longest > 5 else 1.0
    return Scale(survey, start, longest, f"header tells {rule}, values run {low:g}..{high:g}")


def _usual_range(values: pl.Series) -> tuple[float, float]:
    """Return the range of the values without the few slips beyond the scale most of them keep to.

    One slip in ten values, or one in fifty of many, may lie beyond; one in twenty where the values
    break off at the end of the scale.
    """
    filled = values.drop_nulls().sort()
    if filled.is_empty():
        return 1.0, 1.0
    n_slips = int(filled.len() * 0.02) or int(filled.len() >= 10)
    if mean(filled > 10) < 0.34:
        n_slips = max(n_slips, int((filled > 10).sum()))
    low = next(
        (end for end in (1, 0, -100) if (filled < end).sum() <= int(filled.len() * 0.02)), -1e9
    )
    ends = (1, 3, 5, 7, 10, 100)
    high = next((e for e in ends if (filled > e).sum() <= n_slips or _break_off(filled, e)), 1e9)
    kept = filled.filter(filled.is_between(low, high))
    return float(kept[0] if kept.len() else low), float(kept[-1] if kept.len() else high)


def _break_off(filled: pl.Series, end: int) -> bool:
    """Tell whether many values stand at the end, hardly any next to it, and few beyond."""
    n_at, n_next = (filled == end).sum(), filled.is_between(end, end + 1, "right").sum()
    return end >= 5 and n_at >= 10 * max(n_next, 1) and mean(filled > end) <= 0.05


def _declared(given: str, low: float, high: float, top: float | None) -> Scale:
    start, end = LENGTHS.get(given, (low, high))
    if top is None and given in ("csat", "ces"):
        top = _length(low, high, end)
    end = top or end
    start = 0.0 if given in ("csat", "stars") and end > 7 else start
    wrong = None
    if high > end or low < start:
        wrong = f"values run {low:g}..{high:g}, but {given} is asked {start:g}..{end:g}"
    return Scale(given, start, end, f"{given}, {start:g}..{end:g}", wrong)


def _recommending(rule: str, low: float, high: float, top: float | None) -> Scale | None:
    out_of_ten = top == 10 if top else low < 1 or high > 5
    if low >= 0 and high <= 10 and out_of_ten:
        return Scale(rule, 0, 10, f"header tells {rule}, values run {low:g}..{high:g}")
    wrong = f"header tells {rule}, which is asked 0..10, but values run {low:g}..{high:g}"
    longest = top or _length(low, high, 5)
    if longest is None or low < 0:
        return Scale("none", low, high, "not on the scale its header tells", wrong)
    return Scale(
        "csat", 1, longest, f"values run {low:g}..{high:g}", f"{wrong}; read as 1..{longest:g}"
    )


def _by_range(low: float, high: float, top: float | None) -> Scale | None:
    run = f"a score, values run {low:g}..{high:g}"
    if low >= 0 and 7 < (top or high) <= 10:
        return Scale("nps", 0, 10, f"{run}: taken as 0..10; say survey = if it is not NPS")
    longest = top or _length(low, high, 5)
    return None if longest is None else Scale("csat", 1, longest, run)


def _length(low: float, high: float, usual: float) -> float | None:
    """Return the shortest usual scale that holds the values, not under `usual` for small ones."""
    if low < 0:
        return None
    if high <= 5 and usual in (5, 7):
        return 5.0
    return next((float(end) for end in (5, 7, 10, 100) if high <= end), None)

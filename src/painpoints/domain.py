"""The field's words as frozen objects: what crosses the edges of the engine.

Inside, the steps work on the columns of `painpoints.tables`; here are the few objects that a
reader of the result meets. They compute nothing and know no file format.
Shares run 0..1; `_low`/`_high` are the ends of a 95 % interval; times are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

UNSURE = "unsure"
"""The answer of a classifier when no label is likely enough."""

STAGES = (
    "awareness",
    "consideration",
    "purchase",
    "delivery",
    "onboarding",
    "use",
    "support",
    "loyalty",
)
"""The default journey, in its order. `none` and `unsure` are answers, not stages."""

NO_STAGE = "none"
"""The label of a mention that tells no stage."""

UNTOLD = (NO_STAGE, UNSURE)
"""Labels that name no stage and no touchpoint."""

ALL = "all"
"""Stands for the whole journey where figures are kept by stage."""

TOUCHPOINTS = (
    "advertising",
    "information",
    "price",
    "website",
    "app",
    "account",
    "ordering",
    "payment",
    "delivery",
    "product",
    "premises",
    "staff",
    "customer_service",
    "returns",
    "communication",
    "policy",
    "loyalty_program",
    "security",
    "general",
    "none",
)


class Survey(StrEnum):
    """The kind of score that came with a feedback; kinds are never mixed in one mean."""

    NPS = "nps"  # 0..10, likely to recommend
    ENPS = "enps"  # 0..10, asked of employees
    CSAT = "csat"  # 1..5, satisfied; other lengths are kept with their own maximum
    CES = "ces"  # 1..5 or 1..7, made it easy (higher is easier unless declared otherwise)
    STARS = "stars"  # 1..5
    THUMBS = "thumbs"  # 0 down, 1 up
    SMILEYS = "smileys"  # 1..3
    PMF = "pmf"  # 1 not, 2 somewhat, 3 very disappointed without it
    NONE = "none"  # no score


class Sentiment(StrEnum):
    """How the customer feels about what the mention tells."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class MentionType(StrEnum):
    """What a mention does."""

    PAIN_POINT = "pain_point"
    REQUEST = "request"
    PRAISE = "praise"
    QUESTION = "question"
    OTHER = "other"


class Reason(StrEnum):
    """Why a feedback or a mention was left out of the topics; every one is counted."""

    EMPTY = "empty"  # nothing was written
    NO_ANSWER = "no_answer"  # "n/a", "nothing", "did not answer"
    TOO_SHORT = "too_short"  # not enough letters to say anything
    NO_CONTENT = "no_content"  # words, but none of a subject ("ok", "thanks")
    LANGUAGE = "language"  # a language that the models do not cover
    AGENT = "agent"  # said by the company, kept as context
    NOVEL = "novel"  # like no topic yet; the queue from which the next topics come


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty: 95 % interval and the count it rests on.

    value, low, high: in the unit of what is estimated; None when `n` is 0.
    n:                people (or answers, where nobody is known) behind the number.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Score:
    """One survey kind's score over a group: `convention` says in words how it was computed.

    measure:   nps, top_two_share, easy_share, up_share, very_disappointed_share, or mean.
    low, high: the ends that the measure can take, e.g. -100 and 100.
    small:     True where fewer people answered than the minimum for ranking.
    answers:   how often each answer was given, e.g. {"9": 31}.
    """

    survey: str
    estimate: Estimate
    convention: str
    measure: str = ""
    low: float | None = None
    high: float | None = None
    small: bool = False
    answers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A number now against the previous period.

    before, now: in the unit of what is compared (a share 0..1, or score points).
    p_value:     of the test named in `test`, corrected for the number of comparisons.
    verdict:     new, rising, falling, fixed, unchanged, or too_few.
    what:        what is compared: share, net_sentiment, or a survey kind.
    measure:     of a survey kind, as in `Score`; empty otherwise.
    """

    before: float | None
    now: float | None
    p_value: float | None
    test: str
    verdict: str
    what: str = "share"
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the journey: `name` as in the tables, `title` as people read it."""

    name: str
    title: str
    description: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One mention inside its verbatim, with all that was read from it.

    start, end: characters of the mention in `verbatim`, so `verbatim[start:end]` is the quote.
    verbatim:   masked; context (the survey question, the agent's turn) is kept apart.
    row, score_max: of the export and of the scale; feedbacks of one row share one answer.
    segments:   the segment columns of the export, e.g. {"plan": "gold"}.
    """

    mention_id: str
    feedback_id: str
    person: str
    verbatim: str
    start: int
    end: int
    stage: str
    stage_source: str
    touchpoint: str
    sentiment: str
    type: str
    severity: int
    topic_id: str | None
    source: str
    row: int
    channel: str | None
    survey: str
    score: float | None
    score_max: float | None
    created_at: datetime | None
    question: str | None = None
    segments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """What several mentions speak of; `topic_id` survives later runs."""

    topic_id: str
    parent_id: str | None
    label: str
    terms: tuple[str, ...]
    exemplar_ids: tuple[str, ...]
    n_mentions: int
    status: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A ranked claim about one topic within one stage, with what it rests on.

    reach:       distinct people; `share` is reach over the people of the stage.
    severity:    mean severity of its pain mentions, 0..3.
    impact:      leave-out effect on the score in score points (negative: it drags the score
                 down); None where no scores are known.
    impact_survey: the survey kind that `impact` speaks of; impact_measure: as in `Score`.
    weight:      overlap-corrected share of explained variance (Johnson), signed; or None.
    agree:       False where impact and weight point in different directions.
    feasibility: ease from the analyst's table (1 hard .. 5 easy); None when not judged.
    owner, note: from the same table; None where it names none.
    priority:    the number that the rank orders by; `priority_formula` prints its inputs.
    rank:        1 is first within stage and kind; None for groups too small to rank.
    rank_low, rank_high: the bootstrap range of the rank.
    trend:       against the previous period; None without dates.
    evidence_ids: the most telling mentions first, at most 200 of `n_mentions`.
    why:         why it is listed, in words.
    """

    finding_id: str
    kind: str
    opportunity: str | None
    stage: str
    touchpoint: str
    topic_id: str
    label: str
    reach: int
    share: Estimate
    n_mentions: int
    severity: float
    impact: Estimate | None
    impact_survey: str | None
    weight: Estimate | None
    agree: bool | None
    feasibility: float | None
    priority: float
    priority_formula: str
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    trend: Change | None
    evidence_ids: tuple[str, ...]
    why: str = ""
    impact_measure: str = ""
    owner: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one value (a touchpoint, a channel, a person group) occurs in a cell."""

    name: str
    n_mentions: int
    n_people: int
    net_sentiment: Estimate


@dataclass(frozen=True, slots=True)
class StageView:
    """One column of the journey map.

    net_sentiment: share of people positive minus share negative, -1..1: the emotion curve.
    change:        of the share of people who speak of the stage, against the previous period.
    small:         True when too few people speak of the stage to rank anything in it.
    target:        what the settings expect of the first score, in its unit (shares 0..1); or None.
    listed_apart:  findings under the minimum size, named but not ranked.
    """

    stage: Stage
    n_people: int
    n_mentions: int
    share: Estimate
    net_sentiment: Estimate
    scores: tuple[Score, ...]
    pain_points: tuple[Finding, ...]
    opportunities: tuple[Finding, ...]
    listed_apart: tuple[Finding, ...]
    touchpoints: tuple[Tally, ...]
    channels: tuple[Tally, ...]
    change: Change | None
    small: bool
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Emerging:
    """An issue that more people tell of now than in the periods before.

    segment:     "plan: gold" where only these people were looked at; None is everybody.
    n_periods:   periods that make "now": 1, or several pooled for a weak signal.
    now, n_now:  people who tell it (a pain or a wish) and people heard, summed over periods.
    before, n_before: the same of the baseline.
    ratio:       rate now over rate before, exact 95 % interval; its value is None where nobody
                 told it in the baseline.
    p_value:     corrected for all tests of the look.
    verdict:     new (nobody ever told it before), rising, or seasonal (it rose at the same time a
                 year ago as well).
    """

    topic_id: str
    label: str
    segment: str | None
    n_periods: int
    now: int
    n_now: int
    before: int
    n_before: int
    ratio: Estimate
    p_value: float
    verdict: str
    evidence_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """One look for emerging issues: what was looked at, what was found, how sure that is.

    expected_false_alarms: how many a look at these data would find if nothing had changed.
    power:         share of the tested topics of everybody whose tripling would be found at once.
    not_compared:  segments that too few people of the period belong to.
    """

    unit: str
    period: str
    n_baseline: int
    n_topics: int
    n_tests: int
    q: float
    expected_false_alarms: float
    power: float
    found: tuple[Emerging, ...]
    not_compared: tuple[str, ...]
    method: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How feedback added to a run differs from what the run was made of.

    n_feedback: feedbacks added that have a mention; n_repeated: those that the run held already.
    novel_ids:  mentions added that no topic holds, in the order of the feedback.
    novel:      their share of the mentions added that could have a topic, 0..1.
    novel_expected: that share if nothing had changed; novel_p: one-sided p value of more than that.
    stability:  population stability index of topic_id, stage, sentiment, type: below 0.1 little has
                moved, above 0.25 much; 0 where chance may have given it.
    verdict:    what that advises, in words.
    """

    n_feedback: int
    n_repeated: int
    n_mentions: int
    novel_ids: tuple[str, ...]
    novel: float
    novel_expected: float
    novel_p: float
    stability: Mapping[str, float]
    verdict: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """What became of a topic from one run to another.

    verdict: kept (same id), merged (went into `topic_id`), split (a part of `old_id`), new, retired.
    cosine:  of the two centroids; None where there is no counterpart.
    """

    old_id: str | None
    topic_id: str | None
    verdict: str
    cosine: float | None
    label_before: str | None
    label_now: str | None


@dataclass(frozen=True, slots=True)
class MapChange:
    """One group (a topic within a stage, as pain, wish or praise) in two runs.

    group:       pain_point, asked_for or extend_delight.
    before, now: people who tell it; the shares are of all people heard in the run.
    difference:  share now minus share before, Newcombe's 95 % interval.
    p_value:     corrected for all groups; None where too few tell it to test.
    verdict:     new, rising, falling, fixed, unchanged, too_few.
    lineage:     of its topic, as in `Lineage`.
    """

    group: str
    stage: str
    topic_id: str
    label: str
    before: int
    now: int
    share_before: float | None
    share_now: float | None
    difference: Estimate
    p_value: float | None
    verdict: str
    lineage: str
    evidence_before: tuple[str, ...]
    evidence_now: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MapDiff:
    """Two runs compared, the people of each apart from the other's.

    people_known:    whether both exports tell who gave each feedback; else answers are counted, also
                     where a name below says people.
    titles:          of the stages in force, by name, in the order of the journey.
    n_before, n_now: people heard.
    n_shared:        feedbacks in both runs, counted with the first only.
    n_people_both:   people who are heard in both; the tests take them for different ones.
    stages:          share, net sentiment and scores of each stage and of `all`, by its name.
    churn:           share of the second run's mentions with a topic whose topic is not kept.
    expected_false_alarms: changes that would be found if people had only been dealt to the two
                     runs by chance (mean of permutations).
    remarks:         what makes the two runs hard to compare, in words.
    """

    before: str
    now: str
    span_before: tuple[datetime | None, datetime | None]
    span_now: tuple[datetime | None, datetime | None]
    people_known: bool
    titles: Mapping[str, str]
    n_before: int
    n_now: int
    n_shared: int
    n_people_both: int
    changes: tuple[MapChange, ...]
    stages: Mapping[str, tuple[Change, ...]]
    lineage: tuple[Lineage, ...]
    churn: float
    q: float
    expected_false_alarms: float
    test: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FixPoint:
    """One window of the figure of a fix: share of people who told it then."""

    start: datetime
    share: Estimate
    control: Estimate | None


@dataclass(frozen=True, slots=True)
class FixVerdict:
    """What a fix did to the share of people who tell the pain it was for.

    expected:      as the register says, a change of the share, e.g. -0.05; or None.
    before, after: of the affected people; control_*: of the others, where a segment got the fix.
    effect:        change of the share that goes with the fix, by `method`; None if not tested.
    p_value:       Holm-corrected over all fixes.
    verdict:       worked, no_evidence, got_worse, too_early, or unknown (see `reason`).
    n_more:        people still to be heard after the fix to find what `reason` says; 0 where it
                   would have been found; None where it cannot be or was not computed.
    """

    name: str
    target: str
    segment: str | None
    date: datetime
    owner: str | None
    expected: float | None
    method: str
    before: Estimate
    after: Estimate
    control_before: Estimate | None
    control_after: Estimate | None
    effect: Estimate | None
    p_value: float | None
    verdict: str
    n_more: int | None
    reason: str
    unit: str
    series: tuple[FixPoint, ...]
    evidence_before: tuple[str, ...]
    evidence_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentDifference:
    """What a segment tells more or less often than everybody else.

    here, elsewhere: people who tell it.
    difference:      share here minus share elsewhere, Newcombe's interval; p_value: corrected.
    evidence_ids:    mentions of the segment; evidence_elsewhere: of the others.
    """

    group: str
    stage: str
    topic_id: str
    label: str
    here: int
    share_here: float
    share_elsewhere: float
    difference: Estimate
    p_value: float
    evidence_ids: tuple[str, ...]
    elsewhere: int = 0
    evidence_elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One segment against everybody else.

    against:     the other value, where the column has two: they are one comparison, shown once,
                 and people without a value are left out of it; else empty.
    n_rest:      people compared with.
    score, rest: on the most answered survey kind; p_value: of their difference, Holm over segments.
    small:       too few people to compare; nothing stands in `apart`.
    """

    column: str
    value: str
    n_people: int
    small: bool
    survey: str | None
    measure: str
    score: Estimate
    rest: Estimate
    p_value: float | None
    apart: tuple[SegmentDifference, ...]
    against: str = ""
    n_rest: int = 0


@dataclass(frozen=True, slots=True)
class PersonaTrait:
    """What a persona tells, or who it is, against the people of the other personas.

    name:    the subject as people read it, or `plan: gold`; key: topic id, or column of the export.
    p_value: of a segment, corrected over all personas and values; None for a subject, as the
             personas were made from these.
    """

    name: str
    key: str
    here: int
    share_here: float
    share_elsewhere: float
    p_value: float | None
    evidence_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    """One group of people who tell of the same subjects and score alike.

    name:     what sets it apart; share: of the people placed.
    subjects: what it tells clearly more often, the largest difference first.
    segments: values of the export's columns that are surely more frequent in it.
    score, rest: of its people and of all others placed, on the most answered survey kind.
    """

    name: str
    n_people: int
    share: Estimate
    subjects: tuple[PersonaTrait, ...]
    segments: tuple[PersonaTrait, ...]
    score: Estimate
    rest: Estimate


@dataclass(frozen=True, slots=True)
class Personas:
    """The look for personas in the data, whether or not it found any.

    verdict:   found, none (no clear groups), or too_few (too few people tell two things or more).
    reason:    the verdict in words, with the numbers that it rests on.
    n_people:  people looked at, each of whom tells two things or more; n_heard: all heard.
    p_value:   that data without groups would look as grouped; None if not tested.
    stability: mean adjusted Rand index with the groups of random halves, 1 if always the same.
    """

    verdict: str
    reason: str
    n_heard: int
    n_people: int
    method: str
    p_value: float | None = None
    stability: float | None = None
    survey: str | None = None
    measure: str = ""
    found: tuple[Persona, ...] = ()


def period_name(start: datetime, unit: str) -> str:
    """Return the period of a week, month, quarter or year as people read it, e.g. 2026-W07.

    The others are written 2026-02, 2026-Q1 and 2026.
    """
    if unit == "week":
        return f"{start:%G-W%V}"
    if unit == "quarter":
        return f"{start:%Y}-Q{(start.month + 2) // 3}"
    return f"{start:%Y-%m}" if unit == "month" else f"{start:%Y}"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One period of a line. start: its first moment; estimate.n: people heard, or who scored."""

    start: datetime
    estimate: Estimate
    evidence_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrendLine:
    """A number over the periods: what is score, or share (of the people heard who tell a pain)."""

    what: str
    label: str
    stage: str
    topic_id: str
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The score and the largest pains over the last complete periods, all of the same ones.

    unit: week, month, quarter or year.
    """

    unit: str
    survey: str | None
    measure: str
    lines: tuple[TrendLine, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """People heard at one stage and next at another.

    share: of those heard again after `stage`; pain: share of these people who tell a pain there.
    """

    stage: str
    following: str
    n_people: int
    share: Estimate
    pain: Estimate
    small: bool
    evidence_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Whether people are heard again within `days` of their first answer.

    after_pain, after_none: share heard again, by whether the first answer told a pain.
    evidence_ids: pains of those not heard again.
    """

    days: int
    after_pain: Estimate
    after_none: Estimate
    difference: Estimate
    p_value: float
    evidence_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """How named people go through the journey from answer to answer.

    n_people: named people with a dated answer that tells a stage; n_followed: heard again.
    """

    n_people: int
    n_followed: int
    transitions: tuple[Transition, ...]
    after: Return | None


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """Findings arranged by stage, with the counts that reconcile them.

    min_people:  groups of fewer people are listed apart, not ranked.
    left_out:    how many feedbacks were left out, by reason.
    without_topic: how many mentions have no topic, by reason.
    changes:     the whole against the previous period, one for each survey kind.
    no_stage:    mentions whose stage is `none` or `unsure`, counted so that columns add up.
    filters:     the values by which the map can be cut, e.g. {"channel": ("app", "phone")}.
    conventions: how each printed number is computed, in words.
    emerging:    the look for emerging issues; None without enough periods.
    fixes:       verdicts on the register of fixes, in its order.
    segments:    each segment against everybody else.
    personas:    groups of people found by what they tell and how they score, if the data show any.
    paths:       from answer to answer; None without named people heard at two times.
    timeline:    score and pains over the periods; None with fewer than three of them.
    scores_by:   scores of those who speak of each touchpoint, and of each channel's answers:
                 "touchpoint" or "channel" -> value -> scores.
    efforts_unmatched: rows of the analyst's table of efforts that name nothing found here.
    """

    title: str
    first_at: datetime | None
    last_at: datetime | None
    period: str | None
    previous_period: str | None
    n_feedback: int
    n_people: int
    n_mentions: int
    people_known: bool
    min_people: int
    scores: tuple[Score, ...]
    stages: tuple[StageView, ...]
    topics: tuple[Topic, ...]
    no_stage: Mapping[str, int]
    left_out: Mapping[str, int]
    filters: Mapping[str, tuple[str, ...]]
    conventions: Mapping[str, str]
    without_topic: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    emerging: Watch | None = None
    fixes: tuple[FixVerdict, ...] = ()
    segments: tuple[SegmentView, ...] = ()
    paths: Paths | None = None
    efforts_unmatched: tuple[str, ...] = ()
    personas: Personas | None = None
    timeline: Timeline | None = None
    scores_by: Mapping[str, Mapping[str, tuple[Score, ...]]] = field(default_factory=dict)

"""What goes in and out over HTTP, as the OpenAPI description shows it. Unknown fields are refused."""

from datetime import date as day
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints, model_validator

from painpoints.config import ColumnSettings, ReadSettings, StageSettings

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]
Row = Annotated[dict[str, str | float | int | bool | None], FailFast()]
State = Literal["queued", "running", "done", "failed", "cancelled"]
MOST_FIELDS = 100
"""Of an object; each unknown one is told of, which takes its time."""


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_no_flood(cls, data: Any) -> Any:
        given = [data, *data.values()] if isinstance(data, dict) else []
        if any(isinstance(one, dict) and len(one) > MOST_FIELDS for one in given):
            raise ValueError(f"an object has more than {MOST_FIELDS} fields")
        return data


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


# -- in ----------------------------------------------------------------------------------------


class RankOptions(_In):
    """When a finding may be ranked."""

    min_people: int = Field(5, ge=1, le=10_000)
    period: Literal["auto", "week", "month", "quarter", "year", "none"] = "auto"


class StageOptions(_In, StageSettings):
    """A stage of an own journey; its name stands in ids and paths."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=60, pattern=r"^[\w .&-]*\w[\w .&-]*$"),
    ] = Field(description="letters, digits, spaces and `_ - . &`")


class Options(_In):
    """What an analysis is to do; all of it may be left out."""

    title: Name | None = None
    quality: Literal["fast", "accurate"] | None = Field(
        None, description="as the service's settings say if not given: accurate, unless changed"
    )
    seed: int = Field(0, ge=0, le=2**31)
    columns: ColumnSettings = ColumnSettings()
    read: ReadSettings = ReadSettings()
    journey: list[StageOptions] = Field([], max_length=30)
    rank: RankOptions = RankOptions()
    continues: Id = Field(
        "latest",
        description="the analysis whose topics keep ids and names where they go on: an id, `latest` "
        "(the newest finished one of the project that the same encoder read), or `none`",
    )

    def settings(self) -> dict[str, Any]:
        """Return them as the engine's settings, only what was given."""
        apart = {"rows", "upload_ids", "continues"}
        given = self.model_dump(mode="json", exclude_unset=True, exclude=apart)
        title, journey = given.pop("title", None), given.pop("journey", None)
        if title is not None:
            given["report"] = {"title": title}
        if journey:
            given["journey"] = {"stages": journey}
        return given


class AnalysisIn(Options):
    """An analysis of rows, or of files that were uploaded before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Q2 survey",
                "rows": [
                    {"id": "r-1", "comment": "Check-in took an hour", "nps": 3, "channel": "app"},
                    {"id": "r-2", "comment": "Lovely staff", "nps": 10, "channel": "web"},
                ],
                "columns": {"verbatim": ["comment"], "score": "nps", "survey": "nps", "id": "id"},
            }
        },
    )
    rows: list[Row] = Field(
        [], fail_fast=True, description="answers, one object each, with any fields"
    )
    upload_ids: list[Id] = Field([], max_length=200, description="of earlier uploads")


class CheckIn(_In):
    """Uploads to look at, and how to read them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"upload_ids": ["up_0193"], "columns": {"verbatim": ["Comment"]}}
        },
    )
    upload_ids: list[Id] = Field(min_length=1, max_length=200)
    columns: ColumnSettings = ColumnSettings()
    read: ReadSettings = ReadSettings()

    def settings(self) -> dict[str, Any]:
        """Return them as the engine's settings, only what was given."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"upload_ids"})


class ScoreText(_In):
    """A text to label."""

    text: str = Field(min_length=1)
    id: Id | None = Field(None, description="comes back with its mentions")
    question: Annotated[str, StringConstraints(max_length=2000)] | None = Field(
        None, description="that it answers; helps with texts like `nothing` or `the price`"
    )
    channel: Name | None = None
    touchpoint: Name | None = Field(None, description="known of it, and so not guessed")
    stage: Name | None = Field(None, description="known of it, and so not guessed")
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = Field(
        None, description="as ISO 639 has it; else it is recognised"
    )

    def known(self) -> dict[str, str | None]:
        """Return it as the engine takes it."""
        context = self.model_dump(
            include={"question", "channel", "touchpoint", "stage", "language"}
        )
        return {"verbatim": self.text, **context}


class ScoreIn(_In):
    """Texts to label at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "texts": [
                    {"text": "The app crashes", "id": "t-1"},
                    {"text": "Nothing!", "question": "What did you like?", "stage": "delivery"},
                ]
            }
        },
    )
    texts: list[ScoreText] = Field(min_length=1, fail_fast=True)
    analysis_id: Id | None = Field(None, description="whose topics are assigned as well")


Word = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=2,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*\w[^\x00-\x1f\x7f]*$",
    ),
]


class PartIn(_In):
    """A part of a topic: its mentions that hold one of these words, from the beginning of a word."""

    topic_id: Id | None = Field(None, description="of a part that is kept; a new one gets its own")
    label: Name
    words: list[Word] = Field(min_length=1, max_length=50)


class PartOut(_Out):
    """A part of a topic; by `topic_id` it is renamed, owned, merged, hidden and found like any topic."""

    topic_id: str
    label: str
    words: list[str]


class TopicPatch(_In):
    """What to change about a topic; what is not given stays. Null takes a value back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"label": "Parcels arrive late", "owner": "Logistics"}},
    )
    label: Name | None = None
    owner: Name | None = None
    hidden: bool = False
    watched: bool = False
    merged_into: Id | None = Field(None, description="the topic that it is to be counted for")
    parts: Annotated[list[PartIn], Field(min_length=1, max_length=10)] | None = Field(
        None,
        description="splits it: a mention counts for the first part whose words it holds, else for the "
        "topic; null puts it together again, and drops what was decided about its parts",
    )


class LabelIn(_In):
    """A correction of one label of one mention."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "analysis_id": "an_0193",
                "mention_id": "r-1#1",
                "field": "stage",
                "label": "support",
                "reason": "it speaks of the hotline",
            }
        },
    )
    analysis_id: Id
    mention_id: Id
    field: Literal["stage", "touchpoint", "sentiment", "type", "severity", "topic"]
    label: Name
    author: Name | None = Field(None, description="who says so; the key's name if not given")
    reason: str = Field("", max_length=2000)


class FixIn(_In):
    """A fix: what it is for (topic, stage or touchpoint at least), since when, and for whom."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "Second courier",
                "topic": "Parcel arrives late",
                "stage": "delivery",
                "segment": "plan=pro",
                "date": "2026-04-01",
                "owner": "Logistics",
                "expected": -0.05,
            }
        },
    )
    name: Name | None = None
    topic: Name | None = Field(None, description="its id or name")
    stage: Name | None = None
    touchpoint: Name | None = None
    segment: (
        Annotated[
            str, StringConstraints(max_length=500, pattern=r"^[^=:\x00-\x1f]+[=:][^\x00-\x1f]+$")
        ]
        | None
    ) = Field(None, description="who got it, as `column=value`; everybody if not given")
    date: day = Field(description="the day from which it holds, UTC")
    owner: Name | None = None
    expected: float | None = Field(
        None,
        ge=-1,
        le=1,
        allow_inf_nan=False,
        description="hoped-for change of the share of people who tell it, such as -0.05",
    )
    note: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _is_for_something(self) -> "FixIn":
        if self.topic is None and self.stage is None and self.touchpoint is None:
            raise ValueError("a fix is for a topic, a stage or a touchpoint")
        return self

    def told(self) -> dict[str, Any]:
        """Return its fields."""
        return self.model_dump()


VersionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]


class RetrainIn(_In):
    """Which classifier is trained; that of the settings if not said."""

    quality: Literal["fast", "accurate"] | None = None


class RollbackIn(RetrainIn):
    """Of which classifier."""


class PromoteIn(RetrainIn):
    """Of which classifier, and whether although a label falls."""

    force: bool = False


class WebhookIn(_In):
    """Where to tell what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"url": "https://example.com/hook", "events": ["analysis.finished"]}
        },
    )
    url: Annotated[str, StringConstraints(min_length=8, max_length=2000)]
    events: list[Literal["analysis.finished", "issue.emerging", "topic.detractor"]] = Field(
        min_length=1, max_length=10
    )


# -- out ---------------------------------------------------------------------------------------


class UploadOut(_Out):
    """A file that came in."""

    id: str
    file_name: str
    n_bytes: int
    sha256: str
    created_at: datetime


class MappedOut(_Out):
    """A column and what it is taken for; `by` says whether settings, a layout or a guess did."""

    role: str
    column: str
    reason: str
    by: str


class SourceOut(_Out):
    """How one file is understood."""

    source: str
    layout: str
    title: str
    format: str
    encoding: str | None
    delimiter: str | None
    n_rows: int
    n_feedback: int
    n_rejected: int
    survey: str
    score_max: float | None
    mapping: list[MappedOut]
    notes: list[str]
    sha256: str | None = Field(description="of the file as it was sent")


class CheckOut(_Out):
    """What is recognised in files, and what is wrong with them; no customer's words."""

    sources: list[SourceOut]
    quality: dict[str, Any] = Field(description="counts, languages, issues with rows")
    rejected: list[dict[str, Any]] = Field(description="the first hundred rows set aside, and why")
    skipped: list[str]


class AnalysisOut(_Out):
    """An analysis and where it stands."""

    id: str
    title: str
    state: State
    step: str | None = Field(description="under way, or last")
    done: int = Field(description="of `total` in this step")
    total: int = Field(description="0 where it is not known")
    attempts: int
    problem: str | None = Field(description="why it failed, or is tried again")
    counts: dict[str, Any]
    settings: dict[str, Any]
    upload_ids: list[str]
    continues: str | None = Field(description="the analysis whose topics it keeps")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Page(_Out):
    """A part of a list; `next` is to be sent as `after` for the part after it."""

    next: str | None = None


class AnalysesOut(Page):
    """Analyses, newest first."""

    items: list[AnalysisOut]


class UploadsOut(Page):
    """Uploads, newest first."""

    items: list[UploadOut]


class EstimateOut(_Out):
    """A number with its 95 % interval and the count it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None = None


class FindingOut(_Out):
    """A ranked claim. `basis` says whether the whole run or a slice is ranked."""

    finding_id: str
    kind: str
    opportunity: str | None
    stage: str
    touchpoint: str
    topic_id: str
    label: str
    owner: str | None
    n_mentions: int
    reach: int
    share: EstimateOut
    severity: float
    impact: EstimateOut | None = Field(description="score points; null in a slice")
    impact_survey: str | None
    weight: EstimateOut | None
    agree: bool | None
    feasibility: float | None
    priority: float
    priority_formula: str
    rank: int | None = Field(description="1 is first; null for too few people to rank")
    rank_low: int | None
    rank_high: int | None
    trend: str | None
    why: str
    evidence_ids: list[str]
    basis: Literal["run", "slice"]


class StageChoice(_Out):
    """A stage of a run's journey, in the journey's order."""

    name: str
    title: str


class ChoicesOut(_Out):
    """What a run can be cut by, and what its labels can be corrected to."""

    stages: list[StageChoice]
    channel: list[str]
    touchpoint: list[str]
    survey: list[str]
    segments: dict[str, list[str]] = Field(description="`segment.<name>=<value>` cuts by it")
    more: list[str] = Field(description="filters with more values than are listed, commonest first")
    score_low: float | None
    score_high: float | None
    first_at: datetime | None
    last_at: datetime | None
    labels: dict[str, list[str]] = Field(description="field -> labels, for corrections")


class FindingsOut(_Out):
    """Findings by stage and kind, first rank first."""

    items: list[FindingOut]


class StageOut(_Out):
    """One stage of a run or slice."""

    stage: str
    n_mentions: int
    n_people: int
    net_sentiment: float = Field(description="share of positive less share of negative mentions")
    n_people_in_pain: int
    n_pain_points: int
    n_opportunities: int


class StagesOut(_Out):
    """The stages of a run or slice, `none` and `unsure` among them."""

    items: list[StageOut]


class MentionOut(_Out):
    """A mention in its verbatim: `verbatim[start:end]` is `text`."""

    mention_id: str
    feedback_id: str
    text: str
    start: int
    end: int
    verbatim: str
    question: str | None
    stage: str
    stage_prob: float
    stage_source: str
    touchpoint: str
    sentiment: str
    type: str
    severity: int
    topic_id: str | None
    reason: str | None
    person: str
    channel: str | None
    survey: str
    score: float | None
    created_at: datetime | None
    source: str
    segments: dict[str, Any]
    corrections: dict[str, str] = Field(description="labels that analysts put right")


class MentionsOut(Page):
    """Mentions, gravest first."""

    items: list[MentionOut]


class QueueItem(_Out):
    """A mention that a human label helps."""

    mention_id: str
    analysis_id: str
    text: str
    start: int
    end: int
    verbatim: str
    question: str | None
    stage: str
    stage_prob: float
    touchpoint: str
    sentiment: str
    type: str
    type_prob: float
    severity: int
    why: str


class QueueOut(_Out):
    """The labelling queue, most useful first."""

    items: list[QueueItem]


class TopicOut(_Out):
    """A topic, with what analysts decided about it."""

    topic_id: str
    label: str
    found_label: str = Field(description="as the engine named it")
    terms: list[str]
    exemplar_ids: list[str]
    parent_id: str | None
    n_mentions: int
    status: str
    owner: str | None
    hidden: bool
    watched: bool
    merged_into: str | None
    parts: list[PartOut] | None = Field(
        description="that it is split in; they are listed themselves"
    )


class SplitOut(_Out):
    """What a split of a topic would come to, and words that divide it."""

    n_mentions: int
    n_left: int = Field(description="mentions that no part takes; they stay with the topic")
    parts: list[int] = Field(description="mentions of each part asked about")
    words: list[dict[str, Any]] = Field(description="word and n_mentions; the best dividing first")


class TopicsOut(_Out):
    """Topics, largest first."""

    items: list[TopicOut]


class TopicEditOut(_Out):
    """What is decided about a topic, for all analyses of the project."""

    topic_id: str
    label: str | None
    owner: str | None
    hidden: bool
    watched: bool
    merged_into: str | None
    parts: list[PartOut] | None
    edited_by: str
    edited_at: datetime


class ScoredMention(_Out):
    """A mention of a scored text, with its labels."""

    text_index: int
    text_id: str | None
    text: str
    start: int
    end: int
    stage: str
    stage_prob: float
    touchpoint: str
    touchpoint_prob: float
    sentiment: str
    sentiment_prob: float
    type: str
    type_prob: float
    severity: int
    severity_prob: float
    topic_id: str | None
    topic_label: str | None
    topic_prob: float | None
    reason: str | None


class ScoreOut(_Out):
    """The mentions of all texts, in their order."""

    mentions: list[ScoredMention]


class LabelOut(_Out):
    """A correction as it is kept."""

    id: str
    analysis_id: str
    mention_id: str
    field: str
    before: str | None
    after: str
    author: str
    reason: str
    created_at: datetime


class LabelsOut(Page):
    """Corrections, newest first."""

    items: list[LabelOut]


class FixOut(_Out):
    """A fix of the register."""

    id: str
    name: str | None
    topic: str | None
    stage: str | None
    touchpoint: str | None
    segment: str | None
    date: day
    owner: str | None
    expected: float | None
    note: str
    made_by: str
    created_at: datetime


class FixesOut(Page):
    """The register of fixes, newest first."""

    items: list[FixOut]


class FixPointOut(_Out):
    """A window of time: the share of people who told it then."""

    start: datetime
    share: EstimateOut
    control: EstimateOut | None


class VerdictOut(_Out):
    """What a fix did to the share of people who tell the pain it is for."""

    fix: FixOut
    target: str
    method: str = Field(description="by what `effect` was estimated; empty where it was not")
    before: EstimateOut
    after: EstimateOut
    control_before: EstimateOut | None = Field(description="of those who did not get it")
    control_after: EstimateOut | None
    effect: EstimateOut | None = Field(description="change of the share that goes with the fix")
    p_value: float | None = Field(description="Holm-corrected over the register")
    verdict: Literal["worked", "no_evidence", "got_worse", "too_early", "unknown"]
    n_more: int | None = Field(description="people still to be heard to find what `reason` says")
    reason: str
    unit: str
    series: list[FixPointOut]
    evidence_before: list[str] = Field(description="mention ids")
    evidence_after: list[str]


class VerdictsOut(_Out):
    """Verdicts on the register's fixes, by their days."""

    items: list[VerdictOut]


class FailureOut(_Out):
    """An event that was not received: `failed` is given up, the others are tried again."""

    event: str
    state: State
    problem: str
    created_at: datetime = Field(description="of the event")


class WebhookOut(_Out):
    """A webhook."""

    id: str
    url: str
    events: list[str]
    created_at: datetime
    failure: FailureOut | None = Field(None, description="the newest")


class WebhookMade(WebhookOut):
    """A new webhook with the secret that signs what it gets; shown this once."""

    secret: str


class WebhooksOut(_Out):
    """Webhooks."""

    items: list[WebhookOut]


class ChangeOut(_Out):
    """A finding in two analyses."""

    finding_id: str
    stage: str
    label: str
    kind: str
    rank_before: int | None
    rank_now: int | None
    share_before: float | None
    share_now: float | None
    verdict: Literal["new", "gone", "rising", "falling", "unchanged"]


class ComparisonOut(_Out):
    """Two analyses compared; shares whose intervals overlap count as unchanged."""

    before: str
    now: str
    items: list[ChangeOut]


class ModelsOut(_Out):
    """The trained parts in use, as their manifests say."""

    items: list[dict[str, Any]]


class VersionsOut(_Out):
    """Versions of the classifiers, as `painpoints models list` tells them."""

    items: list[dict[str, Any]]


class TrainingOut(_Out):
    """A training: where it stands, and when it is done, the version and how it was judged."""

    id: str
    state: State
    step: str | None
    problem: str | None
    result: dict[str, Any] | None = Field(
        description="version, the one it was judged against, figures, labels that fall"
    )
    created_at: datetime
    ended_at: datetime | None


class TrainingsOut(Page):
    """Trainings, newest first."""

    items: list[TrainingOut]


class HealthOut(_Out):
    """Whether the process runs."""

    status: Literal["ok"]
    version: str


class ReadyOut(_Out):
    """Whether each part can be used."""

    ready: bool
    parts: dict[str, str]

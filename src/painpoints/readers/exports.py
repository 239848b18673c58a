"""Vendors' export layouts as data: by which headers each is known, and what its columns are.

A layout is recognised by its signature, never by the file's name, and tried in the order below.
Header names are compared by `key`: case, punctuation and spacing do not matter. What a layout
leaves open (a survey's own questions, its own segments) is guessed as in any other table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layout:
    """One vendor's layout.

    needs:      header keys that must all be there.
    one_of:     of these at least one must be there as well; empty: no such need.
    first:      key of the very first column, where only its place makes it telling.
    roles:      role -> header keys; the first that is there is taken. The keys of `verbatims` are
                different questions, so all of them are taken.
    survey:     survey kind of the score; None lets the values decide.
    kinds:      header key of a column that says the survey kind of each row.
    ignore:     header keys of columns that are neither feedback nor segments.
    ignore_end: column names that end so are made by the vendor, not by customers.
    open:       True where the questions are the customer's own, so more verbatims are guessed.
    test_rows:  header key -> values of rows that are no answers (tests, previews, private notes).
    """

    name: str
    title: str
    needs: frozenset[str]
    roles: Mapping[str, tuple[str, ...]]
    one_of: frozenset[str] = frozenset()
    first: str | None = None
    survey: str | None = None
    score_max: float | None = None
    kinds: str | None = None
    ignore: frozenset[str] = frozenset()
    ignore_end: tuple[str, ...] = ()
    open: bool = False
    test_rows: Mapping[str, frozenset[str]] = field(default_factory=dict)


def key(name: str) -> str:
    """Return a header name for comparison: lower case, words divided by single spaces."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).casefold()
    return re.sub(r"[^\w#]+|_", " ", words).strip().removeprefix("attributes ")


def _keys(*names: str) -> frozenset[str]:
    return frozenset(key(n) for n in names)


def _roles(**roles: str) -> Mapping[str, tuple[str, ...]]:
    return {role: tuple(key(n) for n in names.split("|")) for role, names in roles.items()}


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="qualtrics",
        title="Qualtrics survey export",
        needs=_keys("StartDate", "ResponseId"),
        one_of=_keys("RecordedDate", "EndDate", "IPAddress"),
        roles=_roles(
            id="ResponseId",
            date="RecordedDate|EndDate|StartDate",
            person="ExternalReference|ExternalDataReference|RecipientEmail",
            channel="DistributionChannel",
            language="UserLanguage",
        ),
        ignore=_keys(
            "StartDate",
            "EndDate",
            "RecordedDate",
            "Status",
            "IPAddress",
            "Progress",
            "Duration (in seconds)",
            "Finished",
            "RecipientLastName",
            "RecipientFirstName",
            "RecipientEmail",
            "ExternalReference",
            "LocationLatitude",
            "LocationLongitude",
            "LocationAccuracy",
            "ResponseSet",
            "Name",
            "Email",
        ),
        ignore_end=(
            " - Topics",
            " - Sentiment",
            " - Sentiment Score",
            " - Sentiment Polarity",
            " - Parent Topics",
            " - Topic Hierarchy Level 1",
            "_NPS_GROUP",
            "_DO",
        ),
        open=True,
        test_rows={
            "status": frozenset(["survey preview", "survey test", "spam", "1", "2", "8", "9"]),
            "distribution channel": frozenset(["preview"]),
        },
    ),
    Layout(
        name="surveymonkey",
        title="SurveyMonkey survey export",
        needs=_keys("Respondent ID", "Collector ID"),
        roles=_roles(
            id="Respondent ID",
            date="End Date|Date Modified|Start Date|Date Created",
            person="Email Address|Custom Data 1",
            channel="Collector Name",
        ),
        ignore=_keys(
            "Collector ID",
            "Start Date",
            "End Date",
            "Date Created",
            "Date Modified",
            "IP Address",
            "Email Address",
            "First Name",
            "Last Name",
        ),
        open=True,
    ),
    Layout(
        name="typeform",
        title="Typeform results",
        needs=_keys("#", "Network ID"),
        one_of=_keys("Submit Date (UTC)", "Start Date (UTC)"),
        roles=_roles(id="#|Response ID", date="Submit Date (UTC)|Start Date (UTC)"),
        ignore=_keys(
            "Response Type",
            "Start Date (UTC)",
            "Stage Date (UTC)",
            "Submit Date (UTC)",
            "Network ID",
            "Tags",
            "Ending",
        ),
        open=True,
    ),
    Layout(
        name="formbricks",
        title="Formbricks feedback records (one row per answer)",
        needs=_keys("submission_id", "field_id", "field_type"),
        one_of=_keys("value_text", "value_number"),
        roles=_roles(
            id="feedback_key",
            verbatim="value_text",
            question="field_label",
            score="score",
            date="collected_at",
            person="user_id|submission_id",
            channel="source_type",
            language="language",
        ),
        kinds="survey kind",
        ignore=_keys(
            "submission_id",
            "field_id",
            "field_type",
            "tenant_id",
            "source_id",
            "value_number",
            "value_boolean",
            "value_date",
            "metadata",
            "field_group_id",
            "user_id",
        ),
    ),
    Layout(
        name="delighted",
        title="Delighted survey responses",
        needs=_keys("score", "comment"),
        one_of=_keys("survey_type", "permalink", "person_properties", "additional_answers"),
        roles=_roles(
            id="id|Response ID|feedback_key",
            verbatim="comment",
            question="question",
            score="score",
            date="created_at|Responded at|updated_at",
            person="person|person.id|Person ID|person.email|Email",
            channel="person_properties.channel|channel|source",
        ),
        survey="nps",
        kinds=key("survey_type"),
        ignore=_keys(
            "permalink",
            "updated_at",
            "notes",
            "tags",
            "additional_answers",
            "person.name",
            "person.email",
            "person.created_at",
            "person.phone_number",
            "name",
            "email",
            "person.last_sent_at",
            "person.last_responded_at",
            "person.next_survey_scheduled_at",
        ),
    ),
    Layout(
        name="medallia",
        title="Medallia Agent Connect export",
        needs=_keys("request_id", "star_rating", "comments"),
        one_of=_keys(
            "request_sent_at", "response_received_at", "ext_interaction_id", "areas_for_improvement"
        ),
        roles=_roles(
            id="request_id",
            verbatims="comments|additional_question_response",
            score="star_rating",
            date="response_received_at|request_sent_at",
            person="customer_id|customer_email|customer_name",
            channel="channel",
            language="language",
        ),
        survey="stars",
        score_max=5,
        ignore=_keys(
            "request_sent_at",
            "request_delivery_status",
            "reward_name",
            "ext_interaction_id",
            "external_url",
            "customer_name",
            "customer_email",
            "customer_phone",
            "agent_name",
            "agent_email",
            "agent_id",
            "employee_name",
            "employee_id",
        ),
    ),
    Layout(
        name="zendesk_comments",
        title="Zendesk ticket comments (one row per comment)",
        needs=_keys("author_id", "public"),
        one_of=_keys("body", "plain_body"),
        roles=_roles(
            id="id",
            verbatim="plain_body|body",
            date="created_at",
            person="author_id",
            channel="via.channel|channel",
        ),
        survey="none",
        ignore=_keys(
            "audit_id",
            "attachments",
            "html_body",
            "body",
            "metadata",
            "type",
            "public",
            "author_role",
            "url",
            "ticket_id",
        ),
        test_rows={"public": frozenset(["false", "0", "no"])},
    ),
    Layout(
        name="zendesk_satisfaction",
        title="Zendesk satisfaction ratings",
        needs=_keys("score", "comment", "ticket_id"),
        one_of=_keys("requester_id", "assignee_id", "reason_code"),
        roles=_roles(
            id="id",
            verbatim="comment",
            score="score",
            date="created_at|updated_at",
            person="requester_id",
        ),
        survey="thumbs",
        score_max=1,
        ignore=_keys("url", "assignee_id", "ticket_id", "updated_at", "reason_code", "reason_id"),
    ),
    Layout(
        name="google_play",
        title="Google Play reviews",
        needs=_keys("Package Name", "Star Rating", "Review Text"),
        roles=_roles(
            id="Review Link",
            title="Review Title",
            verbatim="Review Text",
            score="Star Rating",
            date="Review Submit Date and Time|Review Submit Millis Since Epoch",
            language="Reviewer Language",
        ),
        survey="stars",
        score_max=5,
        ignore=_keys(
            "Review Submit Date and Time",
            "Review Submit Millis Since Epoch",
            "Review Last Update Date and Time",
            "Review Last Update Millis Since Epoch",
            "Developer Reply Date and Time",
            "Developer Reply Millis Since Epoch",
            "Developer Reply Text",
        ),
    ),
    Layout(
        name="app_store",
        title="App Store Connect reviews",
        needs=_keys("rating", "title", "body"),
        one_of=_keys("reviewerNickname", "territory"),
        roles=_roles(
            id="id",
            title="title",
            verbatim="body",
            score="rating",
            date="createdDate",
            person="reviewerNickname",
        ),
        survey="stars",
        score_max=5,
        ignore=_keys("type", "reviewerNickname", "relationships", "links.self"),
    ),
    Layout(
        name="trustpilot",
        title="Trustpilot reviews",
        needs=_keys("Review Content", "Review Stars"),
        roles=_roles(
            id="Review Id",
            title="Review Title",
            verbatim="Review Content",
            score="Review Stars",
            date="Review Created (UTC)",
            person="Review Consumer User Id|Review Username",
            channel="Source Of Review",
        ),
        survey="stars",
        score_max=5,
        ignore=_keys(
            "Review Username",
            "Reference Id",
            "Domain Url",
            "Webshop Name",
            "Business Unit Id",
            "Business Reply Date (UTC)",
            "Review Consumer User Id",
            "Business Reply Content",
        ),
    ),
    Layout(
        name="gsa_a11",
        title="GSA A-11 customer feedback",
        needs=_keys("Satisfaction", "Trust/Confidence", "FreeText"),
        roles=_roles(
            id="UUID|ID",
            verbatim="FreeText",
            score="Satisfaction",
            date="CreatedAt",
            channel="Channel",
        ),
        survey="csat",
        score_max=5,
        ignore=_keys("ID", "Referrer", "UserAgent", "IPAddress"),
    ),
    Layout(
        name="google_forms",
        title="Google Forms responses",
        needs=_keys("Timestamp"),
        first=key("Timestamp"),
        roles=_roles(date="Timestamp", person="Email Address|Username"),
        ignore=_keys("Email Address", "Username", "Score"),
        open=True,
    ),
)

TABLE = Layout(name="table", title="Table", needs=frozenset(), roles={}, open=True)
"""What a table is taken for that no layout fits: everything is guessed."""


def recognise(names: Sequence[str], *, said: str | None = None) -> Layout:
    """Return the layout of a table with these column names; `said` is what its header rows told."""
    if said:
        return by_name(said)
    keys = [key(n) for n in names]
    return next((layout for layout in LAYOUTS if _fits(layout, keys)), TABLE)


def by_name(name: str) -> Layout:
    """Return the layout with this machine name; KeyError if there is none."""
    return {layout.name: layout for layout in (*LAYOUTS, TABLE)}[name]


def _fits(layout: Layout, keys: Sequence[str]) -> bool:
    if layout.first and (len(keys) < 2 or keys[0] != layout.first):
        return False
    if layout.first and not any(len(k.split()) > 3 for k in keys[1:]):
        return False
    present = set(keys)
    return layout.needs <= present and (not layout.one_of or bool(layout.one_of & present))

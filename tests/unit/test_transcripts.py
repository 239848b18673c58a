"""Transcripts: what is claimed, who is who, what is wrong and on which line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers import transcripts
from painpoints.readers.recognition import TranscriptTable
from painpoints.readers.transcripts import conversation, markup, plain, speakers, vendors
from painpoints.readers.transcripts.conversation import Conversation, Turn


def _read(
    folder: Path, text: str, layout: str, name: str = "talk.txt", **read: Any
) -> TranscriptTable:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return transcripts.read(path, path.name, layout, ReadSettings(**read))


def _turns(table: TranscriptTable, row: int = 0) -> list[tuple[str, str]]:
    verbatim = table.feedback["verbatim"][row]
    return [(t["role"], verbatim[t["start"] : t["end"]]) for t in table.feedback["turns"][row]]


def _problems(table: TranscriptTable) -> list[tuple[int | None, str]]:
    return [(p.row, p.reason) for p in table.problems]


NO_TRANSCRIPTS = {
    "survey.csv": "id,score,comment\n1,9,Great: fast delivery\n2,3,Agent: rude\n",
    "jobs.csv": "session_id,role,comment\n1,manager,fine\n2,client,slow\n3,user,late\n",
    "reviews.json": '[{"id": 1, "rating": 4, "text": "good", "author": "Jo"}]',
    "answers.jsonl": '{"id": 1, "score": 9, "comment": "nice"}\n{"id": 2, "score": 3, "comment": "no"}\n',
    "delighted.json": '[{"id": "1", "person": "2", "survey_type": "nps", "score": 3, "comment": "no", "tags": []}]',
    "rating.json": '{"satisfaction_rating": {"id": 1, "score": "bad", "comment": "slow", "ticket_id": 2}}',
    "app_store.json": '{"data": [{"type": "customerReviews", "attributes": {"rating": 1, "body": "crashes"}}]}',
    "one_per_line.txt": "The queue was long\nOne thing: the soup was cold\nStaff were kind\n",
    "empty.txt": "",
    "workbook.xlsx": "PK\x03\x04\x00\x00",
}


@pytest.mark.parametrize("name", NO_TRANSCRIPTS)
def test_ordinary_exports_are_not_claimed(name: str) -> None:
    """A survey table, a review list or free lines are nobody's conversation."""
    assert transcripts.sniff(name, NO_TRANSCRIPTS[name].encode()) is None


@pytest.mark.parametrize(
    "stamp",
    [
        "[10:01 AM] ",
        "[2026-05-13 10:15:22] ",
        "[13/05/2026, 10:15:22] ",
        "13.05.26, 10:15 - ",
        "\u200e[13/05/2026, 10:15:22] ",
    ],
)
def test_chats_may_begin_with_a_time(tmp_path: Path, stamp: str) -> None:
    """Lines that messengers stamp are turns of a conversation, not answers to a survey."""
    said = ("Anna Kay: it never came", "Shop Support: sorry", "Anna Kay: again", "Anna Kay: late")
    text = "".join(f"{stamp}{line}\n" for line in said)
    assert transcripts.sniff("chat.txt", text.encode()) == "plain_dialogue"
    assert _turns(_read(tmp_path, text, "plain_dialogue"))[:2] == [
        ("customer", "it never came"),
        ("agent", "sorry"),
    ]


@pytest.mark.parametrize(
    ("stamps", "at"),
    [
        (("[2026-05-13 10:15:22] ", "[2026-05-13 10:16:00] "), "2026-05-13T10:15:22Z"),
        (("03/05/26, 9:15 pm - ", "05/13/26, 9:16 am - "), "2026-03-05T21:15Z"),
        (("03.05.26, 10:15 - ", "13.05.26, 10:16 - "), "2026-05-03T10:15Z"),
        (("10:15 ", "10:16 "), None),
        (("[31/02/2026, 10:15] ", "[13/05/2026, 10:15] "), "2026-05-13T10:15Z"),
        (("[13/05/2199, 10:15] ", "[14/05/2199, 10:15] "), None),
        (("10.05.12 ", "10.05.19 "), None),
        (("1.1.10 ", "1.1.11 "), None),
        (("13.05.2026 ", "13.05.2026 "), "2026-05-13T00:00Z"),
    ],
)
def test_stamped_chats_are_dated(tmp_path: Path, stamps: tuple[str, str], at: str | None) -> None:
    """The first line with a time dates a conversation; later ones tell day and month apart."""
    text = f"{stamps[0]}Customer: it never came\n{stamps[1]}Agent: sorry\n"
    table = _read(tmp_path, text, "plain_dialogue")
    assert table.feedback["created_at"].to_list() == [at and datetime.fromisoformat(at)]
    assert _turns(table) == [("customer", "it never came"), ("agent", "sorry")]


def test_only_stamps_of_speakers_date_a_conversation(tmp_path: Path) -> None:
    """What somebody pastes into a message is no time of the message, nor tells day and month apart."""
    text = "Customer: my bill says\n13/04/2019 Fee: 12 euro\nand I never agreed\nAgent: sorry\n"
    table = _read(tmp_path, text, "plain_dialogue")
    assert table.feedback["created_at"].to_list() == [None]
    assert table.notes == ()


def test_stamps_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """A date to come is no date of a conversation, and not dropped in silence."""
    table = _read(tmp_path, "[13/05/2199, 10:15] Customer: late\n", "plain_dialogue")
    assert table.feedback["created_at"].to_list() == [None]
    assert any("date cannot be read" in note for note in table.notes)


@pytest.mark.parametrize("at", ["36500", "41000.5", "0001-01-01T00:00:00+01:00", "1900-01-01"])
def test_offsets_and_empty_dates_are_no_dates(tmp_path: Path, at: str) -> None:
    """Milliseconds into a call are no days of a spreadsheet; databases write the year 1 for nothing."""
    text = f"conversation_id,role,text,start\na,user,late,{at}\na,agent,oh,{at}\n"
    table = _read(tmp_path, text, "dialogue_table", "t.csv")
    assert table.feedback["created_at"].to_list() == [None]
    assert any("date cannot be read" in note for note in table.notes)


def test_an_order_that_nothing_needs_is_not_told(tmp_path: Path) -> None:
    """ISO dates read in one way only, whatever order is set; no date needs no order."""
    text = TABLE + "a,user,late,,2026-05-03\nb,user,cold,,\n"
    table = _read(tmp_path, text, "dialogue_table", "t.csv", date_order="day_first")
    assert table.notes == ()


def test_a_date_above_a_conversation_counts_before_its_stamps(tmp_path: Path) -> None:
    """What is said of a conversation is not guessed from its lines."""
    text = (
        "Date: 12.05.2026 08:00\n[13.05.2026 10:15] Customer: late\n[13.05.2026 10:16] Agent: oh\n"
    )
    table = _read(tmp_path, text, "plain_dialogue")
    assert table.feedback["created_at"].to_list() == [datetime(2026, 5, 12, 8, tzinfo=UTC)]
    assert table.notes == ("dates: day/month order, told by 2 values",)


@pytest.mark.parametrize(
    ("order", "months", "said"),
    [("auto", [3, 4], "date_order"), ("day_first", [5, 5], "day/month order set")],
)
def test_dates_of_a_dialogue_table_are_read_as_of_any_table(
    tmp_path: Path, order: str, months: list[int], said: str
) -> None:
    """One order of day and month holds for the file; where nothing tells it, that is said."""
    text = TABLE + "a,user,late,,03/05/2026 9:15 pm\nb,user,cold,,04/05/2026 9:15 am\n"
    table = _read(tmp_path, text, "dialogue_table", "t.csv", date_order=order)
    assert table.feedback["created_at"].dt.month().to_list() == months
    assert any(said in note for note in table.notes)


def test_a_conversation_is_dated_by_its_first_message(tmp_path: Path) -> None:
    """Where only messages carry times, the first readable one is the conversation's."""
    messages = [
        {"role": "assistant", "content": "hello", "timestamp": 0.5},
        {"role": "user", "content": "it never came", "timestamp": "2026-05-13T10:15:00Z"},
    ]
    text = json.dumps([{"conversation_id": "c1", "messages": messages}])
    table = _read(tmp_path, text, "messages_json", "m.json")
    assert table.feedback["created_at"].to_list() == [datetime(2026, 5, 13, 10, 15, tzinfo=UTC)]
    assert table.problems == ()


@given(st.binary(max_size=300))
def test_sniff_answers_for_any_bytes(head: bytes) -> None:
    """Sniffing never raises, whatever the file holds."""
    assert transcripts.sniff("file.bin", head) in {None, *transcripts.TITLES}


def test_unknown_layout_is_one_sentence(tmp_path: Path) -> None:
    """A layout that does not exist is refused with the names of those that do."""
    with pytest.raises(UnreadableError, match="webvtt"):
        _read(tmp_path, "x", "minutes")


@pytest.mark.parametrize("layout", transcripts.TITLES)
@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_one_sentence(layout: str, text: str, tmp_path: Path) -> None:
    """Nothing to read is said, with the file's name."""
    with pytest.raises(UnreadableError, match=r"talk\.txt.*empty"):
        _read(tmp_path, text, layout)


@pytest.mark.parametrize("layout", transcripts.TITLES)
def test_a_foreign_file_is_no_traceback(layout: str, tmp_path: Path) -> None:
    """A layout forced on the wrong file gives problems or one sentence."""
    try:
        table = _read(tmp_path, '{"a": [1, {"b": null}]}\n', layout)
    except UnreadableError:
        return
    assert table.problems or table.feedback.height


CUES = """WEBVTT

00:00:01.000 --> 00:00:02.000
<v Agent Li>Hello

00:00:0x.000 --> 00:00:04.000
<v Bob>lost?

00:00:09.000 --> 00:00:05.000
<v Bob>backwards

00:00:10.000 --> 00:00:12.000

00:00:13.000 --> 00:00:14.000
<v Bob>still here
"""


def test_bad_captions_are_named_by_their_lines(tmp_path: Path) -> None:
    """Broken, backward and empty captions are problems; the others are read."""
    table = _read(tmp_path, CUES, "webvtt")
    assert [row for row, _ in _problems(table)] == [6, 9, 12]
    assert _turns(table) == [("agent", "Hello"), ("customer", "still here")]


def test_a_vtt_without_captions_is_a_problem(tmp_path: Path) -> None:
    """A header alone is said."""
    table = _read(tmp_path, "WEBVTT\n\nNOTE nothing\n", "webvtt")
    assert table.feedback.height == 0
    assert table.n_rows == 1
    assert "no caption" in table.problems[0].reason


def test_captions_without_names_are_the_customers(tmp_path: Path) -> None:
    """A recording of one unnamed voice is read as the customer, and says so."""
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne thing: it leaks\n"
    table = _read(tmp_path, text, "srt")
    assert _turns(table) == [("customer", "One thing: it leaks")]
    assert any("one speaker only" in m.reason for m in table.mapping)


TABLE = "conversation_id,role,text,csat,date\n"


def test_table_problems_are_named_by_physical_lines(tmp_path: Path) -> None:
    """Quoted line breaks count as lines; each bad row has its own reason."""
    text = (
        TABLE
        + 'a,user,"two\nlines",4,2025-01-01\na,agent,,,\n,user,x,,\na,user\nb,,y,,\nb,user,ok,9,soon\n'
    )
    table = _read(tmp_path, text, "dialogue_table", "t.csv")
    assert _problems(table) == [
        (4, "no text in text"),
        (5, "no value in conversation_id"),
        (6, "2 cells where the header has 5"),
        (7, "no speaker in role"),
    ]
    assert _turns(table, 0) == [("customer", "two\nlines")]
    assert table.feedback["score"].to_list() == [4.0, None]
    assert any("outside 1..5" in n and "line 8" in n for n in table.notes)
    assert any("date cannot be read" in n for n in table.notes)


def test_an_open_quotation_mark_is_said(tmp_path: Path) -> None:
    """A file cut inside a quoted cell gives the rows before it and one problem."""
    text = TABLE + 'a,user,fine,,\na,agent,"never closed,,\n'
    table = _read(tmp_path, text, "dialogue_table", "t.csv")
    assert _turns(table) == [("customer", "fine")]
    assert "never closed" in table.problems[0].reason


def test_a_quotation_mark_left_open_costs_its_row_alone(tmp_path: Path) -> None:
    """One bad quote in the middle of a long export loses one turn, not all that follow."""
    text = TABLE + 'a,user,"never closed,,\n' + 'b,user,"late, again",,\n' + "b,agent,sorry,,\n"
    table = _read(tmp_path, text, "dialogue_table", "t.csv")
    assert ("customer", "late, again") in _turns(table)
    assert [p.row for p in table.problems] == [2]


def test_row_order_of_interleaved_conversations_is_kept(tmp_path: Path) -> None:
    """Rows of two conversations that alternate are put together, in order."""
    text = TABLE + "a,user,1,,\nb,user,2,,\na,agent,3,,\nb,agent,4,,\n"
    table = _read(tmp_path, text, "dialogue_table", "t.csv")
    assert table.feedback["verbatim"].to_list() == ["1\n3", "2\n4"]


def test_lines_before_the_first_speaker_are_problems(tmp_path: Path) -> None:
    """Text that nobody says is not dropped in silence."""
    table = _read(tmp_path, "some heading words\nAgent: hi\nCustomer: hello\n", "plain_dialogue")
    assert _problems(table) == [(1, "line before the first speaker")]


def test_undecided_speakers_set_the_conversation_aside(tmp_path: Path) -> None:
    """Who is the customer is never guessed; the setting that tells is named and helps."""
    text = "Ann: hello\nBob: hi\nAnn: so\nBob: well\n"
    table = _read(tmp_path, text, "plain_dialogue")
    assert table.feedback.height == 0
    assert "agent_names" in table.problems[0].reason
    told = _read(tmp_path, text, "plain_dialogue", agent_names=("bob",))
    assert _turns(told)[0] == ("customer", "hello")
    assert _turns(told)[1] == ("agent", "hi")


def test_problems_are_a_share_of_the_rows(tmp_path: Path) -> None:
    """A caption lost is one of many rows; a conversation lost is all of its rows."""
    cue = "00:00:0{0}.000 --> 00:00:0{0}.900\n<v Agent>text {0}\n\n"
    text = "WEBVTT\n\n" + "".join(cue.format(i) for i in range(1, 9)) + "00:00:99 --> x\nlost\n"
    table = _read(tmp_path, text.replace("<v Agent>text 2", "<v Jo>text"), "webvtt")
    assert table.n_rows == 8 + 1
    assert len(table.problems) == 1
    undecided = _read(tmp_path, "Ann: a\nBob: b\nAnn: c\nBob: d\n", "plain_dialogue")
    assert len(undecided.problems) == undecided.n_rows == 4


def test_a_colon_in_a_turn_opens_no_turn(tmp_path: Path) -> None:
    """A line such as "One thing: ..." goes on with the turn before it."""
    table = _read(tmp_path, "Agent: hi\nCustomer: well\nOne thing: it leaks\n", "plain_dialogue")
    assert _turns(table)[1] == ("customer", "well\nOne thing: it leaks")


def test_json_problems_are_named_by_physical_lines(tmp_path: Path) -> None:
    """A turn without text inside a sound document is found on its line."""
    document = [
        {"id": "1", "messages": [{"role": "user", "text": "x"}, {"role": "agent", "text": None}]},
        {"id": "2", "messages": [{"role": "user", "text": 5}]},
    ]
    text = json.dumps(document, indent=1)
    table = _read(tmp_path, text, "messages_json", "m.json")
    lines = text.split("\n")
    assert {lines[(row or 0) - 1].strip() for row, _ in _problems(table)} == {"{"}
    assert [reason for _, reason in _problems(table)] == [
        "a turn has no text",
        "messages_json: conversation without text",
        "a turn has no text",
    ]
    assert table.n_rows == 1 + 3


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    """Sound lines are read, broken ones are problems with their number."""
    line = '{"id": "%d", "messages": [{"role": "user", "text": "hi"}]}\n'
    text = line % 1 + line % 2 + '{"id": "3", "mess\n' + line % 4
    table = _read(tmp_path, text, "messages_json", "m.jsonl")
    assert table.feedback["row"].to_list() == [1, 2, 4]
    assert _problems(table) == [(3, "line is not valid JSON")]


def test_a_cut_array_gives_its_sound_conversations(tmp_path: Path) -> None:
    """What stands before the cut is read, the cut is a problem with its line."""
    items = [{"id": str(i), "messages": [{"role": "user", "text": "hi"}]} for i in range(3)]
    text = json.dumps(items, indent=1)[:-40]
    table = _read(tmp_path, text, "messages_json", "m.json")
    assert table.feedback["feedback_id"].to_list() == ["0", "1"]
    assert "cut off" in table.problems[0].reason


def test_a_cut_object_is_one_sentence(tmp_path: Path) -> None:
    """A single document that is cut off cannot be read at all."""
    with pytest.raises(UnreadableError, match="cut off"):
        _read(tmp_path, '{"id": "1", "messages": [{"role": "us', "messages_json", "m.json")


def test_deep_nesting_is_one_sentence(tmp_path: Path) -> None:
    """A document made to exhaust the stack is refused."""
    with pytest.raises(UnreadableError):
        _read(tmp_path, "[" * 100_000, "messages_json", "m.json")


def test_a_repeated_conversation_is_set_aside(tmp_path: Path) -> None:
    """The second of two equal ids is a problem that names the first one's line."""
    line = '{"id": "1", "messages": [{"role": "user", "text": "hi"}]}\n'
    table = _read(tmp_path, line * 2, "messages_json", "m.jsonl")
    assert _problems(table) == [(2, "repeats the conversation id of line 1")]
    assert table.n_rows == 2


def test_a_turn_above_the_cap_is_set_aside(tmp_path: Path) -> None:
    """The cap is a setting, and what is above it is reported with both numbers."""
    text = "Agent: hi\nCustomer: " + "x" * 200 + "\n"
    table = _read(tmp_path, text, "plain_dialogue", max_cell_chars=100)
    assert table.feedback.height == 0
    assert "200" in table.problems[0].reason
    assert "100" in table.problems[0].reason


def test_problems_never_quote_the_customer(tmp_path: Path) -> None:
    """No reason and no note carries a word of the text."""
    text = CUES.replace("lost?", "SECRET").replace("backwards", "SECRET")
    table = _read(tmp_path, text, "webvtt")
    assert "SECRET" not in str(table.problems) + str(table.notes)


ROLES = {
    "Agent 2": "agent",
    "Customer_1": "customer",
    "CUSTOMER SERVICE": "agent",
    "Customer Support": "agent",
    "Agent (Maria)": "agent",
    "endUser": "customer",
    "end_user": "customer",
    "end-user": "customer",
    "Human_Agent": "agent",
    "Maria": None,
    "IVR": "other",
    "Caller": "customer",
    "The customer": "customer",
    "Hotel guest": "customer",
    "Anna (customer)": "customer",
    "customer john": "customer",
    "Customer via chat": "customer",
    "Member area": None,
    "User Interface": None,
    "Staff attitude": None,
    "Contact details": None,
    "": None,
}


@pytest.mark.parametrize("speaker", ROLES)
def test_role_words(speaker: str) -> None:
    """The words of a speaker's name tell its side, or nothing."""
    assert speakers.role_of(speaker) == ROLES[speaker]


def _talk(*said: tuple[str, str]) -> Conversation:
    return Conversation(tuple(Turn(s, t, i) for i, (s, t) in enumerate(said, 1)), 1)


def _roles(c: Conversation, names: tuple[str, ...] = ()) -> list[str | None]:
    (told,) = speakers.tell_apart([c], names)
    return [t.role for t in told.conversation.turns] if told.conversation else []


def test_the_rest_is_the_other_side() -> None:
    """When one side is known by its name, everybody else is the other."""
    assert _roles(_talk(("Customer", "a"), ("Maria", "b"))) == ["customer", "agent"]
    assert _roles(_talk(("Agent", "a"), ("Li", "b"), ("Jo", "c"))) == [
        "agent",
        "customer",
        "customer",
    ]


def test_a_third_party_is_neither() -> None:
    """With both sides known, a further name is context."""
    said = _talk(("Agent", "a"), ("Customer", "b"), ("Interpreter", "c"))
    assert _roles(said) == ["agent", "customer", "other"]


def test_system_is_the_company_only_when_alone_with_the_customer() -> None:
    """A system beside a human agent only gives notices."""
    assert _roles(_talk(("USER", "a"), ("SYSTEM", "b"))) == ["customer", "agent"]
    said = _talk(("system", "a"), ("agent", "b"), ("customer", "c"))
    assert _roles(said) == ["other", "agent", "customer"]


def test_the_greeting_tells_the_agent() -> None:
    """Who thanks for the call and offers help is the agent, whoever speaks first."""
    said = _talk(("A", "My order is late"), ("B", "Thank you for calling, how can I help?"))
    assert _roles(said) == ["customer", "agent"]


def test_telling_apart_keeps_order_and_does_not_depend_on_it() -> None:
    """Permuted conversations give permuted answers."""
    talks = [
        _talk(("Maya", "How can I help?"), ("x", "hello")),
        _talk(("Maya", "yes"), ("y", "no")),
        _talk(("p", "yes"), ("q", "no")),
    ]
    there = speakers.tell_apart(talks, ())
    back = speakers.tell_apart(talks[::-1], ())
    assert there == back[::-1]
    assert [t.conversation is None for t in there] == [False, False, True]


@given(
    st.lists(st.text(alphabet="ab \u00e9\n", max_size=8).filter(str.strip), min_size=1, max_size=6)
)
def test_offsets_cut_the_turns(texts: list[str]) -> None:
    """Each turn's offsets cut exactly its text out of the verbatim."""
    verbatim, turns = conversation.joined([Turn("c", t, 1, "customer") for t in texts])
    assert [verbatim[t["start"] : t["end"]] for t in turns] == texts


@pytest.mark.parametrize(
    ("given_as", "second"),
    [
        ("2025-01-02T03:04:05Z", 5),
        ("2025-01-02T04:04:05+01:00", 5),
        ("2025-01-02 03:04:05", 5),
        (1735787045, 5),
        (1735787045000, 5),
        ("1735787045000000", 5),
    ],
)
def test_moments(given_as: object, second: int) -> None:
    """ISO and Unix times of any unit are the same moment in UTC."""
    assert conversation.moment(given_as) == datetime(2025, 1, 2, 3, 4, second, tzinfo=UTC)


@given(st.one_of(st.none(), st.booleans(), st.text(max_size=30), st.floats(), st.integers()))
def test_a_moment_never_raises(value: object) -> None:
    """What is no time is None."""
    at = conversation.moment(value)
    assert at is None or at.tzinfo is not None


def test_html_becomes_text_without_scripts_and_quotations() -> None:
    """Tags part lines, entities are decoded, scripts and quoted replies are left out."""
    body = (
        "<div>Hi&nbsp;there &amp; all<br>second</div><script>alert('x')</script>"
        "<blockquote>you wrote <b>this</b></blockquote><p>end</p>"
    )
    assert markup.text_of(body) == "Hi there & all\nsecond\nend"


def test_signs_of_less_and_more_are_no_tags() -> None:
    """A plain body keeps its signs."""
    assert markup.text_of("5 < 6 and 7 > 3, AT&T") == "5 < 6 and 7 > 3, AT&T"


@given(st.text(alphabet="<>/abp &;\"'=\n!-[]", max_size=200))
def test_any_markup_is_read(body: str) -> None:
    """Broken HTML gives some text and never an error."""
    assert isinstance(markup.text_of(body), str)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def _broken(value: Any, path: int, instead: Any) -> Any:
    """Return `value` with its `path`-th inner value replaced."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in (
            list(node)
            if isinstance(node, dict)
            else range(len(node))
            if isinstance(node, list)
            else ()
        ):
            places.append((node, key))
            walk(node[key])

    copy = json.loads(json.dumps(value))
    walk(copy)
    if places:
        node, key = places[path % len(places)]
        node[key] = instead
    return copy


FOLDER = Path(__file__).parents[2] / "data" / "fixtures" / "transcripts"
SOUND = {
    p.name: json.loads(p.read_text(encoding="utf-8"))
    for p in FOLDER.glob("*.json")
    if p.stem != "expected"
}


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(path=st.integers(0, 500), instead=JSON)
@pytest.mark.parametrize("name", sorted(SOUND))
def test_foreign_values_anywhere_are_no_traceback(
    name: str, path: int, instead: Any, tmp_path: Path
) -> None:
    """A vendor's file with anything in any place gives rows, problems, or one sentence."""
    layout = vendors.sniff(json.dumps(SOUND[name]))
    assert layout
    text = json.dumps(_broken(SOUND[name], path, instead), indent=1)
    try:
        table = _read(tmp_path, text, layout, name)
    except UnreadableError:
        return
    assert table.n_rows >= table.feedback.height


LINES = st.sampled_from(["Agent: one", "Customer: two", "three: four", "five", "", " "])


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\n\n"]))
def test_every_line_of_a_plain_text_is_in_a_turn(lines: list[str], between: str) -> None:
    """After the first speaker nothing is lost, however empty lines part the conversations."""
    text = between.join(["Agent: zero", "Customer: zero", *lines])
    parsed = plain.parse(text)
    said = [line for c in parsed.conversations for t in c.turns for line in t.text.splitlines()]
    told = [line.removeprefix("Agent: ").removeprefix("Customer: ") for line in text.splitlines()]
    assert said == [line for line in told if line.strip()]
    assert parsed.flaws == ()

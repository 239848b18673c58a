"""The whole way from files to the feedback table: mapping, ids, reasons, limits, refusals."""

import gzip
import io
import json
import sys
from pathlib import Path

import polars as pl
import pytest

from painpoints import readers, scores
from painpoints.config import ColumnSettings, ReadSettings
from painpoints.errors import InputError, SettingsError, TooManyBadRows, UnreadableError
from painpoints.readers.transcripts import cells
from painpoints.tables import FEEDBACK, check

BODY = (
    "id,score,why,region\n"
    "001,9,The people are kind and quick,North\n"
    "002,2,Nobody answered my three letters,South\n"
    "003,7,n/a,North\n"
)


def write(path: Path, text: str | bytes = BODY) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_becomes_a_valid_feedback_table(tmp_path: Path) -> None:
    """Ids stay text, the score has a kind, segments are kept, and the table's contract holds."""
    intake = readers.read([write(tmp_path / "a.csv")])
    assert check(FEEDBACK, intake.feedback) is intake.feedback
    assert intake.feedback["feedback_id"].to_list() == ["001", "002", "003"]
    assert intake.feedback["survey"].unique().to_list() == ["nps"]
    assert intake.feedback["segment_region"].to_list() == ["North", "South", "North"]
    assert intake.feedback["reason"].to_list() == [None, None, "no_answer"]
    assert intake.feedback["row"].to_list() == [2, 3, 4]


def test_groups_of_nps_are_a_score_where_no_number_is(tmp_path: Path) -> None:
    """Promoters and detractors give the NPS; beside the answers themselves they are not used."""
    groups = ("Promoter", "Detractor", "Passive", "Promoter")
    said = ("Staff were kind", "Nobody answered my letters", "It was all right", "Quick delivery")
    rows = list(zip((9, 2, 7, 10), groups, said, strict=True))
    alone = "NPS group,why\n" + "".join(f"{group},{why}\n" for _, group, why in rows)
    beside = "NPS,NPS group,why\n" + "".join(f"{n},{group},{why}\n" for n, group, why in rows)
    (source,) = (intake := readers.read([write(tmp_path / "a.csv", alone)])).sources
    assert source.columns("score") == ("NPS group",)
    assert any("middle of its band" in note for note in source.notes)
    assert intake.feedback["score"].to_list() == [9.5, 3.0, 7.5, 9.5]
    (source,) = readers.read([write(tmp_path / "b.csv", beside)]).sources
    assert source.columns("score") == ("NPS",)
    assert source.columns("unused") == ("NPS group",)


def test_html_in_answers_is_read_as_its_text(tmp_path: Path) -> None:
    """Tags and entities are no customer's words, and it is said; what only looks so stays."""
    text = (
        "id,comment,score\n"
        '1,"<p>The queue was <b>long</b>.</p><p>Tea &amp; cake were cold</p>",3\n'
        "2,I <3 the <new> menu & its prices,9\n"
        "3,<br/>,5\n"
    )
    intake = readers.read([write(tmp_path / "a.csv", text)])
    assert intake.feedback["verbatim"].to_list() == [
        "The queue was long.\nTea & cake were cold",
        "I <3 the <new> menu & its prices",
        "",
    ]
    assert intake.feedback["reason"].to_list() == [None, None, "empty"]
    assert "HTML tags and entities left out of 2 texts" in intake.sources[0].notes


def test_every_column_has_a_role_and_a_reason(tmp_path: Path) -> None:
    """The mapping names each column of the export once, in its order, and says why."""
    (source,) = readers.read([write(tmp_path / "a.csv")]).sources
    assert [m.column for m in source.mapping] == ["id", "score", "why", "region"]
    assert all(m.reason for m in source.mapping)
    assert source.columns("verbatim") == ("why",)


def test_settings_overrule_every_guess(tmp_path: Path) -> None:
    """Columns named in the settings are taken, by name but for case, and said to be so."""
    columns = ColumnSettings(verbatim=("Region",), ignore=("why",), score="id", survey="nps")
    (source,) = readers.read([write(tmp_path / "a.csv")], columns=columns).sources
    assert source.columns("verbatim") == ("region",)
    assert source.columns("unused") == ("score", "why") or "why" in source.columns("unused")
    assert source.columns("score") == ("id",)
    assert {m.by for m in source.mapping if m.column in ("region", "why", "id")} == {"settings"}


def test_a_setting_that_names_no_column_is_refused(tmp_path: Path) -> None:
    """A column that no input has is an error that lists the columns there are."""
    with pytest.raises(SettingsError, match=r"'remark'.*'why'"):
        readers.read([write(tmp_path / "a.csv")], columns=ColumnSettings(verbatim=("remark",)))


def test_two_questions_are_two_feedbacks_of_one_person(tmp_path: Path) -> None:
    """Each answer keeps its question; score and person go with both; ids stay distinct."""
    text = (
        "respondent id,score,What is the main reason for your score?,What could we improve?\n"
        "a1,3,The parcel was wet and torn,Pack it better next time\n"
        "a2,9,Always quick and friendly,Nothing\n"
    )
    feedback = readers.read([write(tmp_path / "a.csv", text)]).feedback
    assert feedback["feedback_id"].to_list() == [
        "a.csv#2/q1", "a.csv#2/q2", "a.csv#3/q1", "a.csv#3/q2",
    ]  # fmt: skip
    assert feedback["person_id"].to_list() == ["a1", "a1", "a2", "a2"]
    assert feedback["score"].to_list() == [3, 3, 9, 9]
    assert feedback["question"].unique(maintain_order=True).to_list() == [
        "What is the main reason for your score?",
        "What could we improve?",
    ]
    assert feedback["reason"].to_list() == [None, None, None, "no_answer"]


def test_a_title_is_joined_to_its_text(tmp_path: Path) -> None:
    """A title goes before the body, with a stop between, unless the body begins with it."""
    text = (
        "title,review text,stars\n"
        "Too slow,It took four weeks to arrive,1\n"
        "Lovely!,Would buy again and again,5\n"
        "Great,Great shop with great people,5\n"
    )
    feedback = readers.read([write(tmp_path / "a.csv", text)]).feedback
    assert feedback["verbatim"].to_list() == [
        "Too slow. It took four weeks to arrive",
        "Lovely! Would buy again and again",
        "Great shop with great people",
    ]


def test_the_same_answer_in_two_files_counts_once(tmp_path: Path) -> None:
    """Rows read again under the same id are dropped and counted; other content is rejected."""
    first = write(tmp_path / "a.csv")
    second = write(
        tmp_path / "b.csv",
        BODY.replace("kind and quick", "slow and cold") + "004,8,Good tea and good cake,North\n",
    )
    intake = readers.read([first, second], ReadSettings(max_bad=0.5))
    assert intake.feedback["feedback_id"].to_list() == ["001", "002", "003", "004"]
    assert intake.quality.count("duplicate_id") == 2
    assert intake.rejected.row(0) == (
        "b.csv", 2, None, "id seen before in a.csv row 2, with other content", "001",
    )  # fmt: skip


def test_a_copy_of_a_file_is_read_once(tmp_path: Path) -> None:
    """The same bytes under another name, and the same path twice, count once."""
    text = BODY.replace("id,", "n,", 1)
    first, second = write(tmp_path / "a.csv", text), write(tmp_path / "b.csv", text)
    intake = readers.read([first, second, first])
    assert intake.feedback.height == 3
    assert intake.quality.count("duplicate_file") == 1


def test_files_folders_patterns_and_gzip_are_read_alike(tmp_path: Path) -> None:
    """Every way to name the files gives the same rows; what is no input is said to be skipped."""
    write(tmp_path / "in" / "a.csv")
    write(tmp_path / "in" / "deep" / "b.csv.gz", gzip.compress(BODY.replace("00", "10").encode()))
    write(tmp_path / "in" / "readme.pdf", b"%PDF")
    by_folder = readers.read([tmp_path / "in"])
    by_pattern = readers.read([str(tmp_path / "in" / "**" / "*.csv*")])
    assert by_folder.feedback["feedback_id"].to_list() == ["001", "002", "003", "101", "102", "103"]
    assert by_pattern.feedback.equals(by_folder.feedback)
    assert by_folder.skipped == ("readme.pdf",)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Two files called alike keep their rows apart by their folders."""
    text = BODY.replace("id,", "n,", 1)
    paths = [write(tmp_path / "q1" / "a.csv", text), write(tmp_path / "q2" / "a.csv", text + "\n")]
    feedback = readers.read(paths).feedback
    assert feedback["source"].unique(maintain_order=True).to_list() == [
        "q1/a.csv (table)", "q2/a.csv (table)",
    ]  # fmt: skip
    assert feedback["feedback_id"].n_unique() == 6


def test_standard_input_is_one_text_per_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads lines from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"late again\n")))
    assert readers.read(["-"]).feedback["verbatim"].to_list() == ["late again"]


def test_too_many_bad_rows_stop_with_a_list(tmp_path: Path) -> None:
    """Over the limit all bad rows are told together, capped, with both numbers."""
    torn = "".join(f"{i},only three,x\n" for i in range(40, 65))
    good = "".join(f"{i},5,A plain answer number {i},North\n" for i in range(100, 150))
    bad = write(tmp_path / "a.csv", BODY + torn + good)
    with pytest.raises(TooManyBadRows) as caught:
        readers.read([bad])
    lines = str(caught.value).splitlines()
    assert "25 of" in lines[0]
    assert lines[1] == "  row 5: 3 cells where the header has 4"
    assert lines[-1] == "  and 5 more"


def test_few_bad_rows_are_set_aside(tmp_path: Path) -> None:
    """Under the limit the run goes on, and every row is either feedback or rejected."""
    good = "".join(f"{i},5,A plain answer number {i},North\n" for i in range(100, 150))
    intake = readers.read([write(tmp_path / "a.csv", BODY + good + "9,torn\n")])
    assert intake.rejected["row"].to_list() == [55]
    assert intake.feedback.height + intake.rejected.height == intake.quality.n_rows


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.csv", b"\n\n  \n", "empty"),
        ("header.csv", b"id,comment\n", "a header but no rows"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "a picture"),
        ("noise.csv", bytes(range(1, 32)) * 50, "binary data"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"old \.xls workbook"),
        ("cut.csv.gz", gzip.compress(BODY.encode() * 50)[:-20], "gzip file is cut off"),
        ("cut.xlsx", b"PK\x03\x04 and nothing more", "cut off or damaged"),
        ("numbers.csv", b"a,b\n1,2\n3,4\n", "no column reads like customers' words"),
        ("broken.json", b'{"data": [', "not valid JSON"),
    ],
)
def test_what_cannot_be_read_gives_one_sentence(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    """Each hopeless file is named in one line that says what is wrong, never a traceback."""
    with pytest.raises(InputError, match=said) as caught:
        readers.read([write(tmp_path / name, data)])
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_all_hopeless_inputs_are_told_together(tmp_path: Path) -> None:
    """Two files that cannot be read are both named; so are two that do not exist."""
    bad = [write(tmp_path / "a.csv", b""), write(tmp_path / "b.json", b"{")]
    with pytest.raises(UnreadableError, match=r"(?s)a\.csv.*b\.json"):
        readers.read([*bad, write(tmp_path / "c.csv")])
    with pytest.raises(UnreadableError, match=r"x\.csv: no such file; .*y\*: no file matches"):
        readers.read([tmp_path / "x.csv", tmp_path / "y*"])


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """A folder without a readable file is an error."""
    with pytest.raises(UnreadableError, match="holds no file of a kind we read"):
        readers.read([tmp_path])


def test_one_row_is_enough(tmp_path: Path) -> None:
    """A file of a single answer is read."""
    intake = readers.read([write(tmp_path / "a.csv", "comment\nThe tea was cold\n")])
    assert intake.feedback["verbatim"].to_list() == ["The tea was cold"]


def test_one_answer_without_an_id_gets_file_and_row(tmp_path: Path) -> None:
    """Where there is no natural id, file and row name the answer."""
    text = "comment\nThe tea was cold\nThe cake was warm\n"
    assert readers.read([write(tmp_path / "a.csv", text)]).feedback["feedback_id"].to_list() == [
        "a.csv#2", "a.csv#3",
    ]  # fmt: skip


def test_impossible_values_are_nulled_and_reported(tmp_path: Path) -> None:
    """A score off the scale and a date that cannot be are null, with their rows told."""
    text = "nps,date,comment\n" + "".join(
        f"{i % 11},{1 + i % 28:02d}/03/2026,A plain answer number {i}\n" for i in range(30)
    )
    text += "55,30/02/2026,The last one here is odd\n"
    intake = readers.read([write(tmp_path / "a.csv", text)])
    last = intake.feedback.row(-1, named=True)
    assert last["score"] is None
    assert last["created_at"] is None
    found = {i.kind: (i.rows, i.column) for i in intake.quality.issues}
    assert found["impossible_score"] == ((32,), "nps")
    assert found["impossible_date"] == ((32,), "date")


def test_a_date_in_the_future_is_nulled_and_reported(tmp_path: Path) -> None:
    """One mistyped year costs its own row's date, not the comparison over time."""
    days = [f"2026-03-{day:02d}" for day in range(1, 29)]
    rows = "".join(f"{day},A plain answer of {day}\n" for day in [*days, "2062-03-01"])
    intake = readers.read([write(tmp_path / "a.csv", f"date,comment\n{rows}")])
    assert str(intake.feedback["created_at"].max())[:10] == days[-1]
    assert [i.rows for i in intake.quality.issues if i.kind == "impossible_date"] == [(30,)]


def test_a_conversation_in_the_future_has_no_date(tmp_path: Path) -> None:
    """What a transcript says of its date is held against the clock as well."""
    text = "Date: 2062-03-01\nAgent: How can I help?\nCustomer: My parcel is lost\n"
    intake = readers.read([write(tmp_path / "a.txt", text)])
    assert intake.feedback["created_at"].to_list() == [None]
    assert any("date cannot be read" in note for note in intake.sources[0].notes)


def test_one_star_reviews_are_no_thumbs_up(tmp_path: Path) -> None:
    """A file of ones, with a five among them, is a file of stars."""
    rows = "".join(f"{stars},A plain answer number {i}\n" for i, stars in enumerate([1] * 11 + [5]))
    intake = readers.read([write(tmp_path / "a.csv", f"stars,comment\n{rows}")])
    assert intake.feedback["survey"].unique().to_list() == ["stars"]
    assert intake.feedback["score"].to_list() == [1.0] * 11 + [5.0]


def test_scores_out_of_another_number_are_reported(tmp_path: Path) -> None:
    """What is out of 5 among scores out of 10 is null, and both numbers are told."""
    rows = "".join(f"{i % 5 + 1}/10,A plain answer number {i}\n" for i in range(9))
    text = f"rating,comment\n{rows}3/5,The last one here is odd\n"
    intake = readers.read([write(tmp_path / "a.csv", text)])
    assert intake.feedback["score_max"].unique().to_list() == [10]
    assert intake.feedback["score"].to_list() == [1, 2, 3, 4, 5, 1, 2, 3, 4, None]
    (found,) = [i for i in intake.quality.issues if i.kind == "impossible_score"]
    assert found.rows == (11,)
    assert found.detail == "some are out of 5; the scale ends at 10"


@pytest.mark.parametrize(("highest", "top"), [(7, 7), (5, 5)])
def test_effort_of_formbricks_has_five_points_or_seven(
    tmp_path: Path, highest: int, top: float
) -> None:
    """An answer above 5 tells the scale of 7, so that none is off it."""
    scores = [highest - i % 3 for i in range(12)]
    rows = "".join(
        f"s{i},ease,ces,How easy was it?,,{score}\ns{i},why,text,Why?,A plain answer number {i},\n"
        for i, score in enumerate(scores)
    )
    header = "submission_id,field_id,field_type,field_label,value_text,value_number\n"
    feedback = readers.read([write(tmp_path / "a.csv", header + rows)]).feedback
    assert feedback["score"].to_list() == scores
    assert feedback["score_max"].unique().to_list() == [top]


def test_a_name_given_twice_beside_its_number_is_read(tmp_path: Path) -> None:
    """Two columns of one name and a third called after the second are three columns."""
    text = "Comment,Comment,Comment (2)\n" + "The tea was cold,The cake was dry,Nobody came\n" * 2
    (source,) = readers.read([write(tmp_path / "a.csv", text)]).sources
    assert source.columns("verbatim") == ("Comment", "Comment (3)", "Comment (2)")


def test_a_question_of_a_customer_stays_an_answer(tmp_path: Path) -> None:
    """The first line of a text file is read, and its words are in no report."""
    first = "Why was my refund to jane.doe@gmail.com refused?"
    path = write(tmp_path / "a.txt", f"{first}\nThe parcel was late again\nToo slow for me\n")
    intake = readers.read([path])
    assert intake.feedback["verbatim"][0] == first
    assert intake.feedback["question"].to_list() == [None] * 3
    assert "jane" not in json.dumps(intake.to_dict())


def test_answers_under_their_subjects_are_no_conversation(tmp_path: Path) -> None:
    """Lines such as "Delivery: late" are an answer each, though support may speak elsewhere."""
    lines = [
        "Delivery: two days late again",
        "Support: nobody picked up the phone",
        "Price: much too high for that",
        "Support: kind but very slow",
    ]
    text = "\n".join(lines)
    assert readers.read([write(tmp_path / "a.txt", text)]).feedback["verbatim"].to_list() == lines
    talk = "Support: How can I help?\nMaria: My box is lost\nSupport: I am sorry\nDelivery: none\n"
    assert readers.read([write(tmp_path / "b.txt", talk)]).feedback.height == 1


def test_other_languages_are_set_aside_and_counted(tmp_path: Path) -> None:
    """Spanish is not covered unless the settings say so."""
    text = (
        "comment\nThe staff were kind to us all day\nEl servicio fue muy malo y nadie me contestó\n"
    )
    path = write(tmp_path / "a.csv", text)
    assert readers.read([path]).feedback["reason"].to_list() == [None, "language"]
    both = readers.read([path], ReadSettings(languages=("en", "es")))
    assert both.feedback["reason"].to_list() == [None, None]


def test_effort_scores_are_turned_round_when_told(tmp_path: Path) -> None:
    """With effort_is_high a 1 becomes a 7, so that higher is easier everywhere."""
    text = "customer effort,comment\n1,It was all very simple\n7,Took me the whole day\n4,So so for me\n"
    path = write(tmp_path / "a.csv", text)
    turned = readers.read([path], ReadSettings(ces_direction="effort_is_high"))
    assert turned.feedback["score"].to_list() == [7, 1, 4]
    rows = [
        {"id": str(at), "person": "2", "survey_type": kind, "score": score, "comment": "so it was"}
        for at, (kind, score) in enumerate([("ces", 1), ("csat", 5), ("ces", 5)])
    ]
    mixed = write(tmp_path / "delighted.json", json.dumps(rows))
    told = readers.read([mixed], ReadSettings(ces_direction="effort_is_high"))
    assert told.feedback["score"].to_list() == [5, 5, 1]


def test_hard_is_counted_once_as_hard(tmp_path: Path) -> None:
    """Turned as they are read, answers count by the scale they are then on: four in five had it hard."""
    text = (
        "customer effort,comment\n"
        + "7,Took me the whole day again\n" * 8
        + "1,Simple for me\n" * 2
    )
    path = write(tmp_path / "a.csv", text)
    feedback = readers.read([path], ReadSettings(ces_direction="effort_is_high")).feedback
    share, _ = scores.score(feedback)
    assert (share.measure, share.estimate.value) == ("easy_share", pytest.approx(0.2))


def test_ids_that_repeat_are_no_segment(tmp_path: Path) -> None:
    """They cut nothing; `check` says how to count each answer once."""
    rows = [f"r-{n % 20},Delivery number {n} was late again,{n % 5 + 1}\n" for n in range(60)]
    path = write(tmp_path / "a.csv", "Response ID,comment,stars\n" + "".join(rows))
    roles = {one.column: one for one in readers.read([path]).sources[0].mapping}
    assert roles["Response ID"].role == "unused"
    assert "repeat" in roles["Response ID"].reason


def test_order_of_rows_does_not_change_what_is_read(tmp_path: Path) -> None:
    """The same rows in another order give the same feedbacks."""
    header, *rows = BODY.splitlines(keepends=True)
    one = readers.read([write(tmp_path / "a.csv", BODY)]).feedback
    other = readers.read([write(tmp_path / "b.csv", header + "".join(reversed(rows)))]).feedback
    columns = [c for c in one.columns if c not in ("row", "source")]
    assert one.select(columns).sort("feedback_id").equals(other.select(columns).sort("feedback_id"))


def test_personal_columns_never_become_segments(tmp_path: Path) -> None:
    """Mail addresses, phones and names are not used to cut the map by."""
    text = "comment,email,phone,first name,plan\n" + "".join(
        f"A plain answer number {i},p{i % 2}@example.com,0770090000{i % 2},Ann,{'ab'[i % 2]}\n"
        for i in range(8)
    )
    feedback = readers.read([write(tmp_path / "a.csv", text)]).feedback
    assert [c for c in feedback.columns if c.startswith("segment_")] == ["segment_plan"]


@pytest.mark.parametrize(
    "question",
    [
        "What do you think of our mobile app?",
        "How easy was it to change your address?",
        "Tell us about the card you chose",
        "How did we handle the resolution of your problem?",
        "Email text",
    ],
)
def test_questions_about_phones_and_cards_are_read(tmp_path: Path, question: str) -> None:
    """A word for personal data or for the company's notes in a question hides no answers."""
    rows = "".join(f"{i},The pages took long to open on day {i}\n" for i in range(8))
    (source,) = readers.read([write(tmp_path / "a.csv", f"id,{question}\n{rows}")]).sources
    assert source.columns("verbatim") == (question,)


@pytest.mark.parametrize("header", ["What is your full name?", "Billing address", "Internal note"])
def test_what_asks_for_personal_data_is_no_answer(tmp_path: Path, header: str) -> None:
    """Names, addresses and notes of staff stay out, however they are asked for."""
    rows = "".join(
        f"{i},The staff were very kind on day {i},Mount Pleasant Road\n" for i in range(8)
    )
    (source,) = readers.read([write(tmp_path / "a.csv", f"id,comment,{header}\n{rows}")]).sources
    assert source.columns("verbatim") == ("comment",)


def test_who_is_unknown_is_not_one_person(tmp_path: Path) -> None:
    """Rows of unknown customers are as many people, not one who answered a hundred times."""
    rows = (
        "c1,Kind staff here\nN/A,The queue was long\nunknown,Too dear for me\nc2,Rude staff today\n"
    )
    feedback = readers.read([write(tmp_path / "a.csv", f"customer id,comment\n{rows}")]).feedback
    assert feedback["person_id"].to_list() == ["c1", None, None, "c2"]


def test_a_score_that_is_not_wanted_is_not_read(tmp_path: Path) -> None:
    """The kind "none" is a wish, not a defect of the export."""
    how = ColumnSettings(survey="none")
    intake = readers.read([write(tmp_path / "a.csv")], columns=how)
    assert intake.feedback["score"].null_count() == 3
    assert "wrong_scale" not in {issue.kind for issue in intake.quality.issues}


def test_transcripts_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    """Their ids tell the folder, and problems name the file as the run does."""
    for folder in ("north", "south"):
        said = f"Agent: Hello, how can I help?\nCustomer: My {folder} parcel is late again\n"
        write(tmp_path / folder / "call.txt", said)
    feedback = readers.read([tmp_path]).feedback
    assert feedback["feedback_id"].to_list() == ["north/call", "south/call"]
    assert [source.split(" ")[0] for source in feedback["source"]] == [
        "north/call.txt",
        "south/call.txt",
    ]


def test_no_message_quotes_a_customer(tmp_path: Path) -> None:
    """Errors and reports name rows and columns, never what was written."""
    secret = "my pin is 4711"  # noqa: S105 - a made-up sentence
    text = f"id,comment\n" + f"1,{secret},x\n" * 5 + f"2,{secret}\n"  # noqa: F541 - reads alike
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(InputError) as caught:
        readers.read([path])
    assert secret not in str(caught.value)
    kept = readers.read([path], ReadSettings(max_bad=1))
    assert secret not in json.dumps(kept.to_dict())


def test_an_unknown_layout_or_kind_is_refused(tmp_path: Path) -> None:
    """A forced layout and a survey kind must be known ones."""
    path = write(tmp_path / "a.csv")
    with pytest.raises(SettingsError, match="layout 'qualtrix' is unknown"):
        readers.read([path], ReadSettings(layout="qualtrix"))
    with pytest.raises(SettingsError, match="survey 'npx' is unknown"):
        readers.read([path], columns=ColumnSettings(survey="npx"))


def test_ragged_segments_of_several_files_are_null_where_missing(tmp_path: Path) -> None:
    """Files with other segments join; what one lacks is null there."""
    first = write(tmp_path / "a.csv")
    second = write(tmp_path / "b.csv", BODY.replace("region", "plan").replace("00", "10"))
    feedback = readers.read([first, second]).feedback
    assert feedback["segment_plan"].null_count() == 3
    assert feedback["segment_region"].null_count() == 3
    assert feedback.schema["segment_plan"] == pl.String


def test_conversations_in_cells_are_told_apart(tmp_path: Path) -> None:
    """Of a transcript in a cell the customer's turns are known; one side alone and subjects are text."""
    chat = (
        "Agent: How can I help?\n10:02 Customer: My parcel never came.\nIt is late.\nAgent: Sorry!"
    )
    rows = {
        "transcript": [
            chat,
            "Delivery: late\nPrice: high",
            "Agent: hi\nAgent: there?",
            "Support: slow\nMember area: ugly",
        ],
        "date": ["2026-01-03"] * 4,
    }
    file = tmp_path / "chats.csv"
    pl.DataFrame(rows).write_csv(file)
    intake = readers.read([file], columns=ColumnSettings(verbatim=("transcript",)))
    said = intake.feedback.sort("row")
    turns = said["turns"].to_list()
    assert turns[1:] == [None, None, None]
    text = said["verbatim"][0]
    assert [(t["role"], text[t["start"] : t["end"]]) for t in turns[0]] == [
        ("agent", "How can I help?"),
        ("customer", "My parcel never came.\nIt is late."),
        ("agent", "Sorry!"),
    ]
    assert any(
        note.startswith("conversations in cells") and ": 1;" in note
        for note in intake.sources[0].notes
    )
    told = cells.conversations(pl.Series([chat]), titles=pl.Series(["Lost"]))
    assert told[0][0].startswith("Lost\nHow can I help?")
    assert told[0][1][0] == {"role": "customer", "start": 0, "end": 4}

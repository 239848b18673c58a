"""Delimited text: encodings, delimiters, quotes, bad rows with their physical lines."""

from pathlib import Path

import pytest

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.delimited import find_delimiter, read_delimited
from painpoints.readers.raw import RawTable

ROWS = "id,comment,town\n001,Café was shut,Åre\n002,“Fine”,Ely\n"


def table(tmp_path: Path, data: bytes, name: str = "a.csv", **settings: object) -> RawTable:
    """Write the bytes to a file and read it."""
    path = tmp_path / name
    path.write_bytes(data)
    return read_delimited(path, name, ReadSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "mark", "said"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8 (byte order mark)"),
        ("utf-16-le", b"\xff\xfe", "utf-16 (byte order mark)"),
        ("utf-16-be", b"\xfe\xff", "utf-16 (byte order mark)"),
        ("utf-16-le", b"", "utf-16 (by its pattern)"),
        ("utf-16-be", b"", "utf-16 (by its pattern)"),
        ("cp1252", b"", "cp1252 (guessed: not Unicode)"),
    ],
)
def test_every_encoding_gives_the_same_table(
    tmp_path: Path, codec: str, mark: bytes, said: str
) -> None:
    """The same rows come out of every encoding, ids stay text, and the encoding is said."""
    read = table(tmp_path, mark + ROWS.encode(codec))
    assert read.frame.rows() == [("001", "Café was shut", "Åre"), ("002", "“Fine”", "Ely")]
    assert read.frame.columns == ["id", "comment", "town"]
    assert read.encoding == said


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    """A text cut by any of the four is read alike, though the words hold commas and semicolons."""
    lines = [
        ["id", "comment", "n"],
        ["1", '"good, quick; nice | tidy"', "5"],
        ["2", '"a, b"', "4"],
    ]
    text = "\n".join(delimiter.join(cells) for cells in lines)
    assert table(tmp_path, text.encode()).frame.rows() == [
        ("1", "good, quick; nice | tidy", "5"),
        ("2", "a, b", "4"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path: Path, newline: str) -> None:
    """Unix, Windows and old Mac line ends give the same rows with the same numbers."""
    read = table(tmp_path, 'id,c\n1,"two\nlines"\n2,x\n'.replace("\n", newline).encode())
    assert read.frame.rows() == [("1", "two\nlines"), ("2", "x")]
    assert read.rows.to_list() == [2, 4]


def test_excel_says_its_delimiter() -> None:
    """A first line `sep=;` is obeyed and is no header."""
    assert find_delimiter("sep=;\na;b\n1,1;2\n") == (";", True)


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    """Prose with commas under a single header stays one column."""
    read = table(tmp_path, b"comment\nGood, quick, kind\nSlow\nDear, though nice, really\n")
    assert read.frame.columns == ["comment"]
    assert read.frame.height == 3
    assert read.delimiter is None


def test_bad_rows_are_set_aside_with_their_lines(tmp_path: Path) -> None:
    """Too few cells, too many, an open quote and a NUL each cost one row and are all told."""
    text = 'id,c,n\n1,a,1\n2,b\n3,c,3,4\n4,"open,4\n5,"fine\n",5\n6,n\0l,6\n7,ok,7,,\n'
    text += "8,y,1\n" * 5
    read = table(tmp_path, text.encode())
    assert [(p.row, p.reason) for p in read.problems] == [
        (3, "2 cells where the header has 3"),
        (4, "4 cells where the header has 3"),
        (5, 'text behind a closing quote; quotes inside a cell must be doubled ("")'),
        (8, "a NUL byte: the file is damaged here"),
    ]
    assert read.frame["id"].to_list() == ["1", "5", "7", *"88888"]
    assert read.n_rows == 12


def test_a_quote_never_closed_costs_one_row(tmp_path: Path) -> None:
    """Reading goes on at the next line, so the thousand rows behind are not swallowed."""
    body = "".join(f"{i},fine\n" for i in range(1000))
    read = table(tmp_path, f'id,c\n0,"never closed\n{body}'.encode())
    assert read.frame.height == 1000
    assert [p.row for p in read.problems] == [2]


def test_bytes_that_fit_no_character_cost_their_row(tmp_path: Path) -> None:
    """A file that is UTF-8 but for one byte stays UTF-8; the row with the byte is set aside."""
    rows = "".join(f"{i},café\n" for i in range(20)).encode()
    read = table(tmp_path, b"id,c\n" + rows + b"20,caf\xe9\n" + rows)
    assert read.frame.height == 40
    assert [(p.row, p.reason) for p in read.problems] == [(22, "bytes that are not utf-8")]


def test_a_very_long_cell_is_named(tmp_path: Path) -> None:
    """A cell over the limit sets its row aside and says which column."""
    read = table(tmp_path, b"id,c\n1," + b"x" * 5000 + b"\n2,ok\n", max_cell_chars=1000)
    assert read.frame["id"].to_list() == ["2"]
    assert read.problems[0].column == "c"


def test_titles_above_the_header_are_left_out(tmp_path: Path) -> None:
    """A title line and an empty one above the table are no header, and it is said."""
    read = table(tmp_path, b"Export of May\n\nid,c,n\n1,a,2\n2,b,3\n3,c,4\n")
    assert read.frame.columns == ["id", "c", "n"]
    assert read.rows.to_list() == [4, 5, 6]
    assert read.notes == ("1 row above the header left out",)


def test_names_and_values_above_the_header_are_left_out(tmp_path: Path) -> None:
    """Who exported what, and when, stands in two cells above many a table."""
    facts = b"Report:,Feedback\nExported by:,Insights\nPeriod:,May\n\n"
    read = table(tmp_path, facts + b"id,c,n,m\n1,a,2,x\n2,b,3,y\n3,c,4,z\n")
    assert read.frame.columns == ["id", "c", "n", "m"]
    assert read.rows.to_list() == [6, 7, 8]


@pytest.mark.parametrize(
    ("rows", "n_columns"),
    [
        ("Kind staff, long queue\nGood food, poor room\nToo dear, I will not come back\n", 1),
        ("id, comment\n1, good food\n2, bad food\n3, no food\n", 2),
        ("comment, score\nthe food is good, 5\nthe food is bad, 1\nno food at all, 2\n", 2),
    ],
)
def test_commas_of_sentences_part_no_columns(tmp_path: Path, rows: str, n_columns: int) -> None:
    """A list of answers with one comma each is one column; ids and scores make it a table."""
    assert len(table(tmp_path, rows.encode()).frame.columns) == n_columns


def test_groups_above_the_names_are_part_of_them(tmp_path: Path) -> None:
    """A header of two rows, merged cells above, gives one name per column and no answer."""
    text = (
        "Date,,Satisfaction,,Comments,\n,Branch,Service,Price,Service,Price\n"
        "2026-05-01,Ely,4,2,kind,dear\n2026-05-02,Ely,5,1,quick,too dear\n"
    )
    read = table(tmp_path, text.encode())
    assert read.frame.columns == [
        "Date",
        "Branch",
        "Satisfaction - Service",
        "Satisfaction - Price",
        "Comments - Service",
        "Comments - Price",
    ]
    assert read.rows.to_list() == [3, 4]
    assert read.n_header_rows == 2


@pytest.mark.parametrize("first", ["0,fine,4", "x,fine,n/a", "x,,4"])
def test_a_blank_in_a_header_of_one_row_loses_no_answer(tmp_path: Path, first: str) -> None:
    """The first answer below a header with a blank name stays an answer."""
    text = f",comment,score\n{first}\n1,good,5\n2,bad,1\n3,good,5\n4,bad,1\n5,bad,2\n"
    read = table(tmp_path, text.encode())
    assert read.frame.columns == ["column 1", "comment", "score"]
    assert read.rows.to_list() == [2, 3, 4, 5, 6, 7]


def test_names_are_told_apart(tmp_path: Path) -> None:
    """Columns of the same name, or of none, get names of their own."""
    read = table(tmp_path, b"a,,a\n1,2,3\n")
    assert read.frame.columns == ["a", "column 2", "a (2)"]


def test_a_number_behind_a_name_is_one_that_no_column_has(tmp_path: Path) -> None:
    """A repeat is not given the name that another column has, before it or behind it."""
    read = table(tmp_path, b"a,a,a (2),a,a (2)\n1,2,3,4,5\n")
    assert read.frame.columns == ["a", "a (3)", "a (2)", "a (4)", "a (2) (2)"]


QUESTION = "Why was my refund to jane.doe@gmail.com refused?"


@pytest.mark.parametrize(
    ("name", "first"),
    [("a.txt", QUESTION), ("a.txt", "What now?"), ("a.txt", "No comment"), ("a.csv", QUESTION)],
)
def test_the_first_answer_of_a_list_is_no_header(tmp_path: Path, name: str, first: str) -> None:
    """A line of a text file that only asks, and a cell of personal data, stay answers."""
    read = table(tmp_path, f"{first}\nThe parcel was late again\nSlow\n".encode(), name)
    assert read.frame["column 1"][0] == first
    assert read.frame.height == 3


@pytest.mark.parametrize("word", ["comment", "Verbatim", "Customer feedback", "review_text"])
def test_a_column_word_heads_a_list(tmp_path: Path, word: str) -> None:
    """A first line that only names what stands below is the header of a text file."""
    read = table(tmp_path, f"{word}\nThe parcel was late\nSlow\n".encode(), "a.txt")
    assert read.frame.columns == [word]
    assert read.frame.height == 2


def test_personal_data_does_not_become_a_name(tmp_path: Path) -> None:
    """An address in a header is left out of the column's name, and so of the question."""
    read = table(tmp_path, f"id,{QUESTION}\n1,too slow\n2,too dear\n".encode())
    assert read.frame.columns == ["id", "Why was my refund to [...] refused?"]


def test_other_scripts_are_guessed_western_is_not(tmp_path: Path) -> None:
    """Cyrillic in its code page is recognised by its script."""
    text = "id,отзыв\n" + "".join(
        f"{i},Доставка опоздала, никто не ответил на звонок\n".replace(", н", " н")
        for i in range(20)
    )
    read = table(tmp_path, text.encode("cp1251"))
    assert read.frame.columns == ["id", "отзыв"]
    assert read.encoding == "cp1251 (guessed by its script)"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Nothing but blank lines cannot be read, in one sentence."""
    with pytest.raises(UnreadableError, match=r"a\.csv: the file is empty"):
        table(tmp_path, b"\n \n")


def test_reading_in_batches_keeps_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of a batch changes nothing."""
    data = ("id,c\n" + "".join(f"{i},text {i}\n" for i in range(57))).encode()
    whole = table(tmp_path, data)
    monkeypatch.setattr("painpoints.readers.raw.BATCH_ROWS", 10)
    assert table(tmp_path, data).frame.equals(whole.frame)

"""An analyst's tables: everything wrong is told with its row, and nothing of it is quoted."""

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from painpoints.errors import InputError, SettingsError
from painpoints.writers import write_table
from painpoints_training import labelled, own_stages
from painpoints_training.corpus import CLASSES


def _csv(tmp_path: Path, text: str, name: str = "labels.csv") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def _found(file: Path) -> list[str]:
    return [str(one) for one in labelled.read([file], CLASSES).findings]


def test_every_problem_is_told_with_its_rows(tmp_path: Path) -> None:
    """Strangers, conflicts, repeats, other languages, lost places: all at once, by row."""
    file = _csv(
        tmp_path,
        "text,stage,sentiment,verbatim\n"
        "the parcel came late,delivery,negative,\n"
        "The parcel  came late,use,negative,\n"
        "queue was long at the till,purchse,negative,\n"
        "queue was long at the desk,purchase,negative,somewhere else entirely\n"
        "the staff were lovely to us,use,positive,\n"
        "the staff were lovely to us,use,positive,\n"
        "Die Lieferung kam drei Wochen zu spät und der Karton war aufgerissen,delivery,negative,\n"
        ",use,positive,\n"
        "the app is slow on my phone,,,\n",
    )
    told = _found(file)
    assert any("conflict: the same text has stage delivery, use (2 rows: 2, 3)" in t for t in told)
    assert any("'purchse' is none of" in t and "did you mean purchase?" in t and "(row 4)" in t for t in told)  # fmt: skip
    assert any("verbatim does not hold the text (row 5)" in t for t in told)
    assert any("the same text again: counted once (2 rows: 3, 7)" in t for t in told)
    assert any("not English" in t and "(row 8)" in t for t in told)
    assert any("labels without a text (row 9)" in t for t in told)
    assert any("no label yet: left out (row 10)" in t for t in told)
    assert not any("parcel" in t or "Karton" in t for t in told)


def test_rows_that_the_reader_set_aside_stop(tmp_path: Path) -> None:
    """No row is lost in silence: each is told by why and where, and what was guessed is a note."""
    rows = ["text,stage", "caf\xe9 was shut,use", "late, again,use", "too, late,use", 'a "b,use', '"c"d,use', ",", "fine now,use"]  # fmt: skip
    file = tmp_path / "labels.csv"
    file.write_bytes("\n".join(rows).encode("cp1252"))
    found = labelled.read([file], CLASSES)
    assert [str(one) for one in found.stops] == [
        "labels.csv: cannot be read: 3 cells where the header has 2 (2 rows: 3, 4)",
        'labels.csv: cannot be read: text behind a closing quote; quotes inside a cell must be doubled ("") (row 6)',
    ]
    assert [str(one) for one in found.findings if not one.stops] == [
        "labels.csv: read as cp1252 (guessed: not Unicode); save it as UTF-8 to be sure",
        "labels.csv: 1 blank rows left out",
    ]
    assert found.rows["text"].to_list() == ["café was shut", 'a "b', "fine now"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("paid twice", "'paid twice' is none"),
        ("7", "'7' is none"),
        ("my card 4929 was charged twice by you", "a text of 37 characters is none"),
        ("too slow for me", "a text of 15 characters is none"),
        ("ann@lee.example", "a text of 15 characters is none"),
        ("07700 900123", "a text of 12 characters is none"),
        ("Donaudampfschifffahrtsgesellschaft", "a text of 34 characters is none"),
    ],
)
def test_a_value_is_quoted_only_if_it_looks_like_a_label(
    tmp_path: Path, value: str, told: str
) -> None:
    """What a customer may have written stands in no message."""
    (found,) = _found(_csv(tmp_path, f"text,severity\nhello there,{value}\n"))
    assert f"severity {told} of 0, 1, 2, 3" in found
    assert (value in found) == told.startswith("'")


def test_swapped_columns_are_one_finding(tmp_path: Path) -> None:
    """Sixty texts under stage are told once, with their number and rows, and none is quoted."""
    words = [a + b for a in "abcdefgh" for b in "ijklmnop"][:60]
    lines = [f"use,order {word}" for word in words]
    found = labelled.read([_csv(tmp_path, "\n".join(["text,stage", *lines]))], CLASSES)
    (told,) = map(str, found.stops)
    assert "stage: 60 values are none of awareness, " in told
    assert "; are the columns swapped? (60 rows: 2, 3, " in told
    assert not any("order" in str(one) for one in found.findings)


def test_what_stops_and_what_does_not(tmp_path: Path) -> None:
    """A stranger among the labels stops the training, a repeat does not."""
    bad = labelled.read([_csv(tmp_path, "text,stage\nhello there,purchse\n")], CLASSES)
    assert [one.stops for one in bad.findings] == [True]
    fine = labelled.read([_csv(tmp_path, "text,stage\nlate again,use\nlate again,use\n")], CLASSES)
    assert [one.stops for one in fine.findings] == [False]
    assert fine.rows.height == 1


def test_labels_of_one_text_are_put_together(tmp_path: Path) -> None:
    """The same text with its stage in one file and its feeling in another is one row."""
    first = _csv(tmp_path, "text,stage\nthe app froze,use\n", "a.csv")
    second = _csv(tmp_path, "text,sentiment\nThe app froze,negative\n", "b.csv")
    rows = labelled.read([first, second], CLASSES).rows
    assert rows.select("text", "stage", "sentiment").rows() == [("the app froze", "use", "negative")]  # fmt: skip


def test_labels_may_be_written_as_people_do(tmp_path: Path) -> None:
    """Capitals, blanks and a workbook's 2.0 are read; unsure is no label."""
    file = _csv(tmp_path, "Text,Type,Severity,Stage\nit broke,Pain point,2.0,Unsure\n")
    row = labelled.read([file], CLASSES).rows.row(0, named=True)
    assert (row["type"], row["severity"], row["stage"]) == ("pain_point", "2", None)


def test_a_workbook_reads_like_a_table(tmp_path: Path) -> None:
    """XLSX and CSV of the same cells give the same rows."""
    cells = [
        ("text", "stage", "severity"),
        ("the room was cold", "use", 1),
        ("paid twice", "use", 2),
    ]
    book = xlsxwriter.Workbook(str(tmp_path / "labels.xlsx"))
    sheet = book.add_worksheet()
    for number, row in enumerate(cells):
        sheet.write_row(number, 0, row)
    book.close()
    text = "\n".join(",".join(map(str, row)) for row in cells)
    from_book, from_text = (
        labelled.read([file], CLASSES).rows.drop("file")
        for file in (tmp_path / "labels.xlsx", _csv(tmp_path, text))
    )
    assert from_book.equals(from_text)


def test_what_was_made_harmless_is_read_back(tmp_path: Path) -> None:
    """A text that starts like a formula survives the way through a queue's CSV."""
    text = "=cheap? no, dear"
    queue = pl.DataFrame({"text": [text], "verbatim": [f"{text}. Never mind"], "stage": ["use"]})
    rows = labelled.read([write_table(queue, tmp_path / "queue.csv")], CLASSES).rows
    assert rows["text"].to_list() == [text]
    assert rows["verbatim"].to_list() == [f"{text}. Never mind"]


def test_the_context_is_what_the_classifier_will_see(tmp_path: Path) -> None:
    """Question and verbatim stand around the mention, as in a run."""
    file = _csv(
        tmp_path,
        "text,verbatim,question,stage\nit was late,Ordered a lamp. it was late,Why?,delivery\n",
    )
    assert labelled.read([file], CLASSES).rows["context"].to_list() == [
        "Why? Ordered a lamp. it was late"
    ]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "text,b\nhello,2\n", "stage\nuse\n"])
def test_a_table_without_text_or_labels_is_refused(tmp_path: Path, text: str) -> None:
    """The message names the columns found and those wanted."""
    with pytest.raises(InputError, match=r"columns .*wanted are text"):
        labelled.read([_csv(tmp_path, text)], CLASSES)


def test_a_first_row_of_answers_is_not_quoted(tmp_path: Path) -> None:
    """Where the header is missing, what stands in its place may be a customer's."""
    answers = "they kept me waiting for an hour,use\nthe bill was wrong again,use\n"
    with pytest.raises(InputError, match=r"columns \.\.\., use; wanted are text"):
        labelled.read([_csv(tmp_path, answers)], CLASSES)


def test_a_folder_is_told_from_a_missing_file(tmp_path: Path) -> None:
    """Who names the folder of a run is not told that it does not exist."""
    with pytest.raises(InputError, match="is a folder; name the table"):
        labelled.read([tmp_path], CLASSES)


def test_texts_that_only_measure_are_not_learnt_from(tmp_path: Path) -> None:
    """A text of the held-out file is taken out of the rows, however it is written, and told."""
    rows = labelled.read([_csv(tmp_path, "text,stage\nLate  again,use\nall fine,use\n")], CLASSES).rows  # fmt: skip
    findings: list[labelled.Finding] = []
    kept = labelled.without(rows, ["late again"], findings)
    assert kept["text"].to_list() == ["all fine"]
    assert [one.rows for one in findings] == [(2,)]


def test_own_stage_needs_a_description_or_examples() -> None:
    """Without either it stops; with a description alone it is told what that means."""
    rows = pl.DataFrame(schema=labelled.SCHEMA)
    found = labelled.too_few(rows, CLASSES, own={"claims": "", "joining": "They join."})
    assert [one.stops for one in found] == [True, False]
    assert "description alone" in found[1].what


def test_what_an_own_stage_covers_stands_for_a_description() -> None:
    """The shipped examples of a default stage are enough to begin with, and are named."""
    rows = pl.DataFrame(schema=labelled.SCHEMA)
    own = {"arriving": "", "joining": ""}
    found = labelled.too_few(rows, CLASSES, own=own, covered={"purchase": "arriving"})
    assert [one.stops for one in found] == [False, True]
    assert "from the shipped examples of purchase alone" in found[0].what


def test_default_stages_are_read_as_the_own_ones_that_cover_them(tmp_path: Path) -> None:
    """A file of default stages can be used further; what no own stage covers is unknown."""
    own = {**CLASSES, "stage": ("arriving", "support", "none")}
    covered = {"purchase": "arriving", "delivery": "arriving", "support": "arriving"}
    text = "text,stage\npaid at once,Purchase\nit came late,arriving\nI rang them,support\nit broke,use\n"
    for read in (labelled.read, labelled.read_to_judge):
        found = read([_csv(tmp_path, text)], own, covered)
        assert found.rows["stage"].to_list() == ["arriving", "arriving", "support", None]
        assert [str(one) for one in found.findings] == [
            "labels.csv: stage purchase is read as arriving, which covers it (row 2)",
            "labels.csv: stage 'use' is none of arriving, support, none (row 5)",
        ]
        assert [one.stops for one in found.findings] == [False, True]


STAGES = """
[[stages]]
name = "joining"
title = "Joining"
description = "The customer signs up, or opens an account."
[[stages]]
name = "claims"
description = "The customer reports damage and files a claim."
covers = ["support"]
"""


def _stage(name: str, description: str) -> str:
    return f"[[stages]]\nname = '{name}'\ndescription = '{description}'\n"


def test_own_stages_say_what_they_are(tmp_path: Path) -> None:
    """Title, whole description and its parts are what a stage is known by."""
    joining, claims = own_stages.read(_csv(tmp_path, STAGES, "stages.toml"))
    assert own_stages.sayings(joining) == [
        "Joining",
        "The customer signs up, or opens an account.",
        "The customer signs up",
        "opens an account",
    ]
    assert own_stages.covered([joining, claims]) == {"support": "claims"}


def test_own_stages_of_a_windows_editor_are_read(tmp_path: Path) -> None:
    """A byte-order mark before the first table is no part of it."""
    plain = own_stages.read(_csv(tmp_path, STAGES, "plain.toml"))
    assert own_stages.read(_csv(tmp_path, "\ufeff" + STAGES, "marked.toml")) == plain


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[stages]]\nname = 'a'\n", "at least 2"),
        (STAGES + "[[stages]]\nname = 'joining'\n", "twice"),
        (STAGES + "[[stages]]\nname = 'My Stage'\n", "lower case"),
        (STAGES + "[[stages]]\nname = 'none'\n", "'none' says that .*choose another"),
        (STAGES + "[[stages]]\nname = 'all'\n", "'all' stands for the whole journey"),
        (STAGES + "[[stages]]\nname = 'x'\ncovers = ['checkout']\n", "x covers 'checkout'"),
        (STAGES + "[[stages]]\nname = 'x'\ncovers = ['support']\n", "covered twice"),
        (
            STAGES + "[[stages]]\nname = 'x'\ncolour = 'red'\n",
            "colour is no key .*known are name, title",
        ),
        (
            STAGES + _stage("x", "the customer  REPORTS damage and files a claim. "),
            "claims and x have the same description",
        ),
        (STAGES + _stage("x", "Claims handling"), "x is described in fewer than 3 words"),
        (
            STAGES + _stage("x", "Der Kunde meldet einen Schaden und reicht einen Antrag ein."),
            r"x is described in another language \(de\)",
        ),
        ("stages = ['joining', 'claims']", "stage 1: as a whole: "),
        ("stages = 3", "no .*stages"),
        ("= broken", "not TOML"),
    ],
)
def test_odd_stages_are_refused(tmp_path: Path, text: str, told: str) -> None:
    """Every way to write the file wrongly has its own sentence."""
    with pytest.raises(SettingsError, match=told):
        own_stages.read(_csv(tmp_path, text, "stages.toml"))

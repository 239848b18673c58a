"""Dates, scores, empty answers and languages: one column of texts in, values out."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from painpoints.readers.answers import reasons
from painpoints.readers.dates import date_share, read_dates
from painpoints.readers.language import find_languages, language_codes
from painpoints.readers.ratings import by_words, find_scale, numbers, rule_of, said_top


def texts(*values: str | None) -> pl.Series:
    """Return a column of texts."""
    return pl.Series("t", values, dtype=pl.String)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-13", datetime(2026, 5, 13, tzinfo=UTC)),
        ("2026-05-13T10:15:30Z", datetime(2026, 5, 13, 10, 15, 30, tzinfo=UTC)),
        ("2026-05-13T10:15:30.250+02:00", datetime(2026, 5, 13, 8, 15, 30, tzinfo=UTC)),
        ("2026/05/13 10:15", datetime(2026, 5, 13, 10, 15, tzinfo=UTC)),
        ("13/05/2026", datetime(2026, 5, 13, tzinfo=UTC)),
        ("13.05.2026 23:59", datetime(2026, 5, 13, 23, 59, tzinfo=UTC)),
        ("05/13/2026 07:10:00 PM", datetime(2026, 5, 13, 19, 10, tzinfo=UTC)),
        ("05/13/26 12:10 am", datetime(2026, 5, 13, 0, 10, tzinfo=UTC)),
        ("13 May 2026", datetime(2026, 5, 13, tzinfo=UTC)),
        ("13-May-26", datetime(2026, 5, 13, tzinfo=UTC)),
        ("May 13, 2026 9:05 AM", datetime(2026, 5, 13, 9, 5, tzinfo=UTC)),
        ("Wednesday, 13th May 2026", datetime(2026, 5, 13, tzinfo=UTC)),
        ("20260513", datetime(2026, 5, 13, tzinfo=UTC)),
        ("1778668530", datetime(2026, 5, 13, 10, 35, 30, tzinfo=UTC)),
        ("1778668530000", datetime(2026, 5, 13, 10, 35, 30, tzinfo=UTC)),
        ("46155", datetime(2026, 5, 13, tzinfo=UTC)),
        ("2026-05-13 10:15:30+00", datetime(2026, 5, 13, 10, 15, 30, tzinfo=UTC)),
        ("2026-05-13 10:15:30.25-03", datetime(2026, 5, 13, 13, 15, 30, tzinfo=UTC)),
        ("2026-05-13 10:15:30+0530", datetime(2026, 5, 13, 4, 45, 30, tzinfo=UTC)),
        ("2026-05-13 10:15 GMT+2", datetime(2026, 5, 13, 8, 15, tzinfo=UTC)),
        ("2026-05-13 10:15 UTC-03:30", datetime(2026, 5, 13, 13, 45, tzinfo=UTC)),
        ("05/13/2026 07:10 PM EST", datetime(2026, 5, 14, 0, 10, tzinfo=UTC)),
        ("13 May 2026 07:10 CEST", datetime(2026, 5, 13, 5, 10, tzinfo=UTC)),
        ("2026-05-13 10:15 GMT", datetime(2026, 5, 13, 10, 15, tzinfo=UTC)),
        ("15-03-24", datetime(2024, 3, 15, tzinfo=UTC)),
        ("03-25-24", datetime(2024, 3, 25, tzinfo=UTC)),
        ("3-05-24", datetime(2024, 5, 3, tzinfo=UTC)),
    ],
)
def test_every_way_to_write_a_date_is_read(written: str, meant: datetime) -> None:
    """Each known way gives the same moment in UTC."""
    at = read_dates(texts(written)).at[0]
    assert at.replace(microsecond=0) == meant


def test_impossible_values_tell_the_order_for_all() -> None:
    """One 25/03 makes 04/03 the fourth of March; one 03/25 makes it the third of April."""
    assert read_dates(texts("25/03/2026", "04/03/2026")).at[1].month == 3
    assert read_dates(texts("03/25/2026", "04/03/2026")).at[1].month == 4


def test_mixed_orders_are_reported() -> None:
    """The order of most wins; values that only fit the other are read so and marked."""
    dates = read_dates(texts("25/03/2026", "26/03/2026", "03/27/2026", "28/03/2026"))
    assert dates.order == "day_first"
    assert dates.other.to_list() == [False, False, True, False]
    assert [d.day for d in dates.at] == [25, 26, 27, 28]


def test_an_order_no_value_tells_is_said_to_be_open() -> None:
    """Values that read both ways are counted as ambiguous, unless the order is set."""
    column = texts("04/03/2026", "05/03/2026")
    assert read_dates(column).ambiguous == 2
    assert read_dates(column, "month_first").ambiguous == 0
    assert read_dates(column, "month_first").at[0].month == 4


def test_rows_in_order_of_time_tell_the_order() -> None:
    """Where nothing else does, the order that leaves the rows sorted is taken."""
    column = texts("01/11/2026", "01/12/2026", "02/01/2026", "02/02/2026", "02/03/2026")
    assert read_dates(column).order == "month_first"


@pytest.mark.parametrize("divider", "-/.")
def test_years_of_two_digits_stand_first_where_set(divider: str) -> None:
    """With year_first 24-03-05 is the fifth of March 2024; what can only end in its year is marked."""
    column = texts(*(w.replace("-", divider) for w in ("24-03-05", "13-05-2024", "2024-03-06")))
    dates = read_dates(column, "year_first")
    assert [d.date().isoformat() for d in dates.at] == ["2024-03-05", "2024-05-13", "2024-03-06"]
    assert dates.other.to_list() == [False, True, False]
    assert (dates.order, dates.said) == ("year_first", "year/month/day order set")


def test_years_of_two_digits_stand_first_where_nothing_else_can_be() -> None:
    """Where 24-03-30 would lie in the future as a 24th of March, it is the 30th of March 2024."""
    dates = read_dates(texts("24-03-05", "24-03-30"), now=datetime(2026, 5, 13, tzinfo=UTC))
    assert [d.date().isoformat() for d in dates.at] == ["2024-03-05", "2024-03-30"]
    assert dates.order == "year_first"


def test_a_year_that_may_stand_first_is_said_to_be_open() -> None:
    """24-03-05 reads both ways; a 28th of a month that is no year of the past leaves one."""
    now = datetime(2026, 5, 13, tzinfo=UTC)
    column = texts("24-03-05", "24-03-06")
    assert read_dates(column, now=now).ambiguous == 2
    assert read_dates(column, "year_first", now=now).ambiguous == 0
    assert read_dates(texts("24-03-05", "28-03-06"), now=now).ambiguous == 0


def test_what_lies_in_the_future_is_bad_but_a_date() -> None:
    """Nothing was answered more than a day after it is read; a column of such dates stays one."""
    now = datetime(2026, 5, 13, 12, tzinfo=UTC)
    column = texts("2026-05-13", "2026-05-14 11:59", "2026-05-14 12:01", "2062-03-01")
    dates = read_dates(column, now=now)
    assert dates.bad.to_list() == [False, False, True, True]
    assert dates.at.is_null().to_list() == dates.bad.to_list()
    assert date_share(texts("2062-03-01", "2062-04-01")) == 1


@pytest.mark.parametrize(
    "written",
    ["31/02/2026", "2026-13-01", "soon", "1066-10-14", "45/45/2026", "2026-05-13 25:00"],
)
def test_what_is_no_date_is_null_and_bad(written: str) -> None:
    """Impossible dates are nulled and marked; blanks are null and not marked."""
    dates = read_dates(texts(written, None))
    assert dates.at.to_list() == [None, None]
    assert dates.bad.to_list() == [True, False]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.datetimes(datetime(1996, 1, 1), datetime(2099, 1, 1)), min_size=1, max_size=20))  # noqa: DTZ001 - hypothesis wants naive ends
def test_iso_dates_survive(moments: list[datetime]) -> None:
    """Any moment written as ISO 8601 comes back to the second, and rows keep their order."""
    written = texts(*(m.isoformat(timespec="seconds") for m in moments))
    read = read_dates(written, now=datetime(2099, 1, 1, tzinfo=UTC)).at.to_list()
    assert all(
        abs(r - m.replace(tzinfo=UTC)) < timedelta(seconds=1)
        for r, m in zip(read, moments, strict=True)
    )


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9", 9),
        ("4,5", 4.5),
        ("4 stars", 4),
        ("1 star", 1),
        ("3/5", 3),
        ("8 out of 10", 8),
        ("3.0/5.0", 3),
        ("4,5/5,0", 4.5),
        ("Rated 4 out of 5 stars", 4),
        ("Rating: 2/5", 2),
        ("rated 4 by me", None),
        ("10 - Extremely likely", 10),
        ("0 (not at all)", 0),
        ("★★★☆☆", 3),
        ("80%", 80),
        ("good", None),
        ("13 May 2026", None),
    ],
)
def test_scores_are_read_as_written(written: str, number: float | None) -> None:
    """Numbers are found in every usual way of writing a score, and in nothing else."""
    assert numbers(texts(written))[0] == number


@pytest.mark.parametrize(
    ("words", "scores", "kind"),
    [
        (("Very satisfied", "neutral", "Very dissatisfied"), [5, 3, 1], "csat"),
        (
            ("Very good", "Neither good nor poor", "very poor", "Don't know"),
            [5, 3, 1, None],
            "csat",
        ),
        (("good", "bad", "offered", "good_with_comment"), [1, 0, None, 1], "thumbs"),
        (("Excellent", "poor", "Fair", "Very good"), [5, 1, 2, 4], "csat"),
        (("Extremely satisfied", "Somewhat dissatisfied", "Neither"), [5, 2, 3], "csat"),
        (("Extremely easy", "Slightly difficult", "Moderately easy"), [7, 3, 6], "csat"),
        (("Strongly agree", "Neither agree nor disagree"), [5, 3], "csat"),
        (("🙂", "🙁", "😐"), [3, 1, 2], "smileys"),
        (("👍", "👎"), [1, 0], "thumbs"),
        (("Somewhat disappointed", "Not disappointed"), [2, 1], "pmf"),
        (("Amazing", "terrible", "OK", "great", "bad"), [5, 1, 3, 4, 2], "csat"),
        (("Promoter", "Passives", "detractor", None), [9.5, 7.5, 3, None], "nps"),
    ],
)
def test_words_of_a_scale_are_scores(
    words: tuple[str | None, ...], scores: list[float | None], kind: str
) -> None:
    """Words are put on the scale they belong to, best highest."""
    found = by_words(texts(*words))
    assert found is not None
    assert found[0].to_list() == scores
    assert found[1].survey == kind


def test_words_that_are_no_scale_are_no_scores() -> None:
    """Branches are not scores."""
    assert by_words(texts("Cork", "Galway")) is None


@pytest.mark.parametrize(
    ("header", "values", "survey", "high"),
    [
        ("nps", [0, 3, 9, 10, 10], "nps", 10),
        ("how likely are you to recommend us", [1, 9, 10], "nps", 10),
        ("star rating", [1, 2, 5], "stars", 5),
        ("rating", [1, 9, 10], "csat", 10),
        ("csat", [1, 5, 4], "csat", 5),
        ("how easy was it", [1, 7, 4], "ces", 7),
        ("score", [0, 4, 9], "nps", 10),
        ("score", [1, 4, 5], "csat", 5),
        ("recommended", [0, 1, 1], "thumbs", 1),
        ("would you recommend us", [1, 1, 1], "thumbs", 1),
        ("would you recommend us", [0, 7, 10], "nps", 10),
        ("star rating", [1, 1, 1], "stars", 5),
        ("rating", [1], "stars", 5),
        ("csat", [1, 1], "csat", 5),
        ("ces", [1, 1], "ces", 5),
        ("score", [1, 1], "csat", 5),
        ("star rating", [1] * 11 + [5], "stars", 5),
        ("nps", [0, 1, 2, 3, 4, 5], "nps", 10),
        ("nps", [0, 1, 1], "nps", 10),
        ("enps", [0, 0, 4], "enps", 10),
        ("score", [0, 1, 1], "thumbs", 1),
        ("satisfied", [0, 1, 1], "thumbs", 1),
        ("satisfied", [0] + [1] * 99, "thumbs", 1),
        ("helpful", [1, 1], "thumbs", 1),
    ],
)
def test_header_and_range_tell_the_kind(
    header: str, values: list[int], survey: str, high: float
) -> None:
    """The kind of a score follows from its header's words and the range of its values."""
    rule = rule_of(header)
    assert rule is not None
    scale = find_scale(pl.Series(values, dtype=pl.Float64), rule)
    assert scale is not None
    assert (scale.survey, scale.high) == (survey, high)


@pytest.mark.parametrize(
    ("header", "written", "survey", "high"),
    [
        ("rating", ("1/10", "5/10", "3 out of 10"), "csat", 10),
        ("rating", ("1/5", "5/5"), "stars", 5),
        ("rating", ("1.0/5.0", "5.0/5.0"), "stars", 5),
        ("nps", ("1/10", "5/10"), "nps", 10),
        ("score", ("2/5", "4/5"), "csat", 5),
        ("score", ("12/20", "4/20"), "csat", 20),
        ("rating", ("9", "8", "7", "3/5"), "csat", 10),
    ],
)
def test_the_denominator_of_most_scores_is_the_top(
    header: str, written: tuple[str, ...], survey: str, high: float
) -> None:
    """1/10 to 5/10 are on a scale of ten, though no value is above five."""
    rule, column = rule_of(header), texts(*written)
    assert rule is not None
    scale = find_scale(numbers(column), rule, top=said_top(column))
    assert scale is not None
    assert (scale.survey, scale.high) == (survey, high)


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        ("how easy was it to open your account", "ces"),
        ("how satisfied are you with the delivery time", "csat"),
        ("delivery time rating", "stars"),
        ("how would you rate your credit card", "stars"),
        ("how would you rate our text messages", "stars"),
        ("rating count", None),
        ("number of ratings", None),
        ("last rating date", None),
        ("rating id", None),
        ("sentiment score", None),
        ("credit score", None),
        ("score reason", None),
        ("nps group", None),
    ],
)
def test_words_for_counts_and_dates_veto_names_of_columns_not_questions(
    header: str, rule: str | None
) -> None:
    """A question about a delivery time is answered with a score; a count of ratings is none."""
    assert rule_of(header) == rule


@pytest.mark.parametrize("header", ["satisfaction", "score", "nps", "star rating"])
def test_shares_are_no_answers_on_a_scale(header: str) -> None:
    """A percentage as a spreadsheet keeps it is not used: 100 % is no 1 out of 5."""
    rule = rule_of(header)
    assert rule is not None
    scale = find_scale(pl.Series([0.2, 0.4, 0.8, 1.0, 1.0]), rule)
    assert scale is not None
    assert scale.survey == "none"
    assert "shares" in (scale.wrong or "")


def test_one_slip_does_not_stretch_the_scale() -> None:
    """An 11 among 0..10 and a 55 among stars are slips, not scales."""
    nps = find_scale(pl.Series([0.0, 5, 9, 10, 11, 8, 7, 9, 10, 3]), "nps")
    stars = find_scale(pl.Series([1.0, 5, 4, 5, 55, 3, 5, 2, 4, 4]), "stars")
    assert nps is not None
    assert nps.high == 10
    assert stars is not None
    assert stars.high == 5


def test_a_few_ratings_out_of_ten_do_not_stretch_five_stars() -> None:
    """Where values break off at five, one in twenty may lie beyond; where they do not, none."""
    stars = find_scale(pl.Series([1.0, 3, 4, 5, 5] * 40 + [7, 8, 9, 9, 10, 6, 8.0]), "stars")
    assert stars is not None
    assert stars.high == 5
    out_of_ten = find_scale(pl.Series([1.0, 1, 1, 2, 3, 5] * 40 + [6.0] * 5 + [9] * 6), "stars")
    assert out_of_ten is not None
    assert out_of_ten.high == 10
    hated = find_scale(pl.Series([1.0] * 97 + [5.0] * 3), "stars")
    assert hated is not None
    assert hated.high == 5


def test_nps_on_another_scale_is_told_not_used_as_nps() -> None:
    """A column called NPS whose values run 1..5 never becomes NPS."""
    scale = find_scale(pl.Series([1.0, 2, 3, 4, 5, 5]), "nps")
    assert scale is not None
    assert scale.survey == "csat"
    assert scale.wrong is not None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "empty"),
        ("   ", "empty"),
        ("n/a", "no_answer"),
        ("N/A.", "no_answer"),
        ("Nothing", "no_answer"),
        ("Nothing at all!", "no_answer"),
        ("Did not answer", "no_answer"),
        ("-", "no_answer"),
        ("...", "no_answer"),
        ("don\u2019t know", "no_answer"),
        ("5", "too_short"),
        ("👍", "too_short"),
        ("k", "too_short"),
        ("ok", None),
        ("Nothing works since the update", None),
        ("None of the staff smiled", None),
        ("很好", None),
        ("No parking", None),
    ],
)
def test_answers_that_say_nothing_have_a_reason(said: str | None, reason: str | None) -> None:
    """Empty, n/a and too short are told apart, and from answers that merely begin so."""
    assert reasons(texts(said))[0] == reason


def test_languages_are_found_and_short_texts_are_not_judged() -> None:
    """Plain English, Spanish and Arabic are told; a text of few letters is undetermined."""
    found = find_languages(
        texts(
            "The engineer was late and they never called",
            "El técnico llegó muy tarde y nadie me llamó para avisar",
            "التوصيل تأخر أسبوعين ولم يرد أحد على الهاتف",
            "Muy lento",
            "",
        )
    )
    assert found.to_list() == ["en", "es", "ar", "und", "und"]


def test_one_text_has_one_language_wherever_it_stands() -> None:
    """The language of a text does not depend on the rows around it."""
    column = texts("Le service est très lent et personne ne répond", "great stuff from them all")
    assert find_languages(column).reverse().to_list() == find_languages(column.reverse()).to_list()


def test_exports_write_languages_in_many_ways() -> None:
    """Codes, regions and names become one code."""
    written = texts("EN", "en-US", "English", "pt_BR", None)
    assert language_codes(written).to_list() == ["en", "en", "en", "pt", None]

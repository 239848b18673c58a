"""Dates as exports write them to UTC: ISO, day or month first, named months, epoch, Excel serial.

Whether a file writes day or month first is decided once per file, from the values that can be
read in one way only; a file that holds both orders is reported with its rows. A time without a
zone is taken as UTC (docs/decisions/0013). Nobody answers after the answer is read: what lies later
than a day from now is as impossible as a 31st of February.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

import polars as pl

from painpoints.readers.measures import highest, mean
from painpoints.tables import TIME

Order = Literal["auto", "day_first", "month_first", "year_first"]

FIRST_AT = datetime(1995, 1, 1, tzinfo=UTC)
_NO_END = datetime(2100, 1, 1, tzinfo=UTC)

_TIME_PART = (
    r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*((?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|Z|[A-Z]{2,4})?)?$"
)
_YEAR_FIRST = r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME_PART
_TWO_FIRST = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})" + _TIME_PART
_DAY_NAMED = (
    r"^(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})(?:st|nd|rd|th)?[-\s]+([A-Za-z]{3,9})\.?,?[-\s]+(\d{4}|\d{2})"
    + _TIME_PART
)
_MONTH_NAMED = (
    r"^(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})"
    + _TIME_PART
)
_PLAIN_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
"""Read before all others, since Polars reads them ten times faster than patterns do."""
_FULL_YEAR = r"^\d{4}"
"""Polars reads 15-03-24 as of the year 15."""
_EPOCH = r"^\d{10}(?:\.\d+)?$"
_EPOCH_MS = r"^\d{13}$"
_SERIAL = r"^[3-6]\d{4}(?:\.\d+)?$"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE_HOURS = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "SGT": 8, "JST": 9,
    "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Of zones by name: RFC 5322 and the tz database. Any other name counts as UTC."""
_ORDERS = {"day_first": "day/month", "month_first": "month/day", "year_first": "year/month/day"}
_PLACES = {"day_first": (3, 2, 1), "month_first": (3, 1, 2), "year_first": (1, 2, 3)}
"""Where in `_TWO_FIRST` year, month and day stand."""


@dataclass(frozen=True, slots=True)
class Dates:
    """One column of dates, read.

    at:        Datetime("us", "UTC") per row, null where it is blank or impossible.
    bad:       True where something stands that is no date between 1995 and a day from now.
    other:     True where a value only fits another order than the file's.
    order:     day_first, month_first, year_first, or None where no value needs it.
    ambiguous: values that read in several ways, when no value of the file tells the order.
    said:      how the order was found, in words.
    """

    at: pl.Series
    bad: pl.Series
    other: pl.Series
    order: str | None
    ambiguous: int
    said: str


def read_dates(texts: pl.Series, order: Order = "auto", *, now: datetime | None = None) -> Dates:
    """Read a String column of dates written in one or several of the known ways.

    now: the time of reading, with its zone; the clock's where it is not given.
    """
    last = last_at(now)
    frame = pl.DataFrame({"text": texts.str.strip_chars()})
    numbers = _three_numbers(frame)
    chosen, said, ambiguous = _choose_order(numbers, frame, order, last)
    distinct = frame.unique(maintain_order=True)
    read = distinct.with_columns(_parse(distinct["text"], chosen).alias("at"))
    parsed = frame.join(read, on="text", how="left", nulls_equal=True, maintain_order="left")["at"]
    at = pl.select(pl.when(_possible(parsed, last)).then(parsed).cast(TIME)).to_series()
    first, second, third = numbers
    other = {
        "day_first": second > 12,
        "month_first": first > 12,
        "year_first": (second > 12) | (third > 31),
    }[chosen]
    return Dates(
        at=at,
        bad=texts.is_not_null() & at.is_null(),
        other=(other & at.is_not_null()).fill_null(value=False),
        order=chosen if first.is_not_null().any() else None,
        ambiguous=ambiguous,
        said=said,
    )


def last_at(now: datetime | None = None) -> datetime:
    """Return the end of what can have been answered: a day from now, for clocks of other zones."""
    return (now or datetime.now(UTC)) + timedelta(days=1)


def _possible(at: pl.Series, last: datetime) -> pl.Series:
    return at.dt.replace_time_zone("UTC").is_between(FIRST_AT, last).fill_null(value=False)


def _parse(texts: pl.Series, order: str) -> pl.Series:
    """Read texts by the first way that fits, each way only where the earlier ones did not."""
    at = pl.Series([None] * len(texts), dtype=pl.Datetime("us"))
    for way in _ways(order):
        left = pl.DataFrame({"text": texts, "at": at, "place": range(len(texts))}).filter(
            pl.col("text").is_not_null() & pl.col("at").is_null()
        )
        if left.is_empty():
            break
        at = at.scatter(left["place"], way(left["text"]))
    return at


def _ways(order: str) -> tuple[Callable[[pl.Series], pl.Series], ...]:
    """Return the ways to read a date, in the order in which they are tried."""
    orders = dict.fromkeys((order, "day_first", "month_first"))
    return (
        *(partial(_plain, form=form) for form in _PLAIN_FORMS),
        partial(_pattern, pattern=_YEAR_FIRST, places=(1, 2, 3)),
        *(partial(_pattern, pattern=_TWO_FIRST, places=_PLACES[o]) for o in orders),
        partial(_pattern, pattern=_DAY_NAMED, places=(3, 2, 1)),
        partial(_pattern, pattern=_MONTH_NAMED, places=(3, 1, 2)),
        partial(_plain, form="%Y%m%d"),
        _epoch,
        _serial,
    )


def date_share(texts: pl.Series) -> float:
    """Return the share of the filled values that read as dates, past or to come; 0 for no values."""
    filled = texts.drop_nulls()
    if filled.is_empty():
        return 0.0
    return 1 - float(read_dates(filled, now=_NO_END).bad.sum()) / filled.len()


def _three_numbers(frame: pl.DataFrame) -> list[pl.Series]:
    return [
        frame["text"].str.extract(_TWO_FIRST, place).cast(pl.Int64, strict=False)
        for place in (1, 2, 3)
    ]


def _choose_order(
    numbers: Sequence[pl.Series], frame: pl.DataFrame, order: Order, last: datetime
) -> tuple[str, str, int]:
    """Return the order, how it was found, and how many values stay ambiguous."""
    if order in _ORDERS:
        return order, f"{_ORDERS[order]} order set", 0
    first, second, third = numbers
    found = _day_or_month(first, second, frame)
    if not 0 < highest(third) < 100 or not _reads_all(frame, "year_first", last):
        return found
    if _reads_all(frame, "day_first", last) or _reads_all(frame, "month_first", last):
        said = f"{_ORDERS[found[0]]} order assumed: all may begin with the year as well"
        return found[0], said, first.count()
    return "year_first", f"{_ORDERS['year_first']} order, the only one that reads all", 0


def _reads_all(frame: pl.DataFrame, order: str, last: datetime) -> bool:
    """Tell whether all dates of three numbers can be in this order; no if there are none."""
    texts = frame.filter(pl.col("text").str.contains(_TWO_FIRST))["text"]
    at = _pattern(texts, _TWO_FIRST, _PLACES[order])
    return not at.is_empty() and _possible(at, last).all()


def _day_or_month(first: pl.Series, second: pl.Series, frame: pl.DataFrame) -> tuple[str, str, int]:
    """Return the same where the year stands last."""
    n_day, n_month = int((first > 12).sum()), int((second > 12).sum())
    if n_day or n_month:
        chosen = "day_first" if n_day >= n_month else "month_first"
        told = max(n_day, n_month)
        mixed = (
            f", but {min(n_day, n_month):,} read only the other way" if n_day and n_month else ""
        )
        return (
            chosen,
            f"{_ORDERS[chosen]} order, told by {told:,} value{'s' * (told > 1)}{mixed}",
            0,
        )
    n_open = int((first != second).sum())
    if not n_open:
        return "day_first", "", 0
    chosen = "month_first" if _better_as_month_first(frame) else "day_first"
    return chosen, f"{_ORDERS[chosen]} order assumed: no value tells", n_open


def _better_as_month_first(frame: pl.DataFrame) -> bool:
    """Take month first where it leaves the rows in better order of time, or with AM/PM."""
    if frame["text"].str.contains(r"(?i)\d\s*[ap]m\b").any():
        return True
    steps = []
    for order in ("day_first", "month_first"):
        at = _pattern(frame["text"], _TWO_FIRST, _PLACES[order]).drop_nulls().dt.timestamp()
        moves = at.diff().drop_nulls()
        steps.append(max(mean(moves >= 0), mean(moves <= 0)))
    return steps[1] > steps[0] + 0.1


def _plain(texts: pl.Series, form: str) -> pl.Series:
    full = texts.to_frame("text").select(
        pl.when(pl.col("text").str.contains(_FULL_YEAR)).then("text")
    )["text"]
    return full.str.to_datetime(form, time_unit="us", strict=False)


def _pattern(texts: pl.Series, pattern: str, places: tuple[int, int, int]) -> pl.Series:
    """Read a date whose year, month and day are these groups of a pattern; the clock is 4 to 8."""
    groups = texts.str.extract_groups(pattern).struct.unnest()
    groups.columns = [f"g{i}" for i in range(1, groups.width + 1)]
    year, month, day = (pl.col(f"g{i}") for i in places)
    return groups.select(_moment(year, _month_number(month), day).alias("at"))["at"]


def _month_number(month: pl.Expr) -> pl.Expr:
    """Return the month as a number in text; names are English and told by three letters."""
    named = (
        month.str.to_lowercase()
        .str.slice(0, 3)
        .replace_strict(_MONTHS, [str(n) for n in range(1, 13)], default=None)
    )
    return pl.when(month.str.contains(r"^\d")).then(month).otherwise(named)


def _moment(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Return naive UTC from text parts and the groups of the clock; what is impossible gives null."""
    full_year = pl.when(year.str.len_chars() == 2).then(pl.lit("20") + year).otherwise(year)
    date = pl.concat_str(full_year, month.str.zfill(2), day.str.zfill(2), separator="-")
    midnight = date.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    hour, minute, second = (
        pl.col(g).cast(pl.Int64, strict=False).fill_null(0) for g in ("g4", "g5", "g6")
    )
    half = pl.col("g7").str.to_lowercase().str.slice(0, 1)
    hour = (
        pl.when(half == "p").then(hour % 12 + 12).when(half == "a").then(hour % 12).otherwise(hour)
    )
    possible = (hour < 24) & (minute < 60) & (second < 61)
    clock_time = pl.duration(hours=hour, minutes=minute, seconds=second)
    return pl.when(possible).then(midnight + clock_time - _zone())


def _zone() -> pl.Expr:
    """Return how far the zone of a time is ahead of UTC."""
    zone = pl.col("g8")
    sign = pl.when(zone.str.contains("-", literal=True)).then(-1).otherwise(1)
    hours = zone.str.extract(r"[+-](\d{1,2}?):?(?:\d{2})?$", 1).cast(pl.Int64, strict=False)
    minutes = zone.str.extract(r"[+-]\d{1,2}:?(\d{2})$", 1).cast(pl.Int64, strict=False)
    named = zone.replace_strict(_ZONE_HOURS, default=0, return_dtype=pl.Int64)
    return pl.duration(
        hours=pl.coalesce(sign * hours, named, 0), minutes=sign * minutes.fill_null(0)
    )


def _epoch(texts: pl.Series) -> pl.Series:
    text = pl.col("text")
    seconds = pl.when(text.str.contains(_EPOCH)).then(text.cast(pl.Float64, strict=False))
    millis = pl.when(text.str.contains(_EPOCH_MS)).then(text.cast(pl.Int64, strict=False))
    moments = pl.coalesce((seconds * 1_000_000).cast(pl.Int64, strict=False), millis * 1000)
    return texts.to_frame("text").select(moments.cast(pl.Datetime("us")).alias("at"))["at"]


def _serial(texts: pl.Series) -> pl.Series:
    """Read Excel's days since 1899-12-30."""
    text = pl.col("text")
    days = pl.when(text.str.contains(_SERIAL)).then(text.cast(pl.Float64, strict=False))
    moments = ((days - 25_569) * 86_400_000_000).cast(pl.Int64, strict=False)
    return texts.to_frame("text").select(moments.cast(pl.Datetime("us")).alias("at"))["at"]

"""Say which column of a table is what: by the settings, then the layout, then by looking.

Every column ends up with exactly one role and a printed reason. A guess looks at the words of the
header (and of the question behind it) and at the values; it never looks at the file's name.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from painpoints.config import ColumnSettings
from painpoints.domain import STAGES, TOUCHPOINTS
from painpoints.readers.answers import reasons
from painpoints.readers.dates import date_share
from painpoints.readers.exports import Layout, key
from painpoints.readers.measures import highest, lowest, mean
from painpoints.readers.ratings import Scale, by_words, find_scale, numbers, rule_of, said_top
from painpoints.readers.recognition import Mapped

SINGLE_ROLES = (
    "score", "survey", "question", "title", "date", "id", "person", "channel", "stage",
    "touchpoint", "language",
)  # fmt: skip
MAX_SEGMENT_VALUES = 40
_SAMPLE_ROWS = 2000

_TEXT_WORDS = (
    r"comment|feedback|verbatim|review|\btext\b|\bbody\b|content|message|descri|detail|explain|"
    r"reason|\bwhy\b|improve|better|suggest|opinion|remark|\bnotes?\b|tell us|\bwhat\b|\bhow\b|"
    r"anything|please|complaint|narrative|response|answer|\bsay\b|experience|thought|describe|like|"
    r"wish|missing|problem|issue"
)
_STRONG_TEXT_WORDS = r"comment|feedback|verbatim|review$|review text|\btext\b|\bbody\b|message"
_COMPANY_WORDS = r"\breply\b|owner response|agent note|internal|developer|moderat|resolution|staff note|business reply|company response|root cause|action taken"
_TITLE_WORDS = r"\btitle\b|\bsubject\b|headline|\bheading\b"
_DATE_WORDS = r"\bdate\b|\btime\b|timestamp|created|submit|recorded|completed|answered|\bat$|\bon$|\bday\b|received|posted|published"
_PERSON_WORDS = r"respondent|customer|client|\buser|member|contact|person|consumer|patient|account|subscriber|reviewer|employee|author|passenger|guest|e-?mail|policyholder|tenant|nickname|household"
_PRIVATE_WORDS = r"^name$|\b(first|last|full|customer|client|contact|guest|patient|agent|user|reviewer|author) ?name|surname|(e ?mail|phone|mobile)( number| no)?( \d+)?$|\baddress\b|postcode|zip code|\bip\b|latitude|longitude|birth|iban|card (number|no|holder)"
_ADDRESSED = r"\b(you|your|we|us|our)\b"
"""A question put to the customer: "Did our mobile app help?" asks for no number."""
_ASKS_PRIVATE = r"^(?!.*\b(how|why)\b).*\byour (full |first |last |home |phone |mobile |e ?)*(name|surname|mail|phone|mobile|number|address|postcode|zip code)( address| number)?$"
_ID_WORDS = r"\bid\b|uuid|guid|\bkey\b|\bnumber\b|\bno\b|\bref\b|reference|\bcode\b|#"
_ANSWER_WORDS = r"response|review|submission|record|feedback|survey|ticket|answer|case|interview|\brow\b|entry|comment|^id$|^uuid$|^guid$|^#$|^key$|complaint|interaction|conversation"
_CHANNEL_WORDS = r"channel|\bsource\b|\bvia\b|medium|platform|collector"
_STAGE_WORDS = r"(journey |customer |life ?cycle )?stage|journey step|journey phase|lifecycle"
_TOUCHPOINT_WORDS = r"touch ?point"
_QUESTION_WORDS = r"^question( text| label| wording)?$|^field label$|^survey question$|^prompt$"
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]"
_LANGUAGE_WORDS = r"language|\blocale\b|\blang\b"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the values of one column look like.

    n_filled, n_distinct: of the whole column.
    number_share, date_share, mail_share: of the filled values of a sample, 0..1.
    mean_words, mean_chars, unspaced_share, telling_distinct_share: of the values of the sample that
                say something ("n/a" does not).
    """

    name: str
    header: str
    n_filled: int
    n_distinct: int
    number_share: float
    date_share: float
    mail_share: float
    link_share: float
    mean_words: float
    mean_chars: float
    unspaced_share: float
    telling_distinct_share: float

    @property
    def distinct_share(self) -> float:
        """Distinct values over filled ones, 0..1."""
        return self.n_distinct / self.n_filled if self.n_filled else 0.0

    @property
    def is_prose(self) -> bool:
        """Tell words of people from codes, choices, numbers, dates and links."""
        asked = re.search(_TEXT_WORDS, self.header) is not None
        wordy = self.mean_words >= (1.3 if asked else 1.8)
        wordy = wordy or (self.unspaced_share > 0.5 and self.mean_chars >= 5)
        return wordy and self.is_wording

    @property
    def is_wording(self) -> bool:
        """Tell words, if only one or two of them, from numbers, dates, links and choices."""
        plain = max(self.number_share, self.date_share, self.mail_share, self.link_share) < 0.5
        return plain and not self._is_choice

    @property
    def is_code(self) -> bool:
        """Tell values short enough to be an id, under a header short enough to name one."""
        return self.mean_words < 6 and self.mean_chars < 100 and len(self.header.split()) <= 6

    @property
    def _is_choice(self) -> bool:
        """Tell answers to choose from: many rows, few values, and short ones."""
        if self.n_filled < 20:
            return False
        few = self.n_distinct <= max(6, self.n_filled * 0.04)
        return few or (self.telling_distinct_share < 0.25 and self.mean_words < 8)


def profile(frame: pl.DataFrame, questions: Mapping[str, str]) -> dict[str, Profile]:
    """Return what every column looks like, in the order of the columns."""
    return {name: _profile_column(frame[name], questions.get(name, "")) for name in frame.columns}


def choose_columns(
    profiles: Mapping[str, Profile],
    frame: pl.DataFrame,
    layout: Layout,
    settings: ColumnSettings,
) -> tuple[Mapped, ...]:
    """Give every column one role, in the order of the export."""
    chosen: dict[str, Mapped] = {}
    for mapped in _stated(settings, frame.columns):
        chosen.setdefault(mapped.column, mapped)
    for mapped in _of_layout(layout, profiles, chosen):
        chosen.setdefault(mapped.column, mapped)
    for guess in _GUESSES:
        free = {n: p for n, p in profiles.items() if n not in chosen and p.n_filled}
        for mapped in guess(free, frame, layout, {m.role for m in chosen.values()}):
            chosen.setdefault(mapped.column, mapped)
    for name, column in profiles.items():
        if name not in chosen:
            chosen[name] = _rest(column, layout, frame.height)
    if settings.segments:
        chosen = {n: _unless_named(m) for n, m in chosen.items()}
    return tuple(chosen[name] for name in profiles)


def _profile_column(values: pl.Series, question: str) -> Profile:
    filled = values.drop_nulls()
    sample = filled.gather_every(max(1, filled.len() // _SAMPLE_ROWS)) if filled.len() else filled
    telling = sample.filter(reasons(sample).is_null())
    said = telling if telling.len() else sample
    header = f"{key(values.name)} {key(question)}".strip()
    if sample.is_empty():
        return Profile(values.name, header, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    number = mean(numbers(sample).is_not_null())
    chars = mean(said.str.len_chars())
    unspaced = mean(said.str.count_matches(_UNSPACED))
    return Profile(
        name=values.name,
        header=header,
        n_filled=filled.len(),
        n_distinct=filled.n_unique(),
        number_share=number,
        date_share=date_share(sample) if chars < 40 else 0.0,
        mail_share=_share(sample, r"^\S+@\S+\.\w+$"),
        link_share=_share(sample, r"^(https?://|www\.)\S+$"),
        mean_words=mean(said.str.count_matches(r"\S+")),
        mean_chars=chars,
        unspaced_share=unspaced / chars if chars else 0.0,
        telling_distinct_share=said.n_unique() / said.len(),
    )


def _share(values: pl.Series, pattern: str) -> float:
    return mean(values.str.contains(pattern))


def _stated(settings: ColumnSettings, present: Sequence[str]) -> Iterator[Mapped]:
    """Yield what the settings say about columns that this file has."""
    named: list[tuple[str, str]] = [("unused", name) for name in settings.ignore]
    named += [("verbatim", name) for name in settings.verbatim]
    for role in SINGLE_ROLES:
        column = getattr(settings, role, None) if role != "survey" else None
        if column:
            named.append((role, column))
    named += [("segment", name) for name in settings.segments]
    for role, wanted in named:
        column = find_name(wanted, present)
        if column:
            yield Mapped(role, column, "named in [columns]", "settings")


def find_name(wanted: str, present: Sequence[str]) -> str | None:
    """Return the column called so, exactly or but for case and punctuation; None if there is none."""
    if wanted in present:
        return wanted
    return next((name for name in present if key(name) == key(wanted)), None)


def _of_layout(
    layout: Layout, profiles: Mapping[str, Profile], taken: Mapping[str, Mapped]
) -> Iterator[Mapped]:
    by_key = {key(name): name for name in reversed(list(profiles))}
    roles_taken = {m.role for m in taken.values()}
    for role, wanted in layout.roles.items():
        if role.removesuffix("s") in roles_taken:
            continue
        present = [by_key[k] for k in wanted if k in by_key and profiles[by_key[k]].n_filled]
        for name in present if role == "verbatims" else present[:1]:
            yield Mapped(role.removesuffix("s"), name, layout.title, "layout")
    if layout.kinds in by_key:
        yield Mapped("survey", by_key[layout.kinds], "survey kind of each row", "layout")
    for name in profiles:
        if key(name) in layout.ignore or name.endswith(layout.ignore_end or ("\0",)):
            yield Mapped("unused", name, "written by the tool, not the customer", "layout")


_Guess = Callable[[Mapping[str, Profile], pl.DataFrame, Layout, set[str]], Iterator[Mapped]]


def _guess_language(
    free: Mapping[str, Profile], _frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    found = [c for c in free.values() if re.search(_LANGUAGE_WORDS, c.header) and c.mean_chars < 12]
    if found and "language" not in roles:
        yield Mapped("language", found[0].name, "header says language")


def _guess_question(
    free: Mapping[str, Profile], _frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    """Take the column that says which question each row answers, in long tables."""
    found = [c for c in free.values() if re.search(_QUESTION_WORDS, c.header)]
    if found and "question" not in roles and found[0].mean_words >= 2.5:
        yield Mapped("question", found[0].name, "header says question; kept beside each answer")


def _guess_date(
    free: Mapping[str, Profile], _frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    """Take the column of dates that tells best when the answer was given."""
    if "date" in roles:
        return
    dated = [c for c in free.values() if c.date_share >= 0.6 and _may_be_date(c)]
    if dated:
        best = min(dated, key=_date_rank)
        told = "header tells a date; " if re.search(_DATE_WORDS, best.header) else ""
        yield Mapped("date", best.name, f"{told}{best.date_share:.0%} of the values are dates")


def _may_be_date(column: Profile) -> bool:
    """Numbers are dates (epoch, serial, 20260131) only under a header that says so."""
    return column.number_share < 0.5 or bool(re.search(_DATE_WORDS, column.header))


def _date_rank(column: Profile) -> int:
    for rank, words in enumerate(
        (r"birth|expir|due", r"submit|recorded|completed|answered|respon|review|feedback|survey|posted",
         r"created|received|publish", r"\bdate\b|timestamp|\btime\b|\bday\b", r"start|end|visit", r"updat|modif|sent")
    ):  # fmt: skip
        if re.search(words, column.header):
            return 99 if rank == 0 else rank
    return 50


def _guess_score(
    free: Mapping[str, Profile], frame: pl.DataFrame, layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    if "score" in roles or layout.survey == "none":
        return
    rated = [(c, *_score_rank(c, frame)) for c in free.values()]
    found = [(rank, reason, c) for c, rank, reason in rated if rank < 99]
    if not found:
        return
    best = min(found, key=lambda f: f[0])
    yield Mapped("score", best[2].name, best[1])
    for rank, _, column in found:
        if column.name != best[2].name and rank < 90:
            yield Mapped("unused", column.name, "another score; one is used: score = chooses")


_SCORE_ORDER = ("nps", "csat", "stars", "ces", "enps", "pmf", "smileys", "score", "thumbs", "none")


def _score_rank(column: Profile, frame: pl.DataFrame) -> tuple[float, str]:
    """Return (rank, reason) of a column as the score; 99 if it is none.

    Words go before numbers of the same kind: "very good" leaves no doubt which end is which.
    """
    rule = rule_of(column.header)
    values = frame[column.name]
    if _are_nps_groups(column, values):
        return _SCORE_ORDER.index("nps") + 0.4, "answers are NPS groups"
    if rule and column.number_share >= 0.8:
        scale = _scale(values, rule) if _in_range(values) else None
        told = f"header tells {rule}" if rule != "score" else "header says score"
        return (99, "") if scale is None else (_rank(scale.survey, column), told)
    if rule and (worded := by_words(values)) is not None:
        told = f"header tells {rule}, answers are words of a scale"
        return _rank(worded[1].survey, column) - 0.2, told
    if column.number_share >= 0.8 and _is_bare_scale(column, values):
        return 90, "whole numbers 0..10 under a header that tells nothing"
    return 99, ""


def _are_nps_groups(column: Profile, values: pl.Series) -> bool:
    """Tell "promoter", "passive" and "detractor", whatever the header says."""
    if column.n_distinct > 6 or column.number_share >= 0.5:
        return False
    worded = by_words(values)
    return worded is not None and worded[1].survey == "nps"


def _scale(values: pl.Series, rule: str) -> Scale | None:
    return find_scale(numbers(values), rule, top=said_top(values))


def _rank(survey: str, column: Profile) -> float:
    """Return the place of a kind of score among several; the one of the whole comes first."""
    overall = "overall" in column.header or "nps" in column.header
    return _SCORE_ORDER.index(survey) - (0.5 if overall else 0)


def _in_range(values: pl.Series) -> bool:
    scores = numbers(values).drop_nulls()
    return mean(scores.is_between(0, 100)) > 0.5 and highest(scores) <= 1000


def _is_bare_scale(column: Profile, values: pl.Series) -> bool:
    """Tell a 0..10 scale under a header such as `Q1`."""
    scores = numbers(values).drop_nulls()
    return (
        bool(re.fullmatch(r"q ?\d+( \d+)?|question \d+|column \d+", column.header))
        and 5 <= column.n_distinct <= 11
        and lowest(scores) == 0
        and highest(scores) == 10
    )


def _guess_person(
    free: Mapping[str, Profile], _frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    if "person" in roles:
        return
    named = [c for c in free.values() if _is_person(c)]
    if named:
        best = min(named, key=lambda c: (not re.search(_ID_WORDS, c.header), c.mail_share < 0.5))
        repeats = best.n_filled - best.n_distinct
        again = f"; {repeats:,} answers are by people seen before" if repeats else ""
        yield Mapped("person", best.name, f"header tells a person{again}")


def _is_person(column: Profile) -> bool:
    words = column.header
    if not re.search(_PERSON_WORDS, words) or not column.is_code or column.n_distinct < 2:
        return False
    tells_id = re.search(_ID_WORDS, words) or re.search(
        r"e-?mail|nickname|username|user name", words
    )
    return bool(tells_id) and column.distinct_share > 0.3 and column.date_share < 0.5


def _guess_id(
    free: Mapping[str, Profile], frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    """Take a column that names every answer; repeats must be the same answer read again."""
    if "id" in roles:
        return
    named = [
        c
        for c in free.values()
        if re.search(_ANSWER_WORDS, c.header)
        and (re.search(_ID_WORDS, c.header) or _is_numbered(frame[c.name]))
        and c.is_code
        and c.distinct_share >= 0.9
        and _names_rows(c, frame)
    ]
    if named:
        best = max(named, key=lambda c: (c.distinct_share, -len(c.header)))
        yield Mapped("id", best.name, f"header tells an id; {best.n_distinct:,} distinct values")


def _is_numbered(values: pl.Series) -> bool:
    """Tell single words that carry digits, as case numbers do."""
    return mean(values.drop_nulls().str.contains(r"^\S*\d\S*$")) > 0.95


def _names_rows(column: Profile, frame: pl.DataFrame) -> bool:
    if column.n_distinct == column.n_filled:
        return True
    rows = frame.filter(pl.col(column.name).is_not_null())
    return rows.unique().height == column.n_distinct


def _guess_verbatims(
    free: Mapping[str, Profile], _frame: pl.DataFrame, layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    if "verbatim" in roles or not layout.open:
        return
    prose = [
        c
        for c in free.values()
        if c.is_prose and not (_is_private(c.header) or _is_of_company(c.header))
    ]
    titles = [c for c in free.values() if re.search(_TITLE_WORDS, c.header) and c.is_wording]
    bodies = [c for c in prose if c not in titles]
    asked = [c for c in bodies if re.search(_TEXT_WORDS, c.header)]
    wordy = [c for c in bodies if c.mean_words >= (8 if asked else 3)]
    for column in bodies:
        if column in asked:
            yield _verbatim(column, "header tells free text")
        elif column in wordy and column.distinct_share > 0.5:
            yield _verbatim(column, "reads like free text")
    if titles and (asked or wordy):
        yield Mapped("title", titles[0].name, "joined to the text below it")
    elif titles:
        yield _verbatim(titles[0], "the only free text")
    elif not asked and not wordy:
        yield from _last_resort(free)


def _is_private(header: str) -> bool:
    """Tell a header of personal data, or a question that asks for them."""
    asked = re.search(_ADDRESSED, header)
    return re.search(_ASKS_PRIVATE if asked else _PRIVATE_WORDS, header) is not None


def _is_of_company(header: str) -> bool:
    return not re.search(_ADDRESSED, header) and re.search(_COMPANY_WORDS, header) is not None


def _last_resort(free: Mapping[str, Profile]) -> Iterator[Mapped]:
    """Take a column of single words if its header says comment, or if it is the only column."""
    texts = [c for c in free.values() if max(c.number_share, c.date_share, c.mail_share) < 0.5]
    named = [c for c in texts if re.search(_STRONG_TEXT_WORDS, c.header)]
    if named:
        yield _verbatim(named[0], "header tells free text")
    elif len(texts) == 1 and len(free) == 1:
        yield _verbatim(texts[0], "the only column")


def _verbatim(column: Profile, why: str) -> Mapped:
    return Mapped("verbatim", column.name, f"{why}; {column.mean_words:.0f} words on average")


def _guess_places(
    free: Mapping[str, Profile], frame: pl.DataFrame, _layout: Layout, roles: set[str]
) -> Iterator[Mapped]:
    """Take channel, touchpoint and stage where header and values agree."""
    for column in free.values():
        if column.is_prose or column.n_distinct > MAX_SEGMENT_VALUES or column.number_share > 0.5:
            continue
        if "touchpoint" not in roles and re.search(_TOUCHPOINT_WORDS, column.header):
            if _known_share(frame[column.name], TOUCHPOINTS) >= 0.5:
                yield Mapped("touchpoint", column.name, "header and values tell a touchpoint")
        elif "stage" not in roles and re.search(_STAGE_WORDS, column.header):
            if _known_share(frame[column.name], STAGES) >= 0.5:
                yield Mapped("stage", column.name, "header and values tell a journey stage")
        elif "channel" not in roles and re.search(_CHANNEL_WORDS, column.header):
            roles = roles | {"channel"}
            yield Mapped("channel", column.name, "header tells a channel")


def _known_share(values: pl.Series, known: Sequence[str]) -> float:
    filled = values.drop_nulls().str.to_lowercase().str.replace_all(r"[\s-]+", "_")
    return mean(filled.is_in(list(known)))


_GUESSES: tuple[_Guess, ...] = (
    _guess_language,
    _guess_question,
    _guess_date,
    _guess_score,
    _guess_person,
    _guess_id,
    _guess_verbatims,
    _guess_places,
)


def _rest(column: Profile, layout: Layout, n_rows: int) -> Mapped:
    """Make a segment of a column of few values; anything else stays unused, with the reason."""
    reason = _why_no_segment(column, n_rows)
    if reason:
        return Mapped("unused", column.name, reason)
    said = f"{column.n_distinct} different values"
    return Mapped("segment", column.name, said, "layout" if not layout.open else "guess")


def _why_no_segment(column: Profile, n_rows: int) -> str | None:
    too_many = column.n_distinct > min(MAX_SEGMENT_VALUES, max(3, n_rows // 3))
    reasons_against = (
        (not column.n_filled, "blank in every row"),
        (_is_private(column.header), "personal data"),
        (column.n_distinct == 1, "only ever one value"),
        (_is_of_company(column.header), "written by the company"),
        (column.date_share > 0.6, "another date"),
        (_tells_answers(column), "an id whose values repeat; id = counts each once"),
        (too_many, f"{column.n_distinct:,} different values in {n_rows:,} rows"),
        (column.mean_chars > 60, "values too long to cut by"),
    )
    return next((reason for against, reason in reasons_against if against), None)


def _tells_answers(column: Profile) -> bool:
    """Tell the ids of answers by their header: they cut nothing, though rows may repeat them."""
    told = re.search(_ANSWER_WORDS, column.header) and re.search(_ID_WORDS, column.header)
    return bool(told) and column.is_code and column.distinct_share > 0.3


def _unless_named(mapped: Mapped) -> Mapped:
    """Once segments are named, only those are segments."""
    if mapped.role != "segment" or mapped.by == "settings":
        return mapped
    return Mapped("unused", mapped.column, "not among the segments named in [columns]", "settings")

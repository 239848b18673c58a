"""The sections of groups of people: touchpoints and channels, segments, personas, paths.

Computes none of the numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from painpoints.domain import (
    Estimate,
    JourneyMap,
    Paths,
    Persona,
    Personas,
    PersonaTrait,
    Return,
    Score,
    SegmentDifference,
    SegmentView,
)
from painpoints.report import words
from painpoints.report.section import (
    DASH,
    Cell,
    Column,
    Row,
    Section,
    Table,
    count_cell,
    effect_text,
    p_cell,
    p_text,
    scored_text,
    share_cell,
    text_cell,
)


def group_scores(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the scores of touchpoints and channels, if the map has one."""
    scored = {column: _first_scores(groups) for column, groups in journey.scores_by.items()}
    shown = [score for scores in scored.values() for _, score in scores]
    if not shown:
        return
    look = words.points_look((score.survey, score.measure) for score in shown)
    columns = (Column("Of"), Column("Score"), Column(words.people_title(journey), "count"), Column("Value", look))  # fmt: skip
    rows = {
        column: tuple(Row(_score_cells(column, name, score)) for name, score in scores)
        for column, scores in scored.items()
    }
    yield Section(
        "scores",
        "Scores of touchpoints and channels",
        "Scores",
        _scores_lead(rows),
        (Table("Scores", columns, tuple(row for part in rows.values() for row in part)),),
        (
            "The score that people gave to the whole, of those who speak of a touchpoint, or came by a channel; people who speak of two count in both. Stages stand in the map, segments and personas in their own sections.",
        ),
    )


def _first_scores(groups: Mapping[str, Sequence[Score]]) -> list[tuple[str, Score]]:
    """Return the first score of each group that has any, the most answered first."""
    first = [(name, scores[0]) for name, scores in groups.items() if scores]
    return sorted(first, key=lambda pair: -pair[1].estimate.n)


def _score_cells(column: str, name: str, score: Score) -> tuple[Cell, ...]:
    return (
        text_cell(f"{column}: {name.replace('_', ' ')}"),
        text_cell(words.score_name(score.survey, score.measure)),
        count_cell(score.estimate.n),
        Cell("too few", None)
        if score.small
        else Cell(words.score_text(score), score.estimate.value),
    )


def _scores_lead(rows: Mapping[str, Sequence[Row]]) -> str:
    """Return what those who scored speak of most; where they speak of none, how they came."""
    spoken, came = rows.get("touchpoint", ()), rows.get("channel", ())
    how = (
        "is spoken of most by those who scored"
        if spoken
        else "is what those who scored came by most"
    )
    first = next(iter(spoken or came)).cells
    return f"{first[0].text} {how}: {first[3].text}."


# -- segments and paths -----------------------------------------------------------------------


def segments(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the segments, if the map has one."""
    views = journey.segments
    if not views:
        return
    apart = _more_often(views)
    titles = ("What", "Told as", "Stage", "Segment", words.people_title(journey), "Share here", "Share elsewhere", "Difference", "p")  # fmt: skip
    looks = ("text", "text", "text", "text", "count", "share", "share", "share", "p")
    rows = [Row(_apart_cells(name, d), f"segment:{i}") for i, (name, d) in enumerate(apart)]
    yield Section(
        "segments",
        "How segments differ",
        "Segments",
        segments_lead(views),
        (
            Table(
                "Told more often in a segment than elsewhere",
                tuple(map(Column, titles, looks)),
                tuple(rows),
            ),
            _segment_scores(journey),
        ),
        _segment_notes(views),
        sets={
            f"segment:{i}": (f"{d.label}, {name}", d.evidence_ids)
            for i, (name, d) in enumerate(apart)
        },
    )


def _more_often(views: Sequence[SegmentView]) -> list[tuple[str, SegmentDifference]]:
    """Return what is told more often in a segment, by its name, pains first.

    Less often here is more elsewhere; where that is one segment, it is told of that one.
    """
    order = {kind: i for i, kind in enumerate(words.GROUPS)}
    more = [
        (f"{v.column}: {v.value}", d)
        for v in views
        for d in v.apart
        if (d.difference.value or 0) > 0
    ]
    more += [
        (f"{v.column}: {v.against}", _from_other_side(d, v.n_rest))
        for v in views
        for d in v.apart
        if v.against and (d.difference.value or 0) < 0
    ]
    return sorted(more, key=lambda pair: (order.get(pair[1].group, 9), pair[1].p_value))


def _from_other_side(d: SegmentDifference, n_rest: int) -> SegmentDifference:
    gap = d.difference
    value, low, high = (None if v is None else -v for v in (gap.value, gap.high, gap.low))
    return replace(
        d,
        here=d.elsewhere,
        elsewhere=d.here,
        share_here=d.share_elsewhere,
        share_elsewhere=d.share_here,
        difference=Estimate(value, low, high, n_rest),
        evidence_ids=d.evidence_elsewhere,
        evidence_elsewhere=d.evidence_ids,
    )


def segments_lead(views: Sequence[SegmentView]) -> str:
    """Return which segments score or speak surely otherwise, in one sentence."""
    told = [
        f"{v.column} {v.value} scores {_value(v, v.score)} against {_value(v, v.rest)}{f' of {v.against}' if v.against else ''}"
        for v in sorted(views, key=lambda v: 1.0 if v.p_value is None else v.p_value)
        if v.p_value is not None and v.p_value < 0.05
    ]
    apart = len(_more_often(views))
    first = "; ".join(told[:3]) if told else "No segment scores surely otherwise than the rest"
    more = f" (and {len(told) - 3} more segments score otherwise)" if len(told) > 3 else ""
    groups = f"{apart} {'group is' if apart == 1 else 'groups are'}" if apart else "nothing is"
    return f"{first}{more}; {groups} told surely more often in one of them."


def _value(view: SegmentView, e: Estimate) -> str:
    return f"{words.survey_name(view.survey)} {words.score_value(view.survey or '', e.value, view.measure)}"


def _apart_cells(name: str, d: SegmentDifference) -> tuple[Cell, ...]:
    return (
        text_cell(d.label),
        text_cell(words.GROUPS.get(d.group, d.group)),
        text_cell(d.stage.replace("_", " ")),
        text_cell(name),
        count_cell(d.here),
        Cell(words.percent(d.share_here), d.share_here),
        Cell(words.percent(d.share_elsewhere), d.share_elsewhere),
        Cell(effect_text(d.difference), d.difference.value),
        p_cell(d.p_value),
    )


def _segment_scores(journey: JourneyMap) -> Table:
    titles, looks = ("Segment", words.people_title(journey), "Score", "The others", "p"), ("text", "count", "text", "text", "p")  # fmt: skip
    rows = [
        Row(
            (
                text_cell(f"{v.column}: {v.value}"),
                count_cell(v.n_people),
                text_cell("too few to compare" if v.small else _with_ends(v, v.score)),
                text_cell(DASH if v.small else _of_rest(v)),
                p_cell(v.p_value),
            )
        )
        for v in journey.segments
    ]
    return Table("Scores of the segments", tuple(map(Column, titles, looks)), tuple(rows))


def _of_rest(view: SegmentView) -> str:
    return (
        f"{view.against}: {_with_ends(view, view.rest)}"
        if view.against
        else _with_ends(view, view.rest)
    )


def _with_ends(view: SegmentView, e: Estimate) -> str:
    return scored_text(view.survey, view.measure, e)


def _segment_notes(views: Sequence[SegmentView]) -> tuple[str, ...]:
    few = [_few(v) for v in views if v.small]
    notes = [
        "Each segment against everybody else, two values of a column against each other, on distinct people: exact test, Benjamini-Hochberg over all comparisons and groups (5 %), shares that differ by half or by 5 points; scores: Holm over comparisons. Segments may differ in other ways too, so none of it proves a cause."
    ]
    return (*notes, f"Too few people to compare: {', '.join(few)}.") if few else tuple(notes)


def _few(view: SegmentView) -> str:
    """Return the side that has too few people to compare, with their number."""
    if not view.n_rest or view.n_people <= view.n_rest:
        return f"{view.column}: {view.value} (n {view.n_people})"
    return f"{view.column}: {view.against or f'all but {view.value}'} (n {view.n_rest})"


def personas(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the personas, if the map has one."""
    look = journey.personas
    if look is None or not look.n_heard:
        return
    people = words.people_word(journey, 2)
    keys = {
        (i, t.key): f"persona:{i}:{t.key}" for i, p in enumerate(look.found) for t in p.subjects
    }
    yield Section(
        "personas",
        "Personas in the data",
        "Personas",
        personas_lead(look, people),
        (
            Table(
                "Personas",
                _persona_columns(people),
                tuple(Row(_persona_cells(look, p)) for p in look.found),
            ),
            Table(
                "What sets them apart",
                _trait_columns(people),
                tuple(
                    Row(_trait_cells(p, t, kind), keys.get((i, t.key), ""))
                    for i, p in enumerate(look.found)
                    for kind, traits in (("tells of", p.subjects), ("more often", p.segments))
                    for t in traits
                ),
            ),
        ),
        (
            f"{look.method[:1].upper()}{look.method[1:]}.",
            f"Looked at: {words.count(look.n_people)} of {words.count(look.n_heard)} {words.people_word(journey, look.n_heard)}, {'who' if journey.people_known else 'that'} tell two subjects or more{'' if look.p_value is None else f'; p {p_text(look.p_value)} that {people} without groups would look so'}.",
            *(
                (
                    "Subjects and scores made the personas, so their differences bear no p; the export's columns did not: exact test, Benjamini-Hochberg over all.",
                )
                if look.found
                else ()
            ),
        ),
        sets={
            keys[i, t.key]: (f"{p.name}: {t.name}", t.evidence_ids)
            for i, p in enumerate(look.found)
            for t in p.subjects
        },
    )


def _persona_columns(people: str) -> tuple[Column, ...]:
    return (
        Column("Persona"), Column(people.capitalize(), "count"),
        Column(f"Share of {people} placed", "share"), Column("Score"), Column("The others"),
    )  # fmt: skip


def _trait_columns(people: str) -> tuple[Column, ...]:
    return (
        Column("Persona"), Column("How"), Column("What"), Column(people.capitalize(), "count"),
        Column("Share here", "share"), Column("Share elsewhere", "share"), Column("p", "p"),
    )  # fmt: skip


def personas_lead(look: Personas, people: str) -> str:
    """Return which personas there are, or that there are none and why, in one sentence."""
    if not look.found:
        return f"No personas: {look.reason}."
    told = "; ".join(
        f"“{p.name}” ({words.percent(p.share.value)} of the {people} placed)" for p in look.found
    )
    return f"{look.reason[:1].upper()}{look.reason[1:]}: {told}."


def _persona_cells(look: Personas, p: Persona) -> tuple[Cell, ...]:
    return (
        text_cell(p.name),
        count_cell(p.n_people),
        share_cell(p.share),
        text_cell(scored_text(look.survey, look.measure, p.score)),
        text_cell(scored_text(look.survey, look.measure, p.rest)),
    )


def _trait_cells(p: Persona, t: PersonaTrait, kind: str) -> tuple[Cell, ...]:
    return (
        text_cell(p.name),
        text_cell(kind),
        text_cell(t.name),
        count_cell(t.here),
        Cell(words.percent(t.share_here), t.share_here),
        Cell(words.percent(t.share_elsewhere), t.share_elsewhere),
        p_cell(t.p_value),
    )


def paths(journey: JourneyMap) -> Iterator[Section]:
    """Yield the section of the paths, if the map has one."""
    paths = journey.paths
    if paths is None:
        return
    shown = [t for t in paths.transitions if not t.small]
    titles = {view.stage.name: view.stage.title for view in journey.stages}
    table = Table(
        "From stage to stage",
        tuple(map(Column, ("From", "To", "People", "Share of those heard again", "Tell a pain there"), ("text", "text", "count", "share", "share"))),
        tuple(
            Row(
                (
                    text_cell(titles.get(t.stage, t.stage)),
                    text_cell(titles.get(t.following, t.following)),
                    count_cell(t.n_people),
                    share_cell(t.share),
                    share_cell(t.pain),
                ),
                f"path:{t.stage}:{t.following}",
            )
            for t in shown
        ),
    )  # fmt: skip
    sets = {
        f"path:{t.stage}:{t.following}": (f"{titles.get(t.stage, t.stage)} → {titles.get(t.following, t.following)}: what they say there", t.evidence_ids)
        for t in shown
    }  # fmt: skip
    flows = [{"from": titles.get(t.stage, t.stage), "to": titles.get(t.following, t.following), "n": t.n_people, "pain": t.pain.value} for t in shown]  # fmt: skip
    few = len(paths.transitions) - len(shown)
    yield Section(
        "paths",
        "From answer to answer",
        "Paths",
        paths_lead(paths),
        (table, *_returns(paths.after)),
        (
            f"{words.count(paths.n_followed)} of {words.count(paths.n_people)} named people are heard again at another time; each answer counts with the stage that most of its mentions speak of.",
            *(
                [
                    f"{few} more {'path is' if few == 1 else 'paths are'} taken by too few people to tell."
                ]
                if few
                else []
            ),
            "Who is not heard again need not have left: they may only not have answered.",
        ),
        figure={"kind": "paths", "flows": flows, "order": list(titles.values())},
        sets=sets | _return_set(paths.after),
    )


def paths_lead(paths: Paths) -> str:
    """Return whether a pain goes with silence, in one sentence."""
    after = paths.after
    if after is None:
        return f"{words.count(paths.n_followed)} people are heard at two times or more; too few or too short to tell who is heard again."
    gap = effect_text(after.difference)
    share = words.percent(after.after_pain.value), words.percent(after.after_none.value)
    if after.p_value >= 0.05:
        return f"Those who told a pain are heard again about as often as the others: {share[0]} against {share[1]} within {after.days} days ({gap})."
    word = "less" if (after.difference.value or 0) < 0 else "more"
    return f"Those who told a pain are heard again {word} often: {share[0]} against {share[1]} within {after.days} days ({gap})."


def _returns(after: Return | None) -> Iterator[Table]:
    if after is None:
        return
    titles, looks = ("First answer", "Heard again", "Difference", "p"), ("text", "share", "share", "p")  # fmt: skip
    pain = Row((text_cell("told a pain"), share_cell(after.after_pain), Cell(effect_text(after.difference), after.difference.value), p_cell(after.p_value)), "return")  # fmt: skip
    rest = Row((text_cell("told none"), share_cell(after.after_none), Cell(DASH, None), p_cell(None)))  # fmt: skip
    yield Table(f"Heard again within {after.days} days", tuple(map(Column, titles, looks)), (pain, rest))  # fmt: skip


def _return_set(after: Return | None) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {} if after is None else {"return": ("Pains of those not heard again", after.evidence_ids)}  # fmt: skip

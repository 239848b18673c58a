"""Compare the segments: what each tells more or less often than everybody else, and scores.

A segment is a value of a column that the export brings along (plan, region, channel). Every
difference is tested on people and corrected for how many there are; segments of too few people
are named and not compared. Two values of a column are one comparison, so they are tested and told
once. Finds no groups of its own (`persona_groups` does).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import Estimate, SegmentDifference, SegmentView

MAX_VALUES = 20
LEAST_HEARD = 30
MAX_EVIDENCE = 50
Mask = npt.NDArray[np.bool_]
KEYS = ("kind", "stage", "topic_id")
TEST = "Fisher's exact test on people, Benjamini-Hochberg over all comparisons and groups"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value of a column against the rest: the other value where there are two, else all others.

    here, rest: (n_people,) who is on which side, by the person's number; nobody is on both.
    """

    column: str
    value: str
    against: str
    here: Mask
    rest: Mask

    @property
    def small(self) -> bool:
        """Return whether a side has too few people to compare."""
        return int(self.here.sum()) < LEAST_HEARD or int(self.rest.sum()) < LEAST_HEARD


def compare(
    feedback: pl.DataFrame,
    members: pl.DataFrame,
    labels: Mapping[tuple[str, str, str], str],
    *,
    min_people: int = 5,
    q: float = 0.05,
) -> tuple[SegmentView, ...]:
    """Return each segment against everybody else, column by column, the largest first.

    Of a column with two values only the larger one is returned, against the other.

    members: kind, stage, topic_id, mention_id, feedback_id, as `findings.members` gives them.
    labels:  (kind, stage, topic_id) -> label; ("", "", topic_id) -> that of the topic, where a group has
             none of its own.
    """
    heard = _heard(feedback)
    compared = _comparisons(heard)
    scored = points.headline(feedback)
    told = _told(heard, members)
    counted = [_counted(told, each) for each in compared]
    p = _corrected(counted, min_people)
    by_group = told.partition_by("group")
    views = []
    for each, table, corrected in zip(compared, counted, p, strict=True):
        apart = (
            ()
            if each.small
            else _apart(table, corrected, labels, by_group, each, min_people=min_people, q=q)
        )
        views.append(replace(_scored(scored, each), apart=apart))
    return _holm(views)


def _holm(views: list[SegmentView]) -> tuple[SegmentView, ...]:
    """Correct the p values of the scores over all comparisons."""
    tested = [i for i, view in enumerate(views) if view.p_value is not None]
    corrected = stats.holm(np.array([views[i].p_value for i in tested], np.float64))
    for i, p in zip(tested, corrected, strict=True):
        views[i] = replace(views[i], p_value=float(p))
    return tuple(views)


def _heard(feedback: pl.DataFrame) -> pl.DataFrame:
    """Return the analysed feedbacks: feedback_id, person (a number from 0), the segments' columns."""
    return feedback.filter(pl.col("reason").is_null()).select(
        "feedback_id",
        *tables.segment_columns(feedback),
        person=tables.person().hash().rank("dense").cast(pl.Int64) - 1,
    )


def _comparisons(heard: pl.DataFrame) -> list[Comparison]:
    """Return the segments of columns with 2 to 20 values, each with its people and the others."""
    found: list[Comparison] = []
    for column in heard.drop("feedback_id", "person").columns:
        values = _values(heard, column)
        if len(values) == 2:
            first, second = (_inside(heard, column, value) for value in values)
            found.append(Comparison(column, values[0], values[1], first, second & ~first))
        elif 2 < len(values) <= MAX_VALUES:
            inside = [_inside(heard, column, value) for value in values]
            found += [
                Comparison(column, value, "", mask, ~mask)
                for value, mask in zip(values, inside, strict=True)
            ]
    return found


def _values(heard: pl.DataFrame, column: str) -> list[str]:
    """Return the values of a column, that of most people first."""
    sizes = (
        heard.drop_nulls(column)
        .group_by(value=pl.col(column).cast(pl.String))
        .agg(n=pl.col("person").n_unique())
        .sort(["n", "value"], descending=[True, False])
    )
    return sizes["value"].to_list()


def _told(heard: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Return one row per group and person who tells it: keys, group, person, one of the mentions.

    The groups are numbered from 0 by their keys, and the rows are in this order.
    """
    groups = members.select(KEYS).unique().sort(KEYS).with_columns(group=pl.int_range(pl.len()))
    told = members.join(groups, on=KEYS).join(
        heard.select("feedback_id", "person"), on="feedback_id"
    )
    each = told.group_by("group", "person").agg(pl.col("mention_id").min())
    return groups.join(each, on="group", maintain_order="left")


def _inside(heard: pl.DataFrame, column: str, value: str) -> Mask:
    """Return, for each person by number, whether they belong to the segment at all."""
    mask = np.zeros(int(heard["person"].n_unique()), np.bool_)
    mask[heard["person"].filter(heard[column].cast(pl.String) == value).to_numpy()] = True
    return mask


def _counted(told: pl.DataFrame, sides: Comparison) -> pl.DataFrame:
    """Return per group the people here and elsewhere, and how many there are.

    Who belongs to the segment at all counts here, and only here.
    """
    person, group = told["person"].to_numpy(), told["group"].to_numpy()
    n_groups = int(group.max()) + 1 if group.size else 0
    k, rest = (
        np.bincount(group, mask[person].astype(np.float64), minlength=n_groups).astype(np.int64)
        for mask in (sides.here, sides.rest)
    )
    named = told.select("group", *KEYS).unique("group").sort("group").drop("group")
    return named.with_columns(
        here=pl.Series(k, dtype=pl.Int64),
        elsewhere=pl.Series(rest, dtype=pl.Int64),
        n_here=pl.lit(int(sides.here.sum())),
        n_elsewhere=pl.lit(int(sides.rest.sum())),
    )


def _mentions(told: pl.DataFrame, side: Mask) -> tuple[str, ...]:
    """Return the mentions of one side behind the group that is `told`, one of each person."""
    here = told["mention_id"].filter(pl.Series(side[told["person"].to_numpy()]))
    return tuple(here.sort().head(MAX_EVIDENCE))


def _corrected(counted: list[pl.DataFrame], min_people: int) -> list[stats.Floats]:
    """Return the p values of each table, corrected together over all that can be tested.

    The exact test is given the sum of both sides and their sizes, so these may choose.
    """
    raw, testable = [], []
    for table in counted:
        k1, n1, k2, n2 = (
            table[c].to_numpy() for c in ("here", "n_here", "elsewhere", "n_elsewhere")
        )
        raw.append(stats.difference_of_shares(k1, n1, k2, n2))
        testable.append((k1 + k2 >= min_people) & (n1 >= LEAST_HEARD) & (n2 >= LEAST_HEARD))
    if not raw:
        return []
    p, chosen = np.concatenate(raw), np.concatenate(testable)
    corrected = np.ones(p.size)
    corrected[chosen] = stats.benjamini_hochberg(p[chosen])
    return np.split(corrected, np.cumsum([table.height for table in counted])[:-1])


def _apart(
    table: pl.DataFrame,
    p: stats.Floats,
    labels: Mapping[tuple[str, str, str], str],
    told: list[pl.DataFrame],
    sides: Comparison,
    *,
    min_people: int,
    q: float,
) -> tuple[SegmentDifference, ...]:
    """Return what the segment tells surely more or less often, the surest first.

    told: of each group, in the order of `table`, who tells it and in which mention.
    """
    k1, n1, k2, n2 = (table[c].to_numpy() for c in ("here", "n_here", "elsewhere", "n_elsewhere"))
    verdicts = stats.verdicts(k2, n2, k1, n1, p, q=q, min_people=min_people)
    low, high = stats.newcombe(k2, n2, k1, n1)
    found = []
    for i, key in enumerate(table.select(KEYS).iter_rows()):
        if verdicts[i] in {"unchanged", "too_few"}:
            continue
        here, elsewhere = k1[i] / n1[i], k2[i] / n2[i]
        gap = Estimate(float(here - elsewhere), float(low[i]), float(high[i]), int(n1[i]))
        kind, stage, topic = key
        found.append(
            SegmentDifference(
                group=kind,
                stage=stage,
                topic_id=topic,
                label=labels.get(key, labels.get(("", "", topic), topic)),
                here=int(k1[i]),
                share_here=float(here),
                share_elsewhere=float(elsewhere),
                difference=gap,
                p_value=float(p[i]),
                evidence_ids=_mentions(told[i], sides.here),
                elsewhere=int(k2[i]),
                evidence_elsewhere=_mentions(told[i], sides.rest),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.p_value, each.stage, each.topic_id)))


def _scored(scored: tuple[surveys.Measure, pl.DataFrame] | None, each: Comparison) -> SegmentView:
    """Return the segment with its people and scores, and nothing that sets it apart yet."""
    view = SegmentView(
        column=each.column.removeprefix(tables.SEGMENT_PREFIX),
        value=each.value,
        n_people=int(each.here.sum()),
        small=each.small,
        survey=None,
        measure="",
        score=Estimate(None, None, None, 0),
        rest=Estimate(None, None, None, 0),
        p_value=None,
        apart=(),
        against=each.against,
        n_rest=int(each.rest.sum()),
    )
    if scored is None:
        return view
    measure, answers = scored
    value = pl.col(each.column).cast(pl.String)
    others = value == each.against if each.against else value.ne_missing(each.value)
    here, rest = (_sample(answers, side) for side in (value == each.value, others))
    known = min(here.n_people, rest.n_people) >= LEAST_HEARD and not each.small
    low, high = measure.low, measure.high
    return replace(
        view,
        survey=measure.survey,
        measure=measure.name,
        score=_estimate(measure, here),
        rest=_estimate(measure, rest),
        p_value=stats.difference(here, rest, measure.kind, low=low, high=high) if known else None,
    )


def _sample(answers: pl.DataFrame, of: pl.Expr) -> stats.Sample:
    side = answers.lazy().filter(of).select("points", "person").collect()
    return stats.sample(side["points"].to_numpy(), side["person"].to_numpy())


def _estimate(measure: surveys.Measure, side: stats.Sample) -> Estimate:
    if side.n_people == 0:
        return Estimate(None, None, None, 0)
    low, high = stats.interval(side, measure.kind, low=measure.low, high=measure.high)
    return Estimate(side.mean, low, high, side.n_people)

"""Compare the segments: what each tells more or less often than everybody else, and scores.

A segment is a value of a column that the export brings along (plan, region, channel). Every
difference is tested on people and corrected for how many there are; segments of too few people
are named and not compared. Invents no segments of its own.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import stats, surveys, tables
from painpoints.domain import Estimate, SegmentDifference, SegmentView

MAX_VALUES = 20
LEAST_HEARD = 30
MAX_EVIDENCE = 50
Mask = npt.NDArray[np.bool_]
KEYS = ("kind", "stage", "topic_id")
TEST = "Fisher's exact test on people, Benjamini-Hochberg over all segments and groups"


def compare(
    feedback: pl.DataFrame,
    members: pl.DataFrame,
    labels: Mapping[tuple[str, str, str], str],
    *,
    min_people: int = 5,
    q: float = 0.05,
    ces_direction: surveys.CesDirection = "easy_is_high",
) -> tuple[SegmentView, ...]:
    """Return each segment against everybody else, column by column, the largest first.

    members: kind, stage, topic_id, mention_id, feedback_id, as `findings.members` gives them.
    labels:  (kind, stage, topic_id) -> label; ("", "", topic_id) -> that of the topic, where a group has
             none of its own.
    """
    heard = feedback.filter(pl.col("reason").is_null()).with_columns(
        person=tables.person().rank("dense").cast(pl.Int64) - 1
    )
    groups = _segments(heard)
    points = _points(feedback, ces_direction)
    told = _told(heard, members)
    inside = [_inside(heard, column, value) for column, value, _ in groups]
    counted = [_counted(told, people) for people in inside]
    p = _corrected(counted, min_people)
    views = []
    for (column, value, n), people, table, corrected in zip(
        groups, inside, counted, p, strict=True
    ):
        small = n < LEAST_HEARD
        apart = (
            ()
            if small
            else _apart(table, corrected, labels, told, people, min_people=min_people, q=q)
        )
        measure, here, rest, p_score = _score(points, column, value)
        views.append(
            SegmentView(
                column=column.removeprefix(tables.SEGMENT_PREFIX),
                value=value,
                n_people=n,
                small=small,
                survey=measure.survey if measure else None,
                measure=measure.name if measure else "",
                score=here,
                rest=rest,
                p_value=None if small else p_score,
                apart=apart,
            )
        )
    return _holm(views)


def _holm(views: list[SegmentView]) -> tuple[SegmentView, ...]:
    """Correct the p values of the scores over all segments."""
    from dataclasses import replace

    tested = [i for i, view in enumerate(views) if view.p_value is not None]
    corrected = stats.holm(np.array([views[i].p_value for i in tested], np.float64))
    for i, p in zip(tested, corrected, strict=True):
        views[i] = replace(views[i], p_value=float(p))
    return tuple(views)


def _segments(heard: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Return column, value and people of every segment of columns with 2 to 20 values."""
    columns = [c for c in heard.columns if c == "channel" or c.startswith(tables.SEGMENT_PREFIX)]
    found: list[tuple[str, str, int]] = []
    for column in columns:
        sizes = (
            heard.drop_nulls(column)
            .group_by(value=pl.col(column).cast(pl.String))
            .agg(n=pl.col("person").n_unique())
            .sort(["n", "value"], descending=[True, False])
        )
        if 2 <= sizes.height <= MAX_VALUES:
            found += [(column, value, n) for value, n in sizes.iter_rows()]
    return found


def _told(heard: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Return one row per group and person who tells it: keys, group, person, one of the mentions."""
    people = heard.select("feedback_id", "person")
    told = members.join(people, on="feedback_id", how="inner")
    each = told.group_by(*KEYS, "person").agg(pl.col("mention_id").min())
    return each.with_columns(group=pl.struct(KEYS).rank("dense").cast(pl.Int64) - 1)


def _inside(heard: pl.DataFrame, column: str, value: str) -> Mask:
    """Return, for each person by number, whether they belong to the segment at all."""
    mask = np.zeros(int(heard["person"].n_unique()), np.bool_)
    mask[heard.filter(pl.col(column).cast(pl.String) == value)["person"].to_numpy()] = True
    return mask


def _counted(told: pl.DataFrame, inside: Mask) -> pl.DataFrame:
    """Return per group the people here and elsewhere, and how many there are.

    Who belongs to the segment at all counts here, and only here.
    """
    here = inside[told["person"].to_numpy()].astype(np.float64)
    group = told["group"].to_numpy()
    n_groups = int(group.max()) + 1 if group.size else 0
    n = np.bincount(group, minlength=n_groups)
    k = np.bincount(group, here, minlength=n_groups).astype(np.int64)
    named = told.select("group", *KEYS).unique("group").sort("group").drop("group")
    return named.with_columns(
        here=pl.Series(k, dtype=pl.Int64),
        elsewhere=pl.Series(n - k, dtype=pl.Int64),
        n_here=pl.lit(int(inside.sum())),
        n_elsewhere=pl.lit(int((~inside).sum())),
    )


def _mentions(told: pl.DataFrame, inside: Mask, key: tuple[str, str, str]) -> tuple[str, ...]:
    """Return the mentions of the segment behind a group, one of each person."""
    kind, stage, topic = key
    rows = told.filter(kind=kind, stage=stage, topic_id=topic)
    here = rows.filter(pl.Series(inside[rows["person"].to_numpy()]))
    return tuple(here["mention_id"].sort().head(MAX_EVIDENCE))


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
    told: pl.DataFrame,
    inside: Mask,
    *,
    min_people: int,
    q: float,
) -> tuple[SegmentDifference, ...]:
    """Return what the segment tells surely more or less often, the surest first."""
    k1, n1, k2, n2 = (table[c].to_numpy() for c in ("here", "n_here", "elsewhere", "n_elsewhere"))
    verdicts = stats.verdicts(k2, n2, k1, n1, p, q=q, min_people=min_people)
    low, high = stats.newcombe(k2, n2, k1, n1)
    found = []
    for i, (kind, stage, topic) in enumerate(table.select(KEYS).iter_rows()):
        if verdicts[i] in {"unchanged", "too_few"}:
            continue
        here, elsewhere = k1[i] / n1[i], k2[i] / n2[i]
        gap = Estimate(float(here - elsewhere), float(low[i]), float(high[i]), int(n1[i]))
        of_topic = labels.get(("", "", topic), topic)
        label = labels.get((kind, stage, topic), of_topic)
        found.append(
            SegmentDifference(
                group=kind,
                stage=stage,
                topic_id=topic,
                label=label,
                here=int(k1[i]),
                share_here=float(here),
                share_elsewhere=float(elsewhere),
                difference=gap,
                p_value=float(p[i]),
                evidence_ids=_mentions(told, inside, (kind, stage, topic)),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.p_value, each.stage, each.topic_id)))


def _points(
    feedback: pl.DataFrame, ces_direction: surveys.CesDirection
) -> tuple[surveys.Measure, pl.DataFrame] | None:
    """Return the measure of the most answered survey kind, and what each answer counts."""
    scored = feedback.drop_nulls("score").with_columns(
        answer=tables.answer(), person=tables.person().hash()
    )
    scored = scored.unique("answer", keep="first", maintain_order=True)
    kinds = scored.group_by("survey", "score_max").len().sort("len", "survey", descending=True)
    for survey, top, _ in kinds.iter_rows():
        measure = surveys.headline(survey, top, ces_direction=ces_direction)
        if measure:
            same = scored.filter(pl.col("survey") == survey, pl.col("score_max").eq_missing(top))
            counted = pl.Series("points", measure.points(same["score"].to_numpy()))
            return measure, same.with_columns(counted).filter(pl.col("points").is_not_nan())
    return None


def _score(
    points: tuple[surveys.Measure, pl.DataFrame] | None, column: str, value: str
) -> tuple[surveys.Measure | None, Estimate, Estimate, float | None]:
    """Return the score here and of all others, and the p of their difference."""
    nobody = Estimate(None, None, None, 0)
    if points is None:
        return None, nobody, nobody, None
    measure, answers = points
    inside = pl.col(column).cast(pl.String).eq_missing(value)
    sides = [answers.filter(inside), answers.filter(~inside)]
    here, rest = (_estimate(measure, side) for side in sides)
    if not here.n or not rest.n:
        return measure, here, rest, None
    return measure, here, rest, _p_value(measure, *sides)


def _estimate(measure: surveys.Measure, side: pl.DataFrame) -> Estimate:
    x, people = side["points"].to_numpy(), side["person"].to_numpy()
    if x.size == 0:
        return Estimate(None, None, None, 0)
    n, value = stats.effective_n(x, people), float(x.mean())
    if measure.kind == "share":
        low, high = stats.wilson(value * n, n)
    elif measure.kind == "net":
        up, down = float((x > 0).mean()), float((x < 0).mean())
        low, high = (100 * end for end in stats.net_share(up * n, down * n, n))
    else:
        variance = float(x.var(ddof=1)) if x.size > 1 else 0.0
        low, high = stats.mean(value, variance, n, low=measure.low, high=measure.high)
    return Estimate(value, float(low), float(high), int(np.unique(people).size))


def _p_value(measure: surveys.Measure, first: pl.DataFrame, second: pl.DataFrame) -> float:
    sides = []
    for side in (first, second):
        x = side["points"].to_numpy()
        sides.append((x, stats.effective_n(x, side["person"].to_numpy())))
    if measure.kind == "net":
        nets = [(float((x > 0).mean()) * n, float((x < 0).mean()) * n, n) for x, n in sides]
        return float(stats.difference_of_net_shares(nets[0], nets[1]))
    if measure.kind == "share":
        (k1, n1), (k2, n2) = ((round(float(x.mean()) * n), round(n)) for x, n in sides)
        return float(stats.difference_of_shares(k1, n1, k2, n2))
    means = [(float(x.mean()), float(x.var(ddof=1)) if x.size > 1 else 0.0, n) for x, n in sides]
    return float(stats.difference_of_means(means[0], means[1]))

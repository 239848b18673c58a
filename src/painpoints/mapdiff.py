"""Compare two runs group by group: new, rising, falling, fixed, unchanged, with a tested rate.

A group is a topic within a stage, told as a pain, a wish or a praise. Each topic is compared on
mentions of both runs that one frozen model assigned to it, so that a new cut of the topics is no
change of the customers. Reads no run folder and assigns nothing; the caller does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from painpoints import stats, tables
from painpoints.domain import Estimate, Lineage, MapChange

TEST = "Fisher's exact test, Benjamini-Hochberg over all groups"
N_PERMUTATIONS = 100
MAX_EVIDENCE = 50
MIX, MAX_MIX = 0.1, 6
KEYS = ("kind", "stage", "topic_id")


@dataclass(frozen=True, slots=True)
class Sides:
    """Two runs as one table: ids carry the run, `late` says whether it is the second.

    feedback: FEEDBACK and `late`; mentions: MENTIONS.
    n_shared: feedbacks in both runs, left to the first.
    """

    feedback: pl.DataFrame
    mentions: pl.DataFrame
    n_shared: int
    n_people_both: int


def join(
    before: tuple[pl.DataFrame, pl.DataFrame], now: tuple[pl.DataFrame, pl.DataFrame]
) -> Sides:
    """Return both runs' (feedback, mentions) as one; what both hold belongs to the first.

    The same feedback: the same id, text and time.
    """
    keys = ("feedback_id", "verbatim", "created_at")
    again = now[0].join(before[0].select(keys), on=keys, how="semi", nulls_equal=True)
    fresh = now[0].join(again.select("feedback_id"), on="feedback_id", how="anti")
    told = now[1].join(fresh.select("feedback_id"), on="feedback_id", how="semi")
    people = before[0].select("person_id").drop_nulls().unique()
    both = people.join(fresh, on="person_id", how="semi")
    feedback = [_marked(before[0], late=False), _marked(fresh, late=True)]
    mentions = [_marked(before[1], late=False), _marked(told, late=True)]
    return Sides(
        pl.concat(feedback, how="diagonal_relaxed"),
        pl.concat(mentions, how="diagonal_relaxed").drop("late"),
        again.height,
        both.height,
    )


def _marked(table: pl.DataFrame, *, late: bool) -> pl.DataFrame:
    """Return the rows with the run in front of every id, and of the file they come from: a: or b:."""
    side = "b:" if late else "a:"
    ids = [c for c in ("feedback_id", "mention_id", "source") if c in table.columns]
    return table.with_columns(
        *((pl.lit(side) + pl.col(c)).alias(c) for c in ids), late=pl.lit(late)
    )


def compare(
    sides: Sides,
    members: pl.DataFrame,
    labels: Mapping[str, str],
    lineage: Sequence[Lineage],
    *,
    min_people: int = 5,
    q: float = 0.05,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> tuple[tuple[MapChange, ...], float]:
    """Return every group's change, the surest first, and the expected number of false alarms.

    members: kind, stage, topic_id, mention_id, feedback_id, as `findings.members` gives them, of
             mentions whose topic one model assigned in both runs.
    labels:  topic_id -> label.
    """
    heard = sides.feedback.filter(pl.col("reason").is_null()).select(
        "feedback_id", "late", unit=pl.struct(tables.person().alias("who"), "late").hash()
    )
    told = members.join(heard, on="feedback_id", how="inner")
    groups = _counted(told)
    sizes = {late: heard.filter(late=late)["unit"].n_unique() for late in (False, True)}
    if groups.is_empty() or not all(sizes.values()):
        return (), 0.0
    n_before, n_now = sizes[False], sizes[True]
    before, now = groups["before"].to_numpy(), groups["now"].to_numpy()
    p, verdicts = stats.judged(before, n_before, now, n_now, min_people=min_people, q=q)
    low, high = stats.newcombe(before, n_before, now, n_now)
    evidence = _evidence(told)
    gone = {"merged", "retired"}
    became = {
        line.old_id if line.verdict in gone else line.topic_id: line.verdict for line in lineage
    }
    changes = [
        MapChange(
            group=kind,
            stage=stage,
            topic_id=topic,
            label=labels.get(topic, topic),
            before=int(before[i]),
            now=int(now[i]),
            share_before=before[i] / n_before,
            share_now=now[i] / n_now,
            difference=Estimate(
                float(now[i] / n_now - before[i] / n_before), float(low[i]), float(high[i]), n_now
            ),
            p_value=None if verdicts[i] == "too_few" else float(p[i]),
            verdict=verdicts[i],
            lineage=became.get(topic, "kept"),
            evidence_before=evidence.get((kind, stage, topic, False), ()),
            evidence_now=evidence.get((kind, stage, topic, True), ()),
        )
        for i, (kind, stage, topic) in enumerate(groups.select(KEYS).iter_rows())
    ]
    false = _false_alarms(
        told, heard, min_people=min_people, q=q, n=n_permutations, rng=np.random.default_rng(seed)
    )
    return tuple(sorted(changes, key=_order)), false


def _order(change: MapChange) -> tuple[bool, float, int, str, str, str]:
    quiet = change.verdict in {"unchanged", "too_few"}
    p = change.p_value if change.p_value is not None else 2.0
    return quiet, p, -max(change.before, change.now), change.stage, change.group, change.topic_id


def _counted(told: pl.DataFrame) -> pl.DataFrame:
    """Return the people of each group on both sides: keys, before, now."""
    return (
        told.group_by(KEYS)
        .agg(
            before=pl.col("unit").filter(~pl.col("late")).n_unique().cast(pl.Int64),
            now=pl.col("unit").filter(pl.col("late")).n_unique().cast(pl.Int64),
        )
        .sort(KEYS)
    )


def _evidence(told: pl.DataFrame) -> dict[tuple[str, str, str, bool], tuple[str, ...]]:
    """Return the mentions of each group on each side, one of each person before a second."""
    turn = pl.int_range(pl.len()).over(*KEYS, "late", "unit")
    ordered = told.sort("mention_id").with_columns(turn=turn).sort("turn", "mention_id")
    listed = ordered.group_by(*KEYS, "late", maintain_order=True).agg(
        pl.col("mention_id").str.slice(2).head(MAX_EVIDENCE)
    )
    return {(k, s, t, late): tuple(ids) for k, s, t, late, ids in listed.iter_rows()}


def _false_alarms(
    told: pl.DataFrame,
    heard: pl.DataFrame,
    *,
    min_people: int,
    q: float,
    n: int,
    rng: np.random.Generator,
) -> float:
    """Return the mean number of changes found when people are dealt to the two sides by chance."""
    from scipy.sparse import coo_matrix

    units = heard.select("unit", "late").unique("unit").sort("unit")
    place = dict(zip(units["unit"].to_list(), range(units.height), strict=True))
    each = told.select(*KEYS, "unit").unique()
    group = each.select(pl.struct(KEYS).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    row = np.array([place[unit] for unit in each["unit"].to_list()])
    shape = (int(group.max()) + 1, units.height)
    table = coo_matrix((np.ones(row.size, np.int64), (group, row)), shape=shape).tocsr()
    late = units["late"].to_numpy().astype(np.int64)
    whole = np.asarray(table.sum(axis=1)).ravel()
    n_now = int(late.sum())
    alarms = 0
    for _ in range(n):
        now = np.asarray(table @ rng.permutation(late))
        _, verdicts = stats.judged(
            whole - now, late.size - n_now, now, n_now, min_people=min_people, q=q
        )
        alarms += sum(verdict not in {"unchanged", "too_few"} for verdict in verdicts)
    return alarms / n if n else 0.0


def mix(feedback: pl.DataFrame) -> tuple[str, ...]:
    """Return in words which segments make up much more or less of the later run.

    A tenth of the people or more; then what changed may be who was asked.
    """
    heard = feedback.filter(pl.col("reason").is_null()).with_columns(who=tables.person())
    sizes = dict(heard.group_by("late").agg(n=pl.col("who").n_unique()).iter_rows())
    columns = tables.segment_columns(heard)
    found = []
    for column in columns if len(sizes) == 2 else ():
        counted = heard.drop_nulls(column).group_by(pl.col(column).cast(pl.String), "late")
        shares = {
            (value, late): n / sizes[late]
            for value, late, n in counted.agg(n=pl.col("who").n_unique()).iter_rows()
        }
        for value in sorted({value for value, _ in shares}):
            before, now = (shares.get((value, late), 0.0) for late in (False, True))
            if abs(now - before) >= MIX:
                name = column.removeprefix(tables.SEGMENT_PREFIX)
                found.append(f"{name} {value} {100 * before:.0f} % to {100 * now:.0f} %")
    if not found:
        return ()
    shown = ", ".join(found[:MAX_MIX]) + (", and more" if len(found) > MAX_MIX else "")
    return (f"Who was heard changed ({shown}); part of what changed may come from that.",)

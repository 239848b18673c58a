"""Follow people from one answer to their next: between which stages, with what friction.

Needs persons that the export names and dates. Says where people are heard next, how many of them
tell a pain there, and whether those who told a pain are heard again less often than the others.
Somebody who is not heard again need not have left; the words say so.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from painpoints import stats, tables
from painpoints.domain import Estimate, Paths, Return, Transition

LEAST_FOLLOWED = 30
LEAST_SIDE = 10
MAX_EVIDENCE = 100


def follow(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    stages: Sequence[str],
    *,
    min_people: int = 5,
) -> Paths | None:
    """Return the paths; None where fewer than 30 named people are heard at two times.

    stages: in the order of the journey; answers that tell none of them are no steps.
    """
    named = _named(feedback)
    steps = _steps(named, mentions, stages)
    pairs = _pairs(steps)
    n_followed = pairs["person"].n_unique()
    if n_followed < LEAST_FOLLOWED:
        return None
    return Paths(
        n_people=steps["person"].n_unique(),
        n_followed=n_followed,
        transitions=_transitions(pairs, min_people),
        after=_return(named, mentions),
    )


def _named(feedback: pl.DataFrame) -> pl.DataFrame:
    """Return feedback_id, person (numbered in the order of their ids) and created_at, where known."""
    known = feedback.select("feedback_id", "person_id", "created_at").drop_nulls()
    return known.select("feedback_id", "created_at", person=pl.col("person_id").rank("dense"))


def _steps(named: pl.DataFrame, mentions: pl.DataFrame, stages: Sequence[str]) -> pl.DataFrame:
    """Return one row per person and time of answer: its main stage, and whether a pain is told of it.

    The main stage is that of most mentions, the earlier in the journey where they are equal; what
    the answer tells of other stages belongs to no step.
    """
    order = {stage: i for i, stage in enumerate(stages)}
    placed = mentions.select(
        "mention_id",
        "feedback_id",
        place=pl.col("stage").replace_strict(order, default=None, return_dtype=pl.Int64),
        pain=tables.tells_pain(),
    ).drop_nulls("place")
    by_stage = (
        placed.join(named, on="feedback_id")
        .group_by("person", "created_at", "place")
        .agg(n=pl.len(), pain=pl.col("pain").any(), ids=pl.col("mention_id"))
    )
    ordered = by_stage.sort(
        "person", "created_at", "n", "place", descending=[False, False, True, False]
    )
    steps = ordered.unique(["person", "created_at"], keep="first", maintain_order=True)
    names = {i: stage for stage, i in order.items()}
    stage = pl.col("place").replace_strict(names, return_dtype=pl.String)
    return steps.select("person", "created_at", "pain", "ids", stage=stage)


def _pairs(steps: pl.DataFrame) -> pl.DataFrame:
    """Return each step with the same person's next: person, stage, next_stage, pain, ids."""
    following = pl.col("stage", "pain", "ids").shift(-1).name.prefix("next_")
    return steps.with_columns(following).filter(pl.col("person") == pl.col("person").shift(-1))


def _transitions(pairs: pl.DataFrame, min_people: int) -> tuple[Transition, ...]:
    """Return how many people go from stage to stage, and how many tell a pain of the latter."""
    leaving = dict(pairs.group_by("stage").agg(n=pl.col("person").n_unique()).iter_rows())
    found = []
    for (stage, following), rows in sorted(
        pairs.partition_by(["stage", "next_stage"], as_dict=True).items()
    ):
        n, n_pain = rows["person"].n_unique(), rows.filter("next_pain")["person"].n_unique()
        ids = rows["next_ids"].head(MAX_EVIDENCE).explode().head(MAX_EVIDENCE)
        found.append(
            Transition(
                stage=str(stage),
                following=str(following),
                n_people=n,
                share=_share(n, leaving[stage]),
                pain=_share(n_pain, n),
                small=n < min_people,
                evidence_ids=tuple(ids),
            )
        )
    return tuple(sorted(found, key=lambda t: (-t.n_people, t.stage, t.following)))


def _share(k: int, n: int) -> Estimate:
    low, high = stats.wilson(k, n)
    return Estimate(k / n if n else None, float(low), float(high), n)


def _return(named: pl.DataFrame, mentions: pl.DataFrame) -> Return | None:
    """Return whether people are heard again after their first answer, by whether it told a pain.

    Within a horizon: half of the time that the data span, at most 180 days; of first answers with
    so much time after them. Each person counts once.
    """
    pains = (
        mentions.lazy().filter(tables.tells_pain()).select("mention_id", "feedback_id").collect()
    )
    told = pl.col("feedback_id").is_in(pains["feedback_id"].unique().implode())
    moments = (
        named.with_columns(pain=told).group_by("person", "created_at").agg(pl.col("pain").any())
    )
    first_at, last_at = moments.select(
        a=pl.col("created_at").min(), b=pl.col("created_at").max()
    ).row(0)
    days = min(180, (last_at - first_at).days // 2)
    if days < 7:
        return None
    ahead = timedelta(days=days)
    person, at = pl.col("person"), pl.col("created_at")
    ordered = moments.sort("person", "created_at").with_columns(
        again=((person == person.shift(-1)) & (at.shift(-1) - at <= ahead)).fill_null(value=False)
    )
    firsts = ordered.unique("person", keep="first", maintain_order=True).filter(
        at <= last_at - ahead
    )
    sides = [firsts.filter(pain=told) for told in (True, False)]
    if min(side.height for side in sides) < LEAST_SIDE:
        return None
    (k1, n1), (k2, n2) = ((int(side["again"].sum()), side.height) for side in sides)
    low, high = stats.newcombe(k2, n2, k1, n1)
    silent = named.join(sides[0].filter(~pl.col("again")), on=["person", "created_at"])
    ids = pains.join(silent, on="feedback_id", how="semi")["mention_id"].sort()
    return Return(
        days=days,
        after_pain=_share(k1, n1),
        after_none=_share(k2, n2),
        difference=Estimate(k1 / n1 - k2 / n2, float(low), float(high), n1),
        p_value=float(stats.difference_of_shares(k1, n1, k2, n2)),
        evidence_ids=tuple(ids.head(MAX_EVIDENCE)),
    )

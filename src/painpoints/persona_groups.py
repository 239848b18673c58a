"""Find personas in the data: a few clear groups of people who tell of the same and score alike.

Groups are told only where the data show them: they must explain more than data without groups do
(a test), come out alike from random halves (stability), and be large enough. Else it is said that
there are none, and why. No column of the export makes them; these say afterwards who they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from painpoints import points, stats, surveys, tables
from painpoints.domain import Estimate, Persona, Personas, PersonaTrait

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

LEAST_TOLD = 2
LEAST_PEOPLE = 200
MAX_PEOPLE, MAX_FITTED = 20_000, 1_000
NUMBERS = (2, 3, 4, 5, 6)
LEAST_SHARE, LEAST_GROUP = 0.05, 30
SUBJECT_SHARE, MAX_SUBJECTS = 0.02, 40
ALPHA = 0.05
LEAST_STABILITY = 0.8
"""From here on recovery of groups is called good: Steinley 2004, doi:10.1037/1082-989X.9.3.386."""
AS_STABLE = 0.05
N_NULL, N_HALVES, N_STARTS = 19, 10, 4
TRADES = 3
LEAST_GAP, LEAST_RATIO, SCORE_GAP = 0.10, 1.5, 0.10
MAX_TRAITS, MAX_EVIDENCE, MAX_VALUES = 5, 50, 20
Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
METHOD = (
    "k-means on which subjects people tell and how they score, 2 to 6 groups; against "
    f"{N_NULL} data sets without groups, in which people tell as many subjects, each is told as "
    f"often and moves the score as it does; {N_HALVES} random halves for the stability, 0.8 is "
    "asked"
)


@dataclass(frozen=True, slots=True)
class Told:
    """Who tells which subject, and how they score.

    told:   (n_people, n_subjects) 1 where a person tells the subject, else 0.
    scores: (n_people,) mean of a person's answers, NaN for none.
    """

    people: tuple[str, ...]
    subjects: tuple[str, ...]
    told: Matrix
    scores: Matrix

    def some(self, rows: stats.Integers) -> "Told":
        """Return some of the people."""
        chosen = tuple(self.people[i] for i in rows)
        return Told(chosen, self.subjects, self.told[rows], self.scores[rows])


def find(
    feedback: pl.DataFrame,
    mentions: pl.DataFrame,
    topics: pl.DataFrame,
    *,
    seed: int = 0,
) -> Personas:
    """Return the personas, or that there are none and why; of answers where nobody is named.

    A subject is a topic, or the broader topic that it is part of. Looked at are people who tell
    two subjects or more; where there are more than 20,000, so many drawn by a hash of who they
    are. At most 1,000 of these make the groups, and all are placed in them.
    """
    look = _found(feedback, mentions, topics, seed)
    return look if tables.people_known(feedback) else _of_answers(look)


def _of_answers(look: Personas) -> Personas:
    """Return the look with words that speak of answers, which are what was counted."""
    reason, method = (text.replace("people", "answers") for text in (look.reason, look.method))
    return replace(look, reason=reason, method=method)


def _found(
    feedback: pl.DataFrame, mentions: pl.DataFrame, topics: pl.DataFrame, seed: int
) -> Personas:
    everyone = feedback.drop(points.TEXT, strict=False).with_columns(who=tables.person())
    heard = everyone.filter(pl.col("reason").is_null())
    scored = points.headline(everyone)
    rows = _rows(heard, mentions, topics)
    told = _told(rows, scored[1] if scored else None, seed)
    look = Personas(
        verdict="too_few",
        reason="",
        n_heard=heard["who"].n_unique(),
        n_people=len(told.people),
        method=METHOD,
    )
    if scored:
        look = replace(look, survey=scored[0].survey, measure=scored[0].name)
    if len(told.people) < LEAST_PEOPLE:
        few = f"{len(told.people):,} people tell {LEAST_TOLD} subjects or more; it takes {LEAST_PEOPLE:,}"
        return replace(look, reason=few)
    rng = np.random.default_rng(seed)
    sample = told.some(np.sort(rng.permutation(len(told.people))[:MAX_FITTED]))
    look, model = _looked(look, sample, rng)
    if model is None:
        return look
    placed = _by_size(np.asarray(model.predict(_features(told, like=sample)), np.int64))
    named = dict(topics.select("topic_id", "label").iter_rows())
    found = _described(told, placed, rows, heard, named)
    if scored:
        found = _with_scores(found, told, placed, scored)
    return replace(look, verdict="found", found=_named(found, scored[0] if scored else None))


def _looked(
    look: Personas, sample: Told, rng: np.random.Generator
) -> tuple[Personas, "KMeans | None"]:
    """Return the look with its verdict so far, and the grouping if there is one.

    On one thread: hundreds of small fits lose more to waiting for each other than they gain.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        p, numbers = _tested(sample, rng)
        look = replace(look, verdict="none", p_value=p)
        if p > ALPHA:
            chance = f"what people tell and score hangs together as by chance (p {p:.2f}, {ALPHA:g} is asked)"
            return replace(look, reason=chance), None
        model, stability, reason = _clearest(sample, numbers, rng)
        return replace(look, stability=stability, reason=reason), model


# -- who tells what ---------------------------------------------------------------------------


def _rows(heard: pl.DataFrame, mentions: pl.DataFrame, topics: pl.DataFrame) -> pl.DataFrame:
    """Return who, subject and one mention of each subject that each person tells."""
    broader = topics.select("topic_id", subject=pl.coalesce("parent_id", "topic_id"))
    told = (
        mentions.select("mention_id", "feedback_id", "topic_id")
        .join(heard.select("feedback_id", "who"), on="feedback_id")
        .join(broader, on="topic_id")
    )
    each = told.group_by("who", "subject").agg(pl.col("mention_id").min())
    n_people = heard["who"].n_unique()
    often = (
        each.group_by("subject")
        .len()
        .filter(pl.col("len") >= max(SUBJECT_SHARE * n_people, 1))
        .sort("len", "subject", descending=[True, False])
        .head(MAX_SUBJECTS)
    )
    return each.join(often.select("subject"), on="subject").sort("who", "subject")


def _told(rows: pl.DataFrame, answers: pl.DataFrame | None, seed: int) -> Told:
    """Return the people who tell enough, at most 20,000 of them, the same in any order of rows."""
    enough = rows.group_by("who").len().filter(pl.col("len") >= LEAST_TOLD)
    drawn = enough.sort(pl.col("who").hash(seed), "who").head(MAX_PEOPLE)["who"].sort()
    kept = rows.filter(pl.col("who").is_in(drawn.implode()))
    subjects = kept["subject"].unique().sort()
    told = np.zeros((drawn.len(), subjects.len()))
    person, subject = (
        known.search_sorted(kept[name]).to_numpy()
        for known, name in ((drawn, "who"), (subjects, "subject"))
    )
    told[person, subject] = 1.0
    scores = np.full(drawn.len(), np.nan)
    if answers is not None:
        mean = answers.group_by("who").agg(pl.col("score").mean())
        joined = drawn.to_frame().join(mean, on="who", how="left", maintain_order="left")
        scores = joined["score"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Told(tuple(drawn), tuple(subjects), told, scores)


def _features(of: Told, *, like: Told) -> Matrix:
    """Return the people as points: 1 / sqrt(n) for each of n subjects told, and the score.

    The score is standardised, and counts as much as the subject on which people differ most;
    who gave none stands in the middle. `like` is what it is standardised by.
    """
    rows = _rooted(of.told)
    spread = np.nanstd(like.scores) if np.isfinite(like.scores).mean() >= 0.5 else 0.0
    if spread <= stats.MIN_VARIANCE:
        return rows
    weight = float(_rooted(like.told).std(axis=0).max())
    score = np.nan_to_num((of.scores - np.nanmean(like.scores)) / spread)
    return np.column_stack([rows, weight * score])


def _rooted(told: Matrix) -> Matrix:
    return np.asarray(told / np.sqrt(np.maximum(told.sum(axis=1, keepdims=True), 1)), np.float64)


# -- are there groups at all ------------------------------------------------------------------


def _tested(sample: Told, rng: np.random.Generator) -> tuple[float, list[int]]:
    """Return the p that data without groups look as grouped, and the numbers of groups that stand out.

    For each number: by how many standard deviations k-means explains more of the people than in
    data without groups. The largest of these is tested, so that trying five numbers costs nothing.
    """
    shown = _explained(sample, rng)
    without = np.array([_explained(each, rng) for each in _ungrouped(sample, rng)])
    middle, spread = without.mean(axis=0), np.maximum(without.std(axis=0, ddof=1), 1e-9)
    excess, chance = (shown - middle) / spread, ((without - middle) / spread).max(axis=1)
    p = (1 + int((chance >= excess.max()).sum())) / (1 + N_NULL)
    return p, [k for k, each in zip(NUMBERS, excess, strict=True) if each > 0]


def _explained(of: Told, rng: np.random.Generator) -> Matrix:
    """Return the share of the variance that each number of groups explains."""
    x = _features(of, like=of)
    total = max(float(((x - x.mean(axis=0)) ** 2).sum()), stats.MIN_VARIANCE)
    return np.array([1 - float(_grouped(x, k, rng).inertia_) / total for k in NUMBERS])


def _grouped(x: Matrix, k: int, rng: np.random.Generator) -> "KMeans":
    """Return the people in k groups, or in as many as there are sorts of people."""
    from sklearn.cluster import KMeans

    n_groups = min(k, len(np.unique(x, axis=0)))
    return KMeans(n_groups, n_init=N_STARTS, random_state=int(rng.integers(2**31))).fit(x)


def _ungrouped(sample: Told, rng: np.random.Generator) -> list[Told]:
    """Return data sets without groups: who tells what is dealt anew, the score follows from it.

    Each person gets the score of one of the people whose subjects let expect as much (what the
    subjects add up to, by least squares), so that subjects move the score as they do.
    """
    given = np.isfinite(sample.scores)
    told, found = sample.told.astype(np.bool_), []
    expected = _expected(sample.told[given], sample.told[given], sample.scores[given])
    order = np.argsort(expected, kind="stable")
    near = max(5, order.size // 50)
    for _ in range(N_NULL):
        told = dealt(told, rng)
        scores = np.full(sample.scores.size, np.nan)
        if order.size:
            anew = _expected(told[given], sample.told[given], sample.scores[given])
            at = np.searchsorted(expected[order], anew) + rng.integers(-near, near + 1, anew.size)
            scores[given] = sample.scores[given][order[at.clip(0, order.size - 1)]]
        found.append(replace(sample, told=told.astype(np.float64), scores=scores))
    return found


def _expected(told: npt.NDArray[Any], known: Matrix, scores: Matrix) -> Matrix:
    """Return the score that subjects let expect, by least squares on what is known."""
    if scores.size == 0:
        return np.zeros(told.shape[0])
    design, of = (np.column_stack([np.ones(len(x)), x]) for x in (known, told))
    return np.asarray(of @ np.linalg.lstsq(design, scores, rcond=None)[0], np.float64)


def dealt(told: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return the table, (n_people, n_subjects), dealt anew: each row and column keeps its sum.

    Two people at a time put together what only one of them tells, and part it again by chance.
    Source: Strona et al. 2014, doi:10.1038/ncomms5114 (the curveball algorithm).
    """
    hands = [set(np.flatnonzero(row).tolist()) for row in told]
    for a, b in rng.integers(len(hands), size=(TRADES * len(hands), 2)).tolist():
        mine, yours = hands[a] - hands[b], hands[b] - hands[a]
        if not mine or not yours:
            continue
        both, shared = sorted(mine | yours), hands[a] & hands[b]
        rng.shuffle(both)
        hands[a], hands[b] = shared | set(both[: len(mine)]), shared | set(both[len(mine) :])
    anew = np.zeros_like(told)
    for row, hand in enumerate(hands):
        anew[row, list(hand)] = True
    return anew


# -- which groups -----------------------------------------------------------------------------


def _clearest(
    sample: Told, numbers: list[int], rng: np.random.Generator
) -> tuple["KMeans | None", float | None, str]:
    """Return the grouping that random halves agree on most, its stability, and why it is (not) one.

    Of groupings that are as stable (within 0.05) the finest counts.
    Groupings with a group of too few people, or of people whom no subject sets apart (who only
    score alike), are no candidates.
    """
    x = _features(sample, like=sample)
    models = [m for k in numbers if _distinct(sample, (m := _grouped(x, k, rng)).labels_)]
    if not models:
        return None, None, "only small groups stand out, or people who score alike but tell of all"
    judged = [(_stability(x, m, rng), m) for m in models]
    best = max(each for each, _ in judged)
    least = max(best - AS_STABLE, min(best, LEAST_STABILITY))
    stability, model = next(pair for pair in reversed(judged) if pair[0] >= least)
    if stability >= LEAST_STABILITY:
        said = f"{model.n_clusters} groups, and random halves of the people give the same (stability {stability:.2f})"
        return model, stability, said
    said = f"people differ more than by chance, but in no clear groups: random halves of them give others (stability {int(100 * best) / 100:.2f} at best, {LEAST_STABILITY:g} is asked)"
    return None, best, said


def _distinct(sample: Told, labels: Labels) -> bool:
    """Return whether each group is large enough and tells some subject clearly more often."""
    least = max(LEAST_GROUP, LEAST_SHARE * len(sample.people))
    groups = [labels == group for group in range(int(labels.max()) + 1)]
    return all(inside.sum() >= least and _apart(sample, inside) for inside in groups)


def _apart(told: Told, inside: npt.NDArray[np.bool_]) -> list[int]:
    """Return the subjects that a group tells clearly more often, the largest difference first.

    By 10 points, and half as often again.
    """
    here, elsewhere = told.told[inside].mean(axis=0), told.told[~inside].mean(axis=0)
    clear = (here - elsewhere >= LEAST_GAP) & (here >= LEAST_RATIO * elsewhere)
    return [int(i) for i in np.argsort(elsewhere - here, kind="stable") if clear[i]]


def _stability(x: Matrix, model: "KMeans", rng: np.random.Generator) -> float:
    """Return the mean adjusted Rand index of the groups with those that random halves give."""
    from sklearn.metrics import adjusted_rand_score

    n, k = x.shape[0], int(model.n_clusters)
    again = [_grouped(x[rng.permutation(n)[: n // 2]], k, rng).predict(x) for _ in range(N_HALVES)]
    return float(np.mean([adjusted_rand_score(model.labels_, labels) for labels in again]))


def _by_size(labels: Labels) -> Labels:
    """Return the groups numbered from the largest."""
    order = np.argsort(-np.bincount(labels), kind="stable")
    return np.argsort(order)[labels]


# -- what they are ----------------------------------------------------------------------------


def _described(
    told: Told, placed: Labels, rows: pl.DataFrame, heard: pl.DataFrame, labels: Mapping[str, str]
) -> list[Persona]:
    """Return the groups with their subjects and the segments that are surely more frequent."""
    n = len(told.people)
    segments = _segments(told, placed, heard)
    found = []
    for group in range(int(placed.max()) + 1):
        inside = placed == group
        size = int(inside.sum())
        low, high = stats.wilson(size, n)
        nobody = Estimate(None, None, None, 0)
        found.append(
            Persona(
                name="",
                n_people=size,
                share=Estimate(size / n, float(low), float(high), n),
                subjects=_subjects(told, inside, rows, labels),
                segments=tuple(trait for at, trait in segments if at == group),
                score=nobody,
                rest=nobody,
            )
        )
    return found


def _subjects(
    told: Told, inside: npt.NDArray[np.bool_], rows: pl.DataFrame, labels: Mapping[str, str]
) -> tuple[PersonaTrait, ...]:
    """Return the subjects that set a group apart, five at most."""
    own = rows.filter(pl.col("who").is_in([told.people[i] for i in np.flatnonzero(inside)]))
    traits = []
    for i in _apart(told, inside)[:MAX_TRAITS]:
        topic = told.subjects[i]
        ids = own.filter(subject=topic)["mention_id"].sort().head(MAX_EVIDENCE)
        traits.append(
            PersonaTrait(
                name=labels.get(topic, topic),
                key=topic,
                here=int(told.told[inside, i].sum()),
                share_here=float(told.told[inside, i].mean()),
                share_elsewhere=float(told.told[~inside, i].mean()),
                p_value=None,
                evidence_ids=tuple(ids),
            )
        )
    return tuple(traits)


def _segments(told: Told, placed: Labels, heard: pl.DataFrame) -> list[tuple[int, PersonaTrait]]:
    """Return (group, trait) of each value of a column that is surely more frequent in a group.

    Fisher's exact test, Benjamini-Hochberg over all groups and values; the groups were made
    without these columns, so the test holds.
    """
    at = pl.DataFrame({"who": told.people, "placed": placed})
    sizes = np.bincount(placed)
    columns = tables.segment_columns(heard)
    counted = [each for c in columns for each in _counts(heard, at, c, sizes.size)]
    if not counted:
        return []
    k = np.array([counts for _, _, counts in counted])
    elsewhere, n_elsewhere = k.sum(axis=1, keepdims=True) - k, sizes.sum() - sizes
    p = stats.difference_of_shares(k, sizes, elsewhere, n_elsewhere)
    p = stats.benjamini_hochberg(p.ravel()).reshape(p.shape)
    found = []
    for i, group in zip(*np.nonzero(p < ALPHA), strict=True):
        here, rest = k[i, group] / sizes[group], elsewhere[i, group] / n_elsewhere[group]
        if here <= rest:
            continue
        column, value, _ = counted[i]
        name = f"{column.removeprefix(tables.SEGMENT_PREFIX)}: {value}"
        trait = PersonaTrait(name, column, int(k[i, group]), float(here), float(rest), float(p[i, group]))  # fmt: skip
        found.append((int(group), trait))
    return sorted(found, key=lambda each: (each[1].p_value or 0.0, each[1].name))


def _counts(
    heard: pl.DataFrame, at: pl.DataFrame, column: str, n_groups: int
) -> list[tuple[str, str, stats.Integers]]:
    """Return the people of each group per value of a column of 2 to 20 values."""
    pairs = (
        heard.drop_nulls(column)
        .select("who", value=pl.col(column).cast(pl.String))
        .unique()
        .join(at, on="who")
        .group_by("value", "placed")
        .len()
        .sort("value", "placed")
    )
    values = pairs["value"].unique().sort().to_list()
    if not 2 <= len(values) <= MAX_VALUES:
        return []
    counts = {value: np.zeros(n_groups, np.int64) for value in values}
    for value, group, n in pairs.iter_rows():
        counts[value][group] = n
    return [(column, value, counts[value]) for value in values]


def _with_scores(
    found: list[Persona],
    told: Told,
    placed: Labels,
    scored: tuple[surveys.Measure, pl.DataFrame],
) -> list[Persona]:
    """Add the score of each group's answers and that of all the other groups'."""
    measure, answers = scored
    at = pl.DataFrame({"who": told.people, "placed": placed})
    given = answers.select("who", "person", "points").join(at, on="who")
    return [
        replace(
            each,
            score=_estimate(measure, given.filter(pl.col("placed") == group)),
            rest=_estimate(measure, given.filter(pl.col("placed") != group)),
        )
        for group, each in enumerate(found)
    ]


def _estimate(measure: surveys.Measure, side: pl.DataFrame) -> Estimate:
    of = stats.sample(side["points"].to_numpy(), side["person"].to_numpy())
    if of.n_people == 0:
        return Estimate(None, None, None, 0)
    low, high = stats.interval(of, measure.kind, low=measure.low, high=measure.high)
    return Estimate(of.mean, low, high, of.n_people)


def _named(found: list[Persona], measure: surveys.Measure | None) -> tuple[Persona, ...]:
    """Name each group by its subjects and by how it scores, if that lies a tenth of the scale apart."""
    scale = measure.high - measure.low if measure else 1.0
    named: list[Persona] = []
    for each in found:
        told = " and ".join(trait.name for trait in each.subjects[:2]) or "Anything"
        gap = 0.0
        if each.score.value is not None and each.rest.value is not None:
            gap = (each.score.value - each.rest.value) / scale
        how = "" if abs(gap) < SCORE_GAP else ", scoring higher" if gap > 0 else ", scoring lower"
        name = told + how
        again = sum(other.name == name for other in named)
        named.append(replace(each, name=f"{name} ({again + 1})" if again else name))
    return tuple(named)

"""Intervals, tests, corrections, resampling and ranks, on NumPy arrays.

What SciPy has is SciPy's; the rest are published closed forms, each with its source. Knows
nothing of surveys, topics or tables. Everything takes arrays of many groups at once, so that a
million rows cost seconds; all intervals are 95 %.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Numbers = float | npt.NDArray[Any]

Kind = Literal["net", "share", "mean"]
"""What the mean of points is: a net share (points -high, 0, high), a share (0, 1), or a mean."""

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

MIN_VARIANCE = 1e-12
"""Variances up to here are none."""

EXTRA: dict[Kind, tuple[float, float]] = {
    "net": (0.75, 1.5),
    "share": (1.0, 0.0),
    "mean": (0.75, 1.5),
}
"""Answers added at either end, and in the middle, before a variance is taken (adjusted Wald)."""

LEAST_RATIO, LEAST_GAP = 1.5, 0.05
"""A share has changed if it is larger by this factor, or by five in a hundred people."""

AT_ONCE = 25
"""Resamples held in memory at a time."""


def wilson(k: Numbers, n: Numbers) -> tuple[Floats, Floats]:
    """Return both ends, 0..1, of the interval of the share k / n; all of it for n = 0.

    k, n may be fractions, as where `n` is an effective number (see `effective_n`).
    Source: Wilson 1927, doi:10.2307/2276774; the same as SciPy's scalar `proportion_ci`.
    """
    k, n = np.asarray(k, np.float64), np.asarray(n, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        middle = p + Z95**2 / (2 * n)
        half = Z95 * np.sqrt(np.maximum(p * (1 - p), 0) / n + Z95**2 / (4 * n**2))
        low, high = (middle - half) / (1 + Z95**2 / n), (middle + half) / (1 + Z95**2 / n)
    return np.where(k <= 0, 0.0, low).clip(0, 1), np.where(k >= n, 1.0, high).clip(0, 1)


def net_share(up: Numbers, down: Numbers, n: Numbers) -> tuple[Floats, Floats]:
    """Return both ends, -1..1, of the interval of (up - down) / n; the whole range for n = 0.

    Adjusted Wald: three answers are added, 3/4 up, 3/4 down, 3/2 neither. They pull the interval to
    the middle; where all answers agree it is widened to hold the share itself.
    Source: Rocks 2016, The American Statistician, doi:10.1080/00031305.2015.1061443.
    """
    centre, variance = _net_adjusted(up, down, n)
    half = np.where(np.asarray(n) > 0, Z95 * np.sqrt(variance), 1.0)
    share = (np.asarray(up) - np.asarray(down)) / np.maximum(np.asarray(n, np.float64), 1e-12)
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)


def _net_adjusted(up: Numbers, down: Numbers, n: Numbers) -> tuple[Floats, Floats]:
    """Return the centre and its squared standard error, with the three answers added."""
    more = np.asarray(n, np.float64) + 3
    p, d = (np.asarray(up) + 0.75) / more, (np.asarray(down) + 0.75) / more
    return p - d, (p + d - (p - d) ** 2) / more


def mean(
    value: Numbers, variance: Numbers, n: Numbers, *, low: float, high: float
) -> tuple[Floats, Floats]:
    """Return both ends of the t interval of the mean of answers on the scale low..high.

    variance: of the answers (n - 1 in the denominator); n: answers, may be an effective number.
    One answer tells nothing, so its interval is the scale. Where all answers are equal the t
    interval would be a point; then the share of other answers is at most 1 - 0.05 ** (1 / n)
    (the exact bound behind the rule of three), and the interval reaches as far as these could
    pull the mean.
    """
    value, n = np.asarray(value, np.float64), np.asarray(n, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = special.stdtrit(np.maximum(n - 1, 1e-9), 0.975) * np.sqrt(np.asarray(variance) / n)
        hidden = 1 - 0.05 ** (1 / n)
    equal = np.asarray(variance) <= MIN_VARIANCE
    below = np.where(equal, hidden * (value - low), half)
    above = np.where(equal, hidden * (high - value), half)
    known = n > 1
    ends = np.where(known, value - below, low), np.where(known, value + above, high)
    return np.clip(ends[0], low, high), np.clip(ends[1], low, high)


def adjusted_variance(
    sums: Numbers, squares: Numbers, n: Numbers, kind: Kind, *, low: float, high: float
) -> Floats:
    """Return the squared standard error of means, with the few answers of `EXTRA` added.

    sums, squares: of the n answers on the scale low..high, and of their squares.
    """
    at_ends, in_middle = EXTRA[kind]
    more = np.asarray(n, np.float64) + 2 * at_ends + in_middle
    centre = (low + high) / 2
    total = np.asarray(sums) + (2 * at_ends + in_middle) * centre
    square = np.asarray(squares) + at_ends * (low**2 + high**2) + in_middle * centre**2
    return np.asarray(np.maximum(square / more - (total / more) ** 2, 0) / more)


def effective_n(values: Floats, people: Integers) -> float:
    """Return how many independent answers `values` are worth, people giving several each.

    values, people: (n,) what each answer counts, and who gave it (any integer codes).
    n / deff, where deff is the cluster variance of the mean (Taylor linearisation, people as
    clusters) over that of independent answers, kept between 1 and the deff of people who always
    answer alike. Source: Kish 1965; Korn and Graubard 1998 for its use in intervals of shares.
    """
    return _effective_n(values, *_numbered(people))


def _numbered(people: Integers) -> tuple[Integers, Integers]:
    """Return the people as 0..n_people - 1 in the order of their codes, and the answers of each.

    Codes that are numbers already are counted, in a tenth of the time that sorting them takes.
    """
    if people.size and people.min() >= 0 and people.max() < 4 * people.size:
        n_each = np.bincount(people)
        given = n_each > 0
        return (np.cumsum(given) - 1)[people], n_each[given]
    _, person, n_each = np.unique(people, return_inverse=True, return_counts=True)
    return person, n_each


def _effective_n(values: Floats, person: Integers, n_each: Integers) -> float:
    n, n_people = values.size, n_each.size
    if n_people == n:
        return float(n)
    if n_people == 1:
        return 1.0
    worst = float((n_each.astype(np.float64) ** 2).sum() / n)
    spread = float(values.var(ddof=1)) / n
    if spread <= MIN_VARIANCE:
        return n / worst
    totals = np.bincount(person, values - values.mean())
    clustered = n_people / (n_people - 1) * float((totals**2).sum()) / n**2
    return n / min(max(clustered / spread, 1.0), worst)


@dataclass(frozen=True, slots=True)
class Sample:
    """The points of a group, as far as intervals and tests ask for them.

    mean, variance: of the points; up, down: shares of them above and below 0.
    n:              how many independent points they are worth (`effective_n`).
    """

    mean: float
    variance: float
    up: float
    down: float
    n: float
    n_people: int


def sample(points: Floats, people: Integers) -> Sample:
    """Return what `points`, (n,), of `people`, (n,) any integer codes, come to; zeros for none."""
    if points.size == 0:
        return Sample(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    person, n_each = _numbered(people)
    return Sample(
        mean=float(points.mean()),
        variance=float(points.var(ddof=1)) if points.size > 1 else 0.0,
        up=float((points > 0).mean()),
        down=float((points < 0).mean()),
        n=_effective_n(points, person, n_each),
        n_people=n_each.size,
    )


def interval(of: Sample, kind: Kind, *, low: float, high: float) -> tuple[float, float]:
    """Return both ends, within low..high, of the interval of the mean of a sample."""
    if kind == "share":
        ends = wilson(of.mean * of.n, of.n)
    elif kind == "net":
        ends = net_share(of.up * of.n, of.down * of.n, of.n)
        return high * float(ends[0]), high * float(ends[1])
    else:
        ends = mean(of.mean, of.variance, of.n, low=low, high=high)
    return float(ends[0]), float(ends[1])


def difference(first: Sample, second: Sample, kind: Kind, *, low: float, high: float) -> float:
    """Return the two-sided p that both samples' means are equal: z of net shares, Fisher, or Welch.

    low, high: ends of the scale of the means.
    """
    if kind == "net":
        nets = [(s.up * s.n, s.down * s.n, s.n) for s in (first, second)]
        return float(difference_of_net_shares(nets[0], nets[1]))
    if kind == "share":
        k1, n1, k2, n2 = (round(x) for s in (first, second) for x in (s.mean * s.n, s.n))
        return float(difference_of_shares(k1, n1, k2, n2))
    means = [(s.mean, s.variance, s.n) for s in (first, second)]
    return float(difference_of_means(means[0], means[1], low=low, high=high))


def difference_of_shares(k1: Numbers, n1: Numbers, k2: Numbers, n2: Numbers) -> Floats:
    """Return the two-sided p of equal shares k1 / n1 and k2 / n2 in independent groups.

    Exact: Fisher's test, twice the smaller tail (central). 1 where a group is empty.
    """
    from scipy.stats import hypergeom

    k1, n1, k2, n2 = (np.asarray(x, np.int64) for x in (k1, n1, k2, n2))
    whole = n1 + n2
    upper = hypergeom.sf(k1 - 1, whole, k1 + k2, n1)
    lower = hypergeom.cdf(k1, whole, k1 + k2, n1)
    p = np.minimum(1.0, 2 * np.minimum(upper, lower))
    return np.where((n1 > 0) & (n2 > 0), p, 1.0)


def newcombe(k1: Numbers, n1: Numbers, k2: Numbers, n2: Numbers) -> tuple[Floats, Floats]:
    """Return both ends, -1..1, of the interval of k2 / n2 - k1 / n1; all of it for an empty group.

    Source: Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I,
    method 10 (from Wilson's intervals).
    """
    k1, n1, k2, n2 = (np.asarray(x, np.float64) for x in (k1, n1, k2, n2))
    (l1, u1), (l2, u2) = wilson(k1, n1), wilson(k2, n2)
    p1, p2 = k1 / np.maximum(n1, 1), k2 / np.maximum(n2, 1)
    low = p2 - p1 - np.sqrt((p2 - l2) ** 2 + (u1 - p1) ** 2)
    high = p2 - p1 + np.sqrt((u2 - p2) ** 2 + (p1 - l1) ** 2)
    known = (n1 > 0) & (n2 > 0)
    return np.where(known, low, -1.0), np.where(known, high, 1.0)


def difference_of_net_shares(
    first: tuple[Numbers, Numbers, Numbers], second: tuple[Numbers, Numbers, Numbers]
) -> Floats:
    """Return the two-sided p of equal net shares; each group is (up, down, n).

    z on the adjusted values. Source: Sauro and Lewis (MeasuringU), research 8.1.
    """
    (a, variance_a), (b, variance_b) = _net_adjusted(*first), _net_adjusted(*second)
    return two_sided((a - b) / np.sqrt(variance_a + variance_b))


def difference_of_means(
    first: tuple[Numbers, Numbers, Numbers],
    second: tuple[Numbers, Numbers, Numbers],
    *,
    low: float,
    high: float,
) -> Floats:
    """Return the two-sided p of Welch's t test; each group is (mean, variance, n).

    Few answers that agree do not make a group certain: its squared error is at least that with
    the answers of `EXTRA` on the scale low..high added. 1 where a group has one answer or none.
    """
    (m1, v1, n1), (m2, v2, n2) = (
        tuple(np.asarray(x, np.float64) for x in group) for group in (first, second)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (
            np.maximum(
                v / n,
                adjusted_variance(m * n, v * (n - 1) + m**2 * n, n, "mean", low=low, high=high),
            )
            for m, v, n in ((m1, v1, n1), (m2, v2, n2))
        )
        t = (m1 - m2) / np.sqrt(a + b)
        freedom = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))
        p = 2 * special.stdtr(freedom, -np.abs(t))
    return np.where((n1 > 1) & (n2 > 1), p, 1.0)


def two_sided(z: Numbers) -> Floats:
    """Return the two-sided p of a standard normal statistic."""
    return np.asarray(2 * special.ndtr(-np.abs(z)), np.float64)


def more_often(now: Numbers, n_now: Numbers, before: Numbers, n_before: Numbers) -> Floats:
    """Return the one-sided p that the rate now / n_now is no higher than before / n_before.

    Exact conditional test of two Poisson rates: P[Bin(now + before, n_now / (n_now + n_before))
    >= now]. Source: Przyborowski and Wilenski 1940, doi:10.1093/biomet/31.3-4.313.
    """
    x, both = np.asarray(now, np.float64), np.asarray(now) + np.asarray(before)
    share = np.asarray(n_now) / np.maximum(np.asarray(n_now) + np.asarray(n_before), 1)
    tail = special.betainc(np.maximum(x, 1), both - x + 1, share)
    return np.where(x > 0, tail, 1.0)


def holm(p: Floats) -> Floats:
    """Return p values, (n,), corrected so that any false finding has at most the stated chance.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order = np.argsort(p)
    stepped = p[order] * np.arange(p.size, 0, -1)
    corrected = np.empty_like(p, dtype=np.float64)
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0) if p.size else stepped
    return corrected


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p values, (n,), corrected so that the false share among the findings is as stated."""
    if p.size == 0:
        return p.astype(np.float64)
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p), np.float64)


def alike(people: Integers, traits: npt.NDArray[np.uint64]) -> tuple[Integers, Integers]:
    """Collapse people with the same traits: return one representative each, and how many alike.

    people: (n,) code of the person that each trait belongs to, 0..n_people - 1, any order.
    traits: (n,) what is told, hashed to 64 bits by the caller; a person is the sum of them.
    Resampling a million people is then resampling the few hundred sorts of people there are.
    """
    if people.size == 0:
        return people[:0], people[:0]
    sums = np.zeros(int(people.max()) + 1, np.uint64)
    np.add.at(sums, people, scatter(traits))
    codes = np.flatnonzero(np.bincount(people))
    _, first, counts = np.unique(sums[codes], return_index=True, return_counts=True)
    return codes[first], counts.astype(np.int64)


def scatter(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return keys scattered over 64 bits (the finaliser of splitmix64), so that sums tell sets apart."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def told_before(codes: npt.NDArray[Any]) -> Integers:
    """Return how often each of `codes`, (n,), stands at an earlier place."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0][: codes.size])
    found = np.empty(codes.size, np.int64)
    found[order] = np.arange(codes.size) - np.repeat(starts, np.diff(np.r_[starts, codes.size]))
    return found


def resample(counts: Integers, n_bootstrap: int, rng: np.random.Generator) -> Integers:
    """Return bootstrap draws over people: how often each sort of people is drawn.

    counts: (n_sorts,) how many people there are of each sort.
    Answer: (n_bootstrap, n_sorts); each row sums to the number of people.
    """
    n_people = int(counts.sum())
    if n_people == 0:
        return np.zeros((n_bootstrap, counts.size), np.int64)
    return rng.multinomial(n_people, counts / n_people, size=n_bootstrap)


def resamples(counts: Integers, n_bootstrap: int, rng: np.random.Generator) -> Iterator[Integers]:
    """Yield the draws of `resample` in batches, so that memory stays bounded."""
    for start in range(0, n_bootstrap, AT_ONCE):
        yield resample(counts, min(AT_ONCE, n_bootstrap - start), rng)


def ranks(values: Floats, groups: Integers) -> Integers:
    """Return the rank, 1 for the highest, of each value within its group; ties keep their order."""
    order = np.lexsort((-values, groups))
    sorted_groups = groups[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sorted_groups)) + 1] if groups.size else groups
    sizes = np.diff(np.r_[starts, groups.size])
    found = np.empty(groups.size, np.int64)
    found[order] = np.arange(groups.size) - np.repeat(starts, sizes) + 1
    return found


def rank_ranges(draws: Floats, point: Floats, groups: Integers) -> tuple[Integers, Integers]:
    """Return the lowest and the highest rank that 95 % of the bootstrap draws give.

    draws: (n_bootstrap, n) priorities; point: (n,) the printed ones; groups: (n,) ranked apart.
    The range always holds the printed rank.
    """
    printed = ranks(point, groups)
    if draws.shape[0] == 0 or point.size == 0:
        return printed, printed
    drawn = np.stack([ranks(row, groups) for row in draws])
    low = np.quantile(drawn, 0.025, axis=0, method="inverted_cdf").astype(np.int64)
    high = np.quantile(drawn, 0.975, axis=0, method="inverted_cdf").astype(np.int64)
    return np.minimum(low, printed), np.maximum(high, printed)


def judged(
    before: Integers, n_before: int, now: Integers, n_now: int, *, min_people: int, q: float
) -> tuple[Floats, list[str]]:
    """Return the corrected p and the verdict of each share now / n_now against before / n_before.

    Fisher's exact test, Benjamini-Hochberg; what fewer than `min_people` told in both is not tested.
    """
    sizes = np.full(before.size, n_before), np.full(before.size, n_now)
    p = np.ones(before.size)
    testable = before + now >= min_people  # the exact test is given this sum, so it may choose
    p[testable] = benjamini_hochberg(
        difference_of_shares(now, sizes[1], before, sizes[0])[testable]
    )
    return p, verdicts(before, sizes[0], now, sizes[1], p, q=q, min_people=min_people)


def verdicts(
    before: Integers,
    n_before: Integers,
    now: Integers,
    n_now: Integers,
    p: Floats,
    *,
    q: float = 0.05,
    min_people: int = 5,
) -> list[str]:
    """Return what became of each share now / n_now against before / n_before.

    p: corrected for the number of comparisons. A change counts below `q`, if the shares differ
    by the factor `LEAST_RATIO` or by `LEAST_GAP`, and if either
    period has `min_people` people.
    new: nobody before; fixed: nobody now. too_few: too few in both, or a period without anybody.
    """
    share_before = before / np.maximum(n_before, 1)
    share_now = now / np.maximum(n_now, 1)
    enough = (np.maximum(before, now) >= min_people) & (n_before > 0) & (n_now > 0)
    low, high = np.minimum(share_before, share_now), np.maximum(share_before, share_now)
    moved = (p < q) & (high > low) & ((high >= LEAST_RATIO * low) | (high - low >= LEAST_GAP))
    up, down = moved & (share_now > share_before), moved & (share_now < share_before)
    conditions = [~enough, up & (before == 0), up, down & (now == 0), down]
    found = np.select(
        conditions, ["too_few", "new", "rising", "fixed", "falling"], default="unchanged"
    )
    return [str(verdict) for verdict in found]

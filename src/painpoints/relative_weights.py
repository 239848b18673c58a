"""Johnson's relative weights of overlapping yes/no drivers, bootstrapped over people.

Where two topics are told together, a plain comparison credits both with the same effect. The
relative weight splits the explained variance of the score between them, through the orthogonal
variables nearest to the drivers. Works on sums over sorts of people who answered alike, so that
a million answers resample in about a second. Knows NumPy arrays only.

Source: Johnson 2000, Multivariate Behavioral Research 35:1, doi:10.1207/S15327906MBR3501_1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from painpoints import stats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ZERO = 1e-9
FLAT = 1e-5
"""Root of an eigenvalue under which drivers coincide: what is left of it is rounding."""


@dataclass(frozen=True, slots=True)
class Drivers:
    """Scored answers and the drivers that each of them mentions.

    points, person: (n,) what each answer counts, and who gave it, 0..n_people - 1.
    answer, column: (n_ones,) which answer mentions which driver, each pair once.
    n_drivers:      columns, 0..n_drivers - 1.
    """

    points: stats.Floats
    person: stats.Integers
    answer: stats.Integers
    column: stats.Integers
    n_drivers: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Signed shares of the explained variance, (n_drivers,), their absolute values sum to 1.

    low, high: bootstrap 95 % ends.
    overlap:   per driver the other one that its plain correlation owes most to; -1 for none.
    r_squared: explained share of the variance, 0..1.
    """

    value: stats.Floats
    low: stats.Floats
    high: stats.Floats
    overlap: stats.Integers
    r_squared: float


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over each sort of people, as rows of a sparse table.

    Columns: 1, y, y2, then x of each driver, xy of each, and the product of each pair told
    together. counts: (n_sorts,) people of each sort; pairs: (n_pairs, 2) drivers.
    """

    table: "csr_matrix"
    counts: stats.Integers
    pairs: stats.Integers
    n_drivers: int


def relative_weights(
    drivers: Drivers, *, n_bootstrap: int, rng: np.random.Generator
) -> Weights | None:
    """Return the weights of all drivers; None where the answers do not differ.

    One thread: on many small matrices the threads of BLAS wait for one another, ten times over.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        return _weigh(drivers, n_bootstrap=n_bootstrap, rng=rng)


def _weigh(drivers: Drivers, *, n_bootstrap: int, rng: np.random.Generator) -> Weights | None:
    if not drivers.n_drivers or np.ptp(drivers.points) == 0:
        return None
    sums = _sums(drivers)
    whole = _correlations(np.asarray([sums.counts @ sums.table]), sums)
    value, r_squared = decompose(*whole)
    drawn = np.concatenate(
        [
            decompose(*_correlations(draws @ sums.table, sums))[0]
            for draws in stats.resamples(sums.counts, n_bootstrap, rng)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Weights(value[0], low, high, _overlap(whole[0][0], whole[1][0]), float(r_squared[0]))


def decompose(xx: stats.Floats, xy: stats.Floats) -> tuple[stats.Floats, stats.Floats]:
    """Return signed relative weights and R2 from correlations, many samples at once.

    xx: (..., k, k) between drivers; xy: (..., k) of drivers with the score.
    L = Q sqrt(D) Q' with xx = Q D Q'; b = L^-1 xy; weight = L2 b2 / R2, signed by the regression.
    """
    size, basis = np.linalg.eigh(xx)
    root = np.sqrt(np.maximum(size, 0))
    inverse = np.where(root > FLAT, 1 / np.maximum(root, FLAT), 0)
    turned = np.einsum("...ji,...j->...i", basis, xy)
    loadings = (basis * root[..., None, :]) @ np.swapaxes(basis, -1, -2)
    orthogonal = np.einsum("...ij,...j->...i", basis, inverse * turned)
    slopes = np.einsum("...ij,...j->...i", basis, inverse**2 * turned)
    shares = np.einsum("...ij,...j->...i", loadings**2, orthogonal**2)
    r_squared = shares.sum(axis=-1)
    return np.sign(slopes) * shares / np.maximum(r_squared, ZERO)[..., None], r_squared


def _sums(drivers: Drivers) -> _Sums:
    answer, column, points = drivers.answer, drivers.column, drivers.points
    traits = stats.scatter(points.view(np.uint64))
    np.add.at(traits, answer, stats.scatter(column.astype(np.uint64)))
    people, counts = stats.alike(drivers.person, traits)
    sort_of_person = np.full(int(drivers.person.max(initial=-1)) + 1, -1)
    sort_of_person[people] = np.arange(people.size)
    sort = sort_of_person[drivers.person]
    kept = sort[answer] >= 0
    return _summed(drivers, sort, answer[kept], column[kept], counts)


def _summed(
    drivers: Drivers,
    sort: stats.Integers,
    answer: stats.Integers,
    column: stats.Integers,
    counts: stats.Integers,
) -> _Sums:
    """Return the sums of the representatives; `sort` is -1 for everybody else's answers."""
    from scipy.sparse import coo_matrix

    k, points = drivers.n_drivers, drivers.points
    order = np.lexsort((column, answer))
    answer, column = answer[order], column[order]
    at, first, second = _together(answer, column)
    codes, pair = np.unique(first * k + second, return_inverse=True)
    own = np.flatnonzero(sort >= 0)
    ones = np.ones
    cells = (
        (sort[own], np.full(own.size, 0), ones(own.size)),
        (sort[own], np.full(own.size, 1), points[own]),
        (sort[own], np.full(own.size, 2), points[own] ** 2),
        (sort[answer], 3 + column, ones(answer.size)),
        (sort[answer], 3 + k + column, points[answer]),
        (sort[at], 3 + 2 * k + pair, ones(at.size)),
    )
    rows, columns, values = (np.concatenate(part) for part in zip(*cells, strict=True))
    shape = (counts.size, 3 + 2 * k + codes.size)
    table = coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    return _Sums(table, counts, np.stack([codes // max(k, 1), codes % max(k, 1)], axis=1), k)


def _together(
    answer: stats.Integers, column: stats.Integers
) -> tuple[stats.Integers, stats.Integers, stats.Integers]:
    """Return every pair of drivers told in one answer: the answer, and the two drivers."""
    found = [(answer[:0], column[:0], column[:0])]
    lag = 1
    while lag < answer.size and (same := np.flatnonzero(answer[lag:] == answer[:-lag])).size:
        found.append((answer[same], column[same], column[same + lag]))
        lag += 1
    at, first, second = (np.concatenate(part) for part in zip(*found, strict=True))
    return at, first, second


def _correlations(sums: stats.Floats, of: _Sums) -> tuple[stats.Floats, stats.Floats]:
    """Return (b, k, k) between drivers and (b, k) with the score, from b rows of sums.

    A driver that does not vary in a draw is correlated with nothing.
    """
    k = of.n_drivers
    n = np.maximum(sums[:, :1], 1)
    y, x = sums[:, 1:2] / n, sums[:, 3 : 3 + k] / n
    products = np.zeros((len(sums), k, k))
    products[:, of.pairs[:, 0], of.pairs[:, 1]] = sums[:, 3 + 2 * k :] / n
    products += products.transpose(0, 2, 1)
    products[:, np.arange(k), np.arange(k)] = x
    covariance = products - x[:, :, None] * x[:, None, :]
    spread = np.sqrt(np.maximum(x * (1 - x), 0))
    spread_y = np.sqrt(np.maximum(sums[:, 2:3] / n - y**2, 0))
    inverse = np.where(spread > ZERO, 1 / np.maximum(spread, ZERO), 0)
    xx = covariance * inverse[:, :, None] * inverse[:, None, :]
    xx[:, np.arange(k), np.arange(k)] = 1
    xy = (sums[:, 3 + k : 3 + 2 * k] / n - x * y) * inverse / np.maximum(spread_y, ZERO)
    return xx, xy


def _overlap(xx: stats.Floats, xy: stats.Floats) -> stats.Integers:
    """Return, per driver, the one that adds most of what correlation and slope differ by.

    xy_j = slope_j + sum over i of xx_ji slope_i: the largest term in the direction of the rest.
    """
    slopes = np.linalg.pinv(xx) @ xy
    terms = xx * slopes[None, :] * np.sign(xy - slopes)[:, None]
    np.fill_diagonal(terms, 0)
    best = terms.argmax(axis=1)
    return np.where(terms.max(axis=1, initial=0) > 1e-6, best, -1)

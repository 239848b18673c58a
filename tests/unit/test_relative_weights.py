import numpy as np
import pytest

from painpoints import relative_weights as rw

# mpg, cyl, disp, hp, gear, wt of Motor Trend 1974, as every statistics package ships them
CARS = np.array([
    [21.0, 6, 160.0, 110, 4, 2.62], [21.0, 6, 160.0, 110, 4, 2.875], [22.8, 4, 108.0, 93, 4, 2.32],
    [21.4, 6, 258.0, 110, 3, 3.215], [18.7, 8, 360.0, 175, 3, 3.44], [18.1, 6, 225.0, 105, 3, 3.46],
    [14.3, 8, 360.0, 245, 3, 3.57], [24.4, 4, 146.7, 62, 4, 3.19], [22.8, 4, 140.8, 95, 4, 3.15],
    [19.2, 6, 167.6, 123, 4, 3.44], [17.8, 6, 167.6, 123, 4, 3.44], [16.4, 8, 275.8, 180, 3, 4.07],
    [17.3, 8, 275.8, 180, 3, 3.73], [15.2, 8, 275.8, 180, 3, 3.78], [10.4, 8, 472.0, 205, 3, 5.25],
    [10.4, 8, 460.0, 215, 3, 5.424], [14.7, 8, 440.0, 230, 3, 5.345], [32.4, 4, 78.7, 66, 4, 2.2],
    [30.4, 4, 75.7, 52, 4, 1.615], [33.9, 4, 71.1, 65, 4, 1.835], [21.5, 4, 120.1, 97, 3, 2.465],
    [15.5, 8, 318.0, 150, 3, 3.52], [15.2, 8, 304.0, 150, 3, 3.435], [13.3, 8, 350.0, 245, 3, 3.84],
    [19.2, 8, 400.0, 175, 3, 3.845], [27.3, 4, 79.0, 66, 4, 1.935], [26.0, 4, 120.3, 91, 5, 2.14],
    [30.4, 4, 95.1, 113, 5, 1.513], [15.8, 8, 351.0, 264, 5, 3.17], [19.7, 6, 145.0, 175, 5, 2.77],
    [15.0, 8, 301.0, 335, 5, 3.57], [21.4, 4, 121.0, 109, 4, 2.78],
])  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "published"),
    [
        ((1, 2, 3, 4), (-29.32274, -28.50999, -29.79691, 12.37037)),
        ((1, 2, 3, 5), (-24.70914, -22.18908, -21.20570, -31.89607)),
    ],
)
def test_weights_are_those_published_for_the_cars(
    columns: tuple[int, ...], published: tuple[float, ...]
) -> None:
    """The README and the articles of the R package rwa: rescaled weights of mtcars, in %.

    Where displacement and weight stand together, the package prints the sign of the orthogonal
    variable and we that of the regression, so their sizes are compared; the first set has both.
    """
    r = np.corrcoef(CARS[:, [*columns, 0]], rowvar=False)
    weights, _ = rw.decompose(r[:-1, :-1], r[:-1, -1])
    assert 100 * np.abs(weights) == pytest.approx(np.abs(published), abs=1e-4)
    if 4 in columns:
        assert np.sign(weights).tolist() == np.sign(published).tolist()


def test_r_squared_is_that_of_the_cars() -> None:
    """The same source: cylinders, displacement, power and gears explain 0.7791896."""
    r = np.corrcoef(CARS[:, [1, 2, 3, 4, 0]], rowvar=False)
    assert rw.decompose(r[:-1, :-1], r[:-1, -1])[1] == pytest.approx(0.7791896, abs=1e-7)


def table(seed: int = 0, n: int = 900, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping yes/no drivers, and a score they pull on; 0 and 1 are told together."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, k)) < 0.25
    x[:, 1] = np.where(rng.random(n) < 0.8, x[:, 0], x[:, 1])
    pull = np.array([-60, 0, 30, 0, 10] + [0] * (k - 5))[:k]
    return x, np.clip(np.round((x @ pull + rng.normal(0, 50, n)) / 100), -1, 1) * 100.0


def drivers(x: np.ndarray, y: np.ndarray, person: np.ndarray | None = None) -> rw.Drivers:
    """The table in the form that is weighed."""
    answer, column = np.nonzero(x)
    return rw.Drivers(
        y, np.arange(y.size) if person is None else person, answer, column, x.shape[1]
    )


def test_counting_sorts_of_people_is_counting_people() -> None:
    """The weights from sums over alike people are those of the plain table; they sum to 1."""
    x, y = table()
    found = rw.relative_weights(drivers(x, y), n_bootstrap=50, rng=np.random.default_rng(0))
    assert found is not None
    r = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    plain, r_squared = rw.decompose(r[:-1, :-1], r[:-1, -1])
    assert found.value == pytest.approx(plain)
    assert found.r_squared == pytest.approx(r_squared)
    assert np.abs(found.value).sum() == pytest.approx(1)


def test_overlap_is_named() -> None:
    """A driver that only comes along with another owes its correlation to that one."""
    x, y = table(n=4000)
    found = rw.relative_weights(drivers(x, y), n_bootstrap=20, rng=np.random.default_rng(0))
    assert found is not None
    assert found.overlap[1] == 0
    assert abs(found.value[1]) < abs(found.value[0])


def test_order_and_doubling_do_not_matter() -> None:
    """The same answers in another order, or all of them twice, weigh the same."""
    x, y = table()
    order = np.random.default_rng(1).permutation(y.size)
    first, shuffled, twice = (
        rw.relative_weights(d, n_bootstrap=20, rng=np.random.default_rng(0))
        for d in (
            drivers(x, y),
            drivers(x[order], y[order]),
            drivers(np.tile(x, (2, 1)), np.tile(y, 2)),
        )
    )
    assert first is not None
    assert shuffled is not None
    assert twice is not None
    assert shuffled.value == pytest.approx(first.value)
    assert twice.value == pytest.approx(first.value)


def test_intervals_widen_when_people_repeat_themselves() -> None:
    """The same table is less certain if three rows always come from one person."""
    x, y = (np.repeat(part, 3, axis=0) for part in table(n=300))
    widths = []
    for person in (np.arange(y.size), np.repeat(np.arange(300), 3)):
        found = rw.relative_weights(
            drivers(x, y, person), n_bootstrap=200, rng=np.random.default_rng(0)
        )
        assert found is not None
        widths.append(float((found.high - found.low).mean()))
    assert widths[1] > 1.4 * widths[0]


def test_nothing_to_explain_is_no_weight() -> None:
    """Equal answers, or no driver, give None; a driver that never varies weighs nothing."""
    x, y = table(n=50)
    rng = np.random.default_rng(0)
    assert rw.relative_weights(drivers(x, y * 0), n_bootstrap=5, rng=rng) is None
    assert rw.relative_weights(drivers(x[:, :0], y), n_bootstrap=5, rng=rng) is None
    x[:, 2] = True
    found = rw.relative_weights(drivers(x, y), n_bootstrap=5, rng=rng)
    assert found is not None
    assert found.value[2] == pytest.approx(0, abs=1e-12)
    assert np.isfinite(found.low).all()


def test_drivers_that_coincide_share_a_weight_and_a_sign() -> None:
    """Two topics told in the same answers: the same weight for both, of the sign of the score's fall."""
    for seed in range(20):
        x, y = table(seed, n=300)
        x[:, 1] = x[:, 0]
        found = rw.relative_weights(drivers(x, y), n_bootstrap=5, rng=np.random.default_rng(0))
        assert found is not None
        assert found.value[0] == pytest.approx(found.value[1])
        assert found.value[0] < 0


def test_few_sorts_stand_for_many_people() -> None:
    """A hundred thousand people of two drivers and two scores are at most eight sorts."""
    rng = np.random.default_rng(0)
    x = rng.random((100_000, 2)) < 0.5
    y = np.where(rng.random(100_000) < 0.5, 1.0, 0.0)
    assert rw._sums(drivers(x, y)).counts.size == 8

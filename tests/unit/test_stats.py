import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp, ttest_ind_from_stats

from painpoints import stats

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_ends(k: int, n: int, low: float, high: float) -> None:
    """The ends of Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert stats.wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS.filter(lambda c: c[1] > 0))
def test_wilson_is_that_of_scipy(count: tuple[int, int]) -> None:
    """SciPy's scalar interval and the one over arrays agree."""
    k, n = count
    known = binomtest(k, n).proportion_ci(method="wilson")
    assert stats.wilson(k, n) == pytest.approx((known.low, known.high), abs=1e-9)


def test_nobody_leaves_everything_open() -> None:
    """Without answers a net share and a share may be anything."""
    assert stats.net_share(0, 0, 0) == (-1, 1)
    assert stats.wilson(0, 0) == (0, 1)


def test_net_share_has_the_known_width() -> None:
    """Half promoters, a fifth detractors: 42 points wide for 50 answers, 21 for 200."""
    for n, width in ((50, 42), (200, 21)):
        low, high = stats.net_share(n / 2, n / 5, n)
        assert round(100 * float(high - low)) == width


def test_net_share_holds_its_own_value() -> None:
    """One detractor alone is -1: three answers in the middle do not push the interval off it."""
    n = np.arange(1, 12)
    assert (stats.net_share(0, n, n)[0] == -1).all()
    assert (stats.net_share(n, 0, n)[1] == 1).all()


def test_net_share_is_a_wald_interval_of_three_answers_more() -> None:
    """Adding 3/4 up, 3/4 down and 3/2 between by hand, then mean and spread, gives the same."""
    weights, values = np.array([7.75, 3.75, 6.5]), np.array([1.0, -1.0, 0.0])
    centre = np.average(values, weights=weights)
    spread = np.average((values - centre) ** 2, weights=weights)
    half = stats.Z95 * np.sqrt(spread / weights.sum())
    assert stats.net_share(7, 3, 15) == pytest.approx((centre - half, centre + half))


@pytest.mark.parametrize(
    ("p", "d", "n"), [(0.8, 0.05, 20), (0.5, 0.2, 10), (0.5, 0.2, 200), (0.3, 0.4, 40)]
)
def test_net_share_covers_the_truth(p: float, d: float, n: int) -> None:
    """Of 4,000 samples, 94 to 98 % of the intervals hold the true score, also for few answers."""
    drawn = np.random.default_rng(1).multinomial(n, [p, d, 1 - p - d], size=4000)
    low, high = stats.net_share(drawn[:, 0], drawn[:, 1], n)
    assert 0.935 <= np.mean((low <= p - d) & (p - d <= high)) <= 0.985


@pytest.mark.parametrize(("p", "n"), [(0.1, 30), (0.5, 30), (0.9, 80)])
def test_wilson_covers_the_truth(p: float, n: int) -> None:
    """Of 4,000 samples, 93 to 98 % of the intervals hold the true share."""
    low, high = stats.wilson(np.random.default_rng(2).binomial(n, p, 4000), n)
    assert 0.93 <= np.mean((low <= p) & (p <= high)) <= 0.985


@given(st.lists(st.integers(1, 5), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1))
def test_mean_is_the_t_interval_within_the_scale(answers: list[int]) -> None:
    """Where answers differ, the ends are SciPy's, cut off at the ends of the scale."""
    x = np.array(answers, float)
    low, high = stats.mean(x.mean(), x.var(ddof=1), x.size, low=1, high=5)
    known = ttest_1samp(x, 0).confidence_interval()
    assert (low, high) == pytest.approx((max(known.low, 1), min(known.high, 5)))


def test_equal_answers_are_not_certainty() -> None:
    """Three times five stars may hide a lower mean; one answer tells nothing; the ends nest."""
    assert stats.mean(5.0, 0.0, 1, low=1, high=5) == (1, 5)
    low, high = stats.mean(5.0, 0.0, 3, low=1, high=5)
    assert (float(low), float(high)) == (pytest.approx(5 - 4 * (1 - 0.05 ** (1 / 3))), 5)
    assert stats.mean(5.0, 0.0, 300, low=1, high=5)[0] > low


def test_repeating_every_answer_adds_no_certainty() -> None:
    """A person who says the same three times counts once; strangers count as they are."""
    values = np.random.default_rng(3).choice([-100.0, 0.0, 100.0], 60)
    alone = np.arange(60)
    assert stats.effective_n(values, alone) == 60
    tripled = stats.effective_n(np.repeat(values, 3), np.repeat(alone, 3))
    assert tripled == pytest.approx(60, rel=0.02)
    assert stats.effective_n(np.ones(60), np.repeat(np.arange(20), 3)) == pytest.approx(20)
    assert stats.effective_n(values, np.zeros(60, int)) == 1


def test_clustered_intervals_cover_the_truth() -> None:
    """With 60 people of 1 to 6 like answers each, 92 to 98 % of the intervals hold the truth."""
    rng, hits = np.random.default_rng(4), 0
    for _ in range(600):
        people = np.repeat(np.arange(60), rng.integers(1, 7, 60))
        inclined = rng.beta(1.2, 0.8, 60)  # true share 0.6
        answers = (rng.random(people.size) < inclined[people]).astype(float)
        n = stats.effective_n(answers, people)
        low, high = stats.wilson(answers.mean() * n, n)
        hits += bool(low <= 0.6 <= high)
    assert 0.92 <= hits / 600 <= 0.98


def test_difference_of_shares_is_fishers() -> None:
    """Fisher's tea taster, 3 of 4 against 1 of 4: twice the one-sided 0.243."""
    assert stats.difference_of_shares(3, 4, 1, 4) == pytest.approx(2 * 17 / 70)
    assert stats.difference_of_shares(0, 0, 3, 4) == 1


def test_difference_of_net_shares_keeps_its_level() -> None:
    """Two samples of the same truth differ at 5 % in about 5 % of 4,000 draws, never in 7."""
    drawn = np.random.default_rng(5).multinomial(60, [0.5, 0.2, 0.3], size=(2, 4000))
    sides = ((side[:, 0], side[:, 1], 60) for side in drawn)
    assert 0.03 <= np.mean(stats.difference_of_net_shares(*sides) < 0.05) <= 0.07


def test_difference_of_means_is_welchs() -> None:
    """The p value is SciPy's; a group of one answer decides nothing."""
    known = ttest_ind_from_stats(3.1, 1.2, 40, 3.6, 1.1, 25, equal_var=False).pvalue
    ours = stats.difference_of_means((3.1, 1.2**2, 40), (3.6, 1.1**2, 25), low=1, high=5)
    assert ours == pytest.approx(known)
    assert stats.difference_of_means((3.1, 0, 1), (3.6, 0.9, 25), low=1, high=5) == 1


def test_few_equal_answers_are_not_certain() -> None:
    """Two or five answers of 5 stars against 740 of all sorts decide little; two equal groups nothing."""
    many = (4.2, 1.1, 740)
    assert stats.difference_of_means((5.0, 0.0, 2), many, low=1, high=5) > 0.2
    assert stats.difference_of_means((5.0, 0.0, 5), many, low=1, high=5) > 0.05
    assert stats.difference_of_means((5.0, 0.0, 2), (5.0, 0.0, 2), low=1, high=5) == 1
    assert stats.difference_of_means((5.0, 0.0, 60), (1.0, 0.0, 60), low=1, high=5) < 1e-9


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_difference_of_means_keeps_its_level(n: int) -> None:
    """Of stars that are mostly five, few answers seem to differ from 740 in 5 % of 4,000 draws at most."""
    rng = np.random.default_rng(n)
    few, many = (
        rng.choice(5, size=(4000, size), p=[0.01, 0.01, 0.03, 0.1, 0.85]) + 1.0 for size in (n, 740)
    )
    sides = ((x.mean(axis=1), x.var(axis=1, ddof=1), x.shape[1]) for x in (few, many))
    assert np.mean(stats.difference_of_means(*sides, low=1, high=5) < 0.05) <= 0.06


@given(st.integers(0, 30), st.integers(0, 30))
def test_more_often_is_the_exact_conditional_test(now: int, before: int) -> None:
    """The chance of so many now, given how many in both, as SciPy's binomial test has it."""
    p = stats.more_often(now, 300, before, 900)
    known = binomtest(now, now + before, 0.25, "greater").pvalue if now + before else 1.0
    assert p == pytest.approx(known)


def test_holm_gives_the_published_values() -> None:
    """The example of the literature: 0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
    assert stats.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert stats.holm(np.array([])).size == 0


def test_benjamini_hochberg_finds_what_was_published() -> None:
    """Of the 15 p values of Benjamini and Hochberg 1995, section 4.2, four stand at 5 %."""
    p = np.array([1, 4, 19, 95, 201, 278, 298, 344, 459, 3240, 4262, 5719, 6528, 7590, 10000]) / 1e4
    assert (stats.benjamini_hochberg(p) < 0.05).sum() == 4
    assert stats.benjamini_hochberg(np.array([])).size == 0


def test_alike_people_are_collapsed() -> None:
    """Persons with the same traits in any order count as one sort; others do not."""
    people = np.array([2, 0, 0, 1, 1, 2, 3])
    traits = np.array([7, 5, 7, 7, 5, 7, 5], np.uint64)  # 0 and 1: {5, 7}; 2: {7, 7}; 3: {5}
    representatives, counts = stats.alike(people, traits)
    found = dict(zip(representatives.tolist(), counts.tolist(), strict=True))
    assert found == {0: 2, 2: 1, 3: 1}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_resampling_draws_all_people(counts: list[int]) -> None:
    """Every draw holds as many people as there are, and on average the sorts as they are."""
    draws = np.concatenate(list(stats.resamples(np.array(counts), 60, np.random.default_rng(0))))
    assert draws.shape == (60, len(counts))
    assert (draws.sum(axis=1) == sum(counts)).all()


@settings(max_examples=30)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.integers(1, 4))
def test_ranks_are_a_numbering_of_each_group(values: list[float], n_groups: int) -> None:
    """Within each group the ranks are 1..n, and a higher value never stands behind a lower."""
    x, group = np.array(values), np.arange(len(values)) % n_groups
    ranks = stats.ranks(x, group)
    for g in range(n_groups):
        inside = ranks[group == g]
        assert sorted(inside) == list(range(1, inside.size + 1))
        assert (np.diff(x[group == g][np.argsort(inside)]) <= 0).all()


def test_rank_ranges_are_sharp_only_where_the_draws_agree() -> None:
    """A clear first is rank 1 to 1; two that change places are rank 2 to 3; the printed rank is in."""
    rng = np.random.default_rng(0)
    draws = np.stack(
        [rng.normal(100, 1, 400), rng.normal(10, 3, 400), rng.normal(10, 3, 400)], axis=1
    )
    low, high = stats.rank_ranges(draws, np.array([100.0, 10.1, 10.0]), np.zeros(3, int))
    assert low.tolist() == [1, 2, 2]
    assert high.tolist() == [1, 3, 3]


def test_verdicts_need_size_and_certainty() -> None:
    """Each verdict, by people before and now of 1,000 in either period."""
    before, now = np.array([0, 50, 50, 50, 50, 2, 200]), np.array([40, 90, 0, 20, 55, 1, 260])
    n = np.full(before.size, 1000)
    p = stats.benjamini_hochberg(stats.difference_of_shares(now, n, before, n))
    found = stats.verdicts(before, n, now, n, p)
    assert found == ["new", "rising", "fixed", "falling", "unchanged", "too_few", "rising"]
    nobody = stats.verdicts(before, n * 0, now, n, p)
    assert set(nobody) == {"too_few"}


def test_how_people_are_numbered_changes_nothing() -> None:
    """Small numbers are counted and large codes are sorted; both give the very same sample."""
    rng = np.random.default_rng(0)
    people, points = rng.integers(0, 40, 90), rng.integers(-1, 2, 90) * 100.0
    far = people * 1_000_003
    assert stats.sample(points, people) == stats.sample(points, far)
    assert stats.sample(points, people).n_people == len(set(people.tolist()))
    assert stats.effective_n(points, people) == stats.effective_n(points, far - 7)


def test_what_was_told_before_is_counted_in_order() -> None:
    """Each code counts its own earlier places, whatever the codes are; nothing gives nothing."""
    codes = np.array([7, 2**63, 7, 7, 2**63, 1], np.uint64)
    assert stats.told_before(codes).tolist() == [0, 0, 1, 2, 1, 0]
    assert stats.told_before(codes[:0]).size == 0

"""Chance by permutation and intervals from groups, against laws that are known."""

import re

import numpy as np
import pytest
from scipy.stats import gamma, norm

import layerscape as ls
from layerscape.core.interval import margin_of_groups
from layerscape.core.permutation import chance_by_permutation, p_above, p_with_jumps, p_with_skewness, permutations
from layerscape.errors import InvalidValue
from layerscape.measures import catalog
from layerscape.questions.chosen import check_chosen


def test_a_correlation_has_chance_zero_and_a_spread_of_one_over_root_n(rng):
    x, y = rng.standard_normal((2, 400))
    x, y = (v - v.mean() for v in (x, y))
    norm = np.sqrt(x @ x * (y @ y))
    chance, null = chance_by_permutation(lambda order: x @ y[order] / norm, x @ y / norm, 400, 2000, 0)
    assert chance.value == pytest.approx(0, abs=0.005)
    assert null.std() == pytest.approx(1 / np.sqrt(399), rel=0.05)
    assert chance.high == pytest.approx(1.96 / np.sqrt(399), rel=0.1)


def test_p_counts_the_value_itself_and_never_is_zero():
    assert chance_by_permutation(lambda order: 0.0, 1.0, 10, 99, 0)[0].p == 0.01
    assert chance_by_permutation(lambda order: 1.0, 1.0, 10, 99, 0)[0].p == 1.0


def test_permutations_depend_on_size_number_and_seed_alone():
    first, again = (np.array(list(permutations(8, 5, 3))) for _ in range(2))
    assert (first == again).all()
    assert (np.sort(first, axis=1) == np.arange(8)).all()


def test_too_few_permutations_are_refused():
    with pytest.raises(InvalidValue, match=r"permutations=5; give at least 19, so that p can reach 0\.05\."):
        chance_by_permutation(lambda order: 0.0, 0.0, 10, 5, 0)


def test_groups_give_the_interval_of_a_mean(rng):
    margins = [margin_of_groups(lambda rows, x=x: x[rows].mean(), 500) for x in rng.standard_normal((200, 500))]
    # Student's 97.5 % point at 19 degrees is 2.09, and the standard deviation of the mean 1/√500.
    assert np.mean(margins) == pytest.approx(2.093 / np.sqrt(500), rel=0.05)


@pytest.mark.parametrize("shape", [0.5, 4.0, 50.0])
def test_p_is_that_of_a_skewed_law_and_never_smaller_than_the_normal_one(shape):
    """Of Gamma laws, skewed by 2/√shape to the right: exact; mirrored, the normal law, which is larger there."""
    skewness = 2 / np.sqrt(shape)
    for z in (1.5, 3.0, 5.0):
        exact = gamma(shape).sf(shape + z * np.sqrt(shape))
        assert p_above(z, skewness) == pytest.approx(max(exact, norm.sf(z), 1e-6), rel=1e-6)
        assert p_above(z, -skewness) == pytest.approx(max(norm.sf(z), 1e-6))


def test_p_with_skewness_asks_for_permutations_only_where_they_matter(rng):
    def permuted(number):
        asked.append(number)
        return rng.gamma(1.0, size=20_000)

    asked = []
    assert p_with_skewness(0.5, permuted) == pytest.approx(norm.sf(0.5))
    assert p_with_skewness(40.0, permuted) == 1e-6
    assert not asked
    assert p_with_skewness(4.0, permuted) == pytest.approx(np.exp(-5), rel=0.3)
    assert p_with_skewness(4.0, np.ones) == pytest.approx(norm.sf(4))


def test_of_a_law_with_few_jumps_p_is_counted():
    rare = np.r_[np.ones(80), np.zeros(919)]  # 8 % have one hit, 3.4 standard deviations above the mean
    assert p_with_jumps(1.0, 3.4, lambda number: rare[:number]) == 81 / 1000
    assert p_with_jumps(2.0, 7.1, lambda number: rare[:number]) == 1 / 1000  # no more can be told
    assert p_with_jumps(0.0, 0.0, lambda number: 1 / 0) == 0.5  # of which none are asked


@pytest.mark.parametrize(
    ("z", "shape", "numbers"),
    [
        (14.5, 1e6, [50]),
        (10.5, 1e6, [50, 100]),
        (1.8, 1e6, [50, 100]),
        (3.0, 1e6, [50, 100, 500]),
        (20.0, 0.5, [50, 100]),
    ],
)
def test_few_permutations_will_do_where_no_likely_skewness_matters(rng, z, shape, numbers):
    def permuted(number):
        asked.append(number)
        return rng.gamma(shape, size=20_000)

    asked = []
    p = p_with_skewness(z, permuted)
    assert asked == numbers
    assert p == pytest.approx(p_above(z, 2 / np.sqrt(shape)), rel=0.5)


PERMUTING = [m for m in catalog().values() if "permutations" in m.options]


@pytest.mark.parametrize("measure", PERMUTING, ids=lambda m: m.name)
def test_permutations_without_end_are_refused(measure):
    x = np.random.default_rng(0).standard_normal((60, 3))
    other = np.arange(60) % 3 if "labels" in measure.data else x**3
    text = "permutations=1000000000; give at most 1000000, since no p below 1e-6 is known."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.estimate(measure, x, other, permutations=10**9)


def test_other_numbers_without_end_are_refused():
    x, y = np.random.default_rng(0).standard_normal((60, 3)), {"y": np.arange(60) % 3}
    for ask, text in (
        (lambda: ls.estimate("hidalgo", x, n_iterations=10**9), "n_iterations=1000000000; give at most 1000000."),
        (lambda: ls.estimate("dichotomies", x, labelings=10**9), "labelings=1000000000; give at most 1000000."),
        (lambda: ls.recommend(ls.from_arrays({"x": x}, labels=y), permutations=10**9), "permutations=1000000000; give"),
        (lambda: check_chosen([], 10**9), "permutations=1000000000; give at most 1000000, since no p below 1e-6"),
    ):
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}"):
            ask()

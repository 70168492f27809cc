"""Linear predictivity against ridge regression by hand, on data of a known answer, and what it refuses."""

import numpy as np
import pytest

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.linear_predictivity import PENALTIES, _centered, _fold, _tests
from layerscape.pipeline.estimate import estimate

Ridge = pytest.importorskip("sklearn.linear_model").Ridge


def cloud(seed, n=120, d=6):
    return np.random.default_rng(seed).standard_normal((n, d))


def by_hand(x, y, folds=5, seed=0):
    """Ridge of scikit-learn; generalized cross-validation from the hat matrix."""
    scaled = _centered(Representation(x), np.arange(len(x)))
    error, total = np.zeros(y.shape), np.zeros(y.shape)
    for test in _tests(scaled, folds, seed):
        known = np.setdiff1d(np.arange(len(x)), test)
        centered, n = x[known] - x[known].mean(axis=0), len(known)
        values, vectors = np.linalg.eigh(centered @ centered.T)
        values[values < 1e-12 * values[-1]] = 0
        scores = []
        for penalty in PENALTIES:
            hat = (vectors * (values / (values + penalty * values[-1]))) @ vectors.T + 1 / n
            scores.append(((y[known] - hat @ y[known]) ** 2).sum() / np.trace(np.eye(n) - hat) ** 2)
        alpha = PENALTIES[np.argmin(scores)] * values[-1]
        error[test] = (y[test] - Ridge(alpha=alpha).fit(x[known], y[known]).predict(x[test])) ** 2
        total[test] = (y[test] - y[known].mean(axis=0)) ** 2
    return error, total


@pytest.mark.parametrize(("d", "noise"), [(6, 0.5), (6, 20.0), (60, 3.0), (200, 3.0)])
def test_is_ridge_regression_by_hand(d, noise):
    x = cloud(0, d=d)
    y = x[:, :4] @ cloud(1, 4, 3) + noise * cloud(2, d=3) + 7
    error, total = by_hand(x, y)
    found = estimate("linear_predictivity", x, y)
    assert found.value == pytest.approx(1 - error.sum() / total.sum(), abs=1e-8)
    assert found.details["per_unit"] == pytest.approx(1 - error.sum(axis=0) / total.sum(axis=0), abs=1e-8)
    order = np.random.default_rng(0).permutation(120)
    error, total = by_hand(x, y[order])
    assert found.details["null"][0] == pytest.approx(1 - error.sum() / total.sum(), abs=1e-8)


@pytest.mark.parametrize("d", [6, 100, 200])
def test_leaving_rows_out_is_fitting_the_others(d):
    x, y = cloud(14, d=d), cloud(15, d=3)
    y += x[:, :3]
    kept = np.random.default_rng(0).random(120) < 0.9
    for tested in _tests(x, 5, 0):
        fit = _fold(x, tested).fit(y)
        learned = np.setdiff1d(np.flatnonzero(kept), tested)
        some = tested[kept[tested]]
        centered = x[np.setdiff1d(np.arange(120), tested)]
        root = np.linalg.svd(centered - centered.mean(axis=0), compute_uv=False)[0]
        ridge = Ridge(alpha=fit.penalty * root**2, solver="svd").fit(x[learned], y[learned])
        error = ((y[some] - ridge.predict(x[some])) ** 2).sum()
        total = ((y[some] - y[learned].mean(axis=0)) ** 2).sum()
        assert fit.without(kept) == pytest.approx((error, total), rel=1e-6)


@pytest.mark.parametrize("n", [40, 200])
@pytest.mark.parametrize("seed", range(5))
def test_a_layer_that_is_one_sample_predicts_nothing_and_is_known_to(n, seed):
    """Without that sample there is nothing to learn from: ends were -1e25 and 1."""
    x, y = np.zeros((n, 4)), cloud(seed, n=n, d=5)
    x[7] = cloud(seed + 9, n=1, d=4)
    found = estimate("linear_predictivity", x, y)
    assert found.value == pytest.approx(0, abs=1e-2)
    assert -0.05 < found.low < found.value < found.high < 0.05
    assert found.details["null"] == pytest.approx(0, abs=0.01)
    scaled = _centered(Representation(x), np.arange(n))
    for tested in _tests(scaled, 5, 0):
        fit, kept = _fold(scaled, tested).fit(y), np.arange(n) != 7
        learned = np.setdiff1d(np.flatnonzero(kept), tested)
        total = ((y[tested[kept[tested]]] - y[learned].mean(axis=0)) ** 2).sum()
        assert fit.without(kept) == pytest.approx((total, total), rel=1e-9)


def test_a_linear_map_is_1_one_way_only():
    x = cloud(3)
    y = x[:, :2] @ cloud(4, 2, 5) + 3
    there, back = estimate("linear_predictivity", x, y), estimate("linear_predictivity", y, x)
    assert there.value == pytest.approx(1, abs=1e-9)
    assert there.low < there.value <= there.high <= 1
    assert back.value == pytest.approx(1 / 3, abs=0.15)


def test_noise_is_known():
    """Signal of variance 4 of 5: R² is 0.8 but for what learning from few samples takes."""
    x = cloud(5, 1000, 4)
    y = x @ np.diag([2, 2, 2, 2]) + cloud(6, 1000, 4)
    found = estimate("linear_predictivity", x, y)
    assert found.low < 0.8 < found.high
    assert found.details["per_unit"] == pytest.approx(np.full(4, 0.8), abs=0.06)


@pytest.mark.parametrize("d", [6, 100, 300])
def test_unrelated_data_are_no_better_than_the_mean(d):
    found = estimate("linear_predictivity", cloud(7, 200, d), cloud(8, 200, d))
    assert -0.1 < found.value < 0.02
    assert found.chance.value == pytest.approx(0, abs=0.05)
    assert found.chance.p > 0.05


def test_more_units_than_samples_change_only_the_cost():
    x, y = cloud(9, 60, 5), cloud(10, 60, 90)
    y[:, :5] += 2 * x
    wide = estimate("linear_predictivity", x, y)
    narrow = estimate("linear_predictivity", x, y @ np.linalg.svd(y - y.mean(axis=0), full_matrices=False)[2].T)
    assert wide.value == pytest.approx(narrow.value, abs=1e-9)
    assert wide.details["null"] == pytest.approx(narrow.details["null"], abs=1e-9)


def test_folds_share_all_samples_whatever_their_order():
    x, order = cloud(11, 103), np.random.default_rng(0).permutation(103)
    parts, others = _tests(x, 5, 0), _tests(x[order], 5, 0)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(103))
    assert [set(part) for part in parts] == [set(order[other]) for other in others]
    assert _fold(x, parts[0]).along.shape == (len(parts[0]), 6)


def test_constant_units_and_draws_of_samples_are_said():
    x = cloud(12, 200)
    y = np.c_[x[:, :2], np.full(200, 0.1)]
    found = estimate("linear_predictivity", x, y, sample=100)
    assert found.warnings == (
        "measured on 100 of 200 samples, drawn at random (sample=100, seed=0)",
        "1 of 3 units of b are constant: their R² is NaN",
    )
    assert found.value == pytest.approx(1, abs=1e-9)
    assert np.isnan(found.details["per_unit"]).tolist() == [False, False, True]


def test_a_sample_that_makes_up_the_errors_is_named():
    x = cloud(16)
    y = x @ cloud(17, 6, 3) + cloud(18, d=3)
    x[41] *= 1e5
    found = estimate("linear_predictivity", x, y)
    assert found.warnings == ("sample '41' alone makes up more than half of the squared errors",)


REFUSED = [
    (cloud(0), cloud(1), {"folds": 1}, "folds=1; give 2 to 30 for 120 samples."),
    (cloud(0), cloud(1), {"permutations": 5}, "permutations=5; give at least 19, so that p can reach 0.05."),
    (cloud(0, 9), cloud(1, 9), {}, "9 samples; linear_predictivity needs at least 20, and hundreds to mean something."),
    (cloud(0), cloud(1, 99), {}, "representations of 120 and 99 samples; both must be of the same samples."),
    (
        cloud(0),
        np.ones((120, 2)),
        {},
        "the second array is constant over the samples; linear_predictivity cannot compare it.",
    ),
]


@pytest.mark.parametrize(("x", "y", "options", "words"), REFUSED)
def test_what_it_cannot_compare_is_refused(x, y, options, words):
    with pytest.raises(InvalidValue) as error:
        estimate("linear_predictivity", x, y, **options)
    assert str(error.value) == words


def test_one_huge_unit_hides_nothing():
    x = cloud(13)
    huge = x.copy()
    huge[:, 0] *= 1e4
    assert estimate("linear_predictivity", huge, x).value == pytest.approx(1, abs=1e-6)

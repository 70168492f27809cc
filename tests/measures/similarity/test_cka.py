"""CKA against the N × N formula, at chance, and with its interval."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import t as student

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, UnknownName
from layerscape.pipeline.estimate import estimate


def u_centered(x):
    """Székely and Rizzo's U-centering of the linear kernel, whose inner product is HSIC₁ up to a constant."""
    kernel = x @ x.T
    np.fill_diagonal(kernel, 0)
    n, row = len(kernel), kernel.sum(axis=0)
    kernel = kernel - row / (n - 2) - row[:, None] / (n - 2) + row.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(kernel, 0)
    return kernel


def full_centered(x):
    x = x - x.mean(axis=0)
    return x @ x.T


def by_kernels(x, y):
    k, m = u_centered(x), u_centered(y)
    return (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_moments_give_what_the_kernels_give(rng, offset):
    x = rng.standard_normal((150, 40)) * np.geomspace(1, 30, 40)
    y = np.tanh(x[:, :25]) + 0.4 * rng.standard_normal((150, 25))
    assert estimate("cka", x + offset, y).value == pytest.approx(by_kernels(x, y), abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_more_units_than_samples_give_what_the_kernels_give(rng, offset):
    """By the kernels; and what the moments of the units say of the same kernels, turned into as many units."""
    x = rng.standard_normal((40, 300)) * np.geomspace(1, 30, 300)
    y = np.tanh(x[:, :250]) + 0.4 * rng.standard_normal((40, 250))
    wide = estimate("cka", x + offset, y)
    assert wide.value == pytest.approx(by_kernels(x, y), abs=1e-9)
    narrow = estimate("cka", turned(x), turned(y))
    for word in ("value", "low", "high"):
        assert getattr(wide, word) == pytest.approx(getattr(narrow, word), abs=1e-8)
    assert wide.chance.p == pytest.approx(narrow.chance.p, rel=1e-4)
    biased, of_narrow = (estimate("cka", *pair, estimator="biased") for pair in ((x, y), (turned(x), turned(y))))
    assert biased.value == pytest.approx(of_narrow.value, abs=1e-9)


def turned(x):
    """The same kernel of as few units as hold it, one less than there are samples."""
    centered = x - x.mean(axis=0)
    return (centered @ np.linalg.svd(centered, full_matrices=False)[2].T)[:, : len(x) - 1]


def test_a_layer_of_convolution_maps_needs_no_matrix_of_its_units(rng):
    """96 × 40,000: a matrix of units × units would be 12.8 GB."""
    shared = rng.standard_normal((96, 8))
    x, y = (
        (shared @ rng.standard_normal((8, 40_000)) + rng.standard_normal((96, 40_000))).astype(np.float32)
        for _ in range(2)
    )
    tracemalloc.start()
    result = estimate("cka", x, y)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 300e6
    assert result.value == pytest.approx(by_kernels(x.astype(float), y.astype(float)), abs=1e-6)


def test_unrelated_data_score_zero_where_the_biased_form_gives_0_43(rng):
    x, y = rng.standard_normal((2, 1024, 768))
    result = estimate("cka", x, y)
    assert abs(result.value) < 0.01
    assert result.low < 0 < result.high
    assert result.chance.low < result.value < result.chance.high
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    biased = np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert biased == pytest.approx(0.43, abs=0.01)


def test_interval_is_the_jackknife(rng):
    x = rng.standard_normal((80, 4))
    y = x @ rng.standard_normal((4, 3)) + rng.standard_normal((80, 3))
    result = estimate("cka", x, y)
    left_out = np.array([by_kernels(np.delete(x, i, 0), np.delete(y, i, 0)) for i in range(80)])
    jackknife = 1.96 * np.sqrt(79 / 80 * ((left_out - left_out.mean()) ** 2).sum())
    assert result.high - result.value == pytest.approx(jackknife, rel=0.15)


@pytest.mark.parametrize("estimator", ["debiased", "biased"])
def test_interval_is_that_of_both_jackknives_less_what_pairs_count_twice(estimator, rng):
    x = rng.standard_normal((40, 4))
    y = x @ rng.standard_normal((4, 3)) + rng.standard_normal((40, 3))
    result = estimate("cka", x, y, estimator=estimator, influence=True)
    left_out = np.array(
        [estimate("cka", np.delete(x, i, 0), np.delete(y, i, 0), estimator=estimator).value for i in range(40)]
    )
    by_deletion = 39 / 40 * ((left_out - left_out.mean()) ** 2).sum()
    spread = np.sqrt(2 / (40 * 37))  # of unrelated data
    if estimator == "biased":
        spread *= np.sqrt(np.prod([(u_centered(z) ** 2).sum() / (full_centered(z) ** 2).sum() for z in (x, y)]))
    pairs = (spread * (1 - result.value**2)) ** 2
    alone = result.influence.alone
    variance = (by_deletion + (alone**2).sum()) / 2 - pairs
    freedom = 40 / (1 + max(0, (alone**4).mean() / (alone**2).mean() ** 2 - 3) / 2)
    assert result.high - result.value == pytest.approx(student.ppf(0.975, freedom) * np.sqrt(variance), rel=1e-4)


def test_a_side_that_varies_in_one_sample_alone_has_an_interval(rng):
    x, y = np.zeros((20, 2)), rng.standard_normal((20, 3))
    x[0], x[1] = 1, 2
    result = estimate("cka", x, y)
    assert result.low < result.value < result.high


def test_intervals_of_weakly_related_few_samples_are_as_wide_as_the_values_spread(rng):
    found = []
    for _ in range(150):
        x = rng.standard_normal((100, 10))
        found.append(estimate("cka", x, x + 2.5 * rng.standard_normal(x.shape)))
    value, low, high = np.array([(one.value, one.low, one.high) for one in found]).T
    assert 0.85 < np.mean(high - low) / 3.92 / value.std(ddof=1) < 1.25


def test_spread_at_chance_is_that_of_permutations(rng):
    x, y = rng.standard_normal((2, 100, 30))
    values = [by_kernels(x, y[rng.permutation(100)]) for _ in range(400)]
    result = estimate("cka", x, y)
    assert [result.chance.low, result.chance.high] == pytest.approx(np.quantile(values, [0.025, 0.975]), rel=0.15)


def test_chance_is_skewed_where_few_directions_vary(rng):
    """One direction on both sides: the law is that of a squared normal number, which never is far below 0."""
    x, y = rng.standard_normal((2, 300, 1))
    values = [by_kernels(x, y[rng.permutation(300)]) for _ in range(1500)]
    result = estimate("cka", x, y)
    low, high = np.quantile(values, [0.025, 0.975])
    assert -low < high / 3
    assert result.chance.low == pytest.approx(low, rel=0.15)
    assert result.chance.high == pytest.approx(high, rel=0.15)


def test_a_representation_is_like_itself(rng):
    x = Representation(rng.standard_normal((50, 6)))
    assert estimate("cka", x, x).value == 1.0


def test_float32_and_blocks_do_not_change_it(rng, monkeypatch):
    x, y = rng.standard_normal((2, 90, 8)).astype(np.float32)
    whole = estimate("cka", x, y).value
    monkeypatch.setattr("layerscape.measures.similarity.hsic.BLOCK_ELEMENTS", 100)
    assert estimate("cka", x, y).value == pytest.approx(whole, rel=1e-12)


def test_bad_input(rng):
    x = rng.standard_normal((50, 3))
    with pytest.raises(
        InvalidValue, match=r"^representations of 50 and 40 samples; both must be of the same samples\.$"
    ):
        estimate("cka", x, x[:40])
    with pytest.raises(InvalidValue, match=r"^9 samples; cka needs at least 10, and hundreds to mean something\.$"):
        estimate("cka", x[:9], x[:9])
    outlier = np.zeros((50, 3))
    outlier[7] = 1
    with pytest.raises(InvalidValue, match="constant over the samples, or over all but one; cka cannot compare it"):
        estimate("cka", x, outlier)


def test_rbf_is_the_same_formula_of_gaussian_kernels(rng):
    x = rng.standard_normal((90, 6))
    y = x[:, :3] ** 2 + 0.5 * rng.standard_normal((90, 3))
    kernels = []
    for z in (x, y):
        distances = np.linalg.norm(z[:, None] - z, axis=2)
        width = np.median(distances[np.triu_indices(90, 1)])
        kernel = np.exp(-0.5 * (distances / width) ** 2)
        np.fill_diagonal(kernel, 0)
        rows = kernel.sum(axis=1)
        kernel -= rows / 88 + rows[:, None] / 88 - rows.sum() / (89 * 88)
        np.fill_diagonal(kernel, 0)
        kernels.append(kernel)
    k, m = kernels
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    result = estimate("cka", x, y, kernel="rbf")
    assert result.value == pytest.approx(expected, abs=1e-9)
    assert result.chance.value == 0
    assert result.low < result.value < result.high
    assert estimate("cka", x, 3 * x[:, ::-1] + 1, kernel="rbf").value == pytest.approx(1)


def test_rbf_counts_no_copy_in_its_median(rng):
    x = rng.standard_normal((120, 6))
    y = x @ rng.standard_normal((6, 4)) + rng.standard_normal((120, 4))
    x, y = (np.concatenate([values, values[:20]]) for values in (x, y))

    def hsic(a, b):
        n, a, b = len(a), a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
        sums = a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (a.sum(axis=0) @ b.sum(axis=0))
        return (a * b).sum() + sums

    kernels = []
    for values in (x, y):
        distances = np.sqrt(((values[:, None] - values) ** 2).sum(axis=2))
        kernels.append(np.exp(-((distances / np.median(distances[distances > 0])) ** 2) / 2))
    a, b = kernels
    expected = hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))
    assert estimate("cka", x, y, kernel="rbf").value == pytest.approx(expected, rel=1e-9)


def test_rbf_of_many_samples_says_how_many_it_looked_at(rng):
    x = rng.standard_normal((300, 3))
    assert estimate("cka", x, np.tanh(x), kernel="rbf", sample=100).warnings == (
        "measured on 100 of 300 samples, drawn at random (sample=100, seed=0)",
    )


def test_biased_is_what_papers_print_with_its_chance_beside_it(rng):
    x, y = rng.standard_normal((2, 120, 40))
    y[:, 0] += x[:, 0]

    def biased(x, y):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))

    result = estimate("cka", x, y, estimator="biased")
    assert result.value == pytest.approx(biased(x, y), rel=1e-9)
    null = [biased(x, y[rng.permutation(120)]) for _ in range(600)]
    assert result.chance.value == pytest.approx(np.mean(null), abs=4 * np.std(null) / 24)
    assert result.chance.high - result.chance.value == pytest.approx(1.96 * np.std(null), rel=0.15)
    assert result.warnings == (
        f"the biased estimator: unrelated data of this size and spread read {result.chance.value:.3g}",
    )


def test_bad_options(rng):
    x = rng.standard_normal((50, 3))
    with pytest.raises(UnknownName, match=r"^unknown kernel of cka 'rbff'; nearest: rbf\."):
        estimate("cka", x, x, kernel="rbff")
    with pytest.raises(UnknownName, match=r"^unknown estimator of cka 'bias'; nearest: biased, debiased\."):
        estimate("cka", x, x, estimator="bias")
    with pytest.raises(InvalidValue, match=r"^estimator='biased' is for kernel='linear'; leave it out\.$"):
        estimate("cka", x, x, estimator="biased", kernel="rbf")


@pytest.mark.parametrize("tails", [3, 30])
def test_the_interval_of_rbf_knows_that_every_sample_moves_the_width(tails):
    found = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x = rng.standard_t(tails, (100, 3))
        found.append(estimate("cka", x, x + 0.3 * rng.standard_normal(x.shape), kernel="rbf"))
    reported = np.sqrt(np.mean([(one.high - one.low) ** 2 for one in found])) / 2 / 1.98
    assert 0.9 < reported / np.std([one.value for one in found]) < 1.2  # 0.8 at one width

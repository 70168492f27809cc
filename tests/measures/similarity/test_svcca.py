"""SVCCA against principal angles, planted canonical correlations, and its refusal where N is small."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from layerscape.errors import InvalidValue
from layerscape.pipeline.estimate import estimate


def centered(rng, n, d):
    x = rng.standard_normal((n, d))
    return np.linalg.qr(x - x.mean(axis=0))[0]


def cloud(seed, n=300, d=6):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize(("d_a", "d_b"), [(8, 5), (400, 5), (5, 400)])
@pytest.mark.parametrize("variance", [0.5, 0.9])
def test_is_the_cosines_between_the_first_components(d_a, d_b, variance):
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((300, 3))
    a, b = (latent @ rng.standard_normal((3, d)) + 0.1 * rng.standard_normal((300, d)) for d in (d_a, d_b))
    sides = []
    for x in (a, b):
        u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        sides.append(u[:, : int(np.searchsorted(np.cumsum(s**2) / (s**2).sum(), variance)) + 1])
    wanted = np.sort(np.cos(subspace_angles(*sides)))[::-1]
    found = estimate("svcca", a, b, variance=variance, permutations=19)
    assert found.details["correlations"] == pytest.approx(wanted, abs=1e-9)
    assert found.value == pytest.approx(wanted.mean(), abs=1e-9)
    assert (found.details["components_a"], found.details["components_b"]) == tuple(s.shape[1] for s in sides)


def test_planted_correlations_are_found():
    rng, planted = np.random.default_rng(1), np.array([0.9, 0.6, 0.2])
    z = centered(rng, 200, 6)
    x, y = z[:, :3], z[:, :3] * planted + z[:, 3:] * np.sqrt(1 - planted**2)
    mixed = x @ rng.standard_normal((3, 3)), y @ rng.standard_normal((3, 3)) + 5
    found = estimate("svcca", *mixed, variance=1.0, permutations=19)
    assert found.details["correlations"] == pytest.approx(planted, abs=1e-9)


def test_the_share_is_of_the_variance_at_any_scale():
    """A cumulative share compared with share × variance keeps one component of data of an ordinary scale."""
    x = cloud(2)
    for scale in (1e-3, 1.0, 1e3):
        found = estimate("svcca", x * scale, x, permutations=19)
        assert found.details["components_a"] == found.details["components_b"] == 6


def test_isometries_read_1_and_unrelated_data_chance():
    x, y = cloud(3), cloud(4)
    turned = 3 * x @ np.linalg.qr(cloud(5, 6))[0] - 2
    same = estimate("svcca", x, turned, permutations=19)
    assert same.value == pytest.approx(1, abs=1e-9)
    assert same.low < same.value <= same.high <= 1
    unrelated = estimate("svcca", x, y)
    assert abs(unrelated.details["corrected"]) < 0.05
    assert unrelated.chance.low < unrelated.value < unrelated.chance.high
    assert unrelated.details["null"].mean() < np.sqrt(unrelated.details["square_by_chance"])


def test_the_mean_square_by_chance_is_exact():
    x, y = cloud(6, 60, 3), cloud(7, 60, 2)
    rng = np.random.default_rng(0)
    squares = [
        (estimate("svcca", x, y[rng.permutation(60)], permutations=19).details["correlations"] ** 2).mean()
        for _ in range(100)
    ]
    error = np.std(squares) / np.sqrt(len(squares))
    assert abs(np.mean(squares) - 3 / 59) < 4 * error


def test_too_few_samples_for_the_components_are_refused():
    with pytest.raises(InvalidValue) as error:
        estimate("svcca", cloud(0, 100, 12), cloud(1, 100, 9))
    assert str(error.value) == (
        "100 samples for 12 + 9 components that hold 0.99 of the variance; below 5 samples per component, 105, "
        "unrelated data look alike: lower variance=, or give more samples."
    )


def test_what_one_huge_unit_does_is_said():
    x = cloud(0)
    x[:, 2] *= 1e4
    found = estimate("svcca", x, cloud(0), permutations=19)
    assert found.warnings == ("one of 6 components holds 0.99 of the variance of a: svcca sees only it",)
    assert estimate("svcca", x, cloud(0), variance=1.0, permutations=19).value == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("variance", [0.0, 1.5])
def test_a_share_out_of_range_is_refused(variance):
    with pytest.raises(InvalidValue, match=rf"^variance={variance}; give a share above 0 and at most 1\.$"):
        estimate("svcca", cloud(0), cloud(1), variance=variance)


def test_one_unit_and_float16_will_do():
    x = cloud(0, 100, 1)
    found = estimate("svcca", x.astype(np.float16), x[:, :1] + 1, permutations=19)
    assert found.value == pytest.approx(1, abs=1e-5)


def test_components_of_one_sample_are_said():
    x, y = cloud(0), cloud(1)
    x[7] *= 1e4
    one = "one of 6 components holds 0.99 of the variance of a: svcca sees only it"
    said = "1 of 1 components of a owe more than half of their variance to one sample"
    assert estimate("svcca", x, y, permutations=19).warnings[:2] == (one, said)


def test_a_component_that_only_some_samples_have_leaves_an_interval():
    """Without the only sample that differs in it a unit is constant."""
    x = cloud(0, 120)
    alone = np.hstack([np.zeros((120, 1)), cloud(1, 120, 3)])
    alone[5, 0] = 20.0
    found = estimate("svcca", x, alone, permutations=19)
    assert 0 <= found.low < found.value < found.high <= 1

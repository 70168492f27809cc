"""Information imbalance against its definition over all ranks, at chance, and where it must be asymmetric."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from layerscape.errors import InvalidType, InvalidValue
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def all_ranks(x):
    distances = cdist(x, x)
    np.fill_diagonal(distances, -1)
    return rankdata(distances, axis=1) - 1


def clouds(rng, ties, n=200):
    x = rng.standard_normal((n, 3))
    y = np.c_[x[:, :2], 2 * rng.standard_normal((n, 2))]
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 10])
def test_is_its_definition_and_its_chance_that_of_permutations(rng, ties, k):
    x, y = clouds(rng, ties)
    result = estimate("information_imbalance", x, y, k=k)
    ranks = all_ranks(y)
    rows, columns, weights = find_neighbors(x, k).weights(k)
    assert result.value == pytest.approx(2 / 200 * (weights * ranks[rows, columns]).sum() / (200 * k), rel=1e-12)
    assert result.per_sample.mean() == pytest.approx(result.value)
    values = []
    for _ in range(2000):
        order = rng.permutation(200)
        values.append(2 / 200 * (weights * ranks[order[rows], order[columns]]).sum() / (200 * k))
    assert result.chance.value == pytest.approx(1)
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - 1, rel=0.12)
    assert result.chance.p < 0.01


def test_a_plane_tells_its_line_and_not_the_other_way(rng):
    x = rng.random((2000, 2))
    there = estimate("information_imbalance", x, x[:, :1]).value
    back = estimate("information_imbalance", x[:, :1], x).value
    assert there < 0.05
    assert back > 3 * there
    assert estimate("information_imbalance", x, 5 - 2 * x).value == pytest.approx(2 / 2000)


def test_independent_data_read_one(rng):
    x, y = rng.standard_normal((2, 1000, 4))
    result = estimate("information_imbalance", x, y, k=5)
    assert result.low < 1 < result.high
    assert result.chance.low < result.value < result.chance.high


def test_bad_input(rng):
    x = rng.standard_normal((50, 3))
    with pytest.raises(
        InvalidValue, match=r"^a graph of 50 samples and ranks of 40; both must be of the same samples,"
    ):
        estimate("information_imbalance", x, x[:40])
    with pytest.raises(InvalidType, match=r"^information_imbalance needs the vectors themselves; give the array"):
        estimate("information_imbalance", x, find_neighbors(x, 5))

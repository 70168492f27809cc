"""Information imbalance against its definition over all ranks, at chance, and where it must be asymmetric."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from layerscape.errors import InvalidType, InvalidValue
from layerscape.measures.neighborhood import information_imbalance
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


@pytest.mark.parametrize("k", [1, 4])
def test_deletions_are_a_fifth_of_the_interval_of_few_samples(k, rng, monkeypatch):
    x = rng.standard_normal((40, 3))
    y = x + 0.5 * rng.standard_normal((40, 3))
    found = estimate("information_imbalance", x, y, k=k)
    left_out = np.array(
        [estimate("information_imbalance", np.delete(x, i, 0), np.delete(y, i, 0), k=k).value for i in range(40)]
    )
    by_deletion = 39 / 40 * ((left_out - left_out.mean()) ** 2).sum()
    monkeypatch.setattr(information_imbalance, "FEW", 39)
    many = estimate("information_imbalance", x, y, k=k)
    assert many.value == found.value
    variance = 0.8 * ((many.high - many.value) / 1.96) ** 2 + 0.2 * by_deletion
    assert found.high - found.value == pytest.approx(1.96 * np.sqrt(variance), rel=1e-4)


def test_a_graph_that_holds_no_neighbor_beyond_the_first_k_says_that_its_interval_is_narrow(rng):
    x, y = rng.standard_normal((2, 50, 3))
    words = "an interval that is narrow for 50 samples; give the vectors: 4 neighbors are read"
    assert words in estimate("information_imbalance", find_neighbors(x, 3), y, k=3).warnings
    assert estimate("information_imbalance", find_neighbors(x, 4), y, k=3).warnings == ()
    assert estimate("information_imbalance", x, y, k=49).warnings == ()

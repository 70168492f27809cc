"""Information imbalance against its definition over all ranks, at chance, and where it must be asymmetric."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from layerscape.core.exchange import whole_groups
from layerscape.core.groups import Groups
from layerscape.core.interval import student95
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures import catalog
from layerscape.measures.neighborhood import information_imbalance
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors
from layerscape.supply.ranking import ranking_of


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
    with pytest.raises(InvalidValue, match=r"^ranks among all 50 samples are read, and the graph that was given"):
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


def mean_of_ranks(x, y, k, apart, metric="euclidean"):
    """The definition, sample by sample, among those that are not kept apart; ties of x are shared, of y mid-ranks."""
    values = []
    for i, own in enumerate(apart):
        near_x, near_y = (cdist(z[[i]], z[~own], metric)[0] for z in (x, y))
        last = np.sort(near_x)[k - 1]
        weights = (near_x < last).astype(float)
        weights[near_x == last] = (k - weights.sum()) / (near_x == last).sum()
        values.append(weights @ rankdata(near_y) / k * 2 / (len(near_y) + 1))
    return np.array(values)


@pytest.mark.parametrize("kind", ["groups", "lag"])
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize(("metric", "ties"), [("euclidean", False), ("euclidean", True), ("cosine", False)])
def test_ranks_are_among_those_that_may_be_neighbors(rng, kind, k, metric, ties):
    codes = rng.permutation(np.repeat(np.arange(8), [3, 9, 5, 7, 4, 8, 6, 6]))
    x, y = clouds(rng, ties, 48)
    x[3], y[5], y[6] = x[10], y[20], y[7]  # copies, some of them of one group
    rows = np.arange(48)
    apart = codes[:, None] == codes if kind == "groups" else np.abs(rows[:, None] - rows) <= 3
    said = {"groups": codes, "own_group": "left_out"} if kind == "groups" else {"lag": 3}
    found = estimate("information_imbalance", x, y, k=k, metric=metric, **said)
    assert found.per_sample == pytest.approx(mean_of_ranks(x, y, k, apart, metric), abs=1e-12)
    assert found.value == pytest.approx(found.per_sample.mean(), abs=1e-12)
    assert found.chance.value == pytest.approx(1, abs=0.03)
    if kind == "lag":
        assert np.isnan(found.low)
        return
    left = [
        mean_of_ranks(*(z[codes != group] for z in (x, y)), k, apart[codes != group][:, codes != group], metric).mean()
        for group in range(8)
    ]
    margin = student95(7) * np.sqrt(7 / 8 * ((left - np.mean(left)) ** 2).sum())
    assert (found.low, found.high) == pytest.approx((found.value - margin, found.value + margin), abs=1e-12)


@pytest.mark.parametrize("kind", ["groups", "lag"])
def test_chance_is_of_ranks_among_those_too(rng, kind):
    codes, rows = np.repeat(np.arange(5), 6), np.arange(30)
    x, y = clouds(rng, False, 30)
    apart = codes[:, None] == codes if kind == "groups" else np.abs(rows[:, None] - rows) <= 2
    ranks = np.ones((30, 30))  # a shift may bring two samples within the lag, where they have no rank: the mean
    for i, own in enumerate(apart):
        ranks[i, ~own] = 2 * rankdata(cdist(y[[i]], y[~own])[0]) / (1 + (~own).sum())
    graph = find_neighbors(x, 3, **({"groups": codes} if kind == "groups" else {"lag": 2})).indices
    if kind == "groups":
        found = estimate("information_imbalance", x, y, k=3, groups=codes, own_group="left_out")
        orders = whole_groups(Groups(codes, own="left_out")).orders(999, 0)
    else:
        found = estimate("information_imbalance", x, y, k=3, lag=2)
        orders = [(rows + shift) % 30 for shift in range(2, 29)]
    null = np.array([ranks[order[:, None], order[graph]].mean() for order in orders])
    assert found.details["null"] == pytest.approx(null, abs=1e-12)
    assert found.chance.p == pytest.approx((1 + np.sum(null <= found.value + 1e-12)) / (1 + len(null)), abs=1e-12)


def test_a_graph_and_ranks_of_other_samples_left_out_are_refused(rng):
    x = rng.standard_normal((40, 3))
    graph, ranks = find_neighbors(x, 3, lag=2), ranking_of(Representation(x), None, {})
    words = "^a graph with lag 2 and ranks with nobody left out; leave out the same samples in both.$"
    with pytest.raises(InvalidValue, match=words):
        catalog()["information_imbalance"](graph, ranks)

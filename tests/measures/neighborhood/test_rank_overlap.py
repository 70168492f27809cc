"""The overlap curve against its definition, its sums over all pairs, and what each weighting sees."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures.neighborhood.entries import entries, relation
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

READINGS = {"overlap": ("overlap", {}), "rbo": ("rank_overlap", {}), "r_nx": ("rank_overlap", {"weight": "r_nx"})}


def memberships(graph, k):
    """Probability of being among the first 1…k, shape (k, N, N), by the graph's own weights."""
    found = np.zeros((k, len(graph.indices), graph.n_samples))
    for m in range(1, k + 1):
        rows, columns, weights = graph.weights(m)
        found[m - 1, rows, columns] = weights
    return found


def clouds(seed, kind, n=40):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, n, 3))
    if kind == "lattice":
        return np.round(x), np.round(y)
    if kind == "copies":
        return x[rng.integers(0, n // 3, n)], x + 0.5 * y
    return x, x + 0.5 * y


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), kind=st.sampled_from(["free", "lattice", "copies"]), k=st.integers(1, 12))
def test_the_curve_is_the_overlap_at_every_k(seed, kind, k):
    x, y = clouds(seed, kind)
    a, b = find_neighbors(x, 12), find_neighbors(y, 12)
    expected = (memberships(a, k) * memberships(b, k)).sum(axis=2)  # (k, N)
    result = estimate("overlap", a, b, k=k)
    assert result.details["curve"] == pytest.approx(expected.mean(axis=1) / np.arange(1, k + 1), abs=1e-12)
    assert result.per_sample == pytest.approx(expected[-1] / k, abs=1e-12)
    shares = 0.1 * 0.9 ** np.arange(k)
    shares[-1] = 0.9 ** (k - 1)
    by_rank = estimate("rank_overlap", a, b, k=k)
    assert by_rank.per_sample == pytest.approx((shares / np.arange(1, k + 1)) @ expected, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), kind=st.sampled_from(["free", "lattice", "copies"]))
def test_sums_over_all_pairs_are_those_of_the_full_matrices(seed, kind):
    graph = find_neighbors(clouds(seed, kind)[0], 9)
    r = memberships(graph, 9)
    out, into = r.sum(axis=2), r.sum(axis=1)
    found = relation(graph, 9)
    assert found.total == pytest.approx(r.sum(axis=(1, 2)))
    for name, expected in {
        "squares": np.einsum("kij,lij->kl", r, r),
        "mutual": np.einsum("kij,lji->kl", r, r),
        "out": out @ out.T,
        "into": into @ into.T,
        "through": out @ into.T,
    }.items():
        assert getattr(found, name) == pytest.approx(expected, abs=1e-9), name


@pytest.mark.parametrize("kind", ["free", "lattice"])
@pytest.mark.parametrize("name", READINGS)
def test_chance_is_that_of_permutations(name, kind):
    x, y = clouds(3, kind, 60)
    a, b = find_neighbors(x, 8), find_neighbors(y, 8)
    measure, options = READINGS[name]
    result = estimate(measure, a, b, k=8, **options)
    of_a, of_b = memberships(a, 8), memberships(b, 8)
    rng, draws = np.random.default_rng(0), []
    for _ in range(3000):
        order = rng.permutation(60)
        draws.append(np.einsum("kij,kij->k", of_a, of_b[:, order][:, :, order]))
    q, ranks = np.array(draws) / 60 / np.arange(1, 9), np.arange(1, 9)
    if name == "overlap":
        values = q[:, -1]
    elif name == "rbo":
        values = q[:, -1] * 0.9**7 + (0.1 * 0.9 ** np.arange(7) * q[:, :-1]).sum(axis=1)
    else:
        values = ((59 * q - ranks) / (59 - ranks) / ranks).sum(axis=1) / (1 / ranks).sum()
    assert np.mean(values) == pytest.approx(result.chance.value, abs=4 * np.std(values) / 55)
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - result.chance.value, rel=0.07)
    assert result.chance.p == pytest.approx(np.mean(values >= result.value), abs=0.03)


def swapped(p, q, n=200):
    """A graph of known lists, and the same with the neighbors of ranks p and q swapped."""
    rng = np.random.default_rng(0)
    lists = np.array([(i + 1 + rng.permutation(n - 1)[:12]) % n for i in range(n)])
    other = lists.copy()
    other[:, [p - 1, q - 1]] = lists[:, [q - 1, p - 1]]
    distances = np.tile(np.arange(1.0, 13), (n, 1))
    return Neighbors(lists, distances, n), Neighbors(other, distances, n)


@pytest.mark.parametrize(
    ("ranks", "overlap", "rbo", "r_nx"),
    [
        ((1, 2), 1.0, 0.900, 0.658),
        ((6, 7), 1.0, 0.990, 0.990),
        ((1, 7), 1.0, 0.787, 0.490),
        ((10, 11), 0.9, 0.961, 0.997),
    ],
)
def test_swaps_that_overlap_does_not_see(ranks, overlap, rbo, r_nx):
    """The values of the docs; R_NX for N = 1,000."""
    graphs = swapped(*ranks, n=1000)
    for name, expected in {"overlap": overlap, "rbo": rbo, "r_nx": r_nx}.items():
        measure, options = READINGS[name]
        assert estimate(measure, *graphs, k=10, **options).value == pytest.approx(expected, abs=6e-4)


def test_a_graph_agrees_with_itself_and_unrelated_ones_read_chance(rng):
    x, y = rng.standard_normal((2, 500, 5))
    for measure, options in READINGS.values():
        for k in (1, 7, 49):
            assert estimate(measure, x, 2 * x, k=k, **options).value == 1.0
        result = estimate(measure, x, y, k=20, **options)
        assert abs(result.value - result.chance.value) < 2 * (result.chance.high - result.chance.value)
    assert estimate("rank_overlap", x, y, k=20, weight="r_nx").chance.value == pytest.approx(0, abs=1e-12)


def test_rows_without_ties_have_no_lists(rng):
    x = rng.standard_normal((50, 2))
    x[7] = x[3]
    found = entries(find_neighbors(x, 5), 5)
    assert 0 < np.count_nonzero(np.diff(found.starts)) < 50
    assert len(entries(find_neighbors(x[:3], 2), 2).members) == 0


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"p": 1}, InvalidValue, "p=1.0; p must lie between 0 and 1: nearer to 0, fewer ranks count."),
        ({"weight": "r_nx", "k": 39}, InvalidValue, "k=39 of 40 samples; for weight='r_nx' k must lie in 1..38."),
        ({"weight": "r_n"}, UnknownName, "unknown weight of rank_overlap 'r_n'; nearest: r_nx."),
    ],
)
def test_bad_options(options, kind, text, rng):
    x = rng.standard_normal((40, 3))
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        estimate("rank_overlap", x, x, **{"k": 5, **options})

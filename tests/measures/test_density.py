"""Density at each sample against its likelihood, a known density, and a change of scale."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import gamma

from layerscape.measures.density import constant_up_to, density_at, radius_ratios
from layerscape.search import find_neighbors


def most_likely(distances, k, d, n):
    """F − log N by a general optimizer, from the shells' volumes."""
    radii = np.concatenate([[0], distances[:k]]) / distances[k - 1]
    shells, place = np.diff(radii**d), np.arange(1, k + 1)

    def unlikely(parameters):
        rate = parameters[0] + parameters[1] * place
        weight = shells * np.exp(rate)
        slope = np.array([k - weight.sum(), place.sum() - (weight * place).sum()])
        return weight.sum() - rate.sum(), -slope

    best = minimize(unlikely, [np.log(k), 0.0], jac=True, method="BFGS", options={"gtol": 1e-10})
    return best.x[0] - np.log(n * np.pi ** (d / 2) / gamma(d / 2 + 1) * distances[k - 1] ** d)


def test_it_maximizes_the_likelihood(rng):
    graph = find_neighbors(rng.standard_normal((300, 3)), 40)
    found = density_at(graph.indices, graph.distances, 3)
    for row in range(0, 300, 37):
        k = found.neighbors[row]
        assert found.log_density[row] == pytest.approx(most_likely(graph.distances[row], k, 3, 300), abs=1e-6)
        assert found.error[row] == pytest.approx(np.sqrt((4 * k + 2) / (k * (k - 1))))


def test_a_uniform_density_is_1_within_its_errors(rng):
    x = rng.random((3000, 2))
    graph = find_neighbors(x, 60)
    found = density_at(graph.indices, graph.distances, 2)
    inner = (np.abs(x - 0.5) < 0.35).all(axis=1)
    pulls = found.log_density[inner] / found.error[inner]
    assert np.abs(pulls.mean()) < 0.15
    assert pulls.std() == pytest.approx(1, abs=0.1)


def test_a_change_of_scale_is_a_change_of_density(rng):
    graph = find_neighbors(rng.standard_normal((200, 4)), 30)
    before = density_at(graph.indices, graph.distances, 4.0)
    after = density_at(graph.indices, graph.distances * 2.0**40, 4.0)
    assert after.log_density == pytest.approx(before.log_density - 160 * np.log(2), rel=1e-12)


def test_lists_may_end_early_and_shells_may_be_empty(rng):
    graph = find_neighbors(rng.standard_normal((100, 2)), 20)
    distances = graph.distances.copy()
    distances[7, 2:], distances[8, 6:] = np.inf, np.inf
    found = density_at(graph.indices, distances, 2)
    assert found.log_density[7] == -np.inf
    assert found.error[7] == np.inf
    assert found.neighbors[8] <= 6
    assert np.isfinite(np.delete(found.log_density, 7)).all()
    lattice = np.tile([1.0, 1, 1, 1], (100, 1))  # all on one shell: no trend can be told
    assert density_at(graph.indices[:, :4], lattice, 2).log_density == pytest.approx(np.log(4 / np.pi / 100))


def test_neighborhoods_end_where_a_list_ends(rng):
    graph = find_neighbors(rng.random((100, 2)), 20)
    distances = graph.distances.copy()
    distances[3, 9:] = np.inf
    assert constant_up_to(radius_ratios(graph.indices, distances, 20), 2, 1e-6)[3] <= 9

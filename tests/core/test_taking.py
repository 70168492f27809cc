"""The graph of some samples, cut from that of all, is that of a search among them: ties, copies and order included."""

import numpy as np
import pytest

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [40, 59])
def test_some_samples_of_a_graph_are_those_of_a_search(seed, k):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (60, 3)).astype(float) if seed % 2 else rng.standard_normal((60, 3))
    whole, rows = find_neighbors(x, k), rng.permutation(60)[:45]
    found = whole.take(rows)
    expected = find_neighbors(x[rows], found.k)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
    for first in (1, found.k // 2, found.k):
        shares = [sorted(zip(*map(np.ndarray.tolist, each.weights(first)), strict=True)) for each in (found, expected)]
        assert shares[0] == shares[1]


def test_without_distances_the_order_stays_and_samples_without_neighbors_are_refused():
    x = np.random.default_rng(0).standard_normal((60, 3))
    whole = Neighbors.from_arrays(find_neighbors(x, 59).indices)
    found = whole.take(np.arange(10, 30))
    np.testing.assert_array_equal(found.indices, find_neighbors(x[10:30], 19).indices)
    assert not found.has_distances
    with pytest.raises(InvalidValue, match=r"^\d+ of 3 samples have none of the others among the 1 neighbors"):
        whole.first(1).take(np.array([0, 1, 2]))

"""Ranks that a graph of all others tells are those that are counted in the vectors, to the bit."""

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.search import between, find_neighbors, ranks
from layerscape.supply.listed import ranking_in


@pytest.mark.parametrize("values", ["normal", "few"])
def test_ranks_and_who_stands_between_are_those_of_the_vectors(values):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 3)) if values == "normal" else rng.integers(0, 3, (80, 3)).astype(float)
    pairs = np.array([(i, j) for i in range(80) for j in rng.permutation(80)[:6] if i != j])
    weights = rng.choice([1, 1 / 3, 0.7], len(pairs))
    found = ranking_in(find_neighbors(x, 79))
    np.testing.assert_array_equal(found.ranks(pairs), ranks(x, pairs))
    np.testing.assert_array_equal(found.between(pairs, weights), between(x, pairs, weights))


def test_a_graph_that_lists_some_tells_no_ranks():
    x = np.random.default_rng(0).standard_normal((80, 3))
    with pytest.raises(InvalidValue, match=r"^ranks among all 80 samples are read, and the graph lists 7 of them"):
        ranking_in(find_neighbors(x, 7))

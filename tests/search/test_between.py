"""Who stands between: the same to the bit by any number of threads, and in little memory."""

import tracemalloc

import numpy as np
import pytest

from layerscape.search import between


def test_sums_are_the_same_by_any_number_of_threads(rng):
    """They were added up in the order in which threads came to an end."""
    x, pairs = rng.standard_normal((2500, 4)), np.stack([np.repeat(np.arange(2500), 2), rng.integers(0, 2500, 5000)], 1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    weights = rng.standard_normal(len(pairs))
    alone = between(x, pairs, weights, threads=1)
    for threads in (2, 4):
        np.testing.assert_array_equal(between(x, pairs, weights, threads=threads), alone)


@pytest.mark.parametrize(("n_first", "n"), [(2, 20_000), (200, 201)])
def test_many_pairs_of_a_sample_take_little_memory(rng, n_first, n):
    """Once all partners of 512 samples were held, 200 MB here."""
    x = rng.standard_normal((n, 300)).astype(np.float32)
    pairs = np.stack([np.repeat(np.arange(n_first), n), np.tile(np.arange(n), n_first)], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    between(x, pairs[:5], np.ones(5), threads=1)
    tracemalloc.start()
    between(x, pairs, np.ones(len(pairs)), threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e7

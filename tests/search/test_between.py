"""Who stands between: the same to the bit by any number of threads, and in little memory."""

import tracemalloc

import numpy as np
import pytest

from layerscape.core.representation import Representation
from layerscape.search import between, ranks
from layerscape.search.distances import squared_distances
from layerscape.search.rows import Rows


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


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("center", [5.0, 1e3])
@pytest.mark.parametrize("d", [2, 8, 64])
def test_clusters_far_smaller_than_their_distance_are_counted_as_ranks_are(d, center, metric):
    """Of 120 samples in clusters of 1e-9, products of coordinates have no digit left: sums were off by up to 37."""
    rng = np.random.default_rng(d)
    x = np.repeat(center * rng.standard_normal((6, d)), 20, axis=0)
    x += 1e-9 * center / 5 * rng.standard_normal(x.shape)
    pairs = np.stack(np.nonzero(~np.eye(120, dtype=bool)), axis=1)[::7]
    weights = rng.random(len(pairs))
    seen = x if metric == "euclidean" else Rows(Representation(x), metric).read(slice(None))
    squared = squared_distances(seen[:, None], seen[None])
    rows, asked = squared[pairs[:, 0]], squared[pairs[:, 0], pairs[:, 1]][:, None]
    stands = (rows < asked) + (rows == asked) / 2
    stands[np.arange(len(pairs))[:, None], pairs] = 0
    found = between(x, pairs, weights, metric=metric)
    np.testing.assert_allclose(found, weights @ stands, rtol=1e-12)
    assert found.sum() == pytest.approx(weights @ (ranks(x, pairs, metric=metric) - 1), rel=1e-6)

"""Lists of candidates: nothing that is dropped is nearer than the limit, and sorting is sorting."""

import numpy as np
import pytest

from layerscape.search.kernels import lists

VALUES = {
    "uniform": lambda rng, n: rng.random(n),
    "far apart": lambda rng, n: 10.0 ** rng.uniform(-30, 0, n),
    "ties": lambda rng, n: rng.integers(0, 3, n) / 8,
    "all the same": lambda rng, n: np.full(n, 0.25),
    "zeros": lambda rng, n: np.zeros(n),
    "one is far": lambda rng, n: np.where(np.arange(n) == n // 2, 1e30, 1e-30 * rng.random(n)),
}
named = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)


@named
@pytest.mark.parametrize(("n", "width"), [(2, 1), (33, 32), (168, 112), (900, 601)])
def test_a_list_that_is_cut_keeps_all_below_its_limit(values, n, width, rng):
    bounds = values(rng, n).astype(np.float32)
    entries = (bounds.view(np.uint32).astype(np.uint64) << np.uint64(32)) | np.arange(n, dtype=np.uint64)
    before = set(entries.tolist())
    kept = lists.shorten(entries, width)
    left, limit = set(entries[:kept].tolist()), lists.bound_of(entries[kept])
    assert width <= kept < n
    assert left <= before
    assert all(lists.bound_of(np.uint64(entry)) >= limit for entry in before - left)
    assert max(lists.bound_of(np.uint64(entry)) for entry in left) <= limit


@named
@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 7), (116, 100), (1300, 1000)])
def test_candidates_are_sorted_by_distance_and_number(values, n, k, rng):
    squared, numbers = values(rng, n)[None], rng.permutation(10 * n)[None, :n].astype(np.int32)
    expected = np.lexsort((numbers[0], squared[0]))
    far, these, counts = squared[0][expected], numbers[0][expected], np.array([n], np.int32)
    indices, nearest = np.empty((1, k), np.int64), np.empty((1, k))
    lists.order(squared, numbers, counts, k, indices, nearest)
    np.testing.assert_array_equal(indices[0], these[:k])
    np.testing.assert_array_equal(nearest[0], far[:k])
    assert counts[0] == (np.sqrt(far) <= np.sqrt(far[k - 1])).sum()
    np.testing.assert_array_equal(numbers[0, k : counts[0]], these[k : counts[0]])


@named
def test_candidates_that_are_surely_farther_than_k_others_are_dropped(values, rng):
    n, k = 150, 100
    bounds, doubts = values(rng, n).astype(np.float32), rng.random(500).astype(np.float32) / 100
    points = rng.permutation(500)[:n].astype(np.uint64)
    entries = ((bounds.view(np.uint32).astype(np.uint64) << np.uint64(32)) | points)[None]
    numbers, counts = np.empty((1, n), np.int32), np.array([n], np.int32)
    lists.trim(entries, counts, np.zeros(1, np.float32), doubts, k, 0.0, numbers)
    left, last = numbers[0, : counts[0]], np.partition(bounds, k - 1)[k - 1]
    assert (np.diff(left) > 0).all()
    assert set(points[bounds <= last].tolist()) <= set(left.tolist())
    dropped = ~np.isin(points, left)
    assert (bounds[dropped] > last).all()

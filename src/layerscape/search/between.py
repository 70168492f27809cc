"""Who stands between: of which pairs of samples a sample is nearer to the first than the second is."""

from __future__ import annotations

import threading
from typing import Any, Unpack

import numpy as np

from layerscape.core.keywords import Search, chosen
from layerscape.core.representation import as_representation
from layerscape.core.threads import workers
from layerscape.search.asking import leaving_out
from layerscape.search.rank import check_pairs
from layerscape.search.rows import check_width, distinct_points, scale_together

PART, COLUMNS = 512, 2048
TIED = 1e-13  # of the squared lengths: squared distances that differ by less tie


def between(x: Any, pairs: Any, weights: np.ndarray, **search: Unpack[Search]) -> np.ndarray:
    """For every sample the sum of the weights of those pairs that it stands between, half of them where it ties.

    A sample stands between i and j if it is nearer to i than j is: the rank of j around i counts how many do, and a
    deletion of one of them lowers it. Distances are compared to rounding in float64.

    Parameters
    ----------
    x
        Shape (N, D), as `ranks` takes it.
    pairs, weights
        Shapes (P, 2), row numbers i and j, and (P,). Samples that are kept apart from i do not stand between.
    search
        The keywords of `find_neighbors`; the processor counts, whatever the device.

    Returns
    -------
    np.ndarray
        Shape (N,).

    Examples
    --------
    >>> between(np.array([[0.0], [1.0], [3.0], [-3.0]]), [(0, 2)], np.ones(1))
    array([0. , 1. , 0. , 0.5])
    """
    near, how = chosen(search)
    x = near.seen(as_representation(x))
    check_width(x.n_units)
    apart = leaving_out(near, None, None, x.n_samples).apart
    pairs = check_pairs(pairs, x.n_samples, apart)
    found, one_at_a_time = np.zeros(x.n_samples), threading.Lock()
    order = np.argsort(pairs[:, 0], kind="stable")
    with workers(how.n_threads) as pool:
        points, copies, overview = distinct_points(x, near.metric, pool, apart and apart.marks)
        of_point = apart and apart.of(copies)
        scale_together(points, points, [overview])

        def count(part: np.ndarray) -> None:
            first, second = (points.centered_wide(points.read(copies[pairs[part, side]])) for side in (0, 1))
            asked = ((first - second) ** 2).sum(axis=1)
            lengths, weight = (first**2).sum(axis=1), weights[part]
            for block in points.blocks(COLUMNS):
                others = points.centered_wide(points.read(block))
                of_others = (others**2).sum(axis=1)
                excess = lengths[:, None] + of_others - 2 * first @ others.T - asked[:, None]
                least = TIED * (lengths[:, None] + of_others)
                if of_point is not None:
                    numbers = np.arange(block.start, block.stop)
                    excess[of_point.kept(copies[pairs[part, 0]][:, None], numbers)] = np.inf
                sums = weight @ (excess < -least) + weight @ (np.abs(excess) <= least) / 2
                with one_at_a_time:
                    of_points[block] += sums

        of_points = np.zeros(points.n_points)
        pool.all(count, np.array_split(order, 1 + len(order) // PART))
        found += of_points[copies]
    # Neither of a pair stands between: i lies at its own distance 0, where it counted, and j ties with itself.
    if apart is None:
        equal = copies[pairs[:, 0]] == copies[pairs[:, 1]]
        np.subtract.at(found, pairs[:, 0], np.where(equal, weights / 2, weights))
    np.subtract.at(found, pairs[:, 1], weights / 2)
    return found

"""Who stands between: of which pairs of samples a sample is nearer to the first than the second is."""

from __future__ import annotations

import threading
from typing import Any, Unpack

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.keywords import Search, chosen
from layerscape.core.representation import as_representation
from layerscape.core.threads import Workers, workers
from layerscape.search import kernels
from layerscape.search.asking import leaving_out
from layerscape.search.rank import check_pairs
from layerscape.search.rows import Rows, check_width, distinct_points, scale_together

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
    with workers(how.n_threads) as pool:
        points, copies, overview = distinct_points(x, near.metric, pool, apart and apart.marks)
        scale_together(points, points, [overview])
        asked = copies[pairs]
        found = _of_points(points, asked, weights, apart and apart.of(copies), pool)[copies]
    # Neither of a pair stands between: i lies at its own distance 0, where it counted, and j ties with itself.
    if apart is None:
        equal = asked[:, 0] == asked[:, 1]
        np.subtract.at(found, pairs[:, 0], np.where(equal, weights / 2, weights))
    np.subtract.at(found, pairs[:, 1], weights / 2)
    return found


def _of_points(points: Rows, pairs: np.ndarray, weights: np.ndarray, apart: Apart | None, pool: Workers) -> np.ndarray:
    """For every point the sum over pairs of points, those included in which it is itself one of both."""
    found, one_at_a_time = np.zeros(points.n_points), threading.Lock()
    order = np.argsort(pairs[:, 0], kind="stable")
    rows, starts = np.unique(pairs[order, 0], return_index=True)
    starts = np.append(starts, len(pairs))

    def count(part: np.ndarray) -> None:
        mine = order[starts[part[0]] : starts[part[-1] + 1]]
        of_pairs = starts[part[0] : part[-1] + 2] - starts[part[0]]
        first, second = (points.centered_wide(points.read(of)) for of in (rows[part], pairs[mine, 1]))
        asked = ((first[np.repeat(np.arange(len(part)), np.diff(of_pairs))] - second) ** 2).sum(axis=1)
        lengths, weight = (first**2).sum(axis=1), weights[mine].astype(float)
        for block in points.blocks(COLUMNS):
            others = points.centered_wide(points.read(block))
            of_others = (others**2).sum(axis=1)
            squared = lengths[:, None] + of_others - 2 * first @ others.T
            least = TIED * (lengths[:, None] + of_others)
            if apart is not None:
                squared[apart.kept(rows[part][:, None], np.arange(block.start, block.stop))] = np.inf
            sums = np.zeros(len(others))
            kernels.add_nearer(squared, least, of_pairs, asked, weight, sums)
            with one_at_a_time:
                found[block] += sums

    if len(rows):
        pool.all(count, np.array_split(np.arange(len(rows)), 1 + len(rows) // PART))
    return found

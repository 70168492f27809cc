"""Who stands between: of which pairs of samples a sample is nearer to the first than the second is."""

from __future__ import annotations

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

PART, COLUMNS = 1024, 512
DOUBT = 1e-13  # of the squared lengths: more than squared distances are off that are made of products


def between(x: Any, pairs: Any, weights: np.ndarray, **search: Unpack[Search]) -> np.ndarray:
    """For every sample the sum of the weights of those pairs that it stands between, half of them where it ties.

    A sample stands between i and j if it is nearer to i than j is: the rank of j around i counts how many do, and a
    deletion of one of them lowers it. Squared distances are as the search defines them, and tie if they are the same.

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
    """For every point the sum over pairs of points, those included in which it is itself one of both.

    Points add up their pairs in one order, whoever counts, so that the sums are the same to the bit.
    """
    order = np.argsort(pairs[:, 0], kind="stable")
    rows, starts = np.unique(pairs[order, 0], return_index=True)
    starts, weights, found = np.append(starts, len(pairs)), weights[order].astype(float), np.zeros(points.n_points)
    asked = _squared(points, pairs[order], pool)
    for part in _parts(len(rows)):
        first = points.centered_wide(points.read(rows[part]))
        lengths, exact = (first**2).sum(axis=1)[:, None], points.whole_lanes(rows[part])

        def count(
            block: slice,
            part: slice = part,
            first: np.ndarray = first,
            lengths: np.ndarray = lengths,
            exact: np.ndarray = exact,
        ) -> None:
            others = points.centered_wide(points.read(block))
            doubt = lengths + (others**2).sum(axis=1)
            squared = doubt - 2 * (first @ others.T)
            doubt *= DOUBT
            if apart is not None:
                squared[apart.kept(rows[part][:, None], np.arange(block.start, block.stop))] = np.inf
            vectors = exact, points.whole_lanes(block), float(points.in_bound_units(np.ones(1))[0])
            begin = starts[part.start : part.stop + 1]
            kernels.add_nearer(squared, doubt, *vectors, begin, asked, weights, found[block])

        pool.all(count, points.blocks(COLUMNS))
    return found


def _squared(points: Rows, pairs: np.ndarray, pool: Workers) -> np.ndarray:
    """The squared distance of every pair; few are read at once, since a sample may have any number of them."""
    squared = np.empty(len(pairs))

    def measure(some: slice) -> None:
        first, second = (points.whole_lanes(pairs[some, side]) for side in (0, 1))
        own = np.arange(len(first))
        kernels.exact_pairs(first, second, own, own, squared[some])

    pool.all(measure, _parts(len(pairs)))
    return points.in_bound_units(squared)


def _parts(number: int) -> list[slice]:
    return [slice(start, min(start + PART, number)) for start in range(0, number, PART)]

"""Square matrices of the distances between all samples, as other tools hand them out: read, or told from vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.joined import joined
from layerscape.errors import InvalidType, InvalidValue

ROUNDING = 1e-3  # of a row's mean distance: what rounding may leave between halves, on the diagonal, and below 0
BYTES = 2**26  # float64 bytes of the rows that are looked at together
PIVOTS = 8  # samples over which the way from all to all is tried
FEWEST = 3  # samples among which distances can be told from anything


def nearest_of_all(distances: Any, k: int | None) -> tuple[np.ndarray, ...]:
    """The k nearest of every sample in a square matrix, nearest first, ties by index; all others when k is left out.

    Returns
    -------
    indices, distances, copies, border_rows, border_copies
        As in `Neighbors`: shapes (N, k), (N, k), (N,), and for every sample beyond the last column at its distance the
        row and the number of copies.
    """
    matrix = _square(distances)
    n = len(matrix)
    if k is None:
        k = n - 1
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise InvalidType(f"k={k!r} is no whole number; give how many neighbors each sample keeps.")
    if not 1 <= k < n:
        raise InvalidValue(f"k={k} neighbors asked of {n} samples; k must lie in 1..{n - 1}.")
    indices, found = np.empty((n, k), np.int64), np.empty((n, k))
    ties, zeros = [], []
    for rows, block in _blocks(matrix):
        _check(matrix, rows, block)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        last = np.partition(block, k - 1, axis=1)[:, k - 1]
        members, columns = np.nonzero(block <= last[:, None])
        order = np.lexsort((block[members, columns], members))  # which keeps the order of the columns where it ties
        members, columns = members[order], columns[order]
        counts = np.bincount(members, minlength=len(block))
        places = np.arange(len(members)) - np.repeat(np.cumsum(counts) - counts, counts)
        listed = places < k
        indices[rows] = columns[listed].reshape(-1, k)
        found[rows] = np.take_along_axis(block, indices[rows], 1)
        ties.append(np.stack([members[~listed] + rows.start, columns[~listed]], axis=1))
        zeros.append(np.argwhere(block == 0) + np.array([rows.start, 0]))
    copies, tied = joined(n, *np.concatenate(zeros).T), np.concatenate(ties)
    return indices, found, copies, tied[:, 0], copies[tied[:, 1]]


def looks_like_square(matrix: Any) -> bool:
    """Whether a matrix may be the distances between all its samples, or their squares.

    Zero on its diagonal, nowhere negative, symmetric, and no way over another sample is far too short: of distances it
    is as long at least, of their squares half as long (a graph's adjacency, with zeros between strangers, is neither).
    """
    if matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < FEWEST:
        return False
    pivots = np.asarray(matrix[:PIVOTS], np.float64)
    for rows, block in _blocks(matrix):
        try:
            _check(matrix, rows, block)
        except InvalidValue:
            return False
        if (block.max(axis=1) == 0).any():
            return False
        slack = ROUNDING * block.mean(axis=1)[:, None]
        if any((block > 2 * (pivot[rows, None] + pivot) + slack).any() for pivot in pivots):
            return False
    return True


def nearly_square(matrix: Any) -> str:
    """What is wrong with a matrix that is 0 all along its diagonal, or symmetric; empty where nothing is."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < FEWEST:
        return ""
    if np.asarray([matrix[row, row] for row in range(matrix.shape[0])]).any():
        alike = all(np.allclose(block, np.asarray(matrix[:, rows]).T) for rows, block in _blocks(matrix))
        one_hot = all((np.count_nonzero(block, axis=1) <= 1).all() for _, block in _blocks(matrix))
        return "symmetric, as similarities are; give distances (1 - s, say)." if alike and not one_hot else ""
    try:
        for rows, block in _blocks(matrix):
            _check(matrix, rows, block)
    except InvalidValue as error:
        return str(error)
    return ""


def _square(given: Any) -> Any:
    matrix = as_array(given, "distances")
    if matrix.ndim == 1:
        raise InvalidValue(
            f"distances of shape {tuple(matrix.shape)}; give a square matrix: scipy.spatial.distance.squareform(d)."
        )
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
        raise InvalidValue(
            f"distances of shape {tuple(matrix.shape)}; give a square matrix (N, N), from every sample to every other; "
            "of the k nearest only, with who they are: Neighbors.from_arrays(indices, distances)."
        )
    return matrix


def _blocks(matrix: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows that fit into memory together, as numbers of their own."""
    n = matrix.shape[0]
    step = max(1, BYTES // (8 * n))
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, np.array(matrix[rows], np.float64)


def _check(matrix: Any, rows: slice, block: np.ndarray) -> None:
    """Raise unless these rows are distances; what rounding left below 0 becomes 0."""
    _none(~np.isfinite(block), rows, block, "give finite distances between all samples, or leave out those without")
    slack = ROUNDING * np.abs(block).mean(axis=1)[:, None]
    _none(block < -slack, rows, block, "distances are not negative; of similarities s give 1 - s, say")
    own = block[np.arange(len(block)), np.arange(rows.start, rows.stop)]
    if len(far := np.flatnonzero(own > slack[:, 0])):
        raise InvalidValue(
            f"sample {rows.start + far[0]} lies at distance {own[far[0]]:.3g} of itself; give distances, 0 on the "
            "diagonal, and no similarities (1 - s, say)."
        )
    other = np.asarray(matrix[:, rows], np.float64).T
    where = np.argwhere(np.abs(block - other) > slack)
    if len(where):
        i, j = where[0]
        raise InvalidValue(
            f"from sample {rows.start + i} to {j} it is {block[i, j]:.6g} and back {other[i, j]:.6g}; give distances "
            "that are the same both ways: (d + d.T) / 2, or max(d, d.T) of one half."
        )
    np.maximum(block, 0, out=block)


def _none(wrong: np.ndarray, rows: slice, block: np.ndarray, what: str) -> None:
    where = np.argwhere(wrong)
    if len(where):
        i, j = where[0]
        raise InvalidValue(f"the distance from sample {rows.start + i} to {j} is {block[i, j]:.6g}; {what}.")

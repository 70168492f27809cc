"""What pairs join, directly or by way of others."""

from __future__ import annotations

import numpy as np


def joined(n: int, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A number for each of n, the same for those that pairs join.

    >>> joined(5, np.array([0, 3]), np.array([4, 0])).tolist()
    [0, 1, 2, 0, 0]
    """
    if not len(rows):
        return np.arange(n)
    from scipy.sparse import coo_array  # which the help of the command line does without
    from scipy.sparse.csgraph import connected_components

    pairs = coo_array((np.ones(len(rows), bool), (rows, others)), shape=(n, n))
    return connected_components(pairs, directed=False)[1].astype(np.int64)

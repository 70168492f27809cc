"""What an engine is given and what it gives: the words that the files of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from layerscape.core.threads import Workers
from layerscape.search.rows import Rows

UNDERFLOW = 2.0**-100  # what float32 can lose below its smallest number when the largest coordinate is near 1
SPARE = 12  # candidates beyond k: on clouds of points these suffice, and copies were taken out before
ULPS = 1 + 2.0**-50  # ties are judged after the square root, which can make two neighboring values one


@dataclass(frozen=True)
class Job:
    """A search among distinct points.

    Attributes
    ----------
    points
        The N points, no two of which are equal.
    queries
        The M queries; the very object ``points`` when all points are asked for.
    own
        Shape (M,): which point each query is, since none is its own neighbor; −1 if it is none.
    k
        How many neighbors to find: at most N, or N − 1 if any query is a point.
    memory
        Bytes to work with, beside what grows with M·k.
    pool
        The threads that may run.
    progress
        Called with the number of queries finished since the last call.
    """

    points: Rows
    queries: Rows
    own: np.ndarray
    k: int
    memory: int
    pool: Workers
    progress: Callable[[int], None]

    @property
    def symmetric(self) -> bool:
        """Whether every point is asked for, so that each pair needs to be looked at only once."""
        return self.queries is self.points


@dataclass(frozen=True)
class Candidates:
    """For each query some points, and how near every other point is at the least.

    Attributes
    ----------
    lists
        Shape (M, capacity), uint64: the bits of a float32 bound over the number of its point. A bound is at most
        d²/2, half of the squared distance in the scale of `Rows.centered`.
    counts
        Shape (M,): how many entries of each list are used.
    limits
        Shape (M,), float32: the bounds of all points that are not in the list are at least this.
    row_halves, column_halves
        Half of the squared length of every query and point, as `Rows.centered` gives them.
    """

    lists: np.ndarray
    counts: np.ndarray
    limits: np.ndarray
    row_halves: np.ndarray
    column_halves: np.ndarray


@dataclass(frozen=True)
class Found:
    """Nearest first, ties by index: indices and squared distances (M, k), and for each row of the border its sample."""

    indices: np.ndarray
    squared: np.ndarray
    border_rows: np.ndarray
    border: np.ndarray


def slack(n_units: int, bits: int = 24) -> float:
    """Share of ‖a‖² + ‖b‖² by which a squared distance from a matrix product can be wrong.

    With u = 2^−bits, rounding the rows costs 4u, a sum of D products D·u whatever its order, and the few operations
    around it less than 8u; twice that is taken.
    """
    return 2 * (n_units + 16) * 2.0**-bits


def nothing_found(n_queries: int) -> Found:
    """The result when there is no point beside the query itself."""
    none = np.empty(0, np.int64)
    return Found(np.empty((n_queries, 0), np.int64), np.empty((n_queries, 0)), none, none)

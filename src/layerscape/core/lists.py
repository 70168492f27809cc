"""Lists of neighbors as other tools hand them out: matrices of row numbers and of distances, with the sample itself."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.jit import compiled_when_called
from layerscape.core.representation import Representation, as_representation
from layerscape.core.square import looks_like_square
from layerscape.errors import InvalidType, InvalidValue

FEW = 64  # rows that are looked at first: most matrices are told apart by these
FEWEST = 8  # samples of which it can be told: a handful of small whole numbers may be anything
LARGEST_SELF = 1e-3  # distance of a sample to itself, of that to its first neighbor, that rounding may leave


def check_lists(indices: np.ndarray, order: np.ndarray, n_samples: int, queries: np.ndarray | None) -> None:
    """Raise unless these are neighbors of queries among N samples, in order: of every graph that no search made."""
    if indices.ndim != 2 or indices.shape != order.shape:
        raise InvalidValue(
            f"indices of shape {indices.shape} and distances of shape {order.shape}; "
            "both must have one shape (queries, k)."
        )
    if indices.dtype.kind not in "iu":
        raise InvalidType(f"indices of type {indices.dtype}; give row numbers as integers.")
    if order.dtype != np.float64:
        raise InvalidType(f"distances of type {order.dtype}; give float64, computed from differences.")
    n_rows, k = indices.shape
    if not 1 <= k <= n_samples:
        raise InvalidValue(f"a graph of k={k} columns over {n_samples} samples; k must lie in 1..N-1.")
    if queries is None and n_rows != n_samples:
        raise InvalidValue(f"{n_rows} rows for {n_samples} samples; name the rows that were asked in queries.")
    if indices.size and (indices.min() < 0 or indices.max() >= n_samples):
        raise InvalidValue(f"an index lies outside 0..{n_samples - 1}; indices are row numbers.")
    sound = np.isfinite(order).all() and (order[:, :1] >= 0).all()
    if not sound or (order[:, 1:] < order[:, :-1]).any():
        raise InvalidValue("distances must be finite, not negative, and not decrease along a row; sort them.")
    if (indices == (np.arange(n_samples) if queries is None else np.asarray(queries))[:, None]).any():
        raise InvalidValue("a sample is listed as its own neighbor; leave column 0 (itself) out.")
    if repeated(indices):
        raise InvalidValue("a row lists a sample twice; list each neighbor once.")


def read_lists(indices: Any, distances: Any, self_first: bool | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Index and distance matrices without the samples themselves; raises at whatever is no graph of all samples."""
    numbers = _row_numbers(indices)
    apart = None if distances is None else _distances(distances, numbers.shape)
    if apart is not None and apart.shape != numbers.shape:
        numbers, apart = _first_of_both(numbers, apart)
    own = numbers == np.arange(len(numbers))[:, None]
    if not _lists_itself(own, self_first):
        return numbers, apart
    if numbers.shape[1] == 1:
        raise InvalidValue("the only column is the samples themselves; give at least one neighbor of each.")
    column = np.where(own.any(axis=1), own.argmax(axis=1), -1)
    _check_missing(column, apart)
    if apart is not None:
        _check_own_distance(column, apart)
    others = np.ones(own.shape, bool)
    others[np.arange(len(own)), column] = False  # the last of a list that itself is not in
    shape = len(own), own.shape[1] - 1
    return numbers[others].reshape(shape), None if apart is None else apart[others].reshape(shape)


class LooksLikeGraph(InvalidValue):
    """An array that looks like what other tools write of a graph, where vectors are read.

    ``looks`` says so, and ``option`` is that of the command line for what it looks like.
    """

    def __init__(self, x: Representation, what: str, made: str, option: str) -> None:
        self.layer = x.layer
        self.looks = f"a matrix of {x.n_samples} × {x.n_units} that looks like {what} and not like vectors"
        self.option = option
        super().__init__(f"{self.looks}; give {made}; vectors all the same: Representation(x).")


def as_vectors(x: Any, layer: str = "", name: str = "") -> Representation:
    """`as_representation` of what is to be measured; raises at an array that looks like neighbors or distances.

    A `Representation` says that it holds vectors, whatever they look like.
    """
    found = as_representation(x, layer, name)
    if isinstance(x, Representation):
        return found
    n, several = found.n_samples, found.n_samples >= FEWEST and found.n_units > 1
    for looks, what in ((_looks_like_rows, "row numbers"), (_looks_like_distances, "distances")):
        if several and looks(found.matrix[:FEW], n) and looks(found.matrix[:], n):
            made = "Neighbors.from_arrays(indices, distances, self_first=…)"
            raise LooksLikeGraph(found, f"{what} of neighbors", made, "--indices")
    if looks_like_square(found.matrix):
        what = "the distances of all samples from each other"
        raise LooksLikeGraph(found, what, "Neighbors.from_distances(d)", "--square")
    return found


def _looks_like_rows(values: Any, n_samples: int) -> bool:
    """Whole numbers in 0…N−1, or counted from 1, none twice in a row; each row lists itself, or none does."""
    values = np.asarray(values)
    if values.min() < 0 or values.max() > n_samples or (values != np.floor(values)).any() or repeated(values):
        return False
    if _number_samples(values, n_samples):
        return True
    return (len(values) < n_samples or values.max() == n_samples) and _number_samples(values - 1, n_samples)


def _number_samples(values: np.ndarray, n_samples: int) -> bool:
    """Whether numbers lie in 0…N−1, up to the large ones, and each row lists itself, or none does."""
    own = (values == np.arange(len(values))[:, None]).any(axis=1).mean()
    plain = values.min() >= 0 and n_samples / 2 <= values.max() <= n_samples - 1
    return bool(plain and (own == 0 or own > 0.5))


def _looks_like_distances(values: Any, _: int) -> bool:
    """Zero and then rising, in every row: the sample itself and its neighbors."""
    values = np.asarray(values)
    rising = (values[:, 1:] >= values[:, :-1]).all()
    return bool(rising and (values[:, 0] == 0).all() and (values[:, -1] > 0).all())


def repeated(indices: np.ndarray) -> bool:
    """Whether a row holds a number twice."""
    step = max(1, 2**22 // indices.shape[1])  # so that the sorted copy is small
    for start in range(0, len(indices), step):
        ordered = np.sort(indices[start : start + step], axis=1)
        if (ordered[:, 1:] == ordered[:, :-1]).any():
            return True
    return False


@compiled_when_called
def first_listed(indices, distances, number, rows, members, apart, whole):
    """Fill in the first neighbors of some rows that have a number, their distances, and whether there are so many."""
    k = members.shape[1]
    for place in range(len(rows)):
        row, found = rows[place], 0
        for column in range(indices.shape[1]):
            if number[indices[row, column]] >= 0:
                members[place, found] = number[indices[row, column]]
                apart[place, found] = distances[row, column]
                found += 1
                if found == k:
                    whole[place] = True
                    break


def _row_numbers(given: Any) -> np.ndarray:
    found = np.asarray(as_array(given, "indices"))
    if found.ndim != 2 or 0 in found.shape:
        raise InvalidValue(f"indices of shape {found.shape}; give a matrix (N, k): the neighbors of each sample.")
    if found.dtype.kind == "b" or (found != np.floor(found)).any():
        raise InvalidType(f"indices of type {found.dtype} that are no row numbers; give whole numbers in 0…N−1.")
    n, low, high = len(found), found.min(), found.max()
    if low < 0 or high >= n:
        where = f"indices from {low:.0f} to {high:.0f} in {n} rows"
        if low < 0:
            raise InvalidValue(f"{where}: below 0 stands what a tool did not find; search again, exactly.")
        if low == 1 and high == n:
            raise InvalidValue(f"{where}: they count from 1; subtract 1.")
        raise InvalidValue(f"{where}: give one row for each sample that is listed, in the order of their numbers.")
    return found.astype(np.int64)


def _distances(given: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(as_array(given, "distances"))
    if found.ndim != 2 or len(found) != shape[0] or not found.shape[1]:
        raise InvalidValue(f"indices of shape {shape} and distances of shape {found.shape}; give one for each other.")
    found = found.astype(np.float64)
    if np.isnan(found).any():
        raise InvalidValue("a distance is NaN; search again, or leave those samples out of the data.")
    if (found[:, -1] < found[:, 0]).any():
        raise InvalidValue("distances fall along a row; give distances, nearest first, and no similarities.")
    return found


def _first_of_both(numbers: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first columns that both have, of files that keep more neighbors than distances, or the other way round."""
    width = min(numbers.shape[1], apart.shape[1])
    numbers, apart = numbers[:, :width], apart[:, :width]
    if (apart[:, 0] == 0).all() and not (numbers[:, 0] == np.arange(len(numbers))).any():
        raise InvalidValue(
            "the first distance is 0 in every row, as of the samples themselves, which the indices do not list first; "
            "leave that column out."
        )
    return numbers, apart


def _lists_itself(own: np.ndarray, self_first: bool | None) -> bool:
    """Whether the lists hold the samples themselves, as it was said or as it is plain."""
    n, listed, first = len(own), int(own.any(axis=1).sum()), int(own[:, 0].sum())
    if self_first is None:
        if first == n or listed == 0:
            return first == n
        raise InvalidValue(
            f"{first} of {n} rows list the sample itself first and {listed - first} elsewhere; say self_first=True "
            "where it is among its neighbors (exact copies may come before it), False where it should not be."
        )
    if self_first and listed <= n / 2:
        raise InvalidValue(
            f"self_first=True, but {n - listed} of {n} rows do not list their own number; "
            "give the rows in the order of their numbers, or leave self_first out."
        )
    if not self_first and listed:
        raise InvalidValue(f"self_first=False, but {listed} of {n} rows list the sample itself; give self_first=True.")
    return bool(self_first)


def _check_missing(column: np.ndarray, distances: np.ndarray | None) -> None:
    """Lists without the sample itself: full of copies of it, as distances prove; else it is said."""
    lost = np.flatnonzero(column < 0)
    if len(lost) == 0:
        return
    if distances is None:
        warnings.warn(
            f"{len(lost)} of {len(column)} lists are without the sample itself, as where it has more copies than "
            "columns; their last neighbor is left out",
            stacklevel=4,
        )
    elif (far := lost[distances[lost, -1] > 0]).size:
        raise InvalidValue(
            f"row {far[0]} lists neighbors at a distance above 0, but not the sample itself, which is nearer; "
            "search exactly, or give the rows in the order of their numbers."
        )


def _check_own_distance(column: np.ndarray, distances: np.ndarray) -> None:
    """A sample lies at distance 0 of itself, but for rounding."""
    listed = np.flatnonzero(column >= 0)
    own, last = distances[listed, column[listed]], distances[listed, -1]
    if (np.abs(own) > LARGEST_SELF * np.abs(last)).any():
        row = listed[np.argmax(np.abs(own))]
        raise InvalidValue(
            f"sample {row} lies at distance {distances[row, column[row]]:.3g} of itself; give the distances of these "
            "very neighbors."
        )

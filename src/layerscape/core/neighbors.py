"""Neighbors: who is near whom in one representation. The conventions of the field are decided here, once.

- A sample is never its own neighbor, by index and not by distance: an exact copy is a neighbor at distance 0.
- Neighbors are ordered by distance and, where distances tie, by index. No measure may profit from that order, so the
  graph also knows its *border*: the samples beyond the last column that lie at exactly the last column's distance.
- Copies stay in the graph; `copies` says which rows are copies of one another.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.border import border_of_first, compressed, every_place, none_tie_beyond, not_farther
from layerscape.core.lists import check_lists, first_listed, read_lists
from layerscape.core.nearness import PLAIN, Nearness
from layerscape.core.shown import Card, Shown
from layerscape.core.square import nearest_of_all
from layerscape.core.taking import lists_of
from layerscape.errors import InvalidValue


class WithoutDistances(InvalidValue, AttributeError):
    """Distances were asked of a graph that was given without."""


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors(Shown):
    """The k nearest neighbors of M query samples among N, called ``graph`` in arguments.

    Attributes
    ----------
    indices
        Shape (M, k), int: row numbers in 0…N−1, nearest first.
    distances
        Shape (M, k), float64, not decreasing along a row. A graph that was given without says so where they are read.
    n_samples
        N, how many samples were searched.
    n_units
        D of the representation that was searched; None if unknown.
    near
        What "near" meant: metric and so on.
    queries
        Shape (M,): the row number of each query, or −1 for points that are no row; None when all N rows were asked.
    copies
        Shape (N,): rows that are equal to the bit share a number; None if copies were not looked for.
    border_starts, border_copies
        The border as compressed rows: row i's are ``border_copies[border_starts[i]:border_starts[i + 1]]``, numbers of
        copies that all lie at the last column's distance (some of them may be in the columns already).
    deciding
        The unit that decides who is near and its share of the variance, which is 0 if none does; None if nobody looked.

    ``proven``: the lists come from a search or a graph that was checked, and are not checked again.
    """

    indices: np.ndarray = field(repr=False)
    distances: np.ndarray = field(repr=False)
    n_samples: int
    n_units: int | None = None
    near: Nearness = PLAIN
    queries: np.ndarray | None = field(default=None, repr=False)
    copies: np.ndarray | None = field(default=None, repr=False)
    border_starts: np.ndarray | None = field(default=None, repr=False)
    border_copies: np.ndarray | None = field(default=None, repr=False)
    deciding: tuple[int, float] | None = None
    proven: InitVar[bool] = False

    def __post_init__(self, proven: bool) -> None:
        object.__setattr__(self, "indices", np.asarray(self.indices))
        if self.distances is None:
            object.__delattr__(self, "distances")
        else:
            object.__setattr__(self, "distances", np.asarray(self.distances))
        if not proven:
            check_lists(self.indices, self.order, self.n_samples, self.queries)
        for array in (self.indices, self.order):
            array.setflags(write=False)

    @classmethod
    def from_arrays(cls, indices: Any, distances: Any = None, *, self_first: bool | None = None) -> Neighbors:
        """A graph from the matrices of another tool, such as scikit-learn's ``kneighbors``, faiss or DADApy.

        Parameters
        ----------
        indices
            Shape (N, k): the row numbers, 0…N−1, of the neighbors of every sample, nearest first.
        distances
            Shape (N, k): how far they are. True distances, and no squares (as faiss gives), for measures that read
            them; without them overlaps and whatever else asks only who is near can be measured, and ties are not seen.
            Of unlike numbers of columns the first that both matrices have are read.
        self_first
            Whether the lists hold the sample itself, which is then taken out wherever it stands: exact copies may come
            before it. When left out: yes where it stands first in every row, no where it stands in none.

        Raises
        ------
        InvalidValue, InvalidType
            If indices lie outside 0…N−1, repeat in a row or are of some samples only; if it is not plain whether they
            list the samples themselves; if distances are of other samples, negative, NaN, or fall along a row.

        Examples
        --------
        >>> graph = Neighbors.from_arrays([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
        >>> graph.indices
        array([[1, 2], [0, 2], [1, 0]])
        """
        found, apart = read_lists(indices, distances, self_first)
        return cls(found, apart, len(found))  # type: ignore[arg-type]

    @classmethod
    def from_distances(cls, distances: Any, k: int | None = None) -> Neighbors:
        """A graph from the distances between all samples, whatever they were measured by.

        Parameters
        ----------
        distances
            Shape (N, N): symmetric but for rounding, 0 on the diagonal. True distances, and no squares. The rows are
            read in blocks, so that it may lie on disk.
        k
            How many neighbors each keeps; all N − 1 when left out. Ties are kept, in the order of the index.

        Raises
        ------
        InvalidValue, InvalidType
            If the matrix is not square or not symmetric, holds NaN, infinity or negative values, if a sample is far
            from itself, or if k lies outside 1…N−1.

        Examples
        --------
        >>> Neighbors.from_distances([[0, 1, 3], [1, 0, 2], [3, 2, 0]], k=1).indices.ravel()
        array([1, 0, 1])
        """
        indices, found, copies, rows, tied = nearest_of_all(distances, k)
        n = len(indices)
        return cls(indices, found, n, None, PLAIN, None, copies, *compressed(rows, tied, n), proven=True)

    def _card(self) -> Card:
        asked = "" if self.queries is None else f" of {len(self.indices)} queries"
        units = f" × {self.n_units} units" if self.n_units else ""
        far = self.near.words if self.has_distances else "without distances"
        copies = [("copies", f"{self.n_copies} samples are exact copies of earlier ones")] if self.n_copies else []
        return Card(f"Neighbors: {self.k} nearest{asked} among {self.n_samples} samples{units}, {far}", copies)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "distances":
                raise WithoutDistances(
                    "the graph was given without distances; give them: Neighbors.from_arrays(indices, distances)."
                )
            raise AttributeError(f"a graph has no attribute {name!r}")

    @property
    def has_distances(self) -> bool:
        """Whether distances were given, or only who is near."""
        return "distances" in vars(self)

    @cached_property
    def order(self) -> np.ndarray:
        """Shape (M, k): who is nearer and who ties: the distances, or the places 1…k where there are none."""
        places = np.arange(1.0, 1 + self.indices.shape[-1])
        return self.distances if self.has_distances else np.broadcast_to(places, self.indices.shape)

    @property
    def metric(self) -> str:
        """``"euclidean"`` or ``"cosine"`` (the chord between unit vectors)."""
        return self.near.metric

    @property
    def k(self) -> int:
        """How many neighbors each query has."""
        return int(self.indices.shape[1])

    @property
    def query_rows(self) -> np.ndarray:
        """Shape (M,): the row number of each query, −1 for points that are no row."""
        return np.arange(self.n_samples) if self.queries is None else np.asarray(self.queries)

    @cached_property
    def n_copies(self) -> int:
        """How many samples are exact copies of an earlier one."""
        return 0 if self.copies is None else int(self.n_samples - len(np.unique(self.copies)))

    def need(self, k: int) -> None:
        """Raise unless the graph holds k neighbors."""
        if not 1 <= k <= self.k:
            more = ": search again with a larger k" if self.k < k <= self.near.most(self.n_samples) else ""
            allowed = f"k must lie in 1..{self.k}{more}."
            raise InvalidValue(f"k={k} neighbors asked of a graph that holds {self.k}; {allowed}")

    def weights(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Membership of the first k, with ties across the border shared evenly.

        Returns
        -------
        rows, columns, weights
            Flat arrays: sample ``columns[e]`` is among the first k of query number ``rows[e]`` with probability
            ``weights[e]`` in (0, 1] when ties are broken at random. The weights of a query add up to k.
        """
        self.need(k)
        if none_tie_beyond(self, k):
            rows, members = every_place(self, k)
            return rows, members, np.ones(len(rows))
        rows, members, order = self.up_to(k)
        last = self.order[:, k - 1]
        is_tied = order == last[rows]
        places = k - (self.order < last[:, None]).sum(axis=1)
        share = places / np.bincount(rows[is_tied], minlength=len(last))
        return rows, members, np.where(is_tied, share[rows], 1.0)

    def up_to(self, k: int, some: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All samples that are not farther from a query than its k-th neighbor.

        Parameters
        ----------
        some
            Increasing numbers of queries; all when left out.

        Returns
        -------
        places, members, order
            Flat arrays: sample ``members[e]`` is at ``order[e]`` (see `order`) from query ``places[e]`` of those asked.
        """
        self.need(k)
        if some is None and none_tie_beyond(self, k):
            return *every_place(self, k), self.order[:, :k].ravel()
        return not_farther(self, k, np.arange(len(self.indices)) if some is None else some)

    def first(self, k: int) -> Neighbors:
        """The graph of the first k neighbors; its border is what ties with the new last column."""
        self.need(k)
        if k == self.k:
            return self
        copies = np.arange(self.n_samples) if self.copies is None else self.copies
        starts, tied = border_of_first(self, k, copies)
        return Neighbors(
            self.indices[:, :k].copy(),
            self.distances[:, :k].copy() if self.has_distances else None,  # type: ignore[arg-type]
            self.n_samples,
            self.n_units,
            self.near,
            self.queries,
            copies,
            starts,
            tied,
            self.deciding,
            proven=True,
        )

    def among(self, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first k neighbors of some samples among themselves, as far as this graph holds them.

        Parameters
        ----------
        rows
            Increasing row numbers to keep, both as queries and as neighbors.
        k
            How many neighbors each should keep.

        Returns
        -------
        indices, distances, whole
            Shapes (len(rows), k), renumbered 0…len(rows)−1, and (len(rows),): whether all k of a row were found.
        """
        assert self.queries is None, "among is for graphs of all rows"
        number = np.full(self.n_samples, -1)
        number[rows] = np.arange(len(rows))
        indices, distances = np.zeros((len(rows), k), np.int64), np.zeros((len(rows), k))
        whole = np.zeros(len(rows), bool)
        first_listed(self.indices, self.distances, number, rows, indices, distances, whole)
        return indices, distances, whole

    def restrict(self, rows: np.ndarray, k: int) -> Neighbors | None:
        """The graph over some of the samples only, renumbered 0…len(rows)−1, or None if too few columns are left.

        Parameters
        ----------
        rows
            Increasing row numbers to keep; no two may be copies.
        k
            How many neighbors each must keep.
        """
        indices, distances, whole = self.among(rows, k)
        if not whole.all():
            return None
        return Neighbors(indices, distances, len(rows), self.n_units, self.near.among(rows), proven=True)

    def take(self, rows: np.ndarray, near: Nearness | None = None) -> Neighbors:
        """The graph of some samples, in this order, with as many neighbors as it holds of each, not apart by `near`."""
        assert self.queries is None, "take is for graphs of all rows"
        indices, order, copies, starts, tied = lists_of(self, rows, near := near or self.near)
        apart: Any = order if self.has_distances else None
        return Neighbors(
            indices, apart, len(rows), self.n_units, near.among(rows), None, copies, starts, tied, proven=True
        )

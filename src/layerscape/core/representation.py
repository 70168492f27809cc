"""Representation: the matrix that one layer gives to N samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array, index_of
from layerscape.core.samples import check_ids
from layerscape.core.shown import Card, Shown
from layerscape.errors import InvalidValue

BLOCK_BYTES = 32 * 2**20  # float64 bytes of one block read from a matrix that may be larger than memory


def rows_of_block(n_units: int) -> int:
    """How many rows of so many units are read at a time; sums over all rows are taken in such blocks."""
    return max(1, BLOCK_BYTES // (8 * n_units))


def not_finite(sample: str, where: str) -> InvalidValue:
    """The error that says which sample has a value that is NaN or infinite."""
    return InvalidValue(
        f"sample {sample!r}{where} has a value that is NaN or infinite; remove such rows, or repair what produced them."
    )


@dataclass(frozen=True, eq=False, repr=False)
class Representation(Shown):
    """One layer's matrix, shape (N, D): a sample per row, a unit per column.

    Parameters
    ----------
    matrix
        Anything of shape (N, D) that holds real numbers: array, memmap, Zarr array, torch tensor of any precision,
        table, nested lists (see `layerscape.core.conversion`). What numpy can slice is not copied; rows are read in
        blocks, as float64, and checked to be finite as they are read.
    layer
        Name of the layer.
    ids
        N distinct sample ids; when left out those in the index of a table, and row numbers where it has none.
    name
        What error messages call it; its layer, or "the data", when left out.

    Raises
    ------
    InvalidType, InvalidValue
        If the matrix is not two-dimensional, not numeric or has no rows or no columns.

    Examples
    --------
    >>> import numpy as np
    >>> Representation(np.eye(3), layer="input").n_units
    3
    """

    matrix: Any = field(repr=False)
    layer: str = ""
    ids: tuple[str, ...] = field(default=(), repr=False)
    name: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        name = self.title
        matrix = as_array(self.matrix, name)
        if 0 in matrix.shape:
            raise InvalidValue(f"{name} is empty, shape {tuple(matrix.shape)}; give at least one row and one column.")
        if matrix.ndim != 2:
            so = "reshape it with x.reshape(len(x), -1)" if matrix.ndim else "give several samples"
            raise InvalidValue(
                f"{name} has shape {tuple(matrix.shape)}; a representation is a matrix of samples × units: {so}."
            )
        index = index_of(self.matrix)
        ids = self.ids or (index if len(set(index)) == matrix.shape[0] else tuple(map(str, range(matrix.shape[0]))))
        if len(ids) != matrix.shape[0]:
            raise InvalidValue(f"{name} has {matrix.shape[0]} rows but {len(ids)} ids; give one id per row.")
        if self.ids:
            check_ids(ids)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "ids", tuple(ids))

    def _card(self) -> Card:
        name = f" {self.layer!r}" if self.layer else ""
        title = f"Representation{name}: {self.n_samples} samples × {self.n_units} units, {self.matrix.dtype}"
        return Card(title, [("ids", ", ".join(self.ids[:3]) + ", …" * (len(self.ids) > 3))])

    @property
    def title(self) -> str:
        """What error messages call it."""
        return self.name or (f"layer {self.layer!r}" if self.layer else "the data")

    @property
    def named(self) -> bool:
        """Whether its samples have ids, and not only row numbers."""
        return self.ids != tuple(map(str, range(self.n_samples)))

    @property
    def n_samples(self) -> int:
        return int(self.matrix.shape[0])

    @property
    def n_units(self) -> int:
        return int(self.matrix.shape[1])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The whole matrix as numpy sees it, in the type it is stored in: ``np.asarray(x)``."""
        if isinstance(self.matrix, np.ndarray):
            return np.array(self.matrix, dtype=dtype, copy=copy)
        if copy is False:
            raise InvalidValue(f"{self.title} is read into memory when it is made an array; leave copy=False out.")
        return np.asarray(self.matrix[:], dtype=dtype)

    def read(self, rows: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """The given rows as float64, shape (rows, D); raises at the first value that is not finite."""
        return self.checked(rows).astype(np.float64, copy=False)

    def checked(self, rows: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """`stored`; raises at the first value that is not finite."""
        block = self.stored(rows)
        finite = np.isfinite(block)
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            raise self.not_finite((rows.start or 0) + row if isinstance(rows, slice) else int(rows[row]))
        return block

    def stored(self, rows: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """The given rows as they are, in `precision`. Integers beyond 2⁵³ are rounded."""
        if isinstance(rows, slice):
            block = np.asarray(self.matrix[rows])
        else:
            rows = np.asarray(rows, dtype=np.int64)
            # Zarr reads unordered rows only through its orthogonal indexer.
            oindex = getattr(self.matrix, "oindex", None)
            block = np.asarray(self.matrix[rows] if oindex is None else oindex[rows])
        return block.astype(self.precision, copy=False)

    @property
    def precision(self) -> type[np.float32] | type[np.float64]:
        """Float32 if that holds every value of the matrix's type, and float64 otherwise."""
        return np.float32 if np.can_cast(self.matrix.dtype, np.float32) else np.float64

    def not_finite(self, number: int) -> InvalidValue:
        """The error that says which sample has a value that is NaN or infinite."""
        return not_finite(self.ids[number], f" of {self.title}" if self.name or self.layer else "")

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """All rows in order, as (rows, float64 values), a bounded number at a time."""
        for rows in self.slices():
            yield rows, self.read(rows)

    def slices(self) -> Iterator[slice]:
        """Slices that cover all rows in order, a bounded number of rows each."""
        step = rows_of_block(self.n_units)
        for start in range(0, self.n_samples, step):
            yield slice(start, min(start + step, self.n_samples))

    def take(self, rows: np.ndarray) -> Representation:
        """The representation of some of the samples, held in memory in its own precision."""
        ids = tuple(map(self.ids.__getitem__, np.asarray(rows).tolist()))
        if hasattr(self.matrix, "rows"):
            return Representation(self.matrix.rows(rows), self.layer, ids, self.name)
        oindex = getattr(self.matrix, "oindex", None)
        matrix = self.matrix[rows] if oindex is None else oindex[rows]
        return Representation(np.asarray(matrix), self.layer, ids, self.name)


def as_representation(x: Any, layer: str = "", name: str = "") -> Representation:
    """``x`` itself if it is a `Representation`, otherwise one made from the array ``x``."""
    return x if isinstance(x, Representation) else Representation(x, layer, name=name)


def ids_of(given: Iterable[Representation]) -> tuple[str, ...] | None:
    """The ids of samples that are in the same rows of all; None where all have only row numbers.

    Raises
    ------
    InvalidValue
        If two have ids that say that some row is not the same sample in both.
    """
    first, *others = [x for x in given if x.named] or [None]
    for x in others:
        if first is not None and x is not None and x.n_samples == first.n_samples and x.ids != first.ids:
            row = next(row for row, (one, other) in enumerate(zip(first.ids, x.ids, strict=True)) if one != other)
            raise InvalidValue(
                f"row {row} of {first.title} is sample {first.ids[row]!r} and that of {x.title} {x.ids[row]!r}; bring "
                "them to one order, or give them without ids, x.to_numpy() or np.asarray(x), if it is the same sample."
            )
    return None if first is None else first.ids

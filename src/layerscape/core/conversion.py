"""Conversion: whatever a user holds numbers in, as what numpy can slice, or one line that says what to write."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.words import firsts
from layerscape.errors import InvalidType, InvalidValue

_SLICED = ("shape", "dtype", "ndim", "__getitem__")


@dataclass(frozen=True)
class Bfloat16:
    """A matrix of bfloat16, which numpy does not have; what is read of it is float32, of which it is the upper half."""

    bits: np.ndarray
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.bits.shape

    @property
    def ndim(self) -> int:
        return self.bits.ndim

    def __getitem__(self, rows: Any) -> np.ndarray:
        return (self.bits[rows].astype(np.uint32) << 16).view(np.float32)


def as_array(x: Any, name: str = "the data") -> Any:
    """Real numbers of any shape, as an array or as something that is read like one (memmap, Zarr), which is not copied.

    Nothing is lost in silence: a mask, a missing value, a column of words, an imaginary part are refused or kept. What
    is missing in a table becomes NaN.

    Parameters
    ----------
    x
        Array, memmap, Zarr array, torch tensor of any precision and device, table of numbers, nested lists, or anything
        that numpy makes an array of.
    name
        What error messages call it.

    Raises
    ------
    InvalidType, InvalidValue
        If it holds no real numbers, or only some, or rows of different lengths.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    array = _numbers(_plain(_sliceable(x, name), name), name)
    if array.dtype.kind not in "biuf":
        raise InvalidType(f"{name} holds values of type {_type_of(array.dtype)}; give real numbers.")
    return array


def index_of(inputs: Any) -> tuple[str, ...]:
    """The ids that the index of a table or Series gives; empty where it numbers the rows, or where there is none.

    >>> index_of([1, 2])
    ()
    """
    index = getattr(inputs, "index", None)
    if index is None or callable(index) or not hasattr(inputs, "to_numpy"):
        return ()
    names = tuple(map(str, index))
    return () if names == tuple(map(str, range(len(names)))) else names


def refuse_annotated(x: Any, name: str) -> None:
    """Raise at AnnData, in memory or backed by its file, which holds several matrices of the same samples.

    It is met without importing it.
    """
    if all(hasattr(x, each) for each in ("obs", "obsm", "obs_names")):
        raise InvalidType(
            f"{name}: AnnData holds several matrices; give one, x.X or x.obsm[NAME], or those of x.obsm as layers: "
            "layerscape.from_arrays(dict(x.obsm), labels=x.obs)."
        )


def _is_sliced(x: Any, name: str) -> bool:
    """Whether it is read like an array."""
    try:
        return all(hasattr(x, each) for each in _SLICED) and isinstance(x.dtype, np.dtype)
    except (RuntimeError, ValueError, OSError) as error:  # a data set of a file that was closed
        reason = " ".join(str(error).split()).rstrip(".")
        raise InvalidValue(
            f"{name}, of type {type(x).__name__}, cannot be read: {reason}; keep its file open."
        ) from None


def _sliceable(x: Any, name: str) -> Any:
    if isinstance(x, (str, Path)):
        raise InvalidType(
            f"{name} is the text {str(x)!r}, and no array; read a file first, with numpy.load say, or give its path to "
            "the command line: layerscape estimate NAME FILE."
        )
    if isinstance(x, Mapping):
        raise InvalidType(
            f"{len(x)} layers or arrays by name ({firsts(list(x))}) where one is wanted; give one: x[NAME]."
        )
    if hasattr(x, "toarray"):  # scipy's sparse matrices, met without importing scipy
        raise InvalidType(f"{name} is a sparse matrix ({type(x).__name__}); give a dense one: x.toarray().")
    if hasattr(x, "detach") and hasattr(x, "layout"):  # a torch tensor, met without importing torch
        return _of_tensor(x, name)
    if hasattr(x, "to_numpy"):  # a pandas or polars table, or one column of it
        return _of_table(x, name)
    refuse_annotated(x, name)
    if _is_sliced(x, name):
        return x
    try:
        return np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise InvalidValue(
            f"{name} cannot be read as a matrix: {str(error).rstrip('.')}; give rows of one length."
        ) from None
    except (TypeError, RuntimeError) as error:  # such as a list of tensors on a GPU
        reason = " ".join(str(error).split())
        raise InvalidType(f"{name}, of type {type(x).__name__}, is no array: {reason} Give one array.") from None


def _of_tensor(x: Any, name: str) -> Any:
    if str(x.layout) != "torch.strided":
        raise InvalidType(f"{name} is a sparse tensor ({x.layout}); give a dense one: x.to_dense().")
    try:
        x = x.detach().cpu()
        if str(x.dtype) == "torch.bfloat16":
            return Bfloat16(x.contiguous().view(sys.modules["torch"].int16).numpy().view(np.uint16))
        return x.numpy(force=True)
    except (TypeError, RuntimeError):  # 8-bit floats, quantized values, tensors without content
        raise InvalidType(
            f"{name} is a tensor of {x.dtype} on {x.device}, which numpy cannot hold; give x.float()."
        ) from None


def _of_table(x: Any, name: str) -> np.ndarray:
    """A table column by column, since numpy makes objects of columns of several types."""
    if not hasattr(x, "columns"):
        return _plain(x.to_numpy(), name)
    columns = [x.iloc[:, place] if hasattr(x, "iloc") else x[each] for place, each in enumerate(x.columns)]
    found = [None if str(column.dtype) == "category" else _real(column.to_numpy()) for column in columns]
    wrong = [str(each) for each, values in zip(x.columns, found, strict=True) if values is None]
    if wrong:
        listed = ", ".join(map(repr, wrong[:5])) + (f", … ({len(wrong)} in all)" if len(wrong) > 5 else "")
        raise InvalidType(f"{name} has columns that hold no real numbers: {listed}; leave them out.")
    there = [values for values in found if values is not None]
    return np.column_stack(there) if there else np.empty(x.shape)


def _plain(x: Any, name: str) -> Any:
    """Without a mask, and no subclass of numpy's but the one that lies on disk."""
    if isinstance(x, np.ma.MaskedArray):
        masked = np.ma.getmaskarray(x)
        if masked.any():
            where, inner = ", ".join(map(str, np.argwhere(masked)[0])), tuple(range(1, masked.ndim))
            any_of = f".any(axis={inner[0] if len(inner) == 1 else inner})" if inner else ""
            raise InvalidValue(
                f"{name} has {int(masked.sum())} masked values, the first at [{where}]; fill them (x.filled(value)), "
                f"or leave out their samples (x[~x.mask{any_of}])."
            )
        x = x.data
    return np.asarray(x) if isinstance(x, np.ndarray) and not isinstance(x, np.memmap) else x


def _numbers(x: Any, name: str) -> Any:
    """Numbers out of an array of objects; all else as it is."""
    if x.dtype.kind != "O" or not isinstance(x, np.ndarray):
        return x
    if x.ndim == 0:
        raise InvalidType(f"{name} is of type {type(x.item()).__name__}, and no array; give one of real numbers.")
    found = _real(x)
    if found is None:
        kinds = {type(value).__name__ for value in x.flat if not _is_real(value)}
        raise InvalidType(f"{name} holds objects of type {', '.join(sorted(kinds)[:5])}; give real numbers.")
    return found


def _real(values: np.ndarray) -> np.ndarray | None:
    """Values as numbers, where they are that; objects that are numbers as float64, and what is missing as NaN."""
    if values.dtype.kind != "O":
        return values if values.dtype.kind in "biuf" else None
    if not all(map(_is_real, values.flat)):
        return None
    return np.array([_float(value) for value in values.flat]).reshape(values.shape)


def _float(value: Any) -> float:
    if is_nothing(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf


def is_nothing(value: Any) -> bool:
    """Whether it is None, or pandas' NA, which is met without importing pandas."""
    return value is None or type(value).__name__ == "NAType"


def _is_real(value: Any) -> bool:
    return is_nothing(value) or isinstance(value, (Real, Decimal, np.bool_))


def _type_of(dtype: np.dtype) -> str:
    return f"records of {', '.join(dtype.names)}" if dtype.names else str(dtype)

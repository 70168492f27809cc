"""MATLAB: the variables of a .mat file, of version 5 to 7 by scipy, of 7.3 as the HDF5 that it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, InvalidType
from layerscape.inputs.files import reason_of
from layerscape.inputs.hdf5 import Sparse, is_hdf5, read_matlab_hdf5

MATLAB = ".mat"


def read_matlab(path: Path) -> dict[str, Any]:
    """Variable name to array, in the order of the file; 1 × N and N × 1, which MATLAB makes of a list, have one axis.

    Fields of a struct are called ``s/field``; a cell array of texts is a column of texts.
    """
    if is_hdf5(path):
        return read_matlab_hdf5(path)
    from scipy.io import loadmat

    try:
        found = loadmat(path, struct_as_record=True, squeeze_me=False)
    except MemoryError:
        raise
    except Exception as error:  # a broken file may make scipy raise anything
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); save it again from MATLAB.") from None
    own = {name: value for name, value in found.items() if not name.startswith("__")}
    return {name: _array(path, name, value) for name, value in _fields(own).items()}


def _fields(variables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Variables, and in place of each struct what is in it."""
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if isinstance(value, np.ndarray) and value.dtype.names and value.size == 1:
            found |= _fields({each: value.ravel()[0][each] for each in value.dtype.names}, f"{prefix}{name}/")
        else:
            found[prefix + name] = value
    return found


def _array(path: Path, name: str, value: Any) -> Any:
    if hasattr(value, "tocsr"):
        return Sparse(value.tocsr())
    if not isinstance(value, np.ndarray):  # such as an object of a class of MATLAB
        raise InvalidType(f"{path}:{name} is of type {type(value).__name__}; save the arrays in it as variables.")
    value = value.ravel() if value.ndim == 2 and 1 in value.shape else value
    if value.dtype.kind == "O":  # a cell array
        parts = [part.ravel()[0] if isinstance(part, np.ndarray) and part.size == 1 else part for part in value.flat]
        if all(isinstance(part, str) for part in parts):
            return np.array(parts, dtype=object).reshape(value.shape)
    return value

"""Zarr that somebody else wrote: its arrays by their path, which stay on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, InvalidValue, require
from layerscape.storage.files import readable
from layerscape.storage.manifest import NAME as RUN

CURE = "check it, or write it again"


@dataclass(frozen=True)
class ZarrOnDisk:
    """An array that stays on disk; whatever is wrong with a chunk of it is said in one line."""

    path: Path
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def attrs(self) -> Mapping[str, Any]:
        return self.array.attrs

    @property
    def axes(self) -> list[str]:
        """Their names, as either version of Zarr has them; none where they have none."""
        named = getattr(self.array.metadata, "dimension_names", None)
        return list(named or self.attrs.get("_ARRAY_DIMENSIONS", ()))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        with readable(self.path, CURE):
            return self.array[rows]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


def read_zarr(path: Path) -> dict[str, ZarrOnDisk]:
    """The arrays of a Zarr folder of version 2 or 3 by their path in it; the only one, if it has no name, is ``""``.

    They come in the order of the alphabet, since folders keep none, if they are not listed in one file in another.

    Raises
    ------
    FileProblem, InvalidValue
        If there is no Zarr, or it is AnnData or a run of layerscape.
    """
    zarr = require("zarr", "runs")
    if not path.exists():
        raise FileProblem(f"{path} does not exist; check the path.")
    if (path / RUN).exists():
        raise InvalidValue(f"{path} is a run already; measure it, or give its vectors: {path / 'vectors.zarr'}.")
    if path.is_dir() and not any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup")):
        raise FileProblem(f"{path} is a folder and no Zarr; give files of vectors.")
    with readable(path, CURE):
        top = zarr.open(path, mode="r")
        is_anndata = top.attrs.get("encoding-type") == "anndata"
        arrays = dict(_arrays(zarr, top, ""))
        if getattr(top.metadata, "consolidated_metadata", None) is None:
            arrays = dict(sorted(arrays.items()))
    if is_anndata:  # whose categories and gaps are arrays of codes
        remedy = f"anndata.read_zarr({path.name!r}).write_h5ad(FILE)"
        raise InvalidValue(f"{path} is AnnData in Zarr; write it as .h5ad: {remedy}.")
    return {name: ZarrOnDisk(path, array) for name, array in arrays.items()}


def _arrays(zarr: Any, node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, zarr.Array):
        yield prefix, node
        return
    for name, each in node.members():
        yield from _arrays(zarr, each, f"{prefix}/{name}" if prefix else name)

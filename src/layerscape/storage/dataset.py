"""A run as an xarray Dataset: a variable per layer, read from the disk when its values are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.errors import require
from layerscape.storage.folder import RunFolder
from layerscape.storage.layout import UNIT

if TYPE_CHECKING:
    import xarray


def as_dataset(folder: RunFolder) -> xarray.Dataset:
    """Layers by name and in order, with ids and labels as coordinates; of runs of any age."""
    library = require("xarray", "xarray")
    layers = {
        layer.name: (
            ("sample", layer.name + UNIT),
            library.core.indexing.LazilyIndexedArray(_lazy(folder.vectors(layer.name))),
            {
                name: value
                for name, value in (("depth", layer.depth), ("module", layer.module))
                if value not in (None, "")
            },
        )
        for layer in folder.given.others(folder.layers)
    }
    return library.Dataset(layers, coords=_coordinates(folder, layers))


def _coordinates(folder: RunFolder, layers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"sample": np.array(folder.samples.ids, dtype=object)}
    for name, values in folder.samples.labels.items():
        taken = name in found or name in layers or any(name == layer + UNIT for layer in layers)
        own = f"{name} (label)" if taken else name
        found[own] = (("sample", f"{own}_value")[: values.ndim], values)
    return found


def _lazy(array: Any) -> Any:
    """A Zarr array as xarray reads one."""
    backends = require("xarray.backends", "xarray")
    indexing = require("xarray.core.indexing", "xarray")

    class Lazy(backends.BackendArray):
        shape, dtype = array.shape, array.dtype

        def __getitem__(self, key: Any) -> np.ndarray:
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, read)

    def read(key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(array.oindex[key])

    return Lazy()

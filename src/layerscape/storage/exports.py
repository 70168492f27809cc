"""The part of a `Run` that hands it to other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerscape.storage.annotated import write_anndata
from layerscape.storage.dataset import as_dataset
from layerscape.storage.exported import write_parquet
from layerscape.storage.folder import RunFolder

if TYPE_CHECKING:
    import xarray


class Exports:
    """Its vectors, ids and labels as other tools have them; layers that were given as graphs are left out, and said."""

    folder: RunFolder

    def to_xarray(self) -> xarray.Dataset:
        """All layers as an xarray Dataset, with ids and labels: a variable (sample, LAYER_unit) each, read when asked.

        ``xarray.open_zarr(run.path / "vectors.zarr")`` opens the vectors alone, by the names of their layers; those
        that cannot be the name of a folder are numbered there, as all are in runs of earlier versions.
        """
        return as_dataset(self.folder)

    def to_numpy(self) -> dict[str, np.ndarray]:
        """Layer name to its vectors in memory, shape (N, D), as they are stored.

        >>> from layerscape import from_arrays
        >>> from_arrays({"first": np.eye(2)}).to_numpy()
        {'first': array([[1., 0.],
               [0., 1.]])}
        """
        layers = self.folder.given.others(self.folder.layers)
        return {layer.name: np.asarray(self.folder.vectors(layer.name)[:]) for layer in layers}

    def to_parquet(self, path: str | Path) -> Path:
        """Write ids (``id``), labels and one column of vectors per layer to a file, to the bit, and return its path.

        ``from_files`` and ``layerscape vectors`` make a run of it again, in which a label of several numbers is a
        layer unless ``FILE:NAME,NAME`` chooses others. A label called like a layer becomes ``NAME (label)``.
        """
        write_parquet(self.folder, Path(path))
        return Path(path)

    def to_anndata(self, path: str | Path) -> Path:
        """Write a file that ``anndata.read_h5ad`` and scanpy open, ``NAME.h5ad``, and return its path; needs h5py only.

        Ids are ``obs_names``, labels columns of ``obs`` (words as categories), and each layer is ``obsm[LAYER]``, since
        layers differ in width and so none is ``X``; so is a label of several numbers, ``obsm["NAME (label)"]``. Slashes
        in names become ``_``; ``uns["layerscape"]`` has the names of layers as they are, and depths. ``from_files``
        makes a run of it again.
        """
        write_anndata(self.folder, Path(path))
        return Path(path)

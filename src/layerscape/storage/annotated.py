"""A run as an AnnData file (.h5ad), laid out as anndata does from 0.8 on: layers in obsm, labels in obs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.columns import words_of
from layerscape.core.labels import missing
from layerscape.errors import InvalidValue, require
from layerscape.storage.files import written_aside
from layerscape.storage.folder import RunFolder

KIND, VERSION = "encoding-type", "encoding-version"


def write_anndata(folder: RunFolder, path: Path) -> None:
    """Write all layers block by block, so that one block of one layer is in memory at a time."""
    library = require("h5py", "formats")
    if path.is_dir() or not path.parent.is_dir() or path.suffix.lower() != ".h5ad":
        why = "it is a folder" if path.is_dir() else f"{path.parent} is no folder"
        why = why if path.is_dir() or not path.parent.is_dir() else "it does not end in .h5ad"
        raise InvalidValue(f"cannot write {path}: {why}; give the name of a file, NAME.h5ad.")
    labels = {name: values for name, values in folder.samples.labels.items() if values.ndim == 1}
    with written_aside(path) as aside, library.File(aside, "w") as file:
        _say(file, "anndata", "0.1.0")
        _table(_Writer(library, file), "obs", folder.samples.ids, labels)
        _table(_Writer(library, file), "var", [], {})  # one X for layers of all widths there is not
        several = _Writer(library, _group(file, "obsm"))
        named = {}
        for layer in folder.given.others(folder.layers):
            vectors = folder.vectors(layer.name)
            named[several.name(layer.name)] = layer
            out = several.array(layer.name, shape=vectors.shape, dtype=vectors.dtype)
            for number in range(folder.layout.n_blocks):
                rows = folder.layout.rows(number)
                out[rows.start : rows.stop] = np.asarray(vectors[rows])
        for name, values in folder.samples.labels.items():
            if values.ndim > 1:
                several.array(f"{name} (label)", data=values)
        about = _Writer(library, _group(_group(file, "uns"), "layerscape"))
        about.words("obsm", list(named))
        about.words("layers", [layer.name for layer in named.values()])
        about.array("depths", data=np.array([np.nan if x.depth is None else x.depth for x in named.values()], float))


def _say(part: Any, kind: str, version: str) -> None:
    part.attrs[KIND], part.attrs[VERSION] = kind, version


def _group(home: Any, name: str) -> Any:
    part = home.create_group(name, track_order=True)
    _say(part, "dict", "0.1.0")
    return part


class _Writer:
    """Writes what anndata knows into a group of HDF5, by names that can stand there."""

    def __init__(self, library: Any, group: Any) -> None:
        self._library, self.group = library, group
        self._names: dict[str, str] = {}

    def name(self, given: str) -> str:
        """The name without what would be a path, and unlike all before it."""
        if given not in self._names:
            plain = given.replace("/", "_").replace("\0", "_").strip(".") or "_"
            others, count, found = set(self._names.values()), 2, plain
            while found in others:
                found, count = f"{plain} ({count})", count + 1
            self._names[given] = found
        return self._names[given]

    def array(self, name: str, **content: Any) -> Any:
        made = self.group.create_dataset(self.name(name), **content)
        _say(made, "array", "0.2.0")
        return made

    def words(self, name: str, values: Sequence[str]) -> None:
        text = self._library.string_dtype("utf-8")
        made = self.group.create_dataset(self.name(name), data=np.array(list(values), dtype=object), dtype=text)
        _say(made, "string-array", "0.2.0")

    def categories(self, name: str, values: np.ndarray) -> None:
        """Words as numbers of the words that there are, −1 where one is missing."""
        gaps = missing(values)
        known = np.ones(len(values), bool) if gaps is None else ~gaps
        words, codes = np.unique(words_of(values)[known], return_inverse=True)
        part = _Writer(self._library, self.group.create_group(self.name(name)))
        _say(part.group, "categorical", "0.2.0")
        part.group.attrs["ordered"] = False
        every = np.full(len(values), -1, np.int32)
        every[known] = codes
        part.array("codes", data=every)
        part.words("categories", words.tolist())


def _table(writer: _Writer, name: str, index: Sequence[str], columns: dict[str, np.ndarray]) -> None:
    table = _Writer(writer._library, writer.group.create_group(name, track_order=True))
    _say(table.group, "dataframe", "0.2.0")
    table.words("_index", index)
    for column, values in columns.items():
        own = f"{column} (label)" if column == "_index" else column
        if values.dtype.kind in "biuf":
            table.array(own, data=values)
        else:
            table.categories(own, values)
    names = [table.name(f"{column} (label)" if column == "_index" else column) for column in columns]
    table.group.attrs["_index"] = "_index"
    table.group.attrs.create("column-order", np.array(names, dtype=object), dtype=writer._library.string_dtype("utf-8"))

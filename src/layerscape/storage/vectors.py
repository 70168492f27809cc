"""The vectors of a run: a Zarr v3 group of one array per layer that has some, written a whole chunk at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.given import without_vectors
from layerscape.errors import FileProblem, InvalidType, InvalidValue, require, unknown_name
from layerscape.storage.files import file_problems, in_words, readable, replace_file, sync
from layerscape.storage.given import GivenFiles
from layerscape.storage.layout import UNIT, LayerSpec, Layout, array_names
from layerscape.storage.ledger import CURE, Entry, Ledger

NAME = "vectors.zarr"
GROUP = f"{NAME}/zarr.json"  # the description of all arrays


@dataclass(frozen=True)
class Vectors:
    """The arrays under ``vectors.zarr``, of shape (N, D) each, and the graphs that were given in place of some."""

    layers: tuple[LayerSpec, ...]
    layout: Layout
    ledger: Ledger

    @property
    def root(self) -> Path:
        return self.ledger.folder / NAME

    @cached_property
    def _names(self) -> dict[str, str]:
        names = array_names(self.layers, self.layout)
        return {layer: name for layer, name in names.items() if layer not in self.given}

    @cached_property
    def given(self) -> GivenFiles:
        """The graphs that were given in place of vectors, by layer."""
        return GivenFiles(self.layers, self.ledger)

    @property
    def arrays(self) -> tuple[LayerSpec, ...]:
        """The layers that have vectors."""
        return tuple(layer for layer in self.layers if layer.name not in self.given)

    def chunk(self, layer: str, number: int) -> str:
        """The file of a block of a layer, by its path within the run."""
        return f"{NAME}/{self._names[layer]}/c.{number}.0"

    @staticmethod
    def block_of(chunk: str) -> int | None:
        """Which block a file of a layer holds; None for a description of arrays.

        >>> Vectors.block_of("vectors.zarr/block 1/c.12.0"), Vectors.block_of("vectors.zarr/block 1/zarr.json")
        (12, None)
        """
        name = chunk.rsplit("/", 1)[-1]
        return int(name.split(".")[1]) if name.startswith("c.") else None

    def identity(self, layer: str) -> str:
        """One digest of what was given of a layer, which a graph of it carries; empty in a run without ledger."""
        return self.ledger.identity(self._data(layer))

    def digest(self) -> str:
        """One digest of all files; empty where the ledger does not know them."""
        files = self.files()
        return self.ledger.identity(files) if set(files) <= set(self.ledger.names()) else ""

    def files_of(self, layer: str) -> list[str]:
        """All files of a layer, by their paths within the run."""
        described = [] if layer in self.given else [f"{NAME}/{self._names[layer]}/zarr.json"]
        return [*described, *self._data(layer)]

    def _data(self, layer: str) -> list[str]:
        if layer in self.given:
            return [self.given.file(layer)]
        return [self.chunk(layer, number) for number in range(self.layout.n_blocks)]

    def files(self) -> list[str]:
        """All files, by their paths within the run."""
        return [GROUP, *(name for layer in self.layers for name in self.files_of(layer.name))]

    def create(self) -> None:
        """Make the arrays that are not there yet."""
        zarr = require("zarr", "runs")
        zarr.open_group(self.root, mode="a", zarr_format=3)
        for layer in self.arrays:
            name = self._names[layer.name]
            if (self.root / name / "zarr.json").exists():
                continue
            zarr.create_array(
                self.root,
                name=name,
                shape=(self.layout.n_samples, layer.n_units),
                chunks=(self.layout.block_rows, layer.n_units),
                dtype=self.layout.dtype,
                compressors=zarr.codecs.ZstdCodec() if self.layout.compress else None,
                fill_value=0,
                chunk_key_encoding={"name": "default", "separator": "."},  # files and no folder per chunk
                dimension_names=("sample", name + UNIT),  # units of one layer are not those of another
                attributes={"layer": layer.name, "depth": layer.depth, "module": layer.module},
            )

    def consolidate(self) -> None:
        """Put the descriptions of all arrays into that of the group, in order, so that one file tells of all."""
        group = json.loads((self.root / "zarr.json").read_bytes())
        arrays = {name: json.loads((self.root / name / "zarr.json").read_bytes()) for name in self._names.values()}
        group["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
        replace_file(self.root / "zarr.json", json.dumps(group, indent=2, ensure_ascii=False).encode())

    def clean(self, finished: set[int]) -> None:
        """Remove the chunks of blocks that are not finished, which a kill has left."""
        kept = {f"c.{number}.0" for number in finished} | {"zarr.json"}
        for file in self.root.glob("*/*"):
            if file.name not in kept:
                file.unlink()

    def write(self, number: int, vectors: Mapping[str, Any]) -> dict[str, Entry]:
        """Put one block of all layers on the disk, unless another has; what its bytes are, for the ledger."""
        if written := {name: each for name, each in vectors.items() if isinstance(each, Entry)}:
            assert set(written) == {self.chunk(layer, number) for layer in self._names}, "it is another block"
            return written
        rows, entries = self.layout.rows(number), {}
        for layer, values in self._check(rows, vectors).items():
            path = self.ledger.folder / (name := self.chunk(layer, number))
            with file_problems(path):
                if self.layout.compress:
                    self._compress(layer, rows, values)
                    entries[name] = Entry.of(path)
                else:
                    data = self._chunk_bytes(values)
                    path.write_bytes(data)
                    entries[name] = Entry.of_bytes(data)
                sync(path)
        return entries

    def _chunk_bytes(self, values: np.ndarray) -> memoryview:
        """What Zarr makes of a chunk that is not compressed, and takes three copies for; the last one is filled up."""
        dtype = np.dtype(self.layout.dtype).newbyteorder("<")
        whole = values
        if len(values) < self.layout.block_rows:
            whole = np.zeros((self.layout.block_rows, values.shape[1]), dtype)
            whole[: len(values)] = values
        return np.ascontiguousarray(whole, dtype).data.cast("B")

    def _compress(self, layer: str, rows: slice, values: np.ndarray) -> None:
        zarr = require("zarr", "runs")
        # A chunk of zeros must be a file like any other; the setting is read when an array is opened.
        with zarr.config.set({"array.write_empty_chunks": True}):
            zarr.open_array(self.root / self._names[layer], mode="r+")[rows] = values

    def _check(self, rows: slice, vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name in vectors:
            if name not in self._names:
                raise unknown_name("layer", name, self._names)
        missing = [name for name in self._names if name not in vectors]
        if missing:
            raise InvalidValue(
                f"a block without layer {missing[0]!r}; give all {len(self._names)} layers of the block."
            )
        dtype = np.dtype(self.layout.dtype)
        return {layer.name: _check_values(layer, np.asarray(vectors[layer.name]), rows, dtype) for layer in self.arrays}

    def open(self, layer: str) -> Any:
        """One layer as a Zarr array to read, whose blocks are proven as they are read; raises if one is not there."""
        zarr = require("zarr", "runs")
        if layer in self.given:
            raise without_vectors(layer)
        if layer not in self._names:
            raise unknown_name("layer", layer, self._names)
        for number in range(self.layout.n_blocks):
            self.ledger.present(self.chunk(layer, number))
        from layerscape.storage.proven import proven_store  # it loads Zarr

        folder = self.root / self._names[layer]
        with readable(folder, CURE.format(self.ledger.folder)):
            found = zarr.open_array(proven_store(self.ledger, NAME), path=self._names[layer], mode="r")
            spec = next(each for each in self.layers if each.name == layer)
            expected = ((self.layout.n_samples, spec.n_units), self.layout.dtype)
            if (found.shape, found.dtype.name) != expected:
                raise ValueError(f"it is of shape {found.shape} and {found.dtype}, and the run of {expected}")
        return found


def _check_values(layer: LayerSpec, values: np.ndarray, rows: slice, dtype: np.dtype) -> np.ndarray:
    shape = (rows.stop - rows.start, layer.n_units)
    if values.shape != shape:
        raise InvalidValue(
            f"layer {layer.name!r} has a block of shape {values.shape}; rows {_range(rows)} need {shape}."
        )
    if values.dtype.kind not in "biuf":
        raise InvalidType(f"layer {layer.name!r} has values of type {values.dtype}; give real numbers.")
    largest = np.finfo(dtype).max
    # NaN fails both comparisons.
    if values.min() >= -largest and values.max() <= largest:
        return values
    for number, row in enumerate(values, rows.start):
        if not np.isfinite(row).all():
            raise InvalidValue(
                f"layer {layer.name!r} has a value that is NaN or infinite at sample row {number}; "
                "leave that sample out, or compute in float32."
            )
        if np.abs(row).max() > largest:
            raise InvalidValue(
                f"layer {layer.name!r} reaches {np.abs(row).max():.6g} at sample row {number}, "
                f"more than {dtype} holds ({largest:.6g}); store float32."
            )
    raise AssertionError("a block failed its check but none of its rows did")


def _range(rows: slice) -> str:
    return f"{rows.start}..{rows.stop - 1}"


def check_space(path: str | Path, needed: int) -> None:
    """Raise unless the disk of ``path`` has room for ``needed`` bytes; vectors that are there already count as room.

    Examples
    --------
    >>> check_space(".", 1)
    """
    folder = Path(path).absolute()
    present = sum(file.stat().st_size for file in folder.glob(f"{NAME}/*/*"))
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise FileProblem(
            f"the run needs {in_words(needed - present)} on disk but {in_words(free)} are free at {folder}; "
            "choose fewer layers, --limit or another --out"
        )

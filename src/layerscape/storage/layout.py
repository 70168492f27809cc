"""How a run folder is laid out: one chunk per block of rows and layer, one block at most as large as memory allows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np

from layerscape.errors import InvalidValue, unknown_name

BLOCK_BYTES = 64 * 2**20  # all layers of one block together: what a writer must hold in memory
MOST_ROWS = 4096
UNIT = "_unit"  # what follows the name of an array in that of its second dimension
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # by Windows
DTYPES = ("float16", "float32", "float64")  # bfloat16 ranks neighbors too badly to be stored


def check_store(dtype: str) -> None:
    """Raise unless vectors can be stored so."""
    if dtype not in DTYPES:
        raise unknown_name("dtype to store", dtype, DTYPES)


@dataclass(frozen=True)
class LayerSpec:
    """What is known of a layer before its vectors are there.

    Attributes
    ----------
    name
        Any text; no two layers of a run share it.
    n_units
        D, the number of columns; None of a layer that was given as a graph, without vectors.
    depth
        Position l / L in [0, 1]; None for a layer that stands outside of the blocks.
    module
        The submodule that computes it; empty for vectors that came without a model.
    """

    name: str
    n_units: int | None
    depth: float | None = None
    module: str = ""


@dataclass(frozen=True)
class Layout:
    """The arrays of a run: their rows, their precision, how they are cut into blocks, and how they are called.

    Attributes
    ----------
    by_name
        Whether arrays have the names of their layers; in earlier runs they have numbered ones.
    """

    n_samples: int
    dtype: str
    block_rows: int
    compress: bool = False
    by_name: bool = False

    def __post_init__(self) -> None:
        check_store(self.dtype)
        if min(self.n_samples, self.block_rows) < 1:
            raise InvalidValue(f"a run of {self.n_samples} samples in blocks of {self.block_rows}; give at least one.")

    @property
    def n_blocks(self) -> int:
        return math.ceil(self.n_samples / self.block_rows)

    def rows(self, number: int) -> slice:
        """The rows of a block."""
        start = number * self.block_rows
        return slice(start, min(start + self.block_rows, self.n_samples))


def lay_out(
    layers: Iterable[LayerSpec], n_samples: int, dtype: str, *, block_bytes: int = BLOCK_BYTES, compress: bool = False
) -> Layout:
    """Cut N rows into equal blocks of at most ``block_bytes`` over all layers, so that little is padded.

    Examples
    --------
    >>> lay_out([LayerSpec(f"block {number}", 768) for number in range(13)], 20_000, "float32").block_rows
    1667
    """
    layers = tuple(layers)
    check_layers(layers)
    if n_samples < 1:
        raise InvalidValue(f"a run of {n_samples} samples; give at least one.")
    Layout(n_samples, dtype, 1)  # raises before a wrong dtype is used
    row_bytes = max(1, sum(layer.n_units or 0 for layer in layers) * np.dtype(dtype).itemsize)
    most = min(max(block_bytes // row_bytes, 1), MOST_ROWS)
    block_rows = math.ceil(n_samples / math.ceil(n_samples / most))
    return Layout(n_samples, dtype, block_rows, compress, by_name=True)


def check_layers(layers: tuple[LayerSpec, ...]) -> None:
    """Raise unless there is a layer, every name occurs once and every layer has a unit."""
    if not layers:
        raise InvalidValue("a run without layers; give at least one.")
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise InvalidValue(f"the layer {layer.name!r} is given twice; layer names must be distinct.")
        if layer.n_units is not None and layer.n_units < 1:
            raise InvalidValue(f"layer {layer.name!r} has {layer.n_units} units; a layer must have at least one.")
        seen.add(layer.name)


def disk_needed(layers: Iterable[LayerSpec], n_samples: int, dtype: str = "float32") -> int:
    """Bytes that the vectors of a run take on disk.

    Examples
    --------
    >>> disk_needed([LayerSpec("embedding", 768), LayerSpec("block 1", 768)], 1000, "float16")
    3072000
    """
    layers = tuple(layers)
    layout = lay_out(layers, n_samples, dtype)
    units = sum(layer.n_units or 0 for layer in layers)
    return layout.n_blocks * layout.block_rows * units * np.dtype(dtype).itemsize


def folder_names(layers: Iterable[LayerSpec]) -> dict[str, str]:
    """Layer name to a folder name that every file system takes; the exact name is kept in ``run.json`` and in Zarr.

    Examples
    --------
    >>> folder_names([LayerSpec("encoder/layer 0", 4), LayerSpec("слой", 4)])
    {'encoder/layer 0': '000-encoder_layer_0', 'слой': '001-_'}
    """
    return {
        layer.name: f"{number:03d}-{re.sub('[^A-Za-z0-9.=-]+', '_', layer.name)[:60]}"
        for number, layer in enumerate(layers)
    }


def array_names(layers: Iterable[LayerSpec], layout: Layout) -> dict[str, str]:
    """Layer name to the name of its array, which is a folder: its own wherever every file system and Zarr take that.

    Examples
    --------
    >>> layers = [LayerSpec("block 1", 4), LayerSpec("encoder/layer 0", 4)]
    >>> array_names(layers, lay_out(layers, 10, "float32"))
    {'block 1': 'block 1', 'encoder/layer 0': '001-encoder_layer_0'}
    """
    layers = tuple(layers)
    numbered = folder_names(layers)
    if not layout.by_name:
        return numbered
    alike = Counter(layer.name.casefold() for layer in layers)  # which some file systems do not tell apart
    return {name: name if _is_plain(name) and alike[name.casefold()] == 1 else numbered[name] for name in numbered}


def _is_plain(name: str) -> bool:
    """Whether it can be a folder and a variable of xarray, and is none of what layerscape calls things itself."""
    fits = re.fullmatch(r"(?!__|\d{3,}-|[. ])[\w.=+,@ ()-]+(?<![. ])", name) and len(name.encode()) <= 120
    ours = name == "sample" or name.endswith(UNIT)
    return bool(fits) and not ours and name.split(".")[0].casefold() not in RESERVED and normalize("NFC", name) == name

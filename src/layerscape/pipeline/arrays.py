"""`from_arrays`: a run from vectors, or graphs, that are there already."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import refuse_annotated
from layerscape.core.labels import as_columns
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.provenance import fingerprint
from layerscape.core.representation import Representation, ids_of
from layerscape.errors import InvalidType, InvalidValue
from layerscape.run import Run
from layerscape.storage import LayerSpec, RunFolder
from layerscape.storage.files import remove_temporary, temporary_folder
from layerscape.storage.graphs import graph_bytes

Given = Representation | Neighbors
Depths = str | Sequence[float | None] | Mapping[str, float | None] | None


def from_arrays(
    arrays: Mapping[str, Any],
    *,
    labels: Any = None,
    ids: Any = None,
    out: str | Path | None = None,
    depths: Depths = "even",
) -> Run:
    """A run from vectors that are there already.

    Parameters
    ----------
    arrays
        Layer name to array (N, D), in the order of the network; N the same for all. A `Neighbors` in place of an array
        is a layer of which there is a graph, and no vectors: it is measured by what reads graphs.
    labels
        Column name to N values, as a dict or a DataFrame: real numbers if they are not all whole, which may be m for
        each, shape (N, m); categories otherwise.
    ids
        N distinct names of the samples; when left out those in the index of arrays that are tables, else row numbers.
    out
        Folder of the run; a temporary one, gone with the run, when left out.
    depths
        Where the layers lie between the input, 0, and the output, 1: evenly in their order when left out; a number, or
        None, for each, in their order or by name; or None, where they are no layers of one network.

    Raises
    ------
    InvalidValue, InvalidType
        If an array is no matrix of finite real numbers, or the numbers of samples differ.

    Examples
    --------
    >>> from_arrays({"layer 1": np.eye(3)}, labels={"digit": [0, 1, 1]}).samples.labels["digit"]
    array([0, 1, 1])
    """
    refuse_annotated(arrays, "arrays")
    if not isinstance(arrays, Mapping):
        raise InvalidType(
            f"arrays of type {type(arrays).__name__}; name the layers: layerscape.from_arrays({{'layer 1': x, …}})."
        )
    if not arrays:
        raise InvalidValue("no arrays given; give a dict of layer name to array (N, D).")
    layers = {
        str(name): _of_all(x, str(name)) if isinstance(x, Neighbors) else as_vectors(x, str(name))
        for name, x in arrays.items()
    }
    n = next(iter(layers.values())).n_samples
    for name, size in ((name, x.n_samples) for name, x in layers.items()):
        if size != n:
            raise InvalidValue(f"layer {name!r} has {size} samples and the first {n}; all must be of the same samples.")
    ids = ids_of(x for x in layers.values() if isinstance(x, Representation)) if ids is None else ids
    names = [str(row) for row in range(n)] if ids is None else [str(name) for name in ids]
    layers = {  # so that errors name the sample
        name: x if isinstance(x, Neighbors) else replace(x, ids=tuple(names)) for name, x in layers.items()
    }
    columns = as_columns(labels, None if ids is None else names)
    how = layers, columns, _depths(depths, list(layers)), names, "rows" if ids is None else "given"
    if out is not None:
        return Run(_write(Path(out), *how))
    path = temporary_folder()
    try:
        # Nobody goes on with a temporary run, so that it is written while its fingerprint is made; but what is no
        # array in memory may not stand to be read by two threads.
        held = all(isinstance(x, Neighbors) or isinstance(x.matrix, np.ndarray) for x in layers.values())
        run = Run(_write(path, *how, later=held))
    except BaseException:
        remove_temporary(path)
        raise
    run.temporary = True
    weakref.finalize(run, remove_temporary, path)
    return run


def _write(
    path: Path,
    layers: Mapping[str, Given],
    columns: Mapping[str, np.ndarray],
    depths: Sequence[float | None],
    names: Sequence[str],
    ids: str,
    *,
    later: bool = False,
) -> RunFolder:
    """Write what is not there yet; ``later`` makes the fingerprint meanwhile, and not before."""
    vectors = {name: x for name, x in layers.items() if isinstance(x, Representation)}
    graphs = {name: x for name, x in layers.items() if isinstance(x, Neighbors)}
    dtype = np.result_type(np.float16, *(x.matrix.dtype for x in vectors.values())).name
    units = {name: x.n_units for name, x in vectors.items()}
    specs = [LayerSpec(name, units.get(name), place) for name, place in zip(layers, depths, strict=True)]
    with ThreadPoolExecutor(1, thread_name_prefix="layerscape-fingerprint") as beside:
        found = beside.submit(_fingerprint, layers)
        plan = {"model": None, "samples": None if later else found.result(), "dtype": dtype}
        with RunFolder.create(path, plan, specs, len(names), dtype=dtype) as folder:
            folder.write_samples(names, columns, "array")
            if not folder.finished:
                for name, graph in graphs.items():
                    folder.given.write(name, graph)
                for number, rows in folder.blocks_left():
                    if found.done():
                        found.result()  # which raises where a value is not finite
                    folder.write_block(number, {name: x.stored(rows) for name, x in vectors.items()})
                counts = {"kept": len(names), "skipped": {}, "cut": 0}
                told = {"source": "arrays", "ids": ids, "counts": counts}
                held = {name: {"k": graph.k, "distances": graph.has_distances} for name, graph in graphs.items()}
                folder.finish({**told, "graphs": held} if held else told, {**plan, "samples": found.result()})
    return folder


def _depths(given: Depths, layers: Sequence[str]) -> list[float | None]:
    """A depth, or none, for each layer."""
    if given is None:
        return [None] * len(layers)
    if isinstance(given, str) and given == "even":
        return [place / max(1, len(layers) - 1) for place in range(len(layers))]
    if isinstance(given, Mapping):
        if unlike := set(map(str, given)) ^ set(layers):
            raise InvalidValue(f"depths name other layers than the arrays do, as {min(unlike)!r}; give one for each.")
        by_name = {str(name): place for name, place in given.items()}
        given = [by_name[name] for name in layers]
    try:
        places = [None if place is None else float(place) for place in given]
    except (TypeError, ValueError):
        raise InvalidValue(f"depths={given!r}; give 'even', a number or None for each layer, or None.") from None
    if len(places) != len(layers):
        raise InvalidValue(f"{len(places)} depths for {len(layers)} layers; give one for each, in their order.")
    for place in places:
        if place is not None and not 0 <= place <= 1:
            raise InvalidValue(f"a depth of {place:g}; depths lie in 0..1, from the input to the output.")
    return places


def _of_all(graph: Neighbors, layer: str) -> Neighbors:
    """A graph that can be a layer: of all samples."""
    if graph.queries is not None:
        raise InvalidValue(
            f"layer {layer!r} is a graph of {len(graph.indices)} queries; a layer has the neighbors of all its samples."
        )
    return graph


def _fingerprint(layers: Mapping[str, Given]) -> str:
    """Of all vectors, which are checked to be finite meanwhile, and of graphs."""

    def parts() -> Iterator[str | memoryview]:
        for name, x in layers.items():
            yield name
            if isinstance(x, Neighbors):
                yield memoryview(graph_bytes(x, ""))
                continue
            for rows in x.slices():
                yield np.ascontiguousarray(x.checked(rows)).data.cast("B")

    return fingerprint(parts())

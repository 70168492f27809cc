"""`from_files`: a run from files of vectors, or of graphs, that are there already."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.core.samples import check_ids
from layerscape.errors import InvalidType, InvalidValue, need
from layerscape.inputs import (
    ID_COLUMNS,
    GraphFiles,
    Holding,
    InFile,
    Kind,
    Steps,
    by_number,
    columns_of_files,
    depth_said,
    ids_beside,
    read_vectors,
    rows_of,
)
from layerscape.pipeline.arrays import Depths, from_arrays
from layerscape.run import Run
from layerscape.storage import check_place, read_zarr


def from_files(
    *files: str | Path,
    out: str | Path | None = None,
    labels: Any = None,
    id_column: str | None = None,
    depths: Depths = None,
    time: str | int | None = None,
    time_axis: int | None = None,
    transposed: bool = False,
    kind: Kind | None = None,
    distances: str | Path | Sequence[str | Path] = (),
    self_first: bool | None = None,
) -> Run:
    """A run from files of vectors: every matrix in them is a layer, in the order in which they are given.

    Parameters
    ----------
    files
        ``.npy``, ``.npz``, ``.safetensors``, ``.zarr``, ``.parquet``, ``.csv``, ``.tsv``, ``.jsonl``, ``.h5``,
        ``.h5ad``, ``.mat``, ``.pt`` or IDX, shape (N, D) each. ``FILE:NAME,NAME`` chooses arrays or columns, by name or
        pattern; ``NAME=FILE`` names a layer. It is called as its array or, where that has no name, as its file. Of
        several files that all have ids the samples are matched by them; otherwise all have them in the same order,
        which a warning says.
    out
        Folder of the run; a temporary one, gone with the run, when left out.
    labels
        Names of columns that are labels, in any of the files, or one name; or a file of labels, or labels in memory,
        as `Run.add_labels` takes them. A file with a row for each sample gives its ids too, where the others have none.
        When left out, what looks like labels: real numbers, and categories that occur at least twice on average.
    id_column
        Name of the column of ids, in the files and in that of labels; ``id``, ``ids`` or ``index`` when left out.
    depths
        Where the layers lie between the input, 0, and the output, 1: a number for each, or ``"even"``. What a run wrote
        beside them (`Run.to_parquet`, `Run.to_xarray`) when left out; other files do not say it.
    time
        Of arrays of three axes, such as trials × neurons × time: ``"mean"`` over time, the number of one step, or
        ``"flatten"`` (neurons × time units). There is no default.
    time_axis
        Which axis is time: 2, the last, when left out, which a warning says; 1 for samples × tokens × units.
    transposed
        Whether matrices have a sample per column.
    kind
        What the matrices are: ``"vectors"``; ``"indices"``, row numbers of the neighbors of each sample, nearest first;
        ``"square"``, distances between all samples, of which nothing but symmetry is asked. When left out: an array
        called indices, with one called distances beside it if there is, and what looks like a graph, is one, which a
        warning says. Of such a layer there are no vectors, and it is measured by what reads graphs.
    distances
        How far the neighbors are, in files: one for each matrix of row numbers, in their order.
    self_first
        As in `Neighbors.from_arrays`.

    Raises
    ------
    LayerscapeError
        If a file cannot be read, samples differ, or an array holds no vectors.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/x.npz", early=np.eye(4), late=np.eye(4)[:, :3], kind=["a", "a", "b", "b"])
    ...     run = from_files(f"{folder}/x.npz")
    >>> run.layers, run.samples.labels["kind"].tolist()
    (('early', 'late'), ['a', 'a', 'b', 'b'])
    """
    if not files:
        raise InvalidValue("no files given; give at least one file of vectors.")
    if isinstance(files[0], (list, tuple)):
        raise InvalidType(f"files of type {type(files[0]).__name__}; give them one by one: from_files(*files).")
    if out is not None:
        check_place(out)
    steps = Steps(None if time is None else str(time), time_axis)
    graphs = GraphFiles(
        kind, tuple(map(str, [distances] if isinstance(distances, (str, Path)) else distances)), self_first
    )
    if isinstance(labels, str) and not Path(labels).suffix and not Path(labels).exists():
        labels = [labels]
    picked = list(labels) if isinstance(labels, (list, tuple)) else None
    sources = [_source(str(file), id_column, picked or (), transposed, graphs) for file in files]
    graphs.check_used()
    ids = _same_samples(sources) or _ids_beside(labels, id_column, sources[0])
    columns = columns_of_files([(each.path, each.holding) for each in sources], labels, ids, id_column)
    found = {
        name: (each.holding.arrays[array], each.holding.depths.get(array)) for name, each, array in _named(sources)
    }
    layers = {name: _layer(name, x, steps) for name, (x, _) in found.items()}
    depths = [depth for _, depth in found.values()] if depths is None else depths
    return from_arrays(layers, labels=columns or None, ids=ids or None, out=out, depths=depths)


def _layer(name: str, x: Any, steps: Steps) -> Representation | Neighbors:
    """A graph as it is; what else is there holds vectors, whatever they look like."""
    return x if isinstance(x, Neighbors) else Representation(steps.matrix(x, f"layer {name!r}"), name)


@dataclass(frozen=True)
class GivenFile:
    """A file as the user named it, and what it holds."""

    name: str
    path: str
    holding: Holding


def _source(
    given: str, id_column: str | None, picked: Sequence[str], transposed: bool, graphs: GraphFiles
) -> GivenFile:
    name, equals, path = given.partition("=")
    if not equals or "/" in name or Path(given).exists():
        name, path = "", given
    others = {".pt": _tensors, ".pth": _tensors, ".zarr": _zarr}
    holding = read_vectors(path, id_column=id_column, labels=picked, transposed=transposed, others=others)
    return GivenFile(name, path, replace(holding, arrays=graphs.read(path, holding.arrays)))


def _zarr(path: Path) -> InFile:
    found = read_zarr(path)
    names = by_number(found) if list(found) == sorted(found) else list(found)
    # Where axes have names, as xarray gives them, what is called as that of the samples holds theirs.
    axes = [x.axes[0] for x in found.values() if x.ndim > 1 and x.axes]
    ids_in = next((name for name in axes if name in found), None)
    said = {name: depth_said(x.attrs.get("depth")) for name, x in found.items()}
    depths = {name: depth for name, depth in said.items() if depth is not None}
    return InFile({name: found[name] for name in names}, ids_in=ids_in, depths=depths)


def _tensors(path: Path) -> dict[str, Any]:
    need("models", libraries=["torch"])
    from layerscape.extraction import read_tensors  # it loads torch

    return read_tensors(path)


def _same_samples(sources: list[GivenFile]) -> Sequence[str]:
    """The ids of the samples, to whose order all files are brought; empty where none has ids."""
    with_ids = [each for each in sources if each.holding.ids]
    for each in with_ids:
        _check_ids(each)
    first = (with_ids or sources)[0]
    ids, n = first.holding.ids, first.holding.n_samples
    for place, each in enumerate(sources):
        if each.holding.n_samples != n:
            raise InvalidValue(
                f"{each.path} has {each.holding.n_samples} samples and {first.path} {n}; all layers are of the same "
                "samples: leave out the others, or say with --transposed that samples are columns."
            )
        if each.holding.ids and list(each.holding.ids) != list(ids):
            cure = f"give files of the same samples as {first.path}"
            rows = np.array(rows_of(f"{each.path} has", each.holding.ids, ids, cure))
            sources[place] = replace(each, holding=each.holding.at(rows))
    blind = [each.path for each in sources if not each.holding.ids]
    if len(sources) > 1 and blind:
        which = "no file has ids" if not with_ids else f"{', '.join(blind[:3])} without ids"
        warnings.warn(f"{which}: row i is taken to be the same sample in all {len(sources)} files", stacklevel=3)
    return ids


def _ids_beside(labels: Any, id_column: str | None, first: GivenFile) -> Sequence[str]:
    """The ids in the table of labels, where the files of vectors have none, which is said."""
    if not isinstance(labels, (str, Path)):
        return ()
    named = ID_COLUMNS if id_column is None else (id_column, *ID_COLUMNS)
    key, ids = ids_beside(labels, first.holding.n_samples, named)
    if ids:
        _check_ids(replace(first, path=str(labels), holding=replace(first.holding, ids=ids, ids_in=key)))
        warnings.warn(f"row i of {labels} is taken to be the same sample as row i of {first.path}", stacklevel=3)
    return ids


def _check_ids(source: GivenFile) -> None:
    ids = source.holding.ids
    if "" in ids:
        raise InvalidValue(
            f"{source.path} has no id in row {list(ids).index('')}, column {source.holding.ids_in!r}; fill it in."
        )
    try:
        check_ids(ids)
    except InvalidValue as error:
        raise InvalidValue(f"{source.path}, column {source.holding.ids_in!r}: {error}") from None


def _named(sources: Sequence[GivenFile]) -> list[tuple[str, GivenFile, str]]:
    """The names of all layers: that of the array, or of its file; both where arrays of two files are called alike."""
    found = [(each, array) for each in sources for array in each.holding.arrays]
    short = [each.name or array or _stem(each) for each, array in found]
    if any(each.name and len(each.holding.arrays) > 1 for each in sources):
        short = [
            f"{each.name}/{array}" if each.name and len(each.holding.arrays) > 1 else name
            for (each, array), name in zip(found, short, strict=True)
        ]
    times = Counter(short)
    names = [
        f"{_stem(each)}/{array}" if times[name] > 1 and array and not each.name else name
        for (each, array), name in zip(found, short, strict=True)
    ]
    name, most = Counter(names).most_common(1)[0]
    if most > 1:
        paths = [each.path for (each, _), own in zip(found, names, strict=True) if own == name]
        raise InvalidValue(f"{paths[0]} and {paths[1]} are both called {name!r}; name them: a={paths[0]} b={paths[1]}.")
    return [(name, each, array) for name, (each, array) in zip(names, found, strict=True)]


def _stem(source: GivenFile) -> str:
    path = Path(source.path if Path(source.path).exists() else source.path.rpartition(":")[0])
    name = path.name.removesuffix(".gz")
    return Path(name).stem or name

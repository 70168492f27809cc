"""What speaks against it that the samples of a run are independent of each other, asked once where nobody said who
belongs together: columns whose values are near each other, the order of the rows, near copies.
"""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from layerscape.core.copied import by_chance, copies_in, said_of_copies
from layerscape.core.independence import Sign, seen_as_copies, seen_in_column, seen_in_order, sorted_by
from layerscape.core.keywords import Search
from layerscape.core.labels import categories_of, missing
from layerscape.core.measure import Measure
from layerscape.core.names import as_names
from layerscape.core.neighbors import Neighbors
from layerscape.core.words import p_said
from layerscape.errors import LayerscapeError
from layerscape.run import Run
from layerscape.search import find_neighbors

LEVEL = 0.005  # of all tests of a run together; p of 299 permutations is rough, and 0.01 is to hold
K, FEWEST = 10, 100  # neighbors, and samples below which nothing is tested
ASKED = 2000  # samples whose neighbors are looked at
VALUES, SIZE = 20, 50  # a column with no fewer values, and typically no more samples to each, may be one of groups
NAMED = ("subject", "participant", "patient", "donor", "animal", "speaker", "voice", "author", "parent", "family",
         "file", "document", "clip", "video", "session", "recording", "group")  # fmt: skip
TIMES = ("time", "frame", "second", "onset", "date", "step")  # in names of columns that explain no order, being one
MUCH = 1.2  # times chance, below which nothing is said of a column
SHARED = 10  # samples to a value, on average, of a column of classes
BIN = 10  # samples to each class of a column of numbers by which the rows may be sorted


def say_doubts(
    run: Run,
    search: Search,
    labels: str | Sequence[str] | None = None,
    measures: Sequence[Measure] = (),
    *,
    keep: bool = False,
    stacklevel: int = 4,
) -> None:
    """Warn of what speaks against independent samples; ``keep`` says whether the run keeps it for its page.

    ``labels`` are columns that were named as what is measured, of which it is not asked whether they are groups. Where
    all ``measures`` leave copies out nothing is said of these. Asked after a search it reads the graphs that this has
    kept, and otherwise searches for those of some samples itself.
    """
    found = doubts(run, search, as_names(labels or ()), copies=not measures or not all(m.distinct for m in measures))
    if keep:
        run.folder.save_notes(found)
    for words in found:
        python_warnings.warn(words, stacklevel=stacklevel)


def doubts(run: Run, search: Search, labels: Collection[str] = (), *, copies: bool = True) -> tuple[str, ...]:
    """What speaks against independent samples, in words: of the first, the middle and the last layer."""
    n = run.n_samples
    layers = [run.layers[place] for place in sorted({0, (len(run.layers) - 1) // 2, len(run.layers) - 1})]
    searched = {layer: graph for layer in layers if (graph := _graph(run, layer, search)) is not None}
    equal = _of_copies(run, searched) if copies else ""
    found = [equal] if equal else []
    if n < FEWEST:
        return tuple(found)
    graphs = [graph for graph in searched.values() if len(np.unique(graph.distances[:, 0])) > n // 10 or n > ASKED]
    columns = _columns(run.samples.labels, labels, n)
    level = LEVEL / max(1, len(graphs) * (len(columns) + 2))
    for name, codes in columns.items():
        seen = min(seen_in_column(graphs, codes, level), key=_p, default=None)
        if seen and seen.p < level and seen.value > MUCH * seen.chance:
            found.append(_of_column(name, int(codes.max()) + 1, seen))
    classes = _order_explained(run.samples.labels, columns, n)
    orders = seen_in_order(graphs, classes, level)
    if (seen := min(orders, key=_p, default=None)) and seen.p < level:
        found.append(_of_order(seen))
    near = (
        seen_as_copies(graph, order.rows if order.p < level else 0) for graph, order in zip(graphs, orders, strict=True)
    )
    if not equal and (seen := min(near, key=_p, default=None)) and seen.p < level:
        found.append(
            f"{seen.value:.0f} of {min(n, ASKED)} samples have one neighbor far nearer than all others: near copies; "
            "if these belong together, give --groups and a column that says with whom, or leave them out"
        )
    return tuple(found)


def _p(seen: Sign) -> float:
    return seen.p


def _of_column(name: str, number: int, seen: Sign) -> str:
    times = seen.value / seen.chance if seen.chance else np.inf
    return (
        f"the column {name!r} ({number} values): neighbors have the same value {times:.2g} times as often as by chance "
        f"({p_said(seen.p)}); if its samples belong together, give --groups {name} (groups={name!r}): without, all "
        "samples are taken to be independent"
    )


def _of_order(seen: Sign) -> str:
    return (
        f"neighbors stand within {seen.rows} row{'s' if seen.rows > 1 else ''} of each other {seen.value:.2g} of the "
        f"time, {seen.chance:.2g} by chance ({p_said(seen.p)}); if samples follow each other in time, give --lag auto, "
        "or if such as belong together are listed together, --groups and a column that says so"
    )


def _graph(run: Run, layer: str, search: Search) -> Neighbors | None:
    """The neighbors of some samples of a layer; None where it cannot be searched, which whoever measures it says."""
    n = run.n_samples
    rows = None if n <= ASKED else np.sort(np.random.default_rng(0).permutation(n)[:ASKED])
    try:
        kept = run.kept_graph(layer, K, search)
        if kept and not kept.has_distances:
            return None
        return _of_queries(kept, rows) if kept else find_neighbors(run.vectors(layer), K, queries=rows, **search)
    except LayerscapeError:
        return None


def _of_queries(graph: Neighbors, rows: np.ndarray | None) -> Neighbors:
    """The lists of some samples, of all when None."""
    if rows is None:
        return graph
    lists = graph.indices[rows], graph.distances[rows]
    return Neighbors(*lists, graph.n_samples, queries=rows, copies=graph.copies, proven=True)


def _of_copies(run: Run, graphs: Mapping[str, Neighbors]) -> str:
    """That samples are copies of each other in all layers that are looked at; one token is so in some alone."""
    known = [copies_in(graph) for graph in graphs.values()]
    if not known:
        return ""
    codes = np.unique(np.stack(known), axis=1, return_inverse=True)[1].ravel()
    said, read = said_of_copies(codes), [layer for layer in graphs if layer not in run.given]
    return "" if said and read and by_chance(run.vectors(read[0]), codes) else said


def _columns(known: Mapping[str, np.ndarray], labels: Collection[str], n: int) -> dict[str, np.ndarray]:
    """Columns of categories that may be groups, as numbers, −1 where there is no value."""
    found = {}
    for name, values in known.items():
        if values.dtype.kind == "f" or values.ndim > 1 or name in labels:
            continue
        codes = _codes(values, n)
        sizes = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0)
        if len(sizes) < 2 or (sizes > 1).mean() < 0.5:
            continue
        named = any(word in name.lower() for word in NAMED)
        if named or (len(sizes) >= VALUES and np.median(sizes) <= SIZE):
            found[name] = codes
    return found


def _order_explained(known: Mapping[str, np.ndarray], groups: Collection[str], n: int) -> np.ndarray:
    """Classes, and columns by which the rows are sorted: what is in order within these is so for another reason."""
    of_time = {name for name in known if any(word in name.lower() for word in TIMES)}
    others = {name: values for name, values in known.items() if values.ndim == 1 and name not in of_time}
    if any(values.dtype.kind == "f" and _goes_one_way(values) for values in others.values()):
        return np.arange(n)
    by = []
    for name, values in others.items():
        number = values.dtype.kind == "f"
        codes = _bins(values) if number else _codes(values, n)
        classes = not number and name not in groups and len(np.unique(codes)) <= n // SHARED
        if classes or (len(np.unique(codes)) < n and sorted_by(codes)):
            by.append(codes)
    return np.unique(np.stack(by), axis=1, return_inverse=True)[1].ravel() if by else np.zeros(n, int)


def _codes(values: np.ndarray, n: int) -> np.ndarray:
    codes, gaps = np.full(n, -1), missing(values)
    kept = np.arange(n) if gaps is None else np.flatnonzero(~gaps)
    if len(kept):
        codes[kept] = categories_of(values[kept], len(kept), "column")
    return codes


def _goes_one_way(values: np.ndarray) -> bool:
    """Whether the rows go up or down with a number all along, which then explains their order wholly."""
    steps = np.diff(values if values.ndim == 1 else values[:, 0])
    return bool((steps > 0).any() or (steps < 0).any()) and bool((steps >= 0).all() or (steps <= 0).all())


def _bins(values: np.ndarray) -> np.ndarray:
    """Classes of near numbers."""
    flat = values if values.ndim == 1 else values[:, 0]
    return np.digitize(flat, np.nanquantile(flat, np.linspace(0, 1, len(flat) // BIN + 1)[1:-1]))

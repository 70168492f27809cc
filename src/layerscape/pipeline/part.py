"""Part: what is measured together: all samples of a run, one group at the size of the smallest, or a control."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.measure import Data
from layerscape.core.neighbors import Neighbors
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, unknown_name
from layerscape.measures.classes import classes_of
from layerscape.pipeline.controls import make_control
from layerscape.pipeline.distinct import Distinct, distinct_rows, graph_of
from layerscape.pipeline.labels import label_values, takes
from layerscape.pipeline.ranking import ranking_of
from layerscape.pipeline.subsets import base_width, subsets_of
from layerscape.run import Run
from layerscape.search import find_neighbors

if TYPE_CHECKING:
    from layerscape.pipeline.table import Task

GRAPH_MEMORY = 2**32  # bytes that the graphs of a run may take
VECTOR_MEMORY = 2**30  # bytes up to which the vectors of all layers are kept in memory, read once
Progress = Callable[[str, int, int], None]


class Part:
    """Some samples of a run, or a control of all of them, with everything that a measure may ask of them."""

    def __init__(
        self,
        run: Run,
        how: Mapping[str, Any],
        rows: np.ndarray | None = None,
        group: str = "",
        control: Callable[[Representation], Representation] | None = None,
    ):
        self.run, self.how, self.rows, self.group, self.control = run, how, rows, group, control
        self.n_samples = run.folder.n_samples if rows is None else len(rows)
        self._vectors: dict[str, Representation] = {}
        self._own = rows is None and control is None  # whose graphs are the run's and stay in it
        self._graphs: dict[str, Neighbors] = {}
        self._k = 0
        self._distinct: dict[str, Distinct] = {}
        self._cut: dict[tuple[str, bool, int], Neighbors] = {}
        self._rankings: dict[str, Ranking] = {}
        self._labels: dict[tuple[str, int], Any] = {}  # for vectors a graph, which all layers share
        self._one_at_a_time = Lock()

    def prepare(self, k: int, distinct: bool, progress: Progress | None) -> None:
        """Search the graph of every layer with k neighbors, and choose the rows for dimensions, the same everywhere."""
        if k < 1:
            return
        tell = counted(progress, "searching", len(self.run.layers) * self.n_samples)
        self._k = k
        if self._own:
            self.run.search(k, progress=tell, **self.how)
        else:
            for layer in self.run.layers:
                self._graphs[layer] = find_neighbors(self._representation(layer), k, progress=tell, **self.how)
        if distinct:
            self._distinct = common_rows({layer: distinct_rows(self._whole(layer)) for layer in self.run.layers})

    @property
    def tile(self) -> int:
        """How many layers on each side of a map of pairs may be in memory at a time."""
        if not self._own:
            return len(self.run.layers)
        return max(1, GRAPH_MEMORY // (12 * self.n_samples * max(1, self._k)) // 2)

    def _whole(self, layer: str) -> Neighbors:
        """The graph of all samples; of those that are kept on disk no more are in memory than tiles need."""
        if layer not in self._graphs:
            while len(self._graphs) >= 2 * self.tile:
                left = next(iter(self._graphs))  # the one that has not been asked for longest
                del self._graphs[left]
                self._cut = {key: graph for key, graph in self._cut.items() if key[0] != left}
            self._graphs[layer] = self.run.graph(layer, self._k, metric=self.how["metric"])
        elif self._own:
            self._graphs[layer] = self._graphs.pop(layer)
        return self._graphs[layer]

    def data(self, kind: Data, task: Task, k: int, place: int) -> Any:
        """The data argument number ``place`` of a task."""
        with self._one_at_a_time:
            return self._data(kind, task, k, place)

    def _data(self, kind: Data, task: Task, k: int, place: int) -> Any:
        layer = task.other_layer if place and task.other_layer else task.layer
        if kind == "labels":
            if not takes(task.measure, self.run, task.label):
                what = "one number" if "kind" in task.measure.options else "a category"
                raise InvalidValue(f"{task.measure.name} reads {what} per sample; {task.label!r} holds real numbers.")
            if (task.label, k) not in self._labels:
                self._labels[task.label, k] = label_values(self.run, task.label, self.rows, k, self.how)
            return self._labels[task.label, k]
        if kind == "vectors":
            return self._representation(layer)
        if kind == "ranking":
            return self._ranking(layer)
        if kind == "graphs":
            first, last = (self.run.layers.index(each) for each in (task.layer, task.other_layer))
            return tuple(self._graph(each, task.measure.distinct, k) for each in self.run.layers[first + 1 : last + 1])
        if kind == "subsets":
            width = max(k, min(base_width(task.measure, k), self._whole(layer).k))
            graph = self._graph(layer, task.measure.distinct, width)
            rows = self._distinct[layer].rows if task.measure.distinct else None
            return subsets_of(task.measure, task.options, graph, self._representation(layer), rows, **self.how)
        return self._graph(layer, task.measure.distinct, k)

    def _graph(self, layer: str, distinct: bool, k: int) -> Neighbors:
        key, graph = (layer, distinct, k), self._whole(layer)
        if key not in self._cut:
            if distinct:
                self._cut[key] = graph_of(self._representation(layer), graph, self._distinct[layer].rows, k, **self.how)
            else:
                self._cut[key] = graph.first(k)
        return self._cut[key]

    def _ranking(self, layer: str) -> Ranking:
        if layer not in self._rankings:
            self._rankings.clear()  # what one remembers may be as large as several graphs
            how = {name: self.how[name] for name in ("metric", "threads")}
            self._rankings[layer] = ranking_of(self._representation(layer), self._whole(layer), **how)
        return self._rankings[layer]

    def classes(self, column: str) -> np.ndarray:
        """The class of every sample by a label column of categories, as a number."""
        return classes_of(label_values(self.run, column, self.rows, 0, self.how), self.n_samples).codes

    def distinct_rows(self, layer: str) -> np.ndarray:
        """The rows that dimensions of a layer are computed from."""
        return self._distinct[layer].rows

    def words(self, task: Task) -> tuple[str, ...]:
        """What the choice of rows has to say of a task's estimate."""
        return self._distinct[task.layer].words if task.measure.distinct and self._distinct else ()

    def _representation(self, layer: str) -> Representation:
        if layer not in self._vectors:
            whole = self.run.loaded(layer, VECTOR_MEMORY // len(self.run.layers))
            if self.control is not None:
                self._vectors.clear()  # one control in memory; a layer's is the same whenever it is made
                whole = self.control(whole)
            self._vectors[layer] = whole if self.rows is None else whole.take(self.rows)
        return self._vectors[layer]


def common_rows(distinct: dict[str, Distinct]) -> dict[str, Distinct]:
    """The rows that are distinct in every layer, so that N does not change with depth.

    A layer in which most rows are copies (a constant token, say) keeps rows of its own, or it would decide for all.
    """
    sizes = {layer: len(d.rows) + d.n_copies + d.n_near for layer, d in distinct.items()}
    sound = {layer: d for layer, d in distinct.items() if len(d.rows) > sizes[layer] / 2}
    if not sound:
        return distinct
    first, *others = sound.values()
    rows = first.rows
    for other in others:
        rows = np.intersect1d(rows, other.rows, assume_unique=True)
    n_copies = max(d.n_copies for d in sound.values())
    common = Distinct(rows, n_copies, next(iter(sizes.values())) - len(rows) - n_copies)
    return {layer: common if layer in sound else d for layer, d in distinct.items()}


def counted(progress: Progress | None, what: str, total: int) -> Callable[[int], None] | None:
    """A progress that is told how many more are done, where one is told how many are done in all."""
    if progress is None:
        return None
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(what, done, total)

    return tell


def parts_of(run: Run, by: str | None, controls: Sequence[str], seed: int, how: Mapping[str, Any]) -> Iterator[Part]:
    """The whole run and its controls, or one part per value of a label column, all of the size of the smallest."""
    if by is None:
        yield Part(run, how)
        for name in controls:
            yield Part(run, how, None, f"control={name}", partial(make_control, name, seed))
        return
    if by not in run.samples.labels:
        raise unknown_name("label column", by, run.samples.labels)
    if run.samples.labels[by].dtype.kind == "f":
        raise InvalidValue(f"by={by!r}: its values are real numbers; choose a column of categories.")
    names, groups, sizes = np.unique(run.samples.labels[by].astype(str), return_inverse=True, return_counts=True)
    if len(names) == run.folder.n_samples:
        raise InvalidValue(
            f"label column {by!r} has a value of its own for every sample; choose one that samples share."
        )
    rng = np.random.default_rng(seed)
    for number, name in enumerate(names):
        rows = np.sort(rng.permutation(np.flatnonzero(groups == number))[: sizes.min()])
        yield Part(run, how, rows, f"{by}={name}")

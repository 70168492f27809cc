"""Part: what is measured together: all samples of a run, one group at the size of the smallest, or a control."""

from __future__ import annotations

import warnings as python_warnings
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
from layerscape.pipeline.controls import make_control
from layerscape.pipeline.distinct import Distinct, distinct_rows, graph_of
from layerscape.pipeline.ranking import ranking_of
from layerscape.pipeline.subsets import base_width, subsets_of
from layerscape.run import Run
from layerscape.search import find_neighbors

if TYPE_CHECKING:
    from layerscape.pipeline.table import Task

MOST_PAIRS = 2**23  # whose ranks are counted at a time
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
        self._graphs: dict[str, Neighbors] = {}
        self._distinct: dict[str, Distinct] = {}
        self._cut: dict[tuple[str, bool, int], Neighbors] = {}
        self._rankings: dict[str, Ranking] = {}
        self._one_at_a_time = Lock()

    def prepare(self, k: int, distinct: bool, progress: Progress | None) -> None:
        """Search the graph of every layer with k neighbors, and choose the rows for dimensions, the same everywhere."""
        if k < 1:
            return
        tell = counted(progress, "searching", len(self.run.layers) * self.n_samples)
        own = self.rows is None and self.control is None  # whose graphs are the run's and stay in it
        if own:
            self.run.search(k, progress=tell, **self.how)
        for layer in self.run.layers:
            if own:
                self._graphs[layer] = self.run.graph(layer, k, metric=self.how["metric"])
            else:
                self._graphs[layer] = find_neighbors(self._representation(layer), k, progress=tell, **self.how)
        if distinct:
            self._distinct = common_rows({layer: distinct_rows(graph) for layer, graph in self._graphs.items()})

    def data(self, kind: Data, task: Task, k: int, place: int) -> Any:
        """The data argument number ``place`` of a task."""
        with self._one_at_a_time:
            return self._data(kind, task, k, place)

    def _data(self, kind: Data, task: Task, k: int, place: int) -> Any:
        layer = task.other_layer if place and task.other_layer else task.layer
        if kind == "labels":
            values = self.run.samples.labels[task.label]
            return values if self.rows is None else values[self.rows]
        if kind == "vectors":
            return self._representation(layer)
        if kind == "ranking":
            return self._ranking(layer)
        if kind == "subsets":
            width = max(k, min(base_width(task.measure, k), self._graphs[layer].k))
            graph = self._graph(layer, task.measure.distinct, width)
            rows = self._distinct[layer].rows if task.measure.distinct else None
            return subsets_of(task.measure, task.options, graph, self._representation(layer), rows, **self.how)
        return self._graph(layer, task.measure.distinct, k)

    def _graph(self, layer: str, distinct: bool, k: int) -> Neighbors:
        key = (layer, distinct, k)
        if key not in self._cut:
            graph = self._graphs[layer]
            if distinct:
                self._cut[key] = graph_of(self._representation(layer), graph, self._distinct[layer].rows, k, **self.how)
            else:
                self._cut[key] = graph.first(k)
        return self._cut[key]

    def _ranking(self, layer: str) -> Ranking:
        if layer not in self._rankings:
            self._rankings.clear()  # what one remembers may be as large as several graphs
            how = {name: self.how[name] for name in ("metric", "threads")}
            self._rankings[layer] = ranking_of(self._representation(layer), self._graphs[layer], **how)
        return self._rankings[layer]

    def foreseen(self, tasks: list[Task]) -> Iterator[list[Task]]:
        """Tasks of one other layer in groups, whose ranks around its samples have been counted in one pass."""
        k = [task.measure.neighbors_needed(task.options, self.n_samples) for task in tasks]
        step = max(1, MOST_PAIRS // (max(k) * self.n_samples))
        for first in range(0, len(tasks), step):
            some = tasks[first : first + step]
            graphs = [self._graph(task.layer, False, k) for task, k in zip(some, k[first:], strict=False)]
            pairs = [np.stack(graph.weights(graph.k)[:2], axis=1) for graph in graphs]
            self._ranking(some[0].other_layer).ranks(np.concatenate(pairs))
            yield some

    def words(self, task: Task) -> tuple[str, ...]:
        """What the choice of rows has to say of a task's estimate."""
        return self._distinct[task.layer].words if task.measure.distinct and self._distinct else ()

    def _representation(self, layer: str) -> Representation:
        if layer not in self._vectors:
            whole = self.run[layer]
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
    names, groups, sizes = np.unique(run.samples.labels[by].astype(str), return_inverse=True, return_counts=True)
    if len(names) == run.folder.n_samples:
        raise InvalidValue(
            f"label column {by!r} has a value of its own for every sample; choose one that samples share."
        )
    rng = np.random.default_rng(seed)
    for number, name in enumerate(names):
        rows = np.sort(rng.permutation(np.flatnonzero(groups == number))[: sizes.min()])
        yield Part(run, how, rows, f"{by}={name}")


def label_columns(run: Run, labels: Sequence[str] | None) -> list[str]:
    """The columns to measure against: those that are named, or all whose values are categories that samples share."""
    known = run.samples.labels
    if labels is not None:
        for name in labels:
            if name not in known:
                raise unknown_name("label column", name, known)
        return list(labels)
    found = []
    for name, values in known.items():
        n_values = len({str(value) for value in values})
        if values.dtype.kind == "f" or not 2 <= n_values <= len(values) // 2:
            python_warnings.warn(
                f"label column {name!r} is left out: {n_values} values of {len(values)} samples are no categories; "
                "name it in labels to measure it all the same",
                stacklevel=3,
            )
        else:
            found.append(name)
    return found

"""Tasks become estimates: what reads nothing but graphs and labels in threads, all else one after the other.

Ranks around the samples of one layer are counted in one pass for many other layers at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import nan
from typing import Any, Protocol

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Data
from layerscape.core.threads import thread_count, workers
from layerscape.errors import LayerscapeError
from layerscape.measures import catalog
from layerscape.pipeline.table import Task

MOST_PAIRS = 2**23  # whose ranks are counted at a time


class Source(Protocol):
    """Where tasks find their data: a part of a run, or of two."""

    @property
    def how(self) -> Mapping[str, Any]: ...

    @property
    def n_samples(self) -> int: ...

    def data(self, kind: Data, task: Task, k: int, place: int) -> Any:
        """The data argument number ``place`` of a task."""
        ...


def attempts(part: Source, tasks: Iterable[Task]) -> Iterator[tuple[Task, Estimate]]:
    """Every task with its estimate, in order."""
    for (kind, _), group in groupby(tasks, _alike):
        if kind == "light":
            yield from _side_by_side(part, list(group))
        elif kind == "ranked":
            yield from _with_ranks(part, list(group))
        else:
            yield from ((task, _attempt(part, task)) for task in group)


def in_tiles(tasks: Iterable[Task], layers: Sequence[str], other_layers: Sequence[str], size: int) -> list[Task]:
    """Tasks in an order in which neighboring pairs of layers share theirs: a map of pairs goes tile by tile."""
    place = {layer: number // size for number, layer in enumerate(layers)}
    other = {layer: number // size for number, layer in enumerate(other_layers)}

    def group(task: Task) -> tuple[int, int]:
        return (other[task.other_layer], place[task.layer]) if task.other_layer else (-1, -1)

    of_measures = groupby(tasks, lambda task: task.measure)
    return [task for _, these in of_measures for task in sorted(these, key=group)]


def _alike(task: Task) -> tuple[str, str]:
    """Tasks that follow one another and are alike are carried out together."""
    if "ranking" in task.measure.data:
        return "ranked", task.other_layer
    known = catalog().get(task.measure.name) is task.measure  # a user's own function may be made for one thread
    return ("light" if known and set(task.measure.data) <= {"graph", "graphs", "labels"} else "heavy"), ""


def _side_by_side(part: Source, tasks: list[Task]) -> Iterator[tuple[Task, Estimate]]:
    found: dict[int, Estimate] = {}

    def carry_out(place: int) -> None:
        found[place] = _attempt(part, tasks[place])

    with workers(thread_count(part.how["threads"])) as pool:
        finished = pool.each(carry_out, range(len(tasks)))
        for place, task in enumerate(tasks):
            while place not in found:
                next(finished)
            yield task, found.pop(place)


def _with_ranks(part: Source, tasks: list[Task]) -> Iterator[tuple[Task, Estimate]]:
    """Tasks of one other layer in groups, whose ranks around its samples are counted in one pass."""
    widths = [task.measure.neighbors_needed(task.options, part.n_samples) for task in tasks]
    step = max(1, MOST_PAIRS // (max(widths) * part.n_samples))
    for first in range(0, len(tasks), step):
        some, pairs = tasks[first : first + step], []
        for task, k in zip(some, widths[first:], strict=False):
            rows, members, _ = part.data("graph", task, k, 0).weights(k)
            pairs.append(np.stack([rows, members], axis=1))
        part.data("ranking", some[0], 0, 1).ranks(np.concatenate(pairs))
        yield from ((task, _attempt(part, task)) for task in some)


def _attempt(part: Source, task: Task) -> Estimate:
    """The estimate, or one without a value that says why there is none: one bad layer must not cost the others."""
    needed = task.measure.neighbors_needed(task.options, part.n_samples)
    try:
        data = [part.data(kind, task, needed, place) for place, kind in enumerate(task.measure.data)]
        return task.measure(*data, **task.options)
    except LayerscapeError as error:
        options = {**task.measure.options, **task.options}
        return Estimate(
            nan, nan, nan, part.n_samples, warnings=(str(error),), measure=task.measure.name, options=options
        )

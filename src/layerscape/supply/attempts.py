"""Tasks become estimates: what reads nothing but graphs and labels in threads, all else one after the other.

Ranks around the samples of one layer are counted in one pass for many other layers at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from math import nan

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.tasks import Task
from layerscape.core.threads import workers
from layerscape.errors import LayerscapeError
from layerscape.measures import is_ours
from layerscape.supply.supplier import Supplier

MOST_PAIRS = 2**23  # whose ranks are counted at a time


def attempts(supplier: Supplier, tasks: Iterable[Task]) -> Iterator[tuple[Task, Estimate]]:
    """Every task with its estimate, in order."""
    for (kind, _), group in groupby(tasks, _alike):
        if kind == "light":
            yield from _side_by_side(supplier, list(group))
        elif kind == "ranked":
            yield from _with_ranks(supplier, list(group))
        else:
            yield from ((task, attempt(supplier, task)) for task in group)


def _alike(task: Task) -> tuple[str, str]:
    """Tasks that follow one another and are alike are carried out together."""
    if task.measure.data == ("graph", "ranking"):
        return "ranked", task.other_layer
    ours = is_ours(task.measure)  # a user's own function may be made for one thread
    return ("light" if ours and set(task.measure.data) <= {"graph", "graphs", "labels"} else "heavy"), ""


def _side_by_side(supplier: Supplier, tasks: list[Task]) -> Iterator[tuple[Task, Estimate]]:
    found: dict[int, Estimate] = {}

    def carry_out(place: int) -> None:
        found[place] = attempt(supplier, tasks[place])

    with workers(supplier.how.n_threads) as pool:
        finished = pool.each(carry_out, range(len(tasks)))
        for place, task in enumerate(tasks):
            while place not in found:
                next(finished)
            yield task, found.pop(place)


def _with_ranks(supplier: Supplier, tasks: list[Task]) -> Iterator[tuple[Task, Estimate]]:
    """Tasks of one other layer in groups, whose ranks around its samples are counted in one pass."""
    n = supplier.source.n_samples
    widths = [task.neighbors(supplier.graphs.most + 1) for task in tasks]
    step = max(1, MOST_PAIRS // (max(widths) * n))
    for first in range(0, len(tasks), step):
        some = tasks[first : first + step]
        _count_ranks(supplier, some, widths[first : first + step])
        yield from ((task, attempt(supplier, task)) for task in some)


def _count_ranks(supplier: Supplier, tasks: list[Task], widths: list[int]) -> None:
    """Count what the tasks will ask of one ranking; what is wrong with one of them is said where it is carried out."""
    pairs, ranking = [], None
    for task, k in zip(tasks, widths, strict=True):
        with suppress(LayerscapeError):
            graph, ranking = supplier.home(task).provision.data(task)
            rows, members, _ = graph.weights(k)
            pairs.append(np.stack([rows, members], axis=1))
    if ranking is not None and pairs:
        with suppress(LayerscapeError):
            ranking.ranks(np.concatenate(pairs))


def attempt(supplier: Supplier, task: Task) -> Estimate:
    """The estimate, or one without a value that says why there is none: one bad layer must not cost the others."""
    try:
        return supplier.attempt(task)
    except LayerscapeError as error:
        return _without_value(supplier, task, str(error))
    except Exception as error:
        if is_ours(task.measure):
            raise  # a bug, which is not to look like a property of the data
        return _without_value(supplier, task, f"{task.measure.name} raised {type(error).__name__}: {error}")


def _without_value(supplier: Supplier, task: Task, why: str) -> Estimate:
    words = (*supplier.words(task), why)
    options = {**task.measure.options, **task.options}
    n, units = supplier.source.n_samples, supplier.source.n_units(task.layer)
    return Estimate(nan, nan, nan, n, units, warnings=words, measure=task.measure.name, options=options)

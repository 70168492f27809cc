"""Tasks become estimates: what reads nothing but graphs and labels in threads, all else one after the other.

Ranks around the samples of one layer are counted in one pass for many other layers at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from math import nan

from layerscape.core.estimate import Estimate
from layerscape.errors import LayerscapeError
from layerscape.measures import catalog
from layerscape.pipeline.part import Part
from layerscape.pipeline.table import Task
from layerscape.search.threads import thread_count, workers


def attempts(part: Part, tasks: Iterable[Task]) -> Iterator[tuple[Task, Estimate]]:
    """Every task with its estimate, in order."""
    for (kind, _), group in groupby(tasks, _alike):
        if kind == "light":
            yield from _side_by_side(part, list(group))
        elif kind == "ranked":
            for some in part.foreseen(list(group)):
                yield from ((task, _attempt(part, task)) for task in some)
        else:
            yield from ((task, _attempt(part, task)) for task in group)


def _alike(task: Task) -> tuple[str, str]:
    """Tasks that follow one another and are alike are carried out together."""
    if "ranking" in task.measure.data:
        return "ranked", task.other_layer
    known = catalog().get(task.measure.name) is task.measure  # a user's own function may be made for one thread
    return ("light" if known and set(task.measure.data) <= {"graph", "labels"} else "heavy"), ""


def _side_by_side(part: Part, tasks: list[Task]) -> Iterator[tuple[Task, Estimate]]:
    found: dict[int, Estimate] = {}

    def carry_out(place: int) -> None:
        found[place] = _attempt(part, tasks[place])

    with workers(thread_count(part.how["threads"])) as pool:
        finished = pool.each(carry_out, range(len(tasks)))
        for place, task in enumerate(tasks):
            while place not in found:
                next(finished)
            yield task, found.pop(place)


def _attempt(part: Part, task: Task) -> Estimate:
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

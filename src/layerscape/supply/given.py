"""What layers that were given as graphs, without vectors, can be asked, and what is said of all else."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress

from layerscape.core.keywords import Search, chosen
from layerscape.core.nearness import PLAIN
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.core.words import firsts, listed
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.supply.listed import lists_all

VECTORS = "vectors", "of which there are none"
RANKS = "ranks among all samples", "which the graphs do not list"
DISTANCES = "distances", "which were not given beside the indices"
Lack = tuple[str, str]  # what a measure reads, and why it is not there


def answerable(tasks: Iterable[Task], source: Source, other: Source | None = None) -> list[Task]:
    """The tasks whose layers hold what they read; of the others it is said, in one line, which are left out and why.

    ``other`` is where the second layer of a task is, if elsewhere. Raises where nothing is left.
    """
    sides, kept = (source, other or source), []
    lacking: dict[tuple[str, ...], dict[str, Lack]] = {}  # by layers, what measures lack
    tasks = list(tasks)
    for task in tasks:
        lacks: dict[str, Lack] = {}
        with suppress(LayerscapeError):  # of a graph that cannot be cut to these samples, which its row says
            lacks = dict(_lacking(task, sides))
        if lacks:
            lacking.setdefault(tuple(lacks), {})[task.measure.name] = next(iter(lacks.values()))
        else:
            kept.append(task)
    if not lacking:
        return kept
    words = _in_words(lacking)
    if not kept:
        raise InvalidValue(f"nothing is left to measure of what was given as graphs: {words}.")
    python_warnings.warn(f"left out of what was given as graphs: {words}", stacklevel=5)
    return kept


def _lacking(task: Task, sides: tuple[Source, Source]) -> Iterator[tuple[str, Lack]]:
    """The layers that do not hold what a task reads of them."""
    for place, kind in enumerate(task.measure.data):
        layer, graphs = task.layer_at(place), sides[place].graphs
        if kind in ("labels", "pairs", "graphs") or layer not in graphs:
            continue
        if kind in ("vectors", "ends"):
            yield layer, VECTORS
        elif kind == "ranking" and not lists_all(graphs[layer]):
            yield layer, RANKS
        elif task.measure.distinct and not graphs[layer].has_distances:
            yield layer, DISTANCES


def _in_words(lacking: dict[tuple[str, ...], dict[str, Lack]]) -> str:
    """Which measures are left out of which layers, and why."""
    layers: dict[tuple[str, Lack], dict[str, None]] = {}
    for of_layers, measures in lacking.items():
        for name, lack in measures.items():
            layers.setdefault((name, lack), {}).update(dict.fromkeys(of_layers))
    alike: dict[tuple[Lack, tuple[str, ...]], list[str]] = {}
    for (name, lack), of_layers in layers.items():
        alike.setdefault((lack, tuple(of_layers)), []).append(name)
    return "; ".join(
        f"{listed(names)} of {firsts(of_layers)} (read {what}, {why})"
        for ((what, why), of_layers), names in alike.items()
    )


def check_searched(search: Search, *sources: Source) -> bool:
    """Whether anything is searched; raises where nothing is, and it was said what is to be near."""
    if any(layer not in source.graphs for source in sources for layer in source.layers):
        return True
    near, _ = chosen(search)
    given = [graph.near for source in sources for graph in [*source.graphs.values()][:1]]
    for name in ("metric", "standardize"):
        value = getattr(near, name)
        if value not in (getattr(PLAIN, name), *(getattr(each, name) for each in given)):
            raise InvalidValue(
                f"{name}={value!r} says what a search finds near, and nothing is searched: all layers were given as "
                "graphs; leave it out."
            )
    return False

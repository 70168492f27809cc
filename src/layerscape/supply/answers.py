"""Who supplies: of samples that are independent of each other, or of such as belong together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from layerscape.core.copied import by_chance, copies_among, copies_in, said_of_copies, widened
from layerscape.core.estimate import Estimate
from layerscape.core.groups import Groups
from layerscape.core.keywords import Search
from layerscape.core.recording import Recording
from layerscape.core.repeats import Repeats
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.supply.graphs import Graphs
from layerscape.supply.grouped import Grouped
from layerscape.supply.repeated import Repeated
from layerscape.supply.serial import Serial
from layerscape.supply.supplier import Supplier
from layerscape.supply.together import Together


def supplier_of(source: Source, search: Search, together: Together, other: Graphs | None = None) -> Supplier:
    """The supplier of a source whose samples are of groups, follow each other in time, or are independent."""
    if together is None:
        return Supplier(source, search, other)
    kind: Any = {Recording: Serial, Groups: Grouped, Repeats: Repeated}[type(together)]
    return kind(source, search, together, other)


def answer(source: Source, search: Search, task: Task, together: Together, *, influence: bool) -> Estimate:
    """What one task finds, from the search on, and how each sample moves it if that is asked."""
    if influence and together is not None:
        raise InvalidValue("influence is of single samples, which do not stand alone here; leave one of both out.")
    found = supplier_of(source, search, together).alone(task, influence=influence)
    words = () if together is not None else _of_copies(source, task)
    return replace(found, warnings=(*found.warnings, *words)) if words else found


def _of_copies(source: Source, task: Task) -> tuple[str, ...]:
    """That samples are copies of others, of the layer that has most; not where copies are left out, nor of pairs."""
    if task.measure.distinct or task.reads_pairs or source.asked is not None:
        return ()
    most, words = 0.0, ""
    for layer in source.layers:
        given = source.graphs.get(layer)
        with suppress(LayerscapeError):  # which the measure does not mind
            codes = copies_in(given) if given else copies_among(source.vectors(layer))
            if (wider := widened(codes)) <= most or not (said := said_of_copies(codes)):
                continue
            if given or not by_chance(source.vectors(layer), codes):
                most, words = wider, said
    return (words,) if words else ()

"""Who supplies: of samples that are independent of each other, or of such as belong together."""

from __future__ import annotations

from typing import Any

from layerscape.core.estimate import Estimate
from layerscape.core.groups import Groups
from layerscape.core.keywords import Search
from layerscape.core.recording import Recording
from layerscape.core.repeats import Repeats
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue
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
    return supplier_of(source, search, together).alone(task, influence=influence)

"""Several measures asked of the same layers at once: searched and exchanged once, with the numbers of `estimate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from layerscape import Estimate, LayerscapeError
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import find_measure
from layerscape.supply.answers import supplier_of
from layerscape.supply.together import Belonging


class Ask(NamedTuple):
    """A measure with its options, of a layer and another or a label, by their names."""

    measure: str
    layer: str
    other: str = ""
    options: Mapping[str, Any] = {}


def ask(
    layers: Mapping[str, Any], labels: Mapping[str, Any], asked: Mapping[str, Ask], **belonging: Any
) -> dict[str, Estimate | None]:
    """Name to what was found, None where it was refused; ``belonging`` says which samples belong together."""
    source = Arrays(layers, labels)
    supplier = supplier_of(source, {}, Belonging(**belonging).of_arrays(source))
    tasks = {}
    for name, (measure, layer, other, options) in asked.items():
        one = find_measure(measure)
        where = {"label": other} if other in labels else {"other_layer": other}
        tasks[name] = Task(one, one.choose(options), layer, **where)
    supplier.prepare(list(tasks.values()))
    found: dict[str, Estimate | None] = {}
    for name, task in tasks.items():
        try:
            found[name] = supplier.estimate(task)
        except LayerscapeError:  # too few samples for it
            found[name] = None
    return found

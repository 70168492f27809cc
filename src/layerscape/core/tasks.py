"""Tasks: what is asked of which layer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from layerscape.core.checks import check_name
from layerscape.core.keywords import Search, keywords_of, taken
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.subsets import WIDE
from layerscape.errors import InvalidValue, unknown_name

SPARE = 8  # neighbors beyond those that a dimension needs, so that few copies cost no second search
PART = 4  # of so many samples one is near at the most, where nobody said how many


def few_enough(k: int, n_samples: int) -> int:
    """A default number of neighbors among N samples: whoever lists nearly all others agrees with everybody.

    >>> few_enough(30, 120), few_enough(30, 20), few_enough(30, 3)
    (30, 5, 1)
    """
    return max(1, min(k, n_samples // PART))


@dataclass(frozen=True)
class Task:
    """One measure of one layer, two layers, or a layer and a label or pairs, which ``label`` names too."""

    measure: Measure
    options: Mapping[str, Any] = field(default_factory=dict)
    layer: str = ""
    other_layer: str = ""
    label: str = ""

    def layer_at(self, place: int) -> str:
        """The layer of the data argument number ``place``."""
        return self.other_layer if place and self.other_layer else self.layer

    @property
    def reads_labels(self) -> bool:
        return "labels" in self.measure.data

    @property
    def reads_pairs(self) -> bool:
        return "pairs" in self.measure.data

    def neighbors(self, n_samples: int) -> int:
        """How many neighbors the measure must be given."""
        return self.measure.neighbors_needed(self.options, n_samples)

    def fitted(self, most: int, others: int, why: str) -> tuple[Task, tuple[str, ...]]:
        """The task with a number of neighbors that each sample has, where nobody asked for one, and that this was done,
        and why. What was asked for stays, and is refused where it does not fit.

        Of what has a chance level, which rises with the part of the ``others`` that is near, a small part is read.
        """
        name = self.measure.neighbors
        if not self.measure.searches or not isinstance(name, str) or name in self.options:
            return self, ()
        if most < 1:  # of one sample, whoever reads it says what is wrong
            return self, ()
        k = min(self.measure.options[name], most)
        if name == "k" and self.measure.has_chance and self.options.get("class_fraction") is None:
            k = few_enough(k, others + 1)
        if k == self.measure.options[name]:
            return self, ()
        return replace(self, options={**self.options, name: k}), (f"{name} = {k}, since {why}",)

    def width(self, n_samples: int, more: int = 0) -> int:
        """How many neighbors the graph of all samples should hold for it, and for what reads so many ``more``."""
        needed = self.neighbors(n_samples)
        if "subsets" in self.measure.data:
            needed = max(needed, WIDE)
        return needed + SPARE * self.measure.distinct + max(self.measure.spare, more)

    def __str__(self) -> str:
        what = "pairs" if self.reads_pairs else "label"
        parts = (("layer", self.layer), ("layer", self.other_layer), (what, self.label))
        return f"{self.measure.name}{''.join(f', {what} {name!r}' for what, name in parts if name)}"


def parted(options: Mapping[str, Any], measures: Collection[Measure]) -> tuple[Search, dict[str, Any]]:
    """The keywords of a search, and the options of measures; one that some of the measures have too is both.

    Where none of the measures reads a graph it is their option alone, so that it may name what a search has not.
    """
    others = dict(options)
    search = taken(others)
    own: Any = {name: value for name, value in search.items() if any(name in m.options for m in measures)}
    for name, value in own.items():
        for m in measures:
            if get_origin(hint := m.annotations.get(name)) is Literal and name in m.options:
                check_name(f"{name} of {m.name}", value, get_args(hint))
        if not any(m.searches for m in measures):
            del search[name]
    return search, others | own


def check_used(measure: Measure, search: Search, graphs: Iterable[Neighbors]) -> None:
    """Raise at the first keyword given that says what is near where nothing is searched any more."""
    for name, value in search.items():
        if name not in ("metric", "standardize", "near_copies"):
            continue
        if not measure.searches:
            raise InvalidValue(
                f"{measure.name} reads vectors as they are and has no {name}; leave {name}={value!r} out."
            )
        for graph in graphs:
            have = getattr(graph.near, name)
            if name != "near_copies" and have != value:
                raise InvalidValue(
                    f"{name}={value!r} asked of a graph of {name}={have!r}; leave it out, or give the vectors."
                )


def own_options(measure: Measure, k: int | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of the options of a call those that a measure has."""
    asked = {"k": k, **options}
    own = {name: value for name, value in asked.items() if name in measure.options}
    return measure.choose({name: value for name, value in own.items() if name != "k" or value is not None})


def check_options(measures: Iterable[Measure], options: Mapping[str, Any], asked: Callable[..., Any]) -> None:
    """Raise at the first option that none of the measures has, nor a search or the function that was asked."""
    known = {name for measure in measures for name in measure.options} | set(keywords_of(asked))
    for name in options:
        if name not in known:
            raise unknown_name("option", name, known)


def in_tiles(tasks: Iterable[Task], layers: Sequence[str], other_layers: Sequence[str], size: int) -> Iterator[Task]:
    """Tasks in an order in which neighboring pairs of layers share theirs: a map of pairs goes tile by tile."""
    place = {layer: number // size for number, layer in enumerate(layers)}
    other = {layer: number // size for number, layer in enumerate(other_layers)}

    def tile(task: Task) -> tuple[int, int]:
        return (other[task.other_layer], place[task.layer]) if task.other_layer else (-1, -1)

    for _, these in groupby(tasks, lambda task: task.measure):
        yield from sorted(these, key=tile)

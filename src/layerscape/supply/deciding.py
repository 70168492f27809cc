"""Which unit, or which few samples, decide a value alone: looked up once for every layer.

Who decides who is near was told when the layer was searched and stands in the graph that a run keeps, so that vectors
are not read for it. Graphs that earlier versions kept are told it when they are next asked for; where they cannot be
written, and of metrics that a measure chooses itself, the vectors are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from layerscape.core.decisive import deciding_unit, words_of_samples, words_of_unit
from layerscape.core.nearness import Nearness
from layerscape.core.sources import Source
from layerscape.core.tasks import Task


@dataclass(frozen=True)
class Deciding:
    """What is to be said of the layers of a source; of graphs that were given in place of vectors nobody knows."""

    source: Source
    near: Nearness
    _known: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict, init=False)
    _one_at_a_time: Lock = field(default_factory=Lock, init=False)

    def words(self, task: Task, layer: str, place: int) -> tuple[str, ...]:
        """Of one layer of a task, in the data argument number ``place``, which names it where it has no name."""
        measure = task.measure
        which = ("the first", "the second")[place] if measure.compares else "the data"
        if layer in self.source.graphs or not measure.sways:
            return ()
        own = {**measure.options, **task.options}.get("metric", "euclidean")
        metric = self.near.metric if measure.searches else own
        key = (layer, place, which, measure.searches, metric, measure.sways)
        with self._one_at_a_time:
            if key not in self._known:
                title, words = self._title(layer, which), []
                read = {"unit", "target unit"} if place else {"unit"}
                if measure.sways & read and not (measure.searches and self.near.standardize):
                    words += words_of_unit(self._unit(layer, metric, measure.searches), title, near=measure.searches)
                if "sample" in measure.sways:
                    words += words_of_samples(self.source.vectors(layer), title)
                self._known[key] = tuple(words)
        return self._known[key]

    def _title(self, layer: str, which: str) -> str:
        x = self.source.vectors(layer) if self.source.run is None else self.source.run.vectors(layer)
        return x.title if x.layer else which

    def _unit(self, layer: str, metric: str, searches: bool) -> tuple[int, float]:
        run = self.source.run
        kept = run.folder.kept_graph(layer, self.near).deciding if run is not None and searches else None
        return deciding_unit(self.source.vectors(layer), metric) if kept is None else kept

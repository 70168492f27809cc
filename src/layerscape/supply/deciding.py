"""Which unit, or which few samples, decide a value alone: looked up once for every layer."""

from __future__ import annotations

from threading import Lock

from layerscape.core.decisive import words_of_samples, words_of_unit
from layerscape.core.nearness import Nearness
from layerscape.core.sources import Source
from layerscape.core.tasks import Task


class Deciding:
    """What is to be said of the layers of a source; of graphs that were given in place of vectors nobody knows."""

    def __init__(self, source: Source, near: Nearness):
        self.source, self.near = source, near
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._one_at_a_time = Lock()

    def words(self, task: Task, layer: str, which: str) -> tuple[str, ...]:
        """Of one layer of a task; ``which`` names it where it has no name."""
        measure = task.measure
        if layer in self.source.graphs or not measure.sways:
            return ()
        own = {**measure.options, **task.options}.get("metric", "euclidean")
        metric = self.near.metric if measure.searches else own
        key = (layer, which, measure.searches, metric, measure.sways)
        with self._one_at_a_time:
            if key not in self._known:
                x, words = self.source.vectors(layer), []
                title = x.title if x.layer else which
                if "unit" in measure.sways and not (measure.searches and self.near.standardize):
                    words += words_of_unit(x, title, metric, near=measure.searches)
                if "sample" in measure.sways:
                    words += words_of_samples(x, title)
                self._known[key] = tuple(words)
        return self._known[key]

"""What one would take instead of the best layer without looking: the last or the middle one, or another run's last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from scipy.stats import norm

from layerscape.core.depth import beside
from layerscape.core.interval import Z95
from layerscape.core.permutation import ROUNDING
from layerscape.core.words import listed, p_said
from layerscape.questions.judged import Judged

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05  # of differences between layers
MOST_TIMES = 100  # as many labels as there are, beyond which nobody will get them


@dataclass(frozen=True)
class Other:
    """A layer that one would take: which it is, what it is called, and its row beside the best."""

    what: str
    name: str
    row: Any

    @property
    def behind(self) -> bool:
        return bool(self.row.p < LEVEL)

    def times(self, n_layers: int) -> float:
        """How many times as many labels would tell it from the best, if they differ as much as in these samples."""
        needed = norm.isf(LEVEL / max(2, n_layers * (n_layers - 1)))  # of both sides, for as many pairs
        sd = (self.row.high - self.row.low) / 2 / Z95
        return (needed * sd / self.row.behind) ** 2 if self.row.behind > ROUNDING else inf


@dataclass(frozen=True)
class Instead:
    """Who would be taken instead of the best layer.

    Attributes
    ----------
    own
        The last and the middle layer along its own axis of depth, other than itself; one that is behind will do. Of a
        site of a block these are of the residual stream.
    lasts
        The last layer of each other run; all have to be behind.
    n_layers
        How many layers there are in all.
    behind
        The other runs of which every layer is told to be behind.
    of_pairs
        Whether more queries would decide, and not more labels.
    """

    own: Sequence[Other]
    lasts: Mapping[str, Other]
    n_layers: int
    behind: Sequence[str]
    of_pairs: bool = False

    @classmethod
    def of(cls, measured: Sequence[Judged], table: pd.DataFrame, best: Judged, *, of_pairs: bool = False) -> Instead:
        """From the layers that have a value, in their order, and the table of all layers."""
        every: Any = table.itertuples()
        rows = {row.layer: row for row in every}
        runs: dict[str, list[Judged]] = {}
        for layer in measured:
            runs.setdefault(layer.run_name, []).append(layer)
        along = set(beside(best.layer, best.run.layers, best.run.depths))
        of_run = runs.pop(best.run_name)
        tower = [layer for layer in of_run if layer.layer in along] or of_run
        own = [Other(what, layer.name, rows[layer.name]) for what, layer in _taken(tower)]
        lasts = {name: Other("last", of_run[-1].name, rows[of_run[-1].name]) for name, of_run in runs.items()}
        behind = [name for name, of_run in runs.items() if all(rows[layer.name].p < LEVEL for layer in of_run)]
        return cls([other for other in own if other.name != best.name], lasts, len(measured), behind, of_pairs)

    @property
    def _open_own(self) -> Sequence[Other]:
        return () if any(other.behind for other in self.own) else self.own

    @property
    def open(self) -> list[Other]:
        """From whom the best layer has to be told apart, and is not."""
        return [*self._open_own, *(other for other in self.lasts.values() if not other.behind)]

    @property
    def open_words(self) -> str:
        return " or ".join(f"the {other.what} layer, {other.name!r}," for other in self.open)

    @property
    def behind_words(self) -> list[str]:
        """Sentences on those that are told to be behind."""
        beaten = [other for other in self.own if other.behind][:1]
        words = [
            f"The {each.what} layer, {each.name!r}, is {each.row.behind:.3f} behind ({p_said(each.row.p)})."
            for each in beaten
        ]
        return [*words, *self.runs_words]

    @property
    def runs_words(self) -> list[str]:
        """A sentence on other runs that are told to be behind, wholly or with the last layer."""
        last = [name for name, other in self.lasts.items() if other.behind and name not in self.behind]
        parts = [f"every layer of {listed(list(map(repr, self.behind)))}"] if self.behind else []
        parts += [f"the last layer of {listed(list(map(repr, last)))}"] if last else []
        if not parts:
            return []
        text = " and ".join(parts)
        return [f"{text[0].upper()}{text[1:]} {'are' if len(self.behind) + len(last) > 1 else 'is'} behind it."]

    @property
    def more_labels(self) -> str:
        """How many labels, or queries, would tell the best layer from those that are left open."""
        own, others = self._open_own, self.open[len(self._open_own) :]
        hardest = max([*own[:1], *others], key=self._times)  # of its own run one will do
        whom = repr(hardest.name) if self.lasts else f"the {hardest.what} layer"
        times, of = self._times(hardest), "queries" if self.of_pairs else "labels"
        if not times <= MOST_TIMES:
            return f"Even {MOST_TIMES} times as many {of} would hardly tell {whom} from it."
        return f"About {max(1.1, times):.2g} times as many {of} would tell {whom} from it, if the difference stays."

    def _times(self, other: Other) -> float:
        return other.times(self.n_layers)


def _taken(layers: Sequence[Judged]) -> Iterator[tuple[str, Judged]]:
    """The last and the middle layer along an axis of depth, or in their order where none has a depth, if several."""
    halfway = {place: layer.depth - 0.5 for place, layer in enumerate(layers) if layer.depth is not None}
    halfway = halfway or {place: place - (len(layers) - 1) / 2 for place in range(len(layers))}
    middle = layers[min(halfway, key=lambda place: abs(halfway[place]))]
    yield "last", layers[-1]
    if middle != layers[-1]:
        yield "middle" if len(layers) > 2 else "other", middle

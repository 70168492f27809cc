"""Averages: while a network runs only sums of tokens are taken; all else is done once, when its batch is through.

Between two layers a network leaves nothing of ours in the caches of a processor: there the smallest operation takes
thirty times as long as after one of its kind, and a third of what it took to pool a layer was the sum itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import torch

from layerscape.extraction.grammar import Pooling
from layerscape.extraction.layers import Place
from layerscape.extraction.parts import Seen
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.survey import Survey

_Way = tuple[str, bool, int | None]  # layers of one way have the same tokens, where they are of one shape


class Averages:
    """The sums of the tokens of a batch, of layers whose tokens are along the second of three axes.

    All numbers are those of `pooling.pool`, to the bit.
    """

    def __init__(self, found: Survey, chosen: Sequence[Place], pooling: str, *, possible: bool) -> None:
        self._found, self._asked = found, Pooling.of(pooling)
        self._ways = {place.name: way for place in chosen if (way := self._way(place)) is not None}
        self._on = possible and self._asked.average
        self._weights: dict[tuple[_Way, torch.Size], tuple[torch.Tensor, torch.Tensor]] = {}
        self._totals: dict[str, torch.Tensor] = {}

    def begin(self) -> None:
        """Before each batch, since its tokens are others."""
        self._weights.clear()
        self._totals.clear()

    def take(self, place: Place, seen: Seen, tokens: Tokens | None, n_samples: int) -> torch.Tensor | None:
        """Sums of the tokens of a layer, shape (B, 1, D); None where more is to be done than to sum them."""
        way, hidden = self._ways.get(place.name), seen.tensor
        if way is None or hidden.ndim != 3 or seen.lengths is not None or not self._on:
            return None
        weights = self._weights.get((way, hidden.shape))
        if weights is None:
            known = self._found.tokens_of(place, hidden, self._asked, tokens, n_samples)
            shares, total = (known or Tokens.after(0, hidden)).shares(self._asked)
            weights = self._weights[way, hidden.shape] = shares[:, None], total
        self._totals[place.name] = weights[1]
        return torch.bmm(weights[0], hidden if hidden.dtype is torch.float32 else hidden.float())

    def finish(self, pooled: dict[str, torch.Tensor]) -> bool:
        """Make means of the sums; False where one is not finite, and from then on all is left to `pooling.pool`.

        Padding may hold NaN, which a product with zero spreads.
        """
        for name, total in self._totals.items():
            pooled[name] = pooled[name][:, 0].div_(total)
        self._on = self._on and all(isfinite(float(pooled[name].sum())) for name in self._totals)
        return self._on or not self._totals

    def _way(self, place: Place) -> _Way | None:
        if place.site is None or place.view is not None or place.head is not None:
            return None
        axes = self._found.axes.get(place.site)
        if axes is None or axes.rows.axis or axes.rows.fold or axes.places != (1,):
            return None
        return place.stack, place.follows, self._found.shifts.get(place.site)

"""The nearest points that were found for some queries, on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import require

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

PER_ENTRY = 60  # bytes of the device while entries are sorted
_NUMBER = 32  # bits of a bound, below those of the query that it is of


class NearestLists:
    """The smallest bounds of each query, sorted now and then.

    An entry has a key, the number of its query over the bits of its bound: as bounds are not negative, keys sort by
    query and then by bound. A list that has more than ``width`` entries keeps the smallest, the largest of which
    becomes its limit, so that at any time every point that is not in a list has a bound of at least the list's limit.

    Parameters
    ----------
    width
        How many entries of a list stay.
    most
        How many entries may wait to be sorted in.

    Attributes
    ----------
    limits
        Shape (n,), float32.
    """

    def __init__(self, n: int, width: int, most: int, device: torch.device):
        self.width, self.most, self.n_waiting = width, most, 0
        self.limits = torch.full((n,), float("inf"), dtype=torch.float32, device=device)
        self.queries = torch.arange(n + 1, device=device) << _NUMBER  # below all keys of each, and of the next
        self.keys = [torch.empty(0, dtype=torch.int64, device=device)]
        self.points = [torch.empty(0, dtype=torch.int32, device=device)]
        self.starts = torch.zeros(n + 1, dtype=torch.int64, device=device)

    def add(self, queries: torch.Tensor, bounds: torch.Tensor, points: torch.Tensor) -> None:
        """Entries: places of queries, bounds of at least 0, numbers of points."""
        self.keys.append(queries << _NUMBER | bounds.view(torch.int32))
        self.points.append(points.to(torch.int32))
        self.n_waiting += len(queries)
        if self.n_waiting > self.most:
            self.settle()

    def settle(self) -> None:
        """Sort what waits into the lists, and lower the limits of those that are full."""
        keys, order = torch.sort(torch.cat(self.keys))
        points = torch.cat(self.points)[order]
        del order
        starts = torch.searchsorted(keys, self.queries)
        full = (starts.diff() >= self.width).nonzero()[:, 0]
        last = keys[starts[full] + self.width - 1]
        self.limits[full] = _bounds_of(last)
        places = torch.arange(len(keys), device=keys.device) - starts[keys >> _NUMBER]
        kept = places < self.width
        self.keys, self.points, self.n_waiting = [keys[kept]], [points[kept]], 0
        self.starts = torch.searchsorted(self.keys[0], self.queries)

    def arrays(self, unit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """NearestLists, counts and limits as `Candidates` has them, with bounds multiplied by ``unit``."""
        self.settle()
        keys, counts = self.keys[0], self.starts.diff()
        queries = keys >> _NUMBER
        places = queries * self.width + torch.arange(len(keys), device=keys.device) - self.starts[queries]
        lists = torch.zeros(len(counts) * self.width, dtype=torch.int64, device=keys.device)
        bits = (_bounds_of(keys) * unit).view(torch.int32).to(torch.int64)
        lists[places] = bits << _NUMBER | self.points[0]
        entries = lists.view(len(counts), self.width).cpu().numpy().view(np.uint64)
        return entries, counts.to(torch.int32).cpu().numpy(), (self.limits * unit).cpu().numpy()


def _bounds_of(keys: torch.Tensor) -> torch.Tensor:
    """The bounds in keys."""
    return (keys & (2**_NUMBER - 1)).to(torch.int32).view(torch.float32)

"""Distances on the device as they are defined, in the stated order of summation: the bits are those of the processor.

No product is fused into a sum, since each is made and stored before it is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import require
from layerscape.search.distances import LANES
from layerscape.search.engine import Job
from layerscape.search.gpu.device import within

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

PER_VALUE = 48  # bytes for each coordinate of a pair while its distance is computed


def squared_pairs(values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """d² of rows of a matrix, pair by pair, float64."""
    squares = values[rows].to(torch.float64)
    squares.sub_(values[columns])
    squares.mul_(squares)
    lanes = torch.zeros((len(rows), LANES), dtype=torch.float64, device=values.device)
    for start in range(0, values.shape[1], LANES):
        part = squares[:, start : start + LANES]
        lanes[:, : part.shape[1]].add_(part)
    half = LANES
    while half > 1:
        half //= 2
        lanes = lanes[:, :half] + lanes[:, half : 2 * half]
    return lanes[:, 0]


class DeviceDistances:
    """Looks up the distances of candidates whose values are on the device.

    Parameters
    ----------
    values
        Shape (N, D): all points as they were read, which are the queries too.
    memory
        Bytes to work with on torch's processor device.
    """

    def __init__(self, values: torch.Tensor, memory: int):
        self.values, self.memory = values, memory

    def __call__(self, job: Job, panel: slice, numbers: np.ndarray, counts: np.ndarray, squared: np.ndarray) -> None:
        """What `finish.looked_up` does."""
        listed = np.flatnonzero(np.arange(numbers.shape[1]) < counts[:, None])
        rows, columns = panel.start + listed // numbers.shape[1], numbers.ravel()[listed]
        device = self.values.device

        def look_up(free: int) -> np.ndarray:
            found = np.empty(len(listed))
            step = max(1, free // 2 // (PER_VALUE * self.values.shape[1]))
            for start in range(0, len(listed), step):
                some = slice(start, start + step)
                pairs = (torch.from_numpy(which[some]).to(device, torch.int64) for which in (rows, columns))
                found[some] = squared_pairs(self.values, *pairs).cpu().numpy()
            return found

        squared.reshape(-1)[listed] = within(device, self.memory, look_up)

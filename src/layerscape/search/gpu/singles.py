"""Bounds from float32 on the device. What they are in doubt by is `engine.slack`, as of those of the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import require
from layerscape.search.engine import SPARE, Job, slack
from layerscape.search.floats import doubts_of
from layerscape.search.gpu.held import OnDevice, bounds_from, centered, step_for
from layerscape.search.rows import Rows

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")


class Singles:
    """Float32 products, summed in float32 in an order of the device's own."""

    unit, pair_bytes = 1.0, 4

    def __init__(self, job: Job, device: torch.device, free: int):
        self.n_units, self.device, self.spare = job.points.n_units, device, SPARE
        self.step = step_for(self.n_units, free)
        self.row_bytes, self.wrong = 4 * self.n_units + 8, slack(self.n_units)

    def room(self, n: int) -> OnDevice:
        """Memory for n rows."""
        rows = torch.empty((n, self.n_units), dtype=torch.float32, device=self.device)
        return OnDevice(rows, *torch.ones((2, n), dtype=torch.float32, device=self.device))

    def fill(self, rows: Rows, values: torch.Tensor, held: OnDevice) -> np.ndarray:
        """Put rows as they were read into their memory; what their bounds are in doubt by, float32."""
        for start in range(0, len(values), self.step):
            some = slice(start, start + self.step)
            held.rows[some] = centered(rows, values[some])
            held.halves[some] = held.rows[some].to(torch.float64).square_().sum(1) * (0.5 * (1 - self.wrong))
        return doubts_of(held.halves.cpu().numpy(), self.wrong)

    def bounds(self, rows: OnDevice, columns: OnDevice) -> torch.Tensor:
        """Bounds of all pairs."""
        return bounds_from(multiply(rows.rows, columns.rows), rows, columns)


def multiply(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a·bᵀ of float32, in float32."""
    return torch.mm(a, b.T)

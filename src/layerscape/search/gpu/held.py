"""Rows as the device holds them for bounds, and what an arithmetic of the device does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from layerscape.errors import require
from layerscape.search.rows import Rows

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

AT_A_TIME = 2**22  # values that are rounded at a time, where memory allows for it
CENTERED = 48  # bytes that each of them takes meanwhile, in float64


class OnDevice(NamedTuple):
    """Rows on the device.

    Attributes
    ----------
    rows
        Shape (n, at least D).
    scales
        Shape (n,), float32: powers of two that the rows are to be multiplied by.
    halves
        Shape (n,), float32: half of the squared length, less the row's share of what a bound can be too high by.
    """

    rows: torch.Tensor
    scales: torch.Tensor
    halves: torch.Tensor

    def part(self, where: slice) -> OnDevice:
        """Some of them, in the same memory."""
        return OnDevice(self.rows[where], self.scales[where], self.halves[where])


class DeviceArithmetic(Protocol):
    """What bounds are made with on a device.

    Attributes
    ----------
    step
        How many rows are rounded at a time.
    row_bytes
        What a row takes.
    pair_bytes
        What a pair takes while its bound is made.
    unit
        A power of two: bounds are to be multiplied by it.
    spare
        How many candidates are kept beyond k.
    """

    step: int
    row_bytes: int
    pair_bytes: int
    unit: float
    spare: int

    def room(self, n: int) -> OnDevice:
        """Memory for n rows."""
        ...

    def fill(self, rows: Rows, values: torch.Tensor, held: OnDevice) -> np.ndarray:
        """Put rows as they were read into their memory; what their bounds are in doubt by, float32."""
        ...

    def bounds(self, rows: OnDevice, columns: OnDevice) -> torch.Tensor:
        """Bounds of all pairs, float32, in `unit`; negative ones stand for 0."""
        ...


def step_for(n_units: int, free: int) -> int:
    """How many rows are rounded at a time, in a sixteenth of the memory."""
    return max(1, min(AT_A_TIME, free // 16 // CENTERED) // n_units)


def centered(rows: Rows, values: torch.Tensor) -> torch.Tensor:
    """What `Rows.centered_wide` gives, on the device."""
    center, scale = rows.frame
    return (values.to(torch.float64) - torch.from_numpy(center).to(values.device)) * scale


def bounds_from(products: torch.Tensor, rows: OnDevice, columns: OnDevice) -> torch.Tensor:
    """h_a + h_b less the products, in their memory."""
    torch.sub(columns.halves, products, out=products)
    return products.add_(rows.halves[:, None])

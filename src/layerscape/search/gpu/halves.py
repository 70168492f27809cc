"""Bounds from float16 on the device: products of rounded rows with sums in float32, and what was rounded off is known.

A row x becomes s·2⁻¹³·q with q of float16 and s a power of two. Nothing is assumed of how x is rounded, since what is
left, x − s·2⁻¹³·q, is measured in float64. No q is subnormal, which some devices take for 0. docs/search.md has the
proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import require
from layerscape.search.engine import SPARE, Job
from layerscape.search.gpu.held import OnDevice, bounds_from, centered, step_for
from layerscape.search.rounding import halves_of
from layerscape.search.rows import Rows

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

HIGHEST = 2.0**13  # what a coordinate of 1 becomes; float16 reaches eight times as far
LEAST = 2.0**-14  # the smallest number of float16 that is not subnormal
NARROW, NARROWEST = -10, -60  # the exponents of rows that have a scale of their own, and of the smallest
PIECE = 2048  # columns that are multiplied at a time, since what sums can be wrong by grows with their number
WIDTHS = 8  # rows are filled up to a multiple of so many columns, or a device multiplies slowly


class Halves:
    """Float16 products with sums in float32."""

    unit = HIGHEST**-2

    def __init__(self, job: Job, device: torch.device, free: int):
        self.n_units, self.device = job.points.n_units, device
        self.step = step_for(self.n_units, free)
        self.width = -(-self.n_units // WIDTHS) * WIDTHS
        self.row_bytes, self.pair_bytes = 2 * self.width + 8, 4 if self.n_units <= PIECE else 8
        self.spare = max(SPARE, job.k // 3)  # bounds are wider than those of float32
        self.wrong, self.ratio, self.even = wrong_by(self.n_units), 1.0, True
        self.ratio = self._ratio(job.points)

    def room(self, n: int) -> OnDevice:
        """Memory for n rows."""
        rows = torch.zeros((n, self.width), dtype=torch.float16, device=self.device)
        return OnDevice(rows, *torch.ones((2, n), dtype=torch.float32, device=self.device))

    def fill(self, rows: Rows, values: torch.Tensor, held: OnDevice) -> np.ndarray:
        """Put rows as they were read into their memory; what their bounds are in doubt by, float32."""
        length, by_half, error = self._round(rows, values, held)
        middle, dropped = (length + by_half) / 2, self.wrong**0.5 * by_half
        halves, _, doubts = halves_of(length, error, middle, self.ratio, by_half, dropped, 0.0)
        held.halves[:] = torch.from_numpy(halves / np.float32(self.unit)).to(self.device)
        self.even = self.even and bool((held.scales == 1).all())
        return doubts

    def _round(self, rows: Rows, values: torch.Tensor, held: OnDevice) -> np.ndarray:
        """Lengths of rows, of rounded rows, and of what was rounded off, shape (3, n)."""
        lengths = torch.empty((3, len(values)), dtype=torch.float64, device=self.device)
        for start in range(0, len(values), self.step):
            some = slice(start, start + self.step)
            x = centered(rows, values[some])
            exponent = torch.frexp(x.abs().amax(1))[1].clamp_(min=NARROWEST)
            exponent = torch.where(exponent > NARROW, 0, exponent)
            scales = ((exponent + 127) << 23).to(torch.int32).view(torch.float32)  # a power of two, from its bits
            whole = x * (HIGHEST / scales.to(torch.float64))[:, None]
            halves = whole.to(torch.float16)
            halves.masked_fill_(halves.abs() < LEAST, 0)
            held.rows[some, : self.n_units], held.scales[some] = halves, scales
            made = halves.to(torch.float64) * (scales.to(torch.float64) / HIGHEST)[:, None]
            for which, part in enumerate((x, made, x - made)):
                lengths[which, some] = part.square().sum(1).sqrt_()
        return lengths.cpu().numpy()

    def _ratio(self, points: Rows) -> float:
        """About how large what is rounded off is beside a row; bounds hold for any other, and are good for this."""
        held = self.room(len(points.sample))
        length, _, error = self._round(points, torch.from_numpy(points.sample).to(self.device), held)
        return max(float(np.median(error[length > 0] / length[length > 0])) if length.any() else 0.0, 2.0**-20)

    def bounds(self, rows: OnDevice, columns: OnDevice) -> torch.Tensor:
        """Bounds of all pairs."""
        products = product(rows.rows, columns.rows)
        if not self.even:
            products.mul_(columns.scales).mul_(rows.scales[:, None])
        return bounds_from(products, rows, columns)


def wrong_by(n_units: int) -> float:
    """The share of ‖a‖·‖b‖ that `product` can be wrong by: twice 2⁻²³ for each term of a piece."""
    return (min(n_units, PIECE) + 32 + n_units // PIECE) * 2.0**-22


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a·bᵀ of float16, in float32, piece by piece."""
    whole = multiply(a[:, :PIECE], b[:, :PIECE])
    for start in range(PIECE, a.shape[1], PIECE):
        whole += multiply(a[:, start : start + PIECE], b[:, start : start + PIECE])
    return whole


def multiply(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a·bᵀ of float16, in float32; torch's processor device has no such product, and is given the same as float32."""
    if a.device.type == "cpu":
        return torch.mm(a.to(torch.float32), b.to(torch.float32).T)
    return torch.mm(a, b.T, out_dtype=torch.float32)

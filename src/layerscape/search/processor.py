"""Which arithmetic a search is done with: bytes where the processor has an instruction for them and they pay."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from layerscape.search import kernels
from layerscape.search.bytes import Bytes
from layerscape.search.engine import Arithmetic, Job
from layerscape.search.floats import Floats

WORK = 1e8  # products of numbers, below which nothing is gained
FEWEST_UNITS = 32  # below, looking through bounds takes longer than making them
MOST_PASSING = 1 / 8  # of the pairs of a sample, to be looked at with the second bytes too


def arithmetic_for(job: Job) -> Arithmetic:
    """What is fastest for a search on this processor."""
    work = job.queries.n_points * job.points.n_points * job.points.n_units
    if work >= WORK and job.points.n_units >= FEWEST_UNITS and (instruction := instruction_here()) is not None:
        by_bytes = Bytes(job, instruction)
        if by_bytes.passing(job) <= MOST_PASSING:
            return by_bytes
    return Floats(job)


@cache
def instruction_here() -> Any:
    """The fastest instruction of this processor, or None where there is none or it miscounts, which a warning says."""
    for instruction in kernels.available():
        try:
            wrong = "" if is_exact(instruction) else "it gave wrong sums in a test"
        except Exception as error:  # whatever the compiler cannot do, the search can be done without
            wrong = f"{type(error).__name__}: {error}"
        if not wrong:
            return instruction
        warnings.warn(
            f"this processor's byte products ({instruction.words}) are not used: {wrong}. Searches give the same "
            "graphs, and take longer.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return None


def is_exact(instruction: Any) -> bool:
    """Whether sums of products of bytes are right at the widths and values where they could overflow or saturate."""
    rng = np.random.default_rng(0)
    return all(
        _agrees(instruction, width, rng) for width in (1, 3, 63, 64, 65, 384, 1000, kernels.PIECE, kernels.PIECE + 5)
    )


def _agrees(instruction: Any, width: int, rng: np.random.Generator) -> bool:
    """Whether products are those of float64, in which sums of so many bytes are exact."""
    size = kernels.group_of(instruction)
    first, second = rng.integers(-127, 128, (2, size, width), np.int32)
    for rows in (first, second):
        rows[0], rows[1], rows[2] = 127, -127, 127 - 254 * (np.arange(width) % 2)
        rows[3] = 0
    held = Bytes.held(instruction, size, width)
    for row in range(size):
        kernels.store(first[row], second[row], row, 0, row, instruction.offset, instruction.depth, held)
    out, more = np.empty((2, kernels.ROWS, size), np.float32)
    kernels.multiply(instruction, held, 0, held, 0, out, more)
    a, b = first.astype(float), second.astype(float)
    ways = [(i, j) for i in range(kernels.ROWS) for j in range(4)]
    crossed = [kernels.cross(instruction, held, i, held, j) for i, j in ways]
    expected = [a[i] @ b[j] + b[i] @ a[j] for i, j in ways]
    exact = 0 if width <= kernels.PIECE else 2.0**-22  # pieces are added in float32
    close = np.allclose(out, (a[: kernels.ROWS] @ a.T).astype(np.float32), rtol=exact, atol=exact * width * 127**2)
    return close and np.allclose(crossed, np.array(expected, np.float32), rtol=exact, atol=exact * width * 127**2)

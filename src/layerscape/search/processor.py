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
MOST_DOUBTFUL = 1 / 4  # the same where ranks are counted, of pairs that are looked at once and in order


def arithmetic_for(job: Job) -> Arithmetic:
    """What is fastest for a search on this processor."""
    by_bytes = bytes_for(job)
    return by_bytes if by_bytes is not None and by_bytes.passing(job) <= MOST_PASSING else Floats(job)


def bytes_for(job: Job) -> Bytes | None:
    """Bytes, where the processor has an instruction for them and there is enough to do."""
    work = job.queries.n_points * job.points.n_points * job.points.n_units
    if work < WORK or job.points.n_units < FEWEST_UNITS or (instruction := instruction_here()) is None:
        return None
    return Bytes(job, instruction)


@cache
def instruction_here() -> Any:
    """The fastest instruction of this processor that counts right, or None; of one that does not a warning says so."""
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


def is_exact(instruction: Any) -> bool:
    """Whether sums of products of bytes are right at the widths and values where they could overflow or saturate."""
    rng = np.random.default_rng(0)
    return all(_agrees(instruction, width, rng) for width in (1, 3, 63, 64, 65, 384, 1000, kernels.PIECE))


def _agrees(instruction: Any, width: int, rng: np.random.Generator) -> bool:
    """Whether products are those of float64, in which sums of so many bytes are exact."""
    size = kernels.group_of(instruction)
    first, second = rng.integers(-126, 127, (2, size, width))
    first[:6] = np.array([126, -126, 0, 126, 126, -126])[:, None]
    second[:6] = np.array([127, -127, 127, -127, 0, 127])[:, None]
    first[3, ::2], second[4, ::2] = -126, 127
    first[:, 0], second[:, 0] = 127, 0  # of which one unit follows
    first[6:9], second[6:9] = np.array([127, -128, 127])[:, None], 0
    first[8, 1::2] = -128
    held, doubts = Bytes.held(instruction, size, width), np.empty(size, np.float32)
    x = (first + second / kernels.FINER).astype(np.float32)
    frame, step = (np.zeros(width), 1.0), 1.0
    kernels.round_rows(x, *frame, step, 0, np.ones(2), np.empty(0), instruction.offset, 0, held, doubts)
    products = np.empty((size, size), np.float32)
    kernels.byte_products(
        instruction, held.first, held.scales, 0, size, held.groups, held.starts, held.scales, products
    )
    whole = held.first, held.second, held.sums
    crossed = [kernels.cross(instruction, *whole, i, *whole, j) for i in range(9) for j in range(9)]
    a, b = first.astype(float), second.astype(float)
    pairs = (products, a @ a.T), (np.reshape(crossed, (9, 9)), (a @ b.T + b @ a.T)[:9, :9])
    return all(np.array_equal(made, right.astype(np.float32)) for made, right in pairs)

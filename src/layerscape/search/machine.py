"""What a machine can do, from a second or two of trying: how fast it searches, and reads a disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import nnls

from layerscape.core.representation import Representation
from layerscape.search.find import find_neighbors

FIRST, MOST, STEP = (
    1_500,
    24_000,
    4,
)  # samples that are searched first and at the most, and how many times more each time
ENOUGH, BYTES = 0.5, 2**27  # seconds of a search after which none is larger, and what its samples may take
SCALES = np.array([1e-2, 1e-6, 1e-12])  # seconds that are about as many for each, so that the fit is a good one
WRITTEN = 2**25  # bytes that are written, and read again


@dataclass(frozen=True)
class Machine:
    """What one machine can do.

    Attributes
    ----------
    per_search
        Seconds that any search takes.
    per_query
        Seconds for each sample beside them: lists, and exact distances of those on them.
    per_product
        Seconds for each of the N²·D operations of a search.
    per_byte
        Seconds to read one from disk.
    """

    per_search: float
    per_query: float
    per_product: float
    per_byte: float

    def computing(self, n_operations: float, n_queries: float) -> float:
        """Seconds of a search of one layer."""
        return self.per_search + self.per_query * n_queries + self.per_product * n_operations


def machine(x: Representation, k: int, search: Any, folder: Path | None) -> Machine:
    """What this machine can do with samples like these, as busy as it is now.

    Searches of three sizes tell what grows with pairs from what grows with samples and from what does not grow.
    """
    most = min(x.n_samples, MOST, max(FIRST, BYTES // (x.n_units * x.matrix.dtype.itemsize)))
    n, rows, taken = min(most, max(FIRST, 2 * k)), [], []
    while True:
        taken.append(_searching(_first(x, n), k, search))
        rows.append([1.0, n, float(n) ** 2 * x.n_units])
        if taken[-1] > ENOUGH or n == most:
            break
        n = min(most, STEP * n)
    # Each is to be right by its own size. None can be negative: where noise would have it so, it is nothing.
    found, _ = nnls(np.array(rows) / np.array(taken)[:, None] * SCALES, np.ones(len(rows)))
    if not found[2]:
        found = np.array([0.0, 0.0, taken[-1] / rows[-1][2] / SCALES[2]])
    per_search, per_query, per_product = (found * SCALES).tolist()
    return Machine(per_search, per_query, per_product, _reading(folder))


def _first(x: Representation, n: int) -> Representation:
    return Representation(np.ascontiguousarray(x.matrix[:n]))


def _searching(x: Representation, k: int, search: Any) -> float:
    """Seconds of a search: the lesser of two, since the first may compile, and other programs only add."""
    return min(_seconds(lambda: find_neighbors(x, min(k, x.n_samples - 1), **search)) for _ in range(2))


def _seconds(job: Callable[[], Any]) -> float:
    start = perf_counter()
    job()
    return perf_counter() - start


def _reading(folder: Path | None) -> float:
    """Seconds for a byte that is read from the disk of a folder, or of temporary files where it cannot be written."""
    content = np.random.default_rng(0).bytes(WRITTEN)  # which no file system can make smaller
    where = folder if folder is not None and os.access(folder, os.W_OK) else None
    with tempfile.NamedTemporaryFile(dir=where, prefix=".layerscape-speed-") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        with suppress(AttributeError, OSError):  # where a system cannot forget what it has just written
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with Path(file.name).open("rb", buffering=0) as again:
            return _seconds(lambda: again.read(WRITTEN)) / WRITTEN

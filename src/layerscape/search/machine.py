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

from layerscape.core.representation import Representation
from layerscape.search.find import find_neighbors

FIRST, MOST, ENOUGH = 1_500, 12_000, 0.7  # samples that are searched first and at most, and seconds that tell enough
WRITTEN = 2**25  # bytes that are written, and read again


@dataclass(frozen=True)
class Machine:
    """What one machine can do.

    Attributes
    ----------
    per_product
        Seconds for each of the N²·D operations of a search.
    per_query
        Seconds for each sample beside them: lists, and exact distances of those on them.
    per_byte
        Seconds to read one from disk.
    """

    per_product: float
    per_query: float
    per_byte: float

    def computing(self, n_operations: float, n_queries: float) -> float:
        """Seconds of a search of one layer."""
        return self.per_product * n_operations + self.per_query * n_queries


def machine(x: Representation, k: int, search: Any, folder: Path | None) -> Machine:
    """What this machine can do with samples like these, as busy as it is now.

    Searches of two sizes tell what grows with pairs from what grows with samples.
    """
    least = min(x.n_samples, max(FIRST, 2 * k))
    small = _searching(_first(x, least), k, search)
    more = int(min(x.n_samples, MOST, least * np.sqrt(max(1.0, ENOUGH / small))))
    if more < 1.5 * least:
        return Machine(small / (least**2 * x.n_units), 0.0, _reading(folder))
    large = _searching(_first(x, more), k, search)
    pairs = np.array([[least**2 * x.n_units, least], [more**2 * x.n_units, more]], float)
    product, query = np.linalg.solve(pairs, [small, large])
    if product <= 0 or query < 0:  # by noise: all of it is then laid on the pairs
        product, query = large / pairs[1, 0], 0.0
    return Machine(float(product), float(query), _reading(folder))


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

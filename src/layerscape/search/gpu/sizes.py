"""How a search is cut to fit into the memory of its device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.search.engine import Job
from layerscape.search.gpu.held import DeviceArithmetic
from layerscape.search.gpu.lists import PER_ENTRY

TILE_ROWS, TILE_COLUMNS = 2**13, 2**14
FEWEST = 256  # entries of lists that wait at the least
MOST = 2**27  # and at the most
SAMPLED = 2**14  # points that first limits are guessed from
MARKS = 24  # bytes of a query and a point: who it is, and who is left out
MASKS = 4  # bytes of a pair: which bounds are small, and torch's own copies


@dataclass(frozen=True)
class Sizes:
    """Numbers of rows.

    Attributes
    ----------
    rows, columns
        Of a tile.
    block
        Points that are loaded at a time.
    panel
        Queries that are held, with their lists, at a time.
    waiting
        Entries that may wait to be sorted into lists.
    sampled
        Points that first limits are guessed from.
    whole
        Whether all points and lists are held, so that each pair is looked at once.
    kept
        Whether their values stay beside them.
    """

    rows: int
    columns: int
    block: int
    panel: int
    waiting: int
    sampled: int
    whole: bool
    kept: bool


def sizes_for(job: Job, arithmetic: DeviceArithmetic, width: int, free: int) -> Sizes:
    """Half of the memory is for all points, or less of it for a panel beside blocks of points; an eighth is for a tile,
    and less than a fifth for what waits, of which a tile may add as much again.
    """
    n_points, n_queries = job.points.n_points, job.queries.n_points
    value_bytes = np.dtype(job.points.precision).itemsize * job.points.n_units
    held = arithmetic.row_bytes + PER_ENTRY * width + MARKS
    sampled, loaded = min(job.memory // 8, free // 32), min(job.memory // 32, free // 32)
    whole = job.symmetric and n_points * held <= free // 2
    block = int(np.clip(loaded // value_bytes, 1, n_points))
    tile = min(job.memory, free // 8) // (arithmetic.pair_bytes + MASKS)
    columns = min(TILE_COLUMNS, n_points, max(1, int(tile**0.5)))
    return Sizes(
        rows=int(np.clip(tile // columns, 1, min(TILE_ROWS, n_queries))),
        columns=columns,
        block=block,
        panel=n_queries if whole else int(np.clip(3 * free // 8 // held, 1, n_queries)),
        waiting=int(np.clip(free // 16 // PER_ENTRY, FEWEST, MOST)),
        sampled=int(min(SAMPLED, n_points // 8, sampled // value_bytes)),
        whole=whole,
        kept=whole and n_points * (held + value_bytes) <= free // 2,
    )

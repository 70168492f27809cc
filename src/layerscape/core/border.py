"""The border of a graph: the samples beyond the last column at exactly the last column's distance.

It is kept as compressed rows of numbers of copies, so that thousands of tied copies are one number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import InvalidValue

if TYPE_CHECKING:
    from layerscape.core.neighbors import Neighbors


MOST = 2**26  # pairs that tie at the end of lists; a measure takes some hundred bytes for each


def compressed(rows: np.ndarray, numbers: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """``border_starts`` and ``border_copies`` of rows and numbers of copies, in any order and some of them twice."""
    if not len(rows):
        return np.zeros(n_rows + 1, np.int64), np.empty(0, np.int64)
    pairs = np.unique(np.stack([rows, numbers], axis=1), axis=0)
    return np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=n_rows))]), pairs[:, 1]


def border_of_first(graph: Neighbors, k: int, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The border of the first k neighbors, as compressed rows."""
    last = graph.order[:, k - 1 : k]
    rows, columns = np.nonzero(graph.order[:, k:] == last)
    tied = copies[graph.indices[rows, columns + k]]
    if graph.border_starts is not None and graph.border_copies is not None:
        entry_rows = np.repeat(np.arange(len(last)), np.diff(graph.border_starts))
        still = graph.order[entry_rows, -1] == last[entry_rows, 0]
        rows, tied = np.concatenate([rows, entry_rows[still]]), np.concatenate([tied, graph.border_copies[still]])
    return compressed(rows, tied, len(last))


def samples_beyond(graph: Neighbors, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, samples) at distance ``last`` that no column holds."""
    nothing = np.empty(0, np.int64), np.empty(0, np.int64)
    if graph.border_starts is None or graph.border_copies is None or len(graph.border_copies) == 0:
        return nothing
    open_rows = (graph.order[:, -1] == last) & (np.diff(graph.border_starts) > 0)
    if not open_rows.any():
        return nothing
    assert graph.copies is not None
    order = np.argsort(graph.copies, kind="stable")
    starts = np.searchsorted(graph.copies[order], np.arange(int(graph.copies.max()) + 2))
    entry_rows = np.repeat(np.arange(len(last)), np.diff(graph.border_starts))
    wanted = open_rows[entry_rows]
    entry_rows, entry_copies = entry_rows[wanted], graph.border_copies[wanted]
    sizes = starts[entry_copies + 1] - starts[entry_copies]
    if (n_pairs := int(sizes.sum())) > MOST:
        raise InvalidValue(
            f"{n_pairs:,} pairs of samples tie as neighbors, since {int(sizes.max()):,} samples are copies of one: too "
            "many to go through; give one of each, as np.unique(x, axis=0) has them, or fewer samples."
        )
    rows = np.repeat(entry_rows, sizes)
    offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    samples = order[np.repeat(starts[entry_copies], sizes) + offsets]
    listed = np.flatnonzero(open_rows)
    known = (listed[:, None] * graph.n_samples + graph.indices[listed]).ravel()
    new = ~np.isin(rows * graph.n_samples + samples, known) & ~graph.near.excluded(graph.query_rows[rows], samples)
    return rows[new], samples[new]


def none_tie_beyond(graph: Neighbors, k: int) -> bool:
    """Whether no query has a sample beyond its first k neighbors that is as far as the k-th."""
    if k < graph.k:
        return bool((graph.order[:, k] > graph.order[:, k - 1]).all())
    return graph.border_copies is None or len(graph.border_copies) == 0


def every_place(graph: Neighbors, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, samples) of the first k columns, row after row."""
    return np.repeat(np.arange(len(graph.indices)), k), graph.indices[:, :k].astype(np.int64).ravel()


def not_farther(graph: Neighbors, k: int, some: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Neighbors.up_to` where distances tie, or of some queries."""
    last = graph.order[some, k - 1]
    places, columns = np.nonzero(graph.order[some] <= last[:, None])
    rows = some[places]
    more_rows, more = samples_beyond(graph, graph.order[:, k - 1])
    asked = np.isin(more_rows, some)
    more_places = np.searchsorted(some, more_rows[asked])
    return (
        np.concatenate([places, more_places]),
        np.concatenate([graph.indices[rows, columns].astype(np.int64), more[asked]]),
        np.concatenate([graph.order[rows, columns], last[more_places]]),
    )

"""The graph of some of the samples, cut from that of all: who is left out makes room for those that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscape.core.border import compressed, samples_beyond
from layerscape.core.joined import joined
from layerscape.errors import InvalidValue

if TYPE_CHECKING:
    from layerscape.core.nearness import Nearness
    from layerscape.core.neighbors import Neighbors

ENTRIES = 2**22  # places of lists that are looked at together


def lists_of(
    graph: Neighbors, rows: np.ndarray, near: Nearness
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The lists of some samples among themselves, as wide as the graph holds them of each, and what ties with the last.

    Parameters
    ----------
    graph
        Of all samples.
    rows
        Row numbers to keep, in any order, none twice.
    near
        Which samples are no neighbors of each other, by the numbers of all.

    Returns
    -------
    indices, order, copies, border_starts, border_copies
        As in `Neighbors`, renumbered 0…len(rows)−1. They are those of a search among these samples, as far as the graph
        knows who ties with the last of its columns.

    Raises
    ------
    InvalidValue
        If a sample has none of the others among its neighbors.
    """
    n = len(rows)
    number = np.full(graph.n_samples, -1)
    number[rows] = np.arange(n)
    far, beyond = samples_beyond(graph, graph.order[:, -1])
    kept = (number[far] >= 0) & (number[beyond] >= 0) & ~near.excluded(far, beyond)
    far, beyond = number[far[kept]], number[beyond[kept]]

    def listed(part: np.ndarray) -> np.ndarray:
        members = graph.indices[part]
        return np.where(near.excluded(part[:, None], members), -1, number[members])

    step = max(1, ENTRIES // (graph.k + np.bincount(far, minlength=1).max()))
    parts = [rows[start : start + step] for start in range(0, n, step)]
    held = np.concatenate([(listed(part) >= 0).sum(axis=1) for part in parts])
    if not held.min():
        raise InvalidValue(
            f"{np.count_nonzero(held == 0)} of {n} samples have none of the others among the {graph.k} neighbors that "
            "the graph holds; give a graph of more neighbors, or the vectors."
        )
    width = int(held.min())
    indices, order, ties = np.empty((n, width), np.int64), np.empty((n, width)), []
    for part in parts:
        at = slice(int(number[part[0]]), int(number[part[-1]]) + 1)
        here = (far >= at.start) & (far < at.stop)
        members = np.hstack([listed(part), _side_by_side(far[here] - at.start, beyond[here], len(part))])
        apart = graph.order[part]
        apart = np.hstack([apart, np.repeat(apart[:, -1:], members.shape[1] - graph.k, axis=1)])
        apart = np.where(members >= 0, apart, np.inf)
        ranked = np.lexsort((members, apart))
        members, apart = (np.take_along_axis(each, ranked, 1) for each in (members, apart))
        indices[at], order[at] = members[:, :width], apart[:, :width]
        tied, column = np.nonzero(apart[:, width:] == apart[:, width - 1 : width])
        ties.append(np.stack([tied + at.start, members[tied, column + width]], axis=1))
    copies = np.unique(copies_of(graph)[rows], return_inverse=True)[1]
    tied_rows, tied = np.concatenate(ties).T
    return indices, order, copies, *compressed(tied_rows, copies[tied], n)


def _side_by_side(rows: np.ndarray, samples: np.ndarray, n_rows: int) -> np.ndarray:
    """Samples as columns of the rows that they belong to, −1 where a row has fewer."""
    by_row = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n_rows)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    found = np.full((n_rows, counts.max(initial=0)), -1)
    found[rows[by_row], places] = samples[by_row]
    return found


def copies_of(graph: Neighbors) -> np.ndarray:
    """Shape (N,): a number for each sample, which copies share; where nobody looked for them, samples at distance 0."""
    if graph.copies is not None:
        return graph.copies
    rows, columns = np.nonzero(graph.order == 0)
    return joined(graph.n_samples, rows, graph.indices[rows, columns])

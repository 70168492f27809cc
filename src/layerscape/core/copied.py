"""Samples that are copies of others, exact or but for rounding: such as may belong together.

Rows are projected onto a few random directions and sorted along the first, where copies stand side by side: that goes
through the vectors a few times and through no pairs. Candidates are compared in all units.

Whole numbers in few units are equal by chance, as counts and bits are: of all pairs Π_j Σ_v p_jv² are so if units are
independent, p_jv the share of samples that have the value v in unit j.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from layerscape.core.distinct import clusters_of
from layerscape.core.frame import frame
from layerscape.core.near_copies import LARGEST, near_limit
from layerscape.core.nearness import PLAIN
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation, rows_of_block

DIRECTIONS = 3
DRAWN = 200  # samples from whose distances it is told what near copies are
WIDER = 1.1  # times the variance of a mean of independent samples, from which on copies are spoken of
BY_CHANCE = 10  # times as many equal pairs as independent units have are not to be wondered at
LOOKED_AT = 1000  # samples whose values are counted


def copies_among(x: Representation) -> np.ndarray:
    """Shape (N,): a number for each sample, which copies and near copies (rounding apart) share.

    >>> copies_among(Representation(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))).tolist()
    [0, 1, 0]
    """
    framed, turn = frame(x), np.random.default_rng(0).standard_normal((x.n_units, DIRECTIONS))
    far, along = _limit(x), np.concatenate([framed(block) @ turn for _, block in x.blocks()])
    order = np.argsort(along[:, 0], kind="stable")
    close = np.asarray((np.abs(np.diff(along[order], axis=0)) <= 3 * far).all(axis=1))
    places = np.flatnonzero(close)
    step = rows_of_block(x.n_units)
    for some in (places[first : first + step] for first in range(0, len(places), step)):
        one, other = (framed(_read(x, order[places])) for places in (some, some + 1))
        close[some] = np.linalg.norm(one - other, axis=1) <= far
    number = np.empty(len(along), int)
    number[order] = np.concatenate([[0], np.cumsum(~close)])
    return np.unique(number, return_inverse=True)[1]


def copies_in(graph: Neighbors) -> np.ndarray:
    """The same of a graph, which tells groups of up to 16 near copies; in one without distances every sample is alone.

    >>> copies_in(Neighbors.from_distances([[0, 1, 0], [1, 0, 1], [0, 1, 0]])).tolist()
    [0, 1, 0]
    """
    if not graph.has_distances:
        return np.arange(graph.n_samples) if graph.copies is None else graph.copies
    return clusters_of(graph)


def widened(codes: np.ndarray) -> float:
    """How many times the variance of a mean is that of independent samples, if copies are one sample: Σ n²/N.

    >>> float(widened(np.array([0, 0, 1, 1])))
    2.0
    """
    return float((np.bincount(codes).astype(float) ** 2).sum() / len(codes))


def by_chance(x: Representation, codes: np.ndarray) -> bool:
    """Whether whole numbers in few units are as often equal as independent samples may be.

    >>> bits = Representation(np.random.default_rng(0).integers(0, 2, (500, 4)))
    >>> by_chance(bits, copies_among(bits))
    True
    """
    n = x.n_samples
    some = x.stored(np.sort(np.random.default_rng(0).permutation(n)[:LOOKED_AT]))
    if not np.array_equal(some, np.floor(some)):
        return False
    expected, equal = 1.0, (widened(codes) - 1) / max(1, n - 1)
    for unit in some.T:
        counts = np.unique(unit, return_counts=True)[1]
        expected *= float(((counts / len(some)) ** 2).sum())
        if BY_CHANCE * expected < equal:
            return False
    return True


def said_of_copies(codes: np.ndarray) -> str:
    """That samples are copies of each other, what that means, and what to do; empty where they are few, or all one."""
    sizes = np.bincount(codes)
    if len(sizes) < 2 or widened(codes) < WIDER:
        return ""
    return (
        f"{int(sizes[sizes > 1].sum())} of {len(codes)} samples are copies of others, exact or but for rounding, and "
        f"{len(sizes)} are different; if copies belong together, as repeats do, intervals and p of what keeps them are "
        "too narrow: say so with groups= (--groups); ls.find_neighbors(x, k=1).copies has them of exact copies"
    )


def _limit(x: Representation) -> float:
    """The distance below which samples are near copies: as in a graph, from some samples, as if in two dimensions.

    In more of them first neighbors among all samples are farther away than that; numbers alone have no near copies.
    """
    if x.n_units == 1 or x.n_samples < 3:
        return 0.0
    from scipy.spatial.distance import cdist  # which takes long to import, for those who measure no vectors

    drawn = np.sort(np.random.default_rng(0).permutation(x.n_samples)[:DRAWN])
    some = frame(x)(x.read(drawn))
    most = max(LARGEST, len(drawn) // 4)  # the farthest are no measure: one sample may lie far from all others
    nearest = np.sort(cdist(some, some), axis=1)[:, 1 : 1 + most]
    return near_limit(nearest, PLAIN.near_copies) * sqrt(len(drawn) / x.n_samples)


def _read(x: Representation, rows: np.ndarray) -> np.ndarray:
    """Rows in any order, which an array on disk gives in its own, each once."""
    known, place = np.unique(rows, return_inverse=True)
    return x.read(known)[place]

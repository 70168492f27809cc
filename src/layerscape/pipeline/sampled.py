"""Some of the samples in place of all, whose neighbors among all are asked for: an average needs few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.core.measure import Measure
from layerscape.core.words import listed
from layerscape.errors import InvalidValue

FEWEST = 10  # queries of which an average is taken


def averages(
    measures: Sequence[Measure], n_queries: int | None, beside: Mapping[str, Any], *, named: bool
) -> Sequence[Measure]:
    """The measures that can be asked of some samples; raises where ``named`` ones cannot, or what is ``beside`` it."""
    if n_queries is None:
        return measures
    if others := [name for name, given in beside.items() if given is not None and given != ()]:
        raise InvalidValue(f"n_queries={n_queries} and {others[0]} at once; measure the two in a call each.")
    able = [measure for measure in measures if measure.searches and not {"subsets", "pairs"} & set(measure.data)]
    if named and len(able) < len(measures):
        unable = [measure.name for measure in measures if measure not in able]
        raise InvalidValue(
            f"n_queries with {listed(unable)}: that is no average over the neighbors of single samples; leave it out."
        )
    return able


def drawn_queries(n_queries: int | None, n_samples: int, seed: int) -> np.ndarray | None:
    """Which samples are asked, by increasing number; None where all are.

    >>> drawn_queries(10, 30, seed=0).tolist()
    [0, 1, 2, 5, 6, 7, 11, 14, 17, 24]
    """
    if n_queries is None:
        return None
    if not FEWEST <= n_queries < n_samples:
        raise InvalidValue(
            f"n_queries={n_queries} of {n_samples} samples; give {FEWEST} to {n_samples - 1}, or leave it out to ask "
            "all."
        )
    return np.sort(np.random.default_rng(seed).choice(n_samples, n_queries, replace=False))

"""Near copies: samples that only rounding sets apart, as one sees them in a graph."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors

LARGEST = 16  # samples in a group of near copies
BY_CHANCE = 0.01  # share of samples whose first two neighbors are so nearly equally far without being near copies


def near_queries(graph: Neighbors, near: float) -> int:
    """How many queries have near copies of themselves, or first neighbors that are such of each other."""
    distances = graph.distances[:, :LARGEST]
    limit = near_limit(distances, near)
    found = ((distances > 0) & (distances < limit)).any(axis=1)
    gaps = distances[:, 1:2] - distances[:, :1]
    equally_far = ((gaps > 0) & (gaps < limit)).any(axis=1)
    return int((found | equally_far).sum() if equally_far.mean() > BY_CHANCE else found.sum())


def near_words(graph: Neighbors) -> list[str]:
    """How many near copies there are in a graph whose near copies were to be left out, if there are some."""
    near = graph.near.near_copies
    limit = near_limit(graph.distances[:, :LARGEST], near)
    if not ((graph.distances[:, 0] > 0) & (graph.distances[:, 0] < limit)).any():
        return []
    return [
        f"{near_queries(graph, near)} of {len(graph.distances)} samples have near copies (rounding apart) among their "
        "neighbors, which can lower a dimension: ls.estimate and ls.measure leave them out when given the vectors"
    ]


def near_limit(distances: np.ndarray, near: float) -> float:
    """The distance below which samples are near copies; larger groups than there are columns are clusters, and none."""
    # The first neighbor that is no near copy: where most samples have one, the plain median would be theirs.
    nearest = np.where(distances > near * distances[:, -1:], distances, np.inf).min(axis=1)
    known = nearest[np.isfinite(nearest)]
    return near * float(np.median(known)) if len(known) else 0.0

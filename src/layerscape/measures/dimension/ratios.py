"""Ratios of neighbor distances: what TwoNN and Gride both start from, and what makes them meaningless."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue

FEW_SAMPLES = 100


def log_ratios(graph: Neighbors, near: int, far: int) -> np.ndarray:
    """log(r_far / r_near) of every query, shape (M,), for 1 ≤ near < far ≤ k; raises if r_near is 0 anywhere."""
    graph.need(far)
    inner, outer = graph.distances[:, near - 1], graph.distances[:, far - 1]
    n_zero = int((inner == 0).sum())
    if n_zero:
        raise InvalidValue(
            f"{n_zero} of {len(inner)} samples lie at distance 0 of their neighbor {near}: they are copies, of which "
            "a dimension cannot be computed; ls.estimate and ls.measure leave copies out when given the vectors."
        )
    return np.log(outer / inner)


def check_enough(graph: Neighbors) -> None:
    """Raise if there are fewer than three samples, from which no spread can be told."""
    if len(graph.indices) < 3:
        raise InvalidValue(
            f"{len(graph.indices)} samples; a dimension needs at least 3, and hundreds to mean something."
        )


def common_warnings(ratios: np.ndarray) -> list[str]:
    """What is wrong with these samples whatever the estimator, in words."""
    warnings = []
    if len(ratios) < FEW_SAMPLES:
        warnings.append(f"only {len(ratios)} samples: the interval is itself uncertain")
    tied = float((ratios == 0).mean())
    if tied > 0.01:
        warnings.append(
            f"{tied:.0%} of the samples have neighbors at equal distances: the data are discrete, "
            "and a dimension from distances is biased at this scale"
        )
    return warnings

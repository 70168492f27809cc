"""Ratios of neighbor distances: what TwoNN and Gride both start from, and what makes them meaningless."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue


def log_ratios(graph: Neighbors, near: int, far: int) -> np.ndarray:
    """log(r_far / r_near) of every query, shape (M,), for 1 ≤ near < far ≤ k; raises if r_near is 0 anywhere."""
    graph.need(far)
    check_no_copies(graph, near)
    return np.log(graph.distances[:, far - 1] / graph.distances[:, near - 1])


def check_no_copies(graph: Neighbors, near: int) -> None:
    """Raise if a query lies at distance 0 of its neighbor number ``near``."""
    n_zero = int((graph.distances[:, near - 1] == 0).sum())
    if n_zero:
        raise InvalidValue(
            f"{n_zero} of {len(graph.distances)} samples lie at distance 0 of their neighbor {near}: they are copies, "
            "of which a dimension cannot be computed; ls.estimate and ls.measure leave copies out when given the "
            "vectors."
        )


def check_no_lattice(ratios: np.ndarray, near: int, far: int, measure: str, remedy: str = "count with i3d") -> None:
    """Raise if all these log ratios of the distances to two neighbors are 0, from which nothing can be told."""
    if not ratios.any():
        raise InvalidValue(
            f"neighbors {near} and {far} are equally far from each of {len(ratios)} samples, as on a lattice: "
            f"{measure} cannot be computed; {remedy}, or add to every unit normal noise with a standard deviation of "
            "one step."
        )

"""Ratios of neighbor distances: what TwoNN and Gride both start from, and what makes them meaningless."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.checks import check_samples

FEW_SAMPLES = 100
TIED = 0.01  # a share of samples with tied neighbors above which the data are called discrete


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
            f"{measure} cannot be computed; {remedy}, or add noise smaller than the spacing."
        )


def check_enough(graph: Neighbors) -> None:
    """Raise if there are fewer than three samples, from which no spread can be told."""
    check_samples(len(graph.indices), "a dimension", 3)


def common_warnings(ratios: np.ndarray) -> list[str]:
    """What is wrong with these samples whatever the estimator, in words."""
    warnings = few_words(len(ratios))
    tied = float((ratios == 0).mean())
    if tied > TIED:
        warnings.append(tied_words(tied))
    return warnings


def few_words(n_samples: int) -> list[str]:
    """That there are few samples, if there are."""
    return [f"only {n_samples} samples: the interval is itself uncertain"] if n_samples < FEW_SAMPLES else []


def tied_words(share: float) -> str:
    """That the data are discrete."""
    return (
        f"{share:.0%} of the samples have neighbors at equal distances: the data are discrete, and a dimension from "
        "distances is biased at this scale"
    )

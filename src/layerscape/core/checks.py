"""What is asked of data and options in several places, each with its one sentence."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from layerscape.core.near_copies import near_words
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, unknown_name

FEW_SAMPLES = 100
TIED = 0.01  # a share of samples with tied neighbors above which the data are called discrete


def check_name(kind: str, given: object, allowed: Collection[str]) -> None:
    """Raise unless the name that was given is allowed."""
    if given not in allowed:
        raise unknown_name(kind, str(given), allowed)


def check_least(least: float, why: str = "", **options: float) -> None:
    """Raise at the first of these options that is below the least that it must be.

    >>> check_least(2, "so that there are two", k=1)
    Traceback (most recent call last):
    layerscape.errors.InvalidValue: k=1; give at least 2, so that there are two.
    """
    for name, given in options.items():
        if given < least:
            raise InvalidValue(f"{name}={given}; give at least {least}{why and ', ' + why}.")


def check_most(most: int, why: str = "", **options: float) -> None:
    """Raise at the first of these options that is above the most that it may be, so that no call goes on for years.

    >>> check_most(100, "which is enough", k=10**9)
    Traceback (most recent call last):
    layerscape.errors.InvalidValue: k=1000000000; give at most 100, which is enough.
    """
    for name, given in options.items():
        if given > most:
            raise InvalidValue(f"{name}={given}; give at most {most}{why and ', ' + why}.")


def check_samples(n_samples: int, measure: str, fewest: int) -> None:
    """Raise if there are fewer samples than the measure needs."""
    if n_samples < fewest:
        raise InvalidValue(f"{n_samples} samples; {measure} needs at least {fewest}, and hundreds to mean something.")


def check_all_asked(graph: Neighbors, measure: str) -> None:
    """Raise unless the graph has the neighbors of every sample."""
    if graph.queries is not None:
        raise InvalidValue(
            f"a graph of some queries only; {measure} needs every sample's neighbors: give the graph of all samples."
        )


def sample_rows(graph: Neighbors) -> np.ndarray:
    """Shape (M,): which samples the queries are; raises if one of them is not a sample."""
    if graph.query_rows.min() < 0:
        raise InvalidValue("the graph's queries are points that are not samples; search the rows of the data instead.")
    return graph.query_rows


def constant(x: Representation, so: str) -> InvalidValue:
    """An error that says that all samples are equal, and what follows from that."""
    return InvalidValue(f"{x.title} is constant over the samples{so}.")


def check_enough(graph: Neighbors) -> None:
    """Raise if there are fewer than three samples, from which no spread can be told."""
    check_samples(len(graph.indices), "a dimension", 3)


def common_warnings(graph: Neighbors) -> list[str]:
    """What is wrong with the samples of a graph of two neighbors or more whatever the estimator, in words."""
    warnings = [*near_words(graph), *few_words(len(graph.distances))]
    tied = float((graph.distances[:, 0] == graph.distances[:, 1]).mean())
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

"""What several measures ask of their data, each with its one sentence."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue


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

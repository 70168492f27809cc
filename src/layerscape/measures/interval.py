"""Intervals for means over a cloud of points, where the values of neighboring samples depend on each other.

The variance of a mean of independent values is too small here: two samples that share neighbors share their values'
fluctuations too. The sandwich over neighbor pairs adds the products of the values of all pairs of samples of which
one is a neighbor of the other (White 1980, doi:10.2307/1912934, with Conley's 1999 doi:10.1016/S0304-4076(98)00084-0
idea of which products to keep). How well the intervals cover is measured in benchmarks/coverage.py.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from layerscape.core.neighbors import Neighbors

Z95 = 1.959963984540054  # the 97.5 % point of the normal law


def sd_of_mean(values: np.ndarray, *graphs: Neighbors, k: int) -> float:
    """Standard deviation of the mean of one value per query.

    Parameters
    ----------
    values
        Shape (M,): the value, or its influence on an estimate, of every query of the graphs.
    graphs
        Over the same samples and queries; two queries are related if one is among the first k of the other in any.
    """
    values = values - values.mean()
    n = len(values)
    related = sum((_adjacency(graph, k) for graph in graphs), start=sparse.csr_array((n, n), dtype=np.float64))
    related = related + related.T
    related.data[:] = 1.0
    products = values @ values + values @ (related @ values)
    # Values are centered by their own mean, which makes the sum of all products zero: unrelated pairs are owed −V/n.
    share = (related.nnz + n) / n**2
    independent = values @ values
    variance = products / (1 - share) if share < 0.5 else 2 * products
    return float(np.sqrt(max(variance, independent / 4))) / n


def _adjacency(graph: Neighbors, k: int) -> sparse.csr_array:
    n = len(graph.indices)
    columns = graph.indices[:, :k].ravel()
    rows = np.repeat(np.arange(n), min(k, graph.k))
    if graph.queries is not None:  # only pairs of queries have values
        position = np.full(graph.n_samples, -1)
        asked = graph.query_rows >= 0
        position[graph.query_rows[asked]] = np.flatnonzero(asked)
        columns = position[columns]
        rows, columns = rows[columns >= 0], columns[columns >= 0]
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))

"""The plain definition of a neighbor graph, and clouds of points that are hard in different ways."""

import numpy as np

from layerscape.search.distances import squared_distances


def plain(x, k, queries=None):
    """All squared distances in the stated order of summation, sorted by (d², index)."""
    x = np.asarray(x, np.float64)
    rows = np.arange(len(x)) if queries is None else np.asarray(queries)
    squared = squared_distances(x[rows][:, None, :], x[None, :, :])
    squared[np.arange(len(rows)), rows] = np.inf
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.sqrt(np.take_along_axis(squared, order, 1))


def plain_ranks(x, pairs):
    """All distances in float64, counted."""
    x, pairs = np.asarray(x, np.float64), np.asarray(pairs)
    rows, asked = np.unique(pairs[:, 0], return_inverse=True)
    distances = np.sqrt(np.concatenate([squared_distances(x[[row], None, :], x[None, :, :]) for row in rows]))
    distances[np.arange(len(rows)), rows] = np.inf
    nearer, limits = distances[asked], distances[asked, pairs[:, 1]][:, None]
    return 1 + (nearer < limits).sum(axis=1) + ((nearer == limits).sum(axis=1) - 1) / 2


def cloud(kind: str, n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return {
        "gaussian": x,
        "float32": x.astype(np.float32),
        "float16": x.astype(np.float16),
        "offset": (x + 1e6).astype(np.float32),
        "offset in float64": x + 1e12,
        "lattice": rng.integers(0, 3, (n, d)),
        "copies": x[rng.integers(0, max(1, n // 3), n)],
        "binary": x > 0,
        "constant columns": np.where(np.arange(d) % 2, 7.0, x),
        "one far row": np.where(np.arange(n)[:, None] == 0, 1e8, x),
        "almost equal": 1 + 1e-7 * x,
    }[kind]


KINDS = [
    "gaussian",
    "float32",
    "float16",
    "offset",
    "lattice",
    "copies",
    "binary",
    "offset in float64",
    "constant columns",
    "one far row",
    "almost equal",
]

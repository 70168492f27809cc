"""Clouds of known law, and samples that belong together: what `benchmarks/coverage.py` and `nulls.py` draw from."""

from __future__ import annotations

import numpy as np

CENTERS = 3 * np.random.default_rng(7).standard_normal((20, 5))
INDEPENDENT = (
    "Gaussian d = 2",
    "Gaussian d = 5",
    "Gaussian d = 10",
    "t₃ d = 5",
    "clusters d = 5",
    "uniform d = 5",
)
FALLING = "falling d = 8"  # variances of 1, 1/2, 1/3, …
GROUPED = ("groups of 10", "groups of 2 to many", "groups in clusters", "near copies")
SMOOTHED = "smoothed"
UNITS = 5  # of layers of groups and of series
PLACES = 4 * np.random.default_rng(11).standard_normal((4, UNITS))  # about which groups lie in clusters
CLASSES = np.random.default_rng(13).standard_normal((5, UNITS))  # where those lie that a label of groups tells apart
SPREAD = 0.5  # of members about the center of their group, whose spread is 1
COPIED = 1e-3  # the same of near copies
SMOOTH = 4  # rows over which a series is averaged


def cloud(law: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Independent samples, shape (n, d)."""
    kind, d = law.split()[0], int(law.split()[-1])
    if kind == "clusters":
        return CENTERS[rng.integers(0, len(CENTERS), n)] + 0.5 * rng.standard_normal((n, d))
    if kind == "falling":
        return rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d))
    if kind == "uniform":
        return rng.random((n, d))
    return rng.standard_t(3, (n, d)) if kind == "t₃" else rng.standard_normal((n, d))


def spread(law: str) -> float:
    """How wide a cloud is, about."""
    return {"clusters": 3.0, "uniform": 12**-0.5, "falling": 0.6}.get(law.split()[0], 1.0)


def groups(law: str, n: int) -> np.ndarray:
    """Which group each of about n samples is of, shape (N,)."""
    if law == "near copies":
        return np.repeat(np.arange(n // 2), 2)
    if law == "groups of 2 to many":  # 2, 4, 6, …
        sizes = 2 * np.arange(1, int(((4 * n + 1) ** 0.5 - 1) / 2) + 1)
        return np.repeat(np.arange(len(sizes)), sizes)
    return np.repeat(np.arange(n // 10), 10)


def layer(law: str, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Members of groups near the centers of these, which lie anywhere or, "in clusters", about one of four places."""
    number, within = codes[-1] + 1, COPIED if law == "near copies" else SPREAD
    centers = rng.standard_normal((number, UNITS))
    if law == "groups in clusters":
        centers += PLACES[rng.integers(0, 4, number)]
    return centers[codes] + within * rng.standard_normal((len(codes), UNITS))


def series(n: int, rng: np.random.Generator) -> np.ndarray:
    """Samples in time, each the mean of four that follow each other: they are worth a fourth of as many."""
    noise = rng.standard_normal((n + SMOOTH - 1, UNITS))
    return np.stack([np.convolve(unit, np.ones(SMOOTH) / SMOOTH**0.5, "valid") for unit in noise.T], axis=1)

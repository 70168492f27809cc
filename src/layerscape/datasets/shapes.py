"""Clouds of any dimension: ball, sphere, cube, Gaussian, flat torus; the Swiss roll; a mixture of three dimensions."""

from __future__ import annotations

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.datasets.cloud import Cloud, check_whole, stream
from layerscape.errors import InvalidValue

_TURN = 2 * np.pi


def ball(n_samples: int, dimension: int, *, seed: int = 0) -> Cloud:
    """Uniform in the unit ball of d dimensions: a direction, and the d-th root of a uniform number as its radius.

    True dimension d = D.

    Examples
    --------
    >>> float(np.linalg.norm(ball(1000, 5).x, axis=1).max()) < 1
    True
    """
    random = _stream(seed, n_samples, dimension)
    x = _directions(random, n_samples, dimension) * random.random_sample((n_samples, 1)) ** (1 / dimension)
    return Cloud(x, dimension, "ball", f"Uniform in the unit ball of {dimension} dimensions.")


def sphere(n_samples: int, dimension: int, *, seed: int = 0) -> Cloud:
    """Uniform on the unit sphere of d dimensions, in D = d + 1 units: a closed manifold, curved everywhere alike.

    True dimension d.

    Examples
    --------
    >>> sphere(1000, 2).x.shape
    (1000, 3)
    """
    x = _directions(_stream(seed, n_samples, dimension), n_samples, dimension + 1)
    return Cloud(x, dimension, "sphere", f"Uniform on the unit sphere of {dimension} dimensions.")


def cube(n_samples: int, dimension: int, *, seed: int = 0) -> Cloud:
    """Uniform in the cube [0, 1]^d. True dimension d = D, which finite samples read low: most are near a face.

    Examples
    --------
    >>> cube(1000, 4).x.shape
    (1000, 4)
    """
    x = _stream(seed, n_samples, dimension).random_sample((n_samples, dimension))
    return Cloud(x, dimension, "cube", f"Uniform in the unit cube of {dimension} dimensions.", coordinates=x)


def gaussian(n_samples: int, dimension: int, *, seed: int = 0) -> Cloud:
    """The standard Gaussian of d dimensions. True dimension d = D; the density falls off, and there is no edge.

    Examples
    --------
    >>> gaussian(1000, 4).x.shape
    (1000, 4)
    """
    x = _stream(seed, n_samples, dimension).standard_normal((n_samples, dimension))
    return Cloud(x, dimension, "gaussian", f"The standard Gaussian of {dimension} dimensions.", coordinates=x)


def flat_torus(n_samples: int, dimension: int, *, seed: int = 0) -> Cloud:
    """Uniform on the product of d circles of length 1, in D = 2d units: no edge, no curvature, constant density.

    x = (cos 2πu, sin 2πu) / 2π with u uniform in [0, 1)^d, which are the ``coordinates``. Distances in x are chords;
    those along the torus are the periodic ones of u, whose graph `torus_neighbors` makes: it is the law that TwoNN and
    Gride assume, as long as the neighborhoods do not reach around. True dimension d.

    Examples
    --------
    >>> cloud = flat_torus(1000, 3)
    >>> cloud.x.shape, cloud.coordinates.shape
    ((1000, 6), (1000, 3))
    """
    u = _stream(seed, n_samples, dimension).random_sample((n_samples, dimension))
    x = np.hstack([np.cos(_TURN * u), np.sin(_TURN * u)]) / _TURN
    law = f"Uniform on the product of {dimension} circles of length 1."
    return Cloud(x, dimension, "flat_torus", law, coordinates=u)


def torus_neighbors(coordinates: np.ndarray, k: int) -> Neighbors:
    """The k nearest neighbors of every sample on the flat torus, by periodic distances.

    Parameters
    ----------
    coordinates
        Shape (N, d), in [0, 1): of a Cloud made by `flat_torus`.
    k
        How many neighbors, from 1 to N − 1.

    Returns
    -------
    Neighbors
        Distances √Σ min(|uᵢ − vᵢ|, 1 − |uᵢ − vᵢ|)². Copies are not looked for.

    Raises
    ------
    InvalidValue
        If coordinates lie outside [0, 1), or k outside its range.

    Examples
    --------
    >>> from layerscape.measures.dimension.twonn import twonn
    >>> estimate = twonn(torus_neighbors(flat_torus(2000, 5).coordinates, 2))
    >>> estimate.low < 5 < estimate.high
    True
    """
    from scipy.spatial import KDTree

    u = np.asarray(coordinates, dtype=np.float64)
    if u.ndim != 2 or not ((u >= 0) & (u < 1)).all():
        raise InvalidValue(f"coordinates of shape {u.shape}; give (N, d) numbers in [0, 1), as flat_torus makes them.")
    check_whole("k", k, 1, len(u) - 1)
    distances, indices = (np.asarray(found) for found in KDTree(u, boxsize=1.0).query(u, k + 1))
    own = indices == np.arange(len(u))[:, None]
    own[~own.any(axis=1), -1] = True  # of more than k copies of a sample, itself need not be among the first
    return Neighbors(indices[~own].reshape(-1, k), distances[~own].reshape(-1, k), len(u), u.shape[1])


def swiss_roll(n_samples: int, *, seed: int = 0) -> Cloud:
    """Uniform by area on the Swiss roll (t·cos t, h, t·sin t), 1.5π ≤ t ≤ 4.5π, 0 ≤ h ≤ 21: a rectangle rolled up.

    The length along the spiral is s(t) = (t·√(1 + t²) + arsinh t) / 2; ``coordinates`` hold (s, h), in which geodesic
    distances are Euclidean. M7_Roll of the benchmark is uniform in t instead. True dimension 2, D = 3.

    References
    ----------
    Tenenbaum, de Silva, Langford 2000, doi:10.1126/science.290.5500.2319.

    Examples
    --------
    >>> roll = swiss_roll(1000)
    >>> bool((roll.x[:, 1] == roll.coordinates[:, 1]).all())
    True
    """
    u, height = stream(seed, n_samples).random_sample((2, n_samples))
    first, last = _length(1.5 * np.pi), _length(4.5 * np.pi)
    s, height = first + (last - first) * u, 21 * height
    t = np.sqrt(2 * s)
    for _ in range(8):  # Newton's method, quadratic from here: ds/dt = √(1 + t²)
        t -= (_length(t) - s) / np.sqrt(1 + t**2)
    x = np.column_stack([t * np.cos(t), height, t * np.sin(t)])
    law = "Uniform by area on the Swiss roll of one and a half turns, 21 wide."
    source = "Tenenbaum et al. 2000, doi:10.1126/science.290.5500.2319"
    return Cloud(x, 2, "swiss_roll", law, source, coordinates=np.column_stack([s - first, height]))


def line_disk_ball(n_samples: int, *, seed: int = 0) -> Cloud:
    """A segment of length 2 that touches a unit disk that touches a unit ball, each chosen for a third of the samples.

    They lie along the first axis: the segment from −3 to −1, the disk across the first two axes around 0, the ball
    around 2. The dimension differs by sample and is in ``per_sample``: 1, 2 or 3. D = 3.

    Examples
    --------
    >>> np.unique(line_disk_ball(1000).per_sample)
    array([1, 2, 3])
    """
    random = stream(seed, n_samples)
    kind = random.randint(1, 4, size=n_samples)
    x = np.zeros((n_samples, 3))
    for d in (1, 2, 3):
        rows = np.flatnonzero(kind == d)
        radius = random.random_sample((len(rows), 1)) ** (1 / d)
        x[rows, :d] = radius * _directions(random, len(rows), d)
    x[:, 0] += np.array([-2.0, 0.0, 2.0])[kind - 1]
    law = "A segment, a disk and a ball that touch, of radius 1, each a third of the samples and uniform."
    return Cloud(x, None, "line_disk_ball", law, per_sample=kind)


def _stream(seed: int, n_samples: int, dimension: int) -> np.random.RandomState:
    check_whole("dimension", dimension, 1)
    return stream(seed, n_samples)


def _directions(random: np.random.RandomState, n: int, n_units: int) -> np.ndarray:
    """Uniform on the unit sphere of R^n_units."""
    x = random.standard_normal((n, n_units))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _length(t: float | np.ndarray) -> np.ndarray:
    """Of the spiral of radius t from its center to the angle t."""
    return (t * np.sqrt(1 + np.square(t)) + np.arcsinh(t)) / 2

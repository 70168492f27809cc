"""Forty clouds of known law, fixed before the report was changed, each with what may be said of it.

What may be said is a dimension (any of ``right``, each within 15 %), parts (dimension and share of each), or, where no
single number is true of the cloud at the scales that N samples can show, that there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import layerscape as ls
from benchmarks.pixels import images

D = ls.datasets
Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Known:
    """A cloud, and what is true of it.

    Attributes
    ----------
    name
        Its law in words.
    draw
        The samples, shape (N, D).
    right
        Dimensions that may be named.
    none
        Whether it is right to name none.
    parts
        Dimension and share of each part, where the samples lie on several manifolds.
    """

    name: str
    draw: Draw
    right: tuple[float, ...] = ()
    none: bool = False
    parts: tuple[tuple[float, float], ...] = ()


def known() -> list[Known]:
    """The list."""
    return [*_manifolds(), *_round(), *_mixtures(), *_discrete(), *_uneven()]


def _manifolds() -> list[Known]:
    return [
        Known("surface", lambda rng: _surface(rng, 3, 0), (2,)),
        Known("surface in 20 units, little noise", lambda rng: _surface(rng, 20, 0.002), (2,)),
        Known("surface in 20 units, noise like the spacing", lambda rng: _surface(rng, 20, 0.015), (2,)),
        Known("surface drowned in noise of 20 units", lambda rng: _surface(rng, 20, 0.3), (2, 20), none=True),
        Known("Swiss roll", lambda rng: D.swiss_roll(1500).x, (2,)),
        Known("helix", lambda rng: D.manifold("M5a_Helix1d", 1500).x, (1,)),
        Known("circle in 10 units, noise", _circle, (1,)),
        Known("6 bent dimensions in 36 units", lambda rng: D.manifold("M6_Nonlinear", 1500).x, (6,)),
        Known("12 bent dimensions in 72 units", lambda rng: D.manifold("M8_Nonlinear", 1500).x, (12,)),
    ]


def _round() -> list[Known]:
    spheres = [
        Known(f"sphere of {d} dimensions", lambda rng, d=d: D.sphere(1500, d).x, (d,)) for d in (5, 10, 20, 35, 50)
    ]
    return [
        *spheres,
        Known("Gaussian of 30 dimensions", lambda rng: rng.standard_normal((1500, 30)), (30,)),
        Known("Gaussian of 100 dimensions, 500 samples", lambda rng: rng.standard_normal((500, 100)), (100,)),
        Known("cube of 15 dimensions", lambda rng: rng.random((1500, 15)), (15,)),
    ]


def _mixtures() -> list[Known]:
    return [
        Known(
            "2 and 5 apart, half each", lambda rng: _flats(rng, [(800, 2), (800, 5)], 10), parts=((2, 0.5), (5, 0.5))
        ),
        Known(
            "3 and 8 apart, half each", lambda rng: _flats(rng, [(800, 3), (800, 8)], 10), parts=((3, 0.5), (8, 0.5))
        ),
        Known("2 and 5 that cross", lambda rng: _flats(rng, [(800, 2), (800, 5)], 0), parts=((2, 0.5), (5, 0.5))),
        Known("1 and 4, one to three", lambda rng: _flats(rng, [(400, 1), (1200, 4)], 5), parts=((1, 0.25), (4, 0.75))),
        Known(
            "segment, disk and ball that touch",
            lambda rng: D.line_disk_ball(1800).x,
            parts=((1, 1 / 3), (2, 1 / 3), (3, 1 / 3)),
        ),
        Known("4 and 4 apart, of other density", _two_densities, (4,)),
    ]


def _discrete() -> list[Known]:
    lattice = D.lattice(1000, 3, side=30).x
    return [
        Known("lattice of 2 dimensions", lambda rng: D.lattice(1000, 2).x, (2,)),
        Known("lattice of 3 dimensions, step 0.5", lambda rng: 0.25 + 0.5 * lattice, (3,)),
        Known("the same, noise of one step", lambda rng: 0.25 + 0.5 * (lattice + rng.random(lattice.shape)), (3,)),
        Known("grid that little noise moved", _moved, (3,), none=True),
        Known("counts of 5 kinds, mean 100", lambda rng: D.counts(1500, 5).x, (5,)),
        Known("counts of 80 kinds, mean 1, 200 samples", lambda rng: rng.poisson(1, (200, 80)), (80,), none=True),
        Known("counts of 80 kinds, mean 3, 200 samples", lambda rng: rng.poisson(3, (200, 80)), (80,), none=True),
        Known("60 fair bits", lambda rng: rng.integers(0, 2, (1000, 60)), (60,)),
        Known("100 bits in a chain", lambda rng: D.bits(1000, 100, correlation=0.5).x, (68.1,)),
        Known("40 fair bits, each twice", _twice, (40,), none=True),
    ]


def _uneven() -> list[Known]:
    return [
        Known("power law 1/i of 100 variances", lambda rng: _spectrum(rng, 1), (100,), none=True),
        Known("power law 1/i² of 100 variances", lambda rng: _spectrum(rng, 2), (), none=True),
        Known("hubs: Student's t of 10 dimensions", _student, (10,)),
        Known("20 clusters of 2 dimensions", _sheets, (2,)),
        Known("cube of 5 dimensions, one unit × 1000", _massive, (1, 5), none=True),
        Known("MNIST, pixels", lambda rng: images("mnist"), none=True),
        Known("KMNIST, pixels", lambda rng: images("kmnist"), none=True),
    ]


def _surface(rng: np.random.Generator, n_units: int, noise: float) -> np.ndarray:
    t = rng.random((1500, 2))
    x = np.zeros((1500, n_units))
    x[:, :3] = np.c_[t, np.sin(3 * t[:, 0])]
    return x + noise * rng.standard_normal(x.shape)


def _circle(rng: np.random.Generator) -> np.ndarray:
    angle = 2 * np.pi * rng.random(1000)
    return np.c_[np.cos(angle), np.sin(angle), np.zeros((1000, 8))] + 0.002 * rng.standard_normal((1000, 10))


def _flats(rng: np.random.Generator, sizes: list[tuple[int, int]], apart: float) -> np.ndarray:
    """Gaussians in the first d of 10 units, around points that lie so far apart."""
    parts = []
    for number, (n, d) in enumerate(sizes):
        part = np.zeros((n, 10))
        part[:, 10 - d if number else 0 : 10 if number else d] = rng.standard_normal((n, d))
        part[:, 0] += number * apart
        parts.append(part)
    return np.concatenate(parts)


def _two_densities(rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((1600, 4))
    x[800:] = 20 + 0.2 * x[800:]
    return x


def _moved(rng: np.random.Generator) -> np.ndarray:
    return np.indices((10, 10, 10)).reshape(3, -1).T + 0.05 * rng.standard_normal((1000, 3))


def _twice(rng: np.random.Generator) -> np.ndarray:
    return np.tile(rng.integers(0, 2, (1000, 40)), 2)


def _spectrum(rng: np.random.Generator, power: float) -> np.ndarray:
    return rng.standard_normal((1500, 100)) * np.arange(1, 101) ** (-power / 2)


def _student(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((1500, 10)) / np.sqrt(rng.chisquare(3, (1500, 1)) / 3)


def _sheets(rng: np.random.Generator) -> np.ndarray:
    """Squares of side 1 in 20 random planes of 40 units, their centers 10 apart and more."""
    planes = np.linalg.qr(rng.standard_normal((20, 40, 2)))[0]
    centers = 10 * rng.standard_normal((20, 1, 40))
    return (centers + rng.random((20, 75, 2)) @ planes.transpose(0, 2, 1)).reshape(-1, 40)


def _massive(rng: np.random.Generator) -> np.ndarray:
    return rng.random((1500, 5)) * [1000, 1, 1, 1, 1]

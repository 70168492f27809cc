"""The 24 manifolds on which the field compares estimators of the dimension, as scikit-dimension draws them.

Most of those with a number go back to Hein and Audibert 2005, the others to Rozza et al. 2012 and Campadelli et al.
2015; the laws are those of scikit-dimension (Bac et al. 2021), so that figures can be compared with what is published
on its benchmark. Where these differ from the program of Hein and Audibert, the law of the manifold says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from layerscape.datasets.cloud import Cloud, stream
from layerscape.errors import unknown_name

Draw = Callable[[np.random.RandomState, int, int, int], np.ndarray]

_HEIN = "Hein and Audibert 2005, doi:10.1145/1102351.1102388"
_ROZZA = "Rozza et al. 2012, doi:10.1007/s10994-012-5294-7"
_CAMPADELLI = "Campadelli et al. 2015, doi:10.1155/2015/759567"
_BAC = "Bac et al. 2021, doi:10.3390/e23101368"
_TURN = 2 * np.pi


def manifold(name: str, n_samples: int, *, seed: int = 0, noise: float = 0.0, extra_units: int = 0) -> Cloud:
    """A sample of one of the 24 manifolds of the benchmark, whose names, d and D `manifolds` lists.

    Parameters
    ----------
    name
        One of `manifolds`, such as ``"M1_Sphere"``.
    n_samples
        N, at least 1; the benchmark takes 2,500.
    seed
        Whoever gives the same one gets the same samples under any version of numpy.
    noise
        Standard deviation of Gaussian noise in every unit, in units of the data.
    extra_units
        How many units that hold nothing but the noise are added.

    Returns
    -------
    Cloud
        With its law in ``description``, and where it comes from in ``source``.

    Raises
    ------
    UnknownName
        If there is no manifold of that name.
    InvalidValue
        If a number lies outside its range.

    References
    ----------
    Hein and Audibert 2005, doi:10.1145/1102351.1102388; Rozza et al. 2012, doi:10.1007/s10994-012-5294-7; Campadelli
    et al. 2015, doi:10.1155/2015/759567; Bac et al. 2021, doi:10.3390/e23101368.

    Examples
    --------
    >>> cloud = manifold("M7_Roll", 1000)
    >>> cloud.x.shape, cloud.dimension
    ((1000, 3), 2)
    """
    if name not in _MANIFOLDS:
        raise unknown_name("manifold", str(name), _MANIFOLDS)
    draw, d, n_units, source = _MANIFOLDS[name]
    x = draw(stream(seed, n_samples), n_samples, d, n_units)
    law = " ".join((inspect.getdoc(draw) or "").split())
    cloud = Cloud(x, d, name, law, source)
    return cloud.noisy(noise, extra_units=extra_units, seed=seed)


def manifolds() -> dict[str, tuple[int, int]]:
    """The name of every manifold of the benchmark, with its dimension d and its number of units D.

    Examples
    --------
    >>> len(manifolds()), manifolds()["M10d_Cubic"]
    (24, (70, 71))
    """
    return {name: (d, n_units) for name, (_, d, n_units, _) in _MANIFOLDS.items()}


def _sphere(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """Uniform on the unit sphere of d dimensions."""
    x = random.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


_SLOPES = np.array([[1.2, -0.5, 0], [0.5, 0.9, 0], [-0.5, -0.2, 1], [0.4, -0.9, -0.1], [1.1, -0.3, 0]])
_OFFSETS = np.array([3.0, -1.0, 0.0, 0.0, 8.0])


def _affine_3to5(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """A box in a slanted space of 3 dimensions in 5: x = A·p + b, p uniform in [0, 4]³.

    The program of Hein and Audibert has p₃ instead of p₂ in x₂ and x₅.
    """
    return 4 * random.random_sample((n, d)) @ _SLOPES.T + _OFFSETS


def _nonlinear_4to6(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """Squares, sines and cosines of p uniform in [0, 1]⁴.

    x = (p₁²·cos 2πp₀, p₂²·sin 2πp₀, p₁ + p₂ + (p₁ − p₃)², p₁ − 2p₂ + (p₀ − p₃)², −p₁ − 2p₂ + (p₂ − p₃)²,
    p₀² − p₁² + p₂² − p₃²).
    """
    p = random.random_sample((n, d))
    squares = p**2
    first, second, third, fourth = p.T
    return np.column_stack(
        [
            squares[:, 1] * np.cos(_TURN * first),
            squares[:, 2] * np.sin(_TURN * first),
            second + third + (second - fourth) ** 2,
            second - 2 * third + (first - fourth) ** 2,
            -second - 2 * third + (third - fourth) ** 2,
            squares @ [1, -1, 1, -1],
        ]
    )


def _chain(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """For every i the pair p_{i+1}·(cos 2πp_i, sin 2πp_i), the last with p_0; p uniform in [0, 1]^d.

    All pairs are written out D / 2d times.
    """
    p = random.random_sample((n, d))
    radius, angle = np.roll(p, -1, axis=1), _TURN * p
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(n, 2 * d)
    return np.tile(pairs, n_units // (2 * d))


def _helix_1d(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """A closed spring that winds eight times around a torus of radii 2 and 1, uniform in the angle along the torus."""
    angle = _TURN * random.random_sample(n)
    radius = 2 + np.cos(8 * angle)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.sin(8 * angle)])


def _helix_2d(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """A spiral staircase (r·cos p, r·sin p, p/2), r and p uniform in [0, 10π].

    The program of Hein and Audibert has r in [−π, π], p in [0, 2π] and p as the height.
    """
    radius, angle = 10 * np.pi * random.random_sample((2, n))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), angle / 2])


def _roll(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """The Swiss roll (t·cos t, h, t·sin t), t uniform in [1.5π, 4.5π] and h in [0, 21]: denser inside.

    The program of Hein and Audibert has (t·sin 2.5t, h, t·cos 2.5t), t in [0, 2π] and h in [−π, π].
    """
    t, height = random.random_sample((2, n))
    t = 1.5 * np.pi * (1 + 2 * t)
    return np.column_stack([t * np.cos(t), 21 * height, t * np.sin(t)])


def _affine(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """Uniform in the cube [−2.5, 2.5]^d."""
    return 5 * random.random_sample((n, d)) - 2.5


def _cube_surface(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """Uniform on the surface of the cube [0, 1]^(d+1).

    The program of Hein and Audibert fills a flat cube of d dimensions instead.
    """
    x = random.random_sample((n, d + 1))
    face = random.randint(2 * (d + 1), size=n)
    x[np.arange(n), face // 2] = face % 2
    return x


def _moebius(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """A band of width 1 around the unit circle, twisted ten times by half a turn, uniform in angle and width."""
    angle, width = random.random_sample((2, n))
    angle, width = _TURN * angle, width - 0.5
    radius = 1 + width * np.cos(5 * angle)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), width * np.sin(5 * angle)])


def _norm(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """The standard Gaussian of d dimensions."""
    return random.standard_normal((n, d))


def _s_curve(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """An S of two arcs of radius 1, each three quarters of a circle, drawn out by 2 into a surface; uniform on it."""
    t, height = random.random_sample((2, n))
    t = 3 * np.pi * (t - 0.5)
    return np.column_stack([np.sin(t), 2 * height, np.sign(t) * (np.cos(t) - 1)])


def _spiral(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """Five turns of a helix of radius 100, each 2π high, uniform along it, and units that are 0."""
    t = 10 * np.pi * random.random_sample(n)
    x = np.zeros((n, n_units))
    x[:, :3] = np.column_stack([100 * np.cos(t), 100 * np.sin(t), t])
    return x


def _beta(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """The units x·sin(cos 2πx) and x·cos(sin 2πx) of d variables x of the law Beta(10, 1/2), all written out twice."""
    x = random.beta(10, 0.5, (n, d))
    return np.tile(np.hstack([x * np.sin(np.cos(_TURN * x)), x * np.cos(np.sin(_TURN * x))]), 2)


def _tangent(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """The units tan(xᵢ·cos yᵢ) and arctan(yᵢ·sin xᵢ), x uniform in [0, 1]^d, y = x backwards, all written twice."""
    x = random.random_sample((n, d))
    y = x[:, ::-1]
    return np.tile(np.hstack([np.tan(x * np.cos(y)), np.arctan(y * np.sin(x))]), 2)


def _paraboloid(random: np.random.RandomState, n: int, d: int, n_units: int) -> np.ndarray:
    """The paraboloid y = (x, |x|²) beside sin y and y², x of the multivariate Burr law (α = 1) brought to [0, 1]^d.

    xᵢ = 1 / (1 + Eᵢ/E₀) with independent exponential variables E₀, …, E_d: every xᵢ is uniform, all are correlated.
    """
    e = random.standard_exponential((n, d + 1))
    x = 1 / (1 + e[:, 1:] / e[:, :1])
    y = np.column_stack([x, (x**2).sum(axis=1)])
    return np.hstack([y, np.sin(y), y**2])


_MANIFOLDS: dict[str, tuple[Draw, int, int, str]] = {
    "M1_Sphere": (_sphere, 10, 11, _HEIN),
    "M2_Affine_3to5": (_affine_3to5, 3, 5, _HEIN),
    "M3_Nonlinear_4to6": (_nonlinear_4to6, 4, 6, _HEIN),
    "M4_Nonlinear": (_chain, 4, 8, _HEIN),
    "M5a_Helix1d": (_helix_1d, 1, 3, _BAC),
    "M5b_Helix2d": (_helix_2d, 2, 3, _HEIN),
    "M6_Nonlinear": (_chain, 6, 36, _HEIN),
    "M7_Roll": (_roll, 2, 3, _HEIN),
    "M8_Nonlinear": (_chain, 12, 72, _HEIN),
    "M9_Affine": (_affine, 20, 20, _HEIN),
    "M10a_Cubic": (_cube_surface, 10, 11, _HEIN),
    "M10b_Cubic": (_cube_surface, 17, 18, _HEIN),
    "M10c_Cubic": (_cube_surface, 24, 25, _HEIN),
    "M10d_Cubic": (_cube_surface, 70, 71, _HEIN),
    "M11_Moebius": (_moebius, 2, 3, _HEIN),
    "M12_Norm": (_norm, 20, 20, _HEIN),
    "M13a_Scurve": (_s_curve, 2, 3, _BAC),
    "M13b_Spiral": (_spiral, 1, 13, _BAC),
    "Mbeta": (_beta, 10, 40, _CAMPADELLI),
    "Mn1_Nonlinear": (_tangent, 18, 72, _ROZZA),
    "Mn2_Nonlinear": (_tangent, 24, 96, _ROZZA),
    "Mp1_Paraboloid": (_paraboloid, 3, 12, _CAMPADELLI),
    "Mp2_Paraboloid": (_paraboloid, 6, 21, _CAMPADELLI),
    "Mp3_Paraboloid": (_paraboloid, 9, 30, _CAMPADELLI),
}

"""Cloud: samples drawn from a known law, and the dimension that they truly have."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np

from layerscape.errors import InvalidValue

SEEDS = 2**32  # RandomState takes seeds below this


@dataclass(frozen=True, eq=False)
class Cloud:
    """Samples of known dimension.

    Attributes
    ----------
    x
        Shape (N, D), float64.
    dimension
        The true intrinsic dimension; None where samples differ in it.
    name
        What is drawn.
    description
        Its law in words.
    source
        Where it comes from.
    per_sample
        Shape (N,): the true dimension at each sample, where samples differ in it.
    coordinates
        Shape (N, d): coordinates on the manifold in which its geodesic distances are the Euclidean (of the flat torus:
        the periodic) ones; None where there are no such coordinates or nobody needs them.
    """

    x: np.ndarray = field(repr=False)
    dimension: float | None
    name: str
    description: str = field(repr=False)
    source: str = field(repr=False, default="")
    per_sample: np.ndarray | None = field(default=None, repr=False)
    coordinates: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for array in (self.x, self.per_sample, self.coordinates):
            if array is not None:
                array.setflags(write=False)

    def noisy(self, size: float, *, extra_units: int = 0, seed: int = 0) -> Cloud:
        """The same samples, with independent Gaussian noise added to every unit.

        The dimension stays that of the samples without noise: it is what is left to see at scales above the noise,
        while below it all D + extra_units dimensions are filled.

        Parameters
        ----------
        size
            Standard deviation of the noise in every unit, in units of the data, at least 0.
        extra_units
            How many units that hold nothing but noise (zeros, for size 0) are put behind the D of the cloud.
        seed
            Of the noise, which is not that of any cloud of the same seed.

        Returns
        -------
        Cloud
            Of shape (N, D + extra_units).

        Raises
        ------
        InvalidValue
            If ``size``, ``extra_units`` or ``seed`` lies outside its range.

        Examples
        --------
        >>> from layerscape.datasets import sphere
        >>> cloud = sphere(100, 2).noisy(0.01, extra_units=7)
        >>> cloud.x.shape, cloud.dimension
        ((100, 10), 2)
        """
        if not (size >= 0 and math.isfinite(size)):
            raise InvalidValue(f"noise of size {size}; give a standard deviation of 0 or more, in units of the data.")
        check_whole("extra_units", extra_units, 0)
        check_whole("seed", seed, 0, SEEDS - 1)
        n, n_units = self.x.shape
        x = np.zeros((n, n_units + extra_units))
        x[:, :n_units] = self.x
        if size > 0:
            x += size * np.random.RandomState([seed, 1]).standard_normal(x.shape)
        added = [f"{extra_units} more units"] * (extra_units > 0) + [f"Gaussian noise of size {size:g}"] * (size > 0)
        description = "; ".join([self.description.removesuffix("."), *added])
        return replace(self, x=x, description=f"{description}.")


def stream(seed: int, n_samples: int) -> np.random.RandomState:
    """What the samples are drawn with, after both numbers were looked at.

    The stream of RandomState is frozen for ever, while that of default_rng may change with numpy: published figures
    stay reproducible.
    """
    check_whole("n_samples", n_samples, 1)
    check_whole("seed", seed, 0, SEEDS - 1)
    return np.random.RandomState(seed)


def check_whole(name: str, value: int, smallest: int, largest: int | None = None) -> None:
    """Raise unless the value is a whole number within the range."""
    inside = isinstance(value, Integral) and smallest <= value and (largest is None or value <= largest)
    if isinstance(value, bool) or not inside:
        allowed = f"of at least {smallest}" if largest is None else f"in {smallest}..{largest}"
        raise InvalidValue(f"{name}={value!r}; give a whole number {allowed}.")

"""Controls: what data look like of which only a simple fact is kept, such as their covariance."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from layerscape.core.names import as_names
from layerscape.core.representation import Representation
from layerscape.errors import unknown_name


def gaussian(x: Representation, seed: int = 0) -> Representation:
    """As many samples of a Gaussian that has the mean and the covariance of these.

    The difference to the data is what is not Gaussian about them: clusters, curvature, a manifold.
    """
    rng = np.random.default_rng(seed)
    values = x.read(slice(None))
    center = values.mean(axis=0)
    values = values - center  # and not in place: these may be the user's own
    n, n_units = values.shape
    if n_units <= n:
        variances, directions = np.linalg.eigh(values.T @ values / (n - 1))
        drawn = rng.standard_normal((n, n_units)) @ (directions * np.sqrt(np.maximum(variances, 0))).T
    else:  # combinations of the samples have their covariance too, and need no D × D matrix
        drawn = rng.standard_normal((n, n)) @ values / np.sqrt(n - 1)
    return Representation((drawn + center).astype(x.precision), x.layer, x.ids)


def columns(x: Representation, seed: int = 0) -> Representation:
    """The same values with the samples of every unit shuffled on their own.

    The difference to the data is all that units have in common: without it every unit is a dimension.
    """
    values = x.stored(slice(None))
    shuffled = np.empty_like(values)
    for number, rng in enumerate(np.random.default_rng(seed).spawn(x.n_units)):
        shuffled[:, number] = rng.permutation(values[:, number])
    return Representation(shuffled, x.layer, x.ids)


CONTROLS: dict[str, Callable[[Representation, int], Representation]] = {"gaussian": gaussian, "columns": columns}


def make_control(name: str, seed: int, x: Representation) -> Representation:
    """One control of the data."""
    return CONTROLS[name](x, seed)


def check_controls(names: Iterable[str]) -> tuple[str, ...]:
    """The names as they are; raises at the first that is no control."""
    names = as_names(names)
    for name in names:
        if name not in CONTROLS:
            raise unknown_name("control", name, CONTROLS)
    return tuple(names)

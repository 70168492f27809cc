"""Controls: what a dimension would read if only simple facts about the data were true, such as their covariance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation, as_representation
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.pipeline.estimate import AnyMeasure, estimate, find_measure


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
    for name in names:
        if name not in CONTROLS:
            raise unknown_name("control", name, CONTROLS)
    return tuple(names)


def controls(
    measure: AnyMeasure,
    x: Any,
    /,
    *,
    kinds: Iterable[str] = tuple(CONTROLS),
    seed: int = 0,
    **options: Any,
) -> dict[str, Estimate]:
    """A dimension of the data and of their controls: the chance level that a dimension has.

    - ``gaussian``: as many samples of a Gaussian of equal mean and covariance. What the data read below it is shape
      that the covariance does not know of.
    - ``columns``: every unit's values shuffled over the samples. What the data read below it is what units share.

    For texts and proteins ``ls.extract(…, shuffle_tokens=SEED)`` makes a third: a run of the same tokens without their
    order.

    Parameters
    ----------
    measure
        A dimension: a name, a `Measure` or a function.
    x
        Shape (N, D): array or `Representation`. A control of it is held in memory.
    kinds
        Which controls.
    seed
        Of the draw.
    options
        Of the measure, and of the search as in `estimate`.

    Returns
    -------
    dict of str to Estimate
        ``"data"`` first, then one per control.

    Raises
    ------
    UnknownName, InvalidValue, InvalidType
        If there is no such control, the measure compares two things, or a graph is given in place of the vectors.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 2)) @ np.ones((2, 6)) ** 2
    >>> x = np.concatenate([np.sin(x), np.cos(x)], axis=1)
    >>> [name for name, found in ls.controls("twonn", x + np.arange(12)).items()]
    ['data', 'gaussian', 'columns']
    """
    chosen, kinds = find_measure(measure), check_controls(kinds)
    if len(chosen.data) != 1:
        raise InvalidValue(f"{chosen.name} compares two things and has its own chance; controls are for dimensions.")
    if isinstance(x, Neighbors):
        raise InvalidType("controls are made from the vectors; give the array and not its graph.")
    x = as_representation(x)
    found = {"data": estimate(chosen, x, **options)}
    for kind in kinds:
        found[kind] = estimate(chosen, make_control(kind, seed, x), **options)
    return found

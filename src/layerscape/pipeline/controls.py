"""`controls`: what a dimension would read if only simple facts about the data were true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layerscape.core.estimate import Estimate
from layerscape.core.keywords import door
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.progress import Show, counted
from layerscape.errors import InvalidType, InvalidValue
from layerscape.measures import AnyMeasure, find_measure
from layerscape.pipeline.estimate import estimate
from layerscape.supply.controls import CONTROLS, check_controls, make_control


@door
def controls(
    measure: AnyMeasure,
    x: Any,
    /,
    *,
    kinds: str | Iterable[str] = tuple(CONTROLS),
    seed: int = 0,
    progress: Show = None,
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
    progress
        As in `layerscape.measure`.
    options
        Of the measure, and the keywords of a search as in `find_neighbors`.

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
    x = as_vectors(x)
    tell = counted(progress, "estimating", 1 + len(kinds)) or (lambda _: None)
    found = {}
    for kind in ("data", *kinds):
        tell(0)
        found[kind] = estimate(chosen, x if kind == "data" else make_control(kind, seed, x), **options)
        tell(1)
    return found

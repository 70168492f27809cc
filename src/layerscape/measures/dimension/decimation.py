"""Decimation: how the dimension changes when fewer and fewer of the samples are kept."""

from __future__ import annotations

from math import inf
from typing import Literal

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.subsets import Subsets
from layerscape.measures.dimension.twonn import MEASURE as TWONN
from layerscape.measures.dimension.twonn import twonn


def decimation(
    subsets: Subsets,
    /,
    *,
    method: Literal["mle", "fit"] = "mle",
    discard: float | None = None,
    smallest: int = 100,
    repetitions: int = 5,
    seed: int = 0,
) -> Estimate:
    """Intrinsic dimension by TwoNN of all samples and of random subsets of N/2, N/4, … of them, a curve over scale.

    The fewer samples are kept, the farther apart are first neighbors, and the larger the scale at which the dimension
    is read (Facco et al. 2017): where noise or curvature matter the value changes with the size of the subset, and on
    a plateau it does not.

    Parameters
    ----------
    subsets
        All samples and the random subsets, none with copies; those of one size are disjoint, and so independent.
    method, discard
        As in `twonn`.
    smallest
        Size below which no subset is drawn.
    repetitions
        How many subsets of each size at most; there are only two disjoint halves, four quarters, ….
    seed
        Of the draw.

    Returns
    -------
    Estimate
        The value of all samples, in dimensions, and a curve with one point per size: the mean over the subsets of
        ``n_samples`` each, with ``scale`` the mean of r₁ and r₂. ``details`` hold ``sizes``, ``repetitions`` (of each
        size) and ``spread``, the standard deviation over the subsets of one size (NaN where there is but one).

    Raises
    ------
    InvalidValue
        As `twonn`, and if ``smallest`` is below 3 or ``repetitions`` below 1.

    Notes
    -----
    The interval of a point comes from those of its subsets, which hold with few repetitions too; ``spread`` is there
    to compare.

    References
    ----------
    Facco, d'Errico, Rodriguez, Laio 2017, doi:10.1038/s41598-017-11873-y.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> [point.n_samples for point in ls.estimate("decimation", x, smallest=200).curve]
    [1000, 500, 250]
    """
    curve, spreads, counts, first = [], [], [], None
    for size, graphs in subsets.by_size.items():
        found = [twonn(graph, method=method, discard=discard) for graph in graphs]
        first = first or found[0]
        values = np.array([estimate.value for estimate in found])
        widths = np.array([(estimate.value - estimate.low, estimate.high - estimate.value) for estimate in found])
        below, above = np.sqrt((widths**2).sum(axis=0)) / len(found)
        scale = float(np.mean([graph.distances[:, :2].mean() for graph in graphs]))
        value = float(values.mean())
        curve.append(Point(value, max(0.0, value - below), value + above, scale, 2, size))
        spreads.append(values.std(ddof=1) if len(values) > 1 else np.nan)
        counts.append(len(values))
    assert first is not None
    details = {"sizes": np.array(list(subsets.by_size)), "repetitions": np.array(counts), "spread": np.array(spreads)}
    return Estimate(
        first.value,
        first.low,
        first.high,
        subsets.n_samples,
        subsets.n_units,
        2,
        curve=tuple(curve),
        details=details,
        warnings=(*first.warnings, *_too_small(subsets.graphs[0], len(curve))),
    )


def _too_small(graph: Neighbors, n_sizes: int) -> tuple[str, ...]:
    if n_sizes > 1:
        return ()
    return (f"{graph.n_samples} samples are too few to take half of them; the curve is one point: lower smallest",)


def _influence(
    subsets: Subsets, /, *, method: str, discard: float | None, smallest: int, repetitions: int, seed: int
) -> Influence:
    """How each sample moves the value of all samples, which is TwoNN's."""
    return TWONN.influence_of(subsets.graphs[0], method=method, discard=discard)


MEASURE = Measure(
    compute=decimation,
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Facco et al. 2017, doi:10.1038/s41598-017-11873-y",
    neighbors=2,
    distinct=True,
    influence=_influence,
)

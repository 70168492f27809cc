"""High dimensions bare: how distances become alike, and where the volume of a cube lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from layerscape.datasets.cloud import check_whole, stream
from layerscape.errors import InvalidValue, unknown_name

DIMENSIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
QUERIES = 100


def distance_concentration(
    dimensions: Sequence[int] = DIMENSIONS,
    *,
    n_samples: int = 1000,
    law: Literal["uniform", "gaussian"] = "uniform",
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """How much farther the farthest sample is than the nearest, by dimension.

    The relative contrast of a query is (d_max − d_min) / d_min over its distances to N samples of the same law; as the
    dimension rises it goes to 0 (Beyer et al. 1999): all samples are then nearly equally far.

    Parameters
    ----------
    dimensions
        Which, each at least 1.
    n_samples
        N, at least 2.
    law
        ``"uniform"`` in the unit cube or ``"gaussian"``.
    seed
        Of the draw.

    Returns
    -------
    dict of str to np.ndarray
        Columns, of which ``pandas.DataFrame`` makes a table: ``dimension``; ``contrast``, the median over 100 queries,
        and ``low`` to ``high``, where 95 % of the queries lie; ``spread``, the median standard deviation of the
        distances over their mean.

    Raises
    ------
    InvalidValue, UnknownName
        If a number lies outside its range, or the law is neither.

    References
    ----------
    Beyer, Goldstein, Ramakrishnan, Shaft 1999, doi:10.1007/3-540-49257-7_15.

    Examples
    --------
    >>> contrast = distance_concentration((2, 20, 200))["contrast"]
    >>> bool((contrast[:-1] > 3 * contrast[1:]).all())
    True
    """
    if law not in ("uniform", "gaussian"):
        raise unknown_name("law", str(law), ("uniform", "gaussian"))
    check_whole("n_samples", n_samples, 2)
    given = _checked(dimensions)
    random = stream(seed, n_samples)
    draw = random.random_sample if law == "uniform" else random.standard_normal
    rows = []
    for d in given:
        samples, queries = draw((n_samples, d)), draw((QUERIES, d))
        distances = np.array([np.linalg.norm(samples - query, axis=1) for query in queries])
        nearest = distances.min(axis=1)
        contrast = (distances.max(axis=1) - nearest) / nearest
        low, high = np.quantile(contrast, (0.025, 0.975))
        rows.append((np.median(contrast), low, high, np.median(distances.std(axis=1) / distances.mean(axis=1))))
    return {"dimension": given, **dict(zip(("contrast", "low", "high", "spread"), np.transpose(rows), strict=True))}


def cube_volumes(dimensions: Sequence[int] = DIMENSIONS, *, shell: float = 0.05) -> dict[str, np.ndarray]:
    """Where the volume of a cube lies, by dimension: in its corners, and near its surface.

    The ball that fits into a cube of side 2 has the share π^(d/2) / (2^d·Γ(d/2 + 1)) of its volume; what lies deeper
    than ε of the half side has (1 − ε)^d, of the cube as of the ball.

    Parameters
    ----------
    dimensions
        Which, each at least 1.
    shell
        ε, how thick the shell at the surface is, as a share of the half side (of the ball: of the radius), in [0, 1].

    Returns
    -------
    dict of str to np.ndarray
        Columns: ``dimension``; ``in_ball``, the share of the cube within its inscribed ball; ``in_shell``, the share of
        the cube (and of the ball) within ε of its surface.

    Raises
    ------
    InvalidValue
        If a number lies outside its range.

    Examples
    --------
    >>> volumes = cube_volumes((2, 10, 100))
    >>> volumes["in_ball"].round(4), volumes["in_shell"].round(2)
    (array([0.7854, 0.0025, 0.    ]), array([0.1 , 0.4 , 0.99]))
    """
    if not 0 <= shell <= 1:
        raise InvalidValue(f"shell={shell}; give its thickness as a share of the half side, 0 ≤ shell ≤ 1.")
    given = _checked(dimensions)
    # In logarithms, since the volume itself leaves float64 at 400 dimensions.
    in_ball = np.exp([d / 2 * math.log(math.pi) - d * math.log(2) - math.lgamma(d / 2 + 1) for d in given.tolist()])
    in_shell = np.ones(len(given)) if shell == 1 else -np.expm1(given * math.log1p(-shell))
    return {"dimension": given, "in_ball": in_ball, "in_shell": in_shell}


def _checked(dimensions: Sequence[int]) -> np.ndarray:
    given = list(dimensions)
    if not given:
        raise InvalidValue("no dimensions; give at least one whole number of at least 1.")
    for d in given:
        check_whole("dimension", d, 1)
    return np.array(given, dtype=np.int64)

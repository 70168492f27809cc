"""Distance correlation: how alike the distances between samples are."""

from __future__ import annotations

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.measure import EVEN, Measure
from layerscape.core.nearness import MetricOfRows
from layerscape.core.representation import Representation
from layerscape.measures.similarity.centered import Centered


def distance_correlation(
    a: Representation,
    b: Representation,
    /,
    *,
    metric: MetricOfRows = "euclidean",
    sample: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Bias-corrected squared distance correlation: how alike the distances between samples are, 0 by chance.

    R* = Σ_{i≠j} A_ij·B_ij / √(Σ A_ij² · Σ B_ij²), where A and B are the distances, U-centered: A_ij = a_ij −
    a_i·/(n − 2) − a_·j/(n − 2) + a_··/((n − 1)(n − 2)) off the diagonal (Székely and Rizzo 2013).

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    metric
        The distance of two samples: ``"euclidean"``; ``"cosine"``, the chord between unit vectors; or
        ``"correlation"``, the chord once the mean over units is taken off each row.
    sample
        How many samples at most are compared, each with each: n = min(N, sample).
    seed
        Which.

    Returns
    -------
    Estimate
        In −1…1; 1 if the distances of one are those of the other times a constant. The interval leaves out one sample
        after the other, less what pairs of them count twice, by Student's law. ``chance`` has the exact mean and
        variance under permutation, 0 and 2/(n(n − 3)); its limits and p take the law to be Pearson's type III.
        ``details`` has ``sample``, the number of samples compared.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, a representation is constant, or a row has no
        direction under its metric.

    Notes
    -----
    It estimates the square of the distance correlation; for two jointly normal units of correlation ρ it is between
    0.79·ρ² and ρ². The limit of large N is 0 only for independent data, but in high dimension nearly all that it sees
    is linear (Zhu et al. 2020). One far sample, in both representations even, weighs little: U-centering takes it off.

    References
    ----------
    Székely, Rizzo, Bakirov 2007, doi:10.1214/009053607000000505; Székely, Rizzo 2013, doi:10.1016/j.jmva.2013.02.012;
    Zhu, Zhang, Yao, Shao 2020, doi:10.1214/19-AOS1934.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(distance_correlation(Representation(x), Representation(2 * x + 1)).value, 12)
    1.0
    """
    return _centered(sample, seed, metric).compare(a, b)


def _centered(sample: int, seed: int, metric: MetricOfRows) -> Centered:
    return Centered("distance_correlation", _as_they_are, sample, seed, metric)


def _as_they_are(distances: np.ndarray) -> np.ndarray:
    return distances


def _score(a: Representation, b: Representation, /, *, metric: MetricOfRows, sample: int, seed: int) -> Score:
    """The correlation with the samples of b in another order."""
    return _centered(sample, seed, metric).score(a, b)


def _influence(a: Representation, b: Representation, /, *, metric: MetricOfRows, sample: int, seed: int) -> Influence:
    """How each sample moves the correlation, if it is among those that are compared."""
    return _centered(sample, seed, metric).influence(a, b)


MEASURE = Measure(
    compute=distance_correlation,
    unit="squared correlation",
    bounds=(-1, 1),
    closer="high",
    swayed_by={"unit"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Székely and Rizzo 2013, doi:10.1016/j.jmva.2013.02.012",
    score=_score,
    influence=_influence,
    ceiling=EVEN,
)

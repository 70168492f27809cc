"""Pair imbalance: whether partners have the same neighbors as the samples that they are partners of."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from layerscape.core.checks import check_name
from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ends
from layerscape.measures.neighborhood.information_imbalance import information_imbalance

Direction = Literal["to partners", "to queries"]


def pair_imbalance(ends: Ends, pairs: Pairs, /, *, direction: Direction = "to partners", k: int = 1) -> Estimate:
    """Mean rank among partners of the partners of a query's nearest queries, over P/2: 0 if they tell who is near.

    The information imbalance Δ(queries → partners) between two representations of the P pairs: the queries', and the
    partners', each searched among its own. Of what is said twice, in two languages or of one picture, it says whether
    nearness means the same on both sides, however far apart the sides are: partners need not be near each other.

    Parameters
    ----------
    ends
        Both sides, made of shape (N, D).
    pairs
        P ≥ 3 pairs of samples that have one partner each. Of such as go both ways, as those of a column do, each
        counts once, from its earlier row.
    direction
        ``"to partners"``: what nearness of queries says of that of partners; or ``"to queries"``.
    k
        Number of neighbors, 1…P−1.

    Returns
    -------
    Estimate
        Between 2/P and 2. ``chance`` is 1, exactly. ``per_sample`` has each query's value, NaN for samples that are
        none; the rest as in `information_imbalance`, of P samples.

    Raises
    ------
    InvalidValue
        If a sample has several partners, or k is not below the number of pairs.

    References
    ----------
    Glielmo et al. 2022, doi:10.1093/pnasnexus/pgac039; of translations, Acevedo et al. 2025, arXiv:2505.17101.

    Examples
    --------
    >>> import layerscape as ls
    >>> one = np.random.default_rng(0).standard_normal((200, 3))
    >>> other = np.hstack([one[:, :2], np.full((200, 1), 50.0)])  # far away, and the same but for a unit
    >>> pairs = [(row, 200 + row) for row in range(200)]
    >>> ls.estimate("pair_imbalance", np.vstack([one, other]), pairs).value < 0.3
    True
    """
    check_name("direction of pair_imbalance", direction, ("to partners", "to queries"))
    side = int(direction == "to queries")
    found = information_imbalance(ends.graph(side, k), ends.ranking(1 - side), k=k)
    values = np.full(pairs.n_samples, np.nan)
    values[pairs.one_to_one()[:, 0]] = found.per_sample
    return replace(found, n_samples=pairs.n_samples, per_sample=values)


MEASURE = Measure(
    compute=pair_imbalance,
    unit="of the mean rank",
    bounds=(0, 2),
    closer="low",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Glielmo et al. 2022, doi:10.1093/pnasnexus/pgac039",
    neighbors="k",
    influence="a pair less is a sample less on either side, which is searched anew",
)

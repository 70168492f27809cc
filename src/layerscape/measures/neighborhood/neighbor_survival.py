"""Neighbor survival: how many neighbors of a layer stay neighbors in every layer up to another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from weakref import ref

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked, sample_rows
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, sd_of_pairs, within
from layerscape.core.measure import Measure
from layerscape.core.memo import remembered
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import lists
from layerscape.measures.neighborhood.agreement import (
    Relation,
    chance_of,
    membership,
    permuted_agreement,
    relation_of_first,
    score_of_relations,
)
from layerscape.measures.neighborhood.curve import must_match
from layerscape.measures.neighborhood.survival_without import changes_of_survival


def neighbor_survival(graph: Neighbors, later: tuple[Neighbors, ...], /, *, k: int = 30) -> Estimate:
    """Share of a layer's k nearest neighbors that stay neighbors in every layer from there up to another.

    S = (1/N) Σᵢ |A⁰ᵢ ∩ A¹ᵢ ∩ … ∩ Aᵐᵢ| / k, with Aˡᵢ the first k neighbors of sample i in the l-th layer. With one later
    layer it is their overlap χ; with more it is at most the overlap of the first and the last, and the difference is
    neighbors that were lost on the way and found again. Where distances tie across the border of the first k it is the
    expectation over the ways to break the ties.

    Parameters
    ----------
    graph
        Of N samples, with at least k neighbors: where neighbors come from.
    later
        The graphs of the layers that follow, in order, up to the one that is asked about.
    k
        Number of neighbors, 1…N−1.

    Returns
    -------
    Estimate
        A share in 0…1. ``chance``: what it is where the first layer has nothing to do with the others, exact, mean and
        spread from the permutations of its samples.

    Raises
    ------
    InvalidValue
        If the graphs are of different samples or hold fewer than k neighbors.

    Notes
    -----
    All graphs between two layers are held in memory at once, N·k·12 bytes each.

    References
    ----------
    Rearrangements of neighbors from layer to layer: Valeriani, Doimo, Cuturello, Laio, Ansuini, Cazzaniga 2023,
    arXiv:2302.00294, whose overlap of consecutive layers this follows further.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> a, b, c = (find_neighbors(layer, k=10) for layer in (x, x**3, x))
    >>> [round(neighbor_survival(a, layers, k=10).value, 2) for layers in ((b,), (b, c), (c,))]
    [0.44, 0.44, 1.0]
    """
    _check(graph, later, k)
    rows = sample_rows(graph)
    first, through = membership(graph, k), _staying(later, k)
    stays = first.multiply(through).tocsr() / k
    per_sample, n = stays.sum(axis=1), graph.n_samples
    value, share = float(per_sample.mean()), np.full(len(per_sample), 1 / len(per_sample))
    margin = Z95 * sd_of_pairs(first / k, stays, share, rows)
    chance = None
    if graph.queries is None:
        sums, step = (relation_of_first(graph, k), Relation.of(through)), 1 / (k * n)
        chance = chance_of(*sums, n, value, step, permuted=partial(permuted_agreement, first, through), step=step)
    low, high = within(value, margin, MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, n, k=k, chance=chance, per_sample=per_sample)


def _check(graph: Neighbors, later: tuple[Neighbors, ...], k: int) -> None:
    if not later:
        raise InvalidValue("no later layer is given; neighbor_survival follows neighbors through at least one.")
    for each in later:
        must_match(graph, each)
    for each in (graph, *later):
        each.need(k)


@dataclass
class _Trail:
    """How far the neighbors of a layer were followed last: the next question mostly goes on from there."""

    passed: tuple[ref[Neighbors], ...]
    staying: sparse.csr_array


@remembered
def _trail(graph: Neighbors, k: int) -> _Trail:
    return _Trail((), membership(graph, k))


def _staying(graphs: tuple[Neighbors, ...], k: int) -> sparse.csr_array:
    """Shape (M, N): probability that a sample is among the first k of a query in all of these graphs."""
    trail = _trail(graphs[0], k)
    done, product = trail.passed, trail.staying
    if len(done) > len(graphs) or any(one() is not graph for one, graph in zip(done, graphs, strict=False)):
        done, product = (), membership(graphs[0], k)
    for graph in graphs[max(1, len(done)) :]:
        product = product.multiply(membership(graph, k)).tocsr()
    trail.passed, trail.staying = tuple(map(ref, graphs)), product
    return product


def _score(graph: Neighbors, later: tuple[Neighbors, ...], /, *, k: int) -> Score:
    """The share with the samples of all later layers in another order."""
    _check(graph, later, k)
    check_all_asked(graph, "chance over groups")
    return score_of_relations(membership(graph, k), _staying(later, k), 1 / (k * graph.n_samples))


def _influence(graph: Neighbors, later: tuple[Neighbors, ...], /, *, k: int) -> Influence:
    """How each sample moves the share: by its own neighbors and as a neighbor of others, in every layer."""
    _check(graph, later, k)
    changes, n = changes_of_survival([lists(each, k) for each in (graph, *later)]), graph.n_samples
    first = sparse.csr_array(membership(graph, k) / k)
    stays = first.multiply(_staying(later, k)).tocsr()
    per_sample = stays.sum(axis=1)
    value = float(per_sample.mean())
    without = (per_sample.sum() - per_sample + changes / k) / (n - 1)
    return Influence(value, value - without, (per_sample - value) / n, None, (stays - value * first) / n)


MEASURE = Measure(
    compute=neighbor_survival,
    unit="share of neighbors",
    bounds=(0, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Valeriani et al. 2023, arXiv:2302.00294",
    neighbors="k",
    score=_score,
    influence=_influence,
)

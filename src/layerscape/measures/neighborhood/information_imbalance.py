"""Information imbalance: what the distances of one representation say about those of another."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked
from layerscape.core.estimate import Chance, Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95, jackknife_of, sd_of_mean, sd_of_pairs, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.ranking import Ranking
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import lists
from layerscape.measures.neighborhood.agreement import Relation, chance_of, membership, relation_of_first
from layerscape.measures.neighborhood.without import Likened, MeanAgreement, without_each

RELATED = 2
FEW = 1024  # samples up to which deletions count in the interval
# How much of its variance is theirs: a fit. They alone make it far too wide, since each counts what pairs of samples do
# together, and without them it is too narrow; see benchmarks/coverage.py.
DELETED = 0.2
ALL_RANKS = 4096  # samples up to which the ranks of all pairs are counted
ROWS, COLUMNS = 64, 512  # of all ranks, those from which the spread under chance is estimated


def information_imbalance(a: Neighbors, b: Ranking, /, *, k: int = 1) -> Estimate:
    """Mean rank in b of the nearest neighbors in a, over N/2: 0 if a tells the neighbors in b, 1 if it tells nothing.

    Δ(a→b) = (2/N) · mean over all samples i and the first k neighbors j of i in a of the rank of j around i in b
    (Glielmo et al. 2022, eq. 1). Small one way and large the other: a holds what b does, and more. All ranks are exact,
    at any N; where distances tie, they are mid-ranks in b, and the mean over the ways to break the tie in a. Where
    samples are left out of i's neighbors, ranks are among the others, and N in 2/N is one more than these are.

    Parameters
    ----------
    a
        Graph of N samples that holds at least k neighbors.
    b
        The same samples, in the same order, in the other representation.
    k
        Number of neighbors, 1…N−1. With more than one their order in a is not seen.

    Returns
    -------
    Estimate
        Between 2/N and 2. Beyond 1,024 samples the interval does not see those that only stand between others in b,
        and of fewer it reads the neighbor that follows the first k. ``chance`` is 1,
        exactly; its spread takes two sums over all ranks of b from a sample of them. ``chance.p`` is the share of
        random pairings that score as little as was measured.

    Raises
    ------
    InvalidValue
        If a and b are of different samples, or a holds fewer than k neighbors.

    References
    ----------
    Glielmo, Zeni, Cheng, Csányi, Laio 2022, doi:10.1093/pnasnexus/pgac039.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((400, 2))
    >>> plane_to_line = ls.estimate("information_imbalance", x, x[:, :1])
    >>> plane_to_line.value < ls.estimate("information_imbalance", x[:, :1], x).value
    True
    """
    _check(a, b)
    n, scale = a.n_samples, 2 / b.ends[a.query_rows]
    rows, members, weights = a.weights(k)
    ranks = b.ranks(np.stack([a.query_rows[rows], members], axis=1))
    per_sample = np.bincount(rows, weights * ranks, minlength=len(a.indices)) * (scale / k)
    value = float(per_sample.mean())
    near = membership(a, k) / k
    values = sparse.csr_array((weights / k * ranks * scale[rows], (rows, members)), shape=near.shape)
    of_pairs = sd_of_pairs(near, values, np.full(len(a.indices), 1 / len(a.indices)), a.query_rows)
    sd, warnings = _with_deletions(a, b, k, max(of_pairs, sd_of_mean(per_sample, a, k=min(RELATED, k))))
    chance = None
    if a.queries is None and b.apart is None:
        # Agreement is a small value: the tail that is asked for is the lower one.
        c = chance_of(relation_of_first(a, k), _relation_of_ranks(b), n, -value, -2 / (n**2 * k))
        chance = Chance(-c.value, -c.high, -c.low, c.p)
    low, high = within(value, Z95 * sd, MEASURE.bounds)
    return Estimate(value, low, high, n, k=k, chance=chance, per_sample=per_sample, warnings=warnings)


def _check(a: Neighbors, b: Ranking) -> None:
    if a.n_samples != b.n_samples or (a.query_rows < 0).any():
        raise InvalidValue(
            f"a graph of {a.n_samples} samples and ranks of {b.n_samples}; both must be of the same samples, in the "
            "same order."
        )
    if a.near.apart != b.apart:
        words = " and ranks with ".join(each.words if each else "nobody left out" for each in (a.near.apart, b.apart))
        raise InvalidValue(f"a graph with {words}; leave out the same samples in both.")


def _with_deletions(a: Neighbors, b: Ranking, k: int, sd: float) -> tuple[float, tuple[str, ...]]:
    """A standard deviation to which, with few samples, deletions add; words where it is not known what they do."""
    if a.queries is not None or b.apart is not None or a.n_samples > FEW or k >= a.n_samples - 1:
        return sd, ()
    if a.k <= k or b.between is None:
        return sd, (
            f"an interval that is narrow for {a.n_samples} samples; give the vectors: {k + 1} neighbors are read",
        )
    return sqrt((1 - DELETED) * sd**2 + DELETED * jackknife_of(_deleted(a, b, k)[1])), ()


def _influence(a: Neighbors, b: Ranking, /, *, k: int) -> Influence:
    """How each sample moves the imbalance: by its own neighbors, as a neighbor of others, and between these in b."""
    _check(a, b)
    if b.apart is not None:
        raise InvalidValue(f"{b.apart.words}: how single samples move the imbalance is not known; leave influence out.")
    if b.between is None:
        raise InvalidValue("ranks without who stands between; an influence needs both: give the vectors themselves.")
    found, without = _deleted(a, b, k)
    return found.influence(np.full(a.n_samples, 1 / a.n_samples), without)


def _deleted(a: Neighbors, b: Ranking, k: int) -> tuple[MeanAgreement, np.ndarray]:
    """The means over the neighbors, and the imbalance without each sample, shape (N,)."""
    assert b.between is not None
    near, n = lists(a, k), a.n_samples
    pairs = np.stack([near.rows, near.members], axis=1)
    ranks = b.ranks(pairs)
    nothing = np.zeros(len(ranks))
    found = MeanAgreement.of(near, Likened(ranks * (2 / n), nothing, nothing, np.zeros_like), np.full(n, k))
    weight = np.full(n, 1 / n)
    left = without_each(found, found, np.zeros(n, int), weight)[1]
    # A rank falls by 1 without a sample that is nearer, be it the rank of a neighbor or of who then follows it.
    among = near.among > 0
    nearer = b.between(pairs[among], near.among[among])
    (following,) = near.by_row(near.next * ranks)
    ahead = np.sign(following[near.rows] - ranks)
    nearer += near.by_member(near.opens * (1 + ahead) / 2)
    return found, (left - nearer * (2 / (n * n * k))) * (n / (n - 1)) ** 2


def _score(a: Neighbors, b: Ranking, /, *, k: int) -> Score:
    """The imbalance with the samples of b in another order; all ranks are counted."""
    _check(a, b)
    check_all_asked(a, "chance over groups")
    n, scale = a.n_samples, 2 / (a.n_samples * k * b.ends)
    rows, members, weights = a.weights(k)
    ranks: list[np.ndarray] = []

    def score(order: np.ndarray) -> float:
        pairs = np.stack([order[rows], order[members]], axis=1)
        if np.array_equal(order, np.arange(n)):
            found = b.ranks(pairs)
        else:
            if not ranks:
                ranks.append(_all_ranks(b))
            found = ranks[0][pairs[:, 0], pairs[:, 1]]
        return float((weights * found * scale[pairs[:, 0]]).sum())

    return of_each(score)


def _all_ranks(b: Ranking) -> np.ndarray:
    """Shape (N, N); in place of none, as of samples that a shift in time brings within the lag, the mean."""
    n = b.n_samples
    if n > ALL_RANKS:
        raise InvalidValue(
            f"chance over groups needs the ranks of all pairs, of {ALL_RANKS} samples at most; these are {n}"
        )
    every = np.arange(n)
    left_out = np.eye(n, dtype=bool) if b.apart is None else b.apart.kept(every[:, None], every)
    rows, columns = np.nonzero(~left_out)
    found = np.repeat(b.ends[:, None].astype(np.float32) / 2, n, axis=1)
    found[rows, columns] = b.ranks(np.stack([rows, columns], axis=1))
    return found


def _relation_of_ranks(b: Ranking) -> Relation:
    """The sums over all ranks of a representation: known, except for how they go together in columns and both ways."""
    n = b.n_samples
    drawn = np.random.default_rng(0).permutation(n)[:COLUMNS]
    asked = drawn[:ROWS]
    pairs = np.stack(np.meshgrid(asked, drawn, indexing="ij"), axis=-1)
    itself = pairs[..., 0] == pairs[..., 1]
    ranks = np.full(itself.shape, n / 2)  # in place of none, the mean
    ranks[~itself] = b.ranks(pairs[~itself])
    off = ranks - n / 2
    both = ~np.eye(len(asked), dtype=bool)
    mutual = (off[:, : len(asked)] * off[:, : len(asked)].T)[both].mean()
    columns = off.sum(axis=0)
    in_columns = (columns @ columns - (off**2).sum()) / max(1, len(asked) * (len(asked) - 1) * len(drawn))
    pairs_in_all, square = n * (n - 1.0), (n / 2) ** 2
    total = pairs_in_all * n / 2
    squares = n * (n - 1) * n * (2 * n - 1) / 6
    out = total**2 / n
    into = squares + pairs_in_all * (n - 2) * (square + in_columns)
    return Relation(total, squares, pairs_in_all * (square + mutual), out, into, out)


MEASURE = Measure(
    compute=information_imbalance,
    unit="of the mean rank",
    bounds=(0, 2),
    closer="low",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Glielmo et al. 2022, doi:10.1093/pnasnexus/pgac039",
    neighbors="k",
    spare=1,
    symmetric=False,
    score=_score,
    influence=_influence,
    ceiling="noise changes who is near, and is no factor of it",
)

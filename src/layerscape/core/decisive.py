"""What one unit, or a few samples, decide alone: told once for every measure that they can sway.

Squared distances and covariances are sums over units and samples. Where one unit holds most of the variance, and ten
times as much as the next, who is near is a matter of that unit. Where a hundredth of the samples (one, of fewer than
200) hold most of it, what reads a covariance says how they lie, and its interval knows of no others like them. Normal
data of 20 samples read so once in a hundred times where they have one unit, and practically never where they have
more; of fewer samples more is asked, and of fewer than ten nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscape.core.frame import frame
from layerscape.core.memo import remembered
from layerscape.core.nearness import Nearness
from layerscape.core.representation import Representation

FEWEST, FEW = 10, 20  # samples, below which nothing is said, and below which more is asked
HALF, MOST = 0.5, 0.8  # of the variance, that a few of so many samples and of fewer must hold
PART = 100  # of so many samples one
AHEAD = 10  # times the variance of the next unit
SHOWN = 3
DRAWN, VALUES = 2048, 2**24  # rows, and values, that the variances of units are taken from at the most
AT_ONCE = 64  # rows, which the processor's cache holds
SMALLEST = 1e-200  # sum of squares that has all its digits
ROUNDING = 1e-6  # of a share, and far more than sums of float64 are off
DECIDES = "and so decide"  # as every warning of it says
REMEDY = 'standardize="units" gives every unit one weight'


@remembered
def deciding_unit(x: Representation, metric: str = "euclidean") -> tuple[int, float]:
    """The unit that decides alone and its share of the variance, which is 0 if none does; of a draw of the rows."""
    if x.n_samples < FEWEST or x.n_units < 2:
        return 0, 0.0
    most = max(FEW, min(DRAWN, VALUES // x.n_units))
    drawn = np.sort(np.random.default_rng(0).permutation(x.n_samples)[:most])
    kept = len(drawn) - max(1, len(drawn) // PART)
    if metric == "euclidean" and _none_is_alone(x.stored(drawn), kept):
        return 0, 0.0
    some = x if x.n_samples <= most else x.take(drawn)
    rows = np.concatenate([block for _, block in _seen(some, metric)])
    if metric != "euclidean" and _none_is_alone(rows, kept):
        return 0, 0.0
    squares = (rows - np.median(rows, axis=0)) ** 2
    variances = np.partition(squares, kept - 1, axis=0)[:kept].mean(axis=0)  # a few far samples make no unit large
    total, unit = float(variances.sum()), int(variances.argmax())
    if not total > 0:
        return 0, 0.0
    share, following = float(variances[unit]) / total, float(np.partition(variances, -2)[-2])
    # More than halfway from what each holds where all are equal to all of it.
    alone = share > (1 + 1 / x.n_units) / 2 and variances[unit] >= AHEAD * following
    return (unit, share) if alone else (0, 0.0)


def _none_is_alone(rows: np.ndarray, kept: int) -> bool:
    """Whether bounds show that no unit holds half of the variance, which spares medians and sorting.

    A median is within σ of the mean, so that n squares about it sum to nσ² to 2nσ², and each is (M + σ)² at the most,
    M the farthest that a value is from the mean. Values too small or too large to be squared show nothing.
    """
    first, n = rows[0].astype(np.float64), len(rows)
    total, squares, farthest = np.zeros((3, len(first)))
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = [rows[start : start + AT_ONCE] for start in range(0, n, AT_ONCE)]
        for block in blocks:
            total += (block - first).sum(axis=0)
        for block in blocks:
            apart = block - first - total / n
            squares += np.einsum("ij,ij->j", apart, apart)
            np.maximum(farthest, np.abs(apart, out=apart).max(axis=0), out=farthest)
        largest = (farthest + np.sqrt(squares / n)) ** 2
        least = np.maximum(squares - (n - kept) * largest, 0)
        return bool(SMALLEST < 2 * squares.max() < (HALF - ROUNDING) * least.sum())


def deciding_who_is_near(x: Representation, near: Nearness) -> tuple[int, float] | None:
    """What a kept graph says of the vectors that it was searched in; None where units were brought to one scale."""
    return None if near.standardize else deciding_unit(x, near.metric)


@remembered
def deciding_samples(x: Representation) -> tuple[tuple[int, ...], float]:
    """The fewest rows that hold most of the variance, if they are few, and their share; one pass over all."""
    n = x.n_samples
    lengths = np.concatenate([(block**2).sum(axis=1) for _, block in _seen(x, "euclidean")])
    total, few = float(lengths.sum()), max(1, n // PART)
    if n < FEWEST or not total > 0:
        return (), 0.0
    largest = np.argpartition(-lengths, few - 1)[:few]
    largest = largest[np.argsort(-lengths[largest], kind="stable")]
    held = np.cumsum(lengths[largest]) / total
    count = 1 + int(np.searchsorted(held, HALF if n >= FEW else MOST, side="right"))
    return (tuple(map(int, largest[:count])), float(held[count - 1])) if count <= few else ((), 0.0)


def words_of_unit(deciding: tuple[int, float], title: str, *, near: bool) -> tuple[str, ...]:
    """That one unit decides who is near, or the value, if it does, as `deciding_unit` found."""
    unit, share = deciding
    if not share:
        return ()
    what, how = ("who is near", REMEDY) if near else ("the value", "bring the units to one scale, if that is not meant")
    return (f"unit {unit} of {title} holds {share:.1%} of the variance {DECIDES}s {what}: {how}",)


def words_of_samples(x: Representation, title: str) -> tuple[str, ...]:
    """That a few samples decide, if they do."""
    rows, held = deciding_samples(x)
    if not rows:
        return ()
    names, share = ", ".join(repr(x.ids[row]) for row in rows[:SHOWN]), f"{held:.1%} of the variance"
    if len(rows) == 1:
        return (f"sample {names} of {title} holds {share} {DECIDES}s the value: measure without it too",)
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return (
        f"samples {names}{more}, {len(rows)} of {x.n_samples}, of {title} hold {share} {DECIDES} the value: "
        "measure without them too",
    )


def _seen(x: Representation, metric: str) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of rows near 1, centered; or, of another metric than the Euclidean, of length 1."""
    framed = frame(x) if metric == "euclidean" else None
    for rows, block in x.blocks():
        if framed:
            yield rows, framed(block)
            continue
        scaled = np.ldexp(block, -np.frexp(np.abs(block).max(axis=1, keepdims=True))[1])
        if metric == "correlation":
            scaled -= scaled.mean(axis=1, keepdims=True)
        length = np.sqrt((scaled**2).sum(axis=1, keepdims=True))
        yield rows, np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0)

"""What a dimension report says in words: why its value, or why none, and what the curve shows beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.core.plateau import FEWEST, FEWEST_NEAR, MOST_CORRECTED
from layerscape.core.representation import Representation
from layerscape.core.words import listed, more_than, share_of
from layerscape.measures.dimension.finite import DIFFERENT
from layerscape.measures.dimension.reading import Reading

COARSE = 0.01  # of the first-neighbor distance: a resolution of the numbers that can be felt in it
LEAST_READ = 0.01  # a dimension below which nothing is said of its shape


def reason_words(reading: Reading, abide: Estimate | None) -> str:
    """Why the value of a plateau, or why none."""
    curve, plateau = reading.curve, reading.plateau
    if plateau is None:
        return _none_words(reading)
    first, last = curve[plateau.first], curve[plateau.last]
    text = (
        f"gride has a plateau over {len(plateau)} of {len(curve)} scales, from {first.scale:.3g} to {last.scale:.3g} "
        f"(neighbors {(first.k or 0) // 2} to {last.k})"
    )
    if abide is None:
        return text
    read = float(np.mean([point.value for point in curve[plateau.first : plateau.last + 1]]))
    relation = "agrees" if abs(abide.value / read - 1) <= DIFFERENT else "differs"
    return f"{text}; abide, which chooses the scale by a test of constant density, {relation}: {abide.value:.3g}"


def _none_words(reading: Reading) -> str:
    curve, first, last = reading.curve, reading.curve[0], reading.curve[-1]
    if len(curve) < FEWEST:
        return "there are too few samples for three scales, so that no plateau can be seen; give more samples"
    start = f"there is no plateau: gride reads {first.value:.3g} at scale {first.scale:.3g} and {last.value:.3g} at "
    start += f"{last.scale:.3g}"
    steps = np.sign(np.diff([point.value for point in reading.as_gaussian]))
    steady = ", a steady fall" if (steps < 0).all() else ", a steady rise" if (steps > 0).all() else ""
    if any(reading.bent):
        at = [str((point.k or 0) // 2) for point, bent in zip(curve, reading.bent, strict=True) if bent]
        return (
            f"{start}{steady}, and the samples share no one dimension: the ratios of the distances to neighbors n and "
            f"2n do not follow the law of one at n = {listed(at)}, and no parts of one dimension each can be told apart"
        )
    hidden = [own.value / point.value > MOST_CORRECTED for own, point in zip(reading.as_gaussian, curve, strict=True)]
    if sum(hidden) > len(curve) - FEWEST_NEAR:
        return (
            f"{start}, and so few samples hide too much: a Gaussian that reads {first.value:.3g} has "
            f"{reading.as_gaussian[0].value:.3g} dimensions, another law may have others; give more samples"
        )
    return (
        f"{start}{steady}, and its scales differ by more than errors and the bias of a finite sample; the curve over "
        "scale is the result"
    )


def shape_words(curve: Sequence[Point], gaussian: Sequence[Point]) -> list[str]:
    """What the curve does that the bias of a finite sample does not explain."""
    if len(curve) < FEWEST or len(gaussian) < len(curve):
        return []
    ratio = np.array([point.value for point in curve]) / [point.value for point in gaussian[: len(curve)]]
    middle = ratio[len(ratio) // 2]
    if not curve[len(curve) // 2].value >= LEAST_READ:
        return []  # of nothing there is no telling how much more another scale reads
    words = []
    if ratio[0] > middle * (1 + DIFFERENT) and curve[0].low > curve[len(curve) // 2].high:
        words.append(
            f"small scales read {more_than(ratio[0] / middle)} a Gaussian would: noise, or structure finer than "
            f"a distance of {curve[len(curve) // 2].scale:.3g}"
        )
    if ratio[-1] > middle * (1 + DIFFERENT) and curve[-1].low > curve[len(curve) // 2].high:
        words.append("large scales read more than small ones: curvature, or several parts that are seen as one")
    return words


def coarse_words(x: Representation, curve: Sequence[Point]) -> list[str]:
    """Whether the numbers are stored too coarsely for the distances between them, as after a large offset."""
    dtype = np.dtype(x.matrix.dtype)
    if dtype.kind != "f":
        return []
    largest = max(float(np.abs(block).max()) for _, block in x.blocks())
    step = float(np.finfo(dtype).eps) * largest * x.n_units**0.5
    if not step >= COARSE * curve[0].scale > 0:
        return []
    return [
        f"{dtype.name} holds values of {largest:.3g} in steps that come to {share_of(step / curve[0].scale)} the "
        "distance to the first neighbors: rounding is read as noise; subtract the mean before storing, or store float64"
    ]


def shared_words(estimates: Mapping[str, Estimate]) -> list[str]:
    """The warnings of the estimators, each once."""
    return list(dict.fromkeys(words for found in estimates.values() for words in found.warnings))

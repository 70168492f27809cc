"""Profiles of a known shape: what layers truly have, and what is estimated of it, with intervals as in practice.

Where a shape turns, how high it is and how the errors of layers go together is drawn anew for every profile. Nothing
here knows how sentences are made: the module imports nothing of layerscape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

LAYERS = (5, 7, 13, 13, 25, 49)
RELATIVE = (0.015, 0.03, 0.05)  # standard errors of TwoNN from about 7,500, 2,000 and 700 samples, over the value
SWINGS = (1.0, 2.0, 4.0, 4.0, 6.0, 10.0, 20.0)  # smallest difference of turning points, over its standard error
ALONG = (0.0, 0.5, 0.9)  # correlation of the errors of a layer and the next
Z95 = 1.959964

# Heights between which a profile goes in straight lines, and how long each way is, give or take a third.
SHAPES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "flat": ((0, 0), (1,)),
    "rise": ((0, 1), (1,)),
    "fall": ((1, 0), (1,)),
    "peak": ((0.3, 1, 0), (1, 2)),
    "two peaks": ((0, 1, 0.2, 0.9, 0.1), (1, 1, 1, 1)),
    "plateau": ((0, 1, 1), (1, 1)),
}
KEPT: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "valley": ((0.7, 0, 1), (2, 1)),
    "late rise": ((0, 0, 1), (3, 1)),
    "up, down, up": ((0, 0.8, 0.15, 1), (1, 1, 1)),
    "peak, plateau, rise": ((0.4, 1, 0, 0, 0.6), (1.2, 1.5, 1.2, 1)),
    "step": ((1, 1, 0, 0), (1, 0.7, 1)),
    "peak in the middle of nothing": ((0, 0, 1, 0, 0), (1, 0.6, 0.6, 1)),
}


@dataclass(frozen=True)
class Made:
    """A profile: of which family, what its layers have, and the estimates with the ends of their intervals.

    Attributes
    ----------
    swing
        The smallest difference between turning points that follow each other, over its standard error; 0 if flat.
    level
        First and last layer of the longest stretch that is truly level, if it has at least three layers.
    """

    family: str
    truth: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    swing: float
    level: tuple[int, int] | None

    @property
    def layers(self) -> list[str]:
        """Names that say the place."""
        return [f"l{number}" for number in range(len(self.truth))]


def made(count: int, seed: int = 0, *, kept: bool = False) -> Iterator[Made]:
    """So many profiles, each family as often as the next; ``kept`` are those that no rule was made on."""
    rng, shapes = np.random.default_rng([seed, kept]), KEPT if kept else SHAPES
    for number in range(count):
        family = list(shapes)[number % len(shapes)]
        yield _profile(rng, family, *shapes[family], _shared if kept else _along)


def turning(truth: np.ndarray) -> list[set[int]]:
    """The layers at which a profile starts, turns and ends, each with those of the same value beside it."""
    stretches: list[list[int]] = []
    for place, value in enumerate(truth):
        if stretches and np.isclose(truth[stretches[-1][0]], value, rtol=1e-9):
            stretches[-1].append(place)
        else:
            stretches.append([place])
    heights = np.array([truth[stretch[0]] for stretch in stretches])
    ways = np.sign(np.diff(heights))
    inner = [place + 1 for place in range(len(ways) - 1) if ways[place] != ways[place + 1]]
    places = dict.fromkeys([0, *inner, len(stretches) - 1])
    return [set(stretches[place]) for place in places]


def _profile(
    rng: np.random.Generator,
    family: str,
    heights: tuple[float, ...],
    ways: tuple[float, ...],
    errors: Callable[[np.random.Generator, int], np.ndarray],
) -> Made:
    n = int(rng.choice([layers for layers in LAYERS if layers > 2 * len(ways)]))
    relative, swing = float(rng.choice(RELATIVE)), float(rng.choice(SWINGS))
    lengths = np.array(ways) * rng.uniform(0.7, 1.4, len(ways))
    knots = np.round(np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum() * (n - 1)).astype(int)
    shape = np.interp(np.arange(n), knots, heights)
    base = rng.uniform(3, 20)
    height, swing = _height(shape, swing, relative)
    truth = base * (1 + height * shape)
    value = truth * (1 + relative * errors(rng, n))
    half = Z95 * relative * value
    flat = len(turning(truth)) == 1
    level = [(a, b) for a, b, up, down in zip(knots, knots[1:], heights, heights[1:], strict=False) if up == down]
    level = max(level, key=lambda ends: ends[1] - ends[0], default=None)
    level = None if flat or level is None or level[1] - level[0] < 2 else (int(level[0]), int(level[1]))
    return Made(family, truth, value, value - half, value + half, swing, level)


def _height(shape: np.ndarray, wanted: float, relative: float) -> tuple[float, float]:
    """How high the shape is over its base, at most four times that, and its smallest swing in standard errors."""
    places = [next(iter(each)) for each in turning(shape)]

    def swing(height: float) -> float:
        at = 1 + height * shape[places]
        return float(min(np.abs(np.diff(at)) / (relative * np.hypot(at[1:], at[:-1]))))

    if len(places) == 1:
        return 0.0, 0.0
    low, high = 0.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if swing(middle) < wanted else (low, middle)
    return high, min(wanted, swing(high) + 1e-6)


def _along(rng: np.random.Generator, n: int) -> np.ndarray:
    """Errors of which those of neighboring layers are alike, as of the same samples."""
    share, errors = float(rng.choice(ALONG)), rng.standard_normal(n)
    for place in range(1, n):
        errors[place] = share * errors[place - 1] + np.sqrt(1 - share**2) * errors[place]
    return errors


def _shared(rng: np.random.Generator, n: int) -> np.ndarray:
    """Errors of which a part is the same in all layers, and the rest along the layers; skewed as ratios are."""
    share = float(rng.choice((0.0, 0.3, 0.6)))
    errors = np.sqrt(share) * rng.standard_normal() + np.sqrt(1 - share) * _along(rng, n)
    return errors + 0.05 * (errors**2 - 1)

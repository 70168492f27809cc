"""Data whose distances are counts: what suits whole numbers and bits is asked, and whether to believe it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.representation import Representation
from layerscape.errors import LayerscapeError
from layerscape.measures import find_measure

WHOLE = 1e-3  # of a step: how far from a whole number of steps rounding takes a value
FINEST = 12  # parts of the smallest gap between two values that may be the step
EDGE = 0.35  # of the spread of a unit: neighborhoods that reach farther in it are cut off by its range
OTHER = 0.25  # of the share of copies that a lattice explains: by more, and 3 standard errors, the data are no lattice
DEPENDENT = 0.75  # d₁ of bits beyond which `bid` reads 15 % and more above what chains of bits have


@dataclass(frozen=True, eq=False)
class Whole:
    """Data as whole numbers of steps.

    Attributes
    ----------
    kind
        ``bits``, ``whole numbers`` or ``points of a lattice``.
    x
        In steps of 1, without units that say what another says.
    words
        How many units were left out, if any.
    """

    kind: str
    x: Representation
    words: tuple[str, ...]

    @property
    def measure(self) -> str:
        """The name of what counts them."""
        return "bid" if self.kind == "bits" else "i3d"

    def counted(self) -> tuple[Estimate | None, str]:
        """What the measure says, if it can say anything, and why not to believe it, if so."""
        try:
            found = find_measure(self.measure)(self.x)
        except LayerscapeError as error:
            return None, f"{self.measure} has no value: {error}".rstrip(".")
        doubts = _doubts_of_bits(found) if self.kind == "bits" else _doubts_of_counts(found, self.x)
        doubt = next(iter([*found.warnings, *doubts]), "")
        return found, doubt and f"{self.measure} reads {found.value:.3g}, which is not to be believed: {doubt}"


def as_whole(x: Representation) -> Whole | None:
    """The data in steps of 1, if every unit has a step; None if one has not.

    >>> as_whole(Representation(np.array([[0.1, 2], [0.3, 6], [0.6, 2], [0.2, 4]]))).x.matrix.tolist()
    [[0.0, 0.0], [2.0, 2.0], [5.0, 0.0], [1.0, 1.0]]
    >>> as_whole(Representation(np.random.default_rng(0).random((9, 2)))) is None
    True
    """
    units = []
    for column in np.asarray(x.read(slice(None)), dtype=np.float64).T:
        if (steps := _steps(column)) is None:
            return None
        units.append(steps)
    own = list({min(unit.tobytes(), (unit.max() - unit).tobytes()): unit for unit in units[::-1]}.values())[::-1]
    bits = all(unit.max() <= 1 for unit in own)
    whole = all(bool((block == np.floor(block)).all()) for _, block in x.blocks())
    kind = "bits" if bits else "whole numbers" if whole else "points of a lattice"
    left = len(units) - len(own)
    words = (f"{left} of {len(units)} units say what another says, or its opposite, and are left out",) if left else ()
    return Whole(kind, Representation(np.stack(own, axis=1), ids=x.ids), words)


def _steps(column: np.ndarray) -> np.ndarray | None:
    """Values as whole numbers of their largest common step from the smallest; None if they have none."""
    levels, place = np.unique(column, return_inverse=True)
    if len(levels) == 1:
        return np.zeros(len(column))
    least = np.diff(levels).min()
    for parts in range(1, FINEST + 1):
        steps = (levels - levels[0]) / (least / parts)
        if (np.abs(steps - np.rint(steps)) < WHOLE).all():
            return np.rint(steps)[place]
    return None


def _doubts_of_counts(found: Estimate, x: Representation) -> Iterator[str]:
    spread = np.std(x.read(slice(None)), axis=0)
    scale, d = float(found.details["scale"]), found.value
    if scale > EDGE * d * np.median(spread[spread > 0]):
        yield (
            f"at scale {scale:.0f}, the finest that has enough pairs, neighborhoods are cut off by the range of the "
            "units, which lowers the value"
        )
    copies, expected = float(found.details["share_of_copies"]), float(found.details["expected_copies"])
    error = sqrt(max(expected, copies) / max(1.0, float(np.sum(found.details["inside"]))))
    if abs(copies - expected) > max(OTHER * expected, 3 * error):
        yield (
            f"{copies:.1%} of the pairs within t₁ are copies, where a lattice of so many dimensions explains "
            f"{expected:.1%}: units depend on each other as those of a lattice do not"
        )


def _doubts_of_bits(found: Estimate) -> Iterator[str]:
    d1 = float(found.details["d1"])
    if d1 > DEPENDENT:
        yield f"d₁ is {d1:.2g}: bits depend on each other so much that bid reads more than there are"


ADVICE = (
    "or add to every unit normal noise with a standard deviation of one step (to whole numbers "
    "rng.standard_normal(x.shape)), and read the report of that"
)

"""Comparisons chosen from a map: is the closest of all pairs of layers closer than by chance, and which is it?

The closest of many pairs is closer than chance gives for one, the more so the more there are and the fewer units they
have. So the samples of one side are permuted, once for all pairs, and each map is told by its largest standard score,
with the mean and spread of each pair's own values: p = (b + 1)/(B + 1) for the b of B permutations whose largest is as
large (Westfall and Young 1993; for networks arXiv:2602.14486). A p of the map names no pair: that is done by the
difference of the closest to every other, which is known from how each sample moves both, corrected by Holm.
"""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.paired import difference, holm
from layerscape.core.permutation import FEWEST, ROUNDING, check_permutations, share_as_high
from layerscape.core.tasks import Task
from layerscape.core.words import number, p_said
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.supply.serial import Serial
from layerscape.supply.supplier import Supplier

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("z", "p_map", "calibrated", "closest")
LEVEL = 0.05
SHOWN = 5  # pairs that are named where several may be the closest
Cells = Sequence[tuple[Task, Estimate]]
NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS[:3], nan) | {"closest": None}


@dataclass(frozen=True)
class Scores:
    """A map in standard scores, high where layers are close, judged by the largest of each permutation."""

    z: np.ndarray  # (C,): by the mean and spread of the permutations
    p: np.ndarray  # (C,)
    threshold: np.ndarray  # (C,): the signed value that the largest of unrelated samples exceeds in 5 %

    @classmethod
    def of(cls, values: np.ndarray, null: np.ndarray) -> Scores:
        """From signed values, shape (C,), and those of permutations, shape (B, C)."""
        every = np.vstack([values, null])
        mean, sd = every.mean(axis=0), every.std(axis=0)
        z = np.divide(every - mean, sd, out=np.zeros_like(every), where=sd > ROUNDING)
        largest = z[1:].max(axis=1)
        p = np.array([share_as_high(largest, one) for one in z[0]])
        allowed = max(1, int(LEVEL * (1 + len(null))))  # of the largest, the observed among them
        beyond, spread = values - null.mean(axis=0), null.std(axis=0)
        alone = np.where(beyond > ROUNDING, inf, 0.0)  # of a null that is one value
        np.divide(beyond, spread, out=alone, where=spread > ROUNDING)
        return cls(alone, p, mean + sd * np.sort(largest)[-allowed])

    def calibrated(self, values: np.ndarray, ideal: float) -> np.ndarray:
        """Where signed values lie between threshold and ideal; 0 below, or where unrelated samples reach the ideal."""
        room = ideal - self.threshold
        return np.maximum(np.divide(values - self.threshold, room, out=np.zeros_like(room), where=room > ROUNDING), 0.0)


def check_chosen(measures: Sequence[Measure], permutations: int | None) -> None:
    """Raise where a map cannot be judged."""
    if permutations is None:
        return
    check_permutations(permutations)
    for measure in measures:
        if measure.score is None or not measure.closer:
            raise InvalidValue(f"permutations cannot judge {measure.name}; leave them out, or the measure.")


def judged(
    supplier: Supplier, cells: Cells, permutations: int, tell: Callable[[int], None], seed: int = 0
) -> list[dict[str, Any]]:
    """What stands in the columns of a map for each of its cells, which are all of one measure.

    ``z`` is how far above the cell's own chance, in standard deviations; ``p_map`` the share of permutations whose
    largest z is as large; ``calibrated`` 0 where that is above 0.05 and 1 where the value is the best there is: all of
    what is held against permuted samples, which are fewer than the cell's where groups are cut to equal sizes.
    ``closest`` True for the pair with the largest z and for those not told apart from it, None where nobody can tell.
    """
    known = [place for place, (_, found) in enumerate(cells) if isfinite(found.value)]
    judgements = [dict(NOTHING) for _ in cells]
    if not known:
        return judgements
    measure = cells[0][0].measure
    sign = 1 if measure.closer == "high" else -1
    every = np.empty((1 + permutations, len(known)))
    for column, place in enumerate(known):
        permuted = supplier.permuted(*cells[place], permutations, seed)
        every = every[: len(permuted)]  # of few groups all arrangements are fewer
        every[:, column] = sign * permuted
        tell(1)
    values, null = every[0], every[1:]
    if len(null) < FEWEST:
        python_warnings.warn(
            f"the map of {measure.name} is not judged: the groups can be arranged in {1 + len(null)} ways, too few",
            stacklevel=6,
        )
        return judgements
    scores = Scores.of(values, null)
    ideal = sign * measure.bounds[sign > 0]
    best = int(scores.z.argmax())
    alike, why = _alike(supplier, [cells[place][0] for place in known], best, sign)
    if why:
        python_warnings.warn(f"the pairs of the map of {measure.name} are not tested: {why}", stacklevel=6)
    calibrated = scores.calibrated(values, ideal) if isfinite(ideal) else np.full(len(known), nan)
    for place, *one in zip(known, scores.z.tolist(), scores.p.tolist(), calibrated.tolist(), alike, strict=True):
        judgements[place] = dict(zip(COLUMNS, one, strict=True))
    return judgements


def _alike(supplier: Supplier, tasks: Sequence[Task], best: int, sign: int) -> tuple[list[bool | None], str]:
    """Which pairs are not told apart from the best; None for all where that is not known, and what went wrong."""
    if isinstance(tasks[best].measure.influence, str) or isinstance(supplier, Serial):
        return [None] * len(tasks), ""
    p, closer = np.full(len(tasks), np.nan), np.zeros(len(tasks), bool)
    try:
        first = supplier.moved(tasks[best])
        for place, task in enumerate(tasks):
            if place != best:
                found = difference(first, supplier.moved(task))
                p[place], closer[place] = found.p, sign * found.value > 0
    except LayerscapeError as error:  # of a graph that holds no further neighbor, say
        return [None] * len(tasks), str(error)
    return [not apart for apart in (holm(p) < LEVEL) & closer], ""


def said_of_map(table: pd.DataFrame, title: str) -> str:
    """One sentence on a map of one measure: whether its layers have anything in common, and which are closest."""
    known = table[table.z.notna()]
    if known.empty:
        judged_none = " that was judged" if table.value.notna().any() else ""
        return f"{title}: no pair of layers has a value{judged_none}."
    best = known.loc[known.z.idxmax()]
    named = f"{best.layer} and {best.other_layer} ({number(best.value)})"
    if len(known) == 1:
        closer = "no closer than unrelated samples may be" if best.p_map > LEVEL else "closer than unrelated samples"
        return f"{title}: {named} are {closer} ({p_said(best.p_map)})."
    p = f"{p_said(best.p_map)} of the largest of {len(known)} pairs"
    if best.p_map > LEVEL:
        return f"{title}: no pair of layers is closer than the closest of unrelated samples may be ({p})."
    if best.closest is None:
        return (
            f"{title}: closer than unrelated samples ({p}); {named} have the largest score, not tested against others."
        )
    others = [row for place, row in known.iterrows() if row.closest and place != best.name]
    if not others:
        return f"{title}: closest are {named}, told apart from every other pair ({p})."
    shown = ", ".join(f"{row.layer}–{row.other_layer}" for row in others[:SHOWN])
    return (
        f"{title}: closer than unrelated samples ({p}); no pair is named, since {named} are not told apart from "
        f"{len(others)} of {len(known) - 1} others: {shown}{', …' if len(others) > SHOWN else ''}."
    )

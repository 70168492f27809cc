"""Verdict: which layer holds most of some labels, who is told apart from it, and that in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from layerscape.core.interval import Z95
from layerscape.core.permutation import ROUNDING
from layerscape.core.words import p_said
from layerscape.errors import require
from layerscape.questions.evidence import Evidence
from layerscape.questions.resample import difference, p_of_largest, wins
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05  # of differences between layers
SIGNIFICANT = 0.001  # p of a best layer, below which it is named: a label that says nothing must not name one
PARTS = 20  # disjoint subsets of the samples in which layers compete
MOST_TIMES = 100  # as many labels as there are, beyond which nobody will get them
SCALE = "on a scale from 0, what chance gives, to 1, the most possible"


@dataclass(frozen=True)
class Verdict:
    """What one judge says of the layers.

    Attributes
    ----------
    layer
        The layer to use; None if the evidence does not decide.
    first
        The layer that is nominally first; None if no layer was measured, or none is told apart from chance.
    reason
        In words.
    equals
        Layers that are not told apart from the first, best first.
    sure
        In which share of disjoint subsets of the samples the first is the best.
    table
        One row per layer, as in `Recommendation`.
    """

    layer: str | None
    first: str | None
    reason: str
    equals: tuple[str, ...] = ()
    sure: float = nan
    table: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def together(self) -> tuple[str, ...]:
        """The layers among which the evidence does not decide, or those that are not told apart from the one to use."""
        return self.equals if self.layer is not None or self.first is None else (self.first, *self.equals)

    def behind(self, layer: str) -> Any:
        """The row of a layer that is told to be behind the first; None for one that is not."""
        if self.table is None or self.first is None:
            return None
        row = self.table[self.table.layer == layer].iloc[0]
        return row if row.p < LEVEL else None


def verdict(run: Run, found: Evidence, why: str, groups: np.ndarray | None, seed: int) -> Verdict:
    """What the evidence says; ``why`` says of the best layer what it is best in."""
    measured = np.flatnonzero(np.isfinite(found.values))
    if not len(measured):
        parts = found.gaps.values() if found.columns else [f"{name!r}: {why}" for name, why in found.left_out.items()]
        return Verdict(None, None, f"No layer can be judged: {' '.join(dict.fromkeys(parts))}")
    best = int(measured[found.values[measured] >= np.nanmax(found.values) - ROUNDING][0])
    table = _table(run, found, measured, best, groups, seed)
    value, name = float(found.values[best]), run.layers[best]
    ties = table.layer[(table.behind.abs() < ROUNDING) & (table.layer != name)].map(repr).tolist()
    equals = tuple(table.layer[(table.p >= LEVEL) & (table.layer != name)])
    sure = float(table.wins[table.layer == name].iloc[0])
    p = p_of_largest(found.null, value)
    if p > SIGNIFICANT:
        reason = (
            f"No layer is told apart from chance: the best, {' and '.join([repr(name), *ties])}, "
            f"score{'' if ties else 's'} {value:.3f} {SCALE}; for permuted labels the best of {len(measured)} scores "
            f"as much with {p_said(p)}, where a layer is named below {SIGNIFICANT}."
        )
        return Verdict(None, None, reason, (), sure, table)
    also = f", and so {'do' if len(ties) > 1 else 'does'} {', '.join(ties)}" if ties else ""
    score = f"{why}. It scores {value:.3f} {SCALE}{also}. {_how_sure(sure, equals)}"
    instead = _instead(run, table, name)
    beaten = [row for row in instead if row.p < LEVEL]
    if instead and not beaten:
        others = " or ".join(f"the {row.what} layer, {row.layer!r}," for row in instead)
        reason = (
            f"No layer is told apart from {others} which one would take without looking. {name!r} is nominally first"
        )
        more = _more_labels(instead[0], len(measured))
        return Verdict(None, name, f"{reason}: {score} {more}", equals, sure, table)
    words = [f"The {row.what} layer, {row.layer!r}, is {row.behind:.3f} behind ({p_said(row.p)})." for row in beaten]
    return Verdict(name, name, " ".join([f"Use {name!r}: {score}", *words[:1]]), equals, sure, table)


def _more_labels(row: Any, n_layers: int) -> str:
    """How many labels would tell a layer from the first, if they differ as much as in these samples."""
    needed = norm.isf(LEVEL / max(2, n_layers * (n_layers - 1)))  # of both sides, for as many pairs
    sd = (row.high - row.low) / 2 / Z95
    times = (needed * sd / row.behind) ** 2 if row.behind > ROUNDING else inf
    if not times <= MOST_TIMES:
        return f"Even {MOST_TIMES} times as many labels would hardly tell the {row.what} layer from it."
    words = f"About {max(1.1, times):.2g} times as many labels would tell the {row.what} layer from it"
    return f"{words}, if the difference stays."


def _instead(run: Run, table: pd.DataFrame, name: str) -> list[Any]:
    """Rows of the layers that one would take without looking, other than the best; ``what``, which these are."""
    measured = [layer for layer in run.layers if layer in set(table.layer[table.value.notna()])]
    on_axis = [layer for layer in measured if run.depths[layer] is not None] or measured
    middle = min(on_axis, key=lambda layer: abs((run.depths[layer] or 0.0) - 0.5))
    which = {middle: "middle" if len(measured) > 2 else "other", measured[-1]: "last"}
    rows = table.assign(what=table.layer.map(which)).iloc[::-1].itertuples()
    found = [row for row in rows if row.layer in which and row.layer != name]
    return sorted(found, key=lambda row: row.what != "last")


def _table(
    run: Run, found: Evidence, measured: np.ndarray, best: int, groups: np.ndarray | None, seed: int
) -> pd.DataFrame:
    """The layers, best first, each beside the best."""
    pandas, n_layers, of_best = require("pandas", "runs"), len(measured), found.moved(best)
    number = run.n_samples if groups is None else int(groups.max()) + 1
    share = wins(found.per_sample[measured], groups, parts=min(PARTS, number), seed=seed)
    rows = []
    for number, of_layer in zip(measured, share, strict=True):
        one = difference(of_best, found.moved(int(number)))
        # The best is chosen by the same samples, so that any two layers might have been compared.
        p = min(1.0, one.p * max(1, n_layers * (n_layers - 1) / 2))
        rows.append([number, found.values[number], one.value, one.low, one.high, p, of_layer, ""])
    rows += [[number, *[nan] * 6, why] for number, why in found.gaps.items()]
    names = ["layer", "value", "behind", "low", "high", "p", "wins", "warnings"]
    table = pandas.DataFrame(rows, columns=names).astype({"layer": int})
    depths = [nan if depth is None else depth for depth in run.depths.values()]
    table.insert(1, "depth", np.array(depths)[table.layer])
    # Values that are equal but for rounding stay in the order of the layers.
    table = table.sort_values("layer").sort_values("value", ascending=False, kind="stable", key=lambda v: v.round(12))
    return table.assign(layer=[run.layers[number] for number in table.layer]).reset_index(drop=True)


def _how_sure(share: float, equals: Sequence[str]) -> str:
    words = f"It is the best in {share:.0%} of disjoint subsets of the samples"
    if not equals:
        return f"{words}, and told apart from every other layer."
    return f"{words}, but these samples do not tell it apart from {', '.join(repr(layer) for layer in equals)}."

"""Verdict: which layer holds most of some labels, who is told apart from it, and that in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.paired import difference
from layerscape.core.permutation import ROUNDING
from layerscape.core.words import p_said
from layerscape.errors import require
from layerscape.questions.evidence import Evidence
from layerscape.questions.instead import LEVEL, Instead
from layerscape.questions.judged import Judged
from layerscape.questions.resample import p_of_largest, wins

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.001  # p of a best layer, below which it is named: a label that says nothing must not name one
PARTS = 20  # disjoint subsets of the samples in which layers compete
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


def verdict(
    layers: Sequence[Judged], found: Evidence, by: str, why: str, groups: np.ndarray | None, seed: int
) -> Verdict:
    """What the evidence says of these layers; ``why`` says of the best one what it is best in, ``by`` by which judge.

    Judges ask different questions, and may name different layers: a sentence says which of them it answers.
    """
    measured = np.flatnonzero(np.isfinite(found.values))
    if not len(measured):
        parts = found.gaps.values() if found.columns else [f"{name!r}: {why}" for name, why in found.left_out.items()]
        return Verdict(None, None, f"No layer can be judged: {' '.join(dict.fromkeys(parts))}")
    best = int(measured[found.values[measured] >= np.nanmax(found.values) - ROUNDING][0])
    table = _table(layers, found, measured, best, groups, seed)
    value, name = float(found.values[best]), layers[best].name
    ties = table.layer[(table.behind.abs() < ROUNDING) & (table.layer != name)].map(repr).tolist()
    equals = tuple(table.layer[(table.p >= LEVEL) & (table.layer != name)])
    sure = float(table.wins[table.layer == name].iloc[0])
    scored = float(found.scored[best])
    few = found.least > SIGNIFICANT and not (found.null > scored + ROUNDING).any()  # whatever there is to see
    p = found.least if few else max(found.least, p_of_largest(found.null, scored))
    cautions = [f"Caution: {each}." for each in found.cautions.get(best, ())]
    if p > SIGNIFICANT:
        of_best = f"{'the best, ' if len(measured) > 1 else ''}{' and '.join([repr(name), *ties])},"
        none = "So few groups tell no layer apart from chance" if few else "No layer is told apart from chance"
        reason = (
            f"{none}: {of_best} judged by {by} ({why}), "
            f"score{'' if ties else 's'} {value:.3f} {SCALE}; for permuted labels the best of {len(measured)} "
            f"scores as much with {p_said(p)}{', and p cannot be smaller' if few else ''}, where a layer is named "
            f"below {SIGNIFICANT}."
        )
        return Verdict(None, None, " ".join([reason, *cautions]), (), sure, table)
    scores = f"judged by {by}: {why}. It scores {value:.3f} {SCALE}"
    if len(measured) == 1:
        words = [f"There is no other layer to judge than {name!r}, {scores}; permuted labels as much with {p_said(p)}."]
        return Verdict(name, name, " ".join([*words, *cautions]), equals, sure, table)
    also = f", and so {'do' if len(ties) > 1 else 'does'} {', '.join(ties)}" if ties else ""
    score = f"{scores}{also}. {_how_sure(sure, equals, 'queries' if found.of_pairs else 'samples')}"
    instead = Instead.of([layers[number] for number in measured.tolist()], table, layers[best], of_pairs=found.of_pairs)
    if not instead.open:
        words = " ".join([f"Use {name!r}, {score}", *instead.behind_words, *cautions])
        return Verdict(name, name, words, equals, sure, table)
    words = [f"No layer is told apart from {instead.open_words} which one would take without looking."]
    words += [f"{name!r} is nominally first, {score}", *instead.runs_words, instead.more_labels, *cautions]
    return Verdict(None, name, " ".join(words), equals, sure, table)


def _table(
    layers: Sequence[Judged], found: Evidence, measured: np.ndarray, best: int, groups: np.ndarray | None, seed: int
) -> pd.DataFrame:
    """The layers, best first, each beside the best."""
    pandas, n_layers, of_best = require("pandas", "runs"), len(measured), found.moved(best)
    number = found.per_sample.shape[1] if groups is None else int(groups.max()) + 1
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
    depths = [nan if layer.depth is None else layer.depth for layer in layers]
    table.insert(1, "depth", np.array(depths)[table.layer])
    # Values that are equal but for rounding stay in the order of the layers.
    table = table.sort_values("layer").sort_values("value", ascending=False, kind="stable", key=lambda v: v.round(12))
    return table.assign(layer=[layers[number].name for number in table.layer]).reset_index(drop=True)


def _how_sure(share: float, equals: Sequence[str], of: str) -> str:
    words = f"It is the best in {share:.0%} of disjoint subsets of the {of}"
    if not equals:
        return f"{words}, and told apart from every other layer."
    return f"{words}, but these {of} do not tell it apart from {', '.join(repr(layer) for layer in equals)}."

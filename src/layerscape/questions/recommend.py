"""`recommend`: which layer to use, why, and how sure that is."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from layerscape.core.groups import Own
from layerscape.core.keywords import Search, door
from layerscape.core.measure import Measure
from layerscape.core.permutation import ROUNDING
from layerscape.core.progress import Show, counted
from layerscape.core.shown import Card, Shown
from layerscape.core.tasks import Task, check_options, own_options
from layerscape.core.words import p_said
from layerscape.errors import InvalidValue, require
from layerscape.pipeline.table import keep_recommendation
from layerscape.questions.evidence import Evidence, evidence, judge_by
from layerscape.questions.resample import difference, p_of_largest, wins
from layerscape.run import Run, check_run
from layerscape.supply.answers import check_together, groups_of_column, supplier_of
from layerscape.supply.doubts import say_doubts
from layerscape.supply.labels import category_columns
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05  # of differences between layers
SIGNIFICANT = 0.001  # p of a best layer, below which it is named: a label that says nothing must not name one
PARTS = 20  # disjoint subsets of the samples in which layers compete
SCALE = "on a scale from 0, what chance gives, to 1, the most possible"


@dataclass(frozen=True, repr=False)
class Recommendation(Shown):
    """A layer with the reason for it, or none with the reason why.

    Attributes
    ----------
    layer
        The layer to use; None if the evidence does not decide.
    reason
        In words.
    equals
        Layers that these samples do not tell apart from it, best first; the one that is nominally first among them
        where none is named.
    sure
        In which share of disjoint subsets of the samples it is the best.
    table
        One row per layer, best first: layer, depth, value (above chance, 1 at most), behind (how far
        behind the best), low, high, p (of no difference to the best, times the number of pairs of layers), wins,
        warnings (why a layer has no value).
    """

    layer: str | None
    reason: str
    equals: tuple[str, ...] = ()
    sure: float = nan
    table: pd.DataFrame | None = field(default=None, repr=False)

    def _card(self) -> Card:
        facts = [("because", self.reason)]
        if self.table is not None:
            pairs = zip(self.table["layer"], self.table["value"], strict=True)
            facts += [(layer, f"{value:.3f} above chance") for layer, value in pairs]
        return Card(f"Recommendation: {'no layer' if self.layer is None else repr(self.layer)}", facts)


@door
def recommend(
    run: Run,
    *,
    labels: str | Sequence[str] | None = None,
    by: str | None = None,
    k: int | None = None,
    permutations: int = 99,
    seed: int = 0,
    groups: str | None = None,
    own_group: Own | None = None,
    progress: Show = None,
    **search: Unpack[Search],
) -> Recommendation:
    """The layer that holds most of what the labels say, with the reason and how sure it is.

    Layers are ranked by label overlap or accuracy above chance, (v − c)/(1 − c), averaged over the label columns. A
    layer is recommended if the best value is above the best of as many layers for permuted labels, with p below 0.001
    by the law of the largest (Gumbel's, of their mean and spread), and if it is told apart from a layer that one would
    take without looking: the last, or the middle one. Differences to the best are tested sample by sample,
    and p-values multiplied by the number of pairs of layers (Bonferroni), since the best is chosen by the same samples.
    What was found is kept in the run, if that can be written, and opens its page.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`.
    labels
        Label columns that stand for what the representation is wanted for; all columns of categories when left out.
    by
        The measure of labels that judges: ``"label_overlap"`` (when left out): what the neighbors share;
        ``"knn_probe"``: whether their majority is right; ``"linear_probe"``: what a linear map reads, which costs most.
    k
        Number of neighbors; when left out the measure's own, but at most a quarter of the samples.
    permutations, seed
        Of the labels; at least 19.
    groups
        A label column that says which samples belong together: labels then change places between whole groups or
        within them, and differences and subsets count groups.
    own_group, progress
        As in `measure`.
    search
        The keywords of `find_neighbors`.

    Returns
    -------
    Recommendation
        No layer, and the reason, where no label or no layer can be measured; one that cannot, among others that can, is
        left out with a warning, and so are samples without a label. Without labels, no layer: of 16 rules that read
        dimensions, overlaps or spectra alone, none did better than taking the last layer and depth 0.6 in all that was
        tried (docs/comparison.md), and so none is applied.

    Raises
    ------
    UnknownName, InvalidValue
        If there is no such label column or measure, or more neighbors are asked for than there are.

    References
    ----------
    Label overlap: Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> rng = np.random.default_rng(0)
    >>> digit = np.arange(400) % 4
    >>> x = rng.standard_normal((4, 6))[digit] + rng.standard_normal((400, 6))
    >>> noise = rng.standard_normal((400, 6))
    >>> run = ls.from_arrays({"noise": noise, "signal": x, "both": x + noise}, labels={"digit": digit})
    >>> ls.recommend(run, k=10).layer
    'signal'
    """
    require("pandas", "runs")
    check_run(run)
    check_options([], search, recommend)
    if permutations < 19:
        raise InvalidValue(f"permutations={permutations}; give at least 19, so that p can reach 0.05.")
    judge = judge_by(by)
    check_together([judge], groups, own_group)
    there = run.samples.labels
    who = groups_of_column(there, groups, run.n_samples, own_group)
    supplier = supplier_of(Part(run), search, who)
    columns = category_columns(run, labels) if there else []
    columns = [column for column in columns if column != groups]
    if not columns:
        return Recommendation(
            None,
            "There are no labels of categories to judge by, and no rule without labels was found to beat taking the "
            "last layer. Give labels of what the layer is wanted for; a few hundred samples will do.",
        )
    if who is None:
        say_doubts(run, search, labels, keep=True)
    k = _fitting(judge, run.n_samples) if k is None else k
    options = own_options(judge, k, {"permutations": permutations, "seed": seed})
    tasks = [[Task(judge, options, layer, label=column) for column in columns] for layer in run.layers]
    supplier.prepare([task for of_layer in tasks for task in of_layer], progress, more=1)
    tell = counted(progress, "judging", len(run.layers)) or (lambda _: None)
    held = evidence(supplier, tasks, permutations, seed, tell)
    _say_what_is_left_out(supplier, tasks[0], held)
    why = judge.sentence.format(k=k, label=" and ".join(map(repr, held.columns)))
    found = _decided(run, held, why, None if who is None else who.codes, seed)
    kept = {"layer": found.layer, "reason": found.reason, "equals": found.equals, "sure": found.sure}
    kept |= {"by": judge.name, "labels": held.columns, "k": k, "groups": groups, **supplier.near.record()}
    keep_recommendation(run, kept, {name: there[name] for name in held.columns})
    return found


def _fitting(judge: Measure, n_samples: int) -> int | None:
    """The number of neighbors where none was asked for: of few samples few, or all would be neighbors of all."""
    own = judge.options.get("k")
    return own if own is None else max(1, min(own, n_samples // 4))


def _say_what_is_left_out(supplier: Supplier, tasks: Sequence[Task], held: Evidence) -> None:
    if not held.columns:
        return  # which the recommendation says itself
    words = [f"label column {column!r} is left out: {why}" for column, why in held.left_out.items()]
    for task in tasks:
        words += [f"label column {task.label!r}: {gap}" for gap in supplier.gap_words(task)]
    words += [f"layer {supplier.source.layers[number]!r} is left out: {why}" for number, why in held.gaps.items()]
    for each in words:
        python_warnings.warn(each, stacklevel=4)


def _decided(run: Run, found: Evidence, why: str, groups: np.ndarray | None, seed: int) -> Recommendation:
    measured = np.flatnonzero(np.isfinite(found.values))
    if not len(measured):
        parts = found.gaps.values() if found.columns else [f"{name!r}: {why}" for name, why in found.left_out.items()]
        return Recommendation(None, f"No layer can be judged: {' '.join(dict.fromkeys(parts))}")
    best = int(measured[found.values[measured] >= np.nanmax(found.values) - ROUNDING][0])
    n_layers, value, name = len(measured), float(found.values[best]), run.layers[best]
    table = _table(run, found, measured, best, groups, seed)
    ties = table.layer[(table.behind.abs() < ROUNDING) & (table.layer != name)].map(repr).tolist()
    equals = tuple(table.layer[(table.p >= LEVEL) & (table.layer != name)])
    sure = float(table.wins[table.layer == name].iloc[0])
    p = p_of_largest(found.null, value)
    if p > SIGNIFICANT:
        reason = (
            f"No layer is told apart from chance: the best, {' and '.join([repr(name), *ties])}, "
            f"score{'' if ties else 's'} {value:.3f} {SCALE}; for permuted labels the best of {n_layers} scores as "
            f"much with {p_said(p)}, where a layer is named below {SIGNIFICANT}."
        )
        return Recommendation(None, reason, (), sure, table)
    also = f", and so {'do' if len(ties) > 1 else 'does'} {', '.join(ties)}" if ties else ""
    score = f"{why}. It scores {value:.3f} {SCALE}{also}."
    instead = _instead(run, table, name)
    beaten = [row for row in instead if row.p < LEVEL]
    if instead and not beaten:
        others = " or ".join(f"the {row.what} layer, {row.layer!r}," for row in instead)
        reason = (
            f"No layer is told apart from {others} which one would take without looking. {name!r} is nominally first: "
            f"{score} {_how_sure(sure, equals)}"
        )
        return Recommendation(None, reason, (name, *equals), sure, table)
    words = [f"Use {name!r}: {score}", _how_sure(sure, equals)]
    words += [
        f"The {row.what} layer, {row.layer!r}, is {row.behind:.3f} behind ({p_said(row.p)})." for row in beaten[:1]
    ]
    return Recommendation(name, " ".join(words), equals, sure, table)


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
        p = min(1.0, one.p * n_layers * (n_layers - 1) / 2)
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

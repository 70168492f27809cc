"""`recommend`: which layer to use, why, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from layerscape.core.keywords import Search, door
from layerscape.core.progress import Progress, counted
from layerscape.errors import InvalidValue, require, unknown_name
from layerscape.questions.evidence import Evidence, evidence, judges
from layerscape.questions.resample import difference, wins
from layerscape.run import Run
from layerscape.supply.labels import category_columns
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier
from layerscape.supply.tasks import Task, own_options

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
PARTS = 20  # disjoint subsets of the samples in which layers compete
SCALE = "on a scale from 0, what chance gives, to 1, the most possible"


@dataclass(frozen=True)
class Recommendation:
    """A layer with the reason for it, or none with the reason why.

    Attributes
    ----------
    layer
        The layer to use; None if the evidence does not decide.
    reason
        In words.
    equals
        Layers that these samples do not tell apart from it, best first.
    sure
        In which share of disjoint subsets of the samples it is the best.
    table
        One row per layer, best first: layer, depth, value (above chance, 1 at most), behind (how far
        behind the best), low, high, p (of no difference to the best, times the number of pairs of layers), wins.
    """

    layer: str | None
    reason: str
    equals: tuple[str, ...] = ()
    sure: float = nan
    table: pd.DataFrame | None = field(default=None, repr=False)


@door
def recommend(
    run: Run,
    *,
    labels: Sequence[str] | None = None,
    by: str | None = None,
    k: int = 30,
    permutations: int = 99,
    seed: int = 0,
    progress: Progress | None = None,
    **search: Unpack[Search],
) -> Recommendation:
    """The layer that holds most of what the labels say, with the reason and how sure it is.

    Layers are ranked by label overlap or accuracy above chance, (v − c)/(1 − c), averaged over the label columns. A
    layer is recommended if the best value is above the best of as many layers for permuted labels. Differences to the
    best are tested sample by sample, and p-values multiplied by the number of pairs of layers (Bonferroni), since the
    best is chosen by the same samples. What was found is kept in the run, and opens its page.

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
        Number of neighbors.
    permutations, seed
        Of the labels; at least 19.
    progress
        As in `measure`.
    search
        The keywords of `find_neighbors`.

    Returns
    -------
    Recommendation
        Without labels, no layer: of 16 rules that read dimensions, overlaps or spectra alone, none did better than
        taking the last layer and depth 0.6 in all that was tried (docs/comparison.md), and so none is applied.

    Raises
    ------
    UnknownName, InvalidValue
        If there is no such label column, or labels are missing, equal, or different for every sample.

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
    if permutations < 19:
        raise InvalidValue(f"permutations={permutations}; give at least 19, so that p can reach 0.05.")
    known = judges()
    by = next(name for name, measure in known.items() if measure.headline) if by is None else by
    if by not in known:
        raise unknown_name("way to judge layers, by", str(by), known)
    columns = category_columns(run, labels) if run.samples.labels else []
    if not columns:
        return Recommendation(
            None,
            "There are no labels of categories to judge by, and no rule without labels was found to beat taking the "
            "last layer. Give labels of what the layer is wanted for; a few hundred samples will do.",
        )
    judge = known[by]
    options = own_options(judge, k, {"permutations": permutations, "seed": seed})
    tasks = [[Task(judge, options, layer, label=column) for column in columns] for layer in run.layers]
    supplier = Supplier(Part(run), search)
    supplier.prepare([task for of_layer in tasks for task in of_layer], progress, more=1)
    tell = counted(progress, "judging", len(run.layers)) or (lambda _: None)
    held = evidence(supplier, tasks, permutations, seed, tell)
    found = _decided(run, held, judge.sentence.format(k=k, label=" and ".join(map(repr, columns))), seed)
    kept = {"layer": found.layer, "reason": found.reason, "equals": found.equals, "sure": found.sure}
    run.folder.save_recommendation({**kept, "by": by, "labels": columns, "k": k, **asdict(supplier.near)})
    return found


def _decided(run: Run, found: Evidence, why: str, seed: int) -> Recommendation:
    values, null, n_layers = found.values, found.null, len(run.layers)
    best = int(values.argmax())
    of_best = found.influence(best)
    behind = [difference(of_best, found.influence(number)) for number in range(n_layers)]
    # The best is chosen by the same samples, so that any two layers might have been compared.
    p = np.minimum(1, np.array([one.p for one in behind]) * n_layers * (n_layers - 1) / 2)
    share = wins(found.per_sample, parts=min(PARTS, run.folder.n_samples), seed=seed)
    record: Mapping[str, Any] = {
        "layer": run.layers,
        "depth": [nan if run.depths[layer] is None else run.depths[layer] for layer in run.layers],
        "value": values,
        "behind": [one.value for one in behind],
        "low": [one.low for one in behind],
        "high": [one.high for one in behind],
        "p": p,
        "wins": share,
    }
    table = require("pandas", "runs").DataFrame(record).sort_values("value", ascending=False, ignore_index=True)
    p_best = (1 + int((null >= values[best]).sum())) / (1 + len(null))
    if p_best > LEVEL:
        reason = (
            f"No layer is told apart from chance: the best, {run.layers[best]!r}, scores {values[best]:.3f} {SCALE}; "
            f"for permuted labels the best of {n_layers} scores as much with p = {p_best:.2f}."
        )
        return Recommendation(None, reason, (), float(share[best]), table)
    equals = tuple(table.layer[(table.p >= LEVEL) & (table.layer != run.layers[best])])
    words = [
        f"Use {run.layers[best]!r}: {why}. It scores {values[best]:.3f} {SCALE}.",
        _how_sure(share[best], equals),
    ]
    last = n_layers - 1
    if best != last and run.layers[last] not in equals:
        words.append(f"The last layer, {run.layers[last]!r}, is {behind[last].value:.3f} behind (p = {p[last]:.2g}).")
    return Recommendation(run.layers[best], " ".join(words), equals, float(share[best]), table)


def _how_sure(share: float, equals: Sequence[str]) -> str:
    words = f"It is the best in {share:.0%} of disjoint subsets of the samples"
    if not equals:
        return f"{words}, and told apart from every other layer."
    return f"{words}, but these samples do not tell it apart from {', '.join(repr(layer) for layer in equals)}."

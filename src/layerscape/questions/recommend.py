"""`recommend`: which layer to use, why, and how sure that is."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any, Unpack

from layerscape.core.groups import Groups, Own
from layerscape.core.keywords import Search, door
from layerscape.core.measure import Measure
from layerscape.core.progress import Show, counted
from layerscape.core.queries import clusters
from layerscape.core.shown import Card, Shown
from layerscape.core.tasks import Task, check_options, own_options
from layerscape.errors import InvalidValue, require
from layerscape.pipeline.pairs import Paired, paired
from layerscape.pipeline.table import keep_recommendation
from layerscape.questions.evidence import Evidence, evidence, judge_by
from layerscape.questions.metrics import OTHER, by_both, leading_metric
from layerscape.questions.verdict import Verdict, verdict
from layerscape.run import Run, check_run
from layerscape.supply.answers import check_together, groups_of_column, supplier_of
from layerscape.supply.doubts import say_doubts
from layerscape.supply.labels import judging_columns, options_for
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

if TYPE_CHECKING:
    import pandas as pd

WIDE = 30  # neighbors by which metrics are compared, where pairs are judged, which need no graph


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
    pairs: Any = None,
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

    Layers are judged under both metrics. The one that is asked for leads; or, if none is, that with which the model is
    deployed, where its folder names one; or else the Euclidean distance. The reason says where the other metric tells
    this layer to be behind another one, and what makes them differ; where nobody named a metric, none is named then.
    What was found is kept in the run, if that can be written, and opens its page.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`.
    labels
        Label columns that stand for what the representation is wanted for; all columns of categories when left out. One
        of real numbers (a stability, a rating) must be named, and is judged by label overlap or a linear probe.
    pairs
        In place of labels, who answers whom, as in `measure`: layers are judged by how well partners are found.
    by
        The measure of labels that judges: ``"label_overlap"`` (when left out): what the neighbors share;
        ``"knn_probe"``: whether their majority is right; ``"linear_probe"``: what a linear map reads, which costs most.
        Of pairs ``"recall"`` (when left out), ``"reciprocal_rank"`` or ``"ndcg"``.
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
    judge = judge_by(by, pairs=pairs is not None)
    check_together([judge], groups, own_group)
    of_pairs = _paired(run, pairs, labels)
    there = run.samples.labels
    who = groups_of_column(there, groups, run.n_samples, own_group)
    columns = [of_pairs.label] if of_pairs else judging_columns(run, labels, judge) if there else []
    columns = [column for column in columns if column != groups]
    if not columns:
        return Recommendation(
            None,
            "There are no labels of categories to judge by, and no rule without labels was found to beat taking the "
            "last layer. Give labels of what the layer is wanted for, or name a column of real numbers; a few hundred "
            "samples will do.",
        )
    if who is None and not of_pairs:
        say_doubts(run, search, labels, keep=True)
    k = _fitting(judge, run.n_samples) if k is None else k
    options = own_options(judge, k, {"permutations": permutations, "seed": seed})
    metric, named_by = leading_metric(run, search)
    asked = _Asked(run, judge, options, columns, who, of_pairs, k, permutations, seed, progress)
    lead = asked.of({**search, "metric": metric})
    _say_what_is_left_out(lead.supplier, lead.tasks[0], lead.held)
    found = lead.verdict
    if judge.searches and found.first is not None:
        other = asked.of({**search, "metric": OTHER[metric]})
        wide = options["k"] if not of_pairs else min(WIDE, run.n_samples - 1)
        suppliers = {metric: asked.graphs(lead, wide), OTHER[metric]: asked.graphs(other, wide)}
        found = by_both(run, found, other.verdict, named_by, suppliers, wide)
    said = Recommendation(found.layer, found.reason, found.together, found.sure, found.table)
    kept = {"layer": said.layer, "reason": said.reason, "equals": said.equals, "sure": said.sure}
    kept |= {"by": judge.name, "labels": lead.held.columns, "k": k, "groups": groups, **lead.supplier.near.record()}
    keep_recommendation(run, kept, {name: there[name] for name in lead.held.columns if name in there})
    return said


@dataclass(frozen=True)
class _Asked:
    """One question, which may be asked under several metrics."""

    run: Run
    judge: Measure
    options: Mapping[str, Any]
    columns: Sequence[str]
    who: Groups | None
    pairs: Paired | None
    k: int | None
    permutations: int
    seed: int
    progress: Show

    def of(self, search: Search) -> _Answer:
        """What the layers hold under one nearness, and which is best."""
        run, layers = self.run, self.run.layers
        options = {name: {**self.options, **options_for(self.judge, run, name)} for name in self.columns}
        tasks = [[Task(self.judge, options[name], layer, label=name) for name in self.columns] for layer in layers]
        supplier = supplier_of(self.pairs.source if self.pairs else Part(run), search, self.who)
        supplier.prepare([task for of_layer in tasks for task in of_layer], self.progress, more=1)
        tell = counted(self.progress, "judging", len(layers)) or (lambda _: None)
        held = evidence(supplier, tasks, self.permutations, self.seed, tell)
        labels = " and ".join(map(repr, held.columns))
        why = self.judge.sentence.format(k=self.k, label=labels)
        together = None if self.who is None else self.who.codes
        together = clusters(self.pairs.pairs) if self.pairs else together
        found = verdict(run, held, why, together, self.seed)
        return _Answer(supplier, tasks, held, found)

    def graphs(self, answer: _Answer, k: int) -> Supplier:
        """Who has the graphs of an answer, which one by pairs did without."""
        if self.pairs:
            answer.supplier.find(self.run.layers, k, False, None)
        return answer.supplier


@dataclass(frozen=True)
class _Answer:
    supplier: Supplier
    tasks: Sequence[Sequence[Task]]
    held: Evidence
    verdict: Verdict


def _paired(run: Run, pairs: Any, labels: Any) -> Paired | None:
    """The pairs by which layers are judged, if any."""
    if pairs is None:
        return None
    if labels is not None:
        raise InvalidValue("labels and pairs at once; ask for a layer by the one and by the other in a call each.")
    return paired(run, pairs)


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

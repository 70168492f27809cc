"""`recommend`: which layer to use, why, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from layerscape.core.exchange import whole_groups
from layerscape.core.groups import Groups, Own
from layerscape.core.keywords import Search, door
from layerscape.core.labels import missing
from layerscape.core.measure import Measure
from layerscape.core.permutation import check_permutations
from layerscape.core.progress import Show
from layerscape.core.shown import Card, Shown
from layerscape.core.tasks import check_options, few_enough, own_options
from layerscape.errors import InvalidValue, require
from layerscape.pipeline.pairs import Paired, paired_parts
from layerscape.pipeline.table import keep_recommendation
from layerscape.questions.asked import Answer, Question
from layerscape.questions.evidence import judge_by
from layerscape.questions.judged import Judged, judged_layers
from layerscape.questions.matching import check_same_labels, matched
from layerscape.questions.metrics import leading_metric
from layerscape.questions.verdict import Verdict
from layerscape.run import Run, check_run
from layerscape.supply.doubts import say_doubts
from layerscape.supply.labels import judging_columns
from layerscape.supply.sources import Part
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd

NO_LABELS = (
    "There are no labels of categories to judge by, and no rule without labels was found to beat taking the last "
    "layer. Give labels of what the layer is wanted for, or name a column of real numbers; a few hundred samples will "
    "do."
)


@dataclass(frozen=True, repr=False)
class Recommendation(Shown):
    """A layer with the reason for it, or none with the reason why.

    Attributes
    ----------
    layer
        The layer to use; None if the evidence does not decide.
    run
        The run that holds it, so that its vectors are ``run[layer]``; None with it.
    reason
        In words.
    equals
        Layers that these samples do not tell apart from it, best first; the one that is nominally first among them
        where none is named. Of several runs they are called RUN/LAYER, as in the reason.
    sure
        In which share of disjoint subsets of the samples it is the best.
    table
        One row per layer, best first: (run, where several were asked), layer, depth, value (above chance, 1 at most),
        behind (how far behind the best), low, high, p (of no difference to the best, times the number of pairs of
        layers), wins, warnings (why a layer has no value).
    """

    layer: str | None
    reason: str
    equals: tuple[str, ...] = ()
    sure: float = nan
    table: pd.DataFrame | None = field(default=None, repr=False)
    run: Run | None = field(default=None, repr=False)

    def _card(self) -> Card:
        facts = [("because", self.reason)]
        if self.table is not None:
            names = self.table["layer"]
            names = self.table["run"] + "/" + names if "run" in self.table else names
            facts += [(name, f"{v:.3f} above chance") for name, v in zip(names, self.table["value"], strict=True)]
        return Card(f"Recommendation: {'no layer' if self.layer is None else repr(self.layer)}", facts)


@door
def recommend(
    run: Run,
    *more: Run,
    labels: str | Sequence[str] | None = None,
    pairs: Any = None,
    queries: Run | None = None,
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

    Of several runs (checkpoints, models) the layers of all stand in one ranking, by the samples that all of them have,
    matched by id. A layer is recommended there if it is told apart from the last or the middle layer of its own run,
    and from the last layer of each other run, which one might take instead. The metric leads with which all models are
    deployed; where they differ that is said. Nothing is kept in the runs.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`.
    more
        Further runs of the same samples. Labels, groups and pairs are those of the first.
    labels
        Label columns that stand for what the representation is wanted for; all columns of categories when left out. One
        of real numbers (a stability, a rating) must be named, and is judged by label overlap or a linear probe.
    pairs
        In place of labels, who answers whom, as in `measure`: layers are judged by how well partners are found.
    queries
        The run whose samples are the queries of these pairs, where they are others than those of ``run``; with one run.
    by
        The measure of labels that judges: ``"label_overlap"`` (when left out): what the neighbors share;
        ``"knn_probe"``: whether their majority is right; ``"linear_probe"``: what a linear map reads, which costs most.
        Of pairs ``"recall"`` (when left out), ``"reciprocal_rank"`` or ``"ndcg"``.
    k
        Number of neighbors; when left out the measure's own, but at most a quarter of the samples that take part.
    permutations, seed
        Of the labels; at least 19.
    groups
        A label column that says which samples belong together: labels then change places between whole groups or
        within them, and differences and subsets count groups. Of real numbers that are the same for all of a group,
        layers are judged on the samples that are left where groups are cut to equal sizes.
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
        If there is no such label column or measure, more neighbors are asked for than there are, or runs share no
        samples or have other labels of them.

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
    >>> known = {"labels": {"digit": digit}, "ids": [f"scan {row}" for row in range(400)]}
    >>> run = ls.from_arrays({"noise": noise, "signal": x, "both": x + noise}, **known)
    >>> ls.recommend(run, k=10).layer
    'signal'
    >>> other = ls.from_arrays({"weak": x + 2 * noise}, **known)
    >>> best = ls.recommend(other, run, k=10)
    >>> best.layer, best.run is run, best.table.run[0]
    ('signal', True, 'run 2')
    """
    require("pandas", "runs")
    runs = (run, *more)
    for each in runs:
        check_run(each)
    check_options([], search, recommend)
    check_permutations(permutations)
    judge = judge_by(by, pairs=pairs is not None)
    belonging = Belonging(groups, own_group)
    belonging.check([judge], labels=labels)
    layers = judged_layers(runs)
    parts = matched(*runs) if more else (Part(run),)
    of_pairs = _paired(parts, pairs, queries, labels)
    who = belonging.groups_of_column(run.samples.labels, run.n_samples, parts[0].rows)
    columns = _columns(run, labels, judge) if not of_pairs else [of_pairs[0].label]
    columns = [column for column in columns if column != groups]
    check_same_labels(parts, [*columns, *([] if groups is None else [groups])])
    if not columns:
        return Recommendation(None, NO_LABELS)
    if who is None and not of_pairs:
        say_doubts(run, search, labels, keep=not more)
    known = parts[0].columns if queries is None else {}
    ks = {name: _fitting(judge, parts, known.get(name), who) if k is None else k for name in columns}
    options = {name: own_options(judge, ks[name], {"permutations": permutations, "seed": seed}) for name in columns}
    sources = [each.source for each in of_pairs] if of_pairs else parts
    layers = [layer for layer in layers if layer.layer in sources[0].layers] if queries is not None else layers
    together = of_pairs[0].pairs if of_pairs else None
    question = Question(sources, layers, judge, options, columns, known, who, together, permutations, seed, progress)
    lead, found = question.by_both(search, leading_metric(layers, search))
    lead.say_what_is_left_out()
    said = _said(found, layers, bool(more))
    if not more:
        _keep(run, said, lead, groups)
    return said


def _paired(parts: Sequence[Part], pairs: Any, queries: Run | None, labels: Any) -> list[Paired]:
    """The pairs by which layers are judged, in each part; none if labels judge."""
    if pairs is None and queries is None:
        return []
    if labels is not None:
        raise InvalidValue("labels and pairs at once; ask for a layer by the one and by the other in a call each.")
    if pairs is None:
        raise InvalidValue("queries without pairs; say with pairs= (--relevant) who answers them.")
    return paired_parts(parts, pairs, queries)


def _columns(run: Run, labels: Any, judge: Measure) -> list[str]:
    return judging_columns(run, labels, judge) if run.samples.labels else []


def _fitting(judge: Measure, parts: Sequence[Part], labels: np.ndarray | None, who: Groups | None) -> int | None:
    """The number of neighbors where none was asked for: of few samples that take part few, or all would be near all.

    Of graphs that were given one less than the narrowest holds, since differences read one more.
    """
    own = judge.options.get("k")
    if own is None:
        return None
    gaps = None if labels is None else missing(labels)
    rows = np.arange(parts[0].n_samples) if gaps is None else np.flatnonzero(~gaps)
    if labels is not None and who is not None and labels.dtype.kind == "f":
        some = who.take(rows)
        if some.same_within(labels[rows]):
            kept = whole_groups(some if who.own == "kept" else some.left_out()).rows
            rows = rows if kept is None else kept
    held = [graph.k - 1 for part in parts for graph in part.graphs.values()] if judge.searches else []
    return max(1, min([few_enough(own, len(rows)), *held]))


def _said(found: Verdict, layers: Sequence[Judged], several: bool) -> Recommendation:
    """The recommendation, with run and layer apart where there are several runs."""
    of_name = {layer.name: layer for layer in layers}
    best, table = of_name.get(found.layer or ""), found.table
    if several and table is not None:
        every = [of_name[name] for name in table.layer]
        table = table.assign(layer=[each.layer for each in every])
        table.insert(0, "run", [each.run_name for each in every])
    layer, run = (best.layer, best.run) if best else (None, None)
    return Recommendation(layer, found.reason, found.together, found.sure, table, run)


def _keep(run: Run, said: Recommendation, lead: Answer, groups: str | None) -> None:
    """Keep what was found in the run, for its page."""
    question, (supplier, _) = lead.question, lead.asked[0]
    kept = {"layer": said.layer, "reason": said.reason, "equals": said.equals, "sure": said.sure}
    kept |= {
        "by": question.judge.name,
        "labels": lead.held.columns,
        "k": max(question.ks(lead.held.columns), default=None),
        "groups": groups,
    }
    there = run.samples.labels
    labels = {name: there[name] for name in lead.held.columns if name in there}
    keep_recommendation(run, kept | supplier.near.record(), labels)

"""One question of layers, asked by one metric or by two: who is best in what labels, or pairs, say."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.core.groups import Groups
from layerscape.core.keywords import Search
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.progress import Show, counted
from layerscape.core.queries import clusters
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.questions.evidence import Asked, Evidence, evidence
from layerscape.questions.judged import Judged
from layerscape.questions.metrics import OTHER, Leading, by_both
from layerscape.questions.verdict import Verdict, verdict
from layerscape.supply.answers import supplier_of
from layerscape.supply.labels import options_for
from layerscape.supply.supplier import Supplier

WIDE = 30  # neighbors by which metrics are compared, where pairs are judged, which need no graph


@dataclass(frozen=True)
class Question:
    """What is asked of the layers of parts that are of the same samples, the labels those of the first.

    Attributes
    ----------
    parts, layers
        The samples in common of each run, or queries and references, and the layers of all.
    judge, options, columns
        By which measure, with which options by label, of which labels; or pairs, by what they are called.
    known
        Label columns of the samples, for what norms follow; none of the samples of two runs.
    who, pairs
        Which samples belong together; the pairs, where these judge.
    permutations, seed, progress
        As in `recommend`.
    """

    parts: Sequence[Source]
    layers: Sequence[Judged]
    judge: Measure
    options: Mapping[str, Mapping[str, Any]]
    columns: Sequence[str]
    known: Mapping[str, np.ndarray]
    who: Groups | None
    pairs: Pairs | None
    permutations: int
    seed: int
    progress: Show

    def by_both(self, search: Search, leading: Leading) -> tuple[Answer, Verdict]:
        """The answer by the leading metric, and the verdict with what the other one says where that is another."""
        metric = leading.metric
        lead = self.of({**search, "metric": metric})
        if not self.judge.searches or lead.verdict.first is None or not lead.asked[0][0].searches:
            return lead, lead.verdict
        other = self.of({**search, "metric": OTHER[metric]})
        k = max(self.ks(self.columns)) if self.pairs is None else min(WIDE, self.parts[0].n_samples - 1)
        suppliers = {metric: lead.with_graphs(k), OTHER[metric]: other.with_graphs(k)}
        return lead, by_both(self.layers, lead.verdict, other.verdict, leading, suppliers, self.known, k)

    def ks(self, columns: Sequence[str]) -> list[int]:
        """How many neighbors are read of these labels, the fewest first; none where the judge reads none."""
        return sorted({self.options[name]["k"] for name in columns if "k" in self.options[name]})

    def of(self, search: Search) -> Answer:
        """What the layers hold under one nearness, and which is best."""
        options = {
            name: {**self.options[name], **options_for(self.judge, self.layers[0].run, name)} for name in self.columns
        }
        asked: list[Asked] = []
        for part in self.parts:
            supplier = supplier_of(part, search, self.who)
            tasks = [
                [Task(self.judge, options[name], layer, label=name) for name in self.columns] for layer in part.layers
            ]
            supplier.prepare([task for of_layer in tasks for task in of_layer], self.progress, more=1)
            asked += [(supplier, of_layer) for of_layer in tasks]
        tell = counted(self.progress, "judging", len(asked)) or (lambda _: None)
        held = evidence(asked, self.permutations, self.seed, tell)
        k = " and ".join(map(str, self.ks(held.columns)))
        why = self.judge.sentence.format(k=k, label=" and ".join(map(repr, held.columns)))
        together = None if self.who is None else self.who.codes
        together = together if self.pairs is None else clusters(self.pairs)
        found = verdict(self.layers, held, self.judge.title, why, together, self.seed)
        return Answer(self, asked, held, found)


@dataclass(frozen=True)
class Answer:
    """What the layers hold of the labels under one nearness."""

    question: Question
    asked: Sequence[Asked]
    held: Evidence
    verdict: Verdict

    def with_graphs(self, k: int) -> list[Any]:
        """Who has the graph of each layer, which one by pairs, or by labels of some samples, did without."""
        searched = {supplier for supplier, tasks in self.asked if any(map(_of_all(supplier), tasks))}
        suppliers = [supplier for supplier, _ in self.asked]
        for supplier in dict.fromkeys(suppliers):
            if supplier not in searched:
                supplier.graphs.find(supplier.source.layers, k, False, None)
        return suppliers

    def say_what_is_left_out(self) -> None:
        """Warn of columns, samples and layers that cannot be measured, where others can."""
        held, (supplier, tasks) = self.held, self.asked[0]
        if not held.columns:
            return  # which the recommendation says itself
        words = [f"label column {column!r} is left out: {why}" for column, why in held.left_out.items()]
        for task in tasks:
            words += [f"label column {task.label!r}: {gap}" for gap in supplier.gap_words(task)]
        names = [layer.name for layer in self.question.layers]
        words += [f"layer {names[number]!r} is left out: {why}" for number, why in held.gaps.items()]
        for each in words:
            python_warnings.warn(each, stacklevel=4)


def _of_all(supplier: Supplier) -> Callable[[Task], bool]:
    """Whether a task reads the graph of all samples."""
    return lambda task: not task.reads_pairs and not supplier.gap_words(task)

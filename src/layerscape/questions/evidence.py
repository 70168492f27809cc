"""Evidence: how much of the labels each layer holds, by sample, and what the best of as many layers holds by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence, mean_of
from layerscape.core.measure import Measure
from layerscape.measures import catalog
from layerscape.supply.supplier import Supplier
from layerscape.supply.tasks import Task


@dataclass(frozen=True)
class Evidence:
    """Values above chance, (value − chance) / (1 − chance), averaged over label columns.

    Attributes
    ----------
    values
        Shape (L,): one per layer.
    per_sample
        Shape (L, N): values of the samples, of which those of the layers are the means.
    influence
        From the number of a layer to how each sample moves its value.
    null
        Shape (permutations,): the highest value among all layers for permuted labels, one permutation for all.
    """

    values: np.ndarray
    per_sample: np.ndarray
    influence: Callable[[int], Influence]
    null: np.ndarray


def judges() -> dict[str, Measure]:
    """The measures by which layers can be judged: of labels, and with words for the best layer."""
    return {
        name: measure for name, measure in catalog().items() if measure.data[1:] == ("labels",) and measure.sentence
    }


def evidence(
    supplier: Supplier, tasks: Sequence[Sequence[Task]], permutations: int, seed: int, tell: Callable[[int], Any]
) -> Evidence:
    """What every layer holds of the labels: ``tasks`` are those of each layer, one per label column."""
    chances: list[list[float]] = []
    kept: dict[int, Influence] = {}
    values, per_sample, null = [], [], np.full(permutations, -np.inf)

    def influence(number: int) -> Influence:
        if number in kept:
            return kept[number]
        pairs = zip(tasks[number], chances[number], strict=True)
        return mean_of([above(supplier.influence(task), chance) for task, chance in pairs])

    for number, of_layer in enumerate(tasks):
        estimates = [supplier.estimate(task) for task in of_layer]
        chances.append([chance_of(estimate) for estimate in estimates])
        both = list(zip(of_layer, estimates, strict=True))
        found = mean_of([above(_moved(supplier, *each), chance_of(each[1])) for each in both])
        if found.pairs is None:  # pairs of neighbors are many, and are found again when they are asked for
            kept[number] = found
        values.append(found.value)
        per_sample.append(found.per_sample)
        drawn = [supplier.permuted(*each, permutations, seed) for each in both]
        gains = [(one - chance) / (1 - chance) for one, chance in zip(drawn, chances[number], strict=True)]
        null = np.maximum(null, np.mean(gains, axis=0))
        tell(1)
    return Evidence(np.array(values), np.stack(per_sample), influence, null)


def _moved(supplier: Supplier, task: Task, found: Estimate) -> Influence:
    """How each sample moves a value; where nothing is known of deletions, by its own share in the mean."""
    if isinstance(task.measure.influence, str) and found.per_sample is not None:
        return Influence.of_mean(found.per_sample)
    return supplier.influence(task)


def chance_of(estimate: Estimate) -> float:
    """What chance gives; 0 for a value that knows of none."""
    return estimate.chance.value if estimate.chance else 0.0


def above(influence: Influence, chance: float) -> Influence:
    """How each sample moves a value above chance, (v − c) / (1 − c)."""
    return influence.scaled(1 / (1 - chance), -chance / (1 - chance)) if chance else influence

"""Evidence: how much of the labels each layer holds, by sample, and what the best of as many layers holds by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.measures import catalog
from layerscape.measures.classes import classes_of
from layerscape.pipeline.part import Part
from layerscape.pipeline.table import Task
from layerscape.resample import Influences, Terms, best_by_chance, label_terms

By = Literal["label_overlap", "knn_probe", "linear_probe"]
WAYS: dict[By, str] = {
    "label_overlap": "its {k} nearest neighbors share {names} most",
    "knn_probe": "the majority of its {k} nearest neighbors names {names} best",
    "linear_probe": "a linear map reads {names} best",
}


@dataclass(frozen=True)
class Evidence:
    """Values above chance, (value − chance) / (1 − chance), averaged over label columns.

    Attributes
    ----------
    terms
        One per layer, with its value and what each sample adds.
    null
        Shape (permutations,): the highest value among all layers for permuted labels, one permutation for all.
    """

    terms: Sequence[Terms | Influences]
    null: np.ndarray


def evidence(
    part: Part, by: By, columns: Sequence[str], k: int, permutations: int, seed: int, tell: Callable[[int], Any]
) -> Evidence:
    """What every layer holds of the labels, read in one of three ways."""
    terms, null = [], np.full(permutations, -np.inf)
    for layer in part.run.layers:
        if by == "label_overlap":
            found, drawn = _overlap(part, layer, columns, k, permutations, seed)
        else:
            found, drawn = _accuracy(part, by, layer, columns, k, permutations, seed)
        terms.append(found)
        null = np.maximum(null, drawn)
        tell(1)
    return Evidence(terms, null)


def _overlap(
    part: Part, layer: str, columns: Sequence[str], k: int, number: int, seed: int
) -> tuple[Terms, np.ndarray]:
    measure = catalog()["label_overlap"]
    codes = [
        classes_of(part.data("labels", Task(measure, {}, layer, label=column), k, 1), part.n_samples).codes
        for column in columns
    ]
    graph = part.data("graph", Task(measure, {}, layer), k, 0)
    return label_terms(graph, codes, k), best_by_chance([graph], codes, k, number=number, seed=seed)


def _accuracy(
    part: Part, by: By, layer: str, columns: Sequence[str], k: int, number: int, seed: int
) -> tuple[Influences, np.ndarray]:
    measure, estimates = catalog()[by], []
    asked = {"k": k, "permutations": number, "seed": seed}
    options = {name: value for name, value in asked.items() if name in measure.options}
    for column in columns:
        task = Task(measure, options, layer, label=column)
        data = [part.data(kind, task, k, place) for place, kind in enumerate(measure.data)]
        estimates.append(measure(*data, **options))
    near = np.full((part.n_samples, 1), -1)
    if "graph" in measure.data:
        near = part.data("graph", Task(measure, options, layer), k, 0).indices[:, :2]
    per_sample = np.mean([_above_chance(each, each.per_sample) for each in estimates], axis=0)
    null = np.mean([_above_chance(each, each.details["null"]) for each in estimates], axis=0)
    return Influences.of_mean(per_sample, near), null


def _above_chance(estimate: Estimate, accuracy: Any) -> np.ndarray:
    assert estimate.chance is not None
    return (accuracy - estimate.chance.value) / (1 - estimate.chance.value)

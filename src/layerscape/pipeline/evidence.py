"""Evidence: how much of the labels each layer holds, by sample, and what the best of as many layers holds by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.neighbors import Neighbors
from layerscape.measures import catalog
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
    values
        Shape (L,): one per layer.
    per_sample
        Shape (L, N): values of the samples, of which those of the layers are the means.
    terms
        From the number of a layer to what its value is made of; made anew when asked, since all of them are large.
    null
        Shape (permutations,): the highest value among all layers for permuted labels, one permutation for all.
    """

    values: np.ndarray
    per_sample: np.ndarray
    terms: Callable[[int], Terms | Influences]
    null: np.ndarray


def evidence(
    part: Part, by: By, columns: Sequence[str], k: int, permutations: int, seed: int, tell: Callable[[int], Any]
) -> Evidence:
    """What every layer holds of the labels, read in one of three ways."""
    layers, per_sample, values = part.run.layers, [], []
    null, accuracies = np.full(permutations, -np.inf), []
    codes = [part.classes(column) for column in columns]

    def terms(number: int) -> Terms | Influences:
        return accuracies[number] if accuracies else label_terms(_graph(part, layers[number], k), codes, k)

    for number, layer in enumerate(layers):
        if by == "label_overlap":
            drawn = best_by_chance([_graph(part, layer, k)], codes, k, number=permutations, seed=seed)
        else:
            found, drawn = _accuracy(part, by, layer, columns, k, permutations, seed)
            accuracies.append(found)
        of_layer = terms(number)
        values.append(of_layer.value)
        per_sample.append(of_layer.per_sample)
        null = np.maximum(null, drawn)
        tell(1)
    return Evidence(np.array(values), np.stack(per_sample), terms, null)


def _graph(part: Part, layer: str, k: int) -> Neighbors:
    return part.data("graph", Task(catalog()["label_overlap"], {}, layer), k, 0)


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
        near = _graph(part, layer, k).indices[:, :2]
    per_sample = np.mean([_above_chance(each, each.per_sample) for each in estimates], axis=0)
    null = np.mean([_above_chance(each, each.details["null"]) for each in estimates], axis=0)
    return Influences.of_mean(per_sample, near), null


def _above_chance(estimate: Estimate, accuracy: Any) -> np.ndarray:
    assert estimate.chance is not None
    return (accuracy - estimate.chance.value) / (1 - estimate.chance.value)

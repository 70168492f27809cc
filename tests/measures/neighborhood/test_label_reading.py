"""Label overlaps of permuted labels, which compiled loops sum, against those of the labels in that order."""

import numpy as np
import pytest

from layerscape.measures.neighborhood.label_overlap import label_overlap
from layerscape.measures.neighborhood.label_reading import LabelReading
from layerscape.search import find_neighbors

CODES = np.repeat([0, 1, 2, 3], [40, 20, 12, 8])  # classes of several sizes read several k
LABELS = {"classes": CODES, "paths": [(each % 2, each) for each in CODES.tolist()], "numbers": CODES / 7}


@pytest.mark.parametrize(
    ("kind", "k", "weight", "class_fraction"),
    [
        ("classes", 7, "sample", None),
        ("classes", 7, "class", None),
        ("classes", 7, "sample", 0.3),
        ("classes", 7, "class", 0.3),
        ("paths", 7, "sample", 0.3),
        ("numbers", 7, "sample", None),
    ],
)
def test_permuted_labels_score_what_labels_in_that_order_do(rng, kind, k, weight, class_fraction):
    graph, labels = find_neighbors(np.round(rng.standard_normal((80, 2)), 1), 79), LABELS[kind]
    reading = LabelReading.of(graph, labels, k, weight, class_fraction, "auto")
    orders = [rng.permutation(80) for _ in range(3)]
    wanted = [
        label_overlap(graph, [labels[i] for i in order], k=k, weight=weight, class_fraction=class_fraction).value
        for order in orders
    ]
    np.testing.assert_allclose(reading.scored()(orders), wanted, rtol=1e-12)


def test_a_graph_with_ties_scores_what_its_samples_in_that_order_do(rng):
    ours, other = (np.round(rng.standard_normal((80, 2)), 1) for _ in range(2))
    graph, near = find_neighbors(ours, 7), find_neighbors(other, 7)
    orders = [rng.permutation(80) for _ in range(3)]
    wanted = [label_overlap(graph, find_neighbors(other[order], 7), k=7).value for order in orders]
    reading = LabelReading.of(graph, near, 7, "sample", None, "auto")
    np.testing.assert_allclose(reading.scored()(orders), wanted, rtol=1e-12)

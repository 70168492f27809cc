"""How samples move a value, proved by deletion: every sample left out in turn, with a new search."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.representation import as_representation
from layerscape.measures import catalog
from layerscape.pipeline.ranking import ranking_of
from layerscape.pipeline.subsets import subsets_of

N, WIDEST = 300, 48
MEASURES = catalog()
rng = np.random.default_rng(5)
GROUP = rng.integers(0, 5, N)
# A bent sheet with noise of which some is in tight clusters: dimension, density and labels vary over it.
ANGLE = rng.uniform(0, 3, N) + 0.4 * (GROUP == 1)
WIDE = np.where(GROUP == 0, 0.15, 1.0)
BASE = np.stack([np.cos(ANGLE), np.sin(ANGLE), WIDE * rng.standard_normal(N)], axis=1)
X = np.hstack([BASE * [1, 1, 0.5], 0.15 * WIDE[:, None] * rng.standard_normal((N, 4))])
Y = np.tanh(X @ rng.standard_normal((7, 5))) + 0.2 * rng.standard_normal((N, 5))
CLASSES = np.clip(np.floor(2 * ANGLE + 0.3 * rng.standard_normal(N)), 0, 5).astype(int)
NUMBERS = ANGLE + 0.3 * rng.standard_normal(N)


def influence_of(name, *data, **options):
    measure = MEASURES[name]
    wanted = measure.neighbors_needed(options, N) + 1
    makers = {
        "graph": lambda x: ls.find_neighbors(x, wanted),
        "subsets": lambda x: subsets_of(
            replace(measure, neighbors=wanted), options, ls.find_neighbors(x, wanted), as_representation(x)
        ),
        "ranking": lambda x: ranking_of(as_representation(x)),
        "vectors": as_representation,
        "labels": lambda labels: labels,
    }
    return measure.influence(*(makers[kind](one) for kind, one in zip(measure.data, data, strict=True)), **options)


@cache
def searched(which, row):
    """The graph of the data without one of the rows."""
    return ls.find_neighbors(np.delete(DATA[which], row, axis=0), WIDEST)


def deleted(name, which, labels, options, rows):
    """The value without each of some rows, every one with a new search."""
    values = []
    for row in rows:
        data = []
        for kind, one in zip(MEASURES[name].data, which, strict=False):
            data.append(searched(one, row) if kind == "graph" else np.delete(DATA[one], row, axis=0))
        values.append(ls.estimate(name, *data, *(np.delete(one, row, axis=0) for one in labels), **options).value)
    return np.array(values)


CASES = [
    ("twonn", {}),
    ("twonn", {"discard": 0.1}),
    ("twonn", {"method": "fit"}),
    ("twonn", {"method": "fit", "discard": 0.0}),
    ("twonn", {"prior": (2.0, 1.0)}),
    ("gride", {"range_max": 8}),
    ("decimation", {}),
    ("levina_bickel", {"k": 10}),
    ("levina_bickel", {"k": 10, "average": "arithmetic"}),
    ("hubness", {"k": 10}),
    ("hubness", {"k": 10, "data": "tied "}),
    ("knn_probe", {"k": 10, "permutations": 19}),
    ("knn_probe", {"k": 10, "permutations": 19, "data": "tied "}),
    ("overlap", {"k": 10}),
    ("overlap", {"k": 10, "data": "tied "}),
    ("rank_overlap", {"k": 10}),
    ("rank_overlap", {"k": 10, "weight": "r_nx"}),
    ("rank_overlap", {"k": 10, "data": "tied "}),
    ("label_overlap", {"k": 10}),
    ("label_overlap", {"k": 10, "weight": "class"}),
    ("label_overlap", {"k": 10, "over": "classes"}),
    ("label_overlap", {"k": 40, "class_fraction": 0.1}),
    ("label_overlap", {"k": 40, "class_fraction": 0.1, "weight": "class"}),
    ("label_overlap", {"k": 10, "labels": "numbers"}),
    ("label_overlap", {"k": 10, "labels": "rounded", "kind": "real"}),
    ("label_overlap", {"k": 10, "labels": "paths"}),
    ("label_overlap", {"k": 10, "labels": "paths", "weight": "class"}),
    ("label_overlap", {"k": 10, "data": "tied "}),
    ("label_overlap", {"k": 10, "data": "tied ", "labels": "rounded", "kind": "real"}),
    ("participation_ratio", {}),
    ("participation_ratio", {"correction": "none"}),
    ("participation_ratio", {"correction": "rows and columns", "data": "wide "}),
    ("participation_ratio", {"correction": "rows and columns", "data": "wider "}),
    ("cka", {}),
    ("cka", {"estimator": "biased"}),
]
DATA = {"x": X, "y": Y, "tied x": np.round(2 * X), "tied y": np.round(2 * Y)}
for width, units in (("wide ", 40), ("wider ", N + 20)):
    for which, small in (("x", X), ("y", Y)):
        turned = np.tanh(small @ rng.standard_normal((small.shape[1], units)))
        DATA[width + which] = turned + 0.3 * rng.standard_normal((N, units))
LABELS = {
    "categories": CLASSES,
    "numbers": NUMBERS,
    "rounded": np.round(4 * NUMBERS),
    "paths": np.stack([CLASSES // 2, CLASSES], axis=1),
}


def case(name, options):
    """Which data, which labels, and the options of a measure."""
    options, kinds = dict(options), MEASURES[name].data
    before, label = options.pop("data", ""), LABELS[options.pop("labels", "categories")]
    which = [before + one for one, kind in zip("xy", kinds, strict=False) if kind != "labels"]
    return which, [label for kind in kinds if kind == "labels"], options


def regression(name, options):
    """Slope and correlation of deletion on what the influence says."""
    which, labels, options = case(name, options)
    data = [*(DATA[one] for one in which), *labels]
    rows = np.sort(np.random.default_rng(1).permutation(N)[:100])
    found, whole = influence_of(name, *data, **options), ls.estimate(name, *data, **options).value
    assert found.value == pytest.approx(whole, rel=1e-12, abs=1e-12)
    taken, moved = whole - deleted(name, which, labels, options, rows), found.moved[rows]
    return np.polyfit(moved, taken, 1)[0], np.corrcoef(moved, taken)[0, 1]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda one: one if isinstance(one, str) else str(one))
class TestInfluence:
    def test_is_what_deletion_takes_away(self, name, options):
        slope, r = regression(name, options)
        assert 0.95 <= slope <= 1.05
        assert r >= 0.99

    def test_adds_up(self, name, options):
        which, labels, options = case(name, options)
        data = [*(DATA[one] for one in which), *labels]
        found = influence_of(name, *data, **options)
        assert found.alone.sum() == pytest.approx(0, abs=1e-9 * np.abs(found.alone).sum())
        assert found.per_sample.mean() == pytest.approx(found.value)
        assert found.sd_beside(found.scaled(0.5)) > 0
        if found.pairs is not None:
            np.testing.assert_allclose(found.pairs.sum(axis=1), found.alone, atol=1e-12)

    def test_does_not_care_for_the_order_of_the_samples(self, name, options):
        order = np.random.default_rng(2).permutation(N)
        which, labels, options = case(name, options)
        data = [*(DATA[one] for one in which), *labels]
        found = influence_of(name, *data, **options)
        other = influence_of(name, *(one[order] for one in data), **options)
        size = np.abs(found.moved).max()
        np.testing.assert_allclose(other.moved, found.moved[order], atol=1e-9 * size)
        np.testing.assert_allclose(other.alone, found.alone[order], atol=1e-9 * size)
        if found.near is not None:
            np.testing.assert_array_equal(order[other.near], found.near[order])

"""How samples move a value, proved by deletion: every sample left out in turn, with a new search."""

import inspect
from dataclasses import fields
from functools import cache

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.measures import catalog

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
Z = np.tanh(Y @ rng.standard_normal((5, 6))) + 0.1 * rng.standard_normal((N, 6))
BITS = (Y @ rng.standard_normal((5, 60)) + 0.5 * rng.standard_normal((N, 60)) > 0.3).astype(float)
BALL = rng.standard_normal((N - 1, 40))
NUMBERS = ANGLE + 0.3 * rng.standard_normal(N)


DATA = {
    **{"x": X, "y": Y, "z": Z},
    **{f"tied {name}": np.round(2 * x) for name, x in {"x": X, "y": Y, "z": Z}.items()},
    **{"categories": CLASSES, "numbers": NUMBERS, "rounded": np.round(4 * NUMBERS)},
    "hub x": np.vstack([np.zeros(40), BALL / np.linalg.norm(BALL, axis=1, keepdims=True)]),
    **{"whole x": np.round(6 * X), "bits x": BITS},
    "paths": np.stack([CLASSES // 2, CLASSES], axis=1),
}
for width, units in (("wide ", 40), ("wider ", N + 20)):
    for which in "xy":
        turned = np.tanh(DATA[which] @ rng.standard_normal((DATA[which].shape[1], units)))
        DATA[width + which] = turned + 0.3 * rng.standard_normal((N, units))


SMALL = {"k": 10, "range_max": 8, "permutations": 19}
KINDS = {"whole": {"data": "whole "}, "binary": {"data": "bits "}}
ALL = [  # at their defaults, but for few neighbors
    (
        name,
        {option: SMALL[option] for option in SMALL if option in measure.options}
        | KINDS.get(measure.values, {"data": "wide "} if measure.same_units else {}),
    )
    for name, measure in MEASURES.items()
    if callable(measure.influence)
]
OTHERS = [  # other options and kinds of data
    ("twonn", {"discard": 0.1}),
    ("twonn", {"method": "fit"}),
    ("twonn", {"method": "uncensored", "discard": 0.1}),
    ("twonn", {"method": "fit", "discard": 0.0}),
    ("twonn", {"prior": (2.0, 1.0)}),
    ("twonn", {"method": "fit", "data": "hub "}),
    ("i3d", {"data": "whole ", "scale": 8}),
    ("levina_bickel", {"k": 10, "average": "arithmetic"}),
    ("hubness", {"k": 10, "data": "tied "}),
    ("knn_probe", {"k": 10, "permutations": 19, "data": "tied "}),
    ("neighbor_survival", {"k": 10, "data": "tied "}),
    ("overlap", {"k": 10, "data": "tied "}),
    ("information_imbalance", {"k": 1}),
    ("information_imbalance", {"k": 5}),
    ("information_imbalance", {"k": 5, "data": "tied "}),
    ("rank_overlap", {"k": 10, "weight": "r_nx"}),
    ("rank_overlap", {"k": 10, "data": "tied "}),
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
    ("participation_ratio", {"correction": "none"}),
    ("participation_ratio", {"correction": "rows and columns", "data": "wide "}),
    ("participation_ratio", {"correction": "rows and columns", "data": "wider "}),
    ("effective_rank", {"data": "wide "}),
    ("effective_rank", {"data": "wider "}),
    ("isotropy", {"data": "wider "}),
    ("spectrum_decay", {"data": "wide "}),
    ("spectrum_decay", {"data": "wider "}),
    ("cka", {"estimator": "biased"}),
    ("cka", {"kernel": "rbf"}),
    ("rsa", {"permutations": 19, "data": "tied "}),
    ("procrustes", {"permutations": 19, "data": "wide "}),
    ("procrustes", {"permutations": 19, "data": "wider "}),
]
CASES = ALL + OTHERS


def influence_of(name, *data, **options):
    return ls.estimate(name, *data, influence=True, **options).influence


def case(name, options):
    """What kinds of data a measure takes, their names, and its options."""
    options, kinds = dict(options), MEASURES[name].data
    before, label = options.pop("data", ""), options.pop("labels", "categories")
    second = {"labels": label, "graphs": (before + "y", before + "z", before + "y")}
    return kinds, [before + "x", *(second.get(kind, before + "y") for kind in kinds[1:])], options


def data_of(name, rows=slice(None)):
    return tuple(data_of(one, rows) for one in name) if isinstance(name, tuple) else DATA[name][rows]


@cache
def searched(name, row):
    """The graph of the data without one of the rows."""
    if isinstance(name, tuple):
        return tuple(searched(one, row) for one in name)
    return ls.find_neighbors(np.delete(DATA[name], row, axis=0), WIDEST)


def regression(name, case_options):
    """Slope and correlation of deletion, with a new search for every row left out, on what the influence says."""
    kinds, names, options = case(name, case_options)
    found = influence_of(name, *map(data_of, names), **options)
    whole = ls.estimate(name, *map(data_of, names), **options).value
    assert found.value == pytest.approx(whole, rel=1e-12, abs=1e-12)
    first = next(given for tried, given in CASES if tried == name) == case_options
    rows, taken = np.sort(np.random.default_rng(1).permutation(N)[: 60 if first else 20]), []
    for row in rows:
        left = np.delete(np.arange(N), row)
        data = [
            searched(one, row) if kind in ("graph", "graphs") else data_of(one, left)
            for kind, one in zip(kinds, names, strict=True)
        ]
        taken.append(whole - ls.estimate(name, *data, **options).value)
    moved = found.moved[rows]
    return np.polyfit(moved, taken, 1)[0], np.corrcoef(moved, taken)[0, 1]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda one: one if isinstance(one, str) else str(one))
class TestInfluence:
    def test_is_what_deletion_takes_away(self, name, options):
        slope, r = regression(name, options)
        assert 0.95 <= slope <= 1.05
        assert r >= 0.99

    def test_adds_up_in_any_order_of_the_samples(self, name, options):
        order = np.random.default_rng(2).permutation(N)
        _, names, options = case(name, options)
        found = influence_of(name, *map(data_of, names), **options)
        other = influence_of(name, *(data_of(one, order) for one in names), **options)
        size = np.abs(found.moved).max()
        np.testing.assert_allclose(other.moved, found.moved[order], atol=1e-6 * size)
        np.testing.assert_allclose(other.alone, found.alone[order], atol=1e-9 * size)
        if found.near is not None and not names[0].startswith(("tied", "hub")):
            np.testing.assert_array_equal(order[other.near], found.near[order])
        assert found.alone.sum() == pytest.approx(0, abs=1e-9 * np.abs(found.alone).sum())
        assert found.per_sample.mean() == pytest.approx(found.value)
        assert found.beside(found.scaled(0.5))[0] > 0
        if found.pairs is not None:
            np.testing.assert_allclose(found.pairs.sum(axis=1), found.alone, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.name)
def test_every_measure_has_an_influence_or_says_why_not(measure):
    default = {field.name: field.default for field in fields(measure)}["influence"]
    assert callable(measure.influence) or measure.influence.strip()
    assert measure.influence != default


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.name)
def test_defaults_stand_in_the_measure_alone(measure):
    for other in filter(callable, (measure.influence, measure.score)):
        assert all(each.default is each.empty for each in inspect.signature(other).parameters.values())


@pytest.mark.parametrize("name", ["overlap", "levina_bickel", "label_overlap", "knn_probe", "cknna"])
def test_all_but_one_sample_as_neighbors_leave_none_that_could_follow(name):
    _, names, options = case(name, {"k": 24})
    data = [data_of(one, slice(25)) for one in names]
    with pytest.raises(InvalidValue, match="24 neighbors of 25 samples: without one of them there are not so many"):
        influence_of(name, *data, **options)

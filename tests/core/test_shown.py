"""How things show themselves in a prompt and in a notebook."""

from xml.etree import ElementTree

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.shown import WIDTH
from layerscape.core.subsets import Subsets


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).standard_normal((300, 6))


def test_an_estimate_says_value_interval_and_chance(x):
    found = ls.Estimate(
        13.5571, 13.274, 13.848, 500, 30, 2, chance=ls.Chance(0.1, 0.05, 0.15, 0.25), measure="twonn",
        warnings=("copies",), curve=(ls.Point(1, 0, 2), ls.Point(2, 1, 3)), options={"k": 2},
    )  # fmt: skip
    assert repr(found).splitlines() == [
        "Estimate of twonn: 13.56 [13.27, 13.85]",
        "  data: 500 samples × 30 units, k = 2",
        "  chance: 0.10 [0.05, 0.15], p = 0.25",
        "  options: k=2",
        "  curve: 2 points, 1 … 2",
        "  warning: copies",
    ]
    assert "<polyline" in found._repr_html_()
    assert repr(ls.Estimate(float("nan"), float("nan"), float("nan"), 5)).startswith("Estimate: no estimate")


def test_what_holds_arrays_says_their_shapes(x):
    run = ls.from_arrays({f"layer {i}": x for i in range(30)})
    graph = ls.find_neighbors(x, k=5)
    assert repr(run).splitlines()[0] == f"Run {run.name!r}: 30 layers × 300 samples"
    assert repr(run).splitlines()[-1] == "  … and 23 more"
    first = repr(run["layer 1"]).splitlines()[0]
    assert first == "Representation 'layer 1': 300 samples × 6 units, float64"
    assert repr(graph) == "Neighbors: 5 nearest among 300 samples × 6 units, euclidean"
    given = repr(ls.Neighbors.from_arrays(graph.indices))
    assert given == "Neighbors: 5 nearest among 300 samples, without distances"
    assert repr(Subsets((graph,))).splitlines() == [
        "Subsets: 1 of 300 samples × 6 units",
        "  300 samples: 1 graphs of 5 neighbors",
    ]


def test_everything_fits_a_screen_and_is_whole_markup(x):
    run = ls.from_arrays({"<b>&'\"": x, "b": x**3}, labels={"side": x[:, 0] > 0})
    things = [
        run, run["b"], run.graph("b", 3), ls.estimate("gride", x), ls.dimension_report(x),
        ls.recommend(run, k=5, permutations=19),
    ]  # fmt: skip
    for thing in things:
        lines = repr(thing).splitlines()
        assert len(lines) <= 24
        assert max(map(len, lines)) <= WIDTH + 2
        ElementTree.fromstring(thing._repr_html_())
    assert "<b>&" not in run._repr_html_()

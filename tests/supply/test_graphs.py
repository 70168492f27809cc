"""Copies and near copies are left out of graphs that were given, as they are of vectors."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core.neighbors import Neighbors

N = 400
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 6))
NEAR = np.concatenate([X, X[:100] + 1e-9 * RNG.standard_normal((100, 6))])
EXACT = np.concatenate([X, X[:100]])
WORDS = f"100 near copies (rounding apart) left out; {N} samples remain"
EXACT_WORDS = f"100 exact copies left out; {N} samples remain"


def told(graph):
    """The same graph without what its search knew of copies."""
    return Neighbors.from_arrays(graph.indices, graph.distances)


@pytest.mark.parametrize("of", [lambda graph: graph, told], ids=["searched", "from arrays"])
@pytest.mark.parametrize(("x", "words"), [(NEAR, WORDS), (EXACT, EXACT_WORDS)], ids=["near", "exact"])
@pytest.mark.parametrize("name", ["twonn", "gride", "levina_bickel", "decimation", "hidalgo", "mst", "isomap"])
def test_the_value_is_that_of_the_vectors(name, x, words, of):
    options = {"smallest": 100} if name == "decimation" else {}
    try:
        found = ls.estimate(name, of(ls.find_neighbors(x, 150)), **options)
    except ls.errors.LayerscapeError as error:
        assert "needs the vectors" in str(error)  # what reads them alone
        return
    clean = ls.estimate(name, X, **options)
    assert found.value == pytest.approx(clean.value, rel=1e-9)
    assert found.n_samples == N
    assert words in found.warnings


def test_a_narrow_graph_gives_what_it_holds():
    found, clean = ls.estimate("gride", ls.find_neighbors(NEAR, 20)), ls.estimate("gride", X)
    assert found.value == pytest.approx(clean.value)
    assert [point.k for point in found.curve] == [2, 4, 8]
    assert [point.value for point in found.curve] == pytest.approx([point.value for point in clean.curve[:3]])


def test_groups_of_near_copies_count_as_one():
    x = np.concatenate([X, *(X[:30] * (1 + scale * 1e-10) for scale in range(1, 6))])
    found = ls.estimate("twonn", told(ls.find_neighbors(x, 40)))
    assert found.value == pytest.approx(ls.estimate("twonn", X).value)
    assert found.warnings == (f"150 near copies (rounding apart) left out; {N} samples remain",)


@pytest.mark.parametrize("ask", [0.0, None])
def test_near_copies_are_kept_when_asked_at_either_door(ask):
    graph = ls.find_neighbors(NEAR, 20, **({"near_copies": 0} if ask is None else {}))
    found = ls.estimate("twonn", graph, **({} if ask is None else {"near_copies": ask}))
    assert found.value == ls.estimate("twonn", NEAR, near_copies=0).value < 1
    assert ls.estimate("twonn", ls.find_neighbors(NEAR, 20, near_copies=0), near_copies=1e-5).n_samples == N


def test_an_influence_is_that_of_the_vectors():
    found = ls.estimate("twonn", ls.find_neighbors(NEAR, 20), influence=True).influence
    moved = ls.estimate("twonn", NEAR, influence=True).influence.moved
    np.testing.assert_allclose(found.moved, moved, rtol=1e-9)
    assert not found.moved[N:].any()


REFUSED = {
    "all neighbors are copies": (
        lambda: ls.estimate("twonn", told(ls.find_neighbors(np.repeat(X[:50], 4, axis=0), 3))),
        "150 exact copies left out; 50 samples remain: all 3 neighbors of 50 of 200 samples are copies that are left "
        "out; search with a larger k, or give the vectors.",
    ),
    "too few are left": (
        lambda: ls.estimate("levina_bickel", ls.find_neighbors(np.repeat(X, 2, axis=0), 20)),
        "400 exact copies left out; 400 samples remain: k=20 neighbors asked of a graph that holds 10; k must lie in "
        "1..10: search again with a larger k.",
    ),
    "constant": (
        lambda: ls.estimate("twonn", ls.find_neighbors(np.ones((20, 3)), 5)),
        "19 exact copies left out; 1 samples remain: the graph has 1 distinct rows of 20: it is constant, or nearly "
        "so, and has no dimension; leave it out, or pool another token.",
    ),
    "some queries": (
        lambda: ls.estimate("twonn", ls.find_neighbors(NEAR, 20, queries=np.arange(90, 190))),
        "31 of 100 queries have near copies (rounding apart) among their neighbors, which cannot be left out of a "
        "graph of some queries; leave them out of the data, or keep them by near_copies=0.",
    ),
    "some queries of which none is a copy": (
        lambda: ls.estimate("twonn", ls.find_neighbors(NEAR, 20, queries=np.arange(100, 400))),
        "71 of 300 queries have near copies (rounding apart) among their neighbors, which cannot be left out of a "
        "graph of some queries; leave them out of the data, or keep them by near_copies=0.",
    ),
    "without distances": (
        lambda: ls.estimate("twonn", Neighbors.from_arrays(ls.find_neighbors(NEAR, 20).indices)),
        "twonn reads distances: the graph was given without distances; give them: Neighbors.from_arrays(indices, "
        "distances).",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_graph_cannot_give_is_refused(case):
    call, text = REFUSED[case]
    with pytest.raises(ls.errors.InvalidValue, match=f"^{re.escape(text)}$"):
        call()


def test_queries_without_copies_are_measured():
    found = ls.estimate("twonn", ls.find_neighbors(X, 20, queries=np.arange(100, 400)))
    assert found.value == pytest.approx(ls.estimate("twonn", X).value, rel=0.2)


def test_a_measure_that_takes_copies_reads_the_graph_as_it_is():
    graph = ls.find_neighbors(NEAR, 20)
    assert ls.estimate("overlap", graph, ls.find_neighbors(NEAR**3, 20), k=10).n_samples == len(NEAR)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), twins=st.integers(0, 60), wide=st.sampled_from([1e-9, 1e-7, 0.0]))
def test_any_number_of_twins_changes_nothing(seed, twins, wide):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 3))
    places = rng.permutation(60)[:twins]
    both = np.concatenate([x, x[places] + wide * rng.standard_normal((twins, 3))])
    found = ls.estimate("twonn", told(ls.find_neighbors(both, 20)))
    assert found.value == pytest.approx(ls.estimate("twonn", x).value, rel=1e-4)
    assert found.n_samples == 60

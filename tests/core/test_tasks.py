"""What is asked of which layer: how wide the graph must be, whose options count, and in what order tasks go."""

import re
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.core.subsets import WIDE
from layerscape.core.tasks import SPARE, Task, check_options, check_used, in_tiles, own_options, parted
from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.measures import catalog

MEASURES = catalog()


def test_a_task_says_what_it_is_of():
    assert str(Task(MEASURES["twonn"])) == "twonn"
    assert str(Task(MEASURES["overlap"], {}, "a", "b")) == "overlap, layer 'a', layer 'b'"
    assert str(Task(MEASURES["label_overlap"], {}, "a", label="x")) == "label_overlap, layer 'a', label 'x'"


def test_the_second_argument_is_of_the_other_layer_where_there_is_one():
    two, one = Task(MEASURES["overlap"], {}, "a", "b"), Task(MEASURES["label_overlap"], {}, "a", label="x")
    assert [two.layer_at(0), two.layer_at(1)] == ["a", "b"]
    assert [one.layer_at(0), one.layer_at(1)] == ["a", "a"]


def test_a_graph_is_wider_where_copies_are_left_out_and_subsets_are_cut():
    overlap, probe = (Task(MEASURES[name], {"k": 9}) for name in ("overlap", "knn_probe"))
    assert (overlap.neighbors(100), overlap.width(100), overlap.width(100, more=1)) == (9, 10, 10)
    assert probe.width(100) == probe.neighbors(100) == 9
    assert Task(MEASURES["twonn"]).width(100) == 2 + SPARE
    assert Task(MEASURES["decimation"]).width(100) == WIDE + SPARE
    assert Task(MEASURES["cka"]).width(100) == 0


def test_options_go_to_the_measures_that_have_them():
    assert own_options(MEASURES["overlap"], 7, {"method": "fit"}) == {"k": 7}
    assert own_options(MEASURES["twonn"], 7, {"method": "fit", "discard": None}) == {"method": "fit", "discard": None}
    with pytest.raises(InvalidType, match=r"^k='7'; give a whole number\.$"):
        own_options(MEASURES["overlap"], "7", {})
    assert own_options(MEASURES["overlap"], None, {}) == {}


def test_an_option_that_no_measure_has_is_refused():
    def asked(x, /, *, near=1): ...

    some = [MEASURES["overlap"], MEASURES["cka"]]
    check_options(some, {"k": 3, "kernel": "rbf"}, asked)
    text = "unknown option 'kernl'; nearest: kernel. There are: estimator, k, kernel, near, sample, seed."
    with pytest.raises(UnknownName, match=f"^{re.escape(text)}$"):
        check_options(some, {"k": 3, "kernl": "rbf"}, asked)


def test_a_keyword_of_a_search_is_an_option_too_of_measures_that_have_it():
    rsa, cka, overlap = (MEASURES[name] for name in ("rsa", "cka", "overlap"))
    assert parted({"metric": "cosine", "k": 3}, [overlap, cka]) == ({"metric": "cosine"}, {"k": 3})
    assert parted({"metric": "cosine"}, [overlap, rsa]) == ({"metric": "cosine"}, {"metric": "cosine"})
    assert parted({"metric": "correlation"}, [cka, rsa]) == ({}, {"metric": "correlation"})
    with pytest.raises(UnknownName, match="unknown metric of rsa 'cosin'"):
        parted({"metric": "cosin"}, [cka, rsa])


def test_a_keyword_that_nothing_would_read_is_refused():
    graph = Neighbors(np.array([[1], [0]]), np.ones((2, 1)), 2, 3, Nearness("cosine"))
    check_used(MEASURES["overlap"], {"metric": "cosine", "near_copies": 0.1}, [graph])
    check_used(MEASURES["cka"], {"memory": 1, "threads": 1, "device": "cpu"}, [])
    for measure, search, text in (
        (
            "cka",
            {"standardize": "units"},
            "cka reads vectors as they are and has no standardize; leave standardize='units' out.",
        ),
        (
            "overlap",
            {"metric": "euclidean"},
            "metric='euclidean' asked of a graph of metric='cosine'; leave it out, or give the vectors.",
        ),
    ):
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
            check_used(MEASURES[measure], search, [graph])


@given(st.integers(1, 12), st.integers(1, 5))
def test_a_map_of_pairs_goes_tile_by_tile_and_loses_none(n, size):
    layers = [f"{number}" for number in range(n)]
    pairs = [Task(MEASURES["overlap"], {}, a, b) for a, b in combinations(layers, 2)]
    alone = [Task(MEASURES["twonn"], {}, layer) for layer in layers]
    ordered = list(in_tiles([*alone, *pairs], layers, layers, size))
    assert ordered[:n] == alone
    assert sorted(map(str, ordered)) == sorted(map(str, [*alone, *pairs]))
    tiles = [(int(one.layer) // size, int(one.other_layer) // size) for one in ordered[n:]]
    changes = sum(one != two for one, two in pairwise(tiles))
    assert changes == max(0, len(set(tiles)) - 1)  # none is left and entered again

"""Graphs that were given, measured without own members: against searches that leave them out."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.apart import Apart
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors
from layerscape.supply.held import without

G, SIZE = 14, 12
CODES = np.repeat(np.arange(G), SIZE)
LABEL = np.array(["a", "b"])[CODES % 2]
LEFT = {"groups": CODES, "own_group": "left_out"}


@pytest.fixture(scope="module")
def two():
    rng = np.random.default_rng(5)
    shared = rng.standard_normal((G, 4))[CODES]
    return tuple(shared + 0.3 * rng.standard_normal((len(CODES), 4)) for _ in range(2))


def membership(graph, k):
    found = np.zeros((len(graph.indices), graph.n_samples))
    rows, members, weights = graph.weights(k)
    found[rows, members] = weights
    return found


@pytest.mark.parametrize("kind", ["groups", "lag"])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("queries", [None, [40, 3, 7]])
def test_it_is_the_graph_of_a_search_without_them(rng, kind, ties, queries):
    x = rng.standard_normal((60, 2))
    x = np.round(2 * x) if ties else x
    x[[5, 9, 30]] = x[10]
    codes = rng.permutation(np.repeat(np.arange(12), 5))
    said = {"groups": codes} if kind == "groups" else {"lag": 2}
    apart = Apart.groups(codes, 60) if kind == "groups" else Apart.lag(2, 60)
    for wide in (7, 12, 30):  # four at the most are left out, and ties may go on beyond the last column
        found = without(find_neighbors(x, wide, queries=queries), apart)
        searched = find_neighbors(x, found.k, queries=queries, **said)
        assert found.k >= wide - 4
        assert found.near == searched.near
        assert np.array_equal(found.distances, searched.distances)
        for k in range(1, found.k + 1):
            assert membership(found, k) == pytest.approx(membership(searched, k), abs=1e-12)


@pytest.mark.parametrize("given", ["graphs", "without distances", "beside vectors", "searched so", "one searched so"])
def test_a_measure_of_graphs_leaves_own_members_out(two, given):
    plain, apart = ([find_neighbors(x, 21, **how) for x in two] for how in ({}, {"groups": CODES}))
    data = {
        "graphs": plain,
        "without distances": [Neighbors.from_arrays(graph.indices) for graph in plain],
        "beside vectors": [plain[0], two[1]],
        "searched so": apart,
        "one searched so": [apart[0], plain[1]],
    }[given]
    lists = [find_neighbors(x, 10, groups=CODES).indices for x in two]
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*lists, strict=True)])
    asked = {"groups": CODES} if "searched" in given else LEFT  # what a search left out need not be said again
    found, searched = ls.estimate("overlap", *data, k=10, **asked), ls.estimate("overlap", *two, k=10, **LEFT)
    assert found.value == pytest.approx(shared, abs=1e-12)
    assert (found.chance, found.groups) == (searched.chance, searched.groups)
    assert searched.groups == "14 groups, own left out; whole groups change places"
    found, searched = (ls.estimate("label_overlap", x, LABEL, k=10, groups=CODES) for x in (data[0], two[0]))
    assert found.value == pytest.approx((LABEL[lists[0]] == LABEL[:, None]).mean(), abs=1e-12)
    assert (found.chance, found.groups) == (searched.chance, searched.groups)


def test_every_measure_of_graphs_does(two):
    later = [two[1], two[0] + two[1]]
    for name, *data in (("twonn", two[0]), ("hubness", two[0]), ("knn_probe", two[0], LABEL), ("neighbor_survival",)):
        data = data or [two[0], later]
        graphs = [
            [find_neighbors(each, 60) for each in x]
            if isinstance(x, list)
            else find_neighbors(x, 60)
            if x is not LABEL
            else x
            for x in data
        ]
        assert ls.estimate(name, *graphs, **LEFT).value == ls.estimate(name, *data, **LEFT).value


def test_ranks_beside_a_graph_leave_out_whom_it_does(two):
    vectors = ls.estimate("information_imbalance", *two, k=3, **LEFT)
    for how, asked in (({}, LEFT), ({"groups": CODES}, {"groups": CODES}), ({"groups": CODES}, {})):
        graph = find_neighbors(two[0], 21, **how)
        assert ls.estimate("information_imbalance", graph, two[1], k=3, **asked).value == vectors.value


def test_what_a_graph_leaves_out_is_left_out_beside_it_where_nothing_is_said(two):
    one, other = find_neighbors(two[0], 10, groups=CODES), two[1]
    value = ls.estimate("overlap", *two, k=10, **LEFT).value
    for beside in (other, find_neighbors(other, 21)):
        found = ls.estimate("overlap", one, beside, k=10)
        assert (found.value, found.chance, found.groups) == (value, None, "")


TOO_SHORT = (
    r"^k=10 neighbors asked of a graph of 12, of which 1 are left of some samples \(own group left out\); give a "
)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda x, y: ls.estimate("overlap", *(find_neighbors(z, 12) for z in (x, y)), k=10, **LEFT),
            TOO_SHORT + "graph of 21, one that was searched with these groups, or the vectors.$",
        ),
        (lambda x, _: ls.estimate("label_overlap", find_neighbors(x, 12), LABEL, k=10, groups=CODES), TOO_SHORT),
        (
            lambda x, _: ls.estimate("twonn", find_neighbors(x, 3), **LEFT),
            r"^k=2 neighbors asked of a graph of 3, of which 0 are left .*; give a graph of 13, ",
        ),
        (
            lambda x, y: ls.estimate("overlap", find_neighbors(x, 5, groups=CODES), y, k=5, groups=CODES // 2),
            "^a graph with own group left out, and groups= are others; search with these groups, or give the vectors.$",
        ),
        (
            lambda x, y: ls.estimate("overlap", find_neighbors(x, 5, lag=2), y, k=5, groups=CODES),
            "^a graph with lag 2, and groups= are others;",
        ),
        (
            lambda x, y: ls.estimate("overlap", *(find_neighbors(z, 5, groups=CODES) for z in (x, y)), k=5, **KEPT),
            "^own_group='kept' of a graph with own group left out; leave own_group out, or search without groups.$",
        ),
        (
            lambda x, y: ls.estimate("overlap", find_neighbors(x, 5, lag=2), find_neighbors(y, 5, groups=CODES), k=5),
            "^graphs with lag 2 and own group left out; search both with the same groups or lag.$",
        ),
    ],
)
def test_what_does_not_agree_is_refused_in_one_line(two, call, words):
    with pytest.raises(InvalidValue, match=words) as error:
        call(*two)
    assert "\n" not in str(error.value)


KEPT = {"groups": CODES, "own_group": "kept"}

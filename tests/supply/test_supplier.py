"""One supplier gives every measure its data, the same from arrays and from a run."""

import re
import weakref

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.neighbors import Neighbors
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.core.sources import Arrays
from layerscape.core.subsets import Subsets
from layerscape.core.tasks import SPARE, Task, in_tiles
from layerscape.errors import InvalidValue
from layerscape.measures import catalog
from layerscape.search import find_neighbors
from layerscape.supply.attempts import attempts
from layerscape.supply.graphs import Graphs
from layerscape.supply.sources import Part, parts_of
from layerscape.supply.supplier import Supplier

N = 120
MEASURES = catalog()
rng = np.random.default_rng(8)
X = rng.standard_normal((N, 6)) * [3, 2, 1, 1, 0.5, 0.1]
X[5], X[9] = X[100], X[100]  # copies, of which the first stays
LAYERS = {"a": X, "b": np.tanh(X), "c": np.tanh(X) @ rng.standard_normal((6, 4))}
LABELS = {"half": (X[:, 0] > 0).astype(int), "place": X[:, :2]}
SEARCHES = [{}, {"metric": "cosine"}, {"standardize": "units", "near_copies": 0.0}]


def task(name, layer="a", other_layer="", label="", **options):
    return Task(MEASURES[name], options, layer, other_layer, label)


KINDS = {
    "graph": task("twonn"),
    "two graphs": task("overlap", "a", "c", k=9),
    "graphs": task("neighbor_survival", "a", "c", k=9),
    "subsets": task("decimation", smallest=20),
    "ranking": task("information_imbalance", "b", "c", k=2),
    "vectors": task("cka", "b", "c"),
    "labels": task("label_overlap", "b", label="half", k=7),
    "vectors as labels": task("label_overlap", "b", label="place", k=7),
}


@pytest.fixture
def run():
    return ls.from_arrays(LAYERS, labels=LABELS)


def arrays():
    """What a run holds, as somebody has it in memory."""
    return Arrays(LAYERS, {"half": LABELS["half"], "place": Representation(LABELS["place"], "place")})


def searched(monkeypatch):
    """The layer and k of every search from now on, wherever it is asked for."""
    found = []

    def noted(x, k, **how):
        found.append((x.layer, x.n_samples, k))
        return find_neighbors(x, k, **how)

    for place in ("supply.graphs", "supply.provision", "supply.subsets", "run"):
        monkeypatch.setattr(f"layerscape.{place}.find_neighbors", noted)
    return found


def test_every_kind_of_data_is_what_the_measure_takes(run):
    expected = {
        "graph": [Neighbors],
        "two graphs": [Neighbors, Neighbors],
        "graphs": [Neighbors, tuple],
        "subsets": [Subsets],
        "ranking": [Neighbors, Ranking],
        "vectors": [Representation, Representation],
        "labels": [Neighbors, np.ndarray],
        "vectors as labels": [Neighbors, Neighbors],
    }
    for source in (arrays(), Part(run)):
        supplier = Supplier(source, {})
        supplier.prepare(list(KINDS.values()))
        given = {kind: [type(one) for one in supplier.provision.data(one)] for kind, one in KINDS.items()}
        assert given == expected
        first, others = supplier.provision.data(KINDS["graphs"])
        assert (first.k, [graph.k for graph in others]) == (9, [9, 9])
        (subsets,) = supplier.provision.data(KINDS["subsets"])
        assert [graph.n_samples for graph in subsets.graphs][:3] == [N - 2, (N - 2) // 2, (N - 2) // 2]


@pytest.mark.parametrize("search", SEARCHES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_the_same_from_arrays_and_from_a_run(kind, search, run):
    values = []
    for source in (arrays(), Part(run), Part(run, np.arange(N))):
        supplier = Supplier(source, search)
        supplier.prepare([KINDS[kind]])
        found = supplier.estimate(KINDS[kind])
        values.append((found.value, found.low, found.high, found.n_samples, found.warnings))
    assert values[0] == values[1] == values[2]
    assert np.isfinite(values[0][0])


@pytest.mark.parametrize("kind", KINDS)
def test_other_tasks_beside_it_change_no_value(kind, run):
    of_all, alone = Supplier(Part(run), {}), Supplier(Part(run), {})
    of_all.prepare([*KINDS.values(), task("overlap", "a", "b", k=40)])
    alone.prepare([KINDS[kind]])
    # A dimension reads the rows that are distinct in every layer that is searched; here the same in all.
    assert of_all.estimate(KINDS[kind]).value == alone.estimate(KINDS[kind]).value


def test_a_graph_that_was_given_is_not_searched_again(monkeypatch):
    graphs = {name: find_neighbors(x, 30) for name, x in LAYERS.items()}
    supplier, found = Supplier(Arrays(graphs, {"half": LABELS["half"]}), {}), searched(monkeypatch)
    tasks = [KINDS["two graphs"], KINDS["graphs"], KINDS["labels"], task("gride", "b", range_max=16)]
    supplier.prepare(tasks)
    for given, name in zip(supplier.provision.data(tasks[0]), ("a", "c"), strict=True):
        np.testing.assert_array_equal(given.indices, graphs[name].indices[:, : given.k])
    (cut,) = supplier.provision.data(tasks[3])  # a dimension, which copies have no part in
    assert (cut.n_samples, cut.k) == (N - 2, 16)
    assert supplier.words(tasks[3]) == (f"2 exact copies left out; {N - 2} samples remain",)
    assert found == []


def test_a_graph_beside_vectors_spares_the_search_of_its_layer_only(monkeypatch):
    graph, found = find_neighbors(X, 30), searched(monkeypatch)
    supplier = Supplier(Arrays({"a": graph, "c": LAYERS["c"]}), {})
    supplier.prepare([KINDS["two graphs"]])
    np.testing.assert_array_equal(supplier.provision.data(KINDS["two graphs"])[0].indices, graph.indices[:, :10])
    assert [name for name, *_ in found] == [""]
    expected = ls.estimate("overlap", X, LAYERS["c"], k=9)
    assert supplier.estimate(KINDS["two graphs"]).value == expected.value


def test_every_layer_is_searched_once_at_the_largest_k(run, monkeypatch):
    tasks = [task("twonn", layer) for layer in LAYERS]
    tasks += [task("overlap", "a", "c", k=9), task("label_overlap", "b", label="half", k=25), KINDS["graphs"]]
    widest = max(25 + 1, 2 + SPARE)
    for source in (Part(run), Part(run, np.arange(N))):
        found = searched(monkeypatch)
        supplier = Supplier(source, {})
        supplier.prepare(tasks)
        for one in tasks:
            supplier.estimate(one)
        assert found == [(layer, N, widest) for layer in LAYERS]
    found = searched(monkeypatch)
    again = Supplier(Part(run), {})
    again.prepare(tasks)
    assert found == []  # they are kept in the run


def test_one_neighbor_more_is_searched_when_asked_for(run, monkeypatch):
    found, one = searched(monkeypatch), task("overlap", "a", "b", k=9)
    supplier = Supplier(Part(run), {})
    supplier.prepare([one], more=1)
    assert found == [("a", N, 10), ("b", N, 10)]
    assert [graph.k for graph in supplier.provision.data(one)] == [10, 10]  # which its interval reads too
    assert [graph.k for graph in supplier.provision.data(one, more=1)] == [10, 10]
    probe = task("knn_probe", "a", label="half", k=9)
    assert supplier.provision.data(probe)[0].k == 9
    assert supplier.provision.data(probe, more=1)[0].k == 10


def test_what_needs_no_neighbors_searches_nothing(run, monkeypatch):
    found = searched(monkeypatch)
    supplier = Supplier(Part(run), {})
    supplier.prepare([KINDS["vectors"]])
    assert supplier.estimate(KINDS["vectors"]).value == ls.estimate("cka", LAYERS["b"], LAYERS["c"]).value
    assert found == []


def test_progress_counts_the_samples_of_every_search(run):
    told = []
    for source in (Part(run), Part(run, np.arange(N))):
        told.clear()
        supplier = Supplier(source, {})
        supplier.prepare([KINDS["two graphs"]], lambda *said: told.append(said))
        assert told[-1] == ("searching", 2 * N, 2 * N)
        assert {what for what, *_ in told} == {"searching"}


def test_an_error_says_of_which_measure_layer_label_and_group_it_is(run):
    flat = ls.from_arrays({"flat": np.ones((40, 2))}, labels={"half": np.arange(40) % 2, "own": np.arange(40)})
    words = (
        "layer 'flat' has 1 distinct rows of 40: it is constant, or nearly so, and has no dimension; leave it out, or "
        "pool another token."
    )
    supplier = Supplier(Part(flat), {})
    supplier.prepare([task("twonn", "flat")])
    with pytest.raises(InvalidValue, match=f"^{re.escape(f'twonn, layer {chr(39)}flat{chr(39)}: {words}')}$"):
        supplier.estimate(task("twonn", "flat"))
    with pytest.raises(InvalidValue, match=f"^{re.escape(f'twonn, layer {chr(39)}flat{chr(39)}: {words}')}$"):
        supplier.influence(task("twonn", "flat"))
    first, _ = parts_of(flat, "half", (), 0)
    supplier = Supplier(first, {})
    supplier.prepare([task("twonn", "flat")])
    expected = f"twonn, layer 'flat', half=0: {words.replace('of 40', 'of 20')}"
    with pytest.raises(InvalidValue, match=f"^{re.escape(expected)}$"):
        supplier.estimate(task("twonn", "flat"))
    one = task("knn_probe", "a", label="place", permutations=19)
    supplier = Supplier(Part(run), {})
    supplier.prepare([one])
    expected = "knn_probe, layer 'a', label 'place': knn_probe reads a category per sample; 'place' holds real numbers."
    with pytest.raises(InvalidValue, match=f"^{re.escape(expected)}$"):
        supplier.estimate(one)
    assert str(task("overlap", "a", "c")) == "overlap, layer 'a', layer 'c'"


def test_an_error_of_arrays_without_names_is_as_the_measure_says_it():
    words = (
        "the data has 1 distinct rows of 40: it is constant, or nearly so, and has no dimension; leave it out, or pool "
        "another token."
    )
    for influence in (False, True):
        with pytest.raises(InvalidValue, match=f"^{re.escape(words)}$"):
            ls.estimate("twonn", np.ones((40, 2)), influence=influence)


def test_more_neighbors_than_there_are_samples_are_refused_with_the_group(run):
    first, _ = parts_of(run, "half", (), 0)
    n = first.n_samples
    cases = [
        (Supplier(Part(run), {}), f"k={N} neighbors asked of {N} samples; k must lie in 1..{N - 1}."),
        (Supplier(first, {}), f"k={N} neighbors asked of {n} samples of the group half=0; k must lie in 1..{n - 1}."),
        (
            Supplier(Part(run), {}, Graphs(Part(run), {})),
            f"k={N} neighbors asked of {N} samples in common; k must lie in 1..{N - 1}.",
        ),
    ]
    for supplier, text in cases:
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
            supplier.prepare([task("overlap", "a", "b", k=N)])
        supplier.prepare([task("overlap", "a", "b", k=N)], all_there=False)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_copies_that_were_left_out_move_a_dimension_by_nothing(search, run):
    one = task("twonn", "a")
    for source in (arrays(), Part(run), Part(run, np.arange(N))):
        supplier = Supplier(source, search)
        supplier.prepare([one], more=1)
        found, value = supplier.influence(one), supplier.estimate(one)
        assert found.value == pytest.approx(value.value)
        assert found.alone.shape == found.moved.shape == (N,)
        assert np.flatnonzero(found.alone == 0).tolist() == np.flatnonzero(found.moved == 0).tolist() == [9, 100]
        assert (found.near[[9, 100]] == -1).all()
        assert not np.isin(found.near, [9, 100]).any()
        assert value.warnings[0] == f"2 exact copies left out; {N - 2} samples remain"


def test_a_measure_that_takes_copies_has_an_influence_of_each(run):
    supplier = Supplier(Part(run), {})
    supplier.prepare([KINDS["labels"], task("twonn", "b")], more=1)
    found = supplier.influence(KINDS["labels"])
    assert found.alone.shape == (N,)
    assert (found.moved[[9, 100]] != 0).all()


def test_no_more_graphs_are_in_memory_than_two_sides_of_a_tile_need(monkeypatch):
    wide = {f"layer {number}": np.tanh(X * (1 + number / 3)) for number in range(9)}
    run = ls.from_arrays(wide)
    pairs = [task("overlap", a, b, k=9) for a in wide for b in wide if a < b]
    monkeypatch.setattr("layerscape.supply.graphs.GRAPH_MEMORY", 12 * N * 10 * 2 * 2)
    supplier, alive, most, read = Supplier(Part(run), {"threads": 1}), weakref.WeakSet(), [], []
    plain = run.graph

    def noted(layer, k, **how):
        read.append(layer)
        graph = plain(layer, k, **how)
        alive.add(graph)
        most.append(len(alive))
        return graph

    monkeypatch.setattr(run, "graph", noted)
    supplier.prepare(pairs)
    assert supplier.provision.tile == 2
    found = [(one, value.value) for one, value in attempts(supplier, in_tiles(pairs, run.layers, run.layers, 2))]
    assert max(most) <= 2 * supplier.provision.tile + 1  # the one that is read may meet one that a measure still holds
    assert len(read) < len(pairs)  # tile by tile, most are there already
    for one, value in found[::7]:
        assert value == ls.estimate("overlap", wide[one.layer], wide[one.other_layer], k=9).value


def test_graphs_of_arrays_are_searched_once_however_large_the_map(monkeypatch):
    monkeypatch.setattr("layerscape.supply.graphs.GRAPH_MEMORY", 1)
    supplier, found = Supplier(arrays(), {}), searched(monkeypatch)
    pairs = [task("overlap", a, b, k=9) for a in LAYERS for b in LAYERS if a != b]
    supplier.prepare(pairs)
    assert supplier.provision.tile == 3
    for one in pairs:
        supplier.estimate(one)
    assert len(found) == 3


def test_the_second_layer_of_a_task_may_be_of_another_source(run):
    other = ls.from_arrays({"z": LAYERS["c"][:, ::-1]})
    for a, b in ((Part(run), Part(other)), (Arrays(LAYERS), Arrays({"z": LAYERS["c"][:, ::-1]}))):
        supplier = Supplier(a, {}, Graphs(b, {}))
        for name, options in (("overlap", {"k": 9}), ("information_imbalance", {"k": 2}), ("cka", {})):
            one = task(name, "a", "z", **options)
            supplier.prepare([one])
            expected = ls.estimate(name, X, LAYERS["c"][:, ::-1], **options)
            assert supplier.estimate(one).value == expected.value

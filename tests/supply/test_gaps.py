"""One part that cannot be measured costs no other: layers, labels with gaps, and neighbors that are not there."""

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.estimate import Estimate
from layerscape.core.labels import missing
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.storage.vectors import Vectors

N = 60
rng = np.random.default_rng(4)
X = rng.standard_normal((N, 4))
CLASSES = np.arange(N) % 3
GAPS = [None if row % 6 == 0 else f"c{name}" for row, name in enumerate(CLASSES)]
ROWS = np.flatnonzero(np.arange(N) % 6)
SAID = "10 of 60 samples have no label and are left out"
ZERO = "sample '3' is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."


def with_zero():
    zero = X.copy()
    zero[3] = 0
    return {"a": X, "zero": zero, "b": np.tanh(X)}


def test_a_layer_that_cannot_be_searched_costs_no_other():
    known = {"labels": {"y": CLASSES}, "ids": range(len(X))}
    run = ls.from_arrays(with_zero(), **known)
    sound = ls.from_arrays({name: x for name, x in with_zero().items() if name != "zero"}, **known)
    measures = ["twonn", "overlap", "information_imbalance", "label_overlap", "cka", "neighbor_survival", "decimation"]
    table, expected = (ls.measure(each, measures, k=5, metric="cosine") for each in (run, sound))
    bad = table[(table.layer == "zero") | (table.other_layer == "zero")]
    assert set(bad.measure) == set(measures)
    assert bad.value[bad.measure != "cka"].isna().all()
    assert set(bad.warnings[bad.measure != "cka"]) == {ZERO}
    assert bad.value[bad.measure == "cka"].notna().all()  # reads vectors only
    good = table.drop(bad.index)
    good = good[good.measure != "neighbor_survival"]  # goes through the layer between
    expected = expected[expected.measure != "neighbor_survival"]
    assert good.value.tolist() == pytest.approx(expected.value.tolist(), nan_ok=True)
    both = ls.compare(run, sound, ["overlap", "information_imbalance"], k=5, metric="cosine")
    assert both.value.isna().tolist() == (both.layer == "zero").tolist()
    found = ls.differences(run, measures=["twonn"], metric="cosine", pairs=[("b", "a"), ("a", "zero")])
    assert found.value.isna().tolist() == [False, True]
    assert found.warnings.tolist() == ["", f"twonn, layer 'zero': {ZERO}"]


def test_a_layer_with_nan_on_disk_costs_no_other(monkeypatch):
    run = ls.from_arrays({"a": X, "b": np.tanh(X)}, labels={"y": CLASSES})
    opened = Vectors.open

    class Damaged:
        def __init__(self, of):
            self.of, self.shape, self.dtype, self.ndim = of, of.shape, of.dtype, 2

        def __getitem__(self, rows):
            values = np.asarray(self.of[:]).copy()
            values[7, 1] = np.nan
            return values[rows]

    def damaged(self, name):
        return Damaged(opened(self, name)) if name == "b" else opened(self, name)

    monkeypatch.setattr(Vectors, "open", damaged)
    table = ls.measure(run, ["twonn", "overlap", "label_overlap", "cka", "participation_ratio"], k=5)
    bad = (table.layer == "b") | (table.other_layer == "b")
    assert table.value.isna().tolist() == bad.tolist()
    why = "sample '7' of layer 'b' has a value that is NaN or infinite; remove such rows, or repair what produced them."
    assert set(table.warnings[bad]) == {why}
    controls = ls.measure(run, ["twonn"], controls=["gaussian", "columns"])
    assert controls.value.isna().tolist() == (controls.layer == "b").tolist()


def only_some(graph: Neighbors, /) -> Estimate:
    """Made by a user, for whom a layer of one unit is a division by zero."""
    return Estimate(1 / (graph.n_units - 1), 0, 1, graph.n_samples)


def test_an_error_of_a_function_of_the_user_is_of_one_layer():
    table = ls.measure(ls.from_arrays({"a": X, "one": X[:, :1]}), [only_some, "twonn"])
    assert table.value.isna().tolist() == [False, True, False, False]
    assert table.warnings[1] == "only_some raised ZeroDivisionError: division by zero"
    with pytest.raises(ZeroDivisionError):
        ls.estimate(only_some, X[:, :1])


FORMS = {
    "None": GAPS,
    "empty": ["" if label is None else label for label in GAPS],
    "nan": [float("nan") if label is None else label for label in GAPS],
    "array of nan": np.where(np.arange(N) % 6 == 0, np.nan, CLASSES.astype(float)),
    "masked": np.ma.array(CLASSES, mask=np.arange(N) % 6 == 0),
    "series of NA": pd.Series(GAPS, dtype="string"),
    "series of categories": pd.Series(GAPS, dtype="category"),
    "series of integers": pd.Series([None if row % 6 == 0 else int(c) for row, c in enumerate(CLASSES)], dtype="Int64"),
    "dates": pd.Series(pd.to_datetime([None if row % 6 == 0 else f"200{c}-01-01" for row, c in enumerate(CLASSES)])),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("measure", ["label_overlap", "knn_probe", "nucleation", "linear_probe", "manifold_capacity"])
def test_samples_without_a_label_are_left_out_of_every_measure_of_labels(measure, form):
    found, expected = ls.estimate(measure, X, FORMS[form]), ls.estimate(measure, X[ROWS], CLASSES[ROWS])
    assert found.warnings == (SAID, *expected.warnings)
    assert (found.value, found.low, found.n_samples) == (expected.value, expected.low, 50)
    assert found.chance == expected.chance


@pytest.mark.parametrize(
    "form", ["None", "empty", "nan", "array of nan", "masked", "series of NA", "series of integers"]
)
def test_a_run_keeps_gaps_as_gaps(form):
    made = ls.from_arrays({"a": X}, labels={"y": FORMS[form]})
    run = ls.open(made.path)
    assert np.flatnonzero(~missing(run.samples.labels["y"])).tolist() == ROWS.tolist()
    assert run.samples.labels["y"].dtype.kind in "OU"  # categories, of which integers with gaps are
    (row,) = ls.measure(run, ["label_overlap"], k=5).itertuples()
    expected = ls.estimate("label_overlap", X[ROWS].astype(run["a"].matrix.dtype), CLASSES[ROWS], k=5)
    assert (row.value, row.n_samples, row.warnings) == (expected.value, 50, SAID)


def test_other_forms_of_labels_have_gaps_too():
    reals = [None if row % 6 == 0 else value for row, value in enumerate(X[:, 0].tolist())]
    sets = [None if row % 6 == 0 else {int(c), 9} for row, c in enumerate(CLASSES)]
    paths = [("top", None) if row % 6 == 0 else ("top", int(c)) for row, c in enumerate(CLASSES)]
    for labels, whole in (
        (reals, X[ROWS, 0]),
        (sets, [sets[row] for row in ROWS]),
        (paths, [paths[row] for row in ROWS]),
    ):
        found, expected = (ls.estimate("label_overlap", x, y, k=5) for x, y in ((X, labels), (X[ROWS], whole)))
        assert (found.value, found.warnings) == (expected.value, (SAID, *expected.warnings))
    run = ls.from_arrays(
        {"a": X}, labels={"real": np.array(reals, float), "place": np.where(np.arange(N)[:, None] % 6, X, np.nan)}
    )
    table = ls.measure(run, ["label_overlap"], k=5).set_index("label")
    assert table.value["real"] == ls.estimate("label_overlap", X[ROWS], X[ROWS, 0], k=5).value
    graph = ls.find_neighbors(X[ROWS], k=6)
    assert table.value["place"] == ls.estimate("label_overlap", X[ROWS], graph, k=5).value
    assert set(table.warnings) == {SAID}


def test_an_influence_of_labels_with_gaps_is_of_all_samples():
    found = ls.estimate("label_overlap", X, GAPS, k=5, influence=True).influence
    expected = ls.estimate("label_overlap", X[ROWS], CLASSES[ROWS], k=5, influence=True).influence
    assert found.moved[ROWS].tolist() == expected.moved.tolist()
    assert not found.moved[::6].any()
    run = ls.from_arrays({"a": X, "b": np.tanh(X)}, labels={"y": GAPS})
    (row,) = ls.differences(run, measures=["label_overlap"], k=5).itertuples()
    assert np.isfinite([row.value, row.low, row.p]).all()
    assert row.warnings == SAID


def test_a_graph_leaves_samples_out_as_far_as_it_holds_others():
    found, expected = (ls.estimate("label_overlap", x, GAPS, k=5) for x in (ls.find_neighbors(X, k=59), X))
    assert (found.value, found.low, found.chance) == (expected.value, expected.low, expected.chance)
    with pytest.raises(InvalidValue, match=r"k=5 neighbors asked of a graph that holds [1-4]; k must lie in"):
        ls.estimate("label_overlap", ls.find_neighbors(X, k=5), GAPS, k=5)
    with pytest.raises(InvalidValue, match=r"^60 of 60 labels are missing, the first at row 0;"):
        ls.estimate("label_overlap", X, [None] * N, k=5)


def test_the_default_number_of_neighbors_fits_the_samples_and_is_said():
    few, said = X[:20], "k = 5, since there are 20 samples"
    for measure, data in (("overlap", (few, few**3)), ("label_overlap", (few, CLASSES[:20]))):
        found, asked = ls.estimate(measure, *data), ls.estimate(measure, *data, k=5)
        assert (found.k, found.options["k"], found.warnings[0]) == (5, 5, said)
        assert (found.value, found.chance) == (asked.value, asked.chance)
    assert ls.estimate("overlap", few, -few).chance.value == 5 / 19
    assert ls.estimate("overlap", *(ls.find_neighbors(x, k=6) for x in (few, few**3))).k == 5
    assert ls.estimate("label_overlap", few, CLASSES[:20], influence=True).k == 5
    run = ls.from_arrays({"a": few, "b": few**3}, labels={"y": CLASSES[:20]})
    table = ls.measure(run)
    assert table.value.notna().all()
    assert set(table.k[table.measure == "overlap"]) == {5}
    assert set(ls.compare(run, run, "overlap").k) == {5}
    with pytest.raises(InvalidValue, match=r"^k=20 neighbors asked of 20 samples; k must lie in 1\.\.19\.$"):
        ls.measure(run, k=20)
    with pytest.raises(InvalidValue, match=r"^k=20 neighbors asked of 20 samples; k must lie in 1\.\.19\.$"):
        ls.estimate("overlap", few, few, k=20)
    assert ls.estimate("overlap", few, few**3, k=19).k == 19


def test_of_a_hundred_and_twenty_samples_the_default_is_what_the_measure_says():
    x = np.random.default_rng(0).standard_normal((120, 4))
    assert [ls.estimate("overlap", x[:n], -x[:n], influence=True).k for n in (118, 120)] == [29, 30]
    assert ls.estimate("levina_bickel", x[:21]).k == 20  # a dimension has no chance that would rise


def test_more_neighbors_than_labelled_samples_are_a_gap_of_that_label():
    few = [None if row > 9 else name for row, name in enumerate(CLASSES)]
    run = ls.from_arrays({"a": X}, labels={"few": few, "y": CLASSES})
    table = ls.measure(run, ["label_overlap"], labels=["few", "y"], k=15).set_index("label")
    assert np.isfinite(table.value["y"])
    assert table.warnings["few"] == (
        "50 of 60 samples have no label and are left out\nk=15 neighbors asked of 10 samples; k must lie in 1..9."
    )
    lowered = ls.measure(run, ["label_overlap"], labels=["few"])
    assert lowered.k.tolist() == [2]
    assert lowered.warnings[0].split("\n")[:2] == [
        "50 of 60 samples have no label and are left out",
        "k = 2, since there are 10 samples",
    ]


def test_labels_of_another_length_are_refused_as_before():
    with pytest.raises(InvalidValue, match=r"^labels of shape \(3,\) for 60 samples; give one label per sample\.$"):
        ls.estimate("label_overlap", X, ["a", None, "b"], k=5)
    assert missing(Representation(np.array([[1.0], [np.nan]]))).tolist() == [False, True]

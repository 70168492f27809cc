"""What is given at the wrong door, by another name or in another form: it works, or one line says what to write."""

import re

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.estimate import Estimate
from layerscape.core.neighbors import Neighbors
from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName

N = 60
X = np.random.default_rng(1).standard_normal((N, 4))
Y = np.arange(N) % 3


@pytest.fixture
def run():
    return ls.from_arrays({"a": X, "b": np.tanh(X)}, labels={"y": Y, "z": Y % 2})


def first(graph: Neighbors, /) -> Estimate:
    """The mean distance to the first neighbor."""
    return Estimate(graph.distances[:, 0].mean(), 0, 9, graph.n_samples)


def test_a_name_alone_is_one_name(run):
    assert ls.measure(run, "twonn").equals(ls.measure(run, ["twonn"]))
    assert set(ls.measure(run, first).measure) == {"first"}
    assert set(ls.measure(run, "label_overlap", labels="y", k=5).label) == {"y"}
    assert set(ls.measure(run, "twonn", controls="gaussian").group) == {"", "control=gaussian"}
    assert list(ls.controls("twonn", X, kinds="columns")) == ["data", "columns"]
    assert list(ls.dimension_report(X, controls="gaussian").controls) == ["gaussian"]
    assert set(ls.compare(run, run, "overlap", k=5).measure) == {"overlap"}
    pair = ls.differences(run, measures="label_overlap", labels="z", pairs=("a", "b"), k=5)
    assert pair[["layer", "other_layer", "label"]].values.tolist() == [["a", "b", "z"]]
    assert ls.recommend(run, labels="y", k=5).table is not None
    with pytest.raises(UnknownName, match=r"^unknown measure 'twon'; nearest: twonn"):
        ls.measure(run, "twon")
    with pytest.raises(UnknownName, match=r"^unknown control 'shuffled'\. There are: columns, gaussian\.$"):
        ls.measure(run, "twonn", controls="shuffled")


@pytest.mark.parametrize("form", [pd.DataFrame, dict])
def test_labels_may_come_as_a_table(form):
    run = ls.from_arrays({"a": X}, labels=form({"y": Y, "word": [f"w{i}" for i in Y]}))
    assert sorted(run.samples.labels) == ["word", "y"]
    assert ls.from_arrays({"a": X}, labels=pd.Series(Y, name="y")).samples.labels["y"].tolist() == Y.tolist()
    found = ls.estimate("label_overlap", X, Y, k=5)
    assert ls.estimate("label_overlap", X, pd.DataFrame({"y": Y}), k=5).value == found.value
    assert ls.estimate("label_overlap", X, pd.Series(Y, index=np.arange(N) + 7), k=5).value == found.value


def test_depths_may_come_by_name():
    by_name = ls.from_arrays({"a": X, "b": X + 1, "c": X}, depths={"c": 1, "a": None, "b": 0.5})
    assert dict(by_name.depths) == {"a": None, "b": 0.5, "c": 1}


ERRORS = {
    "depths of no sequence": (
        lambda: ls.from_arrays({"a": X}, depths=3),  # type: ignore[arg-type]
        InvalidValue,
        "depths=3; give 'even', a number or None for each layer, or None.",
    ),
    "depths in words": (
        lambda: ls.from_arrays({"a": X, "b": X}, depths="first"),
        InvalidValue,
        "depths='first'; give 'even', a number or None for each layer, or None.",
    ),
    "depths of other layers": (
        lambda: ls.from_arrays({"a": X, "b": X}, depths={"a": 0, "B": 1}),
        InvalidValue,
        "depths name other layers than the arrays do, as 'B'; give one for each.",
    ),
    "a list of arrays": (
        lambda: ls.from_arrays([X]),
        InvalidType,
        "arrays of type list; name the layers: layerscape.from_arrays({'layer 1': x, …}).",
    ),
    "labels without a name": (
        lambda: ls.from_arrays({"a": X}, labels=Y),
        InvalidType,
        "labels of type ndarray; name the columns in a dict: labels={'label': …}, N values each.",
    ),
    "a table of labels": (
        lambda: ls.estimate("label_overlap", X, pd.DataFrame({"y": Y, "z": Y})),
        InvalidValue,
        "labels are a table of the columns 'y', 'z'; choose one, labels['y'], or give labels.to_numpy() for paths from "
        "coarse to fine.",
    ),
    **{
        f"{name} of {what}": (call, InvalidType, text)
        for name, ask in (("measure", ls.measure), ("recommend", ls.recommend), ("differences", ls.differences))
        for what, call, text in (
            (
                "arrays",
                lambda ask=ask: ask({"a": X}),
                "a dict is no run; make one: layerscape.from_arrays({'layer 1': x, …}).",
            ),
            (
                "an array",
                lambda ask=ask: ask(X),
                "a ndarray is no run; make one: layerscape.from_arrays({'layer 1': x, …}).",
            ),
            (
                "a path",
                lambda ask=ask: ask("runs/dino"),
                "'runs/dino' is a path and no run; open it: layerscape.open('runs/dino').",
            ),
        )
    },
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_else_is_given_is_refused_with_what_to_write(case):
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call()


def test_a_misspelt_keyword_is_named_with_the_nearest_of_all(run):
    for call in (
        lambda: ls.estimate("twonn", X, metrik="cosine"),
        lambda: ls.controls("twonn", X, metrik="cosine"),
        lambda: ls.measure(run, ["twonn"], metrik="cosine"),
        lambda: ls.compare(run, run, metrik="cosine"),
        lambda: ls.differences(run, metrik="cosine"),
        lambda: ls.recommend(run, metrik="cosine"),
        lambda: ls.dimension_report(X, metrik="cosine"),
    ):
        with pytest.raises(UnknownName, match=r"^unknown option 'metrik'; nearest: metric"):
            call()
    with pytest.raises(UnknownName, match=r"^unknown option 'influense'; nearest: influence"):
        ls.estimate("twonn", X, influense=True)
    with pytest.raises(UnknownName, match=r"^unknown option 'lables'; nearest: labels"):
        ls.recommend(run, lables="y")
    with pytest.raises(UnknownName, match=r"^unknown option 'discrad'; nearest: discard"):
        ls.estimate("twonn", X, discrad=0.1)


def test_a_bad_value_is_a_value_error_and_a_name_a_key_error(run):
    for call in (
        lambda: ls.estimate("overlap", X, X, k="3"),
        lambda: ls.estimate("overlap", X, X, k=99),
        lambda: ls.estimate("twonn", X, metric="nonsense"),
        lambda: ls.estimate("twonn", X, method="nonsense"),
    ):
        with pytest.raises(ValueError, match=r"^(k=|unknown me)"):
            call()
    with pytest.raises(KeyError, match=r"^unknown layer 'c'"):
        run["c"]
    assert run.get("c") is None


def test_small_groups_and_samples_without_one_are_left_out_and_counted():
    group = ["big"] * 25 + ["large"] * 20 + ["pair"] * 2 + ["one"] + [None] * 12
    run = ls.from_arrays({"a": X, "b": np.tanh(X)}, labels={"g": group})
    with pytest.warns(UserWarning, match=r"^by='g': ") as said:
        table = ls.measure(run, ["twonn", "overlap"], by="g")
    assert [str(each.message) for each in said] == [
        "by='g': 12 of 60 samples have no value and are left out",
        "by='g': 2 of 4 groups have fewer than 10 samples and are left out: 'one' (1), 'pair' (2)",
    ]
    assert set(table.group) == {"g=big", "g=large"}
    assert set(table.n_samples) == {20}
    assert set(table.k[table.measure == "overlap"]) == {5}
    assert set(table.warnings[table.measure == "overlap"]) == {"k = 5, since there are 20 samples"}
    with pytest.warns(UserWarning, match=r"^by='g': "):
        assert set(ls.measure(run, ["overlap"], by="g", k=20).group) == {"g=big"}
    text = "by='g': the largest of 4 groups has 25 samples; a group needs 31: give a smaller k, or a column that more"
    with pytest.warns(UserWarning, match="no value"), pytest.raises(InvalidValue, match=f"^{re.escape(text)}"):
        ls.measure(run, ["overlap"], by="g", k=30)


def neighbors_called_n(graph: Neighbors, /, *, n: int = 5) -> Estimate:
    """Asks for neighbors by a name that nobody knows."""
    return Estimate(1, 1, 1, graph.n_samples)


def k_by_place(graph: Neighbors, k: int = 5) -> Estimate:
    """An option that may be given by place."""
    return Estimate(1, 1, 1, graph.n_samples)


def without_default(graph: Neighbors, /, *, k: int) -> Estimate:
    """An option without a default."""
    return Estimate(1, 1, 1, graph.n_samples)


def test_a_parameter_that_nobody_can_serve_is_refused_by_name():
    for function, text in (
        (
            neighbors_called_n,
            "measure 'neighbors_called_n' has the option 'n'; call the number of neighbors k, or give "
            "layerscape.Measure(neighbors_called_n, neighbors='n').",
        ),
        (
            k_by_place,
            "parameter 'k' of measure 'k_by_place' has a default, and so is an option: put * before it, as in "
            "(graph: Neighbors, /, *, k: int = 30).",
        ),
        (without_default, "option 'k' of measure 'without_default' has no default; give it one."),
    ):
        with pytest.raises(InvalidType, match=f"^{re.escape(text)}$"):
            ls.estimate(function, X)
    assert ls.estimate(ls.Measure(neighbors_called_n, neighbors="n"), X).value == 1
    with pytest.raises(UnknownName, match=r"^unknown option of neighbors_called_n, neighbors 'm'"):
        ls.Measure(neighbors_called_n, neighbors="m")


def test_a_run_that_cannot_be_written_is_refused_before_anything_is_computed(run, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    expected = ls.measure(ls.from_arrays({"a": X, "b": np.tanh(X)}), ["twonn", "overlap"], k=5)
    computed = []
    monkeypatch.setattr("layerscape.storage.results.tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("layerscape.run.find_neighbors", lambda *_, **__: computed.append(1))
    text = (
        f"cannot write {run.path}: Read-only file system; mend that, or give another --out, or measure without keeping "
        "anything: save=False (--no-save)"
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(text)}$"):
        ls.measure(run, ["twonn"])
    assert computed == []
    there = sorted(run.path.rglob("*"))
    table = ls.measure(run, ["twonn", "overlap"], k=5, save=False)
    assert table.value.tolist() == expected.value.tolist()
    assert sorted(run.path.rglob("*")) == there
    assert len(ls.measure(run, protocol="ansuini2019", save=False)) == 2


def test_graphs_that_are_kept_are_read_where_nothing_is_saved(run, monkeypatch):
    expected = ls.measure(run, ["twonn", "overlap"], k=5, save=False)
    run.search(20)
    monkeypatch.setattr("layerscape.supply.graphs.find_neighbors", None)
    assert ls.measure(run, ["twonn", "overlap"], k=5, save=False).value.tolist() == expected.value.tolist()


def test_a_disk_that_is_full_at_the_end_costs_no_value(run, monkeypatch):
    def full(*_, **__):
        raise FileProblem("the disk is full")

    monkeypatch.setattr("layerscape.storage.results.Results.save_estimates", full)
    with pytest.warns(UserWarning, match=r"^the table is not kept in the run: the disk is full$"):
        assert ls.measure(run, ["twonn"]).value.notna().all()


def test_which_of_two_arrays_cannot_be_read_is_said():
    bad = X.copy()
    bad[3, 1] = np.nan
    words = "sample '3' of the {} array has a value that is NaN or infinite; remove such rows, or repair what"
    for measure in ("overlap", "cka", "rsa", "information_imbalance", "procrustes"):
        for which, pair in (("first", (bad, X)), ("second", (X, bad)), ("second", (X, bad.tolist()))):
            with pytest.raises(InvalidValue, match=f"^{re.escape(words.format(which))}"):
                ls.estimate(measure, *pair)
    with pytest.raises(InvalidValue, match=r"^sample '3' of array 4 has a value"):
        ls.estimate("neighbor_survival", X, [X + 1, X * 2, bad])
    with pytest.raises(InvalidType, match=r"^the second array holds values of type "):
        ls.estimate("overlap", X, X.astype(str))
    with pytest.raises(InvalidValue, match=r"^sample '3' has a value that is NaN"):
        ls.estimate("twonn", bad)
    with pytest.raises(InvalidValue, match=r"^sample 'c3' of layer 'late' has a value that is NaN"):
        ls.from_arrays({"early": X, "late": bad}, ids=[f"c{row}" for row in range(N)])


def test_rows_that_say_by_their_ids_that_they_are_others_are_refused():
    names = [f"c{row}" for row in range(N)]
    frame, order = pd.DataFrame(X, index=names), np.random.default_rng(0).permutation(N)
    text = r"^row 0 of the first array is sample 'c0' and that of the second array 'c\d+'; bring them to one order, or"
    with pytest.raises(InvalidValue, match=text):
        ls.estimate("overlap", frame, frame.iloc[order])
    assert ls.estimate("overlap", frame, frame.iloc[order].loc[names]).value == 1
    for same in (frame, X, frame.reset_index(drop=True), ls.find_neighbors(X, 31)):
        assert ls.estimate("overlap", frame, same).value == 1
    runs = [ls.from_arrays({"x": X[rows]}, ids=np.array(names)[rows]) for rows in (np.arange(N), order)]
    with pytest.raises(InvalidValue, match=r"^row 0 of layer 'x' is sample 'c0' and that of layer 'x' 'c\d+'; bring"):
        ls.estimate("cka", *(run["x"] for run in runs))
    labels = pd.Series(Y, index=names)
    found = ls.estimate("label_overlap", frame, labels, k=5).value
    assert found == ls.estimate("label_overlap", X, Y, k=5).value
    with pytest.raises(InvalidValue, match=r"^the index of the labels has the ids of the samples in another order, 'c"):
        ls.estimate("label_overlap", frame, labels.iloc[order], k=5)
    for together in ({"groups": labels.iloc[order]}, {"repeats": (labels, labels.iloc[order])}):
        with pytest.raises(InvalidValue, match=r"^the index of the labels has the ids of the samples in another order"):
            ls.estimate("cka", frame, X, **together)
    twice = pd.DataFrame(X, index=["a", "b"] * (N // 2))  # names no samples
    assert ls.estimate("overlap", twice, X).value == 1


def test_an_index_names_the_samples_of_a_run():
    names = [f"c{row}" for row in range(N)]
    frame = pd.DataFrame(X, index=names)
    run = ls.from_arrays({"a": frame, "b": X}, labels=pd.DataFrame({"y": Y}, index=names))
    assert run.samples.ids == tuple(names)
    with pytest.raises(InvalidValue, match=r"^row 0 of layer 'a' is sample 'c0' and that of layer 'b' 'c59'; bring"):
        ls.from_arrays({"a": frame, "b": frame[::-1]})
    assert ls.from_arrays({"a": frame, "b": frame[::-1]}, ids=range(N)).samples.ids[1] == "1"

"""Tables as labeled arrays, and the vectors of a run as xarray opens them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import FileProblem, InvalidValue, MissingExtra

xarray = pytest.importorskip("xarray")
pandas = pytest.importorskip("pandas")
EARLIER = Path(__file__).parent / "storage" / "earlier"


@pytest.fixture(scope="module")
def arrays():
    x = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)
    return {"input": x, "block_2": x[:, :3] ** 3, "block_10": np.tanh(x[:, :4]), "слой 1": x[:, :1], "a/b": x[:, :2]}


@pytest.fixture(scope="module")
def run(arrays, tmp_path_factory):
    labels = {"digit": np.arange(120) % 3, "place": arrays["input"][:, :2] + 0.5, "input": np.arange(120) % 2}
    return ls.from_arrays(arrays, labels=labels, ids=range(120), out=tmp_path_factory.mktemp("labeled") / "run")


@pytest.fixture(scope="module")
def table(run):
    names = ["twonn", "gride", "overlap", "information_imbalance", "label_overlap", "neighbor_survival"]
    return ls.measure(run, names, k=10, labels=["digit", "input"])


def test_zarr_alone_opens_the_layers_in_order_and_by_name(run, arrays):
    found = xarray.open_zarr(run.path / "vectors.zarr")
    assert list(found) == ["input", "block_2", "block_10", "слой 1", "004-a_b"]  # which no folder can be called
    assert found["block_10"].dims == ("sample", "block_10_unit")
    assert found["004-a_b"].attrs["layer"] == "a/b"
    for layer in ("input", "block_2", "block_10", "слой 1"):
        np.testing.assert_array_equal(found[layer], arrays[layer])


def test_a_run_is_a_dataset_that_reads_what_is_asked(run, arrays):
    found = run.to_xarray()
    assert list(found) == list(arrays)
    assert found["a/b"].dims == ("sample", "a/b_unit")
    assert found["block_2"].attrs == {"depth": 0.25}
    assert found["place"].dims == ("sample", "place_value")
    np.testing.assert_array_equal(found["input (label)"], np.arange(120) % 2)
    np.testing.assert_array_equal(found["block_10"].sel(sample="7"), arrays["block_10"][7])
    np.testing.assert_array_equal(found["input"][[5, 1], ::-2], arrays["input"][[5, 1], ::-2])
    np.testing.assert_allclose(found["input"].mean("sample"), arrays["input"].mean(axis=0), rtol=1e-5, atol=1e-6)


def test_a_dataset_of_a_run_is_proven_as_it_is_read(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    copy = ls.open(tmp_path / "run").to_xarray()
    chunk = tmp_path / "run" / "vectors.zarr" / "block_2" / "c.0.0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    copy["input"].load()
    with pytest.raises(FileProblem, match="is damaged"):
        copy["block_2"].load()


def test_a_run_of_an_earlier_version_is_a_dataset_too(tmp_path):
    shutil.copytree(EARLIER, tmp_path / "run")
    run = ls.open(tmp_path / "run")
    found = run.to_xarray()
    assert list(found) == list(run)
    for layer in run:
        np.testing.assert_array_equal(found[layer], run[layer])


def test_pairs_are_whole_maps_with_their_diagonal(table):
    found = ls.to_xarray(table)
    layers = ["input", "block_2", "block_10", "слой 1", "a/b"]
    assert list(found.layer.values) == list(found.other_layer.values) == layers
    assert found.overlap.dims == ("layer", "other_layer")
    np.testing.assert_array_equal(found.overlap, found.overlap.T)
    np.testing.assert_array_equal(np.diag(found.overlap), 1)
    np.testing.assert_array_equal(np.diag(found.overlap_low), 1)
    np.testing.assert_array_equal(np.diag(found.information_imbalance), 0)
    for row in table[table.measure.isin(["overlap", "information_imbalance"])].to_dict("records"):
        place = {"layer": row["layer"], "other_layer": row["other_layer"]}
        for column in ("value", "low", "high", "chance"):
            name = row["measure"] + ("" if column == "value" else f"_{column}")
            assert float(found[name].sel(place)) == row[column]
    assert not found.overlap.isnull().any()
    assert found.neighbor_survival.isnull().sum() == 10  # it goes one way only
    np.testing.assert_array_equal(found.depth, [0, 0.25, 0.5, 0.75, 1])


def test_layers_labels_and_curves_have_their_dimensions(table):
    found = ls.to_xarray(table)
    assert found.twonn.dims == ("layer",)
    assert found.label_overlap.dims == ("layer", "label")
    assert found.gride.dims == ("layer", "gride_k")
    assert found.gride_scale.shape == found.gride.shape
    assert float(found.label_overlap.sel(layer="input", label="digit")) == pytest.approx(
        table[(table.measure == "label_overlap") & (table.label == "digit")].value.iloc[0]
    )
    assert found.twonn.attrs["long_name"] == "TwoNN (dimensions)"
    assert found.twonn.attrs["n_samples"] == 120


def test_two_runs_are_a_rectangle(run, arrays):
    other = ls.from_arrays({"one": arrays["input"], "input": arrays["input"] ** 3}, ids=run.samples.ids)
    found = ls.to_xarray(ls.compare(run, other, ["overlap"], k=10))
    assert found.overlap.shape == (5, 2)
    assert float(found.overlap.sel(layer="input", other_layer="one")) == 1
    assert float(found.overlap.sel(layer="input", other_layer="input")) < 1


def test_what_is_not_plain_is_refused(table, run):
    two = pandas.concat([table, ls.measure(run, ["overlap"], k=5)])
    with pytest.raises(InvalidValue) as raised:
        ls.to_xarray(two)
    assert str(raised.value) == (
        "'overlap' was asked 2 questions: k 5; k 10; select one, as in table[table.k == 30] or "
        "table[table.group == '']."
    )
    ls.to_xarray(two[(two.k == 10) & (two.measure == "overlap")])
    with pytest.raises(InvalidValue, match=r"^'twonn' was asked 2 questions: group digit=0; group digit=1"):
        ls.to_xarray(ls.measure(run, ["twonn"], by="digit").query("group != 'digit=2'"))
    with pytest.raises(InvalidValue, match=r"^'twonn' has rows of controls too; select: table\[table.group == ''\]"):
        ls.to_xarray(ls.measure(run, ["twonn"], controls=["gaussian"]))
    with pytest.raises(
        InvalidValue, match=re.escape("a table of 2 runs, 'run', 'x'; select one: table[table.run == 'run'].")
    ):
        ls.to_xarray(pandas.concat([table, table.assign(run="x")]))
    with pytest.raises(InvalidValue, match=r"^a table without the column 'group'; give one of measure or compare\.$"):
        ls.to_xarray(ls.differences(run, measures=["twonn"]))
    with pytest.raises(InvalidValue, match=r"^a table without rows; measure something first\.$"):
        ls.to_xarray(table[:0])


def test_without_the_library_a_line_says_how_to_get_it(table, run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    for call in (lambda: ls.to_xarray(table), run.to_xarray):
        with pytest.raises(MissingExtra, match=r"^this needs xarray, .* run: pip install 'layerscape\[xarray\]'$"):
            call()

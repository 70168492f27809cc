"""Runs from files of vectors: every format gives the same layers, and what cannot be told is refused in one line."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import FileProblem, InvalidType, InvalidValue, LayerscapeError

N = 40
IDS = [f"s{i}" for i in range(N)]


@pytest.fixture
def data(tmp_path, rng, monkeypatch):
    """Two layers of 40 samples, with ids and a label, and the current folder to write them to."""
    monkeypatch.chdir(tmp_path)
    x = rng.standard_normal((N, 7))
    return x, np.tanh(x[:, :5]), [str(word) for word in np.where(x[:, 0] > 0, "b", "a")]


def npz(x, y, label):
    np.savez("a.npz", block_2=x, block_10=y, label=label, ids=IDS)
    return "a.npz"


def safetensors(x, y, label):
    pytest.importorskip("safetensors.numpy").save_file({"block_10": y, "block_2": x}, "a.safetensors")
    return "a.safetensors"


def parquet(x, y, label):
    pandas = pytest.importorskip("pandas")
    table = {"id": IDS, "block_2": list(x), "block_10": list(y), "label": label}
    pandas.DataFrame(table).to_parquet("a.parquet")
    return "a.parquet"


def zarr(x, y, label):
    group = pytest.importorskip("zarr").open_group("a.zarr", mode="w")
    group.create_array("block_2", data=x)
    group.create_array("block_10", data=y)
    return "a.zarr:block_2,block_10"


def hdf5(x, y, label):
    with pytest.importorskip("h5py").File("a.h5", "w") as file:
        file["block_10"], file["block_2"], file["label"], file["ids"] = y, x, label, IDS
    return "a.h5"


def matlab(x, y, label):
    words = np.array(label, dtype=object)
    pytest.importorskip("scipy.io").savemat("a.mat", {"block_2": x, "block_10": y, "label": words})
    return "a.mat"


def tensors(x, y, label):
    torch = pytest.importorskip("torch")
    held = {"block_2": torch.tensor(x, requires_grad=True), "block_10": torch.tensor(y), "label": label, "ids": IDS}
    torch.save({**held, "epoch": 3}, "a.pt")
    return "a.pt"


@pytest.mark.parametrize("write", [npz, safetensors, parquet, zarr, hdf5, matlab, tensors])
def test_every_format_gives_the_same_layers_to_the_bit(write, data):
    x, y, label = data
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "a.pt: left out 'epoch'")
        run = ls.from_files(write(*data))
    assert run.layers == ("block_2", "block_10")
    assert run.depths == {"block_2": None, "block_10": None}
    np.testing.assert_array_equal(run["block_2"].read(slice(None)), x)
    np.testing.assert_array_equal(run["block_10"].read(slice(None)), y)
    if write not in (safetensors, zarr):
        assert run.samples.labels["label"].tolist() == label
    if write not in (safetensors, zarr, matlab):
        assert run.samples.ids == tuple(IDS)


@pytest.mark.parametrize("as_stored", [np.asfortranarray, lambda x: x.astype(">f4"), lambda x: x > 0, np.float16])
def test_an_array_of_any_order_and_type_is_read_as_it_is(as_stored, data):
    stored = as_stored(data[0])
    np.save("слой.npy", stored)
    run = ls.from_files("слой.npy", depths=[0.5])
    assert run.depths == {"слой": 0.5}
    np.testing.assert_array_equal(run["слой"].read(slice(None)), stored.astype(float))


def test_samples_of_two_files_are_matched_by_id_and_never_by_row_in_silence(data):
    pandas = pytest.importorskip("pandas")
    x, y, label = data
    pandas.DataFrame({"id": IDS, "u": list(x), "label": label}).to_parquet("a.parquet")
    pandas.DataFrame({"id": IDS[::-1], "u": list(y[::-1]), "label": label[::-1]}).to_parquet("b.parquet")
    run = ls.from_files("a.parquet", "b.parquet")
    assert run.layers == ("a/u", "b/u")
    np.testing.assert_array_equal(run["b/u"].read(slice(None)), y)
    np.save("c.npy", y)
    with pytest.warns(UserWarning, match=r"^c\.npy without ids: row i is taken to be the same sample in all 2 files$"):
        ls.from_files("a.parquet", "c.npy")
    pandas.DataFrame({"id": ["t", *IDS[1:]], "u": list(y)}).to_parquet("d.parquet")
    with pytest.raises(
        InvalidValue, match=r"^d\.parquet has no row for 1 of 40 samples: 's0'; give files of the same samples as a"
    ):
        ls.from_files("a.parquet", "d.parquet")


REFUSED = {
    "three": "layer 'three' has three axes, 40 × 7 × 5; a layer is samples × units: say what becomes of time or tokens",
    "none": "layer 'none' is empty, shape (0, 7); give at least one row and one column.",
    "nan": "sample '0' of layer 'nan' has a value that is NaN or infinite",
    "objects": "objects.npy cannot be read (it is no array, or one of Python objects, which is never unpickled)",
    "list": "list.npy holds no matrix of samples × units but an array of 40; give one that does.",
    "words": "words.npy holds no matrix of samples × units but an array of 40 × 7 texts; give one that does.",
    "days": "days.npy holds no matrix of samples × units but an array of 40 × 7 dates; give one that does.",
    "far": "far.npy: a matrix of 40 × 9 that looks like distances of neighbors and not like vectors; give the row "
    "numbers of these neighbors, and this file with --distances.",
    "uneven": "uneven.npy: from sample 0 to 1 it is",
    "complex": "layer 'complex' holds values of type complex128; give real numbers.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_layer_is_refused_in_one_line(name, data):
    x, y, _ = data
    distances = np.sqrt(((x[:, None] - x) ** 2).sum(-1))
    given = {"three": x[:, :, None] * y[:, None], "none": x[:0], "nan": np.where(x == x[0, 0], np.nan, x)}
    given |= {"objects": x.astype(object), "list": x[:, 0], "far": np.sort(distances)[:, :9]}
    given |= {"words": x.astype(str), "days": x.astype(int).astype("M8[D]")}
    given |= {"uneven": distances + np.triu(np.ones((N, N)), 1), "complex": x * 1j}
    np.save(f"{name}.npy", given[name], allow_pickle=name == "objects")
    with pytest.raises(LayerscapeError, match=f"^{re.escape(REFUSED[name])}"):
        ls.from_files(f"{name}.npy")


def test_anndata_in_zarr_whose_categories_are_codes_is_to_be_written_otherwise(data):
    group = pytest.importorskip("zarr").open_group("cells.zarr", mode="w", attributes={"encoding-type": "anndata"})
    group.create_array("obsm/X_pca", data=data[0])
    said = "cells.zarr is AnnData in Zarr; write it as .h5ad: anndata.read_zarr('cells.zarr').write_h5ad(FILE)."
    with pytest.raises(InvalidValue, match=f"^{re.escape(said)}$"):
        ls.from_files("cells.zarr")


def test_time_is_what_the_user_says(data, rng):
    cube = rng.standard_normal((N, 4, 9))
    np.save("cube.npy", cube)
    says = r"^layer 'cube': the last axis of 40 × 4 × 9 is taken as time; --time-axis 1 is the other$"
    with pytest.warns(UserWarning, match=says):
        mean = ls.from_files("cube.npy", time="mean")
    np.testing.assert_allclose(mean["cube"].read(slice(None)), cube.mean(2), atol=1e-15)
    for options, expected in (
        ({"time": -1, "time_axis": 1}, cube[:, -1]),
        ({"time": "3", "time_axis": 2}, cube[..., 3]),
        ({"time": "flatten"}, cube.reshape(N, -1)),
    ):
        run = ls.from_files("cube.npy", **options)
        np.testing.assert_array_equal(run["cube"].read(slice(None)), expected)
    with pytest.raises(InvalidValue, match=r"^time=9 of layer 'cube', which has 9 steps; give 0\.\.8\.$"):
        ls.from_files("cube.npy", time=9, time_axis=2)


def test_neurons_by_trials_are_turned_where_that_is_said(data):
    x = data[0]
    np.save("x.npy", x)
    np.save("turned.npy", x.T)
    run = ls.from_files("turned.npy", transposed=True)
    np.testing.assert_array_equal(run["turned"].read(slice(None)), x)
    with pytest.raises(InvalidValue, match=r"^turned\.npy has 7 samples and x\.npy 40; .* --transposed that samples"):
        ls.from_files("x.npy", "turned.npy")


def test_a_string_is_the_name_of_one_label_unless_it_is_a_file(data):
    csv = pytest.importorskip("pandas").DataFrame(data[0], columns=[f"e{i}" for i in range(7)])
    csv.assign(id=IDS, topic=data[2]).to_csv("a.csv", index=False)
    run = ls.from_files("a.csv", labels="topic")
    assert (run.samples.labels["topic"].tolist(), run["a"].n_units) == (data[2], 7)
    with pytest.raises(LayerscapeError, match=r"^unknown label column 'topics'; nearest: topic\."):
        ls.from_files("a.csv", labels="topics")
    with pytest.raises(LayerscapeError, match=r"^topic\.csv does not exist; check the path\.$"):
        ls.from_files("a.csv", labels="topic.csv")


def test_a_table_of_labels_without_ids_has_a_row_for_each_sample(data):
    np.save("x.npy", data[0])
    table = pytest.importorskip("pandas").DataFrame({"topic": data[2]})
    table.to_csv("labels.csv", index=False)
    with pytest.warns(UserWarning, match=r"^labels\.csv has no column of ids: its row i is taken to be sample i$"):
        run = ls.from_files("x.npy", labels="labels.csv")
    assert run.samples.labels["topic"].tolist() == data[2]
    with pytest.warns(UserWarning, match=r"^labels\.csv has no column of ids"):
        run.add_labels("labels.csv")
    table[1:].to_csv("labels.csv", index=False)
    with pytest.raises(InvalidValue, match=r"^labels\.csv has no column of ids, and 39 rows .* for 40 samples"):
        ls.from_files("x.npy", labels="labels.csv")
    table.assign(ids=IDS).to_csv("labels.csv", index=False)
    with pytest.warns(UserWarning, match=r"^row i of labels\.csv is taken to be the same sample as row i of x\.npy$"):
        assert list(ls.from_files("x.npy", labels="labels.csv").samples.ids) == list(IDS)


def test_a_checkpoint_of_weights_holds_no_samples(data):
    from safetensors.numpy import save_file

    save_file({"h.0.weight": data[0], "h.0.bias": data[0][:, 0].copy()}, "model.safetensors")
    with pytest.raises(InvalidValue) as refusal:
        ls.from_files("model.safetensors")
    assert str(refusal.value) == (
        "model.safetensors looks like the weights of a model, 'h.0.weight' for one, whose rows are no samples; extract "
        "layers from the model, or name what you mean all the same: model.safetensors:h.0.weight."
    )
    assert ls.from_files("model.safetensors:h.0.weight").n_samples == 40  # such as the vectors of all words
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Sequential(torch.nn.Linear(7, 40)).state_dict(), "net.pt")
    with pytest.raises(InvalidValue, match=r"^net\.pt looks like the weights of a model, '0\.weight' for one"):
        ls.from_files("net.pt")


def test_a_gzipped_array_is_named_as_one(data):
    import gzip
    import pathlib

    np.save("x.npy", data[0])
    pathlib.Path("x.npy.gz").write_bytes(gzip.compress(pathlib.Path("x.npy").read_bytes()))
    with pytest.raises(
        FileProblem, match=r"^x\.npy\.gz is gzipped, and an array is read where it lies; unpack it: gunzip"
    ):
        ls.from_files("x.npy.gz")


def test_more_ids_than_samples_that_are_but_numbered_are_said(data):
    np.save("x.npy", data[0])
    table = pytest.importorskip("pandas").DataFrame({"id": range(45), "topic": [*data[2], *data[2][:5]]})
    table.to_csv("labels.csv", index=False)
    says = r"^labels\.csv has 5 rows more than there are samples; sample i is taken to be its id i$"
    with pytest.warns(UserWarning, match=says):
        run = ls.from_files("x.npy", labels="labels.csv")
    assert run.samples.labels["topic"].tolist() == data[2]


def test_layers_have_names_of_their_own(data):
    np.save("x.npy", data[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = ls.from_files("early=x.npy", f"late={npz(*data)}:block_10")
        assert run.layers == ("early", "late")
        says = r"^x\.npy and x\.npy are both called 'x'; name them: a=x\.npy b=x\.npy\.$"
        with pytest.raises(InvalidValue, match=says):
            ls.from_files("x.npy", "x.npy")


def test_such_a_run_is_measured_as_any(data):
    run = ls.from_files(npz(*data), depths="even")
    table = ls.measure(run, ["participation_ratio", "overlap", "label_overlap"], k=5)
    assert set(table.measure) == {"participation_ratio", "overlap", "label_overlap"}
    assert set(table.depth) == {0.0, 1.0}
    assert ls.recommend(run, k=5).reason


@pytest.mark.parametrize("version", [2, 3])
def test_layers_of_zarr_come_by_number_in_whatever_order_folders_list_them(data, version):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group("a.zarr", mode="w", zarr_format=version)
    for number in (3, 10, 1, 2):
        group.create_array(f"block_{number}", data=data[0] + number)
    run = ls.from_files("a.zarr", depths="even")
    assert run.layers == ("block_1", "block_2", "block_3", "block_10")
    np.testing.assert_allclose(run["block_10"], data[0] + 10)


def test_what_a_run_writes_is_the_same_run_again(data):
    x, _, label = data
    run = ls.from_arrays({f"b{number}": x + number for number in range(1, 12)}, labels={"label": label}, ids=IDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zarr, about its own format
        run.to_xarray().to_zarr("a.zarr")
    run.to_parquet("a.parquet")
    for again in (ls.from_files("a.zarr"), ls.from_files("a.parquet")):
        assert (again.layers, list(again.samples.ids)) == (run.layers, IDS)
        assert again.samples.labels["label"].tolist() == label
        assert list(again.depths.values()) == list(run.depths.values())
    assert ls.from_files("a.parquet", depths=[None] * 11).depths["b2"] is None


def test_arrays_of_a_type_that_is_not_read_are_left_out_and_named(data):
    x, y, label = data
    np.savez("a.npz", early=x, late=y, words=np.array(label, dtype=object))
    with pytest.warns(UserWarning, match=r"^a\.npz: left out 'words', of a type that is not read; save texts as np"):
        assert ls.from_files("a.npz").layers == ("early", "late")
    np.savez("b.npz", words=np.array(label, dtype=object))
    with pytest.raises(FileProblem, match=r"^b\.npz cannot be read \(it is no array, or one of Python objects, which"):
        ls.from_files("b.npz")


def test_tensors_of_eight_bits_beside_others_are_left_out_and_named(data):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    x = torch.from_numpy(data[0])
    library.save_file({"x": x.bfloat16(), "y": x.to(torch.float8_e4m3fn)}, "a.safetensors")
    with pytest.warns(
        UserWarning, match=r"^a\.safetensors: left out 'y', of a type that is not read; save it as float"
    ):
        assert ls.from_files("a.safetensors:x").layers == ("x",)


def test_ids_of_h5_that_are_bytes_are_utf_8(data):
    h5py = pytest.importorskip("h5py")
    names = [f"é{name}" for name in IDS]
    with h5py.File("a.h5", "w") as file:
        file["x"] = data[0]
        file.create_dataset("id", data=[name.encode() for name in names], dtype=h5py.string_dtype("ascii"))
    assert list(ls.from_files("a.h5").samples.ids) == names


def test_files_in_a_list_are_refused_and_how_many_samples_there_are_is_kept(data):
    np.save("a.npy", data[0])
    with pytest.raises(InvalidType, match=r"^files of type list; give them one by one: from_files\(\*files\)\.$"):
        ls.from_files(["a.npy"])
    assert ls.from_files("a.npy").folder.record["counts"] == {"kept": N, "skipped": {}, "cut": 0}


@pytest.mark.parametrize("said", ["250 m", "-3", "nan"])
def test_what_others_call_a_depth_is_none(data, said):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    column = arrow.array(data[0].tolist())
    field = arrow.field("sensor", column.type, metadata={"depth": said})
    parquet.write_table(arrow.Table.from_arrays([column], schema=arrow.schema([field])), "a.parquet")
    assert ls.from_files("a.parquet").depths == {"sensor": None}


def test_a_damaged_chunk_of_zarr_is_one_line(data):
    zarr = pytest.importorskip("zarr")
    zarr.open_group("a.zarr", mode="w").create_array("x", data=data[0])
    chunk = next(path for path in Path("a.zarr/x").rglob("*") if path.is_file() and path.name != "zarr.json")
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(FileProblem, match=r"^a\.zarr cannot be read \(.*\); check it, or write it again"):
        ls.from_files("a.zarr")

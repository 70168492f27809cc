"""A run as the user holds it: a mapping of layers whose vectors numpy can read."""

import pickle
from collections.abc import Mapping
from threading import Lock
from time import sleep

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.conversion import Bfloat16
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.storage import RunFolder


@pytest.fixture
def arrays(rng):
    x = rng.standard_normal((20, 6)).astype(np.float32)
    return {"block_1": x, "a/b": x[:, :2] * 2, "слой 10": np.tanh(x[:, :3])}


@pytest.fixture
def run(arrays):
    return ls.from_arrays(arrays)


def test_a_run_is_a_mapping_of_its_layers_in_order(run, arrays):
    assert isinstance(run, Mapping)
    assert list(run) == list(run.keys()) == list(arrays)
    assert (len(run), run.n_samples, bool(run)) == (3, 20, True)
    assert "a/b" in run
    assert "b" not in run
    assert 3 not in run
    assert [x.layer for x in run.values()] == list(arrays)
    assert {name: x.n_units for name, x in run.items()} == {"block_1": 6, "a/b": 2, "слой 10": 3}
    assert run.get("b") is None
    assert dict(run)["a/b"] is run["a/b"]
    assert run.keys() & {"a/b", "b"} == {"a/b"}


def test_a_layer_that_is_none_is_a_missing_key_with_its_nearest_names(run):
    with pytest.raises(KeyError) as raised:
        run["block_2"]
    assert isinstance(raised.value, UnknownName)
    assert str(raised.value) == "unknown layer 'block_2'; nearest: block_1. There are: a/b, block_1, слой 10."
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_a_run_equals_itself_only(run, arrays):
    other = ls.open(run.path)
    assert run == run
    assert run != other
    assert len({run, other, run}) == 2


def test_a_run_of_a_run_is_a_copy(run, arrays):
    copy = ls.from_arrays(run, labels={"half": np.arange(20) % 2})
    for layer, x in arrays.items():
        np.testing.assert_array_equal(copy[layer], x)


def test_a_temporary_run_has_the_fingerprint_of_one_that_is_kept(run, arrays, tmp_path):
    kept = ls.from_arrays(arrays, out=tmp_path / "run")
    assert len(kept.record["samples"]) == 64
    assert run.record["samples"] == ls.open(run.path).record["samples"] == kept.record["samples"]
    arrays["a/b"] = arrays["a/b"] + 1
    assert ls.from_arrays(arrays).record["samples"] != run.record["samples"]


def test_of_what_cannot_be_a_run_no_folder_is_left(arrays, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arrays["a/b"][3, 1] = np.nan
    with pytest.raises(InvalidValue, match="sample '3' of layer 'a/b' has a value that is NaN or infinite"):
        ls.from_arrays(arrays)
    assert not list(tmp_path.iterdir())


def test_what_is_not_in_memory_is_read_by_one_thread_at_a_time(rng):
    class OnDisk:
        shape, ndim, dtype, busy = (20, 2), 2, np.dtype(np.float32), Lock()
        values = rng.standard_normal((20, 2)).astype(np.float32)

        def __getitem__(self, rows):
            assert self.busy.acquire(blocking=False), "it is read by two at once"
            sleep(0.02)
            self.busy.release()
            return self.values[rows]

    run = ls.from_arrays({"a": OnDisk(), "b": OnDisk()})
    np.testing.assert_array_equal(run["b"], OnDisk.values)


def test_numpy_reads_a_layer_in_the_type_it_is_stored_in(run, arrays):
    for layer, x in arrays.items():
        assert np.asarray(run[layer]).dtype == np.float32
        np.testing.assert_array_equal(run[layer], x)
        assert np.array(run[layer], dtype=np.float64).dtype == np.float64
    assert np.vstack(list(run.values())[:1]).shape == (20, 6)
    np.testing.assert_allclose(np.mean(run["a/b"], axis=0), arrays["a/b"].mean(axis=0))


def test_numpy_shares_memory_where_it_can_and_copies_where_it_is_told(rng):
    x = rng.standard_normal((5, 2))
    held = Representation(x)
    assert np.shares_memory(np.asarray(held), x)
    assert np.shares_memory(np.array(held, copy=False), x)
    assert not np.shares_memory(np.array(held), x)
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.array(held, dtype=np.float32, copy=False)
    halves = Representation(Bfloat16(np.array([[0x3F80, 0x4000]], np.uint16)))
    np.testing.assert_array_equal(np.asarray(halves), [[1, 2]])
    with pytest.raises(InvalidValue, match=r"^the data is read into memory when it is made an array; leave copy=False"):
        np.array(halves, copy=False)


def test_other_libraries_take_a_layer(run, arrays):
    pandas, sklearn = pytest.importorskip("pandas"), pytest.importorskip("sklearn.decomposition")
    torch = pytest.importorskip("torch")
    assert sklearn.PCA(2).fit_transform(run["block_1"]).shape == (20, 2)
    assert pandas.DataFrame(np.asarray(run["a/b"])).shape == (20, 2)
    assert torch.as_tensor(np.asarray(run["a/b"])).shape == (20, 2)


def test_a_whole_run_where_one_layer_is_wanted_is_refused_in_a_line(run):
    with pytest.raises(InvalidType) as raised:
        ls.estimate("twonn", run)
    text = "3 layers or arrays by name ('block_1', 'a/b', 'слой 10') where one is wanted; give one: x[NAME]."
    assert str(raised.value) == text


def test_a_run_written_as_parquet_is_read_to_the_bit(tmp_path, rng):
    x = rng.standard_normal((30, 4))
    labels = {"side": np.where(x[:, 0] > 0, "b", "a"), "score": x[:, 1], "first": np.arange(30) % 3}
    ids = [f"s{i}" for i in range(30)]
    for dtype in (np.float16, np.float32, np.float64):
        layers = {"first": x.astype(dtype), "second": np.tanh(x[:, :3]).astype(dtype)}
        run = ls.from_arrays(layers, labels=labels, ids=ids)
        again = ls.from_files(run.to_parquet(tmp_path / f"{np.dtype(dtype).name}.parquet"))
        assert again.samples.ids == run.samples.ids
        assert set(again.samples.labels) == {"side", "score", "first (label)"}
        for layer, vectors in run.to_numpy().items():
            assert vectors.dtype == again.to_numpy()[layer].dtype == dtype
            np.testing.assert_array_equal(vectors, again.to_numpy()[layer])
            np.testing.assert_array_equal(vectors, layers[layer])
    with pytest.raises(
        InvalidValue, match=r"^cannot write .*: it is a folder; give the name of a file, NAME\.parquet\.$"
    ):
        run.to_parquet(tmp_path)


def test_a_layer_that_cannot_be_searched_is_told_from_one_that_is_still_being_kept(rng, monkeypatch):
    keep = RunFolder.save_graph

    def slowly(self, layer, graph):
        sleep(0.05)
        keep(self, layer, graph)

    monkeypatch.setattr(RunFolder, "save_graph", slowly)
    x = rng.standard_normal((30, 4))
    run = ls.from_arrays({"a": x, "zero": np.vstack([np.zeros(4), x[1:]]), "c": x**3, "d": x**5})
    table = ls.measure(run, ["twonn"], metric="cosine").set_index("layer")
    assert table.value.isna().to_dict() == {"a": False, "zero": True, "c": False, "d": False}
    assert "is a row of zeros" in table.warnings["zero"]
    monkeypatch.undo()
    assert [run.keeps_graph(layer, 2, {"metric": "cosine"}) for layer in run.layers] == [True, False, True, True]


def test_what_cannot_be_kept_of_a_search_is_raised_by_it(rng, monkeypatch):
    def full(self, layer, graph):
        raise OSError(layer)

    monkeypatch.setattr(RunFolder, "save_graph", full)
    x = rng.standard_normal((30, 4))
    with pytest.raises(OSError, match="b"):
        ls.from_arrays({"a": x, "b": x**3}).search(3, layers="b")

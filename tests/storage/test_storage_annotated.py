"""A run as AnnData: what anndata 0.12 read of such a file when this was written, by the layout that it documents."""

import sys

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, MissingExtra

h5py = pytest.importorskip("h5py")
N = 30
IDS = [f"клетка-{row} 🐭" for row in range(N)]
NAMES = ("b_10", "a/b", "слой 1", "a_b")


@pytest.fixture
def run(rng):
    widths = dict(zip(NAMES, (4, 7, 2, 3), strict=True))
    layers = {name: rng.standard_normal((N, width)).astype(np.float32) for name, width in widths.items()}
    labels = {
        "kind": np.array(["x", "", "ö 🎈"] * 10),
        "depth": np.where(np.arange(N) == 3, np.nan, np.arange(N) / 7),
        "n": np.arange(N) % 4,
        "pos": rng.standard_normal((N, 2)),
        "_index": np.arange(N) % 2,
    }
    return ls.from_arrays(layers, ids=IDS, labels=labels, depths=[0, 0.5, None, 1])


def test_what_anndata_documents_is_in_the_file(tmp_path, run):
    assert run.to_anndata(tmp_path / "a.h5ad") == tmp_path / "a.h5ad"
    with h5py.File(tmp_path / "a.h5ad") as file:
        assert dict(file.attrs) == {"encoding-type": "anndata", "encoding-version": "0.1.0"}
        obs = file["obs"]
        assert obs.attrs["encoding-type"] == "dataframe"
        assert obs[obs.attrs["_index"]].asstr()[:].tolist() == IDS
        assert list(obs.attrs["column-order"]) == ["kind", "depth", "n", "_index (label)"]
        kind = obs["kind"]
        assert (kind.attrs["encoding-type"], kind.attrs["ordered"]) == ("categorical", False)
        assert kind["categories"].asstr()[:].tolist() == ["x", "ö 🎈"]
        assert kind["codes"][:6].tolist() == [0, -1, 1, 0, -1, 1]
        np.testing.assert_array_equal(obs["depth"][:], run.samples.labels["depth"])
        assert len(file["var"]["_index"]) == 0
        assert "X" not in file
        assert list(file["obsm"]) == ["b_10", "a_b", "слой 1", "a_b (2)", "pos (label)"]
        told = file["uns/layerscape"]
        assert told["layers"].asstr()[:].tolist() == list(NAMES)
        assert told["obsm"].asstr()[:].tolist() == list(file["obsm"])[:4]
        np.testing.assert_array_equal(told["depths"], [0, 0.5, np.nan, 1])
        kinds = {part.attrs["encoding-type"] for part in (file["obsm"], file["uns"], told)}
        assert kinds == {"dict"}


def test_a_file_that_was_written_is_the_run_again(tmp_path, run):
    again = ls.from_files(run.to_anndata(tmp_path / "a.h5ad"), labels=["kind", "depth", "n"])
    assert again.samples.ids == run.samples.ids
    assert again.layers[:4] == ("obsm/b_10", "obsm/a_b", "obsm/слой 1", "obsm/a_b (2)")
    for name, own in zip(run.layers, again.layers, strict=False):
        np.testing.assert_array_equal(np.asarray(run[name]), np.asarray(again[own]))
    np.testing.assert_array_equal(again.samples.labels["depth"], run.samples.labels["depth"])
    assert again.samples.labels["n"].tolist() == run.samples.labels["n"].astype(str).tolist()
    assert again.samples.labels["kind"][:3].tolist() == ["x", None, "ö 🎈"]


def test_where_it_cannot_be_written_is_said(tmp_path, run, monkeypatch):
    for place, text in ((tmp_path, "it is a folder"), (tmp_path / "a.h5", r"it does not end in \.h5ad")):
        with pytest.raises(InvalidValue, match=rf"^cannot write .*: {text}; give the name of a file, NAME\.h5ad\.$"):
            run.to_anndata(place)
    with pytest.raises(InvalidValue, match=r"^cannot write .*: .*none is no folder; give the name of a file"):
        run.to_anndata(tmp_path / "none" / "a.h5ad")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        MissingExtra, match=r"^this needs h5py, which is not installed; run: pip install 'layerscape\[f"
    ):
        run.to_anndata(tmp_path / "b.h5ad")
    assert list(tmp_path.iterdir()) == []

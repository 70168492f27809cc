"""A run folder from its first block to its last, and everything that it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import FileProblem, InvalidType, InvalidValue, LayerscapeError, UnknownName
from layerscape.storage import LayerSpec, RunFolder
from layerscape.storage.files import remove_temporary, temporary_folder
from layerscape.storage.sealed import sealed, unsealed

LAYERS = [LayerSpec("embedding", 4, 0.0, "model.embed"), LayerSpec("block/1.слой ", 3, 1.0, "model.block.0")]
PLAN = {"model": {"name": "gpt2", "revision": None}, "pooling": "mean", "seed": 0}
N = 10


@pytest.fixture
def x(rng):
    return {"embedding": rng.standard_normal((N, 4)), "block/1.слой ": rng.standard_normal((N, 3))}


def begin(path, plan=PLAN, layers=LAYERS, n_samples=N, dtype="float32", **options):
    block_bytes = 4 * 7 * np.dtype(dtype).itemsize  # four rows
    return RunFolder.create(path, plan, layers, n_samples, dtype=dtype, block_bytes=block_bytes, **options)


def fill(run, x, stop=None):
    run.write_samples([f"id {row}" for row in range(run.n_samples)], {}, "array")
    for number, rows in list(run.blocks_left())[:stop]:
        run.write_block(number, {name: values[rows] for name, values in x.items()})
    return run


@pytest.fixture
def made(tmp_path, x):
    with fill(begin(tmp_path / "run"), x) as run:
        run.finish({"device": "cpu"})
    return tmp_path / "run"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("compress", [False, True])
def test_what_is_written_is_read(tmp_path, x, dtype, compress):
    with fill(begin(tmp_path / "run", dtype=dtype, compress=compress), x) as run:
        run.finish({"device": "cpu"})
    run = RunFolder.open(tmp_path / "run")
    assert (run.layers, run.n_samples, run.plan, run.record) == (tuple(LAYERS), N, PLAN, {"device": "cpu"})
    for name, values in x.items():
        array = run.vectors(name)
        assert array.chunks == (4, values.shape[1])
        np.testing.assert_array_equal(array[:], values.astype(dtype), strict=True)
        np.testing.assert_array_equal(array.oindex[[7, 0, 7]], values.astype(dtype)[[7, 0, 7]])
    assert run.samples.previews([0, 9]) == ["", ""]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_files_are_those_that_zarr_writes(tmp_path, x, dtype):
    x["embedding"][4:] = 0  # chunks of zeros are files too, and the last chunk is filled up
    with fill(begin(tmp_path / "run", dtype=dtype), x) as run:
        run.finish()
    folder = tmp_path / "run" / "vectors.zarr" / "embedding"
    description = zarr.open_array(folder, mode="r")
    with zarr.config.set({"array.write_empty_chunks": True}):
        kept = {"chunks": description.chunks, "compressors": None, "dtype": dtype, "fill_value": 0}
        zarr.create_array(
            tmp_path / "theirs", shape=(N, 4), chunk_key_encoding={"name": "default", "separator": "."}, **kept
        )[:] = x["embedding"].astype(dtype)
    names = sorted(path.name for path in folder.glob("c.*"))
    assert names == ["c.0.0", "c.1.0", "c.2.0"]
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


@pytest.mark.parametrize("temporary", [True, False])
def test_nobody_waits_for_the_disk_where_a_run_goes_with_the_process(tmp_path, x, monkeypatch, temporary):
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    path = temporary_folder() if temporary else tmp_path / "run"
    with fill(begin(path), x) as run:
        run.finish()
    assert bool(waited) is not temporary
    if temporary:
        remove_temporary(path)
        assert not path.exists()
        fill(begin(path), x).close()  # another one of that name, which somebody may want to keep
        assert waited
        remove_temporary(path)


def test_a_stranger_can_read_the_vectors_with_zarr_alone(made, x):
    group = zarr.open_group(made / "vectors.zarr", mode="r")
    arrays = {array.attrs["layer"]: array for _, array in group.arrays()}
    assert set(arrays) == set(x)
    assert dict(arrays["embedding"].attrs) == {"layer": "embedding", "depth": 0.0, "module": "model.embed"}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(), unique=True, min_size=1, max_size=4))
def test_layer_names_may_be_any_text(tmp_path_factory, names):
    names = [name for name in names if name.isprintable()] or ["a"]
    out = tmp_path_factory.mktemp("names") / "run"
    layers = [LayerSpec(name, 1) for name in names]
    with fill(begin(out, layers=layers, n_samples=2), {name: np.ones((2, 1)) for name in names}) as run:
        run.finish()
    assert [layer.name for layer in RunFolder.open(out).layers] == names


def test_a_run_goes_on_where_it_was_left_and_keeps_its_blocks(tmp_path, x):
    with fill(begin(tmp_path / "run"), x, stop=2) as run:
        assert run.finished_blocks == {0, 1}
    with RunFolder.create(tmp_path / "run", PLAN, LAYERS, N) as run:
        assert [number for number, _ in run.blocks_left()] == [2]
        fill(run, x).finish()
    np.testing.assert_array_equal(RunFolder.open(tmp_path / "run").vectors("embedding")[:], np.float32(x["embedding"]))


def test_a_finished_run_is_left_as_it_is(made):
    before = (made / "run.json").read_bytes()
    with begin(made) as run:
        assert run.finished
        assert list(run.blocks_left()) == []
        run.write_samples([f"id {row}" for row in range(N)], {}, "array")
        run.finish({"device": "cuda"})
    assert (made / "run.json").read_bytes() == before
    assert sorted(path.name for path in made.iterdir()) == [
        "ledger.json",
        "run.json",
        "samples.parquet",
        "vectors.zarr",
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"plan": {**PLAN, "pooling": "last"}}, "pooling='mean', now pooling='last'"),
        (
            {"plan": {**PLAN, "model": {"name": "gpt2", "revision": "main"}}},
            "model.revision=None, now model.revision='main'",
        ),
        ({"plan": {"model": PLAN["model"], "pooling": "mean"}}, "seed=0, now without seed"),
        ({"plan": {**PLAN, "tokens": [1, 2]}}, "no tokens, now tokens=[1, 2]"),
        (
            {"plan": {}},
            "model.name='gpt2', now without model.name; model.revision=None, now without model.revision; "
            "pooling='mean', now without pooling; and 1 more",
        ),
        ({"plan": {**PLAN, "seed": False}}, "seed=0, now seed=False"),
        ({"n_samples": 11}, "stored.n_samples=10, now stored.n_samples=11"),
        ({"dtype": "float16"}, "stored.dtype='float32', now stored.dtype='float16'"),
        ({"compress": True}, "stored.compress=False, now stored.compress=True"),
        (
            {"layers": LAYERS[:1]},
            "stored.layers=['embedding', 'block/1.слой '], now stored.layers=['embedding']; "
            "stored.n_units=[4, 3], now stored.n_units=[4]",
        ),
    ],
)
def test_a_changed_option_is_refused_by_name(made, change, text):
    with pytest.raises(InvalidValue) as caught:
        begin(made, **change)
    assert str(caught.value) == f"the run at {made} was made with {text}; give another --out, or the same options"


def test_long_values_are_shown_where_they_differ(tmp_path):
    prints = "a" * 64, "a" * 50 + "b" * 14
    begin(tmp_path, {"data": prints[0]}).close()
    with pytest.raises(InvalidValue, match=f"data=…{'a' * 24}', now data=…{'a' * 10}{'b' * 14}';"):
        begin(tmp_path, {"data": prints[1]})


def test_many_changes_are_counted(tmp_path):
    begin(tmp_path, dict.fromkeys("abcde", 1)).close()
    with pytest.raises(InvalidValue, match=r"a=1, now a=2; b=1, now b=2; c=1, now c=2; and 2 more; give"):
        begin(tmp_path, dict.fromkeys("abcde", 2))


def test_other_libraries_matter_only_while_a_run_is_not_finished(tmp_path, x):
    out = tmp_path / "run"
    fill(begin(out), x, stop=1).close()
    about = unsealed(out / "run.json", "")
    numpy = about["versions"]["numpy"]
    about["versions"]["numpy"] = "1.0"
    (out / "run.json").write_bytes(sealed(about))
    with pytest.raises(InvalidValue, match=re.escape(f"versions.numpy='1.0', now versions.numpy='{numpy}'")):
        begin(out)
    about["finished"] = "2020-01-01"
    (out / "run.json").write_bytes(sealed(about))
    assert begin(out).finished


def test_places_that_are_no_run_are_refused(tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "photo.png").touch()
    with pytest.raises(FileProblem) as caught:
        begin(taken)
    assert str(caught.value) == f"{taken} holds 'photo.png' and no run; give another --out, or empty that folder"
    for path in (taken / "photo.png", taken / "photo.png" / "run"):
        with pytest.raises(FileProblem) as caught:
            begin(path)
        assert str(caught.value) == f"{taken}/photo.png is a file, and a run is a folder; give another --out"
    with pytest.raises(FileProblem) as caught:
        RunFolder.open(taken)
    assert str(caught.value) == (
        f"there is no run at {taken}: {taken}/run.json does not exist; "
        f"make one with: layerscape run MODEL INPUTS --out {taken}"
    )
    assert [path.name for path in taken.iterdir()] == ["photo.png"]
    (taken / "model").mkdir()
    (taken / "model" / "adapter_config.json").touch()
    made = f"it is a model, of which a run is made with: layerscape run {taken}/model INPUTS --out runs/model"
    with pytest.raises(FileProblem, match=f"model/run.json does not exist; {made}$"):
        RunFolder.open(taken / "model")
    begin(taken / "trained").close()
    with pytest.raises(FileProblem, match=f"taken/run.json does not exist; the runs inside are {taken}/trained$"):
        RunFolder.open(taken)


def test_another_format_is_refused(made):
    about = unsealed(made / "run.json", "")
    own = about["versions"]["layerscape"]
    about["versions"]["layerscape"] = "9.1.0"
    (made / "run.json").write_bytes(sealed({**about, "schema": 7}))
    text = (
        f"the run at {made} was written by layerscape 9.1.0 in format 7, and this is layerscape {own}, "
        "which knows formats 1 and 2; use that version, or make the run again with another --out"
    )
    for again in (begin, RunFolder.open):
        with pytest.raises(FileProblem) as caught:
            again(made)
        assert str(caught.value) == text


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema": 1}', b"\xff"])
def test_a_damaged_manifest_is_refused(made, content):
    (made / "run.json").write_bytes(content)
    with pytest.raises(
        FileProblem,
        match=r"run\.json cannot be read \(.*\); copy the run again from where it came, or",
    ):
        RunFolder.open(made)


def test_an_unfinished_run_is_not_read(tmp_path, x):
    with fill(begin(tmp_path), x, stop=2) as run:
        text = f"the run at {tmp_path} is not finished (2 of 3 blocks); run the same command again to go on"
        for read in (lambda: RunFolder.open(tmp_path), lambda: run.vectors("embedding"), lambda: run.samples):
            with pytest.raises(FileProblem) as caught:
                read()
            assert str(caught.value) == text
        with pytest.raises(InvalidValue, match=re.escape("1 of 3 blocks are not written yet in the run at")):
            run.finish()


def test_a_missing_chunk_is_not_read_as_zeros(made):
    next(made.glob("vectors.zarr/embedding/c.1.0")).unlink()
    run = RunFolder.open(made)
    with pytest.raises(FileProblem, match=r"embedding/c\.1\.0 is damaged: it is missing; see what is whole with: "):
        run.vectors("embedding")
    with pytest.raises(UnknownName, match="unknown layer 'embeding'; nearest: embedding"):
        run.vectors("embeding")


def with_value(value, dtype="float64"):
    values = np.ones((4, 4), dtype)
    values[2, 1] = value
    return {"embedding": values, "block/1.слой ": np.ones((4, 3))}


@pytest.mark.parametrize(
    ("kind", "block", "text"),
    [
        (InvalidValue, with_value(np.nan), "layer 'embedding' has a value that is NaN or infinite at sample row 6; "),
        (InvalidValue, with_value(-np.inf), "layer 'embedding' has a value that is NaN or infinite at sample row 6; "),
        (
            InvalidValue,
            with_value(-70000, "float32"),
            "layer 'embedding' reaches 70000 at sample row 6, more than float16 holds (65504); store float32.",
        ),
        (InvalidType, with_value("a", "object"), "layer 'embedding' has values of type object; give real numbers."),
        (
            InvalidValue,
            {"embedding": np.ones((3, 4)), "block/1.слой ": np.ones((4, 3))},
            "layer 'embedding' has a block of shape (3, 4); rows 4..7 need (4, 4).",
        ),
        (
            InvalidValue,
            {"embedding": np.ones((4, 4))},
            "a block without layer 'block/1.слой '; give all 2 layers of the block.",
        ),
        (UnknownName, {"embeding": np.ones((4, 4))}, "unknown layer 'embeding'; nearest: embedding."),
    ],
)
def test_a_bad_block_is_refused_and_nothing_of_it_is_kept(tmp_path, kind, block, text):
    with begin(tmp_path, dtype="float16") as run:
        with pytest.raises(kind, match=re.escape(text)):
            run.write_block(1, block)
        assert run.finished_blocks == set()
        assert not list(tmp_path.rglob("c.*"))


def test_a_block_is_written_once_and_with_one_preview_per_row(tmp_path, x):
    with fill(begin(tmp_path), x, stop=1) as run:
        for number in (0, 3, -1):
            with pytest.raises(InvalidValue, match=f"^block {number} of the run at .* is written already or does not"):
                run.write_block(number, {})
        with pytest.raises(InvalidValue, match=r"^3 previews for a block of 4 rows; give one per row\.$"):
            run.write_block(1, {name: values[4:8] for name, values in x.items()}, ["a"] * 3)


def test_what_is_finished_or_closed_takes_no_more(tmp_path, x, made):
    closed = begin(tmp_path / "other")
    closed.close()
    for run in (RunFolder.open(made), begin(made), closed):
        with pytest.raises(InvalidValue) as caught:
            run.write_block(0, {name: values[:4] for name, values in x.items()})
        assert str(caught.value) == (
            f"the run at {run.path} is finished or closed and takes no more; create it again to go on with it."
        )
    for write in (lambda: closed.write_samples([str(row) for row in range(N)], {}, "array"), closed.finish):
        with pytest.raises(InvalidValue, match="is finished or closed and takes no more"):
            write()


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(tmp_path, x, monkeypatch):
    run = fill(begin(tmp_path / "run"), x, stop=1)
    write, left = Path.write_bytes, [1]

    def full(self, data):
        if "vectors.zarr" in str(self) and left.pop() == 0:
            write(self, data[:5])
            raise OSError(28, "No space left on device")
        left.append(0)
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FileProblem) as caught:
        fill(run, x)
    monkeypatch.undo()
    chunk = tmp_path / "run" / "vectors.zarr" / "001-block_1._" / "c.1.0"
    assert str(caught.value) == (
        f"the disk is full at {chunk}; what was finished is kept: free some space and run the same command again"
    )
    run.close()
    assert run.finished_blocks == {0}
    with begin(tmp_path / "run") as run:
        assert len(list(run.path.glob("vectors.zarr/*/c.*"))) == 2  # what block 1 had left is gone
        fill(run, x).finish()
    np.testing.assert_array_equal(run.vectors("embedding")[:], np.float32(x["embedding"]))


def test_two_writers_do_not_meet(tmp_path, x):
    run = fill(begin(tmp_path), x, stop=1)
    with pytest.raises(FileProblem) as caught:
        begin(tmp_path)
    assert str(caught.value) == (
        f"the run at {tmp_path} is open for writing elsewhere; wait until that ends, or give another --out"
    )
    del run  # a writer that is gone, as one that was killed, is in nobody's way
    with begin(tmp_path) as run:
        fill(run, x).finish()
    assert not (tmp_path / ".lock").exists()


def test_a_plan_that_is_refused_leaves_the_folder_free(tmp_path):
    begin(tmp_path).close()
    for _ in range(2):
        with pytest.raises(LayerscapeError, match="seed=0, now seed=1"):
            begin(tmp_path, {**PLAN, "seed": 1})
    begin(tmp_path).close()


def test_importing_storage_loads_nothing_heavy():
    code = (
        "import sys, layerscape.storage; "
        "print([name for name in ('zarr', 'pandas', 'pyarrow', 'torch', 'safetensors') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"

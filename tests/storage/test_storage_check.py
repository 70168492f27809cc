"""Damage is found wherever it is, and what is made again is what it was."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from benchmarks.damage import N, make_run, trials
from layerscape.errors import FileProblem, InvalidValue
from layerscape.storage.check import Piece

EARLIER = Path(__file__).with_name("earlier")  # a run that the last version without digests wrote


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("damage") / "whole"
    make_run(path)
    return path


@pytest.fixture
def copy(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "whole")
    return tmp_path / "whole"


def spoil(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)


def problems(path):
    return {part.name: part.problem for part in ls.open(path).check() if part.problem}


def test_damage_gives_the_right_numbers_or_one_line(whole):
    found = list(trials(whole, 45, seed=1))
    assert {came for *_, came in found} <= {"the same", "one line"}, found
    assert sum(came == "one line" for *_, came in found) > 30


def test_a_whole_run_is_whole(whole):
    told = []
    parts = ls.open(whole).check(lambda *step: told.append(step))
    assert [part.name for part in parts][:4] == ["samples.parquet", "block 1", "block 2", "block 3"]
    assert {part.name for part in parts} >= {"estimates.parquet", "recommendation.json"}
    assert not any(part.problem for part in parts)
    assert told[-1][1] == told[-1][2] == len(told)


def test_what_is_damaged_is_named_by_layer_and_samples(copy):
    spoil(copy / "vectors.zarr" / "block 2" / "c.1.0")
    spoil(copy / "graphs" / "002-block_3" / "euclidean.safetensors")
    assert problems(copy) == {
        "block 2": "samples 40…79: its bytes are not those that were written",
        "graphs/002-block_3/euclidean.safetensors": "its bytes are not those that were written",
    }


def test_what_was_found_is_removed_and_found_again(copy):
    names = ["graphs/000-block_1/euclidean.safetensors", "estimates.parquet", "recommendation.json"]
    before = ls.open(copy).graph("block 1", 5).distances
    for name in names:
        spoil(copy / name)
    assert set(problems(copy)) == set(names)
    words = ls.open(copy).repair()
    assert words == f"what was removed is found again when it is asked for, or with: layerscape measure {copy}"
    assert problems(copy) == {}
    run = ls.open(copy)
    np.testing.assert_array_equal(run.graph("block 1", 5).distances, before)
    assert run.recommendation is None
    assert ls.open(copy).repair() == "nothing to mend"


def test_what_another_process_has_mended_is_left(copy):
    names = ["graphs/000-block_1/euclidean.safetensors", "estimates.parquet"]
    spoil(copy / names[0])
    spoil(copy / names[1])
    late = ls.open(copy)
    parts = late.check()
    mending = ls.open(copy)
    mending.repair()
    mending.graph("block 1", 5)  # searched again
    made = (copy / names[0]).read_bytes()
    by_hand = [Piece(part.name, part.problem, part.files) for part in parts]
    assert late.repair(by_hand).startswith("what was removed is found again")  # of the table only
    assert (copy / names[0]).read_bytes() == made
    ls.measure(mending, ["twonn"])
    assert late.repair(parts) == "nothing to mend: what was not whole has been mended meanwhile"
    assert set(names) <= {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    assert problems(copy) == {}


def test_a_run_that_another_process_has_unfinished_is_left_as_it_is(copy):
    spoil(copy / "vectors.zarr" / "block 2" / "c.1.0")
    late = ls.open(copy)
    parts = late.check()
    spoil(copy / "vectors.zarr" / "block 2" / "c.0.0")
    words = ls.open(copy).repair()
    blocks = sorted(copy.glob(".unfinished/blocks/*"))
    assert late.repair(parts) == words
    assert sorted(copy.glob(".unfinished/blocks/*")) == blocks  # and not the first again, which is not whole
    make_run(copy)
    assert late.repair(parts) == "nothing to mend: what was not whole has been mended meanwhile"
    assert problems(copy) == {}


@pytest.mark.parametrize("name", ["layer 1/c.1.0", "layer 1/zarr.json", "zarr.json", "../samples.parquet"])
def test_a_run_goes_on_with_the_blocks_that_are_damaged(tmp_path, name):
    rng = np.random.default_rng(0)
    arrays = {"layer 1": rng.standard_normal((9000, 2)), "layer 2": rng.standard_normal((9000, 3))}
    labels = {"class": np.arange(9000) % 3}
    run = ls.from_arrays(arrays, labels=labels, out=tmp_path / "run")
    graph = run.graph("layer 1", 3)
    spoil(tmp_path / "run" / "vectors.zarr" / name)
    assert len(problems(run.path)) == 1
    assert ls.open(run.path).repair().startswith("the run is unfinished now; what is missing is made by: ")
    left = 3 if "samples" in name else 1 if "c.1.0" in name else 0
    with pytest.raises(FileProblem, match=re.escape(f"is not finished ({3 - left} of 3 blocks)")):
        ls.open(run.path)
    with pytest.raises(InvalidValue, match="was made with"):
        ls.from_arrays({**arrays, "layer 2": 2 * arrays["layer 2"]}, labels=labels, out=run.path)
    again = ls.from_arrays(arrays, labels=labels, out=run.path)
    assert problems(run.path) == {}
    np.testing.assert_array_equal(again["layer 1"].matrix[:], arrays["layer 1"])
    np.testing.assert_array_equal(again.samples.labels["class"], labels["class"])
    assert again.folder.kept_graph("layer 1", graph.near).width == 3  # the graph is still one of these vectors


def test_a_graph_of_other_vectors_is_searched_again(tmp_path):
    x = np.random.default_rng(0).standard_normal((50, 3))
    run = ls.from_arrays({"x": x}, out=tmp_path / "one")
    other = ls.from_arrays({"x": x[::-1]}, out=tmp_path / "other")
    foreign, own = other.graph("x", 4), run.graph("x", 4)
    name = "graphs/000-x/euclidean.safetensors"
    run.folder.ledger.replace(name, (other.path / name).read_bytes())
    np.testing.assert_array_equal(ls.open(run.path).graph("x", 4).indices, own.indices)
    assert not np.array_equal(foreign.indices, own.indices)


def test_a_run_of_the_version_before_is_opened_and_given_digests(tmp_path):
    path = tmp_path / "run"
    shutil.copytree(EARLIER, path)
    run = ls.open(path)
    expected = json.loads((EARLIER.parent / "earlier.json").read_bytes())
    assert run.graph("block 2", 3).indices.tolist() == expected["indices"]
    assert run.table.value.tolist() == expected["values"]
    with pytest.raises(InvalidValue, match=rf"made with: layerscape check {re.escape(str(path))} --adopt$"):
        run.check()
    run.adopt()
    assert problems(path) == {}
    assert run.graph("block 2", 3).indices.tolist() == expected["indices"]
    spoil(path / "vectors.zarr" / "001-block_2" / "c.0.0")
    with pytest.raises(FileProblem, match=r"c\.0\.0 is damaged: its bytes are not those that were written"):
        ls.open(path)["block 2"].read(slice(0, 3))


def test_a_description_of_another_run_is_one_line(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("one", "other")]
    for path in paths:
        ls.from_arrays({"x": rng.standard_normal((30, 3))}, ids=[f"s{n}" for n in range(30)], out=path)
    described = [(path / "run.json").read_bytes() for path in paths]
    for path, text in zip(paths, reversed(described), strict=True):
        (path / "run.json").write_bytes(text)
    for path in paths:
        with pytest.raises(FileProblem, match=rf"^{re.escape(str(path))}/run.json is of another run: .*[^\n]$"):
            ls.open(path)
    for path, text in zip(paths, described, strict=True):
        (path / "run.json").write_bytes(text)
        assert problems(path) == {}


def test_other_vectors_can_be_adopted(copy):
    spoil(copy / "vectors.zarr" / "block 2" / "c.1.0")
    ls.open(copy).adopt()
    assert problems(copy) == {}
    assert ls.open(copy)["block 2"].read(slice(0, N)).shape[0] == N


def test_a_lost_ledger_is_said_and_can_be_made_again(copy):
    (copy / "ledger.json").unlink()
    run = ls.open(copy)
    cure = f"if you trust what the folder holds: layerscape check {copy} --adopt"
    for read in (run.check, lambda: run["block 1"], lambda: run.samples, lambda: run.graph("block 1", 2)):
        with pytest.raises(FileProblem, match=rf"ledger\.json cannot be read \(.*\); {re.escape(cure)}$"):
            read()
    run.adopt()
    assert problems(copy) == {}
    assert run["block 1"].read(slice(0, N)).shape == (N, 8)

"""A search by a cluster gives the graph of one machine, to the bit, and says in one line what is wrong with its data.

The workers are threads of this process; tests/search/test_cluster.py has processes.
"""

import json
import logging
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core import resources
from layerscape.errors import ClusterProblem, FileProblem, InvalidType, InvalidValue
from layerscape.search import assignment, sources, spread, working
from layerscape.search.census import Census, suspects, told_apart
from tests.search.reference import KINDS, cloud

distributed = pytest.importorskip("distributed")
zarr = pytest.importorskip("zarr")
FIELDS = ("indices", "distances", "copies", "border_starts", "border_copies", "queries")
N, D = 230, 5


@pytest.fixture(scope="module")
def client():
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Six shards and blocks, in trees of three levels."""
    monkeypatch.setattr(assignment, "MOST_ROWS", 41)
    monkeypatch.setattr(assignment, "SHARE_OF_SHARD", 10**12)
    monkeypatch.setattr(spread, "FAN", 2)


def assert_same(a, b):
    for name in FIELDS:
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None), name
        assert one is None or (one.dtype == other.dtype and np.array_equal(one, other)), name
    assert (a.n_samples, a.n_units, a.near) == (b.n_samples, b.n_units, b.near)


def stored(x, path, chunk=17):
    array = zarr.create_array(str(path), shape=x.shape, chunks=(chunk, x.shape[1]), dtype=x.dtype)
    array[:] = x
    return array


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_graph_of_one_machine(kind, client):
    x = cloud(kind, N, D, 0)
    assert_same(ls.find_neighbors(x, 4, cluster=client), ls.find_neighbors(x, 4))


WAYS = {
    "many": {"k": 150},
    "cosine": {"k": 4, "metric": "cosine"},
    "units": {"k": 4, "standardize": "units"},
    "groups": {"k": 4, "groups": np.arange(N) % 40},
    "lag": {"k": 9, "lag": 7},
    "rows": {"k": 4, "queries": [5, 3, N - 1, 3]},
    "points": {"k": 4, "queries": np.linspace(0, 1, 9 * D).reshape(9, D)},
    "rows of groups": {"k": 4, "queries": np.arange(90, 180), "groups": np.arange(N) // 3},
    "all": {"k": 9, "metric": "cosine", "standardize": "units", "lag": 3},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["float32", "lattice", "copies"])
def test_whatever_is_near(way, kind, client):
    x = cloud(kind, N, D, 1) + (5 if kind == "lattice" else 0)  # no row of zeros
    assert_same(ls.find_neighbors(x, cluster=client, **WAYS[way]), ls.find_neighbors(x, **WAYS[way]))


def test_a_copy_that_lies_in_another_shard_is_a_neighbor_at_distance_0(client):
    x = cloud("gaussian", N, D, 0)
    x[220] = x[3]
    graph = ls.find_neighbors(x, 2, cluster=client)
    assert (graph.indices[3, 0], graph.indices[220, 0], graph.distances[3, 0]) == (220, 3, 0)
    assert graph.copies[3] == graph.copies[220] == 3
    assert graph.copies[219] == 219
    assert graph.copies[221] == 220


@pytest.mark.parametrize("memory", [2**24, 2**27])
def test_memory_and_shards_change_nothing(memory, client, monkeypatch):
    monkeypatch.setattr(assignment, "MOST_ROWS", 10**6)
    monkeypatch.setattr(assignment, "SHARE_OF_SHARD", 4)
    x = cloud("float32", 700, 64, 0)
    assert_same(ls.find_neighbors(x, 12, cluster=client, memory=memory), ls.find_neighbors(x, 12))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_scales_at_which_squares_would_overflow(scale, client):
    x = cloud("gaussian", N, D, 0) * scale
    assert_same(ls.find_neighbors(x, 4, cluster=client), ls.find_neighbors(x, 4))


def test_zarr_by_itself_by_path_and_by_url(tmp_path, client):
    x = cloud("float16", N, D, 0)
    array, expected = stored(x, tmp_path / "x.zarr"), ls.find_neighbors(x, 4)
    for given in (array, tmp_path / "x.zarr", str(tmp_path / "x.zarr"), f"file://{tmp_path / 'x.zarr'}"):
        assert_same(ls.find_neighbors(given, 4, cluster=client), expected)


def test_a_dask_array_is_computed_once_whatever_its_chunks(client):
    import dask.array as da

    x = cloud("float32", N, D, 0)
    assert_same(ls.find_neighbors(da.from_array(x, chunks=(33, 2)) * 2, 4, cluster=client), ls.find_neighbors(x * 2, 4))


def test_a_folder_keeps_what_is_found_and_a_search_goes_on_from_it(tmp_path, client, monkeypatch):
    x, folder = cloud("lattice", N, D, 0), tmp_path / "kept"
    graph = ls.find_neighbors(x, 4, cluster=client, folder=folder)
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) == 7  # six blocks and what they are of
    (folder / names[2]).unlink()
    (folder / names[3]).write_bytes(b"half")
    asked = []
    start = spread.Spread._start
    monkeypatch.setattr(spread.Spread, "_start", lambda self, a, block: asked.append(block) or start(self, a, block))
    told = []
    assert_same(ls.find_neighbors(x, 4, cluster=client, folder=folder, progress=told.append), graph)
    assert asked == [2, 3]
    assert sum(told) == N
    assert sorted(file.name for file in folder.iterdir()) == names
    other = x.copy()
    other[7] += 1
    assert_same(ls.find_neighbors(other, 4, cluster=client, folder=folder), ls.find_neighbors(other, 4))
    assert asked == [2, 3, *range(6)]  # of other samples nothing is taken


def test_a_folder_that_was_cut_for_other_samples_is_cut_anew(tmp_path, client, monkeypatch):
    monkeypatch.setattr(assignment, "FEWEST_ROWS", 1)
    narrow, wide = cloud("float32", N, D, 0), cloud("float32", 20, 40_000, 0)
    for x, most in ((narrow, 41), (wide, 2**24 // 16 // 320_000)):
        ls.find_neighbors(x, 4, cluster=client, folder=tmp_path, memory=2**24)
        assert 0 < json.loads((tmp_path / "search.json").read_text())["piece"] <= most


def test_samples_that_change_after_their_scales_were_taken(tmp_path, client, monkeypatch):
    x = cloud("float32", N, D, 0)
    other = x * np.array([9, 1, 1, 1, 1], np.float32)
    array, how = (
        stored(x, tmp_path / "x.zarr"),
        {"cluster": client, "folder": tmp_path / "kept", "standardize": "units"},
    )
    standardized = spread.Spread._standardized

    def changed_then(self, a):
        found = standardized(self, a)
        array[:] = other
        return found

    with monkeypatch.context() as patched:
        patched.setattr(spread.Spread, "_standardized", changed_then)
        error = said(lambda: ls.find_neighbors(array, 4, **how))
    assert str(error) == (
        "rows 0..33 of the data were changed during the search; search again when nothing writes there."
    )
    assert_same(ls.find_neighbors(array, 4, **how), ls.find_neighbors(other, 4, standardize="units"))


def test_what_several_workers_write_into_one_file_is_held_while_they_do(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(sources, "hold", lambda file: held.append(file.name))
    rows = sources.RowFile(tmp_path / "rows.bin", (4, 3), np.dtype("float32")).create()
    rows[1:3] = np.ones((2, 3), np.float32)
    assert held == [str(tmp_path / "rows.bin")]
    assert rows[0:4].sum(axis=1).tolist() == [0, 3, 3, 0]


def test_two_searches_do_not_write_into_one_folder(tmp_path, client):
    x, folder = cloud("float32", N, D, 0), tmp_path / "kept"
    refused = []

    def meanwhile(n):
        refused.append(str(said(lambda: ls.find_neighbors(x, 3, cluster=client, folder=folder))))

    graph = ls.find_neighbors(x, 4, cluster=client, folder=folder, progress=meanwhile)
    assert set(refused) == {f"another search writes into {folder}; wait until it ends."}
    assert_same(ls.find_neighbors(x, 4, cluster=client, folder=folder), graph)
    assert not (folder / ".lock").exists()


def test_what_an_earlier_call_left_with_the_scheduler_is_not_taken(tmp_path, client):
    bad = cloud("float32", N, D, 0)
    bad[3, 1] = np.nan
    array = stored(bad, tmp_path / "x.zarr")
    with pytest.raises(InvalidValue) as kept:  # as a notebook keeps the last traceback, and what its frames hold
        ls.find_neighbors(array, 4, cluster=client, folder=tmp_path / "kept")
    array[:] = good = cloud("float32", N, D, 0)
    assert_same(ls.find_neighbors(array, 4, cluster=client, folder=tmp_path / "kept"), ls.find_neighbors(good, 4))
    assert kept.value


def said(call):
    with pytest.raises(ls.LayerscapeError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_sample_that_cannot_be_searched_is_named(tmp_path, client):
    x = cloud("gaussian", N, D, 0)
    x[140, 2] = np.nan
    error = said(lambda: ls.find_neighbors(x, 4, cluster=client, folder=tmp_path / "kept"))
    assert str(error) == str(said(lambda: ls.find_neighbors(x, 4)))
    assert not (tmp_path / "kept").exists()
    named = ls.Representation(x, "block 1", ids=[f"s{row}" for row in range(N)])
    assert str(said(lambda: ls.find_neighbors(named, 4, cluster=client))) == (
        "sample 's140' of layer 'block 1' has a value that is NaN or infinite; remove such rows, or repair what "
        "produced them."
    )
    assert "'s140'" in str(said(lambda: ls.find_neighbors(named, 4, cluster=client, standardize="units")))
    x[140] = 0
    assert str(said(lambda: ls.find_neighbors(x, 4, cluster=client, metric="cosine"))) == (
        "sample '140' is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."
    )
    queries = np.full((3, D), np.nan)
    assert "sample '0' of the queries has a value" in str(
        said(lambda: ls.find_neighbors(x, 4, cluster=client, queries=queries))
    )


def test_samples_that_change_meanwhile(tmp_path, client, monkeypatch):
    array = stored(cloud("float32", N, D, 0), tmp_path / "x.zarr")
    search = spread.Spread._search

    def changed(self, *given):
        array[200] = 7
        search(self, *given)

    monkeypatch.setattr(spread.Spread, "_search", changed)
    error = said(lambda: ls.find_neighbors(array, 4, cluster=client))
    assert isinstance(error, FileProblem)
    assert re.fullmatch(
        r"rows \d+\.\.\d+ of the data were changed during the search; search again when nothing writes there\.",
        str(error),
    )


def test_a_disk_that_is_full_is_one_line(tmp_path, client, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    x, folder = cloud("float32", N, D, 0), tmp_path / "kept"
    with monkeypatch.context() as patched:
        patched.setattr(working, "write_block", full)
        error = said(lambda: ls.find_neighbors(x, 4, cluster=client, folder=folder))
    assert isinstance(error, FileProblem)
    assert str(error) == (
        "what is needed cannot be read or written ([Errno 28] No space left on device); what was finished is kept in "
        f"{folder}: run the same again."
    )
    assert_same(ls.find_neighbors(x, 4, cluster=client, folder=folder), ls.find_neighbors(x, 4))


def test_a_shard_that_cannot_be_read(tmp_path, client):
    array = stored(cloud("float32", N, D, 0), tmp_path / "x.zarr")
    (tmp_path / "x.zarr" / "c" / "5" / "0").write_bytes(b"no Zstandard")
    error = said(lambda: ls.find_neighbors(array, 4, cluster=client, folder=tmp_path / "kept"))
    assert isinstance(error, FileProblem)
    assert re.match(r"rows \d+\.\.\d+ of the data cannot be read \(", str(error))
    assert not (tmp_path / "kept").exists()


def test_what_is_no_such_input_is_said(tmp_path, client):
    zarr.open_group(str(tmp_path / "two.zarr"), mode="w").create_array("one", shape=(4, 2), dtype="f4")
    ones = zarr.create_array(str(tmp_path / "ones.zarr"), shape=(9,), dtype="f4")
    words = zarr.create_array(str(tmp_path / "complex.zarr"), shape=(9, 2), dtype="c8")
    path = tmp_path / "none.zarr"
    for given, kind, words_said in (
        (path, FileProblem, f"{path} cannot be opened as Zarr ("),
        (tmp_path / "two.zarr", InvalidValue, f"{tmp_path / 'two.zarr'} is a Zarr group of one; give the path of one"),
        (ones, InvalidValue, "the data has shape (9,); a representation is a matrix of samples × units."),
        (words, InvalidType, "the data holds values of type complex64; give real numbers."),
    ):
        error = said(lambda given=given: ls.find_neighbors(given, 2, cluster=client))
        assert isinstance(error, kind)
        assert str(error).startswith(words_said)
    x = cloud("gaussian", 20, 3, 0)
    assert str(said(lambda: ls.find_neighbors(x, 20, cluster=client))) == str(said(lambda: ls.find_neighbors(x, 20)))
    assert str(said(lambda: ls.find_neighbors(x, 3, folder=tmp_path))) == (
        "folder is of a search by a cluster; give cluster= too, or leave it out."
    )


def test_chunks_larger_than_the_memory_of_a_task_are_refused(tmp_path, client):
    array = stored(np.ones((4096, 1024), np.float32), tmp_path / "x.zarr", chunk=4096)
    assert str(said(lambda: ls.find_neighbors(array, 2, cluster=client, memory=2**24))) == (
        "the data is stored in chunks of 4096 rows, 16,777,216 bytes each, and a task may take 16,777,216; store "
        "smaller chunks, or give more memory."
    )


@pytest.mark.parametrize("name", ["tcp:/1", "local:0", "local:x", "slurm:", "here", 7])
def test_what_is_no_cluster(name):
    assert str(said(lambda: ls.find_neighbors(np.eye(4), 2, cluster=name))) == (
        f"cluster={str(name)!r} is no cluster; give 'tcp://HOST:PORT', 'local:4', 'slurm:FILE', or a dask Client or "
        "cluster."
    )


def test_a_cluster_that_is_not_there(monkeypatch):
    from layerscape.search import cluster

    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    error = said(lambda: ls.find_neighbors(np.eye(4), 2, cluster="tcp://127.0.0.1:9"))
    assert isinstance(error, ClusterProblem)
    assert re.fullmatch(r"there is no scheduler at tcp://127.0.0.1:9 \(.*\); start one: dask scheduler\.", str(error))


def test_workers_of_other_versions_are_refused_before_work_starts(client, monkeypatch):
    from layerscape.search import cluster, same

    ours = same.facts()
    for theirs, words in (
        (ours | {"numpy": "1.0"}, f"worker W has numpy 1.0, and this machine {ours['numpy']}"),
        (
            {name: ours[name] for name in ours if name != "scipy"},
            f"worker W has scipy none, and this machine {ours['scipy']}",
        ),
        (ours | {"code": "f"}, f"worker W runs other code of layerscape {ours['layerscape']} than this machine"),
        (ours, None),
    ):
        assert same.difference("W", theirs, ours) == words
    monkeypatch.setattr(cluster, "difference", lambda name, theirs, ours: "worker W has numpy 1.0")
    monkeypatch.setattr(spread, "source_of", None)  # which is not asked
    assert str(said(lambda: ls.find_neighbors(np.eye(4), 2, cluster=client))) == (
        "worker W has numpy 1.0; install the same on all."
    )
    with pytest.raises(ClusterProblem, match="a worker runs other code of layerscape"):
        same.check_code("of a worker that joined later")


def test_rows_of_one_hash_that_differ_are_no_copies():
    later, heads = suspects(lambda: np.array([7, 5, 7, 7, 7, 5], np.uint64))
    rows = [b"a", b"b", b"c", b"a", b"c", b"b"]
    equal = np.array([rows[row] == rows[head] for row, head in zip(later, heads, strict=True)])
    later, heads = told_apart(later, heads, equal, rows.__getitem__)
    census = Census(6, later, heads)
    assert census.copies().tolist() == [0, 1, 2, 0, 2, 1]
    assert census.rows_of(np.arange(3)).tolist() == [0, 1, 2]
    assert census.n_points == 3


def test_a_run_that_a_cluster_searched_is_measured_as_ever(tmp_path, client, rng):
    x = rng.standard_normal((N, D))
    layers, y = {"one": x, "two": np.tanh(x)}, (x[:, 0] > 0).astype(int)
    here, there = (ls.from_arrays(layers, labels={"y": y}, out=tmp_path / name) for name in ("here", "there"))
    here.search(20)
    told = []
    there.search(20, cluster=client, progress=lambda *given: told.append(given))
    assert told[-1] == ("searching", 2 * N, 2 * N)
    graphs = sorted(path.relative_to(here.path) for path in here.path.rglob("*.safetensors"))
    assert len(graphs) == 2
    for path in graphs:
        assert (here.path / path).read_bytes() == (there.path / path).read_bytes()
    assert sorted(path.name for path in (there.path / "graphs").rglob("*")) == sorted(
        path.name for path in (here.path / "graphs").rglob("*")
    )
    assert there.check() == here.check()
    tables = [ls.measure(run, ["overlap", "twonn", "label_overlap"], k=10).drop(columns="run") for run in (here, there)]
    assert tables[0].equals(tables[1])
    there.search(20, cluster=client)  # of graphs that are kept nothing is searched again


def test_a_damaged_run_is_not_searched(tmp_path, client, rng):
    run = ls.from_arrays({"one": rng.standard_normal((N, D))}, out=tmp_path / "run")
    chunk = next(path for path in run.path.rglob("c.*"))
    chunk.write_bytes(bytes(chunk.stat().st_size))
    error = said(lambda: ls.open(run.path).search(4, cluster=client))
    assert "is damaged: its bytes are not those that were written" in str(error)
    assert not (run.path / "graphs").exists()


def test_what_is_more_than_this_machine_holds_is_said_before_it_is_begun(tmp_path, client, monkeypatch, rng):
    x = rng.standard_normal((N, D))
    run = ls.from_arrays({"one": x, "two": x**3}, out=tmp_path / "run")
    run.search(20)
    monkeypatch.setattr(resources, "memory_of_machine", lambda: 20_000)
    opened = ls.open(run.path)
    assert str(said(lambda: opened.graph("one", 20))) == (
        "the graph of layer 'one' takes 0.0 GB of memory, and this machine has 0.0 GB; ask some of the samples, which "
        "is enough for averages: measure(run, n_queries=…), --n-queries."
    )
    table = ls.measure(opened, ["overlap"], k=5)
    assert table.value.isna().all()
    assert table.warnings.str.startswith("the graph of layer 'one' takes 0.0 GB of memory, and this machine").all()
    for cluster in (None, client):
        error = said(lambda cluster=cluster: ls.find_neighbors(x, 20, cluster=cluster))
        assert str(error) == (
            "a graph of k=20 for 230 queries takes 0.0 GB of memory, and this machine has 0.0 GB; ask fewer queries, "
            "or for fewer neighbors."
        )
    assert len(ls.measure(opened, ["overlap"], k=5, n_queries=40)) == 1


def test_memory_of_this_machine_is_told():
    found = resources.memory_of_machine()
    assert found is None or found > 2**27


def test_a_folder_of_other_things_is_left_alone(tmp_path, client):
    x = cloud("gaussian", 40, 3, 0)
    (tmp_path / "block-notes.txt").write_text("mine")
    assert str(said(lambda: ls.find_neighbors(x, 3, cluster=client, folder=tmp_path))) == (
        f"{tmp_path} holds other things (block-notes.txt); give a new or an empty folder."
    )
    assert [file.name for file in tmp_path.iterdir()] == ["block-notes.txt"]
    file = tmp_path / "block-notes.txt"
    for given, why in ((file, "File exists"), (file / "in", "Not a directory")):
        assert str(said(lambda given=given: ls.find_neighbors(x, 3, cluster=client, folder=given))) == (
            f"{given} cannot be a folder of results ({why}); give another one."
        )


def test_chunks_that_were_never_written_are_told(tmp_path, client):
    x = cloud("float32", N, D, 0)
    array = zarr.create_array(str(tmp_path / "x.zarr"), shape=x.shape, chunks=(50, D), dtype=x.dtype)
    array[:100] = x[:100]
    with pytest.warns(UserWarning, match=r"3 of 5 chunks of the data were never written and are read as 0\.0; search"):
        assert ls.find_neighbors(array, 4, cluster=client).n_copies == 129


def test_the_log_of_dask_is_as_it_was(client, monkeypatch):
    theirs = logging.getLogger("distributed")
    monkeypatch.setattr(theirs, "level", logging.WARNING)
    assert ls.find_neighbors(cloud("float32", 40, D, 0), 4, cluster=client.cluster).n_samples == 40
    assert theirs.level == logging.WARNING
    said(lambda: ls.find_neighbors(np.eye(4), 2, cluster="nowhere"))
    assert theirs.level == logging.WARNING


def test_a_client_that_is_closed_is_said(client):
    with distributed.Client(client.cluster, set_as_default=False) as other:
        pass
    assert str(said(lambda: ls.find_neighbors(np.eye(4), 2, cluster=other))) == (
        "the dask client is closed; make a new one."
    )

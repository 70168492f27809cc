"""An extraction by the workers of a cluster leaves the run that one machine leaves, whoever is killed on the way."""

import logging
import os
import shutil
import signal
import tempfile
from contextlib import contextmanager

import numpy as np
import pytest

import layerscape as ls
from layerscape.pipeline.elsewhere import recipe_of
from layerscape.search import cluster as clusters
from layerscape.storage import layout

distributed = pytest.importorskip("distributed")
pytest.importorskip("torch")
LIMIT = 300


@pytest.fixture(scope="module")
def client():
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _blocks_of_60_rows(monkeypatch):
    monkeypatch.setattr(layout, "MOST_ROWS", 60)


def extracted(out, **more):
    return ls.extract("demo", "digits", out=out, limit=LIMIT, progress=more.pop("progress", False), **more)


def assert_same(one, other):
    """Vectors, samples and previews to the byte, and the same ledger."""
    files = sorted(path.relative_to(one.path) for path in one.path.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other.path) for path in other.path.rglob("*") if path.is_file())
    for file in files:
        if file.name != "run.json":  # which has the time
            assert (one.path / file).read_bytes() == (other.path / file).read_bytes(), file
    left = {"finished", "command", "proofs", "versions"}
    assert {k: v for k, v in one.record.items() if k not in left} == {
        k: v for k, v in other.record.items() if k not in left
    }


def test_it_is_the_run_of_one_machine(tmp_path, client):
    told = []
    here = extracted(tmp_path / "here")
    there = extracted(tmp_path / "there", cluster=client, progress=lambda *given: told.append(given))
    assert there.folder.layout.n_blocks == 5
    assert_same(there, here)
    assert told[0] == ("extracting", 0, there.n_samples)
    assert told[-1] == ("extracting", there.n_samples, there.n_samples)
    assert there.check() == here.check()


def test_what_a_cluster_began_one_machine_ends_and_the_other_way_round(tmp_path, client):
    here = extracted(tmp_path / "here")

    def ends(what, done, total):
        if done >= 120:
            raise KeyboardInterrupt

    for name, first, then in (("one", {"cluster": client}, {}), ("two", {}, {"cluster": client})):
        with pytest.raises(KeyboardInterrupt):
            extracted(tmp_path / name, progress=ends, **first)
        assert_same(extracted(tmp_path / name, **then), here)


def test_files_that_changed_between_two_calls_are_read_anew(tmp_path, client):
    import torch

    weights, x = tmp_path / "weights.pt", tmp_path / "x.npy"
    for seed in (0, 1):  # by the same workers, which keep a network from block to block
        torch.manual_seed(seed)
        torch.save(torch.nn.Linear(6, 3).state_dict(), weights)
        np.save(x, np.random.default_rng(seed).standard_normal((70, 6)).astype(np.float32))
        shutil.rmtree(tmp_path / "there", ignore_errors=True)
        how = {"factory": f"{__name__}:linear", "progress": False}
        there = ls.extract(weights, x, out=tmp_path / "there", cluster=client, **how)
        assert_same(there, ls.extract(weights, x, out=tmp_path / f"here {seed}", **how))


def linear():
    """What a factory gives."""
    import torch

    return torch.nn.Linear(6, 3)


def said(call):
    with pytest.raises(ls.LayerscapeError) as caught:
        call()
    return str(caught.value)


def test_what_workers_cannot_open_is_refused_before_anything_is_done(tmp_path, client):
    import torch

    out, x = tmp_path / "out", np.zeros((9, 4), np.float32)
    module = torch.nn.Linear(4, 2)
    assert said(lambda: ls.extract(module, x, out=out, cluster=client)) == (
        "model of type Linear with cluster=: workers open it themselves; give a name or path."
    )
    assert said(lambda: ls.extract("demo", x, out=out, cluster=client)) == (
        "inputs of type ndarray with cluster=: workers open it themselves; give a name or path."
    )
    wish = {"make_inputs": None, "factory": len, "loss": False}
    assert said(lambda: recipe_of("weights.pt", "digits", out, wish=wish, features=None)) == (
        "factory with cluster=: the workers do not have that function; extract here."
    )
    assert said(lambda: recipe_of("m", "x", out, wish=wish | {"factory": None, "loss": True}, features=None)) == (
        "loss with cluster=: losses are taken where the run is kept; leave one of the two out."
    )
    assert said(lambda: extracted(out, cluster="there")).startswith("cluster='there' is no cluster; give ")
    assert not out.exists()


def test_a_worker_that_finds_another_model_writes_nothing(tmp_path, client, monkeypatch):
    from layerscape.pipeline import elsewhere

    opened = elsewhere.open_model
    monkeypatch.setattr(elsewhere, "open_model", lambda model, **wish: opened("demo@untrained", **wish))
    out = tmp_path / "out"
    assert said(lambda: extracted(out, cluster=client)) == (
        f"a worker finds other model than this machine did when the run at {out} was begun; give all machines the same "
        "model and files, and the same kind of device."
    )
    assert not list(out.rglob("c.*"))


@contextmanager
def two_workers():
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        clusters.local_cluster(2, folder, resources={"GPU": 1}) as workers,
        clusters.connected(workers) as found,
    ):
        yield found


@pytest.mark.more
@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_workers_that_are_killed_change_nothing(tmp_path):
    killed = []
    with two_workers() as workers:

        def kill(what, done, total):
            if 0 < done < total and len(killed) < 2:
                alive = workers.client.run(os.getpid, on_error="ignore").values()  # one may not be back yet
                for pid in [pid for pid in alive if pid not in killed][:1]:
                    killed.append(pid)
                    os.kill(pid, signal.SIGKILL)

        there = extracted(tmp_path / "there", cluster=workers, progress=kill)
        assert workers.resources("auto") == {"GPU": 1}  # which they have said that they have
        assert workers.resources("cpu") == {}
    assert len(killed) == 2
    assert_same(there, extracted(tmp_path / "here"))

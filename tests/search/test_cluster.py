"""Workers that are processes: killed midway, gone with their scheduler or client, of bounded memory; and SLURM's."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import ClusterProblem, FileProblem, InvalidValue, UnknownName
from layerscape.search import cluster as clusters
from layerscape.search.slurm import job_script, read_slurm

distributed = pytest.importorskip("distributed")
zarr = pytest.importorskip("zarr")
more = pytest.mark.more
N, MEMORY = 12_000, 2**24  # in blocks of 910 rows


@pytest.fixture(scope="module")
def x():
    found = np.random.default_rng(0).standard_normal((N, 64)).astype(np.float32)
    found[9000:] = found[:3000]  # copies that lie in other shards
    return found


@pytest.fixture(scope="module")
def array(x, tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "x.zarr"
    zarr.create_array(str(path), shape=x.shape, chunks=(500, 64), dtype=x.dtype)[:] = x
    return path


@contextmanager
def two_workers():
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        clusters.local_cluster(2, folder) as workers,
        clusters.connected(workers) as found,
    ):
        yield found


def assert_same(graph, expected):
    for name in ("indices", "distances", "copies", "border_starts", "border_copies"):
        assert np.array_equal(getattr(graph, name), getattr(expected, name)), name


@more
def test_a_worker_that_is_killed_midway_changes_nothing(x, array):
    killed = []
    with two_workers() as workers:

        def kill(n):
            if n and len(killed) < 2:  # one after the other, each of which had been given tasks
                alive = workers.client.run(os.getpid, on_error="ignore").values()  # one may not be back yet
                for pid in [pid for pid in alive if pid not in killed][:1]:
                    killed.append(pid)
                    os.kill(pid, signal.SIGKILL)

        graph = ls.find_neighbors(array, 10, cluster=workers, memory=MEMORY, progress=kill)
    assert len(killed) == 2
    assert_same(graph, ls.find_neighbors(x, 10))


SCRIPT = """
import os, sys
import layerscape as ls
done = 0
def tell(n):
    global done
    done += n
    print(done, flush=True)
    if done > 3000:
        os.kill(os.getpid(), 9)
ls.find_neighbors(sys.argv[1], 10, cluster="local:2", memory=2**24, folder=sys.argv[2], progress=tell)
"""


def processes_of(word):
    """The processes whose command has a word in it."""
    found = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if word in line and "ps -eo" not in line]


@more
def test_a_client_that_is_lost_goes_on_from_the_blocks_that_are_whole(x, array, tmp_path):
    folder = tmp_path / "kept"
    command, env = [sys.executable, "-c", SCRIPT, str(array), str(folder)], os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == -signal.SIGKILL, done.stderr
    ends = time.monotonic() + 90
    while left := processes_of(f"{tmp_path}/layerscape-workers-"):  # its workers end without it
        assert time.monotonic() < ends, left
        time.sleep(1)
    blocks = {file.name: file.stat().st_mtime_ns for file in folder.glob("block-*.safetensors")}
    assert len(blocks) >= 3
    told = []
    with two_workers() as workers:
        graph = ls.find_neighbors(array, 10, cluster=workers, memory=MEMORY, folder=folder, progress=told.append)
    assert told[0] > 3000  # what was there already
    now = {file.name: file.stat().st_mtime_ns for file in folder.glob("block-*.safetensors")}
    assert blocks.items() <= now.items()
    assert sorted(file.name for file in folder.iterdir()) == sorted([*now, "search.json"])
    assert_same(graph, ls.find_neighbors(x, 10))


@more
def test_a_scheduler_that_is_lost_is_said_and_the_search_goes_on(x, array, tmp_path):
    folder, file = tmp_path / "kept", tmp_path / "scheduler.json"
    own = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(file), "--port", "0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen([*own, "--no-dashboard", "--host", "127.0.0.1"], **quiet)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
    workers = subprocess.Popen([*worker, "--no-dashboard", "--local-directory", str(tmp_path / "w")], **quiet)
    try:
        while not file.exists():
            time.sleep(0.1)
        address = re.search(r"tcp://[\d.:]+", file.read_text())[0]
        with pytest.raises(ClusterProblem) as caught:
            ls.find_neighbors(
                array, 10, cluster=address, memory=MEMORY, folder=folder, progress=lambda n: n and scheduler.kill()
            )
        assert str(caught.value) == (
            f"the scheduler of {address} is lost; what was finished is kept in {folder}: run the same again."
        )
    finally:
        for each in (workers, scheduler):
            each.kill()
            each.wait()
    assert list(folder.glob("block-*.safetensors"))
    with two_workers() as others:
        assert_same(
            ls.find_neighbors(array, 10, cluster=others, memory=MEMORY, folder=folder), ls.find_neighbors(x, 10)
        )


@more
def test_memory_is_bounded_and_told(tmp_path):
    n = 400_000
    wide = zarr.create_array(
        str(tmp_path / "wide.zarr"), shape=(n, 256), chunks=(5000, 256), dtype="f2", compressors=None
    )
    rng = np.random.default_rng(0)
    for start in range(0, n, 5000):
        wide[start : start + 5000] = rng.standard_normal((5000, 256), np.float32)
    with two_workers() as workers:
        ls.find_neighbors(wide, 5, cluster=workers, queries=np.arange(50), memory=2**25)
        peaks = workers.peaks
    assert len(peaks) == 2
    assert max(peaks.values()) < clusters.BASE + 2**25 + 2**26  # the samples take 205 MB, and twice that as float32


@more
def test_workers_without_enough_memory_are_refused(x):
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        clusters.local_cluster(1, folder, memory_limit=500 * 2**20) as workers,
        pytest.raises(ClusterProblem, match=r"has too little memory: give each 594 MiB, and 23 more for each further"),
    ):
        ls.find_neighbors(x, 3, cluster=workers)


def test_a_cluster_without_workers_is_said(monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(ClusterProblem, match=r"the cluster at .* has no workers; start some: dask worker ADDRESS\."),
    ):
        ls.find_neighbors(np.eye(4), 2, cluster=cluster)


def written(path, text):
    path.write_text(text)
    return path


JOBS = "jobs: 3\ncores: 4\nmemory: 16GB\nwalltime: '02:00:00'\nqueue: gpu\njob_extra_directives: ['--gres=gpu:1']\n"


def test_the_script_of_a_job_is_what_slurm_takes(tmp_path):
    pytest.importorskip("dask_jobqueue")
    script = job_script(written(tmp_path / "jobs.yaml", JOBS))
    lines = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert script.startswith("#!/")
    for line in ("-p gpu", "--cpus-per-task=4", "--mem=15G", "-t 02:00:00", "--gres=gpu:1", "-n 1"):
        assert f"#SBATCH {line}" in lines
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    command = script.strip().splitlines()[-1]
    assert command.startswith(sys.executable)
    assert re.search(r"tcp://[\d.]+:\d+ .*--nthreads \d+ .*--memory-limit", command)


def test_a_file_for_slurm_that_is_missing_or_wrong(tmp_path):
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "jobs.yaml"
    example = "write there what a job is: jobs: 8, cores: 4, memory: 16GB, walltime: '02:00:00', queue: NAME."
    with pytest.raises(FileProblem) as caught:
        ls.find_neighbors(np.eye(4), 2, cluster=f"slurm:{path}")
    assert str(caught.value) == f"{path} cannot be read (No such file or directory); {example}"
    for text, kind, said in (
        ("[1", FileProblem, f"{path} is no YAML ("),
        ("4", InvalidValue, f"{path} holds no names and values; {example}"),
        ("cores: 4", InvalidValue, f"{path} does not say memory; {example}"),
        ("core: 4", UnknownName, f"unknown entry of {path} 'core'; nearest: cores"),
        ("cores: 4\nmemory: 1GB\njobs: 0", InvalidValue, f"{path}: jobs is 0; give a whole number of 1 or more."),
    ):
        with pytest.raises(kind) as caught:
            read_slurm(written(path, text))
        assert str(caught.value).startswith(said)
    assert read_slurm(written(path, JOBS))[0] == 3


def test_without_slurm_it_is_said(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    path = written(tmp_path / "jobs.yaml", JOBS)
    with pytest.raises(ClusterProblem) as caught:
        ls.find_neighbors(np.eye(4), 2, cluster=f"slurm:{path}")
    assert str(caught.value) == (f"cluster='slurm:{path}': there is no sbatch here; run this where jobs are submitted.")


@more
def test_jobs_that_slurm_runs_are_workers(tmp_path, monkeypatch, x):
    """An sbatch that keeps the script, as SLURM does, and runs it here, as a machine of a cluster would."""
    pytest.importorskip("dask_jobqueue")
    commands = tmp_path / "bin"
    commands.mkdir()
    job = tmp_path / "job"
    run = f'#!/bin/bash\ncp "$1" {job}\nbash {job} > {tmp_path}/log 2>&1 &\necho "Submitted batch job $!"\n'
    sbatch = written(commands / "sbatch", run)
    scancel = written(commands / "scancel", '#!/bin/bash\nkill "$@"\n')
    for each in (sbatch, scancel):
        each.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    path = written(tmp_path / "jobs.yaml", f"cores: 1\nmemory: 2GB\nlocal_directory: {tmp_path}\n")
    assert_same(ls.find_neighbors(x[:2000], 5, cluster=f"slurm:{path}"), ls.find_neighbors(x[:2000], 5))


@more
def test_the_command_says_what_memory_its_workers_took(tmp_path, x):
    run = ls.from_arrays({"one": x[:1000]}, out=tmp_path / "run")
    command = [sys.executable, "-m", "layerscape", "search", str(run.path), "--k", "5", "--cluster", "local:2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{run.path}: graphs of 1 layer, k=5\n"
    assert re.fullmatch(r"note: memory at the most: [\d.]+ MB of 2 workers, [\d.]+ MB here\n", done.stderr)
    assert_same(ls.open(run.path).graph("one", 5), ls.find_neighbors(x[:1000], 5))

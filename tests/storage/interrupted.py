"""Writes one small run again and again, killing the writer; prints one JSON line. Run by test_storage_kill.py.

    python interrupted.py steps FOLDER 1    die before every single change of the disk (3: before every third)
    python interrupted.py random FOLDER 3   SIGKILL at random moments, in three runs

Every attempt is a forked process. The parent loads the libraries but never uses Zarr, so that no event
loop is forked.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
import pyarrow.pandas_compat  # noqa: F401
import safetensors.numpy  # noqa: F401
import zarr  # noqa: F401

from layerscape.core.neighbors import Neighbors
from layerscape.storage import LayerSpec, RunFolder

LAYERS = [LayerSpec("embedding", 5), LayerSpec("block/1", 3)]
N = 11


def write_run(out: Path, pause: float = 0.0) -> None:
    x = np.random.default_rng(0).standard_normal((N, 8)).astype(np.float32)
    x[6:] = 0  # a chunk of zeros must be a file too
    with RunFolder.create(out, {"pooling": "mean"}, LAYERS, N, block_bytes=6 * 8 * 4) as run:
        run.write_samples([f"id {row}" for row in range(N)], {"class": np.arange(N) % 3}, "text")
        for number, rows in run.blocks_left():
            time.sleep(pause)
            previews = [f"text {row}" for row in range(rows.start, rows.stop)]
            run.write_block(number, {"embedding": x[rows, :5], "block/1": x[rows, 5:]}, previews)
        run.finish({"device": "cpu"})
    graph = Neighbors(np.array([[1], [0]]), np.ones((2, 1)), 2)
    run.save_graph("embedding", graph)
    run.save_estimates(pd.DataFrame({"value": [1.0]}))


def tree(out: Path) -> dict[str, object]:
    """Every file with its bytes, every folder; the times in run.json aside."""
    found: dict[str, object] = {}
    for path in out.rglob("*"):
        found[str(path.relative_to(out))] = path.read_bytes() if path.is_file() else None
    about = json.loads((out / "run.json").read_bytes())
    return {**found, "run.json": {**about, "created": "", "finished": "", "digest": ""}}


def start(out: Path, *, die_at: int = -1, pause: float = 0.0) -> int:
    """Fork a writer that dies before change number `die_at` of the disk; its process id."""
    pid = os.fork()
    if pid:
        return pid
    changes = 0

    def before(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal changes
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if opens or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            if changes == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            changes += 1

    if die_at >= 0:
        sys.addaudithook(before)
    try:
        write_run(out, pause)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)
    os._exit(0)


def finish(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def steps(folder: Path, unbroken: dict[str, object], stride: int) -> int:
    """Kill before a change, go on, compare, and so for all changes; how many kills there were."""
    for kills, number in enumerate(range(0, 10_000, stride)):
        out = folder / "run"
        status = finish(start(out, die_at=number))
        if status == 0:
            return kills
        assert status == -signal.SIGKILL, status
        assert finish(start(out)) == 0, f"did not go on after a kill before change {number}"
        assert tree(out) == unbroken, f"another tree after a kill before change {number}"
        shutil.rmtree(out)
    raise AssertionError("the run never ends")


def at_random(folder: Path, unbroken: dict[str, object], runs: int) -> int:
    """Kill at random times until the run is whole; how many kills hit a living writer."""
    kills = 0
    for number in range(runs):
        out = folder / f"run {number}"
        while True:
            pid = start(out, pause=0.06)
            time.sleep(random.uniform(0.01, 0.25))
            os.kill(pid, signal.SIGKILL)
            if finish(pid) == 0:
                break
            kills += 1
            if kills % 8 == 7:
                assert finish(start(out)) == 0
                break
        assert tree(out) == unbroken
    return kills


if __name__ == "__main__":
    how, where = sys.argv[1], Path(sys.argv[2])
    assert finish(start(where / "unbroken")) == 0
    reference = tree(where / "unbroken")
    done = {"steps": steps, "random": at_random}[how](where, reference, int(sys.argv[3]))
    json.dump({"kills": done, "files": sorted(reference)}, sys.stdout)

"""A search by a cluster: linear in the samples, of bounded memory, and the same bits when a worker is killed.

Run:  python -m benchmarks.cluster [--write]

Two workers of this machine look for the 10 nearest of 200 queries among Gaussian noise of 256 units in float32, which
lies on disk as Zarr, from 10⁵ to 10⁷ samples (10.2 GB). Each search has a client of its own; peaks are the largest
resident sizes of the processes, base included. In the last row a worker is killed with SIGKILL after a fifth of the
time of the row of as many samples. One machine's search is made of up to 10⁶ samples, and all bits are compared.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr

import layerscape as ls
from benchmarks.publish import publish
from layerscape.core.provenance import fingerprint
from layerscape.core.resources import peak_memory
from layerscape.search.cluster import connected, local_cluster

SIZES, UNITS, QUERIES, K = (10**5, 10**6, 10**7), 256, 200, 10
MEMORY, CHUNK, HERE = 2**26, 8_000, 10**6


def on_disk(path: Path, n: int) -> None:
    """The first samples of the noise, as Zarr."""
    x = zarr.create_array(str(path), shape=(n, UNITS), chunks=(CHUNK, UNITS), dtype="float32", compressors=None)
    rng = np.random.default_rng(0)
    for start in range(0, n, CHUNK):
        x[start : start + CHUNK] = rng.standard_normal((min(CHUNK, n - start), UNITS), np.float32)


def asked(n: int) -> np.ndarray:
    return np.sort(np.random.default_rng(1).choice(n, QUERIES, replace=False))


def bits(graph: ls.Neighbors) -> str:
    return fingerprint(np.ascontiguousarray(each).tobytes() for each in (graph.indices, graph.distances))


def one(path: Path, n: int, kill_after: float) -> dict[str, Any]:
    """A search by two workers, and what it took."""
    with tempfile.TemporaryDirectory() as folder, local_cluster(2, folder) as started, connected(started) as workers:
        workers.client.wait_for_workers(2)
        if kill_after:
            victim = next(iter(workers.client.run(os.getpid).values()))
            threading.Timer(kill_after, lambda: os.kill(victim, signal.SIGKILL)).start()
        start = time.perf_counter()
        graph = ls.find_neighbors(path, K, queries=asked(n), cluster=workers, memory=MEMORY)
        took = time.perf_counter() - start
        return {"took": took, "workers": list(workers.peaks.values()), "client": peak_memory(), "bits": bits(graph)}


def apart(path: Path, n: int, kill_after: float = 0) -> dict[str, Any]:
    """The same by a client of its own."""
    command = [sys.executable, "-m", "benchmarks.cluster", "--one", str(path), str(n), str(kill_after)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def row(n: int, found: dict[str, Any], same: str, what: str = "") -> str:
    data, together = n * UNITS * 4, found["client"] + sum(found["workers"])
    worker = max(found["workers"])
    return (
        f"| {n:,}{what} | {data / 1e9:.2f} | {found['took']:.1f} | {found['client'] / 1e6:.0f} | {worker / 1e6:.0f} "
        f"| {data / together:.1f} | {same} |"
    )


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        path, n, kill_after = sys.argv[2:]
        print(json.dumps(one(Path(path), int(n), float(kill_after))))
        return
    lines = [
        f"`python -m benchmarks.cluster`: {QUERIES} queries among Gaussian noise of {UNITS} units (float32, Zarr on "
        f"disk), k = {K}, by two workers of this machine, `memory=` {MEMORY / 2**20:.0f} MiB. Peaks are resident, "
        "of which an idle worker that has compiled its loops takes about 400 MB.",
        "",
        "| samples | data, GB | took, s | client, MB | a worker, MB | data / memory of all three | bits |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            path = Path(folder) / f"{n}.zarr"
            on_disk(path, n)
            found, same = apart(path, n), "–"
            if n <= HERE:
                x = zarr.open_array(str(path), mode="r")
                expected = bits(ls.find_neighbors(x, K, queries=asked(n)))
                same = "equal" if found["bits"] == expected else "OTHER"
            lines.append(row(n, found, same))
            print(lines[-1], flush=True)
            if n == HERE:
                killed = apart(path, n, found["took"] / 5)
                last = row(n, killed, "equal" if killed["bits"] == found["bits"] else "OTHER", ", a worker killed")
    lines.append(last)
    publish("Searches by a cluster", lines)


if __name__ == "__main__":
    main()

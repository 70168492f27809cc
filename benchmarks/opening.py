"""What do digests cost when a run of 1 GB is opened and read for the first time in a process?

Run:  python -m benchmarks.opening [--write]

The same run with its ledger, and as the format before had it, take turns, each read by an interpreter of its own:
opened, and every vector read once. The files are in the system's cache. The limit: one core digests 10 GB/s or more by
XXH3, and a file that is proven is read twice, once for its digest and once by Zarr.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.publish import publish

LAYERS, N, D, REPEATS = 10, 25_000, 1000, 7
READ = """
import time
import numpy as np
import layerscape as ls
import zarr, pyarrow.parquet, xxhash, msgspec
start = time.perf_counter()
run = ls.open({path!r})
opened = time.perf_counter() - start
for layer in run.layers:
    for rows in run[layer].slices():
        run[layer].stored(rows)
run.samples.ids
print(opened, time.perf_counter() - start)
"""


def seconds(path: Path) -> tuple[float, float]:
    """To open the run, and to have read all of it."""
    command = [sys.executable, "-c", READ.format(path=str(path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    opened, read = map(float, done.stdout.split())
    return opened, read


def as_before(path: Path) -> None:
    """Turn a run into one of the format before, without digests."""
    (path / "ledger.json").unlink()
    about = json.loads((path / "run.json").read_bytes())
    kept = {key: value for key, value in about.items() if key not in ("digest", "ledger")}
    (path / "run.json").write_text(json.dumps({**kept, "schema": 1}))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept, before = Path(folder) / "kept", Path(folder) / "before"
        rng = np.random.default_rng(0)
        ls.from_arrays({f"layer {number}": rng.random((N, D), np.float32) for number in range(LAYERS)}, out=kept)
        shutil.copytree(kept, before)
        as_before(before)
        found = [(seconds(kept), seconds(before)) for _ in range(REPEATS)]
        size = (kept / "ledger.json").stat().st_size
    rows = []
    for what, place in (("open", 0), ("open and read all vectors", 1)):
        one, other = (statistics.median(each[side][place] for each in found) for side in (0, 1))
        ratio = statistics.median(each[0][place] / each[1][place] for each in found)
        rows.append(f"| {what} | {one:.3f} | {other:.3f} | {ratio:.2f} |")
    lines = [
        f"`python -m benchmarks.opening`: {LAYERS} layers of {N:,} × {D:,} float32, 1 GB, in the system's cache; "
        f"seconds, medians of {REPEATS}. The ledger takes {size / 1000:.0f} kB.",
        "",
        "| | with digests | without | ratio |",
        "|---|---|---|---|",
        *rows,
    ]
    publish("Opening a run", lines)


if __name__ == "__main__":
    main()

"""Does a plan come true? What `layerscape.plan` says a search will take, and what it takes.

Run:  python -m benchmarks.plan [--write]

Gaussian noise: all samples, and 2,401 queries among up to a million samples of 256 units that lie on disk. Plan and
search take turns, three times each; the table has medians, and the ratio of what was planned to what it took. What no
machine here holds is planned on paper.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

import layerscape as ls
from benchmarks.publish import publish

ALL = ((10_000, 768), (20_000, 256), (40_000, 64))
ON_DISK, QUERIES, UNITS, REPEATS = (10**5, 10**6), 2_401, 256, 3
ON_PAPER, WIDE = ((10**7, 1), (10**8, 1), (10**8, 64), (10**9, 1), (10**9, 64)), 1024  # samples and machines


def on_disk(path: Path, n: int) -> np.ndarray:
    """Noise in a file, written in parts."""
    x = np.lib.format.open_memmap(path, "w+", np.float32, (n, UNITS))
    rng = np.random.default_rng(0)
    for start in range(0, n, 2**16):
        part = x[start : start + 2**16]
        part[:] = rng.standard_normal(part.shape, np.float32)
    x.flush()
    return np.load(path, mmap_mode="r")


def row(x: np.ndarray, n_queries: int | None) -> str:
    """What was planned and what it took, of all samples or of some queries."""
    rng, planned, taken = np.random.default_rng(1), [], []
    for _ in range(REPEATS):
        found = ls.plan(x.shape, k=30, precision=0.02)
        step = found.whole if n_queries is None else found.shares
        assert step is not None
        planned.append(step.seconds)
        asked = None if n_queries is None else np.sort(rng.choice(len(x), n_queries, replace=False))
        start = perf_counter()
        ls.find_neighbors(x, 30, queries=asked)
        taken.append(perf_counter() - start)
    what = "all" if n_queries is None else f"{n_queries:,} queries"
    one, other = median(planned), median(taken)
    return f"| {len(x):,} × {x.shape[1]} | {what} | {one:.1f} | {other:.1f} | {one / other:.2f} |"


def on_paper(n: int, machines: int) -> str:
    """What is planned for samples on so many machines like this one."""
    found = ls.plan((n, WIDE, 1), k=30, precision=0.02, workers=machines)
    assert found.shares is not None
    hours = [(step.seconds / 3600, step.bound) for step in (found.whole, found.shares)]
    told = [f"{one:,.0f} ({bound})" if one >= 10 else f"{one:.2f} ({bound})" for one, bound in hours]
    return f"| {n:,} | {machines} | " + " | ".join(told) + " |"


def main() -> None:
    lines = [
        "`python -m benchmarks.plan`: seconds that `layerscape.plan` says and those that it takes, medians of 3.",
        "",
    ]
    lines += ["| samples × units | asked | planned, s | taken, s | planned / taken |", "|---|---|---|---|---|"]
    for n, wide in ALL:
        x = np.random.default_rng(0).standard_normal((n, wide), np.float32)
        ls.find_neighbors(x[:3000], 30)  # compiled
        lines.append(row(x, None))
    with tempfile.TemporaryDirectory() as folder:
        lines += [row(on_disk(Path(folder) / "x.npy", n), QUERIES) for n in ON_DISK]
    lines += ["", f"On paper, {WIDE:,} units: hours, and what bounds them.", ""]
    lines += [f"| samples | machines | all | {QUERIES:,} queries |", "|---|---|---|---|"]
    lines += [on_paper(*each) for each in ON_PAPER]
    publish("Plans", lines)


if __name__ == "__main__":
    main()

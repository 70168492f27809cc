"""What it costs to leave samples out of each other's neighbors: groups few and large, many and small, and a lag.

    python -m benchmarks.left_out [--write]

Each group is a cloud of its own, so that the samples nearest to a sample are the very ones that are left out. The ways
take turns within each repetition; compiling comes before.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish

N, D, K, REPEATS = 50_000, 64, 30, 3
SPREAD = 2.0  # of the centers of groups, over that of their members
GROUPS = (50, 5000)
LAG = 100


def cloud(n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples around the centers of their groups, in random order, and the groups."""
    rng = np.random.default_rng(0)
    groups = rng.permutation(N) % n_groups
    centers = SPREAD * rng.standard_normal((n_groups, D))
    return (centers[groups] + rng.standard_normal((N, D))).astype(np.float32), groups


def seconds(x: np.ndarray, **left_out: Any) -> float:
    start = time.perf_counter()
    ls.find_neighbors(x, K, **left_out)
    return time.perf_counter() - start


def main() -> None:
    lines = ["| data | nothing left out, s | own group, s | lag 100, s |", "|---|---|---|---|"]
    for n_groups in GROUPS:
        x, groups = cloud(n_groups)
        ways: list[dict[str, Any]] = [{}, {"groups": groups}, {"lag": LAG}]
        ls.find_neighbors(x[:3000], K, groups=groups[:3000])
        taken = zip(*([seconds(x, **way) for way in ways] for _ in range(REPEATS)), strict=True)
        shown = " | ".join(f"{statistics.median(each):.1f}" for each in taken)
        lines.append(f"| {n_groups:,} groups of {N // n_groups:,} | {shown} |")
    lines += ["", f"{N:,} × {D}, k = {K}, float32. Median of {REPEATS} repetitions."]
    publish("Neighbor search: samples left out", lines)


if __name__ == "__main__":
    main()

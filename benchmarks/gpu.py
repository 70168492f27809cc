"""The search on a GPU against the processor's: seconds of each phase, the highest memory, and whether the graphs agree.

    python -m benchmarks.gpu [--repeats 3] [--only SIZE …] [--write]

Sizes are small (100,000 × 1,024), large (1,000,000 × 1,024), narrow (100,000 × 128) and tokens (100,000 × 1,024 with
tight clusters far from the center); all k = 100 and float32. Phases are waited for one by one, which takes a little
longer than the search does: the seconds of the search are of other runs. Some rows are searched by the processor too,
and must agree to the bit. What the card makes of float16 and float32 products of large matrices stands beside it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import layerscape as ls
from benchmarks.publish import publish
from layerscape.search import find
from layerscape.search import gpu as door
from layerscape.search.gpu import device, distances, halves, lists, singles, sweep, trials

K, CHECKED, MULTIPLIED = 100, 1000, 8192
SIZES = {"small": (100_000, 1024), "large": (1_000_000, 1024), "narrow": (100_000, 128), "tokens": (100_000, 1024)}
PHASES: dict[str, list[tuple[Any, str]]] = {
    "values to the device": [(sweep.DeviceSweep, "_panel")],
    "rounding": [(halves.Halves, "fill"), (singles.Singles, "fill")],
    "first limits": [(sweep.DeviceSweep, "_guess")],
    "products": [(halves, "multiply"), (singles, "multiply")],
    "looking through bounds": [(sweep.DeviceSweep, "_look")],
    "lists": [(lists.NearestLists, "settle")],
    "distances": [(distances.DeviceDistances, "__call__")],
}


def cloud(size: str, shrink: int) -> np.ndarray:
    """Gaussian noise; of tokens, a tenth lies in two tight clusters."""
    n, d = SIZES[size]
    n //= shrink
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d), dtype=np.float32)
    if size == "tokens":
        for cluster in (slice(0, n // 20), slice(n // 20, n // 10)):
            x[cluster] = 4 * x[cluster.start] + 1e-3 * x[cluster]
        x = x[rng.permutation(n)]
    return x


def wait(name: str) -> None:
    if torch.device(name).type == "cuda":
        torch.cuda.synchronize(name)


@contextmanager
def phases(name: str) -> Iterator[dict[str, float]]:
    """Seconds of each phase, without those of the phases within it."""
    took: dict[str, float] = defaultdict(float)
    within: list[float] = [0.0]
    before = []

    def timed(phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **more: Any) -> Any:
            wait(name)
            start = time.perf_counter()
            within.append(0.0)
            made = call(*given, **more)
            wait(name)
            seconds = time.perf_counter() - start
            took[phase] += seconds - within.pop()
            within[-1] += seconds
            return made

        return run

    for phase, places in PHASES.items():
        for place, attribute in places:
            before.append((place, attribute, getattr(place, attribute)))
            setattr(place, attribute, timed(phase, getattr(place, attribute)))
    try:
        yield took
    finally:
        for place, attribute, call in before:
            setattr(place, attribute, call)


def searched(x: np.ndarray, name: str) -> tuple[float, float, Any]:
    """Seconds of the engine, seconds of the whole call, and the graph."""
    engine_seconds = [0.0]

    def search(job: Any) -> Any:
        wait(name)
        start = time.perf_counter()
        found = door.search(job, name)
        engine_seconds[0] += time.perf_counter() - start
        return found

    chosen = find.engine_for
    find.engine_for = lambda *_: search
    start = time.perf_counter()
    try:
        graph = ls.find_neighbors(x, K)
    finally:
        find.engine_for = chosen
    return engine_seconds[0], time.perf_counter() - start, graph


def speed(name: str, kind: Any, shrink: int) -> float:
    """Tflop/s of a large product."""
    n = MULTIPLIED // shrink
    a = torch.randn(n, n, device=name).to(kind)
    multiply = halves.multiply if kind == torch.float16 else singles.multiply
    with device.full_products(torch.device(name)):
        seconds = []
        for _ in range(5):
            wait(name)
            start = time.perf_counter()
            multiply(a, a)
            wait(name)
            seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds) / 1e12


def measured(size: str, options: argparse.Namespace) -> list[str]:
    """A line of the table."""
    name, x = options.device, cloud(size, options.shrink)
    searched(x[: max(4 * K, len(x) // 20)], name)  # loads, and tries the device
    runs = []
    for _ in range(options.repeats):
        if torch.device(name).type == "cuda":
            torch.cuda.reset_peak_memory_stats(name)
        runs.append(searched(x, name))
    peak = torch.cuda.max_memory_allocated(name) / 2**30 if torch.device(name).type == "cuda" else float("nan")
    with phases(name) as took:
        searched(x, name)
    rows = np.random.default_rng(1).permutation(len(x))[: CHECKED // options.shrink or 1]
    exact = ls.find_neighbors(x, K, queries=rows, device="cpu")
    graph = runs[-1][2]
    same = np.array_equal(graph.indices[rows], exact.indices) and np.array_equal(graph.distances[rows], exact.distances)
    if not same:
        raise SystemExit(f"the graph of {size} is not the processor's")
    inner, outer = (statistics.median(run[which] for run in runs) for which in (0, 1))
    of_phases = " | ".join(f"{took[phase]:.3f}" for phase in PHASES)
    return [f"| {size}, {x.shape[0]:,} × {x.shape[1]:,} | {outer:.3f} | {inner:.3f} | {of_phases} | {peak:.1f} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES), metavar="SIZE")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)  # cpu tries the script out
    parser.add_argument("--shrink", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write and (options.shrink > 1 or torch.device(options.device).type != "cuda"):
        parser.error("--write needs a card and the full sizes; leave --device and --shrink out")
    if torch.device(options.device).type == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device here")
    lines = [
        f"| work | whole call, s | the engine, s | {' | '.join(f'{phase}, s' for phase in PHASES)} | peak, GiB |",
        "|---" * (len(PHASES) + 4) + "|",
    ]
    for size in options.only:
        print(size, "…", file=sys.stderr)
        lines += measured(size, options)
    used = "float16" if trials.halves_hold(options.device, SIZES[options.only[-1]][1]) else "float32"
    there = "the device" if trials.distances_hold(options.device) else "the processor"
    card = torch.cuda.get_device_name(options.device) if torch.device(options.device).type == "cuda" else "no card"
    multiplied = " and ".join(
        f"{speed(options.device, kind, options.shrink):.1f} of {words}"
        for kind, words in ((torch.float16, "float16"), (torch.float32, "float32"))
    )
    lines += [
        "",
        f"k = {K}, float32, on {card}. Median of {options.repeats} repetitions; phases are of one more, in which each "
        f"is waited for. Bounds from {used}, distances on {there} where values fit. Of each work "
        f"{CHECKED // options.shrink:,} queries agree with the processor's to the bit. Tflop/s of a product of two "
        f"matrices of {MULTIPLIED // options.shrink:,} rows: {multiplied}.",
    ]
    publish("Neighbor search on a GPU", lines)


if __name__ == "__main__":
    main()

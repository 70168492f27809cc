"""Exact search by each instruction that this processor has for products of bytes, by float32, and by faiss.

    python -m benchmarks.instructions [--repeats 5] [--minilm FOLDER] [--smollm2 FOLDER] [--keep FOLDER] [--write]

The data and the options are those of `benchmarks/search.py`. All take turns within each repetition, and the graph must
be the same to the bit. OpenBLAS, which faiss multiplies with, is told which processor this is where it has AVX-512: the
one that comes with faiss takes newer ones than it knows for far older ones, and then faiss takes three times as long.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.publish import publish
from benchmarks.search import WARM, K, N, on_few_dimensions, pictures, pooled, with_faiss
from layerscape.search import compiled, find_neighbors, kernels
from layerscape.search.bytes import Bytes
from layerscape.search.floats import Floats


def works(options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    for d in (128, 384, 784, 2048):
        yield "Gaussian", rng.standard_normal((N, d), dtype=np.float32)
    yield "MNIST and KMNIST", pictures()
    yield "tanh network", on_few_dimensions(N, rng)
    with tempfile.TemporaryDirectory() as folder:
        out = options.keep or Path(folder)
        yield from pooled("MiniLM-L6", options.minilm, N, ["embedding", "block_3", "block_6"], out)
        yield from pooled("SmolLM2-135M", options.smollm2, N, ["block_1", "block_15", "block_30"], out)


def searches() -> dict[str, Callable[[np.ndarray], Any]]:
    """How to find neighbors, by name."""

    def by(arithmetic: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
        def search(x: np.ndarray) -> Any:
            with patch.object(compiled, "arithmetic_for", arithmetic):
                return find_neighbors(x, K)

        return search

    found = {kind.words: by(lambda job, kind=kind: Bytes(job, kind)) for kind in kernels.available()}
    return {**found, "float32": by(Floats), "faiss": lambda x: with_faiss(x, K)}


def seconds(x: np.ndarray, repeats: int) -> list[float]:
    """Of each search, the median; ours must give one graph."""
    took: dict[str, list[float]] = {name: [] for name in searches()}
    for repeat in range(repeats):
        graphs = []
        for name, search in list(searches().items())[:: 1 if repeat % 2 else -1]:
            start = time.perf_counter()
            found = search(x)
            took[name].append(time.perf_counter() - start)
            graphs += [] if name == "faiss" else [found]
        for graph in graphs[1:]:
            np.testing.assert_array_equal(graph.indices, graphs[0].indices)
            np.testing.assert_array_equal(graph.distances, graphs[0].distances)
    return [statistics.median(each) for each in took.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minilm", metavar="FOLDER", help="folder that holds MiniLM-L6")
    parser.add_argument("--smollm2", metavar="FOLDER", help="folder that holds SmolLM2-135M")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="where the runs of models stay")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    lines = [f"| work | {', s | '.join(searches())}, s | faiss / first |", "|---" * (len(searches()) + 2) + "|"]
    for search in searches().values():
        search(np.random.default_rng(0).standard_normal((WARM, 128), dtype=np.float32))
    for name, x in works(options):
        print(name, "…", file=sys.stderr)
        found = seconds(x, options.repeats)
        cells = " | ".join(f"{one:.2f}" for one in found)
        lines.append(f"| {name}, {len(x):,} × {x.shape[1]:,} | {cells} | {found[-1] / found[0]:.2f} |")
    told = os.environ.get("OPENBLAS_CORETYPE", "nothing")
    lines += [
        "",
        f"k = {K}, float32, the same graph to the bit by all of ours. Median of {options.repeats} repetitions. "
        f"faiss-cpu {version('faiss-cpu')}, whose OpenBLAS was told `{told}`.",
    ]
    publish("Neighbor search by instruction", lines)


if __name__ == "__main__":
    if "OPENBLAS_CORETYPE" not in os.environ and "avx512f" in Path("/proc/cpuinfo").read_text():
        os.environ["OPENBLAS_CORETYPE"] = "SKYLAKEX"  # which is read when numpy is loaded
        os.execv(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]])
    main()

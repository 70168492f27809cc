"""How long does debiased linear CKA take from moments, beside the N × N form of the same number?

Run:  python -m benchmarks.cka [--write]

The peer is what packages for CKA do, written with numpy in tiles of rows, so that it needs no N × N memory either: both
kernels of a pair, their U-centered inner products. Ours reads both sides twice, and gives an interval too.

The limit: moments of a pair take 2·N·D² operations in the first pass and 2·N·D² in the second, kernels 4·N²·D; at
D = 768 the moments win by N/D, 26 times at N = 20,000 and 65 times at N = 50,000. What a layer alone needs is kept
for all of its pairs, by ours only: a map of 25 layers has 300 pairs.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.publish import publish
from layerscape.core.representation import Representation
from layerscape.measures.similarity.cka import cka

D, SIZES, REPETITIONS, TILE = 768, (5_000, 20_000), 3, 1024


def by_kernels(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC₁(K, L) over its norms (Song et al. 2012, eq. 5), kernels in tiles of rows."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    n = len(x)
    inner, sums = np.zeros((2, 2)), np.zeros((2, n))
    for start in range(0, n, TILE):
        rows = slice(start, min(start + TILE, n))
        tiles = [z[rows] @ z.T for z in (x, y)]
        for place, tile in enumerate(tiles):
            tile[np.arange(len(tile)), np.arange(start, rows.stop)] = 0
            sums[place, rows] = tile.sum(axis=1)
        inner += [[np.einsum("ij,ij->", one, two) for two in tiles] for one in tiles]
    total = sums.sum(axis=1)
    hsic = inner + np.outer(total, total) / ((n - 1) * (n - 2)) - 2 / (n - 2) * sums @ sums.T
    return float(hsic[0, 1] / np.sqrt(hsic[0, 0] * hsic[1, 1]))


def main() -> None:
    lines = [
        f"`benchmarks/cka.py`: debiased linear CKA of one pair, D = {D}, float64; seconds, median of {REPETITIONS}, "
        "interleaved. A first pair has the sums of each layer alone to do, a further one has them.",
        "",
        "| N | ours, first pair | ours, each further pair | N × N form | / first | / further | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    rng = np.random.default_rng(0)
    for n in SIZES:
        x = rng.standard_normal((n, D)) * np.geomspace(1, 10, D)
        y = np.tanh(x @ rng.standard_normal((D, D)) / 100) + 0.3 * rng.standard_normal((n, D))
        times, values = [], []
        for _ in range(REPETITIONS):
            a, b, start = Representation(x), Representation(y), perf_counter()
            values.append(cka(a, b).value)
            first, start = perf_counter() - start, perf_counter()
            cka(a, b)
            further, start = perf_counter() - start, perf_counter()
            values.append(by_kernels(x, y))
            times.append((first, further, perf_counter() - start))
        first, further, peer = (median(column) for column in zip(*times, strict=True))
        ratios = f"{peer / first:.1f} | {peer / further:.1f} | {abs(values[0] - values[1]):.0e}"
        lines.append(f"| {n:,} | {first:.2f} | {further:.2f} | {peer:.2f} | {ratios} |")
    publish("CKA from moments", lines)


if __name__ == "__main__":
    main()

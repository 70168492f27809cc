"""Do intervals of CKA, information imbalance, spectra and differences hold with few samples? N = 100, 150 and 300.

Run:  python -m benchmarks.few_samples [--draws 200] [--sizes 100,300] [--write]; about 20 minutes in one process.

An interval covers if it holds the mean of the values over all draws of a law. A cell is the coverage, and in brackets
the standard deviation that is reported over the one that was seen. A second representation is a noisy copy of the
first, near (0.3 times its spread) or far (2 times); differences are of two copies with noise of half the spread.
Overlaps are in `benchmarks/small_samples.py`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.publish import publish
from layerscape.core import permutation
from layerscape.core.representation import Representation
from layerscape.measures import catalog
from layerscape.questions.resample import difference
from layerscape.search import find_neighbors
from layerscape.supply.ranking import ranking_of

SIZES = (100, 150, 300)
LAWS = ("Gaussian d = 2", "Gaussian d = 5", "Gaussian d = 10", "t₃ d = 5", "clusters d = 5", "falling d = 8")
CENTERS = 3 * np.random.default_rng(7).standard_normal((20, 5))
K, WIDE = 10, 11
Found = dict[str, tuple[float, float, float]]


def cloud(law: str, n: int, rng: np.random.Generator) -> np.ndarray:
    d = int(law.split()[-1])
    if law.startswith("clusters"):
        return CENTERS[rng.integers(0, len(CENTERS), n)] + 0.5 * rng.standard_normal((n, d))
    if law.startswith("falling"):  # variances of 1, 1/2, 1/3, …
        return rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d))
    return rng.standard_t(3, (n, d)) if law.startswith("t") else rng.standard_normal((n, d))


def intervals(law: str, n: int, seed: int) -> Found:
    """Name to (value, low, high) of one draw."""
    permutation.SURE = 0.0  # no p is asked for, and permutations would take most of the time
    rng, measures, found = np.random.default_rng([seed, n, LAWS.index(law)]), catalog(), {}
    x, spread = cloud(law, n, rng), 3.0 if law.startswith("clusters") else 1.0

    def noisy(size: float) -> np.ndarray:
        return x + size * spread * rng.standard_normal(x.shape)

    whole, graph = Representation(x), find_neighbors(x, WIDE, threads=1)
    for name in ("participation_ratio", "effective_rank"):
        found[name] = measures[name](whole)
    for where, size in (("near", 0.3), ("far", 2.0)):
        y = Representation(noisy(size))
        found[f"cka, {where}"] = measures["cka"](whole, y)
        ranking = ranking_of(y, None, {"threads": 1})
        for k in (1, K):
            found[f"information_imbalance, {where}, k = {k}"] = measures["information_imbalance"](graph, ranking, k=k)
    found |= differences(x, graph, (noisy(0.5), noisy(0.5)), x[:, 0] + 0.5 * spread * rng.standard_normal(n))
    return {name: (one.value, one.low, one.high) for name, one in found.items()}


def differences(x: np.ndarray, graph: Any, both: tuple[np.ndarray, np.ndarray], number: np.ndarray) -> dict[str, Any]:
    """Of two noisy copies, by what each has with the first, with classes, and by itself."""
    vectors, graphs = [Representation(y) for y in both], [find_neighbors(y, WIDE, threads=1) for y in both]
    classes = (number > 0).astype(int) + (number > 0.7)
    asked: dict[str, tuple[list[tuple[Any, ...]], dict[str, int]]] = {
        "cka": ([(Representation(x), y) for y in vectors], {}),
        "overlap": ([(graph, other) for other in graphs], {"k": K}),
        "label_overlap": ([(other, classes) for other in graphs], {"k": K}),
        "twonn": ([(other,) for other in graphs], {}),
        "participation_ratio": ([(y,) for y in vectors], {}),
        "effective_rank": ([(y,) for y in vectors], {}),
    }
    return {
        f"difference, {name}": difference(*(catalog()[name].influence_of(*data, **options) for data in two))
        for name, (two, options) in asked.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=SIZES)
    options = parser.parse_known_args()[0]
    draws = options.draws
    rows: dict[tuple[str, int], list[str]] = {}
    for n in options.sizes:
        for law in LAWS:
            every = [intervals(law, n, seed) for seed in range(draws)]
            for name in every[0]:
                value, low, high = np.array([one[name] for one in every]).T
                covered = np.mean((low <= value.mean()) & (value.mean() <= high))
                ratio = np.mean(high - low) / 3.92 / value.std(ddof=1)
                rows.setdefault((name, n), []).append(f"{covered:.0%} ({ratio:.2f})")
            print(n, law, flush=True)
    order = list(dict.fromkeys(name for name, _ in rows))
    lines = [f"`benchmarks/few_samples.py`: {draws} draws.", "", "| estimate | N | " + " | ".join(LAWS) + " |"]
    lines.append("|---|---|" + "---|" * len(LAWS))
    for (name, n), row in sorted(rows.items(), key=lambda item: order.index(item[0][0])):
        lines.append(f"| {name} | {n} | " + " | ".join(row) + " |")
    publish("Intervals of few samples", lines)


if __name__ == "__main__":
    main()

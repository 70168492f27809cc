"""Do intervals and p of overlaps hold with few samples? Coverage and type I errors at N = 100, 150 and 300.

Run:  python -m benchmarks.small_samples [--draws 300] [--write]; about 20 minutes on two cores.

An interval covers if it holds the mean of the values over all draws of a law. A cell is the coverage, and in brackets
the standard deviation that is reported over the one that was seen. The second representation is a noisy copy of the
first: of 0.3 times its spread, or, under "far", 1.5 times. Labels are three classes by a noisy first coordinate, and
that coordinate itself. Type I errors are of unrelated data; with 20 times as many draws, as shares.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from benchmarks.publish import publish
from layerscape.core import permutation
from layerscape.measures import catalog
from layerscape.search import find_neighbors

LAWS = ("Gaussian d = 2", "Gaussian d = 5", "Gaussian d = 10", "t₃ d = 5", "far d = 5", "clusters d = 5")
CELLS = ((100, 1), (100, 10), (100, 30), (150, 10), (150, 30), (300, 10), (300, 30))
UNRELATED = ((100, 5, 1), (100, 5, 10), (300, 5, 10), (300, 200, 10))  # N, units, k
CENTERS = 3 * np.random.default_rng(7).standard_normal((20, 5))
RARE = 6  # samples of the second class


def cloud(law: str, n: int, rng: np.random.Generator) -> np.ndarray:
    d = int(law.split()[-1])
    if law.startswith("clusters"):
        return CENTERS[rng.integers(0, len(CENTERS), n)] + 0.5 * rng.standard_normal((n, d))
    return rng.standard_t(3, (n, d)) if law.startswith("t") else rng.standard_normal((n, d))


def intervals(law: str, n: int, k: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Name to (value, low, high) of one draw."""
    permutation.SURE = 0.0  # no p is asked for, and permutations would take most of the time
    rng = np.random.default_rng([seed, n, k, LAWS.index(law)])
    x = cloud(law, n, rng)
    spread = 3.0 if law.startswith("clusters") else 1.0
    y = x + (1.5 if law.startswith("far") else 0.3) * spread * rng.standard_normal(x.shape)
    number = x[:, 0] + 0.5 * spread * rng.standard_normal(n)
    classes = (number > 0).astype(int) + (number > 0.7)
    a, b = find_neighbors(x, k + 1), find_neighbors(y, k + 1)
    measures = catalog()
    found = {
        "overlap": measures["overlap"](a, b, k=k),
        "rank_overlap": measures["rank_overlap"](a, b, k=k),
        "rank_overlap, R_NX": measures["rank_overlap"](a, b, k=k, weight="r_nx"),
        "label_overlap": measures["label_overlap"](a, classes, k=k),
        "label_overlap by class": measures["label_overlap"](a, classes, k=k, weight="class"),
        "label_overlap of a number": measures["label_overlap"](a, number, k=k),
    }
    return {name: (one.value, one.low, one.high) for name, one in found.items()}


def small_p(n: int, units: int, k: int, seed: int) -> tuple[float, ...]:
    """What an overlap says p is, and a label overlap with rare samples by class, of unrelated data."""
    rng = np.random.default_rng([seed, n, units, k])
    x, y = rng.standard_normal((2, n, units))
    a, b, measures = find_neighbors(x, k + 1), find_neighbors(y, k + 1), catalog()
    rare = (rng.permutation(n) < RARE).astype(int)
    found = measures["overlap"](a, b, k=k), measures["label_overlap"](a, rare, k=k, weight="class")
    return tuple(one.chance.p for one in found if one.chance)


def coverage(pool: ProcessPoolExecutor, draws: int) -> list[str]:
    lines = ["| estimate | N, k | " + " | ".join(LAWS) + " |", "|---|---|" + "---|" * len(LAWS)]
    rows: dict[tuple[str, str], list[str]] = {}
    for n, k in CELLS:
        for law in LAWS:
            found = list(pool.map(partial(intervals, law, n, k), range(draws), chunksize=10))
            for name in found[0]:
                value, low, high = np.array([one[name] for one in found]).T
                covered = np.mean((low <= value.mean()) & (value.mean() <= high))
                ratio = np.mean(high - low) / 3.92 / value.std(ddof=1)
                rows.setdefault((name, f"{n}, {k}"), []).append(f"{covered:.0%} ({ratio:.2f})")
    order = list(dict.fromkeys(name for name, _ in rows))
    for (name, cell), row in sorted(rows.items(), key=lambda item: order.index(item[0][0])):
        lines.append(f"| {name} | {cell} | " + " | ".join(row) + " |")
    return lines


def errors(pool: ProcessPoolExecutor, draws: int) -> list[str]:
    lines = ["| unrelated data | overlap: p ≤ .05 / .01 / .001 | six rare samples, by class |", "|---|---|---|"]
    for n, units, k in UNRELATED:
        p = np.array(list(pool.map(partial(small_p, n, units, k), range(draws), chunksize=50)))
        cells = (" / ".join(f"{np.mean(each <= level):.4f}" for level in (0.05, 0.01, 0.001)) for each in p.T)
        lines.append(f"| N = {n}, {units} units, k = {k} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=300)
    draws = parser.parse_known_args()[0].draws
    lines = [f"`benchmarks/small_samples.py`: {draws} draws for coverage, {20 * draws:,} for p.", ""]
    with ProcessPoolExecutor() as pool:
        lines += [*errors(pool, 20 * draws), "", *coverage(pool, draws)]
    publish("Intervals and p of overlaps of few samples", lines)


if __name__ == "__main__":
    main()

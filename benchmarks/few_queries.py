"""Few queries: how often the interval of a mean over queries holds the mean of the law that they are drawn from.

Run:  python -m benchmarks.few_queries [--write]

Queries are independent, each with its own partner; scores are drawn from laws of recall (0 or 1), of one over the rank
and of what lies between 0 and 1. Ours (`measures/retrieval/by_query.py`) stands beside Student's t of the scores, cut
at 0 and 1, Wilson's and the exact one of Clopper and Pearson, which are of nothing but recall and, of other scores,
take them to vary as recall would.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import beta, t

from benchmarks.publish import publish
from layerscape.core.interval import wilson
from layerscape.core.pairs import Pairs
from layerscape.measures.retrieval.by_query import interval

DRAWS, SIZES = 2000, (6, 8, 10, 15, 20, 30, 100)
CANDIDATES = 100
Law = Callable[[np.random.Generator, int], np.ndarray]
Method = Callable[[np.ndarray, Pairs], tuple[float, float]]


def recall(share: float) -> Law:
    return lambda rng, n: (rng.random(n) < share).astype(float)


def reciprocal_rank(power: float) -> Law:
    """Of ranks r that have a probability in proportion to r to the power −``power``."""
    ranks = np.arange(1, CANDIDATES + 1)
    law = ranks**-power / (ranks**-power).sum()
    return lambda rng, n: 1 / rng.choice(ranks, n, p=law)


LAWS: dict[str, Law] = {
    **{f"recall {share}": recall(share) for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95)},
    "recall of two partners, 0.3": lambda rng, n: (rng.random((n, 2)) < 0.3).mean(axis=1),
    **{f"1 / rank, rank to the −{power}": reciprocal_rank(power) for power in (0.5, 1.0, 2.0, 3.0)},
    "nDCG, two peaks": lambda rng, n: rng.beta(0.3, 0.3, n),
    "nDCG, near 1": lambda rng, n: rng.beta(8, 0.5, n),
    "nDCG, near 0": lambda rng, n: rng.beta(0.3, 6, n),
}


def ours(values: np.ndarray, pairs: Pairs) -> tuple[float, float]:
    return interval(pairs, values, (0.0, 1.0))[:2]


def student(values: np.ndarray, _: Pairs) -> tuple[float, float]:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return max(0.0, values.mean() - half), min(1.0, values.mean() + half)


def wilsons(values: np.ndarray, _: Pairs) -> tuple[float, float]:
    return wilson(float(values.mean()), len(values))


def exact(values: np.ndarray, _: Pairs) -> tuple[float, float]:
    n, hits = len(values), values.sum()
    low = beta.ppf(0.025, hits, n - hits + 1) if hits > 0 else 0.0
    return low, beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0


METHODS: dict[str, Method] = {"ours": ours, "Student's t": student, "Wilson": wilsons, "exact": exact}


def held(law: Law, n: int) -> dict[str, tuple[float, float]]:
    """By method how often its interval holds the mean, and how wide it is in the mean."""
    rng = np.random.default_rng(n)
    truth = float(law(np.random.default_rng(1), 2_000_000).mean())
    pairs = Pairs.of([(query, n + query) for query in range(n)], 2 * n + CANDIDATES)
    draws = [law(rng, n) for _ in range(DRAWS)]
    found = {}
    for name, method in METHODS.items():
        ends = np.array([method(values, pairs) for values in draws])
        inside = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
        found[name] = float(inside.mean()), float((ends[:, 1] - ends[:, 0]).mean())
    return found


def main() -> None:
    every = {(law, n): held(LAWS[law], n) for law in LAWS for n in SIZES}
    lines = [
        "| law | interval | " + " | ".join(f"{n} queries" for n in SIZES) + " |",
        "|---|---|" + "---|" * len(SIZES),
    ]
    for law in LAWS:
        for name in METHODS:
            cells = [every[law, n][name] for n in SIZES]
            row = " | ".join(f"{share:.1%} ({width:.2f})" for share, width in cells)
            lines.append(f"| {law} | {name} | {row} |")
    lines.append("")
    for name in METHODS:
        least = {n: min((every[law, n][name][0], law) for law in LAWS) for n in SIZES}
        worst = ", ".join(f"{share:.1%} of {n} ({law})" for n, (share, law) in least.items())
        lines.append(f"Least of {name}: {worst}.")
    lines += ["", f"Share of {DRAWS:,} draws whose 95 % interval holds the mean of the law, and its mean width."]
    publish("Few queries", lines)


if __name__ == "__main__":
    main()

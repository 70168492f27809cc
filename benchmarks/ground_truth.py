"""What the measures read where the answer is known: clouds of known dimension, and unrelated data."""

from __future__ import annotations

import numpy as np

from benchmarks.publish import publish
from layerscape import Estimate, estimate


def row(name: str, truth: str, found: Estimate) -> str:
    return f"| {name} | {truth} | {found.value:.4g} | {found.low:.4g} to {found.high:.4g} |"


def main() -> None:
    rng = np.random.default_rng(0)
    lines = [
        "`benchmarks/ground_truth.py`, one draw each.",
        "",
        "| data | truth | value | 95 % interval |",
        "|---|---|---|---|",
    ]
    for d in (2, 5, 10):
        for law, x in (("uniform", rng.random((2000, d))), ("Gaussian", rng.standard_normal((2000, d)))):
            lines.append(row(f"twonn, {law}, N = 2,000", str(d), estimate("twonn", x)))
    high = estimate("twonn", rng.standard_normal((5000, 50)))
    lines.append(row("twonn, Gaussian, N = 5,000 (finite samples read low)", "50", high))
    x, y = rng.standard_normal((2, 2000, 5))
    lines.append(row("overlap, independent, N = 2,000, k = 10", f"{10 / 1999:.4g}", estimate("overlap", x, y, k=10)))
    ties = [z[rng.integers(0, 300, 2000)] for z in (x, y)]
    lines.append(row("the same, 300 distinct rows", f"{10 / 1999:.4g}", estimate("overlap", *ties, k=10)))
    wide = rng.standard_normal((2, 1024, 768))
    lines.append(row("cka, independent, N = 1,024, D = 768", "0", estimate("cka", *wide)))
    publish("Ground truth", lines)


if __name__ == "__main__":
    main()

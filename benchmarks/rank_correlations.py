"""How often does the interval of a rank correlation of few runs hold the truth, and how often is none called one?

Run:  python -m benchmarks.rank_correlations [--draws 1000] [--write]

x and y are drawn from a bivariate normal law of correlation r, whose Spearman correlation is 6/π · asin(r/2); of the
last rows both follow a third value, which is set aside, and nothing else; what is refused counts as held.
"""

from __future__ import annotations

import argparse
from math import asin, pi, sqrt

import numpy as np

from benchmarks.publish import publish
from layerscape.core.rank_correlation import rank_correlation
from layerscape.errors import InvalidValue

SIZES, STRENGTHS = (5, 6, 8, 10, 20, 40), (0.0, 0.5, 0.8, 0.95)


def row(n: int, r: float, draws: int, aside: bool) -> str:
    """The rates of one law."""
    rng, held, told = np.random.default_rng(n), 0, 0
    truth = 0.0 if aside else 6 / pi * asin(r / 2)
    for draw in range(draws):
        z = rng.standard_normal((3, n))
        if aside:
            x, y, more = z[0] + 2 * z[2], z[1] + 2 * z[2], [z[2]]
        else:
            x, y, more = z[0], r * z[0] + sqrt(1 - r * r) * z[1], []
        try:
            found = rank_correlation(x.tolist(), y.tolist(), more, seed=draw)
        except InvalidValue:  # of few, whose order may be that of the third
            held += 1
            continue
        held += found.low <= truth <= found.high
        told += found.p <= 0.05
    law = "both follow a third, set aside" if aside else f"r = {r:g}"
    return f"| {n} | {law} | {held / draws:.1%} | {told / draws:.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    given = parser.parse_args()
    lines = [
        f"`python -m benchmarks.rank_correlations`: {given.draws} draws a row.",
        "",
        "| n | law | interval holds the truth | p ≤ .05 |",
        "|---|---|---|---|",
        *(row(n, r, given.draws, False) for n in SIZES for r in STRENGTHS),
        *(row(n, 0.0, given.draws, True) for n in SIZES if n > 5),
    ]
    publish("Rank correlations of runs", lines)


if __name__ == "__main__":
    main()

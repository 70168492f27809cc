"""How often is a layer said to move that does not, and how often is one that moves told?

Run:  python -m benchmarks.settling [--keep FOLDER] [--minutes M] [--draws 500] [--write]

A series of 8 steps of one layer of 8 units. Until step 2 it becomes what it is; from then on it stays to the bit, or
but for noise that is new at every step, or goes on to another place, of which it has the named share at the end.
"""

from __future__ import annotations

import numpy as np

from benchmarks.draws import Found, Part, arguments, draw, ends, kept, read
from benchmarks.publish import publish
from layerscape.core.paired import difference, holm
from layerscape.measures import find_measure
from layerscape.search import find_neighbors

STEPS, SETTLED, UNITS, K = 8, 2, 8, 10
NOISE = {"stays to the bit": 0.0, "stays, noise 0.1": 0.1, "stays, noise 0.3": 0.3, "stays, noise 1": 1.0}
SHARES = {f"goes on by {share:.0%}, noise 0.3": share for share in (0.1, 0.2, 0.3)}
OVERLAP = find_measure("overlap")


def one(law: str, n: int, rng: np.random.Generator) -> Found:
    """Whether the layer is said to move after it is what it is, and whether before."""
    start, end, other = rng.standard_normal((3, n, UNITS))
    noise, share = NOISE.get(law, 0.3), SHARES.get(law, 0.0)
    graphs = []
    for step in range(STEPS):
        there = min(1.0, step / SETTLED)
        on = share * max(0, step - SETTLED) / (STEPS - 1 - SETTLED)
        x = (1 - there) * start + there * ((1 - on) * end + on * other)
        graphs.append(find_neighbors(x + noise * rng.standard_normal(x.shape), k=K + 1))
    *before, last = (OVERLAP.influence_of(graph, graphs[-1], k=K) for graph in graphs[:-1])
    p = holm(np.array([difference(last, each).p for each in before]))  # as `pipeline/settling.py` has it
    return {"after": (float((p[SETTLED:] < 0.05).any()),), "before": (float(p[SETTLED - 1] < 0.05),)}


PARTS = {"settling": Part(one, [*NOISE, *SHARES], (100, 300, 1000))}


def main() -> None:
    asked = arguments(PARTS)
    if not asked.report:
        draw(PARTS, asked)
    lines = [
        "`python -m benchmarks.settling`: share of series of which it is said (p < 0.05, corrected) that the layer "
        "moves, with its 99 % interval.",
        "",
        "| from step 2 on it | N | series | moves after step 2 | before |",
        "|---|---|---|---|---|",
    ]
    for law in PARTS["settling"].laws:
        for n in PARTS["settling"].sizes:
            if found := read(kept(asked.keep, "settling", law, n)):
                after, before = found["after"][:, 0], found["before"][:, 0]
                low, high = ends(int(after.sum()), len(after))
                shown = f"{after.mean():.1%} [{low:.1%}, {high:.1%}]"
                lines.append(f"| {law} | {n:,} | {len(after)} | {shown} | {before.mean():.1%} |")
    publish("When a layer settles", lines)


if __name__ == "__main__":
    main()

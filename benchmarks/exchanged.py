"""How often does every comparison find something in unrelated samples that belong together?

Run:  python -m benchmarks.exchanged [--draws 400] [--measures overlap,cka] [--write]

Groups lie around one of four centers, drawn anew for each of two layers, and labels are dealt to groups, or within them
with another prevalence in each, with no regard to either. A cell is the share in % of draws with p ≤ .05 / .01; p is
from 199 exchanges. One process, which takes about an hour for all measures.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.groups import DESIGNS, SPREAD, UNITS, only, rates
from benchmarks.publish import publish
from layerscape import LayerscapeError, estimate
from layerscape.core.measure import Measure
from layerscape.measures import catalog

APART, CENTERS, K, K_MAX = 4.0, 4, 10, 60
SIZES = ("50 × 10", "28 of 2 to 60")
OPTIONS = {"k": K, "k_max": K_MAX, "draws": 20}


def layer(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    number = codes[-1] + 1
    centers = APART * rng.standard_normal((CENTERS, UNITS))[rng.integers(0, CENTERS, number)]
    places = centers + rng.standard_normal((number, UNITS))
    return places[codes] + SPREAD * rng.standard_normal((len(codes), UNITS))


def seconds(measure: Measure, rng: np.random.Generator, codes: np.ndarray) -> dict[str, Any]:
    """What the first layer is compared with, by name."""
    if measure.data[1] == "labels":
        number = codes[-1] + 1
        within = rng.random(len(codes)) < rng.choice([0.2, 0.8], number)[codes]
        found = {", label of the group": rng.integers(0, 3, number)[codes], ", label within": within.astype(int)}
        if "kind" in measure.options:
            found[", number of the group"] = rng.standard_normal(number)[codes]
        return found
    b = layer(rng, codes)
    return {"": [b, b + layer(rng, codes)] if measure.data[1] == "graphs" else b}


def p_values(measure: Measure, sizes: tuple[int, ...], seed: int) -> dict[str, float]:
    rng, found = np.random.default_rng([seed, len(sizes)]), {}
    codes = np.repeat(np.arange(len(sizes)), sizes)
    options: dict[str, Any] = {name: value for name, value in OPTIONS.items() if name in measure.options}
    a = layer(rng, codes)
    for name, other in seconds(measure, rng, codes).items():
        try:
            chance = estimate(measure, a, other, groups=codes, **options).chance
        except LayerscapeError:  # as where all are one cluster
            continue
        found[measure.name + name] = chance.p if chance else np.nan
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--measures", default=",".join(name for name, one in catalog().items() if one.score))
    parser.add_argument("--designs", default=",".join(SIZES))
    options = parser.parse_known_args()[0]
    designs = options.designs.split(",")
    only(chance=True)
    cells: dict[str, list[str]] = {}
    for design in designs:
        for name in options.measures.split(","):
            every = [p_values(catalog()[name], DESIGNS[design], seed) for seed in range(options.draws)]
            for case in dict.fromkeys(case for one in every for case in one):
                p = [one[case] for one in every if case in one and np.isfinite(one[case])]
                few = f" of {len(p)}" if len(p) < options.draws else ""
                cells.setdefault(case, []).append(f"{rates(p)}{few}")
                print(design, case, cells[case][-1], flush=True)
    lines = [
        f"`benchmarks/exchanged.py`: {options.draws} draws; groups around {CENTERS} centers, unrelated. Share in % of "
        "p ≤ .05 / .01.",
        "",
        "| measure | " + " | ".join(designs) + " |",
        "|---|" + "---|" * len(designs),
        *(f"| {case} | " + " | ".join(row) + " |" for case, row in cells.items()),
    ]
    publish("Chance where samples belong together, measure by measure", lines)


if __name__ == "__main__":
    main()

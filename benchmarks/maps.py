"""Is the closest pair of layers of two networks judged rightly, and is the right one named?

Networks of 6 and 5 layers of 3 to 40 units with random weights. Unrelated: each sees samples of its own, so that any
pair that is called close is a false alarm. Inputs alike: what they see is correlated, so that all layers share
something. One pair: a layer of the second is a noisy map of one of the first, and all else is unrelated: that pair is
to be named.

Run:  python -m benchmarks.maps [--draws 200] [--write]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from benchmarks.publish import publish
from layerscape import compare, from_arrays

N, INPUTS, PERMUTATIONS = 300, 20, 199
WIDTHS, OTHER_WIDTHS = (40, 20, 10, 6, 4, 3), (30, 15, 8, 5, 3)
MEASURES = ("overlap", "cka", "information_imbalance")
CORRELATED, NOISE = 0.25, 1.0
Layers = dict[str, np.ndarray]


def network(rng: np.random.Generator, x: np.ndarray, widths: tuple[int, ...]) -> Layers:
    layers = {}
    for place, width in enumerate(widths):
        x = np.tanh(1.5 * x @ rng.standard_normal((x.shape[1], width)) / np.sqrt(x.shape[1]))
        layers[f"layer {place}"] = x
    return layers


def unrelated(rng: np.random.Generator) -> tuple[Layers, Layers]:
    x, y = rng.standard_normal((2, N, INPUTS))
    return network(rng, x, WIDTHS), network(rng, y, OTHER_WIDTHS)


def alike(rng: np.random.Generator) -> tuple[Layers, Layers]:
    x, y = rng.standard_normal((2, N, INPUTS))
    y = CORRELATED * x + (1 - CORRELATED**2) ** 0.5 * y
    return network(rng, x, WIDTHS), network(rng, y, OTHER_WIDTHS)


def one_pair(rng: np.random.Generator) -> tuple[Layers, Layers]:
    """Layers that do not follow from each other, of which one is a noisy map of one of the other side."""
    a, b = (
        {f"layer {n}": rng.standard_normal((N, width)) for n, width in enumerate(w)} for w in (WIDTHS, OTHER_WIDTHS)
    )
    x = a["layer 3"] @ rng.standard_normal((WIDTHS[3], OTHER_WIDTHS[2])) / WIDTHS[3] ** 0.5
    b["layer 2"] = x + NOISE * rng.standard_normal(x.shape)
    return a, b


LAWS = {
    "unrelated": unrelated,
    f"inputs correlated by {CORRELATED}": alike,
    "one pair, layer 3 and layer 2": one_pair,
}


def rows(draws: int) -> Iterator[str]:
    for law, make in LAWS.items():
        p = {measure: np.empty(draws) for measure in MEASURES}
        named = {measure: np.zeros((2, draws), bool) for measure in MEASURES}  # a pair; the right one
        for seed in range(draws):
            a, b = (from_arrays(layers) for layers in make(np.random.default_rng([seed, len(law)])))
            table = compare(a, b, MEASURES, permutations=PERMUTATIONS, progress=False)
            for measure in MEASURES:
                own = table[table.measure == measure]
                best, p[measure][seed] = own.loc[own.z.idxmax()], own.p_map.min()
                alone = p[measure][seed] <= 0.05 and list(own.closest).count(True) == 1
                right = (best.layer, best.other_layer) == ("layer 3", "layer 2")
                named[measure][:, seed] = alone, alone and right
        for measure in MEASURES:
            below = " | ".join(f"{(p[measure] <= level).mean():.1%}" for level in (0.05, 0.01))
            of_pair = f"{named[measure][0].mean():.0%}"
            if make is one_pair:
                of_pair += f", of which right {named[measure][1].sum() / max(1, named[measure][0].sum()):.0%}"
            yield f"| {law} | {measure} | {below} | {of_pair} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_known_args()[0].draws
    lines = [
        f"`python -m benchmarks.maps`: {draws} pairs of networks of {len(WIDTHS)} and {len(OTHER_WIDTHS)} layers, {N} "
        f"samples, {PERMUTATIONS} permutations.",
        "",
        "| networks | measure | p ≤ .05 | p ≤ .01 | one pair is named |",
        "|---|---|---|---|---|",
    ]
    for line in rows(draws):
        print(line, flush=True)
        lines.append(line)
    publish("The closest pair of layers of two networks", lines)


if __name__ == "__main__":
    main()

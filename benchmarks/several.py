"""How often `recommend` names a layer of several runs where none is better than another, and where one is.

Run:  python -m benchmarks.several [--write]

Two runs of four layers of 200 samples of four classes, 100 draws. Layers are equal in law: of their own noise, or of
noise that all layers of both runs mostly share, as checkpoints of one network do; or the second layer of one run
holds more of the classes. "Named": a layer is named at all, which is wrong where all are equal.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

import layerscape as ls
from benchmarks.publish import publish

DRAWS, N, UNITS, CLASSES, LAYERS, PERMUTATIONS = 100, 200, 6, 4, 4, 29
SIGNAL, BETTER = 1.0, 1.2
CASES = {
    "no layer holds anything": (0.0, 0.0, 0.0),
    "all alike, own noise": (SIGNAL, SIGNAL, 0.0),
    "all alike, noise mostly shared": (SIGNAL, SIGNAL, 0.8),
    f"one holds {BETTER:g} times as much": (SIGNAL, BETTER * SIGNAL, 0.0),
}


def runs(signal: float, best: float, shared: float, seed: int) -> Iterator[ls.Run]:
    rng = np.random.default_rng(seed)
    classes, centers = np.arange(N) % CLASSES, rng.standard_normal((CLASSES, UNITS))
    common = rng.standard_normal((N, UNITS))
    for run in range(2):
        layers = {}
        for layer in range(LAYERS):
            strength = best if (run, layer) == (0, 1) else signal
            noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal((N, UNITS))
            layers[f"l{layer}"] = strength * centers[classes] + noise
        yield ls.from_arrays(layers, labels={"class": classes})


def row(name: str, signal: float, best: float, shared: float) -> str:
    """How often a layer is named, and how often that is the better one."""
    named = right = 0
    for seed in range(DRAWS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that samples may belong together
            first, second = runs(signal, best, shared, seed)
            found = ls.recommend(first, second, k=10, permutations=PERMUTATIONS)
        named += found.layer is not None
        right += found.layer == "l1" and found.run is first
    return f"| {name} | {named / DRAWS:.0%} | {'–' if signal == best else f'{right / DRAWS:.0%}'} |"


def main() -> None:
    lines = [
        f"`benchmarks/several.py`: two runs of {LAYERS} layers, {N} samples of {CLASSES} classes, {DRAWS} draws:",
        "how often `recommend` names a layer, and how often the better one.",
        "",
        "| layers | a layer is named | the better one |",
        "|---|---|---|",
    ]
    for name, case in CASES.items():
        lines.append(row(name, *case))
        print(lines[-1], flush=True)
    publish("Which layer of several runs", lines)


if __name__ == "__main__":
    main()

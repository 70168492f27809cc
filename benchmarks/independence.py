"""How often samples that are independent are doubted, and how often such as belong together are.

Runs of three layers, the second and third of which are noisy maps of the first, with three columns: 40 and 100 values
that mean nothing, and classes. A run is doubted if anything is said of it at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.publish import publish
from layerscape import from_arrays
from layerscape.supply.doubts import doubts

N, UNITS = 400, 5
Law = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]  # first layer and classes


def plain(rng: np.random.Generator, units: int = UNITS) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((N, units)), rng.integers(0, 4, N)


def heavy(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_t(3, (N, UNITS)), rng.integers(0, 4, N)


def classes(rng: np.random.Generator, *, in_order: bool) -> tuple[np.ndarray, np.ndarray]:
    kind = rng.integers(0, 4, N)
    kind = np.sort(kind) if in_order else kind
    return 2 * rng.standard_normal((4, UNITS))[kind] + rng.standard_normal((N, UNITS)), kind


def uneven(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of unlike spread, in which near samples are nearer than elsewhere."""
    kind = rng.integers(0, 4, N)
    return np.exp(rng.standard_normal(4))[kind][:, None] * rng.standard_normal((N, UNITS)), np.zeros(N, int)


def grouped(rng: np.random.Generator, share: float, *, in_order: bool) -> tuple[np.ndarray, np.ndarray]:
    """40 groups that have a share of the variance between them, and no column that says so if they are in order."""
    who = np.repeat(np.arange(40), 10)
    who = who if in_order else rng.permutation(who)
    x = share**0.5 * rng.standard_normal((40, UNITS))[who] + (1 - share) ** 0.5 * rng.standard_normal((N, UNITS))
    return x, who


def series(rng: np.random.Generator, memory: float) -> tuple[np.ndarray, np.ndarray]:
    x = rng.standard_normal((N, UNITS))
    for row in range(1, N):
        x[row] = memory * x[row - 1] + (1 - memory**2) ** 0.5 * x[row]
    return x, rng.integers(0, 4, N)


def copied(rng: np.random.Generator, share: float) -> tuple[np.ndarray, np.ndarray]:
    x, kind = plain(rng)
    pairs = rng.permutation(N)[: 2 * round(share * N / 2)].reshape(2, -1)
    x[pairs[0]] = x[pairs[1]] + 1e-3 * rng.standard_normal((pairs.shape[1], UNITS))
    return x, kind


INDEPENDENT: dict[str, Law] = {
    "Gaussian": plain,
    "Gaussian of 50 units": partial(plain, units=50),
    "t₃": heavy,
    "classes": partial(classes, in_order=False),
    "sorted by class": partial(classes, in_order=True),
    "clusters of unlike spread": uneven,
}
TOGETHER: dict[str, Law] = {
    **{f"40 groups with {s:.0%} of the variance": partial(grouped, share=s, in_order=False) for s in (0.2, 0.1, 0.05)},
    **{f"the same in order, no column, {s:.0%}": partial(grouped, share=s, in_order=True) for s in (0.2, 0.1)},
    **{f"autoregressive, {m}": partial(series, memory=m) for m in (0.7, 0.5, 0.3)},
    **{f"{s:.0%} are near copies": partial(copied, share=s) for s in (0.02, 0.05, 0.1)},
}


def doubted(name: str, law: Law, seed: int) -> bool:
    rng = np.random.default_rng([seed, *name.encode()])
    x, kind = law(rng)
    layers = {"a": x, "b": np.tanh(x) + 0.02 * rng.standard_normal(x.shape) * ("copies" not in name), "c": x * x + x}
    columns = {"ward": rng.integers(0, 40, N).astype(str), "city": rng.integers(0, 100, N).astype(str)}
    if "no column" not in name:
        columns["kind"] = kind.astype(str)
    return bool(doubts(from_arrays(layers, labels=columns), {}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_known_args()[0]
    lines = [f"{options.draws} runs each of {N} samples, three layers of {UNITS} units, two or three columns.", ""]
    for title, laws in (("independent: doubted in", INDEPENDENT), ("belong together: doubted in", TOGETHER)):
        lines += [f"| {title} | |", "|---|---|"]
        for name, law in laws.items():
            lines.append(f"| {name} | {np.mean([doubted(name, law, seed) for seed in range(options.draws)]):.1%} |")
            print(lines[-1], flush=True)
        lines.append("")
    publish("Samples that may belong together", lines[:-1])


if __name__ == "__main__":
    main()

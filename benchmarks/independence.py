"""How often samples that are independent are doubted, and how often such as belong together are.

Run:  python -m benchmarks.independence --keep FOLDER [--parts independent] [--minutes 10] [--write]

Runs of three layers, the second and third of which are noisy maps of the first, with three columns: 40 and 100 values
that mean nothing, and classes. A run is doubted if anything is said of it at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.draws import Found, Part, arguments, draw, ends, kept, read
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


def doubted(name: str, n: int, rng: np.random.Generator) -> Found:
    x, kind = {**INDEPENDENT, **TOGETHER}[name](rng)
    layers = {"a": x, "b": np.tanh(x) + 0.02 * rng.standard_normal(x.shape) * ("copies" not in name), "c": x * x + x}
    columns = {"ward": rng.integers(0, 40, n).astype(str), "city": rng.integers(0, 100, n).astype(str)}
    if "no column" not in name:
        columns["kind"] = kind.astype(str)
    return {"doubted": (float(bool(doubts(from_arrays(layers, labels=columns), {}))),)}


PARTS = {
    "independent": Part(doubted, tuple(INDEPENDENT), (N,), most=1000),
    "together": Part(doubted, tuple(TOGETHER), (N,), most=200),
}


def main() -> None:
    asked = arguments(PARTS)
    if not asked.report:
        draw(PARTS, asked)
    lines = [
        f"Runs of {N} samples, three layers of {UNITS} units, two or three columns; the share that is doubted, its "
        "exact 99 % interval, and how many were drawn."
    ]
    for title, laws in (("independent", INDEPENDENT), ("together", TOGETHER)):
        rows, every = [], []
        for name in laws:
            found = read(kept(asked.keep, title, name, N)).get("doubted", np.empty((0, 1)))[:, 0]
            every.append(found)
            rows += [_row(name, found)] if len(found) else []
        lines += ["", f"| {title}: doubted | | |", "|---|---|---|", *rows, *_all(title, np.concatenate(every))]
    publish("Samples that may belong together", lines)


def _row(name: str, found: np.ndarray) -> str:
    low, high = ends(int(found.sum()), len(found))
    return f"| {name} | {found.mean():.1%} ({low:.1%} to {high:.1%}) | {len(found):,} |"


def _all(title: str, found: np.ndarray) -> list[str]:
    return [_row("all of these", found)] if title == "independent" and len(found) else []


if __name__ == "__main__":
    main()

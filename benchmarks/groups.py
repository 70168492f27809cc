"""Samples that belong together: how often unrelated data get a small p, and how often intervals over groups cover.

Groups lie around centers, members near them. Of unrelated layers only who belongs together is the same; of related ones
the second is the first with centers and members moved as much again. Labels are the same for all of a group (five
classes, which move its center or do not), or vary within groups with another prevalence in each. Beside it stands what
the same measures say when they are not told of the groups.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from benchmarks.publish import publish
from layerscape import estimate
from layerscape.core import exchange
from layerscape.core.groups import FEWEST, Groups
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import find_measure
from layerscape.questions.resample import difference
from layerscape.supply import grouped
from layerscape.supply.grouped import Grouped

DESIGNS = {"50 × 10": (10,) * 50, "20 × 25": (25,) * 20, "10 × 40": (40,) * 10, "28 of 2 to 60": tuple(range(2, 58, 2))}
UNITS, SPREAD, K = 5, 0.5, 10
OPTIONS: dict[str, dict[str, Any]] = {"overlap": {"k": K}, "label_overlap": {"k": K}}


def only(*, chance: bool) -> None:
    """Compute chance alone, by a fifth of the exchanges, or intervals alone: each without the time of the other."""
    exchange.PERMUTATIONS = 199 if chance else 1
    grouped.FEWEST = 10**9 if chance else FEWEST  # groups, below which there is no interval


def drawn(sizes: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Layers, labels and groups."""
    rng = np.random.default_rng([seed, len(sizes)])
    codes = np.repeat(np.arange(len(sizes)), sizes)
    n, number = len(codes), len(sizes)

    def layer() -> np.ndarray:
        return rng.standard_normal((number, UNITS))[codes] + SPREAD * rng.standard_normal((n, UNITS))

    classes = rng.integers(0, 5, number)
    moved = rng.standard_normal((5, UNITS))[classes][codes]
    prevalence = rng.choice([0.2, 0.8], number)[codes]
    return {
        "codes": codes,
        "a": layer(),
        "b": layer(),
        "class": classes[codes],
        "of group": rng.integers(0, 5, number)[codes],
        "within": (rng.random(n) < prevalence).astype(int),
        "one": layer() + moved,
        "other": layer() + moved,
    }


def p_values(sizes: tuple[int, ...], seed: int) -> dict[str, tuple[float, float]]:
    """P of unrelated data, told of the groups and not."""
    only(chance=True)
    data, found = drawn(sizes, seed), {}
    groups = data["codes"]
    cases = {
        "overlap": ("overlap", "b", {}),
        "overlap, own left out": ("overlap", "b", {"own_group": "left_out"}),
        "cka": ("cka", "b", {}),
        "information_imbalance": ("information_imbalance", "b", {}),
        "label overlap, label of the group": ("label_overlap", "of group", {}),
        "label overlap, own kept": ("label_overlap", "of group", {"own_group": "kept"}),
        "label overlap, label within": ("label_overlap", "within", {}),
    }
    for name, (measure, other, how) in cases.items():
        asked = data["a"], data[other]
        told = estimate(measure, *asked, groups=groups, **how, **OPTIONS.get(measure, {}))
        alone = estimate(measure, *asked, **OPTIONS.get(measure, {}))
        found[name] = told.chance.p, alone.chance.p
    return found


def intervals(sizes: tuple[int, ...], seed: int) -> dict[str, tuple[tuple[float, float, float], ...]]:
    """Value and interval of related data, told of the groups and not."""
    only(chance=False)
    data, found = drawn(sizes, seed), {}
    groups, a = data["codes"], data["a"]
    related = a + data["b"]
    cases = {
        "overlap": (a, related),
        "cka": (a, related),
        "information_imbalance": (a, related),
        "twonn": (a,),
        "label_overlap": (data["one"], data["class"]),
    }
    for name, asked in cases.items():
        told = estimate(name, *asked, groups=groups, **OPTIONS.get(name, {}))
        alone = estimate(name, *asked, **OPTIONS.get(name, {}))
        found[name] = (told.value, told.low, told.high), (alone.value, alone.low, alone.high)
    return found


def p_of_difference(sizes: tuple[int, ...], seed: int, shift: float = 0.0) -> dict[str, float]:
    """P of the difference of two layers that hold as much of a label, or of which one lost some of it, and as wide."""
    only(chance=False)
    data = drawn(sizes, seed)
    other = data["other"] + shift * np.random.default_rng(seed).standard_normal(data["other"].shape)
    source = Arrays({"a": data["one"], "b": other}, {"class": data["class"]})
    found = {}
    for name, label in (("label_overlap", "class"), ("twonn", "")):
        tasks = [Task(find_measure(name), OPTIONS.get(name, {}), layer, label=label) for layer in ("a", "b")]
        supplier = Grouped(source, {}, Groups.of(data["codes"], len(data["codes"])))
        supplier.prepare(tasks)
        found[name] = difference(*(supplier.moved(task) for task in tasks)).p
    return found


def rates(p: Any) -> str:
    return " / ".join(f"{np.mean(np.array(p) <= level):.1%}".replace("%", "") for level in (0.05, 0.01))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_known_args()[0]
    tables: dict[str, dict[str, list[str]]] = {"p": {}, "covers": {}, "differs": {}}
    with ProcessPoolExecutor(options.workers) as pool:
        for sizes in DESIGNS.values():
            every = list(pool.map(partial(p_values, sizes), range(options.draws), chunksize=4))
            for name in every[0]:
                told, alone = zip(*(one[name] for one in every), strict=True)
                tables["p"].setdefault(name, []).append(f"{rates(told)} ({rates(alone)})")
            every = list(pool.map(partial(intervals, sizes), range(options.draws), chunksize=4))
            for name in every[0]:
                cells = []
                for value, low, high in np.array([one[name] for one in every]).transpose(1, 2, 0):
                    ratio = np.mean(high - low) / 3.92 / value.std(ddof=1)
                    cells.append(f"{np.mean((low <= value.mean()) & (value.mean() <= high)):.0%} ({ratio:.2f})")
                tables["covers"].setdefault(name, []).append("; alone ".join(cells))
            every = list(pool.map(partial(p_of_difference, sizes), range(options.draws), chunksize=4))
            for name in every[0]:
                tables["differs"].setdefault(name, []).append(rates([one[name] for one in every]))
    titles = {
        "p": "unrelated layers and labels, share in % of p ≤ .05 / .01 told of the groups (not told)",
        "covers": "95 % interval of related ones covers (its width over the true one); not told: alone",
        "differs": "difference of two layers that are alike, share in % of p ≤ .05 / .01",
    }
    lines = [f"{options.draws} draws of {UNITS} units, spread within groups {SPREAD} of that between, k = {K}."]
    for key, rows in tables.items():
        lines += ["", f"| {titles[key]} | " + " | ".join(DESIGNS) + " |", "|---|" + "---|" * len(DESIGNS)]
        lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    publish("Samples that belong together", lines)


if __name__ == "__main__":
    main()

"""Noise ceilings: whether the value over its ceiling is the agreement that there would be without noise.

Signals of C conditions lie in 8 dimensions of two layers of D units each, of which the second shares 0.8 of every
dimension with the first; each of R repeats adds noise of known size. The agreement of the signals is known, since they
are made. Measures that have no ceiling are given one here, to show why they have none.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from benchmarks.publish import publish
from layerscape import find_neighbors
from layerscape.core.estimate import Estimate
from layerscape.core.measure import ALWAYS, Measure
from layerscape.core.repeats import Repeats
from layerscape.core.representation import Representation
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue
from layerscape.measures import find_measure
from layerscape.measures.neighborhood.overlap import overlap
from layerscape.supply.repeated import Repeated, value_of

SIGNALS, SHARED, K = 8, 0.8, 10


@dataclass(frozen=True)
class Law:
    """How noisy repeats are: standard deviations of noise per unit, where those of the signal are about 0.7."""

    conditions: int = 100
    repeats: int = 4
    units: int = 30
    first: float = 1.0
    second: float = 1.0
    both: float = 0.0  # of the noise of the second layer that is the first's: what one repeat has in common
    uneven: float = 0.0  # standard deviation of the logarithm of the noise over conditions


LAWS = {
    "both noisy": Law(),
    "very noisy": Law(first=2.0, second=2.0),
    "the first without noise": Law(first=0.0, second=1.5),
    "two repeats": Law(repeats=2),
    "300 units": Law(units=300, first=1.5, second=1.5),
    "noise in common": Law(both=0.7),
    "noise uneven, 0.25": Law(uneven=0.25),
    "noise uneven, 0.7": Law(uneven=0.7),
}


def above_chance(a: Representation, b: Representation, /) -> Estimate:
    """Overlap above chance."""
    chance = K / (a.n_samples - 1)
    value = (overlap(find_neighbors(a, K), find_neighbors(b, K), k=K).value - chance) / (1 - chance)
    return Estimate(value, nan, nan, a.n_samples)


SERVED = [find_measure(name) for name in ("cka", "rsa", "distance_correlation")]
OTHERS = [
    *(replace(find_measure(name), ceiling=ALWAYS) for name in ("procrustes", "svcca", "unit_match", "cknna")),
    Measure(above_chance, title="overlap above chance", closer="high", ceiling=ALWAYS),
]


def drawn(law: Law, seed: int) -> tuple[Arrays, Arrays]:
    """Signals, one row per condition, and repeats with noise, the conditions one after the other."""
    rng = np.random.default_rng([seed, law.units])
    shared, own = rng.standard_normal((2, law.conditions, SIGNALS))
    weight = 1 / np.sqrt(np.arange(1, SIGNALS + 1))
    turn = rng.standard_normal((2, SIGNALS, law.units)) / np.sqrt(SIGNALS)
    signals = (shared * weight) @ turn[0], ((SHARED * shared + np.sqrt(1 - SHARED**2) * own) * weight) @ turn[1]
    noise = rng.standard_normal((2, law.conditions, law.repeats, law.units))
    noise[1] = law.both * noise[0] + np.sqrt(1 - law.both**2) * noise[1]
    noise *= np.exp(law.uneven * rng.standard_normal((law.conditions, 1, 1)))
    x, y = (
        (signal[:, None] + sd * own).reshape(-1, law.units)
        for signal, sd, own in zip(signals, (law.first, law.second), noise, strict=True)
    )
    return Arrays({"a": signals[0], "b": signals[1]}), Arrays({"a": x, "b": y})


def one(law: Law, measure: Measure, seed: int) -> list[float]:
    """The agreement without noise, the value, the ceiling, and the value over it with its interval."""
    signals, noisy = drawn(law, seed)
    task = Task(measure, {}, "a", other_layer="b")
    true = value_of(task, signals.vectors("a"), signals.vectors("b"))
    codes = np.repeat(np.arange(law.conditions), law.repeats)
    repeats = np.tile(np.arange(law.repeats), law.conditions)
    supplier = Repeated(noisy, {}, Repeats.of(codes, repeats, len(codes)))
    value = value_of(task, supplier.source.vectors("a"), supplier.source.vectors("b"))
    try:
        found = supplier.ceiling(task)[0]
    except InvalidValue:
        return [true, value, nan, nan, nan, nan]
    return [true, value, found.value, found.over, found.over_low, found.over_high]


def cell(law: Law, measure: Measure, draws: int, *, coverage: bool) -> str:
    true, value, ceiling, over, low, high = np.array([one(law, measure, seed) for seed in range(draws)]).T
    known = np.isfinite(over)
    if not known.any():
        return "none"
    text = f"{true.mean():.2f} · {value.mean():.2f} · {np.nanmean(ceiling):.2f} · **{np.nanmean(over):.2f}**"
    if coverage:
        text += f", {np.mean((low <= true.mean()) & (true.mean() <= high), where=known):.0%}"
    return text + (f" ({known.mean():.0%} have one)" if not known.all() else "")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--others", type=int, default=5, help="Draws of measures that have no ceiling.")
    options = parser.parse_known_args()[0]
    lines = [
        f"{options.draws} draws ({options.others} of measures without a ceiling) of 100 conditions with 4 repeats and "
        "30 units, unless said: value without noise · value of means · ceiling · **value over ceiling**, and how often "
        "its 95 % interval covers the first.",
    ]
    for measures, draws in ((SERVED, options.draws), (OTHERS, options.others)):
        lines += ["", "| | " + " | ".join(m.title for m in measures) + " |", "|---|" + "---|" * len(measures)]
        for name, law in LAWS.items():
            cells = [cell(law, m, draws, coverage=m in SERVED) for m in measures]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    publish("Noise ceilings", lines)


if __name__ == "__main__":
    main()

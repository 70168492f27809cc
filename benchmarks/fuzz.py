"""Whatever measures are given, is there a value within its bounds or one line that says why not?

Run:  python -m benchmarks.fuzz [--cases 50000] [--seed 0] [--kept FILE] [--write]

What was counted is kept in a file after every 500 cases, each of which are of a process of their own, whose memory ends
with it; the same command goes on from there.

Every case draws a measure, data of any type, shape and scale (`benchmarks/fuzz_data.py`), options and keywords of a
search, right and wrong ones, all from its own number, so that `outcome(NUMBER, SEED)` makes it again. Graphs are
searched, and lists of neighbors read, where errors are counted; every fiftieth case measures groups of a run. Right is
an `Estimate` whose value lies in the bounds of its measure and in its interval, with what chance gives; or that has no
value, no interval and a reason; or an error of layerscape in one line. Anything else counts as raw, and so does a
warning of numpy that reaches whoever asked.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import isfinite, isnan
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.fuzz_data import SEARCHES, Draw, Given, graph, labels, pairs, plain_vectors, vectors
from benchmarks.publish import publish
from layerscape.core.estimate import Chance, Estimate
from layerscape.core.measure import Measure
from layerscape.measures import catalog

SLOW = ("autoencoder", "hidalgo", "dichotomies", "unit_match")  # drawn more rarely
FAST: dict[str, Any] = {
    **{"steps": 20, "max_width": 2, "permutations": 19, "draws": 20, "n_landmarks": 20},
    **{"directions": 6, "labelings": 20, "n_iterations": 100, "smallest": 8},
}
STRANGE = (None, "3", 1.5, True, -1, 0, float("nan"), float("inf"), [], {}, 10**9, np.int64(3), np.float32(0.5), "auto")
SIZES = (1, 2, 3, 4, 5, 6, 8, 12, 20, 20, 40, 40, 40, 60, 60, 60, 60, 120)
PLAIN = 0.4  # of the cases
RUNS = 50  # every so many cases one measures groups of a run
ROUNDING = 1e-9
PART = 500  # cases of a process
RIGHT = ("value", "no value", "one line")


@dataclass(frozen=True)
class Answer:
    """Which measure was asked, what came of it, and how many warnings came with it."""

    measure: str
    came: str
    warnings: int = 0

    @property
    def right(self) -> bool:
        return self.came in RIGHT


def options(draw: Draw, measure: Measure, plain: bool) -> dict[str, Any]:
    """Options that are right, and now and then, where the case is not plain, one that is not."""
    found = {name: FAST[name] for name in measure.options if name in FAST}
    strange = 0.15 if draw.random() < 0.3 and not plain else 0.0
    for name in measure.options:
        if name == "k" and draw.random() < 0.7:
            found[name] = int(draw.integers(1, 12))
        elif draw.random() < strange:
            found[name] = STRANGE[draw.integers(len(STRANGE))]
    if draw.random() < 0.15 and not plain:
        name, value = SEARCHES[draw.integers(len(SEARCHES))]
        found[name] = value if draw.random() < 0.9 else STRANGE[draw.integers(len(STRANGE))]
    if draw.random() < 0.1:
        found["influence"] = True
    if draw.random() < 0.01 and not plain:
        found["nonsense"] = 1
    return found


def case(number: int, seed: int = 0) -> tuple[int, Measure, list[Given], dict[str, Any]]:
    """How many samples the case of this number has, and what it gives to which measure."""
    draw = np.random.default_rng([seed, number])
    measures = list(catalog().values())
    measure = measures[draw.integers(len(measures))]
    if measure.name in SLOW and draw.random() < 0.8:
        measure = measures[draw.integers(len(measures))]
    plain = draw.random() < PLAIN  # which most measures can answer, so that what is deep inside is reached
    n = int(draw.choice(SIZES[-6:] if plain else SIZES))
    data: list[Given] = []
    for kind in measure.data:
        takes_graph = draw.random() < (0.3 if kind == "graph" else 0.05)
        size = n if plain or draw.random() < 0.97 else n + 1
        if kind == "labels":
            data.append(labels(draw, n, plain))
        elif kind == "pairs":
            data.append(pairs(draw, n, plain))
        elif plain:
            data.append(plain_vectors(draw, n, measure.values))
        else:
            data.append((graph if takes_graph else vectors)(draw, size))
    return n, measure, data, options(draw, measure, plain)


def outcome(number: int, seed: int = 0) -> Answer:
    """What came of a case: a value, no value, one line, or what should not be."""
    n, measure, data, asked = case(number, seed)
    name = measure.name
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("error")
        warnings.simplefilter("always", UserWarning)
        try:
            if number % RUNS == RUNS - 1:
                name, wrong = f"{name}, by groups", grouped(n, measure, data, asked)
                return Answer(name, wrong or "value", len(heard))
            found = ls.estimate(measure.name, *(given() for given in data), **asked)
            wrong = next(faults(found, measure), None)
        except ls.LayerscapeError as error:
            text = str(error)
            return Answer(name, "one line" if text and "\n" not in text else f"many lines: {text!r}", len(heard))
        except Exception as error:
            return Answer(name, f"raw {type(error).__name__}: {' '.join(str(error).split())[:150]}")
    came = "no value" if isnan(found.value) else "value"
    return Answer(name, wrong or came, len(heard) + len(found.warnings))


def grouped(n: int, measure: Measure, data: list[Given], asked: dict[str, Any]) -> str | None:
    """What is wrong with the table of a run of these layers, measured by groups."""
    known = {name: asked[name] for name in asked if name not in ("influence", "permutations")}
    layers = {f"{place}": given() for place, given in enumerate(data) if measure.data[place] != "labels"}
    column = labels(np.random.default_rng(n), n)()
    run = ls.from_arrays(layers, labels={"group": np.arange(n) // max(1, n // 3), "other": column})
    table = ls.measure(run, [measure.name], by="group", save=False, progress=lambda *_: None, **known)
    low, high = measure.bounds
    said = table.value.notna()
    if not table.value[said].between(low - ROUNDING, high + ROUNDING).all():
        return f"outside: {table.value.tolist()} of {measure.bounds}"
    if (table.warnings[~said].str.len() == 0).any():
        return "silent: a row without a value and without a reason"
    return None


def faults(found: Estimate, measure: Measure) -> Iterator[str]:
    """What an estimate must not be."""
    if not isinstance(found, Estimate):
        yield f"raw {type(found).__name__}"
        return
    value, low, high = found.value, found.low, found.high
    if isnan(value):
        if not (isnan(low) and isnan(high)):
            yield f"interval of nothing: {low} to {high}"
        if not found.warnings:
            yield "silent: no value and no reason"
    elif isnan(low) and isnan(high):
        if not found.warnings:
            yield "silent: no interval and no reason"
        if not measure.bounds[0] <= value <= measure.bounds[1]:
            yield f"outside: {value} of {measure.bounds}"
    elif not measure.bounds[0] <= low <= value <= high <= measure.bounds[1]:
        yield f"outside: {low} {value} {high} of {measure.bounds}"
    if found.chance:
        yield from _faults_of_chance(found.chance, measure)
    for point in found.curve:
        if not (isnan(point.value) or (point.low <= point.value <= point.high)):
            yield f"outside: {point} of the curve"
    if any("\n" in words or not words for words in found.warnings):
        yield f"many lines: {found.warnings!r}"
    if found.per_sample is not None and len(found.per_sample) != found.n_samples:
        yield f"per sample: {found.per_sample.shape} for {found.n_samples}"
    json.dumps(found.to_dict(), allow_nan=False)
    repr(found)


def _faults_of_chance(chance: Chance, measure: Measure) -> Iterator[str]:
    low, high = measure.bounds
    if isfinite(chance.value) and not low - ROUNDING <= chance.value <= high + ROUNDING:
        yield f"chance outside: {chance}"
    if isfinite(chance.low) and not chance.low - ROUNDING <= chance.value <= chance.high + ROUNDING:
        yield f"chance beside its limits: {chance}"
    if not (isnan(chance.p) or 0 <= chance.p <= 1):
        yield f"chance outside: {chance}"


def counted(part: int, seed: int) -> dict[str, Counter[str]]:
    """How often what came, by measure, in one part of the cases; what should not be is printed."""
    found: dict[str, Counter[str]] = {}
    for number in range(part * PART, (part + 1) * PART):
        answer = outcome(number, seed)
        group = "groups of a run" if answer.measure.endswith(", by groups") else answer.measure
        columns = ("cases", answer.came if answer.right else "raw", *["warned"] * (answer.warnings > 0))
        found.setdefault(group, Counter()).update(columns)
        if not answer.right:
            print(f"outcome({number}, {seed}) of {answer.measure}: {answer.came}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Anything is given to every measure.")
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", type=Path, default=Path("fuzz.json"), help="where the counts are, or shall be kept")
    asked = parser.parse_known_args()[0]
    known = json.loads(asked.kept.read_text()) if asked.kept.exists() else {"seed": asked.seed, "parts": []}
    if known["seed"] != asked.seed:
        parser.error(f"{asked.kept} has the counts of seed {known['seed']}; give another --kept.")
    left = range(len(known["parts"]), -(-asked.cases // PART))
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as one:
        for found in one.map(partial(counted, seed=asked.seed), left):
            known["parts"].append(found)
            asked.kept.write_text(json.dumps(known))
    counts: dict[str, Counter[str]] = {}
    for part in known["parts"]:
        for group, found in part.items():
            counts.setdefault(group, Counter()).update(found)
    columns = ("cases", "value", "no value", "one line", "raw", "warned")
    rows = {group: [counts[group][column] for column in columns] for group in sorted(counts)}
    rows["**all**"] = [sum(numbers) for numbers in zip(*rows.values(), strict=True)]
    publish(
        "Fuzz",
        [
            f"`python -m benchmarks.fuzz --cases {PART * len(known['parts'])} --seed {asked.seed}`: what measures "
            "answer to anything: an estimate, one without a value that says why, a refusal in one line, or what "
            "should not be (raw); and how many answers came with a warning.",
            "",
            "| measure | cases | estimates | without a value | refusals | raw | warned |",
            "|---|---|---|---|---|---|---|",
            *(f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |" for name, numbers in rows.items()),
        ],
    )


if __name__ == "__main__":
    main()

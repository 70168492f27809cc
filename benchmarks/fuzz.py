"""Whatever measures are given, is there a value within its bounds or one line that says why not?

Run:  python -m benchmarks.fuzz [--cases 50000] [--seed 0] [--write]

Every case draws a measure, data of any type, shape and scale (ties, copies, constants, rows of zeros, far samples),
labels of any form, options and keywords of a search, right and wrong ones, all from its own number, so that
`outcome(NUMBER)` makes it again. Right is an `Estimate` whose value lies in the bounds of its measure and in its
interval, or has no value, or an error of layerscape in one line; no warning of numpy reaches whoever asked.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import warnings
from collections import Counter
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.core.measure import Measure
from layerscape.measures import catalog

Draw = np.random.Generator
SLOW = ("autoencoder", "hidalgo", "dichotomies", "unit_match")  # drawn more rarely
FAST: dict[str, Any] = {"steps": 20, "max_width": 2, "permutations": 19, "draws": 5, "n_landmarks": 20}
SCALES = (*[1.0] * 12, 1e-310, 1e-300, 1e-20, 1e20, 1e150, 1e300)
STRANGE = (None, "3", 1.5, True, -1, 0, float("nan"), float("inf"), [], {}, 10**9, np.int64(2), np.float32(0.5), "auto")
SEARCHES: tuple[tuple[str, Any], ...] = (
    ("metric", "cosine"),
    ("standardize", "units"),
    ("near_copies", 0.0),
    ("memory", 2**20),
    ("metric", "nonsense"),
    ("nonsense", 1),
)
TYPES = ("bool", "int8", "uint16", "int64", "float16", "float32", "float64")


def values(draw: Draw, n: int) -> np.ndarray:
    """Vectors of n samples, of any kind."""
    d = int(draw.choice([1, 2, 3, 8, 50]))
    x = draw.standard_normal((n, d)) * draw.choice(SCALES)
    kind = draw.integers(16)
    if kind == 0:
        x[:] = x[:1]
    elif kind == 1 and n > 2:
        x = x[draw.integers(0, max(1, n // 2), n)]
    elif kind == 2:
        x = np.rint(3 * draw.standard_normal((n, d)))
    elif kind == 3:
        x[draw.integers(n)] = 0
    elif kind == 4:
        x[draw.integers(n)] *= 1e3
    elif kind == 5:
        x[draw.integers(n), draw.integers(d)] = draw.choice([np.nan, np.inf])
    elif kind == 6:
        x[:, 0] *= 1e3
    elif kind == 7:
        x = x[:, :1] * draw.standard_normal(d)
    elif kind == 8:
        with np.errstate(over="ignore"):
            x = x + 1e9 * np.abs(x).max()
    return x


def given(draw: Draw, n: int) -> Any:
    """Vectors in a form in which people have them, or a graph of them."""
    x = values(draw, n)
    form = draw.integers(10)
    if form < 4:
        with np.errstate(all="ignore"):
            return np.nan_to_num(x).astype(draw.choice(TYPES)) if form < 2 else x.astype("float32")
    if form == 4:
        return x.tolist()
    if form == 5:
        return ls.find_neighbors(x, int(draw.integers(1, max(2, n))))
    return x


def labels(draw: Draw, n: int) -> Any:
    """Labels of any form."""
    codes = draw.integers(0, draw.choice([1, 2, 4, n]), n)
    words = np.array(["cat", "dog", "owl", "", "é"])[codes % 5]
    with_gaps = [None if draw.random() < 0.2 else str(word) for word in words]
    sets: list[Any] = [{int(code), int(code) // 2} for code in codes]
    paths: list[Any] = [(int(code) // 2, int(code)) for code in codes]
    forms: list[Any] = [codes, words, words.tolist(), with_gaps, sets, paths, draw.standard_normal(n), codes[:-1], None]
    forms = 3 * forms[:-2] + forms
    forms += [codes * 1.0, codes % 2 == 0, draw.standard_normal((n, 2)), [[1], [1, 2]] * n, "cat"]
    return forms[draw.integers(len(forms))]


def options(draw: Draw, measure: Measure) -> dict[str, Any]:
    """Options that are right, and now and then one that is not."""
    found = {name: FAST[name] for name in measure.options if name in FAST}
    for name in measure.options:
        if name == "k" and draw.random() < 0.7:
            found[name] = int(draw.integers(1, 12))
        elif draw.random() < 0.06:
            found[name] = STRANGE[draw.integers(len(STRANGE))]
    if draw.random() < 0.15:
        name, value = SEARCHES[draw.integers(len(SEARCHES))]
        found[name] = value
    if draw.random() < 0.1:
        found["influence"] = True
    return found


def case(number: int, seed: int = 0) -> tuple[Measure, list[Any], dict[str, Any]]:
    """What the case of this number gives to which measure."""
    draw = np.random.default_rng([seed, number])
    measures = list(catalog().values())
    measure = measures[draw.integers(len(measures))]
    if measure.name in SLOW and draw.random() < 0.8:
        measure = measures[draw.integers(len(measures))]
    n = int(draw.choice([1, 2, 3, 4, 5, 8, 12, 20, 20, 40, 40, 40, 60, 60, 60]))
    data: list[Any] = []
    for kind in measure.data:
        data.append(labels(draw, n) if kind == "labels" else given(draw, n if draw.random() < 0.97 else n + 1))
    return measure, data, options(draw, measure)


def outcome(number: int, seed: int = 0) -> tuple[str, str]:
    """The measure of a case, and what came of it: a value, no value, one line, or what should not be."""
    try:
        measure, data, asked = case(number, seed)
    except ls.LayerscapeError:
        return "", "one line"  # a graph that cannot be searched
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = ls.estimate(measure.name, *data, **asked)
        except ls.LayerscapeError as error:
            return measure.name, "one line" if "\n" not in str(error) else f"many lines: {error}"
        except Exception as error:
            return measure.name, f"raw {type(error).__name__}: {' '.join(str(error).split())[:150]}"
    if np.isnan(found.value):
        return measure.name, "no value"
    low, high = measure.bounds
    inside = low <= found.value <= high and found.low <= found.value <= found.high
    return measure.name, "value" if inside else f"outside: {found.low} {found.value} {found.high} of {measure.bounds}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_known_args()[0]
    counts: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for number in range(asked.cases):
        name, came = outcome(number, asked.seed)
        kind = came if came in ("value", "no value", "one line") else came.split(":")[0]
        counts[kind] += 1
        if kind not in ("value", "no value", "one line"):
            bad[f"{name} {came[:60]}"] += 1
            if bad[f"{name} {came[:60]}"] == 1:
                print(f"case {number}, {name}: {came}", flush=True)
    lines = [
        f"`python -m benchmarks.fuzz --cases {asked.cases} --seed {asked.seed}`: what measures answer to anything.",
        "",
        "| answer | cases |",
        "|---|---|",
        *(f"| {kind} | {count:,} |" for kind, count in counts.most_common()),
    ]
    publish("Fuzz", lines)


if __name__ == "__main__":
    main()

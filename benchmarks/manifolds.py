"""What the estimators of the dimension read on the 24 manifolds of the field, ours beside those of scikit-dimension.

    python -m benchmarks.manifolds [--seeds 5] [--samples 2500] [--manifolds NAME …] [--skip NAME …]
        [--skdim PYTHON] [--peers NAME …] [--write]

Every estimator gets the same samples (`layerscape.datasets.manifold`) and its own defaults, but for two: Gride, which
by default begins with TwoNN, is read from 32 to 64 neighbors in both libraries, and the peer's lPCA in neighborhoods
of 100. A cell is the mean over the seeds. `--skdim` is the interpreter of an environment that holds scikit-dimension;
without it, its columns are left out. `--skip` leaves out estimators of ours, `--peers` names those of scikit-dimension
that run: by default all but ESS, which takes minutes per cloud. The rest takes most of an hour.

The last three rows: the mean over the manifolds of |value − d| / d, the same without the manifolds of d above 15, and
the seconds that one cloud takes on one thread. A second table holds each estimator to its tolerance on the manifolds
of d up to 15 and names those where it is outside; the linear ones and the elbows have none, for they read the space
that a manifold bends through.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"} | dict(os.environ))

import numpy as np

from benchmarks.publish import publish
from layerscape import Estimate, estimate
from layerscape.datasets import manifold, manifolds
from layerscape.measures import catalog, question

HIGH = 15  # above this many dimensions what counts neighbors reads far too low at a few thousand samples
PEERS = ("TwoNN", "GRIDE", "MLE", "MOM", "CorrInt", "lPCA", "KNN", "TLE", "MADA", "MiND_ML", "DANCo", "FisherS")
SLOW_PEERS = ("ESS",)
NO_DIMENSION = ("spectrum_decay",)  # an exponent
TOLERANCE = {
    **dict.fromkeys(("twonn", "decimation", "hidalgo"), 0.15),
    **dict.fromkeys(("abide", "correlation_dimension", "gride", "levina_bickel", "mst"), 0.2),
}
Readings = dict[str, list[float]]  # by the name of the estimator: value and seconds


def readings(x: np.ndarray, names: list[str]) -> Readings:
    """Value and seconds of each of our estimators."""
    found = {}
    for name in names:
        start = time.perf_counter()
        value = at_the_end(estimate(name, x)) if name == "gride" else estimate(name, x).value
        found[name] = [value, time.perf_counter() - start]
    return found


def at_the_end(found: Estimate) -> float:
    """Of a curve the value at the largest scale."""
    return found.curve[-1].value


def of_skdim(paths: list[str], names: list[str]) -> list[dict[str, list[float]]]:
    """Value and seconds of each estimator on the cloud in each file; run by an interpreter that has it."""
    import time
    import warnings

    import numpy as np
    import skdim

    def value(name, x):
        if name == "lPCA":  # one of the whole cloud would be the dimension of the linear space around it
            fitted = skdim.id.lPCA(verbose=False).fit_pw(x, n_neighbors=100, n_jobs=1)
            return float(np.mean(fitted.dimension_pw_))
        options = {"GRIDE": {"n1": 32, "n2": 64}}.get(name, {})
        return float(getattr(skdim.id, name)(**options).fit(x).dimension_)

    found: list[dict[str, list[float]]] = []
    for path in paths:
        x, of_one = np.load(path), {}
        for name in names:
            start = time.perf_counter()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    number = value(name, x)
            except Exception as error:  # a peer that fails is shown as such, and the others go on
                print(path, name, repr(error), file=__import__("sys").stderr)
                number = float("nan")
            of_one[name] = [number, time.perf_counter() - start]
        found.append(of_one)
    return found


def in_other_python(python: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in another interpreter, which sees nothing but its source."""
    call = f"print(__import__('json').dumps({function.__name__}(*{list(arguments)!r})))"
    source = f"from __future__ import annotations\n{inspect.getsource(function)}\n{call}"
    done = subprocess.run([python, "-c", source], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def estimators(skip: list[str]) -> list[str]:
    """Ours that read a dimension from real numbers."""
    found = catalog().items()
    names = [name for name, m in found if question(m) == "dimension" and m.values == "real"]
    return [name for name in names if name not in (*NO_DIMENSION, *skip)]


def all_readings(name: str, ours: list[str], options: argparse.Namespace, folder: Path) -> list[Readings]:
    """One dict per seed for one manifold, ours and those of scikit-dimension."""
    clouds = [manifold(name, options.samples, seed=seed).x for seed in range(options.seeds)]
    found = [readings(x, ours) for x in clouds]
    if options.skdim:
        paths = [folder / f"{name}-{seed}.npy" for seed in range(options.seeds)]
        for path, x in zip(paths, clouds, strict=True):
            np.save(path, x)
        theirs = in_other_python(options.skdim, of_skdim, [str(path) for path in paths], options.peers)
        for of_one, more in zip(found, theirs, strict=True):
            of_one.update({f"skdim {peer}": values for peer, values in more.items()})
    return found


def table(found: dict[str, list[Readings]]) -> list[str]:
    """A row per manifold, a column per estimator, and what follows from them."""
    columns = list(next(iter(found.values()))[0])
    truth = np.array([manifolds()[name][0] for name in found])
    numbers = np.array([[[of_one[column] for column in columns] for of_one in seeds] for seeds in found.values()])
    values, seconds = numbers[..., 0].mean(axis=1), numbers[..., 1].mean(axis=(0, 1))
    errors = np.abs(values - truth[:, None]) / truth[:, None]
    lines = [
        f"| manifold | D | d | {' | '.join(columns)} |",
        "|---|" + "---|" * (len(columns) + 2),
        *(
            f"| {name} | {manifolds()[name][1]} | {d} | {' | '.join(f'{value:.2f}' for value in row)} |"
            for name, d, row in zip(found, truth, values, strict=True)
        ),
        f"| mean error, of d | | | {' | '.join(f'{error:.1%}' for error in errors.mean(axis=0))} |",
    ]
    low = truth <= HIGH
    if low.any() and not low.all():
        shown = " | ".join(f"{error:.1%}" for error in errors[low].mean(axis=0))
        lines.append(f"| the same, d ≤ {HIGH} | | | {shown} |")
    return [*lines, f"| seconds | | | {' | '.join(f'{second:.2f}' for second in seconds)} |"]


def tolerances(found: dict[str, list[Readings]]) -> list[str]:
    """Per estimator its tolerance, on how many manifolds it keeps it, and where it does not."""
    low = [name for name in found if manifolds()[name][0] <= HIGH]
    lines = [f"| estimator | tolerance | manifolds within, of {len(low)} | outside |", "|---|---|---|---|"]
    kept = {name: tolerance for name, tolerance in TOLERANCE.items() if name in next(iter(found.values()))[0]}
    for estimator, tolerance in kept.items():
        values = {name: np.mean([of_one[estimator][0] for of_one in found[name]]) for name in low}
        errors = {name: values[name] / manifolds()[name][0] - 1 for name in low}
        outside = [f"{name} {error:+.0%}" for name, error in errors.items() if abs(error) > tolerance]
        lines.append(f"| {estimator} | {tolerance:.0%} | {len(low) - len(outside)} | {', '.join(outside)} |")
    return lines


def skdim_version(python: str) -> str:
    """Name and version of the scikit-dimension that an interpreter has."""
    code = "from importlib.metadata import version; print('scikit-dimension', version('scikit-dimension'))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many draws of each manifold")
    parser.add_argument("--samples", type=int, default=2500, help="how many samples a draw has")
    parser.add_argument("--manifolds", nargs="+", choices=list(manifolds()), default=list(manifolds()), metavar="NAME")
    parser.add_argument("--skip", nargs="*", default=[], metavar="NAME", help="estimators of ours left out")
    parser.add_argument("--skdim", metavar="PYTHON", help="an interpreter that has scikit-dimension")
    parser.add_argument("--peers", nargs="+", choices=PEERS + SLOW_PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    ours = estimators(options.skip)
    readings(manifold("M7_Roll", 500).x, ours)  # compiles
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.manifolds:
            print(name, "…", file=sys.stderr)
            found[name] = all_readings(name, ours, options, Path(folder))
    peer = skdim_version(options.skdim) if options.skdim else "scikit-dimension was not given"
    lines = [
        f"`benchmarks/manifolds.py`: {options.samples:,} samples, mean over {options.seeds} seeds; gride and GRIDE "
        f"from 32 to 64 neighbors, lPCA the mean over neighborhoods of 100, all else by its defaults. Peer: {peer}.",
        "",
        *table(found),
        "",
        *tolerances(found),
    ]
    publish("Dimension of 24 manifolds", lines)


if __name__ == "__main__":
    main()

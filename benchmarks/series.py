"""What does a series cost beside its runs: time and disk of what is compared between steps?

Run:  python -m benchmarks.series [--steps 50] [--keep FOLDER] [--write]

Each step is a run of 12 layers × 5,000 samples × 256 units that drift from step to step. Measured are the standard
measures of every run, and then every layer between steps: the next, the last and the first. Seconds are those of the
processor, all threads together, so that other work on the machine does not count. With --keep what is done is not
done again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.pipeline.through import between_steps
from layerscape.questions.compare import comparing

LAYERS, N, UNITS = 12, 5000, 256


def make(folder: Path, steps: int) -> None:
    """The runs of a series."""
    rng = np.random.default_rng(0)
    layers = {f"block_{place}": rng.standard_normal((N, UNITS)).astype("f4") for place in range(1, LAYERS + 1)}
    labels, ids = {"kind": rng.integers(0, 10, N)}, [f"sample {row}" for row in range(N)]
    for step in range(steps):
        for x in layers.values():
            x += 0.3 * rng.standard_normal(x.shape).astype("f4")
        ls.from_arrays(layers, labels=labels, ids=ids, out=folder / f"step_{step}")


def on_disk(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(folder: Path, name: str, work: Callable[[], Any]) -> tuple[float, int]:
    """Seconds and bytes that work took, from the folder if it was done before."""
    path = folder.with_suffix(".json")
    known = json.loads(path.read_text()) if path.exists() else {}
    if name not in known:
        start, before = process_time(), on_disk(folder)
        work()
        known[name] = [process_time() - start, on_disk(folder) - before]
        path.write_text(json.dumps(known))
    return tuple(known[name])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="a folder for what is done; a temporary one when left out")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    given = parser.parse_args()
    folder = (given.keep or Path(tempfile.mkdtemp())) / f"{given.steps}_steps"
    if not folder.exists():
        make(folder, given.steps)
    series, vectors = ls.series(folder), 4 * given.steps * LAYERS * N * UNITS
    own = [timed(folder, run.name, partial(ls.measure, run, progress=False)) for run in series]
    between = timed(folder, "between", lambda: between_steps(series, comparing(None), progress=False))
    alone = [sum(each) for each in zip(*own, strict=True)]
    lines = [
        f"`python -m benchmarks.series --steps {given.steps}`: {given.steps} runs of {LAYERS} layers × {N:,} samples × "
        f"{UNITS} units; {vectors / 1e6:,.0f} MB of vectors.",
        "",
        "| | s of one core | MB on disk |",
        "|---|---|---|",
        f"| graphs and standard measures of every run | {alone[0]:,.0f} | {alone[1] / 1e6:,.1f} |",
        f"| layers between {len(series.pairs())} pairs of steps | {between[0]:,.0f} | {between[1] / 1e6:,.2f} |",
    ]
    publish("A series", lines)


if __name__ == "__main__":
    main()

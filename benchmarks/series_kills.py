"""What is left of a series when the command that measures it is killed?

Run:  python -m benchmarks.series_kills [--every 1] [--write]

Three runs of two layers that nobody has measured are measured as a series once without a kill, which tells how many
times a file is opened to be written, renamed or removed. Then they are measured again and killed (SIGKILL) at these
places, one after the other. Right is a series of which `check` says that it is whole, and of which the same command
makes the table that it makes without a kill.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"  # a process that forks must have no threads

import argparse
import contextlib
import io
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.repairs import Places
from layerscape.cli import main as command

N = 60


def make(folder: Path) -> None:
    """Three runs of the same samples."""
    ids, classes = [f"sample {row}" for row in range(N)], np.arange(N) % 3
    for step in (1, 2, 3):
        rng = np.random.default_rng(step)
        layers = {name: rng.standard_normal((N, d)) for name, d in (("first", 4), ("second", 6))}
        ls.from_arrays(layers, ids=ids, labels={"class": classes}, out=folder / f"step_{step}")


def measure(folder: Path) -> None:
    """What is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ls.measure(ls.series(folder), ["twonn", "overlap"], k=5, threads=1, progress=False)


def killed(folder: Path, last: int | None) -> tuple[int, int]:
    """How measuring ended in a process of its own, killed at a place or not, and how many places it came to."""
    told = folder.parent / "places"
    told.write_text("0")
    if not (child := os.fork()):
        places = Places(last, str(folder))
        sys.addaudithook(places)
        measure(folder)
        told.write_text(str(places.count))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(told.read_text())


def trials(root: Path, every: int) -> Iterator[tuple[int, str]]:
    """Of each place what came of a kill there: nothing, or what is wrong, in words."""
    whole, folder = root / "whole", root / "series"
    make(whole)
    shutil.copytree(whole, root / "first")
    measure(root / "first")  # what is loaded and compiled here changes no files in those that are killed
    shutil.copytree(whole, folder)
    _, count = killed(folder, None)
    expected = ls.series(folder).table.to_csv()
    for place in range(1, count + 1, every):
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        status, _ = killed(folder, place)
        yield place, _wrong(folder, expected) if status == -signal.SIGKILL else f"not killed, status {status}"


def _wrong(folder: Path, expected: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        status = command(["check", str(folder)])
    if status:
        return f"check: {said.getvalue()}"
    try:
        measure(folder)
    except ls.LayerscapeError as error:
        return f"not measured again: {error}"
    return "" if ls.series(folder).table.to_csv() == expected else "other numbers"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--every", type=int, default=1)
    every = parser.parse_known_args()[0].every
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for place, wrong in trials(Path(folder), every):
            counts["wrong" if wrong else "right"] += 1
            if wrong:
                print(place, wrong, flush=True)
    lines = [
        f"`python -m benchmarks.series_kills --every {every}`: three runs of two layers × {N} samples.",
        "",
        "| places of a kill | whole by `check`, and equal tables when it is given again | anything else |",
        "|---|---|---|",
        f"| {counts.total()} | {counts['right']} | {counts['wrong']} |",
    ]
    publish("A series that is killed", lines)


if __name__ == "__main__":
    main()

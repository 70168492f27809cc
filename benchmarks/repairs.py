"""What is left of a damaged run when `layerscape check --repair` is killed while it mends it?

Run:  python -m benchmarks.repairs [--trials 20] [--seed 0] [--write]

A run of the demo model (`benchmarks/kills.py`) with graphs, labels, a table, a recommendation and a page is damaged:
zeros over some of its files. It is repaired once without a kill, which tells what a repair makes of it and how many
times it opens, renames or removes a file. Then the same damage is repaired again and killed at one of these places,
drawn at random: SIGKILL, from within, so that a place is hit and not a time. Right is a run of which `check` says
afterwards that it is whole, or in words what is not, and of which the same command once more makes what the repair
without a kill made.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # a process that forks must have no threads

import argparse
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kills import BLOCK, RUN, STEPS, N, World, ended, load
from benchmarks.publish import publish
from layerscape.cli import main as command
from layerscape.storage import RunFolder

REPAIR = ("check", RUN, "--repair")
MOST = 4  # files that are damaged
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")


class Places:
    """Counts the places at which a process changes files, and ends it at one of them."""

    def __init__(self, last: int | None, where: str = RUN) -> None:
        self.count, self._last, self._where, self._one = 0, last, where, threading.Lock()

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "open":
            if self._where not in str(details[0]) or not (details[2] or 0) & WRITES:
                return
        elif event not in EVENTS:
            return
        with self._one:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def repaired(world: World, last: int | None = None) -> tuple[int, int]:
    """How a repair ended that is killed at a place, or not, and how many places it came to."""
    told = world.folder / "places"

    def call() -> int:
        sys.argv = ["layerscape", *REPAIR]
        places = Places(last)
        sys.addaudithook(places)
        status = command(list(REPAIR))
        told.write_text(str(places.count))
        return status

    told.write_text("0")
    return ended(world.fork(call)), int(told.read_text())


def damaged(run: Path, rng: np.random.Generator) -> list[str]:
    """Zeros over some files of a run, drawn at random; which they are."""
    files = sorted(path for path in run.rglob("*") if path.is_file() and path.name not in (".lock", "run.json"))
    chosen = [files[place] for place in rng.choice(len(files), int(rng.integers(1, MOST + 1)), replace=False)]
    for path in chosen:
        path.write_bytes(bytes(path.stat().st_size))
    return [str(path.relative_to(run)) for path in chosen]


def looked_at(world: World) -> str:
    """What `check` says: `whole`, `damaged` in words, or what should not be."""
    status, said = world.done(("check", RUN))
    if status == 0:
        return "whole"
    lines = said.splitlines()
    return "damaged" if status == 2 and len(lines) == 1 and lines[0].startswith("error: ") else f"{status}: {said}"


def trials(folder: Path, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Of every trial what `check` says after the kill, and what is wrong after the second repair, if anything is."""
    load()
    RunFolder.create.__func__.__kwdefaults__["block_bytes"] = BLOCK
    (disk := folder / "disk").mkdir()
    world = World(folder, disk)
    for step in STEPS[:5]:
        status, said = world.done(step.words)
        assert status == 0, said
    whole = folder / "whole"
    shutil.copytree(world.run, whole)
    for number in range(count):
        yield _trial(world, whole, np.random.default_rng([seed, number]))


def _trial(world: World, whole: Path, rng: np.random.Generator) -> tuple[str, str]:
    shutil.rmtree(world.run)
    shutil.copytree(whole, world.run)
    which = damaged(world.run, rng)
    hurt = world.folder / "hurt"
    shutil.rmtree(hurt, ignore_errors=True)
    shutil.copytree(world.run, hurt)
    status, places = repaired(world)
    if status or not places:
        return "", f"{which}: status {status} after {places} places without a kill: {world.said()}"
    expected = world.state()
    shutil.rmtree(world.run)
    shutil.copytree(hurt, world.run)
    place = int(rng.integers(1, places + 1))
    status, _ = repaired(world, place)
    where = f"{which}, place {place} of {places}"
    if status != -signal.SIGKILL:
        return "", f"{where}: not killed, status {status}"
    seen = looked_at(world)
    status, _ = repaired(world)
    if status:
        return seen, f"{where}: not repaired: {world.said()}"
    try:
        return seen, "" if world.state() == expected else f"{where}: other numbers"
    except AssertionError as error:
        return seen, f"{where}: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_known_args()[0]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seen, wrong in trials(Path(folder), asked.trials, asked.seed):
            counts.update([seen if seen in ("whole", "damaged") else "other", "wrong" if wrong else "right"])
            if wrong or seen not in ("whole", "damaged"):
                print(f"{seen}; {wrong}", flush=True)
    publish(
        "Repairs that are killed",
        [
            f"`python -m benchmarks.repairs --trials {asked.trials} --seed {asked.seed}`: {N} samples, seven layers, "
            f"zeros over 1 to {MOST} files.",
            "",
            "| trials | whole by `check` | damaged, in words | anything else | repaired once more, equal numbers |",
            "|---|---|---|---|---|",
            f"| {asked.trials} | {counts['whole']} | {counts['damaged']} | {counts['other']} | {counts['right']} |",
        ],
    )


if __name__ == "__main__":
    main()

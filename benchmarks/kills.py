"""What is left of a run when a command is killed, told to end, or finds the disk full?

Run:  python -m benchmarks.kills [--trials 8] [--seed 0] [--only NAME] [--write]

A small run of the demo model is taken through all that writes it: extracted in blocks, given labels and features,
measured, asked for a layer, shown as a page, freed of a label, and repaired. Each command is ended at random times, by
SIGKILL, SIGINT or SIGTERM, or begins with so little space that it runs out somewhere (of a file system of its own; that
needs the right to mount one: as root, or within `unshare -rm`). Then the same command is given again. Right is a
command that was ended in one line (with status 2, which SIGKILL has no time for), went on when it was given again, and
left a run that is whole, with the numbers of one that nothing interrupted.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # a process that forks must have no threads

import argparse
import contextlib
import hashlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.cli import main as command
from layerscape.inputs import choose_inputs
from layerscape.storage import RunFolder

RUN, N = "run", 90
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
FULL = "full disk"
BLOCK = 20 * 304 * 4  # bytes, of 20 rows: some blocks, so that there is something between the first and the last
LEAST, MOST = 2**12, 2**18  # bytes that a full disk has left
MEASURES = "twonn,overlap,label_overlap,participation_ratio"


@dataclass(frozen=True)
class Step:
    """A command that writes a run, what is done to the run before it, and what the run needs afterwards to be equal."""

    name: str
    words: tuple[str, ...]
    before: Callable[[Path], None] = lambda _: None
    gone: str = ""  # how the command is refused once it has been done


def damage(run: Path) -> None:
    """Zeros over a graph and over a block of one layer."""
    for pattern in ("graphs/*/*.safetensors", "vectors.zarr/block_2/c.1.0"):
        path = min(run.glob(pattern))
        path.write_bytes(bytes(path.stat().st_size))


STEPS = (
    Step("extract", ("extract", "demo", "digits", "--limit", str(N), "--layers", "block_*", "--out", RUN)),
    Step("labels FILE", ("labels", RUN, "labels.csv")),
    Step("measure", ("measure", RUN, "--measures", MEASURES, "--k", "8")),
    Step("recommend", ("recommend", RUN, "--k", "8")),
    Step("report", ("report", RUN)),
    Step("check --repair", ("check", RUN, "--repair"), damage),
    Step("labels --remove", ("labels", RUN, "--remove", "half"), gone="unknown label column 'half'"),
)


class World:
    """A run that is worked on, on a disk of its own, and beside it one in every state; processes change it."""

    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder, self.states, self.work = folder, folder / "states", disk
        ids = choose_inputs("digits", limit=N).samples().ids
        rows = "\n".join(f"{name},{'even' if row % 2 else 'odd'}" for row, name in enumerate(ids))
        (self.work / "labels.csv").write_text(f"id,half\n{rows}\n")

    @property
    def run(self) -> Path:
        return self.work / RUN

    def start(self, words: tuple[str, ...]) -> int:
        """Fork a process that carries out a command; its id."""

        def call() -> int:
            sys.argv = ["layerscape", *words]  # which a run keeps
            return command(list(words))

        return self.fork(call)

    def fork(self, call: Callable[[], int | None]) -> int:
        """Fork a process that makes a call, whose number is its exit status and whose words go to a file."""
        pid = os.fork()
        if pid:
            return pid
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell switches off in the background
            os.chdir(self.work)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            status = call() or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)

    def said(self) -> list[str]:
        """The lines on standard error that are no notes."""
        lines = (self.folder / "err").read_text().splitlines()
        return [line for line in lines if line.strip() and not line.startswith(("note: ", "warning: "))]

    def done(self, words: tuple[str, ...]) -> tuple[int, str]:
        """The exit status of a command that nobody ends, and what it says to the user who must mend something."""
        status = ended(self.start(words))
        return status, "\n".join(self.said())

    def state(self) -> str:
        """A digest of everything that a user reads of the run; raises if it is not whole."""
        pid = self.fork(lambda: (self.folder / "digest").write_text(numbers(self.run)) and 0)
        if ended(pid):
            raise AssertionError("\n".join(self.said()[-1:]))
        return (self.folder / "digest").read_text()


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def numbers(path: Path) -> str:
    """One digest of what the files of a whole run hold, but for when it was made."""
    run = ls.open(path)
    bad = [f"{part.name}: {part.problem}" for part in run.check() if part.problem]
    if bad:
        raise AssertionError(f"not whole: {bad}")
    table = run.folder.load_estimates()
    found = [str(run.samples.ids), str(run.samples.previews()), str(run.recommendation)]
    found += [f"{name} {values.tolist()}" for name, values in sorted(run.samples.labels.items())]
    found += [hashlib.sha256(np.asarray(run[layer]).tobytes()).hexdigest() for layer in run.layers]
    if table is not None:
        graphs = [run.graph(layer, 8) for layer in run.layers]
        found += [table.to_csv(), *(f"{graph.indices.tolist()} {graph.distances.tolist()}" for graph in graphs)]
    page = path / "report.html"
    found.append(page.read_text()[-10:] if page.exists() else "")
    return hashlib.sha256("\0".join(found).encode()).hexdigest()


def prepared(world: World) -> dict[str, tuple[str, float]]:
    """Of every step the digest of the run after it, and how long it takes; the run before it is kept."""
    found = {}
    for step in STEPS:
        if world.run.exists():
            shutil.copytree(world.run, world.states / step.name)
            step.before(world.run)
        start = time.monotonic()
        status, said = world.done(step.words)
        assert status == 0, said
        found[step.name] = world.state(), time.monotonic() - start
    for step in STEPS:  # once more, now that all machine code is there
        reset(world, step)
        start = time.monotonic()
        world.done(step.words)
        found[step.name] = found[step.name][0], time.monotonic() - start
    return found


def reset(world: World, step: Step) -> None:
    """The run as it was before a step."""
    shutil.rmtree(world.run, ignore_errors=True)
    if (world.states / step.name).exists():
        shutil.copytree(world.states / step.name, world.run)
        step.before(world.run)


def judged(world: World, step: Step, expected: str) -> str:
    """What comes of the same command once more: nothing if all is right."""
    status, said = world.done(step.words)
    if status and not (step.gone and said.startswith(f"error: {step.gone}")):
        return f"does not go on: {said}"
    try:
        found = world.state()
    except AssertionError as error:
        return str(error)
    return "" if found == expected else "other numbers"


def one_line(status: int, said: list[str]) -> str:
    """What is wrong with how a command ended; nothing if it was done, or said in one line why not."""
    if status == 0:
        return ""
    right = status == 2 and len(said) == 1 and said[0].startswith("error: ")
    return "" if right else f"status {status}: {' / '.join(said[-3:])}"


def by_signal(world: World, step: Step, name: str, expected: str, seconds: float, rng: np.random.Generator) -> str:
    """One trial: what is wrong, or `ended` or `done` before the signal came."""
    reset(world, step)
    pid = world.start(step.words)
    time.sleep(rng.uniform(0.02, seconds))
    os.kill(pid, SIGNALS[name])
    status, said = ended(pid), world.said()
    wrong = "" if status == -signal.SIGKILL else one_line(status, said)
    return wrong or judged(world, step, expected) or ("done" if status == 0 else "ended")


def by_full_disk(world: World, step: Step, expected: str, rng: np.random.Generator) -> str:
    """One trial on a file system that has so much space left, which is there again the second time."""
    reset(world, step)
    left = int(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
    free = shutil.disk_usage(world.work).free
    (world.work / "ballast").write_bytes(bytes(max(0, free - left)))
    status = ended(world.start(step.words))
    said = world.said()
    (world.work / "ballast").unlink()
    wrong = one_line(status, said)
    if not wrong and status and "disk is full" not in said[0] and "No space" not in said[0]:
        wrong = f"another reason: {said[0]}"
    return wrong or judged(world, step, expected) or ("done" if status == 0 else "ended")


@contextlib.contextmanager
def file_system(folder: Path, size: int) -> Iterator[bool]:
    """A small file system at a folder, where that is allowed."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=False)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def trials(
    folder: Path, count: int, seed: int, only: str | None = None, names: Collection[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """Of every trial the step (all, or some by name), what happened to it, and what came of it."""
    import layerscape.pipeline.extract as extraction

    load()
    extraction.check_space = lambda *_: None  # as if the disk had filled up afterwards
    RunFolder.create.__func__.__kwdefaults__["block_bytes"] = BLOCK
    rng = np.random.default_rng(seed)
    (disk := folder / "disk").mkdir()
    with file_system(disk, 32 * 2**20) as mounted:
        world = World(folder, disk)
        right = prepared(world)
        for step in (step for step in STEPS if not names or step.name in names):
            expected, seconds = right[step.name]
            for name in (*SIGNALS, FULL):
                for _ in range(count if only in (None, name) else 0):
                    if name != FULL:
                        yield step.name, name, by_signal(world, step, name, expected, seconds, rng)
                    elif mounted:
                        yield step.name, name, by_full_disk(world, step, expected, rng)


def load() -> None:
    """Import what the commands import, so that a forked process need not, and no signal comes while it does."""
    import importlib

    for name in ("torch", "transformers", "zarr", "pandas", "pyarrow.parquet", "pyarrow.dataset", "safetensors.numpy"):
        importlib.import_module(name)
    for name in ("pipeline.extract", "pipeline.measure", "questions.recommend", "reports", "search.compiled"):
        importlib.import_module(f"layerscape.{name}")
    for name in ("stages", "labels", "check", "questions"):
        importlib.import_module(f"layerscape.cli.{name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--trials", type=int, default=8, help="of each command and each way to end it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*SIGNALS, FULL])
    asked = parser.parse_known_args()[0]
    counts: dict[tuple[str, str], Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for step, how, came in trials(Path(folder), asked.trials, asked.seed, asked.only):
            kind = came if came in ("done", "ended") else "wrong"
            counts.setdefault((step, how), Counter())[kind] += 1
            if kind == "wrong":
                print(f"{step}, {how}: {came}", flush=True)
    lines = [
        f"`python -m benchmarks.kills --trials {asked.trials} --seed {asked.seed}`: {N} samples, seven layers.",
        "",
        "| command | ended by | trials | ended before it was done | went on, whole, equal numbers |",
        "|---|---|---|---|---|",
        *(
            f"| `{step}` | {how} | {own.total()} | {own.total() - own['done']} | {own['done'] + own['ended']} |"
            for (step, how), own in counts.items()
        ),
    ]
    publish("Interrupted commands", lines)


if __name__ == "__main__":
    main()

"""How often does the running code change from one file to another on the way to an answer?

Run:  python -m benchmarks.journeys [--steps JOURNEY] [--write]

`sys.setprofile`, and `threading.setprofile` in the threads that a journey starts, tell of every call and every return
of a Python function, a generator that goes on included. Each thread is in one file of layerscape at a time; a call or
a return that enters another one is a change. Frames of libraries, and of `search/` and `core/`, change nothing: code
that passes through them comes back where it was. What is counted is the second journey of a kind, so that imports and
caches are behind it, with one thread to search; the changes of all threads are added up, and the first file that a
thread enters is none.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")

import argparse
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.small_bert import WORDS, small_bert

HOME = f"{Path(ls.__file__).parent}{os.sep}"
LEFT_OUT = ("search", "core")


class Journey:
    """Counts while it is entered: which file each thread is in, and the changes from file to file."""

    def __init__(self) -> None:
        self.steps: Counter[tuple[str, str]] = Counter()
        self.files: set[str] = set()
        self._here = threading.local()
        self._names: dict[str, str] = {}

    def __enter__(self) -> Journey:
        threading.setprofile(self._told)
        sys.setprofile(self._told)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _told(self, frame: FrameType, event: str, _: Any) -> None:
        entered = frame if event == "call" else frame.f_back if event == "return" else None
        name = self._name(entered.f_code.co_filename) if entered else ""
        before = getattr(self._here, "file", "")
        if not name or name == before:
            return
        if before:
            self.steps[before, name] += 1
        self.files.add(name)
        self._here.file = name

    def _name(self, path: str) -> str:
        """The file below layerscape, or nothing for one that does not count."""
        if path not in self._names:
            name = path.removeprefix(HOME).replace(os.sep, "/")
            counts = path.startswith(HOME) and name.split("/")[0] not in LEFT_OUT
            self._names[path] = name if counts else ""
        return self._names[path]


def texts(path: Path) -> str:
    """A table of 200 texts with a label column."""
    rng = np.random.default_rng(0)
    lines = [f"{' '.join(rng.choice(WORDS, rng.integers(3, 20)))},{'ab'[row % 2]}" for row in range(200)]
    path.write_text("\n".join(["text,kind", *lines]) + "\n")
    return str(path)


def journeys(folder: Path) -> dict[str, Callable[[str], Any]]:
    """Name to what is done; called with another word each time, so that nothing is found on disk."""
    from layerscape.cli import main

    rng = np.random.default_rng(0)
    x, label = rng.standard_normal((300, 6)), np.arange(300) % 3
    x += label[:, None]
    y = np.tanh(x @ rng.standard_normal((6, 8)))
    model, inputs = small_bert(folder / "bert"), texts(folder / "texts.csv")
    runs = {word: ls.from_arrays({"a": x, "b": y, "c": y**2}, labels={"label": label}) for word in ("first", "second")}

    def command(word: str) -> None:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
            status = main(["run", model, inputs, "--out", str(folder / word)])
        assert status == 0, said.getvalue()

    return {
        'ls.estimate("twonn", x)': lambda _: ls.estimate("twonn", x),
        'ls.estimate("overlap", x, y)': lambda _: ls.estimate("overlap", x, y),
        "ls.measure(run), 3 layers, 1 label": lambda word: ls.measure(runs[word]),
        "layerscape run BERT texts.csv, 4 layers, 1 label": command,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", metavar="JOURNEY", help="print the changes of the journeys with this in their name")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    given = parser.parse_args()
    lines = [
        "`python -m benchmarks.journeys`: changes from one file of layerscape to another, `search/` and `core/` left",
        "out, and how many files are visited; warm, all threads together.",
        "",
        "| journey | changes of file | files |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, go in journeys(Path(folder)).items():
            go("first")
            with Journey() as journey:
                go("second")
            lines.append(f"| `{name}` | {journey.steps.total():,} | {len(journey.files)} |")
            if given.steps is not None and given.steps in name:
                print(name, *(f"{n:6} {a} → {b}" for (a, b), n in journey.steps.most_common()), sep="\n")
    publish("Journeys", lines)


if __name__ == "__main__":
    main()

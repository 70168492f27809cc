"""Draws that are kept as they come, so that a long count can be interrupted, go on and be read at any time.

A part is a function of a law, a number of samples and a random generator that gives numbers by name. What it gives of
every draw is a line of a file of its own, and draw i is always the same one: with `--keep FOLDER` the next call goes on
where the last one ended, and `--report` draws nothing and reads what there is. `benchmarks/counted.py` keeps what was
counted in the repository, where a study asks for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from unittest.mock import patch

import numpy as np
from scipy.stats import beta

Found = dict[str, tuple[float, ...]]  # numbers by name; NaN where there are none
Cell = tuple[str, str, int]  # part, law, number of samples
NONE: Mapping[Cell, int] = {}
LEVELS = (0.05, 0.01, 0.001)
FEWEST = 50  # draws that are counted together: coverage is of their mean, which must be near that of the law
ROUNDS = (50, 100, 200, 400, 1000, 2000)  # draws that every cell has before any has more


@dataclass(frozen=True)
class Part:
    """What is drawn together: of which laws and sizes, and how often at the most."""

    one: Callable[[str, int, np.random.Generator], Found]
    laws: Sequence[str]
    sizes: Sequence[int] = (100, 150, 300, 600, 2000)
    most: int = 2000  # draws; half of them above 600 samples
    means: Callable[[np.ndarray], Sequence[float]] = field(default=lambda rows: ())  # of the draws of one name
    under: Mapping[str, float] = field(default_factory=dict)  # what the package goes by meanwhile, by its full name

    @contextmanager
    def set(self) -> Iterator[None]:
        """What is drawn within is drawn under this part's settings, which hold nowhere else."""
        with ExitStack() as stack:
            for name, value in self.under.items():
                stack.enter_context(patch(name, value))
            yield

    def draws(self, n: int) -> int:
        return self.most if n <= 600 else min(self.most, max(400, self.most // 2))


def arguments(parts: dict[str, Part]) -> argparse.Namespace:
    """What the command line says; all parts, laws and sizes where it says nothing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default=",".join(parts))
    parser.add_argument("--laws", default="", help="those whose names begin so, by commas; all when left out")
    parser.add_argument("--sizes", default="", help="numbers of samples, by commas; all of a part when left out")
    parser.add_argument("--draws", type=int, default=2000, help="of each cell at most")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which nothing more is drawn")
    parser.add_argument("--keep", type=Path, help="a folder for what was drawn; a temporary one when left out")
    parser.add_argument("--report", action="store_true", help="draw nothing, and read what is kept")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    found = parser.parse_args()
    if wrong := [name for name in found.parts.split(",") if name not in parts]:
        parser.error(f"no part is called {wrong[0]!r}; there are: {', '.join(parts)}")
    found.keep = found.keep or Path(mkdtemp())
    return found


def draw(parts: dict[str, Part], asked: argparse.Namespace, counted: Mapping[Cell, int] = NONE) -> None:
    """Draw what was asked for and is not there yet, from few samples to many; first where there are fewest draws.

    Of a part, a law and a number of samples the first draws may be counted already; then come at least `FEWEST`.
    """
    end = monotonic() + 60 * asked.minutes
    starts, sizes = tuple(asked.laws.split(",")), [int(n) for n in asked.sizes.split(",") if n]
    for most in ROUNDS:
        for name in asked.parts.split(","):
            part = parts[name]
            for n in [n for n in part.sizes if not sizes or n in sizes]:
                for law in [law for law in part.laws if law.startswith(starts)]:
                    first, until = counted.get((name, law, n), 0), min(most, asked.draws, part.draws(n))
                    if first < until:
                        draws = range(first, max(until, first + FEWEST) if first else until)
                        append(kept(asked.keep, name, law, n, first), name, part, law, n, draws, end)


def append(path: Path, name: str, part: Part, law: str, n: int, draws: range, end: float) -> None:
    """Draw until there are these of a cell, or until a time of the clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = path.read_bytes() if path.exists() else b""
    whole = done[: done.rfind(b"\n") + 1]  # a line that was interrupted is drawn again
    path.write_bytes(whole)
    with path.open("a") as lines, part.set():
        for seed in draws[whole.count(b"\n") :]:
            if monotonic() > end:
                return
            found = part.one(law, n, np.random.default_rng([seed, n, *_name(name, law, n).encode()]))
            rounded = {name: [float(f"{number:.10g}") for number in numbers] for name, numbers in found.items()}
            lines.write(json.dumps(rounded) + "\n")
            lines.flush()


def read(path: Path) -> dict[str, np.ndarray]:
    """Name to numbers of all draws, shape (draws, …), without those that are not finite."""
    every = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    found = {}
    for name in dict.fromkeys(name for one in every for name in one):
        numbers = np.array([one[name] for one in every if name in one])
        found[name] = numbers[np.isfinite(numbers).all(axis=1)]
    return found


def kept(folder: Path, part: str, law: str, n: int, first: int = 0) -> Path:
    """The file for the draws of a cell from a first one on."""
    return folder / (_name(part, law, n) + (f", from {first}" if first else "") + ".jsonl")


def _name(part: str, law: str, n: int) -> str:
    return f"{part}, {law}, {n}"


def small(p: np.ndarray) -> tuple[float, ...]:
    """The shares of p at most .05, .01 and .001; p of permutations may be these up to rounding.

    >>> small(np.array([0.05, 0.2, 0.001, 1.0]))
    (0.5, 0.25, 0.25)
    """
    return tuple(float(np.mean(p <= level * (1 + 1e-9))) for level in LEVELS)


def ends(hits: int, draws: int) -> tuple[float, float]:
    """The exact 99 % interval of a share (Clopper and Pearson 1934).

    >>> [round(end, 3) for end in ends(19, 20)]
    [0.683, 1.0]
    """
    low = float(beta.ppf(0.005, hits, draws - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(0.995, hits + 1, draws - hits)) if hits < draws else 1.0


def outside(hits: int, draws: int, band: tuple[float, float]) -> bool:
    """Whether the exact 99 % interval of a share misses the band.

    >>> outside(95, 100, (0.93, 0.97)), outside(70, 100, (0.93, 0.97))
    (False, True)
    """
    low, high = ends(hits, draws)
    return high < band[0] or low > band[1]

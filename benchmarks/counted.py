"""What was counted of draws in earlier sittings, so that a long count goes on where it ended, on any machine.

A line of `benchmarks/counted/*.jsonl` is of one part, law and number of samples: how many draws there were, and by name
in how many of them there were numbers, with shares and means over these. New draws begin after the counted ones; what
is kept of them joins the tables at once and, with --write, the file, after which it is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.draws import FEWEST, Cell, Part, arguments, draw, kept, read

FOLDER = Path(__file__).with_name("counted")


@dataclass
class Count:
    """Draws of a cell, and by name in how many there were numbers, followed by shares and means over these."""

    draws: int = 0
    found: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def plus(self, draws: int, found: Mapping[str, tuple[float, ...]]) -> Count:
        """Those and these together.

        >>> Count(50, {"overlap": (50, 0.9)}).plus(150, {"overlap": (150, 0.94), "cka": (100, 0.95)})
        Count(draws=200, found={'overlap': (200, 0.93), 'cka': (100, 0.95)})
        """
        both = dict(self.found)
        for name, (n, *means) in found.items():
            before, *old = self.found.get(name, (0, *means))
            together = [(before * a + n * b) / (before + n) for a, b in zip(old, means, strict=True)]
            both[name] = (before + n, *(float(f"{mean:.10g}") for mean in together))
        return Count(self.draws + draws, both)


class Counted:
    """All cells of a study, by part, law and number of samples."""

    def __init__(self, study: str, parts: Mapping[str, Part]) -> None:
        self.path, self.parts, self.cells, self._added = FOLDER / f"{study}.jsonl", parts, {}, list[Path]()
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            one = json.loads(line)
            found = {name: tuple(numbers) for name, numbers in one["found"].items()}
            self.cells[one["part"], one["law"], one["n"]] = Count(one["draws"], found)

    def draws(self) -> dict[Cell, int]:
        return {cell: count.draws for cell, count in self.cells.items()}

    def of(self, part: str, law: str, n: int) -> dict[str, tuple[float, ...]]:
        """Name to the number of draws, and shares and means over these."""
        return self.cells.get((part, law, n), Count()).found

    def table(self, part: str, cell: Callable[..., str]) -> list[str]:
        """A row for each name and number of samples, a column for each law; ``cell`` makes a text of a name and what
        `of` has of it. None for which all texts are empty, and no table without rows.
        """
        laws, sizes = self.parts[part].laws, self.parts[part].sizes
        every, lines = {(law, n): self.of(part, law, n) for law in laws for n in sizes}, []
        for name in dict.fromkeys(name for one in every.values() for name in one):
            for n in sizes:
                cells = [cell(name, *every[law, n][name]) if name in every[law, n] else "" for law in laws]
                lines += [f"| {name} | {n} | " + " | ".join(cells) + " |"] if any(cells) else []
        head = ["", f"| {part} | N | " + " | ".join(laws) + " |", "|---|---|" + "---|" * len(laws)]
        return [*head, *lines] if lines else []

    def add(self, folder: Path) -> None:
        """Count what is kept in a folder and was drawn after what is counted, where it is enough of a cell."""
        cells = [(name, law, n) for name, part in self.parts.items() for law in part.laws for n in part.sizes]
        for part, law, n in cells:
            before = self.cells.get((part, law, n), Count())
            path = kept(folder, part, law, n, before.draws)
            if (draws := len(path.read_text().splitlines()) if path.exists() else 0) < FEWEST:
                continue
            every = {name: rows for name, rows in read(path).items() if len(rows) >= FEWEST}
            found = {name: (len(rows), *self.parts[part].means(rows)) for name, rows in every.items()}
            self.cells[part, law, n] = before.plus(draws, found)
            self._added.append(path)

    def save(self) -> None:
        """Write the file, and delete what was added to it."""
        self.path.parent.mkdir(exist_ok=True)
        lines = [
            json.dumps(
                {"part": part, "law": law, "n": n, "draws": count.draws, "found": count.found}, ensure_ascii=False
            )
            for (part, law, n), count in self.cells.items()
        ]
        self.path.write_text("\n".join(lines) + "\n")
        for path in self._added:
            path.unlink()
        self._added.clear()


def count(study: str, parts: dict[str, Part]) -> Counted:
    """Draw as the command line says, and give all that is counted with it; with --write the file has it too."""
    asked, counted = arguments(parts), Counted(study, parts)
    if not asked.report:
        draw(parts, asked, counted.draws())
    counted.add(asked.keep)
    if asked.write:
        counted.save()
    return counted

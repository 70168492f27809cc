"""Notebooks of the scripts in ``exercises/``, which are the source of truth: ``python tools/exercises.py``.

A script holds exercise and solution in one (the percent format of jupytext). In a cell tagged ``exercise`` what
stands between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` is what the student writes; ``# BEGIN SOLUTION of d, e``
where it sets these variables. The student's notebook has ``...`` there, the check after it, and the solution folded
after the check. With ``--check`` nothing is written: the names of notebooks that are not what their script makes are
printed, and the exit status is 1 if there are any.
"""

from __future__ import annotations

import copy
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat

FOLDER = Path(__file__).resolve().parents[1] / "exercises"
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION(?: of (.*?))?\n(.*?)^ *# END SOLUTION\n?", re.MULTILINE | re.DOTALL)
STUB = "...  # your code here"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# In a notebook that lies alone, or under another Python, the first import fails: that is said in words.
ALONE = """\
try:
    import checks, layerscape
except ModuleNotFoundError as missing:
    raise SystemExit(
        f"{missing}. Open the notebook in its folder, beside checks.py, with a kernel that has layerscape: "
        "run  %pip install 'layerscape[exercises]'  and restart the kernel."
    ) from None"""


def scripts(folder: Path = FOLDER) -> list[Path]:
    """All exercises, in their order."""
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def student(script: Path) -> Any:
    """The notebook to work in: stubs, checks, and solutions folded behind them."""
    return _notebook(_cells_of_student(script))


def tried(script: Path) -> Any:
    """The notebook by which tests see both: every exercise left empty and checked, then solved and checked again."""
    cells = []
    for kind, cell in _cells(script):
        if kind == "exercise":
            exercise = cell
            cells.append(_code(stub(cell.source), ["empty"]))
            continue
        if kind == "check":
            cells += [
                _code(cell.source, ["check-of-empty", "raises-exception"]),
                _code(solution(exercise.source), ["solved"]),
            ]
        cells.append(cell)
    return _notebook(cells)


def stub(source: str) -> str:
    """The exercise as it is given: ``...`` in place of the solution, or each of its names as ``...``."""
    return SOLUTION.sub(lambda found: textwrap.indent(_left_to_write(found[2]), found[1]) + "\n", source).rstrip()


def solution(source: str) -> str:
    """The exercise as it is solved."""
    return SOLUTION.sub(lambda found: found[3], source).rstrip()


def _left_to_write(names: str | None) -> str:
    return "\n".join(f"{name} = ...  # your code here" for name in names.split(", ")) if names else STUB


def _cells(script: Path) -> Iterator[tuple[str, Any]]:
    """The cells of a script, with what each is for; a check follows every exercise, and nothing else has one."""
    before = ""
    for cell in jupytext.read(script).cells:
        tags = cell.metadata.get("tags", [])
        kind = next((tag for tag in tags if tag in ("exercise", "check")), cell.cell_type)
        holds = bool(SOLUTION.search(cell.source + "\n"))
        if (kind == "exercise") != holds or (before == "exercise") != (kind == "check"):
            raise ValueError(
                f"{script.name}: an exercise holds a solution and is followed by its check:\n{cell.source}"
            )
        before = kind
        yield kind, cell


def _cells_of_student(script: Path) -> Iterator[Any]:
    alone = True
    for kind, cell in _cells(script):
        if kind != "markdown" and alone:
            yield _code(ALONE, ["setup"])
            alone = False
        if kind == "exercise":
            solved = solution(cell.source)
            yield _code(stub(cell.source), ["exercise"])
            continue
        yield cell
        if kind == "check":
            folded = _code(f"# Solution: run this cell to go on with it, then the check above once more.\n{solved}", [])
            folded.metadata = {"tags": ["solution"], "jupyter": {"source_hidden": True}, "cellView": "form"}
            yield folded


def _code(source: str, tags: list[str]) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": tags})


def _notebook(cells: Any) -> Any:
    """Cells as a notebook whose bytes depend on them alone."""
    made = nbformat.v4.new_notebook(cells=[copy.deepcopy(cell) for cell in cells])
    made.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number:02d}"
    return made


def written(script: Path) -> str:
    """The text of the student's notebook."""
    return nbformat.writes(student(script)) + "\n"


def main(words: list[str]) -> int:
    """Write the notebooks, or with ``--check`` name those that are not what they should be."""
    pairs = [(script.with_suffix(".ipynb"), written(script)) for script in scripts()]
    stale = [path for path, text in pairs if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in pairs:
        if path in stale and "--check" not in words:
            path.write_text(text, encoding="utf-8")
    print("\n".join(path.name for path in stale) or "all notebooks are what their scripts make")
    return int("--check" in words and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How many statements are there in each folder of layerscape?

Run:  python -m benchmarks.statements [--write]

Every statement that `ast` finds, those within functions and classes too, but for docstrings: a count that neither
comments nor the length of lines change.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import layerscape as ls
from benchmarks.publish import publish

HOME = Path(ls.__file__).parent


def statements(path: Path) -> int:
    """How many statements a file has."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    documented = [
        node for node in nodes if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    docstrings = sum(ast.get_docstring(node, clean=False) is not None for node in documented)
    return sum(isinstance(node, ast.stmt) for node in nodes) - docstrings


def main() -> None:
    files: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for path in sorted(HOME.rglob("*.py")):
        parts = path.relative_to(HOME).parts
        folder = f"{parts[0]}/" if len(parts) > 1 else "files beside the folders"
        files[folder] += 1
        counts[folder] += statements(path)
    lines = [
        "`python -m benchmarks.statements`: statements of `src/layerscape`, docstrings not counted.",
        "",
        "| folder | files | statements |",
        "|---|---|---|",
        *(f"| {folder} | {files[folder]} | {counts[folder]:,} |" for folder in sorted(counts)),
        f"| all | {files.total()} | {counts.total():,} |",
    ]
    publish("Statements", lines)


if __name__ == "__main__":
    main()

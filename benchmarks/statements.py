"""How many statements are there in each folder of layerscape?

Run:  python -m benchmarks.statements [--write]

Every statement that `ast` finds, those within functions and classes too, but for docstrings: a count that neither
comments nor the length of lines change. Imports are counted apart, since every file that is split in two has more.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import layerscape as ls
from benchmarks.publish import publish

HOME = Path(ls.__file__).parent


def statements(path: Path) -> tuple[int, int]:
    """How many imports a file has, and how many other statements."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    documented = [
        node for node in nodes if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    docstrings = sum(ast.get_docstring(node, clean=False) is not None for node in documented)
    imports = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)
    return imports, sum(isinstance(node, ast.stmt) for node in nodes) - docstrings - imports


def main() -> None:
    files, imports, others = (Counter[str]() for _ in range(3))
    for path in sorted(HOME.rglob("*.py")):
        parts = path.relative_to(HOME).parts
        folder = f"{parts[0]}/" if len(parts) > 1 else "files beside the folders"
        files[folder] += 1
        found = statements(path)
        imports[folder] += found[0]
        others[folder] += found[1]
    lines = [
        "`python -m benchmarks.statements`: statements of `src/layerscape`, docstrings not counted.",
        "",
        "| folder | files | imports | other statements |",
        "|---|---|---|---|",
        *(f"| {folder} | {files[folder]} | {imports[folder]:,} | {others[folder]:,} |" for folder in sorted(files)),
        f"| all | {files.total()} | {imports.total():,} | {others.total():,} |",
    ]
    publish("Statements", lines)


if __name__ == "__main__":
    main()

"""Whether it works with the oldest libraries that pyproject.toml allows, with the newest, without extras, and on other
Pythons: `python -m benchmarks.versions [--only NAME] [--tests FOLDER …]` needs hours, and pip its registry.

Each environment is a new venv with the wheel that the sdist makes, in which the sdist's own tests run; one that was
tried with some folders of tests and then with others has a row for each.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.publish import RESULTS, publish

ROOT = Path(__file__).parents[1]
HEADING = "Versions"
CPU = "torch==2.13.0"  # newer ones bring gigabytes of CUDA
WITHOUT_MODELS = "[runs,report,plot,data,xarray,formats]"
TOOLS = ("pytest", "hypothesis")
ARRAYS = ("tests/core", "tests/search", "tests/datasets")
RUNS = ("tests/storage", "tests/inputs", "tests/figures", "tests/plot", "tests/reports")
ANSWERS = ("tests/measures", "tests/questions", "tests/pipeline", "tests/cli")
MODELS = ("tests/extraction/test_families.py", "tests/extraction/test_network.py", "tests/test_minimal.py")


@dataclass(frozen=True)
class Environment:
    """What is installed, on which Python, and which tests run there."""

    name: str
    python: str
    extras: str
    constraints: tuple[str, ...]
    tests: tuple[str, ...]


def floors() -> tuple[str, ...]:
    """The oldest version of every library, as pyproject.toml says it, as constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    wanted = {line: Requirement(line).specifier for line in lines}
    return tuple(sorted({str(line).replace(">=", "==") for line, least in wanted.items() if str(least)}))


def environments() -> list[Environment]:
    """All that are tried; the newest libraries are whatever pip finds today."""
    whole, most = (*ARRAYS, *RUNS, *ANSWERS, *MODELS), (*ARRAYS, *RUNS, *ANSWERS)
    asked_more = tuple(line for line in floors() if not line.startswith(("click", "safetensors")))
    return [
        Environment("oldest, no models", "3.11", WITHOUT_MODELS, floors(), most),
        # The oldest transformers that is allowed asks for more of click and safetensors than the rest does.
        Environment("oldest", "3.11", "[all]", asked_more, whole),
        Environment("newest", "3.11", "[all]", (CPU,), whole),
        Environment("no extras", "3.11", "", (), ARRAYS),
        Environment("3.12, no models", "3.12", WITHOUT_MODELS, (), most),
        Environment("3.13, no models", "3.13", WITHOUT_MODELS, (), most),
    ]


def interpreter(version: str) -> str | None:
    """A Python of that version: pyenv's, or one on the path."""
    place = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    own = sorted(place.glob(f"{version}.*/bin/python"))
    return str(own[-1]) if own else shutil.which(f"python{version}")


def tried(environment: Environment, wheel: Path, source: Path, folder: Path, tests: list[str]) -> str:
    """The row of an environment: it is made, and its tests run."""
    python = interpreter(environment.python)
    cells = [environment.name, environment.python]
    if python is None:
        return row([*cells, "no such Python here", "", ""])
    subprocess.run([python, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    (folder / "constraints.txt").write_text("\n".join(environment.constraints))
    wanted = [f"{wheel}{environment.extras}", *TOOLS]
    command = [python, "-m", "pip", "install", "--quiet", "-c", str(folder / "constraints.txt"), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return row([*cells, "cannot be installed: " + " ".join(done.stderr.split())[-300:], "", ""])
    chosen = tests or list(environment.tests)
    # Old libraries warn of new ones; what they warn of is not ours.
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", *chosen]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=source, env=clean, capture_output=True, text=True, check=False)
    sys.stderr.write(done.stdout)
    *_, last = done.stdout.strip().splitlines() or [done.stderr]
    folders = ", ".join(name.removeprefix("tests/") for name in chosen)
    return row([*cells, versions(python), folders, re.sub(r" in .*", "", last)])


def versions(python: str) -> str:
    """What is installed of the libraries that pyproject.toml names."""
    found = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    names = {re.split("[=<>]", line)[0].lower() for line in floors()}
    pairs = [line.split("==") for line in found.splitlines() if "==" in line]
    return ", ".join(f"{name} {version}" for name, version in pairs if name.lower() in names)


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="the name of an environment; all when left out")
    parser.add_argument("--tests", nargs="+", default=[], help="folders of tests in place of those of each environment")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    rows = known()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", place, str(ROOT)], check=True)
        (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
        for number, environment in enumerate(environments()):
            if not asked.only or environment.name in asked.only:
                source = folder / f"source {number}"
                with tarfile.open(sdist) as archive:
                    archive.extractall(source, filter="data")
                (unpacked,) = source.iterdir()
                found = tried(environment, wheel, unpacked, folder / f"venv {number}", asked.tests)
                rows[key(found)] = found
    title = row(["environment", "Python", "libraries", "tests", "result"])
    shown = [rows[name, tests] for each in environments() for name, tests in rows if name == each.name]
    publish(HEADING, ["`benchmarks/versions.py`.", "", title, "|---|---|---|---|---|", *shown])


def known() -> dict[tuple[str, str], str]:
    """The rows that were published: one call need not try them all."""
    _, _, section = RESULTS.read_text().partition(f"## {HEADING}\n")
    found = (line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| "))
    return {key(line): line for line in found}


def key(line: str) -> tuple[str, str]:
    """Of which environment a row is, and with which tests it was tried."""
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[4]


if __name__ == "__main__":
    main()

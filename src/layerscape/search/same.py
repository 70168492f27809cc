"""Whether the machines of a cluster run the same code: other code could give other bits."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import layerscape
from layerscape.core.provenance import fingerprint, versions
from layerscape.errors import ClusterProblem

PLACES = (
    "core",
    "search",
    "extraction",
    "inputs",
    "pipeline",
    "storage",
)  # what decides the bits of graphs and vectors
MODELS = ("torch", "transformers")  # which only those need who open a network
LIBRARIES = ("layerscape", "python", "numpy", "scipy", "zarr", "dask", "distributed")


@cache
def code() -> str:
    """What tells the version of the code of a search."""
    root = Path(layerscape.__file__).parent
    files = sorted(file for place in PLACES for file in (root / place).rglob("*.py"))
    return fingerprint(part for file in files for part in (file.relative_to(root).as_posix(), file.read_bytes()))[:16]


def facts(more: tuple[str, ...] = ()) -> dict[str, str]:
    """What must be the same on all machines, by name; ``more`` libraries too."""
    import importlib.metadata

    found = {name: value for name, value in versions().items() if name in (*LIBRARIES, *more)}
    for name in ("dask", "distributed"):
        found[name] = importlib.metadata.version(name)
    found["python"] = ".".join(found["python"].split(".")[:2])
    return found | {"code": code()}


def check_code(expected: str) -> None:
    """Raise unless this machine runs the code of who asks; workers may join at any time."""
    if code() != expected:
        raise ClusterProblem(
            f"a worker runs other code of layerscape {layerscape.__version__} than this machine; install the same."
        )


def difference(name: str, theirs: dict[str, str], ours: dict[str, str]) -> str | None:
    """What is other on a worker, in words; None if nothing is."""
    for library, version in ours.items():
        if theirs.get(library) != version:
            if library == "code":
                return f"worker {name} runs other code of layerscape {ours['layerscape']} than this machine"
            there = theirs.get(library) or "none"
            return f"worker {name} has {library} {there}, and this machine {version}"
    return None

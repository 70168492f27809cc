"""``run.json``: what a run is, how it came to be, and whether it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from layerscape.core.provenance import versions
from layerscape.errors import FileProblem, InvalidValue
from layerscape.storage.files import PARTIAL, file_problems, readable, replace_file
from layerscape.storage.layout import LayerSpec, Layout, check_layers
from layerscape.storage.sealed import sealed, typed, unsealed
from layerscape.storage.vectors import NAME as VECTORS
from layerscape.storage.vectors import Vectors

SCHEMA = 2
EARLIER = 1  # without digests
NAME = "run.json"
# Where two fingerprints are equal, these say only where the same thing was found.
PROVEN = {"inputs.fingerprint": ("inputs.source",), "model.fingerprint": ("model.model", "model.revision")}
CURE = "copy the run again from where it came, or make it again with another --out"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Manifest:
    """The contents of ``run.json``.

    Attributes
    ----------
    plan
        Everything that decides the vectors: model, data, pooling, layers, seed. JSON values.
    layers, layout
        The arrays.
    versions
        The libraries that began the run.
    created, finished
        Times in UTC; `finished` is None until the run is whole.
    record
        What the making of it left to tell: how long it took, on which device, what was skipped. JSON values.
    ledger
        Whether the digests of its files are kept; not in runs of the earlier format, until they are checked.
    vectors
        One digest of all vectors of the finished run, which this describes; empty in runs of the earlier format.
    """

    plan: dict[str, Any]
    layers: tuple[LayerSpec, ...]
    layout: Layout
    versions: dict[str, str] = field(default_factory=versions)
    created: str = field(default_factory=now)
    finished: str | None = None
    record: dict[str, Any] = field(default_factory=dict)
    ledger: bool = True
    vectors: str = ""

    def write(self, folder: Path) -> None:
        """Replace the run.json of a folder."""
        replace_file(folder / NAME, sealed({"schema": SCHEMA if self.ledger else EARLIER, **asdict(self)}))

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The run.json of a folder, or None if it has none."""
        path = folder / NAME
        if not os.path.lexists(path):
            return None
        values = unsealed(path, CURE)
        schema = values.pop("schema", None)
        if schema is True or schema not in (EARLIER, SCHEMA):
            raise FileProblem(_other_schema(folder, schema, values.get("versions")))
        with readable(path, CURE):
            found = typed({"ledger": schema == SCHEMA, **values}, cls)
            check_layers(found.layers)
        return found

    def must_describe(self, folder: Path, vectors: Vectors) -> None:
        """Raise where the vectors beside it are others, as where the ``run.json`` of two runs were swapped."""
        found = self.vectors
        with contextlib.suppress(FileProblem):  # of a ledger that is not whole, which whoever reads by it says
            found = vectors.digest() if found else ""
        if found != self.vectors:
            raise FileProblem(
                f"{folder / NAME} is of another run: the vectors beside it are not those that it was written with; put "
                f"the {NAME} of this run back, or {CURE}"
            )

    def differences(self, other: Manifest) -> list[str]:
        """What was chosen otherwise for `other`, in words; the libraries count as long as the run is not finished."""
        mine, others = (dict(_choices(each, with_versions=self.finished is None)) for each in (self, other))
        same = [key for key in PROVEN if key in mine and mine[key] == others.get(key)]
        spelled = {name for key in same for name in PROVEN[key]}
        keys = [key for key in mine | others if mine.get(key) != others.get(key) and key not in spelled]
        return [_difference(key, mine.get(key), others.get(key)) for key in keys]

    def must_equal(self, wanted: Manifest, folder: Path) -> None:
        """Raise, naming what changed, unless the run that is there is the run that is wanted."""
        found = self.differences(wanted)
        if found:
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            raise InvalidValue(
                f"the run at {folder} was made with {'; '.join(found[:3])}{more}; "
                "give another --out, or the same options"
            )


def look(path: Path) -> Manifest | None:
    """The run.json of a folder that may become a run; raises if the place is taken by something else."""
    place = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not place.is_dir():
        raise FileProblem(f"{place} is a file, and a run is a folder; give another --out")
    manifest = Manifest.read(path)
    if manifest is None and path.is_dir():
        # A kill may have left these two before there was a run.json.
        others = sorted({file.name for file in path.iterdir()} - {".lock", NAME + PARTIAL})
        if others:
            raise FileProblem(f"{path} holds {others[0]!r} and no run; give another --out, or empty that folder")
    return manifest


def finished_at(path: str | Path) -> bool:
    """Whether there is a finished run in this folder."""
    path = Path(path)
    with file_problems(path):
        found = look(path)
    return found is not None and found.finished is not None


def plan_at(path: str | Path) -> Mapping[str, Any]:
    """What decides the vectors of the run in this folder, finished or not; empty where there is none."""
    path = Path(path)
    with file_problems(path):
        found = look(path)
    return {} if found is None else found.plan


def holds_run(path: Path) -> bool:
    """Whether a folder is a run; one that lost its ``run.json`` is, so that it is missed and not passed over."""
    return any(os.path.lexists(path / name) for name in (NAME, VECTORS))


def runs_inside(path: str | Path) -> list[Path]:
    """The runs within a folder that is none, in the order of their names."""
    path = Path(path)
    return sorted(filter(holds_run, path.iterdir())) if path.is_dir() and not holds_run(path) else []


def check_place(path: str | Path) -> None:
    """Raise unless a run can be written, or goes on, or is finished, in this folder."""
    path = Path(path)
    if finished_at(path):
        return
    with file_problems(path):
        place = next(each for each in (path, *path.absolute().parents) if each.exists())
        with tempfile.TemporaryFile(dir=place):  # by writing: what a mode says does not bind root
            pass


def _choices(manifest: Manifest, *, with_versions: bool) -> Iterator[tuple[str, str]]:
    """Dotted key and text of everything that must not change between two starts of one run."""
    stored = asdict(manifest.layout)
    del stored["block_rows"], stored["by_name"]  # a continued run goes on with the blocks and names it began with
    stored["layers"] = [layer.name for layer in manifest.layers]
    stored["n_units"] = [layer.n_units for layer in manifest.layers]
    yield from _leaves("", manifest.plan)
    yield from _leaves("stored", stored)
    if with_versions:
        yield from _leaves("versions", manifest.versions)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and (value or not key):
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}" if key else str(name), inner)
    else:
        yield key, repr(json.loads(json.dumps(value, sort_keys=True)))  # as it reads back from the file


def _difference(key: str, made: str | None, wanted: str | None) -> str:
    if made is None:
        return f"no {key}, now {key}={_short(wanted or '', 0)}"
    if wanted is None:
        return f"{key}={_short(made, 0)}, now without {key}"
    pairs = enumerate(zip(made, wanted, strict=False))
    same = next((place for place, (mine, other) in pairs if mine != other), min(len(made), len(wanted)))
    return f"{key}={_short(made, same)}, now {key}={_short(wanted, same)}"


def _short(text: str, same: int) -> str:
    """At most some 40 characters of a value, around the place where it begins to differ."""
    start = same - 10 if len(text) > 40 and same > 20 else 0
    end = start + 40
    return ("…" if start else "") + text[start:end] + ("…" if len(text) > end else "")


def _other_schema(folder: Path, schema: Any, libraries: Any) -> str:
    libraries = libraries if isinstance(libraries, dict) else {}
    writer, reader = (found.get("layerscape", "of unknown version") for found in (libraries, versions()))
    return (
        f"the run at {folder} was written by layerscape {writer} in format {schema}, and this is layerscape {reader}, "
        f"which knows formats {EARLIER} and {SCHEMA}; use that version, or make the run again with another --out"
    )

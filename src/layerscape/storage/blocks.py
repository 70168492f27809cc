"""Blocks of a run that another process than its writer puts on the disk; only the writer makes them count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from layerscape.errors import FileProblem
from layerscape.storage.layout import Layout
from layerscape.storage.ledger import Entry, Ledger
from layerscape.storage.manifest import Manifest
from layerscape.storage.vectors import Vectors


def layout_at(path: Path) -> Layout:
    """How the rows of the run that is being written there are cut into blocks."""
    return _manifest(path).layout


def write_elsewhere(path: Path, number: int, vectors: Mapping[str, np.ndarray]) -> dict[str, Entry]:
    """Write a block of all layers of the run that another process keeps; what its bytes are, for that process."""
    manifest = _manifest(path)
    return Vectors(manifest.layers, manifest.layout, Ledger(path, kept=manifest.ledger)).write(number, vectors)


def _manifest(path: Path) -> Manifest:
    manifest = Manifest.read(path)
    if manifest is None or manifest.finished is not None:
        raise FileProblem(f"there is no run at {path} that is being written; do all machines see that folder?")
    return manifest

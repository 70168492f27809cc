"""The results of a search by a cluster: a file for each block of queries, whose name tells whether it is whole."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.errors import FileProblem
from layerscape.search.assignment import Assignment
from layerscape.search.sources import StoredRows, digest_of, put_whole

RECORD = "search.json"
BLOCK = r"block-\d{6}-[0-9a-f]{32}\.safetensors"
OURS = rf"search\.json|\.lock|assignment\.pickle|(vectors|queries|hashes)\.bin|seen-.*|{BLOCK}|.*\.partial"


def is_ours(name: str) -> bool:
    """Whether a file may be of a search by a cluster, so that others are left alone.

    >>> is_ours("search.json"), is_ours("notes.txt")
    (True, False)
    """
    return re.fullmatch(OURS, name) is not None


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks that are there.

    Attributes
    ----------
    assignment
        What was asked.
    near
        What is near.
    names
        The file of each block that is whole.
    """

    assignment: Assignment
    near: Nearness
    names: dict[int, str]

    @classmethod
    def of(cls, assignment: Assignment, near: Nearness, identity: str) -> Blocks:
        """What an earlier search of the same samples has left; what others have left goes."""
        folder = assignment.folder
        if _record(folder).get("identity") != identity:
            for file in folder.glob("block-*"):
                file.unlink()
            cut = _cut(assignment.source, assignment.k)
            record = {"identity": identity, "piece": assignment.piece, "cut": cut}
            put_whole(folder / RECORD, json.dumps(record).encode())
        names = {}
        for file in sorted(folder.glob("block-*")):
            if file.suffix == ".safetensors" and _whole(file):
                names[int(file.name.split("-")[1])] = file.name
            else:
                file.unlink()
        return cls(assignment, near, names)

    @staticmethod
    def piece_before(folder: Path, source: StoredRows, k: int) -> int | None:
        """How many rows a piece had in the search that was begun here, if it was of samples of the same size."""
        record = _record(folder)
        found = record.get("piece") if record.get("cut") == _cut(source, k) else None
        return found if isinstance(found, int) and found > 0 else None

    def read(self) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """The results of every block, in order; raises at one that is not what was written."""
        from safetensors.numpy import load

        a = self.assignment
        for block in range(a.n_blocks):
            file = a.folder / self.names[block]
            data = _bytes(file)
            if data is None or not _named_so(file, data):
                raise FileProblem(f"{file} is damaged: it is not what a worker wrote; search again.")
            yield a.block(block), load(data)

    def graph(self) -> Neighbors:
        """The graph, in memory."""
        a, census = self.assignment, self.assignment.census
        assert census is not None
        indices, distances = np.empty((a.n_queries, a.k), np.int64), np.empty((a.n_queries, a.k))
        sizes, copies = np.zeros(a.n_queries, np.int64), [np.empty(0, np.int64)]
        for rows, found in self.read():
            indices[rows], distances[rows] = found["indices"], found["distances"]
            sizes[rows] = np.diff(found["border_starts"])
            copies.append(found["border_copies"])
        return Neighbors(
            indices,
            distances,
            a.n_samples,
            a.source.n_units,
            self.near,
            a.rows,
            census.copies(),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.concatenate(copies),
            proven=True,
        )


def write_block(folder: Path, block: int, arrays: dict[str, np.ndarray]) -> str:
    """Write the results of a block; its name holds the digest of its contents, so that what is whole can be told."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    name = f"block-{block:06d}-{digest_of(data)}.safetensors"
    put_whole(folder / name, data)
    return name


def _cut(source: StoredRows, k: int) -> list[object]:
    """What says, beside the memory, how many rows a piece may have."""
    return [source.n_samples, source.n_units, str(source.array.dtype), source.together, k]


def _record(folder: Path) -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / RECORD).read_text())
        return found if isinstance(found, dict) else {}
    return {}


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _named_so(file: Path, data: bytes) -> bool:
    return file.stem.split("-")[2] == digest_of(data)


def _whole(file: Path) -> bool:
    data = _bytes(file)
    return data is not None and _named_so(file, data)

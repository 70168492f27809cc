"""Rows of the snapshot: an estimate, a graph or a part of a table as numbers in hexadecimal and digests of the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

NUMBERS = ("value", "low", "high", "chance", "chance low", "chance high", "p")
PARTS = ("size", "curve", "per sample", "details")
TABLE = ("value", "low", "high", "chance", "chance_low", "chance_high", "p")
KEYS = ("group", "layer", "other_layer", "measure", "label")


@dataclass(frozen=True)
class Row:
    """One line: `NUMBERS`, one digest for each of `PARTS`, and what was said in words."""

    numbers: tuple[float, ...]
    parts: tuple[str, ...]
    words: str = ""

    def __str__(self) -> str:
        numbers = " ".join(
            "-" if value != value else float(value + 0.0).hex().replace("0x", "") for value in self.numbers
        )
        return "\t".join([numbers.rstrip(" -"), ".".join(self.parts), digest(self.words, 8)])


def digest(value: Any, digits: int = 6) -> str:
    """Some hexadecimal digits that stand for any value; a dash for nothing."""
    nothing = value is None or (isinstance(value, (str, tuple, list, Mapping)) and not value)
    return "-" if nothing else hashlib.sha256(b"".join(_bytes(value))).hexdigest()[:digits]


def _bytes(value: Any) -> Iterator[bytes]:
    """Numbers by value, whatever their type: whole ones as int64, others as float64 with one zero and one NaN."""
    if isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield f"{name}=".encode()
            yield from _bytes(value[name])
    elif isinstance(value, (tuple, list)):
        yield f"[{len(value)}".encode()
        for each in value:
            yield from _bytes(each)
    elif value is None or isinstance(value, str):
        yield f"{value!r};".encode()
    else:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), nan, array.astype(np.float64) + 0.0)
        elif array.dtype.kind in "iub":
            array = array.astype(np.int64)
        yield f"{array.shape}".encode()
        yield array.tobytes() if array.dtype.kind in "fi" else repr(array.tolist()).encode()


def of_estimate(found: Any, words: Iterable[str] = ()) -> Row:
    """The row of an `Estimate`, with further words beside its warnings."""
    chance = found.chance
    numbers = (found.value, found.low, found.high)
    numbers += (chance.value, chance.low, chance.high, chance.p) if chance else (nan,) * 4
    curve = [(p.value, p.low, p.high, p.scale, p.k, p.n_samples) for p in found.curve]
    parts = ((found.k, found.n_samples, found.n_units), curve, found.per_sample, found.details)
    return Row(numbers, tuple(digest(part) for part in parts), "\n".join((*found.warnings, *words)))


def of_graph(graph: Any) -> Row:
    """The row of a graph: how far the first and the last neighbors are, on average, and all that it holds."""
    distances = graph.distances
    numbers = (float(distances[:, 0].mean()), float(distances[:, -1].mean()), float(distances.mean()), *(nan,) * 4)
    size = (graph.k, graph.n_samples, graph.n_units)
    return Row(numbers, tuple(map(digest, (size, graph.indices, distances, graph.weights(max(1, graph.k // 2))))))


def of_table(table: Any, words: Iterable[str] = ()) -> dict[str, Row]:
    """The rows of a table of estimates, one for all points of one estimate; columns that came later do not count."""
    rows = {}
    for names, points in _groups(table):
        first = points.iloc[0]
        numbers = tuple(float(first[name]) for name in TABLE)
        size = points[["k", "n_samples", "n_units"]].astype(float).to_numpy()
        curve = points[["scale", "value", "low", "high"]].to_numpy(float)
        more = [first["depth"], first.get("other_depth"), first["metric"], sorted_options(first["options"])]
        rows[names] = Row(numbers, tuple(map(digest, (size, curve, None, more))), str(first["warnings"]))
    return _with_order(rows, words)


def of_differences(table: Any, words: Iterable[str] = ()) -> dict[str, Row]:
    """The rows of a table of differences."""
    rows = {}
    for names, points in _groups(table):
        first = points.iloc[0]
        numbers = tuple(
            float(first[name]) for name in ("difference", "low", "high", "value", "other_value", "p_holm", "p")
        )
        size, depths = int(first["n_samples"]), [first["depth"], first["other_depth"]]
        rows[names] = Row(numbers, tuple(map(digest, (size, None, None, depths))), str(first["warnings"]))
    return _with_order(rows, words)


def sorted_options(text: str) -> str:
    """Options of a table, which are JSON text, in no order."""
    return " ".join(sorted(text.strip("{}").split(", ")))


def _with_order(rows: dict[str, Row], words: Iterable[str]) -> dict[str, Row]:
    """The rows, and one that says in which order they came and what was warned of meanwhile."""
    order = Row((float(len(rows)), *(nan,) * 6), (*map(digest, (list(rows), None, None, None)),), "\n".join(words))
    return {"all": order, **rows}


def _groups(table: Any) -> Iterator[tuple[str, Any]]:
    keys = [name for name in KEYS if name in table.columns]
    for values, points in table.groupby(keys, sort=False, dropna=False):
        yield ", ".join(str(value) for value in values if value not in ("", None)), points

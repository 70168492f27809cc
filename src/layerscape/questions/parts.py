"""Parts: samples that lie on several manifolds of unlike dimensions, each of which has a dimension of its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np

from layerscape.core.tasks import Task
from layerscape.core.words import listed
from layerscape.measures import find_measure
from layerscape.measures.dimension.reading import Reading
from layerscape.supply.attempts import attempt
from layerscape.supply.supplier import Supplier

MOST = 3  # parts that are asked for
FEWEST = 100  # samples of a part: of fewer no plateau is seen


@dataclass(frozen=True)
class Manifold:
    """Samples that share one dimension.

    Attributes
    ----------
    dimension, low, high
        Of their plateau, with its 95 % interval.
    share
        Of all samples, in 0…1.
    """

    dimension: float
    low: float
    high: float
    share: float


def find_parts(supplier: Supplier, seed: int) -> tuple[Manifold, ...]:
    """The parts that Hidalgo finds, if each has a plateau when it is searched alone; none otherwise.

    It is asked for two manifolds, and for three if two do not do. What it does not tell apart by the third neighbor is
    one part, since it always finds as many as it was asked for.
    """
    rows, measure = supplier.graphs.rows(""), find_measure("hidalgo")
    for n_manifolds in range(2, MOST + 1):
        found = attempt(supplier, Task(measure, {"n_manifolds": n_manifolds, "seed": seed}))
        if not isfinite(found.value):
            return ()
        membership, told = np.asarray(found.details["membership"]), np.asarray(found.details["told_apart"])
        part_of = np.cumsum([0, *told])[membership.argmax(axis=1)]
        each = [rows[part_of == part] for part in range(int(told.sum()) + 1)]
        if len(each) > 1 and (parts := _confirmed(supplier, each)):
            return parts
    return ()


def parts_words(parts: tuple[Manifold, ...]) -> str:
    """Which parts there are.

    >>> parts_words((Manifold(2.0, 1.9, 2.1, 0.25), Manifold(5.0, 4.8, 5.2, 0.75)))
    'the samples lie on 2 parts of unlike dimension: about 25% at 2 [1.9, 2.1] and about 75% at 5 [4.8, 5.2]'
    """
    each = [f"about {part.share:.0%} at {part.dimension:.3g} [{part.low:.3g}, {part.high:.3g}]" for part in parts]
    return f"the samples lie on {len(parts)} parts of unlike dimension: {listed(each)}"


def _confirmed(supplier: Supplier, each: list[np.ndarray]) -> tuple[Manifold, ...]:
    """Parts of which every one has a plateau, and no two touch."""
    n, parts = sum(map(len, each)), []
    for rows in each:
        reading = _read_alone(supplier, rows)
        if reading is None or reading.plateau is None or any(reading.bent):
            return ()
        plateau = reading.plateau
        parts.append(Manifold(plateau.value, plateau.low, plateau.high, len(rows) / n))
    return tuple(parts) if all(a.high < b.low for a, b in pairwise(parts)) else ()


def _read_alone(supplier: Supplier, rows: np.ndarray) -> Reading | None:
    if len(rows) < FEWEST:
        return None
    alone, task = supplier.among(rows), Task(find_measure("gride"))
    alone.prepare([task])
    curve = attempt(alone, task).curve
    return Reading.of(alone.graphs.graph("", curve[-1].k or 2, distinct=True), curve) if curve else None

"""What may be asked of a search: how many neighbors, and who is left out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from layerscape.core.apart import Apart, apart_of
from layerscape.core.nearness import Nearness
from layerscape.core.representation import Representation, as_representation
from layerscape.core.resources import Resources, check_room
from layerscape.errors import InvalidType, InvalidValue


@dataclass(frozen=True)
class Asking:
    """What is asked of a search, as `find_neighbors` is called."""

    x: Any
    k: int
    queries: Any
    groups: Any
    lag: int | None
    near: Nearness
    how: Resources
    progress: Callable[[int], None] | None


def asked_of(n_samples: int, n_units: int, queries: Any) -> tuple[np.ndarray, Representation | None]:
    """Which row each query is (−1 for none), and the other points if such are asked."""
    if queries is None:
        return np.arange(n_samples), None
    if isinstance(queries, Representation) or np.ndim(queries) == 2:
        points = as_representation(queries)
        if points.n_units != n_units:
            raise InvalidValue(f"queries have {points.n_units} units and the samples {n_units}; widths must agree.")
        return np.full(points.n_samples, -1), points
    rows = np.asarray(queries)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise InvalidType(
            f"queries of shape {rows.shape} and type {rows.dtype}; give a list of row numbers, or a matrix of points."
        )
    if len(rows) == 0:
        raise InvalidValue("queries is empty; name at least one row, or leave it out to ask for all.")
    if rows.min() < 0 or rows.max() >= n_samples:
        raise InvalidValue(
            f"query row {int(rows[(rows < 0) | (rows >= n_samples)][0])} asked of {n_samples} samples; "
            f"rows must lie in 0..{n_samples - 1}."
        )
    return rows.astype(np.int64), None


def leaving_out(near: Nearness, groups: Any, lag: Any, n_samples: int) -> Nearness:
    """What is near, with what ``groups`` or ``lag`` keep apart.

    Raises
    ------
    InvalidValue, InvalidType
        If they keep samples apart that are not there, or in two ways.
    """
    apart = apart_of(groups, lag, n_samples)
    if apart is not None:
        near = replace(near, apart=apart)
    if near.apart is not None and len(near.apart.marks) != n_samples:
        raise InvalidValue(
            f"{near.apart.words} of {len(near.apart.marks)} samples, and {n_samples} are searched; give the same ones."
        )
    return near


def check_k(k: int, n_samples: int, apart: Apart | None = None, rows: Any = None, *, external: bool = False) -> None:
    """Raise unless every query, which ``rows`` names where samples are apart, can have k neighbors."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise InvalidType(f"k={k!r} is no whole number; give how many neighbors to find.")
    if external and apart is not None:
        raise InvalidValue(
            f"queries are points, which are of no group and at no time ({apart.words}); give row numbers."
        )
    left_out = 0 if external else 1 if apart is None else int(apart.counts(rows).max())
    most = n_samples - left_out
    if 1 <= k <= most:
        return
    if apart is None:
        if not most:
            raise InvalidValue(f"k={k} neighbors asked of one sample; a graph needs at least two samples.")
        raise InvalidValue(f"k={k} neighbors asked of {n_samples} samples; k must lie in 1..{most}.")
    what = f"lag={apart.reach}" if apart.reach else "the largest group"
    raise InvalidValue(
        f"k={k} neighbors asked of {n_samples} samples, {left_out} of which are left out ({what}); "
        f"k must lie in 1..{most}."
    )


def check_lists_fit(n_queries: int, k: int, per_neighbor: int) -> None:
    """Raise where the result of a search is more than this machine holds."""
    what = f"a graph of k={k} for {n_queries:,} queries"
    check_room(n_queries * k * per_neighbor, what, "ask fewer queries, or for fewer neighbors")


def at_most(total: int, progress: Callable[[int], None] | None) -> Callable[[int], None]:
    """Tells of no more than a number of queries in all, however many an engine searches."""
    left = total

    def tell(n: int) -> None:
        nonlocal left
        n = min(n, left)
        left -= n
        if progress and n:
            progress(n)

    return tell

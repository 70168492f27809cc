"""What a report reads of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from layerscape.core.neighbors import Neighbors
from layerscape.core.progress import Show


class ReportedRun(Protocol):
    """A run, as far as a report shows it."""

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def temporary(self) -> bool:
        """Whether its folder goes when it goes."""
        ...

    @property
    def record(self) -> Mapping[str, Any]: ...
    @property
    def layers(self) -> Sequence[str]: ...
    @property
    def samples(self) -> Any:
        """``ids``, ``kind``, ``labels`` (column name to values) and ``previews(rows)``: texts, or bytes of pictures."""
        ...

    @property
    def table(self) -> Any:
        """A pandas.DataFrame with one row per estimate, or per point of a curve."""
        ...

    @property
    def recommendation(self) -> Mapping[str, Any] | None:
        """Which layer was recommended, with its ``reason`` in words."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What is to be said of the samples as a whole."""
        ...

    def graph(self, layer: str, k: int, *, progress: Show, metric: str, standardize: str | None) -> Neighbors: ...
    def keeps_graph(self, layer: str, k: int, search: Any) -> bool:
        """Whether a graph that holds as many neighbors of each was kept."""
        ...


class _Once:
    def __init__(self, run: ReportedRun) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:  # of what was not asked for before
        vars(self)[name] = found = getattr(self._run, name)
        return found


def read_once(run: ReportedRun) -> ReportedRun:
    """The same run, of which nothing is read twice: a page is of one state of it, whatever is measured meanwhile."""
    return cast(ReportedRun, _Once(run))

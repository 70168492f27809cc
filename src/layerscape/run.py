"""Run: one folder with the representations, graphs and estimates of a network, as the user holds it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from layerscape.core.decisive import deciding_who_is_near
from layerscape.core.keywords import Search, chosen, door
from layerscape.core.names import as_names
from layerscape.core.neighbors import Neighbors
from layerscape.core.progress import Show, counted
from layerscape.core.representation import Representation
from layerscape.core.shown import Card, Shown
from layerscape.core.threads import Behind, ahead
from layerscape.core.words import firsts
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.search import connected, find_neighbors
from layerscape.storage import RunFolder, SampleTable
from layerscape.storage.exports import Exports
from layerscape.storage.given import GivenFiles
from layerscape.upkeep import Upkeep

if TYPE_CHECKING:
    import pandas as pd

Tell = Callable[[int], None] | None
CUT = "the model's greatest length"  # where texts were cut, as earlier versions said without telling whose limit it was


class Run(Upkeep, Exports, Shown, Mapping[str, Representation | Neighbors]):
    """A finished run: its layers, samples, graphs and table of estimates; a mapping of layer name → `Representation`.

    Where a graph was given in place of vectors it is a mapping to `Neighbors`.

    Made by `extract`, `from_arrays` and `open_run`. Layers come in order of execution. A run equals itself only.

    Attributes
    ----------
    folder
        Where it lives on disk.
    name
        The name of that folder, which stands in the column ``run`` of its table.
    temporary
        Whether that folder goes with the run, as that of `from_arrays` without ``out``.

    Examples
    --------
    >>> from layerscape import from_arrays
    >>> run = from_arrays({"first": np.eye(4), "second": np.eye(4)[:, ::-1]})
    >>> run.layers, run["second"].n_units, run.graph("first", k=2).k
    (('first', 'second'), 4, 2)
    >>> list(run), "third" in run, np.asarray(run["first"]).shape
    (['first', 'second'], False, (4, 4))
    """

    __eq__ = object.__eq__  # that of a mapping would compare all vectors
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, folder: RunFolder):
        self.folder = folder
        self.name = folder.path.name
        self.temporary = False
        self._opened: dict[str, Representation] = {}

    @property
    def given(self) -> GivenFiles:
        """The graphs that were given in place of the vectors of layers, by layer."""
        return self.folder.given

    def _card(self) -> Card:
        facts = [("path", str(self.path)), *self._counted()]
        facts += [(layer, self.described(layer)) for layer in self.layers]
        return Card(f"Run {self.name!r}: {len(self)} layers × {self.n_samples} samples", facts)

    def described(self, layer: str) -> str:
        """What was given of a layer, in words."""
        self._known(layer)
        units = {each.name: each.n_units for each in self.folder.layers}[layer]
        return self.given.words(layer) if units is None else f"{units} units"

    def _counted(self) -> list[tuple[str, str]]:
        """How many samples were kept, skipped and cut, where some were; earlier runs do not say it."""
        counts = self.folder.manifest.record.get("counts") or {}
        lost = [f"{number} skipped, which {why}" for why, number in counts.get("skipped", {}).items()]
        lost += [f"{counts['cut']} cut at {counts.get('cut_at', CUT)}"] if counts.get("cut") else []
        return [("samples", "; ".join([f"{self.n_samples} kept", *lost]))] if lost else []

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of execution."""
        return tuple(layer.name for layer in self.folder.layers)

    @property
    def depths(self) -> dict[str, float | None]:
        """Layer name to l / L; None for a layer that is off the axis of blocks."""
        return {layer.name: layer.depth for layer in self.folder.layers}

    @property
    def record(self) -> dict[str, Any]:
        """How the run came to be: the plan, what its making told, and the versions of the libraries."""
        manifest = self.folder.manifest
        return {**manifest.plan, **manifest.record, "versions": dict(manifest.versions), "finished": manifest.finished}

    @property
    def samples(self) -> SampleTable:
        """Ids, labels and previews of the samples."""
        return self.folder.samples

    @property
    def table(self) -> pd.DataFrame:
        """The latest table that `measure` made of this run."""
        table = self.folder.load_estimates()
        if table is None:
            raise InvalidValue(f"nothing was measured in {self.path} yet; run: layerscape measure {self.path}")
        return table

    @property
    def recommendation(self) -> dict[str, Any] | None:
        """What `recommend` found last: ``layer``, ``reason``, ``equals``, ``sure``, ``by``, …; None if nobody asked."""
        return self.folder.load_recommendation()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was said of its samples as a whole when it was measured: why they may not be independent."""
        return self.folder.load_notes()

    @property
    def n_samples(self) -> int:
        """N, the same in every layer."""
        return self.folder.n_samples

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.folder.layers)

    def __contains__(self, layer: object) -> bool:
        return layer in self.layers

    def __getitem__(self, layer: str) -> Representation | Neighbors:
        self._known(layer)
        return self.given[layer] if layer in self.given else self.vectors(layer)

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer; raises where a graph was given in place of them."""
        if layer not in self._opened:
            self._known(layer)
            self._opened[layer] = Representation(self.folder.vectors(layer), layer, self.samples.ids)
        return self._opened[layer]

    @door
    def graph(self, layer: str, k: int, *, progress: Show = None, **search: Unpack[Search]) -> Neighbors:
        """The graph of a layer, searched once and kept on disk; a larger k searches again.

        Parameters
        ----------
        layer
            Name of a layer.
        k
            Number of neighbors, 1…N−1.
        progress
            As in `layerscape.measure`.
        search
            As in `find_neighbors`.
        """
        self.find_graphs([layer], k, counted(progress, "searching", self.n_samples), search)
        graph = self.kept_graph(layer, k, search)
        assert graph is not None
        return graph

    def keeps_graph(self, layer: str, k: int, search: Search) -> bool:
        """Whether a graph of a layer that holds as many neighbors is kept, of which nothing but its header is read."""
        return 0 < k <= self.folder.kept_graph(layer, chosen(search)[0]).width

    def kept_graph(self, layer: str, k: int, search: Search) -> Neighbors | None:
        """The graph of a layer with k neighbors, where one that holds as many was kept."""
        if not self.keeps_graph(layer, k, search):
            return None
        near, _ = chosen(search)
        graph = self.folder.load_graph(layer, near)
        assert graph is not None
        graph = graph.first(k)
        other = graph.near != near and layer not in self.given
        return replace(graph, near=near, proven=True) if other else graph  # other near_copies

    @door
    def search(
        self,
        k: int,
        *,
        layers: Sequence[str] | str | None = None,
        cluster: Any = None,
        progress: Show = None,
        **search: Unpack[Search],
    ) -> None:
        """Search the graphs of layers and keep them on disk; while one is searched the next is loaded, the last kept.

        Each is kept as soon as it is whole, so that a search that was interrupted goes on with the layer it was at. One
        that another process has kept meanwhile, and is wider, stays.

        Parameters
        ----------
        k
            As in `find_neighbors`.
        layers
            Names of layers, or one; all when None.
        cluster
            As in `find_neighbors`; its machines write into the folder of the run.
        progress
            As in `layerscape.measure`.
        search
            The keywords of `find_neighbors`. A layer of up to ``memory`` bytes is loaded ahead, a larger one read from
            disk; so a layer in use, the next one and the search may take three times ``memory``.
        """
        wanted = list(self.layers if layers is None else dict.fromkeys(as_names(layers)))
        if self.given.keys() >= set(wanted):
            self.given.must_hold(wanted, k)
            warnings.warn(f"nothing to search: {firsts(wanted)} were given as graphs", stacklevel=3)
        elif layers is None and self.given:
            wanted = [layer.name for layer in self.given.others(self.folder.layers)]
        tell = counted(progress, "searching", len(wanted) * self.n_samples)
        with connected(cluster) as workers:
            self.find_graphs(wanted, k, tell, search, workers)

    def find_graphs(self, layers: Sequence[str], k: int, tell: Tell, search: Search, cluster: Any = None) -> None:
        """Search as `search` does, and tell of every sample that is done, N for each layer."""
        (near, how), tell = chosen(search), tell or (lambda _: None)
        kept = {layer: self.folder.kept_graph(layer, near) for layer in layers}
        missing = [layer for layer in layers if not 0 < k <= kept[layer].width]
        self.folder.given.must_hold(missing, k)
        tell((len(layers) - len(missing)) * self.n_samples)
        most = 0 if cluster else how.memory
        seen = ahead(lambda layer: (x := self.loaded(layer, most), deciding_who_is_near(x, near)), missing)
        with closing(seen), Behind() as behind:
            for layer, (x, deciding) in seen:
                folder = self.folder.search_folder(layer, near) if cluster else None
                found = find_neighbors(x, k, cluster=cluster, folder=folder, progress=tell, **search)
                behind(self._keep_graph, layer, replace(found, deciding=deciding, proven=True), folder)
        untold = [layer for layer in layers if layer not in missing and kept[layer].deciding is None]
        if untold and not near.standardize:
            self._complete(untold, near)

    def loaded(self, layer: str, most: int) -> Representation:
        """A layer in memory if it takes no more bytes than ``most``, and as it is on disk otherwise."""
        x = self.vectors(layer)
        small = x.matrix.dtype.itemsize * x.n_samples * x.n_units <= most
        return replace(x, matrix=np.asarray(x.matrix[:])) if small else x

    def _known(self, layer: str) -> None:
        if layer not in self:
            raise unknown_name("layer", layer, self.layers)


def open_run(path: str | Path) -> Run:
    """The finished run in a folder.

    Raises
    ------
    FileProblem
        If there is no run, or it is not finished, or another version of layerscape wrote it.
    """
    return Run(RunFolder.open(path))


def check_run(given: Any) -> None:
    """Raise, and say how to get one, unless it is a run."""
    if isinstance(given, Run):
        return
    if isinstance(given, (str, Path)):
        raise InvalidType(f"{str(given)!r} is a path and no run; open it: layerscape.open({str(given)!r}).")
    if isinstance(given, Sequence) and given and isinstance(given[0], Run):
        raise InvalidType(
            f"a {type(given).__name__} of {len(given)} runs, where one is asked for; give one, as its [0]."
        )
    raise InvalidType(f"a {type(given).__name__} is no run; make one: layerscape.from_arrays({{'layer 1': x, …}}).")

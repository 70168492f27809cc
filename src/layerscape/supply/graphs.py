"""The graphs of layers: one per layer, at the largest k that any task needs, searched or read from the run.

Narrower ones and those of distinct rows are cut from it when they are asked for, and kept while they may be asked for
again. A layer that cannot be searched costs no other: what is wrong with it is raised whenever its graph is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.distinct import Distinct, common_rows, distinct_rows
from layerscape.core.keywords import Search, among, chosen
from layerscape.core.near_copies import near_queries
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs
from layerscape.core.quantity import Data
from layerscape.core.ranking import Ends, Ranking
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.threads import ahead
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError
from layerscape.run import Run
from layerscape.search import find_neighbors
from layerscape.supply.held import without
from layerscape.supply.listed import ranking_in
from layerscape.supply.ranking import ranking_among, ranking_of

FEWEST = 3  # distinct rows, of which a dimension can be told
GRAPH_MEMORY = 2**32  # bytes that the graphs of a run may take
OF_ONE_LAYER = (InvalidValue, InvalidType)  # any other kind of error is of the disk, or of a library


class Graphs:
    """The graphs of the layers of a source."""

    def __init__(self, source: Source, search: Search):
        self.source = source
        self.near, self.how = chosen(search)
        self.most = self.near.most(source.n_samples)  # neighbors that every sample has
        self.search = search
        self._k, self._ready = 0, frozenset()  # how wide the graphs are, and of which layers
        self._failed: dict[str, LayerscapeError] = {}  # layers that cannot be searched
        self._mixed: dict[str, LayerscapeError] = {}  # layers whose near copies cannot be left out
        self._few: dict[str, Neighbors] = {}  # the distinct rows among those that are asked, where there are copies
        self._graphs: dict[str, Neighbors] = {}
        self.distinct: dict[str, Distinct] = {}  # by layer, the rows that are no copies
        self._cut: dict[tuple[str, bool, int], Neighbors] = {}
        self._rankings: dict[tuple[str, str], Ranking] = {}

    def find(self, layers: Sequence[str], k: int, distinct: bool, tell: Callable[[int], None] | None) -> None:
        """Search layers, and choose the rows for dimensions; what cannot be searched says so when asked for."""
        self._k, self._ready = k, frozenset(layers)
        self._graphs, self._cut, self.distinct, self._failed, self._mixed, self._few = {}, {}, {}, {}, {}, {}
        if self.source.run is not None:
            self._failed = searched_apart(self.source.run, k, layers, tell, self.search)
        else:
            for layer in layers:
                try:
                    self._graphs[layer] = self._searched_now(layer, k, tell)
                except OF_ONE_LAYER as error:
                    self._failed[layer] = error
        for layer in self.source.graphs:
            try:
                self.whole(layer)
            except OF_ONE_LAYER as error:  # of samples of which it holds no neighbors
                self._failed[layer] = error
        if distinct:
            given = [layer for layer in self.source.graphs if layer not in self._failed and _is_told(self.whole(layer))]
            every = [*layers, *given]
            sound = [layer for layer in every if layer not in self._failed]
            found = {layer: distinct_rows(graph, self._share(layer)) for layer, graph in ahead(self.whole, sound)}
            self.distinct = common_rows(found)
            if self.source.asked is not None:
                self._search_few(k, self.source.asked)
            self._check_queries()

    def _search_few(self, k: int, asked: np.ndarray) -> None:
        """Where there are copies: the distinct rows that are asked, each as likely as any, among the distinct rows."""
        for layer, found in self.distinct.items():
            if not FEWEST <= len(rows := found.rows) < self.source.n_samples:
                continue
            queries = np.flatnonzero(np.isin(rows, asked))
            if not len(queries):
                self._mixed[layer] = InvalidValue(
                    f"none of the {len(rows)} distinct rows of {self.source.n_samples} is among the queries; raise "
                    "n_queries, or leave it out."
                )
                continue
            some = min(k, self.near.among(rows).most(len(rows)))
            x = self.vectors(layer).take(rows)
            self._few[layer] = find_neighbors(x, some, queries=queries, **among(self.search, rows))

    def left_out(self, layer: str) -> tuple[str, ...]:
        """What a dimension of a layer is not of, in words."""
        words = self.distinct[layer].words if layer in self.distinct else ()
        if layer not in self._few:
            return words
        return (f"{' '.join(words)}, of which {len(self._few[layer].indices)} are queries",)

    def _searched_now(self, layer: str, k: int, tell: Callable[[int], None] | None) -> Neighbors:
        if (kept := self.source.kept_graph(layer, k, self.search)) is not None:
            (tell or (lambda _: None))(kept.n_samples)
            return kept
        x = self.vectors(layer)  # of other samples, perhaps, which the measure will say
        k = min(k, self.near.most(x.n_samples))
        return find_neighbors(x, k, queries=self.source.asked, progress=tell, **self.search)

    def _share(self, layer: str) -> float:
        """``near_copies`` as it was asked for, or as the graph that was given says."""
        near = self.source.graphs[layer].near if layer in self.source.graphs else self.near
        return self.search.get("near_copies", near.near_copies)

    def _check_queries(self) -> None:
        """Note the graphs of some queries that have near copies, which cannot be left out of them."""
        given = {layer: self.whole(layer) for layer in self.source.graphs if layer not in self._failed}
        for layer, graph in {**given, **self._graphs, **self._few}.items():
            if graph.queries is None or not graph.has_distances:
                continue
            if count := near_queries(graph, self._share(layer)):
                self._mixed[layer] = InvalidValue(
                    f"{count} of {len(graph.indices)} queries have near copies (rounding apart) among their "
                    "neighbors, which cannot be left out of a graph of some queries; leave them out of the data, or "
                    "keep them by near_copies=0."
                )

    @property
    def room(self) -> int:
        """How many graphs may be in memory on each side of a map of pairs."""
        if self.source.run is None:
            return len(self.source.layers)
        return max(1, GRAPH_MEMORY // (12 * self.source.n_samples * max(1, self._k)) // 2)

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer as the search sees them."""
        return self.near.seen(self.source.vectors(layer))

    def graph(self, layer: str, k: int, *, distinct: bool = False) -> Neighbors:
        """The graph of a layer with k neighbors: of all samples, or of the distinct rows (fewer, where they are)."""
        whole = self.whole(layer)
        if distinct and layer in self._mixed:
            raise type(self._mixed[layer])(str(self._mixed[layer]))
        distinct = distinct and layer in self.distinct
        key = (layer, distinct, k)
        if key not in self._cut:
            self._cut[key] = _told(self._of_distinct(layer, whole, k)) if distinct else whole.first(min(k, whole.k))
        return self._cut[key]

    def _of_distinct(self, layer: str, whole: Neighbors, k: int) -> Neighbors:
        """Cut from the graph of all samples if that holds enough, and searched otherwise."""
        rows, given = self.distinct[layer].rows, layer in self.source.graphs
        if len(rows) < FEWEST:
            what = "the graph" if given else self.source.vectors(layer).title
            raise InvalidValue(
                f"{what} has {len(rows)} distinct rows of {whole.n_samples}: it is constant, or nearly so, and has no "
                "dimension; leave it out, or pool another token."
            )
        if given:
            found = _as_wide_as_it_holds(whole, rows)
            return found.first(min(k, found.k))
        if layer in self._few:
            return self._few[layer].first(min(k, self._few[layer].k))
        k = min(k, self.near.among(rows).most(len(rows)))
        if len(rows) == whole.n_samples:
            return whole.first(min(k, whole.k))
        x = self.vectors(layer).take(rows)
        return whole.restrict(rows, k) or find_neighbors(x, k, **among(self.search, rows))

    def rows(self, layer: str) -> np.ndarray:
        """Which samples the graph of the distinct rows of a layer is of."""
        return self.distinct[layer].rows

    def whole(self, layer: str) -> Neighbors:
        """The graph of all samples; of those that are kept on disk no more are in memory than tiles need."""
        if layer in self._failed:
            raise type(self._failed[layer])(str(self._failed[layer]))
        if layer in self.source.graphs:
            return self._given(layer)
        run = self.source.run
        if run is None:
            return self._graphs[layer]
        if layer not in self._graphs:
            while len(self._graphs) >= 2 * self.room:  # of both sides of a tile
                left = next(iter(self._graphs))  # the one that has not been asked for longest
                del self._graphs[left]
                self._cut = {key: graph for key, graph in self._cut.items() if key[0] != left}
            self._graphs[layer] = run.graph(layer, self._k, progress=False, **self.search)
        else:
            self._graphs[layer] = self._graphs.pop(layer)
        return self._graphs[layer]

    def _given(self, layer: str) -> Neighbors:
        """The graph that was given, without neighbors that are kept apart."""
        graph = self.source.graphs[layer]
        if self.near.apart in (None, graph.near.apart):
            return graph
        if graph.queries is not None:
            return without(graph, self.near.apart)
        if layer not in self._graphs:
            near = replace(graph.near, apart=self.near.apart)
            self._graphs[layer] = graph.take(np.arange(graph.n_samples), near)
        return self._graphs[layer]

    @property
    def narrowest(self) -> tuple[int, str] | None:
        """How many neighbors the narrowest of the graphs that were given holds, and of which layer; None without."""
        sound = [layer for layer in self.source.graphs if layer not in self._failed]
        return min(((self.whole(layer).k, layer) for layer in sound), default=None)

    def ranking(self, layer: str, pairs: Pairs | None = None, label: str = "") -> Ranking:
        """The ranking of a layer, among the candidates of ``pairs`` called ``label``; only the last one is kept."""
        asked = (layer, label)
        if asked not in self._rankings:
            self._rankings.clear()  # what one remembers may be as large as several graphs
            if layer in self.source.graphs:
                self._rankings[asked] = ranking_in(self.source.graphs[layer], layer, pairs, self.near.apart)
                return self._rankings[asked]
            whole = self.whole(layer) if layer in self._ready and self.source.asked is None else None
            x = self.vectors(layer)
            found = ranking_of(x, whole, self.search) if pairs is None else ranking_among(x, whole, pairs, self.search)
            self._rankings[asked] = found
        return self._rankings[asked]

    def of_pairs(self, kind: Data, layer: str, pairs: Pairs, label: str) -> Any:
        """What a measure of pairs gets: these, the ranking of a layer among their candidates, or both ends of them."""
        if kind == "pairs":
            return pairs
        if kind == "ranking":
            return self.ranking(layer, pairs, label)
        x, rows = self.vectors(layer), pairs.one_to_one()
        sides = [x.take(rows[:, side]) for side in (0, 1)]
        return Ends(
            lambda side, k: find_neighbors(sides[side], k, **self.search),
            lambda side: ranking_of(sides[side], None, self.search),
        )


def _is_told(graph: Neighbors) -> bool:
    """Whether a graph that was given can be cut to distinct rows."""
    return graph.queries is None and graph.has_distances


def _told(graph: Neighbors) -> Neighbors:
    """A graph of which no more near copies are to be left out: those that were are counted, or were to be kept."""
    return replace(graph, near=replace(graph.near, near_copies=0.0), proven=True)


def _as_wide_as_it_holds(whole: Neighbors, rows: np.ndarray) -> Neighbors:
    """A graph that was given, of its distinct rows, with as many neighbors as it holds of each."""
    if len(rows) == whole.n_samples:
        return whole
    held = np.count_nonzero(np.isin(whole.indices[rows], rows), axis=1)
    found = whole.restrict(rows, int(held.min())) if held.min() else None
    if found is None:
        raise InvalidValue(
            f"all {whole.k} neighbors of {np.count_nonzero(held == 0)} of {whole.n_samples} samples are copies that "
            "are left out; search with a larger k, or give the vectors."
        )
    return found


def searched_apart(
    run: Run, k: int, layers: Sequence[str], tell: Callable[[int], None] | None, search: Search
) -> dict[str, LayerscapeError]:
    """Search layers of a run and keep their graphs; what is wrong with those that cannot be searched."""
    failed: dict[str, LayerscapeError] = {}
    near, left = chosen(search)[0], list(layers)
    while left:
        try:
            run.find_graphs(left, k, tell, search)
            break
        except OF_ONE_LAYER as error:  # of the first that is not kept, since they are searched in order
            bad = next(place for place, layer in enumerate(left) if run.folder.kept_graph(layer, near).width < k)
            failed[left[bad]], left = error, left[bad + 1 :]
    return failed

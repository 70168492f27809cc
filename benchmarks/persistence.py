"""Does a block cost little that lets holes of the neighbor graph persist? By zigzag persistence.

Run:  LAYERSCAPE_MODELS=FOLDER LAYERSCAPE_DATA=FOLDER python -m benchmarks.persistence --cache FOLDER [--write]

Needs dionysus 2 (pip install dionysus), which nothing else here wants, and the cache of `benchmarks/blocks.py`.
Each layer is the complex of the triangles of its graph of k nearest neighbors; from layer to layer the sequence goes
through what two of them share (zigzag, Carlsson and de Silva 2010), as in Gardinazzi et al. 2024 (arXiv:2410.11042). A
block is as alike on both sides as the share of holes (of loops, H1; of pieces, H0) that live on both, of the mean of
how many live on each.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.blocks import TEXTS, known
from benchmarks.publish import publish
from layerscape.core.rank_correlation import rank_correlation
from layerscape.core.words import p_value
from layerscape.search import find_neighbors

NEIGHBORS = (5,)
Simplex = tuple[int, ...]


def complex_of(x: np.ndarray, k: int) -> set[Simplex]:
    """Points, edges and triangles of the graph in which a sample is joined with its k nearest neighbors."""
    graph = find_neighbors(x, k=k).indices
    joined = [set[int]() for _ in x]
    for a, row in enumerate(graph.tolist()):
        for b in row:
            joined[a].add(b)
            joined[b].add(a)
    edges = {(a, b) for a, own in enumerate(joined) for b in own if a < b}
    triangles = {(a, b, c) for a, b in edges for c in joined[a] & joined[b] if c > b}
    return {(a,) for a in range(len(x))} | edges | triangles


def zigzag(layers: list[set[Simplex]]) -> list[np.ndarray]:
    """Of each dimension from when to when each hole lives; layer l is at 2l, what it shares with the next after it."""
    import dionysus  # pyright: ignore[reportMissingImports]

    times: dict[Simplex, list[float]] = {}
    for place, own in enumerate(layers):
        for simplex in own:
            if place and simplex in layers[place - 1]:
                times[simplex].pop()  # it stays
            else:
                times.setdefault(simplex, []).append(2.0 * place)
            times[simplex].append(2.0 * place + 1)
    end = 2.0 * len(layers) - 1
    order = sorted(times, key=lambda simplex: (len(simplex), simplex))
    filtration = dionysus.Filtration([list(simplex) for simplex in order])
    kept = [[time for time in times[simplex] if time != end] for simplex in map(tuple, filtration)]
    _, found, _ = dionysus.zigzag_homology_persistence(filtration, kept)
    return [np.array([(one.birth, one.death) for one in each]).reshape(-1, 2) for each in found[:2]]


def check() -> None:
    """Raise unless a loop is found that is there in two layers, filled in the third and there again in the last."""
    ring = {(place,) for place in range(6)} | {(0, 5)} | {(place, place + 1) for place in range(5)}
    filled = ring | {(0, place) for place in range(1, 6)} | {(0, place, place + 1) for place in range(1, 5)}
    pieces, loops = zigzag([ring, ring, filled, ring])
    assert pieces.tolist() == [[0, np.inf]], pieces
    assert sorted(loops.tolist()) == [[0, 4], [5, np.inf]], loops


def shares(bars: np.ndarray, blocks: int) -> np.ndarray:
    """Shape (blocks,): the share of holes that live on both sides of each block."""
    alive = np.stack([(bars[:, 0] <= 2 * layer) & (bars[:, 1] > 2 * layer) for layer in range(blocks + 1)])
    both = [(a & b).sum() / max(1.0, (a.sum() + b.sum()) / 2) for a, b in pairwise(alive)]
    return np.array(both)


def rows(name: str, pooling: str, run: ls.Run, increase: np.ndarray) -> list[str]:
    lines = []
    vectors = [np.asarray(run[layer].read(slice(None))) for layer in run.layers]
    for k in NEIGHBORS:
        for hole, bars in enumerate(zigzag([complex_of(x, k) for x in vectors])):
            own = shares(bars, len(increase))
            if np.ptp(own) == 0:
                lines.append(f"| {name} | {pooling} | {k} | H{hole} | the same in all blocks | |")
                continue
            found = rank_correlation(-own, increase)
            told = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
            lines.append(f"| {name} | {pooling} | {k} | H{hole} ({len(bars):,} bars) | {told} | {p_value(found.p)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    cache = parser.parse_args().cache
    check()
    lines = [
        "`python -m benchmarks.persistence`: the share of holes that live on both sides of a block.",
        "",
    ]
    lines += [
        "| texts | pooling | neighbors | holes | Spearman of their loss with the loss added | p |",
        "|---" * 6 + "|",
    ]
    for name in TEXTS:
        found = known(name, cache)
        increase = np.nanmean(found.losses.without - found.losses.whole, axis=1)
        runs: dict[str, Any] = {"last token": found.run, "mean over tokens": ls.open(cache / f"{name[:8]}_mean")}
        for pooling, run in runs.items():
            lines += rows(name, pooling, run, increase)
            print("\n".join(lines[-2:]), flush=True)
    publish("Holes that persist through blocks of SmolLM2", lines)


if __name__ == "__main__":
    main()

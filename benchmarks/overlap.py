"""How long do the overlaps of all pairs of 25 layers take from stored graphs, and in how much memory?

Run:  python -m benchmarks.overlap [--folder RUN] [--dadapy PYTHON] [--write]

A run of 25 layers of 50,000 samples is made and its graphs of 101 neighbors searched (minutes; kept with --folder),
one more than K, since the intervals read it.
Then an interpreter of its own opens it and measures overlap curve and rank overlap, with interval and exact chance, of
all 300 pairs; its peak memory is what the system reports. DADApy's `return_data_overlap` gets ten of the pairs from the
same indices, one thread each, and must give the same values.

The limit: a pair reads two lists of 100 indices per sample, looks one of them up in the other, and writes nothing:
10 million look-ups, 20 ms where they hit the second cache, twice for the two measures, on two cores: 6 s for 300 pairs.
The graphs take 25 · 50,000 · 100 · 12 bytes = 1.5 GB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.peers import ask
from benchmarks.publish import publish
from layerscape.measures import catalog

LAYERS, N, K, UNITS = 25, 50_000, 100, 12
SPARE = catalog()["overlap"].spare

MEASURE = """
import resource, sys, time
import layerscape as ls
run = ls.open(sys.argv[1])
k = int(sys.argv[2])
start = time.perf_counter()
ls.measure(run, ["overlap", "rank_overlap"], k=k)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""

DADAPY = """
import time
from dadapy import MetricComparisons
answer = []
for pair in sys.argv[2:]:
    a, b = (np.load(f"{sys.argv[1]}/{place}.npy") for place in pair.split("-"))
    distances = np.zeros(a.shape)
    start = time.perf_counter()
    value = MetricComparisons(distances=(distances, a), maxk=a.shape[1] - 1).return_data_overlap(
        distances=(distances, b), k=a.shape[1] - 1)
    answer.append([float(value), time.perf_counter() - start])
"""


def make(folder: Path) -> ls.Run:
    """Layers that drift apart."""
    rng = np.random.default_rng(0)
    x, layers = rng.standard_normal((N, UNITS)), {}
    for layer in range(LAYERS):
        layers[f"layer {layer:02d}"] = x.astype(np.float32)
        x = np.tanh(x @ rng.standard_normal((UNITS, UNITS)) / 3) + 0.05 * rng.standard_normal((N, UNITS))
    return ls.from_arrays(layers, out=folder)


def peer(python: str, run: ls.Run, pairs: list[tuple[int, int]]) -> list[list[float]]:
    """Value and seconds of DADApy's overlap of some pairs; its lists begin with the sample itself."""
    with tempfile.TemporaryDirectory() as folder:
        for place in {place for pair in pairs for place in pair}:
            indices = run.graph(run.layers[place], K).indices
            np.save(f"{folder}/{place}.npy", np.c_[np.arange(len(indices)), indices])
        return ask(python, DADAPY, folder, *(f"{a}-{b}" for a, b in pairs))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="where the run is, or shall be kept")
    parser.add_argument("--dadapy", help="an interpreter that has dadapy 0.3.4")
    given = parser.parse_known_args()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "run"
        run = ls.open(folder) if folder.exists() else make(folder)
        run.search(K + SPARE)
        found = []
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", MEASURE, str(folder), str(K)], capture_output=True, text=True)
            found.append([float(word) for word in done.stdout.split()])
        seconds, memory = np.median(found, axis=0)
        table = run.table
        pairs = table[table.measure == "overlap"]
        assert pairs.low.notna().all(), pairs.warnings.iloc[0]
        lines = [
            f"`benchmarks/overlap.py`: {LAYERS} layers of {N:,} samples, K = {K}, from stored graphs, median of 3.",
            "",
            "| | all 300 pairs | peak memory |",
            "|---|---|---|",
            f"| overlap curve, rank overlap, intervals, exact chance | {seconds:.1f} s | {memory:.2f} GB |",
        ]
        if given.dadapy:
            some = [(a, a + step) for step in (1, 12) for a in range(0, 10, 2)]
            theirs = peer(given.dadapy, run, some)
            names = [(run.layers[a], run.layers[b]) for a, b in some]
            ours = pairs.set_index(["layer", "other_layer"]).value[names]
            apart = np.abs(ours - [value for value, _ in theirs]).max()
            each = np.median([second for _, second in theirs])
            lines += [
                f"| DADApy 0.3.4 `return_data_overlap` at k = {K} only, {each:.2f} s per pair | {300 * each:.0f} s | |",
                "",
                f"Largest difference of the overlaps of {len(some)} pairs to DADApy's: {apart:.0e}.",
            ]
    publish("Overlaps of all pairs of layers", lines)


if __name__ == "__main__":
    main()

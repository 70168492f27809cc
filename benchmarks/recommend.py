"""How many labels are needed to choose a layer, and what each way to judge layers costs as N grows.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.recommend --minilm FOLDER [--cache FOLDER] [--write]

Layers are judged by few labelled samples, drawn 20 times; the regret is how far the layer that is best on these lies
below the best on all samples, in label overlap above chance. `--minilm` and `--cache` are as in `profiles.py`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.profiles import runs
from benchmarks.publish import publish
from layerscape.measures.classes import classes_of
from layerscape.questions.resample import label_terms
from layerscape.search import find_neighbors

SIZES, DRAWS, K, K_OF_FEW = (50, 100, 200, 500), 20, 30, 10
COSTS = (1_000, 4_000, 16_000)
LAYERS, WIDTH, CLASSES = 4, 256, 10


def values(run: ls.Run, label: str, rows: np.ndarray, k: int) -> np.ndarray:
    """Label overlap above chance of every layer, among these samples alone."""
    codes = classes_of(run.samples.labels[label][rows], len(rows)).codes
    layers = [np.asarray(run[layer].matrix[:])[rows] for layer in run.layers]
    return np.array([label_terms(find_neighbors(x, k), [codes], k).value for x in layers])


def regrets(run: ls.Run, label: str) -> list[str]:
    """Mean and worst regret for every number of labelled samples; and that of the last layer."""
    n = len(run.samples.ids)
    whole = values(run, label, np.arange(n), K)
    cells = []
    for size in SIZES:
        lost = []
        for seed in range(DRAWS):
            rows = np.random.default_rng(seed).choice(n, size, replace=False)
            lost.append(whole.max() - whole[values(run, label, rows, K_OF_FEW).argmax()])
        cells.append(f"{np.mean(lost):.3f} ({np.max(lost):.3f})")
    return [*cells, f"{whole.max() - whole[-1]:.3f}", f"{whole.max():.3f}"]


def seconds(n: int) -> list[str]:
    """Of `recommend` for layers of independent vectors with a class in each, graphs included."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % CLASSES
    centers = rng.standard_normal((CLASSES, WIDTH))
    layers = {f"{i}": 0.3 * i * centers[labels] + rng.standard_normal((n, WIDTH)) for i in range(LAYERS)}
    cells = []
    for by in ("label_overlap", "knn_probe", "linear_probe"):
        run = ls.from_arrays(layers, labels={"class": labels})
        start = time.perf_counter()
        ls.recommend(run, by=by)
        cells.append(f"{(time.perf_counter() - start) / LAYERS:.2f}")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    given, _ = parser.parse_known_args()
    sizes = [f"{size} labels" for size in SIZES]
    lines = [
        "`benchmarks/recommend.py`: mean (worst) regret of the layer that is best among so many labelled samples,",
        f"{DRAWS} draws, k = {K_OF_FEW}, in label overlap above chance of all samples at k = {K};",
        "beside that of the last layer.",
        "",
        f"| run, label | {' | '.join(sizes)} | last layer | best value |",
        "|---" * (len(SIZES) + 3) + "|",
    ]
    for name, (run, labels) in runs(given.cache or Path(tempfile.mkdtemp()), given.minilm).items():
        lines += [f"| {name}, {label} | {' | '.join(regrets(run, label))} |" for label in labels if "+" not in label]
    lines += [
        "",
        f"Seconds per layer of `recommend`, graphs included, D = {WIDTH}, {CLASSES} classes:",
        "",
        "| N | `label_overlap` | `knn_probe` | `linear_probe` |",
        "|---|---|---|---|",
        *(f"| {n:,} | {' | '.join(seconds(n))} |" for n in COSTS),
    ]
    publish("Which layer, by how many labels", lines)


if __name__ == "__main__":
    main()

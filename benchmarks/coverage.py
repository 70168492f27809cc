"""How often do the 95 % intervals hold? 400 clouds of points per law; about half an hour on two cores.

An interval covers if it holds the estimator's own mean over the clouds: bias (finite N, edges) is another matter.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from benchmarks.publish import publish
from layerscape import Estimate, estimate
from layerscape.core.representation import Representation
from layerscape.measures.dimension.abide import abide
from layerscape.measures.dimension.gride import gride
from layerscape.measures.dimension.levina_bickel import levina_bickel
from layerscape.measures.dimension.twonn import twonn
from layerscape.measures.neighborhood.label_overlap import label_overlap
from layerscape.measures.neighborhood.overlap import overlap
from layerscape.measures.neighborhood.rank_overlap import rank_overlap
from layerscape.measures.similarity.cka import cka
from layerscape.questions.resample import difference, dimension_terms, label_terms
from layerscape.search import find_neighbors

CLOUDS, N, K = 400, 2000, 30
LAWS = ("Gaussian d = 5", "Gaussian d = 2", "uniform cube d = 10")


def cloud(law: str, rng: np.random.Generator) -> np.ndarray:
    d = int(law.split()[-1])
    return rng.random((N, d)) if law.startswith("uniform") else rng.standard_normal((N, d))


def drawn_classes(law: str, rng: np.random.Generator) -> Estimate:
    """Of classes that are drawn anew with every cloud: 20, whose centers follow the law, each as wide as it likes."""
    centers, classes = cloud(law, rng)[:20], np.repeat(np.arange(20), N // 20)
    width = centers.std() * np.exp(0.4 * rng.standard_normal(20))[classes, None]
    x = centers[classes] + width * rng.standard_normal((N, centers.shape[1]))
    return estimate("label_overlap", x, classes, k=K, over="classes")


def estimates(task: tuple[str, int]) -> dict[str, tuple[float, float, float]]:
    """Name to (value, low, high) for one cloud."""
    law, seed = task
    rng = np.random.default_rng(seed)
    x = cloud(law, rng)
    y = x + 0.3 * x.std() * rng.standard_normal(x.shape)
    noisy = x[:, 0] + 0.5 * x.std() * rng.standard_normal(N)
    labels = (noisy > np.median(x[:, 0])).astype(int)
    a, b = find_neighbors(x, 256), find_neighbors(y, K)
    c = find_neighbors(y + 0.3 * x.std() * rng.standard_normal(x.shape), K)
    found: dict[str, Any] = {
        "twonn": twonn(a),
        "twonn, discard 0.1": twonn(a, discard=0.1),
        "twonn, fit": twonn(a, method="fit"),
        "twonn, prior (2, 1)": twonn(a, prior=(2, 1)),
        **{f"gride, n₁ = {(point.k or 0) // 2}": point for point in gride(a, range_max=256).curve[1:]},
        **{f"levina_bickel, k = {point.k}": point for point in levina_bickel(a, k=64).curve},
        "levina_bickel, arithmetic": levina_bickel(a, average="arithmetic"),
        "abide": abide(a),
        **{
            name: estimate(name, x)
            for name in ("correlation_dimension", "mst", "participation_ratio", "effective_rank")
        },
        **{f"decimation, N = {point.n_samples}": point for point in estimate("decimation", x).curve[1:]},
        f"overlap with a noisy copy, k = {K}": overlap(a, b, k=K),
        f"rank_overlap, k = {K}": rank_overlap(a, b, k=K),
        f"rank_overlap, R_NX, k = {K}": rank_overlap(a, b, k=K, weight="r_nx"),
        "information_imbalance": estimate("information_imbalance", x, y),
        f"information_imbalance, k = {K}": estimate("information_imbalance", x, y, k=K),
        f"label_overlap, k = {K}": label_overlap(a, labels, k=K),
        "label_overlap of a number": label_overlap(a, noisy, k=K),
        "knn_probe": estimate("knn_probe", a, labels, permutations=19),
        f"label_overlap over classes, k = {K}": drawn_classes(law, rng),
        f"neighbor_survival through 3 layers, k = {K}": estimate("neighbor_survival", a, [b, c], k=K),
        f"difference of label overlaps, k = {K}": difference(*(label_terms(graph, [labels], K) for graph in (a, b))),
        "difference of dimensions": difference(*(dimension_terms(graph, np.arange(N), N) for graph in (a, b))),
        "cka with a noisy copy": cka(Representation(x), Representation(y)),
    }
    return {name: (one.value, one.low, one.high) for name, one in found.items()}


def main() -> None:
    lines = [
        f"`benchmarks/coverage.py`: {CLOUDS} clouds of {N} points per law. Coverage of the 95 % interval,",
        "and in brackets the standard deviation it reports over the one that was seen.",
        "",
        "| estimate | " + " | ".join(LAWS) + " |",
        "|---|" + "---|" * len(LAWS),
    ]
    cells: dict[str, list[str]] = {}
    with ProcessPoolExecutor() as pool:
        for law in LAWS:
            found = list(pool.map(estimates, [(law, seed) for seed in range(CLOUDS)], chunksize=10))
            for name in found[0]:
                value, low, high = np.array([cloud[name] for cloud in found]).T
                center = value.mean()
                covered = np.mean((low <= center) & (center <= high))
                ratio = np.mean(high - low) / 3.92 / value.std(ddof=1)
                cells.setdefault(name, []).append(f"{covered:.1%} ({ratio:.2f})")
    lines += [f"| {name} | " + " | ".join(row) + " |" for name, row in cells.items()]
    publish("Coverage of the intervals", lines)


if __name__ == "__main__":
    main()

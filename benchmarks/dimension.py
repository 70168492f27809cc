"""How long do all graph-based dimensions take once the graph is there, beside DADApy and scikit-dimension?

Run:  python -m benchmarks.dimension --dadapy PYTHON --skdim PYTHON [--write]

The peers run in interpreters of their own, on the same file, one after the other with ours in every repetition; each
gets its neighbors as its documentation says: DADApy computes its distances before the clock starts, scikit-dimension
takes no graph, so that its search is in its time.

The limit: the estimators read N·k distances a few times each, 8 MB at N = 10,000 and k = 100: a millisecond each from
memory. The logarithms of all of them take 10 ms.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.peers import ask, interpreters
from benchmarks.publish import publish
from layerscape.core.representation import Representation
from layerscape.measures import catalog
from layerscape.supply.subsets import subsets_of
from layerscape.search import find_neighbors

N, D, D_TRUE, K, REPETITIONS = 10_000, 100, 10, 100, 5

CLOCK = """import time
answer = {}
def clock(name, call):
    start = time.perf_counter(); call(); answer[name] = time.perf_counter() - start"""

DADAPY = """
from dadapy import Data
data = Data(np.load(sys.argv[1]), maxk=100, verbose=False)
data.compute_distances()
CLOCK
clock("twonn", lambda: data.compute_id_2NN(algorithm="ml"))
clock("twonn, fit", lambda: data.compute_id_2NN(algorithm="base"))
clock("gride", lambda: data.return_id_scaling_gride(range_max=64))
clock("abide", lambda: data.return_ids_kstar_binomial(n_iter=5))
clock("decimation", lambda: data.return_id_scaling_2NN(n_min=100))
"""

SKDIM = """
import skdim
x = np.load(sys.argv[1])
CLOCK
clock("twonn, fit", lambda: skdim.id.TwoNN().fit(x))
clock("gride", lambda: skdim.id.GRIDE(multiscale=True, range_max=64).fit(x))
clock("levina_bickel", lambda: skdim.id.MLE().fit(x, n_neighbors=20))
"""


def ours(x: np.ndarray, graph) -> dict[str, float]:
    times = {}
    for name, measure, options in (
        ("twonn", "twonn", {}),
        ("twonn, fit", "twonn", {"method": "fit"}),
        ("gride", "gride", {}),
        ("levina_bickel", "levina_bickel", {}),
        ("abide", "abide", {}),
        ("decimation", "decimation", {}),
    ):
        chosen = catalog()[measure]
        start = perf_counter()
        chosen(subsets_of(chosen, options, graph, Representation(x)) if measure == "decimation" else graph, **options)
        times[name] = perf_counter() - start
    return times


def main() -> None:
    given = interpreters("dadapy", "skdim")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, D_TRUE)) @ rng.standard_normal((D_TRUE, D)) / D_TRUE**0.5
    graph = find_neighbors(x, K)
    ours(x, graph)  # compiles, and fills caches
    found: dict[str, list[dict[str, float]]] = {"ours": [], "DADApy": [], "scikit-dimension": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, x)
        for _ in range(REPETITIONS):
            found["ours"].append(ours(x, graph))
            found["DADApy"].append(ask(given.dadapy, DADAPY.replace("CLOCK", CLOCK), str(path)))
            found["scikit-dimension"].append(ask(given.skdim, SKDIM.replace("CLOCK", CLOCK), str(path)))
    times = {who: {name: median(run[name] for run in runs) for name in runs[0]} for who, runs in found.items()}
    lines = [
        f"`benchmarks/dimension.py`: N = {N:,}, a Gaussian of {D_TRUE} dimensions in {D} units, k = {K}; seconds, "
        f"median of {REPETITIONS}, peers interleaved.",
        "",
        "| estimator | ours | DADApy 0.3.4 | / ours | scikit-dimension 0.5.0, with its search | / ours |",
        "|---|---|---|---|---|---|",
    ]
    rows = {name: {who: times[who].get(name) for who in times} for name in times["ours"]}
    for who in ("DADApy", "scikit-dimension"):
        shared = [name for name in times["ours"] if name in times[who]]
        both = {"ours": sum(times["ours"][name] for name in shared), who: sum(times[who].values())}
        rows[f"all that {who} has"] = both
    rows["all"] = {"ours": sum(times["ours"].values())}
    for name, row in rows.items():
        cells = [f"{row['ours']:.3f}"]
        for who in ("DADApy", "scikit-dimension"):
            there = row.get(who)
            cells += [f"{there:.2f}", f"{there / row['ours']:.0f}"] if there else ["", ""]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    publish("Dimensions from a graph", lines)


if __name__ == "__main__":
    main()

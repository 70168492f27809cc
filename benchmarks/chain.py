"""A whole profile against DADApy: search, dimension at every scale, label overlap and the map of all layers by all.

Ours is what a user would write, `ls.from_arrays` and `ls.measure`; it also computes the intervals and chance levels
that the peer does not have, and keeps vectors, graphs and table on disk. DADApy's is `Data(x, maxk=100)` of every
layer with `compute_distances`, `return_id_scaling_gride`, `return_label_overlap`, and `return_data_overlap` of all
pairs. That call takes the `dist_indices` that were found before, or `coordinates`, for which it searches each time;
the latter is shown with `--coordinates`, once, and takes minutes. Both peers start from arrays in memory, after a first
call that loads and compiles.

    python -m benchmarks.chain --dadapy PYTHON [--repeats 3] [--coordinates] [--write]

`--dadapy` is the interpreter of an environment that holds DADApy (see peers.txt). The layers are made
up: a random network without training, shown clusters in few dimensions. The two take turns. The searches alone are
timed once more after the chain, and what is not search is the difference.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.search import dadapy_version, in_other_python
from layerscape.core.tasks import SPARE

N, D, LAYERS = 10_000, 768, 13
K = 30
FARTHEST = 64  # the last neighbor of Gride
PARTS = ("all", "search")


def made_up(n: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Layers of a random tanh network, and the class of each sample: ten clusters in 20 dimensions."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, n)
    latent = 1.5 * rng.standard_normal((10, 20))[classes] + rng.standard_normal((n, 20))
    x = latent @ rng.standard_normal((20, D)) / 20**0.5
    layers = []
    for _ in range(LAYERS):
        layers.append(x.astype(np.float32))
        x = np.tanh(1.5 * x @ rng.standard_normal((D, D)) / D**0.5)
    return layers, classes


def ours(layers: list[np.ndarray], classes: np.ndarray) -> dict[str, Any]:
    """Seconds and values of our chain."""
    start = time.perf_counter()
    run = ls.from_arrays({f"layer {i}": x for i, x in enumerate(layers)}, labels={"class": classes})
    table = ls.measure(run, ["gride", "label_overlap", "overlap"], k=K, range_max=FARTHEST)
    end = time.perf_counter()
    for x in layers:
        ls.find_neighbors(x, FARTHEST + SPARE)  # as many as the chain asks for
    values = {name: part["value"].tolist() for name, part in table.groupby("measure")}
    return {"all": end - start, "search": time.perf_counter() - end, **values}


def with_dadapy(path: str, k: int, farthest: int, again: bool) -> dict[str, Any]:
    """The same of DADApy; its source is run by an interpreter that has it, and so must import what it uses."""
    import time
    from itertools import combinations

    import numpy as np
    from dadapy import Data

    def chain(layers: list[np.ndarray], classes: np.ndarray) -> dict[str, Any]:
        start = time.perf_counter()
        data = [Data(x, maxk=100) for x in layers]
        for one in data:
            one.compute_distances()
        searched = time.perf_counter()
        gride = [float(value) for one in data for value in one.return_id_scaling_gride(range_max=farthest)[0]]
        labels = [float(one.return_label_overlap(classes, k=k, weighted=False)) for one in data]
        if again:
            pairs = [float(a.return_data_overlap(coordinates=b.X, k=k)) for a, b in combinations(data, 2)]
        else:
            pairs = [float(a.return_data_overlap(dist_indices=b.dist_indices, k=k)) for a, b in combinations(data, 2)]
        end = time.perf_counter()
        values = {"gride": gride, "label_overlap": labels, "overlap": pairs}
        return {"all": end - start, "search": searched - start, **values}

    with np.load(path) as arrays:
        classes = arrays["classes"]
        layers = [arrays[f"layer_{i}"] for i in range(len(arrays) - 1)]
    chain([x[:500] for x in layers[:2]], classes[:500])
    return chain(layers, classes)


def lines_of(done: dict[str, list[dict[str, Any]]], again: float | None) -> list[str]:
    """The table: seconds of the chain, of its search and of the rest; and with a search for each pair, if asked."""
    lines = ["| part | ours, s | DADApy, s | DADApy / ours |", "|---|---|---|---|"]
    for words, of in (
        ("the whole chain", lambda one: one["all"]),
        ("its searches alone", lambda one: one["search"]),
        ("all that is not search", lambda one: one["all"] - one["search"]),
    ):
        mine, other = (statistics.median(map(of, done[name])) for name in ("ours", "dadapy"))
        ratio = statistics.median(of(d) / of(o) for o, d in zip(done["ours"], done["dadapy"], strict=True))
        lines.append(f"| {words} | {mine:.2f} | {other:.2f} | {ratio:.1f} |")
    mine = statistics.median(one["all"] for one in done["ours"])
    if again is None:
        return lines
    lines.append(
        f"| the whole chain, overlaps of DADApy by `coordinates=` | {mine:.2f} | {again:.2f} | {again / mine:.1f} |"
    )
    return lines


def farthest_apart(a: dict[str, Any], b: dict[str, Any]) -> str:
    """How far the values of the two are from each other, in words."""
    away = {name: np.abs(np.subtract(a[name], b[name])) for name in ("overlap", "label_overlap")}
    share = np.abs(np.divide(a["gride"], b["gride"]) - 1)
    return (
        f"Largest difference of the values: overlap {away['overlap'].max():.2g}, "
        f"label overlap {away['label_overlap'].max():.2g}, Gride {100 * share.max():.2g} % of the dimension"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dadapy", metavar="PYTHON", required=True, help="interpreter of an environment with DADApy")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--coordinates", action="store_true", help="time DADApy's overlaps by coordinates= too")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    parser.add_argument("--samples", type=int, default=N, help=argparse.SUPPRESS)  # to try the script out
    options = parser.parse_args()
    if options.write and options.samples != N:
        parser.error("--write needs the full size; leave --samples out")
    layers, classes = made_up(options.samples)
    ours([x[:2000] for x in layers[:2]], classes[:2000])
    done: dict[str, list[dict[str, Any]]] = {"ours": [], "dadapy": []}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "layers.npz")
        np.savez(path, classes=classes, **{f"layer_{i}": x for i, x in enumerate(layers)})
        for _ in range(options.repeats):
            done["ours"].append(ours(layers, classes))
            done["dadapy"].append(in_other_python(options.dadapy, with_dadapy, path, K, FARTHEST, False))
        by_coordinates = partial(in_other_python, options.dadapy, with_dadapy, path, K, FARTHEST, True)
        again = by_coordinates()["all"] if options.coordinates else None
    lines = lines_of(done, again)
    n_pairs = len(list(combinations(layers, 2)))
    lines += [
        "",
        f"{LAYERS} layers of {options.samples:,} × {D}, float32: Gride to neighbor {FARTHEST}, label overlap, "
        f"and overlap of {n_pairs} pairs at k = {K}. Median of {options.repeats} repetitions. "
        f"{farthest_apart(done['ours'][0], done['dadapy'][0])}. Peer: {dadapy_version(options.dadapy)}.",
    ]
    publish("The whole chain against DADApy", lines)


if __name__ == "__main__":
    main()

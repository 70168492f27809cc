"""Which measure can be trusted: does a layer of one network find its twin in the same network from another seed?

    LAYERSCAPE_DATA=FOLDER python benchmarks/identify.py [--cache FOLDER] [--write]

The test of Kornblith et al. 2019 (arXiv:1905.00414, section 6.1), for every measure that compares two representations:
five CNNs and five transformers (nets.py) that differ in their seed only. For every layer of the one and every ordered
pair of networks, the layer of the other that a measure calls closest should be the one at the same position. *Found* is
the share of layers for which it is, and no other layer reads the same; *off by* the mean distance in layers, where a
layer without any value counts as a guess. A measure that is not symmetric can be asked in three ways: which layer does
this one tell most of (→), which tells most of this one (←), and which has the best mean of the two (↔). *Corrected* is
the same for (value − chance) / (1 − chance), where chance differs from pair to pair. Vectors are kept in the cache, so
that networks are trained once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from nets import EPOCHS, N_SHOWN, N_TRAIN, NETS, Trained, trained
from publish import publish

import layerscape as ls
from layerscape.measures import catalog

SEEDS = range(5)
PAIRS = sorted(combinations(SEEDS, 2), key=lambda pair: pair[1] - pair[0] not in (1, 4))  # a ring first
WIDEST = 100  # neighbors that any measure asks for
SAME = 1e-3  # chance that varies by less is the same for all pairs


@dataclass(frozen=True)
class Asked:
    """A measure with options, and for how many pairs of seeds."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    n_pairs: int = len(PAIRS)
    lower: bool = False  # is closer

    @property
    def words(self) -> str:
        told = [f"{key} = {value}" for key, value in self.options.items() if key != "permutations"]
        return ", ".join([self.name, *told])


FEW = {"permutations": 19}
LISTED = [
    *(Asked("overlap", {"k": k}) for k in (1, 10, 30)),
    *(Asked("rank_overlap", {"weight": weight, "k": 30}) for weight in ("rbo", "r_nx")),
    Asked("information_imbalance", {"k": 1}, 5, lower=True),
    Asked("information_imbalance", {"k": 30}, 3, lower=True),
    Asked("cka"),
    Asked("cka", {"kernel": "rbf"}),
    Asked("cka", {"estimator": "biased"}),
    Asked("cknna", {"k": 10, **FEW}),
    Asked("procrustes", FEW, 5),
    Asked("rsa", FEW, 5),
    Asked("svcca", FEW),
    Asked("linear_predictivity", FEW, 3),
    Asked("unit_match", FEW, 3),
    Asked("cluster_agreement", FEW),
]


@dataclass(frozen=True)
class Score:
    """Per ordered pair of networks and layer: whether it was found, how far off; and whether it was once corrected."""

    found: np.ndarray
    off: np.ndarray
    corrected: np.ndarray | None
    seconds: float  # per pair of layers


def asked() -> Iterator[Asked]:
    """Everything listed, and any other measure that compares, as it is by default."""
    yield from LISTED
    listed = {one.name for one in LISTED}
    yield from (Asked(name) for name, m in catalog().items() if m.compares and name not in listed)


def maps(one: Asked, a: ls.Run, b: ls.Run) -> tuple[np.ndarray, np.ndarray, float]:
    """Closeness and chance of all layers of a (rows) and b (columns), larger is closer; seconds per pair."""
    start = time.perf_counter()
    table = ls.compare(a, b, [one.name], threads=1, **one.options)
    seconds = (time.perf_counter() - start) / len(table)
    value, chance = (
        table.pivot(index="layer", columns="other_layer", values=column).loc[list(a.layers), list(b.layers)].to_numpy()
        for column in ("value", "chance")
    )
    return (-value if one.lower else value), chance, seconds


def ways(symmetric: bool, ab: np.ndarray, ba: np.ndarray | None) -> dict[str, list[np.ndarray]]:
    """What to look for the closest in, row by row: both orders of a pair, in each way that the measure can be asked."""
    if symmetric or ba is None:
        return {"": [ab, ab.T]}
    mean = ab + ba.T
    return {" →": [ab, ba], " ←": [ba.T, ab.T], " ↔": [mean, mean.T]}


def found(closeness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every row whether the diagonal is closest, alone, and how far off the closest is."""
    right, off = [], []
    for place, row in enumerate(closeness):
        best = np.flatnonzero(row == np.nanmax(row)) if np.isfinite(row).any() else np.arange(len(row))
        right.append(list(best) == [place])
        off.append(np.abs(best - place).mean())
    return np.array(right), np.array(off)


def scores(one: Asked, runs: list[ls.Run]) -> dict[str, Score]:
    """The score of one measure, in each way that it can be asked."""
    symmetric = catalog()[one.name].symmetric
    plain: dict[str, list[np.ndarray]] = {}
    better: dict[str, list[np.ndarray]] = {}
    times, chances = [], []
    for i, j in PAIRS[: one.n_pairs]:
        ab, chance_ab, seconds = maps(one, runs[i], runs[j])
        ba, chance_ba, _ = (None, None, 0) if symmetric else maps(one, runs[j], runs[i])
        times.append(seconds)
        chances.append(chance_ab)
        for way, these in ways(symmetric, ab, ba).items():
            plain.setdefault(way, []).extend(these)
        if one.lower:
            continue
        fair_ba = None if ba is None or chance_ba is None else (ba - chance_ba) / (1 - chance_ba)
        for way, these in ways(symmetric, (ab - chance_ab) / (1 - chance_ab), fair_ba).items():
            better.setdefault(way, []).extend(these)
    varies = not one.lower and np.nanmax(chances) - np.nanmin(chances) > SAME
    result = {}
    for way, these in plain.items():
        right, off = zip(*map(found, these), strict=True)
        corrected = np.array([found(each)[0] for each in better[way]]) if varies else None
        result[way] = Score(np.array(right), np.array(off), corrected, float(np.median(times)) * (1 + (way == " ↔")))
    return result


def spread(right: np.ndarray | None) -> str:
    if right is None:
        return "–"
    of_pairs = right.mean(1)
    return f"{of_pairs.mean():.2f} ± {of_pairs.std(ddof=1):.2f}"


def main_table(results: dict[str, dict[str, Score]]) -> list[str]:
    lines = [
        "| measure | " + " | ".join(f"{net}: found | off by | found, corrected" for net in NETS) + " | pairs | ms |",
        "|---|" + "---|" * (3 * len(NETS) + 2),
    ]
    for name, of_nets in results.items():
        cells = []
        for net in NETS:
            score = of_nets[net]
            cells += [spread(score.found), f"{score.off.mean():.2f}", spread(score.corrected)]
        first = of_nets[next(iter(NETS))]
        milliseconds = 1000 * np.mean([score.seconds for score in of_nets.values()])
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {len(first.found)} | {milliseconds:.0f} |")
    return lines


def by_layer(results: dict[str, dict[str, Score]], layers: dict[str, tuple[str, ...]]) -> list[str]:
    heads = [layer.replace("_", " ") for net in NETS for layer in layers[net]]
    lines = ["| measure | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name, of_nets in results.items():
        shares = np.concatenate([of_nets[net].found.mean(0) for net in NETS])
        lines.append(f"| {name} | " + " | ".join(f"{share:.1f}" for share in shares) + " |")
    return lines


def words(nets: dict[str, list[Trained]], minutes: float) -> list[str]:
    lines = [
        f"`benchmarks/identify.py`: {len(SEEDS)} seeds, trained on {N_TRAIN:,} pictures of KMNIST; N = {N_SHOWN:,} "
        "held out, each layer the mean over positions or patches. Mean ± standard deviation over as many ordered pairs "
        "of networks as *pairs* says, which is fewer where a measure is slow; ms per pair of layers on one thread, "
        "without the graphs. 19 permutations where chance takes any.",
        "",
    ]
    for net, these in nets.items():
        sizes = [x.shape[1] for x in these[0].layers.values()]
        n = len(sizes)
        lines.append(
            f"- {net}: {n} layers of {min(sizes)} to {max(sizes)} units, {EPOCHS[net]} epochs, "
            f"{min(t.accuracy for t in these):.1%} to {max(t.accuracy for t in these):.1%} right on what is held out. "
            f"A guess finds {1 / n:.2f} and is off by {(n * n - 1) / (3 * n):.2f}."
        )
    training = sum(t.seconds for these in nets.values() for t in these) / 60
    return [*lines, f"- {training:.0f} minutes of training, {minutes:.0f} of comparing.", ""]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, help="where vectors are kept; a temporary folder when left out")
    cache = parser.parse_known_args()[0].cache or Path(tempfile.mkdtemp(prefix="identify-"))
    nets = {net: [trained(net, seed, cache) for seed in SEEDS] for net in NETS}
    start = time.perf_counter()
    results: dict[str, dict[str, Score]] = {}
    layers = {net: tuple(these[0].layers) for net, these in nets.items()}
    for net, these in nets.items():
        runs = [ls.from_arrays(one.layers) for one in these]
        for run in runs:
            run.search(WIDEST, threads=1)
        for one in asked():
            for way, score in scores(one, runs).items():
                results.setdefault(one.words + way, {})[net] = score
                print(net, one.words + way, spread(score.found), f"{score.seconds:.3f} s", file=sys.stderr)
    ranked = dict(sorted(results.items(), key=lambda item: -np.mean([s.found.mean() for s in item[1].values()])))
    lines = words(nets, (time.perf_counter() - start) / 60) + main_table(ranked)
    publish("Which layer finds its twin", [*lines, "", "Found, by layer:", "", *by_layer(ranked, layers)])


if __name__ == "__main__":
    main()

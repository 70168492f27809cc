"""Which measure can be trusted: does a layer of one network find its twin in the same network from another seed?

    LAYERSCAPE_DATA=FOLDER python -m benchmarks.identify [--cache FOLDER] [--only NET] [--write]

The test of Kornblith et al. 2019 (arXiv:1905.00414, section 6.1), for every measure that compares two representations:
five CNNs and five transformers (nets.py) that differ in their seed only. For every ordered pair of networks and every
layer of the one, the layer of the other that a measure calls closest should be the one at the same position. *Found* is
the share of layers for which it is, and no other layer reads the same; *off by* the mean distance in layers, where a
layer without any value counts as a guess. A measure that is not symmetric can be asked in three ways: which layer does
this one tell most of (→), which tells most of this one (←), and which has the best mean of the two (↔). *Corrected* is
the same for (value − chance) / (1 − chance), where chance differs from pair to pair. Vectors and maps are kept in the
cache, so that a run that was stopped goes on; with --only, two processes can share the work.
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

import layerscape as ls
from benchmarks.nets import EPOCHS, N_SHOWN, N_TRAIN, NETS, Trained, trained
from benchmarks.publish import publish
from layerscape.measures import catalog

SEEDS = range(5)
PAIRS = sorted(combinations(SEEDS, 2), key=lambda pair: pair[1] - pair[0] not in (1, 4))  # neighbors in a ring first
WIDEST = 100  # neighbors that any measure asks for
FEWEST = 5  # pairs of seeds that every measure is asked for: a ring
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
    Asked("information_imbalance", {"k": 1}, FEWEST, lower=True),
    Asked("information_imbalance", {"k": 30}, FEWEST, lower=True),
    Asked("cka"),
    Asked("cka", {"kernel": "rbf"}),
    Asked("cka", {"estimator": "biased"}),
    Asked("cknna", {"k": 10, **FEW}),
    Asked("procrustes", FEW, FEWEST),
    Asked("rsa", FEW, FEWEST),
    Asked("svcca", FEW),
    Asked("linear_predictivity", FEW, FEWEST),
    Asked("unit_match", FEW, FEWEST),
    Asked("cluster_agreement", FEW),
]


@dataclass(frozen=True)
class Score:
    """Per ordered pair of networks and layer: whether it was found, how far off; and whether it was once corrected."""

    found: np.ndarray
    off: np.ndarray
    corrected: np.ndarray | None
    seconds: float  # per pair of layers

    @property
    def common(self) -> float:
        """The share found for the pairs of seeds that every measure was asked for, in both orders."""
        one_way = len(self.found) // 2
        rows = [row for n in range(FEWEST) for row in (n, one_way + n)]
        return float(self.found[rows].mean())


def asked() -> Iterator[Asked]:
    """Everything listed, and any other measure that compares, as it is by default."""
    yield from LISTED
    listed = {one.name for one in LISTED}
    yield from (Asked(name) for name, m in catalog().items() if m.compares and name not in listed)


def maps(one: Asked, a: ls.Run, b: ls.Run) -> dict[str, np.ndarray]:
    """Value and chance for all layers of a (rows) and b (columns), and seconds of the processor per pair of layers."""
    start = time.process_time()
    table = ls.compare(a, b, [one.name], threads=1, **one.options)
    seconds = (time.process_time() - start) / len(table)
    told = {
        column: table.pivot(index="layer", columns="other_layer", values=column)
        .loc[list(a.layers), list(b.layers)]
        .to_numpy()
        for column in ("value", "chance")
    }
    return {**told, "seconds": np.array(seconds)}


def measured(one: Asked, runs: list[ls.Run], path: Path) -> dict[str, np.ndarray]:
    """The maps of all pairs of runs, those of the other way round last, from the cache if they are there."""
    if not path.exists():
        pairs = PAIRS[: one.n_pairs]
        if not catalog()[one.name].symmetric:
            pairs = pairs + [pair[::-1] for pair in pairs]
        each = [maps(one, runs[i], runs[j]) for i, j in pairs]
        np.savez(path, allow_pickle=False, **{key: np.stack([these[key] for these in each]) for key in each[0]})
    with np.load(path) as kept:
        return dict(kept)


def ways(symmetric: bool, maps: np.ndarray) -> dict[str, np.ndarray]:
    """In which rows to look for the largest: both orders of each pair, in each way that a measure can be asked."""
    other_way = maps.transpose(0, 2, 1)
    if symmetric:
        return {"": np.concatenate([maps, other_way])}
    back = np.roll(other_way, len(maps) // 2, axis=0)
    return {" →": maps, " ←": back, " ↔": (maps + back) / 2}


def found(closeness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every row whether the diagonal is closest, alone, and how far off the closest is."""
    right, off = [], []
    for place, row in enumerate(closeness):
        best = np.flatnonzero(row == np.nanmax(row)) if np.isfinite(row).any() else np.arange(len(row))
        right.append(list(best) == [place])
        off.append(np.abs(best - place).mean())
    return np.array(right), np.array(off)


def scores(one: Asked, told: dict[str, np.ndarray]) -> dict[str, Score]:
    """The score of one measure, in each way that it can be asked."""
    symmetric = catalog()[one.name].symmetric
    value, chance = told["value"], told["chance"]
    varies = not one.lower and np.nanmax(chance) - np.nanmin(chance) > SAME
    fair = ways(symmetric, (value - chance) / (1 - chance)) if varies else {}
    result = {}
    for way, these in ways(symmetric, -value if one.lower else value).items():
        right, off = zip(*map(found, these), strict=True)
        corrected = np.array([found(each)[0] for each in fair[way]]) if varies else None
        seconds = float(np.median(told["seconds"])) * (1 + (way == " ↔"))
        result[way] = Score(np.array(right), np.array(off), corrected, seconds)
    return result


def spread(right: np.ndarray | None) -> str:
    if right is None:
        return "–"
    of_pairs = right.mean(1)
    return f"{of_pairs.mean():.2f} ± {of_pairs.std(ddof=1):.2f}"


def main_table(results: dict[str, dict[str, Score]]) -> list[str]:
    lines = [
        "| measure | "
        + " | ".join(f"{net}: found | of all pairs | off by | corrected" for net in NETS)
        + " | pairs | ms |",
        "|---|" + "---|" * (4 * len(NETS) + 2),
    ]
    for name, of_nets in results.items():
        cells = []
        for net in NETS:
            score = of_nets[net]
            cells += [f"{score.common:.2f}", spread(score.found), f"{score.off.mean():.2f}", spread(score.corrected)]
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
        f"held out, each layer the mean over positions or patches. *Found* is over the same {2 * FEWEST} ordered pairs "
        "of networks for all measures, and what follows over as many as *pairs* says, fewer where a measure is slow: "
        "mean ± standard deviation over pairs. Milliseconds of one core per pair of layers, without the graphs; 19 "
        "permutations where chance takes any.",
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
    return [
        *lines,
        f"- {training:.0f} minutes of training by the clock, {minutes:.0f} of comparing by the processor.",
        "",
    ]


def compared(net: str, these: list[Trained], cache: Path) -> tuple[dict[str, Score], float]:
    """Every measure's score on one kind of network, and the seconds that all comparisons took."""
    runs = [ls.from_arrays(one.layers) for one in these]
    for run in runs:
        run.search(WIDEST, threads=1)
    result, seconds = {}, 0.0
    for one in asked():
        told = measured(one, runs, cache / f"{net}, {one.words}.npz")
        seconds += float(told["seconds"].sum()) * told["value"][0].size
        for way, score in scores(one, told).items():
            result[one.words + way] = score
            print(net, one.words + way, spread(score.found), f"{score.seconds:.3f} s", file=sys.stderr, flush=True)
    return result, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, help="where vectors and maps are kept; a temporary folder when left out")
    parser.add_argument("--only", choices=NETS, help="fill the cache for this kind of network, and print no table")
    given = parser.parse_known_args()[0]
    cache = given.cache or Path(tempfile.mkdtemp(prefix="identify-"))
    nets = {net: [trained(net, seed, cache) for seed in SEEDS] for net in ([given.only] if given.only else NETS)}
    done = {net: compared(net, these, cache) for net, these in nets.items()}
    if given.only:
        return
    results = {name: {net: found[name] for net, (found, _) in done.items()} for name in done["CNN"][0]}
    ranked = dict(sorted(results.items(), key=lambda item: -np.mean([score.common for score in item[1].values()])))
    lines = words(nets, sum(seconds for _, seconds in done.values()) / 60) + main_table(ranked)
    layers = {net: tuple(these[0].layers) for net, these in nets.items()}
    publish("Which layer finds its twin", [*lines, "", "Found, by layer:", "", *by_layer(ranked, layers)])


if __name__ == "__main__":
    main()

"""May a layer be recommended without labels? What rules that read no labels lose against the best layer.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.rules --cache FOLDER [--minilm FOLDER] [--probe logistic] [--write]

The quality of a layer is its label overlap at k = 30 above chance, or the accuracy of a linear probe; the regret of a
rule is how far the layer that it chooses lies below the best. Small networks are trained where the cache lacks them
(`small_networks.py`); `--minilm` is as in `search.py`. A measurement takes minutes and is kept in the cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.small_networks import HELD_OUT, RECIPES, network, pictures, split
from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Samples

K = 30
ALONE = ("twonn", "hubness", "effective_rank", "spectrum_decay")
SCALE = 8  # n₁ of the coarser dimension: neighbors 8 and 16
LEAST_CLASS = 10  # samples of a class, below which the probe does not ask for it
QUALITIES = ("overlap", "probe")
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One network, shown samples with one label: what every layer measures, from the embedding on."""

    family: str
    network: str
    target: str
    depths: np.ndarray
    read: Columns  # what a rule may look at
    quality: Columns  # what it is judged by


def runs(cache: Path, minilm: Path | None) -> Iterator[tuple[str, str, ls.Run]]:
    """Family, name and run of every network on every set of samples."""
    kept = cache / "runs"
    for data in ("digits", "mnist", "kmnist"):
        samples = "digits" if data == "digits" else small_pictures(data)
        for step in ("step_0150", "step_0400", "final"):
            name = f"demo-{step}-{data}"
            yield "image, contrastive", name, ls.extract(f"demo@{step}", samples, out=kept / name)
    if minilm is not None:
        model = next(minilm.rglob("model.safetensors")).parent
        yield "text, encoder", "MiniLM", made(model, "trec", kept / "minilm", "mean")
    families = {"trec": "text, autoregressive", "proteins": "protein, masked"}
    for name, recipe in RECIPES.items():
        folder, _ = network(name, cache)
        for pooling in ("mean", "last") if recipe.data == "trec" else ("mean",):
            family, out = families.get(recipe.data, "pixels, autoregressive"), kept / f"{name}-{pooling}"
            yield family, f"{name}, {pooling}", made(folder, recipe.data, out, pooling)


def made(model: Path, data: str, out: Path, pooling: str) -> ls.Run:
    shown = split(data)[1]
    return ls.extract(str(model), shown.texts, labels=shown.labels, out=out, pooling=pooling)


def small_pictures(name: str) -> Samples:
    """2,000 pictures, brought to the 16 × 16 pixels that the demo's network takes."""
    images, classes = pictures(name)
    rows = np.random.default_rng(0).choice(len(images), HELD_OUT, replace=False)
    small = np.stack([np.asarray(Image.fromarray(images[row]).resize((16, 16), Image.Resampling.BOX)) for row in rows])
    digest = fingerprint([small.tobytes()])
    return Samples(tuple(map(str, rows)), "image", lambda at: [small[i] for i in at], digest, {"class": classes[rows]})


def measured(run: ls.Run, file: Path, method: str) -> dict[str, Any]:
    """What rules read of the layers, and how good these are, per label."""
    if file.exists():
        return json.loads(file.read_text())
    layers = [layer for layer, depth in run.depths.items() if depth is not None]
    table = ls.measure(run, [*ALONE, "overlap", "label_overlap"], k=K)
    read: dict[str, Any] = {}
    for name in ALONE:
        own = table[table.measure == name].set_index("layer").value
        read[name] = [float(own[layer]) for layer in layers]
    read["gride"] = [coarse(run, layer) for layer in layers]
    shared = table[table.measure == "overlap"]
    pairs = {frozenset((a, b)): v for a, b, v in zip(shared.layer, shared.other_layer, shared.value, strict=True)}
    read["shared"] = [[1.0 if a == b else pairs[frozenset((a, b))] for b in layers] for a in layers]
    own = table[table.measure == "label_overlap"]
    quality = {}
    for target in own.label.unique():
        found = own[own.label == target].set_index("layer").loc[layers]
        overlap = (found.value - found.chance) / (1 - found.chance)
        labels = np.asarray(run.samples.labels[target])
        quality[target] = {
            "overlap": overlap.tolist(),
            "probe": [probe(run, layer, labels, method) for layer in layers],
        }
    answer = {"depths": [run.depths[layer] for layer in layers], "read": read, "quality": quality}
    file.write_text(json.dumps(answer))
    return answer


def coarse(run: ls.Run, layer: str) -> float:
    """The dimension at a scale at which noise counts less; none where there are too many copies."""
    try:
        points = ls.estimate("gride", np.asarray(run[layer].matrix[:]), range_max=2 * SCALE).curve
    except ls.LayerscapeError:
        return nan
    return next(point.value for point in points if point.k == 2 * SCALE)


def probe(run: ls.Run, layer: str, labels: np.ndarray, method: str) -> float:
    names, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(sizes[codes] >= LEAST_CLASS)
    x = np.asarray(run[layer].matrix[:])[rows]
    return ls.estimate("linear_probe", x, names[codes[rows]], method=method, permutations=20).value


def cases(cache: Path, minilm: Path | None, method: str) -> Iterator[Case]:
    kept = cache / "measured" / method
    kept.mkdir(parents=True, exist_ok=True)
    for family, name, run in runs(cache, minilm):
        print(name, file=sys.stderr, flush=True)
        found = measured(run, kept / f"{name}.json", method)
        read = {key: np.array(values) for key, values in found["read"].items()}
        for dimension in ("twonn", "gride"):  # of one point, where all samples are copies
            read[dimension] = np.nan_to_num(read[dimension])
        for target, values in found["quality"].items():
            quality = {kind: np.array(values[kind]) for kind in QUALITIES}
            yield Case(family, name, target, np.array(found["depths"]), read, quality)


def at_depth(depths: np.ndarray, depth: float) -> int:
    """The nearest layer; of two, the shallower."""
    return int(np.abs(depths - depth).round(9).argmin())


def minimum_after_peak(d: np.ndarray) -> int:
    """The first relative minimum after the first relative maximum; the last layer where there is none."""
    inner = range(1, len(d) - 1)
    peak = next((i for i in range(len(d) - 1) if d[i] >= d[i + 1] and (i == 0 or d[i] > d[i - 1])), len(d))
    return next((i for i in inner if i > peak and d[i] < d[i - 1] and d[i] <= d[i + 1]), len(d) - 1)


def end_of_peak(d: np.ndarray) -> int:
    """The first layer after the maximum below the middle between the maximum and the end; else the last layer."""
    top = int(d.argmax())
    return next((i for i in range(top + 1, len(d)) if d[i] < (d[top] + d[-1]) / 2), len(d) - 1)


def by_neighbors(shared: np.ndarray) -> int:
    steps = np.diag(shared, 1)
    return int(np.r_[steps[0], (steps[1:] + steps[:-1]) / 2, steps[-1]].argmax())


RULES: dict[str, Callable[[Case], int]] = {
    "last layer": lambda c: len(c.depths) - 1,
    "depth 0.6": lambda c: at_depth(c.depths, 0.6),
    "depth 0.5": lambda c: at_depth(c.depths, 0.5),
    "embedding": lambda _: 0,
    "highest dimension, TwoNN": lambda c: int(c.read["twonn"].argmax()),
    "highest dimension, Gride": lambda c: int(c.read["gride"].argmax()),
    "lowest dimension, TwoNN": lambda c: int(c.read["twonn"].argmin()),
    "minimum after the peak, TwoNN": lambda c: minimum_after_peak(c.read["twonn"]),
    "minimum after the peak, Gride": lambda c: minimum_after_peak(c.read["gride"]),
    "end of the peak, TwoNN": lambda c: end_of_peak(c.read["twonn"]),
    "end of the peak, Gride": lambda c: end_of_peak(c.read["gride"]),
    "most overlap with adjacent layers": lambda c: by_neighbors(c.read["shared"]),
    "most overlap with all layers": lambda c: int(c.read["shared"].mean(1).argmax()),
    "highest effective rank": lambda c: int(c.read["effective_rank"].argmax()),
    "lowest hubness": lambda c: int(np.nanargmin(c.read["hubness"])),
    "spectrum decay nearest 1": lambda c: int(np.nanargmin(np.abs(c.read["spectrum_decay"] - 1))),
}
BASELINES = ("last layer", "depth 0.6")


def regret(case: Case, rule: str, kind: str) -> float:
    quality = case.quality[kind]
    return float(quality.max() - quality[RULES[rule](case)])


def regrets(found: list[Case], kind: str) -> list[str]:
    """Mean regret (and the worst) per family, and how often a rule is better than both baselines, or no worse."""
    families = list(dict.fromkeys(case.family for case in found))
    lines = ["| rule | " + " | ".join(families) + " | better than both | worse than the better |"]
    lines += ["|---" * (len(families) + 3) + "|"]
    least = np.array([min(regret(case, rule, kind) for rule in BASELINES) for case in found])
    for rule in RULES:
        lost = np.array([regret(case, rule, kind) for case in found])
        cells = []
        for family in families:
            own = lost[[case.family == family for case in found]]
            cells.append(f"{own.mean():.3f} ({own.max():.3f})")
        counts = ["–", "–"] if rule in BASELINES else [f"{(lost < least).sum()}", f"{(lost > least).sum()}"]
        lines.append(f"| {rule} | " + " | ".join(cells + counts) + " |")
    return lines


def verdict(found: list[Case]) -> Iterator[str]:
    """Per family, the rules whose mean regret is below those of both baselines in both kinds of quality."""
    for family in dict.fromkeys(case.family for case in found):
        own = [case for case in found if case.family == family]
        mean = {
            rule: np.array([np.mean([regret(case, rule, kind) for case in own]) for kind in QUALITIES])
            for rule in RULES
        }
        least = np.minimum(*(mean[rule] for rule in BASELINES))
        better = [rule for rule, lost in mean.items() if rule not in BASELINES and (lost < least).all()]
        words = f"{len(own)} cases of {len({case.network for case in own})} runs"
        yield f"- {family} ({words}): {', '.join(better) or 'none'}."


def layers(found: list[Case], cache: Path) -> list[str]:
    """How good the layers of every case are, and what the networks trained here had learned."""
    lines = [
        "| network | label | overlap: embedding, best (layer), last | probe: embedding, best (layer), last "
        "| loss (of token frequencies) |",
        "|---|---|---|---|---|",
    ]
    for case in found:
        cells = [
            f"{q[0]:.3f}, {q.max():.3f} ({q.argmax()} of {len(q) - 1}), {q[-1]:.3f}" for q in case.quality.values()
        ]
        facts = cache / "networks" / case.network.partition(",")[0] / "facts.json"
        loss = ""
        if facts.exists():
            told = json.loads(facts.read_text())
            loss = f"{told['loss']:.2f} ({told['guessing']:.2f})"
        useless = " *" if case.quality["overlap"].argmax() == 0 else ""
        lines.append(f"| {case.network}{useless} | {case.target} | " + " | ".join(cells) + f" | {loss} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--minilm", type=Path)
    parser.add_argument("--probe", choices=("ridge", "logistic"), default="ridge")
    given = parser.parse_known_args()[0]
    found = list(cases(given.cache, given.minilm, given.probe))
    titles = {"overlap": f"label overlap above chance, k = {K}", "probe": f"accuracy of a linear probe ({given.probe})"}
    lines = ["`benchmarks/rules.py`. Mean regret of the layer that a rule chooses (in brackets the worst), and in how"]
    lines[0] += (
        f" many of {len(found)} cases it is smaller than that of both baselines, or larger than that of the better."
    )
    for kind, title in titles.items():
        lines += ["", f"Regret in {title}:", "", *regrets(found, kind)]
    lines += ["", "Rules with less mean regret than both baselines, in both kinds of quality:", "", *verdict(found)]
    lines += ["", "The layers (* where no layer has more overlap than the embedding):", "", *layers(found, given.cache)]
    publish("Choosing a layer without labels", lines)


if __name__ == "__main__":
    main()

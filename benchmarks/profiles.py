"""What profiles look like: the demo's network on its digits and on MNIST, a sentence encoder on TREC, in one figure.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.profiles --minilm FOLDER [--cache FOLDER] [--write]

`--minilm` is as in `search.py`. With --write the figure goes to docs/profiles.png.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.rules import small_pictures
from benchmarks.small_networks import questions

FIGURE = Path(__file__).parents[1] / "docs/profiles.png"
MEASURES = ("twonn", "label_overlap", "overlap", "information_imbalance")


def runs(cache: Path, minilm: Path) -> dict[str, tuple[ls.Run, list[str]]]:
    """Name of a profile to its run and the labels to read."""
    model, shown = next(minilm.rglob("model.safetensors")).parent, questions()
    return {
        "demo, digits": (ls.extract("demo", "digits", out=cache / "digits", features=["luminance"]), ["digit"]),
        "demo, MNIST": (
            ls.extract("demo", small_pictures("mnist"), out=cache / "mnist", features=["luminance"]),
            ["class"],
        ),
        "MiniLM, TREC": (
            ls.extract(str(model), shown.texts, labels=shown.labels, out=cache / "trec", features=["length"]),
            ["label", "fine_label", "label+fine_label"],
        ),
    }


def profile(run: ls.Run, labels: list[str]) -> dict[str, Any]:
    """Table of a run, the facts of its samples that were read as labels among them."""
    facts = [name for name, values in run.samples.labels.items() if values.dtype.kind == "f"]
    table = ls.measure(run, MEASURES, labels=[*labels, *facts])
    return {"run": run, "table": table, "labels": [*labels, *facts]}


def draw(name: str, found: dict[str, Any], axes: Any) -> None:
    """Dimension, labels, and what neighboring layers share, against the layers."""
    table, layers = found["table"], list(found["run"].layers)
    own = table[table.measure == "twonn"].set_index("layer").loc[layers]
    axes[0].errorbar(range(len(layers)), own.value, np.abs(own[["low", "high"]].T - own.value), marker="o", capsize=2)
    axes[0].set(title=name, ylabel="dimension (TwoNN)", ylim=(0, None))
    for label in found["labels"]:
        rows = table[(table.measure == "label_overlap") & (table.label == label)].set_index("layer").loc[layers]
        (line,) = axes[1].plot(range(len(layers)), rows.value, marker="o", label=label)
        axes[1].plot(range(len(layers)), rows.chance, ":", color=line.get_color())
    axes[1].set(ylabel="label overlap (dotted: chance)", ylim=(0, 1))
    axes[1].legend(frameon=False, fontsize=8)
    steps = list(pairwise(layers))
    for measure, style, way in (("overlap", "o-", steps), ("information_imbalance", "v--", steps)):
        axes[2].plot(np.arange(len(steps)) + 0.5, values(table, measure, way), style, label=measure.replace("_", " "))
    back = [(b, a) for a, b in steps]
    axes[2].plot(np.arange(len(steps)) + 0.5, values(table, "information_imbalance", back), "^--", label="… and back")
    axes[2].set(ylabel="from a layer to the next", ylim=(0, 1))
    axes[2].legend(frameon=False, fontsize=8)
    for each in axes:
        each.set_xticks(range(len(layers)), layers, rotation=45, ha="right", fontsize=7)
        each.spines[["top", "right"]].set_visible(False)


def values(table: Any, measure: str, pairs: list[tuple[str, str]]) -> list[float]:
    own = table[table.measure == measure].set_index(["layer", "other_layer"]).value
    return [float(own[pair]) for pair in pairs]


def rows(name: str, found: dict[str, Any]) -> list[str]:
    """One line per layer."""
    table, layers = found["table"], list(found["run"].layers)
    lines = []
    for place, layer in enumerate(layers):
        own = table[(table.layer == layer) & (table.other_layer == "")]
        dimension = own[own.measure == "twonn"].iloc[0]
        known = own[own.label != ""].itertuples()
        labels = ", ".join(f"{row.label} {row.value:.3f} ({row.chance:.3f})" for row in known)
        shared = "–"
        if place:
            pair = (layers[place - 1], layer)
            there, back = (values(table, "information_imbalance", [way])[0] for way in (pair, pair[::-1]))
            shared = f"{values(table, 'overlap', [pair])[0]:.3f} | {there:.3f} / {back:.3f}"
        else:
            shared = "– | –"
        interval = f"{dimension.value:.1f} [{dimension.low:.1f}, {dimension.high:.1f}]"
        lines.append(f"| {name} | {layer} | {interval} | {labels} | {shared} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    cache = given.cache or Path(tempfile.mkdtemp())
    lines = [
        "`benchmarks/profiles.py`: TwoNN with its interval; label overlap at k = 30, chance in brackets; with the",
        "layer before, overlap at k = 30 and information imbalance at k = 1 (from that layer to this one / back).",
        "",
        "| run | layer | dimension | label overlap | overlap | imbalance |",
        "|---|---|---|---|---|---|",
    ]
    figure, axes = plt.subplots(3, 3, figsize=(13, 10), layout="constrained")
    for column, (name, (run, labels)) in zip(axes.T, runs(cache, given.minilm).items(), strict=True):
        found = profile(run, labels)
        draw(name, found, column)
        lines += rows(name, found)
    figure.savefig(FIGURE if given.write else cache / "profiles.png", dpi=80)
    publish("Profiles", lines)


if __name__ == "__main__":
    main()

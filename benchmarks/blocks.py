"""Does a block that changes little cost little? Measures of the layers of SmolLM2 beside its loss without each block.

Run:  LAYERSCAPE_MODELS=FOLDER LAYERSCAPE_DATA=FOLDER python -m benchmarks.blocks --cache FOLDER [--write]

Two sets of texts: questions of TREC, drawn with a seed, and passages of the texts that Python's own help prints, cut at
24 tokens. What is in the cache is not computed again. The figure goes to docs/blocks.png.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.core.words import p_value
from layerscape.extraction.ablation import LossesWithout
from layerscape.pipeline.ablation import Ablated, ablated
from layerscape.questions import ablate as questions
from layerscape.run import open_run

DATA = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
MODEL = Path(os.environ.get("LAYERSCAPE_MODELS", "models")) / "smollm2"
MEASURES = [*questions.MEASURES, "information_imbalance"]
QUESTIONS, PASSAGES, LETTERS = 256, 96, 400
FEW = 5  # blocks that would be left out first
DOCS = Path(__file__).parents[1] / "docs"


def trec() -> list[str]:
    with (DATA / "text" / "trec.csv").open(newline="") as file:
        texts = list(dict.fromkeys(row["text"] for row in csv.DictReader(file)))
    return [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:QUESTIONS]]


def prose() -> list[str]:
    """Paragraphs of Python's help that are prose: long ones, which begin with a capital letter."""
    parts = [" ".join(part.split()) for text in topics.values() for part in re.split(r"\n\s*\n", text)]
    texts = [
        part for part in dict.fromkeys(parts) if re.match(r"[A-Z][a-z]", part) and len(part) > 150 and "::" not in part
    ]
    rows = np.random.default_rng(0).permutation(len(texts))[:PASSAGES]
    return [texts[row][:LETTERS] for row in rows]


# With the number of tokens after which they are cut.
TEXTS = {"questions (TREC)": (trec, 32), "passages (Python's help)": (prose, 24)}


def known(name: str, cache: Path) -> Ablated:
    """The losses without each block, and the layers of the last token; from the cache where they are there."""
    kept, out = cache / f"{name[:8]}.npz", cache / f"{name[:8]}_last"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        texts, length = TEXTS[name]
        found = ablated(str(MODEL), texts(), out, None, options={"max_length": length}, progress=False)
        blocks, losses = found.blocks, found.losses
        np.savez(kept, allow_pickle=False, whole=losses.whole, without=losses.without)
        (cache / f"{name[:8]}.txt").write_text("\n".join(f"{a} {b} {c}" for a, b, c in blocks))
    lines = (cache / f"{name[:8]}.txt").read_text().splitlines()
    blocks = [(a, float(b), c) for a, b, c in (line.split() for line in lines)]
    with np.load(kept) as held:
        losses = LossesWithout(held["whole"], held["without"], ("",) * len(blocks))
    return Ablated(open_run(out), blocks, losses)


def answers(name: str, cache: Path) -> Iterator[tuple[str, questions.Ablation]]:
    """By pooling."""
    found, chosen = known(name, cache), questions.following(MEASURES)
    texts, length = TEXTS[name]
    options = {"max_length": length, "progress": False}
    mean = ls.extract(str(MODEL), texts(), out=cache / f"{name[:8]}_mean", pooling="mean", **options)
    for pooling, run in (("last token", found.run), ("mean over tokens", mean)):
        own = Ablated(run, found.blocks, found.losses)
        yield pooling, questions._answer(own, questions._rows(own, chosen, None, {}, {}, False), chosen)


def rows(name: str, pooling: str, found: questions.Ablation) -> Iterator[str]:
    table = found.table.set_index("block")
    least = table.increase.sort_values()
    for one in found.correlations.sort_values("value", ascending=False).itertuples():
        if one.measure == "depth":
            first = table.depth.sort_values().index[:FEW]
        else:
            sign = {m.name: questions.CLOSER[m.closer] for m in questions.following(MEASURES)}[one.measure]
            first = (sign * table[one.measure]).sort_values().index[:FEW]
        picked = table.increase[first].mean()
        yield (
            f"| {name} | {pooling} | {one.measure} | {one.value:.2f} [{one.low:.2f}, {one.high:.2f}] | "
            f"{p_value(one.p)} | {picked:.2f} |"
        )
    yield f"| {name} | | the {FEW} cheapest; all | | | {least.iloc[:FEW].mean():.2f}; {least.mean():.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    cache = parser.parse_args().cache
    lines = ["`python -m benchmarks.blocks`", ""]
    lines += ["| texts | pooling | measure | Spearman with the loss | p | "]
    lines[-1] += "loss added by one of the 5 that it would leave out first |"
    lines += ["|---|---|---|---|---|---|"]
    shown, losses = {}, []
    for name in TEXTS:
        for pooling, found in answers(name, cache):
            lines += rows(name, pooling, found)
            shown[name, pooling] = found
        mean, low, high = found.loss
        costs = found.table.sort_values("increase")
        losses.append(
            f"{name}: {len(found.whole)} texts, loss {mean:.2f} [{low:.2f}, {high:.2f}] nats; cheapest "
            + ", ".join(f"{one.block} {one.increase:+.3f}" for one in costs.iloc[:3].itertuples())
            + "; dearest "
            + ", ".join(f"{one.block} {one.increase:+.2f}" for one in costs.iloc[:-4:-1].itertuples())
            + f"; {int((costs.low <= 0).sum())} blocks whose interval reaches 0."
        )
    publish("Blocks left out of SmolLM2", [*lines, "", *losses])
    draw(shown)


def draw(shown: dict[tuple[str, str], questions.Ablation]) -> None:
    """Loss without each block over overlap, over angular distance, and over depth."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = ["depth", "overlap", "cka", "angular_distance", "neighbor_survival"]
    figure, axes = plt.subplots(2, len(names), figsize=(13, 5), sharey="row", layout="constrained")
    for row, (name, pooling) in zip(axes, [(name, "last token") for name in TEXTS], strict=True):
        found = shown[name, pooling]
        rho = found.correlations.set_index("measure").value
        for ax, measure in zip(row, names, strict=True):
            x, y = found.table[measure], found.table.increase.clip(lower=0.02)
            error = np.clip([y - found.table.low.clip(lower=0.02), found.table.high - y], 0, None)
            ax.errorbar(x, y, error, fmt="o", ms=3, lw=0.7)
            ax.set(yscale="log", xlabel=measure.replace("_", " "), title=f"Spearman {rho[measure]:.2f}")
        row[0].set_ylabel(f"{name}\nloss added without the block")
    figure.savefig(DOCS / "blocks.png", dpi=80)


if __name__ == "__main__":
    main()

"""All layers of real texts against what people use for one: speed beside sentence-transformers and transformers.

    LAYERSCAPE_DATA=… LAYERSCAPE_MODELS=… python -m benchmarks.encoding [--texts 500] [--repeats 7] [--write]

MiniLM on questions of TREC. Ours gives the embedding, six blocks and the model's own output in one pass; the others
give the last of these alone: `encode` of sentence-transformers, which is left out where it is not installed (it can lie
in a folder of its own on PYTHONPATH), and the feature-extraction pipeline of transformers, whose tokens are averaged
as its users do. Processor seconds, one after the other in every repetition; ratios are medians over these.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.publish import publish
from layerscape.core.samples import Samples
from layerscape.extraction import open_model


def trec(n: int) -> list[str]:
    """The first questions."""
    with (Path(os.environ["LAYERSCAPE_DATA"]) / "text" / "trec.csv").open() as file:
        return [row["text"] for row in csv.DictReader(file)][:n]


def ours(folder: str, texts: list[str]) -> tuple[Callable[[], np.ndarray], int]:
    """All layers of a run, of which the output is handed back; and how many they are."""
    network = open_model(folder, device="cpu")
    samples = Samples(tuple(map(str, range(len(texts)))), "text", lambda rows: [texts[row] for row in rows], "0")
    layers = [info.name for info in network.layers()]

    def run() -> np.ndarray:
        ((_, table),) = network.blocks(samples, layers, "mean", block_rows=len(texts))
        return table["output"]

    return run, len(layers)


def pipeline(folder: str, texts: list[str]) -> Callable[[], np.ndarray]:
    """The feature-extraction pipeline in batches of 32, averaged over tokens and brought to length 1."""
    from transformers import pipeline as made

    extractor: Any = made("feature-extraction", model=folder, device="cpu")

    def run() -> np.ndarray:
        found = extractor(texts, batch_size=32, return_tensors=True)
        means = np.stack([each[0].numpy().mean(0) for each in found])  # padded tokens among them
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    return run


def sentences(folder: str, texts: list[str]) -> Callable[[], np.ndarray] | None:
    """`encode` as it comes; None where its library is not there."""
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        return None
    model = SentenceTransformer(folder, device="cpu")
    return lambda: model.encode(texts, show_progress_bar=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_known_args()[0]
    folder, texts = str(Path(os.environ["LAYERSCAPE_MODELS"]) / "minilm"), trec(given.texts)
    mine, n_layers = ours(folder, texts)
    peers = {
        "transformers, pipeline": pipeline(folder, texts),
        "sentence-transformers, encode": sentences(folder, texts),
    }
    runs = {"ours": mine} | {name: run for name, run in peers.items() if run is not None}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    values = {name: run() for name, run in runs.items()}
    for repeat in range(given.repeats):
        for name, run in list(runs.items())[:: 1 if repeat % 2 else -1]:
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    lines = ["| | layers | s | its time / ours | furthest from ours |", "|---|---:|---:|---:|---:|"]
    for name in runs:
        ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["ours"], strict=True))
        off = np.linalg.norm(values[name] - values["ours"], axis=1).max()
        layers = n_layers if name == "ours" else 1
        lines.append(f"| {name} | {layers} | {statistics.median(seconds[name]):.2f} | {ratio:.2f} | {off:.1g} |")
    missing = "" if len(runs) == 3 else " sentence-transformers is not installed here."
    lines += [
        "",
        f"{len(texts)} questions of TREC, {torch.get_num_threads()} thread, median of {given.repeats}.{missing}",
    ]
    publish("All layers against one layer of others", lines)


if __name__ == "__main__":
    main()

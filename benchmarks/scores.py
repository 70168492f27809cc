"""Does a label-free score pick a better checkpoint than the last one?

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.scores --keep FOLDER [--write]

Small networks (`benchmarks/alarms.py`) trained on 500 pictures by four objectives: labels, an autoencoder, two views
(VICReg), and two views that are let collapse; each looked at 12 times. At each checkpoint the last hidden layer of 600
other pictures is scored without labels, LiDAR and alignment on two views of each, and read by a ridge probe in 5 folds.
Rank correlations are over the checkpoints of a training; regret is the accuracy of the last checkpoint less that of the
one with the best score, above 0 where the score picks worse.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from scipy.stats import t as student

from benchmarks.alarms import Training, pictures
from benchmarks.publish import publish
from layerscape.core.pairs import Pairs
from layerscape.core.representation import Representation
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import find_measure
from layerscape.search import find_neighbors
from layerscape.supply.supplier import Supplier

OBJECTIVES = ("labels", "autoencoder", "two views", "collapse to few directions")
LOOKS, EVERY, N, SEEDS = 12, 60, 600, 3
# Each with the side on which its authors say a checkpoint is better; a dimension is tried on both.
SIDES = {
    "effective_rank (RankMe)": 1, "lidar": 1, "spectrum_decay (α-ReQ, nearness to 1)": 1, "mst, high": 1, "mst, low": 1,
    "twonn, high": 1, "twonn, low": 1, "alignment and uniformity": 1, "step (the later, the better)": 1,
}  # fmt: skip


def probe(x: np.ndarray, classes: np.ndarray) -> float:
    """Accuracy of a ridge regression on the classes, in 5 folds."""
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    x, fold, hits = np.hstack([x, np.ones((len(x), 1))]), np.arange(len(x)) % 5, 0
    for part in range(5):
        own, other = x[fold != part], x[fold == part]
        target = np.eye(10)[classes[fold != part]]
        weights = np.linalg.solve(own.T @ own + 10 * np.eye(own.shape[1]), own.T @ target)
        hits += int(((other @ weights).argmax(1) == classes[fold == part]).sum())
    return hits / len(x)


def scored(training: Training, classes: np.ndarray, step: int) -> dict[str, float]:
    """The scores of the last hidden layer, and its probe accuracy."""
    with torch.no_grad():
        hidden = training.net[:-1]
        x = hidden(training.probe).numpy().astype("f8")
        both = np.concatenate([hidden(training.view(training.probe)).numpy().astype("f8") for _ in range(2)])
    n = len(x)
    pairs = Pairs.of([(row, row + n) for row in range(n)], 2 * n)
    measure = {
        name: find_measure(name) for name in ("effective_rank", "spectrum_decay", "alignment", "uniformity", "lidar")
    }
    representation = Representation(x)
    tree = Supplier(Arrays({"x": x}), {}).alone(Task(find_measure("mst"), {}, "x"), influence=False).value
    dimension = find_measure("twonn")(find_neighbors(np.unique(x, axis=0), k=2)).value
    together = (
        measure["alignment"](Representation(both), pairs).value + measure["uniformity"](Representation(both)).value
    )
    found = {
        "effective_rank (RankMe)": measure["effective_rank"](representation).value,
        "lidar": measure["lidar"](Representation(both), pairs).value,
        "spectrum_decay (α-ReQ, nearness to 1)": -abs(measure["spectrum_decay"](representation).value - 1),
        "mst, high": tree, "mst, low": -tree, "twonn, high": dimension, "twonn, low": -dimension,
        "alignment and uniformity": -together, "step (the later, the better)": float(step),
    }  # fmt: skip
    return {**found, "accuracy": probe(x, classes), "step": step}


def trained(objective: str, seed: int) -> list[dict[str, float]]:
    """All checkpoints of a training."""
    rng = np.random.default_rng([seed, *objective.encode()])
    training = Training(objective, rng)
    x, classes = pictures(training.name)
    rows = training.held_out[:N]
    training.probe = torch.from_numpy(x[rows])
    found = []
    for step in range((LOOKS - 1) * EVERY + 1):
        if step % EVERY == 0:
            found.append(scored(training, classes[rows], step))
        training.step(step)
    return found


def interval(values: list[float]) -> str:
    """A mean over trainings, with its 95 % interval by Student's law."""
    known = np.array([value for value in values if np.isfinite(value)])
    margin = student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan
    return f"{known.mean():.2f} [{known.mean() - margin:.2f}, {known.mean() + margin:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=Path, required=True, help="a folder for the trainings that are done")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    every = {}
    for seed in range(SEEDS):
        for objective in OBJECTIVES:
            path = given.keep / f"{objective}, {seed}.json"
            if not path.exists():
                path.write_text(json.dumps(trained(objective, seed)))
            every[objective, seed] = json.loads(path.read_text())
    count = sum(map(len, every.values()))
    lines = [
        f"`python -m benchmarks.scores`: {count} checkpoints of {len(every)} trainings by {len(OBJECTIVES)} objectives,"
        f" {SEEDS} of each; means over trainings with 95 % intervals. Regret in points of accuracy.",
        "",
        "| score | rank correlation with accuracy | regret against the last | of those that collapse |",
        "|---|---|---|---|",
    ]
    for name in SIDES:
        ranks, regrets, collapsed = [], [], []
        for (objective, _), course in every.items():
            accuracy = [each["accuracy"] for each in course]
            ranks.append(float(spearmanr([each[name] for each in course], accuracy).statistic))
            picked = int(np.nanargmax([each[name] for each in course]))
            lost = 100 * (accuracy[-1] - accuracy[picked])
            (collapsed if objective == OBJECTIVES[-1] else regrets).append(lost)
        lines.append(f"| {name} | {interval(ranks)} | {interval(regrets)} | {interval(collapsed)} |")
    publish("Label-free scores of checkpoints", lines)


if __name__ == "__main__":
    main()

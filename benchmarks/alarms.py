"""How often do early warnings warn of a healthy training, and how often do they find one that goes wrong?

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.alarms --keep FOLDER [--minutes M] [--draws 60] [--write]

Networks of 3 hidden layers on 500 pictures of MNIST or KMNIST of 14 × 14 pixels, 8 looks at 300 others. Thresholds were
chosen on the first 10 trainings of each kind; the table counts the others. What is drawn is kept in --keep.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from benchmarks.draws import Found, Part, arguments, draw
from benchmarks.publish import publish
from layerscape.core.representation import Representation
from layerscape.inputs.idx import read_idx
from layerscape.measures import find_measure
from layerscape.search import find_neighbors
from layerscape.supply.alarms import alarms_in

DATA = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
LOOKS, EVERY, CHANGE, BATCH = 8, 100, 450, 64
PILOT = 10
KINDS = ("dimensional collapse", "dead layer", "drift", "memorization")
HEALTHY = ("labels", "autoencoder", "two views")
WRONG = ("collapse to few directions", "collapse to a point", "dead", "other data", "shuffled labels")


@cache
def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 14 × 14 as levels from 0 to 1, and their classes."""
    images, classes = (read_idx(next((DATA / name).glob(f"t10k-{what}*"))) for what in ("images", "labels"))
    small = images.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196) / 255
    return small.astype("f4"), classes.astype("i8")


def varying(z: torch.Tensor) -> torch.Tensor:
    """The term of VICReg that keeps units varying (Bardes et al. 2022)."""
    return nn.functional.relu(1 - z.var(0).add(1e-4).sqrt()).mean()


def apart(z: torch.Tensor) -> torch.Tensor:
    """That term and the one that keeps units from saying the same."""
    centered = z - z.mean(0)
    covariance = centered.T @ centered / (len(z) - 1)
    return varying(z) + 0.04 * (covariance - torch.diag(covariance.diagonal())).square().sum() / z.shape[1]


VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "two views": apart,
    "collapse to few directions": varying,
    "collapse to a point": lambda z: 0 * z.sum(),
}


class Training:
    """One small training of a kind."""

    def __init__(self, kind: str, rng: np.random.Generator):
        torch.set_num_threads(1)
        torch.manual_seed(int(rng.integers(2**31)))
        self.kind, self.name = kind, str(rng.choice(["mnist", "kmnist"]))
        x, y = pictures(self.name)
        rows = rng.permutation(len(x))
        self.x, self.y = torch.from_numpy(x[rows[:500]]), torch.from_numpy(y[rows[:500]])
        self.held_out = rows[5000:]
        self.probe = torch.from_numpy(x[self.held_out[:300]])
        if kind == "shuffled labels":
            self.y = self.y[torch.randperm(500)]
        width = int(rng.choice([64, 128]))
        sizes = [196, width, width, width]
        hidden = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
        out = 196 if kind == "autoencoder" else 32 if kind in VIEWS else 10
        self.net = nn.Sequential(*hidden, nn.Linear(width, out))
        self.rate = float(rng.choice([1e-3, 2e-3]))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=self.rate)
        self.loss, self.accuracy = torch.tensor(float("nan")), float("nan")

    def step(self, number: int) -> None:
        if number == CHANGE:
            self._change()
        rows = torch.randint(0, len(self.x), (BATCH,))
        x = self.x[rows]
        if self.kind == "autoencoder":
            self.loss = mse_loss(self.net(x), x)
        elif self.kind in VIEWS:
            a, b = (self.net(self.view(x)) for _ in range(2))
            self.loss = mse_loss(a, b) + VIEWS[self.kind](a) + VIEWS[self.kind](b)
        else:
            out = self.net(x)
            self.loss = cross_entropy(out, self.y[rows])
            hits = float((out.argmax(1) == self.y[rows]).float().mean())
            self.accuracy = hits if number == 0 else 0.9 * self.accuracy + 0.1 * hits
        self.optimizer.zero_grad()
        self.loss.backward()
        self.optimizer.step()

    def _change(self) -> None:
        """What goes wrong at a step."""
        if self.kind == "other data":
            x, y = pictures("kmnist" if self.name == "mnist" else "mnist")
            self.x, self.y = torch.from_numpy(1 - x[:500]), torch.from_numpy(y[:500])
        elif self.kind == "dead":  # as after a step that was far too large
            with torch.no_grad():
                self.net[2].bias -= 20

    def view(self, x: torch.Tensor) -> torch.Tensor:
        """Half of the pixels hidden, a third of noise."""
        return x * (torch.rand_like(x) > 0.3) + 0.2 * torch.randn_like(x)

    @torch.no_grad()
    def layers(self) -> dict[str, np.ndarray]:
        """What the probe is at every layer but the input."""
        found, x = {}, self.probe
        for place, part in enumerate(self.net):
            x = part(x)
            if place % 2 or place == len(self.net) - 1:
                found[f"block_{place // 2 + 1}"] = x.numpy().astype("f8")
        return found


def one(kind: str, n: int, rng: np.random.Generator) -> Found:
    """Every value of a training: (value, low, high, chance) by measure, layer and step."""
    training, found, before = Training(kind, rng), {}, {}
    dimension, overlap = find_measure("twonn"), find_measure("overlap")
    spreads = {name: find_measure(name) for name in ("participation_ratio", "effective_rank")}
    for step in range((LOOKS - 1) * EVERY + 1):
        if step % EVERY == 0:
            found[f"loss||{step}"] = (float(training.loss.detach()),)
            found[f"accuracy||{step}"] = (training.accuracy,)
            for layer, x in training.layers().items():
                found[f"dead|{layer}|{step}"] = (float((x.max(0) == x.min(0)).mean()),)
                if np.ptp(x, 0).max() == 0:
                    before.pop(layer, None)
                    continue
                graph = find_neighbors(x, k=31)
                distinct = find_neighbors(np.unique(x, axis=0), k=2)
                values: dict[str, Any] = {name: each(Representation(x)) for name, each in spreads.items()}
                values["twonn"] = dimension(distinct)
                if layer in before:
                    values["overlap"] = overlap(before[layer], graph)
                before[layer] = graph
                for name, each in values.items():
                    chance = each.chance.value if each.chance else float("nan")
                    found[f"{name}|{layer}|{step}"] = (each.value, each.low, each.high, chance)
        training.step(step)
    return found


PARTS = {"alarms": Part(one, (*HEALTHY, *WRONG), (300,))}


def warned(kept: dict[str, list[float]]) -> set[str]:
    """The kinds of early warnings that the values of one training give."""
    steps = [place * EVERY for place in range(LOOKS)]
    rows: list[dict[str, Any]] = []
    dead: dict[str, dict[int, float]] = {}
    known = {step: {"accuracy": kept[f"accuracy||{step}"][0]} for step in steps}
    for key, values in kept.items():
        name, layer, text = key.split("|")
        step = int(text)
        if name == "dead":
            dead.setdefault(layer, {})[step] = values[0]
        elif name not in ("loss", "accuracy"):
            value, low, high, chance = values
            row = {"measure": name, "layer": layer, "step": step, "depth": int(layer[-1]) / 4, "chance": chance}
            between = {"step": step - EVERY, "other_step": step} if name == "overlap" else {}
            rows.append({**row, "value": value, "low": low, "high": high, **between})
    return {alarm.kind for alarm in alarms_in(rows, known, dead)}


def counted(keep: Path) -> list[str]:
    """A row per kind of training: how many of those after the pilot give each warning."""
    lines = [f"| training | runs | {' | '.join(KINDS)} |", "|---" * (2 + len(KINDS)) + "|"]
    for kind in (*HEALTHY, *WRONG):
        path = keep / f"alarms, {kind}, 300.jsonl"
        every = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        found = [warned(each) for each in every[PILOT:]]
        shares = " | ".join(f"{sum(name in each for each in found)}" for name in KINDS)
        lines.append(f"| {kind} | {len(found)} | {shares} |")
    return lines


def main() -> None:
    asked = arguments(PARTS)
    if not asked.report:
        draw(PARTS, asked)
    head = "`python -m benchmarks.alarms`: trainings of which each early warning was given."
    publish("Early warnings", [head, "", *counted(asked.keep)])


if __name__ == "__main__":
    main()

"""Small networks trained on KMNIST from several seeds, and what every layer of them makes of held-out pictures.

A plain CNN: nine 3 × 3 convolutions, each with batch norm and ReLU, 16, 32 and 64 channels, no residual connections,
the mean over all positions and a linear readout. A transformer: 4 × 4 patches of 7 × 7 pixels, width 64, six blocks
with the norm first, the mean over patches and a linear readout. Both learn the labels of the first 8,000 pictures of
the test split, and the representations are of the 1,000 after these. The seed sets the weights and the order of the
batches. A layer is the mean over positions or patches.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from layerscape.datasets import load

N_TRAIN, N_SHOWN = 8_000, 1_000
EPOCHS = {"CNN": 4, "transformer": 6}
BATCH, RATE = 64, 2e-3


@dataclass(frozen=True)
class Trained:
    """One network: layer name to vectors, share of the held-out pictures it names right, and seconds of training."""

    layers: dict[str, np.ndarray]
    accuracy: float
    seconds: float


class Convolutions(nn.Module):
    """The plain CNN; returns its answer and the mean of every layer over positions."""

    def __init__(self) -> None:
        super().__init__()
        widths = [1, *[16] * 3, *[32] * 3, *[64] * 3]
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, 3, stride=2 if 1 < a < b else 1, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()
            )
            for a, b in pairwise(widths)
        )
        self.readout = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        means = {}
        for number, layer in enumerate(self.layers, 1):
            x = layer(x)
            means[f"conv_{number}"] = x.mean((2, 3))
        return self.readout(x.mean((2, 3))), means


class Transformer(nn.Module):
    """The transformer encoder; returns its answer and the mean of every layer over patches."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, 7, stride=7)
        self.position = nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(6)
        )
        self.norm, self.readout = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        x = self.embed(x).flatten(2).transpose(1, 2) + self.position
        means = {"embedding": x.mean(1)}
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            means[f"block_{number}"] = x.mean(1)
        return self.readout(self.norm(x).mean(1)), means


NETS = {"CNN": Convolutions, "transformer": Transformer}


def trained(kind: str, seed: int, cache: Path) -> Trained:
    """A network from the cache, or trained and put there."""
    path = cache / f"{kind}-{seed}.npz"
    if not path.exists():
        done = _train(kind, seed)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, allow_pickle=False, _accuracy=done.accuracy, _seconds=done.seconds, **done.layers)
    with np.load(path) as kept:
        layers = {name: kept[name] for name in kept.files if not name.startswith("_")}
        return Trained(layers, float(kept["_accuracy"]), float(kept["_seconds"]))


def _train(kind: str, seed: int) -> Trained:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    start = time.perf_counter()
    data = load("kmnist")
    x = torch.tensor(data.images[:, None], dtype=torch.float32) / 255 - 0.5
    y = torch.tensor(data.labels)
    net = NETS[kind]()
    steps = EPOCHS[kind] * N_TRAIN // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(EPOCHS[kind]):
        for batch in torch.randperm(N_TRAIN).split(BATCH):
            loss = nn.functional.cross_entropy(net(x[batch])[0], y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start
    net.eval()
    with torch.no_grad():
        answer, means = net(x[N_TRAIN : N_TRAIN + N_SHOWN])
    right = answer.argmax(1) == y[N_TRAIN : N_TRAIN + N_SHOWN]
    return Trained({name: values.numpy() for name, values in means.items()}, float(right.float().mean()), seconds)

"""Train the network of the demo, or state how good the shipped one is.

    python tools/train_demo.py              trains, writes the weights and the figures of docs/demo-model.md
    python tools/train_demo.py --evaluate   writes the figures of the weights that are there

Two placements of one scan must be told from the placements of all other scans: SimCLR's NT-Xent (Chen et al. 2020,
arXiv:2002.05709). Labels are read only to evaluate, and held-out scans are never trained on.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from scipy.spatial.distance import cdist
from torch import Tensor, nn
from torch.nn import functional

from layerscape.extraction.demo import CHECKPOINTS, WIDTHS, DemoNetwork, load_demo
from layerscape.inputs.digits import SEED, place_digits, split

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src/layerscape/extraction/demo_weights"
PAGE = ROOT / "docs/demo-model.md"
MARKS = ("<!-- figures: written by tools/train_demo.py -->", "<!-- end of figures -->")

STEPS, BATCH, RATE, WARM_UP, DECAY, TEMPERATURE = 1500, 200, 3e-3, 100, 1e-4, 0.2
PLACED: Any = place_digits.__kwdefaults__  # how digits are placed, said once and there
K, VOTERS = 30, 10  # neighbors of the label overlap and of the k-NN classifier


def view(scans: Tensor) -> Tensor:
    """A random picture of each scan, (n, 16, 16): placed as `place_digits` does, and bent besides.

    What is added (shear, aspect, elastic bending, strength of ink) makes two views of a scan differ as two digits
    of one class do. It is in torch because drawing 400 pictures must cost little beside a step.
    """
    n = len(scans)

    def draw(low: float, high: float) -> Tensor:
        return torch.empty(n, 1, 1).uniform_(low, high)

    tilt = math.radians(PLACED["max_angle"])
    size, angle, aspect = draw(*PLACED["scale"]), draw(-tilt, tilt), draw(-0.075, 0.075).exp()
    pixels = torch.arange(16.0)
    y = (pixels[:, None] - draw(0, 1) * (16 - 8 * size) - 4 * size + 0.5) / size
    x = (pixels[None, :] - draw(0, 1) * (16 - 8 * size) - 4 * size + 0.5) / size
    y, x = y / aspect, (x + draw(-0.15, 0.15) * y) * aspect
    grid = torch.stack([angle.sin() * y + angle.cos() * x, angle.cos() * y - angle.sin() * x], dim=1) / 4
    grid = grid + functional.interpolate(0.06 * torch.randn(n, 2, 4, 4), (16, 16), mode="bicubic", align_corners=True)
    ink = functional.grid_sample(scans[:, None], grid.permute(0, 2, 3, 1), align_corners=False)[:, 0]
    return (ink * draw(-0.3, 0.5).exp() + PLACED["noise"] * torch.randn(n, 16, 16)).clamp(0, 1)


def nt_xent(projected: Tensor) -> Tensor:
    """Mean −log probability of finding row i's partner, row i ± n/2, among the n − 1 other rows."""
    unit = functional.normalize(projected, dim=1)
    similarity = (unit @ unit.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return functional.cross_entropy(similarity, torch.arange(len(unit)).roll(len(unit) // 2))


def train(scans: np.ndarray, held_out: np.ndarray, folder: Path, checkpoints: Sequence[str]) -> None:
    """Write the network's weights at every checkpoint, with the losses there as metadata."""
    torch.manual_seed(SEED)
    network = DemoNetwork()
    width = WIDTHS[-1]
    head = nn.Sequential(nn.Linear(width, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64))
    both = nn.Sequential(network, head)
    optimizer = torch.optim.AdamW(both.parameters(), lr=RATE, weight_decay=DECAY)
    pictures = torch.from_numpy(scans / 16).float()
    start = time.monotonic()
    for step in range(STEPS + 1):
        name = {0: "untrained", STEPS: "final"}.get(step, f"step_{step:04d}")
        if name in checkpoints:
            facts = {"step": step, "loss": _loss(both, scans), "held_out_loss": _loss(both, held_out)}
            _save(network, folder / f"{name}.safetensors", facts)
            click.echo(f"{name}: {facts} after {time.monotonic() - start:.0f} s")
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / WARM_UP) * (1 + math.cos(math.pi * step / STEPS)) / 2
        rows = torch.randperm(len(pictures))[:BATCH].repeat(2)
        loss = nt_xent(both(view(pictures[rows])))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _loss(both: nn.Module, scans: np.ndarray) -> float:
    """The loss on placements as the demo has them, of 797 scans at once, so that parts can be compared."""
    views = [place_digits(scans[:797], SEED + i) for i in (1, 2)]
    both.eval()
    loss = nt_xent(both(torch.from_numpy(np.concatenate(views) / 255).float()))
    both.train()
    return round(loss.item(), 3)


def _save(network: nn.Module, path: Path, facts: dict[str, float]) -> None:
    halved = {name: weight.half() for name, weight in network.state_dict().items()}
    # One key, since safetensors writes several in any order, and a second training shall write the same bytes.
    path.write_bytes(save(halved, {"training": json.dumps(facts)}))


@torch.no_grad()
def layers(checkpoint: str, pictures: np.ndarray) -> Iterator[Tensor]:
    """Output of the embedding and of every stage of the shipped network, (n, channels, s, s)."""
    network = load_demo(checkpoint)
    maps = network.embedding(torch.from_numpy(pictures)[:, None])
    yield maps
    for block in network.blocks:
        maps = block(maps)
        yield maps


def qualities(vectors: np.ndarray, digits: np.ndarray) -> tuple[float, float, float]:
    """Label overlap, leave-one-out k-NN accuracy and TwoNN dimension, by brute force in float64."""
    distances = cdist(vectors.astype(np.float64), vectors.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :K]
    same = digits[nearest] == digits[:, None]
    votes = (digits[nearest[:, :VOTERS, None]] == np.arange(10)).sum(axis=1)
    r1, r2 = np.take_along_axis(distances, nearest[:, :2], axis=1).T
    return same.mean(), (votes.argmax(axis=1) == digits).mean(), (len(r1) - 1) / np.log(r2 / r1).sum()


def figures(checkpoints: Sequence[str]) -> str:
    """The tables of the page: losses, pixels, and a column per layer for every quality and pooling."""
    _, _, scans, digits, _ = split()
    pictures = place_digits(scans, SEED).astype(np.float32) / 255
    outputs = {name: list(layers(name, pictures)) for name in checkpoints}
    counts = np.bincount(digits)
    chance = (counts * (counts - 1)).sum() / len(digits) / (len(digits) - 1)
    titles = (
        f"Label overlap, k = {K} (chance {chance:.3f})",
        f"k-NN accuracy, k = {VOTERS} (chance {counts.max() / len(digits):.3f})",
        "Dimension, TwoNN",
    )
    tables = [_losses(checkpoints)]
    pixels = {"pixels, upright and centered": scans, "pixels, as placed": pictures}
    rows = {name: _cells([qualities(shown.reshape(len(shown), -1), digits)]) for name, shown in pixels.items()}
    tables.append(_table(["", *titles], {name: [cells[0] for cells in row] for name, row in rows.items()}))
    columns = ["checkpoint", "embedding", *(f"block_{i}" for i in range(1, len(WIDTHS)))]
    for pooling, pool in {"flatten": lambda maps: maps.flatten(1), "mean": lambda maps: maps.mean(dim=(2, 3))}.items():
        pooled = {name: [pool(maps).numpy() for maps in outputs[name]] for name in checkpoints}
        cells = {name: _cells([qualities(vectors, digits) for vectors in pooled[name]]) for name in checkpoints}
        for i, title in enumerate(titles):
            tables.append(f"**{title}, pooling `{pooling}`**")
            tables.append(_table(columns, {name: cells[name][i] for name in checkpoints}))
    return "\n\n".join(tables)


def _losses(checkpoints: Sequence[str]) -> str:
    rows = {}
    for name in checkpoints:
        with safe_open(WEIGHTS / f"{name}.safetensors", "pt") as file:
            facts = json.loads(file.metadata()["training"])
        rows[name] = [str(facts["step"]), f"{facts['loss']:.3f}", f"{facts['held_out_loss']:.3f}"]
    return _table(["checkpoint", "step", "loss, training scans", "loss, held-out scans"], rows)


def _cells(per_layer: list[tuple[float, float, float]]) -> list[list[str]]:
    """The qualities of layers as text, a list per quality."""
    by_quality = zip(np.transpose(per_layer), (3, 3, 1), strict=True)
    return [[f"{value:.{places}f}" for value in row] for row, places in by_quality]


def _table(columns: list[str], rows: dict[str, list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([name, *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


@click.command()
@click.option("--evaluate", is_flag=True, help="Only state how good the weights are that are there.")
def main(evaluate: bool) -> None:
    """Train the network of the demo, and write its figures into docs/demo-model.md."""
    torch.set_num_threads(1)  # sums then have one order: a second training can give the same bits
    if not evaluate:
        scans, _, held_out, _, _ = split()
        train(scans, held_out, WEIGHTS, CHECKPOINTS)
    shown = figures(CHECKPOINTS)
    click.echo(shown)
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{shown}\n\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

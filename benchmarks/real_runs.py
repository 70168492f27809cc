"""Small networks trained with a monitor on: how their layers come about, and what the monitor costs.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.real_runs --cache FOLDER [NAME …] [--write]

The demo's network again (its first 400 steps), a masked and a contrastive image network and a classifier on MNIST (of
its 10,000 test pictures 8,000 to learn from and 1,000 to look at), with true and with shuffled labels, and a causal
language model on questions of TREC. Runs that are in the cache are not trained again. The figure goes to
docs/real-runs.png.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.small_networks import RECIPES, build, loss_of, pictures, split, tokenizer_of
from layerscape.training import Monitor

DOCS = Path(__file__).parents[1] / "docs"
LEARNED, SHOWN, BATCH, WIDTH = 8000, 1000, 128, 64
EXPLAINED = [
    "Seconds of the processor, on one thread. `learned`: share of the labels learned by heart, `right`: of others",
    "named right; `farthest`: of the demo's weights at steps 50, 150 and 400 from those that ship, of another machine.",
]
MEASURES = ["twonn", "label_overlap"]


class Watched:
    """A monitor, and the seconds of the processor that it took, beside those of the whole training."""

    def __init__(self, model: nn.Module, probe: Any, out: Path, steps: list[int], **options: Any) -> None:
        self.out, self.began = out, process_time()
        self.monitor = Monitor(model, probe, out=out, every=steps, max_overhead=None, **options)
        self.taken = process_time() - self.began

    def step(self, step: int, **scalars: Any) -> None:
        start = process_time()
        self.monitor.step(step, **scalars)
        self.taken += process_time() - start

    def close(self, **scores: Any) -> None:
        assert not self.monitor.failed, self.monitor.failed
        self.monitor.close()
        whole = process_time() - self.began
        looks = len(self.monitor.steps)
        facts = {"training": whole - self.taken, "monitor": self.taken, "looks": looks, **scores}
        self.out.with_suffix(".json").write_text(json.dumps(facts))


def mnist() -> tuple[Tensor, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures to learn from and their classes; pictures to look at and theirs."""
    images, classes = pictures("mnist")
    x = images[:, None] / np.float32(255)
    return torch.from_numpy(x[:LEARNED]), classes[:LEARNED].astype(int), x[-SHOWN:], classes[-SHOWN:].astype(str)


class Patches(nn.Module):
    """A transformer over 16 patches of 7 × 7 pixels; what is hidden is a learned vector."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.hidden = nn.Conv2d(1, WIDTH, 7, stride=7), nn.Parameter(torch.zeros(WIDTH))
        self.position = nn.Parameter(0.02 * torch.randn(1, 16, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(4)
        )
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = (x if mask is None else torch.where(mask[..., None], self.hidden, x)) + self.position
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def batches(n: int, steps: int) -> Iterator[Tensor]:
    for _ in range(steps):
        yield torch.randint(n, (BATCH,))


def fit(parts: list[nn.Module], loss: Callable[[int], Tensor], steps: int, watched: Watched, rate: float) -> None:
    """AdamW with a pace that rises and falls."""
    weights = [each for part in parts for each in part.parameters()]
    best = torch.optim.AdamW(weights, rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(best, rate, steps, pct_start=0.1)
    watched.step(0)
    for step in range(1, steps + 1):
        found = loss(step)
        best.zero_grad()
        found.backward()
        best.step()
        pace.step()
        watched.step(step, loss=found)


def masked(out: Path) -> None:
    """Half of the patches are hidden, and what they hold is to be told from the others."""
    x, _, probe, kind = mnist()
    model, head, steps = Patches(), nn.Linear(WIDTH, 49), 600
    watched = Watched(model, probe, out, [0, 20, 50, 100, 200, 400, 600], labels={"kind": kind})
    rows = batches(len(x), steps)

    def loss(_: int) -> Tensor:
        some = x[next(rows)]
        mask = torch.rand(len(some), 16).argsort(1) < 8
        wanted = functional.unfold(some, 7, stride=7).transpose(1, 2)
        return functional.mse_loss(head(model(some, mask))[mask], wanted[mask])

    fit([model, head], loss, steps, watched, 2e-3)
    watched.close()


def contrastive(out: Path) -> None:
    """Two views of a picture, moved and of another size, must find each other among those of all others."""
    x, _, probe, kind = mnist()
    model, steps = Patches(), 400
    head = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 32))
    watched = Watched(model, probe, out, [0, 20, 50, 100, 200, 400], labels={"kind": kind})
    rows = batches(len(x), steps)

    def view(some: Tensor) -> Tensor:
        n = len(some)
        size, angle = torch.empty(n).uniform_(0.8, 1.25), torch.empty(n).uniform_(-0.35, 0.35)
        turn = torch.stack([angle.cos() * size, -angle.sin(), angle.sin(), angle.cos() * size], 1).reshape(n, 2, 2)
        place = torch.cat([turn, torch.empty(n, 2, 1).uniform_(-0.2, 0.2)], 2)
        grid = functional.affine_grid(place, list(some.shape), align_corners=False)
        return functional.grid_sample(some, grid, align_corners=False) + 0.1 * torch.randn_like(some)

    def loss(_: int) -> Tensor:
        some = x[next(rows)]
        both = functional.normalize(head(model(torch.cat([view(some), view(some)])).mean(1)), dim=1)
        near = (both @ both.T / 0.2).fill_diagonal_(-torch.inf)
        return functional.cross_entropy(near, torch.arange(2 * BATCH).roll(BATCH))

    fit([model, head], loss, steps, watched, 2e-3)
    watched.close()


def labelled(out: Path, shuffled: bool) -> None:
    """A network of four hidden layers learns 2,000 pictures by heart, with their labels or with those of others."""
    x, classes, probe, kind = mnist()
    x, y, steps = x[:2000], torch.from_numpy(classes[:2000]), 2000
    y = y[torch.from_numpy(np.random.default_rng(0).permutation(len(y)))] if shuffled else y
    hidden = [nn.Sequential(nn.Linear(784 if n == 0 else 256, 256), nn.ReLU()) for n in range(4)]
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(256, 10))
    layers = [f"{n}.1" for n in range(1, 5)]
    watched = Watched(model, probe, out, [0, 50, 100, 200, 400, 800, 1200, 2000], labels={"kind": kind}, layers=layers)
    rows = batches(len(x), steps)

    def loss(_: int) -> Tensor:
        some = next(rows)
        return functional.cross_entropy(model(x[some]), y[some])

    fit([model], loss, steps, watched, 1e-3)
    with torch.no_grad():
        learned = float((model(x).argmax(1) == y).float().mean())
        right = float((model(torch.from_numpy(probe)).argmax(1).numpy().astype(str) == kind).mean())
    watched.close(learned=learned, right=right)


def causal(out: Path) -> None:
    """A GPT-2 of width 128 and six blocks learns to go on with questions."""
    recipe = RECIPES["trec-0"]
    learned, shown = split("trec")
    tokenizer, steps = tokenizer_of("trec", learned.texts), recipe.steps
    model = build(recipe, len(tokenizer))
    how = {"return_tensors": "pt", "padding": True, "truncation": True, "max_length": recipe.length}

    def inputs(texts: list[str]) -> Any:
        return {name: tokenizer(texts, **how)[name] for name in ("input_ids", "attention_mask")}

    probe, kind = shown.texts[:SHOWN], shown.labels["label"][:SHOWN]
    watched = Watched(
        model.transformer, probe, out, [0, 20, 50, 100, 200, 350, 500], labels={"kind": kind}, make_inputs=inputs
    )
    rng = np.random.default_rng(0)

    def loss(_: int) -> Tensor:
        rows = rng.choice(len(learned.texts), recipe.batch, replace=False)
        return loss_of(model, tokenizer([learned.texts[row] for row in rows], **how), masked=False)

    fit([model], loss, steps, watched, recipe.rate)
    watched.close()


def demo(out: Path) -> None:
    """The demo's network as tools/train_demo.py trains it, to step 400; is it what ships at steps 50, 150 and 400?"""
    from layerscape.extraction.demo import DemoNetwork, load_demo
    from layerscape.inputs.digits import SEED, place_digits
    from layerscape.inputs.digits import split as split_digits
    from tools import train_demo as tool

    scans, _, held_out, digits, _ = split_digits()
    torch.manual_seed(SEED)
    model = DemoNetwork()
    width = tool.WIDTHS[-1]
    head = nn.Sequential(nn.Linear(width, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64))
    both, off = nn.Sequential(model, head), 0.0
    best = torch.optim.AdamW(both.parameters(), lr=tool.RATE, weight_decay=tool.DECAY)
    probe, seen = place_digits(held_out, SEED).astype("f4") / 255, torch.from_numpy(scans / 16).float()
    watched = Watched(
        model, probe, out, [0, 20, 50, 100, 150, 250, 400], labels={"kind": digits.astype(str)}, pooling="flatten"
    )
    shipped = {50: "step_0050", 150: "step_0150", 400: "step_0400"}
    loss = None
    for step in range(401):
        watched.step(step, **({} if loss is None else {"loss": loss}))
        if step in shipped:
            own, other = model.state_dict(), load_demo(shipped[step]).state_dict()
            off = max(off, *(float((own[name].half().float() - other[name].float()).abs().max()) for name in own))
        for group in best.param_groups:
            group["lr"] = tool.RATE * min(1, step / tool.WARM_UP) * (1 + math.cos(math.pi * step / tool.STEPS)) / 2
        rows = torch.randperm(len(seen))[: tool.BATCH].repeat(2)
        loss = tool.nt_xent(both(tool.view(seen[rows])))
        best.zero_grad()
        loss.backward()
        best.step()
    watched.close(farthest=off)


RUNS: dict[str, Callable[[Path], None]] = {
    "demo": demo,
    "masked": masked,
    "contrastive": contrastive,
    "causal": causal,
    "true labels": lambda out: labelled(out, shuffled=False),
    "shuffled labels": lambda out: labelled(out, shuffled=True),
}


def made(name: str, cache: Path) -> tuple[Any, Any, dict[str, float]]:
    """The series, its table, and what its training cost; trained if it is not in the cache."""
    out = cache / name.replace(" ", "_")
    if not out.with_suffix(".json").exists():
        torch.set_num_threads(1)
        torch.manual_seed(0)
        RUNS[name](out)
    series = ls.series(out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = ls.measure(series, MEASURES, k=30, progress=False)
    return series, table[table.other_layer == ""], json.loads(out.with_suffix(".json").read_text())


def rows(name: str, table: Any) -> Iterator[str]:
    """First, last and deepest values."""
    for step, own in table.groupby("step", sort=True):
        cells = []
        for measure in MEASURES:
            values = own[own.measure == measure].drop_duplicates("layer")
            cells.append(" ".join(f"{value:.3g}" for value in values.value))
        yield f"| {name} | {step} | {cells[0]} | {cells[1]} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", default=list(RUNS))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    shown, costs, values = {}, [], []
    for name in given.names:
        _, table, facts = made(name, given.cache)
        shown[name] = table
        share = facts["monitor"] / facts["training"]
        more = ", ".join(f"{key} {facts[key]:.3g}" for key in ("learned", "right", "farthest") if key in facts)
        costs.append(
            f"| {name} | {facts['training']:.0f} | {facts['looks']} | {facts['monitor']:.1f} | {share:.0%} | {more} |"
        )
        values += rows(name, table)
    lines = ["`python -m benchmarks.real_runs`", "", *EXPLAINED, ""]
    lines += ["| run | training | looks | monitor | share | what else |", "|---|---|---|---|---|---|", *costs, ""]
    lines += ["| run | step | TwoNN, layer by layer | label overlap, k = 30 |", "|---|---|---|---|", *values]
    publish("Real runs", lines)
    if len(shown) == len(RUNS):
        draw(shown)


def draw(shown: dict[str, Any]) -> None:
    """Dimension and label overlap by layer, one line per step, dark the later."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(shown), figsize=(15, 5), sharey="row", layout="constrained")
    for column, (name, table) in zip(axes.T, shown.items(), strict=True):
        for ax, measure in zip(column, MEASURES, strict=True):
            own = table[table.measure == measure].drop_duplicates(["step", "layer"])
            steps = sorted(own.step.unique())
            for place, step in enumerate(steps):
                values = own[own.step == step].value.to_numpy()
                ax.plot(values, color=plt.cm.viridis_r(0.1 + 0.9 * place / len(steps)), label=f"{step:g}", marker=".")
        column[0].set_title(name)
        column[1].legend(fontsize=6, title="step", title_fontsize=6)
        column[1].set_xlabel("layer")
    axes[0, 0].set(ylabel="TwoNN", yscale="log")
    axes[1, 0].set_ylabel("label overlap")
    figure.savefig(DOCS / "real-runs.png", dpi=70)


if __name__ == "__main__":
    main()

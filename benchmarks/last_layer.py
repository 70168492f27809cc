"""Does the dimension of the last hidden layer go with the test error, as in figure 4 of Ansuini et al. 2019?

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.last_layer [--write]

36 networks of two and four hidden layers, of width 32, 64 or 128, from two seeds, trained for 40, 200 or 1,000 steps on
4,000 of the test pictures of MNIST. The dimension is that of 1,000 other pictures, the error of 2,000 others. The
figure goes to docs/last-layer.png.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.small_networks import pictures
from layerscape.core.words import p_value

DOCS = Path(__file__).parents[1] / "docs"
LEARNED, SHOWN, TESTED, BATCH = 4000, 1000, 2000, 64
DEPTHS, WIDTHS, SEEDS, STEPS = (2, 4), (32, 64, 128), (0, 1), (40, 200, 1000)


def train(depth: int, width: int, seed: int, steps: int) -> tuple[Any, float]:
    """The run of its hidden layers, and the share of the pictures that it names wrong."""
    images, classes = pictures("mnist")
    x = torch.from_numpy(images.reshape(len(images), -1) / np.float32(255))
    y = torch.from_numpy(classes.astype(int))
    torch.manual_seed(seed)
    parts = [nn.Sequential(nn.Linear(784 if n == 0 else width, width), nn.ReLU()) for n in range(depth)]
    readout = nn.Linear(width, 10)
    whole = nn.Sequential(*parts, readout)
    best = torch.optim.Adam(whole.parameters(), 1e-3)
    for _ in range(steps):
        rows = torch.randint(LEARNED, (BATCH,))
        loss = nn.functional.cross_entropy(whole(x[rows]), y[rows])
        best.zero_grad()
        loss.backward()
        best.step()
    layers = {}
    with torch.no_grad():
        state = x[LEARNED : LEARNED + SHOWN]
        for number, part in enumerate(parts, 1):
            state = part(state)
            layers[f"hidden_{number}"] = state.numpy()
        wrong = whole(x[-TESTED:]).argmax(1) != y[-TESTED:]
    ids = [f"picture {row}" for row in range(SHOWN)]
    return ls.from_arrays(layers, ids=ids), float(wrong.float().mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.parse_args()
    torch.set_num_threads(1)
    kinds = list(product(DEPTHS, WIDTHS, SEEDS, STEPS))
    runs, errors = zip(*(train(*kind) for kind in kinds), strict=True)
    size = {"depth": [each[0] for each in kinds], "width": [each[1] for each in kinds]}
    lines = ["`python -m benchmarks.last_layer`", ""]
    lines += [f"{len(runs)} networks, test errors {min(errors):.3f} to {max(errors):.3f}.", ""]
    lines += ["| networks | value | Spearman with the test error | p | depth and width set aside | p |"]
    lines += ["|---|---|---|---|---|---|"]
    chosen = {"all": range(len(runs))}
    chosen |= {f"{steps} steps": [i for i, kind in enumerate(kinds) if kind[3] == steps] for steps in STEPS}
    shown = {}
    for name, places in chosen.items():
        for measure in ("twonn", "participation_ratio"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = ls.against(
                    [runs[i] for i in places],
                    [errors[i] for i in places],
                    measure,
                    aside={key: [values[i] for i in places] for key, values in size.items()},
                    progress=False,
                )
            cells = [
                f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}] | {p_value(one.p)}"
                for one in (found.correlation, found.aside)
                if one is not None
            ]
            lines.append(f"| {name} ({len(places)}) | {measure} of the last hidden layer | {' | '.join(cells)} |")
            shown[name, measure] = found
    publish("Dimension of the last hidden layer against test error", lines)
    draw(shown["all", "twonn"], kinds)


def draw(found: Any, kinds: list[tuple[int, ...]]) -> None:
    """Dimension over error; color is the length of the training, form the depth, size the width."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
    for row, (depth, width, _, steps) in zip(found.table.itertuples(), kinds, strict=True):
        ax.errorbar(
            *(row.score, row.value, [[row.value - row.low], [row.high - row.value]]),
            fmt="o" if depth == 2 else "s",
            ms=2 + width / 24,
            color=f"C{STEPS.index(steps)}",
            lw=0.6,
        )
    for place, steps in enumerate(STEPS):
        ax.plot([], [], "o", color=f"C{place}", label=f"{steps} steps")
    ax.set(xlabel="test error", ylabel="dimension of the last hidden layer (TwoNN)", xscale="log")
    ax.set_xticks([0.1, 0.2, 0.4, 0.8], ["0.1", "0.2", "0.4", "0.8"])
    ax.minorticks_off()
    ax.set_title(f"{len(kinds)} networks: Spearman {found.correlation.value:.2f}", fontsize=10)
    ax.legend(title="circles: 2 hidden layers, squares: 4", fontsize=8, title_fontsize=8)
    figure.savefig(DOCS / "last-layer.png", dpi=90)


if __name__ == "__main__":
    main()

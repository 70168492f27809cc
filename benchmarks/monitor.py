"""Does a training end as it would have without a monitor, and what does the monitor cost?

Run:  python -m benchmarks.monitor [--write]

First a small network with dropout and batch norm, trained with and without a monitor in several ways: are the weights
the same to the bit, and the vectors of each step those that `extract` gives of the checkpoint? Then a small network of
convolutions, trained on 9,000 pictures of MNIST (8 epochs) and looked at with 1,000 others.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import nn

import layerscape as ls
from benchmarks.publish import publish
from layerscape.inputs.idx import read_idx
from layerscape.training import Monitor

DATA = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "mnist"
STEPS, EVERY, EPOCHS = 20, 5, 8
Prepare = Callable[[nn.Module], Any]


def small() -> nn.Module:
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3)) for _ in range(3)]
    return nn.Sequential(nn.Linear(12, 16), *blocks, nn.Linear(16, 3))


def train(out: Path | None, prepare: Prepare, accumulate: int, precise: Any) -> tuple[nn.Module, dict[int, Any], Any]:
    """The network at the end and its weights at every step, with a monitor that writes to ``out`` or without one."""
    model, probe = small(), np.random.default_rng(0).standard_normal((200, 12)).astype("f4")
    ready, saved = prepare(model), {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    monitor = Monitor(ready, probe, out=out, every=EVERY, max_overhead=None) if out else contextlib.nullcontext()
    with monitor:
        for step in range(1, STEPS + 1):
            optimizer.zero_grad()
            for _ in range(accumulate):
                x = torch.randn(32, 12)
                with precise():
                    loss = nn.functional.cross_entropy(ready(x), (x[:, 0] > 0).long())
                loss.backward()
            optimizer.step()
            if isinstance(monitor, Monitor):
                monitor.step(step, loss=loss)
                saved[step] = {name: each.clone() for name, each in model.state_dict().items()}
    return model, saved, probe


def same() -> Iterator[str]:
    """A row per way to train."""
    plain, half = contextlib.nullcontext, lambda: torch.autocast("cpu", torch.bfloat16)
    ways: dict[str, tuple[Prepare, int, Any]] = {
        "plain": (lambda model: model, 1, plain),
        "gradients accumulated over 4 batches": (lambda model: model, 4, plain),
        "mixed precision (bfloat16)": (lambda model: model, 1, half),
        "torch.compile, aot_eager": (lambda model: torch.compile(model, backend="aot_eager"), 1, plain),
        "DataParallel": (nn.DataParallel, 1, plain),
    }
    for name, way in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            alone, _, _ = train(None, *way)
            model, saved, probe = train(Path(folder) / "series", *way)
            pairs = zip(alone.state_dict().values(), model.state_dict().values(), strict=True)
            equal, off = all(torch.equal(*pair) for pair in pairs), 0.0
            series = ls.series(Path(folder) / "series")
            for step, run in zip(series.steps, series, strict=True):
                fresh = small()
                fresh.load_state_dict(saved[int(step)])
                own = ls.extract(fresh, probe, out=Path(folder) / f"own_{step}", progress=False)
                off = max(off, *(float(abs(run[each].matrix[:] - own[each].matrix[:]).max()) for each in run.layers))
            yield f"| {name} | {equal} | {len(series)} of {STEPS // EVERY} | {off:.0e} |"


def mnist(out: Path | None, **options: Any) -> tuple[float, int]:
    """Seconds of the training, and how many steps were looked at."""
    images, labels = (read_idx(next(DATA.glob(f"t10k-{name}*"))) for name in ("images", "labels"))
    images = images[:, None] / np.float32(255)
    x, y = torch.from_numpy(images[:9000]), torch.from_numpy(labels[:9000].astype("i8"))
    probe, kind = images[9000:], labels[9000:]
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    given = {"labels": {"digit": kind.astype(str)}, "every": 50, **options}
    monitor = Monitor(model, probe, out=out, **given) if out else None
    start = perf_counter()
    for step, rows in enumerate(torch.cat([torch.randperm(len(x)) for _ in range(EPOCHS)]).split(128), 1):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if monitor:
            monitor.step(step, loss=loss)
    seconds, looked = perf_counter() - start, len(monitor.steps) if monitor else 0
    if monitor:
        assert not monitor.failed, monitor.failed
        monitor.close()
    return seconds, looked


def cost() -> Iterator[str]:
    mnist(None)  # so that nothing is loaded for the first time
    alone, _ = mnist(None)
    yield f"| none | {alone:.1f} | | |"
    ways: dict[str, dict[str, Any]] = {
        "every 50 steps": {"max_overhead": None},
        "the same, measured (twonn, effective_rank)": {"max_overhead": None, "measures": ["twonn", "effective_rank"]},
        "the same, `max_overhead=0.05`": {"measures": ["twonn", "effective_rank"]},
    }
    for name, options in ways.items():
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "layerscape: step .* is not looked at")
            seconds, looked = mnist(Path(folder) / "series", **options)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        yield f"| {name} | {seconds:.1f} | {looked} | {size / 1e6:.0f} |"


def main() -> None:
    lines = [
        "`python -m benchmarks.monitor`",
        "",
        "| training | same weights to the bit | steps | farthest from extract |",
    ]
    lines += ["|---|---|---|---|", *same(), "", "MNIST, 563 steps, looked at with 1,000 pictures:", ""]
    publish("A monitor", [*lines, "| monitor | s | looks | MB |", "|---|---|---|---|", *cost()])


if __name__ == "__main__":
    main()

"""Do trainings by the Trainer of Hugging Face and by Lightning end in the same weights with a monitor as without?

Run:  python -m benchmarks.trainers [--write], where accelerate, lightning and pytorch_lightning are installed

Small networks, 10 steps: plain, in mixed precision (bfloat16), and with gradients accumulated over two batches.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import layerscape as ls
from benchmarks.publish import publish
from layerscape.training import LightningCallback, TrainerCallback

CASES = ("plain", "bfloat16", "accumulated")
Data = torch.utils.data.TensorDataset
N_STEPS, EVERY = 10, 5


def of_huggingface(case: str, out: Path, *, watched: bool) -> Any:
    """A GPT-2 of two blocks on random tokens; its weights at the end."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

    set_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=32, n_embd=32, n_layer=2, n_head=2))
    tokens = torch.randint(50, (64, 12), generator=torch.Generator().manual_seed(0))
    given = {"max_steps": N_STEPS, "per_device_train_batch_size": 8, "logging_steps": EVERY, "save_strategy": "no"}
    given |= {"bf16": case == "bfloat16", "gradient_accumulation_steps": 1 + (case == "accumulated")}
    arguments = TrainingArguments(str(out), report_to=[], use_cpu=True, disable_tqdm=True, **given)
    probe = [row.numpy() for row in tokens]
    reads: Callable[[list[Any]], Any] = lambda few: {"input_ids": torch.from_numpy(np.stack(few))}  # noqa: E731
    callback = TrainerCallback(probe, every=EVERY, max_overhead=None, make_inputs=reads, out=out / "series")
    data = [{"input_ids": row, "labels": row} for row in tokens]
    Trainer(model, arguments, train_dataset=data, callbacks=[callback] if watched else []).train()
    return model.state_dict(), callback.monitor


def of_lightning(name: str, case: str, out: Path, *, watched: bool) -> Any:
    """A network with dropout and batch norm on random vectors; its weights at the end."""
    package = import_module(name)

    class Net(package.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            nn = torch.nn
            self.layers = nn.Sequential(
                nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 3)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers(x)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=0.01)

    package.seed_everything(0, verbose=False)
    x = torch.randn(128, 12, generator=torch.Generator().manual_seed(0))
    model, data = Net(), Data(x, (x[:, 0] > 0).long())
    callback = LightningCallback(x[:50].numpy(), every=EVERY, max_overhead=None, out=out / "series")
    quiet = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    trainer = package.Trainer(
        max_steps=N_STEPS,
        accelerator="cpu",
        precision="bf16-mixed" if case == "bfloat16" else "32-true",
        accumulate_grad_batches=1 + (case == "accumulated"),
        callbacks=[callback] if watched else [],
        **quiet,
    )
    trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=16, shuffle=True))
    return model.state_dict(), callback.monitor


def rows() -> Iterator[str]:
    for name in ("transformers", "lightning.pytorch", "pytorch_lightning"):
        for case in CASES:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                train = (
                    of_huggingface if name == "transformers" else lambda *a, name=name, **k: of_lightning(name, *a, **k)
                )
                one, _ = train(case, Path(folder), watched=False)
                other, monitor = train(case, Path(folder), watched=True)
                assert monitor is not None
                assert not monitor.failed, monitor.failed
                equal = all(torch.equal(one[key], other[key]) for key in one)
                series = ls.series(Path(folder) / "series")
                steps, kept = ", ".join(map(str, series.steps)), ", ".join(sorted(series.scalars))
                yield f"| {name} {version(name.split('.')[0])} | {case} | {equal} | {steps} | {kept} |"


def main() -> None:
    head = [
        "| trainer | training | same weights to the bit | steps of the series | kept with them |",
        "|---|---|---|---|---|",
    ]
    publish("Monitors in trainers", ["`python -m benchmarks.trainers`", "", *head, *rows()])


if __name__ == "__main__":
    main()

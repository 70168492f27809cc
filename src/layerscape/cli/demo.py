"""The demo: a network and data that ship inside the package, through all stages, beside the untrained network."""

from __future__ import annotations

from pathlib import Path

from layerscape.core.progress import Progress
from layerscape.pipeline.extract import extract
from layerscape.pipeline.metrics import both_metrics, measure_by
from layerscape.questions.recommend import recommend
from layerscape.run import Run
from layerscape.supply.controls import CONTROLS

MODELS = {"trained": "demo@final", "untrained": "demo@untrained"}  # by the folder of their run
INPUTS = "digits"
POOLING = "flatten"  # which keeps the place of the digit, so that one can watch the network forget it


def demo(out: str | Path, progress: Progress | None = None) -> tuple[Run, Run]:
    """Runs of the trained and of the untrained network on held-out scans, both measured.

    Parameters
    ----------
    out
        Folder for the two runs, ``trained`` and ``untrained``.
    progress
        As in `measure`.
    """
    runs = []
    for name, model in MODELS.items():
        run = extract(
            model,
            INPUTS,
            out=Path(out) / name,
            pooling=POOLING,
            command=f"layerscape demo --out {out}",
            progress=progress,
        )
        measure_by(run, both_metrics(run), controls=CONTROLS if name == "trained" else (), progress=progress)
        recommend(run, progress=progress)
        runs.append(run)
    return runs[0], runs[1]

"""The demo: a network and data that ship inside the package, through all stages, beside the untrained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerscape.cli import options as shared
from layerscape.cli.show import bars, say
from layerscape.core.progress import Progress
from layerscape.errors import need

if TYPE_CHECKING:
    from layerscape.run import Run

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
    from layerscape.pipeline.extract import extract
    from layerscape.pipeline.metrics import both_metrics, measure_by
    from layerscape.questions.recommend import recommend
    from layerscape.supply.controls import CONTROLS

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


@click.command(name="demo")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.  [default: demo, or demo_training]")
@click.option("--training", is_flag=True, help="Its five checkpoints as a series instead: step by step.")
@shared.as_json
def demo_command(out: Path | None, training: bool, as_json: bool) -> None:
    """The whole job on a small self-supervised network and real scans that ship inside."""
    need("models", "report")
    if training:
        from layerscape.cli.series import series_command

        asked = [*_of_training(), "--out", str(out or "demo_training"), *["--json"] * as_json]
        series_command.main(asked, prog_name="layerscape series", standalone_mode=False)
        return
    from layerscape.reports import findings, report

    out = out or Path("demo")
    with bars() as progress:
        run, baseline = demo(out, progress)
        page = report(run, out / "report.html", baseline=baseline, progress=progress)
    found = findings(run, baseline)
    lines = [f"{number_}. {sentence}" for number_, sentence in enumerate(found[:4], 1)]
    say(
        "\n".join([*lines, f"The page: {page}"]),
        as_json,
        {"run": str(run.path), "report": str(page), "findings": found},
    )


def words_of_run(words: Sequence[str], name: str) -> list[str]:
    """What the demo was called with, as the command that makes the one of its runs that lies in a folder of this name.

    >>> words_of_run(["layerscape", "demo"], "untrained")[:4]
    ['layerscape', 'extract', 'demo@untrained', 'digits']
    """
    if "--training" in words:
        return ["layerscape", "series", *_of_training(), "--out", "demo_training"]
    if name in MODELS:
        return ["layerscape", "extract", MODELS[name], INPUTS, "--pooling", POOLING, "--out", name]
    return list(words)


def _of_training() -> list[str]:
    """What `series` is asked for all checkpoints."""
    from layerscape.extraction.demo import CHECKPOINTS

    return ["demo", INPUTS, "--revisions", ",".join(CHECKPOINTS), "--pooling", POOLING]

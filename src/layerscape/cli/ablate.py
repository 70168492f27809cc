"""The command that leaves out one block of a model after the other: `ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.given import of_model, of_samples
from layerscape.cli.options import search_options
from layerscape.cli.show import bars, note, number, plain, rows, save_table, say
from layerscape.core.keywords import FIELDS
from layerscape.extraction.grammar import FORMS


@click.command(name="ablate")
@click.argument("model")
@click.argument("inputs")
@click.option(
    "--measures",
    help="Names, comma-separated, of measures that compare two layers.  [default: overlap, neighbor_survival, cka, "
    "angular_distance]",
)
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: each measure's own, mostly 30]")
@click.option("--pooling", help=f"{FORMS}; see docs/guide.md.  [default: what suits the model]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder in which the run of the layers is kept.  [default: none]"
)
@of_samples
@of_model
@search_options(without=["device"])
@shared.to_csv
@shared.as_json
def ablate_command(
    model: str, inputs: str, measures: str | None, csv: Path | None, as_json: bool, **options: Any
) -> None:
    """The loss of MODEL without each of its blocks, beside how much each block changes its layers.

    MODEL is a causal language model, INPUTS are texts; its loss is the mean cross-entropy of each text. Nothing of
    MODEL is changed. How well each measure goes with what the blocks cost is said with an interval, over blocks.

    \b
    Examples:
      layerscape ablate HuggingFaceTB/SmolLM2-135M questions.csv --limit 256
      layerscape ablate runs/finetuned_model questions.csv --measures overlap,cka --csv blocks.csv
    """
    from layerscape.questions.ablate import MEASURES, ablate, following

    chosen = following(measures.split(",") if measures else MEASURES)
    device = options["device"]
    search = {name: options.pop(name) for name in FIELDS if name != "device"}
    with bars() as progress:
        found = ablate(model, inputs, chosen, progress=progress, note=note, **search, **options | {"device": device})
    for text in found.warnings:
        note(text)
    mean, low, high = found.loss
    whole = f"Loss of the whole model: {number(mean)} [{number(low)}, {number(high)}], over {len(found.whole)} texts."
    shown = found.table.drop(columns="warnings")
    record = {"sentence": found.sentence, "loss": {"value": mean, "low": low, "high": high}}
    record |= {"rows": [plain(row) for row in found.table.to_dict("records")]}
    record |= {"correlations": [plain(row) for row in found.correlations.to_dict("records")]}
    about = f"How each goes with the loss, over blocks (Spearman):\n{rows(found.correlations)}"
    say(f"{whole}\n\n{rows(shown)}\n\n{about}\n\n{found.sentence}", as_json, record)
    if csv:
        save_table(found.table, csv)

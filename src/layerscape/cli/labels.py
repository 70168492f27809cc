"""The command `labels`: the label columns of a run, added and removed without extraction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerscape.cli import options as shared
from layerscape.cli.show import say

if TYPE_CHECKING:
    import numpy as np


@click.command(name="labels")
@shared.a_run
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--id", "id_column", help="The column of ids in FILE.  [default: id]")
@click.option("--remove", help="Names of label columns to remove, with what was measured by them.")
@shared.as_json
def labels_command(run: Path, file: Path | None, id_column: str | None, remove: str | None, as_json: bool) -> None:
    """The label columns of RUN; with FILE its columns are added, matched by id, and nothing is extracted again.

    \b
    Examples:
      layerscape labels runs/dino
      layerscape labels runs/dino species.csv --id name
      layerscape labels runs/dino --remove species
    """
    from layerscape.run import open_run

    opened = open_run(run)
    if remove:
        opened.remove_labels(remove.split(","))
    if file:
        opened.add_labels(file, id_column=id_column)
    found = {name: _in_words(values) for name, values in opened.samples.labels.items()}
    text = "\n".join(f"{name}: {words}" for name, words in found.items()) or f"{run} has no labels"
    say(text, as_json, {"run": str(run), "labels": found})


def _in_words(column: np.ndarray) -> str:
    """What a column holds."""
    from layerscape.core.labels import missing

    if column.ndim == 2:
        return f"vectors of {column.shape[1]} numbers"
    gaps = missing(column)
    assert gaps is not None
    if column.dtype.kind == "f":
        return f"real numbers, {gaps.sum()} missing"
    return f"{len(set(map(str, column[~gaps])))} categories, {gaps.sum()} missing"

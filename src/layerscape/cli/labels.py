"""The command `labels`: the label columns of a run, added and removed without extraction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscape.cli import options as shared
from layerscape.cli.show import bars, say
from layerscape.errors import InvalidValue

if TYPE_CHECKING:
    import numpy as np


@click.command(name="labels")
@shared.a_run
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--id", "id_column", help="The column of ids in FILE, or in --inputs.  [default: id]")
@click.option("--features", help="Facts to read from the samples: 'luminance,color', or all; see docs/guide.md.")
@click.option(
    "--inputs", help="With --features: the file or folder that RUN was made of.  [default: where it was then]"
)
@click.option("--text-column", help="With --features: the column of the texts.  [default: that of the extraction]")
@click.option("--image-column", help="With --features: the column of pictures.  [default: that of the extraction]")
@click.option("--remove", help="Names of label columns to remove, with what was measured by them.")
@shared.as_json
def labels_command(
    run: Path,
    file: Path | None,
    id_column: str | None,
    features: str | None,
    remove: str | None,
    as_json: bool,
    **read: Any,
) -> None:
    """The label columns of RUN; with FILE its columns are added, matched by id, and nothing is extracted again.

    With --features they are read from the samples, which must be those that the run was made of.

    \b
    Examples:
      layerscape labels runs/dino
      layerscape labels runs/dino species.csv --id name
      layerscape labels runs/dino --features luminance,contrast --inputs photos/
      layerscape labels runs/dino --remove species
    """
    from layerscape.run import open_run

    opened = open_run(run)
    if remove:
        opened.remove_labels(remove.split(","))
    if file:
        opened.add_labels(file, id_column=id_column)
    if features:
        names = features if features == "all" else features.split(",")
        with bars() as progress:
            opened.add_features(names, id_column=None if file else id_column, progress=progress, **read)
    elif given := [name for name, value in read.items() if value]:
        raise InvalidValue(
            f"--{given[0].replace('_', '-')} is of features; say which with --features, or leave it out."
        )
    found = {name: in_words(values) for name, values in opened.samples.labels.items()}
    text = "\n".join(f"{name}: {words}" for name, words in found.items()) or f"{run} has no labels"
    say(text, as_json, {"run": str(run), "labels": found})


def in_words(column: np.ndarray) -> str:
    """What a column holds."""
    from layerscape.core.labels import missing

    if column.ndim == 2:
        return f"vectors of {column.shape[1]} numbers"
    gaps = missing(column)
    assert gaps is not None
    if column.dtype.kind == "f":
        return f"real numbers, {gaps.sum()} missing"
    return f"{len(set(map(str, column[~gaps])))} categories, {gaps.sum()} missing"

"""The command `vectors`: a run from vectors, or graphs, that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.graphs import graph_parameters, kind_of
from layerscape.cli.labels import in_words
from layerscape.cli.show import say
from layerscape.core.words import counted
from layerscape.errors import InvalidValue


@click.command(name="vectors")
@click.argument("files", nargs=-1, required=True, metavar="FILE …")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--labels", help="Label columns, comma-separated, or a file of labels.  [default: what looks like some]")
@click.option(
    "--id", "id_column", help="The name of the ids, in FILE and in that of labels.  [default: id, ids, index]"
)
@click.option(
    "--depths",
    metavar="even|D,D,…",
    help="Where the layers lie from input, 0, to output, 1: evenly, or a number for each.  [default: not said]",
)
@click.option(
    "--time",
    metavar="mean|flatten|T",
    help="Of trials × neurons × time: the mean over time, all steps side by side, or the number of one step.",
)
@click.option("--time-axis", type=click.IntRange(1, 2), help="Which axis is time, 0 being the samples.  [default: 2]")
@click.option("--transposed", is_flag=True, help="Matrices have a sample per column, as neurons × trials.")
@shared.as_json
def vectors_command(
    files: tuple[str, ...],
    out: Path,
    labels: str | None,
    depths: str | None,
    as_json: bool,
    as_indices: bool | None,
    as_square: bool,
    **options: Any,
) -> None:
    """A run from files of vectors, each matrix (samples × units) a layer, to be measured as any run.

    A layer may be a graph in place of vectors: arrays called indices and distances, row numbers of neighbors (--indices
    and --distances), or the distances between all samples (--square). It is measured by what reads graphs.

    .npy, .npz, .safetensors, .zarr, .parquet, .csv, .tsv, .jsonl, .h5, .h5ad, .mat, .pt, IDX. FILE:NAME chooses one
    array of several, or columns of a table; NAME=FILE names a layer.

    \b
    Examples:
      layerscape vectors layer1.npy layer2.npy layer3.npy --depths even --out runs/mine
      layerscape vectors embeddings.parquet --labels topic --out runs/topics
      layerscape vectors V1=v1.mat:rates V4=v4.mat:rates --time mean --out runs/monkey
      layerscape vectors cells.h5ad:X,obsm/X_pca --labels cell_type --out runs/cells
      layerscape vectors embeddings.npy edits.npy neighbors.npz --labels topic.csv --out runs/graphs
    """
    from layerscape.inputs import is_labels_file
    from layerscape.pipeline.vectors import from_files

    chosen = labels if labels is None or is_labels_file(labels) else labels.split(",")
    options["kind"] = kind_of(as_indices, as_square)
    run = from_files(*files, out=out, labels=chosen, depths=_depths(depths), **options)
    n_units = {layer: run[layer].n_units for layer in run.layers}
    columns = {name: in_words(values) for name, values in run.samples.labels.items()}
    ids = ", ".join(run.samples.ids[:2]) + ", …" * (run.n_samples > 2)
    lines = [f"{run.path}: {counted(len(run), 'layer')} of {counted(run.n_samples, 'sample')}, {ids}"]
    lines += [f"layer {layer}: {run.described(layer)}" for layer in run.layers]
    lines += [f"label {name}: {words}" for name, words in columns.items()] or ["no labels"]
    record = {"run": str(run.path), "n_samples": run.n_samples, "layers": n_units, "labels": columns}
    record |= {"graphs": {layer: _given(graph) for layer, graph in run.given.items()}} if run.given else {}
    say("\n".join(lines), as_json, record)


def _depths(given: str | None) -> Any:
    if given in (None, "even"):
        return given
    try:
        return [float(part) for part in str(given).split(",")]
    except ValueError:
        raise InvalidValue(f"--depths {given}; give even, or a number for each layer: 0,0.5,1.") from None


def _given(graph: Any) -> dict[str, Any]:
    return {"k": graph.k, "distances": graph.has_distances}


vectors_command.params[-1:-1] = graph_parameters("such files, in their order")

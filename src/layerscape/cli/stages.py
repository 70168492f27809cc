"""The stages of a run, one command each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click

from layerscape.cli import options as shared
from layerscape.cli.given import OF_READING, of_inputs, of_measuring, of_model, of_samples
from layerscape.cli.options import search_options
from layerscape.cli.show import (
    bars,
    independent,
    note,
    note_alarms,
    note_gaps,
    note_held,
    number,
    plain,
    rows,
    save_table,
    say,
)
from layerscape.cli.wishes import check_wishes
from layerscape.core.words import counted
from layerscape.errors import need
from layerscape.extraction.grammar import FORMS


@click.command(name="extract")
@click.argument("model")
@click.argument("inputs")
@of_inputs
@of_model
@shared.of_cluster
@shared.as_json
def extract_command(model: str, inputs: str, as_json: bool, cluster: str | None, **options: Any) -> None:
    """The vectors of all layers, in one pass over the data, as a run folder.

    INPUTS is what `layerscape run` takes.
    """
    from layerscape.cli.clusters import by_cluster

    with by_cluster(cluster) as workers, bars() as progress:
        run = extracted_now(model, inputs, options | {"cluster": workers}, progress)
    n_units = {layer: run[layer].n_units for layer in run.layers}
    text = f"{run.path}: {counted(len(run.layers), 'layer')} of {counted(len(run.samples.ids), 'sample')}"
    say(text, as_json, {"run": str(run.path), "n_samples": len(run.samples.ids), "layers": n_units})


@click.command(name="layers")
@click.argument("model")
@click.argument("inputs", required=False)
@click.option("--layers", "select", help="Patterns, comma-separated: 'encoder.layer.*.attention', 'block_*.mlp'.")
@click.option("--pooling", help=f"{FORMS}.")
@of_samples
@of_model
@shared.as_json
def layers_command(
    model: str, inputs: str | None, select: str | None, pooling: str | None, as_json: bool, **options: Any
) -> None:
    """The layers that MODEL has, in order of execution, with shapes and what they take.

    Bytes are those of one sample on disk. The time is an estimate from a few samples: those of INPUTS, or the model's
    own examples.
    """
    from layerscape.extraction import open_model
    from layerscape.inputs import check_there
    from layerscape.pipeline.forecast import forecast, samples_of
    from layerscape.storage import check_store

    reading = {name: options.pop(name) for name in OF_READING}
    batch_size, store = options.pop("batch_size"), options.pop("store")
    check_store(store)
    if inputs:
        check_there(inputs)
    network = open_model(model, kind=reading["kind"], **options)
    pooling = pooling or network.default_pooling
    samples = inputs and samples_of(network, inputs, reading.pop("kind"), {**reading, "labels": None})
    contents = samples.read([0, len(samples) - 1]) if samples else None
    infos = network.layers(pooling, contents, select=select)
    found = forecast(network, infos, pooling, samples or None, batch_size=batch_size, store=store)
    size = found.bytes_per_sample
    lines = [f"{'layer':<28} {'depth':>6} {'shape':>18} {'D':>7} {'bytes':>8}  module"]
    for info in infos:
        shape = " × ".join("·" if axis is None else str(axis) for axis in info.shape)
        start = f"{info.name:<28} {number(info.depth):>6} {shape:>18} {info.n_units:>7} {size[info.name]:>8}"
        lines.append(f"{start}  {info.module}")
    record = [{**vars(info), "bytes": size[info.name]} for info in infos]
    more = ["within blocks, for who asks: --layers 'block_*.attention', .mlp, .heads, .head_1; see docs/guide.md"]
    more = more if select is None and any("block_1" in info.name and len(info.shape) == 2 for info in infos) else []
    say(
        "\n".join([*lines, *found.in_words(store), *more]),
        as_json,
        {"model": network.name, "layers": record} | found.told(),
    )


@click.command(name="search")
@shared.a_run
@click.option("--k", type=click.IntRange(1), default=100, show_default=True, help="Number of neighbors.")
@shared.of_cluster
@search_options()
@shared.as_json
def search_command(run: Path, k: int, cluster: str | None, as_json: bool, **search: Any) -> None:
    """The neighbor graph of every layer of RUN, kept on disk; an interrupted search goes on."""
    from layerscape.cli.clusters import by_cluster
    from layerscape.core.keywords import Search, chosen
    from layerscape.run import open_run

    chosen(asked := cast(Search, search))
    opened = open_run(run)
    opened.folder.must_keep()
    with by_cluster(cluster) as workers, bars() as progress:
        opened.search(k, cluster=workers, progress=progress, **search)
    layers = [layer for layer in opened.layers if opened.keeps_graph(layer, k, asked)]
    text = f"{opened.path}: graphs of {counted(len(layers), 'layer')}, k={k}"
    say(
        text,
        as_json,
        {
            "run": str(opened.path),
            "layers": layers,
            "k": k,
            "metric": search["metric"],
            "standardize": search["standardize"],
        },
    )


@click.command(name="measure")
@shared.a_run
@of_measuring
@search_options(without=["metric"])
@shared.of_metrics
@click.option("--labels", help="Label columns, comma-separated; 'coarse+fine' joins two.  [default: all that fit]")
@shared.of_pairs
@click.option("--protocol", help="The recipe of a paper in place of measures: ansuini2019, valeriani2023, ….")
@click.option("--n-queries", type=click.IntRange(1), help="Ask so many samples among all.  [default: all of them]")
@click.option("--save/--no-save", default=True, help="Whether to keep the table in RUN.  [default: it is kept]")
@shared.to_csv
@shared.as_json
def measure_command(run: Path, csv: Path | None, as_json: bool, **options: Any) -> None:
    """The table of RUN: every measure of every layer, pair of layers and label.

    Of a folder of runs of the same samples, a series, every run is measured, and every layer compared between steps.
    """
    from layerscape.runs import open_run_or_series

    check_wishes(options)
    opened = open_run_or_series(run)
    with bars() as progress:
        table = measured(opened, options, progress)
    note_gaps(table)
    note_held(table)
    note_alarms(opened, table)
    shown = [name for name in ("step", "other_step") if name in table]
    shown += ["layer", "other_layer", "label", "group", "measure", "k", "value", "low", "high", "chance"]
    at = shown.index("measure")
    if options["groups"] or options["lag"] is not None:
        shown[at:at] = ["groups"]
        shown += ["p", *(["held"] if table.held.notna().any() else [])]
    at = shown.index("k")
    shown[at:at] = ["metric"] if len(options["metrics"]) > 1 else []
    shown += ["ceiling", "over_ceiling"] if options["repeats"] else []
    record = {"run": str(run), "rows": [plain(row) for row in table.to_dict("records")]}
    say(rows(table[shown]) + independent(options), as_json, record)
    if csv:  # last, so that a file that cannot be written costs nothing
        save_table(table, csv)


@click.command(name="report")
@shared.a_run
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: RUN/report.html]")
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="Another run, an untrained network say, to compare with."
)
@shared.as_json
def report_command(run: Path, out: Path | None, baseline: Path | None, as_json: bool) -> None:
    """The page of RUN, or of a folder of runs that are a series: one file to look at."""
    need("report")
    from layerscape.core.export import check_ending
    from layerscape.reports import report
    from layerscape.run import open_run
    from layerscape.runs import open_run_or_series

    if out:
        check_ending(out, ".html", ".htm")
    with bars() as progress:
        page = report(
            open_run_or_series(run), out, baseline=open_run(baseline) if baseline else None, progress=progress
        )
    say(f"The page: {page}", as_json, {"run": str(run), "report": str(page)})


def extracted_now(
    model: str, inputs: str, options: dict[str, Any], progress: Any, check: Callable[[Any], None] = lambda _: None
) -> Any:
    """The run that the command line which is being carried out asks for."""
    import shlex
    import sys

    command = shlex.join(["layerscape", *sys.argv[1:]])
    return extracted(model, inputs, options, command, progress, note=note, check=check)


def extracted(model: str, inputs: str, options: dict[str, Any], command: str, progress: Any, **more: Any) -> Any:
    """The run that these options of the command line make, kept with the command that asked for it."""
    from layerscape.inputs import is_labels_file
    from layerscape.pipeline.extract import extract

    labels, features = options["labels"], options["features"]
    if isinstance(labels, str) and not is_labels_file(labels):
        labels = labels.split(",")
    if features not in (None, "all"):
        features = features.split(",")
    chosen = {**options, "labels": labels, "features": features}
    return extract(model, inputs, command=command, progress=progress, **chosen, **more)


def measured(run: Any, options: dict[str, Any], progress: Any) -> Any:
    """The table of a run, or of a series, by the options of the command line; ``metrics`` are among them."""
    from layerscape.pipeline.metrics import measure_by

    chosen = {name: options[name].split(",") for name in ("measures", "labels", "controls") if options.get(name)}
    return measure_by(run, **{**options, "measures": None, "controls": (), **chosen}, progress=progress)

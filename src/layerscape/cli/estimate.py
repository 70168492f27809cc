"""`layerscape estimate` and `dimension`: the measures of files, each with the options that its function has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.columns import labels_in, pairs_in
from layerscape.cli.graphs import graph_parameters, kind_of
from layerscape.cli.options import search_options, search_parameters, type_of
from layerscape.cli.show import number, say
from layerscape.core.estimate import Estimate, ceiling_facts
from layerscape.core.measure import Measure
from layerscape.core.words import p_said
from layerscape.errors import InvalidValue, unknown_name
from layerscape.measures import catalog


class Measures(click.Group):
    """One command per measure, derived from its function."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(catalog())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in catalog():
            raise unknown_name("measure", cmd_name, catalog())
        return _command(catalog()[cmd_name])


@click.group(cls=Measures, name="estimate", subcommand_metavar="NAME A [B]")
def estimate_command() -> None:
    """One measure on files: .npy, .npz, .safetensors, .csv, .tsv, .jsonl, .parquet, IDX.

    FILE:NAME chooses one array of several, or columns of a table. Without names the units of a table are its one column
    of vectors, or its columns of numbers but id, index and labels; a note names what is left out.

    \b
    Examples:
      layerscape estimate twonn vectors.npy
      layerscape estimate twonn table.parquet:embedding
      layerscape estimate twonn 'table.csv:dim_*'
      layerscape estimate overlap layer1.npy layer2.npy --k 30 --json
      layerscape estimate label_overlap vectors.npy --labels digits.csv:digit
      layerscape estimate overlap neighbors1.npy neighbors2.npy --indices
      layerscape estimate twonn distances.npy --square
    """


def _command(measure: Measure) -> click.Command:
    """The command of a measure: its data as arguments, its options as options."""
    hints = measure.annotations
    parameters: list[click.Parameter] = [click.Argument(["a"], metavar="A")]
    if measure.compares:
        parameters.append(click.Argument(["b"], metavar="B"))
    if "graphs" in measure.data:
        parameters.append(click.Argument(["later"], metavar="B [C …]", nargs=-1, required=True))
    if "labels" in measure.data:
        parameters.append(
            click.Option(
                ["--labels"],
                required=True,
                metavar="FILE[:COLUMN]",
                help="One label per sample: .csv, .npy, lines of text, or IDX.",
            )
        )
    if "pairs" in measure.data:
        parameters += _pairs()
    for name, default in measure.options.items():
        flag = f"--{name.replace('_', '-')}"
        shown = "by the method" if default is None else default
        parameters.append(click.Option([flag, name], type=type_of(hints[name]), help=f"Default: {shown}."))
    if measure.searches:
        parameters += search_parameters()
    parameters += [*graph_parameters("A, B, …"), *_together()]
    parameters.append(click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."))

    def call(**given: Any) -> None:
        _run(measure, given)

    help_text = f"{measure.says}\n\nSource: {measure.source}"
    return click.Command(measure.name, params=parameters, callback=call, help=help_text, short_help=measure.says)


def _pairs() -> list[click.Parameter]:
    """Who answers whom, and where the queries are."""
    return [
        click.Option(
            ["--pairs", "--relevant", "pairs"],
            required=True,
            metavar="FILE[:COLUMN]",
            help="Row numbers of queries and of what answers them, 0 for the first: a table with the columns query, "
            "relevant and perhaps grade. Or FILE:COLUMN, one value per sample that partners share.",
        ),
        click.Option(
            ["--queries"], metavar="FILE", help="Vectors of the queries, where A are those among which they look."
        ),
    ]


def _together() -> list[click.Parameter]:
    """Who belongs together."""
    return [
        click.Option(
            ["--groups"],
            metavar="FILE[:COLUMN]",
            help="Who belongs together, one group per sample, as trials of a subject: chance and interval count these.",
        ),
        click.Option(
            ["--own-group"],
            type=click.Choice(["kept", "left_out"]),
            help="Whether members of a sample's own group may be its neighbors.",
        ),
        shared.lag_parameter(),
        click.Option(
            ["--repeats"],
            metavar="FILE[:COLUMN]",
            multiple=True,
            help="Which condition each sample repeats, as the stimulus of trials: their means are measured, with the "
            "noise ceiling. Give it again for which repeat it is, as a session.",
        ),
    ]


def _run(measure: Measure, given: dict[str, Any]) -> None:
    from layerscape.core.lists import LooksLikeGraph
    from layerscape.core.neighbors import WithoutDistances
    from layerscape.pipeline.estimate import estimate

    as_json, labels, later = given.pop("as_json"), given.pop("labels", None), given.pop("later", ())
    files = [given.pop(name) for name in ("a", "b") if name in given]
    data = _data(
        [*files, *later], *(given.pop(name) for name in ("as_indices", "as_square", "distances", "self_first"))
    )
    if labels is not None:
        data.append(labels_in(labels))
    if "pairs" in measure.data:
        data.append(pairs_in(given.pop("pairs")))
    if given.get("queries") is not None:
        from layerscape.inputs import read_matrix

        given["queries"] = read_matrix(given["queries"])
    if given["groups"] is not None:
        given["groups"] = labels_in(given["groups"], "--groups")
    repeats = [labels_in(each, "--repeats") for each in given.pop("repeats")]
    given["repeats"] = None if not repeats else repeats[0] if len(repeats) == 1 else tuple(repeats)
    if later:
        data[1:] = [data[1:]]
    options = {name: value for name, value in given.items() if value is not None}
    try:
        result = estimate(measure, *data, **options)
    except LooksLikeGraph as error:
        raise InvalidValue(f"{error.looks}; say {error.option} if it is, and --vectors if not.") from None
    except WithoutDistances:
        raise InvalidValue(f"{measure.name} reads distances beside the row numbers; give --distances FILE.") from None
    say(_text(measure, result), as_json, result.to_dict())


def _data(
    files: Sequence[str], as_indices: bool | None, as_square: bool, distances: Sequence[str], self_first: bool | None
) -> list[Any]:
    """The vectors or the graphs in files."""
    from layerscape.core.neighbors import Neighbors
    from layerscape.core.representation import Representation
    from layerscape.inputs import read_matrix

    kind = kind_of(as_indices, as_square)
    if kind != "indices":
        if distances or self_first is not None:
            raise InvalidValue("--distances and --self-first are of neighbors; say --indices if the files hold those.")
        if kind == "square":
            return [Neighbors.from_distances(read_matrix(file)) for file in files]
        return [read_matrix(file) if kind is None else Representation(read_matrix(file)) for file in files]
    if distances and len(distances) != len(files):
        raise InvalidValue(f"{len(distances)} --distances for {len(files)} files of neighbors; give one for each.")
    return [
        Neighbors.from_arrays(read_matrix(file), apart and read_matrix(apart), self_first=self_first)
        for file, apart in zip(files, distances or [None] * len(files), strict=True)
    ]


def _text(measure: Measure, estimate: Estimate) -> str:
    """An estimate for people."""
    record = estimate.to_dict()
    size = f"{estimate.n_samples} samples" + (f" × {estimate.n_units} units" if estimate.n_units else "")
    known = record["low"] is not None or record["high"] is not None
    ends = f"95 % interval {number(record['low'])} to {number(record['high'])}" if known else "no interval"
    lines = [f"{measure.name}: {number(record['value'])} {measure.unit}, {ends} ({size})"]
    if record["chance"]:
        chance = record["chance"]
        value, low, high = (number(chance[name]) for name in ("value", "low", "high"))
        p = "" if chance["p"] is None else f", {p_said(chance['p'])}"
        lines.append(f"chance: {value}{f' ({low} to {high})' if chance['low'] is not None else ''}{p}")
        if "held" in chance:
            lines.append(f"held against chance: {number(chance['held'])}, the value of the samples that it is of")
    if estimate.groups:
        lines.append(f"groups: {estimate.groups}")
    if estimate.ceiling:
        lines += [f"{name}: {text}" for name, text in ceiling_facts(estimate.ceiling)]
    lines += _curve(estimate)
    lines += [f"{name.replace('_', ' ')}: {number(value)}" for name, value in record.get("details", {}).items()]
    lines += [f"warning: {warning}" for warning in estimate.warnings]
    return "\n".join(lines)


def _curve(estimate: Estimate) -> list[str]:
    """A curve as the lines of a table."""
    if not estimate.curve:
        return []
    lines = ["    k   samples      scale    value      low     high"]
    for point in estimate.curve:
        cells = (number(value) for value in (point.scale, point.value, point.low, point.high))
        size = point.n_samples or estimate.n_samples
        lines.append(f"{point.k or '–':>5}{size:>10}" + "{:>11}{:>9}{:>9}{:>9}".format(*cells))
    return lines


@click.command(name="dimension")
@click.argument("a", metavar="A")
@click.option("--controls", default="gaussian,columns", show_default=True, help="Beside which controls; '' for none.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of controls, subsets and simulated Gaussians.")
@click.option("--vectors", is_flag=True, help="The file holds vectors, whatever they look like.")
@search_options()
@shared.as_json
def dimension_command(a: str, controls: str, vectors: bool, as_json: bool, **options: Any) -> None:
    """Which dimension to believe: all suitable estimators on one axis of scale.

    One value is recommended, with the reason, or none, and what may mislead is said in words.

    
    Example:
      layerscape dimension vectors.npy
      layerscape dimension table.parquet:embedding
    """
    from layerscape.core.lists import LooksLikeGraph
    from layerscape.core.representation import Representation
    from layerscape.inputs import read_matrix
    from layerscape.questions.dimension_report import dimension_report

    kinds = [name for name in controls.split(",") if name]
    matrix = read_matrix(a)
    try:
        found = dimension_report(Representation(matrix) if vectors else matrix, controls=kinds, **options)
    except LooksLikeGraph as error:
        raise InvalidValue(
            f"{error.looks}; say --vectors if it holds vectors all the same. Of what it looks like one dimension is "
            f"read by: layerscape estimate twonn {a} {error.option}"
        ) from None
    record = found.to_dict()
    if record["value"] is None:
        lines = ["dimension: none recommended"]
    else:
        lines = [f"dimension: {number(found.value)}, 95 % interval {number(found.low)} to {number(found.high)}"]
    lines[0] += f" ({found.n_samples} samples × {found.n_units} units)"
    lines.append(f"because {found.reason}.")
    for name, estimate in found.estimates.items():
        lines.append(f"{name}: {number(estimate.value)} ({number(estimate.low)} to {number(estimate.high)})")
        lines += _curve(estimate)
    lines += [f"control {name}, gride: {number(estimate.value)}" for name, estimate in found.controls.items()]
    say("\n".join([*lines, *(f"warning: {words}" for words in found.warnings)]), as_json, record)

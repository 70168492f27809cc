"""Queries that are samples of their own: extracted by the model of a run into the folder ``queries`` within it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from layerscape.cli.given import OF_READING
from layerscape.cli.options import of_own_pairs, together
from layerscape.cli.show import note
from layerscape.cli.stages import extract_command, extracted

FOLDER = "queries"  # within that of the run of the references
OF_KIND = {"image": "vision", "text": "text"}  # the tower of a model with two that reads such samples

of_pairs_of_inputs = together(
    of_own_pairs,
    click.option(
        "--queries",
        type=click.Path(path_type=Path),
        metavar="FILE|FOLDER",
        help="The queries of these pairs, if others than INPUTS: all are read like INPUTS, and extracted by MODEL "
        "into DIR/queries. Of a model with two towers each side is seen by that for its kind.",
    ),
)


def asking(queries: Path, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The samples of the queries, at which nothing was read but files and columns, and the options that extract them.

    Parameters
    ----------
    queries
        What ``--queries`` names.
    options
        Those with which INPUTS are extracted.
    """
    from layerscape.inputs import check_there
    from layerscape.pipeline.beforehand import first_look

    check_there(queries)
    of_inputs = {"labels": None, "limit": None, "sample_seed": None, "features": None, "loss": False}
    chosen = {**options, **of_inputs, "out": options["out"] / FOLDER}
    reading = {name: chosen[name] for name in OF_READING if name != "kind"}
    samples = first_look(str(queries), chosen["kind"], (), {**reading, "labels": None})
    if chosen["part"] in OF_KIND.values():
        chosen["part"] = OF_KIND.get(samples.kind, chosen["part"])
    return samples, chosen


def extracted_queries(model: str, queries: Path, options: Mapping[str, Any], progress: Any) -> Any:
    """The run of the queries, kept with the command that makes it alone."""
    own = asking(queries, options)[1]
    command = words_of(extract_command, {**own, "model": model, "inputs": str(queries)})
    return extracted(model, str(queries), own, command, progress, note=note)


def words_of(command: click.Command, given: Mapping[str, Any]) -> str:
    """The command line that gives a command these parameters."""
    words = ["layerscape", str(command.name)]
    for parameter in command.params:
        value = given.get(str(parameter.name))
        if isinstance(parameter, click.Argument):
            words.append(str(value))
        elif getattr(parameter, "is_flag", False):
            words += [parameter.opts[0]] if value else []
        elif value is not None and value != parameter.default:
            words += [parameter.opts[0], str(value)]
    return shlex.join(words)

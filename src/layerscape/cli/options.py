"""Options that several commands share. Those of a search are derived from what a search can be told."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import Field
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from layerscape.core.export import check_ending
from layerscape.core.keywords import FIELDS
from layerscape.core.nearness import Nearness
from layerscape.core.resources import Resources
from layerscape.errors import FileProblem, need

Command = Callable[..., Any]
HINTS = get_type_hints(Nearness) | get_type_hints(Resources)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, shown in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def type_of(hint: Any) -> Any:
    """The click type of an annotation: a Literal is a choice, an optional value is its type, a tuple several values."""
    if get_origin(hint) is tuple:
        return tuple(get_args(hint))
    if get_origin(hint) is Literal:
        return click.Choice(list(get_args(hint)))
    if get_origin(hint) in (UnionType, Union):
        return type_of(next(part for part in get_args(hint) if part is not type(None)))
    return hint


class Multiple(click.IntRange):
    """A whole number of at least 1, given in a larger unit."""

    def __init__(self, unit: int):
        super().__init__(min=1)
        self.unit = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return super().convert(value, param, ctx) * self.unit


def search_parameters(without: Collection[str] = ()) -> list[click.Option]:
    """One option per keyword of a search."""
    return [_parameter(name, each) for name, each in FIELDS.items() if name not in without]


def _parameter(name: str, each: Field[Any]) -> click.Option:
    unit = each.metadata.get("unit", 1)
    kind = Multiple(unit) if unit > 1 else click.IntRange(1) if name == "threads" else type_of(HINTS[name])
    default = each.default // unit if unit > 1 else each.default
    return click.Option(
        [f"--{name.replace('_', '-')}", name],
        type=kind,
        default=default,
        show_default=default is not None,
        help=each.metadata["help"],
    )


def search_options(without: Collection[str] = ()) -> Callable[[Command], Command]:
    """The keywords of a search as options of a command."""

    def decorate(command: Command) -> Command:
        known = command.__dict__.setdefault("__click_params__", [])
        known.extend(reversed(search_parameters(without)))
        return command

    return decorate


class Metrics(click.ParamType):
    """Metrics by name, comma-separated, each once."""

    name = "METRIC[,METRIC]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(dict.fromkeys(map(partial(_metric.convert, param=param, ctx=ctx), value.split(","))))


_metric: Any = type_of(HINTS["metric"])
of_leading_metric = click.option(
    "--metric",
    type=_metric,
    help="By which distance a layer is named.  [default: the one that the model is deployed with, or else euclidean; "
    "what the other says is said too]",
)
of_both_metrics = click.option(
    "--metric",
    "metrics",
    type=Metrics(),
    help="By which distances neighbors are found.  [default: euclidean and cosine, the one that the model is deployed "
    "with first]",
)
of_metrics = click.option(
    "--metric",
    "metrics",
    type=Metrics(),
    default="euclidean",
    show_default=True,
    help="By which distance neighbors are found; of several what reads no neighbors is measured once.",
)


class RowCount(click.ParamType):
    """A number of rows, or auto."""

    name = "ROWS|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        return "auto" if value == "auto" else click.IntRange(0).convert(value, param, ctx)


def lag_parameter() -> click.Option:
    """How long samples say something of those that follow."""
    return click.Option(
        ["--lag"],
        type=RowCount(),
        help="Samples follow each other in time: those within so many rows are no neighbors (auto: until the "
        "autocorrelation is below 0.1), and chance is what shifts in time give.",
    )


def of_lag(command: Command) -> Command:
    """The same for a command."""
    command.__dict__.setdefault("__click_params__", []).append(lag_parameter())
    return command


def _columns(_: click.Context, __: click.Parameter, given: str | None) -> list[str] | None:
    return None if given is None else given.split(",")


of_repeats = click.option(
    "--repeats",
    metavar="COLUMN[,COLUMN]",
    callback=_columns,
    help="Label column of conditions that were measured several times, as the stimulus of trials, and one of which "
    "repeat it is, as a session: means over repeats are measured, and comparisons get their noise ceiling.",
)
of_groups = together(
    click.option(
        "--groups",
        metavar="COLUMN",
        help="Label column of samples that belong together, as trials of a subject do: chance and intervals then count "
        "groups.",
    ),
    click.option(
        "--own-group",
        type=click.Choice(["kept", "left_out"]),
        help="Whether members of a sample's own group may be its neighbors.  [default: yes, but for labels that are "
        "the same for all of a group]",
    ),
)


def _opened(_: click.Context, __: click.Parameter, path: str | None) -> Any:
    """A run that is not the one that the command is about."""
    if path is None:
        return None
    from layerscape.run import open_run

    return open_run(path)


of_own_pairs = click.option(
    "--pairs",
    "--relevant",
    "pairs",
    metavar="COLUMN|FILE",
    help="Who answers whom, for measures of pairs (recall, …): a label column whose values partners share, or a table "
    "of ids with the columns query, relevant and perhaps grade; see docs/pairs.md.",
)
of_pairs = together(
    of_own_pairs,
    click.option(
        "--queries",
        metavar="RUN",
        callback=_opened,
        help="The run whose samples are the queries of these pairs, if another.",
    ),
)


def _cluster(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    """What it needs is asked for before anything is opened."""
    if given is not None:
        need("slurm" if given.startswith("slurm:") else "cluster")
    return given


of_cluster = click.option(
    "--cluster",
    callback=_cluster,
    metavar="tcp://…|local:N|slurm:FILE",
    help="The machines that do it: a dask scheduler, N processes of this machine, or jobs as FILE (YAML) says; see "
    "docs/large.md.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


def _csv(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Name and folder are checked before anything is measured."""
    if path is not None:
        check_ending(path, ".csv")
        if path.is_dir() or not path.parent.is_dir():
            why = "it is a folder" if path.is_dir() else f"{path.parent} is no folder"
            raise FileProblem(f"cannot write {path}: {why}; give another --csv")
    return path


to_csv = click.option(
    "--csv",
    type=click.Path(path_type=Path),
    callback=_csv,
    help="Write the table to this file too, NAME.csv; see docs/guide.md.",
)
a_run = click.argument("run", type=click.Path(path_type=Path))

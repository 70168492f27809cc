"""How the command line is told that files hold graphs of other tools, and no vectors."""

from __future__ import annotations

from typing import Any

import click

from layerscape.errors import InvalidValue


def graph_parameters(each: str) -> list[click.Parameter]:
    """What the files are; ``each`` says of which there are distances."""
    return [
        click.Option(
            ["--indices/--vectors", "as_indices"],
            default=None,
            help="The files hold row numbers of neighbors, one row per sample; or vectors, whatever they look like.",
        ),
        click.Option(
            ["--square", "as_square"],
            is_flag=True,
            help="The files hold distances from every sample to every other, N × N.",
        ),
        click.Option(
            ["--distances"],
            metavar="FILE",
            multiple=True,
            help=f"Beside row numbers: how far these neighbors are, a file for each of {each}",
        ),
        click.Option(
            ["--self-first/--no-self", "self_first"],
            default=None,
            help="With row numbers: whether each row lists the sample itself.  [default: yes, if first in every row]",
        ),
    ]


def kind_of(as_indices: bool | None, as_square: bool) -> Any:
    """What the files hold, of the kinds of `from_files`; None if nobody said."""
    if as_square and as_indices is not None:
        raise InvalidValue("the files hold distances between all samples, or row numbers, or vectors; say one of them.")
    return "square" if as_square else {True: "indices", False: "vectors", None: None}[as_indices]

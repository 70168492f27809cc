"""`layerscape plan`: what a search will take, before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.options import search_options
from layerscape.cli.show import say


@click.command(name="plan")
@click.argument("data", metavar="RUN | N,D[,LAYERS]")
@click.option("--k", type=click.IntRange(1), default=30, show_default=True, help="Number of neighbors.")
@click.option(
    "--precision", type=float, default=0.02, show_default=True, help="Half the width of the interval that is wanted."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Machines that share the work.",
)
@click.option("--network", type=float, default=1.25, show_default=True, help="GB a second that reach each of them.")
@search_options()
@shared.as_json
def plan_command(
    data: str, k: int, precision: float, workers: int, network: float, as_json: bool, **search: Any
) -> None:
    """What a search of all layers will take here and on several machines, and how few queries are enough.

    Of a RUN, or of a number of samples, units and layers: 1000000,768,13. It tries this machine for about two seconds.
    """
    from layerscape.pipeline.plan import plan
    from layerscape.run import open_run

    numbers = data.split(",")
    shape = [int(each) for each in numbers if each.strip().isdecimal()]
    given: Any = shape if len(shape) == len(numbers) > 1 else open_run(Path(data))
    found = plan(given, k=k, precision=precision, workers=workers, network=network * 1e9, **search)
    say(str(found), as_json, found.told())

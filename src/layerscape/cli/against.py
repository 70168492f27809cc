"""The command that holds a value of runs against their scores: `against`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.options import search_options
from layerscape.cli.show import bars, note, plain, rows, save_table, say
from layerscape.cli.wishes import check_wishes
from layerscape.errors import InvalidValue


@click.command(name="against")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--score",
    required=True,
    metavar="FILE[:COLUMN]|NAME",
    help="A table with a column step or run, and one of the score, named where it has several; or what the trainer's "
    "own log said at each step, as loss.",
)
@click.option("--measure", default="twonn", show_default=True, help="Of one layer, or of one layer and a label.")
@click.option(
    "--at", default="last", show_default=True, help="last, highest, lowest or mean of the layers, or the name of one."
)
@click.option("--label", help="The label column, for measures that read one.")
@click.option("--aside", metavar="FILE:COLUMN", help="A further number per run, as its size, to be set aside.")
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: the measure's own]")
@search_options()
@shared.to_csv
@shared.as_json
def against_command(
    runs: tuple[Path, ...], score: str, aside: str | None, csv: Path | None, as_json: bool, **options: Any
) -> None:
    """How a value of RUNS goes with their scores: the dimension of the last layer with accuracy, say.

    RUNS are runs, or one folder of runs that are a series. Runs are the unit: of few of them little is told.

    \b
    Example:
      layerscape against runs/training --score accuracy.csv
      layerscape against runs/small runs/base runs/large runs/huge --score accuracy.csv --aside accuracy.csv:parameters
    """
    from layerscape.measures import find_measure
    from layerscape.questions.against import against
    from layerscape.run import Run, open_run
    from layerscape.runs import open_run_or_series

    check_wishes(options, [find_measure(options["measure"])])
    opened: Any = [open_run(path) for path in runs] if len(runs) > 1 else open_run_or_series(Path(*runs))
    if isinstance(opened, Run):
        raise InvalidValue(f"one run, {opened.path}; give four or more, or a folder of runs that are a series.")
    more = {aside.rpartition(":")[2] or aside: aside} if aside else None
    with bars() as progress:
        found = against(opened, score, aside=more, progress=progress, **options)
    for text in found.warnings:
        note(text)
    record = {"sentence": found.sentence, "rows": [plain(row) for row in found.table.to_dict("records")]}
    record |= {"correlation": vars(found.correlation), "aside": found.aside and vars(found.aside)}
    say(f"{rows(found.table)}\n\n{found.sentence}.", as_json, record)
    if csv:
        save_table(found.table, csv)

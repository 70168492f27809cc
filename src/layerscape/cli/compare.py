"""The command that compares two runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscape.cli.show import note, number, progress_bars, say
from layerscape.cli.stages import plain

if TYPE_CHECKING:
    import pandas as pd

LOWER_IS_CLOSER = ("information_imbalance",)


@click.command(name="compare")
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option("--measures", help="Names, comma-separated.  [default: those of the standard profile that compare]")
@click.option("--k", type=click.IntRange(1), default=30, show_default=True, help="Number of neighbors.")
@click.option("--metric", type=click.Choice(["euclidean", "cosine"]), default="euclidean", show_default=True)
@click.option("--device", default="auto", show_default=True, help="That searches: auto, cpu, cuda, cuda:1.")
@click.option("--threads", type=click.IntRange(1), help="[default: OMP_NUM_THREADS, or all processors]")
@click.option("--csv", type=click.Path(path_type=Path), help="Write the table of all pairs to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def compare_command(
    run_a: Path, run_b: Path, measures: str | None, csv: Path | None, as_json: bool, **options: Any
) -> None:
    """Every layer of RUN_A against every layer of RUN_B, samples matched by id.

    \b
    Example:
      layerscape compare runs/dino runs/mae --measures overlap,information_imbalance --csv pairs.csv
    """
    from layerscape.pipeline.compare import compare
    from layerscape.run import open_run

    a, b = open_run(run_a), open_run(run_b)
    with progress_bars() as progress:
        table = compare(a, b, measures.split(",") if measures else None, progress=progress, **options)
    if csv:
        table.to_csv(csv, index=False)
        note(f"the table is in {csv}")
    record = {"runs": [str(run_a), str(run_b)], "rows": [plain(row) for row in table.to_dict("records")]}
    of_measures = table.groupby("measure", sort=False)
    text = "\n\n".join(_closest(str(name), rows, b.name) for name, rows in of_measures)
    say(text, as_json, record)


def _closest(measure: str, table: pd.DataFrame, other: str) -> str:
    """For every layer of the first run the layer of the second that is closest by one measure."""
    head = f"{'layer':<28} {'closest':<28} {'value':>8} {'95 %':>17} {'chance':>8}"
    lines = [f"{measure}: closest layer of {other}", head]
    for layer, rows in table.groupby("layer", sort=False):
        known = rows[rows.value.notna()]
        if known.empty:
            lines.append(f"{layer!s:<28} {rows.warnings.iloc[0]}")
            continue
        best = known.loc[known.value.idxmin() if measure in LOWER_IS_CLOSER else known.value.idxmax()]
        interval = f"{number(best.low)}…{number(best.high)}"
        lines.append(
            f"{layer!s:<28} {best.other_layer:<28} {number(best.value):>8} {interval:>17} {number(best.chance):>8}"
        )
    return "\n".join(lines)

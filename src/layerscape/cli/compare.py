"""The command that compares the layers of runs: `compare`."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscape.cli import options as shared
from layerscape.cli.options import search_options
from layerscape.cli.show import bars, independent, note, note_held, number, plain, rows, save_table, say
from layerscape.cli.wishes import check_wishes
from layerscape.errors import InvalidValue

if TYPE_CHECKING:
    import pandas as pd

    from layerscape.core.measure import Measure
    from layerscape.questions.changes import Changes
    from layerscape.run import Run

PERMUTATIONS = 199  # where three runs or more are compared


@click.command(name="compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--measures", help="Names, comma-separated.  [default: those of the standard profile that compare]")
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: each measure's own, mostly 30]")
@click.option(
    "--permutations",
    type=int,
    help="By how many permutations of the samples the closest of all pairs is judged.  [default: 199 for three runs or "
    "more, none for two]",
)
@click.option("--pairs", "--relevant", "pairs", hidden=True, help="Refused, in words that say what to ask instead.")
@shared.of_groups
@shared.of_lag
@shared.of_repeats
@search_options()
@shared.to_csv
@shared.as_json
def compare_command(
    runs: tuple[Path, ...],
    measures: str | None,
    permutations: int | None,
    csv: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Every layer of the first of RUNS against every layer of the second, samples matched by id.

    Of two that have the same layers, as a model and what was fine-tuned from it, it is said first what changed: in
    which layers, for which samples, and for which classes of the labels of the first.

    Of three RUNS or more every two are compared: a matrix of how close their closest layers are, 0 for no closer than
    unrelated samples and 1 for the same.

    \b
    Examples:
      layerscape compare runs/dino runs/mae --measures overlap,information_imbalance --csv pairs.csv
      layerscape compare runs/base runs/finetuned --measures overlap
      layerscape compare runs/dino runs/mae runs/clip --measures overlap
    """
    from layerscape.questions.chosen import check_chosen
    from layerscape.questions.compare import compare, comparing
    from layerscape.run import open_run

    if len(runs) < 2:
        raise InvalidValue(f"one run, {', '.join(map(str, runs))}; give two to compare, or more.")
    if len(runs) > 2 and permutations is None:
        permutations = PERMUTATIONS
    chosen = comparing(measures.split(",") if measures else None)
    check_chosen(chosen, permutations)
    check_wishes(options, chosen)
    opened = [open_run(run) for run in runs]
    with bars() as progress:
        tables = [
            compare(a, b, chosen, permutations=permutations, progress=progress, **options)
            for a, b in combinations(opened, 2)
        ]
        changed = _changes(opened, chosen, options, progress)
    note_held(_joined(tables))
    record = {"runs": list(map(str, runs)), "rows": [plain(row) for each in tables for row in each.to_dict("records")]}
    record |= {"changes": changed and _changes_record(changed)}
    first = [_changes_said(changed)] if changed else []
    said = [*first, *_said(tables, list(map(str, runs)), permutations)]
    say("\n\n".join(said) + independent(options), as_json, record)
    if csv:
        save_table(_joined(tables), csv)


def _changes(opened: list[Run], chosen: list[Measure], options: dict[str, Any], progress: Any) -> Changes | None:
    """What changed between two runs of the same layers, by the first of the measures that can say so."""
    from layerscape.core.keywords import FIELDS
    from layerscape.questions.changes import changes, says_changes

    able = [m for m in chosen if says_changes(m)]
    apart = any(options.get(name) is not None for name in ("lag", "repeats"))
    if len(opened) != 2 or dict(opened[0].depths) != dict(opened[1].depths) or not able or apart:
        return None
    read = (*FIELDS, "groups", *(["own_group"] if able[0].searches else []))
    given = {name: options[name] for name in read if name in options}
    return changes(
        opened[0], opened[1], able[0], k=options["k"] if "k" in able[0].options else None, progress=progress, **given
    )


def _changes_record(found: Changes) -> dict[str, Any]:
    """The findings and the tables, of the samples the first 20."""
    tables = {"layers": found.table, "classes": found.classes, "samples": found.samples.head(20)}
    lists = {name: [plain(row) for row in table.to_dict("records")] for name, table in tables.items()}
    return {"findings": found.findings, "changed": found.changed, **lists, "warnings": list(found.warnings)}


def _changes_said(found: Changes) -> str:
    for text in found.warnings:
        note(text)
    shown = found.table[["layer", "kept", "low", "high", "chance", "further", "further_low", "further_high", "p_holm"]]
    return "\n".join([f"What changed from {found.base} to {found.other}:", *found.findings, "", rows(shown)])


def _said(tables: list[pd.DataFrame], runs: list[str], permutations: int | None) -> list[str]:
    """What is said of the tables of every two runs, in their order."""
    from layerscape.questions.chosen import said_of_map

    of_measure: dict[str, list[pd.DataFrame]] = {}
    for table in tables:
        for name, own in table.groupby("measure", sort=False):
            of_measure.setdefault(str(name), []).append(own)
    said = []
    for name, maps in of_measure.items():
        if len(runs) == 2:
            said += [_closest(name, maps[0], maps[0].other_run.iloc[0])]
        else:
            said += [_matrix(name, maps, runs)]
        if permutations is not None:
            pairs = [f"{name}, {a} and {b}" if len(runs) > 2 else name for a, b in combinations(runs, 2)]
            said += ["\n".join(said_of_map(own, title) for own, title in zip(maps, pairs, strict=True))]
    if permutations is None:
        said += ["The closest of many pairs is closer than one by chance: --permutations 199 says whether it is more."]
    return said


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]


def _matrix(measure: str, maps: list[pd.DataFrame], runs: list[str]) -> str:
    """How close the closest layers of every two runs are: the largest calibrated value of their map."""
    largest = {pair: own.calibrated.max() for pair, own in zip(combinations(range(len(runs)), 2), maps, strict=True)}
    width = max(10, *map(len, runs)) + 2
    lines = [f"{measure}: the closest layers of every two runs, calibrated by unrelated samples"]
    lines.append(" " * width + "".join(name.rjust(width) for name in runs))
    for row, name in enumerate(runs):
        cells = [largest.get((min(row, other), max(row, other))) for other in range(len(runs))]
        lines.append(name.ljust(width) + "".join(("" if one is None else number(one)).rjust(width) for one in cells))
    return "\n".join(lines)


def _closest(measure: str, table: pd.DataFrame, other: str) -> str:
    """For every layer of the first run the layer of the second that is closest by one measure."""
    from layerscape.measures import find_measure

    head = f"{'layer':<28} {'closest':<28} {'value':>8} {'95 %':>17} {'chance':>8}"
    lines = [f"{measure}: closest layer of {other}", head]
    lower = find_measure(measure).closer == "low"
    for layer, own in table.groupby("layer", sort=False):
        known = own[own.value.notna()]
        if known.empty:
            lines.append(f"{layer!s:<28} {own.warnings.iloc[0]}")
            continue
        best = known.loc[known.value.idxmin() if lower else known.value.idxmax()]
        interval = f"{number(best.low)}…{number(best.high)}"
        lines.append(
            f"{layer!s:<28} {best.other_layer:<28} {number(best.value):>8} {interval:>17} {number(best.chance):>8}"
        )
    return "\n".join(lines)

"""The commands that answer a question of a run: `differences` and `recommend`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.options import led, search_options
from layerscape.cli.show import bars, independent, plain, rows, save_table, say
from layerscape.cli.wishes import check_wishes


@click.command(name="differences")
@shared.a_run
@click.argument("other", type=click.Path(path_type=Path), required=False)
@click.option("--measures", help="Names, comma-separated.  [default: the dimension by TwoNN, and label overlap]")
@click.option("--labels", help="Label columns, comma-separated.  [default: all of categories]")
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: each measure's own]")
@shared.of_groups
@search_options()
@shared.to_csv
@shared.as_json
def differences_command(
    run: Path,
    other: Path | None,
    measures: str | None,
    labels: str | None,
    csv: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Whether each layer of RUN differs from the one before it, or from its counterpart in OTHER.

    Differences of dimension, of label overlap (above chance) or of other measures of one layer, tested on the same
    samples; p is corrected for the number of tests.

    
    Examples:
      layerscape differences runs/dino
      layerscape differences runs/finetuned runs/pretrained --measures label_overlap
    """
    from layerscape.questions.differences import differences, tested
    from layerscape.run import open_run

    chosen = {"measures": tested(measures.split(",") if measures else None)}
    check_wishes(options, chosen["measures"])
    a, b = open_run(run), open_run(other) if other else None
    chosen |= {"labels": labels.split(",") if labels else None}
    with bars() as progress:
        table = differences(a, b, **chosen, progress=progress, **options)
    shown = ["layer", "other_layer", "measure", "label", "value", "other_value", "difference", "low", "high", "p_holm"]
    differ = int((table.p_holm < 0.05).sum())
    text = f"{differ} of {len(table)} differ (p < 0.05 after Holm's correction for {len(table)} tests)."
    named = {"runs": [str(path) for path in (run, other) if path]}
    record = named | {"rows": [plain(row) for row in table.to_dict("records")]}
    say(f"{rows(table[shown])}{independent(options)}\n\n{text}", as_json, record)
    if csv:
        save_table(table, csv)


@click.command(name="recommend")
@shared.a_run
@click.option("--labels", help="Label columns, comma-separated; of real numbers too.  [default: all of categories]")
@shared.of_own_pairs
@click.option("--by", metavar="MEASURE", help="By which layers are judged.  [default: label overlap; recall of pairs]")
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: the measure's own, mostly 30]")
@click.option("--permutations", type=click.IntRange(19), default=99, show_default=True, help="Of the labels.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of permutations and subsets.")
@shared.of_groups
@search_options()
@shared.as_json
def recommend_command(run: Path, labels: str | None, as_json: bool, **options: Any) -> None:
    """Which layer of RUN to use, why, and how sure that is; by the labels that RUN has.

    \b
    Example:
      layerscape recommend runs/dino --labels species
    """
    from layerscape.questions.evidence import judge_by
    from layerscape.questions.recommend import recommend
    from layerscape.run import open_run

    check_wishes({**options, "by": None}, [judge_by(options["by"], pairs=options["pairs"] is not None)])
    with bars() as progress:
        found = recommend(
            open_run(run), labels=labels.split(",") if labels else None, progress=progress, **led(options)
        )
    text, records = found.reason, []
    if found.table is not None:
        records = [plain(row) for row in found.table.to_dict("records")]
        text += "\n\n" + rows(found.table)
    keys = ("layer", "reason", "equals")
    sure = None if found.table is None else found.sure
    say(
        text + independent(options),
        as_json,
        {**{key: getattr(found, key) for key in keys}, "sure": sure, "rows": records},
    )

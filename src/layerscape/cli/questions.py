"""The commands that answer a question of a run: `differences` and `recommend`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.options import search_options
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

    Of a folder of runs that are a series: from itself at the step before, and at the last step from the first.
    Differences of dimension, of label overlap (above chance) or of other measures of one layer, tested on the same
    samples; p is corrected for the number of tests.

    
    Examples:
      layerscape differences runs/dino
      layerscape differences runs/training
      layerscape differences runs/finetuned runs/pretrained --measures label_overlap
    """
    from layerscape.questions.differences import differences, tested
    from layerscape.run import open_run
    from layerscape.runs import open_run_or_series

    chosen = {"measures": tested(measures.split(",") if measures else None, grouped=bool(options.get("groups")))}
    check_wishes(options, chosen["measures"])
    a, b = (open_run(run), open_run(other)) if other else (open_run_or_series(run), None)
    chosen |= {"labels": labels.split(",") if labels else None}
    with bars() as progress:
        table = differences(a, b, **chosen, progress=progress, **options)
    shown = [name for name in ("step", "other_step") if name in table]
    shown += ["layer", "other_layer", "measure", "label", "value", "other_value", "difference", "low", "high", "p_holm"]
    differ, tests = int((table.p_holm < 0.05).sum()), int(table.p_holm.notna().sum())
    text = f"{differ} of {tests} differ (p < 0.05 after Holm's correction for {tests} tests)."
    if whys := [*dict.fromkeys(table.warnings[table.p_holm.isna()])]:
        others = " (--json has the other reasons)" if len(whys) > 1 else ""
        text += f"\n{len(table) - tests} could not be tested: {whys[0]}{others}"
    named = {"runs": [str(path) for path in (run, other) if path]}
    record = named | {"rows": [plain(row) for row in table.to_dict("records")]}
    say(f"{rows(table[shown])}{independent(options)}\n\n{text}", as_json, record)
    if csv:
        save_table(table, csv)


@click.command(name="recommend")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--labels", help="Label columns, comma-separated; of real numbers too.  [default: all of categories]")
@shared.of_pairs
@click.option("--by", metavar="MEASURE", help="By which layers are judged.  [default: label overlap; recall of pairs]")
@click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: the measure's own, mostly 30]")
@click.option("--permutations", type=click.IntRange(19), default=99, show_default=True, help="Of the labels.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of permutations and subsets.")
@shared.of_groups
@search_options(without=["metric"])
@shared.of_leading_metric
@shared.as_json
def recommend_command(runs: tuple[Path, ...], labels: str | None, as_json: bool, **options: Any) -> None:
    """Which layer of RUN to use, why, and how sure that is; by the labels that RUN has.

    Of several RUNS (checkpoints, models) the layers of all stand in one ranking, by the samples that all of them have
    and the labels of the first.

    \b
    Examples:
      layerscape recommend runs/dino --labels species
      layerscape recommend runs/dino runs/mae runs/clip --labels species
      layerscape recommend runs/passages --queries runs/questions --relevant qrels.tsv --by ndcg
    """
    from layerscape.questions.evidence import judge_by
    from layerscape.questions.recommend import recommend
    from layerscape.run import open_run

    search = {name: value for name, value in options.items() if name != "metric" or value}
    check_wishes({**search, "by": None}, [judge_by(options["by"], pairs=options["pairs"] is not None)])
    opened = [open_run(run) for run in runs]
    with bars() as progress:
        found = recommend(*opened, labels=labels.split(",") if labels else None, progress=progress, **search)
    text, records = found.reason, []
    if found.table is not None:
        records = [plain(row) for row in found.table.to_dict("records")]
        text += "\n\n" + rows(found.table)
    record = {"layer": found.layer, "reason": found.reason, "equals": found.equals}
    record |= {"sure": None if found.table is None else found.sure, "rows": records}
    if len(runs) > 1:
        which = [str(path) for path, run in zip(runs, opened, strict=True) if run is found.run]
        record |= {"runs": list(map(str, runs)), "run": which[0] if which else None}
    say(text + independent(options), as_json, record)

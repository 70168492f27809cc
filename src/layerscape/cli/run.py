"""`layerscape run`: all stages of a run, one after the other, and its page."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from layerscape.cli import options as shared
from layerscape.cli.given import OF_MEASURING, of_inputs, of_measuring, of_model
from layerscape.cli.options import search_options
from layerscape.cli.queries import asking, extracted_queries, of_pairs_of_inputs
from layerscape.cli.show import bars, note, say
from layerscape.cli.stages import extracted_now, measured
from layerscape.cli.wishes import check_columns, check_wishes, refusing
from layerscape.core.keywords import FIELDS
from layerscape.errors import LayerscapeError, need


@click.command(name="run")
@click.argument("model")
@click.argument("inputs")
@of_inputs
@of_model
@of_measuring
@search_options(without=["device", "metric"])
@shared.of_both_metrics
@of_pairs_of_inputs
@shared.as_json
def run_command(model: str, inputs: str, as_json: bool, **options: Any) -> None:
    """Extract, search, measure, report: one folder, one page.

    INPUTS is a folder of images, a file of texts, proteins or arrays, or 'hf:NAME[split]:column', a data set of the
    hub; docs/guide.md lists what files hold.

    What reads neighbors is measured by both metrics, so that a verdict that turns with the metric is seen; groups,
    controls and protocols by the one that leads. --metric with one name leaves the other out.

    \b
    Examples:
      layerscape run facebook/dinov2-small photos/ --out runs/dino
      layerscape run gpt2 questions.csv --text-column text --limit 5000 --out runs/gpt2
      layerscape run demo digits --out runs/digits
      layerscape run intfloat/e5-small passages.csv --queries questions.csv --relevant qrels.tsv --out runs/e5
    """
    need("models", "report")
    from layerscape.pipeline.metrics import both_metrics
    from layerscape.reports import findings, report

    metrics = options.pop("metrics")
    search = {name: options.pop(name) for name in FIELDS if name not in ("device", "metric")}
    search["device"] = "auto" if options["device"] == "mps" else options["device"]  # which does not search
    measuring = search | {name: options.pop(name) for name in OF_MEASURING}
    check_wishes(measuring)
    queries, seen = measuring["queries"], dict(options)
    checks = measuring | ({"queries": asking(queries, seen)[0]} if queries else {})
    with bars() as progress:
        run = extracted_now(model, inputs, options, refusing(measuring["k"], progress), partial(check_columns, checks))
        measuring["queries"] = extracted_queries(model, queries, seen, progress) if queries else None
        measuring["measures"] = measuring["measures"] or (_of_both() if queries else None)
        measuring["metrics"] = metrics or both_metrics(run)
        measured(run, measuring | {"by": None}, progress)
        if options["protocol"]:
            own = {name: measuring[name] for name in ("by", "seed")}
            measured(
                run, search | own | {"metrics": metrics or ("euclidean",), "protocol": options["protocol"]}, progress
            )
        if measuring["by"]:
            measured(run, measuring | {"metrics": measuring["metrics"][:1], "controls": None}, progress)
        if measuring["lag"] or measuring["repeats"]:
            so = "follow each other in time" if measuring["lag"] else "repeat each other"
            note(f"no layer is recommended: recommend takes samples as independent, and these {so}")
            run.folder.forget_recommendation()  # of an earlier command, which took them so
        else:
            judging = {
                name: measuring[name] for name in ("k", "pairs", "queries", "groups", "own_group") if measuring[name]
            }
            judging |= {"metric": metrics[0]} if metrics else {}
            _recommend(run, search | judging, progress)
        page = report(run, progress=progress)
    found = findings(run)
    text = "\n".join([*found[:4], f"The page: {page}"])
    say(text, as_json, {"run": str(run.path), "report": str(page), "findings": found})


def _of_both() -> str:
    """The standard profile of the samples of a run, and of pairs, comma-separated."""
    from layerscape.pipeline.measure import asked_of

    return ",".join(m.name for m in asked_of(None, pairs=True))


def _recommend(run: Any, options: dict[str, Any], progress: Any) -> None:
    """Which layer to use by the labels, for the page; labels that allow no answer must not cost the run."""
    import warnings

    from layerscape.questions.recommend import recommend

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # measuring has said which columns are left out
            recommend(run, progress=progress, **options)
    except LayerscapeError as error:
        note(f"no layer is recommended: {error}")

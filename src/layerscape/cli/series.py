"""The command for the checkpoints of a training: `series`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import click

from layerscape.cli import options as shared
from layerscape.cli.given import OF_MEASURING, of_inputs, of_measuring, of_model
from layerscape.cli.options import search_options
from layerscape.cli.show import bars, note, say
from layerscape.cli.stages import extracted_now, measured
from layerscape.cli.wishes import check_columns, check_wishes, refusing
from layerscape.core.keywords import FIELDS
from layerscape.core.names import paths_like
from layerscape.core.step_names import Step, steps_in
from layerscape.core.words import firsts
from layerscape.errors import FileProblem, InvalidValue, need, unknown_name

UNTRAINED = "untrained"


class Checkpoint(NamedTuple):
    """What one run of a series is made of, in a folder of this name."""

    name: str
    model: str
    revision: str | None = None
    random_init: int | None = None


@click.command(name="series")
@click.argument("model")
@click.argument("inputs")
@click.option("--revisions", help="Versions of MODEL on the hub, comma-separated, in their order: step1000,step4000,….")
@click.option("--steps", help="The step of each checkpoint, comma-separated.  [default: the number in its name]")
@click.option(
    "--untrained", is_flag=True, help="Random weights too, before the first: --random-init says by which seed, or 0."
)
@of_inputs
@of_model
@of_measuring
@search_options(without=["device"])
@shared.as_json
def series_command(
    model: str,
    inputs: str,
    revisions: str | None,
    steps: str | None,
    untrained: bool,
    out: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Checkpoints of one training: each extracted and measured, compared with the others, on one page.

    MODEL is a pattern of folders ('checkpoints/checkpoint-*'), a name whose versions --revisions lists, or a pattern of
    files of weights with the --factory of their network. Each makes a run in OUT; what is there already is not made
    again, so that a series that was interrupted goes on, and one to which checkpoints came grows.

    \b
    Examples:
      layerscape series 'training/checkpoint-*' questions.csv --out runs/training
      layerscape series EleutherAI/pythia-70m questions.csv --revisions step1000,step8000,step143000 --untrained \\
        --out runs/pythia
      layerscape series 'weights_*.pt' pictures.npy --factory networks:make --out runs/mine
      layerscape series demo digits --revisions untrained,step_0050,step_0150,step_0400,final --out runs/demo
    """
    need("models", "report")
    from layerscape.inputs.trainer_log import logged_at
    from layerscape.reports import report
    from layerscape.reports.through import ThroughSteps, found_through
    from layerscape.runs import series
    from layerscape.storage import tell_scalars

    if options.pop("revision"):
        raise InvalidValue("--revision is of one run; give --revisions, comma-separated.")
    seed = options.pop("random_init")
    if seed is not None and not untrained:
        raise InvalidValue("--random-init without --untrained; untrained weights are all the same at every step.")
    search = {name: options.pop(name) for name in FIELDS if name != "device"}
    search["device"] = "auto" if options["device"] == "mps" else options["device"]  # which does not search
    measuring = search | {name: options.pop(name) for name in OF_MEASURING if name in options}
    check_wishes(measuring)
    found = _checkpoints(model, revisions, (seed or 0) if untrained else None, of_files=bool(options["factory"]))
    numbers = _steps(model, found, steps.split(",") if steps else None)
    with bars() as progress:
        runs, beforehand = [], (refusing(measuring["k"], progress), partial(check_columns, measuring))
        for one, step in zip(found, numbers, strict=True):
            note(f"{one.name}: step {step}")
            wish = {**options, "revision": one.revision, "random_init": one.random_init, "step": step}
            runs.append(extracted_now(one.model, inputs, {**wish, "out": out / one.name}, *beforehand))
            if one.random_init is None and (logged := logged_at(Path(one.model))):
                tell_scalars(runs[-1].path, logged)
        whole = series(runs, steps=numbers)
        measured(whole, measuring | {"metrics": (measuring.pop("metric"),)}, progress)
        page = report(whole, progress=progress)
    said = [each.text for each in found_through(ThroughSteps(whole))]
    record = {"series": str(out), "steps": list(whole.steps), "report": str(page), "findings": said}
    say("\n".join([*said, f"The page: {page}"]), as_json, record)


def of_one_run(given: dict[str, Any], name: str) -> dict[str, Any]:
    """What the command was given, for the one of its runs that lies in a folder of this name."""
    seed = (given["random_init"] or 0) if given["untrained"] else None
    found = _checkpoints(given["model"], given["revisions"], seed, of_files=bool(given["factory"]))
    one = next((one for one in found if one.name == name), None)
    if one is None:
        raise FileProblem(
            f"no checkpoint is called {name!r}, as the folder of the run is (there are: "
            f"{firsts([one.name for one in found])}); give the checkpoint, or that folder, its name back"
        )
    return {**given, "model": one.model, "revision": one.revision, "random_init": one.random_init}


def _checkpoints(model: str, asked: str | None, seed: int | None, *, of_files: bool) -> list[Checkpoint]:
    """What there is a run of each of, in the order of the training; ``of_files`` if weights alone say enough."""
    named, revisions = paths_like(model), asked.split(",") if asked else []
    if named is not None:
        if revisions:
            raise InvalidValue(f"--revisions of the folders {model!r}; give the name of a model, or leave them out.")
        found = _named(named, model, of_files)
    elif not revisions:
        raise InvalidValue(
            f"{model!r} is one model; give the pattern of its checkpoints' folders, as 'training/checkpoint-*', or its "
            "versions with --revisions."
        )
    elif model == "demo":
        found = [Checkpoint(name, f"demo@{name}") for name in revisions]
    else:
        found = [Checkpoint(name.replace("/", "_"), model, name) for name in revisions]
    if seed is None:
        return found
    if model == "demo":
        raise InvalidValue("--untrained of the demo, which has such a checkpoint; name untrained in --revisions.")
    return [Checkpoint(UNTRAINED, found[0].model, found[0].revision, seed), *found]


def _named(paths: Sequence[Path], pattern: str, of_files: bool) -> list[Checkpoint]:
    """The checkpoints that a pattern names, in the order of the numbers in their names."""
    kept = [path for path in paths if of_files or path.is_dir()]
    if paths and not kept:
        raise FileProblem(
            f"{paths[0]} is a file, and weights alone do not say of what network they are: give the function that "
            "makes it, with --factory MODULE:FUNCTION."
        )
    if not kept:
        what = "file or folder is" if of_files else "folder is"
        raise FileProblem(f"no {what} called like {pattern!r}; give a pattern of folders with checkpoints.")
    names = [path.name if path.is_dir() else path.stem for path in kept]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise InvalidValue(f"{pattern!r} names two checkpoints called {twice[0]!r}; give a pattern that names one.")
    numbers = steps_in(names)
    order = sorted(range(len(kept)), key=numbers.__getitem__ if numbers else lambda place: place)
    return [Checkpoint(names[place], str(kept[place])) for place in order]


def _steps(model: str, found: Sequence[Checkpoint], given: Sequence[str] | None) -> Sequence[Step]:
    """The steps that were given or that the names say, 0 for what is untrained; else revisions, in their order."""
    if len(found) < 2:
        raise InvalidValue(f"one checkpoint, {found[0].name!r}; a series is of two or more.")
    names = [one.name for one in found if one.random_init is None]
    numbers: list[Any] | None
    if given is not None:
        numbers = [_number(text, given) for text in given]
        if len(numbers) not in (len(names), len(found)):
            raise InvalidValue(f"{len(numbers)} --steps of {len(names)} checkpoints; give one of each.")
        numbers = [0] * (len(found) - len(numbers)) + [int(each) if each.is_integer() else each for each in numbers]
        if twice := [each for place, each in enumerate(numbers) if each in numbers[:place]]:
            raise InvalidValue(f"step {twice[0]} is that of two checkpoints; give each its own.")
        return numbers
    if found[-1].model.startswith("demo@"):
        return [_of_demo(name) for name in names]
    numbers = steps_in(names)
    if numbers is None and paths_like(model) is not None:
        raise InvalidValue(
            f"the order of {firsts(names)} is not known: their names do not differ in one number; give --steps, one of "
            f"each, in this order: {', '.join(names)}."
        )
    if numbers is None:
        return [one.name for one in found]
    if len(found) > len(names) and 0 in numbers:
        raise InvalidValue("a checkpoint of step 0 and --untrained at once; leave one out.")
    step = dict(zip(names, numbers, strict=True))
    return [step.get(one.name, 0) for one in found]


def _number(text: str, given: Sequence[str]) -> float:
    with contextlib.suppress(ValueError):
        if isfinite(number := float(text)):
            return number
    raise InvalidValue(f"--steps {','.join(given)}; give numbers, comma-separated.")


def _of_demo(name: str) -> int:
    from layerscape.extraction.demo import CHECKPOINTS

    if name not in CHECKPOINTS:
        raise unknown_name("checkpoint", name, CHECKPOINTS)
    return CHECKPOINTS[name]

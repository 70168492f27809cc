"""The command `check`: whether a run, or a series of runs, is as it was written, and what mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from layerscape.cli import options as shared
from layerscape.cli.queries import FOLDER
from layerscape.cli.show import bars, say
from layerscape.errors import FileProblem, LayerscapeError

if TYPE_CHECKING:
    from layerscape.storage.check import Piece


@click.command(name="check")
@shared.a_run
@click.option("--repair", is_flag=True, help="Make what is damaged again, where it can be, or take it away.")
@click.option("--adopt", is_flag=True, help="Take what RUN holds as whole, if you trust it, and keep its digests.")
@shared.as_json
def check_command(run: Path, repair: bool, adopt: bool, as_json: bool) -> None:
    """Whether every byte of RUN is as it was written; exit status 2 if one is not.

    Of a folder of runs, a series, each is looked at, and what was found between them; of a run with queries of its own,
    these too.

    \b
    Examples:
      layerscape check runs/dino
      layerscape check runs/dino --repair
    """
    from layerscape.storage import runs_inside
    from layerscape.storage.manifest import holds_run

    with bars() as progress:
        alone = holds_run(run)
        inside = [run / FOLDER] if alone and holds_run(run / FOLDER) else runs_inside(run)
        found = [_of_series(path, repair, adopt, progress) for path in inside]
        found += [_between(run, repair, adopt) if inside and not alone else _of_run(run, repair, adopt, progress)]
    parts, done = ([each for one in found for each in getattr(one, name)] for name in Looked._fields[:2])
    damaged = [part for part in parts if part.problem]
    lines = [f"damaged  {part.name}: {part.problem}" for part in damaged]
    lines.append(f"{len(parts) - len(damaged)} of {len(parts)} parts are whole")
    shown = [{"part": part.name, "problem": part.problem} for part in parts]
    say("\n".join([*lines, *done]), as_json, {"run": str(run), "parts": shown, "repaired": "; ".join(done)})
    if refused := [one.refused for one in found if one.refused]:
        raise FileProblem(refused[0] + (f"; so it is with {len(refused) - 1} more" if len(refused) > 1 else ""))
    if damaged and not repair:
        raise FileProblem(f"{run} is damaged; what can be mended is mended by: layerscape check {run} --repair")


class Looked(NamedTuple):
    """What was seen of a run, what was done with it in words, and why it could not be looked at, or not be mended."""

    parts: list[Piece]
    done: list[str]
    refused: str = ""


def _of_run(path: Path, repair: bool, adopt: bool, progress: Any) -> Looked:
    """One run, looked at and mended."""
    from layerscape.cli.mending import go_on, mend
    from layerscape.run import open_run

    if repair:
        go_on(path, progress)
    opened = open_run(path)
    if adopt:
        opened.adopt()
    parts = opened.check(progress)
    return Looked(parts, mend(opened, parts, progress) if repair else [])


def _of_series(path: Path, repair: bool, adopt: bool, progress: Any) -> Looked:
    """One run of several, which is not to keep the others from being looked at and mended."""
    from layerscape.storage.check import Piece

    try:
        found = _of_run(path, repair, adopt, progress)
    except LayerscapeError as error:
        return Looked([Piece(path.name, str(error))], [], str(error))
    parts = [Piece(f"{path.name}/{part.name}", part.problem) for part in found.parts]
    return Looked(parts, [f"{path.name}: {words}" for words in found.done])


def _between(series: Path, repair: bool, adopt: bool) -> Looked:
    """What was found between the runs of a series."""
    from layerscape.storage.between import adopt_between, check_between, forget_between

    if adopt:
        adopt_between(series)
    parts = check_between(series)
    if not repair or not any(part.problem for part in parts):
        return Looked(parts, [])
    forget_between(series)
    again = f"layerscape measure {series}"
    return Looked(parts, [f"what was removed is found again with: {again}"])

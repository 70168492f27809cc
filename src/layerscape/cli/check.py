"""The command `check`: whether a run is as it was written, and what mends it."""

from __future__ import annotations

from pathlib import Path

import click

from layerscape.cli import options as shared
from layerscape.cli.show import bars, say


@click.command(name="check")
@shared.a_run
@click.option("--repair", is_flag=True, help="Make what is damaged again, where it can be, or take it away.")
@click.option("--adopt", is_flag=True, help="Take what RUN holds as whole, if you trust it, and keep its digests.")
@shared.as_json
def check_command(run: Path, repair: bool, adopt: bool, as_json: bool) -> None:
    """Whether every byte of RUN is as it was written; exit status 2 if one is not.

    \b
    Examples:
      layerscape check runs/dino
      layerscape check runs/dino --repair
    """
    from layerscape.cli.mending import go_on, mend
    from layerscape.errors import FileProblem
    from layerscape.run import open_run

    done: list[str] = []
    with bars() as progress:
        if repair:
            go_on(run, progress)
        opened = open_run(run)
        if adopt:
            opened.adopt()
        parts = opened.check(progress)
        if repair:
            done = mend(opened, parts, progress)
    damaged = [part for part in parts if part.problem]
    lines = [f"damaged  {part.name}: {part.problem}" for part in damaged]
    lines.append(f"{len(parts) - len(damaged)} of {len(parts)} parts are whole")
    found = [{"part": part.name, "problem": part.problem} for part in parts]
    record = {"run": str(run), "parts": found, "repaired": "; ".join(done)}
    say("\n".join([*lines, *done]), as_json, record)
    if damaged and not repair:
        raise FileProblem(f"{run} is damaged; what can be mended is mended by: layerscape check {run} --repair")

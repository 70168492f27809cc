"""What `check --repair` does: what is damaged is extracted and searched again, where model and data are there."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.errors import FileProblem, LayerscapeError

if TYPE_CHECKING:
    from layerscape.run import Run
    from layerscape.storage.check import Piece
    from layerscape.storage.manifest import Manifest


@dataclass(frozen=True)
class Extraction:
    """The extraction that made a run, as its command says it."""

    path: Path
    command: str
    model: str
    inputs: str
    options: dict[str, Any]

    def again(self, progress: Any, *, with_labels: bool = True) -> None:
        """Write the blocks that are missing, if model and data are those of the run; of a whole run only look at them.

        Without labels those that are kept stay, whatever was removed of them since.
        """
        from layerscape.cli.stages import extracted

        options = {**self.options, "out": self.path}
        if not with_labels and not Path(self.options["labels"] or "").is_file():
            options |= {"labels": [], "features": None, "loss": False}
        with _where_they_are(self.path, self.command):
            extracted(self.model, self.inputs, options, self.command, progress)


@contextlib.contextmanager
def _where_they_are(path: Path, command: str) -> Iterator[None]:
    """Say of a model or data that are not here, or are others, where the run can be mended."""
    try:
        yield
    except LayerscapeError as error:
        raise FileProblem(
            f"what is damaged in {path} cannot be extracted again here: {str(error).rstrip('.')}; "
            f"where model and data are, give: {command}"
        ) from None


def extraction_of(path: Path, manifest: Manifest) -> Extraction | None:
    """The extraction of a run that a command made: `extract`, `run`, `series` or `demo`; None of another."""
    import click

    from layerscape.cli.demo import words_of_run
    from layerscape.cli.run import run_command
    from layerscape.cli.series import of_one_run, series_command
    from layerscape.cli.stages import extract_command

    command = manifest.record.get("command") or ""
    words = shlex.split(command)
    if words[:2] == ["layerscape", "demo"]:
        words = words_of_run(words, path.name)
    commands = {one.name: one for one in (extract_command, run_command, series_command)}
    if words[:1] != ["layerscape"] or len(words) < 2 or words[1] not in commands:
        return None
    _, name, *rest = words
    try:
        given = commands[name].make_context(name, rest).params
    except click.ClickException:  # of a version whose options were others
        return None
    if name == "series":
        with _where_they_are(path, command):
            given = of_one_run(given, path.name)
    known = {parameter.name for parameter in extract_command.params} - {"model", "inputs", "as_json", "cluster"}
    options = {name: given[name] for name in known} | {"step": manifest.record.get("step")}
    return Extraction(path, command, given["model"], given["inputs"], options)


def go_on(path: Path, progress: Any) -> None:
    """Extract what is missing in a run that a repair has left unfinished, which was interrupted then."""
    from layerscape.storage.manifest import Manifest

    manifest = Manifest.read(path) if path.is_dir() else None
    if manifest is not None and manifest.finished is None:
        extraction = extraction_of(path, manifest)
        if extraction is not None:
            extraction.again(progress, with_labels=False)


def mend(run: Run, parts: Sequence[Piece], progress: Any) -> list[str]:
    """Mend all of a run that can be mended; what was done, in words."""
    from layerscape.run import open_run
    from layerscape.storage.check import lost_graphs, unmade

    lost, missing = lost_graphs(run.folder, parts), unmade(parts)
    extraction = extraction_of(run.path, run.folder.manifest) if missing else None
    kept = "samples.parquet" not in missing
    if extraction and kept:
        extraction.again(None, with_labels=False)  # raises while the rest of the run can still be read
    said = [run.repair(parts)]
    if missing and not extraction:
        return said
    if extraction:
        extraction.again(progress, with_labels=not kept)
        run, said = open_run(run.path), [f"extracted again: {', '.join(missing)}"]
    for layer, near, k in lost:
        run.search(k, layers=[layer], metric=near.metric, standardize=near.standardize, progress=progress)
        said.append(f"searched again: {layer}, {near.words}, k={k}")
    return said

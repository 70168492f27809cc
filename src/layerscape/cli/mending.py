"""What `check --repair` does: what is damaged is extracted and searched again, where model and data are there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.errors import FileProblem, LayerscapeError

if TYPE_CHECKING:
    from layerscape.run import Run
    from layerscape.storage.check import Part


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
        try:
            extracted(self.model, self.inputs, options, self.command, progress)
        except LayerscapeError as error:
            raise FileProblem(
                f"what is damaged in {self.path} cannot be extracted again here: {str(error).rstrip('.')}; "
                f"where model and data are, give: {self.command}"
            ) from None


def extraction_of(path: Path, command: str) -> Extraction | None:
    """The extraction of a run that `extract`, `run` or `demo` made; None of another."""
    import click

    from layerscape.cli.demo import INPUTS, MODELS, POOLING
    from layerscape.cli.stages import extract_command, run_command

    words = shlex.split(command)
    if words[:2] == ["layerscape", "demo"] and path.name in MODELS:
        words = ["layerscape", "extract", MODELS[path.name], INPUTS, "--pooling", POOLING, "--out", str(path)]
    if words[:2] not in (["layerscape", "extract"], ["layerscape", "run"]):
        return None
    _, name, *rest = words
    try:
        given = (extract_command if name == "extract" else run_command).make_context(name, rest).params
    except click.ClickException:  # of a version whose options were others
        return None
    known = {parameter.name for parameter in extract_command.params} - {"model", "inputs", "as_json"}
    return Extraction(path, command, given["model"], given["inputs"], {name: given[name] for name in known})


def go_on(path: Path, progress: Any) -> None:
    """Extract what is missing in a run that a repair has left unfinished, which was interrupted then."""
    from layerscape.storage.manifest import Manifest

    manifest = Manifest.read(path) if path.is_dir() else None
    if manifest is not None and manifest.finished is None:
        extraction = extraction_of(path, manifest.record.get("command") or "")
        if extraction is not None:
            extraction.again(progress, with_labels=False)


def mend(run: Run, parts: Sequence[Part], progress: Any) -> list[str]:
    """Mend all of a run that can be mended; what was done, in words."""
    from layerscape.run import open_run
    from layerscape.storage.check import lost_graphs, unmade

    lost, missing = lost_graphs(run.folder, parts), unmade(parts)
    extraction = extraction_of(run.path, run.record.get("command") or "") if missing else None
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

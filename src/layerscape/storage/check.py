"""What of a run is as it was written, and what mends the rest."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np

from layerscape.core.nearness import Metric, Nearness, Standardize
from layerscape.errors import FileProblem, InvalidValue
from layerscape.storage import samples
from layerscape.storage.folder import SAMPLES, RunFolder
from layerscape.storage.given import FOLDER as GIVEN
from layerscape.storage.graphs import graph_bytes, read_graph, read_header
from layerscape.storage.layout import folder_names
from layerscape.storage.ledger import NAME, Entry, Ledger
from layerscape.storage.manifest import Manifest
from layerscape.storage.results import ESTIMATES, NOTES, RECOMMENDATION
from layerscape.storage.vectors import GROUP, Vectors
from layerscape.storage.vectors import NAME as VECTORS

GRAPHS = "graphs"


@dataclass(frozen=True)
class Piece:
    """A file of a run, or what was given of a layer: its vectors or its graph.

    Attributes
    ----------
    name
        The layer, or the path within the run.
    problem
        What is wrong with it; empty if it is whole.
    files
        Those of its files that are not whole.
    states
        What each of them and the ledger were when they were looked at, which changes when they are replaced.
    """

    name: str
    problem: str = ""
    files: tuple[str, ...] = ()
    states: tuple[tuple[int, ...], ...] = field(default=(), repr=False, compare=False)


def check(run: RunFolder, progress: Callable[[str, int, int], object] | None = None) -> list[Piece]:
    """Compare every byte of a run with what its ledger says was written.

    Parameters
    ----------
    run
        A finished run.
    progress
        Called as ``progress("check", done, total)`` with numbers of files.

    Returns
    -------
    list of Part
        The samples, the layers in order, and what was found in the run: whole or not.
    """
    _must_have_ledger(run)
    ledger = Ledger(run.path)  # one that has proven nothing yet
    vectors, names = Vectors(run.layers, run.layout, ledger), ledger.names()
    problems: dict[str, str] = {}
    states: dict[str, tuple[int, ...]] = {}
    names = [name for name in names if os.path.lexists(run.path / name) or _must_be_there(ledger, name)]
    everything = list(dict.fromkeys([SAMPLES, *vectors.files(), *names]))
    for done, name in enumerate(everything, 1):
        state = ledger.state(name)
        if problem := problem_of(ledger, name):
            problems[name], states[name] = problem, state
        if progress:
            progress("check", done, len(everything))
    parts = _parts(run, vectors, names, problems)
    return [replace(part, states=tuple(states[name] for name in part.files)) for part in parts]


def problem_of(ledger: Ledger, name: str) -> str:
    """What is wrong with a file by a ledger; empty if it is whole."""
    try:
        ledger.prove(name)
    except FileProblem as error:
        return str(error).removeprefix(f"{ledger.folder / name} is damaged: ").split(";")[0]
    return ""


def _must_be_there(ledger: Ledger, name: str) -> bool:
    """Whether a file is missed where it is not; a graph is searched again, and so never is."""
    return not name.startswith(GRAPHS) and ledger.misses(name)


def _was_found(name: str) -> bool:
    """Whether a file holds what was found in the run, and can be found again."""
    return name != SAMPLES and not name.startswith((f"{VECTORS}/", f"{GIVEN}/"))


def _parts(run: RunFolder, vectors: Vectors, names: list[str], problems: dict[str, str]) -> Iterator[Piece]:
    yield Piece(SAMPLES, problems.get(SAMPLES, ""), tuple({SAMPLES} & problems.keys()))
    if GROUP in problems:
        yield Piece(GROUP, problems[GROUP], (GROUP,))
    for layer in run.layers:
        bad = [name for name in vectors.files_of(layer.name) if name in problems]
        blocks = [_rows(run, name) for name in bad]
        yield Piece(layer.name, f"{', '.join(blocks)}: {problems[bad[0]]}" if bad else "", tuple(bad))
    for name in names:
        if _was_found(name):
            yield Piece(name, problems.get(name, ""), (name,) if name in problems else ())


def unmade(parts: Sequence[Piece]) -> list[str]:
    """The parts that are not whole and cannot be found in the run again: its samples, and layers."""
    return [part.name for part in parts if not all(map(_was_found, part.files))]


def lost_graphs(run: RunFolder, parts: Sequence[Piece]) -> list[tuple[str, Nearness, int]]:
    """Layer, what was near and how many neighbors, of every graph that is not whole: enough to search it again.

    How many is said by its header, or by graphs of other layers; where neither is whole, and where samples were kept
    apart, which only the caller can say, it is not told.
    """
    bad = {name for part in parts for name in part.files}
    found = []
    for near in (Nearness(metric, units) for metric in get_args(Metric) for units in (None, *get_args(Standardize))):
        widths = {layer.name: _width(run, layer.name, near) for layer in run.layers}
        for layer, width in widths.items():
            if run.graph_name(layer, near) in bad and (k := width or max(widths.values())):
                found.append((layer, near, k))
    return found


def _width(run: RunFolder, layer: str, near: Nearness) -> int:
    """How many neighbors a graph holds, by its header alone; 0 if there is none, or its header is not whole."""
    with contextlib.suppress(FileProblem, OSError):
        return run.kept_graph(layer, near).width
    return 0


def _rows(run: RunFolder, chunk: str) -> str:
    block = Vectors.block_of(chunk)
    if block is None:
        return "its graph" if chunk.startswith(f"{GIVEN}/") else "its description"
    rows = run.layout.rows(block)
    return f"samples {rows.start}…{rows.stop - 1}"


def repair(run: RunFolder, parts: Sequence[Piece]) -> str:
    """Take away what is not whole, so that it is made again; what is to be done then, in words.

    Graphs are searched again when they are next asked for. Where vectors or samples are not whole, the run is
    unfinished afterwards: the command that made it writes the missing blocks and no others.
    """
    found = {name: () for part in parts for name in part.files}
    found |= {name: state for part in parts for name, state in zip(part.files, part.states, strict=False)}
    if not found:
        return "nothing to mend"
    _must_have_ledger(run)
    command = run.record.get("command") or (
        f"the call that made it, ls.extract or ls.from_arrays, with all that it was given and out={str(run.path)!r}"
    )
    unfinished = f"the run is unfinished now; what is missing is made by: {command}"
    with run.writing():
        manifest = Manifest.read(run.path)
        if manifest is None or manifest.finished is None:  # another process has taken away what was not whole
            return unfinished
        ledger = Ledger(run.path)
        # Another process may have mended what was replaced since.
        bad = [name for name, state in found.items() if state == ledger.state(name) or problem_of(ledger, name)]
        if not bad:
            return "nothing to mend: what was not whole has been mended meanwhile"
        for name in filter(_was_found, bad):
            (run.path / name).unlink(missing_ok=True)
            run.ledger.commit({name: ()})
        if not all(map(_was_found, bad)):
            _unfinish(run, bad)
            return unfinished
    return f"what was removed is found again when it is asked for, or with: layerscape measure {run.path}"


def _unfinish(run: RunFolder, bad: list[str]) -> None:
    """Back to the state of a run that was interrupted: with the blocks that are whole, in all layers."""
    unfinished = samples.Unfinished(run.path / ".unfinished")
    unfinished.remove()
    lost = {Vectors.block_of(name) for name in bad}
    if SAMPLES not in bad:
        vars(run).pop("samples", None)  # another process may have replaced the labels
        table = run.samples
        samples.write_table(unfinished.samples, samples.make_table(table.ids, table.labels, table.kind))
        for block in range(run.layout.n_blocks):
            if block not in lost:
                rows = np.arange(run.layout.n_samples)[run.layout.rows(block)]
                unfinished.add(block, _previews(table, rows), len(rows), {})
    for name in bad:
        if name != SAMPLES and not _was_found(name):
            (run.path / name).unlink(missing_ok=True)
    replace(run.manifest, finished=None).write(run.path)


def _previews(table: samples.SampleTable, rows: np.ndarray) -> list[str | bytes] | None:
    found = table.previews(rows)
    return found if any(found) else None


def adopt(run: RunFolder) -> None:
    """Take what is there as whole: for a run of the earlier format, or one whose ledger is lost, if you trust it."""
    with run.writing():
        # Other vectors than before may be taken; a kill meanwhile leaves a run that says nothing of which it had.
        replace(run.manifest, vectors="").write(run.path)
        (run.path / NAME).unlink(missing_ok=True)
        ledger = Ledger(run.path)
        ledger.begin()
        vectors = Vectors(run.layers, run.layout, ledger)
        found = [name for name in (ESTIMATES, RECOMMENDATION, NOTES) if (run.path / name).exists()]
        ledger.commit({name: (Entry.of(run.path / name),) for name in [*vectors.files(), SAMPLES, *found]})
        for layer, folder in folder_names(run.layers).items():
            for path in sorted((run.path / GRAPHS / folder).glob("*.safetensors")):
                _adopt_graph(ledger, path, vectors.identity(layer))
        replace(run.manifest, ledger=True, vectors=vectors.digest()).write(run.path)


def _adopt_graph(ledger: Ledger, path: Path, vectors: str) -> None:
    """As one of these vectors, unless it says of which others it is; one that cannot be read is left unknown."""
    with contextlib.suppress(FileProblem):
        graph, about = read_graph(path), read_header(path).about
        ledger.replace(str(path.relative_to(ledger.folder)), graph_bytes(graph, about.vectors or vectors))


def _must_have_ledger(run: RunFolder) -> None:
    if not run.ledger.kept:
        raise InvalidValue(
            f"the run at {run.path} is of the earlier format, which has no digests; if you trust what it holds, let "
            f"them be made with: layerscape check {run.path} --adopt"
        )

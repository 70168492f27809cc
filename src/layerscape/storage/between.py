"""What was found between the runs of a series: one table in the folder that holds them, proven by a ledger of its own.

Its rows carry the digests of the vectors that they are of, so that none outlives a run that was made anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layerscape.core.lock import Lock
from layerscape.errors import require
from layerscape.storage.check import Piece, problem_of
from layerscape.storage.files import file_problems
from layerscape.storage.folder import RunFolder
from layerscape.storage.ledger import NAME as LEDGER
from layerscape.storage.ledger import Entry, Ledger
from layerscape.storage.results import estimates_bytes, read_estimates

if TYPE_CHECKING:
    import pandas as pd

NAME = "between_steps.parquet"
QUESTION = ["run", "other_run", "layer", "measure", "metric", "standardize", "groups"]
VECTORS = ["vectors", "other_vectors"]


def load_between(folder: Path, runs: Mapping[str, RunFolder]) -> pd.DataFrame | None:
    """The rows between runs, by their names, whose vectors are those of which they were found; None without any."""
    if not _anything(folder):
        return None
    Ledger(folder).prove(NAME)
    kept = read_estimates(folder / NAME)
    kept = kept.loc[kept["run"].isin(list(runs)) & kept["other_run"].isin(list(runs))]
    kept = kept.loc[(_vectors(kept, runs) == kept.loc[:, VECTORS]).all(axis=1)]
    return kept.drop(columns=VECTORS).reset_index(drop=True) if len(kept) else None


def save_between(folder: Path, runs: Mapping[str, RunFolder], table: pd.DataFrame) -> None:
    """Keep rows between runs beside those that answer other questions; rows of runs that are not named stay."""
    pandas = require("pandas", "runs")
    with _alone(folder) as ledger:
        kept_before = _anything(folder)
        ledger.begin()
        table = table.join(_vectors(table, runs))
        if kept_before:
            ledger.prove(NAME)
            kept = read_estimates(folder / NAME)
            old, new = (pandas.MultiIndex.from_frame(each[QUESTION]) for each in (kept, table))
            if len(others := kept[~old.isin(new)]):
                table = pandas.concat([others, table], ignore_index=True)
        ledger.replace(NAME, estimates_bytes(table))


def check_between(folder: Path) -> list[Piece]:
    """Whether the table is as it was written; nothing where there is none."""
    if not _anything(folder):
        return []
    problem = problem_of(Ledger(folder), NAME)
    return [Piece(NAME, problem, (NAME,) if problem else ())]


def forget_between(folder: Path) -> None:
    """Take the table away: what it held is found again."""
    with _alone(folder):
        for name in (NAME, LEDGER):
            (folder / name).unlink(missing_ok=True)


def adopt_between(folder: Path) -> None:
    """Take the table that is there as whole."""
    with _alone(folder) as ledger:
        if (folder / NAME).is_file():
            (folder / LEDGER).unlink(missing_ok=True)
            ledger.begin()
            ledger.commit({NAME: (Entry.of(folder / NAME),)})


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Ledger]:
    """The ledger of a folder in which nobody else writes meanwhile."""
    with file_problems(folder):
        lock = Lock(folder, wait=True)
        try:
            yield Ledger(folder)
        finally:
            lock.release()


def _anything(folder: Path) -> bool:
    """Whether something was kept: a table, or a ledger by which one is missed."""
    return os.path.lexists(folder / NAME) or (os.path.lexists(folder / LEDGER) and Ledger(folder).misses(NAME))


def _vectors(table: pd.DataFrame, runs: Mapping[str, RunFolder]) -> pd.DataFrame:
    """The digests of the vectors of each row's two layers, as they are now."""
    known = {
        (name, layer.name): folder.identity(layer.name) for name, folder in runs.items() for layer in folder.layers
    }
    sides = (("run", "layer"), ("other_run", "other_layer"))
    columns = [[known.get(side, "") for side in zip(table[run], table[layer], strict=True)] for run, layer in sides]
    return require("pandas", "runs").DataFrame(dict(zip(VECTORS, columns, strict=True)), index=table.index)

"""Files for other programs: a name that fits what is written, and cells that no spreadsheet takes for formulas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.errors import InvalidValue

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


def check_ending(path: Path, *endings: str) -> None:
    """Raise unless the name ends so; thus nothing that is written for others can replace a file of a run.

    >>> check_ending(Path("runs/dino/run.json"), ".csv")
    Traceback (most recent call last):
    layerscape.errors.InvalidValue: runs/dino/run.json: give a name that ends in .csv.
    """
    if path.suffix.lower() not in endings:
        raise InvalidValue(f"{path}: give a name that ends in {' or '.join(endings)}.")


def as_csv(table: pd.DataFrame) -> str:
    r"""A table as CSV. Where text begins like a formula it has a backslash before it, and backslashes are doubled.

    ``pandas.read_csv(path, escapechar="\\")`` gives it back unchanged.

    >>> import pandas as pd
    >>> print(as_csv(pd.DataFrame({"layer": ["=1+1", "block 1"], "value": [-0.5, 2.0]})), end="")
    layer,value
    \=1+1,-0.5
    block 1,2.0
    """
    return table.map(_escaped).to_csv(index=False, lineterminator="\n")


def _escaped(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\\", "\\\\")
    return f"\\{text}" if text.startswith(FORMULA) else text

"""What the notebooks share: whether an answer is right, said in one line, and what is missing, said in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


class OneLine(Exception):
    """Ends a cell with one line in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class NotYet(OneLine):
    """An answer that is missing, or not right yet."""


class NotHere(OneLine):
    """A package or data that a notebook needs and that are not on this machine."""


def ready(*libraries: str) -> None:
    """Go on if layerscape and these libraries are installed where the notebook runs; else say what to install."""
    missing = [name for name in ("layerscape", *libraries) if find_spec(name) is None]
    if missing:
        raise NotHere(
            f"This notebook needs {', '.join(missing)}. Run this in a cell, then restart the kernel:  "
            f"%pip install 'layerscape[exercises]'   (this kernel is {sys.executable})"
        )


def data_place() -> Path:
    """Where data sets are looked for: the folder that LAYERSCAPE_DATA names, or shared/data beside the clone."""
    named = os.environ.get("LAYERSCAPE_DATA")
    return Path(named) if named else HERE.parents[1] / "shared" / "data"


def pictures(name: str, limit: int) -> Any:
    """The first test pictures of a data set from the data folder, or else downloaded once; in one line why not."""
    import layerscape as ls

    place = data_place()
    try:
        return ls.datasets.load(name, limit=limit, folder=place if (place / name).is_dir() else None)
    except (ls.LayerscapeError, OSError) as error:
        raise NotHere(
            f"{name} is not on this machine: it was looked for in {place / name} (LAYERSCAPE_DATA names the folder "
            f"that holds {name}/), then on the network: {error}"
        ) from None


def check(
    name: str,
    answer: Callable[[], Any],
    wanted: Any,
    *,
    of: Callable[[Any], Any] = lambda value: value,
    within: float = 1e-10,
    hint: str = "",
) -> None:
    """Hold an answer against what layerscape says, and say by how much they differ.

    Parameters
    ----------
    name
        What was asked for.
    answer
        Gives the student's value when it is called, so that whatever goes wrong there is said in one line too.
    wanted
        The value of layerscape, a number or an array.
    of
        What of the answer is compared, the answer itself when left out.
    within
        How far the answer may be from it, as a share of the largest wanted value where that is above 1.
    hint
        What to think of if it is wrong.
    """
    try:
        value = answer()
        given = None if _empty(value) else of(value)
    except NameError as error:
        raise NotYet(f"{name}: nothing there yet ({error}). Fill in the cell above, or open the solution.") from None
    except Exception as error:
        raise NotYet(f"{name}: your code ended with {type(error).__name__}: {error}") from None
    if _empty(given):
        raise NotYet(f"{name}: still empty. Fill in the cell above and run it, or open the solution below.")
    try:
        found, target = np.asarray(given, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError, RuntimeError):  # the last of a tensor with gradients
        raise NotYet(f"{name}: got a {type(given).__name__}; numbers were expected. {hint}".strip()) from None
    if found.shape != target.shape:
        raise NotYet(f"{name}: got shape {found.shape}, expected shape {target.shape}. {hint}".strip())
    _compare(name, found, target, within, hint)


def _empty(value: Any) -> bool:
    """Whether something is still what a stub gives."""
    return value is None or value is Ellipsis or (isinstance(value, list | tuple) and any(map(_empty, value)))


def _compare(name: str, found: np.ndarray, target: np.ndarray, within: float, hint: str) -> None:
    if np.isnan(found).any():
        raise NotYet(f"{name}: {int(np.isnan(found).sum())} of {found.size} values are NaN. {hint}".strip())
    finite = np.isfinite(found) & np.isfinite(target)
    off = np.where(found == target, 0.0, np.inf)
    off[finite] = np.abs(found[finite] - target[finite])
    worst = np.unravel_index(int(off.argmax()), off.shape)
    scale = max(1.0, float(np.abs(target[np.isfinite(target)]).max(initial=0)))
    if off[worst] > within * scale:
        digits = 6 if off[worst] > 1e-5 * scale else 13
        values = f"{found[worst]:.{digits}g}, layerscape says {target[worst]:.{digits}g}"
        place = f" (worst at {', '.join(map(str, worst))} of shape {found.shape})" if found.ndim else ""
        side = "high" if found[worst] > target[worst] else "low"
        more = "" if digits == 6 else "Nearly: is something in float32, or rounded? "
        said = f"{name}: not yet. You have {values}: {off[worst]:.3g} too {side}{place}. {more}{hint}"
        raise NotYet(said.strip())
    print(f"{name}: right. " + (f"{found:.6g}" if not found.ndim else f"{found.size} values") + f", within {within:g}.")

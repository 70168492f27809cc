"""What layerscape raises when the user can mend it.

Every message says what was given, what is allowed, and what to do. Each kind also derives from the built-in
exception that a caller would expect, so that ``except ValueError`` works. The command line prints these in one
line and exits with 2; anything else that escapes is a bug.
"""

from __future__ import annotations

import errno
import importlib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from types import ModuleType

_RUNS = ("zarr", "pandas", "pyarrow", "xxhash", "msgspec")
# Extra → the libraries that come with it, by the names under which they are imported.
EXTRAS = {
    "runs": _RUNS,
    "models": (*_RUNS, "torch", "transformers", "PIL", "sklearn"),
    "report": (*_RUNS, "jinja2", "vl_convert", "PIL"),
    "plot": ("matplotlib",),
    "data": ("pooch",),
    "xarray": (*_RUNS, "xarray"),
    "formats": (*_RUNS, "h5py"),
    "cluster": (*_RUNS, "dask", "distributed"),
    "slurm": (*_RUNS, "dask", "distributed", "dask_jobqueue", "yaml"),
}
# How libraries and systems say it who have no MemoryError.
SHOWN = 24  # names that a message lists
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


class LayerscapeError(Exception):
    """Base of everything that layerscape raises on purpose."""


class InvalidValue(LayerscapeError, ValueError):
    """A value that is not allowed, or data that cannot be measured."""


class InvalidType(LayerscapeError, TypeError, ValueError):
    """An object of a kind that cannot be used here, which is a value that is not allowed too."""


class UnknownName(LayerscapeError, KeyError, ValueError):
    """A layer, measure, model, column, option, or word for an option, that does not exist."""

    __str__ = Exception.__str__  # a KeyError would put its message in quotes


class FileProblem(LayerscapeError, OSError):
    """A file or folder that is missing, unreadable, corrupt or full."""


class ClusterProblem(LayerscapeError, ConnectionError):
    """A cluster that is not there, that was lost, or whose workers cannot do what is asked of them."""


class MissingExtra(LayerscapeError, ImportError):
    """An optional library that the wish needs is not installed."""


def unknown_name(kind: str, given: str, allowed: Iterable[str]) -> UnknownName:
    """An error that names what was given and the nearest allowed names.

    >>> str(unknown_name("measure", "twon", ["twonn", "gride"]))
    "unknown measure 'twon'; nearest: twonn. There are: gride, twonn."
    """
    names = sorted({str(name) for name in allowed})
    shown = ", ".join(names[:SHOWN]) + (f", … ({len(names)} in all)" if len(names) > SHOWN else "")
    near = get_close_matches(given, names, n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return UnknownName(f"unknown {kind} {given!r}{hint}. There are: {shown or 'none'}.")


def wants_memory(error: BaseException) -> bool:
    """Whether what was raised says that there is no more memory, whoever raised it.

    >>> wants_memory(MemoryError()), wants_memory(OSError(12, "Cannot allocate memory")), wants_memory(OSError(2, ""))
    (True, True, False)
    """
    said = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    return said or any(words in str(error).lower() for words in _NO_MEMORY)


def first_line(error: BaseException) -> str:
    """The kind and the first line of an error that is not ours.

    >>> first_line(ValueError("no such thing."))
    'ValueError: no such thing'
    """
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0]}".strip().rstrip(".:")


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library, or say how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise _missing([module.split(".")[0]], extra) from None


def need(*extras: str, libraries: Sequence[str] = ()) -> None:
    """Raise unless all libraries of some extras, or only those named, are installed; none of them is imported.

    To be called before work begins whose last step needs them.

    >>> need("runs", libraries=["json"])
    """
    wanted = libraries or [library for extra in extras for library in EXTRAS[extra]]
    missing = [library for library in dict.fromkeys(wanted) if find_spec(library) is None]
    if missing:
        raise _missing(missing, ",".join(extras))


def _missing(libraries: Sequence[str], extras: str) -> MissingExtra:
    shown = ", ".join(libraries[:3]) + (f" and {len(libraries) - 3} more" if len(libraries) > 3 else "")
    verb = "is" if len(libraries) == 1 else "are"
    return MissingExtra(f"this needs {shown}, which {verb} not installed; run: pip install 'layerscape[{extras}]'")

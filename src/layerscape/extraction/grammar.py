"""Grammar: how a pooling is written, on the command line as in Python, and what its parts mean. Loads no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from layerscape.errors import InvalidType, InvalidValue, UnknownName, unknown_name

# What follows the colon, as an expression; None where nothing may, and first what a reader should see.
_OPTIONS = {
    "mean": ("mean:all", r"all"),
    "last": ("last:N, N the number of tokens, from 1 on, as in last:4", r"[1-9]\d{0,8}"),
    "first": None,
    "cls": None,
    "max": None,
    "weighted": None,
    "flatten": None,
    "grid": ("grid:HxW, H rows and W columns of cells, from 1 on, as in grid:4x4", r"[1-9]\d{0,4}(x[1-9]\d{0,4}){1,2}"),
    "project": (
        "project:D@SEED, D the number of units and SEED a whole number from 0 on, as in project:4096@0",
        r"[1-9]\d{0,8}@\d{1,18}",
    ),
}
_MUST = ("grid", "project")  # which mean nothing without their numbers
FORMS = "mean, mean:all, last, last:N, first, cls, max, weighted, flatten, grid:HxW, project:D@SEED"


@dataclass(frozen=True)
class Pooling:
    """A pooling, parsed.

    Attributes
    ----------
    kind
        ``mean | last | first | cls | max | weighted | flatten | grid | project``.
    every
        Of ``mean``: special tokens count too.
    count
        Of ``last``: how many tokens.
    cells
        Of ``grid``: how many cells along each axis of space.
    n_units, seed
        Of ``project``: how many units are left, and the seed of the projection.

    Examples
    --------
    >>> Pooling.of("grid:4x4").cells, Pooling.of("last").count, Pooling.of("project:64@3").seed
    ((4, 4), 1, 3)
    """

    kind: str
    every: bool = False
    count: int = 1
    cells: tuple[int, ...] = ()
    n_units: int = 0
    seed: int = 0

    @classmethod
    def of(cls, text: str) -> Pooling:
        """From how it is written.

        Raises
        ------
        UnknownName, InvalidValue, InvalidType
            If it is no pooling, or its numbers are none.
        """
        if not isinstance(text, str):
            raise InvalidType(f"pooling of type {type(text).__name__}; give a word, one of {FORMS}.")
        return _parsed(text)

    @property
    def whole(self) -> bool:
        """Whether it reads every position at its place, so that samples must be of one length."""
        return self.kind in ("flatten", "project")

    @property
    def of_content(self) -> bool:
        """Whether tokens that are no part of the sample are left out."""
        return self.kind in ("mean", "max", "first", "grid") and not self.every

    @property
    def average(self) -> bool:
        """Whether it is a mean of tokens, with weights that are known before these are."""
        return self.kind in ("mean", "weighted") or (self.kind == "last" and self.count > 1)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Pooling:
    kind, colon, rest = text.partition(":")
    if kind not in _OPTIONS:
        raise UnknownName(f"{unknown_name('pooling', text, _OPTIONS)} They are written {FORMS}.")
    options = _OPTIONS[kind]
    if options is None and colon:
        raise InvalidValue(f"pooling {text!r}; nothing follows {kind!r}. Poolings are written {FORMS}.")
    if options is not None and (colon or kind in _MUST) and not re.fullmatch(options[1], rest, re.ASCII):
        raise InvalidValue(f"pooling {text!r}; write {options[0]}.")
    if not colon:
        return Pooling(kind)
    numbers = tuple(map(int, re.findall(r"\d+", rest)))
    if kind == "project":
        return Pooling(kind, n_units=numbers[0], seed=numbers[1])
    return Pooling(
        kind, every=kind == "mean", count=numbers[0] if kind == "last" else 1, cells=numbers if kind == "grid" else ()
    )

"""The measures: one file per quantity, in a folder named after the question. A file that defines MEASURE is listed."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from layerscape.core.measure import Measure


@cache
def catalog() -> dict[str, Measure]:
    """All measures by name, in the order of their questions.

    >>> catalog()["twonn"].unit
    'dimensions'
    """
    found = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        measure = getattr(importlib.import_module(module.name), "MEASURE", None)
        if measure is not None:
            found[measure.name] = measure
    return found


def question(measure: Measure) -> str:
    """The folder that a measure lives in: ``"dimension"``, ``"neighborhood"``, …; empty for a user's own."""
    parts = measure.compute.__module__.split(".")
    return parts[2] if parts[:2] == ["layerscape", "measures"] else ""

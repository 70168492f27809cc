"""Figures as matplotlib Axes, ready for a paper: they are drawn on, never shown or saved.

Of estimates: `dimension_scale`, `twonn_fit`, `spectrum`, `decimation`, `overlap_curve`. Of a table, whatever the page
shows, by the names of `layerscape.figures`: `dimension_depth`, `layer_pairs`, `neighbor_survival`, …
"""

from typing import Any

from layerscape.plot.comparisons import overlap_curve as overlap_curve
from layerscape.plot.dimensions import decimation as decimation
from layerscape.plot.dimensions import dimension_scale as dimension_scale
from layerscape.plot.dimensions import spectrum as spectrum
from layerscape.plot.dimensions import twonn_fit as twonn_fit
from layerscape.plot.tables import functions


def __getattr__(name: str) -> Any:
    if name not in functions():
        raise AttributeError(f"module 'layerscape.plot' has no attribute {name!r}; there are: {', '.join(__dir__())}")
    return functions()[name]


def __dir__() -> list[str]:
    own = ("overlap_curve", "decimation", "dimension_scale", "spectrum", "twonn_fit")
    return sorted({*own, *functions()})

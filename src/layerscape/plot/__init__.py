"""Figures as matplotlib Axes, ready for a paper: they are drawn on, never shown or saved.

Of a table, by what is asked: `profile` (a measure against depth), `layers` (a map), `labels`; and whatever the page
shows, by the names of `layerscape.figures`: `dimension_depth`, `layer_pairs`, `neighbor_survival`, …
Of runs and their scores: `against`. Of what fine-tuning changed: `changes`; of blocks that were left out: `ablate`.
Of estimates: `dimension_scale`, `twonn_fit`, `spectrum`, `decimation`, `overlap_curve`.
"""

from typing import Any

from layerscape.plot.comparisons import against as against
from layerscape.plot.comparisons import overlap_curve as overlap_curve
from layerscape.plot.dimensions import decimation as decimation
from layerscape.plot.dimensions import dimension_scale as dimension_scale
from layerscape.plot.dimensions import spectrum as spectrum
from layerscape.plot.dimensions import twonn_fit as twonn_fit
from layerscape.plot.finetuning import ablate as ablate
from layerscape.plot.finetuning import changes as changes
from layerscape.plot.questions import labels as labels
from layerscape.plot.questions import layers as layers
from layerscape.plot.questions import profile as profile
from layerscape.plot.tables import functions


def __getattr__(name: str) -> Any:
    if name not in functions():
        raise AttributeError(f"module 'layerscape.plot' has no attribute {name!r}; there are: {', '.join(__dir__())}")
    return functions()[name]


def __dir__() -> list[str]:
    own = (
        "ablate",
        "against",
        "changes",
        "profile",
        "layers",
        "labels",
        "overlap_curve",
        "decimation",
        "dimension_scale",
        "spectrum",
        "twonn_fit",
    )
    return sorted({*own, *functions()})

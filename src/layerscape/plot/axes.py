"""What all figures share: Axes to draw on, lines and grey controls, and how they are finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.errors import InvalidValue, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CONTROL = {"color": "0.6", "linewidth": 1.0, "zorder": 1}
LINE: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.5}


def axes_of(ax: Axes | None) -> Any:
    """The Axes to draw on, new ones for None."""
    if ax is not None:
        return ax
    return require("matplotlib.pyplot", "plot").subplots(layout="constrained")[1]


def finish(ax: Any, legend: bool) -> Any:
    """The Axes without the lines of a box, with a legend where names need one."""
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(frameon=False)
    return ax


def label_within_a_decade(axis: Any) -> None:
    """On an axis few plain numbers where a logarithmic axis would label every ninth of a decade, one over the other."""
    low, high = axis.get_view_interval()
    if high < 10 * low:
        ticker = require("matplotlib.ticker", "plot")
        axis.set_major_locator(ticker.MaxNLocator(4))
        axis.set_major_formatter("{x:.4g}")
        axis.set_minor_locator(ticker.NullLocator())


def detail(estimate: Estimate, name: str, measure: str) -> np.ndarray:
    """An array behind an estimate; raises where it has none, and says of which measure it would."""
    found = estimate.details.get(name)
    if not isinstance(found, np.ndarray):
        given = f"an estimate of {estimate.measure}" if estimate.measure else "the estimate"
        raise InvalidValue(f"{given} has no {name.replace('_', ' ')}; give one of {measure}.")
    return found

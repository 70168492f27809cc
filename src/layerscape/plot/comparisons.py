"""Figures of what representations share, and of values of runs beside their scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.plot.axes import CONTROL, LINE, axes_of, detail, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlap_curve(estimates: Estimate | Mapping[str, Estimate], /, *, ax: Axes | None = None) -> Axes:
    """Overlap of the first m neighbors against m on a logarithmic axis; what chance gives as a grey line.

    Parameters
    ----------
    estimates
        Of `overlap` or `rank_overlap`, or several of equal N by name.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    InvalidValue
        If an estimate has no such curve.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((300, 3))
    >>> overlap_curve(ls.estimate("overlap", x, x**3, k=30)).get_ylabel()
    'overlap'
    """
    axes = axes_of(ax)
    named = {estimates.measure: estimates} if isinstance(estimates, Estimate) else estimates
    for name, estimate in named.items():
        curve = detail(estimate, "curve", "overlap")
        axes.plot(np.arange(1, len(curve) + 1), curve, label=name, linewidth=LINE["linewidth"])
        ranks = np.arange(1, len(curve) + 1)
        axes.plot(ranks, ranks / (estimate.n_samples - 1), **CONTROL)
    axes.set(xscale="log", xlabel="number of neighbors", ylabel="overlap", ylim=(0, 1.02))
    return finish(axes, legend=len(named) > 1)


def against(found: Any, /, *, ax: Axes | None = None) -> Axes:
    """The value of every run with its interval beside the score of that run, and their rank correlation as the title.

    Parameters
    ----------
    found
        Of `layerscape.against`.
    ax
        Where to draw; new Axes when left out.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((200, 9))
    >>> runs = [ls.from_arrays({"a": x[:, :d]}) for d in (2, 4, 5, 7, 9)]
    >>> against(ls.against(runs, {run.name: d for run, d in zip(runs, (2, 4, 5, 7, 9))})).get_ylabel()
    'twonn'
    """
    axes, table = axes_of(ax), found.table
    margins = np.abs(np.nan_to_num(np.stack([table["value"] - table["low"], table["high"] - table["value"]])))
    axes.errorbar(table["score"], table["value"], margins, fmt="o", elinewidth=LINE["linewidth"], markersize=4)
    axes.set(xlabel=found.score, ylabel=f"{found.measure}{f' of {found.label}' if found.label else ''}")
    axes.set_title(found.sentence, fontsize="small")
    return finish(axes, legend=False)

"""Figures of neighbors that representations share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.errors import InvalidValue, require
from layerscape.plot.axes import CONTROL, LINE, axes_of, detail, finish

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FEW_PAIRS = 20  # that have room for their names


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


def imbalance_plane(table: pd.DataFrame, /, *, ax: Axes | None = None) -> Axes:
    """Information imbalance one way against the other: a point per pair of layers, named by them.

    On the diagonal two layers tell equally much of one another: near 0 all, near 1 nothing. A point below the diagonal
    is a pair of which the first layer holds what the second does, and more.

    Parameters
    ----------
    table
        Of `layerscape.measure` with ``information_imbalance``.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    InvalidValue
        If the table has no pair of layers with both ways.
    """
    rows = table[(table.measure == "information_imbalance") & table.value.notna()]
    values = dict(zip(zip(rows.layer, rows.other_layer, strict=True), rows.value, strict=True))
    place = {layer: number for number, layer in enumerate(dict.fromkeys(table.other_layer))}
    pairs = [(a, b) for a, b in values if (b, a) in values and place[a] < place[b]]
    if not pairs:
        raise InvalidValue(
            "the table has no information_imbalance both ways; measure a run with information_imbalance."
        )
    axes = axes_of(ax)
    axes.plot([0, 1], [0, 1], **CONTROL)
    back, there = [values[b, a] for a, b in pairs], [values[pair] for pair in pairs]
    axes.plot(back, there, "o", markersize=LINE["markersize"])
    for (a, b), x, y in zip(pairs, back, there, strict=True):
        if len(pairs) <= FEW_PAIRS:
            axes.annotate(f"{a} → {b}", (x, y), xytext=(4, 2), textcoords="offset points", fontsize=7)
    axes.set(xlabel="Δ(other → layer)", ylabel="Δ(layer → other)", aspect="equal")
    return finish(axes, legend=False)


def neighbor_survival(table: pd.DataFrame, /, *, ax: Axes | None = None) -> Axes:
    """How many neighbors of each layer stay neighbors in all layers up to another: one line per layer, from 1 down.

    A steep line is a layer whose neighborhoods are soon rearranged, a flat one a layer from which on they stay.

    Parameters
    ----------
    table
        Of `layerscape.measure` with ``neighbor_survival``.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    InvalidValue
        If the table has no neighbor_survival.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((300, 3))
    >>> run = ls.from_arrays({"a": x, "b": x**3, "c": np.tanh(x)})
    >>> len(neighbor_survival(ls.measure(run, ["neighbor_survival"])).lines)
    2
    """
    rows = table[(table.measure == "neighbor_survival") & table.value.notna()]
    if rows.empty:
        raise InvalidValue("the table has no neighbor_survival; measure a run with neighbor_survival.")
    axes, order = axes_of(ax), list(dict.fromkeys([*rows.layer, *rows.other_layer]))
    colors = require("matplotlib", "plot").colormaps["viridis"](np.linspace(0, 0.9, len(order) - 1))
    for (layer, own), color in zip(rows.groupby("layer", sort=False), colors, strict=True):
        places = [order.index(name) for name in (layer, *own.other_layer)]
        axes.plot(places, [1.0, *own.value], color=color, **LINE)
        axes.fill_between(places[1:], own.low, own.high, color=color, alpha=0.2, linewidth=0)
    axes.set_xticks(range(len(order)), order, rotation=45, ha="right")
    axes.set(ylabel="neighbors that stayed", ylim=(0, 1.02))
    return finish(axes, legend=False)

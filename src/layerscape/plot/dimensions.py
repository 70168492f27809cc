"""Figures of dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.errors import InvalidValue
from layerscape.figures.dimension_scale import DIMENSION, DISTANCE
from layerscape.plot.axes import CONTROL, LINE, axes_of, detail, finish, label_within_a_decade
from layerscape.plot.tables import of_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def dimension_scale(
    curves: Estimate | Mapping[str, Estimate] | pd.DataFrame,
    /,
    *,
    controls: Mapping[str, Estimate] | None = None,
    ax: Axes | None = None,
    **of_a_table: Any,
) -> Axes:
    """Dimension against scale: one line per estimate with its 95 % band, controls as grey lines.

    Parameters
    ----------
    curves
        An estimate with a curve (`gride`, `decimation`, `levina_bickel`, …), or several by name: layers, estimators.
        Or a table of `layerscape.measure`, of which one layer is drawn before the others, as on the page.
    controls
        Estimates of controls by name, as `layerscape.controls` gives them (its ``"data"`` is left out).
    of_a_table
        Of a table: ``measure``, and as ``choice`` which layer.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    InvalidValue
        If an estimate has no curve over scale.
    MissingExtra
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> found = ls.controls("gride", x)
    >>> dimension_scale({"data": found["data"]}, controls=found).get_ylabel()
    'intrinsic dimension'
    """
    if not isinstance(curves, Estimate | Mapping):
        return of_table("dimension_scale", curves, ax=ax, **of_a_table)
    axes = axes_of(ax)
    _draw_controls(axes, controls, "scale")
    named = {curves.measure or "": curves} if isinstance(curves, Estimate) else curves
    for name, estimate in named.items():
        x, y, low, high = _columns(_curve(name, estimate))
        (line,) = axes.plot(x, y, label=name, **LINE)
        axes.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xscale="log", xlabel=DISTANCE.title, ylabel=DIMENSION.title)
    label_within_a_decade(axes.xaxis)
    return finish(axes, legend=len(named) > 1)


def twonn_fit(estimate: Estimate, /, *, ax: Axes | None = None) -> Axes:
    """The points of TwoNN's fit, −log(1 − F) against log μ, and the line through the origin whose slope is d.

    Points on the line are ratios that follow the Pareto law; a bend is a density that is not constant.

    Parameters
    ----------
    estimate
        Of `twonn`.
    ax
        Where to draw; new Axes when left out.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> twonn_fit(ls.estimate("twonn", x, method="fit")).get_xlabel()
    'log μ'
    """
    x, y = (detail(estimate, name, "twonn") for name in ("log_ratio", "minus_log_survival"))
    axes = axes_of(ax)
    axes.plot(x, y, ".", markersize=3, rasterized=len(x) > 10_000)
    ends = np.array([0, x[-1]])
    label = (
        f"d = {estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}], R² = {estimate.details['r_squared']:.4f}"
    )
    axes.plot(ends, estimate.value * ends, color="black", linewidth=1, label=label)
    axes.set(xlabel="log μ", ylabel="−log(1 − F(μ))")
    return finish(axes, legend=True)


def spectrum(estimate: Estimate | Mapping[str, Estimate], /, *, ax: Axes | None = None) -> Axes:
    """The eigenvalues of the covariance as shares of the variance, on logarithmic axes, one line per estimate.

    Parameters
    ----------
    estimate
        Of `pca`, or several by name; the number of components for 90 % of the variance is marked on each.
    ax
        Where to draw; new Axes when left out.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> spectrum(ls.estimate("pca", x)).get_ylabel()
    'share of the variance'
    """
    axes = axes_of(ax)
    named = {"": estimate} if isinstance(estimate, Estimate) else estimate
    for name, one in named.items():
        values = detail(one, "spectrum", "pca")
        share = values[values > 0] / values.sum()
        (line,) = axes.plot(np.arange(1, len(share) + 1), share, label=name)
        place = int(np.searchsorted(np.cumsum(share), 0.9 * (1 - 1e-12)))
        axes.plot(place + 1, share[place], "o", color=line.get_color(), markersize=5)
        axes.annotate(
            f"{place + 1} for 90 %", (place + 1, share[place]), xytext=(5, 5), textcoords="offset points", fontsize=8
        )
    axes.set(xscale="log", yscale="log", xlabel="component", ylabel="share of the variance")
    return finish(axes, legend=len(named) > 1)


def decimation(
    estimate: Estimate | Mapping[str, Estimate],
    /,
    *,
    controls: Mapping[str, Estimate] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Dimension against the number of samples that are kept, with the spread over subsets of one size.

    Parameters
    ----------
    estimate
        Of `decimation`, or several by name.
    controls
        Estimates of `decimation` of controls, as grey lines.
    ax
        Where to draw; new Axes when left out.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> decimation(ls.estimate("decimation", x)).get_xlabel()
    'number of samples'
    """
    axes = axes_of(ax)
    _draw_controls(axes, controls, "n_samples")
    named = {"": estimate} if isinstance(estimate, Estimate) else estimate
    for name, one in named.items():
        sizes, spread = (detail(one, which, "decimation") for which in ("sizes", "spread"))
        axes.errorbar(sizes, [point.value for point in one.curve], np.nan_to_num(spread), label=name, capsize=2, **LINE)
    axes.set(xscale="log", xlabel="number of samples", ylabel=f"{DIMENSION.title} (TwoNN)")
    axes.minorticks_off()
    every = sorted({int(size) for one in named.values() for size in detail(one, "sizes", "decimation")})
    axes.set_xticks(every, [f"{size:,}" for size in every], rotation=45)
    return finish(axes, legend=len(named) > 1)


def _draw_controls(axes: Any, controls: Mapping[str, Estimate] | None, against: str) -> None:
    """Grey lines over one field of the points, each with its name at its end."""
    for name, estimate in (controls or {}).items():
        if name != "data":
            curve = _curve(name, estimate)
            x, y = [getattr(point, against) for point in curve], [point.value for point in curve]
            axes.plot(x, y, **CONTROL)
            axes.annotate(name, (x[-1], y[-1]), color=CONTROL["color"], xytext=(3, 0), textcoords="offset points")


def _curve(name: str, estimate: Estimate) -> Sequence[Point]:
    if not estimate.curve or not np.isfinite([point.scale for point in estimate.curve]).all():
        which = name or estimate.measure or "the estimate"
        raise InvalidValue(f"{which} has no curve over scale; give one of gride, decimation or levina_bickel.")
    return sorted(estimate.curve, key=lambda point: point.scale)


def _columns(curve: Sequence[Point]) -> tuple[list[float], ...]:
    return tuple([getattr(point, name) for point in curve] for name in ("scale", "value", "low", "high"))

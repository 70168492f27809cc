"""Figures of dimensions and overlaps as matplotlib Axes, ready for a paper: they are drawn on, never shown or saved."""

from layerscape.plot.comparisons import imbalance_plane as imbalance_plane
from layerscape.plot.comparisons import neighbor_survival as neighbor_survival
from layerscape.plot.comparisons import overlap_curve as overlap_curve
from layerscape.plot.dimensions import decimation as decimation
from layerscape.plot.dimensions import dimension_scale as dimension_scale
from layerscape.plot.dimensions import spectrum as spectrum
from layerscape.plot.dimensions import twonn_fit as twonn_fit

"""The figure of `benchmarks/published.py`: dimension over depth at every scale, and labels, of three networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published_runs import METRICS, SHUFFLED, TRAINED, UNTRAINED, Tables

DOCS = Path(__file__).parents[1] / "docs"
DASHES = {TRAINED: "-", UNTRAINED: "--", SHUFFLED: ":"}
FINE, COARSE = 2, 32  # neighbors; of the networks beside only these two scales are drawn


def scales(table: Any) -> Any:
    """Dimension by layer (rows, in order) and by the number of neighbors that it reads (columns)."""
    own = table[table.measure == "gride"]
    return own.pivot_table("value", "layer", "k", sort=False).reindex(list(dict.fromkeys(own.layer)))


def draw(every: dict[str, Tables]) -> None:
    """A row per case: dimension with both metrics, labels; grey, dashed or dotted: untrained, shuffled."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(every), 3, figsize=(12, 2.7 * len(every)), squeeze=False, layout="constrained")
    for row, (name, found) in zip(axes, every.items(), strict=True):
        for ax, metric in zip(row, METRICS, strict=False):
            _dimension(ax, found, metric, plt.cm.viridis)
            ax.set(title=f"{name}, {metric}", ylabel="dimension (Gride)", yscale="log")
            for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
                axis("{x:.3g}")
        _labels(row[2], found)
        row[0].legend(title="neighbors", fontsize=6, title_fontsize=6)
        row[2].legend(fontsize=6)
    for ax in axes[-1]:
        ax.set_xlabel("layer")
    figure.savefig(DOCS / "published.png", dpi=75)


def _dimension(ax: Any, found: Tables, metric: str, colors: Any) -> None:
    for condition in [name for name, one in found if one == metric]:
        curve = scales(found[condition, metric])
        for place, k in enumerate(curve):
            if condition == TRAINED:
                ax.plot(curve[k].to_numpy(), color=colors(place / len(curve.columns)), label=f"{k}", lw=1.3)
            elif k in (FINE, COARSE):
                ax.plot(curve[k].to_numpy(), color="0.6", ls=DASHES[condition], lw=1)


def _labels(ax: Any, found: Tables) -> None:
    """Label overlap by Euclidean distance, chance as a thin line."""
    for (condition, metric), table in found.items():
        if metric != METRICS[0]:
            continue
        own = table[table.measure == "label_overlap"]
        order = list(dict.fromkeys(own.layer))
        for place, (label, rows) in enumerate(own.groupby("label", sort=False)):
            values = rows.set_index("layer").value.reindex(order).to_numpy(float)
            ax.plot(values, color=f"C{place}", ls=DASHES[condition], label=f"{label}, {condition}", lw=1.3)
            if condition == TRAINED:
                ax.axhline(float(np.nanmean(rows.chance)), color=f"C{place}", lw=0.4)
    ax.set(title="label overlap", ylim=(0, 1))

"""Figures of what fine-tuning changed, and of what blocks cost that were left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.words import listed
from layerscape.errors import InvalidType, InvalidValue, need, unknown_name
from layerscape.plot.axes import CONTROL, LINE, axes_of, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 6  # classes that are told by color


def changes(found: Any, /, *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """What each layer keeps of its counterpart, with its interval and chance, and what samples of each class keep.

    Parameters
    ----------
    found
        Of `layerscape.changes`.
    label
        Whose classes are drawn: a label column; the first when left out. Of more than 6 classes those are drawn that
        differ most from the others in some layer.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    UnknownName, InvalidValue
        If there are no classes of such a column, or no layer could be compared.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, ids, kind = rng.standard_normal((90, 5)), [f"text {n}" for n in range(90)], np.repeat(["a", "b", "c"], 30)
    >>> base = ls.from_arrays({"one": x, "two": x}, labels={"kind": kind}, ids=ids)
    >>> other = ls.from_arrays({"one": x, "two": x + rng.standard_normal(x.shape)}, ids=ids)
    >>> axes = changes(ls.changes(base, other, k=5))
    >>> axes.get_ylabel(), [text.get_text() for text in axes.get_legend().get_texts()]
    ('overlap kept', ['chance', 'kind a', 'kind b', 'kind c', 'all samples'])
    """
    _check(found, "classes", "changes")
    axes, table = axes_of(ax), found.table
    if not np.isfinite(table["kept"]).any():
        raise InvalidValue("no layer could be compared; the table says why.")
    places = np.arange(len(table))
    axes.errorbar(places, table["kept"], _margins(table, "kept"), capsize=3, label="all samples", color="black", **LINE)
    axes.plot(places, table["chance"], **{**CONTROL, "label": "chance"})
    columns = list(dict.fromkeys(found.classes["label"]))
    if label is not None and label not in columns:
        raise unknown_name("label of these changes", label, columns)
    if columns:
        _classes(axes, found.classes[found.classes["label"] == (label or columns[0])], list(table["layer"]))
    axes.set_xticks(places, table["layer"], rotation=90 if len(table) > 6 else 0)
    axes.set(xlabel="layer", ylabel=f"{found.measure.replace('_', ' ')} kept")
    axes.set_title(f"from {found.base} to {found.other}", fontsize="small")
    return finish(axes, legend=True)


def _classes(axes: Axes, rows: Any, layers: list[str]) -> None:
    """A thin line per class, with a mark where it is told from the others."""
    away = rows["difference"].abs().groupby(rows["category"]).max().sort_values(ascending=False, kind="stable")
    for category in sorted(away.index[:MOST]):
        own = rows[rows["category"] == category]
        places = [layers.index(layer) for layer in own["layer"]]
        (line,) = axes.plot(places, own["kept"], linewidth=0.8, label=f"{own['label'].iloc[0]} {category}")
        told = (own["p_holm"] < 0.05).to_numpy()
        axes.plot(np.array(places)[told], own["kept"][told], "o", markersize=4, color=line.get_color())


def ablate(found: Any, /, *, measure: str | None = None, ax: Axes | None = None) -> Axes:
    """What the loss gains when a block is left out, with its interval, over what a measure says of the block.

    The title is their rank correlation, 1 where the blocks that change most by the measure cost most.

    Parameters
    ----------
    found
        Of `layerscape.ablate`.
    measure
        One of its measures, or ``"depth"``; when left out, the one that goes best with what blocks cost.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    UnknownName, InvalidValue
        If the measure was not asked for, or no block could be left out.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import numpy as np, torch, layerscape as ls
    >>> _ = torch.manual_seed(0)
    >>> class Block(torch.nn.Linear):
    ...     def forward(self, x):
    ...         return x + torch.tanh(super().forward(x))
    >>> net, x = torch.nn.Sequential(*(Block(6, 6) for _ in range(5))), np.random.default_rng(0).normal(size=(60, 6))
    >>> y = net(torch.from_numpy(x).float()).detach()
    >>> loss = lambda output, rows: ((output - y[rows]) ** 2).mean(1)
    >>> axes = ablate(ls.ablate(net, x.astype("f4"), "overlap", loss=loss, k=5), measure="overlap")
    >>> axes.get_xlabel(), axes.get_title()[:9]
    ('overlap', 'the more ')
    """
    _check(found, "correlations", "ablate")
    known = found.table[np.isfinite(found.table["increase"])]
    if not len(known):
        raise InvalidValue("no block could be left out; the table says why.")
    asked = [*dict.fromkeys(found.measured["measure"]), "depth"]
    told = found.correlations.set_index("measure")
    if measure is None:
        best = told["value"].drop("depth", errors="ignore")
        measure = str(best.idxmax()) if len(best) else asked[0]
    if measure not in asked:
        raise unknown_name("measure of this ablation", measure, asked)
    axes = axes_of(ax)
    axes.errorbar(known[measure], known["increase"], _margins(known, "increase"), fmt="o", markersize=4, elinewidth=0.8)
    for row in known.itertuples():
        axes.annotate(
            str(row.block).removeprefix("block_"), (getattr(row, measure), row.increase), (3, 3),
            textcoords="offset points", fontsize=6,
        )  # fmt: skip
    axes.axhline(0, **CONTROL)
    axes.set(xlabel=measure.replace("_", " "), ylabel="loss added without the block")
    if measure in told.index:
        one = told.loc[measure]
        interval = f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
        more = "the later" if measure == "depth" else "the more it changes"
        text = f"{more}, the dearer a block: Spearman {interval} over {int(one['n'])}"
    else:
        text = f"{len(known)} blocks: no correlation with {listed([measure.replace('_', ' ')])}"
    axes.set_title(text, fontsize="small")
    return finish(axes, legend=False)


def _check(found: Any, part: str, question: str) -> None:
    need("plot")
    if not hasattr(found, part):
        raise InvalidType(f"{type(found).__name__} given; give what layerscape.{question} gives.")


def _margins(table: Any, value: str) -> np.ndarray:
    return np.abs(np.nan_to_num(np.stack([table[value] - table["low"], table["high"] - table[value]])))

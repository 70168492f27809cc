"""Figures by what is asked of a table: a measure against depth, a map of layers, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscape.errors import InvalidValue, need, unknown_name
from layerscape.figures import figures
from layerscape.figures.measured import measured
from layerscape.figures.profile import Profile
from layerscape.plot.tables import of_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def profile(
    table: pd.DataFrame, /, *, measure: str | None = None, choice: str | None = None, ax: Axes | None = None
) -> Axes:
    """A measure against depth with its interval: of every layer, or of every layer and the one before it.

    The same as `dimension_depth`, `value_depth`, `label_depth` or `layer_steps`, whichever shows the measure.

    Parameters
    ----------
    table
        Of `layerscape.measure`.
    measure
        Which measure of the table, by name; the first that can be shown when left out.
    choice
        Which of several curves, by what the page's menu calls it; the first when left out.
    ax
        Where to draw; new Axes when left out.

    Raises
    ------
    UnknownName, InvalidValue
        If the table has no such measure or choice, or nothing to show.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls, numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> run = ls.from_arrays({"first": x, "second": x[:, :2]}, labels={"sign": x[:, 0] > 0})
    >>> table = ls.measure(run, ["twonn", "overlap", "label_overlap"], k=10)
    >>> profile(table).get_ylabel(), profile(table, measure="overlap").get_ylabel()
    ('dimension', 'overlap with the layer before')
    """
    return _first(("dimension_depth", "value_depth", "layer_steps", "label_depth"), table, measure, choice, ax)


def layers(
    table: pd.DataFrame, /, *, measure: str | None = None, choice: str | None = None, ax: Axes | None = None
) -> Axes:
    """A map of layers × layers: how alike every two are, with a ring where chance could give as much.

    The same as `layer_pairs`.

    Parameters
    ----------
    table
        Of `layerscape.measure`; or of `layerscape.compare`, with the layers of its first run across and those of the
        other down.
    measure, choice, ax
        As in `profile`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls, numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> table = ls.measure(ls.from_arrays({"first": x, "second": x[:, :2]}), ["cka"])
    >>> [tick.get_text() for tick in layers(table).get_xticklabels()]
    ['first', 'second']
    """
    return _first(("layer_pairs",), table, measure, choice, ax)


def labels(
    table: pd.DataFrame, /, *, measure: str | None = None, choice: str | None = None, ax: Axes | None = None
) -> Axes:
    """What every layer holds of a label column (the choice), with what chance gives.

    The same as `label_depth`; `dimension_labels` draws the dimension over the same axis.

    Parameters
    ----------
    table
        Of `layerscape.measure`.
    measure, choice, ax
        As in `profile`; a choice is a label column.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import layerscape as ls, numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> run = ls.from_arrays({"first": x, "second": x[:, :2]}, labels={"sign": x[:, 0] > 0})
    >>> labels(ls.measure(run, ["label_overlap"], k=10), choice="sign").get_ylabel()
    'label overlap (share of neighbors)'
    """
    return _first(("label_depth",), table, measure, choice, ax)


def _first(
    names: tuple[str, ...], table: pd.DataFrame, measure: str | None, choice: str | None, ax: Axes | None
) -> Axes:
    """The first of the figures that can show the measure, or anything where none is named."""
    need("plot")
    there = measured(Profile.of(table))
    able = {name: [each.name for each in there if figures()[name].applies(each)] for name in names}
    found = next((name for name, own in able.items() if (measure in own if measure else own)), None)
    if found is None:
        known = list(dict.fromkeys(each for own in able.values() for each in own))
        if measure is None or not known:
            raise InvalidValue(f"the table has nothing that {' or '.join(names)} could show; measure a run first.")
        raise unknown_name("measure of this table", measure, known)
    return of_table(found, table, measure=measure, choice=choice, ax=ax)

"""`differences`: is a layer different from the one before it, from that of another run, or from its own step before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import nan
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from layerscape.core.depth import site_of, steps
from layerscape.core.groups import Own
from layerscape.core.influence import Moved
from layerscape.core.keywords import Search, door
from layerscape.core.measure import Measure
from layerscape.core.paired import Difference, difference, holm
from layerscape.core.progress import Show, counted
from layerscape.core.tasks import Task, check_options, own_options
from layerscape.errors import InvalidValue, LayerscapeError, require, unknown_name
from layerscape.measures import AnyMeasure, catalog, find_measures
from layerscape.questions.evidence import above, chance_of
from layerscape.questions.matching import matched
from layerscape.run import Run, check_run
from layerscape.runs import Series
from layerscape.supply.answers import supplier_of
from layerscape.supply.doubts import say_doubts
from layerscape.supply.labels import category_columns
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "run", "layer", "depth", "other_run", "other_layer", "other_depth", "measure", "label",
    "value", "other_value", "difference", "low", "high", "p", "p_holm", "n_samples", "warnings",
)  # fmt: skip
Found = Callable[[str, Measure, str], tuple[Moved, tuple[str, ...]]]


@door
def differences(
    run: Run | Series,
    other: Run | None = None,
    measures: AnyMeasure | Sequence[AnyMeasure] | None = None,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    labels: str | Sequence[str] | None = None,
    k: int | None = None,
    groups: str | None = None,
    own_group: Own | None = None,
    progress: Show = None,
    **search: Unpack[Search],
) -> pd.DataFrame:
    """By how much layers differ, tested on the same samples: every layer and the one before it, two runs, or steps.

    Values of two layers are of the same samples, so that their difference is known better than either: its interval
    comes from what each sample moves in both, with regard to neighbors.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`; or a series: every layer at each step is tested against itself at the
        step before, and at the last against the first. The table then has ``step`` and ``other_step``, the earlier.
    other
        A second run, samples matched by id: each layer is tested against the layer of that name or, where there is
        none, of the nearest depth.
    measures
        Of one layer, or of a layer and labels, and such as can say how each sample moves them; with ``groups`` also
        such as learn, in folds of whole groups. The dimension by TwoNN and label overlap when left out. Those of
        labels are of each column of categories, above chance c as (v − c)/(1 − c).
    pairs
        Which layer against which, by name; every layer against the one before it when left out.
    labels, k, progress
        As in `measure`.
    groups
        A label column of the first run that says which samples belong together: then a difference is known from what
        it is without each group (the jackknife, with Student's law).
    own_group
        As in `measure`.
    search
        The keywords of `find_neighbors`.

    Returns
    -------
    pandas.DataFrame
        One row per test: ``value`` of ``layer``, ``other_value`` of ``other_layer``, their ``difference`` (the first
        less the second) with 95 % interval ``low`` to ``high``, ``p`` of both sides for that there is none, and
        ``p_holm``: p corrected for all tests of the call (Holm 1979), below 0.05 where layers differ. Where a layer
        cannot be measured they are NaN and ``warnings`` says why.

    Raises
    ------
    UnknownName, InvalidValue
        If there is no such measure, layer or label column, nothing to test, or the runs share no sample.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6:65–70.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((800, 8))
    >>> run = ls.from_arrays({"all": x, "same": 2 * x, "half": x[:, :4]})
    >>> (ls.differences(run).p_holm < 0.05).tolist()
    [False, True]
    """
    require("pandas", "runs")
    if isinstance(run, Series):
        asked_of_each = {"labels": labels, "k": k, "groups": groups, "own_group": own_group, "progress": progress}
        return _between_steps(run, other, measures, pairs, **asked_of_each, **search)
    for each in (run, run if other is None else other):
        check_run(each)
    check_options([], search, differences)
    chosen, belonging = tested(measures, grouped=groups is not None), Belonging(groups, own_group)
    belonging.check(chosen, labels=labels)
    a, b = (Part(run), None) if other is None else matched(run, other)
    layers = _pairs(run, other, pairs)
    columns = category_columns(run, labels) if any("labels" in m.data for m in chosen) and run.samples.labels else []
    columns = [column for column in columns if column != groups]
    asked = [(m, column) for m in chosen for column in (columns if "labels" in m.data else [""])]
    if not layers or not asked:
        what = "fewer than two layers" if not layers else "no label column of categories"
        raise InvalidValue(f"{run.name!r} has {what}; there is no difference to test.")
    firsts, seconds = zip(*layers, strict=True)
    who = belonging.groups_of_column(run.samples.labels, run.n_samples, a.rows)
    if who is None:
        say_doubts(run, search, labels, chosen)
    mine = _moved(supplier_of(a, search, who), asked, firsts if b else (*firsts, *seconds), k, progress)
    theirs = _moved(supplier_of(b, search, who), asked, seconds, k, progress) if b else mine
    tell = counted(progress, "testing", len(asked) * len(layers)) or (lambda _: None)
    rows = []
    for measure, column in asked:
        for first, second in layers:
            found = _tested(mine, theirs, first, second, measure, column)
            rows.append(_row(run, other or run, first, second, measure.name, column) | found)
            tell(1)
    table = require("pandas", "runs").DataFrame(rows).assign(n_samples=a.n_samples)
    table["p_holm"] = holm(table.p.to_numpy())
    return table[list(COLUMNS)]


def _between_steps(series: Series, other: Any, measures: Any, pairs: Any, **asked: Any) -> pd.DataFrame:
    """The tests of a series, corrected for all of them: every step against the one before it, the last the first."""
    if other is not None:
        raise InvalidValue("a series and another run; give two runs, or the series alone.")
    if not series.layers:
        raise InvalidValue("no layer is in all runs of the series; there is no difference to test.")
    pairs = [(layer, layer) for layer in series.layers] if pairs is None else pairs
    last = len(series) - 1
    tables = []
    for later, earlier in dict.fromkeys([*((place, place - 1) for place in range(1, last + 1)), (last, 0)]):
        found = differences(series.runs[later], series.runs[earlier], measures, pairs=pairs, **asked)
        steps = {"step": series.steps[later], "other_step": series.steps[earlier]}
        tables.append(found.assign(**steps)[[*steps, *COLUMNS]])
    table = require("pandas", "runs").concat(tables, ignore_index=True)
    return table.assign(p_holm=holm(table.p.to_numpy()))


def tested(measures: AnyMeasure | Sequence[AnyMeasure] | None, *, grouped: bool) -> list[Measure]:
    """The measures that were asked for, or those of one layer that stand for their question; raises at any other.

    What learns has a test where samples are grouped: its folds, of whole groups, stay when a group is left out.
    """
    if measures is None:
        return [m for m in catalog().values() if m.headline and not m.compares and not isinstance(m.influence, str)]
    chosen = find_measures(measures)
    for m in chosen:
        if m.compares or "graphs" in m.data:
            raise InvalidValue(f"{m.name} compares two layers; differences are tested of measures of one layer.")
        if isinstance(m.influence, str) and not (grouped and m.folds):
            without = " without groups= (--groups)" if m.folds else ""
            raise InvalidValue(f"{m.name} has no test of differences{without}: {m.influence}.")
    return chosen


def _pairs(run: Run, other: Run | None, given: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    second = other or run
    if given is not None:
        alone = list(map(type, given)) == [str, str]  # one pair, and no list of them
        pairs = [(str(given[0]), str(given[1]))] if alone else list(given)
        for first_layer, second_layer in pairs:
            for layer, its in ((first_layer, run), (second_layer, second)):
                if layer not in its.layers:
                    raise unknown_name(f"layer of {its.name}", layer, its.layers)
        return pairs
    if other is None:
        return [(later, earlier) for earlier, later in steps(run.layers, run.depths)]
    return [(layer, _counterpart(run.depths[layer], layer, other)) for layer in run.layers]


def _counterpart(depth: float | None, layer: str, other: Run) -> str:
    """The layer of that name, or of the nearest depth; of a site of a block, among those of its kind."""
    if layer in other.layers:
        return layer
    site = site_of(layer)
    depths = {name: value for name, value in other.depths.items() if value is not None and site_of(name) == site}
    if depth is None or not depths:
        raise InvalidValue(f"layer {layer!r} has no counterpart in {other.name!r}; say with pairs what to test.")
    return min(depths, key=lambda name: abs(depths[name] - depth))


def _moved(
    supplier: Supplier, asked: Sequence[tuple[Measure, str]], layers: Sequence[str], k: int | None, progress: Show
) -> Found:
    """How samples or groups move a value of a layer, and what is to be said of it; the last two are kept."""

    def task(layer: str, measure: Measure, column: str) -> Task:
        return Task(measure, own_options(measure, k, {}), layer, label=column)

    @lru_cache(maxsize=2)
    def found(layer: str, measure: Measure, column: str) -> tuple[Moved, tuple[str, ...]]:
        one = task(layer, measure, column)
        moved, words = supplier.moved(one), supplier.words(one)
        return (above(moved, chance_of(supplier.estimate(one))) if column else moved), words

    supplier.prepare([task(layer, *each) for layer in dict.fromkeys(layers) for each in asked], progress, more=1)
    return found


def _tested(
    mine: Found,
    theirs: Found,
    first: str,
    second: str,
    measure: Measure,
    column: str,
) -> dict[str, Any]:
    try:
        (a, of_a), (b, of_b) = mine(first, measure, column), theirs(second, measure, column)
        found, words = difference(a, b), "\n".join(dict.fromkeys([*of_a, *of_b]))
        values = {"value": a.value, "other_value": b.value}
    except LayerscapeError as error:
        found, words = Difference(nan, nan, nan, nan), str(error)
        values = {"value": nan, "other_value": nan}
    sides = {"difference": found.value, "low": found.low, "high": found.high, "p": found.p}
    return {**values, **sides, "warnings": words}


def _row(run: Run, other: Run, first: str, second: str, name: str, column: str) -> dict[str, Any]:
    depths = run.depths[first], other.depths[second]
    depth, other_depth = (np.nan if one is None else one for one in depths)
    return {
        "run": run.name,
        "layer": first,
        "depth": depth,
        "other_run": other.name,
        "other_layer": second,
        "other_depth": other_depth,
        "measure": name,
        "label": column,
    }

"""`differences`: is a layer different from the one before it, or from its counterpart in another run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.errors import InvalidValue, LayerscapeError, require, unknown_name
from layerscape.measures import catalog
from layerscape.pipeline.compare import matched
from layerscape.pipeline.labels import category_columns
from layerscape.pipeline.part import Part, Progress, counted
from layerscape.pipeline.table import Task
from layerscape.resample import Difference, Influences, Terms, difference, dimension_terms, holm, label_terms
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd

KNOWN = ("twonn", "label_overlap")
COLUMNS = (
    "run", "layer", "depth", "other_run", "other_layer", "other_depth", "measure", "label",
    "value", "other_value", "difference", "low", "high", "p", "p_holm", "n_samples", "warnings",
)  # fmt: skip


def differences(
    run: Run,
    other: Run | None = None,
    measures: Sequence[str] | None = None,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    labels: Sequence[str] | None = None,
    k: int = 30,
    metric: str = "euclidean",
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """By how much layers differ, tested on the same samples: every layer and the one before it, or two runs.

    Values of two layers are of the same samples, so that their difference is known better than either: its interval
    comes from what each sample moves in both, with regard to neighbors.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`.
    other
        A second run, samples matched by id: each layer is tested against the layer of that name or, where there is
        none, of the nearest depth.
    measures
        ``"twonn"``: the dimension (maximum likelihood); ``"label_overlap"``: of each label column of categories, above
        chance c as (χ − c)/(1 − c). Both when left out.
    pairs
        Which layer against which, by name; every layer against the one before it when left out.
    labels, k, metric, device, threads, progress
        As in `measure`.

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
    chosen = KNOWN if measures is None else tuple(measures)
    for name in chosen:
        if name not in KNOWN:
            raise unknown_name("measure with a test of differences", name, KNOWN)
    how = {"metric": metric, "device": device, "threads": threads}
    a, b = (Part(run, how),) * 2 if other is None else matched(run, other, how)
    layers = _pairs(run, other, pairs)
    columns = category_columns(run, labels) if "label_overlap" in chosen and run.samples.labels else []
    asked = [(name, column) for name in chosen for column in (columns if name == "label_overlap" else [""])]
    if not layers or not asked:
        what = "fewer than two layers" if not layers else "no label column of categories"
        raise InvalidValue(f"{run.name!r} has {what}; there is no difference to test.")
    _prepare((a, b) if other else (a,), max(2, k * bool(columns)), "twonn" in chosen, progress)
    codes = {column: a.classes(column) for column in columns}
    mine = lru_cache(maxsize=2)(partial(_terms, a, codes, k))
    theirs = lru_cache(maxsize=2)(partial(_terms, b, codes, k)) if other else mine
    tell = counted(progress, "testing", len(asked) * len(layers)) or (lambda _: None)
    rows = []
    for name, column in asked:
        for first, second in layers:
            found = _tested(mine, theirs, first, second, name, column)
            rows.append(_row(run, other or run, first, second, name, column) | found | {"n_samples": a.n_samples})
            tell(1)
    table = require("pandas", "runs").DataFrame(rows)
    table["p_holm"] = holm(table.p.to_numpy())
    return table[list(COLUMNS)]


def _pairs(run: Run, other: Run | None, given: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    second = other or run
    if given is not None:
        for first_layer, second_layer in given:
            for layer, its in ((first_layer, run), (second_layer, second)):
                if layer not in its.layers:
                    raise unknown_name(f"layer of {its.name}", layer, its.layers)
        return list(given)
    if other is None:
        return list(zip(run.layers[1:], run.layers, strict=False))
    return [(layer, _counterpart(run.depths[layer], layer, other)) for layer in run.layers]


def _counterpart(depth: float | None, layer: str, other: Run) -> str:
    """The layer of that name, or of the nearest depth."""
    if layer in other.layers:
        return layer
    depths = {name: value for name, value in other.depths.items() if value is not None}
    if depth is None or not depths:
        raise InvalidValue(f"layer {layer!r} has no counterpart in {other.name!r}; say with pairs what to test.")
    return min(depths, key=lambda name: abs(depths[name] - depth))


def _prepare(parts: Sequence[Part], k: int, distinct: bool, progress: Progress | None) -> None:
    for part in parts:
        if k >= part.n_samples:
            raise InvalidValue(
                f"k={k} neighbors asked of {part.n_samples} samples; k must lie in 1..{part.n_samples - 1}."
            )
        part.prepare(k, distinct, progress)


def _terms(
    part: Part, codes: Mapping[str, np.ndarray], k: int, layer: str, name: str, column: str
) -> Terms | Influences:
    """What a value of a layer is made of, sample by sample."""
    task = Task(catalog()[name], {}, layer)
    if name == "twonn":
        return dimension_terms(part.data("graph", task, 2, 0), part.distinct_rows(layer), part.n_samples)
    return label_terms(part.data("graph", task, k, 0), [codes[column]], k)


def _tested(
    mine: Callable[..., Any], theirs: Callable[..., Any], first: str, second: str, name: str, column: str
) -> dict[str, Any]:
    try:
        a, b = mine(first, name, column), theirs(second, name, column)
        found, words = difference(a, b), ""
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

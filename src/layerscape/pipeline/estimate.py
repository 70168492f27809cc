"""`estimate`: one measure on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure, as_measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation, as_representation
from layerscape.core.subsets import Subsets
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.measures import catalog
from layerscape.pipeline.distinct import NEAR, distinct_rows, graph_of
from layerscape.pipeline.ranking import ranking_of
from layerscape.pipeline.subsets import base_width, subsets_of
from layerscape.search import find_neighbors

SPARE = 8  # neighbors beyond those that a dimension needs, so that few copies cost no second search

AnyMeasure = str | Measure | Callable[..., Estimate]


def find_measure(measure: AnyMeasure) -> Measure:
    """A measure by name, a `Measure`, or a function of the user's."""
    if isinstance(measure, Measure):
        return measure
    if isinstance(measure, str):
        if measure not in catalog():
            raise unknown_name("measure", measure, catalog())
        return catalog()[measure]
    if callable(measure):
        known = catalog().get(getattr(measure, "__name__", ""))
        return known if known and known.compute is measure else as_measure(measure)
    raise InvalidType(f"{measure!r} is no measure; give a name, a Measure or a function that returns an Estimate.")


def estimate(
    measure: AnyMeasure,
    /,
    *data: Any,
    metric: str = "euclidean",
    near_copies: float = NEAR,
    device: str = "auto",
    threads: int | None = None,
    **options: Any,
) -> Estimate:
    """One measure on arrays, with its interval.

    Parameters
    ----------
    measure
        A name that ``layerscape list`` shows, a `Measure`, or a function that returns an `Estimate`.
    data
        What the measure compares: one or two of array (N, D), `Representation` or `Neighbors`; labels (N,) go where a
        second representation would. For a measure that follows neighbors through layers the second is a list of them.
    metric
        Of the neighbor search: ``"euclidean"`` or ``"cosine"``.
    near_copies
        Samples nearer than this share of the median first-neighbor distance are left out of dimensions like exact
        copies are, and counted; 0 keeps them.
    device, threads
        Of the search, as in `find_neighbors`.
    options
        Of the measure.

    Returns
    -------
    Estimate
        With the name of the measure, its options and the size of the data filled in.

    Raises
    ------
    UnknownName, InvalidValue, InvalidType
        If there is no such measure or option, or the data cannot be measured.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((500, 4))
    >>> ls.estimate("twonn", x).n_units
    4
    """
    chosen = find_measure(measure)
    options = chosen.choose(options)
    if len(data) != len(chosen.data):
        raise InvalidValue(f"{chosen.name} takes {' and '.join(chosen.data)}; {len(data)} given.")
    values, warnings, first = [], [], None
    how = {"metric": metric, "device": device, "threads": threads}
    for kind, given in zip(chosen.data, data, strict=True):
        if kind == "labels":
            values.append(given)
            continue
        if kind == "graphs":
            several = given if isinstance(given, (list, tuple)) else [given]
            values.append(tuple(_one_of_several(chosen, each, options, how) for each in several))
            continue
        if isinstance(given, Neighbors):
            if kind in ("vectors", "ranking"):
                raise InvalidType(f"{chosen.name} needs the vectors themselves; give the array and not its graph.")
            graph = subsets_of(chosen, options, given) if kind == "subsets" else given
        else:
            x = as_representation(given)
            first = first or x
            if kind == "vectors":
                values.append(x)
                continue
            if kind == "ranking":
                values.append(ranking_of(x, metric=metric, threads=threads))
                continue
            graph, words = _graph(chosen, x, options, near_copies, how)
            warnings += words
        first = first or graph
        values.append(graph)
    result = chosen(*values, **options)
    n_units = result.n_units if result.n_units is not None else (first.n_units if first else None)
    return replace(result, n_units=n_units, warnings=(*warnings, *result.warnings))


def _one_of_several(measure: Measure, given: Any, options: dict[str, Any], how: dict[str, Any]) -> Neighbors:
    if isinstance(given, Neighbors):
        return given
    x = as_representation(given)
    return find_neighbors(x, measure.neighbors_needed(options, x.n_samples), **how)


def _graph(
    measure: Measure, x: Representation, options: dict[str, Any], near_copies: float, how: dict[str, Any]
) -> tuple[Neighbors | Subsets, tuple[str, ...]]:
    needed = measure.neighbors_needed(options, x.n_samples)
    width = max(needed, min(base_width(measure, needed), x.n_samples - 1))
    if not measure.distinct:
        return find_neighbors(x, width, **how), ()
    if needed < x.n_samples:
        whole = find_neighbors(x, min(width + SPARE, max(width, x.n_samples - 1)), **how)
    else:
        whole = find_neighbors(x, needed, **how)  # which says what is wrong
    distinct = distinct_rows(whole, near_copies)
    graph = graph_of(x, whole, distinct.rows, width, **how)
    if "subsets" in measure.data:
        return subsets_of(measure, options, graph, x, distinct.rows, **how), distinct.words
    return graph, distinct.words

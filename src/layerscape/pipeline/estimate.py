"""`estimate`: one measure on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.groups import Own
from layerscape.core.keywords import door
from layerscape.core.labels import check_order
from layerscape.core.listing import Listed, listing_of
from layerscape.core.lists import as_vectors
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs, rows_in
from layerscape.core.recording import Lag
from layerscape.core.repeats import pair_of
from layerscape.core.representation import Representation, ids_of
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task, check_options, check_used, parted
from layerscape.errors import InvalidType, InvalidValue
from layerscape.measures import AnyMeasure, find_measure
from layerscape.supply.answers import answer
from layerscape.supply.together import Belonging, agreed


@door
def estimate(
    measure: AnyMeasure,
    /,
    *data: Any,
    groups: Any = None,
    own_group: Own | None = None,
    lag: Lag | None = None,
    repeats: Any = None,
    queries: Any = None,
    influence: bool = False,
    **options: Any,
) -> Estimate:
    """One measure on arrays, with its interval.

    Parameters
    ----------
    measure
        A name that ``layerscape list`` shows, a `Measure`, or a function that returns an `Estimate`.
    data
        What the measure compares: one or two of array (N, D), `Representation` or `Neighbors`; labels (N,) go where a
        second representation would. Row i is the same sample in all; an index of tables or ids of a run that say
        otherwise are refused. For a measure that follows neighbors through layers the second is a list of them.
    groups
        Shape (N,): who belongs together, as trials of a subject or tokens of a text do. Samples are taken to be
        independent when left out. With groups the interval is that of the delete-one-group jackknife, and chance is
        what is found when whole groups change places, or labels within groups; see docs/guide.md.
    own_group
        ``"kept"`` or ``"left_out"``: whether members of a sample's own group may be its neighbors. When left out they
        may, but for labels that are the same for all of a group. Read by measures that ask for neighbors alone.
    lag
        In place of groups, for samples that follow each other in time: those within so many rows are no neighbors
        (``"auto"``: until their autocorrelation is below 0.1), and chance is what circular shifts give.
    repeats
        Shape (N,): which condition each sample repeats, as the stimulus of several trials; or two of that, the second
        which repeat it is (a session, a subject). What is measured are the means over repeats, and a comparison gets
        its noise ceiling, ``Estimate.ceiling``; see docs/groups.md.
    queries
        Shape (M, D): for a measure of pairs, the queries, where the data are those among which they look; pairs are
        then of a row of each. See docs/pairs.md.
    influence
        Whether to find out how each sample moves the value too, for ``Estimate.influence``. It is searched for one
        neighbor more.
    options
        Of the measure, and the keywords of a search as in `find_neighbors`.

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
    >>> ls.estimate("twonn", x, influence=True).influence.moved.shape
    (500,)
    >>> ls.estimate("twonn", x, groups=np.arange(500) // 10).groups
    '50 groups'
    """
    chosen = find_measure(measure)
    search, options = parted(options, [chosen])
    check_options([chosen], options, estimate)
    source, task = _asked(chosen, chosen.choose(options), data, queries)
    check_used(chosen, search, source.graphs.values())
    _check_indices(source, [*data, groups, *pair_of(repeats)])
    belonging = Belonging(groups, own_group, lag, repeats)
    belonging.check([chosen])
    search, together = agreed(source, search, belonging.of_arrays(source))
    return answer(source, search, task, together, influence=influence)


def _asked(measure: Measure, options: dict[str, Any], data: tuple[Any, ...], queries: Any) -> tuple[Arrays, Task]:
    """The data as layers without names, and what is asked of them."""
    if queries is not None and "pairs" not in measure.data:
        raise InvalidValue(f"queries of {measure.name}, which reads no pairs; leave them out.")
    if len(data) != len(measure.data):
        raise InvalidValue(f"{measure.name} takes {' and '.join(measure.data)}; {len(data)} given.")
    for kind, given in zip(measure.data, data, strict=True):
        if kind in ("vectors", "ends") and isinstance(given, Neighbors):
            raise InvalidType(f"{measure.name} needs the vectors themselves; give the array and not its graph.")
    first, *others = data
    if measure.data[1:] == ("labels",):
        return Arrays({"": first}, {"": others[0]}), Task(measure, options)
    if measure.data[1:] == ("pairs",):
        x, pairs = _paired(as_vectors(first), queries, others[0])
        return Arrays({"": x}, {"": pairs}), Task(measure, options)
    if measure.data[1:] == ("graphs",):
        others = list(others[0]) if isinstance(others[0], (list, tuple)) else others
    given = [first, *others]
    if len(given) > 1:
        given = [x if isinstance(x, Neighbors) else as_vectors(x, name=_called(place)) for place, x in enumerate(given)]
        ids_of([x for x in given if isinstance(x, Representation)])  # raises where they are others
    layers = dict(zip(("", *(f"{number}" for number, _ in enumerate(others, 1))), given, strict=True))
    return Arrays(layers), Task(measure, options, other_layer=list(layers)[-1])


def _check_indices(source: Arrays, columns: list[Any]) -> None:
    """Raise where the index of labels or groups has the ids of the samples in another order."""
    known = ids_of(source.vectors(layer) for layer in source.layers if layer not in source.graphs)
    for column in columns:
        if known is not None and getattr(column, "ndim", 2) == 1:
            check_order(column, list(known))


def _called(place: int) -> str:
    """What error messages call an array without a name among several."""
    return f"the {('first', 'second', 'third')[place]} array" if place < 3 else f"array {place + 1}"


def _paired(x: Representation, queries: Any, given: Any) -> tuple[Representation, Pairs]:
    """The samples of pairs, queries of their own before those among which they look."""
    if queries is None:
        return x, Pairs.of(given, x.n_samples)
    asked = as_vectors(queries)
    if asked.n_units != x.n_units:
        raise InvalidValue(f"queries have {asked.n_units} units and the samples {x.n_units}; widths must agree.")
    if (found := given if isinstance(given, Listed) else listing_of(given)) is None:
        raise InvalidValue("a column of one value per sample says nothing of queries of their own; give pairs of rows.")
    rows = rows_in(found.queries, asked.n_samples), rows_in(found.partners, x.n_samples)
    pairs = Pairs.across(found, rows, (asked.n_samples, x.n_samples), (str, str))
    return Representation(np.concatenate([np.asarray(asked), np.asarray(x)])), pairs

"""`measure`: layers × measures → plan → table. One graph per layer, at the largest k that anyone asks for."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from layerscape.core.depth import axes_of_depth
from layerscape.core.groups import Own
from layerscape.core.keywords import Search, door, taken
from layerscape.core.measure import Measure
from layerscape.core.names import as_names
from layerscape.core.progress import Show, counted
from layerscape.core.recording import Lag
from layerscape.core.tasks import Task, check_options, in_tiles, own_options, parted
from layerscape.core.words import listed
from layerscape.errors import InvalidValue, require
from layerscape.measures import AnyMeasure, catalog, find_measures
from layerscape.pipeline.pairs import check_pairs, paired
from layerscape.pipeline.replicate import replicate
from layerscape.pipeline.sampled import averages, drawn_queries
from layerscape.pipeline.table import CEILING, as_rows, as_table, check_saving, keep
from layerscape.pipeline.through import measure_through
from layerscape.run import Run, check_run
from layerscape.runs import Series
from layerscape.supply.answers import supplier_of
from layerscape.supply.attempts import attempts
from layerscape.supply.controls import check_controls
from layerscape.supply.doubts import say_doubts
from layerscape.supply.given import answerable
from layerscape.supply.labels import label_columns, options_for, takes
from layerscape.supply.sources import Part, parts_of
from layerscape.supply.supplier import Supplier
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd


@door
def measure(
    run: Run | Series,
    measures: AnyMeasure | Sequence[AnyMeasure] | None = None,
    *,
    k: int | None = None,
    labels: str | Sequence[str] | None = None,
    by: str | None = None,
    groups: str | None = None,
    own_group: Own | None = None,
    lag: Lag | None = None,
    repeats: str | Sequence[str] | None = None,
    pairs: Any = None,
    queries: Run | None = None,
    controls: str | Iterable[str] = (),
    protocol: str | None = None,
    n_queries: int | None = None,
    seed: int = 0,
    save: bool = True,
    progress: Show = None,
    **options: Any,
) -> pd.DataFrame:
    """The profile of a run: every measure of every layer, pair of layers and label, in a tidy table.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`. Of a series (`layerscape.series`) every run is measured, and every
        layer compared with itself at the next step, at the last and at the first.
    measures
        Names, `Measure` values or functions, or one of these; the standard profile when left out, which is what costs
        little more than the graphs (``layerscape list`` shows which measures that are).
    k
        Number of neighbors, for the measures that have this option; each measure's own when left out, 30 for overlaps.
    labels
        Label columns to measure against; when left out, all of categories that samples share, and of real numbers for
        measures that take them. ``"coarse+fine"`` joins columns to paths, of which the share in common counts.
    by
        A label column: every group of samples with one value is measured on its own, all at the size of the smallest.
        Groups of no more than k samples, or of fewer than 10 where no k is given, are left out with a warning.
    groups
        A label column that says which samples belong together, as trials of a subject or tokens of a text do. Samples
        are taken to be independent when left out; with groups, chance and intervals count groups and no samples.
    own_group
        ``"kept"`` or ``"left_out"``: whether members of a sample's own group may be its neighbors. When left out they
        may, but for labels that are the same for all of a group. Read by measures that ask for neighbors alone.
    lag
        In place of groups, for samples that follow each other in time: those within so many rows are no neighbors
        (``"auto"``: until the autocorrelation of all layers is below 0.1), and chance is what circular shifts give.
    repeats
        A label column that says which condition each sample repeats, as the stimulus of several trials; or two columns,
        the second of which repeat it is (a session, a subject). What is measured are the means over repeats, and
        comparisons get their noise ceiling, in columns of their own; see docs/groups.md.
    pairs
        Who answers whom, for the measures that read pairs (recall, …): a label column whose values partners share; a
        file with the columns query and relevant, ids of samples, and grade where partners are graded; or the same in
        memory, as pairs of ids, a table or a dict. See docs/pairs.md.
    queries
        The run whose samples are the queries of these pairs, where they are others than the samples among which
        partners are looked for; layers of one name and width go together. Without measures those of pairs are measured
        alone.
    controls
        ``"gaussian"``, ``"columns"``: dimensions of these controls of every layer too, as rows of the group
        ``control=NAME``; see `layerscape.controls`. Each costs a search of all layers.
    protocol
        The recipe of a paper by name, in place of measures, k and options: ``"ansuini2019"``, ``"doimo2020"``,
        ``"valeriani2023"``, ``"doimo2024"``, ``"cheng2025"``.
    n_queries
        Ask only so many samples, drawn once for all layers, for their neighbors among all N: an average over samples
        needs few, and the search costs ``n_queries``·N·D in place of N²·D / 2. Rows say so in ``group``, and graphs are
        not kept. Measures that read the graph of every sample, or no graph, are left out; see `layerscape.plan`.
    seed
        Of the choice of samples in groups larger than the smallest, of queries, and of the controls.
    save
        Whether the table and the graphs are kept in the run; False for one that cannot be written.
    progress
        Called as ``progress(what, done, total)``. When left out, bars where standard error is a terminal or a notebook
        runs this, and elsewhere a line now and then in the log ``layerscape``; True for bars, False for nothing.
    options
        Further options of measures, each of which goes to the measures that have it; and the keywords of a search as in
        `find_neighbors`. So many ``threads`` carry out what reads graphs only, too.

    Returns
    -------
    pandas.DataFrame
        One row per estimate, and one per point for measures with a curve; also kept in the run (a disk that is full at
        the end costs no more than that, and is said). Of a series with the column ``step`` and, in rows between steps,
        ``other_step``. Where a layer cannot
        be measured, ``value`` is NaN and ``warnings`` says why. Dimensions are computed on the same distinct samples
        in every layer.

    Raises
    ------
    FileProblem
        If the run cannot be written and ``save`` is not False; nothing is computed then.
    UnknownName, InvalidValue
        If there is no such measure, option or label column, or k is not below the number of samples.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((300, 8))
    >>> table = ls.measure(ls.from_arrays({"a": x, "b": x**3}), ["twonn", "overlap"], k=10)
    >>> table[["layer", "other_layer", "measure"]].values.tolist()
    [['a', '', 'twonn'], ['b', '', 'twonn'], ['a', 'b', 'overlap']]
    """
    require("pandas", "runs")
    if isinstance(run, Series):
        each = {"k": k, "labels": labels, "by": by, "groups": groups, "own_group": own_group, "lag": lag}
        each |= {"repeats": repeats, "pairs": pairs, "queries": queries, "controls": controls, "protocol": protocol}
        each |= {"measures": measures, "n_queries": n_queries, "seed": seed} | options
        return measure_through(run, measure, _comparing(measures, each), save=save, progress=progress, **each)
    check_run(run)
    known = run.samples.labels
    if protocol is not None:
        search = taken(options)
        _check_protocol(protocol, (groups, own_group, lag, repeats, pairs, n_queries), measures, options)
        rows = _replicated(run, protocol, labels, by, seed, search, progress, save)
        return keep(run, as_table(rows), known, save)
    beside = {"by": by, "groups": groups, "lag": lag, "repeats": repeats, "pairs": pairs, "controls": controls}
    asked = averages(asked_of(measures, pairs, queries), n_queries, beside, named=measures is not None)
    drawn = drawn_queries(n_queries, run.n_samples, seed)
    check_pairs(asked, pairs, {"by": by}, queries)
    search, options = parted(options, asked)
    check_options(asked, options, measure)
    columns = label_columns(run, labels) if labels or any("labels" in m.data for m in asked) else []
    belonging = Belonging(groups, own_group, lag, repeats)
    belonging.check(asked, by, labels=labels)
    controls = _checked_controls(controls, by, repeats)
    check_saving(run, save)
    of_pairs = None if pairs is None else paired(run, pairs, queries, kept=save)
    together = belonging.of_columns(known, run.n_samples, None, Part(run))
    of_column = [of_pairs.column] if of_pairs and of_pairs.column else []
    columns = [name for name in columns if name not in (by, groups, *as_names(repeats or ()), *of_column)]
    _say_without_labels(run, [] if measures is None else asked, columns, labels is not None)
    doubt, rows = None, []
    if together is None and any("pairs" not in m.data for m in asked):
        doubt = partial(_doubt, run, search, [*as_names(labels or ()), *of_column], asked, save)
    for part in parts_of(run, by, controls, seed, k, kept=save, asked=drawn):
        plan = answerable(_plan(part, asked, columns, labels is not None, k, options), part)
        who = together if part.control is None else None  # the rows of a control belong to no others
        rows += _measured(run, supplier_of(part, search, who), plan, progress, doubt)
        doubt = None
    if of_pairs:
        rows += _measured(run, Supplier(of_pairs.source, search), list(of_pairs.tasks(asked, k, options)), progress)
    return keep(run, as_table(rows, CEILING if repeats else ()), known, save)


def _doubt(run: Run, search: Search, labels: list[str], measures: Sequence[Measure], save: bool) -> None:
    say_doubts(run, search, labels, measures, keep=save, stacklevel=6)


def _replicated(
    run: Run, protocol: str, labels: Any, by: str | None, seed: int, search: Search, progress: Show, save: bool
) -> list[dict[str, Any]]:
    """The rows of the recipe of a paper."""
    check_saving(run, save)
    say_doubts(run, search, labels, keep=save, stacklevel=5)
    return list(replicate(run, protocol, labels, by, seed, search, progress, save))


def _check_protocol(name: str, together: Sequence[Any], measures: Any, options: Mapping[str, Any]) -> None:
    """Raise at what the recipe of a paper does not leave open."""
    if any(given is not None for given in together):
        raise InvalidValue(
            f"protocol={name!r} with groups, lag, repeats, pairs or n_queries: a paper knows single samples, and all."
        )
    if measures is not None or options:
        raise InvalidValue(f"protocol={name!r} fixes measures and their options; leave these out.")


def _comparing(measures: AnyMeasure | Sequence[AnyMeasure] | None, each: Mapping[str, Any]) -> list[Measure]:
    """Of the measures that are asked for those that compare two layers, whatever their samples are called."""
    asked = [] if each["protocol"] else asked_of(measures, each["pairs"], each["queries"])
    return [m for m in asked if m.compares and "subsets" not in m.data]


def _say_without_labels(run: Run, asked: Sequence[Measure], columns: Sequence[str], named: bool) -> None:
    """Warn of measures that were asked for, and have nothing to be measured against."""
    able = {m.name for m in asked for column in columns if named or takes(m, run, column)}
    if lacking := [m.name for m in asked if "labels" in m.data and m.name not in able]:
        python_warnings.warn(
            f"{run.name} has no labels that {listed(lacking)} can be measured against: add some (layerscape labels RUN "
            "FILE), or name a column in labels",
            stacklevel=4,
        )


def _checked_controls(controls: str | Iterable[str], by: str | None, repeats: Any) -> Sequence[str]:
    """The names of controls; raises at what cannot be asked of them at once."""
    controls = check_controls(controls)
    if by and controls:
        raise InvalidValue(f"by={by!r} and controls at once; measure the groups in one call, the controls in another.")
    if repeats and controls:
        raise InvalidValue("repeats and controls at once; a control is of single samples: measure it in another call.")
    return controls


def _measured(
    run: Run, supplier: Supplier, plan: list[Task], progress: Show, doubt: Callable[[], None] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of the tasks; ``doubt`` is said once the graphs are there, which it looks at."""
    supplier.prepare(plan, progress)
    if doubt:
        doubt()
    tell = counted(progress, "measuring", len(plan)) or (lambda _: None)
    for task, estimate in attempts(supplier, in_tiles(plan, run.layers, run.layers, supplier.provision.tile)):
        yield from as_rows(run, task, estimate, supplier.near_said, supplier.source.group, supplier.groups_words(task))
        tell(1)


def _plan(
    part: Part,
    measures: Sequence[Measure],
    labels: Sequence[str],
    named: bool,
    k: int | None,
    options: Mapping[str, Any],
) -> Iterator[Task]:
    run, layers = part.whole, part.layers
    for m in measures:
        if part.control is not None and m.data not in (("graph",), ("subsets",)):
            continue
        own = own_options(m, k, options)
        if m.compares and m.symmetric:
            yield from (Task(m, own, a, other_layer=b) for a, b in combinations(layers, 2))
        elif m.compares:
            yield from (Task(m, own, a, other_layer=b) for b in layers for a in layers if a != b)
        elif "graphs" in m.data:
            along = axes_of_depth(layers, run.depths)
            pairs = ((a, b) for a, b in combinations(layers, 2) if along[a] == along[b])
            yield from (Task(m, own, a, other_layer=b) for a, b in pairs)
        elif "labels" in m.data:
            for label in labels:
                if named or takes(m, run, label):
                    yield from (Task(m, options_for(m, run, label) | own, layer, label=label) for layer in layers)
        elif "pairs" not in m.data:
            yield from (Task(m, own, layer) for layer in layers)


def asked_of(
    measures: AnyMeasure | Sequence[AnyMeasure] | None, pairs: Any = None, queries: Any = None
) -> list[Measure]:
    """The measures that were named, or those of the standard profile: with those of pairs where there are pairs, and
    these alone where they are of two runs, of which nobody asked for a profile.
    """
    if measures is not None:
        return find_measures(measures)
    of_pairs = {False} if pairs is None else {True} if queries is not None else {False, True}
    return [m for m in catalog().values() if m.standard and ("pairs" in m.data) in of_pairs]

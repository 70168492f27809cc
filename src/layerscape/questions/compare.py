"""`compare`: the layers of one run against those of another, samples matched by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.groups import Own
from layerscape.core.keywords import door
from layerscape.core.measure import Measure
from layerscape.core.progress import Show, counted
from layerscape.core.recording import Lag, Recording
from layerscape.core.tasks import Task, check_options, in_tiles, own_options, parted
from layerscape.errors import InvalidValue, require
from layerscape.measures import AnyMeasure, catalog, find_measures
from layerscape.pipeline.table import CEILING, as_rows, as_table
from layerscape.questions.chosen import COLUMNS, Cells, check_chosen, judged
from layerscape.questions.matching import matched
from layerscape.run import Run, check_run
from layerscape.runs import Series, joined
from layerscape.supply.answers import supplier_of
from layerscape.supply.attempts import attempts
from layerscape.supply.doubts import say_doubts
from layerscape.supply.given import answerable
from layerscape.supply.graphs import Graphs
from layerscape.supply.supplier import Supplier
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd


@door
def compare(
    run_a: Run | Series,
    run_b: Run | Series,
    measures: AnyMeasure | Sequence[AnyMeasure] | None = None,
    *,
    k: int | None = None,
    groups: str | None = None,
    own_group: Own | None = None,
    lag: Lag | None = None,
    repeats: str | Sequence[str] | None = None,
    permutations: int | None = None,
    progress: Show = None,
    **options: Any,
) -> pd.DataFrame:
    """Every layer of one run against every layer of another: two networks, or one network before and after.

    Samples are matched by id; those that only one run has are left out, and counted in a warning. Where ids are but row
    numbers and nothing shows that the runs are of the same inputs, another warning says so.

    Parameters
    ----------
    run_a, run_b
        From `extract`, `from_arrays` or `open`; or a series, of which every run is compared with the other run, or with
        the run of the same step of another series, and the table has the column ``step``.
    measures
        Names, `Measure` values or functions that compare two representations; those of the standard profile when left
        out.
    k
        Number of neighbors, for the measures that have this option; each measure's own when left out, 30 for overlaps.
    groups
        A label column of run_a that says which samples belong together; chance and intervals then count groups.
    own_group, lag
        As in `measure`.
    repeats
        As in `measure`, of label columns of run_a; those of samples in common are as many of each condition.
    permutations
        By how many permutations of the samples, 19 at least, each whole map is judged: whether its closest pair of
        layers is closer than the closest of unrelated samples, and which pair that is. Each costs every pair again.
    progress
        As in `measure`.
    options
        Further options of measures, each of which goes to the measures that have it; and the keywords of a search as in
        `find_neighbors`. A run that shares all samples, in the order of the other, uses its graphs that are kept on
        disk; otherwise the samples in common are searched on their own.

    Returns
    -------
    pandas.DataFrame
        One row per measure and pair of layers, as `measure` gives, with the columns ``other_run`` and ``other_depth``
        for the layer of run_b. A measure that is not symmetric reads run_a → run_b; exchange the runs for the other
        way. With permutations also ``z``, by how many standard deviations a pair is closer than by its own chance;
        ``p_map``, in which share of the permutations some pair of the map is as much closer; ``calibrated``, 0 where
        that is above 0.05, 1 for the best value there is, and linear between (all of what is ``held`` against chance,
        where groups of other sizes leave fewer samples to it); and ``closest``, True for the pair with
        the largest z and for all that are not told apart from it (Holm), None where that cannot be tested.

    Raises
    ------
    InvalidValue, UnknownName
        If the runs have no sample in common, or differ in size or labels where only row numbers match them, a measure
        compares nothing, or there is no such measure or option.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((300, 8))
    >>> names = [f"stimulus {row}" for row in range(300)]
    >>> one = ls.from_arrays({"a": x, "b": x**3}, ids=names)
    >>> two = ls.from_arrays({"c": 2 * x}, ids=names)
    >>> table = ls.compare(one, two, ["overlap"], k=10)
    >>> table[["layer", "other_layer"]].values.tolist(), table.value.round(2).tolist()
    ([['a', 'c'], ['b', 'c']], [1.0, 0.34])
    """
    require("pandas", "runs")
    if isinstance(run_a, Series) or isinstance(run_b, Series):
        each = {"k": k, "groups": groups, "own_group": own_group, "lag": lag, "repeats": repeats}
        each |= {"permutations": permutations, "progress": progress, "measures": measures} | options
        return _step_by_step(run_a, run_b, partial(compare, **each))
    check_run(run_a)
    check_run(run_b)
    _refuse_pairs(options)
    chosen = comparing(measures)
    search, options = parted(options, chosen)
    check_options(chosen, options, compare)
    a, b = matched(run_a, run_b)
    belonging = Belonging(groups, own_group, lag, repeats)
    belonging.check(chosen)
    check_chosen(chosen, permutations)
    together = belonging.of_columns(run_a.samples.labels, run_a.n_samples, a.rows, a, b)
    of_b: Any = search if not isinstance(together, Recording) else {**search, "apart": together.apart}
    supplier = supplier_of(a, search, together, Graphs(b, of_b))
    cells_asked = (
        Task(m, own_options(m, k, options), layer, other_layer)
        for m in chosen
        for other_layer in run_b.layers
        for layer in run_a.layers
    )
    plan = answerable(cells_asked, a, b)
    supplier.prepare(plan, progress, more=int(permutations is not None))
    if together is None:  # once the graphs are there, which it looks at
        say_doubts(run_a, search)
    cells, tell = [], counted(progress, "comparing", len(plan)) or (lambda _: None)
    for cell in attempts(supplier, in_tiles(plan, run_a.layers, run_b.layers, supplier.provision.tile)):
        cells.append(cell)
        tell(1)
    maps = _judged(supplier, cells, permutations, progress)
    rows = _rows(run_a, run_b, supplier, zip(cells, maps, strict=True))
    of_map = COLUMNS if permutations is not None else ()
    return as_table(rows, ("other_run", "other_depth", *of_map, *(CEILING if repeats else ())))


def _rows(
    a: Run, b: Run, supplier: Supplier, judged_cells: Iterable[tuple[Any, dict[str, Any]]]
) -> list[dict[str, Any]]:
    rows = []
    for (task, estimate), judgement in judged_cells:
        depth = b.depths[task.other_layer]
        more = {"other_run": b.name, "other_depth": np.nan if depth is None else depth, **judgement}
        own = as_rows(a, task, estimate, supplier.near_said, groups=supplier.groups_words(task))
        rows += [row | more for row in own]
    return rows


def _step_by_step(a: Run | Series, b: Run | Series, one: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Every run of a series with the other run, or with that of the same step."""
    first, second = (dict(zip(each.steps, each, strict=True)) if isinstance(each, Series) else {} for each in (a, b))
    steps = [step for step in (first or second) if not first or not second or step in second]
    if not steps:
        raise InvalidValue("the two series have no step in common; give one of them other steps= as layerscape.series.")
    series = next(each for each in (a, b) if isinstance(each, Series))
    return joined([series.with_step(step, one(first.get(step, a), second.get(step, b))) for step in steps])


def _refuse_pairs(options: dict[str, Any]) -> None:
    if options.pop("pairs", None) is not None:
        raise InvalidValue(
            "compare reads no pairs; recommend ranks the layers of both runs by them (layerscape recommend RUN_A RUN_B "
            "--pairs …), and measure says how well each layer of one finds partners."
        )


def _judged(supplier: Supplier, cells: Cells, permutations: int | None, progress: Show) -> list[dict[str, Any]]:
    """What is said of each cell as one of its map, measure by measure; nothing where nobody asked."""
    if permutations is None:
        return [{} for _ in cells]
    tell = counted(progress, "permuting", len(cells)) or (lambda _: None)
    of_measure: dict[Measure, list[int]] = {}
    for place, (task, _) in enumerate(cells):
        of_measure.setdefault(task.measure, []).append(place)
    found: list[dict[str, Any]] = [{} for _ in cells]
    for places in of_measure.values():
        own = judged(supplier, [cells[place] for place in places], permutations, tell)
        for place, judgement in zip(places, own, strict=True):
            found[place] = judgement
    return found


def comparing(measures: AnyMeasure | Sequence[AnyMeasure] | None) -> list[Measure]:
    """The measures that were asked for, or those of the standard profile that compare; raises at any other."""
    if measures is None:
        return [m for m in catalog().values() if m.compares and m.standard]
    chosen = find_measures(measures)
    for m in chosen:
        if not m.compares or "subsets" in m.data:
            able = ", ".join(name for name, m in catalog().items() if m.compares)
            raise InvalidValue(f"measure {m.name!r} does not compare two representations; these do: {able}.")
    if not chosen:
        raise InvalidValue("no measure is named; leave measures out for those of the standard profile.")
    return chosen

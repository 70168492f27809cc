"""`changes`: what fine-tuning changed: in which layers, for which samples and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.groups import Own
from layerscape.core.keywords import door
from layerscape.core.measure import Measure
from layerscape.core.progress import Show, counted
from layerscape.core.shown import Card, Shown
from layerscape.core.tasks import Task, check_options, own_options, parted
from layerscape.core.words import firsts, number
from layerscape.errors import InvalidValue, LayerscapeError, require
from layerscape.measures import AnyMeasure, find_measure
from layerscape.questions.changed import ROUNDED, SAME, counterparts, of_classes, of_layers, of_samples, shown_alike
from layerscape.questions.matching import matched
from layerscape.run import Run, check_run
from layerscape.supply.answers import supplier_of
from layerscape.supply.doubts import say_doubts
from layerscape.supply.graphs import Graphs
from layerscape.supply.labels import category_columns
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd

SURE = 0.05
ROUNDING_OF_VALUES = 1e-9


@dataclass(frozen=True, repr=False)
class Changes(Shown):
    """What of the layers of one run another one keeps.

    Attributes
    ----------
    table
        A pandas.DataFrame with a row per layer of the second run: ``other_layer``, its counterpart in the first;
        ``kept``, how alike they are, with its 95 % interval ``low`` to ``high``, and ``chance`` (where groups of other
        sizes leave that of fewer samples, ``held`` is what these keep); ``same``, whether their vectors are equal
        ``"to the bit"`` or ``"but for rounding"``, empty if they are not; ``further``, how much less
        alike they are than the layer before is, with interval, and ``p_holm`` for that there is no difference,
        corrected for all layers; ``warnings``.
    classes
        A row per layer and class of each label column: ``kept`` of its samples and of all ``others``, their
        ``difference`` with interval, and ``p_holm``, corrected for all rows.
    samples
        A row per sample, those that changed most first: ``sample``, ``kept`` (the mean over layers), and by layer.
    measure, base, other
        By what was compared, and the names of the runs.
    warnings
        In words.
    """

    table: pd.DataFrame
    classes: pd.DataFrame
    samples: pd.DataFrame
    measure: str
    base: str
    other: str
    warnings: tuple[str, ...] = ()

    def _card(self) -> Card:
        facts = [("", sentence) for sentence in self.findings]
        facts += [(row.layer, _interval(row.kept, row.low, row.high)) for row in _rows(self.table)]
        return Card(f"{self.base} → {self.other}, by {self.measure.replace('_', ' ')}", facts, self.warnings)

    @property
    def changed(self) -> list[str]:
        """The layers that are less alike than the layer before them (p < 0.05 after Holm's correction)."""
        return [row.layer for row in _rows(self.table) if row.p_holm < SURE and row.further > 0]

    @property
    def findings(self) -> list[str]:
        """Which layers changed, for which classes and samples, in sentences."""
        rows = [row for row in _rows(self.table) if np.isfinite(row.kept)]
        same = [row for row in _rows(self.table) if row.same]
        if len(same) == len(self.table):
            return [f"Nothing changed: all {len(same)} layers are the same {_weakest(same)}."]
        found = [f"{firsts([row.layer for row in same])} did not change ({_weakest(same)})."] if same else []
        if not rows:
            return [*found, "No layer could be compared."]
        least = min(rows, key=lambda row: row.kept) if self._high else max(rows, key=lambda row: row.kept)
        if self._all_kept(least.kept):
            told = f"By {self.measure.replace('_', ' ')} nothing changed: it is {number(least.kept)} in every layer"
            other = [row.layer for row in rows if not row.same]
            return [*found, f"{told}, though the vectors of {firsts(other)} are others." if other else f"{told}."]
        found.append(
            f"{least.layer} changed most: {self.measure.replace('_', ' ')} with {least.other_layer} of {self.base} is "
            f"{_interval(least.kept, least.low, least.high)}, {number(least.chance)} by chance{_of(least.held)}."
        )
        if self.changed:
            found.append(f"Change is added in {firsts(self.changed)} (each against the layer before it).")
        else:
            found.append("No layer is told to change more than the layer before it.")
        return [*found, *self._of_classes(least.layer), *self._of_samples(least.layer)]

    @property
    def _high(self) -> bool:
        return find_measure(self.measure).closer == "high"

    def _all_kept(self, kept: float) -> bool:
        """Whether that is as alike as two layers can be, but for rounding: one is the other, turned or scaled."""
        most = find_measure(self.measure).bounds[int(self._high)]
        return isfinite(most) and abs(kept - most) <= ROUNDING_OF_VALUES

    def _of_classes(self, layer: str) -> list[str]:
        rows = [row for row in _rows(self.classes) if row.layer == layer]
        told = [row for row in rows if row.p_holm < SURE]
        if not rows:
            return []
        if not told:
            return [f"In {layer} no class is told to change more or less than the others."]
        sign = -1 if self._high else 1
        most = max(told, key=lambda row: sign * row.difference)
        less = sign * most.difference < 0
        return [
            f"In {layer} the samples of {most.label} {most.category!r} changed {'less' if less else 'more'} than "
            f"the others: {number(most.kept)} against {number(most.others)}; so it is, more or less, with {len(told)} "
            f"of {len(rows)} classes."
        ]

    def _of_samples(self, layer: str) -> list[str]:
        if layer not in self.samples:  # of a measure that has no value of each
            return []
        first = self.samples.sort_values(layer, ascending=self._high, kind="stable").head(3)
        names = ", ".join(
            f"{one!r} ({number(value)})" for one, value in zip(first["sample"], first[layer], strict=True)
        )
        return [f"In {layer} the samples that changed most are {names}."]


def _weakest(rows: Sequence[Any]) -> str:
    return ROUNDED if any(row.same == ROUNDED for row in rows) else SAME


def _of(held: float) -> str:
    """What the samples keep that chance is of, where these are fewer."""
    return f" of samples that keep {number(held)}, of groups cut to equal sizes" if held == held else ""


def _interval(value: float, low: float, high: float) -> str:
    return f"{number(value)} [{number(low)}, {number(high)}]"


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples(index=False))


@door
def changes(
    base: Run,
    other: Run,
    measure: AnyMeasure = "overlap",
    *,
    labels: str | Sequence[str] | None = None,
    k: int | None = None,
    groups: str | None = None,
    own_group: Own | None = None,
    progress: Show = None,
    **options: Any,
) -> Changes:
    """What of a network's layers another one of its kind keeps, as the one that was fine-tuned from it.

    Each layer is compared with its counterpart: that of its name, or of the nearest depth where the networks have other
    layers. Change is handed on: where a block changed, all that follow see other inputs. So it is also tested whether a
    layer is less alike than the one before it, on the same samples. Neighborhoods do not say whether weights changed,
    but whether anybody's neighbors did; vectors that are equal are said to be.

    Parameters
    ----------
    base, other
        From `extract`, `from_arrays` or `open`; samples matched by id.
    measure
        One that compares two layers and says something of each sample: overlap when left out.
    labels
        Columns whose classes are asked; all of categories when left out.
    k, progress
        As in `measure`.
    groups
        A label column of ``base`` that says which samples belong together: chance, intervals and tests then count
        groups, and a class is told from the others if it and they are of 6 groups or more.
    own_group
        As in `measure`.
    options
        Further options of the measure, and the keywords of a search as in `find_neighbors`.

    Returns
    -------
    Changes

    Raises
    ------
    InvalidValue, UnknownName
        If the runs share no sample, or the measure compares nothing or says nothing of single samples.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> rng = np.random.default_rng(0)
    >>> x, kind = rng.standard_normal((400, 6)), np.repeat(["a", "b"], 200)
    >>> moved = x + rng.standard_normal((400, 6)) * (kind == "b")[:, None]
    >>> ids = [f"text {row}" for row in range(400)]
    >>> base = ls.from_arrays({"one": x, "two": x**3}, labels={"kind": kind}, ids=ids)
    >>> tuned = ls.from_arrays({"one": x, "two": moved**3}, ids=ids)
    >>> found = ls.changes(base, tuned, k=10)
    >>> found.changed, found.findings[0]
    (['two'], "'one' did not change (to the bit).")
    """
    require("pandas", "runs")
    for each in (base, other):
        check_run(each)
    chosen = find_measure(measure)
    search, options = parted(options, [chosen])
    check_options([chosen], options, changes)
    belonging = Belonging(groups, own_group)
    belonging.check([chosen], labels=labels)
    a, b = matched(base, other)
    pairs, words = counterparts(base, other)
    if not pairs:
        raise InvalidValue(f"no layer of {other.name!r} has a counterpart in {base.name!r}.")
    who = belonging.groups_of_column(base.samples.labels, base.n_samples, a.rows)
    supplier = supplier_of(a, search, who, Graphs(b, search))
    tasks = {mine: Task(_checked(chosen), own_options(chosen, k, options), its, mine) for mine, its in pairs.items()}
    supplier.prepare(list(tasks.values()), progress, more=1)
    if who is None:  # once the graphs are there, which it looks at
        say_doubts(base, search)
    tell = counted(progress, "comparing", len(tasks)) or (lambda _: None)
    found: dict[str, Estimate | LayerscapeError] = {}
    for layer, task in tasks.items():
        try:
            found[layer] = supplier.estimate(task)
        except LayerscapeError as error:
            found[layer] = error
        tell(1)
    table = of_layers(supplier, tasks, found, dict(other.depths), (a, b))
    columns = [name for name in category_columns(base, labels) if name != groups] if base.samples.labels else []
    classes, said = of_classes(supplier, tasks, found, a, columns, who)
    ids = np.array(base.samples.ids, object)
    samples = of_samples(found, ids if a.rows is None else ids[a.rows], chosen.closer == "high")
    return Changes(
        table, classes, samples, chosen.name, base.name, other.name, (*words, *shown_alike(base, other), *said)
    )


def says_changes(measure: Measure) -> bool:
    """Whether it says how alike two layers are, and how each sample moves that."""
    return (
        measure.compares
        and "subsets" not in measure.data
        and not isinstance(measure.influence, str)
        and bool(measure.closer)
    )


def _checked(measure: Measure) -> Measure:
    if not says_changes(measure):
        raise InvalidValue(f"{measure.name} does not say of two layers and of each sample how alike they are.")
    return measure

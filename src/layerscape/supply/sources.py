"""Parts of a run as sources: all samples, some of them, or a control."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from layerscape.core.columns import words_of
from layerscape.core.keywords import Search
from layerscape.core.labels import CONTROL, group_name, missing, queries_name
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs
from layerscape.core.representation import Representation
from layerscape.core.tasks import Task
from layerscape.core.words import firsts
from layerscape.errors import InvalidValue, unknown_name
from layerscape.run import Run
from layerscape.supply.controls import make_control
from layerscape.supply.labels import label_values, takes

FEWEST = 10  # samples in a group, where nobody said how many neighbors are to be read
VECTOR_MEMORY = 2**30  # bytes up to which the vectors of all layers are kept in memory, read once


@dataclass
class Part:
    """Samples of a run, or a control of all of them.

    Attributes
    ----------
    whole
        The run.
    rows
        Which samples; all when None.
    group
        What they are called.
    control
        Makes the control of a representation; None for the samples themselves.
    labeled
        Who has the labels of these samples, where the run has not.
    kept
        Whether graphs of all samples may be kept in the run.
    pairs
        The pairs of its samples, by what they are called.
    asked
        Those of its samples whose neighbors are asked for; all when None.
    """

    whole: Run
    rows: np.ndarray | None = None
    group: str = ""
    control: Callable[[Representation], Representation] | None = None
    labeled: Part | None = None
    kept: bool = True
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    asked: np.ndarray | None = None

    def __post_init__(self) -> None:
        given = self.whole.given if self.control is not None else ()
        self.layers = tuple(layer for layer in self.whole.layers if layer not in given)
        self.n_samples = self.whole.folder.n_samples if self.rows is None else len(self.rows)
        self._is_whole = self.rows is None and self.control is None and self.asked is None
        self.run = self.whole if self.kept and self._is_whole else None
        self.graphs: Mapping[str, Neighbors] = self._given()
        self._vectors: dict[str, Representation] = {}
        self._labels: dict[tuple[Measure, str], Any] = {}

    def _given(self) -> Mapping[str, Neighbors]:
        """The graphs that were given in place of vectors, of these samples; there are no controls of them."""
        given = self.whole.given
        if given and self.asked is not None:
            raise InvalidValue(
                f"n_queries spares a search, and there is none of {firsts(list(given))}, given as graphs; leave it out."
            )
        if self.control is not None:
            return {}
        return given if self.rows is None else given.take(self.rows)

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The label columns of these samples, where the run has them."""
        known = self.whole.samples.labels
        return known if self.rows is None else {name: values[self.rows] for name, values in known.items()}

    def kept_graph(self, layer: str, k: int, search: Search) -> Neighbors | None:
        return self.whole.kept_graph(layer, k, search) if self._is_whole else None

    def vectors(self, layer: str) -> Representation:
        if layer not in self._vectors:
            found = self.whole.loaded(layer, VECTOR_MEMORY // len(self.layers))
            if self.control is not None:
                self._vectors.clear()  # one control in memory; a layer's is the same whenever it is made
                found = self.control(found)
            self._vectors[layer] = found if self.rows is None else found.take(self.rows)
        return self._vectors[layer]

    def n_units(self, layer: str) -> int | None:
        return self.whole[layer].n_units

    def take(self, rows: np.ndarray) -> Part:
        labeled = self.labeled and self.labeled.take(rows)
        asked = None if self.asked is None else np.flatnonzero(np.isin(rows, self.asked))
        if asked is not None and not len(asked):
            raise InvalidValue("none of the queries has a label; ask for more of them.")
        return replace(
            self, rows=rows if self.rows is None else self.rows[rows], labeled=labeled, pairs={}, asked=asked
        )

    def label(self, task: Task) -> Any:
        if task.reads_pairs:
            return self.pairs[task.label]
        if self.labeled is not None:
            return self.labeled.label(task)
        asked = task.measure, task.label
        if asked not in self._labels:
            if not takes(task.measure, self.whole, task.label):
                what = "one number" if "kind" in task.measure.options else "a category"
                raise InvalidValue(f"{task.measure.name} reads {what} per sample; {task.label!r} holds real numbers.")
            self._labels[asked] = label_values(self.whole, task.label, self.rows)
        return self._labels[asked]


def parts_of(
    run: Run,
    by: str | None,
    controls: Sequence[str],
    seed: int,
    k: int | None = None,
    *,
    kept: bool = True,
    asked: np.ndarray | None = None,
) -> Iterator[Part]:
    """The whole run and its controls, or one part per value of a label column, all of the size of the smallest.

    Of the whole run some samples may be ``asked`` for their neighbors in place of all.

    Groups of no more than k samples (of fewer than 10, where no k was asked for) are left out, and so are samples
    without a value; both are said.
    """
    if by is None:
        group = "" if asked is None else queries_name(len(asked))
        yield Part(run, group=group, kept=kept, asked=asked)
        for name in controls:
            yield Part(run, group=f"{CONTROL}={name}", control=partial(make_control, name, seed))
        return
    groups = _groups(run.samples.labels, by, k)
    size, rng = min(map(len, groups.values())), np.random.default_rng(seed)
    for name, rows in groups.items():
        yield Part(run, np.sort(rng.permutation(rows)[:size]), group_name(by, name))


def check_groups(labels: Mapping[str, np.ndarray], by: str, k: int | None) -> None:
    """Raise if `parts_of` would not find groups in these label columns."""
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")  # they are given when the groups are made
        _groups(labels, by, k)


def _groups(labels: Mapping[str, np.ndarray], by: str, k: int | None) -> dict[str, np.ndarray]:
    """The rows of every value of a column that more than k samples share."""
    fewest = FEWEST if k is None else max(3, k + 1)
    if by not in labels:
        raise unknown_name("label column", by, labels)
    group_name(by, "")
    values = labels[by]
    if values.dtype.kind == "f" or values.ndim > 1:
        raise InvalidValue(f"by={by!r}: its values are real numbers; choose a column of categories.")
    gaps = missing(values)
    known = np.arange(len(values)) if gaps is None else np.flatnonzero(~gaps)
    if len(known) < len(values):
        python_warnings.warn(
            f"by={by!r}: {len(values) - len(known)} of {len(values)} samples have no value and are left out",
            stacklevel=6,
        )
    names, number = np.unique(words_of(values[known]), return_inverse=True)
    groups = {str(name): known[number == place] for place, name in enumerate(names)}
    if len(groups) == len(known):
        raise InvalidValue(
            f"label column {by!r} has a value of its own for every sample; choose one that samples share."
        )
    small = {name: len(rows) for name, rows in groups.items() if len(rows) < fewest}
    if len(small) == len(groups):
        raise InvalidValue(
            f"by={by!r}: the largest of {len(groups)} groups has {max(small.values())} samples; a group needs "
            f"{fewest}: give a smaller k, or a column that more samples share."
        )
    if small:
        shown = ", ".join(f"{name!r} ({size})" for name, size in list(small.items())[:5])
        python_warnings.warn(
            f"by={by!r}: {len(small)} of {len(groups)} groups have fewer than {fewest} samples and are left out: "
            f"{shown}{', …' if len(small) > 5 else ''}",
            stacklevel=6,
        )
    return {name: rows for name, rows in groups.items() if name not in small}

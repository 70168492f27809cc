"""A run measured by the protocol of a paper."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.core.depth import steps
from layerscape.core.estimate import Estimate
from layerscape.core.keywords import Search
from layerscape.core.progress import Show
from layerscape.core.tasks import Task
from layerscape.measures import catalog
from layerscape.pipeline.protocols import Protocol, find_protocol
from layerscape.pipeline.table import as_rows
from layerscape.run import Run
from layerscape.supply.attempts import attempts
from layerscape.supply.labels import category_columns
from layerscape.supply.sources import Part, parts_of
from layerscape.supply.supplier import Supplier


def replicate(
    run: Run,
    name: str,
    labels: Sequence[str] | None,
    by: str | None,
    seed: int,
    search: Search,
    progress: Show,
    kept: bool,
) -> Iterator[dict[str, Any]]:
    """The rows of a paper's profile: its dimension of every layer, and its overlaps where it had some."""
    protocol = find_protocol(name)
    _say_what_differs(run, protocol)
    measure = catalog()[protocol.measure]
    for part in parts_of(run, by, (), seed, kept=kept):
        group = ", ".join(filter(None, (part.group, f"protocol={name}")))
        tasks = [Task(measure, protocol.options, layer) for layer in run.layers]
        found: dict[str, list[Estimate]] = {layer: [] for layer in run.layers}
        for rows in protocol.draws(part.n_samples, seed):
            some = part if rows is None else Part(run, rows if part.rows is None else part.rows[rows], part.group)
            for task, estimate in _estimates(Supplier(some, search), tasks, progress):
                found[task.layer].append(estimate)
        supplier = Supplier(part, search)
        for task in tasks:
            yield from as_rows(run, task, _combined(protocol, found[task.layer]), supplier.near_said, group)
        if protocol.k is not None:
            columns = [column for column in category_columns(run, labels) if column != by]
            for task, estimate in _estimates(supplier, list(_overlaps(part, run.depths, columns, protocol)), progress):
                yield from as_rows(run, task, estimate, supplier.near_said, group)


def _estimates(supplier: Supplier, tasks: list[Task], progress: Show) -> Iterator[tuple[Task, Estimate]]:
    supplier.prepare(tasks, progress, all_there=False)  # a paper's numbers are of larger samples
    yield from attempts(supplier, tasks)


def _combined(protocol: Protocol, estimates: list[Estimate]) -> Estimate:
    failed = [estimate for estimate in estimates if not np.isfinite(estimate.value)]
    return failed[0] if failed else protocol.combine(estimates)


def _overlaps(
    part: Part, depths: Mapping[str, float | None], columns: Sequence[str], protocol: Protocol
) -> Iterator[Task]:
    overlap, label_overlap = catalog()["overlap"], catalog()["label_overlap"]
    for a, b in steps(part.layers, depths):
        yield Task(overlap, {"k": protocol.k}, a, other_layer=b)
    for column in columns:
        fraction = protocol.class_fraction
        options = {"k": protocol.k} if fraction is None else {"class_fraction": fraction}
        yield from (Task(label_overlap, options, layer, label=column) for layer in part.layers)


def _say_what_differs(run: Run, protocol: Protocol) -> None:
    """What of a protocol was settled when the run was extracted, and perhaps otherwise."""
    pooling = run.record.get("pooling")
    if pooling is not None and pooling != protocol.pooling:
        python_warnings.warn(
            f"protocol {protocol.name!r} pools by {protocol.pooling!r} and this run by {pooling!r}; extract again with "
            f"pooling={protocol.pooling!r} to put the profiles side by side",
            stacklevel=5,
        )

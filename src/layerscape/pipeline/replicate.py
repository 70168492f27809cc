"""A run measured by the protocol of a paper."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.measures import catalog
from layerscape.pipeline.attempts import attempts
from layerscape.pipeline.estimate import SPARE
from layerscape.pipeline.labels import category_columns
from layerscape.pipeline.part import Part, Progress, parts_of
from layerscape.pipeline.protocols import Protocol, find_protocol
from layerscape.pipeline.table import Task, as_rows
from layerscape.run import Run


def replicate(
    run: Run,
    name: str,
    labels: Sequence[str] | None,
    by: str | None,
    seed: int,
    how: Mapping[str, Any],
    progress: Progress | None,
) -> Iterator[dict[str, Any]]:
    """The rows of a paper's profile: its dimension of every layer, and its overlaps where it had some."""
    protocol = find_protocol(name)
    _say_what_differs(run, protocol)
    measure = catalog()[protocol.measure]
    for part in parts_of(run, by, (), seed, how):
        group = ", ".join(filter(None, (part.group, f"protocol={name}")))
        tasks = [Task(measure, protocol.options, layer) for layer in run.layers]
        found: dict[str, list[Estimate]] = {layer: [] for layer in run.layers}
        for rows in protocol.draws(part.n_samples, seed):
            some = part if rows is None else Part(run, how, rows if part.rows is None else part.rows[rows], part.group)
            for task, estimate in _estimates(some, tasks, progress):
                found[task.layer].append(estimate)
        for task in tasks:
            yield from _in_group(group, as_rows(run, part, task, _combined(protocol, found[task.layer])))
        if protocol.k is not None:
            columns = [column for column in category_columns(run, labels) if column != by]
            for task, estimate in _estimates(part, list(_overlaps(run, columns, protocol.k)), progress):
                yield from _in_group(group, as_rows(run, part, task, estimate))


def _in_group(group: str, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows under the protocol's name, beside those of the same measure and not in their place."""
    return ({**row, "group": group} for row in rows)


def _estimates(part: Part, tasks: list[Task], progress: Progress | None) -> Iterator[tuple[Task, Estimate]]:
    needed = max((task.measure.neighbors_needed(task.options, part.n_samples) for task in tasks), default=0)
    distinct = any(task.measure.distinct for task in tasks)
    part.prepare(min(needed + SPARE * distinct, part.n_samples - 1), distinct, progress)
    yield from attempts(part, tasks)


def _combined(protocol: Protocol, estimates: list[Estimate]) -> Estimate:
    failed = [estimate for estimate in estimates if not np.isfinite(estimate.value)]
    return failed[0] if failed else protocol.combine(estimates)


def _overlaps(run: Run, columns: Sequence[str], k: int) -> Iterator[Task]:
    overlap, label_overlap = catalog()["overlap"], catalog()["label_overlap"]
    for a, b in pairwise(run.layers):
        yield Task(overlap, {"k": k}, a, other_layer=b)
    for column in columns:
        yield from (Task(label_overlap, {"k": k}, layer, label=column) for layer in run.layers)


def _say_what_differs(run: Run, protocol: Protocol) -> None:
    """What of a protocol was settled when the run was extracted, and perhaps otherwise."""
    pooling = run.record.get("pooling")
    if pooling is not None and pooling != protocol.pooling:
        python_warnings.warn(
            f"protocol {protocol.name!r} pools by {protocol.pooling!r} and this run by {pooling!r}; extract again with "
            f"pooling={protocol.pooling!r} to put the profiles side by side",
            stacklevel=4,
        )

"""Evidence: how much of the labels each layer holds, by sample, and what the best of as many layers holds by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from layerscape.core.decisive import DECIDES
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import CUT
from layerscape.core.influence import Influence, Moved, mean_of
from layerscape.core.measure import Measure
from layerscape.core.permutation import ROUNDING
from layerscape.core.quantity import Data
from layerscape.core.queries import removal
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError, unknown_name
from layerscape.measures import catalog
from layerscape.supply.attempts import attempt
from layerscape.supply.supplier import Supplier

Asked = tuple[Supplier, Sequence[Task]]  # who has a layer, and its tasks, one per label column
FULL, LOW, NEARLY = "of the most that is possible", 0.9, 0.95  # the most, below which it is said, and what is nearly it
ADDED = 1e-6  # what a mean over samples may differ from the value by, for rounding


@dataclass(frozen=True)
class Evidence:
    """Values above chance, (value − chance) / (1 − chance), averaged over the label columns that can be measured.

    Attributes
    ----------
    values
        Shape (L,): one per layer; NaN for one that cannot be measured.
    per_sample
        Shape (L, N): values of the samples, or of the queries of pairs, of which those of the layers are the means.
    moved
        From the number of a layer to how samples, or groups of them, move its value.
    null
        Shape (permutations,): the highest value among all layers for permuted labels, one permutation for all.
    scored
        Shape (L,): the values that are held against these: found as these are, where values are found otherwise.
    columns
        The label columns that were measured.
    left_out
        Every other column, and why no layer has a value of it.
    gaps
        The numbers of the layers without a value, and why.
    of_pairs
        Whether queries are counted, and not samples with labels.
    least
        The smallest p that there can be, where few groups can be arranged in few ways.
    cautions
        By the number of a layer the warnings that change what its value says.
    """

    values: np.ndarray
    per_sample: np.ndarray
    moved: Callable[[int], Moved]
    null: np.ndarray
    scored: np.ndarray
    columns: tuple[str, ...]
    left_out: Mapping[str, str]
    gaps: Mapping[int, str]
    of_pairs: bool = False
    least: float = 0.0
    cautions: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def judges(of: Data = "labels") -> dict[str, Measure]:
    """The measures by which layers can be judged: of labels, or of pairs, and with words for the best layer."""
    return {name: measure for name, measure in catalog().items() if measure.data[1:] == (of,) and measure.sentence}


def judge_by(name: str | None, *, pairs: bool = False) -> Measure:
    """The measure by which layers are judged, that of the neighbors' labels, or recall of pairs, if none is named.

    Raises
    ------
    UnknownName, InvalidValue
        If there is no such measure, or it is of pairs and there are none.
    """
    known = judges("pairs" if pairs else "labels")
    if not pairs and name in judges("pairs"):
        raise InvalidValue(f"by={name!r} reads pairs; say with pairs= (--pairs) who is whose partner.")
    if name is None:
        return next(measure for measure in known.values() if measure.headline)
    if name not in known:
        raise unknown_name("way to judge layers, by", str(name), known)
    return known[name]


def evidence(asked: Sequence[Asked], permutations: int, seed: int, tell: Callable[[int], Any]) -> Evidence:
    """What every layer holds of the labels; all have the same samples."""
    every = [[(task, attempt(supplier, task)) for task in tasks] for supplier, tasks in asked]
    by_column = list(zip(*every, strict=True))
    left_out = {
        own[0][0].label: own[0][1].warnings[-1] for own in by_column if not any(_has_value(*one) for one in own)
    }
    measured = [[one for one in of_layer if one[0].label not in left_out] for of_layer in every]
    kept: dict[int, Moved] = {}
    gaps: dict[int, str] = {}
    values, of_samples = np.full(len(asked), np.nan), {}
    scored = values.copy()
    null = np.full(permutations, -np.inf)

    def moved(number: int) -> Moved:
        if number in kept:
            return kept[number]
        supplier, _ = asked[number]
        return mean_of([above(supplier.moved(task), chance_of(found)) for task, found in measured[number]])

    for number, (both, (supplier, _)) in enumerate(zip(measured, asked, strict=True)):
        try:
            found, drawn = _of_layer(supplier, both, permutations, seed)
        except LayerscapeError as error:
            gaps[number] = str(error)
        else:
            if found.is_small:
                kept[number] = found
            values[number], scored[number], of_samples[number] = found.value, drawn[0], found.per_sample
            null = np.maximum(null, drawn[1:])
        tell(1)
    columns = tuple(own[0][0].label for own in by_column if own[0][0].label not in left_out)
    nothing = np.full(len(next(iter(of_samples.values()), ())), np.nan)
    per_sample = np.array([of_samples.get(number, nothing) for number in range(len(asked))])
    of_pairs = any(task.reads_pairs for _, tasks in asked for task in tasks)
    of_layers = zip(measured, asked, strict=True)
    least = max((supplier.least(task) for both, (supplier, _) in of_layers for task, _ in both), default=0.0)
    told = (columns, left_out, gaps, of_pairs, least, _cautions(measured))
    return Evidence(values, per_sample, moved, null, scored, *told)


def _cautions(measured: Sequence[Sequence[tuple[Task, Estimate]]]) -> dict[int, tuple[str, ...]]:
    """By layer what its estimates say of a unit, or of a few samples, that decide their value, of its being full, or of
    samples that chance is not of, which then the scores are not of either.
    """
    return {
        number: tuple(
            line
            for task, found in both
            for line in (*found.warnings, *_full(task, found))
            if any(words in line for words in (DECIDES, FULL, CUT))
        )
        for number, both in enumerate(measured)
    }


def _full(task: Task, found: Estimate) -> tuple[str, ...]:
    """That a value is all but the most that so many neighbors allow, where that is far below 1.

    Layers in which small classes are told equally well with fewer neighbors then score the same.
    """
    ceiling = found.details.get("ceiling", 1.0)
    if not isinstance(ceiling, float) or ceiling > LOW or found.value < NEARLY * ceiling:
        return ()
    return (
        f"of {task.label!r} it scores {found.value / ceiling:.0%} {FULL} with k={found.k}, {ceiling:.3g}, so that "
        "layers that hold more of it look alike: give a smaller k (k=, --k)",
    )


def _has_value(_: Task, found: Estimate) -> bool:
    return isfinite(found.value)


def _of_layer(
    supplier: Supplier, both: Sequence[tuple[Task, Estimate]], permutations: int, seed: int
) -> tuple[Moved, np.ndarray]:
    """How samples or groups move the value of a layer, and what labels as they are, then permuted, score in it.

    Raises without a value.
    """
    if not both:
        raise InvalidValue("no label column can be measured.")
    for one in both:
        if not _has_value(*one):
            raise InvalidValue(one[1].warnings[-1])
    found = mean_of([above(_moved(supplier, *one), chance_of(one[1])) for one in both])
    every = [supplier.permuted(*one, permutations, seed) for one in both]
    if (fewest := min(map(len, every))) <= permutations:
        raise InvalidValue(f"labels can be dealt to the groups in {fewest} ways: too few to judge by.")
    gains = [(each - chance_of(one)) / (1 - chance_of(one)) for each, (_, one) in zip(every, both, strict=True)]
    return found, np.mean(gains, axis=0)


def _moved(supplier: Supplier, task: Task, found: Estimate) -> Moved:
    """How samples or groups move a value; where nothing is known of deletions, by its own share in the mean."""
    if task.reads_pairs:
        pairs = supplier.source.label(task)
        assert found.per_sample is not None
        return removal(pairs, found.per_sample[pairs.asked])
    if isinstance(task.measure.influence, str) and found.per_sample is not None and not found.groups:
        return supplier.among_all(task, Influence.of_mean(_shares(found, task)))
    return supplier.moved(task)


def _shares(found: Estimate, task: Task) -> np.ndarray:
    """Values of the samples of which the value is the mean; of R² one less the squared errors, as these are kept."""
    kept = np.asarray(found.per_sample, float)
    for shares in (kept, 1 - kept):
        if abs(float(shares.mean()) - found.value) <= ADDED:
            return shares
    raise InvalidValue(f"{task.measure.name} is no mean over the samples here, and cannot judge layers.")


def chance_of(estimate: Estimate) -> float:
    """What chance gives; 0 for a value that knows of none."""
    return estimate.chance.value if estimate.chance else 0.0


def above(moved: Moved, chance: float) -> Moved:
    """How samples or groups move a value above chance, (v − c) / (1 − c); one that is chance but for rounding is 0."""
    if not chance:
        return moved
    found = moved.scaled(1 / (1 - chance), -chance / (1 - chance))
    return replace(found, value=0.0) if abs(found.value) < ROUNDING else found

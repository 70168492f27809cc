"""What two networks of a kind have in common, layer by layer: the tables behind `changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from layerscape.core.columns import words_of
from layerscape.core.depth import site_of, steps
from layerscape.core.estimate import Estimate
from layerscape.core.groups import FEWEST as FEWEST_GROUPS
from layerscape.core.groups import Groups
from layerscape.core.interval import jackknife_of, spread_of_sum, student95
from layerscape.core.labels import missing
from layerscape.core.neighbors import Neighbors
from layerscape.core.paired import difference, holm
from layerscape.core.tasks import Task
from layerscape.core.words import firsts
from layerscape.errors import LayerscapeError, require
from layerscape.run import Run
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10  # samples of a class, and of all others
SAME, ROUNDED, ROUNDING = "to the bit", "but for rounding", 1e-5  # relative to the size of a layer
OF_LAYERS = (
    *("layer", "depth", "other_layer", "kept", "low", "high", "chance", "held", "same"),
    *("further", "further_low", "further_high", "p_holm", "warnings"),
)
OF_CLASSES = ("layer", "label", "category", "n_samples", "kept", "others", "difference", "low", "high", "p_holm")
Found = Mapping[str, Estimate | LayerscapeError]  # by layer


def counterparts(base: Run, other: Run) -> tuple[dict[str, str], list[str]]:
    """Layer of the second run to that of the first, and in words where it is not the one of its name."""
    if all(base.depths.get(layer, -1.0) == depth for layer, depth in other.depths.items()):
        return {layer: layer for layer in other.layers}, []
    found: dict[str, str] = {}
    for layer, depth in other.depths.items():
        kin = {name: its for name, its in base.depths.items() if its is not None and site_of(name) == site_of(layer)}
        if depth is not None and kin:
            found[layer] = min(kin, key=lambda name, own=depth: abs((kin[name] or 0.0) - own))
        elif depth is None and layer in base.layers:
            found[layer] = layer
    others = [f"{layer} with {its}" for layer, its in found.items() if layer != its]
    words = [f"the networks have other layers, which are compared by depth: {firsts(others)}"] if others else []
    alone = [layer for layer in other.layers if layer not in found]
    return found, words + ([f"{firsts(alone)} of {other.name} have no counterpart"] if alone else [])


def shown_alike(base: Run, other: Run) -> list[str]:
    """In words, what the two runs were made with that differs beside the weights."""
    plans = [run.folder.plan or {} for run in (base, other)]
    words = []
    pooled = [plan.get("pooling") for plan in plans]
    if None not in pooled and pooled[0] != pooled[1]:
        words.append(f"their layers are pooled by {pooled[0]!r} and by {pooled[1]!r}, so that what changed may be that")
    models: list[Mapping[str, Any]] = [plan.get("model") or {} for plan in plans]
    ways = [model.get("preprocessing") or {} for model in models]
    if all(ways) and (odd := [name for name in sorted({*ways[0], *ways[1]}) if ways[0].get(name) != ways[1].get(name)]):
        words.append(f"they are shown the samples in other ways ({', '.join(odd)}), so that what changed may be that")
    prints = [model.get("fingerprint") for model in models]
    if prints[0] and prints[0] == prints[1]:
        words.append("both are of the same weights")
    return words


def of_layers(
    supplier: Supplier,
    tasks: Mapping[str, Task],
    found: Found,
    depths: Mapping[str, float | None],
    parts: tuple[Part, Part],
) -> pd.DataFrame:
    """A row per layer: how alike it is to its counterpart, and how much less than the layer before it."""
    before = {later: earlier for earlier, later in steps(list(tasks), depths)}
    rows, p = [], []
    for layer, task in tasks.items():
        one = found[layer]
        row = {"layer": layer, "depth": depths[layer], "other_layer": task.layer} | _value(one)
        row |= {"same": _same(parts[0].vectors(task.layer), parts[1].vectors(layer))}
        further = dict.fromkeys(("further", "further_low", "further_high"), np.nan)
        first = tasks.get(before.get(layer, ""))
        p.append(np.nan)
        if first is not None and isinstance(one, Estimate) and isinstance(found[before[layer]], Estimate):
            sign = 1 if task.measure.closer == "high" else -1
            # The earlier less the later, of what is high where they are alike.
            told = difference(supplier.moved(first).scaled(sign), supplier.moved(task).scaled(sign))
            further = {"further": told.value, "further_low": told.low, "further_high": told.high}
            p[-1] = told.p
        rows.append(row | further)
    table = require("pandas", "runs").DataFrame(rows).assign(p_holm=holm(np.array(p)))
    return table[list(OF_LAYERS)]


def _value(one: Estimate | LayerscapeError) -> dict[str, Any]:
    if isinstance(one, LayerscapeError):
        return dict.fromkeys(("kept", "low", "high", "chance", "held"), np.nan) | {"warnings": str(one)}
    chance, held = (one.chance.value, one.chance.held) if one.chance else (np.nan, np.nan)
    found = {"kept": one.value, "low": one.low, "high": one.high, "chance": chance, "held": held}
    return {**found, "warnings": "\n".join(one.warnings)}


def _same(a: Any, b: Any) -> str:
    """Whether two layers hold the same vectors."""
    if a.n_units != b.n_units:
        return ""
    off, size, equal = 0.0, 0.0, True
    for rows, block in a.blocks():
        other = b.read(rows)
        equal = equal and np.array_equal(block, other)
        off, size = max(off, float(np.abs(block - other).max())), max(size, float(np.abs(block).max()))
    return SAME if equal else ROUNDED if off <= ROUNDING * size else ""


def of_classes(
    supplier: Supplier,
    tasks: Mapping[str, Task],
    found: Found,
    part: Part,
    columns: Sequence[str],
    who: Groups | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Whether the samples of each class changed more than all others; ``who`` belongs together."""
    rows, few = [], dict[str, None]()
    for layer, task in tasks.items():
        one = found[layer]
        if isinstance(one, LayerscapeError) or one.per_sample is None:
            continue
        near = _near(supplier, task, len(one.per_sample), one.k) if who is None else None
        for column in columns:
            values = part.columns[column]
            gaps = missing(values)
            known = np.ones(len(values), bool) if gaps is None else ~gaps  # the others have no part
            names = words_of(values)
            for name in np.unique(names[known]).tolist():
                inside, outside = known & (names == name), known & (names != name)
                if min(inside.sum(), outside.sum()) < FEWEST or (who and _few_groups(who, inside, outside)):
                    few[f"{column} {name}"] = None
                    continue
                where = {"layer": layer, "label": column, "category": name, "n_samples": int(inside.sum())}
                if near is None:
                    assert who is not None
                    rows.append(where | _of_groups(one.per_sample, inside, outside, who))
                else:
                    rows.append(where | _against_others(one.per_sample, inside, outside, near))
    table = require("pandas", "runs").DataFrame(rows, columns=[*OF_CLASSES[:-1], "p"])
    table["p_holm"] = holm(table.pop("p").to_numpy(float))
    of = "samples" if who is None else f"samples or than {FEWEST_GROUPS} groups"
    said = [f"{firsts(list(few))}: fewer than {FEWEST} {of}, or others, to be told apart"] if few else []
    return table[list(OF_CLASSES)], said


def _against_others(values: np.ndarray, inside: np.ndarray, outside: np.ndarray, near: np.ndarray) -> dict[str, Any]:
    """Mean inside less mean outside, with regard to samples that are near each other."""
    means = values[inside].mean(), values[outside].mean()
    own = inside * (values - means[0]) / inside.sum() - outside * (values - means[1]) / outside.sum()
    apart = float(means[0] - means[1])
    if not own.any():
        sure = 1.0 if apart == 0 else 0.0
        sides = {"low": apart, "high": apart, "p": sure}
    else:
        sd, freedom = spread_of_sum(own, near)
        margin = student95(freedom) * sd
        sides = {"low": apart - margin, "high": apart + margin, "p": 2 * float(student.sf(abs(apart) / sd, freedom))}
    return {"kept": float(means[0]), "others": float(means[1]), "difference": apart, **sides}


def _near(supplier: Supplier, task: Task, n_samples: int, k: int | None) -> np.ndarray:
    """Shape (N, …): the neighbors of each sample on both sides, or −1 where no graph is read."""
    graphs = [each for each in supplier.provision.serve(task).data if isinstance(each, Neighbors)]
    return np.hstack([np.full((n_samples, 1), -1), *(each.indices[:, :k] for each in graphs)])


def _few_groups(who: Groups, inside: np.ndarray, outside: np.ndarray) -> bool:
    return min(len(np.unique(who.codes[side])) for side in (inside, outside)) < FEWEST_GROUPS


def _of_groups(values: np.ndarray, inside: np.ndarray, outside: np.ndarray, who: Groups) -> dict[str, Any]:
    """Mean inside less mean outside, known from what it is without each block of groups.

    As sure as the fewer groups of the two sides make it: Student's law has as many degrees of freedom less one.
    """

    def apart(kept: np.ndarray) -> float:
        return float(values[inside & kept].mean() - values[outside & kept].mean())

    blocks = [who.blocks != block for block in np.unique(who.blocks[inside | outside])]
    without = np.array([apart(kept) for kept in blocks if (inside & kept).any() and (outside & kept).any()])
    value = apart(np.ones(len(values), bool))
    sd = float(np.sqrt(jackknife_of(without)))
    freedom = min(len(np.unique(who.codes[side])) for side in (inside, outside)) - 1
    margin = student95(freedom) * sd
    p = 2 * float(student.sf(abs(value) / sd, freedom)) if sd > 0 else float(value == 0)
    means = {"kept": float(values[inside].mean()), "others": float(values[outside].mean())}
    return {**means, "difference": value, "low": value - margin, "high": value + margin, "p": p}


def of_samples(found: Found, ids: np.ndarray, high: bool) -> pd.DataFrame:
    """A row per sample, those that changed most first."""
    known = {
        layer: one.per_sample
        for layer, one in found.items()
        if not isinstance(one, LayerscapeError) and one.per_sample is not None
    }
    table = require("pandas", "runs").DataFrame({"sample": ids, "kept": np.nan, **known})
    if known:
        table["kept"] = np.mean(list(known.values()), axis=0)
    return table.sort_values("kept", ascending=high, kind="stable", ignore_index=True)

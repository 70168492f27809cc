"""Two metrics: which one leads, whether the other says another layer, and what makes them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerscape.core.decisive import deciding_unit
from layerscape.core.keywords import Search, chosen
from layerscape.core.nearness import CALLED, Metric
from layerscape.core.words import p_said
from layerscape.errors import LayerscapeError
from layerscape.measures import find_measure
from layerscape.questions.judged import Judged
from layerscape.questions.verdict import Verdict
from layerscape.supply.supplier import Supplier

OTHER: Mapping[str, Metric] = {"euclidean": "cosine", "cosine": "euclidean"}
ASKED = "as was asked"
FOLLOWS = 0.3  # a correlation of norms with a label, from which on it is said
TWICE = 1.5  # times what the other layers have, from which on the spread of norms, or hubness, is said


@dataclass(frozen=True)
class Leading:
    """The metric by which a question is answered.

    Attributes
    ----------
    metric
        Its name.
    named_by
        Who named it: the caller, the folders of the models, or nobody ("").
    words
        What is said of it ahead of an answer; empty where there is nothing to say.
    """

    metric: Metric
    named_by: str = ""
    words: str = ""


def leading_metric(layers: Sequence[Judged], search: Search) -> Leading:
    """Which metric leads where these layers, of one run or of several, are judged, and who named it."""
    if "metric" in search:
        return Leading(chosen(search)[0].metric, ASKED)
    runs = {layer.run_name: layer.run for layer in layers}
    deployed = {name: run.record.get("deployed") for name, run in runs.items()}
    named = [each for each in deployed.values() if each]
    if not named:
        return Leading("euclidean")
    metric: Metric = named[0]["metric"]
    if len(named) < len(deployed) or any(each["metric"] != metric for each in named):
        own = [f"{name}: {CALLED[each['metric']] if each else 'none named'}" for name, each in deployed.items()]
        return Leading("euclidean", "", f"The models are not deployed with one metric ({', '.join(own)}). ")
    because = ", ".join(dict.fromkeys(each["because"] for each in named))
    whom = "model is" if len(runs) == 1 else "models are"
    return Leading(metric, because, f"By {CALLED[metric]}, with which the {whom} deployed ({because}): ")


def by_both(
    layers: Sequence[Judged],
    lead: Verdict,
    other: Verdict,
    leading: Leading,
    suppliers: Mapping[str, Sequence[Supplier]],
    labels: Mapping[str, np.ndarray],
    k: int,
) -> Verdict:
    """The verdict by the first of two metrics, with what the second says where that is another.

    Parameters
    ----------
    lead, other
        By the first and by the second; the first names a layer, or one that is nominally first.
    leading
        Who named the first metric. Where nobody did, and the second tells its layer to be behind, none is named.
    suppliers
        Who has the graphs of each layer, by both metrics, the first first.
    labels
        Of the samples, for what norms follow.
    k
        By how many neighbors the metrics are compared.
    """
    first, second = suppliers
    row = other.behind(lead.first or "")
    if row is None:
        none = f" By {CALLED[second]} no layer is told apart from chance." if other.first is None else ""
        return replace(lead, reason=f"{leading.words}{lead.reason}{none}")
    differs = (
        f"By {CALLED[second]} {other.first!r} is best, and {lead.first!r} is {row.behind:.3f} behind ({p_said(row.p)})"
        f"{_why(layers, suppliers, labels, k)}."
    )
    if leading.named_by:
        return replace(lead, reason=f"{leading.words}{lead.reason} {differs}")
    reason = (
        f"{leading.words}The best layer turns with the metric, and none is named: by {CALLED[first]} it is "
        f"{lead.first!r}. {differs} Choose the metric with which the layer will be used (metric=, --metric)."
    )
    together = tuple(dict.fromkeys([lead.first, other.first, *lead.equals]))
    return replace(lead, layer=None, first=lead.first, reason=reason, equals=tuple(filter(None, together[1:])))


@dataclass(frozen=True)
class _Layer:
    """What can make the metrics differ in a layer."""

    name: str
    shared: float
    spread: float
    norms: np.ndarray
    hubness: Mapping[str, float]
    unit: tuple[int, float]


def _why(
    layers: Sequence[Judged],
    suppliers: Mapping[str, Sequence[Supplier]],
    labels: Mapping[str, np.ndarray],
    k: int,
) -> str:
    """What stands out in the layer in which the two metrics share the fewest neighbors."""
    found = []
    for layer, *both in zip(layers, *suppliers.values(), strict=True):
        try:
            found.append(_of(layer, dict(zip(suppliers, both, strict=True)), k))
        except LayerscapeError:
            continue  # which has no value under one of them, as the table says
    if len(found) < 2:
        return ""
    least = min(found, key=lambda each: each.shared)
    others = [each for each in found if each is not least]
    between = _range([each.shared for each in others])
    words = [f"at {least.name!r} the two share {least.shared:.2f} of their neighbors ({between} at the other layers)"]
    if least.spread > TWICE * float(np.median([each.spread for each in others])):
        ends = [each.spread for each in others]
        words.append(
            f"norms there vary by {least.spread:.0%} of their mean ({min(ends):.0%} to {max(ends):.0%} elsewhere)"
        )
        words += _followed(least.norms, labels)
    high, low = sorted(least.hubness, key=lambda name: -least.hubness[name])
    if least.hubness[high] > max(1.0, TWICE * least.hubness[low]):
        words.append(
            f"hubness is {least.hubness[high]:.1f} by {CALLED[high]} and {least.hubness[low]:.1f} by {CALLED[low]}"
        )
    if least.unit[1]:
        words.append(f"unit {least.unit[0]} holds {least.unit[1]:.1%} of the variance")
    return f": {', '.join(words)}"


def _of(layer: Judged, suppliers: Mapping[str, Supplier], k: int) -> _Layer:
    graphs = {name: supplier.graphs.graph(layer.layer, k) for name, supplier in suppliers.items()}
    x = next(iter(suppliers.values())).source.vectors(layer.layer)
    norms = np.concatenate([np.sqrt((block.astype(float) ** 2).sum(axis=1)) for _, block in x.blocks()])
    shared = find_measure("overlap")(*graphs.values(), k=k).value
    hubs = {name: find_measure("hubness")(graph, k=k).value for name, graph in graphs.items()}
    return _Layer(layer.name, shared, float(norms.std() / norms.mean()), norms, hubs, deciding_unit(x))


def _followed(norms: np.ndarray, labels: Mapping[str, np.ndarray]) -> list[str]:
    """The label of real numbers that norms follow most, if they follow one."""
    known = {name: values for name, values in labels.items() if values.dtype.kind == "f" and values.ndim == 1}
    r = {}
    for name, values in known.items():
        there = np.isfinite(values)
        if there.sum() > 2 and np.ptp(values[there]) > 0:
            r[name] = float(np.corrcoef(norms[there], values[there])[0, 1])
    best = max(r, key=lambda name: abs(r[name]), default=None)
    return [f"and follow {best!r} (r = {r[best]:.2f})"] if best and abs(r[best]) >= FOLLOWS else []


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"

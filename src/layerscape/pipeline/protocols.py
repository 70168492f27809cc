"""Protocols: how the dimensions of published papers were computed, by name, so that a profile can be put beside theirs.

What each paper's code did is known from reading it; where a detail is not, the protocol says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import nan, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.errors import InvalidValue, unknown_name

Sizes = Callable[[int], tuple[int, int]]  # N → (samples in a subset, number of subsets)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Protocol:
    """One paper's way to a dimension (and to overlaps, where it had some).

    Attributes
    ----------
    name, source
        What it is called here, and the paper.
    measure, options
        The estimator.
    point
        Which point of the estimator's curve is the value, by its ``k``; None for the value itself.
    sizes
        N → the size of a random subset and how many are drawn; None for all samples, once.
    disjoint
        Whether subsets do not overlap.
    error
        What the paper's error bar is: ``"sd"`` over the subsets, ``"sem"`` (sd / √number), or ``"none"``.
    k
        Number of neighbors of its overlaps; None if it has none.
    hook, layers, pooling
        Which outputs were read, their patterns (None for what is read by default), and how a sample became one vector.
    data
        How many samples of what.
    unknown
        What could not be found out, or cannot be done alike.
    """

    name: str
    source: str
    measure: str
    options: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    point: int | None = None
    sizes: Sizes | None = None
    disjoint: bool = False
    error: str = "none"
    k: int | None = None
    hook: str = ""
    layers: str | None = None
    pooling: str = ""
    data: str = ""
    unknown: str = ""

    def draws(self, n_samples: int, seed: int) -> Iterator[np.ndarray | None]:
        """Increasing row numbers of every subset; None for all."""
        if self.sizes is None:
            yield None
            return
        size, number = self.sizes(n_samples)
        rng = np.random.default_rng(seed)
        order = rng.permutation(n_samples)
        for place in range(number):
            if self.disjoint:
                yield np.sort(order[place * size : (place + 1) * size])
            else:
                yield np.sort(rng.permutation(n_samples)[:size])

    def combine(self, found: list[Estimate]) -> Estimate:
        """One estimate of those of the subsets, with the paper's own error bar."""
        points = [estimate if self.point is None else self._point(estimate) for estimate in found]
        values = np.array([point.value for point in points])
        if self.sizes is None or self.error == "none":
            low, high, words = points[0].low, points[0].high, "the interval is ours: the paper gives none"
        else:
            bar = values.std(ddof=0) / (sqrt(len(values)) if self.error == "sem" else 1)
            low, high = values.mean() - bar, values.mean() + bar
            what = "the standard deviation" if self.error == "sd" else "the standard deviation / √number"
            words = f"low and high are the paper's error bar, {what} over {len(values)} subsets, and no 95 % interval"
        warnings = [words, f"unknown of the protocol: {self.unknown}"] if self.unknown else [words]
        return Estimate(
            float(values.mean()), float(low), float(high), found[0].n_samples, found[0].n_units, points[0].k,
            details={"scale": float(getattr(points[0], "scale", nan))}, warnings=(*warnings, *found[0].warnings),
            measure=found[0].measure, options={"protocol": self.name, **self.options},
        )  # fmt: skip

    def _point(self, estimate: Estimate) -> Any:
        reached = [point for point in estimate.curve if point.k is not None and point.k <= (self.point or 0)]
        return reached[-1]


_EVERY = (
    Protocol(
        "ansuini2019",
        "Ansuini, Laio, Macke, Zoccolan 2019, arXiv:1905.12784",
        "twonn",
        {"method": "fit", "discard": 0.1},
        sizes=lambda n: (int(0.9 * n), 5),
        error="sd",
        hook="outputs of pooling and linear layers, and the input",
        pooling="flatten",
        data="about 500 images of one class of ImageNet at a time, then the mean over seven classes: by=CLASS",
        unknown="the paper's code leaves out ratios of 1 and the last two points of the fit too",
    ),
    Protocol(
        "doimo2020",
        "Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506",
        "twonn",
        {"method": "fit", "discard": 0.05},
        k=30,
        hook="outputs of the blocks",
        pooling="flatten",
        data="300 images of each of 300 classes of ImageNet",
        unknown="the paper rounds dimensions to whole numbers",
    ),
    Protocol(
        "valeriani2023",
        "Valeriani et al. 2023, arXiv:2302.00294",
        "twonn",
        {"method": "fit", "discard": 0.02},
        sizes=lambda n: (max(3, n // 32), 4),
        error="sem",
        k=10,
        hook="iGPT: the output of ln_1 of every block, ln_f for the last",
        layers="h.*.ln_1,final_norm",
        pooling="mean",
        data="90,000 images of ImageNet: subsets of 2,812",
        unknown="for ESM-2 pooling, N and scale are in an appendix only; its code reads finished arrays",
    ),
    Protocol(
        "doimo2024",
        "Doimo, Serra, Ansuini, Cazzaniga 2024, arXiv:2409.03662",
        "gride",
        {"range_max": 64},
        point=32,
        k=30,
        hook="outputs of the blocks",
        pooling="last",
        data="MMLU, at most 200 questions of each subject, 9,181 before copies are left out",
    ),
    Protocol(
        "cheng2025",
        "Cheng et al. 2025, arXiv:2405.15471",
        "gride",
        {"range_max": 64},
        sizes=lambda n: (n // 5, 5),
        disjoint=True,
        error="sd",
        hook="outputs of the blocks",
        pooling="last",
        data="50,000 sequences of 20 tokens of one corpus, in five disjoint parts of 10,000",
        unknown="the scale was chosen by eye for every model and is not known; here the finest is taken, n₁ = 1",
    ),
)
PROTOCOLS = {protocol.name: protocol for protocol in _EVERY}


def choices_of(name: str | None, layers: Any, pooling: str | None) -> tuple[Any, str | None]:
    """Layers and pooling as a protocol fixes them; as they were given without one, or where it fixes nothing."""
    if name is None:
        return layers, pooling
    protocol = find_protocol(name)
    for what, given, fixed in (("layers", layers, protocol.layers), ("pooling", pooling, protocol.pooling)):
        if given is not None and fixed is not None and given != fixed:
            raise InvalidValue(
                f"{what}={given!r} with protocol={name!r}, which fixes {fixed!r}; leave one of them out."
            )
    return protocol.layers or layers, protocol.pooling


def find_protocol(name: str) -> Protocol:
    """A protocol by name; raises if there is none."""
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]

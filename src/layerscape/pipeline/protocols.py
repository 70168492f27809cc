"""Protocols: how the dimensions of published papers were computed, by name, so that a profile can be put beside theirs.

What each paper's code did is known from reading it; where a detail is not, the protocol says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    any_scale
        Whether the paper's scale is not known, so that it may be given: ``NAME@32`` reads Gride's curve at n₁ = 32.
    sizes
        N → the size of a random subset and how many are drawn; None for all samples, once.
    disjoint
        Whether subsets do not overlap.
    error
        What the paper's error bar is: ``"sd"`` over the subsets, ``"sem"`` (sd / √number), or ``"none"``.
    k, class_fraction
        Number of neighbors of its overlaps; None if it has none. Those with labels read this share of a class instead.
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
    any_scale: bool = False
    sizes: Sizes | None = None
    disjoint: bool = False
    error: str = "none"
    k: int | None = None
    class_fraction: float | None = None
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
        """One estimate of those of the subsets, with the paper's own error bar; no value where they are too small."""
        if words := self._too_small(found):
            return replace(found[0], value=nan, low=nan, high=nan, curve=(), warnings=(words, *found[0].warnings))
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

    def _too_small(self, found: list[Estimate]) -> str:
        """Why no curve reaches the scale; empty where all do."""
        reach = min((max((point.k or 0 for point in one.curve), default=0) for one in found), default=0)
        if self.point is None or reach >= self.point:
            return ""
        return (
            f"protocol {self.name!r} reads {self.point} neighbors, and the curve of {found[0].n_samples} samples ends "
            f"at {reach}; give more samples"
        )

    def _point(self, estimate: Estimate) -> Any:
        return next(point for point in estimate.curve if point.k == self.point)

    def at(self, scale: str) -> Protocol:
        """The protocol at n₁ = ``scale``."""
        n1 = int(scale) if scale.isdecimal() else 0
        if not self.any_scale:
            raise InvalidValue(
                f"protocol={self.name}@{scale}: the scale of {self.name!r} is known; leave out @{scale}."
            )
        if n1 < 1 or n1 & (n1 - 1):
            raise InvalidValue(f"protocol={self.name}@{scale}: after the @ stands n₁, which is 1, 2, 4, 8, …")
        options = {**self.options, "range_max": max(2 * n1, self.options["range_max"])}
        return replace(self, name=f"{self.name}@{n1}", point=2 * n1, options=options)


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
    ),
    Protocol(
        "valeriani2023_esm2",
        "Valeriani et al. 2023, arXiv:2302.00294",
        "gride",
        {"range_max": 64},
        any_scale=True,
        k=10,
        hook="outputs of the blocks",
        pooling="mean",
        data="proteins of ProteinNet, and of SCOPe for homology",
        unknown="the paper's code reads finished arrays, and tells no pooling, N, estimator and scale; here "
        "means over residues, all samples, and the finest scale unless one is given as valeriani2023_esm2@N₁",
    ),
    Protocol(
        "dtu2023",
        "the lab of the DTU summer school on advanced machine learning 2023, beside arXiv:2302.00294",
        "twonn",
        {"method": "uncensored", "discard": 0.1},
        k=30,
        hook="outputs of the blocks, every other one of iGPT",
        pooling="mean",
        data="200 images of each of 100 classes of ImageNet; 5,000 proteins of ProteinNet, with overlaps at k = 10",
        unknown="what was pooled is not in the notebook, which reads finished distances",
    ),
    Protocol(
        "doimo2024",
        "Doimo, Serra, Ansuini, Cazzaniga 2024, arXiv:2409.03662",
        "gride",
        {"range_max": 64},
        point=32,
        k=30,
        class_fraction=0.3,
        hook="outputs of the blocks",
        pooling="last",
        data="MMLU, at most 200 questions of each subject, 9,181 before copies are left out",
        unknown="its error bars; and overlaps of layers were also read at k = 100 and 300, which are measured apart",
    ),
    Protocol(
        "cheng2025",
        "Cheng et al. 2025, arXiv:2405.15471",
        "gride",
        {"range_max": 64},
        any_scale=True,
        sizes=lambda n: (n // 5, 5),
        disjoint=True,
        error="sd",
        hook="outputs of the blocks",
        pooling="last",
        data="50,000 sequences of 20 tokens of one corpus, in five disjoint parts of 10,000",
        unknown="the scale was chosen by eye for every model; the finest is taken, n₁ = 1, unless one is given as "
        "cheng2025@N₁ (their code for another paper lists 64 for OPT-125m, 32 for OPT-1.3b, 16 to 64 for Pythia-6.9b, "
        "2 to 16 for Whisper, 1 to 4 for WavLM, if its list counts from n₁ = 1)",
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
    """A protocol by name, with its scale after an @ where the paper has many; raises if there is none."""
    plain, at, scale = name.partition("@")
    if plain not in PROTOCOLS:
        raise unknown_name("protocol", plain, PROTOCOLS)
    return PROTOCOLS[plain].at(scale) if at else PROTOCOLS[plain]

"""Forecast: how much room and time an extraction will take, from a few samples that went through the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.samples import Kind, Samples
from layerscape.pipeline.beforehand import check_kind, first_look, samples_for
from layerscape.storage import LayerSpec, disk_needed, in_words

if TYPE_CHECKING:
    from layerscape.extraction import LayerInfo, Network

WARM, MOST, ENOUGH = 2, 64, 2.0  # samples that are not timed, samples that are, and seconds after which no more are


@dataclass(frozen=True)
class Forecast:
    """What layers take of room and time.

    Attributes
    ----------
    bytes_per_sample
        By layer, on disk.
    seconds_per_sample
        Of one pass for all of them, reading included; of the machine as it is now. None where no sample is there.
    n_timed
        From how many samples it was told.
    n_samples
        How many there are; None where nobody said which.
    n_bytes
        What all of them take on disk.
    """

    bytes_per_sample: dict[str, int]
    seconds_per_sample: float | None
    n_timed: int
    n_samples: int | None
    n_bytes: int | None

    def told(self) -> dict[str, Any]:
        """As plain values; ``seconds`` is the estimate for all samples."""
        every = None if self.n_samples is None or self.seconds_per_sample is None else self.n_samples
        return asdict(self) | {"seconds": every and every * (self.seconds_per_sample or 0)}

    def in_words(self, store: str) -> list[str]:
        """A line on one sample, and one on all."""
        size = (
            f"{len(self.bytes_per_sample)} layers: {in_words(sum(self.bytes_per_sample.values()))} a sample in {store}"
        )
        if self.seconds_per_sample is None:
            return [f"{size}; the time is estimated where samples are given"]
        about = f"about {duration(self.seconds_per_sample)} a sample for all of them, estimated from {self.n_timed}"
        lines = [f"{size}; {about}"]
        if self.n_samples is not None and self.n_bytes is not None:
            seconds = duration(self.n_samples * self.seconds_per_sample)
            lines.append(f"{self.n_samples:,} samples: {in_words(self.n_bytes)} on disk, about {seconds} (an estimate)")
        return lines


def forecast(
    network: Network,
    infos: Sequence[LayerInfo],
    pooling: str,
    samples: Samples | None,
    *,
    batch_size: int | None = None,
    store: str = "float32",
) -> Forecast:
    """What layers will take, from up to 64 samples, evenly drawn; without samples from the network's own examples."""
    specs = [LayerSpec(info.name, info.n_units, info.depth, info.module) for info in infos]
    size = {info.name: info.n_units * np.dtype(store).itemsize for info in infos}
    if samples is None and not network.examples:
        return Forecast(size, None, 0, None, None)
    given = samples if samples is not None else _examples(network)
    names = [spec.name for spec in specs]
    _timed(network, _few(given, WARM), names, pooling, batch_size)
    n_timed, seconds = 0, 0.0
    for n in (WARM, 8, MOST):
        few = _few(given, n)
        seconds, n_timed = _timed(network, few, names, pooling, batch_size), len(few)
        if seconds * 8 > ENOUGH or n >= len(given):
            break
    every = None if samples is None else len(samples)
    needed = None if every is None else disk_needed(specs, every, store)
    return Forecast(size, seconds / n_timed, n_timed, every, needed)


def samples_of(network: Network, inputs: str, kind: Kind | None, choice: dict[str, Any]) -> Samples:
    """The samples of a path as `extract` takes them."""
    samples = samples_for(network.kind, inputs, kind, first_look(inputs, kind, (), choice), choice)
    check_kind(network, samples)
    return samples


def duration(seconds: float) -> str:
    """A time as people read it.

    >>> duration(0.0123), duration(0.83), duration(75), duration(9000), duration(3e6)
    ('12 ms', '830 ms', '1 min 15 s', '2 h 30 min', '35 days')
    """
    if seconds >= 48 * 3600:
        return f"{seconds / 86400:,.0f} days"
    if seconds < 0.9995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 100:.0f}0 ms"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    unit, names = (60, ("min", "s")) if whole < 3600 else (3600, ("h", "min"))
    rest = whole % unit if unit == 60 else whole % unit // 60
    return f"{whole // unit} {names[0]} {rest} {names[1]}"


def _examples(network: Network) -> Samples:
    contents = network.examples
    ids = tuple(map(str, range(len(contents))))
    return Samples(ids, network.kind, lambda rows: [contents[row] for row in rows], fingerprint="")


def _few(samples: Samples, n: int) -> Samples:
    rows = np.unique(np.linspace(0, len(samples) - 1, n).astype(int)).tolist()
    ids = tuple(samples.ids[row] for row in rows)
    return replace(samples, ids=ids, read=lambda chosen: samples.read([rows[i] for i in chosen]), labels={})


def _timed(network: Network, few: Samples, layers: Sequence[str], pooling: str, batch_size: int | None) -> float:
    start = perf_counter()
    for _ in network.blocks(few, layers, pooling, block_rows=len(few), batch_size=batch_size):
        pass
    return perf_counter() - start

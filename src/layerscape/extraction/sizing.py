"""Sizing: how many samples go through the network together, where memory and speed of the device decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from layerscape.extraction.failures import NoRoom
from layerscape.extraction.readers import Encoded

Run = Callable[[Sequence[Encoded]], Mapping[str, torch.Tensor]]
GAIN = 1.05  # by which twice as many must be faster to be worth their memory
DOUBLINGS = 5


@dataclass
class Fitting:
    """Passes of batches that are cut where one does not fit into memory, and from then on.

    Attributes
    ----------
    most
        Samples times the tokens of the longest that a batch has at most; None while all have fitted.
    """

    most: int | None = None

    def __call__(self, run: Run, encoded: Sequence[Encoded]) -> Mapping[str, torch.Tensor]:
        """What ``run`` gives of the samples, in their order; raise where one alone does not fit."""
        longest = max(1, *(one.length for one in encoded))
        if self.most is None or len(encoded) == 1 or len(encoded) * longest <= self.most:
            found = _tried(run, encoded)
            if found is not None:
                return found
            self.most = len(encoded) * longest // 2
        size = max(1, min(len(encoded) - 1, self.most // longest))
        parts = [self(run, encoded[start : start + size]) for start in range(0, len(encoded), size)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def doubled(rule: Mapping[str, int], run: Run, sample: Encoded) -> dict[str, int]:
    """The rule with as many samples, or tokens, as are fastest of a sample like this one; never fewer."""
    (unit, n), length = *rule.items(), max(1, sample.length) if "tokens" in rule else 1
    return {unit: max(n, length * fastest(run, sample, max(1, n // length)))}


def fastest(run: Run, sample: Encoded, first: int) -> int:
    """How many of such samples go through the network fastest: ``first``, or twice as many, and so on.

    >>> one = Encoded(None)
    >>> fastest(lambda batch: {}, one, 4) in (4, 8, 16, 32, 64, 128)
    True
    """
    size, best = first, _speed(run, [sample] * first)
    for _ in range(DOUBLINGS):
        speed = _speed(run, [sample] * (2 * size))
        if speed < GAIN * best:
            break
        size, best = 2 * size, speed
    return size


def _speed(run: Run, batch: Sequence[Encoded]) -> float:
    """Samples per second of a second pass; 0 where they do not fit."""
    for last in (False, True):
        start = perf_counter()
        found = _tried(run, batch) if len(batch) > 1 else run(batch)
        if found is None:
            return 0.0
        for vectors in found.values():
            vectors.cpu()  # which waits for the device
        if last:
            return len(batch) / max(perf_counter() - start, 1e-9)
    return 0.0


def _tried(run: Run, encoded: Sequence[Encoded]) -> Mapping[str, torch.Tensor] | None:
    """What a pass gives; None where there is no room for several samples together."""
    try:
        return run(encoded)
    except NoRoom:
        if len(encoded) == 1:
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # what was left of the pass that failed is in pieces
    return None

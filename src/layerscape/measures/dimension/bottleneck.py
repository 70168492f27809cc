"""Networks with a bottleneck, one for each fold, trained side by side: the recipe of the measure `autoencoder`.

Encoder and decoder are each a linear map plus a layer of tanh units. The linear maps start as the PCA of the training
part, the outputs of the tanh units at 0, so that every network starts as PCA and is kept only where it got better. The
tanh units start with random weights of growing size, from nearly linear ones to such as tear a circle open.

The networks of one width take their steps together, and those that have finished drop out. Every width is trained by
itself, from the same random numbers: so few weights stay in the processor's cache, where a step takes a fraction of the
time, no width depends on which others are asked for, and widths are trained side by side, a thread each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import numpy as np

from layerscape.core.threads import thread_count, workers

FOLDS = 5
GAINS = (1, 16)
RATE, DECAYS = 0.035, (0.9, 0.99)  # of Adam; the rate is for one component and falls as 1/√r: r inputs move together
BATCH, CHECKED = 64, 512  # samples of a step, and of a check
EVERY, PATIENCE, BETTER = 20, 5, 0.003  # steps between checks, checks without a gain, and what share is a gain
SLOWER, LOWERINGS = 0.2, 2  # what the rate falls to, and how often until a network has finished


def training_part(parts: np.ndarray, fold: int) -> np.ndarray:
    """The samples that are neither held out in this fold nor, like the part after, for validation."""
    return np.concatenate([parts[(fold + step) % FOLDS] for step in range(2, FOLDS)])


def principal_axes(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, variances, falling, and directions as columns."""
    center = scores.mean(axis=0)
    values, vectors = np.linalg.eigh((scores - center).T @ (scores - center) / len(scores))
    return center, np.maximum(values[::-1], 0), vectors[:, ::-1]


def train_networks(
    torch: Any, scores: np.ndarray, parts: np.ndarray, widths: np.ndarray, *, hidden: int, steps: int, seed: int
) -> tuple[np.ndarray, int]:
    """What networks leave of samples that they have not seen.

    Parameters
    ----------
    torch
        The library.
    scores
        Shape (N, r): the samples, of a variance of about 1 in all.
    parts
        Shape (FOLDS, n): the samples held out in each fold.
    widths
        Shape (m,), growing, of the bottlenecks.
    hidden, steps, seed
        Tanh units of each layer, the most steps, and where chance starts from.

    Returns
    -------
    left, unfinished
        The sum of the squares left, shape (FOLDS, m), and how many networks still improved after the last step.
    """
    left, unfinished = np.empty((FOLDS, len(widths))), np.zeros(len(widths), int)

    def train(place: int) -> None:
        networks = _Networks(torch, scores, parts, int(widths[place]), hidden, seed)
        networks.take(steps)
        left[:, place], unfinished[place] = networks.left(parts), len(networks.active)

    with _one_thread_each(torch), workers(thread_count(None)) as pool:
        pool.all(train, range(len(widths)))
    return left, int(unfinished.sum())


@contextmanager
def _one_thread_each(torch: Any) -> Iterator[None]:
    """Matrices so small are multiplied no faster by several threads, and far slower where others use the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Networks:
    """The networks of one width, one for each fold, all weights of one in a row of `weights`."""

    def __init__(self, torch: Any, scores: np.ndarray, parts: np.ndarray, width: int, hidden: int, seed: int) -> None:
        d = scores.shape[1]
        self.torch, self.random = torch, torch.Generator().manual_seed(seed)
        self.scores = torch.from_numpy(scores)
        self.train = torch.from_numpy(np.stack([training_part(parts, fold) for fold in range(FOLDS)]))
        self.checked = torch.from_numpy(np.roll(parts, -1, axis=0)[:, :CHECKED].copy())
        encode, decode, middle = self._as_pca(scores, parts, width)
        layers = [encode, *self._tanh_layer(d, hidden, width), decode, *self._tanh_layer(width, hidden, d), middle]
        self.shapes = [layer.shape[1:] for layer in layers]
        self.sizes = [layer[0].numel() for layer in layers]
        self.best = torch.cat([layer.flatten(1) for layer in layers], dim=1)
        self.least = torch.full((FOLDS,), inf, dtype=torch.float64)
        self.active = torch.arange(FOLDS)
        # Of the active ones only:
        self.weights = self.best.clone()
        self.layers = self._layers(self.weights)
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.rate = torch.full((FOLDS, 1), RATE / d**0.5, dtype=torch.float64)
        self.reference, self.waited, self.lowered = self.least.clone(), torch.zeros(FOLDS), torch.zeros(FOLDS)
        self.taken = 0

    def _as_pca(self, scores: np.ndarray, parts: np.ndarray, width: int) -> list[Any]:
        """The linear maps to the bottleneck and from it that are PCA, and the mean."""
        encode, decode, middle = [], [], []
        for fold in range(FOLDS):
            center, variances, directions = principal_axes(scores[training_part(parts, fold)])
            unit = np.sqrt(variances[:width].sum())  # what is in the bottleneck has a variance of 1 in all
            encode.append(directions[:, :width] / unit)
            decode.append(directions[:, :width].T * unit)
            middle.append(center[None])
        return [self.torch.from_numpy(np.stack(part)) for part in (encode, decode, middle)]

    def _tanh_layer(self, inputs: int, hidden: int, outputs: int) -> list[Any]:
        """Random weights and offsets of the units, and what they add to the outputs, which is nothing yet."""
        torch, gains = self.torch, self.torch.from_numpy(np.geomspace(*GAINS, hidden))
        first = [torch.randn(FOLDS, rows, hidden, generator=self.random, dtype=torch.float64) for rows in (inputs, 1)]
        return [part * gains for part in first] + [torch.zeros(FOLDS, hidden, outputs, dtype=torch.float64)]

    def _layers(self, weights: Any) -> list[Any]:
        return [part.view(-1, *shape) for part, shape in zip(weights.split(self.sizes, 1), self.shapes, strict=True)]

    def _missed(self, layers: list[Any], x: Any) -> tuple[Any, ...]:
        """What each network misses of its samples, and what lies on the way there."""
        torch = self.torch
        encode, into, shift, out, decode, back, back_shift, add, middle = layers
        centered = x - middle
        first = torch.baddbmm(shift, x, into).tanh_()
        code = torch.bmm(first, out).baddbmm_(centered, encode)
        second = torch.baddbmm(back_shift, code, back).tanh_()
        return torch.bmm(second, add).baddbmm_(code, decode).sub_(centered), centered, first, code, second

    def _left(self, layers: list[Any], rows: Any) -> Any:
        """The sum of the squares that each network leaves of its rows of samples."""
        return self._missed(layers, self.scores[rows])[0].square_().sum((1, 2))

    def _slope(self, rows: Any) -> Any:
        """The derivative of the mean square that is left, by every weight, in half the time of torch's own."""
        torch, x = self.torch, self.scores[rows]
        missed, centered, first, code, second = self._missed(self.layers, x)
        encode, _, _, out, decode, back, _, add, _ = self.layers
        missed.mul_(2 / x.shape[1])
        through = torch.bmm(missed, add.mT).mul_(1 - second * second)
        by_code = torch.bmm(missed, decode.mT).baddbmm_(through, back.mT)
        before = torch.bmm(by_code, out.mT).mul_(1 - first * first)
        by_middle = missed.sum(1, keepdim=True).baddbmm_(by_code.sum(1, keepdim=True), encode.mT, alpha=-1)
        slopes = [
            torch.bmm(centered.mT, by_code),
            torch.bmm(x.mT, before),
            before.sum(1, keepdim=True),
            torch.bmm(first.mT, by_code),
            torch.bmm(code.mT, missed),
            torch.bmm(code.mT, through),
            through.sum(1, keepdim=True),
            torch.bmm(second.mT, missed),
            by_middle,
        ]
        return torch.cat([slope.flatten(1) for slope in slopes], dim=1)

    def take(self, steps: int) -> None:
        """At most so many steps."""
        for step in range(steps):
            if step % EVERY == 0:
                self.check()
            if not len(self.active):
                return
            self.step()
        self.check()

    def step(self) -> None:
        """One step of Adam for all that are active."""
        torch, (slow, fast), n = self.torch, DECAYS, self.train.shape[1]
        some = torch.randint(n, (FOLDS, min(BATCH, n)), generator=self.random)
        slope = self._slope(self.train.gather(1, some)[self.active])
        self.taken += 1
        self.mean.lerp_(slope, 1 - slow)
        self.square.mul_(fast).addcmul_(slope, slope, value=1 - fast)
        unbiased = (1 - fast**self.taken) ** 0.5
        scale = self.square.sqrt().add_(1e-8 * unbiased)
        self.weights.addcdiv_(self.mean * (self.rate * (unbiased / (1 - slow**self.taken))), scale, value=-1)

    def check(self) -> None:
        """Keep what got better, slow down what did not for long, and let go of what does not any more."""
        torch, active = self.torch, self.active
        found = self._left(self.layers, self.checked[active])
        better = found < self.least[active]
        self.least[active[better]] = found[better]
        self.best[active[better]] = self.weights[better]
        gained = found < (1 - BETTER) * self.reference
        self.reference = torch.where(gained, found, self.reference)
        self.waited = torch.where(gained, 0, self.waited + 1)
        stuck = self.waited >= PATIENCE
        self.weights[stuck] = self.best[active[stuck]]
        self.mean[stuck] = 0
        self.rate[stuck] *= SLOWER
        self.waited[stuck] = 0
        self.lowered[stuck] += 1
        going = self.lowered < LOWERINGS
        for name in ("active", "weights", "mean", "square", "rate", "reference", "waited", "lowered"):
            setattr(self, name, getattr(self, name)[going])
        self.layers = self._layers(self.weights)

    def left(self, parts: np.ndarray) -> np.ndarray:
        """The squares that the best weights leave of the samples held out, shape (FOLDS,)."""
        return self._left(self._layers(self.best), self.torch.from_numpy(parts)).numpy()

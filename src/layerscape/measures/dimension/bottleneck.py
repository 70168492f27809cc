"""Networks with bottlenecks of several widths, trained side by side: the recipe of the measure `autoencoder`.

Encoder and decoder are each a linear map plus a layer of tanh units. The linear maps start as the PCA of the training
part, the outputs of the tanh units at 0, so that every network starts as PCA and is kept only where it got better. The
tanh units start with random weights of growing size, from nearly linear ones to such as tear a circle open.

All networks, one for each width and fold, take their steps together: a narrow bottleneck is the widest with the other
numbers held at 0. Those that have finished drop out.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

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
    with torch.inference_mode(False), torch.enable_grad():
        networks = _Networks(torch, scores, parts, widths, hidden, seed)
        for step in range(steps):
            if step % EVERY == 0:
                networks.check()
            if not len(networks.active):
                break
            networks.step()
        networks.check()
        return networks.left(parts), len(networks.active)


class _Networks:
    """One network for each width and fold, all weights of one in a row of `weights`."""

    def __init__(
        self, torch: Any, scores: np.ndarray, parts: np.ndarray, widths: np.ndarray, hidden: int, seed: int
    ) -> None:
        d, widest, n = scores.shape[1], int(widths[-1]), FOLDS * len(widths)
        self.torch, self.random = torch, torch.Generator().manual_seed(seed)
        self.scores = torch.from_numpy(scores)
        self.train = torch.from_numpy(np.stack([training_part(parts, fold) for fold in range(FOLDS)]))
        self.checked = torch.from_numpy(np.roll(parts, -1, axis=0)[:, :CHECKED].copy())
        self.fold = torch.arange(FOLDS).repeat(len(widths))
        self.open, encode, decode, middle = self._as_pca(scores, parts, widths)
        layers = [encode, *self._tanh_layer(n, d, hidden, widest), decode, *self._tanh_layer(n, widest, hidden, d)]
        layers.append(middle)
        self.shapes = [layer.shape[1:] for layer in layers]
        self.sizes = [layer[0].numel() for layer in layers]
        self.best = torch.cat([layer.flatten(1) for layer in layers], dim=1)
        self.least = torch.full((n,), inf, dtype=torch.float64)
        self.active = torch.arange(n)
        # Of the active ones only:
        self.weights = self.best.clone()
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.rate = torch.full((n, 1), RATE / d**0.5, dtype=torch.float64)
        self.reference, self.waited, self.lowered = self.least.clone(), torch.zeros(n), torch.zeros(n)
        self.taken = 0

    def _as_pca(self, scores: np.ndarray, parts: np.ndarray, widths: np.ndarray) -> tuple[Any, ...]:
        """Which numbers of the bottleneck are open, and the linear maps to it and from it that are PCA."""
        d, widest, n = scores.shape[1], int(widths[-1]), FOLDS * len(widths)
        found = [np.zeros(shape) for shape in ((n, 1, widest), (n, d, widest), (n, widest, d), (n, 1, d))]
        is_open, encode, decode, middle = found
        for fold in range(FOLDS):
            center, variances, directions = principal_axes(scores[training_part(parts, fold)])
            for place, width in enumerate(widths):
                network = place * FOLDS + fold
                unit = np.sqrt(variances[:width].sum())  # what is in the bottleneck has a variance of 1 in all
                is_open[network, :, :width] = 1
                encode[network, :, :width] = directions[:, :width] / unit
                decode[network, :width] = directions[:, :width].T * unit
                middle[network] = center
        return tuple(self.torch.from_numpy(part) for part in found)

    def _tanh_layer(self, n: int, inputs: int, hidden: int, outputs: int) -> list[Any]:
        """Random weights and offsets of the units, and what they add to the outputs, which is nothing yet."""
        torch, gains = self.torch, np.geomspace(*GAINS, hidden)
        first = [torch.randn(n, rows, hidden, generator=self.random, dtype=torch.float64) for rows in (inputs, 1)]
        return [part * torch.from_numpy(gains) for part in first] + [
            torch.zeros(n, hidden, outputs, dtype=torch.float64)
        ]

    def _misses(self, weights: Any, which: Any, rows: Any) -> Any:
        """The sum of the squares that each network leaves of its rows of samples."""
        torch, x = self.torch, self.scores[rows]
        layers = [part.view(-1, *shape) for part, shape in zip(weights.split(self.sizes, 1), self.shapes, strict=True)]
        encode, into, shift, out, decode, back, back_shift, add, middle = layers
        code = torch.baddbmm(torch.bmm(torch.tanh(torch.baddbmm(shift, x, into)), out), x - middle, encode)
        code = code * self.open[which]
        rebuilt = torch.baddbmm(middle, torch.tanh(torch.baddbmm(back_shift, code, back)), add)
        return ((torch.baddbmm(rebuilt, code, decode) - x) ** 2).sum((1, 2))

    def step(self) -> None:
        """One step of Adam for all that are active; networks of one fold see the same samples."""
        torch, (slow, fast), n = self.torch, DECAYS, self.train.shape[1]
        some = torch.randint(n, (FOLDS, min(BATCH, n)), generator=self.random)
        rows = self.train.gather(1, some)[self.fold[self.active]]
        weights = self.weights.requires_grad_()
        (slope,) = torch.autograd.grad(self._misses(weights, self.active, rows).sum() / rows.shape[1], weights)
        self.weights = weights.detach()
        self.taken += 1
        self.mean.lerp_(slope, 1 - slow)
        self.square.lerp_(slope * slope, 1 - fast)
        scale = (self.square / (1 - fast**self.taken)).sqrt_().add_(1e-8)
        self.weights.addcdiv_(self.rate * self.mean / (1 - slow**self.taken), scale, value=-1)

    def check(self) -> None:
        """Keep what got better, slow down what did not for long, and let go of what does not any more."""
        torch, active = self.torch, self.active
        with torch.no_grad():
            found = self._misses(self.weights, active, self.checked[self.fold[active]])
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

    def left(self, parts: np.ndarray) -> np.ndarray:
        """The squares that the best weights leave of the samples held out, shape (FOLDS, widths)."""
        rows = self.torch.from_numpy(parts)
        with self.torch.no_grad():
            every = self.torch.arange(len(self.best)).split(FOLDS)  # the networks of one width at a time
            return np.stack([self._misses(self.best[some], some, rows).numpy() for some in every], axis=1)

"""Tokens that belong to no patch are told without a list, wherever they stand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.extraction import open_model

N = 4


class Vision(nn.Module):
    """Patches of 4 × 4 of an 8 × 8 picture, with tokens that are the same for every one before and after them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(1, 6, 4, 4), nn.LayerNorm(6)
        self.before, self.after = (nn.Parameter(torch.randn(1, n, 6)) for n in (before, after))
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True) for _ in range(2))

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.before.expand(len(x), -1, -1), x, self.after.expand(len(x), -1, -1)], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (5, 0), (0, 1), (1, 3)])
def test_the_mean_is_over_the_patches(before, after, rng, make_samples):
    torch.manual_seed(0)
    module = Vision(before, after)
    samples = make_samples([rng.normal(size=(1, 8, 8)).astype(np.float32) for _ in range(N)], "array")
    states = []
    for block in module.blocks:
        block.register_forward_hook(lambda _m, _a, out: states.append(out))
    module.eval()
    with torch.no_grad():
        module(torch.from_numpy(np.stack(samples.read(range(N)))))
    expected = states[1][:, before : before + 4]
    network = open_model(module)
    for pooling, of in (("mean", expected.mean(1)), ("first", expected[:, 0]), ("mean:all", states[1].mean(1))):
        found = dict(network.blocks(samples, ["block_2"], pooling, block_rows=N))[0]["block_2"]
        np.testing.assert_allclose(found, of, atol=1e-6)
    grid = dict(network.blocks(samples, ["block_2"], "last", block_rows=N))[0]["block_2"]
    np.testing.assert_allclose(grid, states[1][:, -1], atol=1e-6)

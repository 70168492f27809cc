"""Blocks that hand on what they add and what they were given apart, to be added by the next, as some fused ones do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.extraction import open_model

N, D, DEPTH = 6, 5, 3


class Block(nn.Module):
    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.norm, self.mixer, self.kept = nn.LayerNorm(D), nn.Linear(D, D), kept

    def forward(self, x, residual=None):
        residual = x if residual is None else x + residual
        x = torch.tanh(self.mixer(self.norm(residual)))
        return (residual, x) if self.kept else (x, residual)


class Net(nn.Module):
    """Its state is the sum of the two, which the norm after the last block is given."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Linear(D, D)
        self.layers = nn.ModuleList(Block(kept=kept) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(D)

    def forward(self, x):
        x, residual = self.embed(x), None
        for layer in self.layers:
            pair = layer(x, residual)
            x, residual = pair[::-1] if layer.kept else pair
        return self.norm(x + residual)


@pytest.mark.parametrize("kept", [False, True], ids=["adds first", "kept first"])
def test_the_state_is_the_sum_of_both(kept, make_samples):
    module = Net(kept=kept).double().eval()
    x = np.random.default_rng(0).standard_normal((N, D))
    samples, network = make_samples(list(x), "array"), open_model(module)
    names = [layer.name for layer in network.layers(contents=samples.read([0, 1]))]
    assert names == ["input", "embedding", "block_1", "block_2", "block_3", "final_norm"]
    with torch.no_grad():
        state = module.embed(torch.from_numpy(x))
        expected = {"embedding": state}
        for number, layer in enumerate(module.layers, 1):
            state = state + torch.tanh(layer.mixer(layer.norm(state)))
            expected[f"block_{number}"] = state
        expected["final_norm"] = module.norm(state)
    table = dict(network.blocks(samples, names, "mean", block_rows=N))[0]
    for name, wanted in expected.items():
        np.testing.assert_allclose(table[name], wanted, rtol=1e-5, atol=1e-6)


class Skips(nn.Module):
    """What is read in the end is a sum over blocks, of what they add or are given, on which none of them depends."""

    def __init__(self, *, given: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head, self.given = nn.Linear(D, D), nn.Linear(D, 2), given
        self.layers = nn.ModuleList(Skip(given=given) for _ in range(DEPTH))

    def forward(self, x):
        x = self.embed(x)
        total = torch.zeros_like(x)
        for layer in self.layers:
            x, total = layer(x, total)
        return self.head(total)


class Skip(nn.Module):
    def __init__(self, *, given: bool) -> None:
        super().__init__()
        self.linear, self.given = nn.Linear(D, D), given

    def forward(self, x, total):
        more = torch.tanh(self.linear(x))
        return (more, total + x) if self.given else (x + more, total + more)


@pytest.mark.parametrize("given", [False, True], ids=["added", "given"])
def test_a_sum_that_begins_with_nothing_is_no_state(given, make_samples):
    module = Skips(given=given).double().eval()
    x = np.random.default_rng(0).standard_normal((N, D))
    samples, network = make_samples(list(x), "array"), open_model(module)
    names = [layer.name for layer in network.layers(contents=samples.read([0, 1]))]
    assert names == ["input", "embedding", "block_1", "block_2", "block_3"]
    table = dict(network.blocks(samples, names, "mean", block_rows=N))[0]
    with torch.no_grad():
        state = module.embed(torch.from_numpy(x))
        np.testing.assert_allclose(table["embedding"], state, rtol=1e-5, atol=1e-6)
        for number, layer in enumerate(module.layers, 1):
            state, _ = layer(state, 0)
            np.testing.assert_allclose(table[f"block_{number}"], state, rtol=1e-5, atol=1e-6)

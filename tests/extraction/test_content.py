"""Tokens that belong to no patch, or to no id, are told without a list, wherever they stand."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.errors import InvalidValue
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


class Reader(nn.Module):
    """Ids without a mask, between tokens of its own; blocks that look at all of them, and may put out every second."""

    def __init__(self, before: int, after: int, n_positions: int | None = None, *, merges: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.before, self.after = (nn.Parameter(torch.randn(1, n, 6)) for n in (before, after))
        self.position = None if n_positions is None else nn.Parameter(torch.randn(1, n_positions, 6))
        self.blocks = nn.ModuleList(Mixing(merges) for _ in range(2))

    def forward(self, x):
        x = torch.cat([self.before.expand(len(x), -1, -1), self.embed(x), self.after.expand(len(x), -1, -1)], dim=1)
        x = x if self.position is None else x + self.position
        for block in self.blocks:
            x = block(x)
        return x


class Mixing(nn.Module):
    def __init__(self, merges: bool) -> None:
        super().__init__()
        self.linear, self.merges = nn.Linear(6, 6), merges

    def forward(self, x):
        x = x + torch.tanh(self.linear(x)) + x.mean(1, keepdim=True)
        return x[:, ::2] if self.merges else x


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 0), (0, 1), (1, 2)])
def test_ids_that_come_without_a_mask_are_told_from_tokens_of_the_network(before, after, fixed, rng, make_samples):
    torch.manual_seed(0)
    module = Reader(before, after, before + 7 + after if fixed else None).eval()
    ids = rng.integers(0, 9, (N, 7))
    ids[0] = ids[-1] = 3  # samples of one token, and those are looked at
    with torch.no_grad():
        state = module(torch.from_numpy(ids))
    network = open_model(module)
    samples = make_samples(list(ids), "array")
    for pooling, of in (("mean", lambda x: x.mean(1)), ("first", lambda x: x[:, 0])):
        found = dict(network.blocks(samples, ["block_2"], pooling, block_rows=N))[0]["block_2"]
        np.testing.assert_allclose(found, of(state[:, before : before + 7]), atol=1e-6)


@pytest.mark.parametrize("reads", ["ids", "pictures"])
def test_where_blocks_merge_tokens_it_is_not_known_which_are_left(reads, rng, make_samples):
    torch.manual_seed(0)
    if reads == "ids":
        module, rows = Reader(1, 0, merges=True), list(rng.integers(0, 9, (N, 6)))
    else:
        module = Vision(1, 0)
        module.blocks = nn.ModuleList(Mixing(True) for _ in range(2))
        rows = [rng.normal(size=(1, 8, 8)).astype(np.float32) for _ in range(N)]
    samples = make_samples(rows, "array")
    network, tokens = open_model(module.eval()), 7 if reads == "ids" else 5
    text = (
        f"layer 'block_1' has {(tokens + 1) // 2} tokens where others have {tokens}; it is not known which are which: "
        "choose other layers, or pooling mean:all, which takes all."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        network.layers("mean", samples.read([0, 1]))
    assert [layer.name for layer in network.layers("mean:all", samples.read([0, 1]), select="block_*")]


class Joining(Reader):
    """A token joins after the first block."""

    def forward(self, x):
        x = self.blocks[0](self.embed(x))
        return self.blocks[1](torch.cat([self.before.expand(len(x), -1, -1), x], dim=1))


def test_where_a_token_joins_after_a_block_it_is_not_known_where_it_stands(rng, make_samples):
    torch.manual_seed(0)
    network = open_model(Joining(1, 0).eval())
    samples = make_samples(list(rng.integers(0, 9, (N, 7))), "array")
    with pytest.raises(InvalidValue, match=r"^layer 'block_2' has 8 tokens where others have 7; it is not known which"):
        network.layers("mean", samples.read([0, 1]))
    assert [layer.name for layer in network.layers("mean", samples.read([0, 1]), select="block_1")] == ["block_1"]


def test_samples_of_nothing_but_zeros_do_not_tell_tokens_of_the_network(rng, make_samples):
    network = open_model(Reader(2, 0).eval())
    samples = make_samples(list(np.zeros((N, 7), int)), "array")
    with pytest.raises(InvalidValue, match=r"^the first and the last sample are 0 all over, which does not tell"):
        network.layers("mean", samples.read([0, 1]))

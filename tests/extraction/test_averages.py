from __future__ import annotations

import numpy as np
import pytest
import torch

from layerscape.extraction import open_model, pooling
from layerscape.extraction.averages import Averages


@pytest.mark.parametrize("asked", ["mean", "mean:all", "weighted", "last:3"])
@pytest.mark.parametrize("family", ["bert", "gpt2", "vit"])
def test_sums_in_the_hooks_give_what_pooling_gives_to_the_bit(family, asked, folders, some_samples, monkeypatch):
    network = open_model(folders(family), device="cpu")
    samples = some_samples(network.kind, 13)
    layers = [layer.name for layer in network.layers(asked)]
    summed = []
    take = Averages.take
    monkeypatch.setattr(Averages, "take", lambda *given: summed.append(take(*given)) or summed[-1])
    ours = dict(network.blocks(samples, layers, asked, block_rows=13, batch_size=5))[0]
    n_batches = 3
    assert len(summed) == n_batches * sum(name not in ("input", "output") for name in layers)
    assert all(sums is not None for sums in summed)
    monkeypatch.setattr(Averages, "take", lambda *_: None)
    others = dict(network.blocks(samples, layers, asked, block_rows=13, batch_size=5))[0]
    for name in layers:
        np.testing.assert_array_equal(ours[name], others[name])


@pytest.mark.parametrize("asked", ["first", "last", "max"])
def test_what_is_no_mean_is_left_to_pooling(asked, folders, some_samples, monkeypatch):
    network, found = open_model(folders("bert"), device="cpu"), []
    samples, take = some_samples("text", 5), Averages.take
    monkeypatch.setattr(Averages, "take", lambda *given: found.append(take(*given)))
    list(network.blocks(samples, ["block_*"], asked, block_rows=5))
    assert found == [None] * 3


def test_padding_of_nan_has_its_batch_pooled_once_more_and_the_next_only_so(folders, some_samples, monkeypatch):
    network = open_model(folders("bert"), device="cpu")
    samples, module = some_samples("text", 12), network._module
    right = dict(network.blocks(samples, ["block_3"], "mean", block_rows=12, batch_size=4))[0]["block_3"]
    passes = []

    def see(_module, _args, kwargs):
        passes.append(kwargs["attention_mask"].bool())

    def spoil(_module, _args, hidden):
        return hidden.masked_fill(~passes[-1][..., None], torch.nan)

    module.register_forward_pre_hook(see, with_kwargs=True)
    module.encoder.layer[2].register_forward_hook(spoil)
    spoiled = dict(network.blocks(samples, ["block_3"], "mean", block_rows=12, batch_size=4))[0]["block_3"]
    np.testing.assert_allclose(spoiled, right, rtol=1e-5, atol=1e-6)
    assert len(passes) == 3 + 1


def test_autocast_does_not_round_the_means():
    torch.manual_seed(0)
    hidden = torch.randn(4, 50, 8) + 100
    right = pooling.pool(hidden, "mean")
    with torch.autocast("cpu", torch.bfloat16):
        found = pooling.pool(hidden, "mean")
    torch.testing.assert_close(found, right, rtol=1e-6, atol=0)

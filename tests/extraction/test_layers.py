"""Names of layers: each is one place, and whatever is listed can be asked for by its name alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.extraction import open_model

WIDTH = 6


class Named(nn.Module):
    """Modules that are called as layers are that have no module of that name."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.output = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc, self.fc_1 = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        x = self.fc(torch.relu(self.fc(self.input(x))))
        return torch.tanh(self.output(self.fc_1(x)))


class Embeds(nn.Module):
    """Its embedding is not what enters the first block."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(WIDTH, WIDTH)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(2))

    def forward(self, x):
        x = self.embedding(x) * 3
        for block in self.blocks:
            x = block(x)
        return x


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict({f"3*{i}": nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for i in range(3)})
        self.output = nn.Linear(WIDTH, 2)

    def forward(self, x):
        for block in self.blocks.values():
            x = x + block(x)
        return {"logits": self.output(x).tanh(), "state": x}


def expected(module, x):
    """By hand, in float64."""
    module = module.double()
    with torch.no_grad():
        if isinstance(module, Embeds):
            given = module.embedding(x)
            first = module.blocks[0](3 * given)
            return {
                "embedding_output": given,
                "embedding": 3 * given,
                "block_1": first,
                "block_2": module.blocks[1](first),
            }
        if isinstance(module, Blocks):
            state = x
            for block in module.blocks.values():
                state = state + block(state)
            return {"output_output": module.output(state), "output": module.output(state).tanh(), "block_3": state}
        given = module.input(x)
        once = module.fc(given)
        twice = module.fc(once.relu())
        last = module.fc_1(twice)
        found = {"input": x, "input_output": given, "fc": once, "fc_1_output": twice, "fc_1": last}
        return {**found, "output": module.output(last), "output_output": module.output(last).tanh()}


@pytest.mark.parametrize("kind", [Named, Embeds, Blocks], ids=["named", "embeds", "blocks"])
def test_every_name_that_is_listed_is_accepted_and_is_one_place(kind, make_samples):
    torch.manual_seed(0)
    x = torch.randn(5, WIDTH)
    samples = make_samples(list(x.numpy()), "array")
    listed = [layer.name for layer in open_model(kind()).layers(contents=list(x.numpy()[:2]), select="**")]
    assert len(set(listed)) == len(listed)
    module = kind()
    network = open_model(module)
    alone = {}
    for name in listed:
        ((_, table),) = network.blocks(samples, [name], "mean", block_rows=5)
        assert list(table) == [name]
        alone[name] = table[name]
    ((_, together),) = network.blocks(samples, listed, "mean", block_rows=5)
    truth = expected(module, x.double())
    assert truth.keys() <= alone.keys()
    for name in listed:
        np.testing.assert_array_equal(together[name], alone[name])
        if name in truth:
            np.testing.assert_allclose(alone[name], truth[name], atol=1e-6)


def test_a_head_that_is_called_output_keeps_its_name():
    """As a run of an earlier version called it, so that such a run goes on."""
    names = [layer.name for layer in open_model(Named()).layers(contents=list(torch.randn(2, WIDTH).numpy()))]
    assert names == ["input", "input_output", "fc", "fc_1_output", "fc_1", "output"]

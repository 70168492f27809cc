"""Tokens that a network puts before those of its input, or fills up with behind them, are left out of the pooling."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

N, D, WINDOW = 6, 5, 4


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(D, D)

    def forward(self, x, real):
        scores = (x @ x.transpose(1, 2)).masked_fill(~real[:, None], -1e9)
        return x + scores.softmax(-1) @ torch.tanh(self.linear(x))


class Net(nn.Module):
    """Tokens of its own before those of the input, and zeros behind them up to a multiple of a window."""

    def __init__(self, before: int, window: int = 1, each: int = 1) -> None:
        super().__init__()
        self.embed, self.prompt = nn.Embedding(30, D), nn.Parameter(torch.randn(1, before, D))
        self.window, self.each = window, each
        self.blocks = nn.ModuleList(Block() for _ in range(3))

    def embedded(self, input_ids, attention_mask):
        x, real = self.embed(input_ids), attention_mask.bool()
        x, real = x.repeat_interleave(self.each, 1), real.repeat_interleave(self.each, 1)
        x = torch.cat([self.prompt.expand(len(x), -1, -1), x], 1)
        real = torch.cat([real.new_ones(len(x), self.prompt.shape[1]), real], 1)
        more = -x.shape[1] % self.window
        return nn.functional.pad(x, (0, 0, 0, more)), nn.functional.pad(real, (0, more))

    def forward(self, input_ids, attention_mask):
        x, real = self.embedded(input_ids, attention_mask)
        for block in self.blocks:
            x = block(x, real)
        return x


def padded(rows):
    width = max(map(len, rows))
    ids = np.stack([np.pad(row, (0, width - len(row))) for row in rows])
    mask = np.stack([np.pad(np.ones(len(row), int), (0, width - len(row))) for row in rows])
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


@pytest.fixture
def ids(rng, make_samples):
    return make_samples([rng.integers(1, 29, size=3 + i) for i in range(N)], "array")


@pytest.mark.parametrize("size", [1, N])
@pytest.mark.parametrize(("before", "window"), [(0, WINDOW), (3, 1), (2, WINDOW)])
def test_only_tokens_of_the_input_are_pooled(before, window, size, ids):
    torch.manual_seed(0)
    module = Net(before, window).eval()
    network = open_model(module, make_inputs=padded)
    for pooling, of in (("mean", lambda x: x.mean(0)), ("first", lambda x: x[0]), ("last", lambda x: x[-1])):
        names = ["embedding", "block_3"]
        found = dict(network.blocks(ids, names, pooling, block_rows=N, batch_size=size))[0]
        for row, content in enumerate(ids.read(range(N))):
            with torch.no_grad():
                given = padded([content])
                states = {"embedding": module.embedded(**given)[0], "block_3": module(**given)}
            for name, state in states.items():
                right = of(state[0, before : before + len(content)]).numpy()
                np.testing.assert_allclose(found[name][row], right, atol=1e-5)


def test_tokens_of_which_nobody_knows_which_are_which_are_refused(ids):
    torch.manual_seed(0)
    network = open_model(Net(0, each=2), make_inputs=padded)
    text = "layer 'embedding' has 6 tokens where others have 3; it is not known which are which: choose other layers."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        network.layers("mean", ids.read([0, 0]))


@pytest.mark.parametrize("family", ["Longformer", "CpmAnt"])
def test_families_that_have_more_tokens_than_their_mask(family, ids):
    import transformers

    own = {
        "Longformer": {"attention_window": WINDOW, "num_attention_heads": 2, "num_hidden_layers": 3, "pad_token_id": 0}
        | {"intermediate_size": 16},
        "CpmAnt": {"dim_head": 4, "num_attention_heads": 2, "num_hidden_layers": 3, "dim_ff": 16, "prompt_length": 5},
    }[family]
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(vocab_size=30, hidden_size=8, **own)
    module = getattr(transformers, f"{family}Model")(config).eval()
    network = open_model(module, make_inputs=padded)
    found = dict(network.blocks(ids, ["embedding", "block_2"], "mean", block_rows=N, batch_size=1))[0]
    for row, content in enumerate(ids.read(range(N))):
        with torch.no_grad():
            states = module(**padded([content]), output_hidden_states=True).hidden_states
        for name, state in {"embedding": states[0], "block_2": states[2]}.items():
            assert state.shape[1] == len(content)
            np.testing.assert_allclose(found[name][row], state[0].mean(0).numpy(), atol=1e-5)

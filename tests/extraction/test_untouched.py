"""A module is after a run what it was before, and can be trained on."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.extraction import open_model, prove
from layerscape.extraction.untouched import evaluating

N, D = 5, 8


@pytest.fixture
def samples(rng, make_samples):
    return make_samples([rng.normal(size=D).astype(np.float32) for _ in range(N)], "array")


class Keeps(nn.Module):
    """Keeps what it computed for its next call, counts its calls, and draws what nobody sees."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(D, D), nn.Parameter(torch.ones(D))
        self.cache: torch.Tensor | None = None
        self.n_calls = 0
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("latest", None, persistent=False)
        self.register_buffer("table", torch.arange(3.0), persistent=False)

    def forward(self, x):
        if self.cache is None:
            self.cache = self.scale.softmax(0)
        self.n_calls += 1
        self.seen += len(x)
        self.latest = x.mean(0)
        self.table = torch.rand(3)
        np.random.rand()  # noqa: NPY002
        random.random()
        return self.linear(x * self.cache)


def states(module):
    buffers = {name: None if each is None else each.clone() for name, each in module._buffers.items()}
    return buffers, torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy(), random.getstate()  # noqa: NPY002


def test_everything_of_a_module_is_as_it_was(samples):
    module = Keeps()
    module.linear.weight.requires_grad_(False)
    module.linear.eval()
    before, kept = states(module), dict(module._buffers)
    weights = {name: weight.clone() for name, weight in module.state_dict().items()}
    network = open_model(module)
    list(network.blocks(samples, ["linear", "output"], "mean", block_rows=2))
    after = states(module)
    torch.testing.assert_close(after[0], before[0])
    assert all(module._buffers[name] is buffer for name, buffer in kept.items())
    assert torch.equal(after[1], before[1])
    assert np.array_equal(after[2], before[2])
    assert after[3] == before[3]
    assert module.n_calls == 0
    assert module.cache is None
    assert (module.training, module.linear.training) == (True, False)
    assert [p.requires_grad for p in module.parameters()] == [True, False, True]
    assert all(torch.equal(weights[name], weight) for name, weight in module.state_dict().items())


def test_a_module_trains_on_with_what_it_kept(samples):
    module = Keeps()
    network = open_model(module)
    list(network.blocks(samples, ["output"], "mean", block_rows=2))
    module(torch.ones(2, D)).square().sum().backward()
    assert module.scale.grad is not None
    assert module.scale.grad.abs().sum() > 0


def test_what_is_kept_where_it_cannot_be_put_back_trains_on(samples):
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.kept = nn.Linear(D, 2), {}

        def forward(self, x):
            if "wave" not in self.kept:
                self.kept["wave"] = torch.cos(torch.arange(float(D)))
            return self.linear(x * self.kept["wave"])

    module = nn.Sequential(nn.Linear(D, D), Outside(), nn.ReLU())
    list(open_model(module).blocks(samples, ["output"], "mean", block_rows=2))
    module(torch.ones(2, D)).sum().backward()
    assert module[0].weight.grad is not None


def test_gradients_that_forward_takes_are_there(samples):
    class Field(nn.Module):
        """The force is less the gradient of an energy, as in networks of molecules."""

        def __init__(self) -> None:
            super().__init__()
            self.energy, self.force = nn.Linear(D, 1), nn.Identity()

        def forward(self, x):
            with torch.enable_grad():
                x = x.requires_grad_()
                (slope,) = torch.autograd.grad(self.energy(x).square().sum(), x, create_graph=True)
                return self.force(-slope)

    torch.manual_seed(0)
    module = Field()
    given = torch.from_numpy(np.stack(samples.read(range(N))))
    network = open_model(module, make_inputs=lambda few: torch.from_numpy(np.stack(few)))
    found = dict(network.blocks(samples, ["energy", "force"], "mean", block_rows=N))[0]
    with torch.no_grad():
        expected = -2 * module.energy(given) * module.energy.weight
    np.testing.assert_allclose(found["force"], expected, atol=1e-6)
    assert not given.requires_grad


def test_everything_is_put_back_when_the_network_fails():
    module = Keeps()
    before = dict(module._buffers)
    with suppress(ValueError), evaluating(module):
        module(torch.ones(1, D))
        raise ValueError
    assert module.cache is None
    assert module.training
    assert module._buffers["latest"] is before["latest"]
    assert float(module.seen) == 0
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_module_computes_in_what_it_is_in(samples, dtype):
    module = nn.Linear(D, 3, dtype=dtype)
    network = open_model(module)
    assert network._module is module
    assert network.describe()["dtype"] == str(dtype).removeprefix("torch.")
    found = dict(network.blocks(samples, ["output"], "mean", block_rows=N))[0]["output"]
    with torch.no_grad():
        expected = module(torch.from_numpy(np.stack(samples.read(range(N)))).to(dtype))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.float())
    assert open_model(module, dtype="float32").describe()["dtype"] == "float32"


class InPlace(nn.Module):
    """Scales what it is given where it lies, as many a forward does with pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        x.sub_(1).mul_(2)
        return self.linear(x)


def test_samples_stay_as_they_are_where_the_network_changes_them_in_place(make_samples):
    torch.manual_seed(0)
    module, x = InPlace(), torch.arange(12.0).reshape(4, 3)

    def shared(rows):
        """One sample in its own memory."""
        return torch.from_numpy(rows[0])[None] if len(rows) == 1 else torch.tensor(np.stack(rows))

    for make_inputs in (None, shared):
        rows = list(x.numpy().copy())
        network = open_model(module, make_inputs=make_inputs)
        samples = make_samples(rows, "array")
        layers = ["input", "linear"]
        assert max(prove(network, samples, layers, "mean")["batch"].values()) < 1e-5
        table = dict(network.blocks(samples, layers, "mean", block_rows=4, batch_size=1))[0]
        with torch.no_grad():
            np.testing.assert_allclose(table["linear"], module.linear(2 * (x - 1)), atol=1e-5)
        np.testing.assert_array_equal(table["input"], x)
        np.testing.assert_array_equal(np.stack(rows), x)

"""What stands around a network and its probe is as it was: generators, arrays and hooks of the user."""

import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.training import Monitor


def test_generators_of_a_data_set_draw_as_without(net, tmp_path, probe):
    class Noise:
        def __init__(self):
            self.of_numpy, self.old = np.random.default_rng(0), np.random.RandomState(0)
            self.of_torch, self.of_python = torch.Generator().manual_seed(0), random.Random(0)

        def __call__(self, x=0.0):
            drawn = self.of_numpy.random(), self.old.rand(), self.of_python.random()
            return x + np.float32(sum(drawn) + torch.rand(1, generator=self.of_torch).item())

    class Augmented(torch.utils.data.Dataset):
        def __init__(self):
            self.transforms = [Noise()]

        def __len__(self):
            return 20

        def __getitem__(self, row):
            return self.transforms[0](probe[row]), row % 2

    data = Augmented()
    with Monitor(net(), torch.utils.data.Subset(data, range(10)), out=tmp_path / "s", every=1) as monitor:
        monitor.step(0)
    assert data.transforms[0]() == Noise()()


@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy])
def test_a_training_may_write_into_the_array_of_the_probe(net, tmp_path, probe, of):
    model, given = net(), of(probe.copy())
    with Monitor(model, given, out=tmp_path / "s", every=1, max_overhead=None) as monitor:
        monitor.step(0)
        given[:] = 0
        with torch.no_grad():
            model.head.bias.add_(1)
        monitor.step(1)
    first, second = ls.series(tmp_path / "s")
    assert np.array_equal(first["input"].matrix[:], probe)
    assert np.array_equal(second["input"].matrix[:], probe)


def test_hooks_of_the_user_are_called_which_is_said_once(net, tmp_path, probe):
    model, kept = net(), []
    nn.utils.spectral_norm(model.head)  # which is no hook of the user
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Monitor(model, probe, out=tmp_path / "s").close()
    model.blocks[0].register_forward_hook(lambda part, given, made: kept.append(made) if part.training else None)
    with pytest.warns(UserWarning, match="hooks of") as heard:
        monitor = Monitor(model, probe, out=tmp_path / "s", every=1)
    monitor.step(0)
    assert [str(each.message) for each in heard] == [
        "layerscape: hooks of 'blocks.0' are called in looks too, since they may be part of the network; one that "
        "keeps what it sees should do so only while module.training"
    ]
    assert kept == []
    assert monitor.failed == ""


def test_blocks_and_weights_that_are_made_are_layers(tmp_path, probe):
    """Of a plain `nn.Sequential` blocks are found by name, and a layer with a weight that is computed is one."""
    blocks = [nn.Sequential(nn.Linear(12, 12), nn.Tanh()) for _ in range(2)]
    plain = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(12, 12)), *blocks, nn.Linear(12, 3))
    with Monitor(plain, probe, out=tmp_path / "named", layers=["1", "2"], every=1) as monitor:
        monitor.step(0)
    with Monitor(plain, probe, out=tmp_path / "parts", every=1) as monitor:
        monitor.step(0)
    named, parts = (ls.open(tmp_path / name / "step_0") for name in ("named", "parts"))
    assert named.layers == ("1", "2")
    assert parts.layers == ("input", "0", "1.0", "1.1", "2.0", "2.1", "3")
    np.testing.assert_array_equal(named["1"].matrix[:], parts["1.1"].matrix[:])

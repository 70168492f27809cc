"""Networks that are given several arrays have an input of each, and none that is only one of them."""

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model


class Towers(nn.Module):
    """Two stacks that are compared at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Sequential(*(nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(3)))
        self.right = nn.Sequential(*(nn.Sequential(nn.Linear(7, 7), nn.Tanh()) for _ in range(2)))

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.left(a), self.right(b)


class Siamese(nn.Module):
    """One stack, through which two arrays go after each other."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*(nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(3)))

    def forward(self, both: dict[str, torch.Tensor]) -> tuple[tuple[torch.Tensor], tuple[torch.Tensor]]:
        return (self.net(both["a"]),), (self.net(both["b"]),)


class Joined(nn.Module):
    """Two arrays that no module takes as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = nn.Sequential(nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 3))

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.rest(torch.cat([a, b], dim=1))


def arrays(contents):
    return tuple(torch.stack([torch.from_numpy(each[side]).float() for each in contents]) for side in (0, 1))


@pytest.fixture
def pairs(rng):
    return [(rng.normal(size=5), rng.normal(size=7)) for _ in range(6)]


def test_each_tower_has_its_input(pairs, tmp_path):
    torch.manual_seed(0)
    model = Towers()
    run = ls.extract(model, pairs, out=tmp_path / "run", make_inputs=arrays, batch_size=4, progress=False)
    assert [name for name in run.layers if "input" in name] == ["left.input", "right.input"]
    for side, name in enumerate(["left", "right"]):
        given = np.stack([each[side] for each in pairs])
        np.testing.assert_array_equal(run[f"{name}.input"].read(slice(None)), given.astype(np.float32))
        blocks = getattr(model.double(), name)
        expected = blocks(torch.from_numpy(given)).detach().numpy()
        last = f"{name}.block_{len(blocks)}"
        np.testing.assert_allclose(run[last].read(slice(None)), expected, rtol=0, atol=1e-6)
        model.float()


def test_both_passes_of_a_siamese_network_have_their_inputs(rng, tmp_path):
    pairs = [rng.normal(size=(2, 5)) for _ in range(6)]

    def make(contents):
        both = torch.from_numpy(np.stack(contents)).float()
        return ({"a": both[:, 0], "b": both[:, 1]},)

    torch.manual_seed(0)
    model = Siamese()
    run = ls.extract(model, pairs, out=tmp_path / "run", make_inputs=make, batch_size=4, progress=False)
    names = [name for name in run.layers if name.endswith("input")]
    assert names == ["net.input", "net_1.input"]
    expected = torch.from_numpy(np.stack(pairs))
    for side, name in enumerate(names):
        np.testing.assert_array_equal(run[name].read(slice(None)), expected[:, side].float())
    for side in (0, 1):
        first = model.double().net[0](expected[:, side]).detach().numpy()
        block = run[f"{['net', 'net_1'][side]}.block_1"].read(slice(None))
        np.testing.assert_allclose(block, first, rtol=0, atol=1e-6)


def test_what_is_no_layer_is_refused(pairs):
    network = open_model(Joined(), make_inputs=arrays)
    assert "input" not in [layer.name for layer in network.layers(contents=pairs)]
    with pytest.raises(InvalidValue, match=r"^'input' is several arrays, of which some are taken by no module as they"):
        network.layers(contents=pairs, select="input")

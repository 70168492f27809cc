"""Where the units of maps are, whose modules say nothing of it."""

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.extraction.axes import SampleAxis
from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.positions import places_seen


class Own(nn.Module):
    """A block with parameters of its own, of which no kind of module says where its units are."""

    def __init__(self, n_units, how):
        super().__init__()
        self.weight, self.how = nn.Parameter(torch.randn(n_units, n_units) / n_units**0.5), how

    def forward(self, hidden):
        return hidden + torch.tanh(torch.einsum(self.how, hidden, self.weight))


class Net(nn.Module):
    """From maps to maps; ``how`` says in which order the blocks have their axes."""

    def __init__(self, n_units, start, how, relu=False):
        super().__init__()
        self.weight, self.start, self.relu = nn.Parameter(torch.randn(3, n_units)), start, relu
        self.blocks = nn.ModuleList(Own(n_units, how) for _ in range(3))

    def embedded(self, x):
        hidden = torch.einsum(self.start, x, self.weight)
        return torch.relu(hidden - 1) if self.relu else hidden

    def forward(self, x):
        hidden = self.embedded(x)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden


@pytest.mark.parametrize("n_units", [16, 10, 8])  # as many as there are places, too
@pytest.mark.parametrize(
    ("shape", "start", "how", "places"),
    [
        ((3, 10), "bct,cd->bdt", "bdt,de->bet", (2,)),
        ((3, 10), "bct,cd->btd", "btd,de->bte", (1,)),
        ((3, 8, 8), "bcxy,cd->bdxy", "bdxy,de->bexy", (2, 3)),
        ((3, 8, 8), "bcxy,cd->bxyd", "bxyd,de->bxye", (1, 2)),
    ],
    ids=["units second", "units last", "maps", "maps, units last"],
)
@pytest.mark.parametrize("relu", [False, True])
def test_units_are_found_where_they_are(tmp_path, n_units, shape, start, how, places, relu):
    torch.manual_seed(0)
    net = Net(n_units, start, how, relu).eval()
    x = np.random.default_rng(0).standard_normal((12, *shape)).astype(np.float32)
    run = ls.extract(net, x, layers="block_1", pooling="mean", out=tmp_path / "run")
    with torch.no_grad():
        right = net.blocks[0](net.embedded(torch.tensor(x))).mean(places)
    assert np.asarray(run["block_1"]).shape == (12, n_units)
    np.testing.assert_allclose(np.asarray(run["block_1"]), right.numpy(), atol=1e-5)


class Cut(nn.Module):
    """Hands on a picture without so many rows and columns at its border."""

    def __init__(self, border):
        super().__init__()
        self.border, self.inside, self.passes = border, nn.Identity(), []

    def forward(self, x):
        self.passes.append(x.shape)
        return self.inside(x[:, :, self.border : 16 - self.border, self.border : 16 - self.border])


@pytest.mark.parametrize(("border", "n_passes"), [(0, 7), (2, 11)])
def test_a_quarter_is_changed_only_where_an_end_is_not_seen(border, n_passes):
    cut, site = Cut(border), Site("inside")
    found = places_seen(cut, Inputs((torch.randn(2, 3, 16, 16),)), 2, {site: SampleAxis(0)})
    # Channels are told from places by other proofs: all that is seen here is that changes stay where they were made.
    assert found == {site: frozenset({1, 2, 3})}
    assert len(cut.passes) == n_passes  # one as it is, two for channels, and two or four for rows and columns

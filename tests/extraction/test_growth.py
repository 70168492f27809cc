"""Where units are in networks of one's own, told by what grows: the right values, or a question."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.extraction.growth import larger_inputs
from layerscape.extraction.hooks import Inputs

N, T, D = 6, 7, 5


class Block(nn.Module):
    """Without a kind that says anything: ``how`` mixes units, ``mix`` places, each by a matrix of its own."""

    def __init__(self, n_units, how, mix="", n_places=T):
        super().__init__()
        self.how, self.mix = how, mix
        self.units = nn.Parameter(torch.randn(n_units, n_units) / n_units**0.5)
        self.places = nn.Parameter(torch.randn(n_places, n_places) / n_places**0.5)

    def forward(self, hidden):
        hidden = hidden + torch.tanh(torch.einsum(self.how, hidden, self.units))
        return hidden + torch.tanh(torch.einsum(self.mix, hidden, self.places)) if self.mix else hidden


class Net(nn.Module):
    def __init__(self, embed, blocks, turn=lambda hidden: hidden):
        super().__init__()
        self.embed, self.blocks, self.turn = embed, nn.ModuleList(blocks), turn

    def start(self, x):
        return self.turn(self.embed(x))

    def forward(self, x):
        hidden = self.start(x)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden


def blocks(*args, **options):
    return [Block(*args, **options) for _ in range(3)]


def windows(hidden):
    """From (B, D, H, W) to a row for each 2 × 2 of each sample."""
    b, d, h, w = hidden.shape
    return hidden.reshape(b, d, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 4, d)


RIGHT = {
    "time first": (
        lambda: Net(nn.Linear(3, D), blocks(D, "tbd,de->tbe"), lambda h: h.transpose(0, 1)),
        *((T, 3), lambda h: h.mean(0)),
    ),
    "time first, one length": (
        lambda: Net(nn.Linear(3, D), blocks(D, "tbd,de->tbe", "tbd,ts->sbd"), lambda h: h.transpose(0, 1)),
        *((T, 3), lambda h: h.mean(0)),
    ),
    "as many samples, places and units": (
        lambda: Net(nn.Linear(N, N), blocks(N, "bdt,de->bet"), lambda h: h.transpose(1, 2)),
        *((N, N), lambda h: h.mean(2)),
    ),
    "channels last, as many as columns": (
        lambda: Net(nn.Conv2d(3, 4, 2, 2), blocks(4, "bxyd,de->bxye"), lambda h: h.permute(0, 2, 3, 1)),
        *((3, 8, 8), lambda h: h.mean((1, 2))),
    ),
    "windows in the axis of samples": (
        lambda: Net(nn.Conv2d(3, D, 2, 2), blocks(D, "btd,de->bte", "btd,ts->bsd", 4), windows),
        *((3, 8, 8), lambda h: h.reshape(N, -1, D).mean(1)),
    ),
    "time in the axis of samples": (
        lambda: Net(nn.Linear(3, D), blocks(D, "bd,de->be"), lambda h: h.flatten(0, 1)),
        *((T, 3), lambda h: h.reshape(N, T, D).mean(1)),
    ),
    "samples in the axis of time": (
        lambda: Net(nn.Linear(3, D), blocks(D, "bd,de->be"), lambda h: h.transpose(0, 1).flatten(0, 1)),
        *((T, 3), lambda h: h.reshape(T, N, D).mean(0)),
    ),
    "one place": (lambda: Net(nn.Linear(3, D), blocks(D, "btd,de->bte")), (1, 3), lambda h: h.mean(1)),
    "one unit": (lambda: Net(nn.Linear(3, 1), blocks(1, "btd,de->bte")), (T, 3), lambda h: h.mean(1)),
}


def states(net, x):
    with torch.no_grad():
        hidden, found = net.start(torch.from_numpy(x)), []
        for block in net.blocks:
            hidden = block(hidden)
            found.append(hidden)
    return found


def extracted(net, x, tmp_path, **options):
    return ls.extract(net.eval(), x, layers="block_*", pooling="mean", out=tmp_path / "run", **options)


def check(run, net, x, mean):
    for layer, state in zip(run.layers, states(net, x), strict=True):
        np.testing.assert_allclose(np.asarray(run[layer]), mean(state).numpy(), atol=1e-5)


class Strides(nn.Module):
    """Patches that overlap and leave out the last rows and columns; as many as units, and of one number, as in AST."""

    def __init__(self):
        super().__init__()
        self.conv, self.position = nn.Conv2d(1, 8, 6, 4), nn.Parameter(torch.randn(8, 8))

    def forward(self, x):
        return self.conv(x[:, None]).flatten(2).transpose(1, 2) + self.position


RIGHT["strides that leave out the last place"] = (
    lambda: Net(Strides(), blocks(8, "btd,de->bte")),
    *((12, 20), lambda h: h.mean(1)),
)


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_units_are_where_nothing_grows(kind, batch_size, rng, tmp_path):
    make, shape, mean = RIGHT[kind]
    torch.manual_seed(0)
    net, x = make(), rng.standard_normal((N, *shape)).astype(np.float32)
    check(extracted(net, x, tmp_path, batch_size=batch_size), net, x, mean)


def test_frames_in_the_axis_of_samples_are_places_and_channels_are_units(rng, tmp_path):
    class Frames(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, D, 2, 2)

        def forward(self, x):
            return self.conv(x.flatten(0, 1))

    net = Net(Frames(), [nn.Conv2d(D, D, 3, padding=1) for _ in range(3)])
    x = rng.standard_normal((N, 4, 3, 8, 8)).astype(np.float32)
    check(extracted(net, x, tmp_path), net, x, lambda h: h.reshape(N, 4, D, 4, 4).mean((1, 3, 4)))


class Latents(nn.Module):
    """What a sample is read into has always as many places, and each of them reads all of the sample."""

    def __init__(self, n_places=4):
        super().__init__()
        self.asks, self.keys = nn.Parameter(torch.randn(n_places, D)), nn.Linear(3, D)

    def forward(self, x):
        keys = self.keys(x)
        return torch.softmax(self.asks @ keys.transpose(1, 2), -1) @ keys


class Vector(nn.Module):
    """Heads of a vector."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4 * D)

    def forward(self, x):
        return self.linear(x.mean(1)).unflatten(1, (4, D))


class Groups(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4 * D)

    def forward(self, x):
        return self.linear(x).unflatten(2, (4, D)).transpose(1, 2)


class Square(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * T, D * D)

    def forward(self, x):
        return self.linear(x.flatten(1)).unflatten(1, (D, D))


ASKED = {
    "latents": (lambda: Net(Latents(), blocks(D, "btd,de->bte")), "(samples, 4, 5)", 2, lambda h: h.mean(1)),
    "heads": (lambda: Net(Vector(), blocks(D, "btd,de->bte")), "(samples, 4, 5)", 2, lambda h: h.mean(1)),
    "both hold units": (
        lambda: Net(Vector(), blocks(D, "btd,de->bte")),
        *("(samples, 4, 5)", (1, 2), lambda h: h.flatten(1)),
    ),
    "square": (lambda: Net(Square(), blocks(D, "bdt,de->bet")), "(samples, 5, 5)", 1, lambda h: h.mean(2)),
    "groups": (
        lambda: Net(Groups(), blocks(D, "bgtd,de->bgte")),
        *("(samples, 4, 7, 5)", (1, 3), lambda h: h.mean(2).flatten(1)),
    ),
}


@pytest.mark.parametrize("kind", ASKED)
def test_where_nothing_tells_is_a_question_and_the_answer_is_kept(kind, rng, tmp_path):
    make, shape, axes, mean = ASKED[kind]
    torch.manual_seed(0)
    net, x = make(), rng.standard_normal((N, T, 3)).astype(np.float32)
    with pytest.raises(ls.LayerscapeError) as asked:
        extracted(net, x, tmp_path)
    message = str(asked.value)
    assert message.startswith(f"layer 'block_1' puts out {shape}, ")
    assert "--units-axis 'block_*=" in message
    assert "\n" not in message
    run = extracted(net, x, tmp_path, units_axis={"block_*": axes})
    check(run, net, x, mean)
    said = [axes] if isinstance(axes, int) else list(axes)
    assert run.record["model"]["units_axis"] == {"block_*": said}
    assert run.record["proofs"]["units"]["block_2"] == {"units": said, "by": "user"}


def test_all_values_need_no_units(rng, tmp_path):
    torch.manual_seed(0)
    net, x = Net(Latents(), blocks(D, "btd,de->bte")).eval(), rng.standard_normal((N, T, 3)).astype(np.float32)
    run = ls.extract(net, x, layers="block_*", pooling="flatten", out=tmp_path / "run")
    check(run, net, x, lambda h: h.flatten(1))


def test_a_linear_that_mixes_places_is_a_question(rng, tmp_path):
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.tokens, self.units = nn.LayerNorm(D), nn.Linear(4, 4), nn.Linear(D, D)

        def forward(self, hidden):
            hidden = hidden + self.tokens(self.norm(hidden).transpose(1, 2)).transpose(1, 2)
            return hidden + torch.tanh(self.units(hidden))

    torch.manual_seed(0)
    net = Net(nn.Conv2d(3, D, 4, 4), [Mixer() for _ in range(3)], lambda h: h.flatten(2).transpose(1, 2)).eval()
    x = rng.standard_normal((N, 3, 8, 8)).astype(np.float32)
    check(extracted(net, x, tmp_path), net, x, lambda h: h.mean(1))
    with pytest.raises(ls.LayerscapeError, match=r"^layer 'blocks\.0\.tokens' puts out .*, and the axis"):
        ls.extract(net, x, layers="blocks.*.tokens", out=tmp_path / "tokens")


def test_what_other_sizes_leave_in_the_module_is_gone(rng, tmp_path):
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))
            self.kept = None

        def forward(self, x):
            self.seen += x.shape[1]
            self.kept = torch.arange(float(x.shape[1]))
            if x.shape[1] > T:
                raise RuntimeError("too long")
            return x * 1

    torch.manual_seed(0)
    net = Net(nn.Sequential(nn.Linear(3, D), Keeps()), blocks(D, "btd,de->bte"))
    x = rng.standard_normal((N, T, 3)).astype(np.float32)
    check(extracted(net, x, tmp_path), net, x, lambda h: h.mean(1))
    net = Net(nn.Sequential(nn.Linear(3, D), Keeps()), blocks(D, "btd,de->bte"))
    extracted(net, x, tmp_path.with_name("again"))
    assert net.embed[1].kept is None
    assert float(net.embed[1].seen) == 0


def test_away_from_the_cpu_samples_are_only_made_smaller():
    for device, larger in (("cpu", True), ("meta", False)):
        one = Inputs((torch.zeros(2, 3, 8, 8, device=device),))
        sizes = [prod(each.tensors()[0].shape) for each in larger_inputs(one, None, 2, 4)]
        assert any(size > 2 * 3 * 64 for size in sizes) is larger
        assert any(size < 2 * 3 * 64 for size in sizes)
        assert all(a != 2 * 3 * 64 for a, _ in pairwise(sizes))


def test_a_convolution_that_takes_the_picture_itself_mixes_no_places_of_it(rng, tmp_path):
    class Patches(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.position = nn.Conv2d(3, D, 4, 4), nn.Parameter(torch.randn(4, D))

        def forward(self, x):
            if x.shape[1:] != (3, 8, 8):
                raise ValueError("another size")
            return self.conv(x).flatten(2).transpose(1, 2) + self.position

    torch.manual_seed(0)
    net = Net(Patches(), [nn.TransformerEncoderLayer(D, 1, 8, batch_first=True) for _ in range(3)]).eval()
    x = rng.standard_normal((N, 3, 8, 8)).astype(np.float32)
    run = ls.extract(net, x, layers="**", out=tmp_path / "run")
    with torch.no_grad():
        right = net.embed.conv(torch.from_numpy(x)).mean((2, 3))
    np.testing.assert_allclose(np.asarray(run["embed.conv"]), right.numpy(), atol=1e-5)


class Heads(nn.Module):
    """Heads of four units in the axis of the samples, of tokens, with or without a projection before them."""

    def __init__(self, projects=True):
        super().__init__()
        self.project = nn.Linear(16, 16) if projects else nn.Identity()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3)])
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        n, length, _ = x.shape
        hidden = self.project(x).reshape(n, length, 4, 4).transpose(1, 2).reshape(n * 4, length, 4)
        for block in self.blocks:
            hidden = block(hidden)
        return self.head(hidden.reshape(n, 4, length, 4).transpose(1, 2).reshape(n, length, 16).mean(1))


class Parts(nn.Module):
    """A vector of any length in parts of four, each a row of the axis of the samples; or as many as there are heads."""

    def __init__(self, heads=0):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3)])
        self.head, self.heads = nn.Linear(16 if heads else 4, 5), heads

    def forward(self, x):
        hidden = x.reshape(-1, 4)
        for block in self.blocks:
            hidden = block(hidden)
        return self.head(hidden.reshape(len(x), 16) if self.heads else hidden.reshape(len(x), -1, 4).mean(1))


@pytest.mark.parametrize("layers", [None, "block_*", "blocks.*", "blocks.1"])
@pytest.mark.parametrize(
    ("network", "size"),
    [(Heads(), (6, 16)), (Heads(projects=False), (6, 16)), (Parts(heads=4), (16,))],
    ids=["heads", "no projection", "of a vector"],
)
def test_heads_in_the_axis_of_samples_are_no_layers_and_it_is_said(network, size, layers, rng, tmp_path):
    x = rng.standard_normal((N, *size)).astype(np.float32)
    with pytest.raises(InvalidValue, match=r"'blocks\.\d' puts out parts of each sample along the axis of the samples"):
        ls.extract(network, x, out=tmp_path / "run", layers=layers)
    found = ls.extract(network, x, out=tmp_path / "other", layers="head")
    assert found.layers == ("head",)


def test_windows_of_a_recording_of_any_length_in_the_axis_of_samples_are_places(rng, tmp_path):
    x, net = rng.standard_normal((N, 16)).astype(np.float32), Parts()
    run = ls.extract(net, x, out=tmp_path / "run", layers="block_*")
    with torch.no_grad():
        right = net.blocks[0](torch.from_numpy(x).reshape(-1, 4)).reshape(N, 4, 4).mean(1)
    np.testing.assert_allclose(np.asarray(run["block_1"]), right.numpy(), atol=1e-6)

"""Networks of one's own that put samples, time and units on other axes: each layer's vectors are the right ones."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from layerscape.errors import InvalidValue
from layerscape.extraction import open_model
from layerscape.extraction.axes import SampleAxis
from tests.extraction.alone import check_batches

N, T, D = 6, 7, 5


@pytest.fixture
def series(rng, make_samples):
    return make_samples([rng.normal(size=(T, D)).astype(np.float32) for _ in range(N)], "array")


@pytest.fixture
def ragged(rng, make_samples):
    return make_samples([rng.normal(size=(2 + i % 4, D)).astype(np.float32) for i in range(N)], "array")


def batch(samples):
    return torch.from_numpy(np.stack(samples.read(range(len(samples)))))


def vectors(module, samples, layers, pooling="mean", **options):
    """What is extracted, which does not depend on the batch."""
    network = open_model(module, **options)
    assert max(check_batches(network, samples, layers, pooling).values()) < 1e-5
    return dict(network.blocks(samples, layers, pooling, block_rows=len(samples)))[0]


class TimeFirst(nn.Module):
    """Turns its input, as torch's recurrent networks want it unless told otherwise."""

    def __init__(self, kind=nn.GRU) -> None:
        super().__init__()
        self.rnn, self.out = kind(D, 4), nn.Linear(4, 3)

    def forward(self, x):
        states, _ = self.rnn(x.transpose(0, 1))
        return self.out(states[-1])


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
@pytest.mark.parametrize("length", [1, 2, 3, T])
def test_time_first_inside_is_turned(kind, length, rng, make_samples):
    torch.manual_seed(0)
    module = TimeFirst(kind)
    samples = make_samples([rng.normal(size=(length, D)).astype(np.float32) for _ in range(N)], "array")
    with torch.no_grad():
        states = module.rnn(batch(samples).transpose(0, 1))[0]
    for pooling, expected in (("mean", states.mean(0)), ("last", states[-1]), ("max", states.amax(0))):
        found = vectors(module, samples, ["rnn", "out"], pooling)
        np.testing.assert_allclose(found["rnn"], expected, atol=1e-6)
        assert found["out"].shape == (N, 3)


@pytest.mark.parametrize("module", [nn.GRU(D, 4), nn.LSTM(D, 4, num_layers=2), nn.MultiheadAttention(D, 1)])
def test_samples_that_are_taken_for_time_are_refused(module, series):
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = module

        def forward(self, x):
            return self.part(x, x, x) if isinstance(module, nn.MultiheadAttention) else self.part(x)

    text = (
        "layer 'part' takes the samples for steps of time; make it with batch_first=True and give it (samples, time, "
        "units), or turn the axes in forward."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        open_model(Attends()).layers("mean", series.read([0, 1]))


def test_rows_without_time_are_refused_by_a_recurrent_network(rng):
    with pytest.raises(InvalidValue, match=r"^layer 'GRU' takes the samples for steps of time"):
        open_model(nn.GRU(D, 4, batch_first=True)).layers("mean", list(rng.normal(size=(2, D))))


class Packs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.GRU(D, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x, lengths):
        states, _ = self.rnn(pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False))
        return self.out(pad_packed_sequence(states, batch_first=True)[0])


def padded(contents):
    return pad_sequence([torch.from_numpy(each) for each in contents], batch_first=True), torch.tensor(
        [len(each) for each in contents]
    )


def test_packed_samples_are_pooled_over_their_own_length(ragged):
    torch.manual_seed(0)
    module = Packs()
    expected = {"mean": [], "last": []}
    with torch.no_grad():
        for each in ragged.read(range(N)):
            states = module.rnn(torch.from_numpy(each)[None])[0][0]
            expected["mean"].append(states.mean(0))
            expected["last"].append(states[-1])
    for pooling, rows in expected.items():
        found = vectors(module, ragged, ["rnn"], pooling, make_inputs=padded)
        np.testing.assert_allclose(found["rnn"], torch.stack(rows), atol=1e-6)


def masked(contents):
    x, lengths = padded(contents)
    return {"x": x, "attention_mask": torch.arange(x.shape[1]) < lengths[:, None]}


def test_a_mask_is_for_the_pooling_where_forward_does_not_take_it(ragged):
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(D, 4, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0]

    torch.manual_seed(0)
    module = Plain()
    found = vectors(module, ragged, ["rnn"], make_inputs=masked)["rnn"]
    with torch.no_grad():
        alone = [module(torch.from_numpy(each)[None])[0].mean(0) for each in ragged.read(range(N))]
    np.testing.assert_allclose(found, torch.stack(alone), atol=1e-6)
    names = [layer.name for layer in open_model(module, make_inputs=masked).layers("mean", ragged.read([0, 1]))]
    assert names == ["rnn"]  # not the input, which is padded


def test_a_transformer_of_torch_with_a_mask(ragged):
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(D, 6)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True), 3)

        def forward(self, x, attention_mask):
            return self.encoder(self.embed(x), src_key_padding_mask=~attention_mask)

    torch.manual_seed(0)
    module = Encoder()
    found = vectors(module, ragged, ["block_*"], make_inputs=masked)
    assert list(found) == ["block_1", "block_2", "block_3"]
    with torch.no_grad():
        alone = [
            module(each[None], torch.ones(1, len(each), dtype=torch.bool))[0].mean(0)
            for each in map(torch.from_numpy, ragged.read(range(N)))
        ]
    np.testing.assert_allclose(found["block_3"], torch.stack(alone), atol=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv1d(4, 4, 3, padding=1), nn.ReLU(inplace=True)

    def forward(self, x):
        return x + self.act(self.conv(x))


def test_convolutions_over_time_are_pooled_over_time_and_not_over_channels(series):
    class OverTime(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv1d(D, 4, 3, padding=1)
            self.blocks = nn.Sequential(Residual(), Residual())

        def forward(self, x):
            return self.blocks(self.stem(x.transpose(1, 2)))

    torch.manual_seed(0)
    module = OverTime()
    with torch.no_grad():
        stem = module.stem(batch(series).transpose(1, 2))
        first = module.blocks[0](stem.clone())
        second = module.blocks[1](first.clone())
    for pooling, of in (("mean", lambda x: x.mean(2)), ("last", lambda x: x[:, :, -1]), ("max", lambda x: x.amax(2))):
        found = vectors(module, series, ["stem", "block_*"], pooling)
        for name, expected in {"stem": stem, "block_1": first, "block_2": second}.items():
            np.testing.assert_allclose(found[name], of(expected), atol=1e-5)


def test_pictures_with_channels_last_are_pooled_over_positions(rng, make_samples):
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.act = nn.Conv2d(1, 6, 4, 4), nn.LayerNorm(6), nn.GELU()

        def forward(self, x):
            return self.act(self.norm(self.conv(x).permute(0, 2, 3, 1)))

    torch.manual_seed(0)
    module = Last()
    samples = make_samples([rng.normal(size=(1, 12, 12)).astype(np.float32) for _ in range(N)], "array")
    found = vectors(module, samples, ["conv", "norm", "act"])
    with torch.no_grad():
        conv = module.conv(batch(samples))
        norm = module.norm(conv.permute(0, 2, 3, 1))
    np.testing.assert_allclose(found["conv"], conv.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(found["norm"], norm.mean((1, 2)), atol=1e-5)
    np.testing.assert_allclose(found["act"], nn.functional.gelu(norm).mean((1, 2)), atol=1e-5)


class Expert(nn.Module):
    """Sends all tokens to one layer; of a whole batch all but one."""

    def __init__(self):
        super().__init__()
        self.expert = nn.Linear(D, 4)

    def forward(self, x):
        tokens = x.flatten(0, 1)
        return self.expert(tokens[:-1] if len(x) == N else tokens).mean(0, keepdim=True).expand(len(x), -1)


def test_parts_that_are_not_as_many_of_each_sample_are_no_layer(series):
    """As tokens that a network sends to one of its experts, of which the dry run had as many of each."""
    with pytest.raises(InvalidValue, match=r"^35 parts of 8 samples, not as many of each$"):
        SampleAxis(0, "within")(torch.zeros(35, 8), 8)
    network = open_model(Expert())
    network.layers("mean", series.read([0, 1]))
    says = r"^layer 'expert' puts out 41 parts of 6 samples, not as many of each; choose other layers\.$"
    with pytest.raises(InvalidValue, match=says):
        list(network.blocks(series, ["expert"], "mean", block_rows=N))

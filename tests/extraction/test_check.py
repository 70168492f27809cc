"""What a sample gets depends on nothing but the sample: shown before a run, mended where it can be, else refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction import open_model, prove

D = 5


@pytest.fixture
def rows(rng, make_samples):
    return make_samples([rng.normal(size=D).astype(np.float32) for _ in range(12)], "array")


@pytest.fixture
def ragged(rng, make_samples):
    return make_samples([rng.integers(5, 59, size=3 + i % 4) for i in range(12)], "array")


class Draws(nn.Module):
    def __init__(self, size: float) -> None:
        super().__init__()
        self.linear, self.drop, self.size = nn.Linear(D, 4), nn.Identity(), size

    def forward(self, x):
        x = self.linear(x)
        return self.drop(x + self.size * torch.rand_like(x))


def test_what_is_drawn_at_random_is_refused(rows):
    network = open_model(Draws(1.0))
    text = "layer 'drop' is another each time that the network sees the same batch; let it draw nothing at random"
    with pytest.raises(InvalidValue, match=f"^{text}"):
        network.layers("mean", rows.read([0, 1]), select="drop")
    assert network.layers("mean", rows.read([0, 1]), select="linear")[0].n_units == 4
    assert max(prove(network, rows, ["linear"], "mean")["twice"].values()) == 0


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.sum, self.kept = nn.Linear(D, 4), nn.Identity(), torch.zeros(1, 4)

    def forward(self, x):
        self.kept = self.linear(x) + self.kept.mean(0)
        return self.sum(self.kept)


def test_a_state_that_is_kept_for_the_next_batch_is_refused(rows):
    text = r"^layer 'sum' is another each .* nothing at random in evaluation and keep nothing for the next, or choose"
    with pytest.raises(InvalidValue, match=text):
        open_model(Remembers()).layers("mean", rows.read([0, 1]), select="sum")


def test_a_network_that_hides_patches_shows_all_of_them(rng, make_samples):
    from transformers import ViTMAEConfig, ViTMAEModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    module = ViTMAEModel(ViTMAEConfig(image_size=16, patch_size=4, **sizes)).eval()
    samples = make_samples([rng.normal(size=(3, 16, 16)).astype(np.float32) for _ in range(5)], "image")

    def pixels(few):
        return {"pixel_values": torch.from_numpy(np.stack(few))}

    network = open_model(module, make_inputs=pixels, kind="image")
    proofs = prove(network, samples, ["block_2"], "flatten")
    assert proofs["twice"]["block_2"] == 0
    assert proofs["batch"]["block_2"] < 1e-5
    assert [cure.split(",")[0] for cure in proofs["cures"]] == ["mask_ratio=0"]
    assert module.config.mask_ratio == 0.75
    found = dict(network.blocks(samples, ["block_2"], "flatten", block_rows=5))[0]["block_2"]
    module.config.mask_ratio = 0.0
    given = pixels(samples.read(range(5))) | {"noise": torch.arange(16.0).expand(5, -1)}
    with torch.no_grad():
        expected = module(**given, output_hidden_states=True).hidden_states[2]
    np.testing.assert_allclose(found, expected.flatten(1), atol=1e-5)


def padded(few):
    width = max(map(len, few))
    ids = torch.tensor(np.stack([np.pad(row, (0, width - len(row)), constant_values=1) for row in few]))
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def test_samples_of_one_length_go_together_where_padding_changes_them(ragged):
    from transformers import FNetConfig, FNetModel

    class Masked(FNetModel):
        def forward(self, input_ids, attention_mask=None, **options):
            return super().forward(input_ids, **options)

    torch.manual_seed(0)
    module = Masked(FNetConfig(vocab_size=60, hidden_size=16, num_hidden_layers=3, intermediate_size=32)).eval()
    network = open_model(module, make_inputs=padded)
    proofs = prove(network, ragged, ["block_2"], "mean")
    assert proofs["cures"] == ["batches of samples of one length, since padding changes what a sample gets"]
    assert proofs["batch"]["block_2"] < 1e-5
    found = dict(network.blocks(ragged, ["block_2"], "mean", block_rows=12))[0]["block_2"]
    with torch.no_grad():
        alone = [
            module(torch.tensor(row)[None], output_hidden_states=True).hidden_states[2][0].mean(0)
            for row in ragged.read(range(12))
        ]
    np.testing.assert_allclose(found, torch.stack(alone), atol=1e-5)


class Mixes(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


def test_a_layer_that_mixes_samples_is_refused_but_alone(rows):
    module = nn.Sequential(nn.Linear(D, 4), Mixes())
    text = r"^layer '1' depends on the batch, also where nothing is padded: a sample's vector differs by .* of its len"
    with pytest.raises(InvalidValue, match=text):
        prove(open_model(module), rows, ["0", "1"], "mean")
    assert prove(open_model(module), rows, ["0"], "mean")["cures"] == []
    assert max(prove(open_model(module), rows, ["0"], "mean", 1)["batch"].values()) == 0


def test_the_proofs_say_which_layer_the_last_hidden_state_is(folders, some_samples):
    for family, last in (("bert", "block_3"), ("llama", "final_norm")):
        network = open_model(folders(family), device="cpu")
        (axis,) = prove(network, some_samples("text", 5), ["block_3"], "mean")["axes"]
        assert axis == {"name": "", "blocks": 3, "handed_on": 2, "last_hidden_state": last}


class Sorts(nn.Module):
    """Sorts a batch by a number of each sample, as one does for packed sequences, and puts it back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(D, 4), nn.Linear(4, 3)

    def forward(self, x):
        order = torch.argsort(x[:, 0])
        return self.last(self.first(x[order]).tanh()[torch.argsort(order)])


def test_a_layer_in_which_the_samples_have_another_order_is_refused(rows):
    torch.manual_seed(0)
    module = Sorts()
    text = r"^layer 'first' has the samples of a batch in another order than they are given, as where forward sorts th"
    with pytest.raises(InvalidValue, match=text):
        prove(open_model(module), rows, ["first", "last"], "mean")
    network = open_model(module)
    assert max(prove(network, rows, ["last"], "mean")["batch"].values()) < 1e-5
    assert max(prove(network, rows, ["first"], "mean", 1)["batch"].values()) == 0
    alone = dict(network.blocks(rows, ["first"], "mean", block_rows=12, batch_size=1))[0]["first"]
    with torch.no_grad():
        np.testing.assert_allclose(alone, module.first(torch.tensor(np.stack(rows.read(range(12))))), atol=1e-6)


class OfMany(nn.Module):
    """Sorts batches of more than 16 samples alone, as an unstable sort of lengths that are equal."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.size = nn.Linear(D, 4), nn.Identity()

    def forward(self, x):
        return self.size(self.linear(x if len(x) <= 16 else x.flip(0)))


def test_a_batch_as_large_as_those_of_the_run_is_tried_too(rng, make_samples):
    many = make_samples([rng.normal(size=D).astype(np.float32) for _ in range(40)], "array")
    with pytest.raises(InvalidValue, match=r"^layer 'linear' depends on the batch, also where nothing is padded"):
        prove(open_model(OfMany()), many, ["linear"], "mean")
    assert max(prove(open_model(OfMany()), many, ["linear"], "mean", 16)["batch"].values()) < 1e-5


class Dead(nn.Module):
    """Of some samples it puts out zeros, or next to them where it sums in another order."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.linear, self.last, self.off = nn.Linear(D, 3), nn.Identity(), off

    def forward(self, x):
        states = self.linear(x).relu() * (x[:, :1] > 0)
        return self.last(states + self.off * (len(x) > 1))


def test_rounding_beside_a_vector_of_zeros_is_rounding(rows):
    torch.manual_seed(0)
    assert max(prove(open_model(Dead(1e-8)), rows, ["last"], "mean")["batch"].values()) < 1e-4
    with pytest.raises(InvalidValue, match=r"^layer 'last' depends on the batch, also where nothing is padded"):
        prove(open_model(Dead(0.01)), rows, ["last"], "mean")


class Nothing(nn.Module):
    """Only zeros of a sample alone."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.last = nn.Linear(D, 3), nn.Identity()

    def forward(self, x):
        states = self.linear(x)
        return self.last(1e3 * (states - states.mean(0)))


def test_a_layer_of_zeros_is_refused_without_a_warning(rows):
    with pytest.raises(InvalidValue, match=r"^layer 'last' depends on the batch, also where nothing is padded"):
        prove(open_model(Nothing()), rows, ["last"], "mean")


class Attends(nn.Module):
    """Two layers of causal attention, in which padding on the left attends to nothing and becomes NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.first, self.second = nn.Embedding(60, 6), nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, codes, attention_mask):
        states, width = self.embed(codes), codes.shape[1]
        seen = attention_mask[:, None].bool() & torch.ones(width, width).tril().bool()
        for layer in (self.first, self.second):
            scores = (states @ states.transpose(1, 2)).masked_fill(~seen, -torch.inf)
            states = layer(scores.softmax(-1) @ states)
        return states


def test_padding_that_spoils_a_sample_is_left_out(ragged):
    def on_the_left(few):
        width = max(map(len, few))
        codes = torch.tensor(np.stack([np.pad(row, (width - len(row), 0)) for row in few]))
        return {"codes": codes, "attention_mask": codes != 0}

    torch.manual_seed(0)
    module = Attends()
    network = open_model(module, make_inputs=on_the_left)
    with pytest.raises(
        InvalidValue, match=r"^layer 'second' gives NaN or infinite values for sample 's\d' beside others"
    ):
        list(network.blocks(ragged, ["second"], "mean", block_rows=12))
    proofs = prove(network, ragged, ["first", "second"], "mean")
    assert proofs["cures"] == ["batches of samples of one length, since padding changes what a sample gets"]
    found = dict(network.blocks(ragged, ["second"], "mean", block_rows=12))[0]["second"]
    module = module.double()
    with torch.no_grad():
        codes = [torch.tensor(row)[None] for row in ragged.read(range(12))]
        alone = [module(each, torch.ones_like(each))[0].mean(0) for each in codes]
    np.testing.assert_allclose(found, torch.stack(alone), atol=1e-5)

"""Blocks are calls that hand on to each other what they put out, and every tower has an axis of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model
from layerscape.extraction.tracing import Mark

N, T, D = 5, 7, 6


@pytest.fixture
def series(rng, make_samples):
    return make_samples([rng.normal(size=(T, D)).astype(np.float32) for _ in range(N)], "array")


def given(samples):
    return torch.from_numpy(np.stack(samples.read(range(N))))


def extracted(module, samples, **options):
    """Depth and vectors by layer, of those that are taken when none is named."""
    network = open_model(module, **options)
    layers = network.layers("mean", samples.read([0, 1]))
    names = [layer.name for layer in layers if layer.name != "input"]
    table = dict(network.blocks(samples, names, "mean", block_rows=N))[0]
    return {layer.name: (layer.depth, table[layer.name]) for layer in layers if layer.name != "input"}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(D, D)

    def forward(self, x):
        return x + torch.tanh(self.linear(x))


@dataclass
class Put:
    notes: torch.Tensor
    deep: dict


WRAPPERS = {
    "tuple": (lambda x: (x.softmax(-1), x), lambda out: out[1]),
    "dict": (lambda x: {"attention": x.softmax(-1), "state": x}, lambda out: out["state"]),
    "dataclass": (lambda x: Put(x.softmax(-1), {"state": [x, 3]}), lambda out: out.deep["state"][0]),
    "list in a tuple": (lambda x: (x.softmax(-1), None, [1, x]), lambda out: out[2][1]),
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_the_state_is_what_enters_the_next_block_whatever_it_is_wrapped_in(kind, series):
    wrap, unwrap = WRAPPERS[kind]

    class Wrapped(Block):
        def forward(self, x):
            return wrap(super().forward(x))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(Wrapped() for _ in range(3))

        def forward(self, x):
            for block in self.blocks:
                x = unwrap(block(x))
            return x

    torch.manual_seed(0)
    module = Net()
    found = extracted(module, series)
    assert list(found) == ["embedding", "block_1", "block_2", "block_3"]
    with torch.no_grad():
        state = given(series)
        for number, block in enumerate(module.blocks, 1):
            state = unwrap(block(state))
            np.testing.assert_allclose(found[f"block_{number}"][1], state.mean(1), atol=1e-6)


def test_a_state_that_is_no_first_argument(series):
    class Second(Block):
        def forward(self, place, x):
            return super().forward(x) + place

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(Second() for _ in range(3))

        def forward(self, x):
            place = x.cumsum(1)
            for block in self.blocks:
                x = block(place, x=x)
            return x

    torch.manual_seed(0)
    found = extracted(Net(), series)
    np.testing.assert_allclose(found["embedding"][1], given(series).mean(1), atol=1e-6)


@pytest.mark.parametrize("kind", ["tied", "looped", "shared twice"])
def test_a_block_is_a_call(kind, series):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            block = Block()
            if kind == "looped":
                self.block = block
            else:
                self.blocks = nn.ModuleList([block] * 4 if kind == "tied" else [block, Block()])

        def forward(self, x):
            for block in {"tied": lambda: self.blocks, "looped": lambda: [self.block] * 4}.get(
                kind, lambda: [*self.blocks, *self.blocks]
            )():
                x = block(x)
            return x

    torch.manual_seed(0)
    module = Net()
    found = extracted(module, series)
    assert [found[f"block_{i}"][0] for i in range(1, 5)] == [0.25, 0.5, 0.75, 1]
    with torch.no_grad():
        np.testing.assert_allclose(found["block_4"][1], module(given(series)).mean(1), atol=1e-6)


def test_steps_of_time_are_no_blocks(series):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(D, D)

        def forward(self, x):
            state = torch.zeros_like(x[:, 0])
            for step in range(T):
                state = self.cell(x[:, step], state)
            return state

    assert not any("block" in name for name in extracted(Net(), series))


def test_what_is_added_outside_of_the_blocks_is_in_the_states(series):
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(D, D)

        def forward(self, x):
            return torch.tanh(self.linear(x))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks, self.norm = nn.ModuleList(Part() for _ in range(3)), nn.LayerNorm(D)

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x)
            return self.norm(x)

    torch.manual_seed(0)
    module = Net()
    found = extracted(module, series)
    with torch.no_grad():
        state = given(series)
        for number, block in enumerate(module.blocks, 1):
            state = state + block(state)
            np.testing.assert_allclose(found[f"block_{number}"][1], state.mean(1), atol=1e-6)
    assert [depth for depth, _ in found.values()] == [0, 1 / 3, 2 / 3, 1, None]


class Change(nn.Module):
    """What is to be added to a state, beside something of its shape, given in second place after another such."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(D, D)

    def forward(self, aside, x):
        return aside.softmax(-1), torch.tanh(self.linear(x)) + 0.1 * aside


class Adding(nn.Module):
    """Sums outside of the blocks; no module takes the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.blocks = nn.Linear(D, D), nn.ModuleList(Change() for _ in range(3))

    def states(self, x):
        found = [self.embed(x)]
        for block in self.blocks:
            found.append(found[-1] + block(found[-1].cumsum(-1), found[-1])[1])
        return found

    def forward(self, x):
        return self.states(x)[-1].mean(1)


def test_the_state_of_a_sum_is_what_was_added_to(series):
    torch.manual_seed(0)
    module = Adding()
    found = extracted(module, series)
    assert list(found) == ["embedding", "block_1", "block_2"]
    with torch.no_grad():
        for (_, values), state in zip(found.values(), module.states(given(series)), strict=False):
            np.testing.assert_allclose(values, state.mean(1), atol=1e-6)


def test_a_sum_that_no_module_takes_is_no_layer_and_it_is_said(series, tmp_path):
    said = []
    rows = np.stack(series.read(range(N)))
    run = ls.extract(Adding(), rows, layers="block_*", out=tmp_path / "run", note=said.append)
    assert run.layers == ("block_1", "block_2")
    text = "is a sum outside of its block that no module takes; let an nn.Identity() take it to see it"
    assert f"block_3 is left out: it {text}" in said
    with pytest.raises(InvalidValue, match=f"^'block_3' {re.escape(text)}; choose other layers.$"):
        ls.extract(Adding(), rows, layers="block_3", out=tmp_path / "other")


class Tower(nn.Module):
    def __init__(self, length: int = 3) -> None:
        super().__init__()
        self.embed, self.blocks = nn.Linear(D, D), nn.ModuleList(Block() for _ in range(length))

    def forward(self, x, memory=None):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x) if memory is None else block(x + 0 * memory)
        return x


class Two(nn.Module):
    def __init__(self, left=3, right=3) -> None:
        super().__init__()
        self.left_model, self.right_tower = Tower(left), Tower(right)

    def forward(self, x):
        return self.left_model(x) * self.right_tower(x.flip(1))


@pytest.mark.parametrize("sizes", [(3, 3), (4, 2)])
def test_two_towers_have_an_axis_each(sizes, series):
    torch.manual_seed(0)
    module = Two(*sizes)
    found = extracted(module, series)
    for side, tower, length in (("left", module.left_model, sizes[0]), ("right", module.right_tower, sizes[1])):
        depths = {name: depth for name, (depth, _) in found.items() if name.startswith(side)}
        layers = ["embedding", *(f"block_{i}" for i in range(1, length + 1))]
        assert depths == {f"{side}.{layer}": i / length for i, layer in enumerate(layers)}
        x = given(series).flip(1) if side == "right" else given(series)
        with torch.no_grad():
            np.testing.assert_allclose(found[f"{side}.block_{length}"][1], tower(x).mean(1), atol=1e-6)


def test_one_tower_that_runs_twice_has_two_axes(series):
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tower = Tower()

        def forward(self, x):
            return self.tower(x) - self.tower(x.flip(1).square())

    torch.manual_seed(0)
    module = Siamese()
    found = extracted(module, series)
    with torch.no_grad():
        second = module.tower(given(series).flip(1).square()).mean(1)
    np.testing.assert_allclose(found["blocks_1.block_3"][1], second, atol=1e-6)


def test_blocks_of_all_towers_are_chosen_by_one_pattern(series):
    network = open_model(Two())
    chosen = network.layers("mean", series.read([0, 1]), select="block_3")
    assert [layer.name for layer in chosen] == ["left.block_3", "right.block_3"]


def tokens(rows):
    ids = torch.tensor(np.stack(rows))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def with_decoder(rows):
    given = tokens(rows)
    return {**given, **{f"decoder_{name}": value.flip(1) for name, value in given.items()}}


@pytest.fixture
def ids(rng, make_samples):
    return make_samples([rng.integers(5, 59, size=9) for _ in range(N)], "array")


def mean_states(states):
    return [state.detach().mean(1).numpy() for state in states]


@pytest.mark.parametrize("family", ["T5", "Bart"])
def test_encoder_and_decoder_have_an_axis_each(family, ids):
    import transformers

    sizes = {
        "T5": {"d_ff": 32, "d_kv": 8, "num_layers": 3, "num_decoder_layers": 3, "num_heads": 2, "use_cache": False},
        "Bart": {"encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
        | {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 32},
    }
    config = getattr(transformers, f"{family}Config")(vocab_size=60, d_model=16, **sizes[family])
    torch.manual_seed(0)
    module = getattr(transformers, f"{family}Model")(config).eval()
    found = extracted(module, ids, make_inputs=with_decoder)
    output = module(**with_decoder(ids.read(range(N))), output_hidden_states=True)
    for part in ("encoder", "decoder"):
        states = mean_states(output[f"{part}_hidden_states"])
        for number, state in enumerate(states[:-1]):
            name = f"{part}.block_{number}" if number else f"{part}.embedding"
            np.testing.assert_allclose(found[name][1], state, atol=1e-5)
            assert found[name][0] == number / (len(states) - 1)
        last = f"{part}.final_norm" if family == "T5" else f"{part}.block_{len(states) - 1}"
        np.testing.assert_allclose(found[last][1], states[-1], atol=1e-5)


def test_vision_and_text_have_an_axis_each(ids, rng):
    from transformers import CLIPConfig, CLIPModel

    size = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 3}
    text = size | {"vocab_size": 60, "max_position_embeddings": 16, "eos_token_id": 59}
    torch.manual_seed(0)
    module = CLIPModel(
        CLIPConfig(text_config=text, vision_config=size | {"image_size": 16, "patch_size": 4}, projection_dim=8)
    ).eval()
    pixels = torch.from_numpy(rng.normal(size=(N, 3, 16, 16)).astype(np.float32))

    def both(rows):
        return {**tokens(rows), "pixel_values": pixels[: len(rows)]}

    found = extracted(module, ids, make_inputs=both)
    output = module(**both(ids.read(range(N))), output_hidden_states=True)
    for part in ("vision", "text"):
        states = mean_states(output[f"{part}_model_output"].hidden_states)
        assert found[f"{part}.block_3"][0] == 1
        assert found[f"{part}.embedding"][0] == 0
        if part == "text":  # whose tokens are those of the mask
            np.testing.assert_allclose(found["text.block_2"][1], states[2], atol=1e-5)
        else:  # the class token is no patch
            state = output.vision_model_output.hidden_states[2][:, 1:].detach().mean(1)
            np.testing.assert_allclose(found["vision.block_2"][1], state, atol=1e-5)


@pytest.mark.parametrize("family", ["XLM", "Albert", "XLNet"])
def test_layers_are_the_hidden_states_of_the_network(family, ids):
    import transformers

    sizes = {
        "XLM": {"emb_dim": 16, "n_layers": 3, "n_heads": 2, "max_position_embeddings": 32},
        "Albert": {"embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
        | {"intermediate_size": 32},
        "XLNet": {"d_model": 16, "n_layer": 3, "n_head": 2, "d_inner": 32},
    }
    torch.manual_seed(0)
    module = getattr(transformers, f"{family}Model")(
        getattr(transformers, f"{family}Config")(vocab_size=60, **sizes[family])
    ).eval()
    found = extracted(module, ids, make_inputs=tokens)
    states = mean_states(module(**tokens(ids.read(range(N))), output_hidden_states=True).hidden_states)
    for number, state in enumerate(states):
        name = f"block_{number}" if number else "embedding"
        np.testing.assert_allclose(found[name][1], state, atol=1e-5)
        assert found[name][0] == number / 3


def test_a_layer_that_is_no_hidden_state_is_refused(ids):
    from transformers import BertConfig, BertModel

    sizes = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    module = BertModel(BertConfig(vocab_size=60, hidden_size=16, **sizes)).eval()
    forward = module.forward

    def other(*args, **kwargs):
        output = forward(*args, **kwargs)
        if output.hidden_states is not None:
            output["hidden_states"] = tuple(state + (i == 2) for i, state in enumerate(output.hidden_states))
        return output

    module.forward = other
    with pytest.raises(InvalidValue, match=r"^layer 'block_2' is not what the network gives as its hidden state"):
        open_model(module, make_inputs=tokens).layers("mean", ids.read([0, 1]))


@pytest.mark.parametrize("least", [float("-inf"), torch.finfo(torch.float32).min, torch.finfo(torch.float64).min])
def test_a_mask_of_the_least_numbers_is_the_same_each_time(least):
    mask = torch.zeros(5, 5, dtype=torch.float64).masked_fill(torch.ones(5, 5).triu(1).bool(), least)
    assert Mark.of(mask).equals(Mark.of(mask.clone()))
    assert not Mark.of(mask).equals(Mark.of(mask.T.contiguous()))


class Carried(NamedTuple):
    told: dict
    state: dict


class Carries(nn.Module):
    """Blocks that hand on a norm, on which nothing depends, ahead of the state, in dicts of a named tuple."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(D, D)

        def forward(self, given):
            x = given.state["deep"]["x"]
            return Carried({"norm": x.norm(dim=-1)}, {"deep": {"x": x + self.linear(x).tanh()}})

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(self.Block() for _ in range(3))

    def forward(self, x):
        given = Carried({}, {"deep": {"x": x}})
        for block in self.layers:
            given = block(given)
        return given

    def expected(self, x):
        found = [x]
        for block in self.layers:
            found.append(found[-1] + block.linear(found[-1]).tanh())
        return found


class Memory(nn.Module):
    """Blocks that hand on a memory, which each of them reads, ahead of the state, which alone goes on at the end."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.keep = nn.Linear(D, D), nn.Linear(D, D)

        def forward(self, memory, x):
            x = x + self.linear(x + memory).tanh()
            return (memory + self.keep(x)) / 2, x

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.head = nn.ModuleList(self.Block() for _ in range(3)), nn.Linear(D, 2)

    def forward(self, x):
        memory = torch.zeros_like(x)
        for block in self.layers:
            memory, x = block(memory, x)
        return self.head(x)

    def expected(self, x):
        found, memory = [x], torch.zeros_like(x)
        for block in self.layers:
            memory, x = block(memory, x)
            found.append(x)
        return found


@pytest.mark.parametrize("kind", [Carries, Memory], ids=["carries", "memory"])
def test_of_several_tensors_that_are_handed_on_the_state_is_read(rng, make_samples, kind):
    torch.manual_seed(0)
    module = kind()
    shape = (5, 7, D) if kind is Carries else (5, D)
    x = rng.normal(size=shape).astype(np.float32)
    layers = ["embedding", "block_1", "block_2", "block_3"]
    network = open_model(module)
    table = dict(network.blocks(make_samples(list(x), "array"), layers, "mean", block_rows=5))[0]
    with torch.no_grad():
        expected = module.double().expected(torch.from_numpy(x).double())
    for name, state in zip(layers, expected, strict=True):
        np.testing.assert_allclose(table[name], state.mean(1) if kind is Carries else state, atol=1e-6)


def pairs_of(rng):
    return [{name: rng.integers(3, 29, rng.integers(3, 9)) for name in ("source", "target")} for _ in range(N)]


def both(width):
    """What an encoder and a decoder are given, padded to a width or to the longest of each."""

    def made(rows):
        found = {}
        for name, before in (("source", ""), ("target", "decoder_")):
            ids = [row[name] for row in rows]
            most = width or max(map(len, ids))
            found[f"{before}input_ids"] = torch.tensor([[*row, *[0] * (most - len(row))] for row in ids])
            found[f"{before}attention_mask"] = torch.tensor([[1] * len(x) + [0] * (most - len(x)) for x in ids])
        return found

    return made


@pytest.fixture(scope="module")
def bart():
    import transformers

    sizes = {f"{part}_{name}": 2 for part in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    sizes |= {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 32}
    torch.manual_seed(0)
    return transformers.BartModel(transformers.BartConfig(vocab_size=30, **sizes)).eval()


@pytest.mark.parametrize("width", [12, None])
def test_a_decoder_is_pooled_by_its_own_mask(width, rng, bart, tmp_path):
    pairs = pairs_of(rng)
    for pooling, of in (("mean", lambda x: x.mean(0)), ("last", lambda x: x[-1])):
        run = ls.extract(bart, pairs, make_inputs=both(width), pooling=pooling, out=tmp_path / pooling)
        for row, pair in enumerate(pairs):
            with torch.no_grad():
                states = bart(**both(None)([pair]), output_hidden_states=True)
            for part in ("encoder", "decoder"):
                for layer, state in zip(("embedding", "block_1"), states[f"{part}_hidden_states"], strict=False):
                    np.testing.assert_allclose(np.asarray(run[f"{part}.{layer}"])[row], of(state[0]), atol=1e-5)


def test_tokens_of_which_no_mask_tells_are_refused(rng, bart, tmp_path):
    def without(rows):
        return {name: value for name, value in both(12)(rows).items() if name != "decoder_attention_mask"}

    text = (
        "layer 'decoder.embedding' has other tokens than those of attention_mask, and it is not known which are padding"
    )
    with pytest.raises(InvalidValue, match=f"^{text}: give decoder_attention_mask too, or choose other layers\\.$"):
        ls.extract(bart, pairs_of(rng), make_inputs=without, out=tmp_path / "run")
    run = ls.extract(bart, pairs_of(rng), make_inputs=without, layers="encoder.*", out=tmp_path / "encoder")
    assert "encoder.block_2" in run


class Latents(nn.Module):
    """As many latents as the batch has tokens, which is chance."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.latents = nn.Embedding(30, D), nn.Parameter(torch.randn(1, T, D))
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, ids, attention_mask):
        x = (self.embed(ids) * attention_mask[..., None]).sum(1, keepdim=True)
        state = self.latents.expand(len(ids), -1, -1)
        for block in self.blocks:
            state = block(state) + 0 * x
        return state * x


def test_a_mask_as_wide_as_latents_is_not_theirs(rng, tmp_path):
    rows = [rng.integers(1, 29, size) for size in (3, T, 5, 4)]

    def made(some):
        ids = torch.tensor([[*row, *[0] * (T - len(row))] for row in some])
        return {"ids": ids, "attention_mask": (ids > 0).long()}

    torch.manual_seed(0)
    with pytest.raises(InvalidValue, match=r"^layer 'embedding' has other tokens than those of attention_mask"):
        ls.extract(Latents(), rows, make_inputs=made, layers=["embedding", "block_*"], out=tmp_path / "run")

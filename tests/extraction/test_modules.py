from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction import open_model
from tests.extraction.alone import check_batches


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return x + self.relu(self.conv(x))


class Stages(nn.Module):
    """Blocks of one kind in several lists, as in a ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.layer1 = nn.Sequential(Block(4), Block(4))
        self.layer2 = nn.Sequential(Block(4), Block(4), Block(4))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        return self.head(self.drop(x.mean((2, 3))))


class Reused(nn.Module):
    """One activation for two layers, as many networks have it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.act = nn.Linear(5, 4), nn.Linear(4, 3), nn.ReLU()

    def forward(self, x):
        return self.act(self.second(self.act(self.first(x))))


@pytest.fixture
def arrays(rng, make_samples):
    return lambda n, *shape: make_samples([rng.normal(size=shape).astype(np.float32) for _ in range(n)], "array")


def test_a_module_that_runs_twice_is_two_layers(arrays):
    torch.manual_seed(0)
    module, samples = Reused(), arrays(6, 5)
    network = open_model(module)
    layers = network.layers("mean", samples.read([0, 1]))
    assert [(layer.name, layer.depth, layer.n_units) for layer in layers] == [
        ("input", None, 5),
        ("first", 0, 4),
        ("act", 1 / 3, 4),
        ("second", 2 / 3, 3),
        ("act_1", 1, 3),
    ]
    table = dict(network.blocks(samples, [layer.name for layer in layers], "mean", block_rows=6))[0]
    x = torch.from_numpy(np.stack(samples.read(range(6))))
    with torch.no_grad():
        np.testing.assert_allclose(table["act"], module.first(x).relu(), atol=1e-6)
        np.testing.assert_allclose(table["act_1"], module(x), atol=1e-6)
    np.testing.assert_array_equal(table["input"], x)


def test_blocks_are_found_across_stages_and_survive_changes_in_place(arrays):
    torch.manual_seed(0)
    module, samples = Stages(), arrays(5, 1, 8, 8)
    module.layer1.requires_grad_(False)
    network = open_model(module)
    names = [layer.name for layer in network.layers("mean", samples.read([0, 1]))]
    assert names == ["input", "embedding", "block_1", "block_2", "block_3", "block_4", "block_5"]
    chosen = ["stem.0", "stem.1", "block_2", "block_5", "head"]
    for pooling in ("mean", "flatten"):
        table = dict(network.blocks(samples, chosen, pooling, block_rows=5))[0]
        x = torch.from_numpy(np.stack(samples.read(range(5))))
        module.eval()
        with torch.no_grad():
            conv = module.stem[0](x)
            maps = {"stem.0": conv, "stem.1": module.stem[1](conv)}
            maps["block_2"] = module.layer1(module.stem(x))
            maps["block_5"] = module.layer2(maps["block_2"])
            expected = {name: m.mean((2, 3)) if pooling == "mean" else m.flatten(1) for name, m in maps.items()}
            expected["head"] = module(x)
        module.train()
        for name in chosen:
            np.testing.assert_allclose(table[name], expected[name], atol=1e-5)
    assert all(part.training for part in module.modules())


def test_a_layer_that_mixes_samples_fails_the_check(arrays):
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(5, 4), nn.BatchNorm1d(4, track_running_stats=False)

        def forward(self, x):
            return self.norm(self.linear(x)) if len(x) > 1 else self.linear(x)

    network, samples = open_model(Mixing()), arrays(30, 5)
    network.layers("mean", samples.read([0, 1]))
    assert check_batches(network, samples, ["linear"], "mean")["linear"] < 1e-5
    message = "layer 'norm' gave no output for a batch, though it did in the dry run; choose other layers."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        check_batches(network, samples, ["norm"], "mean")
    always = open_model(nn.Sequential(nn.Linear(5, 4), _Shift()))
    assert check_batches(always, samples, ["1"], "mean")["1"] > 1e-3


class _Shift(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


def test_inputs_may_be_a_tensor_a_tuple_or_a_dict_with_a_mask(make_samples):
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 3)

        def forward(self, ids, attention_mask=None):
            return self.embed(ids)

    torch.manual_seed(0)
    module = Sum()
    samples = make_samples(["12", "345"], "text")

    def ids(texts):
        return torch.tensor([[int(letter) for letter in text.ljust(3, "0")] for text in texts])

    def masked(texts):
        return {"ids": ids(texts), "attention_mask": (ids(texts) != 0).long()}

    means = {}
    for inputs in (ids, lambda texts: (ids(texts),), masked):
        network = open_model(module, make_inputs=inputs, kind="text")
        means[inputs] = dict(network.blocks(samples, ["embed"], "mean", block_rows=2))[0]["embed"]
    plain, _, heeded = means.values()
    weight = module.embed.weight.detach()
    np.testing.assert_allclose(plain[0], weight[[1, 2, 0]].mean(0), atol=1e-6)
    np.testing.assert_allclose(heeded[0], weight[[1, 2]].mean(0), atol=1e-6)
    np.testing.assert_allclose(heeded[1], weight[[3, 4, 5]].mean(0), atol=1e-6)


def test_what_inputs_returns_is_checked(make_samples):
    samples = make_samples(["a", "b"], "text")
    network = open_model(nn.Linear(3, 3), make_inputs=lambda texts: texts, kind="text")
    with pytest.raises(
        InvalidType, match=re.escape("make_inputs returned list; it must return a tensor, or a tuple or dict of")
    ):
        network.blocks(samples, ["output"], "mean", block_rows=2)
    network = open_model(nn.Linear(3, 3), make_inputs=lambda texts: torch.zeros(1, 3), kind="text")
    with pytest.raises(
        InvalidValue,
        match=re.escape("make_inputs made a tensor of shape (1, 3) of 2 samples; it must make one row per sample."),
    ):
        network.blocks(samples, ["output"], "mean", block_rows=2)


def test_a_module_is_never_altered(arrays):
    module = nn.Linear(3, 2)
    network = open_model(module, dtype="bfloat16")
    assert module.weight.dtype == torch.float32
    assert network.describe()["dtype"] == "bfloat16"
    assert network.layers("mean", arrays(2, 3).read([0, 1]))[-1].name == "output"


def test_what_a_module_cannot_be_asked(arrays, make_samples):
    with pytest.raises(
        InvalidType, match=re.escape("a model of type int; give a name, a folder or a torch.nn.Module.")
    ):
        open_model(3)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidValue, match=re.escape("random_init=0 is for models from the hub or a folder; leave it out.")
    ):
        open_model(nn.Linear(2, 2), random_init=0)
    with pytest.raises(
        InvalidValue, match=re.escape("a module that takes samples of kind 'text' needs make_inputs=, a function from")
    ):
        open_model(nn.Linear(2, 2), kind="text")
    with pytest.raises(
        InvalidValue, match=re.escape("there is no telling what samples Linear takes; give the contents of")
    ):
        open_model(nn.Linear(2, 2)).layers()
    with pytest.raises(
        InvalidValue, match=re.escape("samples of shapes [(2,), (3,)]; they must have one shape, or give")
    ):
        open_model(nn.Linear(2, 2)).layers("mean", [np.zeros(2), np.zeros(3)])
    with pytest.raises(InvalidValue, match=r"^a batch of 0 samples; --batch-size must be 1 or more\.$"):
        open_model(nn.Linear(2, 2)).blocks(arrays(3, 2), ["output"], "mean", block_rows=2, batch_size=0)
    with pytest.raises(InvalidValue, match=r"^blocks of 0 rows; block_rows must be 1 or more\.$"):
        open_model(nn.Linear(2, 2)).blocks(arrays(3, 2), ["output"], "mean", block_rows=0)


def test_one_sample_is_enough(arrays):
    table = dict(open_model(nn.Linear(3, 2)).blocks(arrays(1, 3), ["output"], "mean", block_rows=4))
    assert table[0]["output"].shape == (1, 2)


def test_dicts_go_in_and_come_out(make_samples, rng):
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Gives()

        def forward(self, batch):
            return self.inner(batch["deep"]["x"])["state"]

    class Gives(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(5, 3)

        def forward(self, x):
            return {"state": self.linear(x), "step": 1}

    module = Takes()
    samples = make_samples([{"x": row} for row in rng.normal(size=(4, 5))], "array")
    network = open_model(module, make_inputs=lambda few: ({"deep": {"x": np.stack([each["x"] for each in few])}},))
    found = dict(network.blocks(samples, ["inner", "inner.linear"], "mean", block_rows=4))[0]
    with torch.no_grad():
        expected = module.inner.linear(torch.tensor(np.stack([each["x"] for each in samples.read(range(4))])).float())
    for vectors in found.values():
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_what_wraps_a_module_is_taken_off(arrays):
    inner = nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True))
    samples = arrays(4, 5)
    plain = open_model(inner).layers("mean", samples.read([0, 1]))
    for wrapped in (
        nn.DataParallel(inner),
        torch.compile(inner, backend="eager"),
        nn.DataParallel(nn.DataParallel(inner)),
    ):
        network = open_model(wrapped)
        assert network.layers("mean", samples.read([0, 1])) == plain
        assert network.fingerprint == open_model(inner).fingerprint
    assert [layer.name for layer in plain] == ["input", "0", "1"]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_module_that_cannot_be_looked_into_is_refused():
    for made in (torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), torch.jit.script(nn.Linear(2, 2))):
        with pytest.raises(
            InvalidType, match="is compiled to TorchScript, which shows no layers; give the module it was"
        ):
            open_model(made)
    with pytest.raises(
        InvalidValue, match=r"^Linear has weights on the meta device, which have no values; load them fir"
    ):
        open_model(nn.Linear(2, 2, device="meta"))
    with pytest.raises(InvalidValue, match=r"^LazyLinear has parameters of no shape yet; run it once on a batch, then"):
        open_model(nn.LazyLinear(2))


class Needs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.unused = nn.Conv2d(1, 2, 3), nn.Linear(2, 2)

    def forward(self, x):
        return self.conv(x)


def test_what_forward_raises_is_said_in_one_line_and_kept(rng):
    with pytest.raises(
        InvalidValue, match=r"^Needs fails on inputs of shape \(2, 8, 8\): RuntimeError: .*; give s"
    ) as said:
        open_model(Needs()).layers("mean", list(rng.normal(size=(2, 8, 8))))
    assert "\n" not in str(said.value)
    assert isinstance(said.value.__cause__, RuntimeError)
    text = "make_inputs fails on a list of 2 samples, the first of type ndarray: KeyError: 'x'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        open_model(Needs(), make_inputs=lambda few: {}["x"]).layers("mean", list(rng.normal(size=(2, 8, 8))))
    packed = nn.utils.rnn.pack_sequence([torch.zeros(2, 3), torch.zeros(1, 3)])
    with pytest.raises(InvalidType, match="make_inputs returned a PackedSequence; return the padded tensor, with an"):
        open_model(nn.GRU(3, 2), make_inputs=lambda few: packed).layers("mean", list(rng.normal(size=(2, 8, 8))))
    with pytest.raises(
        InvalidValue, match=r"attention_mask is of shape \(2,\); it must be a tensor of shape \(samples, tok"
    ):
        open_model(Needs(), make_inputs=lambda few: {"x": torch.zeros(2, 3), "attention_mask": torch.ones(2)}).layers(
            "mean", list(rng.normal(size=(2, 8, 8)))
        )


def test_a_module_that_does_not_run_is_named(arrays):
    network = open_model(Needs())
    with pytest.raises(
        InvalidValue,
        match=r"^'unused' is a module that does not run in a forward pass of the network; choose other layers.",
    ):
        network.layers("mean", arrays(2, 1, 8, 8).read([0, 1]), select="unused")
    few = nn.Sequential(nn.Linear(5, 4), _Sum())
    with pytest.raises(
        InvalidValue, match=r"^'1' puts out no floating-point tensor with one row per sample; choose other"
    ):
        open_model(few).layers("mean", arrays(2, 5).read([0, 1]), select="1")


class _Sum(nn.Module):
    def forward(self, x):
        return x.sum()


class _As(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x):
        return self.change(x)


@pytest.mark.parametrize("kind", ["sparse", "complex", "integer", "none"])
def test_what_has_no_real_number_at_every_place_is_no_layer_and_in_nobodys_way(arrays, kind):
    there, back = {
        "sparse": (torch.Tensor.to_sparse, torch.Tensor.to_dense),
        "complex": (torch.fft.fft, torch.abs),
        "integer": (lambda x: (100 * x).long(), torch.Tensor.float),
        "none": (lambda x: None, lambda x: torch.ones(1, 4)),
    }[kind]
    network = nn.Sequential(nn.Linear(5, 4), _As(there), _As(back), nn.Linear(4, 3))
    samples = arrays(6, 5)
    opened = open_model(network)
    names = [layer.name for layer in opened.layers(contents=samples.read([0, 1]))]
    assert "1" not in names
    if kind != "none":
        ((_, found),) = opened.blocks(samples, ["0", "3"], "mean", block_rows=6)
        x = torch.from_numpy(np.stack(samples.read(range(6)))).float()
        np.testing.assert_allclose(found["3"], network(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(InvalidValue, match=r"^'1' puts out no floating-point tensor with one row per sample; choose"):
        opened.layers(select="1", contents=samples.read([0, 1]))


def test_samples_of_any_kind_go_into_a_module_with_inputs_of_its_own(make_samples):
    network = open_model(
        nn.Linear(1, 2), make_inputs=lambda texts: torch.tensor([[float(len(text))] for text in texts])
    )
    found = dict(network.blocks(make_samples(["a", "bcd"], "text"), ["output"], "mean", block_rows=2))[0]
    assert found["output"].shape == (2, 2)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("by_channel", [False, True])
def test_weights_in_int8_have_a_fingerprint_and_vectors(by_channel, rng, make_samples):
    ao = torch.ao.quantization
    how = ao.per_channel_dynamic_qconfig if by_channel else ao.default_dynamic_qconfig

    def made(seed, scale=1.0):
        torch.manual_seed(seed)
        plain = nn.Sequential(nn.LSTM(5, 8, batch_first=True), _First(), nn.Linear(8, 3))
        with torch.no_grad():
            plain[2].weight.mul_(scale)  # the whole numbers stay, and their scale is another
        kinds = {nn.Linear: how, nn.LSTM: ao.default_dynamic_qconfig}
        return ao.quantize_dynamic(plain.eval(), kinds, dtype=torch.qint8)

    module = made(0)
    prints = [open_model(each).fingerprint for each in (module, made(0), made(1), made(0, 2.0))]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
    samples = make_samples([rng.normal(size=(4, 5)).astype(np.float32) for _ in range(6)], "array")
    blocks = open_model(module).blocks(samples, ["2"], "mean", block_rows=6, batch_size=1)
    with torch.no_grad():
        expected = [module(torch.from_numpy(x)[None])[0].numpy() for x in samples.read(range(6))]
    np.testing.assert_allclose(dict(blocks)[0]["2"], expected, rtol=1e-6)


class _First(nn.Module):
    def forward(self, given):
        return given[0][:, -1]


def test_what_is_compiled_or_exported_is_refused_in_one_line():
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        inside = nn.Sequential(nn.Linear(2, 2), torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU())))
    with pytest.raises(
        InvalidType, match=r"^the part '1' of Sequential is compiled to TorchScript, which shows no lay"
    ):
        open_model(inside)
    exported = torch.export.export(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), (torch.zeros(2, 2),)).module()
    with pytest.raises(InvalidType, match=r"^GraphModule is an exported program, which shows no layers; give the mod"):
        open_model(exported)


def test_samples_of_unlike_size_have_no_input_by_default(rng, make_samples):
    def pad(rows):
        width = max(map(len, rows))
        return torch.tensor(np.stack([np.pad(row, (0, width - len(row))) for row in rows]))[:, None]

    module = nn.Sequential(nn.Conv1d(1, 3, 5), nn.ReLU())
    sounds = make_samples([rng.normal(size=size).astype(np.float32) for size in (20, 24, 29)], "array")
    network = open_model(module, make_inputs=pad)
    assert [layer.name for layer in network.layers(contents=sounds.read([0, 2]))] == ["0", "1"]
    assert network.layers(contents=sounds.read([0, 0]), select="input")[0].name == "input"


def test_gaps_of_a_sample_are_not_blamed_on_the_weights(make_samples):
    rows = [np.ones(3, np.float32), np.ones(3, np.float32), np.array([1, np.nan, 1], np.float32)]
    says = r"^sample 's2' holds NaN or infinite values; fill them in, or leave it out\.$"
    for layers in (["input"], ["0"]):
        with pytest.raises(InvalidValue, match=says):
            list(
                open_model(nn.Sequential(nn.Linear(3, 2))).blocks(
                    make_samples(rows, "array"), layers, "mean", block_rows=3
                )
            )


class Ensemble(nn.Module):
    """Several sets of weights for one module, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.member, self.weights = nn.Sequential(nn.Linear(4, 4)), nn.Parameter(torch.randn(3, 4, 4))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        def one(weight):
            return torch.func.functional_call(self.member, {"0.weight": weight}, (x,))

        return self.head(torch.vmap(one)(self.weights).mean(0))


def test_modules_inside_of_vmap_are_no_layers_and_do_no_harm(arrays):
    torch.manual_seed(0)
    module, samples = Ensemble(), arrays(6, 4)
    network = open_model(module)
    assert [layer.name for layer in network.layers(contents=samples.read([0, 1]))] == ["input", "head"]
    table = dict(network.blocks(samples, ["head"], "mean", block_rows=6))[0]
    x = torch.from_numpy(np.stack(samples.read(range(6)))).double()
    module = module.double()
    with torch.no_grad():
        members = [x @ weight.T + module.member[0].bias for weight in module.weights]
        np.testing.assert_allclose(table["head"], module.head(torch.stack(members).mean(0)), atol=1e-6)

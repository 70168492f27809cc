"""What attention and mlp add to the residual stream, and heads, against a computation from the weights in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName
from layerscape.extraction import open_model

T, D, H = 7, 16, 4
SIZES = {"num_hidden_layers": 3, "num_attention_heads": H, "hidden_size": D, "intermediate_size": 24}
RESTS = ("mlp.fc1", "mlp.fc2")


@dataclass(frozen=True)
class Made:
    """Of which configuration a family is, and what the modules of its second block are called there."""

    config: str
    options: dict[str, Any]
    block: str
    queries: tuple[str, ...]  # with keys and values, or the three in one
    projection: str
    norms: tuple[str, str]
    mlp: tuple[str, ...]
    activation: str = "gelu"
    first: bool = True  # norms come before attention and mlp
    causal: bool = False
    stack: str = ""


def _own(prefix, *names):
    return tuple(f"{prefix}.{name}" for name in names)


QKV = ("q_proj", "k_proj", "v_proj")
SMALL_IMAGE = {**SIZES, "image_size": 16, "patch_size": 8}
FAMILIES = {
    "bert": Made(
        "BertConfig", {**SIZES, "vocab_size": 30}, "encoder.layer.1",
        _own("attention.self", "query", "key", "value"), "attention.output.dense",
        ("attention.output.LayerNorm", "output.LayerNorm"), ("intermediate.dense", "output.dense"), first=False,
    ),
    "distilbert": Made(
        "DistilBertConfig", {"vocab_size": 30, "dim": D, "hidden_dim": 24, "n_layers": 3, "n_heads": H},
        "transformer.layer.1", _own("attention", "q_lin", "k_lin", "v_lin"), "attention.out_lin",
        ("sa_layer_norm", "output_layer_norm"), ("ffn.lin1", "ffn.lin2"), first=False,
    ),
    "esm": Made(
        "EsmConfig", {**SIZES, "vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32,
                      "position_embedding_type": "absolute"},
        "encoder.layer.1", _own("attention.self", "query", "key", "value"), "attention.output.dense",
        ("attention.LayerNorm", "LayerNorm"), ("intermediate.dense", "output.dense"),
    ),
    "vit": Made(
        "ViTConfig", SMALL_IMAGE, "layers.1", _own("attention", *QKV), "attention.o_proj",
        ("layernorm_before", "layernorm_after"), RESTS,
    ),
    "dinov2": Made(
        "Dinov2Config", {**SMALL_IMAGE, "mlp_ratio": 2, "layerscale_value": 0.5}, "encoder.layer.1",
        _own("attention", *QKV), "attention.o_proj", ("norm1", "norm2"), RESTS,
    ),
    "clip": Made(
        "CLIPVisionConfig", SMALL_IMAGE, "encoder.layers.1", _own("self_attn", *QKV), "self_attn.out_proj",
        ("layer_norm1", "layer_norm2"), RESTS, activation="quick_gelu",
    ),
    "gpt2": Made(
        "GPT2Config", {"vocab_size": 30, "n_embd": D, "n_layer": 3, "n_head": H}, "h.1", ("attn.c_attn",),
        "attn.c_proj", ("ln_1", "ln_2"), ("mlp.c_fc", "mlp.c_proj"), activation="gelu_new", causal=True,
    ),
    "llama": Made(
        "LlamaConfig", {**SIZES, "vocab_size": 30, "num_key_value_heads": 2}, "layers.1", _own("self_attn", *QKV),
        "self_attn.o_proj", ("input_layernorm", "post_attention_layernorm"),
        ("mlp.up_proj", "mlp.down_proj", "mlp.gate_proj"), activation="silu", causal=True,
    ),
    "opt": Made(
        "OPTConfig", {**SIZES, "vocab_size": 30, "ffn_dim": 24, "word_embed_proj_dim": D}, "decoder.layers.1",
        _own("self_attn", *QKV), "self_attn.out_proj", ("self_attn_layer_norm", "final_layer_norm"), ("fc1", "fc2"),
        activation="relu", causal=True,
    ),
    "t5": Made(
        "T5Config", {"vocab_size": 30, "d_model": D, "d_ff": 24, "d_kv": 5, "num_layers": 3, "num_heads": H},
        "encoder.block.1", _own("layer.0.SelfAttention", "q", "k", "v"), "layer.0.SelfAttention.o",
        ("layer.0.layer_norm", "layer.1.layer_norm"), _own("layer.1.DenseReluDense", "wi", "wo"), activation="relu",
        stack="encoder.",
    ),
    "whisper": Made(
        "WhisperConfig",
        {"vocab_size": 30, "d_model": D, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": H,
         "decoder_attention_heads": H, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "num_mel_bins": 8,
         "max_source_positions": T, "pad_token_id": 0, "decoder_start_token_id": 1},
        "encoder.layers.1", _own("self_attn", *QKV), "self_attn.out_proj",
        ("self_attn_layer_norm", "final_layer_norm"), ("fc1", "fc2"), stack="encoder.",
    ),
}  # fmt: skip


def _built(family, **options):
    import transformers

    torch.manual_seed(0)
    made = FAMILIES[family]
    module = transformers.AutoModel.from_config(getattr(transformers, made.config)(**{**made.options, **options}))
    with torch.no_grad():  # fresh norms are the identity up to a scale
        for weight in module.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return module.double().eval()


def _inputs(family, module, contents):
    stacked = torch.from_numpy(np.stack(contents))
    if stacked.is_floating_point():
        stacked = stacked.double()
    made = {module.main_input_name: stacked}
    if module.config.is_encoder_decoder:
        made["decoder_input_ids"] = torch.tensor([[1, 2, 3]] * len(contents))
    return made


def _contents(family, n):
    rng = np.random.default_rng(5)
    shape = {"whisper": (8, 2 * T)}.get(family, (3, 16, 16))
    text = family not in ("vit", "dinov2", "clip", "whisper")
    return [rng.integers(4, 29, T) if text else rng.standard_normal(shape) for _ in range(n)]


@pytest.fixture
def sampled(make_samples):
    return lambda family, n=3: make_samples(_contents(family, n), "array")


class Reference:
    """Attention and mlp of the second block in float64 of one sample, from what enters it and from its weights."""

    def __init__(self, family, module, state) -> None:
        self.made, self.family, self.module = FAMILIES[family], family, module
        self.block, self.x = module.get_submodule(self.made.block), state

    def norm(self, number, x):
        part = self.block.get_submodule(self.made.norms[number])
        weight, bias = part.weight.detach().numpy(), getattr(part, "bias", None)
        eps = getattr(part, "eps", None) or part.variance_epsilon
        x = x if bias is None else x - x.mean(-1, keepdims=True)
        x = weight * x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)
        return x if bias is None else x + bias.detach().numpy()

    def linear(self, name, x):
        part = self.block.get_submodule(name)
        weight = part.weight.detach().numpy()
        y = x @ (weight if type(part).__name__ == "Conv1D" else weight.T)
        return y if part.bias is None else y + part.bias.detach().numpy()

    def scores_bias(self, n):
        bias = np.zeros((H, n, n))
        if self.family == "t5":  # the nearest 8 of each side have a bucket of their own
            first = self.module.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight.detach().numpy()
            for i in range(n):
                for j in range(n):
                    bias[:, i, j] = first[abs(i - j) + 16 * (j > i)]
        if self.made.causal:
            bias += np.triu(np.full((n, n), -np.inf), 1)
        return bias

    def turned(self, x):
        """Rotary positions of Llama."""
        n, size = x.shape[-2:]
        angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, size, 2) / size)
        cos, sin = (np.concatenate([f(angles)] * 2, -1) for f in (np.cos, np.sin))
        return x * cos + np.concatenate([-x[..., size // 2 :], x[..., : size // 2]], -1) * sin

    def heads(self):
        x = self.norm(0, self.x) if self.made.first else self.x
        parts = [self.linear(name, x) for name in self.made.queries]
        q, k, v = parts if len(parts) == 3 else np.split(parts[0], 3, -1)
        size = q.shape[-1] // H
        q, k, v = (each.reshape(len(x), -1, size).swapaxes(0, 1) for each in (q, k, v))
        if self.family == "llama":
            q, k = self.turned(q), self.turned(k)
        k, v = (np.repeat(each, H // len(each), 0) for each in (k, v))
        scores = q @ k.swapaxes(1, 2) * (1 if self.family == "t5" else 1 / math.sqrt(size)) + self.scores_bias(len(x))
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return (weights / weights.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(x), -1)

    def attention(self):
        out = self.linear(self.made.projection, self.heads())
        return out * self.block.layer_scale1.lambda1.detach().numpy() if self.family == "dinov2" else out

    def mlp(self):
        middle = self.x + self.attention()
        x = self.norm(1, middle) if self.made.first else self.norm(0, middle)
        hidden = self.linear(self.made.mlp[0], x)
        gate = self.linear(self.made.mlp[2], x) if len(self.made.mlp) == 3 else hidden
        erf = np.vectorize(math.erf)
        active = {
            "gelu": lambda z: z * (1 + erf(z / math.sqrt(2))) / 2,
            "gelu_new": lambda z: z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
            "quick_gelu": lambda z: z / (1 + np.exp(-1.702 * z)),
            "silu": lambda z: z / (1 + np.exp(-z)),
            "relu": lambda z: np.maximum(z, 0),
        }[self.made.activation](gate)
        out = self.linear(self.made.mlp[1], active * hidden if len(self.made.mlp) == 3 else active)
        return out * self.block.layer_scale2.lambda1.detach().numpy() if self.family == "dinov2" else out


@pytest.mark.parametrize("family", FAMILIES)
def test_sites_are_what_the_weights_say(family, sampled):
    module, samples = _built(family), sampled(family)
    network = open_model(module, make_inputs=lambda contents: _inputs(family, module, contents))
    stack = FAMILIES[family].stack
    names = [f"{stack}block_2.{kind}" for kind in ("attention", "mlp", "heads", "head_3")]
    table = dict(network.blocks(samples, names, "mean:all", block_rows=3))[0]
    for row, content in enumerate(samples.read(range(3))):
        with torch.no_grad():
            output = module(**_inputs(family, module, [content]), output_hidden_states=True)
        states = output.encoder_hidden_states if module.config.is_encoder_decoder else output.hidden_states
        reference = Reference(family, module, states[1][0].numpy())
        heads = reference.heads()
        size = heads.shape[1] // H
        expected = [reference.attention(), reference.mlp(), heads, heads[:, 2 * size : 3 * size]]
        for name, value in zip(names, expected, strict=True):
            found, wanted = table[name][row], value.mean(0)
            assert np.linalg.norm(found - wanted) <= 1e-5 * np.linalg.norm(wanted), name


def softmax_heads(attention, x):
    """Heads of torch's own attention, in float64 from its weights."""
    weight, bias = (part.detach().double().numpy() for part in (attention.in_proj_weight, attention.in_proj_bias))
    q, k, v = (each.reshape(len(x), H, -1).swapaxes(0, 1) for each in np.split(x @ weight.T + bias, 3, -1))
    scores = q @ k.swapaxes(1, 2) / math.sqrt(D // H)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(x), -1)


class Encoder(torch.nn.Module):
    """A transformer of torch's own parts, as people write them."""

    def __init__(self, first: bool, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embed = torch.nn.Linear(5, D)
        options = {"norm_first": first, "batch_first": batch_first, "dropout": 0.1}
        layer = torch.nn.TransformerEncoderLayer(D, H, 24, **options)
        self.encoder = torch.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.batch_first = batch_first
        with torch.no_grad():
            for weight in self.parameters():
                weight.add_(0.1 * torch.randn_like(weight))

    def forward(self, x):
        x = self.embed(x)
        return self.encoder(x) if self.batch_first else self.encoder(x.transpose(0, 1)).transpose(0, 1)


@pytest.fixture
def series(rng, make_samples):
    return make_samples([rng.normal(size=(T, 5)).astype(np.float32) for _ in range(6)], "array")


@pytest.mark.parametrize("first", [True, False], ids=["norm first", "norm last"])
@pytest.mark.parametrize("batch_first", [True, False], ids=["samples first", "time first"])
def test_heads_of_torchs_own_attention_which_projects_without_a_module(first, batch_first, series):
    module = Encoder(first, batch_first).eval()
    weight = module.encoder.layers[1].self_attn.out_proj.weight
    before = weight.detach().clone()
    names = ["block_1", "block_2.attention", "block_2.mlp", "block_2.heads", "block_2.head_2", "block_2"]
    table = dict(open_model(module).blocks(series, names, "flatten", block_rows=6))[0]
    block = module.encoder.layers[1]
    for row in range(6):
        found = {name: table[name][row].reshape(T, -1) for name in names}
        x = found["block_1"].astype(float)
        norm = torch.nn.functional.layer_norm
        given = norm(torch.from_numpy(x), (D,), block.norm1.weight.double(), block.norm1.bias.double())
        heads = softmax_heads(block.self_attn, given.detach().numpy() if first else x)
        np.testing.assert_allclose(found["block_2.heads"], heads, atol=1e-5)
        np.testing.assert_allclose(found["block_2.head_2"], heads[:, D // H : 2 * D // H], atol=1e-5)
        projected = heads @ block.self_attn.out_proj.weight.detach().double().numpy().T
        projected += block.self_attn.out_proj.bias.detach().double().numpy()
        np.testing.assert_allclose(found["block_2.attention"], projected, atol=1e-5)
        if first:
            np.testing.assert_allclose(x + projected + found["block_2.mlp"], found["block_2"], atol=1e-5)
    assert module.encoder.layers[1].self_attn.out_proj.weight is weight
    assert torch.equal(weight, before)


def test_sites_are_never_a_default_and_have_the_depth_of_their_block(series):
    network = open_model(Encoder(True, True))
    contents = series.read([0, 1])
    assert not [layer.name for layer in network.layers("mean", contents) if "." in layer.name]
    assert not [layer.name for layer in network.layers("mean", contents, select="block_*") if "." in layer.name]
    found = network.layers("mean", contents, select="block_*.*,block_2")
    assert [layer.name for layer in found if layer.name.startswith("block_2")] == [
        "block_2.heads", "block_2.head_1", "block_2.head_2", "block_2.head_3", "block_2.head_4",
        "block_2.attention", "block_2.mlp", "block_2",
    ]  # fmt: skip
    assert {layer.depth for layer in found if layer.name.startswith("block_2")} == {2 / 3}
    assert {layer.name: layer.n_units for layer in found}["block_2.head_3"] == D // H
    assert {layer.name: layer.shape for layer in found}["block_2.heads"] == (T, D)


def test_what_was_shown_of_sites_is_in_the_run(tmp_path, series):
    run = ls.extract(Encoder(False, True), series, out=tmp_path / "run", layers="block_*.attention,block_1.head_2")
    shown = run.record["proofs"]["sites"]
    assert set(shown) == {"block_1.attention", "block_2.attention", "block_3.attention", "block_1.head_2"}
    assert 0 <= shown["block_2.attention"]["sum"] < 2e-6
    assert shown["block_1.head_2"]["heads"] == H
    assert 0 <= shown["block_1.head_2"]["projection"] < 1e-5


class Scaled(torch.nn.TransformerEncoderLayer):
    """Adds half of what its attention puts out."""

    def forward(self, x, **_):
        x = x + 0.5 * self.self_attn(x, x, x, need_weights=False)[0]
        return x + self._ff_block(x)


class Mixing(torch.nn.Module):
    """Mixes positions by a convolution over them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.convolution = torch.nn.LayerNorm(D), torch.nn.Conv1d(D, D, 3, padding=1)
        self.mlp = torch.nn.Linear(D, D)

    def forward(self, x):
        x = x + Turned(self.convolution)(self.norm(x))
        return x + self.mlp(x)


class Lying(torch.nn.Module):
    """Says that it has two heads and has four."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.projection = (torch.nn.Linear(D, D) for _ in range(4))
        self.num_heads, self.attention = 2, torch.nn.Identity()

    def forward(self, x):
        q, k, v = (f(x).reshape(len(x), T, H, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        heads = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(len(x), T, D)
        return x + self.attention(self.projection(heads))


def Turned(part):  # noqa: N802 (stands where a module could)
    return lambda x: part(x.transpose(1, 2)).transpose(1, 2)


REFUSED = {
    "scaled": (lambda: Scaled(D, H, 24, batch_first=True), "attention",
               "is in a block of which it is not known what its modules add to what enters it"),
    "mixing": (Mixing, "attention",
               "is in a block of which it is not known what its modules add to what enters it"),
    "lying": (Lying, "heads", "are 2 by what the network says and 4 by its numbers"),
    "head": (Lying, "head_1", "are 2 by what the network says and 4 by its numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_shown_is_refused_in_one_line(case, series):
    block, kind, why_not = REFUSED[case]

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Linear(5, D)
            self.blocks = torch.nn.ModuleList(block() for _ in range(3))

        def forward(self, x):
            x = self.embed(x)
            for each in self.blocks:
                x = each(x)
            return x

    network = open_model(Net())
    with pytest.raises(InvalidValue) as refusal:
        network.layers("mean", series.read([0, 1]), select=f"block_2.{kind}")
    assert str(refusal.value) == (
        f"layer 'block_2.{kind}' {why_not}; choose other layers, by the paths of their modules."
    )


def test_a_site_that_is_mistyped_is_named_with_the_nearest(series):
    with pytest.raises(UnknownName, match=r"^unknown layer 'block_2\.attn'; nearest: [^.]*block_2\.attention"):
        open_model(Encoder(True, True)).layers("mean", series.read([0, 1]), select="block_2.attn")


def test_a_head_that_is_not_there_is_an_unknown_name(series):
    with pytest.raises(UnknownName, match=r"^unknown layer 'block_2\.head_9'"):
        open_model(Encoder(True, True)).layers("mean", series.read([0, 1]), select="block_2.head_9")


def test_attention_is_not_told_by_samples_of_one_position(make_samples, rng):
    samples = make_samples([rng.normal(size=(1, 5)).astype(np.float32) for _ in range(3)], "array")
    with pytest.raises(InvalidValue, match="told from others by samples of one position; put a longer one first;"):
        open_model(Encoder(True, True)).layers("mean", samples.read([0, 1]), select="block_2.attention")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_sites_are_told_in_whatever_the_network_computes(dtype, series):
    whole, other = Encoder(True, True).eval(), Encoder(True, True).eval().to(dtype)
    networks = [open_model(module, make_inputs=lambda c: torch.from_numpy(np.stack(c))) for module in (whole, other)]
    names = ["block_2.attention", "block_2.mlp", "block_2.head_2"]
    one, two = (dict(network.blocks(series, names, "mean", block_rows=6))[0] for network in networks)
    for name in names:
        np.testing.assert_allclose(one[name], two[name], atol=0.05 * np.abs(one[name]).max())
    assert networks[1].proofs(names)["sites"]["block_2.mlp"]["sum"] < 1e-5
    assert next(other.parameters()).dtype == dtype


class Shifting(torch.nn.Module):
    """Mixes positions by a shift, and has an mlp."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm, self.mlp = torch.nn.Conv1d(D, D, 1), torch.nn.LayerNorm(D), torch.nn.Linear(D, D)
        self.out = torch.nn.Identity()

    def forward(self, x):
        x = x + self.out(self.mix(x.transpose(1, 2)).roll(1, 2).transpose(1, 2))
        return x + self.mlp(self.norm(x))


def test_blocks_of_other_kinds_are_left_out_of_a_pattern_and_refused_by_name(series):
    class Hybrid(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Linear(5, D)
            attending = torch.nn.TransformerEncoderLayer(D, H, 24, norm_first=True, batch_first=True)
            self.blocks = torch.nn.ModuleList([Shifting(), attending, Shifting()])
            self.config = SimpleNamespace(num_hidden_layers=3)

        def forward(self, x):
            x = self.embed(x)
            for each in self.blocks:
                x = each(x)
            return x

    network, contents = open_model(Hybrid()), series.read([0, 1])
    found = network.layers("mean", contents, select="block_*.attention,block_*.mlp")
    assert [each.name for each in found] == ["block_1.mlp", "block_2.attention", "block_2.mlp", "block_3.mlp"]
    with pytest.raises(
        InvalidValue, match=r"^layer 'block_1\.heads' is not found: what mixes positions comes of no mod"
    ):
        network.layers("mean", contents, select="block_1.heads")


def test_cross_attention_is_what_the_weights_say_of_the_source(sampled):
    module, samples = _built("t5"), sampled("t5")
    network = open_model(module, make_inputs=lambda contents: _inputs("t5", module, contents))
    names = [f"decoder.block_2{site}" for site in (".attention", ".cross_attention", ".mlp", "")]
    names += ["decoder.block_1", "encoder.final_norm"]
    table = dict(network.blocks(samples, names, "flatten", block_rows=3))[0]
    cross, norm = (getattr(module.decoder.block[1].layer[1], name) for name in ("EncDecAttention", "layer_norm"))
    q, k, v, o = (getattr(cross, name).weight.detach().numpy().T for name in "qkvo")
    for row in range(3):
        own, added, mlp, after, before, source = (table[name][row].astype(float).reshape(-1, D) for name in names)
        np.testing.assert_allclose(before + own + added + mlp, after, rtol=1e-5, atol=1e-5)
        x = before + own
        x = norm.weight.detach().numpy() * x / np.sqrt((x**2).mean(-1, keepdims=True) + norm.variance_epsilon)
        a, b, c = (y.reshape(len(y), H, -1).swapaxes(0, 1) for y in (x @ q, source @ k, source @ v))
        weights = np.exp(a @ b.swapaxes(1, 2) - (a @ b.swapaxes(1, 2)).max(-1, keepdims=True))
        heads = (weights / weights.sum(-1, keepdims=True) @ c).swapaxes(0, 1).reshape(len(x), -1)
        assert np.linalg.norm(added - heads @ o) <= 1e-5 * np.linalg.norm(added)

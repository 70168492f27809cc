"""A network without one of its blocks is the network from which that block was taken, and is left as it was."""

from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction import open_model
from layerscape.extraction.ablation import blocks_in, losses_without
from tests.extraction.test_adapters import ALPHA, RANK, adapter
from tests.extraction.test_loss import CAUSAL, head_of

pytestmark = pytest.mark.filterwarnings("ignore:.* are not used, as those of a head are not")
LISTS = {"gpt2": "transformer.h", "llama": "model.layers", "neox": "gpt_neox.layers"}


def losses_of_the_shorter(folder, path, dropped, texts):
    """What transformers gives of each text alone, by the model whose list of blocks lacks one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer, (holder, name) = AutoTokenizer.from_pretrained(folder), path.rsplit(".", 1)
    blocks = getattr(model.get_submodule(holder), name)
    kept = nn.ModuleList([block for place, block in enumerate(blocks) if place != dropped])
    setattr(model.get_submodule(holder), name, kept)
    model.config.num_hidden_layers = len(kept)
    found = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            found.append(float(model(input_ids=ids, labels=ids, use_cache=False).loss) if ids.shape[1] > 1 else np.nan)
    return np.array(found)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("family", CAUSAL)
def test_losses_are_those_of_the_model_without_the_block(family, size, folders, some_samples, tmp_path):
    folder, samples = head_of(tmp_path, folders(family)), some_samples("text", 20)
    network = open_model(folder, device="cpu", loss=True)
    blocks = blocks_in(network, samples)
    found = losses_without(network, samples, blocks, None, batch_size=size)
    assert [(block.name, block.before) for block in blocks] == [
        ("block_1", "embedding"),
        ("block_2", "block_1"),
        ("block_3", "block_2"),
    ]
    texts = samples.read(range(20))
    for place in range(3):
        np.testing.assert_allclose(
            found.without[place], losses_of_the_shorter(folder, LISTS[family], place, texts), rtol=1e-5
        )
    np.testing.assert_allclose(found.whole, losses_of_the_shorter(folder, LISTS[family], None, texts), rtol=1e-5)
    assert found.why_not == ("", "", "")


class Turn(nn.Linear):
    """A residual block; what it puts out is a tensor, or one in something."""

    def __init__(self, wrap=lambda x: x, unwrap=lambda x: x):
        super().__init__(6, 6)
        self.wrap, self.unwrap = wrap, unwrap

    def forward(self, given):
        x = self.unwrap(given)
        return self.wrap(x + torch.tanh(super().forward(x)))


class InPlace(Turn):
    def forward(self, x):
        x += torch.tanh(functional.linear(x, self.weight, self.bias))
        return x


class Net(nn.Module):
    def __init__(self, blocks, head=None):
        super().__init__()
        self.first, self.blocks, self.head = nn.Linear(4, 6), nn.ModuleList(blocks), head or nn.Linear(6, 3)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Added(Net):
    """What a block puts out is added to the state outside of it."""

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


class Shared(Net):
    """The same block several times, as in ALBERT."""

    def forward(self, x):
        x = self.first(x)
        for _ in range(5):
            x = self.blocks[0](x)
        return self.head(x)


@dataclass
class Held:
    state: torch.Tensor


Pair = namedtuple("Pair", ["state", "other"])
X = np.random.default_rng(0).standard_normal((40, 4)).astype("f4")
Y = torch.from_numpy(np.random.default_rng(1).integers(0, 3, 40))


def own(output, rows):
    return functional.cross_entropy(output, Y[rows], reduction="none")


def of_module(module, contents=X, loss=own, make_samples=None):
    network = open_model(module, device="cpu")
    samples = make_samples(list(contents), "array")
    blocks = blocks_in(network, samples)
    return blocks, losses_without(network, samples, blocks, loss, batch_size=16)


def seeded(make):
    torch.manual_seed(0)
    return make()


def without(module, place, forward):
    """The losses by hand, with the state that one of the blocks was given in place of what it makes of it."""
    module.eval()
    with torch.no_grad():
        x = module.first(torch.from_numpy(X))
        for number in range(forward.times):
            x = x if number == place else forward(module, x, number)
        return own(module.head(x), np.arange(40)).double().numpy()


class One:
    def __init__(self, times, step):
        self.times, self._step = times, step

    def __call__(self, module, x, number):
        return self._step(module, x, number)


BY_HAND = {
    "tensor": (lambda: Net([Turn() for _ in range(4)]), One(4, lambda net, x, n: net.blocks[n](x))),
    "in place": (lambda: Net([InPlace() for _ in range(4)]), One(4, lambda net, x, n: net.blocks[n](x.clone()))),
    "added outside": (
        lambda: Added([nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(4)]),
        One(4, lambda net, x, n: x + net.blocks[n](x)),
    ),
    "shared": (lambda: Shared([Turn()]), One(5, lambda net, x, n: net.blocks[0](x))),
}


@pytest.mark.parametrize("kind", ["tensor", "in place", "added outside", "shared"])
def test_of_a_module_it_is_what_comes_by_hand(kind, make_samples):
    make, forward = BY_HAND[kind]
    module = seeded(make)
    blocks, found = of_module(module, make_samples=make_samples)
    assert [block.name for block in blocks] == [f"block_{place + 1}" for place in range(forward.times)]
    for place in range(forward.times):
        np.testing.assert_allclose(found.without[place], without(seeded(make), place, forward), rtol=1e-5)
    np.testing.assert_allclose(found.whole, without(seeded(make), None, forward), rtol=1e-6)


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda x: (x, torch.arange(3)), lambda got: got[0]),
        (lambda x: [x, None], lambda got: got[0]),
        (lambda x: {"mask": torch.ones(3, dtype=torch.bool), "state": x}, lambda got: got["state"]),
        (Held, lambda got: got.state),
        (lambda x: Pair(x, torch.arange(2)), lambda got: got.state),
    ],
    ids=["tuple", "list", "dict", "dataclass", "named tuple"],
)
def test_what_a_block_puts_out_is_found_in_whatever_holds_it(wrap, unwrap, make_samples):
    plain = seeded(lambda: Net([Turn() for _ in range(4)]))
    held = seeded(lambda: Net([Turn() for _ in range(4)]))
    for block in held.blocks:
        block.wrap, block.unwrap = wrap, unwrap
    held.first, held.head = nn.Sequential(held.first, Changed(wrap)), nn.Sequential(Changed(unwrap), held.head)
    _, expected = of_module(plain, make_samples=make_samples)
    _, found = of_module(held, make_samples=make_samples)
    np.testing.assert_array_equal(found.without, expected.without)


class Changed(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x):
        return self.change(x)


def test_a_first_block_that_takes_another_structure_is_refused(make_samples):
    module = seeded(lambda: Net([Turn() for _ in range(4)], nn.Sequential(Changed(lambda x: x[0]), nn.Linear(6, 3))))
    for block in module.blocks:
        block.wrap = lambda x: (x, None)
        block.unwrap = lambda got: got[0] if isinstance(got, tuple) else got
    with pytest.raises(InvalidValue, match=r"^what 'block_1' is given, or what it puts out, is no tensor in the place"):
        of_module(module, make_samples=make_samples)


class Remembering(Turn):
    """A block that leaves something for the others, which they wait for, outside of what it puts out."""

    def __init__(self, book, number):
        super().__init__()
        self.book, self.number = book, number

    def forward(self, x):
        if self.number == 0:
            self.book.clear()
        self.book.append(x.mean())
        return x + torch.tanh(functional.linear(x, self.weight, self.bias)) * len(self.book)


def test_blocks_that_leave_something_for_others_are_run_each_time(make_samples):
    book = []
    module = seeded(lambda: Net([Remembering(book, number) for number in range(4)]))
    _, found = of_module(module, make_samples=make_samples)
    module.eval()
    with torch.no_grad():
        x = module.first(torch.from_numpy(X))
        for number in (0, 1, 3):
            x = module.blocks[number](x)
        expected = own(module.head(x), np.arange(40))
    np.testing.assert_allclose(found.without[2], expected, rtol=1e-5)


def state_of(module):
    """Everything of a module that may have been changed."""
    parts = [vars(part).keys() for part in module.modules()]
    modes = [part.training for part in module.modules()]
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()]
    return parts, modes, hooks


def test_the_module_is_left_as_it_was_to_the_bit(make_samples):
    module = seeded(lambda: Net([nn.Sequential(Turn(), nn.BatchNorm1d(6), nn.Dropout(0.5)) for _ in range(4)]))
    module.train()
    module.blocks[2].eval()
    before, weights = state_of(module), {name: each.clone() for name, each in module.state_dict().items()}
    torch.manual_seed(3)
    expected = module(torch.from_numpy(X))
    module.load_state_dict(weights)  # running means moved
    torch.manual_seed(3)
    _, found = of_module(module, make_samples=make_samples)
    assert np.isfinite(found.without).all()
    assert state_of(module) == before
    for name, each in module.state_dict().items():
        assert torch.equal(each, weights[name]), name
    assert torch.equal(module(torch.from_numpy(X)), expected)


def test_a_loss_that_fails_leaves_the_module_as_it_was_too(make_samples):
    module = seeded(lambda: Net([Turn() for _ in range(4)]))
    before = state_of(module)
    with pytest.raises(ZeroDivisionError):
        of_module(module, loss=lambda output, rows: 1 / 0, make_samples=make_samples)
    assert state_of(module) == before


def test_a_forward_of_a_blocks_own_is_put_back(make_samples):
    module = seeded(lambda: Net([Turn() for _ in range(4)]))
    plain = module.blocks[1].forward
    module.blocks[1].forward = doubled = lambda x: plain(2 * x)
    _, found = of_module(module, make_samples=make_samples)
    assert module.blocks[1].forward is doubled
    assert (found.without[1] != found.whole).all()


class Stage(nn.Module):
    """A residual block of convolutions, of which some change the shape."""

    def __init__(self, a, b):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, 1 if a == b else 2, padding=1)
        self.past = nn.Identity() if a == b else nn.Conv2d(a, b, 1, 2)

    def forward(self, x):
        return self.past(x) + torch.relu(self.conv(x))


def stages(*widths):
    torch.manual_seed(0)
    net = Net([Stage(a, b) for a, b in pairwise(widths)])
    net.first = nn.Conv2d(1, widths[0], 3, padding=1)
    net.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 3))
    return net


IMAGES = np.random.default_rng(0).standard_normal((40, 1, 8, 8)).astype("f4")


def test_blocks_that_change_the_shape_stay_and_say_so(make_samples):
    _, found = of_module(stages(4, 4, 8, 8), IMAGES, make_samples=make_samples)
    why = "it is given 4 × 8 × 8 and puts out 8 × 4 × 4, so that nothing can be handed on in its place"
    assert found.why_not == ("", why, "")
    assert np.isnan(found.without).all(axis=1).tolist() == [False, True, False]


def test_where_all_blocks_change_the_shape_it_is_refused(make_samples):
    text = (
        "no block can be left out: 'block_1' is given 4 × 8 × 8 and puts out 8 × 4 × 4, so that nothing can be handed "
        "on in its place (so it is with 1 more)."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        of_module(stages(4, 8, 16), IMAGES, make_samples=make_samples)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            lambda output, rows: functional.cross_entropy(output, Y[rows]),
            "loss gave an array of shape () for 2 samples; give one number of each, shape (2,), as "
            "cross_entropy(…, reduction='none') does.",
        ),
        (
            lambda output, rows: output,
            "loss gave an array of shape (2, 3) for 2 samples; give one number of each, shape (2,), as "
            "cross_entropy(…, reduction='none') does.",
        ),
    ],
    ids=["mean", "logits"],
)
def test_a_loss_that_is_none_of_each_sample_is_refused(loss, text, make_samples):
    with pytest.raises(InvalidType, match=f"^{re.escape(text)}$"):
        of_module(seeded(lambda: Net([Turn() for _ in range(4)])), loss=loss, make_samples=make_samples)


def test_a_network_without_blocks_is_refused(make_samples):
    text = "no blocks that follow each other are found in the network, so that none can be left out; give one that"
    with pytest.raises(InvalidValue, match=f"^{text}"):
        of_module(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), make_samples=make_samples)


def test_blocks_before_are_computed_once(make_samples, monkeypatch):
    calls = []
    module = seeded(lambda: Net([Turn() for _ in range(4)]))
    network, samples = open_model(module, device="cpu"), make_samples(list(X[:16]), "array")
    blocks = blocks_in(network, samples)
    monkeypatch.setattr(Turn, "forward", lambda self, x, own=Turn.forward: calls.append(1) or own(self, x))
    losses_without(network, samples, blocks, own, batch_size=16)
    proof = 4 + 4 * 3 + (3 + 2 + 1 + 0)  # on two samples each is left out twice, once with all before it computed again
    assert len(calls) == proof + 4 + (3 + 2 + 1 + 0)


def test_the_command_line_and_python_say_the_same(folders, some_samples, tmp_path, capsys):
    import json

    from layerscape.cli import main

    folder = head_of(tmp_path / "model", folders("llama"))
    texts = [text for text in some_samples("text", 40).read(range(40)) if " " in text] + ["cat"]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    out = str(tmp_path / "kept")
    asked = ["ablate", folder, str(tmp_path / "texts.txt"), "--k", "5", "--out", out, "--device", "cpu", "--json"]
    assert main(asked) == 0
    said = json.loads(capsys.readouterr().out)
    found = ls.ablate(folder, texts, k=5, device="cpu", progress=False)
    assert [row["increase"] for row in said["rows"]] == pytest.approx(found.table.increase.tolist(), rel=1e-6)
    assert said["loss"]["value"] == pytest.approx(np.nanmean(found.whole))
    run = ls.open(out)
    assert list(run.layers) == ["embedding", "block_1", "block_2", "block_3"]
    assert found.table.overlap.tolist() == [
        ls.estimate("overlap", run[a], run[b], k=5).value for a, b in pairwise(run.layers)
    ]
    reach = [ls.measure(run, "neighbor_survival", k=5, save=False)]
    to_last = reach[0][reach[0].other_layer == "block_3"].value.tolist()
    assert found.table.neighbor_survival.tolist() == to_last
    assert found.warnings[-1] == (
        "no correlation of 3 blocks with overlap, neighbor_survival, cka, angular_distance and depth; there is one of "
        "4 or more"
    )


def test_a_model_of_one_block_and_lora_on_another(folders, some_samples, tmp_path):
    """LoRA is merged into its base, whose blocks are then left out like any others."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    texts = [text for text in some_samples("text", 30).read(range(30)) if " " in text]
    tokenizer = AutoTokenizer.from_pretrained(folders("llama"))
    size = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "num_hidden_layers": 1}
    torch.manual_seed(0)
    one = AutoModelForCausalLM.from_config(LlamaConfig(vocab_size=len(tokenizer), **size))
    one.save_pretrained(tmp_path / "one")
    tokenizer.save_pretrained(tmp_path / "one")
    found = ls.ablate(str(tmp_path / "one"), texts, "overlap", k=5, device="cpu", progress=False)
    assert found.sentence.startswith("Without block_1 the loss changes by ")
    assert len(found.table) == 1

    base = head_of(tmp_path / "base", folders("llama"))
    tuned, learned = adapter(tmp_path / "lora", base, "llama", prefix="model.")
    merged = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        for path, (a, b) in learned.items():
            merged.model.get_submodule(path).weight += ALPHA / RANK * b @ a
    merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "merged")
    asked = {"k": 5, "device": "cpu", "progress": False}
    one, two = (ls.ablate(str(each), texts, "overlap", **asked) for each in (tuned, tmp_path / "merged"))
    np.testing.assert_allclose(one.without, two.without, rtol=1e-5)
    runs = [
        ls.extract(str(each), texts, out=tmp_path / f"run{n}", device="cpu") for n, each in enumerate((base, tuned))
    ]
    changed = ls.changes(*runs, k=5)
    assert changed.table.same.tolist() == ["to the bit", "to the bit", "", "", ""]


def test_what_has_no_loss_is_refused_in_one_line(folders, tmp_path, capsys):
    from layerscape.cli import main

    (tmp_path / "texts.txt").write_text("the cat sat\na dog ran")
    for model in (folders("bert"), "demo"):
        assert main(["ablate", model, str(tmp_path / "texts.txt")]) == 2
        said = capsys.readouterr().err.strip()
        assert said.startswith("error: ")
        assert "loss" in said
        assert "\n" not in said

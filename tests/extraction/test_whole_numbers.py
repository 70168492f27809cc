"""Arrays of whole numbers as samples: token ids stay whole numbers, pictures of bytes become floats as ever."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

N, LENGTH, WORDS = 20, 7, 600
IDS = np.random.default_rng(0).integers(1, WORDS, (N, LENGTH))


class Reader(nn.Module):
    """An embedding, a recurrent layer and a head, as one writes it for texts."""

    def __init__(self, padding: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(WORDS, 8, padding_idx=padding)
        self.rnn, self.head = nn.GRU(8, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, codes):
        states, _ = self.rnn(self.embed(codes))
        return self.head(states[:, -1])


class Table(nn.Module):
    """Looks numbers up by itself, without an embedding."""

    def __init__(self, *, cast: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.linear = nn.Parameter(torch.randn(WORDS, 8)), nn.Linear(8, 3)
        self.cast = cast

    def forward(self, codes):
        return self.linear(self.table[codes.long() if self.cast else codes].mean(1))


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.conv(x / 255).mean((2, 3)))


def exact(module, given):
    """What it gives for these numbers, in float64."""
    module = module.double()
    with torch.no_grad():
        found = module(torch.from_numpy(given))
    module.float()
    return found.numpy()


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16, ">i4"])
@pytest.mark.parametrize("how", ["array", "file", "list", "tensor"])
def test_token_ids_are_looked_up(tmp_path, dtype, how):
    given = IDS.astype(dtype)
    np.save(tmp_path / "ids.npy", given)
    inputs = {"array": given, "file": tmp_path / "ids.npy", "list": list(given), "tensor": torch.tensor(IDS)}[how]
    run = ls.extract(Reader(), inputs, out=tmp_path / "run", layers=["embed", "rnn", "head"])
    module = Reader()
    np.testing.assert_allclose(run["head"].matrix[:], exact(module, IDS), atol=1e-6)
    np.testing.assert_allclose(run["embed"].matrix[:], module.embed(torch.tensor(IDS)).mean(1).detach(), atol=1e-6)
    names = [layer.name for layer in open_model(Reader()).layers(contents=list(given[:2]), select="**")]
    assert names == ["embed", "rnn", "head", "output"]


def test_a_language_model_of_transformers_as_a_module(tmp_path):
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    module = BertModel(BertConfig(vocab_size=WORDS, **shape)).eval()
    run = ls.extract(module, IDS, out=tmp_path / "run")
    assert list(run.layers) == ["embedding", "block_1", "block_2"]
    with torch.no_grad():
        states = module.double()(torch.from_numpy(IDS), output_hidden_states=True).hidden_states
    for name, state in zip(run.layers, states, strict=True):
        np.testing.assert_allclose(run[name].matrix[:], state.mean(1), atol=1e-5)


@pytest.mark.parametrize("cast", [True, False])
def test_numbers_that_no_float_of_the_network_holds_are_right(tmp_path, cast):
    """In bfloat16 there is no 257, so that floats would look up another row, and nothing would fail."""
    module = Table(cast=cast).to(torch.bfloat16)
    run = ls.extract(module, IDS, out=tmp_path / "run", layers=["linear"])
    with torch.no_grad():
        expected = module(torch.from_numpy(IDS)).float()
    np.testing.assert_array_equal(run["linear"].matrix[:], expected)


def test_pictures_of_bytes_and_counts_are_floats_as_ever(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
    run = ls.extract(Pixels(), pictures, out=tmp_path / "pixels", layers=["input", "conv", "head"])
    np.testing.assert_array_equal(run["input"].matrix[:], pictures.reshape(N, -1))
    with torch.no_grad():
        np.testing.assert_allclose(run["head"].matrix[:], Pixels()(torch.tensor(pictures).float()), atol=1e-6)
    counts = np.random.default_rng(0).poisson(3.0, (N, 5))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    run = ls.extract(module, counts, out=tmp_path / "counts")
    with torch.no_grad():
        np.testing.assert_allclose(run["2"].matrix[:], module(torch.tensor(counts).float()), atol=1e-6)


def test_padding_that_the_network_names_is_asked_about(tmp_path):
    given = IDS.copy()
    given[13, 5:] = 0
    with pytest.raises(InvalidValue) as caught:
        ls.extract(Reader(padding=0), given, out=tmp_path / "run")
    said = str(caught.value)
    assert said.startswith("samples begin or end with 0, with which the embedding 'embed' pads, and an array does not")
    functions = re.findall(r"make_inputs=(lambda rows: (?:\{.*?\}|torch\.tensor\(np\.array\(rows\)\)))", said)
    assert len(functions) == 2  # both are Python that works
    with_mask, plain = (eval(each, {"torch": torch, "np": np}) for each in functions)
    run = ls.extract(Reader(padding=0), given, out=tmp_path / "a", make_inputs=with_mask, layers=["embed"])
    module = Reader(padding=0)
    np.testing.assert_allclose(
        run["embed"].matrix[13], module.embed(torch.tensor(given[13, :5])).mean(0).detach(), atol=1e-6
    )
    run = ls.extract(Reader(padding=0), given, out=tmp_path / "b", make_inputs=plain, layers=["embed"])
    np.testing.assert_allclose(
        run["embed"].matrix[13], module.embed(torch.tensor(given[13])).mean(0).detach(), atol=1e-6
    )


def test_what_looks_like_padding_is_said(tmp_path):
    given, said = IDS.copy(), []
    given[::2, 4:] = 0
    ls.extract(Reader(), given, out=tmp_path / "run", note=said.append)
    assert said[0] == (
        "samples end with up to 3 of 0, which is nowhere else in the 20 tried, and all of it counts as tokens; if it "
        'is padding, give make_inputs=lambda rows: {"codes": torch.tensor(np.array(rows)), "attention_mask": '
        "torch.tensor(np.array(rows)) != 0}"
    )
    said.clear()
    given = IDS.copy()
    given[:, -1] = 2  # as every text ends
    ls.extract(Reader(), given, out=tmp_path / "other", note=said.append)
    assert not any("padding" in each for each in said)


def test_ids_beyond_the_vocabulary_fail_in_words_of_the_embedding():
    with pytest.raises(InvalidValue, match="IndexError: index out of range in self, of whole numbers from 5 to 600"):
        open_model(Reader()).layers(contents=[np.array([5, WORDS]), np.array([6, 7])])


class OneByOne(nn.Module):
    """Looks up one sample at a time, inside of vmap."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(WORDS, 4), nn.Linear(4, 3)

    def forward(self, codes):
        return self.head(torch.vmap(lambda one: self.embed(one).sum(0))(codes))


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_ids_that_are_looked_up_inside_of_vmap_stay_whole(tmp_path, dtype):
    run = ls.extract(OneByOne(), IDS.astype(dtype), out=tmp_path / "run", layers=["head"])
    np.testing.assert_allclose(run["head"].matrix[:], exact(OneByOne(), IDS), atol=1e-5)


class Mixed(nn.Module):
    """A column of categories beside columns of counts, cast where they are used."""

    def __init__(self, unknown: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.linear = nn.Embedding(WORDS, 4, padding_idx=unknown), nn.Linear(LENGTH - 1, 3)

    def forward(self, x):
        return torch.cat([self.embed(x[:, 0].long()), self.linear(x[:, 1:])], dim=1)


def test_categories_beside_counts_are_floats_where_the_network_casts_them(tmp_path):
    run = ls.extract(Mixed(), IDS, out=tmp_path / "run", layers=["embed", "linear"])
    module = Mixed().double()
    with torch.no_grad():
        np.testing.assert_allclose(run["embed"].matrix[:], module.embed(torch.tensor(IDS[:, 0])), atol=1e-6)
        np.testing.assert_allclose(run["linear"].matrix[:], module.linear(torch.tensor(IDS[:, 1:]).double()), rtol=1e-5)


def test_a_category_that_is_unknown_is_no_padding(tmp_path):
    """Columns of categories are looked up one of each sample at a time, often with 0 for one that is not known."""
    given, said = IDS.copy(), []
    given[::3, 0] = 0
    given[1::2, 4:] = 0
    run = ls.extract(Mixed(unknown=0), given, out=tmp_path / "run", layers=["embed", "linear"], note=said.append)
    module, x = Mixed(unknown=0).double(), torch.tensor(given)
    with torch.no_grad():
        np.testing.assert_allclose(run["embed"].matrix[:], module.embed(x[:, 0]), atol=1e-6)
        np.testing.assert_allclose(run["linear"].matrix[:], module.linear(x[:, 1:].double()), rtol=1e-5)
    assert not any("padding" in each for each in said)


class Scales(nn.Module):
    """Takes bytes for levels of grey and floats for what is scaled already, as transforms of pictures do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return self.conv(x.float() / 255 if x.dtype == torch.uint8 else x)


def test_bytes_that_are_something_else_than_floats_are_asked_about(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
    with pytest.raises(InvalidValue) as caught:
        ls.extract(Scales(), pictures, out=tmp_path / "run")
    own = "lambda rows: torch.tensor(np.array(rows))"
    assert str(caught.value) == (
        "Scales makes something else of bytes than of the same numbers as floats; say which it is to get: "
        f"make_inputs={own}, or make_inputs={own}.float()."
    )
    for given, share in ((own, 255), (f"{own}.float()", 1)):
        make_inputs = eval(given, {"torch": torch, "np": np})
        run = ls.extract(Scales(), pictures, out=tmp_path / str(share), make_inputs=make_inputs, layers=["conv"])
        with torch.no_grad():
            expected = Scales().double().conv(torch.tensor(pictures).double() / share).mean((2, 3))
        np.testing.assert_allclose(run["conv"].matrix[:], expected, rtol=1e-4, atol=1e-5)


def test_ids_that_a_table_has_made_floats_of_are_whole_again(tmp_path):
    pd = pytest.importorskip("pandas")
    columns = [f"token {place}" for place in range(LENGTH)]
    pd.DataFrame(IDS, columns=columns).to_csv(tmp_path / "ids.csv", index=False)
    expected = exact(Reader(), IDS)
    for number, inputs in enumerate((tmp_path / "ids.csv", IDS.astype(float), pd.DataFrame(IDS, columns=columns))):
        run = ls.extract(Reader(), inputs, out=tmp_path / str(number), layers=["head"])
        np.testing.assert_allclose(run["head"].matrix[:], expected, atol=1e-6)
    broken = IDS.astype(float)
    broken[9, 3] = 2.5
    with pytest.raises(
        InvalidValue, match=r"^sample '9': numbers that are not whole, where those of others are and are"
    ):
        ls.extract(Reader(), broken, out=tmp_path / "broken")
    floats = np.ones((N, 5))
    floats[3] = 0.5
    run = ls.extract(nn.Sequential(nn.Linear(5, 2)), floats, out=tmp_path / "floats")
    np.testing.assert_array_equal(run["input"].matrix[:], floats)


class Reads(nn.Module):
    def __init__(self, padding=0):
        super().__init__()
        self.embed, self.linear = nn.Embedding(30, 5, padding_idx=padding), nn.Linear(5, 4)

    def forward(self, ids, mask=None):
        return self.linear(self.embed(ids))


def to_width(rows, width=9):
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])


PADDED = {
    "tensor": to_width,
    "tuple": lambda rows: (to_width(rows),),
    "a mask of another name": lambda rows: {"ids": to_width(rows), "mask": to_width(rows) > 0},
}


@pytest.mark.parametrize("how", PADDED)
def test_what_a_function_pads_without_a_mask_is_refused(how, rng, tmp_path):
    rows = [rng.integers(1, 29, size) for size in (9, 9, 4, 6)]  # the first two of a dry run are not padded
    text = (
        "make_inputs made samples that begin or end with 0, with which the embedding 'embed' pads, and no "
        "attention_mask; let it return a dict with one, 1 where a token counts and 0 where not."
    )
    with pytest.raises(InvalidValue, match=re.escape(text)):
        ls.extract(Reads(), rows, make_inputs=PADDED[how], out=tmp_path / "run")

    def masked(some):
        return {"ids": to_width(some), "attention_mask": (to_width(some) > 0).long()}

    assert ls.extract(Reads(), rows, make_inputs=masked, out=tmp_path / "masked").n_samples == 4
    assert ls.extract(Reads(None), rows, make_inputs=PADDED[how], out=tmp_path / "none").n_samples == 4

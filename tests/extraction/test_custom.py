"""Masks that a function of the user's makes, of which some say nothing or something else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

ROWS = [np.arange(1, 6) + i for i in range(4)]


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 4)

    def forward(self, codes):
        return self.embed(codes)


def found(make_samples, mask, special=None):
    """Of four samples, in one batch."""

    def make_inputs(rows):
        which = [int(row[0]) - 1 for row in rows]
        made = {"codes": torch.tensor(np.array(rows)), "attention_mask": mask[which]}
        return made if special is None else {**made, "special_tokens_mask": special[which]}

    torch.manual_seed(0)
    network = open_model(Embedded(), make_inputs=make_inputs)
    return dict(network.blocks(make_samples(ROWS, "array"), ["embed"], "mean", block_rows=4))[0]["embed"]


def test_a_sample_without_a_token_that_counts_is_named(make_samples):
    mask = torch.ones(4, 5, dtype=torch.long)
    mask[2] = 0
    with pytest.raises(
        InvalidValue, match=r"^sample 's2' has no token that counts: its attention_mask is 0 everywhere;"
    ):
        found(make_samples, mask)
    special = torch.zeros(4, 5, dtype=torch.long)
    special[3] = 1
    with pytest.raises(
        InvalidValue, match=r"^sample 's3' has no token that counts: all are special; remove it, or mend"
    ):
        found(make_samples, torch.ones(4, 5), special)


@pytest.mark.parametrize("row", [0, 3, 11])
def test_it_is_named_by_its_id_wherever_it_stands(tmp_path, row):
    """The first and the last are tried before a run, in a batch of their own."""
    given = np.arange(60).reshape(12, 5) % 20

    def make_inputs(rows):
        codes = torch.tensor(np.array(rows))
        return {"codes": codes, "attention_mask": (codes != torch.from_numpy(given[row])).any(1)[:, None].expand(-1, 5)}

    given[:, 0] = np.arange(12)
    says = rf"^sample '{row}' has no token that counts"
    with pytest.raises(InvalidValue, match=says):
        ls.extract(Embedded(), given, out=tmp_path / "run", make_inputs=make_inputs)


def test_samples_that_are_not_looked_at_are_not_read_before_a_run(make_samples):
    """One may be as large as a film."""
    samples, seen = make_samples(list(np.ones((40, 3), np.float32)), "array"), []

    def read(rows):
        seen.extend(rows)
        return [np.ones(3, np.float32) for _ in rows]

    assert open_model(nn.Sequential(nn.Linear(3, 2))).look(replace(samples, read=read)) == ""
    assert set(seen) == {0, 39}


def test_a_mask_to_be_added_is_no_mask(make_samples):
    added = torch.zeros(4, 5)
    added[:, 3:] = -10000.0
    with pytest.raises(InvalidValue, match=r"^attention_mask has values other than 0 and 1; make it 1 where a token"):
        found(make_samples, added)
    mask = torch.ones(4, 5)
    mask[:, 3:] = 0
    vectors = found(make_samples, mask)
    torch.manual_seed(0)
    table = Embedded().embed.weight.detach().double()
    np.testing.assert_allclose(vectors, [table[row[:3]].mean(0).numpy() for row in ROWS], atol=1e-6)


def test_the_sample_on_which_something_fails_is_named(make_samples):
    def make_inputs(rows):
        if any(row[0] == 3 for row in rows):
            raise KeyError("three")
        return torch.tensor(np.array(rows))

    network = open_model(Embedded(), make_inputs=make_inputs)
    says = r"^sample 's2': make_inputs fails on a list of 1 samples, the first of type ndarray: KeyError: 'three'\.$"
    with pytest.raises(InvalidValue, match=says):
        list(network.blocks(make_samples(ROWS, "array"), ["embed"], "mean", block_rows=4))
    rows = [*ROWS, np.array([1, 1, 1, 1, 20])]
    says = (
        r"^sample 's4': Embedded fails on inputs of shape \(1, 5\): IndexError: index out of range in self, of whole "
    )
    with pytest.raises(InvalidValue, match=says):
        list(open_model(Embedded()).blocks(make_samples(rows, "array"), ["embed"], "mean", block_rows=5))


def test_floats_for_an_embedding_and_numbers_too_large_are_told(make_samples):
    for others, says in (([row + 0.5 for row in ROWS], "which these are not"), ([row > 2 for row in ROWS], "as x.ast")):
        with pytest.raises(InvalidValue, match=f"; give whole numbers, {says}"):
            open_model(Embedded()).layers(contents=others)
    rows = [row.astype(np.uint64) + np.uint64(2**63) for row in ROWS]
    with pytest.raises(InvalidValue, match=r"^whole numbers above 9223372036854775807, of which no network takes any"):
        open_model(Embedded()).layers(contents=rows)


class Cast:
    def __call__(self, rows):
        return torch.tensor(np.array(rows))


@pytest.mark.parametrize(
    ("make_inputs", "said"),
    [
        (None, "layerscape.extraction.custom.AsTokens"),
        (Cast(), f"{__name__}.Cast"),
        (np.stack, "numpy.stack"),
    ],
    ids=["tokens", "an object", "a function of numpy"],
)
def test_what_makes_inputs_is_told_by_its_name(make_inputs, said):
    network = open_model(Embedded(), make_inputs=make_inputs)
    network.layers(contents=np.array(ROWS))
    told = network.describe()["preprocessing"]
    assert told["inputs"] == said
    assert ("made" in told) is (make_inputs is not None)


def test_how_channels_lie_in_memory_changes_no_vector(rng, make_samples):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3))
    pixels = [rng.normal(size=(3, 9, 7)).astype(np.float32) for _ in range(5)]
    with torch.no_grad():
        right = module(torch.from_numpy(np.stack(pixels))).mean((2, 3)).numpy()
    for held in (pixels, [np.asfortranarray(each) for each in pixels], [each.astype(">f4") for each in pixels]):
        for form in (torch.contiguous_format, torch.channels_last):
            network = open_model(module.to(memory_format=form))
            found = dict(network.blocks(make_samples(held, "array"), ["2"], "mean", block_rows=5, batch_size=2))[0]
            np.testing.assert_allclose(found["2"], right, rtol=1e-5, atol=1e-6)

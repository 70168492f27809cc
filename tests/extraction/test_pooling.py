from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import InvalidValue
from layerscape.extraction.pooling import Tokens, pool

SEQUENCES = ["mean", "mean:all", "last", "last:1", "last:3", "first", "cls", "max", "weighted"]
ALL = [*SEQUENCES, "flatten", "project:100@0"]


def padded(lengths: list[int], side: str, filler: float) -> tuple[torch.Tensor, Tokens, list[torch.Tensor]]:
    """Random sequences, the first token of which is special, padded with ``filler`` on one side."""
    generator = torch.Generator().manual_seed(sum(lengths))
    alone = [torch.randn(1, n, 3, generator=generator) for n in lengths]
    width = max(lengths) + 1
    hidden = torch.full((len(lengths), width, 3), filler)
    real = torch.zeros(len(lengths), width, dtype=torch.bool)
    content = real.clone()
    for i, one in enumerate(alone):
        start = 0 if side == "right" else width - one.shape[1]
        hidden[i, start : start + one.shape[1]] = one
        real[i, start : start + one.shape[1]] = True
        content[i, start + 1 : start + one.shape[1]] = True
    return hidden, Tokens(real, content), alone


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 6), min_size=1, max_size=4),
    side=st.sampled_from(["left", "right"]),
    filler=st.sampled_from([0.0, 1e9, float("nan")]),
    pooling=st.sampled_from(SEQUENCES),
)
def test_padding_on_either_side_changes_nothing(lengths, side, filler, pooling):
    hidden, tokens, alone = padded(lengths, side, filler)
    pooled = pool(hidden, pooling, tokens)
    for row, one in zip(pooled, alone, strict=True):
        expected = {
            "mean": one[0, 1:].mean(0),
            "mean:all": one[0].mean(0),
            "last:1": one[0, -1],
            "last:3": one[0, -3:].mean(0),  # of texts of two tokens both
            "weighted": (weights := torch.arange(1.0, one.shape[1] + 1)) @ one[0] / weights.sum(),
            "max": one[0, 1:].amax(0),
            "first": one[0, 1],
            "cls": one[0, 0],
            "last": one[0, -1],
        }[pooling]
        torch.testing.assert_close(row, expected)


def test_last_takes_a_special_token_at_the_end_too():
    hidden = torch.arange(4.0).reshape(1, 4, 1)
    content = torch.tensor([[False, True, True, False]])
    tokens = Tokens(torch.ones(1, 4, dtype=torch.bool), content)
    assert pool(hidden, "last", tokens).item() == 3
    assert pool(hidden, "mean", tokens).item() == 1.5


@pytest.mark.parametrize("pooling", ALL)
def test_a_pooled_vector_is_float32_and_no_view(pooling):
    for shape in [(2, 3), (2, 4, 3)]:
        for dtype in (torch.float32, torch.bfloat16):
            hidden = torch.ones(shape, dtype=dtype)
            pooled = pool(hidden, pooling)
            hidden.zero_()
            assert pooled.shape == ((2, 12) if len(shape) == 3 and pooling in ALL[-2:] else (2, 3))
            assert pooled.dtype == torch.float32
            assert (pooled == 1).all()


@pytest.mark.parametrize(
    "hidden",
    [
        [[100.0, 1.0, 4.0, -1e9], [100.0, 1.0, -1e9, -1e9]],
        [[-1e9, 100.0, 1.0, 4.0], [-1e9, -1e9, 100.0, 1.0]],
    ],
    ids=["right", "left"],
)
def test_values_by_hand_on_either_side_of_the_padding(hidden):
    hidden = torch.tensor(hidden)
    real = hidden > -1e9
    tokens = Tokens(real, real & (hidden != 100))
    expected = {
        "mean": [2.5, 1],
        "mean:all": [35, 50.5],
        "last": [4, 1],
        "last:2": [2.5, 50.5],
        "last:9": [35, 50.5],
        "first": [1, 1],
        "cls": [100, 100],
        "max": [4, 1],
        "weighted": [(100 + 2 * 1 + 3 * 4) / 6, (100 + 2 * 1) / 3],
    }
    for pooling, right in expected.items():
        torch.testing.assert_close(
            pool(hidden[..., None], pooling, tokens)[:, 0], torch.tensor(right, dtype=torch.float32)
        )


def test_half_precision_is_summed_in_float32():
    hidden = torch.full((1, 4000, 1), 40.0, dtype=torch.float16)  # the sum is above what float16 holds
    every = torch.ones(1, 4000, dtype=torch.bool)
    assert pool(hidden, "mean").item() == pool(hidden, "mean", Tokens(every, every)).item() == 40


def test_flatten_keeps_every_position_in_order():
    hidden = torch.arange(12.0).reshape(2, 3, 2)
    real = torch.ones(2, 3, dtype=torch.bool)
    tokens = Tokens(real, torch.tensor([False, True, True]).expand(2, 3))
    assert pool(hidden, "flatten", tokens).tolist() == hidden.reshape(2, 6).tolist()


def test_flatten_refuses_padding():
    hidden, tokens, _ = padded([2, 3], "right", 0)
    message = "pooling 'flatten' of samples that differ in length; choose mean, last, first or max."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        pool(hidden, "flatten", tokens)


def test_maps_are_pooled_over_space():
    hidden = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pool(hidden, "mean"), hidden.mean((2, 3)))
    torch.testing.assert_close(pool(hidden, "max"), hidden.amax((2, 3)))
    assert pool(hidden, "flatten").shape == (2, 60)


@pytest.mark.parametrize("pooling", ["cls", "first", "last", "weighted"])
def test_maps_have_no_tokens(pooling):
    message = f"pooling '{pooling}' of a map of shape (3, 4, 5), which has no tokens; choose mean, max or flatten."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        pool(torch.zeros(2, 3, 4, 5), pooling)


def test_one_number_per_sample_is_one_unit():
    assert pool(torch.zeros(5), "mean").shape == (5, 1)


def test_a_grid_has_the_means_of_its_cells_and_a_smaller_map_its_own():
    hidden = torch.arange(2 * 3 * 4 * 6, dtype=torch.float32).reshape(2, 3, 4, 6)
    cells = hidden.reshape(2, 3, 2, 2, 3, 2).mean((3, 5))
    torch.testing.assert_close(pool(hidden, "grid:2x3"), cells.flatten(1))
    torch.testing.assert_close(pool(hidden, "grid:1x1"), pool(hidden, "mean"))
    torch.testing.assert_close(pool(hidden, "grid:9x9"), pool(hidden, "flatten"))
    torch.testing.assert_close(pool(hidden, "grid:2x9"), hidden.reshape(2, 3, 2, 2, 6).mean(3).flatten(1))
    torch.testing.assert_close(pool(hidden[..., None], "grid:2x3x1"), cells.flatten(1))
    assert (pool(torch.ones(2, 5), "grid:4x4") == 1).all()


def test_a_grid_of_patches_leaves_out_the_class_token():
    patches = torch.arange(2 * 6 * 3, dtype=torch.float32).reshape(2, 6, 3)
    hidden = torch.cat([torch.full((2, 1, 3), 1e9), patches], dim=1)
    grid = pool(hidden, "grid:1x3", Tokens.after(1, hidden, (2, 3)))
    torch.testing.assert_close(grid, patches.reshape(2, 2, 3, 3).mean(1).movedim(-1, 1).flatten(1))


@pytest.mark.parametrize(
    ("shape", "pooling", "message"),
    [
        ((2, 5, 3), "grid:4x4", "pooling 'grid:4x4' of 5 tokens, which are no map; choose mean, last, first or max."),
        (
            (2, 3, 4, 5),
            "grid:4x4x4",
            "pooling 'grid:4x4x4' of a map of shape (3, 4, 5), which has 2 axes of space; "
            "give one number for each of them, or choose mean, max or flatten.",
        ),
    ],
)
def test_what_has_no_grid_is_refused(shape, pooling, message):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        pool(torch.zeros(shape), pooling)

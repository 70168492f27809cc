"""Which layers lie along one axis of depth."""

import pytest

from layerscape.core.depth import axes_of_depth, beside, site_of, steps


@pytest.mark.parametrize(
    ("depths", "numbers"),
    [
        ([0, 0.5, 1], [0, 0, 0]),
        ([None, 0, 1, None], [0, 0, 0, 0]),  # the input before, the norm after
        ([0, 1, None, 0, 1, None], [0, 0, 0, 1, 1, 1]),
        ([0, 0.5, 0.5, 1], [0, 0, 0, 0]),  # parts of one block
        ([None, None], [0, 0]),
        ([0, 1, 0, 1, 0], [0, 0, 1, 1, 2]),
        ([], []),
    ],
)
def test_an_axis_ends_where_depth_begins_anew(depths, numbers):
    layers = [f"layer {number}" for number in range(len(depths))]
    given = dict(zip(layers, depths, strict=True))
    assert list(axes_of_depth(layers, given).values()) == numbers
    every = zip(layers, layers[1:], numbers, numbers[1:], strict=False)
    assert steps(layers, given) == [(a, b) for a, b, first, second in every if first == second]


def test_layers_that_are_not_known_have_no_depth():
    assert steps(["a", "b"], {}) == [("a", "b")]


TOWERS = {"input": None, "l.embedding": 0.0, "l.block_1": 1.0, "r.embedding": 0.0, "r.block_1": 1.0}


def test_what_two_towers_are_given_is_a_layer_of_neither():
    assert axes_of_depth(list(TOWERS), TOWERS) == dict(zip(TOWERS, [0, 1, 1, 2, 2], strict=True))
    assert steps(list(TOWERS), TOWERS) == [("l.embedding", "l.block_1"), ("r.embedding", "r.block_1")]
    assert beside("l.block_1", list(TOWERS), TOWERS) == ["l.embedding", "l.block_1"]
    assert beside("input", list(TOWERS), TOWERS) == ["input", "l.embedding", "l.block_1"]


def test_what_one_stack_is_given_comes_before_it():
    one = {"input": None, "embedding": 0.0, "block_1": 1.0, "final_norm": None}
    assert steps(list(one), one)[0] == ("input", "embedding")
    assert beside("block_1", list(one), one) == beside("input", list(one), one) == list(one)


WITHIN = {
    "embedding": 0.0,
    "block_1.heads": 0.5, "block_1.head_1": 0.5, "block_1.head_2": 0.5, "block_1.attention": 0.5, "block_1.mlp": 0.5,
    "block_1": 0.5,
    "block_2.heads": 1.0, "block_2.head_1": 1.0, "block_2.head_2": 1.0, "block_2.attention": 1.0, "block_2.mlp": 1.0,
    "block_2": 1.0, "final_norm": None,
}  # fmt: skip


def test_what_is_within_blocks_lies_beside_the_residual_stream():
    assert steps(list(WITHIN), WITHIN) == [
        ("embedding", "block_1"),
        ("block_1.heads", "block_2.heads"),
        ("block_1.attention", "block_2.attention"),
        ("block_1.mlp", "block_2.mlp"),
        ("block_1", "block_2"),
        ("block_2", "final_norm"),
    ]


def test_two_stacks_have_sites_along_their_own_axes():
    depths = {f"{stack}.block_{n}{site}": n / 2 for stack in "ab" for n in (1, 2) for site in (".mlp", "")}
    found = axes_of_depth(list(depths), depths)
    assert len(set(found.values())) == 4
    assert steps(list(depths), depths) == [
        (f"{stack}.block_1{site}", f"{stack}.block_2{site}") for stack in "ab" for site in (".mlp", "")
    ]


@pytest.mark.parametrize(
    ("layer", "instead"),
    [
        ("block_1.head_2", ["embedding", "block_1", "block_2", "final_norm"]),
        ("block_2.mlp", ["embedding", "block_1", "block_2", "final_norm"]),
        ("block_2", ["embedding", "block_1", "block_2", "final_norm"]),
    ],
)
def test_in_place_of_a_site_one_would_take_the_residual_stream(layer, instead):
    assert beside(layer, list(WITHIN), WITHIN) == instead


def test_without_the_residual_stream_one_would_take_others_of_the_kind():
    heads = {name: depth for name, depth in WITHIN.items() if ".head_" in name or ".mlp" in name}
    assert beside("block_1.head_2", list(heads), heads) == [name for name in heads if ".head_" in name]
    depths = {"a.block_1": 1.0, "b.block_1.mlp": 1.0}
    assert beside("b.block_1.mlp", list(depths), depths) == ["b.block_1.mlp"]


@pytest.mark.parametrize("layer", ["block_3", "encoder.layer.3.attention", "block_3.attention.dense", "block_.mlp", ""])
def test_other_layers_are_no_sites(layer):
    assert site_of(layer) == ""

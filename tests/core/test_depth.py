"""Which layers lie along one axis of depth."""

import pytest

from layerscape.core.depth import axes_of_depth, steps


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

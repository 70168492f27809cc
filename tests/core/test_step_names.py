"""Steps of a training are read from names where these say one thing, and asked for where they do not."""

import pytest

from layerscape.core.step_names import steps_in
from layerscape.errors import InvalidValue


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (["checkpoint-500", "checkpoint-1000", "checkpoint-90"], [500, 1000, 90]),
        (["step_0050", "step_1500"], [50, 1500]),
        (["epoch=0-step=99", "epoch=0-step=9"], [99, 9]),
        (["epoch=1-val=03", "epoch=2-val=05"], [3, 5]),  # both give one order
        (["run7-step10-lr3", "run7-step2-lr3"], [10, 2]),  # the 7 and the 3 are the same in all
        (["epoch2step5", "epoch1step9"], [5, 9]),
        (["0", "12"], [0, 12]),
        (["lr0.5", "lr1.25", "lr0.05"], [0.5, 1.25, 0.05]),
        (["model.10.pt", "model.9.pt"], [10, 9]),
    ],
)
def test_the_number_in_which_names_differ_is_the_step(names, steps):
    assert steps_in(names) == steps


@pytest.mark.parametrize("names", [["base", "large"], ["step_1", "final"], ["same-1", "same-1"], ["a1", "b2"]])
def test_names_of_several_forms_say_nothing(names):
    assert steps_in(names) is None


def test_numbers_that_disagree_are_a_question():
    with pytest.raises(InvalidValue, match="hold 2 numbers that give different orders; say with steps="):
        steps_in(["epoch1-loss9", "epoch2-loss3"])


def test_versions_that_look_like_decimals_are_a_question():
    with pytest.raises(InvalidValue, match="decimals or versions, which come in different orders"):
        steps_in(["v1.9", "v1.10"])

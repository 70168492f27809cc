"""What is known without each block of groups: means, differences, and values above chance."""

import numpy as np
import pytest

from layerscape.core.influence import mean_of
from layerscape.core.removal import Removal


def test_a_difference_is_as_sure_as_its_jackknife(rng):
    one, other = (Removal(float(each.mean()), each, np.ones(9)) for each in rng.standard_normal((2, 12)))
    apart = one.without - other.without
    assert one.beside(other)[0] == pytest.approx(np.sqrt(11 / 12 * ((apart - apart.mean()) ** 2).sum()))
    assert one.beside(other)[1] == 11
    assert one.scaled(3, 1).beside(other.scaled(3, 1))[0] == pytest.approx(3 * one.beside(other)[0])
    both = mean_of([one, other])
    assert both.value == pytest.approx((one.value + other.value) / 2)
    assert both.without.shape == (12,)
    some = one.among(np.array([0, 2, 3, 4, 5, 6, 7, 8, 9]), 11)
    assert some.per_sample[1] == some.per_sample[10] == one.value
    assert some.per_sample[0] == 1

"""What pairs join: components, whatever the order and number of the pairs."""

import numpy as np

from layerscape.core.joined import joined


def test_pairs_join_through_others_and_none_leaves_each_alone():
    rows, others = np.array([0, 1, 5, 5]), np.array([1, 2, 4, 4])
    codes = joined(6, rows, others)
    assert len({*codes[:3]}) == 1
    assert codes[4] == codes[5]
    assert len({*codes}) == 3
    assert np.array_equal(codes, joined(6, others[::-1], rows[::-1]))
    assert len({*joined(3, np.empty(0, int), np.empty(0, int))}) == 3

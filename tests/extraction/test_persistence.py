"""What `benchmarks/persistence.py` makes of graphs and of holes; that holes are found it checks by itself."""

import numpy as np
import pytest

from benchmarks.persistence import complex_of, shares


def test_the_complex_has_all_edges_of_the_graph_and_all_their_triangles():
    x = np.array([[0.0], [1.0], [2.1], [10.0], [11.0], [12.1]])
    found = complex_of(x, 2)
    assert {simplex for simplex in found if len(simplex) == 3} == {(0, 1, 2), (3, 4, 5)}
    assert len(found) == 6 + 6 + 2


def test_shares_are_of_holes_that_live_on_both_sides():
    bars = np.array([[0.0, np.inf], [0.0, 1.0], [2.0, 3.0], [1.0, 5.0]])
    assert shares(bars, 2).tolist() == pytest.approx([1 / 2.5, 2 / 2.5])
    assert shares(np.zeros((0, 2)), 2).tolist() == [0, 0]

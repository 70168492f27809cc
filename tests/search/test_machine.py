"""How fast a machine is, measured, with nothing left behind."""

import numpy as np

from layerscape.core.representation import Representation
from layerscape.search import machine


def test_a_machine_is_measured_and_leaves_nothing_behind(tmp_path):
    x = Representation(np.random.default_rng(0).standard_normal((1600, 16), np.float32))
    found = machine(x, 10, {}, tmp_path)
    assert 1e-14 < found.per_product < 1e-5
    assert min(found.per_search, found.per_query) >= 0
    assert 0 < found.per_byte < 1e-4
    assert list(tmp_path.iterdir()) == []

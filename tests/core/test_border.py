"""The border of a graph: what ties at the end of its lists."""

import numpy as np
import pytest

from layerscape.core import border
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors


def test_more_ties_than_memory_holds_are_refused(rng, monkeypatch):
    x = rng.standard_normal((60, 2))
    x[:40] = 0
    graph = find_neighbors(x, 5)
    rows, samples = border.samples_beyond(graph, graph.order[:, -1])
    assert np.bincount(rows)[:40].tolist() == [39 - 5] * 40
    assert set(samples) <= set(range(40))
    monkeypatch.setattr(border, "MOST", 1000)
    with pytest.raises(InvalidValue, match=r"^[\d,]{5} pairs of samples tie as neighbors, since 40 samples are c"):
        border.samples_beyond(graph, graph.order[:, -1])

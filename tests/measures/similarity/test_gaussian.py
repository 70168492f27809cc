"""The width of a Gaussian kernel, and what it becomes without each sample: the definition's, however distances tie."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from layerscape.measures.similarity.gaussian import width_without_each


def width(distances):
    off = distances[np.triu_indices(len(distances), 1)]
    return np.median(off[off > 0])


def assert_the_definitions(x):
    distances = np.abs(x[:, None] - x[None]).sum(axis=-1)
    distances += 1e-13 * np.tril(distances, -1)  # products round the two sides of the diagonal in their own ways
    without = [np.delete(np.delete(distances, i, 0), i, 1) for i in range(len(x))]
    expected = [np.log(width(one) / width(distances)) for one in without]
    np.testing.assert_allclose(width_without_each(distances), expected, rtol=0, atol=1e-12)


@given(st.integers(0, 2**32), st.integers(4, 20), st.integers(2, 6), st.booleans())
def test_without_each_sample_of_a_lattice_with_copies(seed, n, side, shifted):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, side, (n, 2)).astype(float)
    x[::3] += shifted * rng.standard_normal((len(x[::3]), 2))
    assume(np.unique(x, axis=0, return_counts=True)[1].max() < n - 1)  # else one sample has all distances above 0
    assert_the_definitions(x)


@pytest.mark.parametrize("law", ["gaussian", "clusters", "one far"])
def test_without_each_sample_of_a_cloud(law, rng):
    x = rng.standard_normal((60, 5))
    x[:30] += {"gaussian": 0, "clusters": 50}.get(law, 0)
    x[0] += 1e6 * (law == "one far")
    assert_the_definitions(x)

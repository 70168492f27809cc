"""Rows are turned by an orthogonal matrix, and what is large in one column is spread over many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.threads import workers
from layerscape.search import kernels
from layerscape.search.bytes import Bytes
from tests.search.test_arithmetic import job_of


def mixed(x):
    x = x.copy()
    for row in x:
        kernels.mix(row)
    return x


@settings(max_examples=60, deadline=None)
@given(d=st.integers(1, 700), scale=st.sampled_from([1.0, 1e-200, 1e200]), seed=st.integers(0, 99))
def test_the_matrix_is_orthogonal_and_leaves_no_column_what_it_had(d, scale, seed):
    width = kernels.width_to_mix(d)
    assert d <= width <= max(d + 15, d * 17 / 16)
    matrix = mixed(np.eye(width))
    np.testing.assert_array_equal(matrix @ matrix.T, np.eye(width))
    assert np.abs(matrix).max() == (1 / 8 if width % 64 == 0 else 1 / 4)
    x = np.random.default_rng(seed).standard_normal((5, width)) * 10.0 ** np.arange(-2, 3)[:, None]
    right = (x.astype(np.longdouble) @ matrix.astype(np.longdouble)).astype(float)
    wrong = np.linalg.norm(mixed(scale * x) / scale - right, axis=1)
    assert (wrong <= 6 * 2.0**-53 * np.linalg.norm(x, axis=1)).all()


@pytest.mark.skipif(not kernels.available(), reason="this processor has no products of bytes")
@pytest.mark.parametrize(
    ("d", "huge", "expected"), [(90, 30, 96), (90, 1, 0), (64, 30, 64), (128, 30, 128), (125, 30, 128)]
)
def test_rows_are_mixed_where_one_unit_is_huge(d, huge, expected, rng):
    x = rng.standard_normal((600, d))
    x[:, 5] *= huge
    with workers(1) as pool:
        assert Bytes(job_of(x, pool), kernels.available()[0]).mixed == expected

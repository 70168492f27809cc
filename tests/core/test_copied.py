"""Copies are found in one pass, exact ones and those that rounding sets apart, and nothing else is taken for one."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.copied import by_chance, copies_among, copies_in, said_of_copies, widened
from layerscape.core.representation import Representation

SAID = (
    "120 of 120 samples are copies of others, exact or but for rounding, and 6 are different; if copies belong "
    "together, as repeats do, intervals and p of what keeps them are too narrow: say so with groups= (--groups); "
    "ls.find_neighbors(x, k=1).copies has them of exact copies"
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def same(codes, which):
    """Whether two say the same of who belongs with whom."""
    pairs = set(zip(codes.tolist(), which.tolist(), strict=True))
    return len(pairs) == len(set(codes.tolist())) == len(set(which.tolist()))


@pytest.mark.parametrize(("dtype", "scale"), [("f2", 1.0), ("f4", 1.0), ("f8", 1.0), ("f8", 1e-300), ("f8", 1e300)])
@pytest.mark.parametrize("offset", [0, 1000])
def test_exact_and_near_copies_are_found_at_any_scale(rng, dtype, scale, offset):
    which = rng.permutation(np.repeat(np.arange(300), 20))
    x = (offset + rng.standard_normal((300, 50)).astype(dtype).astype(float))[which] * scale
    assert same(copies_among(Representation(x.astype(dtype))), which)
    if dtype == "f8":
        near = x * (1 + 1e-10 * rng.standard_normal(x.shape))
        assert same(copies_among(Representation(near)), which)


@pytest.mark.parametrize("n_units", [1, 2, 3, 50])
@pytest.mark.parametrize("power", [1, 3])
def test_samples_that_lie_densely_are_no_copies(rng, n_units, power):
    x = rng.standard_normal((4000, n_units)) ** power
    assert widened(copies_among(Representation(x))) < 1.01
    assert copies_among(Representation(np.cumsum(x, axis=0))).max() > 3950  # a walk, whose steps are small


def test_a_unit_that_outweighs_all_others_makes_no_copies(rng):
    x = rng.standard_normal((2000, 30))
    x[:, 3] *= 1e6
    assert copies_among(Representation(x)).max() == 1999


def test_bits_and_counts_that_are_equal_by_chance_are_not_spoken_of(rng):
    few, wide = rng.integers(0, 2, (500, 5)), rng.integers(0, 2, (6, 64))[rng.integers(0, 6, 120)]
    for x, chance in ((few, True), (wide, False), (few + 0.5, False), (rng.integers(0, 9, (200, 1)), True)):
        codes = copies_among(Representation(x))
        assert said_of_copies(codes)
        assert by_chance(Representation(x), codes) is chance


def test_few_copies_and_a_constant_are_not_spoken_of():
    assert said_of_copies(np.repeat(np.arange(6), 20)) == SAID
    assert said_of_copies(np.array([0, 0, *range(1, 30)])) == ""  # one pair of 31: intervals are too narrow by 3 %
    assert said_of_copies(np.array([0, 0, *range(1, 10)])).startswith("2 of 11 samples are copies")
    assert said_of_copies(np.zeros(50, int)) == ""


def test_graphs_tell_the_same(rng):
    which = np.repeat(np.arange(50), 4)
    x = rng.standard_normal((50, 6))[which]
    for each in (x, x + 1e-9 * rng.standard_normal(x.shape)):
        assert same(copies_in(ls.find_neighbors(each, 5)), which)
    assert same(copies_in(ls.Neighbors.from_arrays(ls.find_neighbors(x, 5).indices)), np.arange(200))


def test_a_far_sample_or_far_clusters_make_no_copies(rng):
    x = rng.standard_normal((150, 5))
    x[0] *= 1e6
    assert len(np.unique(copies_among(Representation(x)))) == 150
    x[75:] += 1e6
    assert len(np.unique(copies_among(Representation(x)))) == 150


def test_rows_that_are_read_in_their_own_order_alone_serve(rng):
    class OnDisk:
        shape, ndim, dtype = (150, 4), 2, np.dtype(float)
        values = np.repeat(rng.standard_normal((50, 4)), 3, axis=0)[rng.permutation(150)]

        def __getitem__(self, rows):
            assert isinstance(rows, slice) or (np.diff(rows) > 0).all()
            return self.values[rows]

    assert len(np.unique(copies_among(Representation(OnDisk())))) == 50

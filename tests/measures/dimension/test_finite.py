"""What a Gaussian reads in expectation, against drawn ones."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.measures.dimension.finite import corrected, gaussian_curve, gaussian_that_reads


@pytest.mark.parametrize(("d", "n"), [(1, 400), (3, 1000), (20, 400), (60, 1000)])
def test_the_expectation_is_what_drawn_gaussians_read(d, n, rng):
    drawn = [[point.value for point in ls.estimate("gride", rng.standard_normal((n, d))).curve] for _ in range(12)]
    expected = [point.value for point in gaussian_curve(d, n, 6)]
    errors = np.std(drawn, axis=0, ddof=1) / 12**0.5
    assert (np.abs(np.mean(drawn, axis=0) - expected) < 3.5 * errors + 0.004 * np.array(expected)).all()


def test_distances_are_those_of_a_gaussian(rng):
    curve = ls.estimate("gride", rng.standard_normal((2000, 5))).curve
    assert [p.scale for p in gaussian_curve(5, 2000, 6)] == pytest.approx([p.scale for p in curve], rel=0.02)


@pytest.mark.parametrize("value", [3.3, 1e7, 1e300])
def test_no_value_has_more_dimensions_than_units(value):
    assert gaussian_that_reads(value, 0, 300, 3, 6) == 3
    assert len(gaussian_curve(3, 300, 6)) == 6


@pytest.mark.parametrize("d", [1, 4, 12])
def test_a_gaussian_reads_as_itself(d):
    reading = gaussian_curve(d, 1000, 6)[2].value
    assert gaussian_that_reads(reading, 2, 1000, 20, 6) == pytest.approx(d, abs=1e-9)


@pytest.mark.parametrize("d", [0.1, 7.3, 61.0])
def test_between_whole_numbers_it_is_interpolated(d):
    curve = gaussian_curve(d, 800, 4)
    assert [point.value for point in corrected(curve, 800, 100)] == pytest.approx([d] * 4, rel=3e-3)


def test_what_no_gaussian_reads_lies_beyond():
    (point,) = corrected([ls.Point(12.0, 0.0, 30.0)], 300, 3)
    assert point.low == 0
    assert point.high > point.value > 11

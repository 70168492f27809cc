"""Which dimension to believe: on data where that is known."""

import json
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue
from layerscape.questions.remarks import coarse_words, shape_words


@pytest.fixture
def surface(rng):
    t = rng.random((2000, 2))
    return np.c_[t, np.sin(3 * t)]


def test_a_surface_is_two_dimensional_over_its_plateau_and_its_controls_are_not(surface):
    report = ls.dimension_report(surface)
    assert report.value == pytest.approx(2, abs=0.1)
    assert report.low < report.value < report.high
    assert report.reason.startswith("gride has a plateau over ")
    assert "abide, which chooses the scale by a test of constant density, agrees" in report.reason
    assert report.controls["columns"].value > 2.5
    assert not any("Gaussian" in words for words in report.warnings)


def test_noise_is_said_and_not_recommended(surface, rng):
    noisy = ls.dimension_report(surface + 0.004 * rng.standard_normal(surface.shape), controls=())
    assert noisy.estimates["twonn"].value > 2.3
    assert noisy.value == pytest.approx(2, abs=0.15)
    assert any(re.match(r"small scales read \d+% more than a Gaussian would: noise", words) for words in noisy.warnings)


def test_the_bias_of_a_finite_sample_is_measured(rng):
    report = ls.dimension_report(rng.standard_normal((4000, 25)), controls=())
    assert report.estimates["gride"].value < 22
    assert report.value == report.gaussian_dimension == pytest.approx(25, abs=2.5)
    assert report.low < 25 <= report.high
    assert any(
        "a finite sample reads high dimensions low: at this N and scale a Gaussian of 2" in w for w in report.warnings
    )


@pytest.mark.parametrize("d", [35, 50])
def test_where_a_finite_sample_hides_more_than_a_third_no_number_is_named(d):
    report = ls.dimension_report(ls.datasets.sphere(1500, d).x, controls=())
    assert np.isnan(report.value)
    assert report.gaussian_dimension == pytest.approx(d, rel=0.15)
    assert "so few samples hide too much: a Gaussian that reads " in report.reason


@pytest.mark.parametrize("d", [5, 10, 20])
@pytest.mark.parametrize("shape", [ls.datasets.sphere, ls.datasets.ball, ls.datasets.cube])
def test_shapes_of_one_dimension_are_read_within_15_percent(shape, d):
    report = ls.dimension_report(shape(2000, d).x, controls=())
    assert np.isnan(report.value) or report.value == pytest.approx(d, rel=0.15)


def test_a_steady_fall_is_no_plateau(rng):
    x = rng.standard_normal((2000, 100)) * np.arange(1, 101) ** -1.0
    report = ls.dimension_report(x, controls=())
    assert np.isnan(report.value)
    assert ", a steady fall, and its scales differ by more than errors and the bias of a finite" in report.reason


def test_without_a_plateau_there_is_no_value_but_a_reason(rng):
    clusters = rng.standard_normal((30, 40))[np.arange(1500) % 30] * 3
    t = rng.random((1500, 1)) * np.linspace(0.001, 1, 40) ** 2
    report = ls.dimension_report(clusters + t + 0.02 * rng.standard_normal((1500, 40)), controls=())
    if np.isnan(report.value):
        assert report.reason.startswith("there is no plateau: gride reads ")
        assert report.to_dict()["value"] is None
    json.dumps(report.to_dict(), allow_nan=False)


def test_an_offset_in_float32_is_said(rng):
    x = (rng.standard_normal((800, 6)) + 1e5).astype(np.float32)
    assert any(
        words.startswith("float32 holds values of 1e+05 in steps")
        for words in ls.dimension_report(x, controls=()).warnings
    )
    centered = (rng.standard_normal((800, 6))).astype(np.float32)
    assert not any("float32" in words for words in ls.dimension_report(centered, controls=()).warnings)


def test_counts_and_bits_are_counted_and_not_measured(rng):
    counts = ls.dimension_report(rng.integers(0, 8, (1000, 3)), controls=())
    assert counts.value == counts.estimates["i3d"].value
    assert "the data are whole numbers and 100% of the samples have first neighbors at equal" in counts.reason
    bits = ls.dimension_report(rng.integers(0, 2, (800, 60)), controls=())
    assert bits.value == pytest.approx(60, abs=4)
    assert bits.reason.endswith("of which estimators for continuous data make nothing; bid counts instead")


def test_a_lattice_of_real_numbers_has_no_value_but_a_reason():
    report = ls.dimension_report(0.25 + 0.5 * np.indices((6, 6, 6)).reshape(3, -1).T, controls=())
    assert np.isnan(report.value)
    assert report.reason.startswith("gride has no value: neighbors 1 and 2 are equally far from each of 216 samples")
    json.dumps(report.to_dict(), allow_nan=False)


def flats(rng, *parts, apart=10):
    """Gaussians of d dimensions in 10 units, far apart or around one point."""
    x = [np.zeros((n, 10)) for n, _ in parts]
    for number, (n, d) in enumerate(parts):
        x[number][:, 10 - d if number else 0 : 10 if number else d] = rng.standard_normal((n, d))
        x[number][:, 0] += number * apart
    return np.concatenate(x)


@pytest.mark.parametrize("apart", [0, 10])
def test_parts_of_two_and_five_are_named_and_nothing_between(rng, apart):
    report = ls.dimension_report(flats(rng, (800, 2), (800, 5), apart=apart), controls=())
    assert np.isnan(report.value)
    assert [part.dimension for part in report.parts] == pytest.approx([2, 5], rel=0.1)
    assert [part.share for part in report.parts] == pytest.approx([0.5, 0.5], abs=0.03)
    assert re.match(r"the samples lie on 2 parts of unlike dimension: about (49|50|51)% at 2", report.reason)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["parts"][0]["dimension"] == pytest.approx(2, 0.1)


def test_parts_are_those_of_the_distinct_rows(rng):
    x = flats(rng, (800, 2), (800, 5))
    report = ls.dimension_report(np.concatenate([x, x[:400]]), controls=())
    assert [part.share for part in report.parts] == pytest.approx([0.5, 0.5], abs=0.03)


def test_one_dimension_at_two_densities_is_no_two_parts(rng):
    x = rng.standard_normal((1200, 4))
    x[600:] = 20 + 0.2 * x[600:]
    report = ls.dimension_report(x, controls=())
    assert report.parts == ()
    assert report.value == pytest.approx(4, abs=0.3)


def test_samples_of_several_dimensions_that_cannot_be_parted_have_none(rng):
    """Gaussians in the first 1 to 12 units, of as many dimensions as no parts are asked for."""
    x = rng.standard_normal((1500, 12)) * (np.arange(12) < rng.integers(1, 13, (1500, 1)))
    report = ls.dimension_report(x, controls=())
    assert np.isnan(report.value)


def test_counts_of_which_no_two_are_near_end_no_report(rng):
    report = ls.dimension_report(rng.poisson(1, (200, 80)), controls=())
    assert np.isnan(report.value)
    assert report.estimates == {}
    assert "; i3d has no value: at every scale no pair of samples lies within t₁" in report.reason
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_lattice_of_any_step_is_counted(rng):
    x = rng.integers(0, 30, (1000, 3))
    counted = ls.dimension_report(x, controls=())
    assert list(counted.estimates) == ["i3d"]
    for same in (0.25 + 0.1 * x, (7 + 0.1 * x).astype(np.float32), x * [1, 2, 10]):
        assert ls.dimension_report(same, controls=()).value == pytest.approx(counted.value, rel=1e-9)


def test_units_that_say_what_others_say_are_left_out(rng):
    x = rng.integers(0, 2, (800, 40))
    report = ls.dimension_report(np.concatenate([x, 1 - x[:, :30]], axis=1), controls=())
    assert report.value == pytest.approx(40, abs=2)
    assert "30 of 70 units say what another says, or its opposite, and are left out" in report.warnings


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda rng: rng.integers(1, 8, (1000, 10)), "neighborhoods are cut off by the range of the units"),
        (lambda rng: rng.poisson(1, (1500, 5)), "the numbers of neighbors do not follow the binomial law"),
        (lambda rng: rng.poisson(0.3, (200, 80)), "i3d has no value: at every scale no pair of samples lies within t₁"),
        (lambda rng: ls.datasets.bits(1000, 100, correlation=0.9).x, "bits depend on each other so much that bid"),
    ],
)
def test_what_counts_badly_is_shown_and_not_recommended(rng, draw, said):
    report = ls.dimension_report(draw(rng), controls=())
    assert np.isnan(report.value)
    assert said in report.reason


@pytest.mark.parametrize(("side", "d"), [(6, 3), (8, 10)])
def test_the_advice_for_a_lattice_works(rng, side, d):
    x = rng.integers(0, side, (1500, d))
    report = ls.dimension_report(x, controls=())
    assert report.reason.count("add to every unit normal noise with a standard deviation of one step") == 1
    assert ls.dimension_report(x + rng.standard_normal(x.shape), controls=()).value == pytest.approx(d, rel=0.1)


@pytest.mark.parametrize(("side", "d"), [(30, 2), (10, 3)])
def test_the_advice_for_a_grid_of_which_every_point_is_taken_works(rng, side, d):
    x = np.stack(np.meshgrid(*[np.arange(side)] * d), axis=-1).reshape(-1, d)
    report = ls.dimension_report(x, controls=())
    assert "add to every unit normal noise with a standard deviation of one step; " in report.reason
    assert ls.dimension_report(x + rng.standard_normal(x.shape), controls=()).value == pytest.approx(d, rel=0.1)


def test_pixels_are_whole_numbers_that_do_not_tie_and_are_read_as_real(rng):
    pixels = np.clip(40 * rng.standard_normal((600, 5)) @ rng.standard_normal((5, 50)) + 128, 0, 255).astype(np.uint8)
    assert ls.dimension_report(pixels, controls=()).reason.startswith(("gride has", "there is no plateau"))


def test_copies_are_counted(surface):
    report = ls.dimension_report(np.concatenate([surface, surface[:50]]), controls=())
    assert "50 exact copies left out; 2000 samples remain" in report.warnings


MOVED = "the samples lie more evenly than a Gaussian's, as on a lattice that noise has moved"


@pytest.mark.parametrize("noise", [1e-7, 1e-3, 0.05])
def test_a_lattice_that_noise_has_moved_is_compared_with_no_more_dimensions_than_units(rng, noise):
    """It reads 1 / noise, of which a Gaussian once had as many dimensions, 77 GiB of them."""
    x = np.indices((10, 10, 10)).reshape(3, -1).T + noise * rng.standard_normal((1000, 3))
    report = ls.dimension_report(x, controls=())
    assert report.gaussian_dimension == 3
    assert report.estimates["gride"].value > 0.5 / noise
    assert sum(MOVED in words for words in report.warnings) == 1


def test_more_dimensions_than_the_samples_can_tell_are_said(rng):
    report = ls.dimension_report(rng.standard_normal((200, 5000)), controls=())
    assert report.gaussian_dimension == 199
    said = [words for words in report.warnings if words.endswith("cannot tell how many more there are")]
    assert len(said) == 1
    assert "where a Gaussian of 199 dimensions, the most that 200 samples could show, reads " in said[0]


def test_an_edge_within_chance_is_no_reason_to_warn(rng):
    report = ls.dimension_report(rng.random((1000, 2)), controls=())
    assert not any("Gaussian" in words for words in report.warnings)


@pytest.mark.parametrize(
    ("x", "kind", "text"),
    [
        (
            np.ones((20, 3)),
            InvalidValue,
            "the data has 1 distinct rows of 20: it is constant, or nearly so, and has no dimension; leave it "
            "out, or pool another token.",
        ),
        (
            ls.find_neighbors(np.eye(4), 2),
            InvalidType,
            "a report needs the vectors; give the array and not its graph.",
        ),
    ],
)
def test_errors(x, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        ls.dimension_report(x)


def _curve(*values):
    return tuple(ls.Point(value, 0.9 * value, 1.1 * value, scale) for scale, value in enumerate(values, 1))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((4.8, 3, 3), "small scales read 60% more than a Gaussian would"),
        ((12, 3, 3), "small scales read 4 times what a Gaussian would"),
        ((1e6, 3, 3), "small scales read more than 1000 times what a Gaussian would"),
        ((5, 1e-8, 1e-8), None),  # what reads nothing has no multiple
        ((5, np.nan, 3), None),
    ],
)
def test_how_much_more_small_scales_read_is_readable(values, said):
    words = shape_words(_curve(*values), _curve(3, 3, 3))
    assert [each.split(":")[0] for each in words] == ([said] if said else [])


def test_coarse_numbers_are_said_in_a_readable_share():
    x = ls.Representation(np.full((10, 4), 1e8, np.float32))
    (words,) = coarse_words(x, _curve(2.0))
    assert words.startswith("float32 holds values of 1e+08 in steps that come to 24 times the distance to the first")
    assert coarse_words(x, (ls.Point(2.0, 1.0, 3.0, 0.0),)) == coarse_words(x, (ls.Point(2.0, 1.0, 3.0),)) == []

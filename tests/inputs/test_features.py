"""Features of pictures, texts and proteins, against values known from elsewhere."""

import numpy as np
import pytest

from layerscape.errors import InvalidValue, UnknownName
from layerscape.inputs import features_of
from layerscape.inputs.features import FEATURES
from layerscape.pipeline.samples import as_samples


def of(name, contents, kind):
    return features_of(as_samples(contents, kind=kind), [name])[name]


def pictures(shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_luminance_and_contrast_are_those_of_pillow_s_luma():
    image = pytest.importorskip("PIL.Image")
    x = pictures((3, 9, 7, 3))
    matrix = (0.2126, 0.7152, 0.0722, 0)
    lumas = [np.asarray(image.fromarray(each).convert("L", matrix), float) / 255 for each in x]
    # Pillow rounds every pixel to one of 256.
    np.testing.assert_allclose(of("luminance", x, "image"), [luma.mean() for luma in lumas], atol=1 / 255)
    np.testing.assert_allclose(of("contrast", x, "image"), [luma.std() for luma in lumas], atol=1 / 255)


def test_color_is_the_mean_of_each_channel_and_gray_has_three_that_are_equal():
    x = pictures((4, 5, 6, 3))
    np.testing.assert_allclose(of("color", x, "image"), x.mean((1, 2)) / 255)
    gray = pictures((4, 5, 6))
    assert of("color", gray, "image").shape == (4, 3)
    np.testing.assert_allclose(of("color", gray, "image"), np.repeat(of("luminance", gray, "image")[:, None], 3, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("length", 19),
        ("n_tokens", 7),
        ("type_token_ratio", 5 / 7),
        ("token_length", 14 / 7),
        ("capitals", 1 / 19),
        ("digits", 0),
        ("punctuation", 1 / 7),
    ],
)
def test_text(name, expected):
    assert of(name, ["To be, or not to be"], "text") == pytest.approx(expected)


def test_melittin_has_the_published_mass_and_hydropathy():
    # UniProt P01501: average mass 2847.45 Da; GRAVY by ProtParam 0.273.
    melittin = ["GIGAVLKVLTTGLPALISWIKRKRQQ"]
    assert of("molecular_weight", melittin, "protein") == pytest.approx(2847.45, abs=0.02)
    assert of("hydropathy", melittin, "protein") == pytest.approx(0.273, abs=5e-4)
    assert of("length", melittin, "protein") == 26
    composition = of("composition", melittin, "protein")
    assert composition.shape == (1, 20)
    assert composition.sum() == pytest.approx(1)
    assert composition[0, 0] == 2 / 26  # A


def test_unknown_residues_weigh_the_mean_of_the_others_and_gaps_nothing():
    weight = of("molecular_weight", ["AAX", "AA-", "AA", "AAA"], "protein")
    assert weight[0] == weight[3]
    assert weight[1] == weight[2]
    assert np.isnan(of("hydropathy", ["XX"], "protein")).all()


@pytest.mark.parametrize("kind", FEATURES)
def test_all_are_finite_float64_of_one_row_per_sample(kind):
    contents = {
        "image": pictures((5, 4, 4)),
        "text": ["a", "!", "0 B", "…", "ß"],
        "protein": ["M", "MK", "W", "A", "Y"],
    }
    found = features_of(as_samples(contents[kind], kind=kind), "all")
    assert list(found) == list(FEATURES[kind])
    for values in found.values():
        assert values.dtype == np.float64
        assert len(values) == 5
        assert np.isfinite(values).all()


def test_progress_counts_samples():
    told = []
    features_of(as_samples(["a"] * 300), "length", lambda *each: told.append(each))
    assert told == [("reading features", 256, 300), ("reading features", 300, 300)]


def test_errors():
    with pytest.raises(UnknownName, match=r"^unknown text feature 'lenght'; nearest: length, token_length\."):
        features_of(as_samples(["a"]), ["lenght"])
    with pytest.raises(InvalidValue, match=r"^features of samples of kind 'array'; images, texts and proteins have"):
        features_of(as_samples(np.eye(3)), "all")

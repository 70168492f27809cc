"""Pictures with texts as a person holds them in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from layerscape.core.samples import Captioned
from layerscape.errors import FileProblem, InvalidType
from layerscape.inputs.features import features_of
from layerscape.pipeline.previews import previews
from layerscape.pipeline.samples import as_samples

TEXTS = ["dark", "a ramp", "light"]
PIXELS = [np.zeros((4, 6), np.uint8), np.arange(24, dtype=np.uint8).reshape(4, 6), np.full((4, 6), 255, np.uint8)]
IMAGES = [Image.fromarray(each) for each in PIXELS]
BOTH = {"image_column": "image", "text_column": "caption"}


@pytest.fixture
def frame():
    return pd.DataFrame({"image": IMAGES, "caption": TEXTS, "kind": list("aba")})


def as_held(samples):
    assert samples.kind == "image"
    contents = samples.read(range(3))
    assert all(isinstance(each, Captioned) for each in contents)
    assert [each.text for each in contents] == TEXTS
    for each, expected in zip(contents, PIXELS, strict=True):
        np.testing.assert_array_equal(each.picture, expected)
    return samples


def test_lists_and_iterators_of_a_picture_and_a_text(tmp_path):
    as_held(as_samples(list(zip(IMAGES, TEXTS, strict=True))))
    as_held(as_samples(iter(zip(IMAGES, TEXTS, strict=True))))
    paths = [Path(tmp_path / f"{row}.png") for row in range(3)]
    for path, image in zip(paths, IMAGES, strict=True):
        image.save(path)
    as_held(as_samples([list(each) for each in zip(paths, TEXTS, strict=True)]))


def test_tables_and_rows_whose_pictures_are_in_memory(frame):
    for held in (frame, frame.to_dict("records"), iter(frame.to_dict("records"))):
        samples = as_held(as_samples(held, labels=["kind"], **BOTH))
        assert samples.labels["kind"].tolist() == ["a", "b", "a"]
    alone = as_samples(frame, image_column="image").read([1])[0]
    np.testing.assert_array_equal(alone, PIXELS[1])


def test_what_is_missing_is_named_or_left_out(frame):
    frame = frame.astype(object)
    frame.loc[0, "image"], frame.loc[2, "caption"] = None, None
    with pytest.raises(
        FileProblem, match=r"^2 of 3 samples of the table cannot be used \('0', '2'\); the first, '0', has"
    ):
        as_samples(frame, **BOTH)
    kept = as_samples(frame, skip_bad=True, **BOTH)
    assert (kept.ids, kept.skipped) == (("1",), (("0", "has no picture"), ("2", "is missing")))


def test_pictures_alone_among_those_with_texts_are_refused():
    with pytest.raises(
        InvalidType, match=r"^samples of several kinds: image with text \(sample 0\), image \(sample 1\)"
    ):
        as_samples([(IMAGES[0], "dark"), IMAGES[1]])


def test_features_and_previews_are_those_of_the_picture():
    samples = as_samples(list(zip(IMAGES, TEXTS, strict=True)))
    assert features_of(samples, ["luminance"])["luminance"][[0, 2]].tolist() == [0, 1]
    assert previews(samples, [2]) == previews(as_samples(IMAGES), [2])

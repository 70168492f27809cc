import re

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.inputs.digits import place_digits, split
from tests.inputs.opened import opened


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return opened("digits")


def test_the_bytes_are_the_same_on_every_machine(digits):
    assert digits.fingerprint == "cc77c7a33338835c286475420c5cfd36bff944916ada044316b4ba7686dad0bc"


def test_they_are_the_held_out_scans(digits):
    train, train_digits, held_out, held_out_digits, ids = split()
    assert (train.shape, held_out.shape) == ((1000, 8, 8), (797, 8, 8))
    assert digits.ids == ids
    assert digits.labels["digit"].tolist() == [str(digit) for digit in held_out_digits]
    every = np.concatenate([train, held_out])
    assert np.array_equal(np.sort(every.reshape(1797, -1).sum(1)), np.sort(_all_scans().reshape(1797, -1).sum(1)))
    assert np.allclose(
        np.bincount(held_out_digits) / np.bincount([*train_digits, *held_out_digits]), 797 / 1797, atol=0.01
    )


def _all_scans():
    from sklearn.datasets import load_digits

    return load_digits().images


def test_ids_name_the_rows_of_load_digits(digits):
    _, _, held_out, _, ids = split()
    rows = [int(name.removeprefix("scan-")) for name in ids]
    assert np.array_equal(_all_scans()[rows], held_out)


def test_raw_pixels_are_hard_but_not_hopeless(digits):
    pixels = np.stack(digits.read(range(len(digits)))).reshape(len(digits), -1).astype(float)
    squares = (pixels**2).sum(1)
    distances = squares[:, None] + squares - 2 * pixels @ pixels.T
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :30]
    label = digits.labels["digit"]
    assert (label[near] == label[:, None]).mean() == pytest.approx(0.17, abs=0.01)


def test_a_scan_laid_down_without_noise_keeps_its_ink():
    scans = np.zeros((50, 8, 8))
    scans[:, 2:6, 2:6] = 16
    pictures = place_digits(scans, 1, noise=0, scale=(1, 1))
    assert pictures.shape == (50, 16, 16)
    assert pictures.sum(axis=(1, 2)) == pytest.approx(np.full(50, 16 * 255), rel=0.1)
    assert len({picture.tobytes() for picture in pictures}) == 50


def test_an_upright_scan_at_its_own_size_that_fills_the_field_is_unchanged():
    scans = np.arange(64).reshape(1, 8, 8) / 4
    placed = place_digits(scans, 0, field=8, noise=0, max_angle=0, scale=(1, 1))
    assert np.array_equal(placed[0], np.rint(scans[0] / 16 * 255))


def test_the_seed_decides():
    scans = np.full((3, 8, 8), 9.0)
    assert np.array_equal(place_digits(scans, 4), place_digits(scans, 4))
    assert not np.array_equal(place_digits(scans, 4), place_digits(scans, 5))


@pytest.mark.parametrize(
    ("scans", "options", "says"),
    [
        (np.zeros((2, 9, 8)), {}, "scans of shape (2, 9, 8); give an array of shape (n, 8, 8)."),
        (np.zeros((2, 8, 8)), {"scale": (1, 3)}, "scale=(1, 3) in a field of 16; sizes must rise within 0..2."),
    ],
)
def test_what_cannot_be_placed(scans, options, says):
    with pytest.raises(InvalidValue, match=f"^{re.escape(says)}$"):
        place_digits(scans, 0, **options)
